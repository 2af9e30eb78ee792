"""Bringing a database up to date: from nothing, again, by many processes at once, and not backwards."""

import subprocess
import sys

import psycopg
import pytest

from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.migrate import DatabaseTooNew, migrate, newest_revision
from fvg_platform.storage.schema import metadata


def tables(url: str) -> set[str]:
    with psycopg.connect(libpq_url(url)) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows}


def revision(url: str) -> list[tuple]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_an_empty_database_gets_every_table_and_a_current_one_is_left_alone(empty_database: str) -> None:
    migrate(empty_database)
    assert tables(empty_database) == {*metadata.tables, "alembic_version"}
    assert revision(empty_database) == [(newest_revision(),)]
    migrate(empty_database)
    assert revision(empty_database) == [(newest_revision(),)]


def test_three_processes_at_once_end_in_one_schema(empty_database: str) -> None:
    program = "import sys; from fvg_platform.storage.migrate import migrate; migrate(sys.argv[1])"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, empty_database], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0, 0], ends
    assert tables(empty_database) == {*metadata.tables, "alembic_version"}


def test_a_migration_that_fails_changes_nothing(empty_database: str) -> None:
    with psycopg.connect(libpq_url(empty_database)) as connection:
        connection.execute("CREATE TABLE symbols (mine text)")
    with pytest.raises(Exception, match="symbols"):
        migrate(empty_database)
    assert tables(empty_database) == {"symbols"}


def test_the_newest_model_from_before_there_was_a_registry_goes_on_serving(empty_database: str) -> None:
    migrate(empty_database, "0004_engine")
    with psycopg.connect(libpq_url(empty_database)) as connection:
        connection.execute(
            "INSERT INTO lineage (run_id, asset, code_version, data_revision) VALUES ('a run', 'models', '1', 1)"
        )
        connection.execute(
            "INSERT INTO train_test_splits (timeframe, split_version, cut_ts, train_share, embargo, fingerprint, "
            "lineage_id) SELECT t, 1, now(), 0.7, '1 day', 'f', max(id) FROM lineage, "
            "unnest(ARRAY['1d', '1h']) t GROUP BY t"
        )
        connection.execute(
            "INSERT INTO models (timeframe, version, split_version, algorithm, setups_trained, setups_entered, "
            "setups_resolved, feature_set_version, features, hyperparameters, fold_scores, importances, artifact, "
            "sha256, lineage_id) SELECT t, v, 1, 'base_rate', 1, 1, 1, 'f', '[]', '{}', '[]', '{}', 'a', 's', max(id) "
            "FROM lineage, (VALUES ('1d', 1), ('1d', 2), ('1h', 1)) m (t, v) GROUP BY t, v"
        )
    migrate(empty_database)
    with psycopg.connect(libpq_url(empty_database)) as connection:
        found = connection.execute(
            "SELECT timeframe, version, semantic_version, status, name, scope, run_id, deployed_at = trained_at "
            "FROM models ORDER BY 1, 2"
        ).fetchall()
    assert found == [
        ("1d", 1, "1.0.0", "retired", "win_rate_1d", "pooled", "a run", True),
        ("1d", 2, "1.1.0", "active", "win_rate_1d", "pooled", "a run", True),
        ("1h", 1, "1.0.0", "active", "win_rate_1h", "pooled", "a run", True),
    ]


def test_a_database_of_a_newer_platform_is_refused_with_the_way_out(empty_database: str) -> None:
    migrate(empty_database)
    with psycopg.connect(libpq_url(empty_database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099_from_the_future'")
    with pytest.raises(
        DatabaseTooNew, match=r"revision 0099_from_the_future.*newest is .*update the platform"
    ):
        migrate(empty_database)
