"""ADBC connections that are kept open between uses: opening one takes 90 ms, for it reads the whole type catalogue.

A process keeps a few idle ones; nothing is open in them (ADBC begins a transaction with the first statement),
so they hold back neither vacuum nor locks. One that died with its server is replaced unseen.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import adbc_driver_manager

from fvg_platform.storage.connections import adbc_connect

_KEPT = 4
_idle: list[tuple[int, str, Any]] = []  # (process, url, connection), the longest unused first
_lock = Lock()


@contextmanager
def bulk_connection(url: str) -> Iterator[Any]:
    """An ADBC connection for the `with` block; what is not committed at its end is rolled back."""
    connection = _borrow(url)
    try:
        yield connection
        connection.rollback()
    except BaseException:
        # Its state is unknown: a broken protocol must not meet the next user.
        _close(connection)
        raise
    _give_back(url, connection)


def close_idle_connections() -> None:
    """Close what this process keeps open, for a server that is to be stopped or a database to be dropped."""
    with _lock:
        mine = [entry for entry in _idle if entry[0] == os.getpid()]
        _idle.clear()
    for _, _, connection in mine:
        _close(connection)


def _borrow(url: str) -> Any:
    while True:
        with _lock:
            # A forked child must not speak over its parent's socket: the process is part of the key.
            index = next((i for i, (pid, of, _) in enumerate(_idle) if (pid, of) == (os.getpid(), url)), None)
            connection = _idle.pop(index)[2] if index is not None else None
        if connection is None:
            return adbc_connect(url)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchall()
            connection.rollback()
        except adbc_driver_manager.Error:
            _close(connection)  # its server has gone since: try the next one
        else:
            return connection


def _give_back(url: str, connection: Any) -> None:
    with _lock:
        _idle.append((os.getpid(), url, connection))
        surplus = _idle.pop(0) if len(_idle) > _KEPT else None
    if surplus is not None and surplus[0] == os.getpid():
        _close(surplus[2])


def _close(connection: Any) -> None:
    try:
        connection.close()
    except adbc_driver_manager.Error:
        # Closing rolls back first, which a dead connection cannot; the driver has let go of it all the same.
        return


atexit.register(close_idle_connections)
