"""Coarser bars: by hand over half days, missing bars and holidays; then any path gives the same bars."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.resampling import resample_bars

NEW_YORK = "America/New_York"
EQUITY = trading_calendar("equity")
CHAIN = ("1m", "5m", "15m", "1h", "4h")


def ny(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times).tz_localize(NEW_YORK)


def bars_at(ts: pd.DatetimeIndex) -> pd.DataFrame:
    """Bars whose prices tell their place: opens 10, 20, …, volume 1, 2, …"""
    n = np.arange(1.0, len(ts) + 1)
    return pd.DataFrame(
        {"ts": ts, "open": 10 * n, "high": 10 * n + 5, "low": 10 * n - 5, "close": 10 * n + 1, "volume": n}
    )


def random_bars(ts: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 + rng.normal(size=len(ts)).cumsum() * 0.1
    open_ = close + rng.normal(size=len(ts)) * 0.05
    volume = rng.integers(0, 1000, len(ts)).astype(float)
    return pd.DataFrame(
        {
            "ts": ts,
            "open": open_,
            "high": np.maximum(open_, close) + rng.random(len(ts)),
            "low": np.minimum(open_, close) - rng.random(len(ts)),
            "close": close,
            "volume": volume,
            "vwap": (open_ + close) / 2,
            "transactions": np.ceil(volume / 7),
            "taker_buy_volume": volume / 3,
        }
    )


def between(calendar: TradingCalendar, timeframe: str, first: str, last: str) -> pd.DatetimeIndex:
    bounds = pd.DatetimeIndex([first, last]).tz_localize(calendar.timezone)
    return calendar.expected_opens(timeframe, bounds[0], bounds[1])


def test_hours_of_a_half_day_become_one_bar_of_the_morning() -> None:
    hours = bars_at(between(EQUITY, "1h", "2024-11-27 09:30", "2024-11-29 12:30"))
    coarse = resample_bars(hours, "1h", "4h", EQUITY)
    assert coarse["ts"].tolist() == list(ny("2024-11-27 09:30", "2024-11-27 13:30", "2024-11-29 09:30"))
    assert coarse["open"].tolist() == [10, 50, 80]
    assert coarse["high"].tolist() == [45, 75, 115]
    assert coarse["low"].tolist() == [5, 45, 75]
    assert coarse["close"].tolist() == [41, 71, 111]
    assert coarse["volume"].tolist() == [1 + 2 + 3 + 4, 5 + 6 + 7, 8 + 9 + 10 + 11]


def test_a_week_is_labelled_by_its_first_session_even_when_that_bar_is_missing() -> None:
    days = between(EQUITY, "1d", "2024-08-26", "2024-09-13 16:00")
    without_tuesday = days[days != ny("2024-09-03 09:30")[0]]
    weeks = resample_bars(bars_at(without_tuesday), "1d", "1w", EQUITY)
    assert weeks["ts"].tolist() == list(ny("2024-08-26 09:30", "2024-09-03 09:30", "2024-09-09 09:30"))
    assert weeks["open"].tolist() == [10, 60, 90]


def test_an_unfinished_week_is_left_out_at_both_ends() -> None:
    days = between(EQUITY, "1d", "2024-08-28", "2024-09-12 16:00")
    weeks = resample_bars(bars_at(days), "1d", "1w", EQUITY)
    assert weeks["ts"].tolist() == list(ny("2024-09-03 09:30"))


def test_months() -> None:
    days = between(EQUITY, "1d", "2024-06-03", "2024-08-15")
    months = resample_bars(bars_at(days), "1d", "1mo", EQUITY)
    assert months["ts"].tolist() == list(ny("2024-06-03 09:30", "2024-07-01 09:30"))
    assert months["volume"].tolist() == [sum(range(1, 20)), sum(range(20, 42))]  # 19 and 22 sessions


@pytest.mark.parametrize(
    ("minutes", "given_out"),
    [
        (["09:30", "09:34"], ["09:30"]),  # its last minute closes it
        (["09:30", "09:33"], []),  # 09:34 may still come
        (["09:30", "09:33", "09:36"], ["09:30"]),  # 09:34 was without a trade
        (["09:31", "09:34"], []),  # the data start inside it
        (["09:31", "09:34", "09:39"], ["09:35"]),  # only the very first bar is left out for that
        (
            ["09:29", "09:31", "09:34"],
            ["09:30"],
        ),  # a bar before the session shows that the data start earlier
        (["16:30"], []),  # after the session
    ],
)
def test_when_a_bar_is_whole(minutes: list[str], given_out: list[str]) -> None:
    fine = bars_at(ny(*(f"2024-11-27 {m}" for m in minutes)))
    coarse = resample_bars(fine, "1m", "5m", EQUITY)
    assert coarse["ts"].tolist() == list(ny(*(f"2024-11-27 {m}" for m in given_out)))


def test_bars_outside_the_session_take_no_part() -> None:
    fine = bars_at(ny("2024-11-27 09:00", "2024-11-27 09:30", "2024-11-27 09:34", "2024-11-27 16:00"))
    coarse = resample_bars(fine, "1m", "5m", EQUITY)
    assert coarse["volume"].tolist() == [2 + 3]


def test_the_clocks_first_hour_is_whole_though_trading_starts_in_its_middle() -> None:
    clock = trading_calendar("equity", anchor="clock")
    minutes = bars_at(between(clock, "1m", "2024-11-27 09:30", "2024-11-27 11:59"))
    hours = resample_bars(minutes, "1m", "1h", clock)
    assert hours["ts"].tolist() == list(ny("2024-11-27 09:00", "2024-11-27 10:00", "2024-11-27 11:00"))
    assert hours["open"].tolist() == [10, 310, 910]
    assert resample_bars(hours, "1h", "4h", clock)["ts"].tolist() == list(ny("2024-11-27 08:00"))


def test_vwap_is_weighted_and_unknown_parts_stay_unknown() -> None:
    fine = bars_at(ny(*(f"2024-11-27 09:{m}" for m in range(30, 45))))
    fine["volume"] = [1.0, 3.0, 0.0, 0.0, 0.0] + [0.0] * 5 + [2.0] * 5
    fine["vwap"] = [10.0, 20.0, 99.0, 99.0, 99.0] + [50.0] * 5 + [np.nan, 10.0, 20.0, np.nan, 30.0]
    fine["transactions"] = [1.0] * 14 + [np.nan]
    coarse = resample_bars(fine, "1m", "5m", EQUITY)
    np.testing.assert_array_equal(coarse["vwap"], [(10 + 3 * 20) / 4, np.nan, 20.0])
    np.testing.assert_array_equal(coarse["transactions"], [5.0, 5.0, np.nan])


def test_what_cannot_be_resampled_is_refused() -> None:
    two = bars_at(ny("2024-11-27 09:31", "2024-11-27 09:30"))
    with pytest.raises(ValueError, match="not in order at row 1"):
        resample_bars(two, "1m", "5m", EQUITY)
    with pytest.raises(ValueError, match="1d bars are not made of 1h bars"):
        resample_bars(two, "1h", "1d", EQUITY)


def test_no_bars_give_no_bars() -> None:
    nothing = resample_bars(random_bars(ny("2024-11-27 09:30")[:0], 0), "1m", "4h", EQUITY)
    assert len(nothing) == 0
    assert nothing.columns.tolist() == random_bars(ny("2024-11-27 09:30"), 0).columns.tolist()


calendars = st.sampled_from(
    [
        EQUITY,
        trading_calendar("equity", anchor="clock"),
        trading_calendar("equity", anchor="clock", session="extended"),
        trading_calendar("fx"),
        trading_calendar("crypto"),
    ]
)


@settings(deadline=None, max_examples=30)
@given(
    calendars, st.integers(0, 10_000), st.sampled_from([0.02, 0.5, 1.0]), st.sampled_from(["15m", "1h", "4h"])
)
def test_every_path_through_the_timeframes_gives_the_same_bars(
    calendar: TradingCalendar, seed: int, density: float, target: str
) -> None:
    # From Wednesday over a holiday and a half day (equities) and a weekend into Tuesday; both ends are whole bars.
    minutes = between(calendar, "1m", "2024-11-27 00:00", "2024-12-03 12:00")
    coarsest = calendar.expected_opens("4h", minutes[0], minutes[-1])
    minutes = minutes[(minutes >= coarsest[0]) & (minutes < coarsest[-1])]
    keep = np.random.default_rng(seed).random(len(minutes)) < density
    keep[0] = keep[-1] = True
    fine = random_bars(minutes[keep], seed)

    direct = resample_bars(fine, "1m", target, calendar)
    stepwise, source = fine, "1m"
    for timeframe in CHAIN[1 : CHAIN.index(target) + 1]:
        stepwise, source = resample_bars(stepwise, source, timeframe, calendar), timeframe
    pd.testing.assert_frame_equal(stepwise, direct, rtol=1e-12)

    assert direct["volume"].sum() == pytest.approx(fine["volume"].sum())
    assert direct["high"].max() == fine["high"].max()
    assert direct["low"].min() == fine["low"].min()
    assert direct["open"].iloc[0] == fine["open"].iloc[0]
    assert direct["close"].iloc[-1] == fine["close"].iloc[-1]
    assert direct["ts"].isin(calendar.expected_opens(target, minutes[0], minutes[-1])).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 900), st.sampled_from(["5m", "1h", "4h"]))
def test_more_data_change_no_bar_that_was_given_out(seed: int, cut: int, target: str) -> None:
    minutes = between(EQUITY, "1m", "2024-11-26 11:07", "2024-12-02 16:00")
    keep = np.random.default_rng(seed).random(len(minutes)) < 0.6
    fine = random_bars(minutes[keep], seed)
    before = resample_bars(fine.iloc[:cut], "1m", target, EQUITY)
    after = resample_bars(fine, "1m", target, EQUITY)
    pd.testing.assert_frame_equal(before, after.iloc[: len(before)])
