"""Bars that are yet to come, by the calendar of late November 2026 and by what calendars say one bar at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.future_bars import closes_after, next_bars
from fvg_platform.market.timeframes import TIMEFRAMES

EQUITY, CRYPTO, FX = (trading_calendar(name) for name in ("equity", "crypto", "fx"))


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# 2026-11-25 was a Wednesday; on Thursday New York rested, on Friday it closed at 13:00.
@pytest.mark.parametrize(
    ("calendar", "timeframe", "last", "expected"),
    [
        (
            EQUITY,
            "1h",
            "2026-11-25 19:30",
            [
                ("2026-11-25 20:30", "2026-11-25 21:00"),
                ("2026-11-27 14:30", "2026-11-27 15:30"),
                ("2026-11-27 15:30", "2026-11-27 16:30"),
                ("2026-11-27 16:30", "2026-11-27 17:30"),
                ("2026-11-27 17:30", "2026-11-27 18:00"),
                ("2026-11-30 14:30", "2026-11-30 15:30"),
            ],
        ),
        (
            EQUITY,
            "4h",
            "2026-11-25 18:30",
            [("2026-11-27 14:30", "2026-11-27 18:00"), ("2026-11-30 14:30", "2026-11-30 18:30")],
        ),
        (
            EQUITY,
            "1d",
            "2026-11-25 14:30",
            [("2026-11-27 14:30", "2026-11-27 18:00"), ("2026-11-30 14:30", "2026-11-30 21:00")],
        ),
        (EQUITY, "1w", "2026-11-23 14:30", [("2026-11-30 14:30", "2026-12-04 21:00")]),
        (
            EQUITY,
            "1mo",
            "2026-11-02 14:30",
            [("2026-12-01 14:30", "2026-12-31 21:00"), ("2027-01-04 14:30", "2027-01-29 21:00")],
        ),
        (
            FX,
            "4h",
            "2026-11-27 16:00",
            [("2026-11-27 20:00", "2026-11-27 22:00"), ("2026-11-29 20:00", "2026-11-30 00:00")],
        ),
        (CRYPTO, "1h", "2026-12-31 23:00", [("2027-01-01 00:00", "2027-01-01 01:00")]),
    ],
)
def test_the_next_bars_by_hand(calendar, timeframe, last, expected):
    bars = next_bars(utc(last), len(expected), timeframe, calendar)
    assert list(bars.columns) == ["ts", "close_at"]
    assert list(bars.itertuples(index=False, name=None)) == [(utc(ts), utc(close)) for ts, close in expected]


def test_a_time_off_the_grid_is_followed_by_the_first_bar_that_opens_after_it():
    for last in ("2026-11-25 20:31", "2026-11-26 12:00", "2026-11-27 14:29"):
        assert next_bars(utc(last), 1, "1h", EQUITY)["ts"].item() == utc("2026-11-27 14:30")


def test_a_bar_that_opens_at_the_time_is_the_first():
    times = pd.DatetimeIndex(
        [utc("2026-11-30 14:30"), utc("2026-11-25 20:30"), utc("2026-11-25 20:31"), pd.NaT]
    )
    closes = closes_after(times, np.array([1, 2, 5, 1]), "1h", EQUITY)
    assert closes.tz is not None
    assert closes[:3].tolist() == [utc("2026-11-30 15:30"), utc("2026-11-27 15:30"), utc("2026-11-30 15:30")]
    assert closes.isna().tolist() == [False, False, False, True]


def test_what_no_calendar_can_tell_is_unknown():
    times = pd.DatetimeIndex([utc("2100-11-29"), utc("2100-11-29"), utc("2150-01-01"), utc("1850-01-01")])
    closes = closes_after(times, np.array([1, 2, 1, 1]), "1mo", CRYPTO)
    assert closes[0] == utc("2101-01-01")
    assert closes[1:].isna().all()
    with pytest.raises(ValueError, match=r"24/7 cannot tell the 2 bar.s. of 1mo after 2100-11-29"):
        next_bars(utc("2100-11-29"), 2, "1mo", CRYPTO)


def test_none_asked_none_given():
    assert closes_after(pd.DatetimeIndex([], tz="UTC"), np.array([], dtype=int), "1d", EQUITY).empty


@pytest.mark.parametrize(
    ("times", "bars", "message"),
    [
        ([utc("2026-01-05")], [1, 2], r"1 time.s. but bars of shape \(2,\)"),
        ([utc("2026-01-05")] * 2, [1, 0], "bars is 0 in row 1"),
        ([utc("2026-01-05")], [1.5], "bars are float64"),
        ([pd.Timestamp("2026-01-05")], [1], "without a zone"),
    ],
)
def test_refuses_what_is_no_count_of_bars(times, bars, message):
    with pytest.raises(ValueError, match=message):
        closes_after(pd.DatetimeIndex(times), np.array(bars), "1d", EQUITY)


def test_refuses_to_look_no_bar_ahead():
    with pytest.raises(ValueError, match="n is 0"):
        next_bars(utc("2026-01-05"), 0, "1d", EQUITY)


@given(
    st.sampled_from([EQUITY, CRYPTO, FX]),
    st.sampled_from(TIMEFRAMES),
    st.integers(0, 60 * 24 * 365 * 30).map(lambda minute: utc("2000-01-01") + pd.Timedelta(minutes=minute)),
    st.integers(1, 60),
)
@settings(max_examples=40, deadline=None)
def test_future_bars_are_those_the_calendar_expects(calendar, timeframe, last, n):
    """The oracle lists every expected open up to the last one found, and asks for each close on its own."""
    bars = next_bars(last, n, timeframe, calendar)
    opens = calendar.expected_opens(timeframe, last, bars["ts"].iloc[-1])
    assert bars["ts"].tolist() == [ts for ts in opens if ts > last]
    assert len(bars) == n
    assert bars["close_at"].tolist() == calendar.bar_closes(bars["ts"], timeframe).tolist()
    counts = np.arange(1, n + 1)
    just_after = pd.DatetimeIndex([last + pd.Timedelta(microseconds=1)] * n)
    assert closes_after(just_after, counts, timeframe, calendar).tolist() == bars["close_at"].tolist()
    # From a bar's own open on, that bar is the first.
    own = closes_after(pd.DatetimeIndex(bars["ts"]), np.ones(n, np.int64), timeframe, calendar)
    assert own.tolist() == bars["close_at"].tolist()


def test_many_bars_ahead_are_found_where_calendar_time_runs_fastest():
    """Minutes of the regular session take the most calendar time for their length: eight years, into another decade."""
    start, n = utc("2024-12-31 14:30"), 390 * 252 * 8
    ahead = closes_after(pd.DatetimeIndex([start]), np.array([n]), "1m", EQUITY)[0]
    opens = EQUITY.expected_opens("1m", start, ahead)
    assert (opens < ahead).sum() == n
    assert EQUITY.bar_closes(opens[opens < ahead][-1:], "1m")[0] == ahead
