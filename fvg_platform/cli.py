"""`fvg ...`: the platform from the command line.

Commands call `pipeline`, `storage` and `reports` and hold no logic of their own. Imports stand inside the
commands: the graph takes seconds to import, and `fvg --help` must not.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import dagster as dg

    from fvg_platform.pipeline.platform import Platform
    from fvg_platform.settings import Settings

app = typer.Typer(
    help="Market bars in, honest Fair Value Gap signals out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database: start, stop, migrate, back up.", no_args_is_help=True)
app.add_typer(db, name="db")

AsJson = Annotated[bool, typer.Option("--json", help="Print values as JSON instead of tables.")]
Tickers = Annotated[list[str] | None, typer.Option("--ticker", help="Only this ticker; may be repeated.")]
Timeframes = Annotated[
    list[str] | None, typer.Option("--timeframe", help="Only this timeframe; may be repeated.")
]
Select = Annotated[
    str | None, typer.Option("--select", help="Assets, separated by commas; by default all of them.")
]


def main() -> None:
    """The entry point: a fault that the platform knows ends in one message and exit code 1."""
    try:
        app()
    except Exception as error:
        # Errors meant for the reader are classes of our own; anything else is a defect and keeps its traceback.
        if not type(error).__module__.startswith("fvg_platform"):
            raise
        _end(str(error.args[0]) if error.args else str(error))


@app.command()
def demo() -> None:
    """From real bars to today's signals: run every stage that is out of date, and print the report."""
    from fvg_platform.pipeline.refresh import bring_up_to_date

    with _platform() as (platform, definitions):
        with _progress_bar():
            runs = bring_up_to_date(platform, definitions, say=_say)
        if not runs:
            _say("Everything is up to date: nothing was materialised.")
        _print_report(platform.database, as_json=False)
        _exit_for([run for run in runs if not run.success])


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
) -> None:
    """Postgres and Dagster's UI and daemon on 127.0.0.1; Ctrl-C stops both."""
    from fvg_platform.pipeline.serve import serve

    with _database_ready() as (settings, database):
        code = serve(settings, database, port=port, say=_say)
    raise typer.Exit(code)


@app.command()
def materialize(
    select: Select = None,
    ticker: Tickers = None,
    timeframe: Timeframes = None,
    day: Annotated[
        str | None, typer.Option(help="Day of predictions, YYYY-MM-DD; by default the latest.")
    ] = None,
) -> None:
    """Materialise assets through Dagster, stage by stage."""
    from fvg_platform.pipeline.refresh import materialise

    with _platform() as (platform, definitions), _progress_bar():
        runs = materialise(
            platform,
            definitions,
            assets=_assets(select),
            only_tickers=ticker,
            only_timeframes=timeframe,
            day=day,
            say=_say,
        )
        _exit_for([run for run in runs if not run.success])


@app.command()
def rebuild(
    ticker: Annotated[
        list[str], typer.Option("--ticker", help="The ticker to derive again; may be repeated.")
    ],
) -> None:
    """Derive everything of a ticker again, across all stages, as if nothing were known of it."""
    from fvg_platform.pipeline.refresh import materialise

    with _platform() as (platform, definitions), _progress_bar():
        runs = materialise(platform, definitions, only_tickers=ticker, rebuild=True, say=_say)
        _exit_for([run for run in runs if not run.success])


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
    _say(f"{file} is now {stored.name}. Materialise it: fvg materialize --ticker {name}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Every series with its coverage and state, the last run of each job, and failing checks."""
    from fvg_platform.pipeline.history import failing_checks, last_runs
    from fvg_platform.reports.overview import status_values
    from fvg_platform.reports.terminal import status_table
    from fvg_platform.storage import report_queries

    with _platform() as (platform, definitions):
        with platform.database.bulk() as connection:
            series = report_queries.series_overview(connection)
            lost = report_queries.failed_without_series(connection)
        values = status_values(
            series, lost, last_runs(platform.instance), failing_checks(platform.instance, definitions)
        )
    _print(values, status_table, as_json=as_json)


@app.command()
def report(as_json: AsJson = False) -> None:
    """Gaps, win-rate intervals and model skill per timeframe, and the latest day's signals."""
    with _database_ready() as (_settings, database):
        _print_report(database, as_json=as_json)


@db.command("start")
def db_start() -> None:
    """Start the embedded Postgres if it does not run, and migrate."""
    with _database_ready() as (_settings, database):
        _say(f"Postgres is ready: {_shown_url(database.url)}")


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded Postgres."""
    embedded = _embedded()
    if embedded is None:
        _end("FVG_DATABASE_URL names a database that is not the platform's to stop")
    _say("Postgres is stopped." if embedded.stop() else "Postgres was not running.")


@db.command("delete")
def db_delete(
    sure: Annotated[
        bool, typer.Option("--yes", help="Really delete every row; there is no way back.")
    ] = False,
) -> None:
    """Stop the embedded Postgres and delete its data, wherever they lie."""
    embedded = _embedded()
    if embedded is None:
        _end("FVG_DATABASE_URL names a database that is not the platform's to delete")
    if not sure:
        raise typer.BadParameter(f"this deletes {embedded.folder}; say --yes to do it")
    embedded.stop()
    if embedded.folder.exists():
        shutil.rmtree(embedded.folder)
    _say(f"{embedded.folder} is gone.")


@db.command("status")
def db_status(as_json: AsJson = False) -> None:
    """Whether the database runs, where it lies and who runs it."""
    from fvg_platform.settings import load_settings
    from fvg_platform.storage.connections import check_database, redacted
    from fvg_platform.storage.database import Database

    database = Database(**load_settings().database)
    if database.embedded is None:
        facts = check_database(database.url)
        values: dict[str, Any] = {"running": True, "url": redacted(database.url), "version": facts.version}
    else:
        found = database.embedded.status()
        values = {
            name: str(value) if isinstance(value, Path) else value for name, value in vars(found).items()
        }
    _print(values, lambda v: "\n".join(f"{name}: {value}" for name, value in v.items()), as_json=as_json)


@db.command("url")
def db_url() -> None:
    """Print the URL of the database, for psql and notebooks; a password is printed as it is."""
    with _database_ready() as (_settings, database):
        sys.stdout.write(database.url + "\n")


@db.command("migrate")
def db_migrate() -> None:
    """Bring the tables up to date."""
    with _database_ready():
        _say("The tables are up to date.")


@db.command("backup")
def db_backup(file: Annotated[Path, typer.Argument(help="Where the backup goes.")]) -> None:
    """Write the whole database, Dagster's history included, into one file."""
    from fvg_platform.storage.backup import backup
    from fvg_platform.storage.embedded_binaries import wheel_programs

    with _database_ready() as (_settings, database):
        backup(database.url, file, wheel_programs())
    _say(f"The database is in {file}; the models' artifacts are the folder FVG_HOME/models.")


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(help="A file that `fvg db backup` wrote.")]) -> None:
    """Make the database what a backup holds: all or nothing."""
    from fvg_platform.storage.backup import restore
    from fvg_platform.storage.embedded_binaries import wheel_programs

    with _database_ready() as (_settings, database):
        restore(database.url, file, wheel_programs())
    _say(f"The database is as {file} holds it.")


@contextmanager
def _database_ready() -> Iterator[tuple["Settings", Any]]:
    from fvg_platform.pipeline.platform import prepare_database
    from fvg_platform.settings import load_settings
    from fvg_platform.storage.database import Database

    settings = load_settings()
    database = Database(**settings.database)
    if database.embedded is not None and database.embedded.notice:
        _say(database.embedded.notice)
    prepare_database(database)
    yield settings, database


@contextmanager
def _platform() -> Iterator[tuple["Platform", "dg.Definitions"]]:
    from fvg_platform.pipeline.platform import open_platform

    with _database_ready() as (settings, _database), open_platform(settings) as platform:
        from fvg_platform.definitions import build_definitions

        yield platform, build_definitions(resources=platform.resources)


@contextmanager
def _progress_bar() -> Iterator[None]:
    """A bar on a terminal; nothing where the output goes to a file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from fvg_platform.pipeline.progress import reported_to

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        with reported_to(show):
            yield


def _embedded() -> Any:
    from fvg_platform.settings import load_settings
    from fvg_platform.storage.database import Database

    return Database(**load_settings().database).embedded


def _assets(select: str | None) -> list[str] | None:
    from fvg_platform.pipeline.stages import STAGES

    if select is None:
        return None
    wanted = [name.strip() for name in select.split(",") if name.strip()]
    known = [asset for stage in STAGES for asset in stage.assets]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise typer.BadParameter(f"unknown asset {', '.join(unknown)}: use some of {', '.join(known)}")
    return wanted


def _print_report(database: Any, *, as_json: bool) -> None:
    from fvg_platform.reports.overview import report_values
    from fvg_platform.reports.terminal import report_table
    from fvg_platform.storage import report_queries

    with database.bulk() as connection:
        values = report_values(
            report_queries.counts_by_timeframe(connection),
            lambda timeframe: report_queries.labels_of(connection, timeframe),
            report_queries.newest_models(connection),
            report_queries.latest_signals(connection),
        )
    _print(values, report_table, as_json=as_json)


def _print(values: dict[str, Any], table: Callable[[dict[str, Any]], Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")
        return
    from rich.console import Console

    # A pipe has no width of its own; a table cut to 80 columns would hide what it is there to show.
    console = Console(width=None if sys.stdout.isatty() else 190, markup=False)
    console.print(table(values))


def _shown_url(url: str) -> str:
    from fvg_platform.storage.connections import redacted

    return redacted(url)


def _exit_for(failed: list[Any]) -> None:
    if not failed:
        return
    for run in failed:
        for message in run.failures.values():
            sys.stderr.write(message.rstrip() + "\n")
    raise typer.Exit(1)


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")


def _end(message: str) -> None:
    _say(f"fvg: {message}")
    raise SystemExit(1)
