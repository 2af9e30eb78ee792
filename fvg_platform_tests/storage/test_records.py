"""Single rows over the bulk connection: types, NULLs and conflicts."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fvg_platform.storage import schema
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.records import as_records, execute, insert_record
from fvg_platform_tests.platforms import Workplace

LINEAGE = {"run_id": "r1", "asset": "bars", "code_version": "1", "data_revision": 1}


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        yield connection


def test_a_record_comes_back_as_it_went(connection: Any) -> None:
    record = {**LINEAGE, "configuration": {"multiples": [1, 2.5], "it's": '"quoted" $1 \\ é'}, "ticker": None}
    identity = insert_record(connection, schema.lineage, record, returning="id")
    ((run_id, configuration, ticker, written_at),) = execute(
        connection,
        "SELECT run_id, configuration::text, ticker, written_at FROM lineage WHERE id = $1",
        [identity],
    )
    assert (run_id, ticker) == ("r1", None)
    assert "2.5" in configuration
    assert '\\"quoted\\" $1' in configuration
    assert written_at is not None, "a column that the record lacks gets its default"


def test_times_and_numbers_of_pandas_and_numpy_keep_their_value(connection: Any) -> None:
    ts = pd.Timestamp("2026-03-02 09:30:00.123456", tz="America/New_York")
    record = {
        "ticker": "AAPL", "timeframe": "1d", "asset": "bars", "state": "ok", "run_id": "r", "rows": np.int64(7),
        "first_ts": ts,
    }  # fmt: skip
    insert_record(connection, schema.series_status, record)
    ((rows, first),) = execute(connection, "SELECT rows, first_ts FROM series_status")
    assert rows == 7
    assert pd.Timestamp(first) == ts


def test_an_existing_row_is_updated_or_kept_as_asked(connection: Any) -> None:
    config = {"config_id": "c", "mode": "daily", "configuration": {"ttl": 20}}
    insert_record(connection, schema.engine_configs, config, keys=["config_id"])
    insert_record(
        connection, schema.engine_configs, {**config, "mode": "swing"}, keys=["config_id"], keep_existing=True
    )
    assert execute(connection, "SELECT mode FROM engine_configs") == [("daily",)]
    insert_record(connection, schema.engine_configs, {**config, "mode": "swing"}, keys=["config_id"])
    assert execute(connection, "SELECT mode FROM engine_configs") == [("swing",)]


def test_a_column_that_the_table_lacks_and_a_value_that_cannot_be_stored_are_named(connection: Any) -> None:
    with pytest.raises(KeyError, match="colour"):
        insert_record(connection, schema.lineage, {**LINEAGE, "colour": "red"})
    with pytest.raises(TypeError, match="a value of type object cannot be stored"):
        insert_record(connection, schema.lineage, {**LINEAGE, "run_id": object()})


def test_rows_of_a_frame_are_python_values_with_none_for_null() -> None:
    frame = pd.DataFrame(
        {
            "ticker": ["AAPL", None],
            "n": pd.array([1, None], dtype="Int64"),
            "r": [0.5, float("nan")],
            "ts": pd.to_datetime(["2026-03-02", None], utc=True),
            "is_it": pd.array([True, None], dtype="boolean"),
        }
    )
    first, second = as_records(frame)
    assert first == {
        "ticker": "AAPL", "n": 1, "r": 0.5, "ts": dt.datetime(2026, 3, 2, tzinfo=dt.UTC), "is_it": True,
    }  # fmt: skip
    assert second == dict.fromkeys(frame.columns)
    assert as_records(frame.iloc[:0]) == []
