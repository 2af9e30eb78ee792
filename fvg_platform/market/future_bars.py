"""Bars that are yet to come: the next ones a market expects, and when the n-th bar from a time on will have closed.

Read off the grids of :mod:`fvg_platform.market.calendars`, so that a forecast skips nights, weekends and holidays
and a half day ends early. A closure that is not yet on the calendar cannot be known.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, Microseconds, microseconds, timestamps
from fvg_platform.market.sessions import LAST_YEAR
from fvg_platform.market.timeframes import INTRADAY, nominal_duration

_YEAR = int(pd.Timedelta(days=366) // pd.Timedelta(microseconds=1))
_END = int(np.datetime64(f"{LAST_YEAR}-12-31", "us").astype(np.int64))
_NOT_A_TIME = np.iinfo(np.int64).min

# Calendar time a bar takes, in its nominal lengths, at most: New York trades 252 days of 390 minutes a year, which
# is 5.4 for minutes; days are 1.45. The year on top makes up for half days and closures in a row.
_INTRADAY_STRETCH, _DAILY_STRETCH = 6.0, 1.6


def next_bars(last: pd.Timestamp, n: int, timeframe: str, calendar: TradingCalendar) -> pd.DataFrame:
    """The next expected bars of a series.

    Parameters
    ----------
    last
        Open time of the last bar there is, with a zone. It may be off the grid: what opens after it counts.
    n
        How many bars, at least 1.
    timeframe, calendar
        Whose bars.

    Returns
    -------
    DataFrame of n rows: `ts` and `close_at`, open and close of the first n expected bars with `ts` > `last`, in
    order, UTC.

    Raises
    ------
    ValueError
        `n` below 1, a time without a zone, an unknown timeframe, or bars beyond what calendars can tell.
    """
    if n < 1:
        raise ValueError(f"n is {n}: ask for at least one bar")
    after = microseconds([last]) + 1
    grid = _grid_ahead(calendar, timeframe, after, n)
    ordinals = _opening_from(grid, after)[0] + np.arange(n)
    if after[0] < grid.first[0] or ordinals[-1] >= grid.before[-1]:
        raise ValueError(
            f"the calendar {calendar.name} cannot tell the {n} bar(s) of {timeframe} after {last}: it knows the years "
            f"{timestamps(grid.first[:1])[0].year} to {LAST_YEAR}"
        )
    return pd.DataFrame(
        {"ts": timestamps(grid.opens(ordinals)), "close_at": timestamps(grid.closes(ordinals))}
    )


def closes_after(
    times: pd.DatetimeIndex, bars: NDArray[np.integer], timeframe: str, calendar: TradingCalendar
) -> pd.DatetimeIndex:
    """When the `bars`-th expected bar that opens at or after each time closes.

    Parameters
    ----------
    times
        With a zone, in any order, shape (n,); may hold NaT.
    bars
        How many bars, each at least 1, shape (n,): 1 is the first bar that opens at or after the time.
    timeframe, calendar
        Whose bars.

    Returns
    -------
    DatetimeIndex in UTC, shape (n,): NaT where the time is NaT or the bar lies beyond what calendars can tell.

    Raises
    ------
    ValueError
        Unequal lengths, a number of bars below 1 or not whole, times without a zone, an unknown timeframe.
    """
    us, counts = microseconds(times), np.asarray(bars)
    if counts.shape != us.shape:
        raise ValueError(f"{len(us)} time(s) but bars of shape {counts.shape}: give one number for each time")
    if len(counts) and not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(f"bars are {counts.dtype}: give whole numbers")
    if (counts < 1).any():
        row = int(np.argmax(counts < 1))
        raise ValueError(f"bars is {counts[row]} in row {row}: the first bar from a time on is number 1")
    counts = counts.astype(np.int64)
    closes = np.full(len(us), _NOT_A_TIME, dtype=np.int64)
    known = np.flatnonzero(times.notna())
    if len(known):
        grid = _grid_ahead(calendar, timeframe, us[known], int(counts[known].max()))
        # A count past the end of the grid is beyond it anyway; cut off, so that the sum cannot overflow.
        ordinals = _opening_from(grid, us[known]) + np.minimum(counts[known], grid.before[-1] + 1) - 1
        told = (us[known] >= grid.first[0]) & (ordinals < grid.before[-1])
        closes[known[told]] = grid.closes(ordinals[told])
    return timestamps(closes)


def _grid_ahead(calendar: TradingCalendar, timeframe: str, us: Microseconds, n: int) -> BarGrid:
    """The grid that holds n further bars after each time, as far as calendars go."""
    stretch = _INTRADAY_STRETCH if timeframe in INTRADAY else _DAILY_STRETCH
    length = stretch * (nominal_duration(timeframe) / pd.Timedelta(microseconds=1))
    end = int(us.max()) + int(n * length) + _YEAR
    return calendar.grid(timeframe, int(us.min()), min(end, _END))


def _opening_from(grid: BarGrid, us: Microseconds) -> Microseconds:
    """Ordinal of the first bar that opens at or after each time; the total where none does, shape (n,)."""
    block = np.searchsorted(grid.first, us, side="right") - 1
    inside = np.maximum(block, 0)
    bars = grid.before[inside] + -(-(us - grid.first[inside]) // grid.step)
    return np.where(block < 0, 0, np.minimum(bars, grid.before[inside + 1]))
