"""Bars that come later: only what changed is written, what was said stays said, and the rows are those of a batch."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import psycopg
import pytest

from fvg_platform.pipeline.stages import SIGNALS, TRAINING, StageRun
from fvg_platform.storage.connections import libpq_url
from fvg_platform_tests.integration.operations import failures, materialise_assets, row_places
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

HOURLY = ("1h",)
GROWING = random_bars("1h", "2024-01-02", "2024-04-27", seed=26)
# What comes later is longer than a setup's life: 40 bars until entry and 80 until exit.
EARLIER = GROWING[GROWING["ts"] < pd.Timestamp("2024-04-01", tz="UTC")]
STEADY = random_bars("1h", "2024-01-02", "2024-04-01", seed=22)

SPLITS = "SELECT to_jsonb(s)::text FROM train_test_splits s ORDER BY timeframe, split_version"
PREDICTIONS = (
    "SELECT to_jsonb(p)::text FROM predictions p ORDER BY ticker, timeframe, ts, side, model_version"
)
OPEN = "SELECT count(*) FROM prediction_outcomes WHERE resolved_at IS NULL AND timeframe = '1h'"


@dataclass(frozen=True)
class Look:
    """What a platform held at one moment."""

    contents: dict[str, list[tuple]]
    places: dict[str, list[tuple]]
    splits: list[tuple]
    predictions: list[tuple]
    still_open: int
    revisions: list[tuple]

    @classmethod
    def at(cls, workplace: Workplace) -> "Look":
        return cls(
            workplace.contents(),
            row_places(workplace),
            workplace.rows(SPLITS),
            workplace.rows(PREDICTIONS),
            workplace.rows(OPEN)[0][0],
            workplace.rows("SELECT ticker, timeframe, asset, revision FROM series_status ORDER BY 1, 2, 3"),
        )


def succeed(runs: list[StageRun]) -> None:
    assert failures(runs) == {}


@pytest.fixture(scope="module")
def place(new_workplace: Callable[[], Workplace]) -> Workplace:
    workplace = new_workplace()
    workplace.add_bars("GROWS", "1h", EARLIER)
    workplace.add_bars("STAYS", "1h", STEADY)
    return workplace


@pytest.fixture(scope="module")
def before(place: Workplace) -> Look:
    """All stages on the earlier bars, with predictions of a day in the training period and of the latest day."""
    succeed(materialise_assets(place, only_timeframes=HOURLY))
    succeed(materialise_assets(place, TRAINING.assets, only_timeframes=HOURLY))
    for day in ("2024-01-24", "2024-03-28"):
        succeed(materialise_assets(place, SIGNALS.assets, days=(day, day)))
    return Look.at(place)


@pytest.fixture(scope="module")
def grown(place: Workplace, before: Look) -> Look:
    """Later bars have come, and series and outcomes are brought up to date: training is nobody's business yet."""
    place.add_bars("GROWS", "1h", GROWING)
    succeed(materialise_assets(place, only_timeframes=HOURLY))
    succeed(materialise_assets(place, ["prediction_outcomes"]))
    return Look.at(place)


@pytest.fixture(scope="module")
def trained_again(place: Workplace, grown: Look) -> Look:
    succeed(materialise_assets(place, TRAINING.assets, only_timeframes=HOURLY))
    return Look.at(place)


@pytest.fixture(scope="module")
def rebuilt(place: Workplace, trained_again: Look) -> Look:
    """What `fvg rebuild --ticker` does."""
    succeed(materialise_assets(place, only_tickers=["GROWS"], only_timeframes=HOURLY, rebuild=True))
    succeed(materialise_assets(place, TRAINING.assets, only_timeframes=HOURLY))
    return Look.at(place)


def test_only_what_changed_is_written(before: Look, grown: Look) -> None:
    for table, rows in before.places.items():
        written = set(rows) - set(grown.places[table])
        assert {row[0] for row in written} <= {"GROWS"}, table
        if table in ("raw_bars", "market_data", "features"):
            assert written == set(), table
        else:  # outcomes that were open are written again, and they are few
            assert len(written) < len(rows) / 4, table
        assert len(grown.places[table]) > len(rows), table


def test_the_rows_are_those_of_a_batch(grown: Look, new_workplace: Callable[[], Workplace]) -> None:
    batch = new_workplace()
    batch.add_bars("GROWS", "1h", GROWING)
    batch.add_bars("STAYS", "1h", STEADY)
    succeed(materialise_assets(batch, only_timeframes=HOURLY))
    assert grown.contents == batch.contents()


def test_a_split_is_frozen_and_only_training_adds_one(
    before: Look, grown: Look, trained_again: Look, place: Workplace
) -> None:
    assert len(before.splits) == len(HOURLY)
    assert grown.splits == before.splits
    assert set(trained_again.splits) > set(before.splits)
    versions = "SELECT timeframe, split_version FROM train_test_splits ORDER BY 1, 2"
    assert place.rows(versions) == [("1h", 1), ("1h", 2)]
    cuts = place.rows("SELECT cut_ts FROM train_test_splits WHERE timeframe = '1h' ORDER BY split_version")
    assert cuts[0] < cuts[1]


def test_outcomes_fill_as_labels_resolve_and_predictions_stay(before: Look, grown: Look) -> None:
    assert before.still_open > 0
    assert grown.still_open < before.still_open
    assert grown.predictions == before.predictions


def test_what_became_of_each_prediction_is_what_became_of_its_setup(grown: Look, place: Workplace) -> None:
    joined = place.rows(
        "SELECT r.status = l.status, r.outcome_1_lo IS NOT DISTINCT FROM l.outcome_1_lo, "
        "r.r_3_hi IS NOT DISTINCT FROM l.r_3_hi, r.resolved_at IS NULL OR r.resolved_at > r.known_at, r.ticker, "
        "r.resolved_at IS NULL FROM prediction_results r "
        "JOIN fvg_labels l USING (ticker, timeframe, ts, side, config_id)"
    )
    assert joined
    assert all(row[:4] == (True, True, True, True) for row in joined)
    # A whole life has passed for the series that grew; where the data ended, what was open is open.
    assert {unresolved for *_, ticker, unresolved in joined if ticker == "GROWS"} == {False}
    assert True in {unresolved for *_, ticker, unresolved in joined if ticker == "STAYS"}


def test_of_a_day_in_the_training_period_nothing_is_said(before: Look, place: Workplace) -> None:
    """No version could have spoken on it: each has learnt from what came after."""
    known = "known_at >= '2024-01-24 05:00Z' AND known_at < '2024-01-25 05:00Z'"
    assert place.rows(f"SELECT count(*) > 0 FROM fvg_setups WHERE {known}") == [(True,)]
    said = place.rows(
        "SELECT DISTINCT day::text, in_sample FROM predictions WHERE model_version = 1 ORDER BY 1"
    )
    assert said == [("2024-03-28", False)]


@pytest.mark.parametrize("statement", ["UPDATE predictions SET p_target_1 = 1", "DELETE FROM predictions"])
def test_the_database_refuses_to_change_a_prediction(before: Look, place: Workplace, statement: str) -> None:
    with (
        psycopg.connect(libpq_url(place.url)) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="predictions is append-only"),
    ):
        connection.execute(statement)
    assert set(before.predictions) <= set(place.rows(PREDICTIONS))


def test_a_rebuild_gives_the_same_rows_splits_and_models(
    trained_again: Look, rebuilt: Look, place: Workplace
) -> None:
    assert rebuilt.contents == trained_again.contents
    assert rebuilt.places == trained_again.places
    assert rebuilt.revisions == trained_again.revisions
    assert rebuilt.splits == trained_again.splits
    assert place.rows("SELECT version, split_version FROM models ORDER BY 1") == [(1, 1), (2, 2)]


def test_a_series_that_is_stated_anew_is_derived_anew(rebuilt: Look, place: Workplace) -> None:
    """The same bars as those of a crypto currency: other costs, and a calendar that misses every night."""
    (place.files / "symbols.csv").write_text(
        "ticker,asset_class,session,anchor\nSTAYS,crypto,extended,clock\n"
    )
    succeed(materialise_assets(place, only_timeframes=HOURLY))
    after = Look.at(place)
    assert after.places["raw_bars"] == rebuilt.places["raw_bars"]
    assert after.places["market_data"] == rebuilt.places["market_data"]
    costs = place.rows(
        "SELECT ticker, configuration->>'cost_bps' FROM fvg_labels JOIN engine_configs USING (config_id) "
        "GROUP BY 1, 2 ORDER BY 1"
    )
    assert [(ticker, float(cost)) for ticker, cost in costs] == [("GROWS", 1.0), ("STAYS", 5.0)]
    assert place.rows("SELECT missing > present FROM series WHERE ticker = 'STAYS'") == [(True,)]
    unmoved = [row for row in rebuilt.places["fvg_labels"] if row[0] == "GROWS"]
    assert [row for row in after.places["fvg_labels"] if row[0] == "GROWS"] == unmoved
