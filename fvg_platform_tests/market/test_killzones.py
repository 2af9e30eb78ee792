"""Sessions and killzones by the clock of New York, on both sides of the changes of clocks."""

import pandas as pd
import pytest

from fvg_platform.market.grids import microseconds
from fvg_platform.market.killzones import sessions_and_killzones


def at(*local: str) -> list[tuple[str, str | float]]:
    times = pd.DatetimeIndex(list(local)).tz_localize("America/New_York")
    session, killzone = sessions_and_killzones(microseconds(times))
    return [(s, k if isinstance(k, str) else None) for s, k in zip(session, killzone, strict=True)]


@pytest.mark.parametrize(
    ("time", "session", "killzone"),
    [
        ("00:00", "asia", None),
        ("02:00", "asia", None),
        ("02:01", "london", "london_open"),
        ("05:00", "london", "london_open"),
        ("05:01", "london", None),
        ("09:30", "london", None),  # a bar that closes at the opening bell was traded before it
        ("09:31", "new_york_am", "new_york_am"),
        ("11:00", "new_york_am", "new_york_am"),
        ("11:01", "new_york_am", "london_close"),
        ("12:00", "new_york_am", "london_close"),
        ("13:30", "new_york_lunch", None),
        ("13:31", "new_york_pm", "new_york_pm"),
        ("16:00", "new_york_pm", "new_york_pm"),
        ("16:01", "after_hours", None),
        ("18:00", "after_hours", None),
        ("18:01", "asia", None),
    ],
)
def test_the_parts_of_a_day(time, session, killzone):
    assert at(f"2024-01-10 {time}") == [(session, killzone)]
    assert at(f"2024-07-10 {time}") == [(session, killzone)]


def test_the_weekend_has_no_sessions():
    days = at(
        "2024-01-13 00:00", "2024-01-13 00:01", "2024-01-14 10:00", "2024-01-14 18:00", "2024-01-14 18:01"
    )
    assert [session for session, _ in days] == ["asia", "weekend", "weekend", "weekend", "asia"]
    assert [killzone for _, killzone in days] == [None] * 5


def test_daylight_saving_moves_the_windows_in_utc():
    """Clocks went forward on Sunday 10 March 2024 and back on 3 November."""
    utc = pd.DatetimeIndex(
        ["2024-03-08 14:31", "2024-03-11 13:31", "2024-03-11 13:30", "2024-11-01 13:31", "2024-11-04 14:31"],
        tz="UTC",
    )
    session, _ = sessions_and_killzones(microseconds(utc))
    assert list(session) == ["new_york_am", "new_york_am", "london", "new_york_am", "new_york_am"]
