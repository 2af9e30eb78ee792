"""The database: `fvg db ...`."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fvg_platform.cli.app import db
from fvg_platform.cli.shared import (
    AsJson,
    database_ready,
    embedded_server,
    end,
    exit_for,
    platform_ready,
    print_values,
    say,
    shown_url,
)


@db.command("start")
def db_start() -> None:
    """Start the embedded Postgres if it does not run, and migrate."""
    with database_ready() as (_settings, database):
        say(f"Postgres is ready: {shown_url(database.url)}")


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded Postgres."""
    embedded = embedded_server()
    if embedded is None:
        end("FVG_DATABASE_URL names a database that is not the platform's to stop")
    say("Postgres is stopped." if embedded.stop() else "Postgres was not running.")


@db.command("delete")
def db_delete(
    sure: Annotated[
        bool, typer.Option("--yes", help="Really delete every row; there is no way back.")
    ] = False,
) -> None:
    """Stop the embedded Postgres and delete its data, wherever they lie."""
    embedded = embedded_server()
    if embedded is None:
        end("FVG_DATABASE_URL names a database that is not the platform's to delete")
    if not sure:
        raise typer.BadParameter(f"this deletes {embedded.folder}; say --yes to do it")
    embedded.stop()
    if embedded.folder.exists():
        shutil.rmtree(embedded.folder)
    say(f"{embedded.folder} is gone.")


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
    print_values(
        values, lambda v: "\n".join(f"{name}: {value}" for name, value in v.items()), as_json=as_json
    )


@db.command("url")
def db_url() -> None:
    """Print the URL of the database, for psql and notebooks; a password is printed as it is."""
    with database_ready() as (_settings, database):
        sys.stdout.write(database.url + "\n")


@db.command("migrate")
def db_migrate() -> None:
    """Bring the tables up to date."""
    with database_ready():
        say("The tables are up to date.")


@db.command("prune")
def db_prune(
    apply: Annotated[
        bool, typer.Option("--apply", help="Really delete; without it only what would go is shown.")
    ] = False,
) -> None:
    """Show what FVG_RETENTION lets go, or delete it."""
    import pandas as pd

    from fvg_platform.pipeline.automation.data_retention import retention_table
    from fvg_platform.pipeline.refresh import prune
    from fvg_platform.storage.retention import plan_retention

    with platform_ready() as (opened, definitions):
        rules = opened.resources["retention_rules"]
        with opened.database.bulk() as connection:
            planned = plan_retention(connection, rules, pd.Timestamp.now(tz="UTC"))
        sys.stdout.write(f"{rules}\n\n{retention_table(planned)}\n")
        if apply and planned:
            run = prune(opened, definitions, say=say)
            exit_for([] if run.success else [run])
            say("What is derived from the rest is brought up to date by the next run: fvg demo")


@db.command("backup")
def db_backup(file: Annotated[Path, typer.Argument(help="Where the backup goes.")]) -> None:
    """Write the whole database, Dagster's history included, into one file."""
    from fvg_platform.storage.backup import backup
    from fvg_platform.storage.embedded_binaries import wheel_programs

    with database_ready() as (_settings, database):
        backup(database.url, file, wheel_programs())
    say(f"The database is in {file}; the models' artifacts are the folder FVG_HOME/models.")


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(help="A file that `fvg db backup` wrote.")]) -> None:
    """Make the database what a backup holds: all or nothing."""
    from fvg_platform.storage.backup import restore
    from fvg_platform.storage.embedded_binaries import wheel_programs

    with database_ready() as (_settings, database):
        restore(database.url, file, wheel_programs())
    say(f"The database is as {file} holds it.")
