"""How far a series is behind, in bars of its own market: by hand around sessions, weekends, holidays, half days."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.quality.freshness import (
    POLICIES,
    Freshness,
    FreshnessPolicy,
    expected_latest,
    freshness,
    policies_in_words,
)

EQUITY, CRYPTO, FX = (trading_calendar(name) for name in ("equity", "crypto", "fx"))
NO_DELAY = pd.Timedelta(0)
AT_ONCE = FreshnessPolicy(1, 3, NO_DELAY)


def ny(time: str) -> pd.Timestamp:
    return pd.Timestamp(time, tz="America/New_York")


@pytest.mark.parametrize(
    ("timeframe", "now", "delay", "latest"),
    [
        ("1h", "2024-11-26 10:29:59", 0, "2024-11-25 15:30"),
        ("1h", "2024-11-26 10:30", 0, "2024-11-26 09:30"),
        ("1h", "2024-11-26 10:30", 15, "2024-11-25 15:30"),
        ("1h", "2024-11-26 16:00", 0, "2024-11-26 15:30"),  # half an hour long
        ("1m", "2024-11-26 12:00:30", 0, "2024-11-26 11:59"),
        ("1d", "2024-11-26 15:59", 0, "2024-11-25 09:30"),
        ("1d", "2024-11-29 13:00", 0, "2024-11-29 09:30"),  # a half day
        ("1d", "2024-11-28 18:00", 0, "2024-11-27 09:30"),  # Thanksgiving
        ("1w", "2024-11-29 12:59", 0, "2024-11-18 09:30"),
        ("1w", "2024-11-29 13:00", 0, "2024-11-25 09:30"),
        ("1mo", "2024-12-02 12:00", 0, "2024-11-01 09:30"),
    ],
)
def test_the_newest_complete_bar(timeframe: str, now: str, delay: int, latest: str) -> None:
    assert expected_latest(timeframe, EQUITY, ny(now), pd.Timedelta(minutes=delay)) == ny(latest)


def test_before_the_calendar_begins_there_is_none() -> None:
    assert expected_latest("1d", EQUITY, pd.Timestamp("1880-01-01", tz="UTC"), NO_DELAY) is None


@pytest.mark.parametrize(
    ("now", "state", "behind"),
    [
        ("2024-11-26 16:00", "ok", 0),
        ("2024-11-27 10:29", "ok", 0),
        ("2024-11-27 10:30", "warn", 1),
        ("2024-11-27 12:29", "warn", 2),
        ("2024-11-27 12:30", "late", 3),
    ],
)
def test_hours_are_counted_as_they_close(now: str, state: str, behind: int) -> None:
    found = freshness(ny("2024-11-26 15:30"), "1h", EQUITY, ny(now), AT_ONCE)
    assert (found.state, found.behind) == (state, behind)


def test_over_a_weekend_and_a_holiday_nothing_gets_late() -> None:
    friday, thanksgiving = ny("2024-11-22 15:59"), ny("2024-11-27 15:59")
    policy = FreshnessPolicy(1, 2, NO_DELAY)
    for hours in range(0, 64):
        assert (
            freshness(friday, "1m", EQUITY, ny("2024-11-22 16:00") + pd.Timedelta(hours=hours), policy).behind
            == 0
        )
    assert freshness(thanksgiving, "1m", EQUITY, ny("2024-11-29 09:30"), policy).state == "ok"
    assert freshness(thanksgiving, "1m", EQUITY, ny("2024-11-29 09:31"), policy).state == "warn"


def test_crypto_is_never_excused() -> None:
    saturday = pd.Timestamp("2024-11-23 12:00", tz="UTC")
    assert freshness(saturday, "1h", CRYPTO, saturday + pd.Timedelta(hours=5), AT_ONCE) == Freshness(
        "late", 4, saturday + pd.Timedelta(hours=4)
    )
    assert freshness(ny("2024-11-22 16:00"), "1h", FX, ny("2024-11-24 17:59"), AT_ONCE).state == "ok"


def test_grace_and_delay_put_off_the_judgement_but_not_what_is_complete() -> None:
    policy = FreshnessPolicy(1, 3, pd.Timedelta(minutes=20))
    found = freshness(
        ny("2024-11-26 09:30"), "1h", EQUITY, ny("2024-11-26 12:00"), policy, delay=pd.Timedelta(minutes=15)
    )
    assert found == Freshness("ok", 0, ny("2024-11-26 10:30").tz_convert("UTC"))
    assert freshness(ny("2024-11-26 09:30"), "1h", EQUITY, ny("2024-11-26 12:00"), policy).behind == 1


def test_a_bar_that_is_not_complete_yet_is_not_ahead() -> None:
    assert freshness(ny("2024-11-26 10:30"), "1h", EQUITY, ny("2024-11-26 10:31"), AT_ONCE).behind == 0


def test_every_timeframe_has_a_policy_in_order() -> None:
    assert tuple(POLICIES) == TIMEFRAMES
    assert all(0 < policy.warn < policy.error for policy in POLICIES.values())
    assert policies_in_words().count("\n") == len(TIMEFRAMES) + 1


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([EQUITY, CRYPTO, FX]),
    st.sampled_from(TIMEFRAMES),
    st.datetimes(pd.Timestamp("2015-01-01"), pd.Timestamp("2028-01-01")),
    st.integers(0, 5),
)
def test_behind_is_the_number_of_bars_that_closed_since(
    calendar: TradingCalendar, timeframe: str, at: dt.datetime, behind: int
) -> None:
    now = pd.Timestamp(at, tz="UTC")
    opens = calendar.expected_opens(timeframe, now - pd.Timedelta(days=400), now)
    complete = opens[calendar.bar_closes(opens, timeframe) <= now]
    assert expected_latest(timeframe, calendar, now, NO_DELAY) == complete[-1]
    found = freshness(complete[-1 - behind], timeframe, calendar, now, FreshnessPolicy(2, 4, NO_DELAY))
    assert (found.behind, found.state) == (behind, "ok" if behind < 2 else "warn" if behind < 4 else "late")
