"""The platform ready to work: database up and migrated, Dagster's instance open, its environment set.

Everything that runs stages from outside of Dagster (the command line, the demo, tests) goes through here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from fvg_platform.pipeline.dagster_connections import kept_connections
from fvg_platform.pipeline.orphans import close_orphans
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.settings import Settings, project_folder
from fvg_platform.storage import connections
from fvg_platform.storage.database import Database
from fvg_platform.storage.migrate import migrate

DAGSTER_SCHEMA = "dagster"


@dataclass(frozen=True)
class Platform:
    """What a command works with; open one with :func:`open_platform`."""

    settings: Settings
    database: Database
    instance: dg.DagsterInstance

    @cached_property
    def resources(self) -> dict[str, Any]:
        """What the assets are given."""
        return default_resources(self.settings, self.database)


def dagster_environment(settings: Settings, database: Database) -> dict[str, str]:
    """The variables that `dagster_home/dagster.yaml` and every Dagster process need."""
    files = settings.dagster_files
    return {
        "DAGSTER_HOME": str(project_folder() / "dagster_home"),
        "FVG_HOME": str(settings.home),
        "FVG_DAGSTER_URL": database.dagster_url,
        "FVG_DAGSTER_FILES": str(files),
        "FVG_DAGSTER_LOGS": str(files / "logs"),
    }


def prepare_database(database: Database) -> None:
    """Start the database if it is ours, check it, and bring both schemas up to date."""
    database.require_ready()
    migrate(database.url)
    connections.ensure_schema(database.dagster_url.replace("+psycopg2", ""), DAGSTER_SCHEMA)


@contextmanager
def open_platform(settings: Settings) -> Iterator[Platform]:
    """Make everything ready, and give Dagster's connections back at the end.

    Raises
    ------
    fvg_platform.storage.connections.DatabaseUnavailable, fvg_platform.storage.embedded.EmbeddedPostgresError
        with the way out.
    """
    database = Database(**settings.database)
    prepare_database(database)
    environment = dagster_environment(settings, database)
    Path(environment["FVG_DAGSTER_FILES"]).mkdir(parents=True, exist_ok=True)
    os.environ.update(environment)
    try:
        with dg.DagsterInstance.get() as instance, kept_connections(instance):
            close_orphans(instance)
            yield Platform(settings, database, instance)
    finally:
        database.close()
