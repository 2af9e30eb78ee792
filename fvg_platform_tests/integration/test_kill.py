"""Processes killed, a server killed, a disk that is full: afterwards the rows are as if nothing had happened."""

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from fvg_platform.pipeline.stages import TRAINING
from fvg_platform.storage.bulk_connections import close_idle_connections
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import TEST_SETTINGS, open_folder_root
from fvg_platform_tests.integration.operations import (
    command,
    failures,
    materialise_assets,
    shown_partitions,
    statuses,
)
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

BARS = {
    ticker: random_bars("1h", "2024-01-02", "2024-03-20", seed=seed)
    for seed, ticker in enumerate(("AAA", "BBB"))
}
# Hourly bars and what is made of them: Dagster notes every partition of a range, so short ones are quicker.
HOURS = ("1h", "4h")
ONLY_HOURS = ("--timeframe", "1h", "--timeframe", "4h")
BARS_OF_EACH_SERIES = ("raw_bars", "clean_bars", "bars")

LEARNT = (
    "SELECT timeframe, version, split_version, algorithm, sha256, test_metrics::text FROM models ORDER BY 1, 2",
    "SELECT timeframe, split_version, cut_ts, tested_by FROM train_test_splits ORDER BY 1, 2",
    "SELECT ticker, timeframe, ts, side, model_version, p_target_1, p_entered, in_sample "
    "FROM predictions ORDER BY 1, 2, 3",
)
WAITING = (
    "SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE NOT l.granted AND a.datname = current_database()"
)


def write(workplace: Workplace) -> None:
    for ticker, bars in BARS.items():
        workplace.add_bars(ticker, "1h", bars)


@pytest.fixture(scope="module")
def undisturbed(new_workplace: Callable[[], Workplace]) -> Workplace:
    workplace = new_workplace()
    write(workplace)
    assert failures(workplace.bring_up_to_date()) == {}
    return workplace


@contextlib.contextmanager
def started(environment: Mapping[str, str], *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A command at work, in a process that is not left behind."""
    process = subprocess.Popen(
        command(*arguments),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: "subprocess.Popen[str]", url: str, query: str) -> None:
    """Until the query's first value is true; the process must not end before."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        while not connection.execute(query).fetchone()[0]:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)


def kill_in_mid_transaction(
    workplace: Workplace, table: str, *arguments: str, once: str = "SELECT true"
) -> None:
    """Kill -9 a command while it waits for a table that the test has locked, once a query says so."""
    with (
        psycopg.connect(libpq_url(workplace.url)) as connection,
        started(workplace.environment, *arguments) as process,
    ):
        wait_for(process, workplace.url, once)
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        wait_for(process, workplace.url, WAITING)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_processes_killed_at_any_moment_leave_what_an_undisturbed_run_leaves(
    workplace: Workplace, undisturbed: Workplace
) -> None:
    write(workplace)
    to_bars = ("materialize", "--select", ",".join(("symbols", *BARS_OF_EACH_SERIES)), *ONLY_HOURS)
    # A series is stored as it was read, and Dagster about to be told.
    kill_in_mid_transaction(
        workplace,
        "dagster.event_logs",
        *to_bars,
        once="SELECT count(*) > 0 FROM series_status WHERE asset = 'raw_bars'",
    )
    # Clean bars are about to be stored, in the same transaction as what was refused.
    kill_in_mid_transaction(workplace, "market_data", *to_bars)
    assert workplace.rows("SELECT count(DISTINCT ticker) FROM raw_bars") == [(2,)]
    assert workplace.rows("SELECT count(*) FROM market_data") == [(0,)]
    # A model is trained, and about to be recorded.
    assert failures(materialise_assets(workplace, only_timeframes=HOURS)) == {}
    kill_in_mid_transaction(
        workplace, "models", "materialize", "--select", ",".join(TRAINING.assets), *ONLY_HOURS
    )
    assert workplace.rows("SELECT count(*) FROM models") == [(0,)]

    assert failures(workplace.bring_up_to_date()) == {}
    assert workplace.contents() == undisturbed.contents()
    assert shown_partitions(workplace) == shown_partitions(undisturbed)
    assert statuses(workplace) == statuses(undisturbed)
    for query in LEARNT:
        assert workplace.rows(query) == undisturbed.rows(query)
    assert workplace.bring_up_to_date() == []


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(dir=open_folder_root(), prefix="fvg-killed-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = EmbeddedPostgres(home / ".fvg", settings=TEST_SETTINGS)
        server.ensure_running()
        yield server
        close_idle_connections()
        server.stop()


def test_a_server_killed_in_the_middle_of_a_run_is_told_and_a_rerun_completes(
    own_server: EmbeddedPostgres, tmp_path: Path, undisturbed: Workplace
) -> None:
    """The embedded server is started again on demand, so the run goes on with the other series."""
    workplace = Workplace(own_server.home, tmp_path, own_server.url)
    write(workplace)
    environment = workplace.environment | {"FVG_DATABASE_URL": ""}
    select = ",".join(("symbols", *BARS_OF_EACH_SERIES))
    with started(environment, "materialize", "--select", select, *ONLY_HOURS) as process:
        wait_for(process, own_server.url, "SELECT to_regclass('alembic_version') IS NOT NULL")
        with contextlib.closing(psycopg.connect(own_server.url)) as connection:
            connection.execute("LOCK TABLE market_data IN EXCLUSIVE MODE")
            wait_for(process, own_server.url, WAITING)
            os.kill(own_server.status().pid, signal.SIGKILL)
            _, said = process.communicate()
    assert process.returncode == 1
    assert "clean_bars: " in said
    assert "AAA 1h: OperationalError: " in said
    assert "Mend them and materialise again" in said
    assert "Traceback" not in said

    assert failures(materialise_assets(workplace, BARS_OF_EACH_SERIES, only_timeframes=HOURS)) == {}
    expected, found = undisturbed.contents(), workplace.contents()
    for table in ("raw_bars", "market_data", "bar_quarantine", "bar_gaps", "series"):
        assert found[table] == expected[table], table
    expected_shown, shown = shown_partitions(undisturbed), shown_partitions(workplace)
    for asset in BARS_OF_EACH_SERIES:
        assert shown[asset] == expected_shown[asset], asset
    assert statuses(workplace) == {
        key: status for key, status in statuses(undisturbed).items() if key[1] in BARS_OF_EACH_SERIES
    }


DISK_BYTES = 4 * 1024 * 1024


@pytest.fixture
def small_disk(postgres_server: EmbeddedPostgres, workplace: Workplace) -> Iterator[Path]:
    """The table of features on a disk of its own: a tmpfs as a tablespace, which only root can mount."""
    user = pwd.getpwnam(postgres_server.status().server_user)
    with tempfile.TemporaryDirectory(dir=open_folder_root(), prefix="fvg-disk-") as folder:
        Path(folder).chmod(0o755)
        disk = Path(folder) / "disk"
        disk.mkdir()
        options = f"size={DISK_BYTES},mode=0700,uid={user.pw_uid},gid={user.pw_gid}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        try:
            with psycopg.connect(libpq_url(workplace.url), autocommit=True) as connection:
                connection.execute(f"CREATE TABLESPACE small_disk LOCATION '{disk}'")
                connection.execute("ALTER TABLE features SET TABLESPACE small_disk")
                yield disk
                connection.execute("ALTER TABLE features SET TABLESPACE pg_default")
                connection.execute("DROP TABLESPACE small_disk")
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_and_with_space_again_a_rerun_completes(
    workplace: Workplace, small_disk: Path, undisturbed: Workplace
) -> None:
    write(workplace)
    ballast = small_disk.joinpath("ballast")
    ballast.write_bytes(b"x" * (DISK_BYTES - 500_000))  # features of some series fit in, those of all do not
    told = failures(materialise_assets(workplace, only_timeframes=HOURS))
    assert set(told) == {"bar_features"}
    lost = {key for key, (state, _) in statuses(workplace).items() if state == "failed"}
    assert {asset for _, asset in lost} == {"bar_features"}
    for series, _ in lost:
        assert f"{series.replace('|', ' ')}: " in told["bar_features"]
    assert told["bar_features"].count("No space left on device") == len(lost)
    kept = {row[0] for row in workplace.rows("SELECT DISTINCT ticker || '|' || timeframe FROM features")}
    assert kept
    assert kept | {series for series, _ in lost} == {"AAA|1h", "AAA|4h", "BBB|1h", "BBB|4h"}
    expected, found = undisturbed.contents(), workplace.contents()
    for table in ("market_data", "fvg_detections", "fvg_labels"):
        assert found[table] == expected[table], table

    ballast.unlink()
    assert failures(materialise_assets(workplace, only_timeframes=HOURS)) == {}
    assert workplace.contents() == expected
    assert statuses(workplace) == statuses(undisturbed)
    assert shown_partitions(workplace) == shown_partitions(undisturbed)
