"""A number and what is known about it: an estimate with its interval from a block bootstrap over time.

Here lives how a statistic of sums per cell of time becomes a value with an interval; which statistics those are
is the caller's business. What cannot be computed is None with its reason, never an exception or a made-up number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, length_of, time_cells

FloatArray = npt.NDArray[np.float64]

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
class Estimator:
    """Turns a statistic of sums per cell into a value and its interval."""

    cells: TimeCells
    weights: FloatArray
    level: float
    block: pd.Timedelta

    @classmethod
    def over(
        cls,
        times: pd.Series | pd.DatetimeIndex,
        block: pd.Timedelta,
        *,
        resamples: int = 1_000,
        level: float = 0.95,
        seed: int = 0,
    ) -> "Estimator":
        """For rows known at `times` (n,), n ≥ 1, that depend on each other for as long as a `block`."""
        cells = time_cells(times, block)
        return cls(cells, cells.weights(resamples, seed), level, block)

    def ratio(self, values: FloatArray, per: FloatArray | None = None) -> Estimate:
        """Sum of `values` over sum of `per`, by default their mean."""
        sums = self.cells.sums(values)
        counts = self.cells.sums(np.ones_like(values) if per is None else per)
        return self.of(lambda weights: divide(weights @ sums, weights @ counts))

    def of(self, statistic: Callable[[FloatArray], FloatArray], *, bias_shifted: bool = False) -> Estimate:
        """`statistic` maps weights (r, n_cells) to r values, NaN where undefined."""
        value = float(statistic(np.ones((1, self.cells.n_cells)))[0])
        if self.cells.blocks < MIN_BLOCKS:
            spanned = f"{self.cells.blocks} blocks of {length_of(self.block)}"
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


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)
