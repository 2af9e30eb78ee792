"""When markets trade: the sessions of US equities, of currencies and of markets that never close.

A session is an exchange day with its open and close. Equities follow the exchange calendar of `exchange_calendars`
(XNYS: holidays, half days, historic closures); currencies trade from Sunday 17:00 to Friday 17:00 New York in days
of 24 hours; crypto trades in UTC days. How sessions are cut into bars is told in
:mod:`fvg_platform.market.calendars`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.basis import AssetClass, Session
from fvg_platform.market.grids import Microseconds, microseconds

NEW_YORK = "America/New_York"

# Before 1885 exchange_calendars has New York's local mean time; after 2100 no data can come.
FIRST_YEAR, LAST_YEAR = 1885, 2100

_HOUR = 3_600_000_000
_PRE_MARKET = 5 * _HOUR + _HOUR // 2  # 04:00, before an open at 09:30
_POST_MARKET = 4 * _HOUR  # 20:00 after a close at 16:00, 17:00 on half days


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sessions in order: `dates` (datetime64[D]), `opens` and `closes` (microseconds UTC), each shape (sessions,)."""

    dates: NDArray[np.datetime64]
    opens: Microseconds
    closes: Microseconds

    def groups(self, unit: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the first and of the last session of each week (`1w`, from Monday) or month (`1mo`)."""
        if unit == "1w":
            keys = (self.dates.astype(np.int64) + 3) // 7  # day 0 was a Thursday
        else:
            keys = self.dates.astype("datetime64[M]").astype(np.int64)
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        last = np.append(first[1:], len(keys)) - 1
        return first, last


def sessions_between(asset_class: AssetClass, session: Session, years: tuple[int, int]) -> Sessions:
    """All sessions of the years `first..last`, both included."""
    if asset_class == "equity":
        regular = _new_york_stock_exchange(*years)
        if session == "regular":
            return regular
        return Sessions(regular.dates, regular.opens - _PRE_MARKET, regular.closes + _POST_MARKET)
    if asset_class == "fx":
        return _currencies(*years)
    return _round_the_clock(*years)


@lru_cache(maxsize=8)
def _new_york_stock_exchange(first_year: int, last_year: int) -> Sessions:
    # 0.7 to 4 s of import for some, and not needed by crypto and currencies.
    import exchange_calendars

    xnys = exchange_calendars.get_calendar("XNYS", start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    return Sessions(
        xnys.opens.index.to_numpy().astype("datetime64[D]"),
        microseconds(xnys.opens),
        microseconds(xnys.closes),
    )


@lru_cache(maxsize=8)
def _currencies(first_year: int, last_year: int) -> Sessions:
    days = _days(first_year, last_year)
    days = days[np.is_busday(days)]
    return Sessions(days, _at_17_in_new_york(days - np.timedelta64(1, "D")), _at_17_in_new_york(days))


@lru_cache(maxsize=8)
def _round_the_clock(first_year: int, last_year: int) -> Sessions:
    days = _days(first_year, last_year)
    opens = days.astype("datetime64[us]").astype(np.int64)
    return Sessions(days, opens, opens + 24 * _HOUR)


def _days(first_year: int, last_year: int) -> NDArray[np.datetime64]:
    return np.arange(f"{first_year}-01-01", f"{last_year + 1}-01-01", dtype="datetime64[D]")


def _at_17_in_new_york(days: NDArray[np.datetime64]) -> Microseconds:
    return microseconds(pd.DatetimeIndex(days + np.timedelta64(17, "h")).tz_localize(NEW_YORK))
