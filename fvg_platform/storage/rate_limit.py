"""A vendor's limit of calls that all processes and machines on one database share: who waits, and what is told.

How calls are counted is in :mod:`fvg_platform.storage.call_window`.
"""

import atexit
import os
import re
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from fvg_platform.storage import connections
from fvg_platform.storage.connections import DatabaseUnavailable

if TYPE_CHECKING:
    import psycopg

    from fvg_platform.storage.call_window import CallWindow

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
SAID_EVERY = 15.0  # seconds
# A server that has gone is looked for within 16 s: a restart takes 0.2 to 3 s, and a failover has its chance.
_RECONNECT_AFTER = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0)
# Behind a network that is gone a wait would last for hours; in seconds.
_PATIENCE_WITH_NETWORK = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
_UNITS = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", 86_400.0: "a day"}


class RateLimiter:
    """At most `calls` calls in any `seconds` seconds, by whoever uses the same `name` in the same database.

    It is a :class:`fvg_platform.sources.base.CallLimiter`. It opens one connection when it is first used, keeps it,
    and opens another when the server has gone or the process was forked. Threads may share it.

    Parameters
    ----------
    url
        The platform's database.
    name
        Whose limit it is, in small letters, digits and underscores; the table is `ratelimit___NAME`. Limiters of one
        name must agree in `seconds`; `calls` each keeps its own.
    calls, seconds
        The limit.
    say
        Is told at once when a wait begins, and every 15 s while it lasts.
    sleep
        How to wait; tests put something else here.

    Raises
    ------
    ValueError
        The name, the number of calls or the seconds cannot be used.
    DatabaseUnavailable
        The URL cannot be read.
    """

    def __init__(
        self,
        url: str,
        name: str,
        calls: int,
        seconds: float = 60.0,
        *,
        say: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"strange name {name!r} of a rate limit: use 1 to 40 small letters, digits and underscores, "
                "a letter first"
            )
        if calls < 1 or not 0 < seconds <= max(_UNITS):
            raise ValueError(
                f"{name}: a limit of {calls} calls in {seconds:g} s cannot be kept: it takes 1 call or more, and "
                f"between 0 and {max(_UNITS):g} s"
            )
        self.name, self.calls, self.seconds = name, calls, seconds
        self._url = connections.libpq_url(url)
        self._say = say or (lambda _message: None)
        self._sleep = sleep
        self._begin_anew()

    def acquire(self, what: str) -> float:
        """Wait until one more call is allowed, made for `what`; returns the seconds waited, 0 for no wait.

        Nothing is reserved while it waits: whoever dies meanwhile leaves nothing behind.

        Raises
        ------
        DatabaseUnavailable
            The database cannot be reached, or the role may not count in it.
        """
        waited, said_at = 0.0, -SAID_EVERY
        while True:
            wait, why = self._try(what)
            if wait == 0:
                return waited
            if waited >= said_at + SAID_EVERY:
                so_far = f" ({waited:.0f} s so far)" if waited else ""
                self._say(f"{self.name}: {why}, waiting {max(wait, 1):.0f} s for {what}{so_far}")
                said_at = waited
            nap = min(wait, SAID_EVERY)
            self._sleep(nap)
            waited += nap

    def close(self) -> None:
        """Give the connection back; the limiter can be used again afterwards."""
        atexit.unregister(self.close)
        if self._process == os.getpid():
            with self._lock:
                self._drop_connection()

    def _begin_anew(self) -> None:
        """What a process begins with; one that was forked must not speak over its parent's connection."""
        self._process, self._lock = os.getpid(), Lock()
        self._connection: psycopg.Connection[Any] | None = None
        self._window: CallWindow | None = None

    def _try(self, what: str) -> tuple[float, str]:
        """Count one call if it is allowed, (0, ""); else how long to wait, in seconds, and why."""
        import psycopg  # 0.2 s, which every process that loads the graph would pay

        if self._process != os.getpid():
            self._begin_anew()
        with self._lock:
            # Only a server that was there before is waited for.
            patience = list(_RECONNECT_AFTER) if self._window is not None else []
            while True:
                try:
                    wait = self._opened().count_call(what)
                    return wait, self._used_up() if wait else ""
                except psycopg.errors.LockNotAvailable:
                    return 0.1, "another session keeps the count of calls locked"
                except psycopg.errors.InsufficientPrivilege as error:
                    self._drop_connection()
                    raise self._forbidden(error) from None
                except psycopg.OperationalError as error:
                    self._drop_connection()
                    if not patience:
                        raise self._unavailable(error) from None
                    self._sleep(patience.pop(0))

    def _opened(self) -> "CallWindow":
        if self._window is None:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict, make_conninfo

            from fvg_platform.storage.call_window import CallWindow

            self._drop_connection()
            parts = {**_PATIENCE_WITH_NETWORK, **conninfo_to_dict(self._url)}
            # Statements are not prepared, which poolers do not like.
            self._connection = psycopg.connect(
                make_conninfo("", **parts), autocommit=True, prepare_threshold=None
            )
            self._window = CallWindow(self._connection, self.name, self.calls, self.seconds)
            atexit.register(self.close)
        return self._window

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._window = None

    def _used_up(self) -> str:
        unit = _UNITS.get(float(self.seconds), f"in {self.seconds:g} s")
        return f"{self.calls} calls {unit} are used up" if self.calls > 1 else f"1 call {unit} is used up"

    def _unavailable(self, error: "psycopg.OperationalError") -> DatabaseUnavailable:
        try:
            connections.check_database(self._url, schemas=())
        except DatabaseUnavailable as explained:
            return explained
        return DatabaseUnavailable(
            f"{self.name}: the calls cannot be counted: {' '.join(str(error).split())}"
        )

    def _forbidden(self, error: "psycopg.Error") -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"{self.name}: the role of the database URL may not count calls ({error.diag.message_primary}). The owner "
            f"of the table can allow it: GRANT SELECT, INSERT, UPDATE, DELETE ON ratelimit___{self.name} TO …"
        )
