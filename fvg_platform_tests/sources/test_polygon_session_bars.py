"""Hours of the session from half hours, days of currencies from hours."""

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.sources.polygon.session_bars import build_bars
from fvg_platform_tests.market_bars import random_bars

EQUITY = trading_calendar("equity")
COLUMNS = ["ts", "open", "high", "low", "close", "volume", "vwap", "transactions"]
NAN = np.nan


def rows(day: str, *values: tuple[object, ...], zone: str = "America/New_York") -> pd.DataFrame:
    """Bars whose first value is the time of day in the zone."""
    frame = pd.DataFrame(values, columns=COLUMNS)
    times = pd.DatetimeIndex([pd.Timestamp(f"{day} {time}", tz=zone) for time in frame["ts"]], tz=zone)
    frame["ts"] = times.tz_convert("UTC").as_unit("us")
    return frame.astype(dict.fromkeys(COLUMNS[1:], "float64"))


def test_hours_begin_at_half_past_nine() -> None:
    made = build_bars(
        rows(
            "2024-01-02",
            ("09:00", 9, 9, 9, 9, 900, 9, 9),  # pre-market
            ("09:30", 10, 12, 9, 11, 100, 10.5, 3),
            ("10:00", 11, 15, 11, 14, 300, 12.5, 4),
            ("11:00", 14, 14, 8, 13, 50, NAN, 2),  # the hour's other half had no trade
            ("12:30", 13, 13, 13, 13, 10, NAN, NAN),
            ("13:00", 13, 14, 12, 14, 30, 13, 1),
            ("15:30", 14, 16, 14, 15, 70, 15, 6),  # half an hour only
            ("16:00", 20, 20, 20, 20, 999, 20, 9),  # post-market
        ),
        "1h",
        EQUITY,
    )
    expected = rows(
        "2024-01-02",
        ("09:30", 10, 15, 9, 14, 400, 12.0, 7),
        ("10:30", 14, 14, 8, 13, 50, NAN, 2),
        ("12:30", 13, 14, 12, 14, 40, 13, NAN),
        ("15:30", 14, 16, 14, 15, 70, 15, 6),
    )
    pd.testing.assert_frame_equal(made, expected)


def test_a_half_day_ends_at_one() -> None:
    half_hours = [(f"{h:02}:{m}", 10, 11, 9, 10, 1, 10, 1) for h in range(9, 17) for m in ("00", "30")]
    made = build_bars(rows("2024-11-29", *half_hours), "1h", EQUITY)
    local = made["ts"].dt.tz_convert("America/New_York").dt.strftime("%H:%M").tolist()
    assert local == ["09:30", "10:30", "11:30", "12:30"]
    assert made["volume"].tolist() == [2, 2, 2, 1]


def test_hours_are_those_that_resampling_gives() -> None:
    minutes = random_bars("1m", "2024-03-06", "2024-03-14", seed=3).assign(
        vwap=lambda b: (b["high"] + b["low"]) / 2, transactions=2.0
    )
    minutes = minutes.drop(index=[5, 400, 401, 1200]).reset_index(drop=True)
    expected = resample_bars(minutes, "1m", "1h", EQUITY)
    pd.testing.assert_frame_equal(build_bars(minutes, "1h", EQUITY), expected)


def test_an_hour_is_made_with_each_version_of_a_half_hour() -> None:
    made = build_bars(
        rows(
            "2024-01-02",
            ("09:30", 10, 10, 10, 10, 100, 10, 1),
            ("10:00", 10, 10, 10, 10, 200, 10, 1),
            ("10:00", 10, 10, 10, 11, 300, 10, 1),
            ("10:00", 10, 10, 10, 12, 400, 10, 1),
            ("10:30", 10, 10, 10, 10, 1, 10, 1),
            ("11:00", 10, 10, 10, 10, 1, 10, 1),
            ("12:30", 10, 10, 10, 10, 5, 10, 1),
            ("12:30", 10, 10, 10, 10, 6, 10, 1),
        ),
        "1h",
        EQUITY,
    )
    assert made["volume"].tolist() == [300, 400, 500, 2, 5, 6]
    assert made["close"].tolist() == [10, 11, 12, 10, 10, 10]
    assert made["ts"].is_monotonic_increasing
    assert made["ts"].nunique() == 3


def test_a_day_of_currencies_begins_at_17_in_new_york() -> None:
    """Friday's last hour, nothing on Saturday, Sunday's first hour: Friday's day and Monday's day."""
    fx = trading_calendar("fx")
    hours = pd.concat(
        [
            rows("2024-03-08", ("16:00", 1, 1, 1, 1, 10, 1, 1), ("17:00", 9, 9, 9, 9, 9, 9, 9)),
            rows("2024-03-10", ("17:00", 2, 3, 2, 3, 20, 2, 1), ("23:00", 3, 5, 1, 4, 30, 2, 1)),
            rows("2024-03-11", ("16:00", 4, 4, 4, 4, 40, 4, 1), ("17:00", 6, 6, 6, 6, 60, 6, 1)),
        ],
        ignore_index=True,
    )
    made = build_bars(hours, "1d", fx)
    opens = made["ts"].dt.tz_convert("America/New_York").dt.strftime("%a %H:%M").tolist()
    assert opens == ["Thu 17:00", "Sun 17:00", "Mon 17:00"]
    assert made["volume"].tolist() == [10, 90, 60]
    assert made.loc[1, ["open", "high", "low", "close"]].tolist() == [2, 5, 1, 4]


def test_nothing_makes_nothing() -> None:
    empty = rows("2024-01-02")
    before = rows("2024-01-02", ("08:00", 9, 9, 9, 9, 900, 9, 9))
    for parts in (empty, before):
        made = build_bars(parts, "1h", EQUITY)
        assert made.empty
        pd.testing.assert_series_equal(made.dtypes, empty.dtypes)
