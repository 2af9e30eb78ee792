"""A real Postgres for the tests: one embedded server for the whole session, shared by all xdist workers.

Fixtures: `postgres_server`, and `empty_database`, the URL of a fresh database that is dropped after the test.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fvg_platform.storage.bulk_connections import close_idle_connections
from fvg_platform.storage.connections import database_url, libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres

# What the tests write need not survive a power cut.
TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "autovacuum": "off"}


def open_folder_root() -> Path:
    """A temporary folder that every user can walk to; root's own may be closed to the server's user."""
    return Path("/tmp") if os.geteuid() == 0 else Path(tempfile.gettempdir())


def make_database(server: EmbeddedPostgres, template: str | None = None) -> str:
    """Create a database with a name of its own, as a copy of `template` if one is given; returns its URL."""
    close_idle_connections()  # a template must have no connection
    name = f"test_{uuid.uuid4().hex[:12]}"
    # Copying files takes 30 to 60 ms without fsync, writing each page to the log 400 to 500 ms.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
        sql.Identifier(name), sql.Identifier(template or "template0")
    )
    with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
        connection.execute(statement)
    return database_url(server.url, name)


def drop_database(url: str) -> None:
    """Drop a database that `make_database` made, whoever is still connected to it."""
    close_idle_connections()
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(database_url(url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The session's server; whoever is its last user stops it and removes its files."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = open_folder_root() / f"fvg-tests-{hashlib.sha256(os.fsencode(shared)).hexdigest()[:12]}"
    with (shared / "postgres-users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server = EmbeddedPostgres(home, settings=TEST_SETTINGS)
        server.ensure_running()
        yield server
        close_idle_connections()
        fcntl.flock(users, fcntl.LOCK_UN)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # other workers still use it
        server.stop()
        shutil.rmtree(home)


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database of the test's own, without any table."""
    url = make_database(postgres_server)
    yield url
    drop_database(url)
