"""Dagster's own history: old runs and events go, what the UI knows of every asset stays."""

import datetime as dt
from typing import Any

import dagster as dg
import psycopg
import pytest

from fvg_platform.pipeline import refresh
from fvg_platform.pipeline.history import failing_checks
from fvg_platform.pipeline.platform import Platform
from fvg_platform.pipeline.stages import SIGNALS
from fvg_platform.storage import connections
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.dagster_retention import purge_events, runs_without_events
from fvg_platform_tests.platforms import Workplace

ASSETS = ("symbols", "raw_bars", "bars", "coverage", "setup_features", "win_rate_model", "daily_predictions")


def known_to_the_ui(platform: Platform, definitions: dg.Definitions) -> dict[str, Any]:
    """What people see of the assets: partitions made, the newest metadata, the newest check results."""
    instance = platform.instance
    seen: dict[str, Any] = {}
    for asset in ASSETS:
        key = dg.AssetKey(asset)
        latest = instance.get_latest_materialization_event(key)
        assert latest is not None
        assert latest.asset_materialization is not None
        seen[asset] = (
            instance.get_materialized_partitions(key),
            latest.run_id,
            latest.asset_materialization.metadata,
        )
    checks = list(definitions.resolve_asset_graph().asset_check_keys)
    latest_checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    assert len(latest_checks) == len(checks)
    seen["checks"] = {key: (record.run_id, record.status) for key, record in latest_checks.items()}
    return seen | {"failing": failing_checks(instance, definitions)}


def age(workplace: Workplace, days: int) -> None:
    """Make every run and event that exists older."""
    with psycopg.connect(libpq_url(workplace.url)) as database:
        older = {"age": dt.timedelta(days=days)}
        database.execute("UPDATE dagster.runs SET update_timestamp = update_timestamp - %(age)s", older)
        database.execute("UPDATE dagster.event_logs SET timestamp = timestamp - %(age)s", older)


def events_by_run(workplace: Workplace) -> dict[str, int]:
    return dict(workplace.rows("SELECT run_id, count(*) FROM dagster.event_logs GROUP BY 1"))


def runs_by_job(workplace: Workplace) -> dict[str, list[str]]:
    rows = workplace.rows("SELECT pipeline_name, array_agg(run_id ORDER BY id) FROM dagster.runs GROUP BY 1")
    return dict(rows)


@pytest.fixture
def used(sample: Workplace) -> Workplace:
    """The sample after half a year: its first runs are old, symbols and the last day's signals were made again."""
    age(sample, 100)
    with sample.open() as (platform, definitions):
        made = platform.instance.get_materialized_partitions(dg.AssetKey("daily_predictions"))
        runs = refresh.materialise(
            platform,
            definitions,
            assets=["symbols", *SIGNALS.assets],
            days=(min(made), max(made)),
            say=lambda _: None,
        )
        assert all(run.success for run in runs)
    return sample


def test_old_history_goes_and_what_the_ui_knows_stays(used: Workplace) -> None:
    before, runs = events_by_run(used), runs_by_job(used)
    with used.open() as (platform, definitions):
        known = known_to_the_ui(platform, definitions)
        outcome = definitions.resolve_job_def("purge_old_runs").execute_in_process(instance=platform.instance)
        assert outcome.success
        assert known_to_the_ui(platform, definitions) == known
    left = events_by_run(used)

    # Replaced by a younger run of the same partitions and checks: nothing of the old one is needed.
    for job in ("symbols_stage", "signals_stage"):
        old, young = runs[job]
        assert old not in left
        assert runs_by_job(used)[job] == [young]
        assert left[young] == before[young], "young runs keep every event"
    # Still the newest of their assets: their materialisations and evaluations stay, their chatter goes.
    for job in ("series_stage", "training_stage"):
        for run in runs[job]:
            assert 0 < left[run] < before[run] / 2
    # No tag or check execution is left that speaks of an event or a run that is gone.
    assert (
        used.rows(
            "SELECT * FROM dagster.asset_event_tags WHERE event_id NOT IN (SELECT id FROM dagster.event_logs)"
        )
        == []
    )
    assert (
        used.rows(
            "SELECT * FROM dagster.asset_check_executions WHERE run_id NOT IN (SELECT run_id FROM dagster.runs)"
        )
        == []
    )
    assert used.bring_up_to_date() == [], "the platform still knows that everything is up to date"


def test_nothing_young_is_touched(sample: Workplace) -> None:
    age(sample, 80)
    before, runs = events_by_run(sample), runs_by_job(sample)
    with sample.open() as (platform, definitions):
        definitions.resolve_job_def("purge_old_runs").execute_in_process(instance=platform.instance)
    assert {run: n for run, n in events_by_run(sample).items() if run in before} == before
    assert {job: ids for job, ids in runs_by_job(sample).items() if job != "purge_old_runs"} == runs


def test_a_run_at_work_is_never_touched(sample: Workplace) -> None:
    with psycopg.connect(libpq_url(sample.url)) as database:
        database.execute("UPDATE dagster.runs SET status = 'STARTED'")
    age(sample, 1000)
    before = events_by_run(sample)
    with sample.open() as (platform, _):
        engine = connections.engine(platform.database.dagster_url)
        with engine.begin() as connection:
            assert purge_events(connection, dt.datetime.now(dt.UTC)) == 0
            assert runs_without_events(connection, dt.datetime.now(dt.UTC)) == []
        engine.dispose()
    assert events_by_run(sample) == before
