"""Do the probabilities still mean what they say: outcomes of a window less what was predicted, as they come in.

Both readings of what the bars leave open are judged, and only what both say counts. Setups that live at the same
time share their fate: the spread is that of the dependent wild bootstrap with blocks of two lives, and Student's t
allows for how few blocks a window has. Of 3,200 made-up windows of 20 lives without drift, with overlapping outcomes
in crowds of unequal size, 5.4 % were outside the 95 % interval; by blocks of one life it would be 11 %.
Source: X. Shao, The dependent wild bootstrap (2010).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, length_of, time_cells
from fvg_platform.learning.drift_windows import MIN_SETUPS
from fvg_platform.learning.estimates import Estimate
from fvg_platform.learning.reliability import require_valid

READINGS = ("lo", "hi")

_LIVES_PER_BLOCK = 2
# Of the variance of outcomes that depend on each other by as much as their lives overlap, blocks of one life see two
# thirds, blocks of two lives five sixths.
_SEEN = 5.0 / 6.0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationDrift:
    """Mean outcome less probability on both readings, and how probable at least as much is without any drift.

    `p_value` is that of both readings together: the larger one, 1 where they point to different sides; None where
    one cannot be judged.
    """

    lo: Estimate
    hi: Estimate
    p_value: float | None


def calibration_drift(window: pd.DataFrame, *, level: float = 0.95) -> CalibrationDrift:
    """Judge the outcomes of target 1 that are known of a window.

    Parameters
    ----------
    window
        `known_at`, `life_end`, `p_target_1`, `y_lo`, `y_hi` (1 reached, 0 not, NaN: not entered or not
        resolved), `horizon_passed`. Lives that are not over are left out: what ends early is not like the rest.
    level
        Of the intervals.
    """
    over = window[window["horizon_passed"].to_numpy(dtype=bool)]
    lo, hi = (_reading(over, reading, level) for reading in READINGS)
    if lo.p_value is None or hi.p_value is None:
        return CalibrationDrift(lo.estimate, hi.estimate, None)
    same_side = np.sign(lo.estimate.value or 0.0) == np.sign(hi.estimate.value or 0.0)
    return CalibrationDrift(lo.estimate, hi.estimate, max(lo.p_value, hi.p_value) if same_side else 1.0)


@dataclass(frozen=True)
class _Reading:
    estimate: Estimate
    p_value: float | None


def _reading(over: pd.DataFrame, reading: str, level: float) -> _Reading:
    p_all, y_all = (over[name].to_numpy(dtype=np.float64) for name in ("p_target_1", f"y_{reading}"))
    require_valid(p_all, y_all, len(over))
    told = ~np.isnan(p_all) & ~np.isnan(y_all)
    if told.sum() < MIN_SETUPS:
        return _Reading(
            _untold(None, f"{int(told.sum())} setups have an outcome, {MIN_SETUPS} are needed"), None
        )
    excess = (y_all - p_all)[told]
    times = over["known_at"][told]
    lives = (over["life_end"] - over["known_at"])[told]
    block = _LIVES_PER_BLOCK * max(pd.Timedelta(lives.median()), pd.Timedelta(1, unit="s"))
    cells = time_cells(times, block)
    mean = float(excess.mean())
    counts = _block_sums(cells, np.ones_like(excess))
    # Blocks that hold most of the setups are worth more than the others, and all of them less than their number.
    worth = min(float(excess.size**2 * cells.run / (counts**2).sum()), float(cells.blocks))
    if worth < MIN_BLOCKS:
        spanned = f"its setups are worth {worth:.1f} blocks of {length_of(block)}, {MIN_BLOCKS} are needed"
        return _Reading(_untold(mean, spanned), None)
    from scipy.stats import t

    # The wild bootstrap's variance in closed form; the deviations are from the mean of the same few blocks.
    variance = (_block_sums(cells, excess - mean) ** 2).sum() / cells.run / excess.size**2
    spread = float(np.sqrt(variance / _SEEN * worth / (worth - 1.0)))
    if spread <= 1e-12:
        return _Reading(_untold(mean, "all outcomes differ from their probabilities by the same"), None)
    half = float(t.ppf((1.0 + level) / 2.0, worth - 1.0)) * spread
    return _Reading(
        Estimate(mean, mean - half, mean + half), float(2.0 * t.sf(abs(mean) / spread, worth - 1.0))
    )


def _block_sums(cells: TimeCells, values: FloatArray) -> FloatArray:
    """Sums over every block that touches the span, shape (n_cells + run - 1,)."""
    return np.convolve(cells.sums(values), np.ones(cells.run))


def _untold(value: float | None, why: str) -> Estimate:
    return Estimate(value, None, None, f"no interval: {why}")
