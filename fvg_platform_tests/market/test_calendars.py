"""Expected bars of the three kinds of market, by hand: half days, clock changes, holidays, weekends, odd times."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.timeframes import TIMEFRAMES

NEW_YORK = "America/New_York"
EQUITY = trading_calendar("equity")
CLOCK = trading_calendar("equity", anchor="clock")
EXTENDED = trading_calendar("equity", anchor="clock", session="extended")
FX = trading_calendar("fx")
CRYPTO = trading_calendar("crypto")
ALL = (EQUITY, CLOCK, EXTENDED, FX, CRYPTO)


def ny(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times).tz_localize(NEW_YORK)


def utc(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times).tz_localize("UTC")


def expected(
    calendar: TradingCalendar, timeframe: str, first: str, last: str, zone: str = NEW_YORK
) -> list[str]:
    """`open-close` of all expected bars, in the zone's day and time."""
    bounds = pd.DatetimeIndex([first, last]).tz_localize(zone)
    opens = calendar.expected_opens(timeframe, bounds[0], bounds[1])
    closes = calendar.bar_closes(opens, timeframe)
    assert str(opens.dtype) == str(closes.dtype) == "datetime64[us, UTC]"
    return [
        f"{o:%d %H:%M}-{c:%H:%M}"
        for o, c in zip(opens.tz_convert(zone), closes.tz_convert(zone), strict=True)
    ]


def test_session_anchored_hours_with_a_holiday_and_a_half_day() -> None:
    # Thanksgiving is Thursday 2024-11-28; the day after closes at 13:00.
    assert expected(EQUITY, "1h", "2024-11-27 14:00", "2024-12-02 10:00") == [
        "27 14:30-15:30",
        "27 15:30-16:00",
        "29 09:30-10:30",
        "29 10:30-11:30",
        "29 11:30-12:30",
        "29 12:30-13:00",
        "02 09:30-10:30",
    ]


@pytest.mark.parametrize(
    ("calendar", "bars"),
    [
        (EQUITY, ["27 09:30-13:30", "27 13:30-16:00", "29 09:30-13:00"]),
        (CLOCK, ["27 08:00-12:00", "27 12:00-16:00", "29 08:00-12:00", "29 12:00-13:00"]),
        (
            EXTENDED,
            [
                *("27 04:00-08:00", "27 08:00-12:00", "27 12:00-16:00", "27 16:00-20:00"),
                *("29 04:00-08:00", "29 08:00-12:00", "29 12:00-16:00", "29 16:00-17:00"),
            ],
        ),
    ],
)
def test_four_hour_bars_of_each_anchor_and_session(calendar: TradingCalendar, bars: list[str]) -> None:
    assert expected(calendar, "4h", "2024-11-27", "2024-11-30") == bars


def test_clock_anchored_hours_overlap_the_session() -> None:
    assert expected(CLOCK, "1h", "2024-11-27", "2024-11-28") == [
        f"27 {hour:02d}:00-{hour + 1:02d}:00" for hour in range(9, 16)
    ]


def test_a_day_opens_at_half_past_nine_in_new_york_on_both_sides_of_the_clock_change() -> None:
    # Clocks go forward on Sunday 2024-03-10.
    opens = EQUITY.expected_opens("1d", ny("2024-03-08")[0], ny("2024-03-12")[0])
    assert list(opens) == list(utc("2024-03-08 14:30", "2024-03-11 13:30"))
    assert list(EQUITY.bar_closes(opens, "1d")) == list(utc("2024-03-08 21:00", "2024-03-11 20:00"))
    assert not EQUITY.breaks(opens, "1d").any()


def test_a_week_runs_from_its_first_session_to_its_last_close() -> None:
    # Labor Day is Monday 2024-09-02; Good Friday 2024-03-29.
    assert list(EQUITY.expected_opens("1w", ny("2024-09-02")[0], ny("2024-09-08")[0])) == list(
        ny("2024-09-03 09:30")
    )
    assert list(EQUITY.bar_closes(ny("2024-03-25 09:30"), "1w")) == list(ny("2024-03-28 16:00"))


def test_a_month_runs_from_its_first_session_to_its_last_close() -> None:
    opens = EQUITY.expected_opens("1mo", ny("2024-06-01")[0], ny("2024-09-30")[0])
    assert list(opens) == list(
        ny("2024-06-03 09:30", "2024-07-01 09:30", "2024-08-01 09:30", "2024-09-03 09:30")
    )
    assert list(EQUITY.bar_closes(opens[:1], "1mo")) == list(ny("2024-06-28 16:00"))


def test_the_week_of_new_year_knows_the_sessions_of_the_old_year() -> None:
    assert list(EQUITY.bar_closes(ny("1970-12-28 09:30"), "1w")) == list(ny("1970-12-31 16:00"))
    assert EQUITY.opens_on(pd.DatetimeIndex(["1970-01-02"]), "1w")[0] == ny("1969-12-29 09:30")[0]


def test_currencies_trade_from_sunday_to_friday_17_in_new_york_on_utc_hours() -> None:
    # 17:00 New York is 22:00 UTC in winter and 21:00 after the change on 2024-03-10.
    bars = expected(FX, "4h", "2024-03-08 16:00", "2024-03-11 03:00", "UTC")
    assert bars == ["08 16:00-20:00", "08 20:00-22:00", "10 20:00-00:00", "11 00:00-04:00"]
    assert expected(FX, "1h", "2024-03-08 20:00", "2024-03-10 22:00", "UTC") == [
        "08 20:00-21:00",
        "08 21:00-22:00",
        "10 21:00-22:00",
        "10 22:00-23:00",
    ]


def test_a_day_of_currencies_ends_at_17_in_new_york() -> None:
    assert expected(FX, "1d", "2024-03-07 00:00", "2024-03-12 00:00") == [
        "07 17:00-17:00",
        "10 17:00-17:00",
        "11 17:00-17:00",
    ]
    dates = FX.session_date(
        ny("2024-03-07 16:59", "2024-03-07 17:00", "2024-03-09 12:00", "2024-03-10 18:00")
    )
    assert [f"{d:%m-%d}" for d in dates] == ["03-07", "03-08", "03-11", "03-11"]
    assert FX.bar_closes(ny("2024-03-10 17:00"), "1w")[0] == ny("2024-03-15 17:00")[0]


def test_crypto_never_closes() -> None:
    assert expected(CRYPTO, "4h", "2024-03-09 18:00", "2024-03-10 05:00", "UTC") == [
        "09 20:00-00:00",
        "10 00:00-04:00",
        "10 04:00-08:00",
    ]
    assert list(CRYPTO.expected_opens("1w", utc("2024-03-01")[0], utc("2024-03-12")[0])) == list(
        utc("2024-03-04", "2024-03-11")
    )
    assert CRYPTO.bar_closes(utc("2024-02-01"), "1mo")[0] == utc("2024-03-01")[0]
    year = CRYPTO.expected_opens("1h", utc("2024-01-01")[0], utc("2024-12-31 23:00")[0])
    assert len(year) == 366 * 24
    assert not CRYPTO.breaks(year, "1h").any()


def test_breaks_are_sessions_missing_bars_and_what_is_off_the_grid() -> None:
    ts = ny(
        "2024-11-27 14:30",
        "2024-11-27 15:30",  # next
        "2024-11-29 09:30",  # the next expected bar, but a session lies between
        "2024-11-29 11:30",  # 10:30 is missing
        "2024-11-29 12:00",  # off the grid
        "2024-11-29 12:30",  # what follows it is not its next
    )
    assert EQUITY.breaks(ts, "1h").tolist() == [False, False, True, True, True, True]


def test_nights_and_weekends_do_not_break_days_but_a_missing_day_does() -> None:
    ts = ny("2024-11-27 09:30", "2024-11-29 09:30", "2024-12-02 09:30", "2024-12-04 09:30")
    assert EQUITY.breaks(ts, "1d").tolist() == [False, False, False, True]


def test_only_the_weekend_breaks_the_hours_of_currencies() -> None:
    week = FX.expected_opens("1h", utc("2024-03-04")[0], utc("2024-03-15")[0])
    broken = FX.breaks(week, "1h")
    assert list(week[broken]) == list(utc("2024-03-10 21:00"))


def test_what_is_not_on_the_calendar_closes_after_its_nominal_duration() -> None:
    holiday = ny("2024-11-28 09:30", "2024-11-27 15:45")
    assert list(EQUITY.bar_closes(holiday, "1h")) == list(ny("2024-11-28 10:30", "2024-11-27 16:45"))


@pytest.mark.parametrize(
    ("timeframe", "date", "opens"),
    [
        ("1d", "2024-11-29", "2024-11-29 09:30"),
        ("1d", "2024-11-28", "2024-11-28 09:30"),  # a holiday, where it would have opened
        ("1w", "2024-09-02", "2024-09-03 09:30"),
        ("1w", "2024-09-08", "2024-09-03 09:30"),
        ("1mo", "2024-09-30", "2024-09-03 09:30"),
    ],
)
def test_exchange_days_name_bars(timeframe: str, date: str, opens: str) -> None:
    assert EQUITY.opens_on(pd.DatetimeIndex([date]), timeframe)[0] == ny(opens)[0]


def test_an_evening_belongs_to_its_local_day() -> None:
    evening = utc("2024-11-27 00:30", "2024-11-27 14:30")
    assert [d.date() for d in EQUITY.session_date(evening)] == [dt.date(2024, 11, 26), dt.date(2024, 11, 27)]
    assert [d.date() for d in CRYPTO.session_date(evening)] == [dt.date(2024, 11, 27)] * 2


@pytest.mark.parametrize("calendar", ALL, ids=lambda c: f"{c.name} {c.anchor} {c.session}")
# No deadline: the first time in a decade loads its calendar.
@settings(deadline=None, max_examples=25)
@given(
    timeframe=st.sampled_from(TIMEFRAMES),
    start=st.datetimes(dt.datetime(1962, 1, 1), dt.datetime(2038, 1, 1)),
)
def test_expected_bars_are_each_others_next_and_do_not_overlap(
    calendar: TradingCalendar, timeframe: str, start: dt.datetime
) -> None:
    first = pd.Timestamp(start, tz="UTC")
    last = first + pd.Timedelta(days={"1d": 60, "1w": 200, "1mo": 800}.get(timeframe, 8))
    opens = calendar.expected_opens(timeframe, first, last)
    closes = calendar.bar_closes(opens, timeframe)
    assert len(opens) and opens[0] >= first and opens[-1] <= last
    assert (opens < closes).all()
    assert (closes[:-1] <= opens[1:]).all()
    broken = calendar.breaks(opens, timeframe)
    # Between bars that touch there is never a break; between sessions always, and only on intraday timeframes.
    intraday = timeframe in ("1m", "5m", "15m", "1h", "4h")
    assert broken[1:].tolist() == [
        bool(c < o) and intraday for c, o in zip(closes[:-1], opens[1:], strict=True)
    ]


@pytest.mark.parametrize("calendar", ALL, ids=lambda c: f"{c.name} {c.anchor} {c.session}")
@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_times_beyond_every_calendar_are_off_the_grid_and_do_not_crash(
    calendar: TradingCalendar, timeframe: str
) -> None:
    odd = utc("1700-01-01", "1700-01-02", "2250-01-01")
    assert calendar.breaks(odd, timeframe).tolist() == [False, True, True]
    assert (calendar.bar_closes(odd, timeframe) > odd).all()
    none = calendar.breaks(odd[:0], timeframe)
    assert none.shape == (0,) and none.dtype == np.bool_
    assert len(calendar.bar_closes(odd[:0], timeframe)) == 0


def test_times_need_a_zone_and_arguments_are_named_in_errors() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        EQUITY.breaks(pd.DatetimeIndex(["2024-01-02 09:30"]), "1h")
    with pytest.raises(ValueError, match="unknown asset class 'bond'"):
        trading_calendar("bond")
    with pytest.raises(ValueError, match="unknown timeframe '2h'"):
        EQUITY.breaks(ny("2024-01-02 09:30"), "2h")
    with pytest.raises(ValueError, match="not of 1h"):
        EQUITY.opens_on(pd.DatetimeIndex(["2024-01-02"]), "1h")
    with pytest.raises(ValueError, match="unknown anchor 'midnight'"):
        trading_calendar("equity", anchor="midnight")  # type: ignore[arg-type]
