"""Coarser bars against the aggregate of finer ones: what is compared, what differs, and by how much."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.cross_checks import comparable, compare_timeframes
from fvg_platform.market.resampling import resample_bars
from fvg_platform_tests.market_bars import random_bars

EQUITY = trading_calendar("equity")
MINUTES = random_bars("1m", "2024-11-27", "2024-12-04", seed=5)  # Thanksgiving and a half day lie within
HOURS = resample_bars(MINUTES, "1m", "1h", EQUITY)
BASIS = Basis("split", "session", "regular", "polygon")


def test_what_is_resampled_does_not_differ_from_its_source() -> None:
    found = compare_timeframes(MINUTES, "1m", HOURS, "1h", EQUITY)
    assert (found.compared, len(found.differing), found.worst) == (len(HOURS), 0, None)
    assert len(HOURS) == 7 + 4 + 7 + 7  # 27 and, until 13:00, 29 November, 2 and 3 December


def test_each_difference_beyond_its_tolerance_is_named_with_both_values() -> None:
    own = HOURS.copy()
    own.loc[3, "high"] *= 1 + 2e-6
    own.loc[4, "volume"] *= 1.009  # within 1 %
    own.loc[5, ["close", "volume"]] = [own.loc[5, "close"] * 1.5, own.loc[5, "volume"] * 1.02]
    found = compare_timeframes(MINUTES, "1m", own, "1h", EQUITY)
    assert found.differing["ts"].tolist() == [own.loc[3, "ts"], own.loc[5, "ts"]]
    assert found.differing["column"].tolist() == ["high", "close"]
    assert found.differing["own"].tolist() == [own.loc[3, "high"], own.loc[5, "close"]]
    assert found.differing["from_finer"].tolist() == [HOURS.loc[3, "high"], HOURS.loc[5, "close"]]
    assert found.worst is not None
    assert (found.worst["column"], found.worst["difference"]) == ("close", pytest.approx(1 / 3))


def test_a_coarser_bar_with_a_missing_minute_is_not_compared() -> None:
    hole = MINUTES[MINUTES["ts"] != HOURS.loc[2, "ts"] + pd.Timedelta(minutes=17)]
    own = HOURS.copy()
    own.loc[2, "volume"] *= 2
    found = compare_timeframes(hole, "1m", own, "1h", EQUITY)
    assert (found.compared, len(found.differing)) == (len(HOURS) - 1, 0)


def test_an_unknown_value_is_no_difference_and_an_absent_column_takes_no_part() -> None:
    fine = MINUTES.assign(vwap=MINUTES["close"], transactions=np.nan)
    own = resample_bars(fine, "1m", "1h", EQUITY).assign(transactions=5.0, taker_buy_volume=1.0)
    own["vwap"] *= 1.01
    found = compare_timeframes(fine, "1m", own, "1h", EQUITY)
    assert set(found.differing["column"]) == {"vwap"}
    assert len(found.differing) == len(own)


def test_days_make_weeks_and_months_but_hours_make_no_days() -> None:
    days = random_bars("1d", "2024-01-02", "2024-06-28", seed=6)
    weeks = resample_bars(days, "1d", "1w", EQUITY)
    found = compare_timeframes(days, "1d", weeks, "1w", EQUITY)
    assert (found.compared, len(found.differing)) == (len(weeks), 0)
    with pytest.raises(ValueError, match="1d bars cannot be held against 1h bars, of which are made: 4h"):
        compare_timeframes(HOURS, "1h", days, "1d", EQUITY)


@settings(deadline=None, max_examples=15)
@given(st.sets(st.integers(0, len(MINUTES) - 1), max_size=30))
def test_holes_never_make_a_difference(gone: set[int]) -> None:
    found = compare_timeframes(MINUTES.drop(index=list(gone)), "1m", HOURS, "1h", EQUITY)
    assert len(found.differing) == 0
    assert len(HOURS) - len(gone) <= found.compared <= len(HOURS)


def test_nothing_is_compared_where_the_series_do_not_meet() -> None:
    assert compare_timeframes(MINUTES.iloc[:0], "1m", HOURS, "1h", EQUITY).compared == 0
    assert compare_timeframes(MINUTES, "1m", HOURS.iloc[:0], "1h", EQUITY).compared == 0


@pytest.mark.parametrize(
    "other",
    [{"adjustment": "raw"}, {"anchor": "clock"}, {"session": "extended"}, {"source": "files"}],
    ids=str,
)
def test_only_series_of_one_basis_may_be_compared(other: dict[str, str]) -> None:
    assert comparable(BASIS, Basis("split", "session", "regular", "polygon"))
    assert not comparable(BASIS, replace(BASIS, **other))
