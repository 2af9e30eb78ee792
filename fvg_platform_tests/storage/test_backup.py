"""A backup brings a database back as it was, whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fvg_platform.storage.backup import BackupError, backup, restore
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import drop_database, make_database
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def filled(empty_database: str) -> str:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE SCHEMA dagster")
        connection.execute("CREATE TABLE dagster.runs (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE bars (ts timestamptz PRIMARY KEY, close float8)")
        connection.execute("INSERT INTO bars VALUES ('2024-01-02 14:30Z', 0.1), ('2024-01-02 15:30Z', NULL)")
    return empty_database


def closes(url: str) -> list[float | None]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT close FROM bars ORDER BY ts").fetchall()]


def test_a_backup_fills_an_empty_database(
    filled: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = backup(filled, tmp_path / "all.dump", postgres_server.bin_dir)
    other = make_database(postgres_server)
    try:
        restore(other, file, postgres_server.bin_dir)
        assert closes(other) == [0.1, None]
    finally:
        drop_database(other)
    assert [path.name for path in tmp_path.iterdir()] == ["all.dump"]


def test_a_backup_replaces_what_has_changed_since(
    filled: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = backup(filled, tmp_path / "all.dump", postgres_server.bin_dir)
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE bars SET close = 7; INSERT INTO bars VALUES (now(), 8)")
        connection.execute("DROP SCHEMA dagster CASCADE")
    restore(filled, file, postgres_server.bin_dir)
    assert closes(filled) == [0.1, None]


def test_a_backup_that_cannot_be_restored_changes_nothing(
    filled: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = backup(filled, tmp_path / "all.dump", postgres_server.bin_dir)
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE bars SET close = 7")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(BackupError, match=r"all\.dump"):
        restore(filled, file, postgres_server.bin_dir)
    assert closes(filled) == [7.0, 7.0]


def test_a_failed_backup_keeps_the_older_file(postgres_server: EmbeddedPostgres, tmp_path: Path) -> None:
    file = tmp_path / "all.dump"
    file.write_text("the older one")
    with pytest.raises(BackupError, match='database "nowhere" does not exist'):
        backup(postgres_server.url.replace("/fvg?", "/nowhere?"), file, postgres_server.bin_dir)
    assert file.read_text() == "the older one"
    assert [path.name for path in tmp_path.iterdir()] == ["all.dump"]


def test_a_file_that_is_no_backup_is_named(
    empty_database: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("bought at the top")
    with pytest.raises(BackupError, match=r"notes\.txt is not a backup"):
        restore(empty_database, file, postgres_server.bin_dir)
    with pytest.raises(BackupError, match=r"there is no backup .*none\.dump"):
        restore(empty_database, tmp_path / "none.dump", postgres_server.bin_dir)


def test_the_password_is_not_on_the_command_line(tmp_path: Path) -> None:
    spy = tmp_path / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/environment\nexit 1\n'
    )
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(BackupError) as raised:
        backup("postgresql://trader:s3cret@db.example.org/fvg", tmp_path / "all.dump", tmp_path)
    assert "s3cret" not in (tmp_path / "arguments").read_text() + str(raised.value)
    assert (tmp_path / "environment").read_text().strip() == "s3cret"


# The drill: a whole platform, and a restore that is killed.


@contextmanager
def another_database(server: EmbeddedPostgres) -> Iterator[str]:
    url = make_database(server)
    try:
        yield url
    finally:
        drop_database(url)


def everything(url: str) -> dict[str, object]:
    """All rows of every table of the platform's and of Dagster's, where each sequence stands, and every definition."""
    with psycopg.connect(url) as connection:
        found: dict[str, object] = {}
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'dagster') ORDER BY 1, 2"
        ).fetchall()
        for schema, table in tables:
            rows = sql.SQL('SELECT t::text COLLATE "C" FROM {} t ORDER BY 1').format(
                sql.Identifier(schema, table)
            )
            found[f"{schema}.{table}"] = connection.execute(rows).fetchall()
        for what, query in _DEFINITIONS.items():
            found[what] = connection.execute(query).fetchall()
    return found


_OURS = "('public', 'dagster')"
_DEFINITIONS = {
    "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences "
    f"WHERE schemaname IN {_OURS} ORDER BY 1, 2",
    "indexes": f"SELECT schemaname, indexdef FROM pg_indexes WHERE schemaname IN {_OURS} ORDER BY 1, 2",
    "views": f"SELECT schemaname, viewname, definition FROM pg_views WHERE schemaname IN {_OURS} ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    f"WHERE connamespace::regnamespace::text IN {_OURS} ORDER BY 1, 2",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc "
    f"WHERE pronamespace::regnamespace::text IN {_OURS} ORDER BY 1",
}


def test_a_restored_platform_is_the_one_that_was_backed_up(
    sample: Workplace, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = backup(sample.url, tmp_path / "all.dump", postgres_server.bin_dir)
    before = everything(sample.url)
    assert len(before["public.market_data"]) > 0
    assert len(before["dagster.event_logs"]) > 0
    with another_database(postgres_server) as url:
        restore(url, file, postgres_server.bin_dir)
        restored = Workplace(sample.home, sample.files, url, sample.bar_source)
        after = everything(url)
        assert [name for name in before if after.get(name) != before[name]] == []
        assert after.keys() == before.keys()
        assert restored.bring_up_to_date() == [], "nothing is out of date"
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="append-only"),
        ):
            connection.execute("DELETE FROM predictions")


# Stops whoever builds an index, which pg_restore does when all rows are in, until a lock is free.
_PAUSE = """
    CREATE SCHEMA drill;
    CREATE FUNCTION drill.pause() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;
    CREATE EVENT TRIGGER pause ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION drill.pause();
"""
_WAITING = (
    "SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database()"
)


def test_a_restore_that_is_killed_leaves_the_old_database_whole(
    sample: Workplace, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    file = backup(sample.url, tmp_path / "all.dump", postgres_server.bin_dir)
    closes_sum = "SELECT sum(close ORDER BY ticker, timeframe, ts) FROM market_data"
    backed_up = sample.rows(closes_sum)
    with psycopg.connect(sample.url) as connection:
        connection.execute("UPDATE market_data SET close = close * 1.001")
        connection.execute("DELETE FROM dagster.asset_event_tags")
        connection.execute(_PAUSE)
    before = everything(sample.url)
    program = (
        "import sys; from pathlib import Path; from fvg_platform.storage.backup import restore; "
        "restore(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    with psycopg.connect(sample.url, autocommit=True) as watcher:
        watcher.execute("SELECT pg_advisory_lock(4711)")
        arguments = [sys.executable, "-c", program, sample.url, str(file), str(postgres_server.bin_dir)]
        with subprocess.Popen(arguments, start_new_session=True) as restoring:
            while not (found := watcher.execute(_WAITING).fetchall()):
                assert restoring.poll() is None, "it must come to its indexes"
                watcher.execute("SELECT pg_sleep(0.02)")
            os.killpg(restoring.pid, signal.SIGKILL)
        watcher.execute("SELECT pg_advisory_unlock(4711)")
        still_there = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        while watcher.execute(still_there, found[0]).fetchone():
            watcher.execute("SELECT pg_sleep(0.02)")
        watcher.execute("DROP EVENT TRIGGER pause")
    after = everything(sample.url)
    assert [name for name in before if after.get(name) != before[name]] == []
    restore(sample.url, file, postgres_server.bin_dir)
    assert sample.rows(closes_sum) == backed_up, "undisturbed it replaces what was there"
