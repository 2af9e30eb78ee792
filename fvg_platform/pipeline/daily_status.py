"""The data engineer's day in plain values: what is stale, what waits, what failed, what was trained and why."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from fvg_platform.learning.retraining import ModelFacts, RetrainRules, demands, labels_needed
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline import due, stages
from fvg_platform.pipeline.assets import SERIES_ASSETS
from fvg_platform.pipeline.assets.forecasts import price_forecasts
from fvg_platform.pipeline.inputs import Surroundings
from fvg_platform.pipeline.refresh import latest_day
from fvg_platform.pipeline.retraining import gather_facts
from fvg_platform.storage import drift_tables, model_registry, retrain_queue
from fvg_platform.storage.records import as_records

if TYPE_CHECKING:
    from fvg_platform.pipeline.platform import Platform

_FAILED_WITHIN = dt.timedelta(days=7)
_ENTRIES_SHOWN = 20
_TRAININGS_SHOWN = 10
_ENTRY = (
    "id", "timeframe", "model_version", "signal_id", "trigger", "reason", "priority", "status", "attempts", "run_id",
    "result", "error_message", "inserted_at", "started_at", "completed_at", "not_before",
)  # fmt: skip


def daily_status(platform: "Platform", now: dt.datetime | None = None) -> dict[str, Any]:
    """What a data engineer wants to know first.

    Returns
    -------
    `stale`: sentences, each with the command that brings it up to date; `models`: per timeframe what serves, how old
    it is, whether its setups have drifted, and what speaks for or against training; `waiting`, `failed_entries`,
    `trained`: entries of the queue; `versions`: the newest versions and why they serve or not; `running`: Dagster's
    runs that have not ended; `failed_runs`: jobs whose newest run of the last week failed.
    """
    now = now or dt.datetime.now(dt.UTC)
    database = platform.database
    with database.engine.connect() as connection:
        entries = [
            {name: _plain(getattr(row, name)) for name in _ENTRY}
            for row in retrain_queue.recent(connection, _ENTRIES_SHOWN)
        ]
        waiting = [
            {name: _plain(getattr(row, name)) for name in _ENTRY} for row in retrain_queue.waiting(connection)
        ]
        versions = [_version(row) for row in model_registry.newest_trainings(connection, _TRAININGS_SHOWN)]
    return {
        "stale": _stale(platform),
        "models": _models(platform, now),
        "waiting": [*[e for e in entries if e["status"] == "processing"], *waiting[:_ENTRIES_SHOWN]],
        "failed_entries": [e for e in entries if e["status"] == "failed" and _young(e["completed_at"], now)],
        "trained": [entry for entry in entries if entry["status"] == "completed"],
        "versions": versions,
        "running": _runs_at_work(platform.instance),
        "failed_runs": _failed_runs(platform.instance, now),
    }


def _young(time: str | None, now: dt.datetime) -> bool:
    return time is None or now - dt.datetime.fromisoformat(time) < _FAILED_WITHIN


def _stale(platform: "Platform") -> list[str]:
    """What is out of date, as sentences; training is not among it, since it waits for a reason."""
    given, database, instance = platform.resources, platform.database, platform.instance
    known = stages.known_tickers(instance)
    around = Surroundings(given["market_source"], given["engine"], given["own_features"])
    found = []
    series = due.tickers_due(SERIES_ASSETS, database, around, instance, known)
    if series:
        found.append(f"series of {_listed(series)}: `fvg materialize --ticker …`, or `fvg demo` for all")
    day = latest_day(platform)
    if day is not None:
        first = due.first_day_due(database, instance, day)
        if first is not None:
            found.append(
                f"predictions of {first} … {day}: `fvg materialize --select daily_predictions --day {first} --to {day}`"
            )
    if due.outcomes_due(database):
        found.append("outcomes: `fvg materialize --select prediction_outcomes,model_performance`")
    for what, timeframes, asset in (
        ("statistics", due.statistics_due(database, given["seed"]), "fvg_statistics"),
        ("drift", due.drift_due(database), "model_drift"),
    ):
        if timeframes:
            found.append(f"{what} of {_listed(timeframes)}: `fvg materialize --select {asset}`")
    forecasts = due.tickers_due([price_forecasts], database, around, instance, known)
    if forecasts:
        found.append(f"forecasts of {_listed(forecasts)}: `fvg materialize --select price_forecasts`")
    return found


def _listed(names: list[str], shown: int = 8) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _models(platform: "Platform", now: dt.datetime) -> list[dict[str, Any]]:
    with platform.database.bulk() as bulk:
        reports = as_records(drift_tables.drift_overview(bulk))
    # Of complete windows the newest counts; before there is one, the one that runs.
    drift = {
        row["timeframe"]: row for row in sorted(reports, key=lambda r: (r["complete"], r["window_start"]))
    }
    found = []
    with platform.database.engine.connect() as connection:
        for facts in sorted(gather_facts(connection), key=lambda f: TIMEFRAMES.index(f.timeframe)):
            served = model_registry.active_model(connection, facts.timeframe)
            row = drift.get(facts.timeframe)
            found.append(
                {
                    "timeframe": facts.timeframe,
                    "version": None if served is None else served.version,
                    "algorithm": None if served is None else served.algorithm,
                    "days_old": None if served is None else (now - served.trained_at) / dt.timedelta(days=1),
                    "drift": None if row is None else row["state"],
                    "drift_reason": None if row is None else row["reason"],
                    "window_end": None if row is None else _plain(row["window_end"]),
                    "training": _training(facts, now, platform.resources["retrain_rules"]),
                }
            )
    return found


def _training(facts: ModelFacts, now: dt.datetime, rules: RetrainRules) -> str:
    """What speaks for training a model again; if nothing does, how far it is from enough new labels."""
    asked = demands(facts, now=now, max_age=rules.max_age)
    if asked:
        return "wanted: " + "; ".join(f"{demand.trigger}: {demand.reason}" for demand in asked)
    needed = labels_needed(facts.trained_on)
    return f"not wanted: {facts.newly_resolved} of {needed} new labels"


def _version(row: Any) -> dict[str, Any]:
    names = (
        "timeframe",
        "version",
        "semantic_version",
        "algorithm",
        "status",
        "status_reason",
        "trained_at",
        "run_id",
    )
    return {name: _plain(getattr(row, name)) for name in names}


def _runs_at_work(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    records = instance.get_run_records(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES), limit=50)
    return [
        {
            "job": record.dagster_run.job_name,
            "status": record.dagster_run.status.value,
            "since": record.create_timestamp.isoformat(timespec="seconds"),
            "run_id": record.dagster_run.run_id,
        }
        for record in records
    ]


def _failed_runs(instance: dg.DagsterInstance, now: dt.datetime) -> list[dict[str, Any]]:
    """Jobs whose newest finished run failed."""
    newest: dict[str, dict[str, Any]] = {}
    for record in instance.get_run_records(dg.RunsFilter(created_after=now - _FAILED_WITHIN), limit=500):
        run = record.dagster_run
        if run.is_finished and run.job_name not in newest:
            newest[run.job_name] = {
                "job": run.job_name,
                "status": run.status.value,
                "started": record.create_timestamp.isoformat(timespec="seconds"),
                "run_id": run.run_id,
            }
    return [run for run in newest.values() if run["status"] != "SUCCESS"]


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, dt.datetime) else value
