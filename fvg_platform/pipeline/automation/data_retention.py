"""How long the data are kept: a weekly job that first says what is older than FVG_RETENTION, and then removes it."""

from functools import partial

import dagster as dg
import pandas as pd

from fvg_platform.pipeline import progress
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.storage.database import Database
from fvg_platform.storage.retention import Pruned, apply_retention, plan_retention
from fvg_platform.storage.retention_rules import RetentionRules

TABLE_ROWS_SHOWN = 200


class PruneConfig(dg.Config):
    """`dry_run`: only say what would go, which is what the launchpad offers; the schedule says false."""

    dry_run: bool = True


@dg.op(out=dg.Out(dg.Nothing))
def show_old_rows(
    context: dg.OpExecutionContext,
    database: dg.ResourceParam[Database],
    retention_rules: dg.ResourceParam[RetentionRules],
) -> None:
    """Write down what is older than its rule; a step of its own, so that it stays whatever happens afterwards."""
    database.require_ready()
    with database.bulk() as connection:
        planned = plan_retention(connection, retention_rules, pd.Timestamp.now(tz="UTC"))
    context.add_output_metadata(
        {
            "rules": str(retention_rules),
            "rows_older_than_their_rule": sum(entry.rows for entry in planned),
            "what_goes": dg.MetadataValue.md(retention_table(planned)),
        }
    )


@dg.op(ins={"shown": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def prune_old_rows(
    context: dg.OpExecutionContext,
    config: PruneConfig,
    database: dg.ResourceParam[Database],
    retention_rules: dg.ResourceParam[RetentionRules],
) -> None:
    """Remove what is older than its rule, unless this is a dry run."""
    if config.dry_run:
        context.log.info("a dry run: nothing is removed. With dry_run: false it is")
        context.add_output_metadata({"dry_run": True, "rows_removed": 0})
        return
    removed = apply_retention(
        database.url,
        retention_rules,
        pd.Timestamp.now(tz="UTC"),
        report=partial(progress.report, "prune_data"),
        on_wait=lambda series: context.log.info(f"{series} is being read from its vendor: waiting for it"),
    )
    context.add_output_metadata(
        {
            "dry_run": False,
            "rows_removed": sum(entry.rows for entry in removed),
            "removed": dg.MetadataValue.md(retention_table(removed)),
        }
    )


def retention_table(planned: list[Pruned]) -> str:
    """What goes, as a Markdown table, the most rows first."""
    if not planned:
        return "nothing is older than its rule"
    lines = ["| table | of | rows | before |", "| --- | --- | ---: | --- |"]
    largest = sorted(planned, key=lambda entry: (-entry.rows, entry.table, entry.what))
    lines += [
        f"| {entry.table} | {entry.what} | {entry.rows:,} | {entry.before:%Y-%m-%d} |"
        for entry in largest[:TABLE_ROWS_SHOWN]
    ]
    if len(largest) > TABLE_ROWS_SHOWN:
        rest = largest[TABLE_ROWS_SHOWN:]
        lines.append(f"| … | {len(rest)} more | {sum(entry.rows for entry in rest):,} | |")
    return "\n".join(lines)


@dg.job(
    description=(
        "Remove what is older than FVG_RETENTION: old bars with what was made of them, features of old predictions. "
        "Started by hand it only shows what would go, unless dry_run is false."
    )
)
def prune_data() -> None:
    """The job that the schedule starts."""
    prune_old_rows(show_old_rows())


# On Sunday morning no equity market trades, and the refresh of the evening before is done.
prune_schedule = dg.ScheduleDefinition(
    name="prune_data_weekly",
    target=prune_data,
    cron_schedule="0 5 * * 0",
    execution_timezone=EXCHANGE_TIMEZONE,
    run_config={"ops": {"prune_old_rows": {"config": {"dry_run": False}}}},
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
