"""Missing bars and coverage, by hand and against the plain set difference."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import Coverage, coverage, find_holes

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
