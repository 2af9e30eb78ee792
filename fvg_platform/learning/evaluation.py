"""How good probabilities are: scores against what happened, each with an interval from a block bootstrap.

Brier score, skill against the training period's base rate, log loss, AUC, expected calibration error. What
cannot be computed (one class only, equal predictions, too short a time for an interval) is None with its
reason, never an exception and never a made-up number.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, time_cells
from fvg_platform.learning.splits import TEST, assign_parts, horizon_passed
from fvg_platform.learning.targets import TARGETS, target_column
from fvg_platform.learning.trained_model import TrainedModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METRICS: tuple[str, ...] = ("brier", "skill", "log_loss", "auc", "calibration_error")

# A probability of 0 or 1 that was wrong costs 13.8 nats instead of infinitely many.
_LOG_CLIP = 1e-6

# Resamples in which a score is undefined are left out; beyond this share there is no interval.
_MAX_UNDEFINED = 0.05


@dataclass(frozen=True)
class Estimate:
    """A score with its interval; `reason` says why a number is None."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None = None


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

    def to_dict(self) -> dict[str, Any]:
        """All fields, estimates as nested dicts: JSON-able."""
        return asdict(self)


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
    _require_valid(p_all, y_all, len(times))
    told = ~np.isnan(p_all) & ~np.isnan(y_all)
    p, y = p_all[told], y_all[told]
    if p.size == 0:
        nothing = Estimate(None, None, None, "no prediction with an outcome")
        return Evaluation(
            0, 0, int(p_all.size), base_rate, None, 0, level, nothing, nothing, nothing, nothing, nothing
        )
    cells = time_cells(pd.DatetimeIndex(times)[told], block)
    weights = cells.weights(resamples, seed)
    estimate = _Estimator(cells, weights, level, block)
    return Evaluation(
        n=int(p.size),
        positives=int(y.sum()),
        excluded=int(p_all.size - p.size),
        base_rate=base_rate,
        mean_prediction=float(p.mean()),
        blocks=cells.blocks,
        level=level,
        brier=estimate.ratio((p - y) ** 2),
        skill=_skill(estimate, p, y, base_rate),
        log_loss=estimate.ratio(_log_losses(p, y)),
        auc=_auc(estimate, p, y),
        calibration_error=_calibration_error(estimate, p, y, bins),
    )


def evaluate_test_period(
    model: TrainedModel, setups: pd.DataFrame, as_of: pd.Timestamp, *, resamples: int = 1_000, seed: int = 0
) -> dict[str, Evaluation]:
    """Score a model on the test period, target by target, as :func:`evaluate` does.

    Only setups count whose whole life had passed by `as_of`, the close of the timeframe's last bar: early
    exits would dominate the others. Blocks are as long as the median life and the embargo together.

    Parameters
    ----------
    model
        Its cut, embargo, label and rates are used.
    setups
        As in training; rows of other parts are left out.
    as_of
        With a time zone.
    """
    in_test = (assign_parts(setups, model.cut, model.embargo) == TEST).to_numpy()
    rows = setups[in_test & horizon_passed(setups["life_end"], as_of)]
    predicted = model.predict(rows)
    life = (rows["life_end"] - rows["known_at"]).median() if len(rows) else pd.Timedelta(0)
    block = max(pd.Timedelta(life) + model.embargo, pd.Timedelta(1, unit="s"))
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


def reliability_curve(
    predictions: pd.Series | FloatArray, outcomes: pd.Series | FloatArray, bins: int = 10
) -> pd.DataFrame:
    """Predicted against observed rates in groups of equally many predictions; equal ones stay together.

    Returns
    -------
    DataFrame in order of the prediction, columns `low, high` (the group's smallest and largest prediction),
    `n`, `mean_prediction`, `rate`; no more than `bins` rows. Rows with a NaN are left out.
    """
    p, y = np.asarray(predictions, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    _require_valid(p, y, p.size)
    told = ~np.isnan(p) & ~np.isnan(y)
    frame = pd.DataFrame({"p": p[told], "y": y[told], "bin": _bins(p[told], bins)})
    curve = frame.groupby("bin").agg(
        low=("p", "min"),
        high=("p", "max"),
        n=("p", "size"),
        mean_prediction=("p", "mean"),
        rate=("y", "mean"),
    )
    return curve.reset_index(drop=True)


@dataclass(frozen=True)
class _Estimator:
    """Turns a statistic of sums per cell into a value and its interval."""

    cells: TimeCells
    weights: FloatArray
    level: float
    block: pd.Timedelta

    def ratio(self, values: FloatArray, per: FloatArray | None = None) -> Estimate:
        """Sum of `values` over sum of `per`, by default their mean."""
        sums = self.cells.sums(values)
        counts = self.cells.sums(np.ones_like(values) if per is None else per)
        return self.of(lambda weights: _divide(weights @ sums, weights @ counts))

    def of(self, statistic: Callable[[FloatArray], FloatArray], *, bias_shifted: bool = False) -> Estimate:
        """`statistic` maps weights (r, n_cells) to r values, NaN where undefined."""
        value = float(statistic(np.ones((1, self.cells.n_cells)))[0])
        if self.cells.blocks < MIN_BLOCKS:
            spanned = f"{self.cells.blocks} blocks of {self.block}"
            return Estimate(value, None, None, f"no interval: {spanned} are spanned, {MIN_BLOCKS} are needed")
        drawn = statistic(self.weights)
        defined = drawn[~np.isnan(drawn)]
        if defined.size < (1.0 - _MAX_UNDEFINED) * drawn.size:
            undefined = drawn.size - defined.size
            return Estimate(
                value, None, None, f"no interval: undefined in {undefined} of {drawn.size} resamples"
            )
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(defined, [tail, 1.0 - tail])
        if bias_shifted:
            bias = defined.mean() - value
            low, high = max(0.0, low - bias), max(0.0, high - bias)
        return Estimate(value, float(low), float(high))


def _skill(estimate: _Estimator, p: FloatArray, y: FloatArray, base_rate: float | None) -> Estimate:
    if base_rate is None or math.isnan(base_rate):
        return Estimate(None, None, None, "no base rate from the training period")
    base = estimate.cells.sums((base_rate - y) ** 2)
    if not base.any():
        return Estimate(None, None, None, "the base rate makes no error that skill could be measured against")
    errors = estimate.cells.sums((p - y) ** 2)
    return estimate.of(lambda weights: 1.0 - _divide(weights @ errors, weights @ base))


def _log_losses(p: FloatArray, y: FloatArray) -> FloatArray:
    inside = np.clip(p, _LOG_CLIP, 1.0 - _LOG_CLIP)
    return -np.where(y > 0.5, np.log(inside), np.log1p(-inside))


def _auc(estimate: _Estimator, p: FloatArray, y: FloatArray) -> Estimate:
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
        lambda weights: _divide(
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


def _calibration_error(estimate: _Estimator, p: FloatArray, y: FloatArray, bins: int) -> Estimate:
    bin_of_row = _bins(p, bins)
    cells = estimate.cells
    n_bins = int(bin_of_row.max()) + 1
    flat = cells.cell * n_bins + bin_of_row
    excess = np.bincount(flat, weights=p - y, minlength=cells.n_cells * n_bins).reshape(cells.n_cells, n_bins)
    counts = cells.sums(np.ones(p.size))
    return estimate.of(
        lambda weights: _divide(np.abs(weights @ excess).sum(axis=1), weights @ counts), bias_shifted=True
    )


def _bins(p: FloatArray, bins: int) -> IntArray:
    """Group of each prediction, 0-based without gaps: equal counts, equal predictions together."""
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    if p.size == 0:
        return np.empty(0, dtype=np.int64)
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="inverted_cdf"))
    group = np.searchsorted(edges, p, side="left")
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _require_valid(p: FloatArray, y: FloatArray, n_times: int) -> None:
    if not p.size == y.size == n_times:
        raise ValueError(f"lengths differ: {p.size} predictions, {y.size} outcomes, {n_times} times")
    outside = np.flatnonzero((p < 0.0) | (p > 1.0))
    if outside.size:
        raise ValueError(
            f"prediction {p[outside[0]]} at row {int(outside[0])} is no probability: it must lie in [0, 1]"
        )
    strange = np.flatnonzero(~np.isnan(y) & (y != 0.0) & (y != 1.0))
    if strange.size:
        raise ValueError(f"outcome {y[strange[0]]} at row {int(strange[0])} must be 0, 1 or NaN")
