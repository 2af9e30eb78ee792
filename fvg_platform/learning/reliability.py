"""Do the probabilities mean what they say: predicted against observed rates, in groups of like predictions."""

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, time_cells
from fvg_platform.learning.estimates import Estimate, Estimator, divide

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


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
    require_valid(p, y, p.size)
    told = ~np.isnan(p) & ~np.isnan(y)
    frame = pd.DataFrame({"p": p[told], "y": y[told], "bin": bins_of(p[told], bins)})
    curve = frame.groupby("bin").agg(
        low=("p", "min"),
        high=("p", "max"),
        n=("p", "size"),
        mean_prediction=("p", "mean"),
        rate=("y", "mean"),
    )
    return curve.reset_index(drop=True)


def calibration_curve(
    predictions: pd.Series | FloatArray,
    outcomes: pd.Series | FloatArray,
    times: pd.Series | pd.DatetimeIndex | None = None,
    *,
    block: pd.Timedelta | None = None,
    bins: int = 10,
    level: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """:func:`reliability_curve` as JSON-able records, the rate of each group with its interval.

    The interval is Wilson's for as many independent outcomes as the group's are worth: setups that live at the
    same time share their fate, and the block bootstrap tells how much. Where all outcomes of a group are
    alike, each stretch of a `block` counts as one.

    Parameters
    ----------
    predictions, outcomes, times, block, bins, level, resamples, seed
        As in :func:`fvg_platform.learning.evaluation.evaluate`; without `times` and `block` no intervals.

    Returns
    -------
    Records `low, high, n, mean_prediction, rate, rate_low, rate_high, reason`; the bounds are None, with the
    reason, where the time is too short for them or not given.
    """
    p_all, y_all = np.asarray(predictions, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    require_valid(p_all, y_all, p_all.size if times is None else len(times))
    told = ~np.isnan(p_all) & ~np.isnan(y_all)
    p, y = p_all[told], y_all[told]
    if p.size == 0:
        return []
    records: list[dict[str, Any]] = [
        {str(name): value for name, value in record.items()}
        for record in reliability_curve(p, y, bins).to_dict("records")
    ]
    if times is None or block is None:
        return [record | _no_interval("the times and their block are not given") for record in records]
    cells = time_cells(pd.DatetimeIndex(times)[told], block)
    if cells.blocks < MIN_BLOCKS:
        spanned = f"{cells.blocks} blocks of {block} are spanned, {MIN_BLOCKS} are needed"
        return [record | _no_interval(spanned) for record in records]
    rates = np.array([record["rate"] for record in records])
    worth = _independent_outcomes(cells, bins_of(p, bins), y, rates, cells.multipliers(resamples, seed))
    bounds = zip(*_wilson(rates, worth, level), strict=True)
    return [
        record | {"rate_low": float(low), "rate_high": float(high), "reason": None}
        for record, (low, high) in zip(records, bounds, strict=True)
    ]


def calibration_error(estimate: Estimator, p: FloatArray, y: FloatArray, bins: int = 10) -> Estimate:
    """Mean distance of predicted and observed rate over groups of equally many predictions, by their size.

    The interval is shifted by the bootstrap's bias: a distance can only grow under resampling.
    """
    bin_of_row = bins_of(p, bins)
    cells = estimate.cells
    n_bins = int(bin_of_row.max()) + 1
    flat = cells.cell * n_bins + bin_of_row
    excess = np.bincount(flat, weights=p - y, minlength=cells.n_cells * n_bins).reshape(cells.n_cells, n_bins)
    counts = cells.sums(np.ones(p.size))
    return estimate.of(
        lambda weights: divide(np.abs(weights @ excess).sum(axis=1), weights @ counts), bias_shifted=True
    )


def _no_interval(why: str) -> dict[str, Any]:
    return {"rate_low": None, "rate_high": None, "reason": f"no interval: {why}"}


def _independent_outcomes(
    cells: TimeCells, group: IntArray, y: FloatArray, rates: FloatArray, multipliers: FloatArray
) -> FloatArray:
    """How many independent outcomes would vary as much as each group's rate does, between 1 and its size."""
    n = np.bincount(group).astype(np.float64)
    deviation = np.bincount(
        cells.cell * n.size + group, weights=(y - rates[group]) / n[group], minlength=cells.n_cells * n.size
    ).reshape(cells.n_cells, n.size)
    variance = ((multipliers @ deviation) ** 2).mean(axis=0)
    alike = rates * (1.0 - rates)
    stretches = np.array([np.unique(cells.cell[group == g] // cells.run).size for g in range(n.size)], float)
    worth = np.divide(alike, variance, out=stretches, where=(alike > 0.0) & (variance > 0.0))
    return np.clip(worth, 1.0, n)


def _wilson(rate: FloatArray, n: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """E. Wilson, Probable inference, the law of succession, and statistical inference (1927)."""
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    centre = (rate + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * np.sqrt(rate * (1.0 - rate) / n + z**2 / (4.0 * n**2))
    # At a rate of 0 or 1 the two cancel out, but for rounding.
    return np.where(rate > 0.0, centre - half, 0.0), np.where(rate < 1.0, centre + half, 1.0)


def bins_of(p: FloatArray, bins: int) -> IntArray:
    """Group of each prediction, 0-based without gaps: equal counts, equal predictions together."""
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    if p.size == 0:
        return np.empty(0, dtype=np.int64)
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="inverted_cdf"))
    group = np.searchsorted(edges, p, side="left")
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def require_valid(p: FloatArray, y: FloatArray, n_times: int) -> None:
    """Raise a ValueError that names the first probability outside [0, 1] or outcome other than 0, 1, NaN."""
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
