"""The platform's database as everything else sees it: its URLs, and connections to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fvg_platform.storage import connections
from fvg_platform.storage.bulk_connections import bulk_connection, close_idle_connections
from fvg_platform.storage.embedded import EmbeddedPostgres


class Database:
    """The platform's Postgres: one that a URL names, or the embedded one, started on demand.

    Parameters
    ----------
    home
        The folder for state; the embedded server's data lie in it.
    url
        A Postgres of the user's own; None for the embedded one.
    dagster_url
        Where Dagster keeps its storage; None for the schema `dagster` of the same database.
    server_user
        Root only: the unprivileged user that the embedded server runs as.
    """

    def __init__(
        self,
        home: Path,
        url: str | None = None,
        *,
        dagster_url: str | None = None,
        server_user: str | None = None,
    ) -> None:
        self._home = home
        self._url = url
        self._dagster_url = dagster_url
        self._server_user = server_user

    @cached_property
    def embedded(self) -> EmbeddedPostgres | None:
        """The embedded server, or None where the user named a database of his own."""
        if self._url is not None:
            return None
        return EmbeddedPostgres(self._home, server_user=self._server_user)

    @property
    def url(self) -> str:
        """The URL of the database; an embedded server that does not run is started."""
        if self._url is not None:
            return connections.normalise_url(self._url)
        assert self.embedded is not None  # noqa: S101  for the type checker: no URL means embedded
        return self.embedded.ensure_running()

    @property
    def dagster_url(self) -> str:
        """The URL of Dagster's own storage: the same database, in the schema `dagster`, unless set otherwise."""
        if self._dagster_url is not None:
            return connections.dagster_url(self._dagster_url)
        return connections.dagster_url(self.url)

    def require_ready(self) -> None:
        """Raise :class:`fvg_platform.storage.connections.DatabaseUnavailable`, with the way out, if it is not."""
        connections.check_database(self.url)

    @cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, for small statements."""
        return connections.engine(self.url)

    def stop_if_unused(self) -> bool:
        """Stop the embedded server unless another process is connected to it; False if it was left alone."""
        if self.embedded is None or not self.embedded.status().running:
            return True
        self.close()
        others = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with self.engine.connect() as connection:
            used = connection.execute(others).scalar_one() > 0
        self.close()
        if not used:
            self.embedded.stop()
        return not used

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
