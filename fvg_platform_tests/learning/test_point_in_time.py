"""Which version speaks of a day: cases by hand, and that nothing known later decides it."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.point_in_time import (
    BACKFILLED,
    LIVE,
    RECONSTRUCTED,
    Choice,
    Deployment,
    version_of_day,
)


def at(day: float) -> pd.Timestamp:
    return pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day)


def served(version: int, start: float, until: float | None, cut: float) -> Deployment:
    return Deployment(version, at(start), None if until is None else at(until), at(cut))


FIRST, SECOND = served(1, 100, 120, 50), served(2, 120, None, 80)


@pytest.mark.parametrize(
    ("day", "newest", "expected"),
    [
        (130, True, Choice(2, LIVE)),
        (130, False, Choice(2, BACKFILLED)),
        (110, False, Choice(1, BACKFILLED)),  # served then, retired since
        (119, False, Choice(2, BACKFILLED)),  # the second one served when the day ended
        (118, False, Choice(1, BACKFILLED)),
        (
            90,
            False,
            Choice(2, RECONSTRUCTED),
        ),  # nobody served; the second had learnt from more of what was before
        (60, False, Choice(1, RECONSTRUCTED)),  # the second had learnt from the day itself
        (49, False, None),  # both had
        (30, True, Choice(2, LIVE)),  # of an archive: the newest day there is
    ],
)
def test_the_version_of_the_day_speaks(day: float, newest: bool, expected: Choice | None) -> None:
    assert version_of_day([FIRST, SECOND], at(day), at(day + 1), newest=newest) == expected


def test_where_nothing_served_nothing_is_said() -> None:
    retired = served(1, 100, 110, 50)
    assert version_of_day([retired], at(115), at(116), newest=False) is None
    assert version_of_day([retired], at(115), at(116), newest=True) is None
    again = served(1, 118, None, 50)
    assert version_of_day([retired, again], at(115), at(116), newest=False) is None
    assert version_of_day([retired, again], at(119), at(120), newest=False) == Choice(1, BACKFILLED)
    assert version_of_day([], at(0), at(1), newest=False) is None


def test_of_versions_of_one_cut_the_first_that_served_speaks_of_the_time_before() -> None:
    later = served(2, 120, None, 50)
    assert version_of_day([later, FIRST], at(60), at(61), newest=False) == Choice(1, RECONSTRUCTED)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 20)), min_size=1, max_size=6), st.integers(0, 120)
)
def test_what_is_put_in_service_later_changes_nothing(stretches: list[tuple[int, int]], day: int) -> None:
    deployments, start = [], 0.0
    for version, (cut, lasts) in enumerate(stretches, start=1):
        deployments.append(served(version, start, start + lasts, cut - 100))
        start += lasts
    known = [d for d in deployments if d.served_from <= at(day + 1)]
    chosen = version_of_day(known, at(day), at(day + 1), newest=False)
    assert version_of_day(deployments, at(day), at(day + 1), newest=False) == chosen
