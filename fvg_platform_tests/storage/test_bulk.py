"""What goes in comes out, only differences are written, and two writers of one series wait for each other."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fvg_platform.storage.bulk import Written, read_frame, replace, series_transaction, upsert
from fvg_platform.storage.bulk_connections import bulk_connection

KEYS = ["ticker", "timeframe", "ts"]
AAPL = {"ticker": "AAPL", "timeframe": "1h"}
TABLES = """
CREATE TABLE bars (
    ticker text, timeframe text, ts timestamptz, open float8, high float8, low float8, close float8, volume float8,
    vwap float8, transactions bigint, lineage_id bigint, PRIMARY KEY (ticker, timeframe, ts));
CREATE TABLE notes (
    "key" text PRIMARY KEY, "odd ""name" integer, small smallint, flag boolean, day date, facts jsonb, exact numeric,
    words text[], lineage_id bigint, kept text DEFAULT 'default');
"""


def bars(count: int, **columns: object) -> pd.DataFrame:
    """`count` hourly bars of AAPL whose prices are small whole numbers, so that equality is exact."""
    price = np.arange(count, dtype=float)
    frame = pd.DataFrame(
        {
            "ts": pd.date_range("2024-01-02 14:30", periods=count, freq="h", tz="UTC"),
            "open": price,
            "high": price + 2,
            "low": price - 1,
            "close": price + 1,
            "volume": 555568.36,
            "vwap": np.nan,
            "transactions": pd.array([None] * count, dtype="Int64"),
            "lineage_id": 1,
        }
    )
    return frame.assign(**{**AAPL, **columns})


@pytest.fixture
def database(empty_database: str) -> str:
    with psycopg.connect(empty_database) as connection:
        connection.execute(TABLES)
    return empty_database


@pytest.fixture
def connection(database: str) -> Iterator[Any]:
    with bulk_connection(database) as opened:
        yield opened


def stored(connection: Any, columns: str = "*", table: str = "bars") -> pd.DataFrame:
    return read_frame(connection, f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3")


def versions(connection: Any) -> pd.DataFrame:
    """The physical row versions: a row that was written, locked or moved has another one."""
    return read_frame(connection, "SELECT ts, xmin::text, xmax::text, ctid::text FROM bars ORDER BY ts")


def test_rows_come_back_as_they_went_in(connection: Any) -> None:
    frame = bars(3, transactions=pd.array([7, None, 2**53 + 1], dtype="Int64"), vwap=[0.1, np.nan, 0.3])
    assert upsert(connection, "bars", frame, KEYS) == Written(inserted=3)
    found = stored(connection)
    pd.testing.assert_frame_equal(found, frame[list(found.columns)].astype({"ts": "datetime64[us, UTC]"}))
    assert read_frame(connection, "SELECT count(*) AS n FROM bars WHERE vwap IS NULL")["n"].item() == 1


def test_upsert_tells_new_changed_and_equal_rows_apart(connection: Any) -> None:
    upsert(connection, "bars", bars(3), KEYS)
    again = bars(4, lineage_id=2)
    again.loc[1, "close"] = 99.0
    assert upsert(connection, "bars", again, KEYS) == Written(inserted=1, updated=1, unchanged=2)
    assert stored(connection, "ticker, ts, close, lineage_id")["lineage_id"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("write", ["upsert", "replace"])
def test_the_same_again_touches_no_row(connection: Any, write: str) -> None:
    upsert(connection, "bars", bars(50), KEYS)
    connection.commit()
    before = versions(connection)
    again = bars(50, lineage_id=2).sample(frac=1, random_state=0)
    if write == "upsert":
        written = upsert(connection, "bars", again, KEYS)
    else:
        written = replace(connection, "bars", again, KEYS, AAPL)
    connection.commit()
    assert written == Written(unchanged=50)
    assert written.changed == 0
    pd.testing.assert_frame_equal(versions(connection), before)


def test_a_value_that_becomes_null_and_back_is_a_change(connection: Any) -> None:
    full = bars(1, vwap=5.0)
    upsert(connection, "bars", full, KEYS)
    for frame in (bars(1), full):
        assert replace(connection, "bars", frame, KEYS, AAPL) == Written(updated=1)
        assert upsert(connection, "bars", frame, KEYS) == Written(unchanged=1)


def test_columns_that_the_frame_lacks_keep_their_value(connection: Any) -> None:
    upsert(connection, "bars", bars(1, vwap=5.0), KEYS)
    assert upsert(connection, "bars", bars(1, open=7.0).drop(columns="vwap"), KEYS) == Written(updated=1)
    assert stored(connection, "ticker, ts, open, vwap")[["open", "vwap"]].to_numpy().tolist() == [[7.0, 5.0]]


def test_replace_makes_the_frame_the_whole_of_its_scope(connection: Any) -> None:
    upsert(connection, "bars", pd.concat([bars(5), bars(5, ticker="IBM"), bars(5, timeframe="1d")]), KEYS)
    new = bars(6).iloc[1:].drop(columns=["ticker", "timeframe"])
    new.loc[2, "volume"] = 1.0
    expected = Written(inserted=1, updated=1, unchanged=3, deleted=1)
    assert replace(connection, "bars", new, KEYS, AAPL) == expected
    counts = read_frame(
        connection, "SELECT ticker, timeframe, count(*) AS n FROM bars GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert counts.to_numpy().tolist() == [["AAPL", "1d", 5], ["AAPL", "1h", 5], ["IBM", "1h", 5]]
    assert stored(connection, "ticker, ts, open")["open"].min() == 0.0  # of the others
    assert replace(connection, "bars", bars(0), KEYS, AAPL) == Written(deleted=5)


def test_replace_from_a_time_on_leaves_what_lies_before(connection: Any) -> None:
    upsert(connection, "bars", bars(5), KEYS)
    since = bars(5)["ts"].iloc[3]
    assert replace(connection, "bars", bars(4).iloc[3:], KEYS, AAPL, since=since) == Written(
        unchanged=1, deleted=1
    )
    assert len(stored(connection)) == 4
    with pytest.raises(ValueError, match=r"bars lie outside of what is replaced .*AAPL"):
        replace(connection, "bars", bars(4), KEYS, AAPL, since=since)


def test_rows_of_another_series_are_refused(connection: Any) -> None:
    with pytest.raises(ValueError, match=r"outside of what is replaced .*'ticker': 'IBM'"):
        replace(connection, "bars", bars(2, ticker="IBM"), KEYS, AAPL)


prices = st.floats(allow_nan=True, allow_infinity=False, width=32)
row_sets = st.dictionaries(
    st.integers(0, 12), st.tuples(prices, st.none() | st.integers(-(2**63), 2**63 - 1))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=row_sets, second=row_sets)
def test_replace_ends_in_the_frame_whatever_was_there(connection: Any, first: dict, second: dict) -> None:
    def as_stored(vwap: float, count: int | None) -> tuple[float | None, int | None]:
        return (None if np.isnan(vwap) else vwap), count

    def frame(rows: dict) -> pd.DataFrame:
        made = bars(13).loc[list(rows)]
        made["vwap"] = [vwap for vwap, _ in rows.values()]
        made["transactions"] = pd.array([count for _, count in rows.values()], dtype="Int64")
        return made

    replace(connection, "bars", frame(first), KEYS, AAPL)
    written = replace(connection, "bars", frame(second), KEYS, AAPL)
    common = first.keys() & second.keys()
    equal = [key for key in common if as_stored(*first[key]) == as_stored(*second[key])]
    assert written == Written(
        inserted=len(second) - len(common),
        updated=len(common) - len(equal),
        unchanged=len(equal),
        deleted=len(first) - len(common),
    )
    found = stored(connection, "ts, ticker, vwap, transactions")
    expected = frame(second).sort_values("ts")
    assert found["ts"].tolist() == expected["ts"].tolist()
    np.testing.assert_array_equal(found["vwap"].to_numpy(), expected["vwap"].to_numpy())
    assert [None if pd.isna(n) else n for n in found["transactions"]] == [
        None if pd.isna(n) else n for n in expected["transactions"]
    ]
    connection.rollback()


def test_every_kind_of_column(connection: Any) -> None:
    frame = pd.DataFrame(
        {
            "key": pd.Categorical(["a", "b"]),
            'odd "name': [1.0, np.nan],  # a count that became a float because one is missing
            "small": pd.array([1, 2], dtype="Int16"),
            "flag": pd.array([True, None], dtype="boolean"),
            "day": [pd.Timestamp("2024-01-02").date(), None],
            "facts": [{"b": np.float64(0.5), "a": [1, None, "é\n"]}, None],
            "exact": ["12345678901234567890.5", None],
            "words": [["x,y", 'q"'], None],
            "lineage_id": 1,
        }
    )
    assert upsert(connection, "notes", frame, ["key"]) == Written(inserted=2)
    found = stored(connection, table="notes")
    assert found.loc[0, ["key", 'odd "name', "small", "flag", "exact", "kept"]].tolist() == [
        "a", 1, 1, True, 12345678901234567890.5, "default"
    ]  # fmt: skip
    assert found.loc[0, "facts"] == {"a": [1, None, "é\n"], "b": 0.5}
    assert found.loc[0, "words"].tolist() == ["x,y", 'q"']
    assert found.loc[1, ['odd "name', "flag", "day", "facts", "exact", "words"]].isna().all()
    assert found.dtypes[['odd "name', "small", "flag"]].astype(str).tolist() == ["Int32", "int16", "boolean"]
    assert upsert(connection, "notes", frame.assign(lineage_id=2), ["key"]) == Written(unchanged=2)
    assert replace(connection, "notes", frame.assign(lineage_id=2), ["key"], {}) == Written(unchanged=2)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"transactions": [1.0, 2.5]}, r"column transactions of bars \(bigint\) cannot take 2.5 \(row 1\)"),
        ({"open": ["1.5", "twelve"]}, r"column open of bars .* cannot take 'twelve' \(row 1\)"),
        ({"ts": pd.date_range("2024-01-02", periods=2)}, "column ts of bars .*without a time zone"),
        ({"colour": "red"}, "the table bars has no column colour; it has close, high"),
        ({"ts": pd.Timestamp("2024-01-02 14:30Z")}, r"1 keys are there more than once, the first is .*14:30"),
    ],
)
def test_a_value_that_does_not_fit_is_named(connection: Any, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        upsert(connection, "bars", bars(2, **columns), KEYS)
    with pytest.raises(ValueError, match=said):
        replace(connection, "bars", bars(2, **columns), KEYS, AAPL)


def test_a_missing_table_is_named(connection: Any) -> None:
    with pytest.raises(ValueError, match="there is no table 'barz'"):
        upsert(connection, "barz", bars(1), KEYS)


def test_parameters_are_bound_never_formatted(connection: Any) -> None:
    evil = "'; DROP TABLE bars; --"
    upsert(connection, "bars", bars(1, ticker=evil), KEYS)
    sql = "SELECT ticker, $2::float8 AS x, $3::timestamptz AS t FROM bars WHERE ticker = $1"
    found = read_frame(connection, sql, [evil, np.float64(1.5), pd.Timestamp("2024-01-02", tz="UTC")])
    assert found.iloc[0].tolist() == [evil, 1.5, pd.Timestamp("2024-01-02", tz="UTC")]


def test_an_empty_result_keeps_its_columns_and_types(connection: Any) -> None:
    found = stored(connection, "ts, open, transactions, ticker")
    assert found.dtypes.astype(str).tolist() == ["datetime64[us, UTC]", "float64", "int64", "str"]
    assert upsert(connection, "bars", bars(0), KEYS) == Written()


def test_a_table_in_another_schema(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "my ""own"')
        cursor.execute('CREATE TABLE "my ""own".bars (LIKE public.bars INCLUDING ALL)')
    for expected in (Written(inserted=2), Written(unchanged=2)):
        assert replace(connection, "bars", bars(2), KEYS, AAPL, schema='my "own') == expected
    assert upsert(connection, "bars", bars(2, open=9.0), KEYS, schema='my "own') == Written(updated=2)
    assert stored(connection).empty


def test_what_fails_is_rolled_back_whole(database: str) -> None:
    with pytest.raises(ZeroDivisionError), series_transaction(database, "AAPL|1h") as connection:
        replace(connection, "bars", bars(3), KEYS, AAPL)
        upsert(connection, "bars", bars(3, open=5.0), KEYS)
        raise ZeroDivisionError
    with series_transaction(database, "AAPL|1h") as connection:  # the lock is free again
        assert stored(connection).empty


def test_two_writers_of_one_series_wait_for_each_other(database: str) -> None:
    """The second one blocks before it reads, then sees what the first has committed."""
    locked, seen = threading.Event(), []

    def second() -> None:
        locked.wait()
        with series_transaction(database, "AAPL|1h") as connection:
            seen.append(replace(connection, "bars", bars(3), KEYS, AAPL))

    thread = threading.Thread(target=second)
    thread.start()
    with series_transaction(database, "AAPL|1h") as connection:
        replace(connection, "bars", bars(2), KEYS, AAPL)
        locked.set()
        with psycopg.connect(database, autocommit=True) as watcher:
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while watcher.execute(waiting).fetchone() == (0,):
                time.sleep(0.01)
        with series_transaction(database, "IBM|1h") as other:  # another series does not wait
            upsert(other, "bars", bars(1, ticker="IBM"), KEYS)
        assert seen == []
    thread.join()
    assert seen == [Written(inserted=1, unchanged=2)]
