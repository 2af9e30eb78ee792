"""Bars from a vendor, what they lack, and what they are held to: ingest, gaps, replay-server, docs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fvg_platform.cli.app import app, docs
from fvg_platform.cli.shared import (
    AsJson,
    Tickers,
    Timeframes,
    database_ready,
    exit_for,
    platform_ready,
    print_values,
    progress_bar,
    say,
)


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


@app.command()
def gaps(
    ticker: Tickers = None,
    timeframe: Timeframes = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="lost, unknown or untraded; may be repeated.")
    ] = None,
    since: Annotated[str, typer.Option(help="Only holes that end on this day or later, YYYY-MM-DD.")] = "",
    repair: Annotated[
        bool, typer.Option("--repair", help="First fetch the windows with lost or unknown holes once more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bars that the exchange calendar expects and the series lack, and what is known of the reason."""
    from fvg_platform.pipeline import ingest_job
    from fvg_platform.pipeline.refresh import fetch
    from fvg_platform.reports.gaps import gaps_table, gaps_values
    from fvg_platform.storage.coverage_queries import gaps as holes_of

    begin = ingest_job.span_of(since, "", full=False).start
    with platform_ready() as (opened, definitions):
        if repair:
            asked = ingest_job.IngestConfig(tickers=ticker or [], timeframes=timeframe or [], repair=True)
            with progress_bar():
                runs = fetch(opened, definitions, asked, say=say)
            exit_for([run for run in runs if not run.success])
        with opened.database.bulk() as connection:
            found = holes_of(connection, ticker, timeframe, kind, begin)
    print_values(gaps_values(found), gaps_table, as_json=as_json)


@docs.command("quality")
def docs_quality() -> None:
    """Every rule that the data are held to: what it checks, where it ends, what to do when it is red."""
    from fvg_platform.quality.documentation import quality_page

    sys.stdout.write(quality_page())


@docs.command("features")
def docs_features() -> None:
    """Every feature, your own too: formula, unit, warm-up, how far back it looks."""
    from fvg_platform.features.documentation import catalogue_page
    from fvg_platform.pipeline.resources import own_features
    from fvg_platform.settings import load_settings

    sys.stdout.write(catalogue_page(own_features(load_settings().features)))


@app.command("replay-server")
def replay_server(
    folder: Annotated[Path, typer.Argument(help="A folder of TICKER_TIMEFRAME.parquet or .csv, unadjusted.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    key: Annotated[str, typer.Option(help="The key that clients must send.")] = "offline",
    faults: Annotated[
        str,
        typer.Option(
            "--faults", help="KIND=SHARE of the answers, separated by commas: server_error=0.1,slow=0.05"
        ),
    ] = "",
    calls_per_minute: Annotated[int, typer.Option(help="Answer 429 beyond that; 0 for no limit.")] = 0,
) -> None:
    """The vendor's protocol over a folder of bars, to try everything without an account; Ctrl-C ends it."""
    from fvg_platform.sources.polygon_replay.faults import FaultPlan
    from fvg_platform.sources.polygon_replay.serve import serve

    plan = FaultPlan.parse(faults) if faults else None
    serve(folder, port=port, key=key, faults=plan, calls_per_minute=calls_per_minute or None, say=say)


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(help="Where the files go: TABLE/timeframe=F/ticker=T/part-0.parquet.")
    ],
    ticker: Tickers = None,
    timeframe: Timeframes = None,
) -> None:
    """Write bars, gaps, setups, labels and features as Parquet files, which DuckDB reads in place."""
    from fvg_platform.storage.snapshots import export_snapshots

    with (
        database_ready() as (_settings, database),
        database.bulk() as connection,
        database.bulk() as beside,
    ):
        done = export_snapshots(connection, folder, tickers=ticker, timeframes=timeframe, beside=beside)
    say(
        f"{folder}: {done.files} files written with {done.rows:,} rows, {done.skipped} were up to date, "
        f"{done.removed} removed"
    )
