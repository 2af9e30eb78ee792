"""What a prediction says of a setup's price: its way, what it is worth in R and how sure that is.

R is counted as labels count it (specification, section 5: net of costs on both sides, in planned risk) for the order
that signals act on: all of it leaves at the first target or at the stop. Everything is meant *if entered*, at the
planned entry and without slippage.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["DOWN", "EXPECTATION_COLUMNS", "UP", "expectation"]

UP, DOWN = "UP", "DOWN"

EXPECTATION_COLUMNS: tuple[str, ...] = (
    "direction",
    "expected_r",
    "expected_r_low",
    "expected_r_high",
    "predicted_price",
    "predicted_change",
    "confidence",
)

Floats = NDArray[np.float64]

_TARGETS = (1, 2, 3)
_PLAN = ("side", "entry", "stop", "risk", *(f"target_{k}" for k in _TARGETS))
_PROBABILITIES = (*(f"p_target_{k}" for k in _TARGETS), "p_target_1_low", "p_target_1_high")


def expectation(setups: pd.DataFrame, predictions: pd.DataFrame, cost_bps: float | Floats) -> pd.DataFrame:
    """Direction, expected R, predicted price and confidence of each setup.

    Parameters
    ----------
    setups
        Columns `side` (+1 or -1), `entry, stop, risk, target_1, target_2, target_3`; n rows.
    predictions
        On the index of `setups`: the probabilities of reaching each target before the stop, if entered,
        `p_target_1, p_target_2, p_target_3`, and the bounds at 90 % of the first, `p_target_1_low,
        p_target_1_high`; NaN where unknown. Other columns are not looked at.
    cost_bps
        Cost of one side in basis points of its price, one number or one per setup, shape (n,).

    Returns
    -------
    DataFrame on the index of `setups`, columns :data:`EXPECTATION_COLUMNS`:

    direction
        UP for a long, DOWN for a short.
    expected_r, expected_r_low, expected_r_high
        Mean R of the order, p · reward - (1 - p) - costs, with p = P(target 1), and at the ends of its interval.
        A position that would end by time counts as if it ended at the stop, though on average it ends better:
        where timeouts are frequent, this is too low.
    predicted_price
        Where the position ends on average if a third of it is to leave at each target, and leaves at the stop
        where that comes first: the mean over k of p_k · target_k + (1 - p_k) · stop.
    predicted_change
        predicted_price / entry - 1, a share; NaN where the entry is 0.
    confidence
        1 less the width of the interval of P(target 1), in [0, 1]: how well the model knows its p, not how high it is.

    NaN where a probability that is needed is NaN.

    Raises
    ------
    ValueError
        A missing column, another index, a side that is neither 1 nor -1, a risk that is not positive, a probability
        outside [0, 1] or its bounds in the wrong order, costs that are negative, not finite or of another shape.
    """
    _require(setups, "setups", _PLAN)
    _require(predictions, "predictions", _PROBABILITIES)
    if not predictions.index.equals(setups.index):
        raise ValueError(
            f"setups ({len(setups)} rows) and predictions ({len(predictions)} rows) have different indexes: give the "
            "predictions of these setups, on their index"
        )
    plan = {name: setups[name].to_numpy(dtype=float, na_value=np.nan) for name in _PLAN}
    p = {name: predictions[name].to_numpy(dtype=float, na_value=np.nan) for name in _PROBABILITIES}
    _require_plan(plan)
    _require_probabilities(p)
    cost = _costs(cost_bps, len(setups)) * 1e-4

    price = np.mean(
        [
            p[f"p_target_{k}"] * plan[f"target_{k}"] + (1.0 - p[f"p_target_{k}"]) * plan["stop"]
            for k in _TARGETS
        ],
        axis=0,
    )
    entry = np.where(plan["entry"] == 0.0, np.nan, plan["entry"])
    mean_r = _mean_r(plan, p["p_target_1"], cost)
    columns = {
        "direction": np.where(plan["side"] > 0, UP, DOWN),
        "expected_r": mean_r,
        # R grows with p, but for the last digit.
        "expected_r_low": np.minimum(_mean_r(plan, p["p_target_1_low"], cost), mean_r),
        "expected_r_high": np.maximum(_mean_r(plan, p["p_target_1_high"], cost), mean_r),
        "predicted_price": price,
        "predicted_change": price / entry - 1.0,
        "confidence": 1.0 - (p["p_target_1_high"] - p["p_target_1_low"]),
    }
    return pd.DataFrame(columns, index=setups.index, columns=list(EXPECTATION_COLUMNS)).astype(
        {"direction": "str"}
    )


def _mean_r(plan: dict[str, Floats], p: Floats, cost: Floats) -> Floats:
    """R at the first target with probability p, else at the stop, net of costs; shape (n,)."""

    def net(left: Floats) -> Floats:
        paid = cost * (np.abs(plan["entry"]) + np.abs(left))
        return (plan["side"] * (left - plan["entry"]) - paid) / plan["risk"]

    return p * net(plan["target_1"]) + (1.0 - p) * net(plan["stop"])


def _require(frame: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    absent = [column for column in columns if column not in frame]
    if absent:
        raise ValueError(f"{name} lack {', '.join(absent)}: an expectation needs {', '.join(columns)}")


def _require_plan(plan: dict[str, Floats]) -> None:
    for name, strange, allowed in (
        ("side", np.abs(plan["side"]) != 1.0, "1 or -1"),
        ("risk", ~(plan["risk"] > 0.0), "positive"),
    ):
        if strange.any():
            row = int(np.argmax(strange))
            raise ValueError(f"{name} {plan[name][row]:g} in row {row} must be {allowed}")


def _require_probabilities(p: dict[str, Floats]) -> None:
    for name, values in p.items():
        outside = (values < 0.0) | (values > 1.0)
        if outside.any():
            row = int(np.argmax(outside))
            raise ValueError(f"{name} {values[row]} in row {row} must lie in [0, 1]")
    low, high = p["p_target_1_low"], p["p_target_1_high"]
    crossed = low > high
    if crossed.any():
        row = int(np.argmax(crossed))
        raise ValueError(f"p_target_1_low {low[row]} in row {row} lies above p_target_1_high {high[row]}")


def _costs(cost_bps: float | Floats, n: int) -> Floats:
    costs = np.asarray(cost_bps, dtype=float)
    if costs.shape not in ((), (n,)):
        raise ValueError(f"cost_bps has the shape {costs.shape} for {n} setups: give one number, or one each")
    strange = ~(np.isfinite(costs) & (costs >= 0.0))
    if strange.any():
        raise ValueError(f"cost_bps is {costs[strange][0]:g}: give basis points of the price, at least 0")
    return np.broadcast_to(costs, (n,))
