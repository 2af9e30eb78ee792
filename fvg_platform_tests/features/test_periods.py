"""Days, weeks and months inside a series: by hand, against pandas, over holes, and from a tail."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.periods import FEATURES
from fvg_platform_tests.features.made_bars import random_bars

NAMES = [feature.name for feature in FEATURES]
NEUTRAL = {"prior_day_position": 0.5, "prior_day_return": 0.0, "day_gap": 0.0, "day_range_used": 1.0,
           "daily_trend_5": 0.0, "daily_trend_20": 0.0, "prior_week_position": 0.5, "prior_week_return": 0.0,
           "weekly_trend_8": 0.0, "prior_month_position": 0.5, "prior_month_return": 0.0,
           "period_alignment": 0.0}  # fmt: skip


def at_times(times, prices):
    """Bars whose open is `a`, close `b`, and whose wicks are 1 long, for each (a, b)."""
    ts = pd.DatetimeIndex(pd.to_datetime(times)).tz_localize("America/New_York").tz_convert("UTC")
    open_, close = np.array(prices, dtype=float).T
    columns = {"open": open_, "high": np.maximum(open_, close) + 1, "low": np.minimum(open_, close) - 1}
    return pd.DataFrame({"ts": ts, **columns, "close": close, "volume": 1.0})


def days_of(closes, start="2026-03-02", holes=()):
    """Two bars a weekday, at 10:00 and 14:00: from the last close half-way to the new one, and there."""
    days = [day for day in pd.bdate_range(start, periods=len(closes) + len(holes)) if day.day not in holes]
    times, prices, last = [], [], closes[0]
    for day, close in zip(days, closes, strict=True):
        times += [day + pd.Timedelta(hours=10), day + pd.Timedelta(hours=14)]
        prices += [(last, (last + close) / 2), ((last + close) / 2, close)]
        last = close
    return compute_features(at_times(times, prices), names=NAMES)


def test_the_third_day_by_hand():
    times = [
        "2026-03-03 10:00",
        "2026-03-04 10:00",
        "2026-03-04 14:00",
        "2026-03-05 10:00",
        "2026-03-05 14:00",
    ]
    features = compute_features(
        at_times(times, [(50, 52), (60, 64), (64, 62), (66, 68), (68, 63)]), names=NAMES
    )
    third = features.iloc[4]  # the day before: 60 / 65 / 59 / 62; the day so far: 66 / 69 / 62 / 63
    assert third["day_return"] == pytest.approx(math.log(63 / 66))
    assert third["day_position"] == pytest.approx((63 - 62) / (69 - 62))
    assert third["prior_day_position"] == pytest.approx((63 - 59) / (65 - 59))
    assert third["prior_day_return"] == pytest.approx(math.log(62 / 60))
    assert third["day_gap"] == pytest.approx(math.log(66 / 62))
    assert third["day_range_used"] == pytest.approx(7 / 6)
    assert features["day_range_used"].iloc[3] == pytest.approx((69 - 65) / 6)
    assert third["week_return"] == pytest.approx(math.log(63 / 50))
    assert third["week_position"] == third["month_position"] == pytest.approx((63 - 49) / (69 - 49))


def test_the_first_period_may_be_half_a_period_and_counts_for_nothing_later():
    second_day = days_of([10.0, 20.0]).iloc[-1]
    assert second_day[list(NEUTRAL)].to_dict() == NEUTRAL
    assert days_of([10.0, 20.0, 25.0]).iloc[-1]["prior_day_return"] == pytest.approx(math.log(2))


def test_trends_of_complete_closes():
    """Six days count, the seventh is running: closes 20, 22, 24, 26, 28 and ranges of their steps and the wicks."""
    features = days_of([10.0, 18.0, 20.0, 22.0, 24.0, 26.0, 28.0, 99.0])
    assert features["daily_trend_5"].iloc[-1] == pytest.approx((28 - 24) / 4)
    assert features["daily_trend_5"].iloc[-3] == pytest.approx((26 - 22) / ((10 + 4 * 4) / 5))
    assert features["daily_trend_5"].iloc[-5] == 0.0  # four complete ones
    assert features["period_alignment"].iloc[-1] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("hole", "known"), [(11, True), (13, False)])
def test_a_day_too_far_back_does_not_count(hole, known):
    start = pd.Timestamp("2026-03-04 10:00")
    times = [start - pd.Timedelta(days=1), start, start + pd.Timedelta(days=hole)]
    last = compute_features(at_times(times, [(10, 10), (20, 24), (30, 30)]), names=NAMES).iloc[-1]
    assert last["prior_day_return"] == pytest.approx(math.log(24 / 20) if known else 0.0)


def test_a_week_begins_on_sunday_and_a_month_on_its_first():
    times = [
        "2026-01-30 10:00",
        "2026-02-02 10:00",
        "2026-02-28 12:00",
        "2026-03-01 18:00",
        "2026-03-02 10:00",
    ]
    prices = [(9, 9), (10, 12), (20, 22), (30, 31), (40, 41)]
    features = compute_features(at_times(times, prices), names=NAMES)
    sunday, monday = features.iloc[3], features.iloc[4]
    assert sunday["week_return"] == pytest.approx(math.log(31 / 30))
    assert monday["week_return"] == pytest.approx(math.log(41 / 30))
    assert monday["prior_week_return"] == pytest.approx(math.log(22 / 20))
    assert monday["prior_month_return"] == pytest.approx(math.log(22 / 10))
    assert monday["prior_month_position"] == pytest.approx((41 - 9) / (23 - 9))


def test_the_day_is_new_yorks():
    """03:30 UTC in July is 23:30 of the day before in New York, 04:30 is the new day."""
    ts = pd.to_datetime(["2026-07-01T03:30Z", "2026-07-01T04:30Z", "2026-07-01T12:00Z", "2026-07-02T03:30Z"])
    bars = random_bars(4).assign(ts=ts)
    returns = compute_features(bars, names=["day_return"])["day_return"]
    opens, closes = bars["open"], bars["close"]
    assert returns.iloc[1] == pytest.approx(math.log(closes[1] / opens[1]))
    assert returns.iloc[3] == pytest.approx(math.log(closes[3] / opens[1]))


def holed_bars():
    """Hourly bars of a year: New York's trading hours first, then around the clock, with holes up to five weeks."""
    bars = random_bars(8000, seed=6)
    kept = pd.DatetimeIndex(bars["ts"]).tz_convert("America/New_York").hour.isin(range(9, 16))
    kept[5000:] = True
    for start, length in ((1000, 300), (2500, 840), (5000, 24), (5200, 40), (7000, 150)):
        kept[start : start + length] = False
    return bars[kept].reset_index(drop=True)


HOLED = holed_bars()
WHOLE = compute_features(HOLED, names=NAMES)


def test_complete_weeks_and_months_against_pandas():
    bars = HOLED.set_index("ts").tz_convert("America/New_York").tz_localize(None)
    for period, rule, feature in (
        ("week", "W-SAT", "prior_week_return"),
        ("month", "M", "prior_month_return"),
    ):
        keys = bars.index.to_period(rule)
        grouped = bars.groupby(keys).agg({"open": "first", "close": "last"})
        returns = np.log(grouped["close"] / grouped["open"]).iloc[1:]
        back = pd.Series([(keys - n).map(returns.get) for n in ((1, 2) if period == "week" else (1,))])
        expected = pd.Series(back[0], dtype=float)
        for further in back[1:]:
            expected = expected.fillna(pd.Series(further, dtype=float))
        np.testing.assert_allclose(WHOLE[feature], expected.fillna(0.0), atol=1e-12, err_msg=feature)
        if period == "week":  # the long hole leaves weeks without one before them
            assert expected[400:].isna().any()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@settings(max_examples=12, deadline=None)
@given(share=st.floats(0.3, 0.999))
def test_a_tail_of_the_declared_days_gives_the_same(feature, share):
    row = int(share * len(HOLED))
    since = HOLED["ts"].iloc[row] - pd.Timedelta(days=feature.days)
    first = max(int(HOLED["ts"].searchsorted(since, side="right")) - 1, 0)
    tail = compute_features(HOLED.iloc[first : row + 50], names=[feature.name])[feature.name]
    np.testing.assert_allclose(
        tail.iloc[row - first :], WHOLE[feature.name].iloc[row : row + 50], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("freq", ["15min", "1D", "7D", "31D"])
def test_every_timeframe_has_values(freq):
    features = compute_features(random_bars(120, freq=freq), names=NAMES)
    assert np.isfinite(features[NAMES]).all(axis=None)
