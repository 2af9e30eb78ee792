"""Windows: without hole or overlap, cut between exchange days, each below the vendor's limit."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.sources.polygon.windows import cut_windows, estimated_calls, exchange_days

CALENDARS = [
    trading_calendar("equity"),
    trading_calendar("equity", anchor="clock", session="extended"),
    trading_calendar("crypto"),
    trading_calendar("fx"),
]
MINUTES = st.integers(0, 60 * 24 * 900).map(
    lambda m: pd.Timestamp("2023-01-01", tz="UTC") + pd.Timedelta(minutes=m)
)


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def per_day(calendar: TradingCalendar) -> int:
    return 960 if calendar.asset_class == "equity" else 1440


@settings(max_examples=150, deadline=None)
@given(calendar=st.sampled_from(CALENDARS), ends=st.tuples(MINUTES, MINUTES), limit=st.integers(1441, 50_000))
def test_windows_cover_the_span_once_and_stay_below_the_limit(
    calendar: TradingCalendar, ends: Any, limit: int
) -> None:
    start, end = min(ends), max(ends)
    windows = cut_windows(start, end, calendar, bars_per_day=per_day(calendar), limit=limit)
    edges = [w.start for w in windows] + [w.end for w in windows[-1:]]
    assert edges == sorted(set(edges))
    assert [w.end for w in windows[:-1]] == edges[1:-1]
    assert (edges[0], edges[-1]) == (start, end) if windows else start == end
    days = exchange_days(start, end, calendar)
    for window in windows:
        assert window.start == start or window.start in days
        parts = exchange_days(window.start, window.end, calendar)
        trading = len(parts) if calendar.asset_class != "equity" else sessions(calendar, parts)
        assert trading * per_day(calendar) < limit


def sessions(calendar: TradingCalendar, days: pd.DatetimeIndex) -> int:
    opens = calendar.expected_opens("1d", days[0], days[-1] + pd.Timedelta(hours=23))
    return len(opens)


def test_two_years_of_shares_take_ten_calls() -> None:
    windows = cut_windows(
        utc("2022-11-01 04:00"), utc("2024-11-01"), CALENDARS[0], bars_per_day=960, limit=50_000
    )
    assert len(windows) == 10  # 503 sessions, 52 in each
    # Cuts are midnights in New York, in winter and in summer.
    assert windows[0].end == utc("2023-01-18 05:00")  # 21 sessions in November, 21 in December, 10 in January
    assert {w.end.tz_convert("America/New_York").hour for w in windows[:-1]} == {0}


def test_days_and_their_edges() -> None:
    (window,) = cut_windows(utc("2014-01-01"), utc("2024-01-01"), CALENDARS[0], bars_per_day=1, limit=50_000)
    assert (window.start, window.end) == (utc("2014-01-01"), utc("2024-01-01"))
    fx = cut_windows(utc("2024-03-08"), utc("2024-03-12"), CALENDARS[3], bars_per_day=1440, limit=1441)
    # 17:00 New York: 22:00 UTC before the clocks change on 10 March, 21:00 after.
    assert [w.end for w in fx] == [
        utc("2024-03-08 22:00"), utc("2024-03-09 22:00"), utc("2024-03-10 21:00"), utc("2024-03-11 21:00"),
        utc("2024-03-12"),
    ]  # fmt: skip
    assert estimated_calls(fx, CALENDARS[3], "1h") == 3  # none from Friday 17:00 to Sunday 17:00
    assert cut_windows(utc("2024-01-02"), utc("2024-01-02"), CALENDARS[0], bars_per_day=960, limit=961) == []
    with pytest.raises(ValueError, match="a limit of 960 base bars is too small for a day of 960"):
        cut_windows(utc("2024-01-02"), utc("2024-01-03"), CALENDARS[0], bars_per_day=960, limit=960)
