"""A backup brings a database back as it was, whole or not at all."""

import stat
from pathlib import Path

import psycopg
import pytest

from fvg_platform.storage.backup import BackupError, backup, restore
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import drop_database, make_database


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
