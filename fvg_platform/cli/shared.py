"""What commands share: options, the platform made ready, printing, and how a command ends."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import dagster as dg

    from fvg_platform.pipeline.platform import Platform
    from fvg_platform.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print values as JSON instead of tables.")]
Tickers = Annotated[list[str] | None, typer.Option("--ticker", help="Only this ticker; may be repeated.")]
Timeframes = Annotated[
    list[str] | None, typer.Option("--timeframe", help="Only this timeframe; may be repeated.")
]
Select = Annotated[
    str | None, typer.Option("--select", help="Assets, separated by commas; by default all of them.")
]


@contextmanager
def database_ready() -> Iterator[tuple["Settings", Any]]:
    """The settings, and the database started, checked and migrated."""
    from fvg_platform.pipeline.platform import prepare_database
    from fvg_platform.settings import load_settings
    from fvg_platform.storage.database import Database

    settings = load_settings()
    database = Database(**settings.database)
    if database.embedded is not None and database.embedded.notice:
        say(database.embedded.notice)
    prepare_database(database)
    yield settings, database


@contextmanager
def platform_ready() -> Iterator[tuple["Platform", "dg.Definitions"]]:
    """The platform and its graph."""
    from fvg_platform.pipeline.platform import open_platform

    with database_ready() as (settings, _database), open_platform(settings) as platform:
        from fvg_platform.definitions import build_definitions

        yield platform, build_definitions(resources=platform.resources)


@contextmanager
def progress_bar() -> Iterator[None]:
    """A bar with pace and remaining time where there is a terminal; waits are said in any case."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from fvg_platform.pipeline.progress import reported_to, told_to

    console = Console(stderr=True)
    if not console.is_terminal:
        with told_to(say):
            yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, speed="")

        def show(what: str, done: int, total: int) -> None:
            if bar.tasks[0].description != what:
                bar.reset(task, total=total, description=what, speed="")
            elapsed = bar.tasks[0].elapsed or 0.0
            speed = f"{done / elapsed * 60:.0f}/min" if elapsed > 1 and done else ""
            bar.update(task, completed=done, total=total, speed=speed)

        with reported_to(show), told_to(lambda message: console.print(message, markup=False)):
            yield


def embedded_server() -> Any:
    """The embedded server, running or not; None where the user named a database of his own."""
    from fvg_platform.settings import load_settings
    from fvg_platform.storage.database import Database

    return Database(**load_settings().database).embedded


def asset_names(select: str | None) -> list[str] | None:
    """The assets of an option `--select`; None where there is none."""
    from fvg_platform.pipeline.stages import STAGES

    if select is None:
        return None
    wanted = [name.strip() for name in select.split(",") if name.strip()]
    known = [asset for stage in STAGES for asset in stage.assets]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise typer.BadParameter(f"unknown asset {', '.join(unknown)}: use some of {', '.join(known)}")
    return wanted


def print_report(database: Any, *, as_json: bool) -> None:
    """Print what `fvg report` prints."""
    from fvg_platform.reports.overview import report_values
    from fvg_platform.reports.terminal import report_table
    from fvg_platform.storage import report_queries

    with database.bulk() as connection:
        values = report_values(
            report_queries.counts_by_timeframe(connection),
            lambda timeframe: report_queries.labels_of(connection, timeframe),
            report_queries.reported_models(connection),
            report_queries.latest_signals(connection),
        )
    print_values(values, report_table, as_json=as_json)


def print_values(values: dict[str, Any], table: Callable[[dict[str, Any]], Any], *, as_json: bool) -> None:
    """Print values as JSON, or as the table that is made of them."""
    if as_json:
        sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")
        return
    from rich.console import Console

    # A pipe has no width of its own; a table cut to 80 columns would hide what it is there to show.
    console = Console(width=None if sys.stdout.isatty() else 190, markup=False)
    console.print(table(values))


def shown_url(url: str) -> str:
    """A URL without its password."""
    from fvg_platform.storage.connections import redacted

    return redacted(url)


def exit_for(failed: list[Any]) -> None:
    """End with what the failed runs say and exit code 1; go on where there are none."""
    if not failed:
        return
    for run in failed:
        for message in run.failures.values():
            sys.stderr.write(message.rstrip() + "\n")
    raise typer.Exit(1)


def say(message: str) -> None:
    """Tell the person at the terminal; what is printed as a result goes elsewhere."""
    sys.stderr.write(message + "\n")


def end(message: str) -> None:
    """End with one message and exit code 1."""
    say(f"fvg: {message}")
    raise SystemExit(1)
