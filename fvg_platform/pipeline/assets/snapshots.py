"""The offline store: bar_snapshots, the tables of all series as Parquet files."""

import time
from pathlib import Path

import dagster as dg

from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.pipeline.series_assets import OWNERS
from fvg_platform.storage.database import Database
from fvg_platform.storage.snapshots import export_snapshots

# After the refresh that follows the close and the day's predictions; what minutes bring in between can wait for it.
DAILY = "0 18 * * *"


def once_a_day() -> dg.AutomationCondition:
    """After each tick of :data:`DAILY`, as soon as nothing upstream is at work."""
    tick: dg.AutomationCondition = dg.AutomationCondition.cron_tick_passed(DAILY, EXCHANGE_TIMEZONE)
    return (
        tick.since_last_handled()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    ).with_label("once_a_day")


@dg.asset(
    deps=["bars", "fvg_detections", "fvg_setups", "fvg_labels", "bar_features", "setup_features"],
    group_name="research",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    code_version="1",
    automation_condition=once_a_day(),
)
def bar_snapshots(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[Database],
    snapshot_folder: dg.ResourceParam[Path],
) -> dg.MaterializeResult:
    """Bars, gaps, setups, labels and features as Parquet by timeframe and ticker, readable in place with DuckDB.

    Only series that changed since are written; `fvg_platform.research.snapshots()` opens them.
    """
    database.require_ready()
    began = time.perf_counter()
    with database.bulk() as connection, database.bulk() as beside:
        done = export_snapshots(connection, snapshot_folder, beside=beside)
    context.log.info(f"{done.files} files written, {done.skipped} up to date, {done.removed} removed")
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(snapshot_folder)),
            "files": done.files,
            "rows": done.rows,
            "bytes": done.bytes,
            "skipped": done.skipped,
            "removed": done.removed,
            "rows_by_table": dg.MetadataValue.json(done.by_table),
            "seconds": round(time.perf_counter() - began, 3),
        }
    )
