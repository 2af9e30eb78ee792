"""What each setup adds to the sums that statistics are made of, and R before costs.

A rate, a mean or a factor is a quotient of two sums over setups (specification, section 7). Sums per group and block
of time are all that the bootstrap needs.
"""

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats, Ints, numeric_column

TARGETS = (1, 2, 3)

COLUMNS_READ: tuple[str, ...] = (
    "ts", "side", "status", "risk", "entry_price", "cost_bps", "bars_to_entry", "mae_r", "mfe_r",
    *(f"{name}_{k}_{path}" for k in TARGETS for name in ("outcome", "r") for path in ("lo", "hi")),
    *(f"{name}" for k in TARGETS for name in (f"identified_{k}", f"bars_to_exit_{k}_lo")),
)  # fmt: skip
"""Columns of labels that a table of statistics needs, whatever it groups by."""

_PATHS = ("lo", "hi")

DRAWN: tuple[str, ...] = (
    "entered", "placed",
    *(f"{name}_{path}" for path in _PATHS
      for name in ("targets", "settled", "r", "r_count", "before", "orders", "gains", "losses")),
)  # fmt: skip
"""The sums that are drawn anew in the bootstrap; the first ones of :data:`SUMS`."""

SUMS: tuple[str, ...] = (
    *DRAWN,
    "setups", "gap_invalid", "ran_away", "expired", "pending", "censored_lo", "censored_hi", "identified",
)  # fmt: skip
"""All sums of one target, in the order of the columns of :func:`addends`."""

RATIOS: dict[str, tuple[str, str]] = {
    "fill_rate": ("entered", "placed"),
    **{f"win_{path}": (f"targets_{path}", f"settled_{path}") for path in _PATHS},
    **{f"mean_r_{path}": (f"r_{path}", f"r_count_{path}") for path in _PATHS},
    **{f"mean_r_before_costs_{path}": (f"before_{path}", f"r_count_{path}") for path in _PATHS},
    **{f"expectancy_{path}": (f"r_{path}", f"orders_{path}") for path in _PATHS},
    **{f"profit_factor_{path}": (f"gains_{path}", f"losses_{path}") for path in _PATHS},
}
"""The figures that are quotients of two sums."""


def addends(labels: pd.DataFrame, k: int, slippage_bps: float, what: str) -> Floats:
    """What each setup adds to each of :data:`SUMS` for target k: (setups, sums).

    Raises
    ------
    ValueError
        When a setup with an R lacks the risk, costs or entry price to say what it was before costs.
    """
    status = labels["status"]
    entered, void, pending = (is_word(status, word) for word in ("entered", "gap_invalid", "pending"))
    unfilled = ~(entered | void | pending)
    added: dict[str, NDArray[np.generic]] = {"setups": np.ones(len(labels)), "entered": entered}
    added |= {"placed": ~pending, "pending": pending, "gap_invalid": void}
    added |= {word: is_word(status, word) for word in ("ran_away", "expired")}
    added["identified"] = labels[f"identified_{k}"].to_numpy(bool, na_value=False)
    for path in _PATHS:
        outcome = labels[f"outcome_{k}_{path}"]
        r = numeric_column(labels, f"r_{k}_{path}", what)
        known = ~np.isnan(r)
        before = r_before_costs(labels, r, entered, slippage_bps, what)
        censored = is_word(outcome, "censored")
        added |= {
            f"targets_{path}": is_word(outcome, "target"),
            f"settled_{path}": entered & ~censored,
            f"censored_{path}": censored,
            f"r_{path}": np.where(known, r, 0.0),
            f"r_count_{path}": known,
            f"before_{path}": np.where(known, before, 0.0),
            f"orders_{path}": known | unfilled,
            f"gains_{path}": np.where(r > 0, r, 0.0),
            f"losses_{path}": np.where(r < 0, -r, 0.0),
        }
    return np.column_stack([added[name].astype(np.float64, copy=False) for name in SUMS])


def r_before_costs(
    labels: pd.DataFrame,
    r: Floats,
    entered: NDArray[np.bool_],
    slippage_bps: float = 0.0,
    what: str = "labels",
) -> Floats:
    """What R was before the costs of both sides were taken off, for prices above 0.

    `R = side·(exit - fill)/risk - c·(fill + exit)/risk` is solved for the exit, which labels do not hold. A setup
    that was filled and stopped at one opening (`gap_invalid`) made 0 before costs, or its stop's slippage.

    Parameters
    ----------
    labels
        `side, risk, entry_price, cost_bps`.
    r
        R after costs (n); NaN stays NaN.
    entered
        Whether the setup was entered (n); other rows with an R are taken as `gap_invalid`.
    slippage_bps
        Of stops; it is part of the exit's price and so of R before costs too.
    """
    side, risk, fill, cost_bps = (
        numeric_column(labels, name, what) for name in ("side", "risk", "entry_price", "cost_bps")
    )
    known = ~np.isnan(r)
    unclear = known & ~((risk > 0) & (cost_bps >= 0) & (~entered | np.isfinite(fill)))
    if unclear.any():
        row = int(np.argmax(unclear))
        raise ValueError(
            f"{what}: row {row} has an R of {r[row]:g}, but risk={risk[row]:g}, cost_bps={cost_bps[row]:g}, "
            f"entry_price={fill[row]:g}: R before costs cannot be had from these"
        )
    c, slip = cost_bps * 1e-4, slippage_bps * 1e-4
    left_at = (r * risk + (side + c) * fill) / (side - c)
    voided = r * np.divide(slip, 2 * c + slip, out=np.zeros(len(r)), where=c + slip > 0)
    return np.where(entered, side * (left_at - fill) / risk, voided)


@nb.njit(cache=True)
def add_to_cells(values: Floats, group: Ints, block: Ints, first: int, cells: Floats) -> None:
    """Add the rows of `values` (n, m) to `cells` (groups, blocks, m); groups count from `first`."""
    for row in range(len(values)):
        g = group[row] - first
        if 0 <= g < len(cells):
            cell = cells[g, block[row]]
            for column in range(values.shape[1]):
                cell[column] += values[row, column]


def is_word(column: pd.Series, word: str) -> NDArray[np.bool_]:
    """Where a column of words holds this one; NULL holds none."""
    return (column == word).to_numpy(bool, na_value=False)
