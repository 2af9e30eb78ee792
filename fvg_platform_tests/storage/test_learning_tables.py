"""What training and predicting read and write, on the tables that the demo left."""

from collections.abc import Iterator

import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES
from fvg_platform.features.plugin import bar_feature
from fvg_platform.features.verification import FeatureError
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage import outcome_tables, prediction_tables, schema
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.schema import SETUP_KEY, models, predictions
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def connection(sample: Workplace) -> Iterator[sa.Connection]:
    database = default_resources(sample.settings)["database"]
    with database.engine.connect() as connection:
        yield connection
    database.close()


def block(sample: Workplace, asset: str, ticker: str, timeframe: str) -> None:
    with psycopg.connect(libpq_url(sample.url)) as database:
        statement = (
            "UPDATE series_status SET state = 'blocked' WHERE (asset, ticker, timeframe) = (%s, %s, %s)"
        )
        assert database.execute(statement, [asset, ticker, timeframe]).rowcount == 1


def add_model(connection: sa.Connection, timeframe: str, **changes: object) -> None:
    newest = registry.newest_model(connection, timeframe)
    assert newest is not None
    fresh = {"version": newest.version + 1, "sha256": "other", "status": "candidate"}
    registry.add_model(connection, {**newest._mapping, **fresh, **changes})


def test_the_test_period_of_a_split_is_used_once(connection: sa.Connection) -> None:
    split = tables.newest_split(connection, "1d")
    assert split is not None
    assert tables.is_tested(connection, "1d", split.split_version)
    add_model(connection, "1d", test_metrics={"target_1": {}})
    again = tables.newest_split(connection, "1d")
    assert again is not None
    assert again.tested_by == split.tested_by, "the first model that was judged keeps the split"

    values = {**split._mapping, "split_version": split.split_version + 1, "tested_by": None}
    tables.store_split(connection, values, [{"ticker": "IBM", "bars_train": 7}])
    assert not tables.is_tested(connection, "1d", split.split_version + 1)
    add_model(connection, "1d", split_version=split.split_version + 1, sha256="x", test_metrics=None)
    assert not tables.is_tested(connection, "1d", split.split_version + 1), "without figures nothing was used"
    add_model(connection, "1d", split_version=split.split_version + 1, sha256="y", test_metrics={})
    assert tables.is_tested(connection, "1d", split.split_version + 1)


def test_a_prediction_is_added_once_for_each_model(connection: sa.Connection) -> None:
    said = sa.select(*(column for column in predictions.c if column.name != "id"))
    rows = [dict(row._mapping) for row in connection.execute(said)]
    assert prediction_tables.append_predictions(connection, rows) == 0
    assert prediction_tables.append_predictions(connection, []) == 0
    row = next(row for row in rows if row["timeframe"] == "1m")
    add_model(connection, "1m", test_metrics=None)
    newer = {**row, "model_version": row["model_version"] + 1, "p_target_1": 0.1}
    assert prediction_tables.append_predictions(connection, [row, newer]) == 1


def test_outcomes_follow_their_labels_however_late(connection: sa.Connection) -> None:
    lineage = connection.execute(sa.text("SELECT max(id) FROM lineage")).scalar_one()
    assert outcome_tables.fill_outcomes(connection, lineage) == 0, "the demo has filled them"
    rows, still_open = outcome_tables.outcome_counts(connection)
    assert rows > still_open > 0
    # A censored path ends in its target at last: the outcome is resolved by the exit of its last path.
    connection.execute(
        sa.text(
            "UPDATE fvg_labels SET outcome_1_lo = 'target', outcome_1_hi = 'target', outcome_2_lo = 'stop', "
            "outcome_2_hi = 'stop', outcome_3_lo = 'stop', outcome_3_hi = 'stop', exit_ts_1_lo = '2026-08-07', "
            "exit_ts_1_hi = '2026-08-07', exit_ts_2_lo = '2026-08-09', exit_ts_2_hi = '2026-08-09', "
            "exit_ts_3_lo = '2026-08-08', exit_ts_3_hi = '2026-08-08' "
            "WHERE status = 'entered' AND outcome_3_lo = 'censored' AND timeframe = '1m'"
        )
    )
    changed = outcome_tables.fill_outcomes(connection, lineage)
    assert changed > 0
    assert outcome_tables.outcome_counts(connection) == (rows, still_open - changed)
    resolved = connection.execute(
        sa.text(
            "SELECT count(*) FROM prediction_outcomes WHERE resolved_at = '2026-08-09' AND outcome_1_lo = 'target'"
        )
    ).scalar_one()
    assert resolved == changed
    assert outcome_tables.fill_outcomes(connection, lineage) == 0


def test_held_back_series_are_not_learnt_from(sample: Workplace, connection: sa.Connection) -> None:
    block(sample, "fvg_labels", "IBM", "1w")
    block(sample, "bars", "IBM", "1w")
    with bulk_connection(sample.url) as bulk:
        setups = tables.labelled_setups(bulk, "1w")
        times = tables.bar_times(bulk, "1w")
        lives = tables.setup_lives(bulk, "1w")
    assert set(times) == {"AAPL", "FB", "GOOG", "MSFT"}
    assert {"AAPL", "GOOG", "MSFT"} <= set(setups["ticker"]) <= set(times)
    assert len(lives) == len(setups)
    assert "IBM" not in {ticker for ticker, _, _ in tables.bar_revisions(connection, "1w")}
    assert setups["known_at"].is_monotonic_increasing
    assert not setups.duplicated(list(SETUP_KEY)).any()


def test_no_feature_of_a_users_own_can_be_called_as_what_it_stands_beside() -> None:
    tables_beside = (schema.fvg_setups, schema.fvg_labels, predictions, schema.setup_features)
    known = {f.name for f in (*FEATURES, *SETUP_FEATURES)}
    for name in {column.name for table in tables_beside for column in table.columns} - known:
        with pytest.raises(FeatureError, match=f"'{name}' is that of a column"):
            bar_feature(name, "C", "price", 0, lambda s: s.close)


def test_a_day_holds_its_first_moment_and_not_the_next_days(sample: Workplace) -> None:
    known = sorted(row[0] for row in sample.rows("SELECT known_at FROM fvg_setups WHERE timeframe = '1m'"))
    first, last = pd.Timestamp(known[0]), pd.Timestamp(known[-1])
    with bulk_connection(sample.url) as bulk:
        within = prediction_tables.setups_known_within(bulk, "1m", first, last)["known_at"]
    assert within.min() == first
    assert within.max() < last
    assert len(within) == sum(first <= pd.Timestamp(moment) < last for moment in known)


def test_a_newer_model_has_yet_to_judge_the_day(sample: Workplace, connection: sa.Connection) -> None:
    ((day,),) = sample.rows("SELECT max(day)::text FROM predictions")
    assert prediction_tables.unpredicted_setups(connection, day) == 0
    add_model(connection, "1m", test_metrics=None)
    assert prediction_tables.unpredicted_setups(connection, day) == 0, "a candidate judges nothing"
    newest = registry.newest_model(connection, "1m")
    assert newest is not None
    registry.activate(connection, "1m", newest.version, "for the test")
    query = (
        "SELECT count(*) FROM predictions WHERE timeframe = '1m' AND day = (SELECT max(day) FROM predictions)"
    )
    ((judged,),) = sample.rows(query)
    assert prediction_tables.unpredicted_setups(connection, day) == judged
    assert prediction_tables.unpredicted_setups(connection, "1990-01-01") == 0


def test_models_keep_every_column_that_the_schema_names(connection: sa.Connection) -> None:
    newest = registry.newest_model(connection, "1d")
    assert newest is not None
    assert set(newest._mapping) == {column.name for column in models.columns}


def test_features_without_a_column_become_one_of_nulls() -> None:
    setups = tables.with_every_feature(pd.DataFrame({"a": [1.0, 2.0]}), ["b", "a", "b"])
    assert list(setups) == ["a", "b"]
    assert setups["a"].tolist() == [1.0, 2.0] and setups["b"].isna().all()
