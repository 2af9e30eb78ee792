"""How long Dagster's own history is kept: a nightly job that purges old runs and their events."""

import datetime as dt

import dagster as dg

from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.storage import connections
from fvg_platform.storage.dagster_retention import purge_events, runs_without_events
from fvg_platform.storage.database import Database


@dg.op(out=dg.Out(dg.Nothing))
def delete_old_history(
    context: dg.OpExecutionContext,
    database: dg.ResourceParam[Database],
    retention_days: dg.ResourceParam[int],
) -> None:
    """Purge events, then the runs that have none left; what shows the state of an asset stays."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=retention_days)
    engine = connections.engine(database.dagster_url)
    try:
        with engine.begin() as connection:
            events = purge_events(connection, before)
            empty = runs_without_events(connection, before)
    finally:
        engine.dispose()
    for run_id in empty:
        context.instance.delete_run(run_id)
    context.log.info(f"{events} events and {len(empty)} runs from before {before:%Y-%m-%d} are gone")
    context.add_output_metadata({"events": events, "runs": len(empty)})


@dg.job(description="Delete Dagster's runs and events that are older than FVG_RETENTION_DAYS (default 90).")
def purge_old_runs() -> None:
    """The job that the schedule starts."""
    delete_old_history()


purge_schedule = dg.ScheduleDefinition(
    name="purge_old_runs_nightly",
    target=purge_old_runs,
    cron_schedule="30 3 * * *",
    execution_timezone=EXCHANGE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
