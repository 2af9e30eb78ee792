"""What is older than its rule goes, whole series at a time, and what is left is derived as if nothing else had been."""

import json
from contextlib import ExitStack
from threading import Thread

import pandas as pd
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fvg_platform.pipeline.assets import SERIES_ASSETS
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.resources import market_source
from fvg_platform.storage import ingestion
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.database import Database
from fvg_platform.storage.locks import held_lock
from fvg_platform.storage.retention import CUT, Pruned, apply_retention, plan_retention
from fvg_platform.storage.retention_rules import (
    DEFAULT_RETENTION,
    RetentionError,
    RetentionRules,
    oldest_kept,
)
from fvg_platform.storage.symbols import Symbol, store_symbols
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace

NOW = pd.Timestamp("2024-06-15 12:00", tz="UTC")
CUT_AT = pd.Timestamp("2024-04-01", tz="UTC")
TWO_MONTHS = RetentionRules.parse("bars.1h=2mo")
# Allows what the migration allows; until it does so itself.


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# Rules


def test_the_default_keeps_five_years_of_minutes_and_one_of_features() -> None:
    rules = RetentionRules.parse(DEFAULT_RETENTION)
    now = utc("2026-11-21 15:00")
    assert oldest_kept(rules, "1m", now) == utc("2021-11-01")
    assert rules.cut("prediction_features", now) == utc("2025-11-01")
    assert [t for t in ("5m", "15m", "1h", "4h", "1d", "1w", "1mo") if oldest_kept(rules, t, now)] == []


@pytest.mark.parametrize(
    ("period", "now", "cut"),
    [
        ("1y", "2024-02-29 10:00", "2023-02-01"),
        ("1mo", "2024-03-31 23:59", "2024-02-01"),
        ("30d", "2024-03-31 23:59", "2024-03-01"),
        ("12mo", "2024-06-15", "2023-06-01"),
    ],
)
def test_a_cut_is_the_first_of_a_month_or_midnight(period: str, now: str, cut: str) -> None:
    assert oldest_kept(RetentionRules.parse(f"bars.1m={period}"), "1m", utc(now)) == utc(cut)


@given(seconds=st.integers(0, 4_000_000_000), later=st.integers(0, 40_000_000), months=st.integers(1, 120))
def test_a_cut_never_moves_back_and_never_takes_more_than_the_rule(
    seconds: int, later: int, months: int
) -> None:
    rules = RetentionRules.parse(f"bars.5m={months}mo")
    now, then = (pd.Timestamp(s, unit="s", tz="UTC") for s in (seconds, seconds + later))
    cut = oldest_kept(rules, "5m", now)
    assert cut is not None
    assert cut <= oldest_kept(rules, "5m", then)
    assert now - pd.DateOffset(months=months) - pd.Timedelta(days=31) < cut
    assert cut <= now - pd.DateOffset(months=months)


def test_the_month_of_the_last_bar_of_an_ended_series_stays() -> None:
    rules = RetentionRules.parse("bars.1m=1y")
    assert oldest_kept(rules, "1m", NOW, utc("2019-05-17 19:59")) == utc("2019-05-01")
    assert oldest_kept(rules, "1m", NOW, utc("2024-06-14 19:59")) == utc("2023-06-01")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bars.2h=1y", r"'bars.2h'.*one of bars.1m, .*prediction_features"),
        ("bars.1m", r"'bars.1m' is no rule: write name=period"),
        ("bars.1m=5 years", r"'5 years' is no period: write 1y to 200y.*or forever"),
        ("bars.1m=0d", r"'0d' is no period"),
        ("bars.1m=9999y", r"'9999y' is no period"),
        ("bars.1m=1y, bars.1m=forever", "bars.1m has two rules"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(RetentionError, match=said):
        RetentionRules.parse(text)


def test_forever_and_nothing_keep_everything() -> None:
    for text in ("", " , ", "bars.1m=forever"):
        assert str(RetentionRules.parse(text)) == "everything forever"
    rules = RetentionRules.parse(" bars.1m = 5y ,prediction_features=1y,forecasts=90d,")
    assert RetentionRules.parse(str(rules)) == rules == RetentionRules.parse(DEFAULT_RETENTION)


# Bars


def whole() -> pd.DataFrame:
    """Half a year of hours with holes: within, across the cut, and just after it; and two rows that are refused."""
    bars = random_bars("1h", "2024-01-02", "2024-06-15", seed=7)
    day = bars["ts"].dt.strftime("%Y-%m-%d")
    bars = bars[~day.isin(["2024-02-13", "2024-03-28", "2024-04-01", "2024-05-07"])].reset_index(drop=True)
    bars.loc[[3, len(bars) - 3], "low"] = -1.0
    return bars


def derive(workplace: Workplace) -> None:
    """Bring all hourly series up to date, one asset after the other, as a run of them would."""
    database = Database(workplace.home, workplace.url)
    source = market_source(workplace.settings, database)
    found = [Symbol(s.ticker, s.name, s.asset_class, "files") for s in source.source.symbols()]
    with bulk_connection(workplace.url) as connection:
        store_symbols(connection, found, "files", "a run")
        connection.commit()
    for symbol in found:
        for asset in SERIES_ASSETS:
            asset.run_one(database, source, Series(symbol.ticker, "1h"), "a run")
    database.close()


@pytest.fixture
def place(workplace: Workplace) -> Workplace:
    workplace.add_bars("LONG", "1h", whole())
    workplace.add_bars("YOUNG", "1h", random_bars("1h", "2024-04-02", "2024-06-15", seed=9))
    derive(workplace)
    return workplace


def plan(workplace: Workplace, rules: RetentionRules = TWO_MONTHS) -> list[Pruned]:
    with bulk_connection(workplace.url) as connection:
        return plan_retention(connection, rules, NOW)


def prune(workplace: Workplace) -> list[Pruned]:
    return apply_retention(workplace.url, TWO_MONTHS, NOW)


def test_what_is_left_is_derived_as_if_nothing_else_had_been(place: Workplace) -> None:
    young = place.rows("SELECT to_jsonb(t)::text FROM series_status t WHERE ticker = 'YOUNG' ORDER BY asset")
    revisions = dict(place.rows("SELECT asset, revision FROM series_status WHERE ticker = 'LONG'"))
    planned = plan(place)
    before = place.contents()
    assert plan(place) == planned
    assert place.contents() == before, "a dry run changes nothing"
    counts = {entry.table: entry.rows for entry in planned}
    raw = whole()
    assert counts["raw_bars"] == counts["market_data"] + 1 == (raw["ts"] < CUT_AT).sum()
    assert counts["bar_quarantine"] == 1
    assert counts["bar_gaps"] == 3, "the hole across the cut goes too: nothing lies before it any more"
    assert {entry.what for entry in planned} == {"LONG 1h"}
    assert {entry.before for entry in planned} == {CUT_AT}

    assert prune(place) == planned
    assert plan(place) == prune(place) == []
    raised = dict(place.rows("SELECT asset, revision FROM series_status WHERE ticker = 'LONG'"))
    assert {
        asset: raised[asset] - revisions[asset] for asset in raised if raised[asset] > revisions[asset]
    } == {
        "raw_bars": 1,
        "clean_bars": 1,
        "bars": 1,
    }
    assert place.rows(
        "SELECT DISTINCT asset FROM series_status WHERE fingerprint = $$" + CUT + "$$ ORDER BY 1"
    ) == [
        ("bars",),
        ("clean_bars",),
    ]
    assert (
        place.rows("SELECT to_jsonb(t)::text FROM series_status t WHERE ticker = 'YOUNG' ORDER BY asset")
        == young
    )

    derive(place)
    derived = place.contents()
    with psycopg.connect(libpq_url(place.url)) as database:
        database.execute("DELETE FROM raw_bars WHERE ticker = 'LONG'")
        database.execute("DELETE FROM series_status WHERE ticker = 'LONG'")
    place.add_bars("LONG", "1h", raw[raw["ts"] >= CUT_AT])
    derive(place)
    assert {table: set(rows) for table, rows in derived.items()} == {
        table: set(rows) for table, rows in place.contents().items()
    }


def test_no_derived_row_is_left_that_reaches_back_behind_the_cut(place: Workplace) -> None:
    prune(place)
    for table in ("fvg_detections", "fvg_setups", "fvg_labels", "setup_features"):
        (before,) = place.rows(
            f"SELECT count(*) FROM {table} t WHERE (SELECT count(*) FROM market_data m "
            "WHERE (m.ticker, m.timeframe) = (t.ticker, t.timeframe) AND m.ts < t.ts) < 2"
        )
        assert before == (0,), table
    stated = place.rows(
        "SELECT rows, first_ts FROM series_status WHERE ticker = 'LONG' AND asset = 'fvg_labels'"
    )
    assert stated == place.rows("SELECT count(*), min(ts) FROM fvg_labels WHERE ticker = 'LONG'")


def test_a_cut_that_is_broken_off_leaves_its_series_whole(place: Workplace) -> None:
    place.add_bars("AFTER", "1h", whole())
    derive(place)
    before = place.contents()
    broken: list[BaseException] = []

    def cut() -> None:
        try:
            prune(place)
        except Exception as error:  # told to the test below
            broken.append(error)

    with (
        psycopg.connect(libpq_url(place.url)) as holder,
        psycopg.connect(libpq_url(place.url), autocommit=True) as watcher,
    ):
        # Its last statement waits for this row, with every other row of the series deleted.
        holder.execute("SELECT 1 FROM raw_bars WHERE ticker = 'LONG' FOR UPDATE")
        worker = Thread(target=cut)
        worker.start()
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while not (found := watcher.execute(waiting).fetchall()) and worker.is_alive():
            worker.join(0.02)
        assert len(found) == 1
        watcher.execute("SELECT pg_terminate_backend(%s)", found[0])
        worker.join()
    assert len(broken) == 1
    left = place.contents()
    assert {t: [r for r in rows if json.loads(r[0])["ticker"] == "LONG"] for t, rows in left.items()} == {
        t: [r for r in rows if json.loads(r[0])["ticker"] == "LONG"] for t, rows in before.items()
    }
    assert {entry.what for entry in plan(place)} == {"LONG 1h"}, "the series before it is done"
    assert {entry.what for entry in prune(place)} == {"LONG 1h"}


def test_the_state_of_a_vendors_series_begins_at_the_cut(place: Workplace) -> None:
    state = ingestion.IngestionState(
        "LONG", "1h", "vendor", "", utc("2024-01-01"), utc("2024-06-14"), 5, "", verified=True
    )
    with bulk_connection(place.url) as connection:
        ingestion.write_state(connection, state)
        connection.commit()
    waited: list[str] = []
    with ExitStack() as reading:
        reading.enter_context(held_lock(place.url, "ingest LONG|1h"))

        def finish(series: str) -> None:
            waited.append(series)
            reading.close()

        apply_retention(place.url, TWO_MONTHS, NOW, on_wait=finish)
    assert waited == ["LONG|1h"], "a reading holds its state in memory: it is finished first"
    with bulk_connection(place.url) as connection:
        found = ingestion.read_state(connection, "LONG", "1h")
    assert found is not None
    assert (found.from_ts, found.watermark, found.data_revision) == (CUT_AT, state.watermark, 6)


def test_an_ended_series_keeps_its_last_month(workplace: Workplace) -> None:
    workplace.add_bars("ENDED", "1h", random_bars("1h", "2023-01-03", "2023-03-18", seed=3))
    derive(workplace)
    prune(workplace)
    derive(workplace)
    assert workplace.rows(
        "SELECT min(ts), asset, state FROM market_data, series_status GROUP BY 2, 3 ORDER BY 2"
    ) == [(utc("2023-03-01 14:30"), name, "ok") for name in sorted(asset.name for asset in SERIES_ASSETS)]


def test_old_log_rows_go(place: Workplace) -> None:
    with psycopg.connect(libpq_url(place.url)) as database:
        database.execute("UPDATE ingestion_log SET at = '2020-01-01Z' WHERE ticker = 'LONG'")
    rules = RetentionRules.parse("ingestion_log=1y")
    (planned,) = plan(place, rules)
    assert (planned.table, planned.rows) == ("ingestion_log", 1)
    assert apply_retention(place.url, rules, NOW) == [planned]
    assert place.rows("SELECT ticker FROM ingestion_log") == [("YOUNG",)]


# Predictions


@pytest.fixture
def predicted(sample: Workplace) -> Workplace:
    return sample


SAID = "SELECT (to_jsonb(p) - 'features')::text FROM predictions p ORDER BY 1"
ONE_YEAR = RetentionRules.parse("prediction_features=1y")


def test_features_of_old_predictions_go_and_what_was_said_stays(predicted: Workplace) -> None:
    said = predicted.rows(SAID)
    ((last, count),) = predicted.rows("SELECT max(day), count(*) FROM predictions")
    young = pd.Timestamp(last, tz="UTC") + pd.DateOffset(months=11)
    assert apply_retention(predicted.url, ONE_YEAR, young) == []
    old = pd.Timestamp(last, tz="UTC") + pd.DateOffset(months=14)
    with bulk_connection(predicted.url) as connection:
        planned = plan_retention(connection, ONE_YEAR, old)
    assert sum(entry.rows for entry in planned) == count > 0
    assert apply_retention(predicted.url, ONE_YEAR, old) == planned
    assert apply_retention(predicted.url, ONE_YEAR, old) == []
    assert predicted.rows(SAID) == said
    assert predicted.rows("SELECT DISTINCT features FROM predictions") == [({},)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE predictions SET features = '{}', p_entered = 0.5",
        "UPDATE predictions SET features = '{\"rsi_14\": 1}'",
        "UPDATE predictions SET p_target_1 = p_target_1 / 2",
        "DELETE FROM predictions",
    ],
)
def test_nothing_else_about_a_prediction_can_change(predicted: Workplace, change: str) -> None:
    with psycopg.connect(libpq_url(predicted.url)) as database:
        database.execute("SELECT set_config('fvg.thin_predictions', 'on', true)")
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            database.execute(change)
    with (
        psycopg.connect(libpq_url(predicted.url)) as database,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        database.execute("UPDATE predictions SET features = '{}'")
