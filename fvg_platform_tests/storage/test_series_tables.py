"""Rows of one series: replaced whole, untouched where they are equal, and never those of another series."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from fvg_platform.storage import schema
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.records import execute
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        yield connection


def bars(*closes: float) -> pd.DataFrame:
    ts = pd.date_range("2026-03-02", periods=len(closes), freq="D", tz="UTC")
    return pd.DataFrame({"ts": ts, "open": 1.0, "high": 9.0, "low": 0.5, "close": closes, "volume": 100.0})


def test_the_frame_becomes_the_whole_of_the_series(connection: Any) -> None:
    table = schema.market_data
    assert replace_series_rows(connection, table, "AAPL", "1d", bars(1, 2, 3), 1) == Written(inserted=3)
    replace_series_rows(connection, table, "AAPL", "1w", bars(7), 1)
    assert replace_series_rows(connection, table, "AAPL", "1d", bars(1, 2, 3), 2).changed == 0
    assert replace_series_rows(connection, table, "AAPL", "1d", bars(1, 5), 3) == Written(
        updated=1, unchanged=1, deleted=1
    )
    found = read_series_rows(connection, table, "AAPL", "1d")
    assert found["close"].tolist() == [1, 5]
    assert list(found.columns[:2]) == ["ts", "open"], "what names the series is not repeated in its rows"
    assert read_series_rows(connection, table, "AAPL", "1w")["close"].tolist() == [7]
    lineage = execute(
        connection, "SELECT close, lineage_id FROM market_data WHERE timeframe = '1d' ORDER BY ts"
    )
    assert lineage == [(1.0, 1), (5.0, 3)], "a row says which run last changed it"


def test_rows_come_in_the_order_of_their_key_whatever_the_order_they_were_written_in(connection: Any) -> None:
    replace_series_rows(connection, schema.market_data, "AAPL", "1d", bars(1, 2, 3).iloc[::-1], 1)
    found = read_series_rows(connection, schema.market_data, "AAPL", "1d", columns=["ts", "close"])
    assert found["close"].tolist() == [1, 2, 3]
    assert list(found.columns) == ["ts", "close"]


def test_an_unknown_series_has_no_rows_but_all_columns(connection: Any) -> None:
    found = read_series_rows(connection, schema.fvg_detections, "NOPE", "1d")
    assert found.empty
    assert {"ts", "side", "known_at"} <= set(found.columns)


def test_a_missing_column_is_named_with_the_table_and_the_series(connection: Any) -> None:
    with pytest.raises(ValueError, match="rows for market_data of AAPL 1d lack the columns low, volume"):
        replace_series_rows(
            connection, schema.market_data, "AAPL", "1d", bars(1).drop(columns=["low", "volume"]), 1
        )
