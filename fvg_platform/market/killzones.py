"""Sessions and killzones: the parts of a trading day by the clock of New York, daylight saving included.

A time on a boundary belongs to the part that ends there, because times are closes of bars: the bar that closes at
16:00 was traded in the afternoon. From Saturday 00:00 to Sunday 18:00 it is weekend, whatever the market. Windows are
the clock's: they know no holidays and no half days.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.grids import Microseconds, timestamps
from fvg_platform.market.sessions import NEW_YORK

SESSIONS: tuple[str, ...] = (
    "asia",
    "london",
    "new_york_am",
    "new_york_lunch",
    "new_york_pm",
    "after_hours",
    "weekend",
)
REGULAR_NEW_YORK: tuple[str, ...] = ("new_york_am", "new_york_lunch", "new_york_pm")
"""The sessions between 09:30 and 16:00."""
KILLZONES: tuple[str, ...] = ("london_open", "new_york_am", "london_close", "new_york_pm")

# From (exclusive) and until (inclusive), in minutes of New York's day. Where the usual windows of New York's morning
# (09:30-11:00) and London's close (10:00-12:00) overlap, the former goes first.
_SESSIONS = (
    ("asia", 18 * 60, 24 * 60),
    ("asia", 0, 2 * 60),
    ("london", 2 * 60, 9 * 60 + 30),
    ("new_york_am", 9 * 60 + 30, 12 * 60),
    ("new_york_lunch", 12 * 60, 13 * 60 + 30),
    ("new_york_pm", 13 * 60 + 30, 16 * 60),
    ("after_hours", 16 * 60, 18 * 60),
)
_KILLZONES = (
    ("london_open", 2 * 60, 5 * 60),
    ("new_york_am", 9 * 60 + 30, 11 * 60),
    ("london_close", 11 * 60, 12 * 60),
    ("new_york_pm", 13 * 60 + 30, 16 * 60),
)
_DAY = 86_400_000_000
_MINUTE = 60_000_000


def sessions_and_killzones(times: Microseconds) -> "tuple[pd.Categorical[str], pd.Categorical[str]]":
    """Name the session and the killzone of each time.

    Parameters
    ----------
    times
        Closes of bars, microseconds since 1970 UTC, shape (n,).

    Returns
    -------
    (session, killzone)
        Of :data:`SESSIONS` and of :data:`KILLZONES`, each shape (n,); a killzone is NULL outside every window.
    """
    wall = (
        timestamps(np.asarray(times, np.int64)).tz_convert(NEW_YORK).tz_localize(None).as_unit("us").asi8 - 1
    )
    minute = wall % _DAY // _MINUTE
    session, killzone = _codes(_SESSIONS, SESSIONS)[minute], _codes(_KILLZONES, KILLZONES)[minute]
    weekday = (wall // _DAY + 3) % 7  # 1970 began on a Thursday
    weekend = (weekday == 5) | ((weekday == 6) & (minute < 18 * 60))
    session[weekend] = SESSIONS.index("weekend")
    killzone[weekend] = -1
    return _named(session, SESSIONS), _named(killzone, KILLZONES)


def _named(codes: NDArray[np.int8], names: tuple[str, ...]) -> "pd.Categorical[str]":
    return pd.Categorical.from_codes(codes, pd.Index(names))


def _codes(windows: tuple[tuple[str, int, int], ...], names: tuple[str, ...]) -> NDArray[np.int8]:
    """Code of each minute of the day; the last microsecond of the window's end has been taken off before."""
    codes = np.full(24 * 60, -1, np.int8)
    for name, start, end in windows:
        codes[start:end] = names.index(name)
    return codes
