"""What assets are given to work with: the database, the source of bars, the model store.

They are plain objects and not Dagster configuration, so that no URL ever shows in the UI or an event log.
`build_definitions(resources=...)` swaps any of them.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fvg_platform.settings import Settings, load_settings
from fvg_platform.sources.base import BarSource, SeriesInfo
from fvg_platform.storage import connections
from fvg_platform.storage.bulk_connections import bulk_connection, close_idle_connections
from fvg_platform.storage.embedded import EmbeddedPostgres

logger = logging.getLogger(__name__)


class Database:
    """The platform's Postgres: the one that `FVG_DATABASE_URL` names, or the embedded one, started on demand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def embedded(self) -> EmbeddedPostgres | None:
        """The embedded server, or None where the user named a database of his own."""
        if self._settings.database_url is not None:
            return None
        return EmbeddedPostgres(self._settings.home, server_user=self._settings.postgres_user)

    @property
    def url(self) -> str:
        """The URL of the database; an embedded server that does not run is started."""
        if self._settings.database_url is not None:
            return connections.normalise_url(self._settings.database_url.get_secret_value())
        assert self.embedded is not None  # noqa: S101  for the type checker: no URL means embedded
        return self.embedded.ensure_running()

    @property
    def dagster_url(self) -> str:
        """The URL of Dagster's own storage: the same database, in the schema `dagster`, unless set otherwise."""
        own = self._settings.dagster_database_url
        if own is not None:
            return connections.dagster_url(own.get_secret_value())
        return connections.dagster_url(self.url)

    def require_ready(self) -> None:
        """Raise :class:`fvg_platform.storage.connections.DatabaseUnavailable`, with the way out, if it is not."""
        connections.check_database(self.url)

    @cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, for small statements."""
        return connections.engine(self.url)

    def close(self) -> None:
        """Give every pooled connection back; the database can be used again afterwards."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        close_idle_connections()

    @contextmanager
    def bulk(self) -> Iterator[Any]:
        """A connection for reading many rows as DataFrames."""
        with bulk_connection(self.url) as connection:
            yield connection


class MarketSource:
    """The configured source of bars, plus what `fvg import` brought in; opened when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def source(self) -> BarSource:
        """The source itself."""
        return _open_source(self._settings)

    @cached_property
    def _series(self) -> dict[tuple[str, str], SeriesInfo]:
        return {(info.ticker, info.timeframe): info for info in self.source.series()}

    def offers(self, ticker: str, timeframe: str) -> SeriesInfo | None:
        """What the source says of a series, or None where it does not have it."""
        return self._series.get((ticker, timeframe))

    def forget(self) -> None:
        """Look at the source anew: files may have come or gone since."""
        self.__dict__.pop("_series", None)
        self.__dict__.pop("source", None)


def _open_source(settings: Settings) -> BarSource:
    from fvg_platform.sources.combined import CombinedSource
    from fvg_platform.sources.files import FilesSource
    from fvg_platform.sources.sample import SampleSource

    if settings.bar_source == "files" and settings.files_dir is not None:
        primary: BarSource = FilesSource(settings.files_dir)
    else:
        primary = SampleSource()
    if settings.imports_folder.is_dir():
        return CombinedSource(primary, FilesSource(settings.imports_folder))
    return primary


class ModelStore:
    """The folder that holds the models' artifacts: text files, named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, content: bytes, sha256: str, timeframe: str) -> str:
        """Write an artifact, whole or not at all, and return its name; one that is there already is left alone."""
        name = f"{timeframe}-{sha256[:16]}.json"
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            partial.write_bytes(content)
            partial.replace(path)
        return name

    def load(self, name: str) -> bytes:
        """The bytes of an artifact.

        Raises
        ------
        FileNotFoundError
            saying which artifact is missing and that training again makes it.
        """
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"the model artifact {name} is not in {self.folder}: restore the folder, or train again with "
                "`fvg materialize --select train_test_split,win_rate_model`"
            )
        return path.read_bytes()


def default_resources(settings: Settings | None = None) -> dict[str, Any]:
    """The resources that the environment describes."""
    settings = settings or load_settings()
    return {
        "database": Database(settings),
        "market_source": MarketSource(settings),
        "model_store": ModelStore(settings.model_store),
        "settings": settings,
    }
