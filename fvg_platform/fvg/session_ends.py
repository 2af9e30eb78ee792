"""Where each bar's session ends, for configurations that leave no order and no position overnight (`day_only`)."""

from typing import Protocol

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Ints
from fvg_platform.fvg.modes import ConfigurationError
from fvg_platform.market.timeframes import INTRADAY

NOT_YET = np.iinfo(np.int64).max
"""The end of a session that the bars do not show to be over: later than any bar."""

NO_SESSIONS: Ints = np.empty(0, np.int64)
"""In place of :func:`session_ends` where sessions end nothing."""


class SessionCalendar(Protocol):
    """What labels ask of an exchange calendar; `fvg_platform.market.calendars` has real ones."""

    def bar_closes(self, opens: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        """When the bars that open at `opens` (UTC) close, in the same order."""

    def session_closes(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """The closes of all sessions from the one of `first` to that of `last`, UTC, increasing."""


def session_ends(ts: pd.DatetimeIndex, timeframe: str, calendar: SessionCalendar) -> Ints:
    """Position of the last bar of each bar's session, shape (n,), or :data:`NOT_YET`.

    A session is known to be over once one of its bars closes with it, or a bar of a later session follows; so a
    series that is cut in the middle of a session gets no end that more bars would move. A bar between two
    sessions counts to the later one.

    Parameters
    ----------
    ts
        Open times of the bars, UTC, increasing.
    timeframe
        An intraday one.
    calendar
        That of the bars.

    Raises
    ------
    ConfigurationError
        For bars of a day and more, which end with their sessions anyway.
    """
    if timeframe not in INTRADAY:
        raise ConfigurationError(
            f"day_only is True, but {timeframe} bars last a session or more and have no last bar of a day: "
            "use day_only=False"
        )
    if not len(ts):
        return NO_SESSIONS
    closes = calendar.session_closes(ts[0], ts[-1])
    # Thousands of sessions are looked up among the bars, not a million bars among the sessions.
    after = ts.searchsorted(closes)  # the first bar after each session
    last, bars = np.maximum(after - 1, 0), np.diff(after, prepend=0, append=len(ts))
    ends = np.append(last, NOT_YET)
    # No more than the last session can be unfinished; bars beyond the calendar have none.
    if len(closes) and after[-1] == len(ts) and calendar.bar_closes(ts[-1:], timeframe)[0] < closes[-1]:
        ends[len(closes) - 1] = NOT_YET
    return np.repeat(ends, bars)
