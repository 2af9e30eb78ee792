"""Spans of bars cut so that one call can answer each in full.

An answer is made from a limited number of base bars: the minutes of a day for intraday bars. Cuts lie between exchange
days (at 17:00 New York for currencies), where no bar can straddle them.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import microseconds
from fvg_platform.sources.base import Window

# The day of currencies ends at 17:00 New York.
_FX_SHIFT = pd.Timedelta(hours=17)


def cut_windows(
    start: pd.Timestamp, end: pd.Timestamp, calendar: TradingCalendar, *, bars_per_day: int, limit: int
) -> list[Window]:
    """The span `[start, end)` as windows in order, without a hole or an overlap.

    Parameters
    ----------
    bars_per_day
        Base bars of a trading day at most; equities have none on the other days.
    limit
        Every window has fewer base bars than this: an answer that reaches the limit counts as cut off.

    Raises
    ------
    ValueError
        A single day may reach the limit.
    """
    most_days = (limit - 1) // bars_per_day
    if most_days < 1:
        raise ValueError(f"a limit of {limit} base bars is too small for a day of {bars_per_day}")
    if start >= end:
        return []
    days = exchange_days(start, end, calendar)
    group = np.maximum(np.cumsum(_trades(days, calendar)) - 1, 0) // most_days
    cuts = days[1:][group[1:] != group[:-1]].tz_convert("UTC")
    edges = [start, *cuts, end]
    return [Window(*pair) for pair in itertools.pairwise(edges)]


def estimated_calls(windows: Sequence[Window], calendar: TradingCalendar, timeframe: str) -> int:
    """How many calls the windows take if no attempt fails: one for each in which a bar is expected."""
    return sum(_has_bars(window, calendar, timeframe) for window in windows)


def exchange_days(start: pd.Timestamp, end: pd.Timestamp, calendar: TradingCalendar) -> pd.DatetimeIndex:
    """When the exchange days that have a part in `[start, end)` begin, in exchange time, shape (days,)."""
    shift = _FX_SHIFT if calendar.asset_class == "fx" else pd.Timedelta(0)
    first, last = (t.tz_convert(calendar.timezone).tz_localize(None) - shift for t in (start, end))
    days = pd.date_range(first.normalize(), last.normalize(), freq="D") + shift
    starts = days.tz_localize(calendar.timezone)
    return starts[starts < end]


def _trades(days: pd.DatetimeIndex, calendar: TradingCalendar) -> NDArray[np.bool_]:
    """Whether base bars are to be reckoned with on each day, shape (days,)."""
    if calendar.asset_class != "equity":
        return np.ones(len(days), dtype=np.bool_)
    opens = calendar.expected_opens("1d", days[0], days[-1] + pd.Timedelta(days=1))
    dates = opens.tz_convert(calendar.timezone).tz_localize(None).normalize()
    return np.isin(days.tz_localize(None).asi8, dates.as_unit(days.unit).asi8)


def _has_bars(window: Window, calendar: TradingCalendar, timeframe: str) -> bool:
    start, end = (int(us) for us in microseconds([window.start, window.end]))
    grid = calendar.grid(timeframe, start, end)
    return grid.count_before(start) < grid.count_before(end)
