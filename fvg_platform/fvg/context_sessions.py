"""A gap beside the sessions: profile of the last ones, VWAP, the extremes of the one before, the time of day.

Intraday a session is an exchange day of the calendar, without one the UTC day, and only sessions that the bars hold
count. From 1d on, bars take the place of sessions.
"""

from typing import Protocol

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints
from fvg_platform.fvg.context_columns import LOCATIONS
from fvg_platform.fvg.context_pattern import distance_atr
from fvg_platform.market.grids import Times, microseconds
from fvg_platform.market.killzones import sessions_and_killzones
from fvg_platform.market.timeframes import INTRADAY
from fvg_platform.market.volume_profile import Profiles, volume_profiles

PROFILE_SESSIONS = 5
PROFILE_BARS: dict[str, int] = {"1d": 20, "1w": 12, "1mo": 12}
"""How many bars before bar i-2 stand for the last sessions."""
VWAP_BARS = 20
_MINUTE = 60_000_000


class SessionCalendar(Protocol):
    """What the context asks of an exchange calendar; `fvg_platform.market.calendars` has real ones."""

    def session_date(self, ts: Times) -> pd.DatetimeIndex:
        """The exchange day each time belongs to, in order, without zone."""

    def opens_on(self, dates: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        """When the bar of each exchange day opens, UTC."""

    def bar_closes(self, opens: Times, timeframe: str) -> pd.DatetimeIndex:
        """When the bars that open at `opens` close, UTC, in the same order."""


def describe_sessions(
    b: BarArrays,
    timeframe: str,
    calendar: SessionCalendar | None,
    i: Ints,
    known_at: Ints,
    mid: Floats,
    atr: Floats,
) -> dict[str, object]:
    """Columns of each gap; `known_at` in microseconds since 1970 UTC."""
    session: pd.Categorical[str] | None
    killzone: pd.Categorical[str] | None
    if timeframe in INTRADAY:
        dates, first, of_bar = _sessions(b.ts, calendar)
        session, killzone = sessions_and_killzones(known_at)
        own = of_bar[i]
        minutes = (known_at - _opens(dates[first[own]], calendar)) / _MINUTE
        profile = _session_profiles(b, first, of_bar[i - 2])
        vwap = np.full(len(b), np.nan)
        _session_vwap(b.high, b.low, b.close, b.volume, of_bar, vwap)
        highest, lowest = np.full(len(first), np.nan), np.full(len(first), np.nan)
        highest[1:] = np.maximum.reduceat(b.high, first)[:-1]
        lowest[1:] = np.minimum.reduceat(b.low, first)[:-1]
        vwap, prior_high, prior_low = vwap[i], highest[own], lowest[own]
    else:
        session, killzone = None, None
        minutes = np.full(len(i), np.nan)
        window = PROFILE_BARS[timeframe]
        profile = volume_profiles(b.high, b.low, b.volume, i - 2 - window, i - 2)
        vwap = np.full(len(i), np.nan)
        _rolling_vwap(b.high, b.low, b.close, b.volume, i, vwap)
        prior_high, prior_low = b.high[i - 1], b.low[i - 1]
    return {
        **_beside_profile(profile, mid, atr),
        "session": session,
        "killzone": killzone,
        "minutes_since_open": minutes,
        "vwap_distance_atr": distance_atr(mid, vwap, atr),
        "prior_day_high_atr": distance_atr(mid, prior_high, atr),
        "prior_day_low_atr": distance_atr(mid, prior_low, atr),
    }


def _beside_profile(profile: Profiles, mid: Floats, atr: Floats) -> dict[str, object]:
    inside = LOCATIONS.index("inside")
    location = np.where(np.isnan(profile.poc), -1, inside)
    location[mid < profile.value_low] = LOCATIONS.index("below")
    location[mid > profile.value_high] = LOCATIONS.index("above")
    return {
        "profile_poc_atr": distance_atr(mid, profile.poc, atr),
        "profile_value_high_atr": distance_atr(mid, profile.value_high, atr),
        "profile_value_low_atr": distance_atr(mid, profile.value_low, atr),
        "profile_location": location,
        "profile_balanced": np.where(profile.balanced < 0, np.nan, profile.balanced),
        "profile_d_shaped": np.where(profile.d_shaped < 0, np.nan, profile.d_shaped),
    }


def _sessions(ts: pd.DatetimeIndex, calendar: SessionCalendar | None) -> tuple[pd.DatetimeIndex, Ints, Ints]:
    """Date of each bar, first bar of each session there is, and session of each bar."""
    dates = ts.tz_localize(None).normalize() if calendar is None else calendar.session_date(ts)
    if len(dates) != len(ts):
        raise ValueError(
            f"the calendar gave {len(dates)} session dates for {len(ts)} bars: it must give one for each"
        )
    days = dates.asi8
    begins = np.concatenate([[True], days[1:] != days[:-1]]) if len(days) else np.zeros(0, np.bool_)
    return dates, np.flatnonzero(begins), np.cumsum(begins) - 1


def _opens(dates: pd.DatetimeIndex, calendar: SessionCalendar | None) -> Ints:
    if calendar is None:
        return microseconds(dates.tz_localize("UTC"))
    return microseconds(calendar.opens_on(dates, "1d"))


def _session_profiles(b: BarArrays, first: Ints, session: Ints) -> Profiles:
    """Profile of the sessions before each given one, computed once for each that occurs."""
    wanted, inverse = np.unique(session, return_inverse=True)
    start = np.where(wanted >= PROFILE_SESSIONS, first[np.maximum(wanted - PROFILE_SESSIONS, 0)], -1)
    return volume_profiles(b.high, b.low, b.volume, start, first[wanted]).at(inverse)


@nb.njit(cache=True)
def _session_vwap(
    high: Floats, low: Floats, close: Floats, volume: Floats, session: NDArray[np.int64], vwap: Floats
) -> None:
    """Volume-weighted typical price from each session's first bar through each bar."""
    traded, paid = 0.0, 0.0
    for j in range(len(high)):
        if j == 0 or session[j] != session[j - 1]:
            traded, paid = 0.0, 0.0
        traded += volume[j]
        paid += volume[j] * ((high[j] + low[j] + close[j]) / 3.0)
        if traded > 0.0:
            vwap[j] = paid / traded


@nb.njit(cache=True)
def _rolling_vwap(high: Floats, low: Floats, close: Floats, volume: Floats, i: Ints, vwap: Floats) -> None:
    for g in range(len(i)):
        if i[g] + 1 < VWAP_BARS:
            continue
        traded, paid = 0.0, 0.0
        for j in range(i[g] + 1 - VWAP_BARS, i[g] + 1):
            traded += volume[j]
            paid += volume[j] * ((high[j] + low[j] + close[j]) / 3.0)
        if traded > 0.0:
            vwap[g] = paid / traded
