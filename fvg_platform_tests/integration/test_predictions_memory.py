"""What is remembered of predictions: past days by the version of then, outcomes that follow their setups."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from fvg_platform.pipeline.assets import predictions as asset
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage import outcome_tables, schema
from fvg_platform.storage.database import Database
from fvg_platform_tests.integration.operations import failures, materialise_assets
from fvg_platform_tests.platforms import Workplace

PAST = ("2026-06-10", "2026-06-11")  # before the days that a first demo predicts
KEY = (
    "(o.ticker, o.timeframe, o.ts, o.side, o.config_id) = (s.ticker, s.timeframe, s.ts, s.side, s.config_id)"
)


@pytest.fixture
def database(sample: Workplace) -> Iterator[Database]:
    database: Database = default_resources(sample.settings)["database"]
    yield database
    database.close()


def predict(place: Workplace, first: str, last: str) -> None:
    assert failures(materialise_assets(place, ["daily_predictions"], days=(first, last))) == {}


def add_version(database: Database, timeframe: str) -> int:
    """The active version once more, with a smaller number of entered setups, put in service."""
    with database.engine.begin() as connection:
        served = registry.active_model(connection, timeframe)
        assert served is not None
        version = int(served.version) + 1
        record = {**served._mapping, "version": version, "status": "candidate", "test_metrics": None}
        registry.add_model(connection, record)
        registry.activate(connection, timeframe, version, "for the test")
    return version


def fill(database: Database) -> int:
    with database.engine.begin() as connection:
        lineage = connection.execute(sa.text("SELECT max(id) FROM lineage")).scalar_one()
        return outcome_tables.fill_outcomes(connection, lineage)


def test_a_first_demo_leaves_thirty_days_of_predictions_with_their_outcomes(sample: Workplace) -> None:
    ((days, origins),) = sample.rows(
        "SELECT count(DISTINCT day), array_agg(DISTINCT origin) FROM predictions"
    )
    assert days >= 10, "days with setups"
    assert set(origins) == {"live", "reconstructed"}
    assert sample.rows(
        "SELECT DISTINCT origin FROM predictions WHERE day = (SELECT max(day) FROM predictions)"
    ) == [("live",)]
    early = "known_at < (SELECT cut_ts FROM train_test_splits t WHERE t.timeframe = p.timeframe)"
    assert sample.rows(f"SELECT count(*) FROM predictions p WHERE {early} OR in_sample") == [(0,)]
    assert sample.rows(
        "SELECT count(*) FROM predictions p JOIN fvg_labels l USING (ticker, timeframe, ts, side, config_id) "
        "WHERE NOT EXISTS (SELECT 1 FROM prediction_outcomes o WHERE o.prediction_id = p.id AND o.status = l.status)"
    ) == [(0,)]
    ((rows, judged),) = sample.rows(
        "SELECT count(*), sum(predictions) FILTER (WHERE ticker = '*' AND origin = '*' AND model_version = 0 "
        "AND window_days = 0 AND as_of = (SELECT max(as_of) FROM model_performance)) FROM model_performance"
    )
    assert rows > 0
    assert sample.rows("SELECT count(*) FROM prediction_outcomes WHERE horizon_passed") == [(judged,)]


def test_a_past_day_is_predicted_by_the_version_of_then(sample: Workplace, database: Database) -> None:
    sample.execute("UPDATE model_deployments SET served_from = '2026-05-01' WHERE version = 1")
    newer = add_version(database, "1m")
    newer_hours = add_version(database, "1h")
    predict(sample, *PAST)
    found = sample.rows(
        "SELECT DISTINCT timeframe, model_version, origin FROM predictions "
        f"WHERE day BETWEEN '{PAST[0]}' AND '{PAST[1]}' ORDER BY 1"
    )
    assert ("1h", 1, "backfilled") in found
    assert {version for _, version, _ in found} == {1}, "the new versions did not serve then"
    before = sample.rows("SELECT to_jsonb(p) FROM predictions p WHERE model_version = 1 ORDER BY id")
    ((newest,),) = sample.rows("SELECT max(day)::text FROM predictions")
    predict(sample, newest, newest)
    assert sample.rows(
        f"SELECT DISTINCT origin FROM predictions WHERE model_version = {newer} AND timeframe = '1m'"
    ) == [("live",)]
    assert sample.rows(f"SELECT count(*) FROM predictions WHERE model_version = {newer_hours} AND timeframe = '1h' "
                       f"AND day < '{newest}'") == [(0,)]  # fmt: skip
    assert sample.rows("SELECT to_jsonb(p) FROM predictions p WHERE model_version = 1 ORDER BY id") == before


def test_of_a_past_day_that_was_judged_no_other_version_speaks_afterwards(
    sample: Workplace, database: Database
) -> None:
    version = add_version(database, "1h")
    sample.execute(f"UPDATE model_deployments SET served_from = '2026-09-01' WHERE version = {version}")
    ((day,),) = sample.rows("SELECT min(day)::text FROM predictions WHERE timeframe = '1h'")
    predict(sample, day, day)  # the new one would speak now, of what was never judged
    assert sample.rows(
        f"SELECT DISTINCT model_version FROM predictions WHERE (timeframe, day) = ('1h', '{day}')"
    ) == [(1,)]


def test_what_is_said_of_a_past_day_does_not_hang_on_what_came_later(sample: Workplace) -> None:
    """Every setup of the day is judged by the features that it had when nothing was known after it."""
    said = sample.rows(
        "SELECT p.features, to_jsonb(f) FROM predictions p "
        "JOIN setup_features f USING (ticker, timeframe, ts, side, config_id) WHERE p.origin = 'reconstructed'"
    )
    assert said
    for (
        kept,
        stored,
    ) in said:  # and that setup_features knows nothing later is proved over the whole catalogue
        assert {name: stored.get(name) for name in kept} == kept


def test_a_version_that_is_retired_while_it_predicts_says_nothing(
    sample: Workplace, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = add_version(database, "1m")
    predicting, calls = asset.predict_day, []

    def retire_meanwhile(*arguments: Any) -> Any:
        found = predicting(*arguments)
        if not calls:
            with database.engine.begin() as connection:
                registry.retire(connection, "1m", version, "for the test")
        calls.append(found.versions)
        return found

    monkeypatch.setattr(asset, "predict_day", retire_meanwhile)
    ((newest,),) = sample.rows("SELECT max(day)::text FROM predictions")
    predict(sample, newest, newest)
    assert [said.get("1m") for said in calls] == [version, None], "predicted again, without it"
    assert sample.rows(
        f"SELECT count(*) FROM predictions WHERE (timeframe, model_version) = ('1m', {version})"
    ) == [(0,)]


def test_outcomes_are_told_in_prices_as_the_labels_tell_them(sample: Workplace) -> None:
    found = pd.DataFrame(
        sample.rows(
            "SELECT o.side, l.entry_price, s.risk, (e.configuration->>'cost_bps')::float8 * 1e-4, o.r_1_lo, o.r_1_hi, "
            "o.actual_price_lo, o.actual_price_hi, o.actual_direction, o.correct, o.outcome_1_lo, o.outcome_1_hi, "
            "s.stop, s.target_1 "
            f"FROM prediction_outcomes o JOIN fvg_setups s ON {KEY} JOIN fvg_labels l ON "
            f"{KEY.replace('o.', 'l.')} JOIN engine_configs e ON e.config_id = s.config_id WHERE o.r_1_lo IS NOT NULL"
        ),
        columns=["side", "fill", "risk", "cost", "lo", "hi", "exit_lo", "exit_hi", "direction", "correct", "out_lo",
                 "out_hi", "stop", "target"],
    )  # fmt: skip
    assert len(found) > 20
    for path in ("lo", "hi"):
        left = found[f"exit_{path}"]
        paid = found["cost"] * (found["fill"] + left)
        assert np.allclose(
            (found["side"] * (left - found["fill"]) - paid) / found["risk"], found[path], atol=1e-9
        )
    hit = found[(found["out_lo"] == "target") & (found["out_hi"] == "target")]
    assert (
        len(hit) and (hit["side"] * (hit["exit_lo"] - hit["target"]) >= -1e-6).all()
    )  # at it, or beyond by a gap
    assert hit["correct"].all()
    stopped = found[(found["out_lo"] == "stop") & (found["out_hi"] == "stop")]
    assert len(stopped) and not stopped["correct"].astype(bool).any()
    assert (np.where(hit["side"] > 0, "UP", "DOWN") == hit["direction"]).all()


def test_a_timeout_at_the_price_of_the_fill_has_no_direction(sample: Workplace, database: Database) -> None:
    assert sample.execute(
        "UPDATE fvg_labels s SET outcome_1_lo = 'timeout', outcome_1_hi = 'timeout', "
        "(r_1_lo, r_1_hi) = (SELECT r, r FROM (SELECT -2e-4 * (e.configuration->>'cost_bps')::float8 * s.entry_price "
        "/ p.risk AS r FROM fvg_setups p JOIN engine_configs e USING (config_id) WHERE "
        f"{KEY.replace('o.', 'p.')}) even) FROM predictions o WHERE {KEY} AND s.status = 'entered'"
    )
    fill(database)
    assert sample.rows(
        "SELECT count(*) > 20, count(actual_direction), count(correct), max(abs(actual_change_lo)) < 1e-12 "
        "FROM prediction_outcomes WHERE status = 'entered'"
    ) == [(True, 0, 0, True)]


ONE = (
    "(SELECT prediction_id FROM prediction_outcomes WHERE outcome_1_lo = 'target' AND horizon_passed "
    "ORDER BY 1 LIMIT 1)"
)


def changed_setup(place: Workplace, change: str) -> None:
    assert (
        place.execute(f"UPDATE fvg_setups s SET {change} FROM predictions o WHERE {KEY} AND o.id = {ONE}")
        == 1
    )


@pytest.mark.parametrize(
    ("change", "superseded"),
    [
        ("stop = s.stop - 0.5 * s.risk * s.side", True),
        ("entry = s.entry + s.risk, stop = s.stop + s.risk, target_1 = s.target_1 + s.risk, "
         "target_2 = s.target_2 + s.risk, target_3 = s.target_3 + s.risk", True),  # moved as a whole: other prices
        ("entry = s.entry / 2, stop = s.stop / 2, target_1 = s.target_1 / 2, target_2 = s.target_2 / 2, "
         "target_3 = s.target_3 / 2, risk = s.risk / 2", False),  # a split: the same plan at another scale
        ("stop = s.stop + 1e-9", False),
    ],
)  # fmt: skip
def test_a_setup_that_is_planned_otherwise_now_is_not_counted(
    sample: Workplace, database: Database, change: str, superseded: bool
) -> None:
    ((one, outcome),) = sample.rows(
        f"SELECT prediction_id, to_jsonb(o) FROM prediction_outcomes o WHERE prediction_id = {ONE}"
    )
    changed_setup(sample, change)
    fill(database)
    ((now,),) = sample.rows(f"SELECT to_jsonb(o) FROM prediction_outcomes o WHERE prediction_id = {one}")
    assert now["superseded"] is superseded
    if superseded:
        assert (now["status"], now["horizon_passed"], now["r_1_lo"]) == ("superseded", False, None)
    else:
        assert {name: now[name] for name in ("status", "r_1_lo", "correct")} == {
            name: outcome[name] for name in ("status", "r_1_lo", "correct")
        }


def test_a_setup_that_a_rebuilt_series_lost_is_not_counted_and_a_pruned_one_is(
    sample: Workplace, database: Database
) -> None:
    ((one, ticker, timeframe, ts),) = sample.rows(
        f"SELECT id, ticker, timeframe, ts FROM predictions WHERE id = {ONE}"
    )
    gone = f"DELETE FROM fvg_setups s USING predictions o WHERE {KEY} AND o.id = {one}"
    query = f"SELECT to_jsonb(o) - 'lineage_id' FROM prediction_outcomes o WHERE prediction_id = {one}"
    before = sample.rows(query)
    # As after `fvg db prune`: bars begin after the setup, which went with them.
    bars = f"WHERE (ticker, timeframe, asset) = ('{ticker}', '{timeframe}', 'bars')"
    first = f"UPDATE series_status SET first_ts = %s {bars}"
    ((began,),) = sample.rows(f"SELECT first_ts FROM series_status {bars}")
    sample.execute(first.replace("%s", f"'{ts + pd.Timedelta(days=1)}'"))
    assert sample.execute(gone) == 1
    fill(database)
    assert sample.rows(query) == before, "what was known of it stays"
    sample.execute(first.replace("%s", f"'{began}'"))
    fill(database)
    assert sample.rows(f"SELECT superseded, status FROM prediction_outcomes WHERE prediction_id = {one}") == [
        (True, "superseded")
    ]


def test_a_label_that_is_revised_changes_its_outcome_and_the_track_record(sample: Workplace) -> None:
    query = (
        "SELECT win_rate_lo, entered FROM model_performance WHERE timeframe = '1m' AND ticker = '*' AND origin = '*' "
        "AND model_version = 0 AND window_days = 0 AND as_of = (SELECT max(as_of) FROM model_performance)"
    )
    ((before, entered),) = sample.rows(query)
    assert (
        sample.execute(
            "UPDATE fvg_labels s SET outcome_1_lo = 'stop', outcome_1_hi = 'stop', r_1_lo = -1.1, r_1_hi = -1.1 "
            f"FROM predictions o WHERE {KEY} AND o.timeframe = '1m' AND o.id IN (SELECT prediction_id "
            "FROM prediction_outcomes WHERE outcome_1_lo = 'target' AND horizon_passed AND timeframe = '1m' LIMIT 3)"
        )
        == 3
    )
    assert failures(materialise_assets(sample, ["prediction_outcomes", "model_performance"])) == {}
    ((after, as_many),) = sample.rows(query)
    assert (as_many, pytest.approx(after * entered)) == (entered, before * entered - 3)


def test_the_views_speak_the_traders_language(sample: Workplace) -> None:
    ((signal,),) = sample.rows("SELECT to_jsonb(s) FROM signals s ORDER BY id LIMIT 1")
    asked = {"label", "pred", "proba", "ts", "symbol", "tf", "features", "model_id", "outcome"}
    asked |= {"realized_rr", "latency_ms"}
    assert asked <= signal.keys()
    assert signal["label"] in ("BUY", "SELL", "HOLD") and signal["pred"] in ("UP", "DOWN")
    assert signal["model_id"] == f"win_rate_{signal['tf']}/1"
    ((candle,),) = sample.rows(
        "SELECT to_jsonb(found) FROM candles found WHERE symbol = 'AAPL' AND tf = '1d' ORDER BY ts DESC LIMIT 1"
    )
    assert {
        "symbol",
        "tf",
        "ts",
        "o",
        "h",
        "l",
        "c",
        "v",
        "vwap",
        "taker_buy_vol",
        "features",
    } <= candle.keys()
    ((stored,),) = sample.rows(
        "SELECT rsi_14 FROM features WHERE (ticker, timeframe) = ('AAPL', '1d') ORDER BY ts DESC LIMIT 1"
    )
    assert candle["features"]["rsi_14"] == pytest.approx(stored)


def test_a_signal_says_what_it_is_worth_until_when_and_why(sample: Workplace) -> None:
    found = pd.DataFrame(
        sample.rows(
            "SELECT side, entry, stop, target_1, p_target_1, p_target_1_low, p_target_1_high, expected_r, "
            "expected_r_low, expected_r_high, confidence, known_at, hold_until, bars_to_exit, direction, reasons, "
            "predicted_price, predicted_change FROM predictions"
        ),
        columns=["side", "entry", "stop", "target", "p", "low", "high", "r", "r_low", "r_high", "confidence", "known",
                 "until", "bars", "direction", "reasons", "price", "change"],
    )  # fmt: skip
    assert (found["direction"] == np.where(found["side"] > 0, "UP", "DOWN")).all()
    assert (found["r_low"] <= found["r"]).all() and (found["r"] <= found["r_high"]).all()
    assert np.allclose(found["confidence"], 1 - (found["high"] - found["low"]))
    assert np.allclose(found["change"], found["price"] / found["entry"] - 1)
    multiple = abs(found["target"] - found["entry"]) / abs(found["entry"] - found["stop"])
    before_costs = found["p"] * multiple - (1 - found["p"])
    assert (found["r"] <= before_costs).all(), "costs only ever take"
    assert (found["until"] > found["known"]).all() and found["bars"].gt(0).all()
    assert found["reasons"].map(bool).any()
    assert all(isinstance(sentence, str) for told in found["reasons"].dropna() for sentence in told)


def test_every_column_of_an_outcome_that_repeats_the_prediction_agrees_with_it(sample: Workplace) -> None:
    repeated = {c.name for c in schema.prediction_outcomes.columns} & {
        c.name for c in schema.predictions.columns
    }
    repeated -= {"lineage_id"}
    different = " OR ".join(f"o.{name} IS DISTINCT FROM p.{name}" for name in sorted(repeated))
    assert sample.rows(
        f"SELECT count(*) FROM prediction_outcomes o JOIN predictions p ON p.id = o.prediction_id WHERE {different}"
    ) == [(0,)]
