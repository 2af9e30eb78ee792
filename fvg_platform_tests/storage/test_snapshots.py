"""Parquet files hold what the tables hold; what did not change is not written, and nothing is ever half a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pandas.testing as pdt
import psycopg
import pyarrow.parquet as pq
import pytest

from fvg_platform.storage import schema, snapshots
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.series_status import Status, open_lineage, write_status
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows
from fvg_platform.storage.snapshot_layout import ASSET_OF, TABLES, snapshot_file, snapshot_files
from fvg_platform.storage.snapshot_reader import NAMES, MissingSnapshotsError, Snapshots
from fvg_platform.storage.snapshots import Exported, SnapshotError, export_snapshots
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

ODD = ["X:BTCUSD", "TRUE", "007", "A/B", "BRK.B", "50%", "it's", "two words", "NULL"]
BARS = random_bars("1d", "2024-01-02", "2024-03-01", seed=1)


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        yield connection


def store(connection: Any, ticker: str, bars: pd.DataFrame, timeframe: str = "1d", revision: int = 1) -> None:
    """Make bars what the platform holds of a series."""
    lineage_id = open_lineage(
        connection, run_id="a run", asset="bars", code_version="1", data_revision=revision
    )
    replace_series_rows(connection, schema.market_data, ticker, timeframe, bars, lineage_id)
    write_status(
        connection,
        Status(ticker, timeframe, "bars", "ok", "a run", fingerprint="of something", revision=revision),
    )
    connection.commit()


def changed(path: Path) -> tuple[int, int]:
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_every_table_comes_back_as_it_is(sample: Workplace, tmp_path: Path) -> None:
    folder = tmp_path / ".fvg" / "it's [1]*"
    with bulk_connection(sample.url) as connection:
        done = export_snapshots(connection, folder)
        again = export_snapshots(connection, folder)
        made = sample.rows("SELECT ticker, timeframe, asset FROM series_status")
        files = Snapshots(folder)
        for name, table in NAMES.items():
            series = sorted((t, f) for t, f, asset in made if asset == ASSET_OF[table])
            assert sorted((t, f) for t, f, _ in snapshot_files(folder, table)) == series
            for ticker, timeframe in series[:4]:
                stored = read_series_rows(connection, schema.metadata.tables[table], ticker, timeframe)
                view = getattr(files, name)
                read = view.frame(ticker, timeframe)
                assert set(read.pop("ticker")) | set(read.pop("timeframe")) <= {ticker, timeframe}
                pdt.assert_frame_equal(read, stored)
                by_duckdb = view.relation(ticker, timeframe).df().drop(columns=["ticker", "timeframe"])
                # Where all of a text is NULL DuckDB gives objects.
                by_duckdb = by_duckdb.astype({c: stored[c].dtype for c in stored if stored[c].dtype == "str"})
                pdt.assert_frame_equal(by_duckdb, stored, check_dtype=False)
    total = sum(sample.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)
    assert (done.rows, done.skipped, done.removed) == (total, 0, 0)
    assert again == Exported(skipped=done.files)
    assert done.bytes == sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def test_only_series_that_changed_are_written(connection: Any, tmp_path: Path) -> None:
    for ticker in ("ONE", "TWO"):
        store(connection, ticker, BARS)
    assert export_snapshots(connection, tmp_path).files == 2
    one, two = (snapshot_file(tmp_path, "market_data", ticker, "1d") for ticker in ("ONE", "TWO"))
    before = changed(one), changed(two)
    # The same number of rows, the same range, and the revision that a restored database counts anew.
    store(connection, "TWO", BARS.assign(close=BARS["close"] * 1.001, high=BARS["high"] * 1.001))
    done = export_snapshots(connection, tmp_path)
    assert (done.files, done.rows, done.skipped) == (1, len(BARS), 1)
    assert changed(one) == before[0]
    assert changed(two) != before[1]
    close = Snapshots(tmp_path).bars.frame("TWO")["close"]
    assert close.tolist() == (BARS["close"] * 1.001).tolist()


def test_a_file_that_is_damaged_or_has_other_columns_is_written_anew(connection: Any, tmp_path: Path) -> None:
    for ticker in ("ONE", "TWO", "THREE"):
        store(connection, ticker, BARS)
    export_snapshots(connection, tmp_path)
    one, two, _ = (path for _, _, path in snapshot_files(tmp_path, "market_data"))
    one.write_bytes(one.read_bytes()[:100])
    older = pq.read_table(two, partitioning=None)
    pq.write_table(older.drop_columns("vwap"), two)
    done = export_snapshots(connection, tmp_path)
    assert (done.files, done.skipped) == (2, 1)
    assert len(Snapshots(tmp_path).bars.arrow()) == 3 * len(BARS)


def test_series_that_are_gone_are_removed_within_what_was_asked_for(
    connection: Any, workplace: Workplace, tmp_path: Path
) -> None:
    for ticker in ("ONE", "TWO"):
        store(connection, ticker, BARS)
    store(connection, "TWO", BARS, "1w")
    export_snapshots(connection, tmp_path)
    (tmp_path / "market_data" / "notes.txt").write_text("my own")
    with psycopg.connect(libpq_url(workplace.url)) as database:
        database.execute("DELETE FROM series_status WHERE ticker = 'TWO'")
    assert export_snapshots(connection, tmp_path, tickers=["ONE"]).removed == 0
    assert export_snapshots(connection, tmp_path, tables=["features"]).removed == 0
    assert export_snapshots(connection, tmp_path, timeframes=["1w"]).removed == 1
    assert not (tmp_path / "market_data" / "timeframe=1w").exists()
    assert export_snapshots(connection, tmp_path).removed == 1
    assert [(t, f) for t, f, _ in snapshot_files(tmp_path, "market_data")] == [("ONE", "1d")]
    assert (tmp_path / "market_data" / "notes.txt").exists()


def test_an_export_of_some_series_writes_those(connection: Any, tmp_path: Path) -> None:
    for ticker, timeframe in (("ONE", "1d"), ("ONE", "1w"), ("TWO", "1d")):
        store(connection, ticker, BARS, timeframe)
    assert export_snapshots(connection, tmp_path, tickers=["ONE"], timeframes=["1d"]).files == 1
    assert export_snapshots(connection, tmp_path, tickers=["ONE"]).files == 1
    with pytest.raises(SnapshotError, match="no rows of SPY; there is ONE, TWO"):
        export_snapshots(connection, tmp_path, tickers=["SPY"])
    with pytest.raises(SnapshotError, match="no snapshots of trades: use some of market_data"):
        export_snapshots(connection, tmp_path, tables=["trades"])
    (tmp_path / "a file").touch()
    with pytest.raises(SnapshotError, match=r"cannot be written to .*a file"):
        export_snapshots(connection, tmp_path / "a file")


def test_tickers_of_every_kind_are_told_apart(connection: Any, tmp_path: Path) -> None:
    for number, ticker in enumerate(ODD):
        store(connection, ticker, BARS.head(number + 1))
    export_snapshots(connection, tmp_path)
    assert (tmp_path / "market_data" / "timeframe=1d" / "ticker=X%3ABTCUSD" / "part-0.parquet").is_file()
    counts = {ticker: number + 1 for number, ticker in enumerate(ODD)}
    files = Snapshots(tmp_path)
    assert dict(files.query("SELECT ticker, count(*) FROM bars GROUP BY 1").fetchall()) == counts
    assert {t: len(files.bars.arrow(t)) for t in ODD} == counts
    assert {t: len(files.bars.relation(t)) for t in ODD} == counts
    # A stranger with nothing but DuckDB.
    place = f"{tmp_path}/market_data/*/*/*.parquet"
    found = (
        duckdb.connect().sql(f"SELECT ticker, count(*) FROM read_parquet('{place}') GROUP BY 1").fetchall()
    )
    assert dict(found) == counts


def test_filters_choose_files_and_row_groups(
    connection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "ROW_GROUP", 100)
    minutes = random_bars("1m", "2024-01-02", "2024-01-04", seed=2)
    for ticker in ("ONE", "TWO"):
        store(connection, ticker, minutes, "1m")
        store(connection, ticker, BARS)
    export_snapshots(connection, tmp_path)
    path = snapshot_file(tmp_path, "market_data", "ONE", "1m")
    metadata = pq.ParquetFile(path).metadata
    assert metadata.num_rows == len(minutes) == 780
    assert metadata.num_row_groups == 8
    first = metadata.row_group(0).column(0)
    assert first.compression == "ZSTD"
    assert first.statistics.min == minutes["ts"].iloc[0]
    assert metadata.row_group(0).sorting_columns[0].column_index == 0

    one = Snapshots(tmp_path).bars.relation("ONE", "1m").filter("ts >= '2024-01-03 20:00:00+00'")
    plan = one.explain("analyze")
    assert "Scanning Files: 1/4" in plan
    assert "Row Groups Scanned: 1 / 8" in plan
    assert one.aggregate("count(*)").fetchall() == [(60,)]


def test_whoever_reads_in_place_sees_whole_files(
    connection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(connection, "ONE", BARS)
    export_snapshots(connection, tmp_path)
    files = Snapshots(tmp_path)
    before = files.bars.frame()
    store(connection, "ONE", BARS.head(5), revision=2)
    seen: list[int] = []
    sync = os.fsync

    def look(file: int) -> None:
        seen.append(len(files.bars.frame()))
        seen.append(len(Snapshots(tmp_path).query("SELECT * FROM bars")))
        sync(file)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", look)
    with pytest.raises(KeyboardInterrupt):
        export_snapshots(connection, tmp_path)
    monkeypatch.undo()
    connection.rollback()
    assert seen == [len(before)] * 2
    pdt.assert_frame_equal(files.bars.frame(), before)
    # What a killed export leaves: a draft, which no reader takes for a snapshot and the next export removes.
    draft = snapshot_file(tmp_path, "market_data", "ONE", "1d").with_name(".part-0.parquet.draft")
    draft.write_bytes(b"half a file")
    pdt.assert_frame_equal(files.bars.frame(), before)
    export_snapshots(connection, tmp_path)
    assert len(files.bars.frame()) == len(files.query("SELECT * FROM bars")) == 5
    assert sorted(path.name for path in draft.parent.iterdir()) == ["part-0.parquet"]


def test_an_empty_series_has_a_file_with_its_columns(connection: Any, tmp_path: Path) -> None:
    store(connection, "NONE", BARS.iloc[:0])
    done = export_snapshots(connection, tmp_path)
    assert (done.files, done.rows) == (1, 0)
    assert export_snapshots(connection, tmp_path).skipped == 1
    found = Snapshots(tmp_path).bars
    assert len(found.frame()) == len(found.relation()) == 0
    assert found.arrow().column_names[:4] == ["ticker", "timeframe", "ts", "open"]


def test_what_is_missing_is_named_with_the_way_out(connection: Any, tmp_path: Path) -> None:
    store(connection, "ONE", BARS)
    export_snapshots(connection, tmp_path)
    files = Snapshots(tmp_path)
    with pytest.raises(MissingSnapshotsError, match=r"no snapshot of bars in .* is of TWO 1d: ONE 1d"):
        files.bars.arrow("TWO", "1d")
    for read in (files.gaps.arrow, files.gaps.relation, files.gaps.dataset):
        with pytest.raises(MissingSnapshotsError, match=r"no snapshots of gaps in .* `fvg export"):
            read()
