"""A day of new minutes on a series of 1M: from `market_data` to gaps, zones, context, setups and labels, and back.

Beside it the same assets over the whole history, which is what a refresh would cost without their memory. The
series trades around the clock, so that 1M minutes are two years; 390 are a New York day's worth of new ones. The
first refresh after the whole history reads cold pages: it is shown beside the median of those that follow.
"""

import statistics
import time

import pandas as pd

from benchmarks.bench_engine import made_up_bars
from benchmarks.crypto_series import SERIES, database_with_series
from fvg_platform.pipeline.assets import gaps, labels, setups
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.changes import log_change
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import execute
from fvg_platform.storage.series_status import Status
from fvg_platform.storage.series_tables import update_series_rows

BARS, NEW, REPEATS = 1_000_000, 390, 8
ASSETS = (gaps.fvg_detections, setups.fvg_setups, labels.fvg_labels)


def store(database: Database, bars: pd.DataFrame, known: int, revision: int) -> None:
    """Commit bars as the asset `bars` does: rows, status, and from when on the revision differs."""
    with series_transaction(database.url, lock_key=f"series {SERIES}") as connection:
        update_series_rows(connection, schema.market_data, *SERIES, bars, 1)
        last = bars["ts"].iloc[-1]
        status = Status(
            *SERIES, "bars", "ok", "bench", fingerprint="f", revision=revision, rows=known, last_ts=last
        )
        series_status.write_status(connection, status)
        log_change(connection, *SERIES, "bars", revision, bars["ts"].iloc[0])


def run(database: Database, source: MarketSource, *, rebuild: bool = False) -> dict[str, float]:
    """Seconds of each asset, with its transaction."""
    seconds = {}
    for asset in ASSETS:
        began = time.perf_counter()
        status, _ = asset.run_one(database, source, SERIES, "bench", rebuild=rebuild)
        seconds[asset.name] = time.perf_counter() - began
        assert status is not None and status.state == "ok", status
    return seconds


def main() -> None:
    """Print the table."""
    with database_with_series() as (database, source):
        bars = made_up_bars(BARS + NEW * REPEATS)
        store(database, bars.iloc[:BARS], BARS, 1)
        whole = run(database, source)
        with series_transaction(database.url, "bench") as connection:
            rows = {
                table: execute(connection, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
                for table in ("fvg_detections", "fvg_zones", "fvg_setups", "fvg_labels")
            }
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as autocommit:
            autocommit.exec_driver_sql("VACUUM ANALYZE")  # what autovacuum does a minute later
        refreshes = []
        for day in range(REPEATS):
            done = BARS + NEW * day
            store(database, bars.iloc[done : done + NEW], done + NEW, day + 2)
            refreshes.append(run(database, source))
        print("rows of 1M bars: " + ", ".join(f"{n:,} in {table}" for table, n in rows.items()))
        first, *later = refreshes
        print(f"{'asset':<16}{'1M bars, s':>12}{f'{NEW} new, s':>14}{'ratio':>8}{'the first, s':>14}")
        for name in [*whole, "together"]:
            told = [
                sum(each.values()) if name == "together" else each[name] for each in (whole, first, *later)
            ]
            new = statistics.median(told[2:])
            print(f"{name:<16}{told[0]:>12.2f}{new:>14.3f}{told[0] / new:>8.0f}{told[1]:>14.3f}")


if __name__ == "__main__":
    main()
