"""Block bootstrap over time, as weights: how often each stretch of time is drawn in each resample.

Setups that live at the same time share their fate, so √n overstates what is known. Time is cut into equal
cells, and runs of cells as long as a life are drawn with replacement, wrapping around the end (circular block
bootstrap). Every statistic that is built from sums per cell then costs one matrix product for all resamples.
Source: D. Politis and J. Romano, A circular block-resampling procedure for stationary data (1992).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

# Fewer independent stretches than this say nothing about their own spread: no interval is given.
MIN_BLOCKS = 5

_CELLS_PER_BLOCK = 4
_MAX_CELLS = 240

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TimeCells:
    """Rows placed in equal cells of time: the cell of each row, their number, and cells per block."""

    cell: IntArray
    n_cells: int
    run: int

    @property
    def blocks(self) -> int:
        """How many blocks the whole span holds."""
        return self.n_cells // self.run

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of `values` (n,) in each cell, shape (n_cells,)."""
        return np.bincount(self.cell, weights=values, minlength=self.n_cells).astype(np.float64)

    def weights(self, resamples: int, seed: int) -> FloatArray:
        """How often each cell is drawn in each resample, shape (resamples, n_cells)."""
        rng = np.random.default_rng(seed)
        draws = _ceil(self.n_cells, self.run)
        starts = rng.integers(self.n_cells, size=(resamples, draws))
        flat = starts + self.n_cells * np.arange(resamples)[:, None]
        first = np.bincount(flat.ravel(), minlength=resamples * self.n_cells).reshape(resamples, self.n_cells)
        drawn = np.zeros_like(first)
        for step in range(self.run):
            drawn += np.roll(first, step, axis=1)
        return drawn.astype(np.float64)

    def multipliers(self, resamples: int, seed: int) -> FloatArray:
        """Random signs of mean 0 and variance 1, alike within a block, shape (resamples, n_cells).

        Sums of cells times these are draws of what sums without an edge look like: the dependent wild bootstrap
        (X. Shao, 2010) with the same (Bartlett) weighting of neighbouring cells as :meth:`weights`.
        """
        rng = np.random.default_rng(seed)
        signs = rng.integers(0, 2, size=(resamples, self.n_cells + self.run), dtype=np.int64) * 2 - 1
        summed = np.cumsum(signs, axis=1)
        return (summed[:, self.run :] - summed[:, : -self.run]) / np.sqrt(self.run)


def time_cells(times: pd.Series | pd.DatetimeIndex, block: pd.Timedelta) -> TimeCells:
    """Cut the span of `times` into cells, a quarter of a block each or 240 in all, whichever is coarser.

    Parameters
    ----------
    times
        One time per row, with a zone, in any order, shape (n,), n ≥ 1.
    block
        How long outcomes depend on each other: the length of a life.
    """
    if block <= pd.Timedelta(0):
        raise ValueError(
            f"a block must last longer than nothing, got {block}: pass the length of a setup's life"
        )
    if len(times) == 0:
        raise ValueError("no times to cut into blocks")
    stamps = pd.DatetimeIndex(times).as_unit("ns").asi8
    since = stamps - stamps.min()
    block_ns = int(block.as_unit("ns").value)
    # One more than the span, so that the last time falls inside the last cell.
    span = int(since.max()) + 1
    width = max(_ceil(block_ns, _CELLS_PER_BLOCK), _ceil(span, _MAX_CELLS))
    return TimeCells(cell=since // width, n_cells=_ceil(span, width), run=_ceil(block_ns, width))


def length_of(block: pd.Timedelta) -> str:
    """How long a block is, as people say it: days for what lasts some, hours or minutes below."""
    for unit in ("D", "h", "min", "s"):
        number = block / pd.Timedelta(1, unit=unit)
        if number >= 2:
            break
    names = {"D": "days", "h": "hours", "min": "minutes", "s": "seconds"}
    return f"{number:.0f} {names[unit]}"


def _ceil(numerator: int, denominator: int) -> int:
    # Nanoseconds of a few years exceed what a float divides exactly.
    return -(-numerator // denominator)
