"""The migrations make exactly the tables of `storage.schema`, with what the queries and the rules need."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fvg_platform.storage import connections, migrate
from fvg_platform.storage.schema import metadata
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def connection(empty_database: str) -> Iterator[sa.Connection]:
    """A connection to a database that was migrated from nothing."""
    migrate.migrate(empty_database)
    engine = connections.engine(empty_database)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    config.attributes["connection"] = connection
    return config


def differences(connection: sa.Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_migrations_and_schema_agree(connection: sa.Connection) -> None:
    assert differences(connection) == []
    # What the comparison leaves out: check constraints, and the names of primary keys.
    inspector = sa.inspect(connection)
    for table in metadata.tables.values():
        # By its expression the database knows a check, so names are compared; each says what it is about.
        expected = {str(c.name) for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        expected = {name if name.startswith("ck_") else f"ck_{table.name}_{name}" for name in expected}
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == expected
        assert inspector.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_going_back_to_nothing_and_up_again_ends_in_the_same(connection: sa.Connection) -> None:
    config = alembic_config(connection)
    command.downgrade(config, "base")
    left = sa.text(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic' "
        "UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert connection.execute(left).scalars().all() == []
    command.upgrade(config, "head")
    assert differences(connection) == []


def test_every_migration_goes_back_by_one(connection: sa.Connection) -> None:
    config = alembic_config(connection)
    for _ in list(ScriptDirectory.from_config(config).walk_revisions())[:-1]:
        command.downgrade(config, "-1")
    command.upgrade(config, "head")
    assert differences(connection) == []


def test_the_newest_revision_is_the_head_of_the_migrations(connection: sa.Connection) -> None:
    (head,) = ScriptDirectory.from_config(alembic_config(connection)).get_heads()
    assert migrate.newest_revision() == head


def test_every_table_and_view_says_what_it_holds() -> None:
    assert [table.name for table in metadata.tables.values() if not table.comment] == []


def test_every_column_of_a_view_is_described(workplace: Workplace) -> None:
    assert (
        workplace.rows(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
            "WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace AND attnum > 0 "
            "AND col_description(attrelid, attnum) IS NULL"
        )
        == []
    )


# One statement for each query that runs often over a big table, and the index that must serve it.
SERVED = {
    "the latest bar of a series": (
        "SELECT * FROM market_data WHERE ticker = 'T1' AND timeframe = '1d' ORDER BY ts DESC LIMIT 1",
        "pk_market_data",
    ),
    "the bars of a series": (
        "SELECT * FROM market_data WHERE ticker = 'T1' AND timeframe = '1d' ORDER BY ts",
        "pk_market_data",
    ),
    "the setups of a day": (
        "SELECT * FROM fvg_setups WHERE timeframe = '1d' AND known_at >= '2026-03-02' AND known_at < '2026-03-03'",
        "ix_fvg_setups_known_at",
    ),
    "the predictions of a day": (
        "SELECT * FROM predictions WHERE day = '2026-03-02'",
        "ix_predictions_day",
    ),
    "the signals of a symbol": (
        "SELECT label, proba FROM signals WHERE symbol = 'T1' AND ts > '2025-07-01'",
        "ix_predictions_ticker_ts",
    ),
    "the predictions from a value": (
        """SELECT * FROM predictions WHERE features @> '{"candle_engulfing": 1}'""",
        "ix_predictions_features",
    ),
    "the candles of a symbol and timeframe": (
        "SELECT o, c FROM candles WHERE symbol = 'T1' AND tf = '1d' AND ts > '2025-07-01'",
        "pk_market_data",
    ),
    "the labels that training counts": (
        "SELECT count(*) FROM fvg_labels WHERE timeframe = '1w' AND status = 'entered'",
        "ix_fvg_labels_timeframe_status",
    ),
    "the statuses of a ticker": (
        "SELECT * FROM series_status WHERE ticker = 'T1'",
        "pk_series_status",
    ),
}  # fmt: skip

# 100 series of 200 rows in every table that a query above reads: enough for the planner to prefer an index.
FILL = """
    INSERT INTO lineage (run_id, asset, code_version, data_revision) VALUES ('r', 'a', '1', 1);
    CREATE TEMP TABLE keys AS
        SELECT 'T' || t AS ticker, f AS timeframe, '2025-01-01'::timestamptz + n * interval '1 day' AS ts
        FROM generate_series(1, 50) t, unnest(ARRAY['1d', '1w']) f, generate_series(1, 200) n;
    INSERT INTO market_data (ticker, timeframe, ts, open, high, low, close, volume, lineage_id)
        SELECT ticker, timeframe, ts, 1, 1, 1, 1, 1, 1 FROM keys;
    INSERT INTO series_status (ticker, timeframe, asset, state, run_id)
        SELECT DISTINCT ticker, timeframe, 'asset ' || a, 'ok', 'r' FROM keys, generate_series(1, 20) a;
    INSERT INTO engine_configs (config_id, mode, configuration) VALUES ('c', 'daily', '{}');
    INSERT INTO train_test_splits (timeframe, split_version, cut_ts, train_share, embargo, fingerprint, lineage_id)
        VALUES ('1d', 1, now(), 0.7, '1 day', 'f', 1);
    SET session_replication_role = replica;  -- the parents of these rows do not matter to the planner
    INSERT INTO fvg_setups (ticker, timeframe, ts, side, config_id, entry, stop, risk, target_1, target_2, target_3,
            known_at, lineage_id)
        SELECT ticker, timeframe, ts, 1, 'c', 1, 1, 1, 1, 1, 1, ts, 1 FROM keys;
    INSERT INTO fvg_labels (ticker, timeframe, ts, side, config_id, status, resolution, life_end, lineage_id)
        SELECT ticker, timeframe, ts, 1, 'c', (ARRAY['entered', 'expired', 'pending', 'ran_away'])[1 + random() * 3],
            timeframe, ts, 1 FROM keys;
    INSERT INTO predictions (ticker, timeframe, ts, side, config_id, model_version, day, known_at, entry, stop,
            target_1, target_2, target_3, in_sample, features, latency_ms, lineage_id)
        SELECT ticker, timeframe, ts, 1, 'c', 1, ts::date, ts, 1, 1, 1, 1, 1, false, '{}', 1, 1 FROM keys;
    ANALYZE
"""


def test_indexes_serve_the_queries_that_exist(workplace: Workplace) -> None:
    with psycopg.connect(connections.libpq_url(workplace.url)) as connection:
        for statement in FILL.split(";\n"):
            connection.execute(statement)
        plans = {
            name: "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}").fetchall())
            for name, (query, _) in SERVED.items()
        }
    assert {
        name: plan
        for name, plan in plans.items()
        # Models are a handful, and read as a whole wherever they are joined.
        if SERVED[name][1] not in plan or "Seq Scan" in plan.replace("Seq Scan on models", "")
    } == {}


REFUSED = {
    "a prediction is never changed": ("UPDATE predictions SET p_entered = 0.5", "append-only"),
    "a prediction is never deleted": ("DELETE FROM predictions", "append-only"),
    "a gap goes with its setups, unless one was predicted from": (
        "DELETE FROM engine_configs", "fk_fvg_setups_config_id",
    ),
    "a model belongs to a split": ("DELETE FROM train_test_splits", "fk_models_timeframe_split_version"),
    "a prediction belongs to a model": ("DELETE FROM models", "fk_predictions_timeframe_model_version"),
    "a series belongs to a symbol": ("DELETE FROM symbols WHERE ticker = 'AAPL'", "fk_series_ticker"),
    "a status is one of three": ("UPDATE series_status SET state = 'fine'", "ck_series_status_state"),
    "a timeframe is one of eight": ("UPDATE series SET timeframe = '2h' WHERE timeframe = '1h'", "ck_series_timeframe"),
    "an adjustment is one of three": ("UPDATE series SET adjustment = 'none'", "ck_series_adjustment"),
    "a side is long or short": ("UPDATE fvg_detections SET side = 0", "ck_fvg_detections_side"),
    "a setup has one label": ("INSERT INTO fvg_labels SELECT * FROM fvg_labels LIMIT 1", "pk_fvg_labels"),
    "a setup belongs to a gap": (
        "INSERT INTO fvg_setups SELECT 'NOPE', timeframe, ts, side, config_id, entry, stop, risk, target_1, target_2, "
        "target_3, known_at, lineage_id FROM fvg_setups LIMIT 1",
        "fk_fvg_setups_ticker_timeframe_ts_side",
    ),
}  # fmt: skip


def test_the_database_refuses_what_would_break_a_reference(sample: Workplace) -> None:
    with psycopg.connect(connections.libpq_url(sample.url), autocommit=True) as connection:
        for name, (statement, because) in REFUSED.items():
            with pytest.raises(psycopg.Error, match=because):
                connection.execute(statement)
                pytest.fail(f"not refused: {name}")


def test_setups_and_labels_go_with_their_gap(sample: Workplace) -> None:
    with psycopg.connect(connections.libpq_url(sample.url), autocommit=True) as connection:
        before = sample.rows("SELECT count(*) FROM setup_features")[0][0]
        gone = connection.execute(
            "DELETE FROM fvg_detections WHERE (ticker, timeframe, ts, side) IN "
            "(SELECT ticker, timeframe, ts, side FROM fvg_labels WHERE ticker = 'IBM' AND timeframe = '1w' LIMIT 5)"
        ).rowcount
    assert gone == 5
    for table in ("setup_features", "fvg_labels", "fvg_setups"):
        assert sample.rows(f"SELECT count(*) FROM {table}")[0][0] == before - gone


def test_the_view_shows_each_prediction_with_its_outcome(sample: Workplace) -> None:
    rows = sample.rows("SELECT p_target_1, status, resolved_at FROM prediction_results")
    assert len(rows) == sample.rows("SELECT count(*) FROM predictions")[0][0] > 0
    assert {status for _, status, _ in rows} <= {
        "pending", "entered", "expired", "ran_away", "gap_invalid", None,
    }  # fmt: skip
