"""The window of calls in Postgres: pyrate-limiter's bucket, with lock, clock and count in one transaction.

By itself the bucket reads the clock before it takes its lock, reports a lock that another one holds as a full window,
stores local times of whatever time zone the session has, and wants to create its table in every process. Importing
it and psycopg takes 0.3 s: :mod:`fvg_platform.storage.rate_limit` does so when it first counts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import sql
from pyrate_limiter import Rate, RateItem
from pyrate_limiter.abstracts.algorithm import Decision
from pyrate_limiter.buckets.postgres import PostgresBucket

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

LOCK_SECONDS = 15
# A permit is used some milliseconds after it was counted, one more, another less. The window is longer than it must
# be by 1 %, at least 50 ms, so that not only the counting but the calls keep the limit.
_MARGIN, _LEAST_MARGIN_MS = 0.01, 50

# Times are stored without a zone, as the session's clock shows them: all sessions must have one zone. Set for the
# transaction, it holds behind a pooler too, and over what the URL, the role and the database say. Whoever freezes
# between two statements loses the lock to the idle timeout, by the server's hand.
_BEGIN = """
    SET LOCAL TimeZone TO 'UTC';
    SET LOCAL lock_timeout TO {lock_timeout};
    SET LOCAL idle_in_transaction_session_timeout TO '10s';
    LOCK TABLE {table} IN EXCLUSIVE MODE
"""
_NOW_MS = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
# After the server's clock was set back, calls are counted that have yet to come: they would block until then.
_NO_FUTURE = (
    "UPDATE {table} SET item_timestamp = to_timestamp(%(now)s) WHERE item_timestamp > to_timestamp(%(now)s)"
)


class CallWindow(PostgresBucket):
    """Counts calls over one connection, which must be in autocommit mode and is the caller's to close.

    Parameters
    ----------
    connection
        To the database that counts.
    name
        Whose limit it is; the table is `ratelimit___NAME`.
    calls, seconds
        At most so many calls in any so many seconds.
    """

    def __init__(self, connection: psycopg.Connection[Any], name: str, calls: int, seconds: float) -> None:
        self._connection = connection
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # counts must see the last commit
        interval = round(seconds * 1000 + max(seconds * 1000 * _MARGIN, _LEAST_MARGIN_MS))
        with connection.transaction():
            super().__init__(cast("ConnectionPool", _Lender(connection)), name, [Rate(calls, interval)])
        table = sql.Identifier(f"ratelimit___{name}")
        self._begin = sql.SQL(_BEGIN).format(table=table, lock_timeout=sql.Literal(f"{LOCK_SECONDS}s"))
        self._no_future = sql.SQL(_NO_FUTURE).format(table=table)

    def count_call(self, what: str) -> float:
        """Count one call, made for `what`, if the limit allows it now.

        Returns
        -------
        float
            0 if it was counted, else the seconds after which it is worth to try again.

        Raises
        ------
        psycopg.errors.LockNotAvailable
            Another session has held the table's lock for 15 s.
        psycopg.Error
            What else befalls a statement; the call may have been counted, or not.
        """
        with self._connection.transaction():
            # The bucket takes the same lock without waiting, and finds that this transaction has it.
            self._connection.execute(self._begin)
            (now,) = self._connection.execute(_NOW_MS).fetchone() or (0,)
            self._connection.execute(self._no_future, {"now": now / 1000})
            decision = cast(Decision, self.put_decision(RateItem(what, now)))
            if decision.allowed:
                self.leak(now)
                return 0.0
            return max(decision.retry_after_ms or 0, 1) / 1000

    def _create_table(self) -> None:
        """Only where the migrations have not made it: IF NOT EXISTS asks for the right to create all the same."""
        found = self._connection.execute("SELECT to_regclass(%s)", [f"ratelimit___{self.table}"]).fetchone()
        if found == (None,):
            super()._create_table()


class _Lender:
    """What the bucket takes for a pool: it lends the one connection, in the transaction that is open."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection, whose transaction the borrower leaves open."""
        yield self._connection
