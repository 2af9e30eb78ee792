"""Dagster's connections to Postgres, kept open as long as a command works.

Its storages open a new one for each statement, so that instances do not pile them up. That costs the server ten times
the work of the statements: a demo opens 2,000, which is 9 of the 10 seconds that Postgres spends on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa


@contextmanager
def kept_connections(instance: dg.DagsterInstance) -> Iterator[None]:
    """Let the storages of an instance share connections that outlive a statement; closed at the end.

    One is kept, and as many more are opened as are needed at once. Each is tried before it is used again, so a server
    that was started anew meanwhile is met as by a new connection. Storages that hold connections in a way of their
    own are left alone.
    """
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    own = [(storage, getattr(storage, "_engine", None)) for storage in storages]
    found = [
        (storage, engine)
        for storage, engine in own
        if isinstance(engine, sa.Engine) and isinstance(engine.pool, sa.NullPool)
    ]
    if len({engine.url for _, engine in found}) != 1:
        yield
        return
    shared = sa.create_engine(
        found[0][1].url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=-1, pool_pre_ping=True
    )
    try:
        for storage, _ in found:
            storage._engine = shared  # type: ignore[union-attr]
        yield
    finally:
        for storage, engine in found:
            storage._engine = engine  # type: ignore[union-attr]
        shared.dispose()
