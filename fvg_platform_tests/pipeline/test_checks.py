"""Every check passes on sound tables, and fails on rows that somebody spoiled: naming series, rule, count and rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import numpy as np
import pandas as pd
import psycopg
import pytest

from fvg_platform.pipeline.checks import learning, tables
from fvg_platform.pipeline.resources import Database, default_resources
from fvg_platform.quality.suites import Breach
from fvg_platform.storage.connections import libpq_url
from fvg_platform_tests.platforms import Workplace

CHECKS = {next(iter(check.check_keys)): check for check in (*tables.CHECKS, *learning.CHECKS)}
NAMES = [f"{key.asset_key.to_user_string()}/{key.name}" for key in CHECKS]

AAPL = "ticker = 'AAPL' AND timeframe = '1d'"
IBM = "ticker = 'IBM' AND timeframe = '1w'"
# Which rows are spoiled: two of a series, by the name of a choice.
ROWS = {
    "bars": AAPL + " AND ts IN (SELECT ts FROM market_data WHERE " + AAPL + " ORDER BY ts LIMIT 2)",
    "last bar": IBM + " AND ts = (SELECT max(ts) FROM features WHERE " + IBM + ")",
    "filled gaps": AAPL
    + " AND (ts, side) IN (SELECT ts, side FROM fvg_detections WHERE filled_ts IS NOT NULL AND "
    + AAPL
    + " LIMIT 2)",
    "filled zones": AAPL
    + " AND kind = 'joined' AND (ts, side) IN (SELECT ts, side FROM fvg_zones WHERE inverted_ts IS NOT NULL AND "
    + "kind = 'joined' AND " + AAPL + " ORDER BY ts LIMIT 2)",
    "by side": "timeframe = '1d' AND dimension = 'side'",
    "entered": AAPL
    + " AND (ts, side) IN (SELECT ts, side FROM fvg_labels WHERE status = 'entered' AND "
    + AAPL
    + " LIMIT 2)",
    "setups": IBM + " AND (ts, side) IN (SELECT ts, side FROM setup_features WHERE " + IBM + " LIMIT 2)",
    "said": "timeframe = '1m' AND ts IN (SELECT ts FROM predictions WHERE timeframe = '1m' ORDER BY ts LIMIT 2)",
    "forecast": AAPL + " AND step = 1",
    "AAPL 1d": AAPL,
    "IBM 1w": IBM,
}  # fmt: skip


@dataclass(frozen=True)
class Spoiled:
    """One rule broken by hand: what is set in which rows, what the check says of it, what its first rows show."""

    check: str
    change: str
    rows: str
    said: str
    shown: str = ""
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR

    def statement(self) -> str:
        return f"{self.change} WHERE {ROWS.get(self.rows, self.rows)}"


def spoiled(check: str, table: str, *cases: tuple[str, ...]) -> list[Spoiled]:
    """Cases of one check that set columns of one table."""
    return [Spoiled(check, f"UPDATE {table} SET {case[0]}", *case[1:]) for case in cases]


CASES = [
    *spoiled(
        "clean_bars/bars_are_sound",
        "market_data",
        ("close = 'NaN'", "bars", "AAPL 1d: nulls 2", "nan"),
        ("high = low / 2", "bars", "AAPL 1d: ohlc_order 2", "1980-12-12"),
        ("low = 0", "bars", "AAPL 1d: non_positive_price 2", "1980-12-12"),
        ("volume = -1", "bars", "AAPL 1d: negative_volume 2", "-1.0"),
    ),
    Spoiled(
        "clean_bars/no_duplicates",
        "ALTER TABLE market_data DROP CONSTRAINT pk_market_data; INSERT INTO market_data SELECT * FROM market_data",
        "bars",
        "AAPL 1d: duplicates 2",
    ),
    Spoiled(
        "clean_bars/series_held_back",
        "UPDATE series_status SET state = 'failed', reason = 'rows of text'",
        "ticker = 'AAPL' AND timeframe = '1d' AND asset = 'raw_bars'",
        "AAPL 1d: raw_bars failed: rows of text",
    ),
    *spoiled(
        "fvg_detections/gaps_are_sound",
        "fvg_detections",
        ("top = bottom", "filled gaps", "AAPL 1d: zone_upside_down 2", "AAPL"),
        ("depth = 1.5", "filled gaps", "AAPL 1d: depth_outside_0_1 2", "1.5"),
        ("touched_ts = NULL", "filled gaps", "AAPL 1d: lifecycle_out_of_order 2", "NaT"),
        ("known_at = ts", "filled gaps", "AAPL 1d: known_before_its_bar 2", "AAPL"),
    ),
    *spoiled(
        "fvg_detections/zones_are_sound",
        "fvg_zones",
        ("mid = top + 1", "filled zones", "AAPL 1d: zone_upside_down 2", "joined"),
        ("origin_ts = ts + interval '1 day'", "filled zones", "AAPL 1d: older_than_its_gaps 2", "joined"),
        ("filled_ts = NULL", "filled zones", "AAPL 1d: lifecycle_out_of_order 2", "NaT"),
    ),
    *spoiled(
        "fvg_setups/context_is_sound",
        "fvg_context",
        ("rules_passed = 9", "setups", "IBM 1w: verdicts_do_not_add_up 2", "IBM"),
        ("taker_buy_share = 1.5", "setups", "IBM 1w: share_outside_0_1 2", "1.5"),
    ),
    *spoiled(
        "fvg_setups/plans_are_sound",
        "fvg_setups",
        ("target_2 = target_1 - side", "setups", "IBM 1w: levels_out_of_order 2", "IBM"),
        ("risk = risk * 1.01", "setups", "IBM 1w: risk_is_another 2", "IBM"),
    ),
    Spoiled(
        "fvg_setups/plans_are_sound",
        "DELETE FROM fvg_context",
        "setups",
        "IBM 1w: gap_without_context 2",
        "IBM",
    ),
    *spoiled(
        "fvg_statistics/figures_are_sound",
        "fvg_statistics",
        ("p_adjusted = 1.5", "by side", "1d side: outside_0_1 6", "1.5"),
        ("win_lo = win_hi + 0.01", "by side", "1d side: interval_out_of_order 6", "side"),
        ("entered = 0", "by side", "1d side: counts_do_not_add_up 6", "side"),
    ),
    *spoiled(
        "fvg_labels/intervals_are_ordered",
        "fvg_labels",
        ("outcome_2_lo = 'target', outcome_2_hi = 'stop'", "entered", "AAPL 1d: interval_2_out_of_order 2", "stop"),
        ("outcome_3_hi = NULL", "entered", "AAPL 1d: entered_without_outcome 2", "AAPL"),
        ("status = 'expired'", "entered", "AAPL 1d: outcome_without_entry 2", "expired"),
        ("entry_ts = ts", "entered", "AAPL 1d: entry_not_after_the_gap 2", "AAPL"),
        ("mae_r = 0.5", "entered", "AAPL 1d: excursions_on_the_wrong_side 2", "0.5"),
    ),
    *spoiled(
        "bar_features/complete_after_warmup",
        "features",
        ("rsi_14 = NULL", "last bar", "IBM 1w rsi_14: beyond_warmup 1"),
    ),
    Spoiled(
        "setup_features/every_setup_has_features",
        "DELETE FROM setup_features",
        "setups",
        "IBM 1w: setup_without_features 2",
        "IBM",
    ),
    *spoiled(
        "train_test_split/no_overlap",
        "train_test_config c",
        (
            "last_train_life_end = cut_ts FROM train_test_splits s",
            "s.timeframe = c.timeframe AND c.timeframe = '1w' AND c.ticker = 'IBM'",
            "1w IBM: training_life_reaches_the_test_period 1",
            "IBM",
        ),
        (
            "first_test_known_at = cut_ts - interval '1 hour' FROM train_test_splits s",
            "s.timeframe = c.timeframe AND c.timeframe = '1w' AND c.ticker = 'IBM'",
            "1w IBM: test_setup_known_before_the_cut 1",
            "IBM",
        ),
    ),
    *spoiled(
        "daily_predictions/probabilities_are_sound",
        "predictions",
        ("p_entered = 1.5", "said", "AAPL 1m: outside_0_1 2", "1.5"),
        ("p_target_3 = 'NaN'", "said", "AAPL 1m: outside_0_1 2", "nan"),
        ("p_target_2 = p_target_1 + 0.01", "said", "AAPL 1m: not_monotone 2", "AAPL"),
        ("expected_r_low = expected_r + 0.01", "said", "AAPL 1m: expected_r_out_of_order 2", "AAPL"),
    ),
    *spoiled(
        "prediction_outcomes/intervals_are_ordered",
        "prediction_outcomes",
        ("outcome_3_lo = 'target', outcome_3_hi = 'timeout'", "said", "AAPL 1m: interval_3_out_of_order 2", "timeout"),
    ),
    *spoiled(
        "price_forecasts/forecasts_are_sound",
        "prediction_steps",
        ("high = low - 1", "forecast", "AAPL 1d: not_a_candle 2", "AAPL"),
        ("q25 = q50 + 1", "forecast", "AAPL 1d: fan_out_of_order 2", "AAPL"),
        ("confidence = 1.5", "forecast", "AAPL 1d: confidence_outside_0_1 2", "1.5"),
    ),
    Spoiled(
        "model_drift/setups_have_not_drifted",
        "UPDATE drift_reports SET state = 'drifted', reason = 'Drift: moved.'",
        "timeframe = '1d' AND complete",
        ": Drift: moved.",
        severity=dg.AssetCheckSeverity.WARN,
    ),
    Spoiled(
        "win_rate_model/skill",
        """UPDATE models SET algorithm = 'lightgbm', test_metrics = '{"target_1": {"skill": {"high": -0.01}}}'""",
        "timeframe = '1d'",
        "1d target_1: the model is worse than the base rate beyond doubt: at best -0.01",
        severity=dg.AssetCheckSeverity.WARN,
    ),
    Spoiled(
        "win_rate_model/calibration",
        "UPDATE models SET algorithm = 'lightgbm', "
        """test_metrics = '{"target_1": {"calibration_error": {"low": 0.2}}}'""",
        "timeframe = '1d'",
        "1d target_1: stated probabilities miss the rates that came true, beyond doubt: at best 0.2",
        severity=dg.AssetCheckSeverity.WARN,
    ),
]  # fmt: skip


@pytest.fixture
def database(sample: Workplace) -> Iterator[Database]:
    database = default_resources(sample.settings)["database"]
    yield database
    database.close()


def run(check: str, database: Database) -> dg.AssetCheckResult:
    found = CHECKS[dg.AssetCheckKey(dg.AssetKey(check.split("/")[0]), check.split("/")[1])](database=database)
    assert isinstance(found, dg.AssetCheckResult)
    return found


def test_every_check_passes_on_the_sample(database: Database) -> None:
    said = {check: run(check, database) for check in NAMES}
    assert {check: found.description for check, found in said.items() if not found.passed} == {}
    # A check that looked at nothing has found nothing; where base rates serve there is no model to judge.
    idle = {check for check, found in said.items() if not found.metadata["looked_at"].value}
    assert idle <= {"win_rate_model/skill", "win_rate_model/calibration"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.said}")
def test_a_check_names_what_is_wrong(sample: Workplace, database: Database, case: Spoiled) -> None:
    with psycopg.connect(libpq_url(sample.url)) as connection:
        connection.execute("ALTER TABLE predictions DISABLE TRIGGER predictions_append_only")
        for statement in case.statement().split("; "):
            assert connection.execute(statement).rowcount != 0, (
                "nothing was spoiled, so the case tests nothing"
            )
    found = run(case.check, database)
    assert (found.passed, found.severity) == (False, case.severity)
    assert case.said in str(found.description)
    if case.shown:
        first = str(found.metadata["first_offending_rows"].value)
        assert f"**{case.said.rsplit(' ', 1)[0]}**\n\n| " in first
        assert case.shown in first


def test_folds_that_share_a_life_are_named(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row can spoil them, for they are cut from the rows: only a splitter can, and this one does not purge."""

    def leaky(known_at: pd.Series, *_: object) -> list[tuple[np.ndarray, np.ndarray]]:
        order = np.argsort(known_at.to_numpy(), kind="stable")
        return [(order[: len(order) // 2], order[len(order) // 2 :])]

    monkeypatch.setattr(learning, "purged_folds", leaky)
    found = run("train_test_split/folds_do_not_overlap", database)
    assert not found.passed
    assert "1d walk-forward" in str(found.description)
    assert "lives_overlap 1" in str(found.description)


def test_every_check_has_a_spoiled_case() -> None:
    assert {case.check for case in CASES} == {*NAMES} - {"train_test_split/folds_do_not_overlap"}


def test_a_long_list_is_cut_and_says_so() -> None:
    found = [Breach({"ticker": f"T{n}", "timeframe": "1d"}, "nulls", 3) for n in range(25)]
    said = tables.result(found, 100)
    assert str(said.description).startswith("T0 1d: nulls 3; T1 1d: nulls 3; ")
    assert str(said.description).endswith("T19 1d: nulls 3; and 5 more")
    assert said.metadata["broken"].value == 25
