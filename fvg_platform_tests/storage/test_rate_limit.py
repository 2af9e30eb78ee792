"""The shared limit of calls: kept by processes and threads together, whatever befalls sessions, clock and server."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fvg_platform.sources.base import CallLimiter
from fvg_platform.storage import call_window
from fvg_platform.storage.connections import DatabaseUnavailable, libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform.storage.rate_limit import RateLimiter
from fvg_platform_tests.database import open_folder_root

CALLS, SECONDS = 5, 0.5

# Every count leaves a row: the time that it states, and when it was really made.
WATCH = """
    CREATE TABLE counted (id bigserial, at timestamp, truly timestamp);
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO counted (at, truly) VALUES (NEW.item_timestamp, clock_timestamp() AT TIME ZONE 'UTC');
        RETURN NULL;
    END $$;
    CREATE TRIGGER watch AFTER INSERT ON ratelimit___vendor FOR EACH ROW EXECUTE FUNCTION watch()
"""
WORKER = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from fvg_platform.storage.rate_limit import RateLimiter
limiter = RateLimiter(sys.argv[1], "vendor", {CALLS}, {SECONDS})
with ThreadPoolExecutor(3) as pool:
    list(pool.map(limiter.acquire, ["AAPL 1h"] * 9))
"""
WAITER = """
import sys
from fvg_platform.storage.rate_limit import RateLimiter
RateLimiter(sys.argv[1], "vendor", 1, 60, say=lambda text: print(text, flush=True)).acquire("SPY 1d")
"""


class Waited(Exception):  # noqa: N818  it is no error
    """Thrown by a sleep, to look at what a limiter that must wait is about to do."""


def not_slept(seconds: float) -> None:
    """A sleep that lasts no time and never comes back."""
    raise Waited(seconds)


def run(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def until(truth: Callable[[], Any]) -> None:
    """Wait for what is about to be true."""
    deadline = time.monotonic() + 20
    while not truth():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def in_zone(url: str, zone: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-cTimeZone%3D{zone}"


@pytest.fixture
def limiter(empty_database: str) -> Iterator[RateLimiter]:
    """One call a minute, of which none is used; its sleep throws."""
    with closing(RateLimiter(empty_database, "vendor", 1, sleep=not_slept)) as limiter:
        yield limiter


def test_processes_and_threads_together_never_exceed_the_limit(empty_database: str) -> None:
    limiter: CallLimiter = RateLimiter(empty_database, "vendor", CALLS, SECONDS)
    assert limiter.acquire("SPY 1h") == 0
    run(empty_database, WATCH)
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, empty_database]) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        waited = list(pool.map(limiter.acquire, ["SPY 1h"] * 4))
    limiter.close()
    assert [worker.wait() for worker in workers] == [0, 0]
    rows = run(empty_database, "SELECT at, truly FROM counted ORDER BY id")
    assert len(rows) == 2 * 9 + 4, "every call was allowed in the end"
    assert all(seconds >= 0 for seconds in waited)
    stated = [at for at, _ in rows]
    assert stated == sorted(stated)
    assert all(at <= truly for at, truly in rows)
    # Of any six calls in a row the last comes a whole window, and the margin of 50 ms, after the first.
    spans = [(last - first).total_seconds() for first, last in zip(stated, stated[CALLS:], strict=False)]
    assert min(spans) > SECONDS + 0.05


def test_a_wait_is_told_at_once_and_then_every_15_seconds(empty_database: str) -> None:
    said: list[str] = []
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 4:  # as if the minute was over
            run(
                empty_database,
                "UPDATE ratelimit___vendor SET item_timestamp = item_timestamp - interval '1 h'",
            )

    with closing(RateLimiter(empty_database, "vendor", 5, say=said.append, sleep=sleep)) as limiter:
        assert [limiter.acquire("AAPL 1h") for _ in range(5)] == [0] * 5
        assert said == []
        waited = limiter.acquire("SPY 1h 2024-01-02 to 2024-02-02")
        assert limiter.acquire("SPY 1h") == 0
    assert naps == [15, 15, 15, 15]
    assert waited == sum(naps)
    first, *later = said
    assert first.startswith("vendor: 5 calls a minute are used up, waiting 6")
    assert first.endswith(" s for SPY 1h 2024-01-02 to 2024-02-02")
    assert [text.rpartition("02-02")[2] for text in later] == [
        " (15 s so far)", " (30 s so far)", " (45 s so far)",
    ]  # fmt: skip
    # What the window does not need any more is gone.
    assert run(empty_database, "SELECT name FROM ratelimit___vendor") == [
        ("SPY 1h 2024-01-02 to 2024-02-02",),
        ("SPY 1h",),
    ]


@pytest.mark.parametrize(
    ("calls", "seconds", "expected"),
    [(1, 60, "1 call a minute is"), (1, 1, "1 call a second is"), (2, 30, "2 calls in 30 s are")],
)
def test_the_limit_is_told_in_words(empty_database: str, calls: int, seconds: float, expected: str) -> None:
    said: list[str] = []
    limiter = RateLimiter(empty_database, "vendor", calls, seconds, say=said.append, sleep=not_slept)
    with closing(limiter), pytest.raises(Waited):
        for _ in range(3):
            limiter.acquire("SPY")
    assert said[0].startswith(f"vendor: {expected} used up, waiting ")


@pytest.mark.parametrize("other", ["Pacific/Auckland", "America/Los_Angeles"])
def test_sessions_of_other_time_zones_share_the_window(
    empty_database: str, limiter: RateLimiter, other: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_database)["dbname"]
    run(empty_database, f"ALTER DATABASE {name} SET TimeZone TO 'Asia/Kolkata'")
    limiter.acquire("SPY")
    with (
        closing(RateLimiter(in_zone(empty_database, other), "vendor", 1, sleep=not_slept)) as far,
        pytest.raises(Waited),
    ):
        far.acquire("SPY")
    ((age,),) = run(
        empty_database, "SELECT now() AT TIME ZONE 'UTC' - item_timestamp FROM ratelimit___vendor"
    )
    assert abs(age.total_seconds()) < 60


def test_a_clock_that_was_set_back_blocks_for_one_window_at_most(
    empty_database: str, limiter: RateLimiter
) -> None:
    limiter.acquire("SPY")
    run(empty_database, "UPDATE ratelimit___vendor SET item_timestamp = item_timestamp + interval '3 h'")
    with pytest.raises(Waited) as caught:
        limiter.acquire("SPY")
    assert caught.value.args == (15,)
    ((ahead,),) = run(
        empty_database, "SELECT item_timestamp - now() AT TIME ZONE 'UTC' FROM ratelimit___vendor"
    )
    assert ahead.total_seconds() <= 0


def test_a_table_that_is_locked_is_no_full_window(
    empty_database: str, limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert RateLimiter(empty_database, "vendor", 9).acquire("SPY") == 0  # makes the table
    run(empty_database, "DELETE FROM ratelimit___vendor")
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'ratelimit___vendor'::regclass"
    with psycopg.connect(libpq_url(empty_database)) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("LOCK TABLE ratelimit___vendor IN EXCLUSIVE MODE")
        future = pool.submit(limiter.acquire, "SPY")
        until(lambda: run(empty_database, waiting))
        ((released,),) = run(empty_database, "SELECT clock_timestamp() AT TIME ZONE 'UTC'")
        holder.rollback()
        assert future.result() == 0
    ((stated,),) = run(empty_database, "SELECT item_timestamp FROM ratelimit___vendor")
    assert stated >= released.replace(microsecond=released.microsecond // 1000 * 1000), (
        "the clock is read under the lock"
    )
    # One that stays locked is told for what it is.
    said: list[str] = []
    monkeypatch.setattr(call_window, "LOCK_SECONDS", 0.1)
    with psycopg.connect(libpq_url(empty_database)) as holder:
        holder.execute("LOCK TABLE ratelimit___vendor IN EXCLUSIVE MODE")
        other = RateLimiter(empty_database, "vendor", 9, say=said.append, sleep=not_slept)
        with closing(other), pytest.raises(Waited):
            other.acquire("SPY")
    assert said == ["vendor: another session keeps the count of calls locked, waiting 1 s for SPY"]


def test_a_waiter_that_is_killed_leaves_nothing_behind(empty_database: str, limiter: RateLimiter) -> None:
    limiter.acquire("AAPL")
    limiter.close()
    with subprocess.Popen(
        [sys.executable, "-c", WAITER, empty_database], stdout=subprocess.PIPE, text=True
    ) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline().startswith("vendor: 1 call a minute is used up, waiting ")
        waiter.send_signal(signal.SIGKILL)
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: not run(empty_database, others))
    assert run(empty_database, "SELECT name FROM ratelimit___vendor") == [("AAPL",)]


def test_it_opens_late_and_closes_and_opens_again(empty_database: str, limiter: RateLimiter) -> None:
    mine = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert run(empty_database, mine) == []
    limiter.acquire("SPY")
    until(lambda: len(run(empty_database, mine)) == 1)
    limiter.close()
    until(lambda: not run(empty_database, mine))
    with pytest.raises(Waited):
        limiter.acquire("SPY")


def test_a_role_that_may_create_nothing_can_count(empty_database: str, limiter: RateLimiter) -> None:
    limiter.acquire("SPY")
    role = "counter_" + empty_database.rpartition("test_")[2].partition("?")[0]
    url = f"{empty_database}{'&' if '?' in empty_database else '?'}options=-crole%3D{role}"
    run(empty_database, f"CREATE ROLE {role}")
    try:
        with closing(RateLimiter(url, "vendor", 2)) as other:
            with pytest.raises(DatabaseUnavailable, match=r"GRANT SELECT, INSERT.* ON ratelimit___vendor"):
                other.acquire("SPY")
            run(empty_database, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ratelimit___vendor TO {role}")
            assert other.acquire("SPY") == 0
    finally:
        run(empty_database, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_server_that_is_started_anew_goes_unnoticed() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fvg-", dir=open_folder_root()))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "home", settings={"fsync": "off", "shared_buffers": "16MB"})

    def sleep(_seconds: float) -> None:
        server.ensure_running()

    try:
        url = server.ensure_running()
        with closing(RateLimiter(url, "vendor", 3, sleep=sleep)) as limiter:
            limiter.acquire("SPY")
            server.stop()
            server.ensure_running()
            assert limiter.acquire("SPY") == 0
            server.stop()  # and it comes back while the limiter looks for it
            assert limiter.acquire("SPY") == 0
        assert run(url, "SELECT count(*) FROM ratelimit___vendor") == [(3,)]
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_a_server_that_never_was_is_told_without_the_password() -> None:
    limiter = RateLimiter("postgresql://fvg:Sesame@127.0.0.1:1/fvg", "vendor", 5, sleep=not_slept)
    with pytest.raises(DatabaseUnavailable, match=r"no Postgres answers at 127\.0\.0\.1:1") as caught:
        limiter.acquire("SPY")
    assert "Sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "calls", "seconds", "expected"),
    [
        ("Poly gon", 5, 60, "strange name 'Poly gon'"),
        ("x" * 41, 5, 60, "1 to 40"),
        ("polygon", 0, 60, "polygon: a limit of 0 calls in 60 s"),
        ("polygon", 5, 0, "5 calls in 0 s"),
        ("polygon", 5, float("nan"), "5 calls in nan s"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(name: str, calls: int, seconds: float, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        RateLimiter("postgresql://localhost/fvg", name, calls, seconds)
