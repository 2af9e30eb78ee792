"""What is known of a series: statuses, its row in `series`, and the lineage of what was written."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from fvg_platform.storage import series_status
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.records import execute
from fvg_platform.storage.series_status import Status
from fvg_platform_tests.platforms import Workplace

FIRST = pd.Timestamp("2020-01-02 14:30", tz="UTC")
STATUS = Status("AAPL", "1d", "bars", "ok", "run", None, "f1", 3, 250, FIRST, FIRST + pd.Timedelta(days=365))
SERIES = {
    "ticker": "AAPL", "timeframe": "1d", "asset_class": "equity", "adjustment": "split", "anchor": "session",
    "session": "regular", "source": "files", "resampled_from": None,
}  # fmt: skip


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        yield connection


def test_a_status_is_read_as_it_was_written_and_replaced_as_a_whole(connection: Any) -> None:
    series_status.write_status(connection, STATUS)
    found = series_status.statuses_of_ticker(connection, "AAPL")
    assert found == {("1d", "bars"): STATUS}
    failed = replace(STATUS, state="failed", reason="'no' \"such\" file", fingerprint=None, run_id="later")
    series_status.write_status(connection, failed)
    assert series_status.statuses_of_ticker(connection, "AAPL") == {("1d", "bars"): failed}


def test_statuses_are_those_of_one_ticker(connection: Any) -> None:
    for ticker, timeframe in (("AAPL", "1d"), ("AAPL", "1w"), ("AA", "1d")):
        series_status.write_status(connection, replace(STATUS, ticker=ticker, timeframe=timeframe))
    assert set(series_status.statuses_of_ticker(connection, "AAPL")) == {("1d", "bars"), ("1w", "bars")}
    assert series_status.statuses_of_ticker(connection, "NOPE") == {}


def test_a_series_keeps_what_a_later_record_does_not_mention(connection: Any) -> None:
    execute(connection, "SET LOCAL session_replication_role = replica")  # no symbol is needed here
    assert series_status.read_series(connection, "AAPL", "1d") is None
    series_status.write_series(connection, {**SERIES, "expected": 10, "present": 9, "missing": 1})
    series_status.write_series(connection, {**SERIES, "adjustment": "raw"})
    found = series_status.read_series(connection, "AAPL", "1d")
    assert found is not None
    assert {name: found[name] for name in SERIES} == {**SERIES, "adjustment": "raw"}
    assert (found["expected"], found["present"], found["missing"], found["unexpected"]) == (10, 9, 1, 0)


def test_lineage_that_nothing_carries_is_taken_back(connection: Any) -> None:
    named = {"run_id": "run", "asset": "bars", "code_version": "2", "data_revision": 4}
    kept = series_status.open_lineage(
        connection, **named, ticker="AAPL", timeframe="1d", configuration={"a": 1}
    )
    dropped = series_status.open_lineage(connection, **named)
    series_status.drop_lineage(connection, dropped)
    assert kept != dropped
    assert execute(connection, "SELECT id, asset, code_version, data_revision, ticker FROM lineage") == [
        (kept, "bars", "2", 4, "AAPL")
    ]
