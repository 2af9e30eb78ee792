"""Whether a series is as new as it can be: counted in bars that its market has closed since, not in hours.

Over nights, weekends and holidays no bar closes, so nothing gets late. Only sources that go on are judged; a file and
the sample are archives and never late.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, microseconds, timestamps
from fvg_platform.market.timeframes import TIMEFRAMES

LIVE_SOURCES: frozenset[str] = frozenset({"polygon"})

State = Literal["ok", "warn", "late"]


@dataclass(frozen=True)
class FreshnessPolicy:
    """When a series is late.

    Parameters
    ----------
    warn, error
        Complete bars that the series may lack before it is worth a warning, and before it is late.
    grace
        How long after a bar is complete at the vendor the platform may take to fetch it: the time between two runs
        of its schedule.
    """

    warn: int
    error: int
    grace: pd.Timedelta


_MINUTES = FreshnessPolicy(10, 60, pd.Timedelta(minutes=10))
POLICIES: Mapping[str, FreshnessPolicy] = {
    "1m": _MINUTES,
    "5m": FreshnessPolicy(2, 12, _MINUTES.grace),
    "15m": FreshnessPolicy(1, 4, pd.Timedelta(minutes=15)),
    "1h": FreshnessPolicy(1, 3, pd.Timedelta(minutes=60)),
    "4h": FreshnessPolicy(1, 2, pd.Timedelta(minutes=60)),
    # A vendor settles its day bar in the hours after the close.
    "1d": FreshnessPolicy(1, 2, pd.Timedelta(hours=6)),
    "1w": FreshnessPolicy(1, 2, pd.Timedelta(hours=12)),
    "1mo": FreshnessPolicy(1, 2, pd.Timedelta(hours=12)),
}


@dataclass(frozen=True)
class Freshness:
    """How a series stands: `ok`, `warn` or `late`; `behind`: complete bars that it lacks; `latest`: the newest."""

    state: State
    behind: int
    latest: pd.Timestamp | None


def expected_latest(
    timeframe: str, calendar: TradingCalendar, now: pd.Timestamp, delay: pd.Timedelta
) -> pd.Timestamp | None:
    """Open time (UTC) of the newest bar that is complete at the vendor; None before the calendar's first one.

    Parameters
    ----------
    now
        With a zone.
    delay
        How long after its close the vendor gives a bar out.
    """
    grid, count = _complete(timeframe, calendar, now, delay)
    return timestamps(grid.opens(np.array([count - 1])))[0] if count else None


def freshness(
    last_ts: pd.Timestamp,
    timeframe: str,
    calendar: TradingCalendar,
    now: pd.Timestamp,
    policy: FreshnessPolicy,
    *,
    delay: pd.Timedelta = pd.Timedelta(0),  # noqa: B008 - a constant
) -> Freshness:
    """How many complete bars a series is behind, and whether that is too many.

    Parameters
    ----------
    last_ts
        Open time of the newest bar of the series, with a zone.
    now
        With a zone.
    policy
        That of the timeframe, see :data:`POLICIES`; its grace is added to `delay`.
    delay
        How long after its close the vendor gives a bar out.
    """
    grid, count = _complete(timeframe, calendar, now, delay + policy.grace)
    behind = max(count - grid.count_before(int(microseconds([last_ts])[0]) + 1), 0)
    state: State = "late" if behind >= policy.error else "warn" if behind >= policy.warn else "ok"
    return Freshness(state, behind, expected_latest(timeframe, calendar, now, delay))


def _complete(
    timeframe: str, calendar: TradingCalendar, now: pd.Timestamp, delay: pd.Timedelta
) -> tuple[BarGrid, int]:
    """The grid of a timeframe, and how many of its bars have closed before `now - delay`."""
    closed_by = int(microseconds([now - delay])[0])
    grid = calendar.grid(timeframe, closed_by, closed_by)
    opened = grid.count_before(closed_by + 1)
    if opened and int(grid.closes(np.array([opened - 1]))[0]) > closed_by:
        return grid, opened - 1
    return grid, opened


def policies_in_words() -> str:
    """The policies as a Markdown table."""
    lines = [
        "| timeframe | warn at bars behind | late at bars behind | time to fetch them |",
        "|---|--:|--:|--:|",
    ]
    for timeframe in TIMEFRAMES:
        policy = POLICIES[timeframe]
        minutes = int(policy.grace / pd.Timedelta(minutes=1))
        lines.append(f"| {timeframe} | {policy.warn} | {policy.error} | {minutes} min |")
    return "\n".join(lines)
