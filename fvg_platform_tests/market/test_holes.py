"""Missing bars and coverage, by hand and against the plain set difference."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import (
    Coverage,
    coverage,
    find_holes,
    monthly_coverage,
    monthly_coverage_from_holes,
)

NEW_YORK = "America/New_York"
EQUITY = trading_calendar("equity")


def ny(*times: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times).tz_localize(NEW_YORK)


def test_a_hole_reaches_over_nights_and_leaves_out_holidays() -> None:
    ts = ny("2024-11-27 13:30", "2024-11-29 10:30", "2024-11-29 12:30")
    holes = find_holes(ts, "1h", EQUITY)
    assert holes["from_ts"].tolist() == list(ny("2024-11-27 14:30", "2024-11-29 11:30"))
    assert holes["to_ts"].tolist() == list(ny("2024-11-29 09:30", "2024-11-29 11:30"))
    assert holes["missing"].tolist() == [3, 1]
    assert coverage(ts, "1h", EQUITY) == Coverage(
        expected=7, present=3, missing=4, unexpected=0, completeness=3 / 7, longest_hole=3
    )


def test_bars_that_nobody_expects_are_counted_apart() -> None:
    ts = ny(
        "2024-11-27 09:30", "2024-11-27 09:30", "2024-11-28 09:30", "2024-11-29 09:30", "2024-11-29 16:00"
    )
    covered = coverage(ts, "1d", EQUITY)
    assert (covered.expected, covered.present, covered.missing, covered.unexpected) == (2, 2, 0, 2)


def test_a_series_wholly_off_the_calendar_and_an_empty_one() -> None:
    christmas = coverage(ny("2024-12-25 10:00"), "1h", EQUITY)
    assert (christmas.expected, christmas.unexpected, christmas.completeness) == (0, 1, 0.0)
    empty = ny("2024-12-25")[:0]
    assert coverage(empty, "1h", EQUITY) == Coverage(0, 0, 0, 0, 0.0, 0)
    assert len(find_holes(empty, "1h", EQUITY)) == 0


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(["equity", "fx", "crypto"]), st.sampled_from(["15m", "1h", "1d"]), st.data())
def test_holes_are_exactly_what_is_missing(asset_class: str, timeframe: str, data: st.DataObject) -> None:
    calendar = trading_calendar(asset_class)
    first = pd.Timestamp("2024-11-20", tz="UTC")
    bars = calendar.expected_opens(timeframe, first, first + pd.Timedelta(days=40))[:120]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(bars), max_size=len(bars))))
    ts = bars[keep]
    holes = find_holes(ts, timeframe, calendar)
    filled = [t for a, b in zip(holes["from_ts"], holes["to_ts"], strict=True) for t in bars if a <= t <= b]
    inside = [t for t in bars.difference(ts) if len(ts) and ts[0] < t < ts[-1]]
    assert filled == inside
    assert holes["missing"].sum() == len(inside)


def test_months_are_those_of_the_exchange() -> None:
    # In New York both bars are of January, though the second lies in February by UTC.
    late = trading_calendar("equity", anchor="clock", session="extended")
    ts = ny("2024-01-31 18:00", "2024-01-31 19:00", "2024-02-01 04:00")
    months = monthly_coverage(ts, "1h", late)
    assert months["month"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    assert months["expected"].tolist() == months["present"].tolist() == [2, 1]


def test_a_currency_day_belongs_to_the_month_in_which_it_ends() -> None:
    months = monthly_coverage(ny("2024-09-30 16:00", "2024-09-30 17:00"), "1h", trading_calendar("fx"))
    assert months["month"].dt.strftime("%Y-%m").tolist() == ["2024-09", "2024-10"]


def test_a_hole_over_the_end_of_a_month_counts_in_both() -> None:
    ts = ny("2024-11-27 09:30", "2024-12-04 09:30")  # sessions missing: 29 November, 2 and 3 December
    holes = find_holes(ts, "1d", EQUITY)
    assert holes["missing"].tolist() == [3]
    table = monthly_coverage_from_holes(ts[0], ts[-1], holes.assign(kind="untraded"), "1d", EQUITY)
    assert table[["expected", "present", "untraded"]].to_numpy().tolist() == [[2, 1, 1], [3, 1, 2]]


def test_an_empty_series_has_no_months() -> None:
    assert monthly_coverage(ny("2024-12-25")[:0], "1h", EQUITY).empty


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(["equity", "fx", "crypto"]), st.sampled_from(["1h", "4h", "1d", "1w"]), st.data())
def test_months_add_up_whether_counted_from_bars_or_from_holes(
    asset_class: str, timeframe: str, data: st.DataObject
) -> None:
    calendar = trading_calendar(asset_class)
    first = pd.Timestamp("2024-10-20", tz="UTC")
    bars = calendar.expected_opens(timeframe, first, first + pd.Timedelta(days=130))
    keep = data.draw(st.sets(st.integers(0, len(bars) - 1), min_size=1, max_size=40))
    # Off the grid, at the very end: nobody expects it, yet the series reaches that far.
    ts = bars[sorted(keep)].append(pd.DatetimeIndex([first + pd.Timedelta(days=140, minutes=7)]))
    holes = find_holes(ts, timeframe, calendar)
    counted = monthly_coverage(ts, timeframe, calendar)
    derived = monthly_coverage_from_holes(ts[0], ts[-1], holes, timeframe, calendar)
    pd.testing.assert_frame_equal(counted, derived[["month", "expected", "present"]])
    whole = coverage(ts, timeframe, calendar)
    assert (counted["expected"].sum(), counted["present"].sum()) == (whole.expected, whole.present)
