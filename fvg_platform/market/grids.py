"""The grid of expected bars: which bar is which, in order, as integer arithmetic over arrays of times.

A grid is a row of blocks (a session, a trading week, or the whole of a market that never closes), each cut into
bars of equal length whose last one may be shorter. Every expected bar has an ordinal; "the next bar", "how many
are missing" and "which coarse bar holds this one" are differences of ordinals. Times are microseconds since 1970,
UTC. Which blocks a market has is the business of :mod:`fvg_platform.market.calendars`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Microseconds = NDArray[np.int64]
Times = pd.DatetimeIndex | pd.Series | Sequence[pd.Timestamp]

WHOLE_BLOCK = np.iinfo(np.int64).max
"""The step of grids whose blocks are one bar each (days, weeks, months)."""


@dataclass(frozen=True, eq=False)
class BarGrid:
    """Expected bars of one timeframe on one calendar.

    Parameters
    ----------
    first
        Open of each block's first bar, increasing, shape (blocks,).
    last_close
        Close of each block's last bar, shape (blocks,).
    step
        Length of a bar, or :data:`WHOLE_BLOCK`.
    breaks_between_blocks
        Whether the step from one block into the next is a break even when no bar is missing.
    """

    first: Microseconds
    last_close: Microseconds
    step: int
    breaks_between_blocks: bool

    @cached_property
    def before(self) -> Microseconds:
        """How many bars lie before each block; one element more than there are blocks, the last is the total."""
        counts = -(-(self.last_close - self.first) // self.step)
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])

    def locate(self, ts: Microseconds) -> Microseconds:
        """Ordinal of the expected bar that opens at exactly each time, -1 where none does."""
        block, offset = self._block_and_offset(ts)
        on_grid = (block >= 0) & (ts < self.last_close[block]) & (offset % self.step == 0)
        return np.where(on_grid, self.before[block] + offset // self.step, -1)

    def containing(self, ts: Microseconds) -> Microseconds:
        """Ordinal of the expected bar during which each time falls, -1 where the market is closed."""
        block, offset = self._block_and_offset(ts)
        inside = (block >= 0) & (ts < self.last_close[block])
        return np.where(inside, self.before[block] + offset // self.step, -1)

    def count_before(self, ts: int) -> int:
        """How many expected bars open before a time."""
        block = int(np.searchsorted(self.first, ts, side="right")) - 1
        if block < 0:
            return 0
        bars = self.before[block] + -(-(ts - int(self.first[block])) // self.step)
        return int(min(bars, self.before[block + 1]))

    def block_of(self, ordinals: Microseconds) -> Microseconds:
        """Block that holds each ordinal."""
        return np.searchsorted(self.before, ordinals, side="right") - 1

    def opens(self, ordinals: Microseconds) -> Microseconds:
        """Open time of each ordinal's bar."""
        block = self.block_of(ordinals)
        if self.step == WHOLE_BLOCK:
            return self.first[block]
        return self.first[block] + (ordinals - self.before[block]) * self.step

    def closes(self, ordinals: Microseconds) -> Microseconds:
        """Close time of each ordinal's bar: a step after its open, or its block's end if that comes first."""
        last_close = self.last_close[self.block_of(ordinals)]
        if self.step == WHOLE_BLOCK:
            return last_close
        return np.minimum(self.opens(ordinals) + self.step, last_close)

    def _block_and_offset(self, ts: Microseconds) -> tuple[Microseconds, Microseconds]:
        block = np.searchsorted(self.first, ts, side="right") - 1
        return block, ts - self.first[block]


def microseconds(ts: Times) -> Microseconds:
    """Times with a zone as microseconds since 1970 UTC, shape (n,); ValueError for times without one."""
    index = pd.DatetimeIndex(list(ts) if isinstance(ts, Sequence) else ts)
    if index.tz is None:
        raise ValueError("times without a zone: localise them, to UTC for instance, before they come here")
    return index.as_unit("us").asi8


def timestamps(us: Microseconds) -> pd.DatetimeIndex:
    """Microseconds since 1970 as a DatetimeIndex in UTC, shape (n,)."""
    return pd.DatetimeIndex(us.view("datetime64[us]")).tz_localize("UTC")
