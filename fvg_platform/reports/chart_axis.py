"""The bars of a picture, side by side whatever the clock says: nights and weekends leave no holes.

Bar j of the picture spans `j - 0.5` to `j + 0.5` on the horizontal axis. Here are which bars are shown, where a moment
lies among them and what the axis says. Times of day are New York's; a daily, weekly or monthly bar is named by its
exchange day.
"""

import datetime as dt
import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, read_bars
from fvg_platform.market.sessions import NEW_YORK
from fvg_platform.market.timeframes import INTRADAY, require_timeframe
from fvg_platform.reports.chart_file import ChartError

Moment = str | dt.date | dt.datetime | pd.Timestamp
"""A time with a zone, or a day: `2026-03-02` as text, a date, or a timestamp of midnight without a zone."""

MOST_TICKS = 14
# Currencies' days begin at 17:00 New York, crypto's at 19:00 or 20:00 (0:00 UTC): both are named by the day after.
_EVENING = pd.Timedelta(hours=7)
_ROUND_MINUTES = (1, 5, 10, 15, 30, 60, 120, 240, 480)


@dataclass(frozen=True)
class Tick:
    """A label of the time axis at bar `x`."""

    x: int
    label: str


@dataclass(frozen=True, eq=False)
class Candles:
    """The bars shown, in time order; `ts` are open times in UTC, `asked` counts those of the range asked for."""

    timeframe: str
    ts: pd.DatetimeIndex
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    asked: int

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def first(self) -> int:
        """Open time of the first bar, microseconds UTC."""
        return int(self.ts.asi8[0])

    @property
    def last(self) -> int:
        """Open time of the last bar, microseconds UTC."""
        return int(self.ts.asi8[-1])

    def position(self, us: int) -> int:
        """The bar that is open at a moment (microseconds UTC); -1 before the first."""
        return int(np.searchsorted(self.ts.asi8, us, side="right")) - 1

    def names(self) -> list[str]:
        """When each bar opens, in words."""
        return moments(self.ts.asi8, self.timeframe)

    def says(self, us: int) -> str:
        """A bar's open time (microseconds UTC) in words, within the window or not."""
        return moments(np.array([us]), self.timeframe)[0]


def shown_bars(
    bars: pd.DataFrame,
    ticker: str,
    timeframe: str,
    since: Moment | None,
    until: Moment | None,
    most_bars: int,
) -> Candles:
    """The last `most_bars` bars of the range asked for, both ends included; see compose_chart for the errors."""
    require_timeframe(timeframe)
    if most_bars < 1:
        raise ChartError(f"most_bars is {most_bars}: a picture needs at least 1 bar")
    try:
        b = read_bars(bars, timeframe)
    except ValueError as error:
        raise ChartError(f"{ticker} {error}") from error
    asked = f"from {'the first' if since is None else since} to {'the last' if until is None else until}"
    if not len(b):
        raise ChartError(f"{ticker} {timeframe}: there are no bars to draw (asked: {asked})")
    inside = _inside(b.ts, timeframe, since, until)
    if not len(inside):
        first, last = moments(b.ts.asi8[[0, -1]], timeframe)
        raise ChartError(
            f"{ticker} {timeframe}: no bars {asked}; there are {len(b):,} bars from {first} to {last}"
        )
    return _candles(b, timeframe, inside[-most_bars:], len(inside))


def moments(us: Ints, timeframe: str) -> list[str]:
    """Open times of bars (microseconds UTC) in words: New York's date and time; from daily bars on the day."""
    form = "%Y-%m-%d %H:%M" if timeframe in INTRADAY else "%Y-%m-%d"
    ts = pd.DatetimeIndex(us.astype("datetime64[us]"), tz="UTC")
    return [str(name) for name in _wall_clock(ts, timeframe).strftime(form)]


def time_ticks(candles: Candles) -> tuple[Tick, ...]:
    """At most about :data:`MOST_TICKS` labels: days and times of day on intraday bars, else days, months or years."""
    local = _wall_clock(candles.ts, candles.timeframe)
    if candles.timeframe in INTRADAY:
        days = _changes(local.normalize().asi8)
        if len(days) < MOST_TICKS // 2:
            return _clock_ticks(local, days)
        return _labelled(local, _thinned(days), "%d %b", "%Y")
    months = _changes(np.asarray(local.year * 12 + local.month))
    if len(months) < MOST_TICKS // 3:
        return _labelled(local, _thinned(np.arange(len(local))), "%d %b", "%Y")
    for every in (1, 3):
        starts = _changes(np.asarray((local.year * 12 + local.month - 1) // every))
        if len(starts) <= MOST_TICKS:
            return _labelled(local, starts, "%b", "%Y")
    return _labelled(local, _thinned(_changes(np.asarray(local.year))), "%Y", "")


def _candles(b: BarArrays, timeframe: str, rows: Ints, asked: int) -> Candles:
    ohlcv = (b.open[rows], b.high[rows], b.low[rows], b.close[rows], b.volume[rows])
    return Candles(timeframe, b.ts[rows], *ohlcv, asked=asked)


def _inside(ts: pd.DatetimeIndex, timeframe: str, since: Moment | None, until: Moment | None) -> Ints:
    inside = np.ones(len(ts), bool)
    for bound, name, within in ((since, "since", operator.ge), (until, "until", operator.le)):
        if bound is not None:
            inside &= _compared(ts, timeframe, bound, name, within)
    return np.flatnonzero(inside)


def _compared(
    ts: pd.DatetimeIndex, timeframe: str, bound: Moment, name: str, within: Callable[..., NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """A day is held against the bars' days, so that `until` includes all of it; a moment against open times."""
    try:
        moment = pd.Timestamp(bound)
    except ValueError as error:
        raise ChartError(f"{name}={bound!r} is no date: write it like 2026-03-02") from error
    if moment is pd.NaT:
        raise ChartError(f"{name}={bound!r} is no date: write it like 2026-03-02")
    if moment.tz is not None:
        return within(ts, moment)
    if moment != moment.normalize():
        raise ChartError(f"{name}={bound} has no time zone: give a day (2026-03-02) or a time with a zone")
    days = _wall_clock(ts, timeframe).tz_localize(None).normalize()
    return within(days, moment)


def _wall_clock(ts: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
    local = ts.tz_convert(NEW_YORK)
    if timeframe in INTRADAY:
        return local
    return local.tz_localize(None) + _EVENING


def _changes(keys: NDArray[np.int64]) -> Ints:
    return np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))


def _thinned(positions: Ints) -> Ints:
    return positions[:: -(-len(positions) // MOST_TICKS)]


def _clock_ticks(local: pd.DatetimeIndex, days: Ints) -> tuple[Tick, ...]:
    """The first bar of each day, with the date below, and of every round time between where there is room."""
    day, minute = local.normalize().asi8, np.asarray(local.hour * 60 + local.minute)
    for step in _ROUND_MINUTES:
        starts = _changes(
            day + minute // step
        )  # a day is 86,400 of whatever unit or more: no two sums collide
        if len(starts) <= MOST_TICKS:
            break
    room = len(local) / (2 * MOST_TICKS)
    return tuple(
        Tick(x, local[x].strftime("%H:%M\n%d %b" if x in days else "%H:%M"))
        for x in starts.tolist()
        if x in days or np.abs(days - x).min() >= room
    )


def _labelled(local: pd.DatetimeIndex, positions: Ints, form: str, year: str) -> tuple[Tick, ...]:
    """Labels at bars; the year stands below the first one and where it changes."""
    ticks, before = [], None
    for x in positions.tolist():
        at = local[x]
        label = at.strftime(form)
        if year and at.year != before:
            label += "\n" + at.strftime(year)
        ticks.append(Tick(x, label))
        before = at.year
    return tuple(ticks)
