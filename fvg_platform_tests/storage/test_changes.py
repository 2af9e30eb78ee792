"""From when on revisions of a series differ: known only where every step between two of them is."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.changes import KEPT, changed_between, log_change
from fvg_platform.storage.records import execute
from fvg_platform_tests.platforms import Workplace

SERIES = ("AAPL", "1h", "bars")
DAYS = [pd.Timestamp(f"2024-01-{day:02d}", tz="UTC") for day in range(1, 10)]


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        yield connection


def test_the_earliest_of_all_steps_counts(connection: Any) -> None:
    for revision, day in ((2, 5), (3, 2), (4, 8)):
        log_change(connection, *SERIES, revision, DAYS[day])
    assert changed_between(connection, *SERIES, 1, 4) == DAYS[2]
    assert changed_between(connection, *SERIES, 3, 4) == DAYS[8]
    assert changed_between(connection, "AAPL", "1d", "bars", 3, 4) is None, "another series"


@pytest.mark.parametrize(("before", "after"), [(0, 3), (1, 5), (4, 4), (4, 3)])
def test_a_step_that_nobody_logged_may_have_changed_anything(
    connection: Any, before: int, after: int
) -> None:
    for revision in (2, 3, 4):
        log_change(connection, *SERIES, revision, DAYS[revision])
    assert changed_between(connection, *SERIES, before, after) is None


def test_a_step_of_unknown_reach_may_have_changed_anything(connection: Any) -> None:
    log_change(connection, *SERIES, 2, DAYS[2])
    log_change(connection, *SERIES, 3, None)
    assert changed_between(connection, *SERIES, 1, 3) is None
    log_change(connection, *SERIES, 3, DAYS[1])  # the same revision, written anew
    assert changed_between(connection, *SERIES, 1, 3) == DAYS[1]


def test_old_steps_are_forgotten(connection: Any) -> None:
    for revision in (50, 51, KEPT + 49, KEPT + 50):
        log_change(connection, *SERIES, revision, DAYS[0])
    left = execute(connection, "SELECT revision FROM series_changes ORDER BY 1")
    assert left == [(51,), (KEPT + 49,), (KEPT + 50,)]
