"""Which bars a market should have: expected opens, closes and breaks of each timeframe, exchange days of bars.

Cuts the sessions of :mod:`fvg_platform.market.sessions` into bars. Equities' intraday bars are counted from the
session's open (anchor `session`: 09:30, 10:30 …) or from the full hour of the exchange's clock (anchor `clock`:
09:00, 10:00 …, four hours from midnight); currencies and crypto lie on UTC hours. Days, weeks and months open
with their first session and close with their last one.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.basis import Anchor, AssetClass, Session, require_asset_class
from fvg_platform.market.grids import WHOLE_BLOCK, BarGrid, Microseconds, Times, microseconds, timestamps
from fvg_platform.market.sessions import FIRST_YEAR, LAST_YEAR, NEW_YORK, sessions_between
from fvg_platform.market.timeframes import INTRADAY, nominal_duration, require_timeframe

Days = NDArray[np.datetime64]

# Wide enough that most data need one calendar only; it grows by decades. 60 years of XNYS cost 0.4 s.
_USUAL_YEARS = (1970, 2030)


def trading_calendar(
    asset_class: str, *, anchor: Anchor = "session", session: Session = "regular"
) -> "TradingCalendar":
    """The calendar of an asset class.

    Parameters
    ----------
    asset_class
        `equity` (New York Stock Exchange, funds too), `crypto` (24/7, UTC days) or `fx` (24/5, Sunday 17:00 to
        Friday 17:00 New York).
    anchor, session
        Of equities' intraday bars; currencies and crypto have one grid, whatever is given here.

    Raises
    ------
    ValueError
        For an unknown asset class, anchor or session.
    """
    known = require_asset_class(asset_class)
    if anchor not in ("session", "clock") or session not in ("regular", "extended"):
        raise ValueError(
            f"unknown anchor {anchor!r} or session {session!r}: "
            "the anchor is session or clock, the session regular or extended"
        )
    if known != "equity":
        return TradingCalendar(known, "clock", "regular")
    return TradingCalendar(known, anchor, session)


@dataclass(frozen=True)
class TradingCalendar:
    """Expected bars of one market; made by :func:`trading_calendar`. Cheap to make: sessions are loaded on use."""

    asset_class: AssetClass
    anchor: Anchor
    session: Session

    @property
    def name(self) -> str:
        """`XNYS`, `24/7` or `24/5`."""
        return {"equity": "XNYS", "crypto": "24/7", "fx": "24/5"}[self.asset_class]

    @property
    def timezone(self) -> str:
        """The zone whose days are the market's days."""
        return "UTC" if self.asset_class == "crypto" else NEW_YORK

    def expected_opens(self, timeframe: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Open times of all expected bars with `first <= open <= last`, UTC."""
        start, stop = microseconds([first, last])
        grid = self.grid(timeframe, start, stop)
        return timestamps(grid.opens(np.arange(grid.count_before(start), grid.count_before(stop + 1))))

    def bar_closes(self, opens: Times, timeframe: str) -> pd.DatetimeIndex:
        """When the bars that opened at `opens` close, UTC, shape (n,).

        A bar ends with its session at the latest, half days included; days, weeks and months close with their
        last session. An open that is not on the calendar closes after the timeframe's nominal duration.
        """
        us = microseconds(opens)
        grid = self.grid_over(us, timeframe)
        ordinals = grid.locate(us)
        nominal = us + nominal_duration(timeframe) // pd.Timedelta(microseconds=1)
        return timestamps(np.where(ordinals >= 0, grid.closes(np.maximum(ordinals, 0)), nominal))

    def breaks(self, ts: Times, timeframe: str) -> NDArray[np.bool_]:
        """Whether each bar is not the next expected one after the bar before it, shape (n,), element 0 False.

        True where bars are missing between the two, where either is off the grid, and for intraday timeframes
        where a session ended between them (fx: the week; a market that never closes: never).
        """
        us = microseconds(ts)
        grid = self.grid_over(us, timeframe)
        ordinals = grid.locate(us)
        broken = np.zeros(len(us), dtype=np.bool_)
        broken[1:] = (ordinals[1:] != ordinals[:-1] + 1) | (ordinals[:-1] < 0)
        if grid.breaks_between_blocks:
            block = grid.block_of(ordinals)
            broken[1:] |= block[1:] != block[:-1]
        return broken

    def session_closes(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Closes of the sessions from the first that ends after `first` to the first that ends after `last`, UTC.

        Shape (sessions,), increasing. Crypto's sessions are UTC days, currencies' the 24 hours to 17:00 New York.
        """
        start, stop = microseconds([first, last])
        closes = sessions_between(self.asset_class, self.session, _years_of(np.array([start, stop]))).closes
        begin, end = np.searchsorted(closes, [start, stop], side="right")
        return timestamps(closes[begin : end + 1])

    def session_date(self, ts: Times) -> pd.DatetimeIndex:
        """The exchange day each time belongs to, as a date without zone, shape (n,).

        The local day; for fx the day on which the 24 hours from 17:00 New York end, and Monday for the weekend.
        """
        local = timestamps(microseconds(ts)).tz_convert(self.timezone).tz_localize(None)
        if self.asset_class != "fx":
            return local.normalize()
        days = (local + pd.Timedelta(hours=7)).normalize()
        return pd.DatetimeIndex(
            np.busday_offset(days.to_numpy().astype("datetime64[D]"), 0, roll="forward")
        ).as_unit("us")

    def opens_on(self, dates: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        """Open time (UTC) of the bar of one day, week or month that holds each exchange day, shape (n,).

        A date in a week or month without a session, or a day without one, gets the open it would have had: 09:30
        New York for equities, 17:00 New York the day before for currencies.
        """
        days = dates.to_numpy().astype("datetime64[D]")
        starts, ends = _periods(days, timeframe)
        sessions = sessions_between(self.asset_class, self.session, _years_of(_as_us(days)))
        position = np.searchsorted(sessions.dates, starts)
        found = np.minimum(position, len(sessions.dates) - 1)
        held = (position < len(sessions.dates)) & (sessions.dates[found] < ends)
        return timestamps(np.where(held, sessions.opens[found], self._nominal_opens(days)))

    def grid_over(self, us: Microseconds, timeframe: str) -> BarGrid:
        """The grid that covers all the times, shape (n,)."""
        if not len(us):
            return self.grid(timeframe, 0, 0)
        return self.grid(timeframe, int(us.min()), int(us.max()))

    def grid(self, timeframe: str, first: int, last: int) -> BarGrid:
        """The grid that covers the times from `first` to `last` (microseconds UTC)."""
        return _grid(self, require_timeframe(timeframe), _years_of(np.array([first, last])))

    def _nominal_opens(self, days: Days) -> Microseconds:
        if self.asset_class == "crypto":
            return _as_us(days)
        minutes = -7 * 60 if self.asset_class == "fx" else (240 if self.session == "extended" else 570)
        local = pd.DatetimeIndex(days.astype("datetime64[us]") + np.timedelta64(minutes, "m"))
        return microseconds(local.tz_localize(self.timezone))


@lru_cache(maxsize=64)
def _grid(calendar: TradingCalendar, timeframe: str, years: tuple[int, int]) -> BarGrid:
    sessions = sessions_between(calendar.asset_class, calendar.session, years)
    if timeframe == "1d":
        return BarGrid(sessions.opens, sessions.closes, WHOLE_BLOCK, False)
    if timeframe not in INTRADAY:
        first, last = sessions.groups(timeframe)
        return BarGrid(sessions.opens[first], sessions.closes[last], WHOLE_BLOCK, False)
    step = nominal_duration(timeframe) // pd.Timedelta(microseconds=1)
    if calendar.asset_class == "crypto":
        return BarGrid(sessions.opens[:1], sessions.closes[-1:], step, False)
    if calendar.asset_class == "fx":
        first, last = sessions.groups("1w")
        return BarGrid(sessions.opens[first] // step * step, sessions.closes[last], step, True)
    if calendar.anchor == "session":
        return BarGrid(sessions.opens, sessions.closes, step, True)
    midnight = microseconds(pd.DatetimeIndex(sessions.dates).tz_localize(calendar.timezone))
    return BarGrid(midnight + (sessions.opens - midnight) // step * step, sessions.closes, step, True)


def _periods(days: Days, timeframe: str) -> tuple[Days, Days]:
    """First day of the day, week or month that holds each day, and first day of the one after it."""
    if timeframe == "1d":
        return days, days + 1
    if timeframe == "1w":
        mondays = days - (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        return mondays, mondays + 7
    if timeframe == "1mo":
        months = days.astype("datetime64[M]")
        return months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    raise ValueError(f"exchange days name bars of 1d, 1w and 1mo only, not of {timeframe}")


def _years_of(us: Microseconds) -> tuple[int, int]:
    """Whole decades that hold the times and a year on either side (the week or month of a time may begin or end
    there), within what calendars can tell; bars beyond that are off every grid."""
    usual_first, usual_last = _USUAL_YEARS
    years = us.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    first = min(int(years.min(initial=usual_first + 1)) - 1, LAST_YEAR) // 10 * 10
    last = -(-max(int(years.max(initial=usual_last - 1)) + 1, FIRST_YEAR) // 10) * 10
    return max(first, FIRST_YEAR), min(last, LAST_YEAR)


def _as_us(days: Days) -> Microseconds:
    return days.astype("datetime64[us]").astype(np.int64)
