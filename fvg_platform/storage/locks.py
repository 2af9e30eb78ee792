"""Locks that outlive a transaction: who reads a series from its vendor holds one until the series is whole.

They are Postgres' advisory locks of a session, on a connection of their own: a holder that dies gives them back with
its connection.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fvg_platform.storage.connections import libpq_url

_KEY = "SELECT {}(hashtextextended(%s, 0))"


@contextmanager
def held_lock(url: str, key: str, *, on_wait: Callable[[], None] | None = None) -> Iterator[float]:
    """Hold the lock `key` for the block; whoever comes second waits, and `on_wait` is told so once.

    Yields
    ------
    The seconds that were waited.
    """
    import psycopg  # 0.2 s, which every process that loads the graph would pay

    began = time.perf_counter()
    # Keepalives: a holder behind a connection that is gone must not keep the lock for hours.
    with psycopg.connect(libpq_url(url), autocommit=True, keepalives_idle=30) as connection:
        (free,) = connection.execute(_KEY.format("pg_try_advisory_lock"), [key]).fetchone() or (False,)
        if not free:
            if on_wait is not None:
                on_wait()
            connection.execute(_KEY.format("pg_advisory_lock"), [key])
        yield time.perf_counter() - began
