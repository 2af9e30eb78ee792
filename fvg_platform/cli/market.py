"""Bars from a vendor and to files: ingest."""

from typing import Annotated

import typer

from fvg_platform.cli.app import app
from fvg_platform.cli.shared import AsJson, exit_for, platform_ready, print_values, progress_bar, say


@app.command()
def ingest(
    ticker: Annotated[
        list[str] | None, typer.Argument(help="Tickers of the universe; by default all of them.")
    ] = None,
    timeframe: Annotated[
        list[str] | None, typer.Option("--timeframe", help="Only this timeframe; may be repeated.")
    ] = None,
    first_day: Annotated[str, typer.Option("--from", help="First exchange day, YYYY-MM-DD.")] = "",
    last_day: Annotated[str, typer.Option("--to", help="Last exchange day, YYYY-MM-DD.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Read the whole history anew.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and fetch nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch bars from the vendor: what is missing, or what the options name."""
    from fvg_platform.pipeline import ingest_job
    from fvg_platform.pipeline.refresh import fetch, follow_universe
    from fvg_platform.reports.ingestion import plan_table

    asked = ingest_job.IngestConfig(
        tickers=ticker or [],
        timeframes=timeframe or [],
        first_day=first_day,
        last_day=last_day,
        full=full,
        dry_run=dry_run,
    )
    with platform_ready() as (opened, definitions), progress_bar():
        runs = follow_universe(opened, definitions, say=say)
        exit_for([run for run in runs if not run.success])
        if dry_run:
            calls_per_minute = opened.resources["calls_per_minute"]
            costs = ingest_job.plan_ingestion(opened.database, opened.resources["market_source"], asked)
            values = ingest_job.cost_values(costs, calls_per_minute)
            print_values(values, plan_table, as_json=as_json)
            return
        runs = fetch(opened, definitions, asked, say=say)
        exit_for([run for run in runs if not run.success])
