"""How good probabilities are: scores against what happened, each with an interval from a block bootstrap.

Brier score, skill against the training period's base rate, log loss, AUC, expected calibration error; accuracy,
precision, recall and F1 of saying yes from one half on. What cannot be computed (one class only, equal
predictions, too short a time for an interval) is None with its reason, never an exception and never a made-up
number.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import TimeCells
from fvg_platform.learning.estimates import Estimate, Estimator, divide
from fvg_platform.learning.reliability import (
    calibration_curve,
    calibration_error,
    reliability_curve,
    require_valid,
)
from fvg_platform.learning.splits import TEST, assign_parts, horizon_passed
from fvg_platform.learning.targets import TARGETS, target_column
from fvg_platform.learning.trained_model import TrainedModel

__all__ = [
    "METRICS",
    "Estimate",
    "Evaluation",
    "calibration_curve",
    "curves_of_test_period",
    "evaluate",
    "evaluate_test_period",
    "reliability_curve",
]

FloatArray = npt.NDArray[np.float64]

# A probability of 0 or 1 that was wrong costs 13.8 nats instead of infinitely many.
_LOG_CLIP = 1e-6

# From here on a probability says yes.
_YES = 0.5


@dataclass(frozen=True)
class Evaluation:
    """Scores of one set of predictions; `blocks` is how many stretches of time the intervals rest on."""

    n: int
    positives: int
    excluded: int
    base_rate: float | None
    mean_prediction: float | None
    blocks: int
    level: float
    brier: Estimate
    skill: Estimate
    log_loss: Estimate
    auc: Estimate
    calibration_error: Estimate
    accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate

    def to_dict(self) -> dict[str, Any]:
        """All fields, estimates as nested dicts: JSON-able."""
        return asdict(self)


METRICS: tuple[str, ...] = tuple(field.name for field in fields(Evaluation) if field.type is Estimate)


def evaluate(
    predictions: pd.Series | FloatArray,
    outcomes: pd.Series | FloatArray,
    base_rate: float | None,
    times: pd.Series | pd.DatetimeIndex,
    *,
    block: pd.Timedelta,
    bins: int = 10,
    resamples: int = 1_000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Score probabilities against outcomes.

    Parameters
    ----------
    predictions, outcomes
        Probabilities in [0, 1] and 0 or 1, by position, shape (n,); rows with a NaN in either are excluded.
    base_rate
        The training period's rate that skill is measured against: 1 - Brier / Brier of that rate.
    times
        When each prediction was made (`known_at`), shape (n,).
    block
        How long outcomes depend on each other: the life of a setup.
    bins
        Groups of equally many predictions that the calibration error averages over.
    resamples, level, seed
        Of the circular block bootstrap; intervals are percentiles, those of the calibration error shifted by
        its bootstrap bias (it can only grow under resampling).

    Raises
    ------
    ValueError
        Unequal lengths, a probability outside [0, 1], an outcome that is not 0, 1 or NaN.
    """
    p_all, y_all = np.asarray(predictions, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    require_valid(p_all, y_all, len(times))
    told = ~np.isnan(p_all) & ~np.isnan(y_all)
    p, y = p_all[told], y_all[told]
    if p.size == 0:
        nothing = Estimate(None, None, None, "no prediction with an outcome")
        scores = dict.fromkeys(METRICS, nothing)
        return Evaluation(0, 0, int(p_all.size), base_rate, None, 0, level, **scores)
    estimate = Estimator.over(
        pd.DatetimeIndex(times)[told], block, resamples=resamples, level=level, seed=seed
    )
    return Evaluation(
        n=int(p.size),
        positives=int(y.sum()),
        excluded=int(p_all.size - p.size),
        base_rate=base_rate,
        mean_prediction=float(p.mean()),
        blocks=estimate.cells.blocks,
        level=level,
        brier=estimate.ratio((p - y) ** 2),
        skill=_skill(estimate, p, y, base_rate),
        log_loss=estimate.ratio(_log_losses(p, y)),
        auc=_auc(estimate, p, y),
        calibration_error=calibration_error(estimate, p, y, bins),
        **_decisions(estimate, p, y),
    )


def evaluate_test_period(
    model: TrainedModel,
    setups: pd.DataFrame,
    as_of: pd.Timestamp | pd.Series,
    *,
    resamples: int = 1_000,
    seed: int = 0,
) -> dict[str, Evaluation]:
    """Score a model on the test period, target by target, as :func:`evaluate` does.

    Only setups count whose whole life had passed by `as_of`, the close of their ticker's last bar: early
    exits would dominate the others. Blocks are as long as the median life and the embargo together.

    Parameters
    ----------
    model
        Its cut, embargo, label and rates are used.
    setups
        As in training; rows of other parts are left out.
    as_of
        With a time zone; one for all, or one per setup on the index of `setups`.
    """
    rows, predicted, block = _tested(model, setups, as_of)
    return {
        target: evaluate(
            predicted[f"p_{target}"],
            target_column(rows, target, model.config.label),
            model.rates[target].rate,
            rows["known_at"],
            block=block,
            resamples=resamples,
            seed=seed,
        )
        for target in TARGETS
    }


def curves_of_test_period(
    model: TrainedModel,
    setups: pd.DataFrame,
    as_of: pd.Timestamp | pd.Series,
    *,
    resamples: int = 1_000,
    seed: int = 0,
) -> dict[str, list[dict[str, Any]]]:
    """Calibration curve of each target on the setups that :func:`evaluate_test_period` scores, as records."""
    rows, predicted, block = _tested(model, setups, as_of)
    return {
        target: calibration_curve(
            predicted[f"p_{target}"],
            target_column(rows, target, model.config.label),
            rows["known_at"],
            block=block,
            resamples=resamples,
            seed=seed,
        )
        for target in TARGETS
    }


def _tested(
    model: TrainedModel, setups: pd.DataFrame, as_of: pd.Timestamp | pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timedelta]:
    """The test period's setups whose whole life had passed, their predictions, and the block of the bootstrap."""
    in_test = (assign_parts(setups, model.cut, model.embargo) == TEST).to_numpy()
    rows = setups[in_test & horizon_passed(setups["life_end"], as_of)]
    life = (rows["life_end"] - rows["known_at"]).median() if len(rows) else pd.Timedelta(0)
    return rows, model.predict(rows), max(pd.Timedelta(life) + model.embargo, pd.Timedelta(1, unit="s"))


def _skill(estimate: Estimator, p: FloatArray, y: FloatArray, base_rate: float | None) -> Estimate:
    if base_rate is None or math.isnan(base_rate):
        return Estimate(None, None, None, "no base rate from the training period")
    base = estimate.cells.sums((base_rate - y) ** 2)
    if not base.any():
        return Estimate(None, None, None, "the base rate makes no error that skill could be measured against")
    errors = estimate.cells.sums((p - y) ** 2)
    return estimate.of(lambda weights: 1.0 - divide(weights @ errors, weights @ base))


def _log_losses(p: FloatArray, y: FloatArray) -> FloatArray:
    inside = np.clip(p, _LOG_CLIP, 1.0 - _LOG_CLIP)
    return -np.where(y > 0.5, np.log(inside), np.log1p(-inside))


def _decisions(estimate: Estimator, p: FloatArray, y: FloatArray) -> dict[str, Estimate]:
    """Scores of saying yes from one half on: accuracy, precision, recall and F1."""
    said, true = (p >= _YES).astype(np.float64), y
    hits, either = said * true, said + true
    return {
        "accuracy": estimate.ratio((said == true).astype(np.float64)),
        "precision": estimate.ratio(hits, per=said)
        if said.any()
        else Estimate(None, None, None, f"no prediction reaches {_YES}: there is none to be right about"),
        "recall": estimate.ratio(hits, per=true)
        if true.any()
        else Estimate(None, None, None, f"all {y.size} outcomes are 0: there is nothing to find"),
        "f1": estimate.ratio(2.0 * hits, per=either)
        if either.any()
        else Estimate(None, None, None, f"all {y.size} outcomes are 0 and no prediction reaches {_YES}"),
    }


def _auc(estimate: Estimator, p: FloatArray, y: FloatArray) -> Estimate:
    """Share of pairs of a 1 and a 0 that the predictions put in the right order, ties counting half."""
    if y.min() == y.max():
        return Estimate(
            None, None, None, f"all {y.size} outcomes are {y[0]:.0f}: there is nothing to tell apart"
        )
    if p.min() == p.max():
        return Estimate(None, None, None, f"all predictions are {p[0]:.4f}: there is no order to judge")
    cells = estimate.cells
    ones, zeros = y > 0.5, y < 0.5
    pairs = _ordered_pairs(p, ones, zeros, cells)
    n_ones, n_zeros = cells.sums(ones.astype(float)), cells.sums(zeros.astype(float))
    return estimate.of(
        lambda weights: divide(
            np.einsum("ri,ri->r", weights @ pairs, weights), (weights @ n_ones) * (weights @ n_zeros)
        )
    )


def _ordered_pairs(
    p: FloatArray, ones: npt.NDArray[np.bool_], zeros: npt.NDArray[np.bool_], cells: TimeCells
) -> FloatArray:
    """Pairs in the right order, ties half: the 1 in cell i, the 0 in cell j, shape (n_cells, n_cells)."""
    p_ones, cell_of_one = p[ones], cells.cell[ones]
    pairs = np.zeros((cells.n_cells, cells.n_cells))
    for j in np.unique(cells.cell[zeros]):
        below = np.sort(p[zeros & (cells.cell == j)])
        ordered = (np.searchsorted(below, p_ones, "left") + np.searchsorted(below, p_ones, "right")) / 2.0
        pairs[:, j] = np.bincount(cell_of_one, weights=ordered, minlength=cells.n_cells)
    return pairs
