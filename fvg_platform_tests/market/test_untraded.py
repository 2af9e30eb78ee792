"""Minutes without a trade told from lost ones: the vendor's hours know, by hand and on random removals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import find_holes
from fvg_platform.market.resampling import resample_bars
from fvg_platform.market.untraded import classify_holes
from fvg_platform_tests.market_bars import random_bars

EQUITY = trading_calendar("equity")
MINUTES = random_bars("1m", "2024-11-26", "2024-11-30", seed=7)
HOURS = resample_bars(MINUTES, "1m", "1h", EQUITY)


def without(minutes: pd.DataFrame, *times: str) -> pd.DataFrame:
    """The minutes but those between two times of New York, both included."""
    first, last = (pd.Timestamp(time, tz="America/New_York") for time in (times[0], times[-1]))
    return minutes[~minutes["ts"].between(first, last)]


def kinds(fine: pd.DataFrame, **coarser: pd.DataFrame) -> list[str]:
    """The kinds of all holes; `h1` stands for 1h, `m5` for 5m."""
    frames = {name[1:] + name[0]: bars for name, bars in coarser.items()}
    return classify_holes(find_holes(fine["ts"], "1m", EQUITY), fine, "1m", frames, EQUITY).tolist()


def test_the_hour_tells_lost_minutes_from_untraded_ones() -> None:
    holed = without(without(MINUTES, "2024-11-26 10:00"), "2024-11-26 11:40", "2024-11-26 11:45")
    assert kinds(holed, h1=HOURS) == ["lost", "lost"]
    # An hour made of the minutes that are there holds no more than these.
    assert kinds(holed, h1=resample_bars(holed, "1m", "1h", EQUITY)) == ["untraded", "untraded"]
    mixed = resample_bars(without(MINUTES, "2024-11-26 10:00"), "1m", "1h", EQUITY)
    assert kinds(holed, h1=mixed) == ["untraded", "lost"]


def test_a_hole_over_several_hours_and_a_night_is_lost_if_any_of_them_says_so() -> None:
    holed = without(MINUTES, "2024-11-26 15:00", "2024-11-27 10:44")
    quiet = resample_bars(holed, "1m", "1h", EQUITY)
    fallen = HOURS[HOURS["ts"] == pd.Timestamp("2024-11-27 09:30", tz="America/New_York")]
    assert kinds(holed, h1=quiet) == ["unknown"]  # the hour 15:30 has no bar at all
    assert kinds(holed, h1=pd.concat([quiet, fallen]).drop_duplicates("ts", keep="last")) == ["lost"]
    silent = HOURS.merge(quiet[["ts", "volume"]], on="ts", how="left", suffixes=("_full", ""))
    assert kinds(holed, h1=silent.fillna({"volume": 0.0})) == ["untraded"]


@pytest.mark.parametrize(
    ("factor", "kind"), [(1.0009, "untraded"), (1.002, "lost"), (0.9995, "untraded"), (0.99, "unknown")]
)
def test_rounding_is_no_loss_and_less_volume_than_its_minutes_tells_nothing(factor: float, kind: str) -> None:
    holed = without(MINUTES, "2024-11-26 10:00")
    hours = resample_bars(holed, "1m", "1h", EQUITY)
    hours["volume"] *= factor
    assert kinds(holed, h1=hours) == [kind]


def test_without_coarser_bars_nobody_knows() -> None:
    holed = without(MINUTES, "2024-11-26 10:00")
    assert kinds(holed) == ["unknown"]
    assert kinds(holed, h1=HOURS.iloc[10:]) == ["unknown"]
    assert kinds(MINUTES, h1=HOURS) == []


def test_the_hour_in_which_the_minutes_begin_or_end_tells_nothing() -> None:
    inside = MINUTES.iloc[30:1000]  # from 10:00 of the first day on
    holed = without(inside, "2024-11-26 10:10")
    assert kinds(holed, h1=HOURS) == ["unknown"]
    assert kinds(without(inside, "2024-11-26 10:31"), h1=HOURS) == ["lost"]


def test_the_finest_coarser_series_that_tells_is_believed() -> None:
    holed = without(without(MINUTES, "2024-11-26 10:01"), "2024-11-26 10:12")
    fives = resample_bars(without(MINUTES, "2024-11-26 10:01"), "1m", "5m", EQUITY)
    # By the hour both are lost; the five minutes know that nothing was traded in the first.
    assert kinds(holed, h1=HOURS) == ["lost", "lost"]
    assert kinds(holed, h1=HOURS, m5=fives) == ["untraded", "lost"]
    absent = fives[fives["ts"] != pd.Timestamp("2024-11-26 10:00", tz="America/New_York")]
    assert kinds(holed, h1=HOURS, m5=absent) == ["lost", "lost"]


def test_holes_of_a_resampled_series_are_told_by_the_same_hours() -> None:
    holed = without(MINUTES, "2024-11-26 10:00", "2024-11-26 10:09")
    fives = resample_bars(holed, "1m", "5m", EQUITY)
    holes = find_holes(fives["ts"], "5m", EQUITY)
    assert holes["missing"].tolist() == [2]
    assert classify_holes(holes, holed, "1m", {"1h": HOURS}, EQUITY).tolist() == ["lost"]


@settings(deadline=None, max_examples=20)
@given(st.sets(st.integers(60, len(MINUTES) - 60), min_size=1, max_size=40), st.booleans())
def test_what_was_never_traded_is_never_lost_and_what_was_removed_is_never_untraded(
    gone: set[int], traded: bool
) -> None:
    fine = MINUTES.drop(index=sorted(gone))
    hours = HOURS if traded else resample_bars(fine, "1m", "1h", EQUITY)
    holes = find_holes(fine["ts"], "1m", EQUITY)
    found = classify_holes(holes, fine, "1m", {"1h": hours}, EQUITY, tolerance=1e-9)
    assert set(found) <= {"lost" if traded else "untraded", "unknown"}
    assert found.index.equals(holes.index)
    assert np.array_equal(holes["missing"].sum(), len(gone))
