"""A day's predictions for 500 series in one run, through Dagster: read, predict, give reasons, store, check.

The model is LightGBM, trained on a planted edge; the 500 series have four setups each on the day.
"""

import shutil
import tempfile
import time
import uuid
from pathlib import Path

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline.platform import open_platform
from fvg_platform.pipeline.refresh import bring_up_to_date, latest_day
from fvg_platform.pipeline.stages import SIGNALS, StageRun, run_stage
from fvg_platform.settings import Settings
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import execute
from fvg_platform_tests.integration.made_up_bars import planted

SERIES, SETUPS_EACH = 500, 4
# Everything that a prediction reads, of the one ticker's newest setups, for tickers that exist in these tables only.
_COPIES = {
    "series": "ticker, timeframe",
    "fvg_detections": "ticker, timeframe, ts, side",
    "fvg_setups": "ticker, timeframe, ts, side",
    "setup_features": "ticker, timeframe, ts, side",
}


def copy_series(database: Database, day: str) -> None:
    """500 tickers with the newest setups of the one there is, all of them known on the day."""
    statements = [
        "SET LOCAL session_replication_role = replica",
        f"CREATE TEMP TABLE newest ON COMMIT DROP AS SELECT ticker, timeframe, ts, side FROM fvg_setups "  # noqa: S608  constants
        f"WHERE timeframe = '1d' ORDER BY ts DESC LIMIT {SETUPS_EACH}",
    ]
    for table, keys in _COPIES.items():
        source = f"SELECT DISTINCT s.* FROM {table} s JOIN newest USING ({keys})"  # noqa: S608  constants
        copy = f"jsonb_populate_record(NULL::{table}, to_jsonb(r) || jsonb_build_object('ticker', 'B' || n))"
        statements.append(
            f"INSERT INTO {table} SELECT ({copy}).* FROM ({source}) r, generate_series(1, {SERIES}) n"  # noqa: S608  constants
        )
    with series_transaction(database.url, "bench") as connection:
        for statement in statements:
            execute(connection, statement)
        execute(
            connection,
            "UPDATE fvg_setups SET known_at = $1::timestamptz WHERE ticker LIKE 'B%'",
            [f"{day} 20:00Z"],
        )


def main() -> None:
    """Print the table."""
    home = Path(tempfile.gettempdir()) / f"fvg-bench-{uuid.uuid4().hex[:8]}"
    home.mkdir(mode=0o755)
    (home / "files").mkdir()
    planted(3_000, seed=6).to_csv(home / "files" / "ONE_1d.csv", index=False)
    settings = Settings(home=home, bar_source="files", files_dir=home / "files", tuning_trials=0)
    try:
        with open_platform(settings) as platform:
            definitions = build_definitions(resources=platform.resources)
            failed = [run for run in bring_up_to_date(platform, definitions, say=print) if not run.success]
            assert not failed, failed
            day = latest_day(platform)
            assert day is not None
            copy_series(platform.database, day)
            began = time.perf_counter()
            runs: list[StageRun] = list(
                run_stage(
                    SIGNALS,
                    definitions,
                    platform.instance,
                    partition_range=(day, day),
                    select=["daily_predictions"],
                )
            )
            assert all(run.success for run in runs), runs
            seconds = time.perf_counter() - began
            with platform.database.bulk() as connection:
                ((rows, reasons, size, index),) = execute(
                    connection,
                    "SELECT count(*), count(reasons), pg_total_relation_size('predictions'), "
                    "pg_relation_size('ix_predictions_features') FROM predictions WHERE ticker LIKE 'B%'",
                )
        print(f"{'a day of 500 series in one run':<60}{seconds:>8.2f} s   goal 10 s")
        print(f"{'predictions, of these with reasons':<60}{rows:>8,}{reasons:>8,}")
        print(
            f"{'table with its indexes, the index of the features, MB':<60}{size / 1e6:>8.1f}{index / 1e6:>8.1f}"
        )
    finally:
        server = Database(home).embedded
        if server is not None:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
