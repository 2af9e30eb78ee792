"""A series that grows: what can still change is touched, and the tables are those of the whole history."""

from collections.abc import Iterator

import pytest

from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.sources.sample import SampleSource
from fvg_platform.storage.database import Database
from fvg_platform_tests.integration.growing import MINUTES, Growing, minutes
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def two(workplace: Workplace) -> Iterator[tuple[Growing, Growing]]:
    database = Database(workplace.home, workplace.url)
    source = MarketSource(database, open_archive=SampleSource)
    yield Growing(database, source, "PARTS"), Growing(database, source, "WHOLE")
    database.close()


def test_parts_give_the_rows_of_the_whole(two: tuple[Growing, Growing], workplace: Workplace) -> None:
    parts, whole = two
    bars = minutes()
    for end in (2, 40, 1600, 1601, 1990, MINUTES):
        parts.arrive(bars.iloc[:end])
        said = parts.derive()
    assert said["fvg_detections 1m"]["made_from"] == f"{MINUTES - 1990} new bars"
    assert said["fvg_labels 1m"]["rows_made"] < said["fvg_labels 1m"]["rows_inserted"] + 200
    assert parts.derive() == {key: {"unchanged": True} for key in said}

    whole.arrive(bars)
    assert whole.derive()["fvg_detections 1m"]["made_from"] == "the whole history"
    assert parts.rows(workplace) == whole.rows(workplace)
    assert all(len(found) > 20 for table, found in whole.rows(workplace).items() if table != "counts")


def test_a_bar_that_is_corrected_is_felt_as_far_as_it_reaches(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(1200)
    parts.arrive(bars)
    parts.derive()
    corrected = bars.copy()
    corrected.loc[700, "high"] *= 1.01
    parts.arrive(corrected)
    said = parts.derive()
    assert said["fvg_detections 1m"]["made_from"] == "the whole history"
    whole.arrive(corrected)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)


def test_bars_that_go_take_what_was_made_of_them_along(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(900)
    parts.arrive(bars)
    parts.derive()
    fewer = bars.drop(index=range(400, 420)).iloc[:-30].reset_index(drop=True)
    parts.arrive(fewer)
    parts.derive()
    whole.arrive(fewer)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)


def test_the_only_bar_of_a_coarser_timeframe_is_not_overlooked(
    two: tuple[Growing, Growing], workplace: Workplace
) -> None:
    parts, whole = two
    bars = minutes(29)
    for end in (16, 29):  # one bar of 15 minutes before the refresh, and after it
        parts.arrive(bars.iloc[:end])
        parts.derive()
    whole.arrive(bars)
    whole.derive()
    assert parts.rows(workplace) == whole.rows(workplace)
