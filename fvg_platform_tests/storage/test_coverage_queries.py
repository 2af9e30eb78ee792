"""What the tables know of completeness, against hand-written rows."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from fvg_platform.storage import coverage_queries, schema
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.records import execute, insert_record
from fvg_platform_tests.platforms import Workplace

BASIS = {
    "asset_class": "equity",
    "adjustment": "split",
    "anchor": "session",
    "session": "regular",
    "source": "polygon",
}


def utc(time: str) -> pd.Timestamp:
    return pd.Timestamp(time, tz="UTC")


@pytest.fixture
def connection(workplace: Workplace) -> Iterator[Any]:
    with bulk_connection(workplace.url) as connection:
        execute(
            connection, "SET LOCAL session_replication_role = replica"
        )  # lineage and symbols may be absent
        yield connection


def add_series(connection: Any, ticker: str, timeframe: str, **values: Any) -> None:
    record = {"ticker": ticker, "timeframe": timeframe, **BASIS, **values}
    insert_record(connection, schema.series, record)


def add_status(connection: Any, ticker: str, timeframe: str, asset: str, **values: Any) -> None:
    record = {
        "ticker": ticker,
        "timeframe": timeframe,
        "asset": asset,
        "state": "ok",
        "revision": 1,
        "run_id": "r",
    }
    insert_record(connection, schema.series_status, {**record, "rows": 0, "updated_at": "now()", **values})


def add_hole(
    connection: Any, ticker: str, timeframe: str, first: str, last: str, missing: int, kind: str = "unknown"
) -> None:
    record = {"ticker": ticker, "timeframe": timeframe, "from_ts": utc(first), "to_ts": utc(last)}
    insert_record(connection, schema.bar_gaps, {**record, "missing": missing, "kind": kind, "lineage_id": 1})


def add_symbol(
    connection: Any, ticker: str, *, active: bool = True, dollar_volume: float | None = None
) -> None:
    record = {
        "ticker": ticker,
        "name": ticker,
        "asset_class": "equity",
        "source": "polygon",
        "active": active,
    }
    insert_record(
        connection,
        schema.symbols,
        {**record, "listed": True, "dollar_volume": dollar_volume, "lineage_id": 1},
    )


def test_a_series_is_told_with_its_lost_bars_and_with_what_lies_in_market_data(connection: Any) -> None:
    add_symbol(connection, "SPY", dollar_volume=3e10)
    add_series(connection, "SPY", "1m", expected=100, missing=9, untraded=2)
    add_series(connection, "SPY", "5m", resampled_from="1m")
    add_series(connection, "QQQ", "1d")
    add_status(connection, "SPY", "1m", "clean_bars", revision=7, last_ts=utc("2026-03-05 20:59"))
    add_status(connection, "SPY", "1m", "bars", revision=8)
    add_status(connection, "SPY", "5m", "bars", revision=3)
    for day, kind, missing in (
        ("02", "lost", 4),
        ("03", "lost", 1),
        ("04", "untraded", 2),
        ("05", "unknown", 2),
    ):
        add_hole(connection, "SPY", "1m", f"2026-03-{day} 15:00", f"2026-03-{day} 15:09", missing, kind)
    found = coverage_queries.series_coverage(connection)
    assert found[["ticker", "timeframe"]].to_numpy().tolist() == [["QQQ", "1d"], ["SPY", "1m"], ["SPY", "5m"]]
    assert found["lost"].tolist() == [0, 5, 0]
    assert found["revision"].astype("float64").fillna(0).tolist() == [0, 7, 3]
    assert found["last_ts"].iloc[1] == utc("2026-03-05 20:59")
    assert found["dollar_volume"].fillna(0).tolist() == [0, 3e10, 3e10]


def test_holes_are_summed_by_month_of_the_exchange_and_kind(connection: Any) -> None:
    add_series(connection, "SPY", "1m")
    add_hole(connection, "SPY", "1m", "2026-01-05 15:00", "2026-01-05 15:01", 2, "lost")
    add_hole(connection, "SPY", "1m", "2026-01-20 15:00", "2026-01-20 15:04", 5, "lost")
    add_hole(connection, "SPY", "1m", "2026-01-21 15:00", "2026-01-21 15:00", 1, "untraded")
    # In New York both ends are of January; the next one reaches over the end of the month, the last lies in February.
    add_hole(connection, "SPY", "1m", "2026-01-30 15:00", "2026-02-01 04:30", 3, "lost")
    add_hole(connection, "SPY", "1m", "2026-01-30 20:00", "2026-02-02 15:00", 91, "lost")
    add_hole(connection, "SPY", "1m", "2026-02-03 15:00", "2026-02-03 15:00", 1, "lost")
    found = coverage_queries.holes_by_month(connection)
    assert found[["kind", "missing"]].to_numpy().tolist() == [
        ["lost", 10], ["untraded", 1], ["lost", 91], ["lost", 1],
    ]  # fmt: skip
    assert found["from_ts"].iloc[0] == utc("2026-01-05 15:00")
    assert found["to_ts"].iloc[0] == utc("2026-02-01 04:30")


@pytest.mark.parametrize(
    ("asset_class", "first", "last", "rows"),
    [
        ("crypto", "2026-01-31 23:00", "2026-02-01 00:00", 2),
        ("equity", "2026-01-31 23:00", "2026-02-01 00:00", 1),
        ("fx", "2026-01-30 21:59", "2026-01-30 22:00", 1),
        ("fx", "2026-03-31 20:59", "2026-03-31 21:00", 2),  # 17:00 in New York begins the first of April
    ],
)
def test_a_month_begins_where_the_market_lives(
    connection: Any, asset_class: str, first: str, last: str, rows: int
) -> None:
    add_series(connection, "X", "1h", asset_class=asset_class)
    for time in (first, last):
        add_hole(connection, "X", "1h", time, time, 1)
    assert len(coverage_queries.holes_by_month(connection)) == rows


def test_gaps_are_asked_for_by_series_kind_and_time_the_newest_and_longest_first(connection: Any) -> None:
    add_hole(connection, "SPY", "1m", "2026-03-05 15:00", "2026-03-05 15:09", 10, "lost")
    add_hole(connection, "QQQ", "1m", "2026-03-05 15:00", "2026-03-05 15:19", 20, "untraded")
    add_hole(connection, "SPY", "1h", "2026-03-06 15:00", "2026-03-06 15:00", 1)

    def missing(*arguments: Any, **named: Any) -> list[int]:
        return coverage_queries.gaps(connection, *arguments, **named)["missing"].tolist()

    assert missing() == [1, 20, 10]
    assert missing(["SPY"]) == [1, 10]
    assert missing(["SPY", "QQQ"], ["1m"]) == [20, 10]
    assert missing(kinds=["lost", "unknown"]) == [1, 10]
    assert missing(since=utc("2026-03-05 15:10")) == [1, 20]
    assert missing(["SPY'; DROP TABLE bar_gaps; --"]) == []
    assert coverage_queries.gaps(connection).columns.tolist() == [
        "ticker", "timeframe", "from_ts", "to_ts", "missing", "kind",
    ]  # fmt: skip


def test_untraded_bars_are_the_sum_of_their_holes_and_equal_figures_are_not_written(connection: Any) -> None:
    add_series(connection, "SPY", "1m", untraded=5)
    add_series(connection, "SPY", "1h", untraded=1)
    add_hole(connection, "SPY", "1m", "2026-03-05 15:00", "2026-03-05 15:09", 10, "untraded")
    add_hole(connection, "SPY", "1m", "2026-03-06 15:00", "2026-03-06 15:00", 1, "untraded")
    add_hole(connection, "SPY", "1m", "2026-03-07 15:00", "2026-03-07 15:00", 1, "lost")
    query = "SELECT timeframe, untraded, ctid::text FROM series ORDER BY timeframe DESC"
    coverage_queries.store_untraded(connection, "SPY", "1m")
    written = execute(connection, query)
    assert [row[:2] for row in written] == [("1m", 11), ("1h", 1)]
    coverage_queries.store_untraded(connection, "SPY", "1m")
    assert execute(connection, query) == written


def test_flags_are_counted_per_series_and_a_stale_run_by_its_length(connection: Any) -> None:
    add_series(connection, "SPY", "1h")
    add_series(connection, "QQQ", "1h")
    add_status(connection, "SPY", "1h", "clean_bars", rows=3500)
    for hour, flag, score in (
        (15, "outlier", 12.0),
        (16, "outlier", 11.0),
        (17, "stale", 8.0),
        (18, "stale", 5.0),
    ):
        record = {"ticker": "SPY", "timeframe": "1h", "ts": utc(f"2026-03-05 {hour}:30"), "flag": flag}
        insert_record(connection, schema.bar_flags, {**record, "score": score, "lineage_id": 1})
    found = coverage_queries.flag_counts(connection).set_index("ticker")
    assert found.loc["SPY", ["rows", "outlier", "stale", "volume_spike"]].tolist() == [3500, 2, 13, 0]
    assert found.loc["QQQ", ["rows", "outlier", "stale", "volume_spike"]].tolist() == [0, 0, 0, 0]


def test_only_series_that_go_on_are_asked_for_their_newest_bar(connection: Any) -> None:
    add_symbol(connection, "SPY")
    add_symbol(connection, "GONE", active=False)
    newest = utc("2026-03-05 20:30")
    for ticker, timeframe, values in (
        ("SPY", "1h", {}),
        ("SPY", "4h", {"resampled_from": "1h"}),
        ("SPY", "1d", {"source": "files"}),
        ("SPY", "1m", {}),  # has no bar yet
        ("GONE", "1h", {}),
    ):
        add_series(connection, ticker, timeframe, **values)
        if timeframe != "1m":
            add_status(connection, ticker, timeframe, "clean_bars", last_ts=newest)
    found = coverage_queries.newest_bars(connection, ["polygon"])
    assert found[["ticker", "timeframe"]].to_numpy().tolist() == [["SPY", "1h"]]
    assert found["last_ts"].tolist() == [newest]


def test_a_pair_is_forgotten(connection: Any) -> None:
    for coarse in ("5m", "1h"):
        record = {"ticker": "SPY", "fine": "1m", "coarse": coarse, "fine_revision": 1, "coarse_revision": 1}
        insert_record(
            connection,
            schema.series_comparisons,
            {**record, "compared": 3, "differing": 0, "compared_at": coverage_queries.now(connection)},
        )
    coverage_queries.forget_comparison(connection, "SPY", "1m", "5m")
    assert coverage_queries.comparisons(connection)["coarse"].tolist() == ["1h"]
