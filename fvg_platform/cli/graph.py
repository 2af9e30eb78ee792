"""The graph: demo, up, materialize, rebuild, import, status, report."""

from pathlib import Path
from typing import Annotated

import typer

from fvg_platform.cli.app import app
from fvg_platform.cli.shared import (
    AsJson,
    Select,
    Tickers,
    Timeframes,
    asset_names,
    database_ready,
    exit_for,
    platform_ready,
    print_report,
    print_values,
    progress_bar,
    say,
)


@app.command()
def demo() -> None:
    """From real bars to today's signals: run every stage that is out of date, and print the report."""
    from fvg_platform.pipeline.refresh import bring_up_to_date

    with platform_ready() as (platform, definitions):
        with progress_bar():
            runs = bring_up_to_date(platform, definitions, say=say)
        if not runs:
            say("Everything is up to date: nothing was materialised.")
        print_report(platform.database, as_json=False)
        exit_for([run for run in runs if not run.success])


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
) -> None:
    """Postgres and Dagster's UI and daemon on 127.0.0.1; Ctrl-C stops both."""
    from fvg_platform.pipeline.serve import serve

    with database_ready() as (settings, database):
        code = serve(settings, database, port=port, say=say)
    raise typer.Exit(code)


@app.command()
def materialize(
    select: Select = None,
    ticker: Tickers = None,
    timeframe: Timeframes = None,
    day: Annotated[
        str | None, typer.Option(help="Day of predictions, YYYY-MM-DD; by default the latest.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Last day, if --day is only the first of several.")] = None,
) -> None:
    """Materialise assets through Dagster, stage by stage."""
    from fvg_platform.pipeline.refresh import materialise

    if to is not None and day is None:
        raise typer.BadParameter("--to names the last of several days: name the first with --day")

    with platform_ready() as (platform, definitions), progress_bar():
        runs = materialise(
            platform,
            definitions,
            assets=asset_names(select),
            only_tickers=ticker,
            only_timeframes=timeframe,
            days=None if day is None else (day, to or day),
            say=say,
        )
        exit_for([run for run in runs if not run.success])


@app.command()
def rebuild(
    ticker: Annotated[
        list[str], typer.Option("--ticker", help="The ticker to derive again; may be repeated.")
    ],
) -> None:
    """Derive everything of a ticker again, across all stages, as if nothing were known of it."""
    from fvg_platform.pipeline.refresh import materialise

    with platform_ready() as (platform, definitions), progress_bar():
        runs = materialise(platform, definitions, only_tickers=ticker, rebuild=True, say=say)
        exit_for([run for run in runs if not run.success])


@app.command("import")
def import_bars(
    file: Annotated[Path, typer.Argument(help="A .parquet or .csv file of bars.")],
    ticker: Annotated[str, typer.Option(help="The ticker that the bars belong to.")],
    timeframe: Annotated[str, typer.Option(help="1m, 5m, 15m, 1h, 4h, 1d, 1w or 1mo.")],
) -> None:
    """Take a file of bars into the platform; it joins the configured source from then on."""
    from fvg_platform.settings import load_settings
    from fvg_platform.sources.files import import_file

    stored = import_file(file, ticker, timeframe, load_settings().imports_folder)
    name = stored.stem.rpartition("_")[0]  # the ticker as the platform spells it
    say(f"{file} is now {stored.name}. Materialise it: fvg materialize --ticker {name}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Every series, runs and checks; then the day: what is stale, what waits, what failed, what was trained and why."""
    from rich.console import Group

    from fvg_platform.pipeline.daily_status import daily_status
    from fvg_platform.pipeline.history import failing_checks, last_runs
    from fvg_platform.reports.daily_status import daily_status_table
    from fvg_platform.reports.overview import status_values
    from fvg_platform.reports.terminal import status_table
    from fvg_platform.storage import report_queries

    with platform_ready() as (platform, definitions):
        with platform.database.bulk() as connection:
            series = report_queries.series_overview(connection)
            lost = report_queries.failed_without_series(connection)
        values = status_values(
            series, lost, last_runs(platform.instance), failing_checks(platform.instance, definitions)
        ) | {"day": daily_status(platform)}
    print_values(values, lambda v: Group(status_table(v), daily_status_table(v["day"])), as_json=as_json)


@app.command()
def report(as_json: AsJson = False) -> None:
    """Gaps, win-rate intervals and model skill per timeframe, and the latest day's signals."""
    with database_ready() as (_settings, database):
        print_report(database, as_json=as_json)
