"""The queue of trainings and the world around it: what speaks for a training goes in, what runs brought comes out.

Both ways may be gone at any time and by several daemons at once: whoever comes second finds nothing to do.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster import DagsterEventType
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from fvg_platform.learning.retraining import (
    MAX_AGE,
    Demand,
    ModelFacts,
    RetrainRules,
    RollingSkill,
    decide_retraining,
    demands,
    skill_lost,
)
from fvg_platform.pipeline.automation.alert_message import TOLD, alert_message
from fvg_platform.pipeline.stages import TRAINING
from fvg_platform.storage import retrain_evidence as evidence
from fvg_platform.storage import retrain_queue as queue
from fvg_platform.storage.database import Database
from fvg_platform.storage.learning_tables import lock
from fvg_platform.storage.retrain_claims import Claim

ENTRY_TAG = "fvg/retrain"
ATTEMPT_TAG = "fvg/attempt"
REASON_TAG = "fvg/reason"
# One run trains; a second one could only wait for its version, and would hold the place of the series' runs.
TRAININGS_AT_ONCE = 1
# A daemon launches what it was asked to within seconds.
LAUNCHED_WITHIN = dt.timedelta(minutes=5)
_MODEL = "win_rate_model"
_TAG_LENGTH = 255


@dataclass(frozen=True)
class Queued:
    """An entry that was put into the queue now."""

    id: int
    timeframe: str
    demand: Demand


@dataclass(frozen=True)
class Surveyed:
    """What was found of every timeframe: what was queued, and why the others are left alone, by timeframe."""

    queued: tuple[Queued, ...]
    quiet: Mapping[str, str]


def run_tags(claim: Claim) -> dict[str, str]:
    """The tags of the run that trains for an entry; without Dagster's own retries, for the queue has its own."""
    return {
        ENTRY_TAG: str(claim.id),
        ATTEMPT_TAG: str(claim.attempts),
        REASON_TAG: claim.reason[:_TAG_LENGTH],
        "dagster/max_retries": "0",
    }


def gather_facts(connection: sa.Connection) -> list[ModelFacts]:
    """What is known of every timeframe that has labels or a model."""
    return [_facts(connection, training) for training in evidence.newest_trainings(connection)]


def _facts(connection: sa.Connection, training: sa.Row[Any]) -> ModelFacts:
    timeframe, attempt = training.timeframe, training.last_attempt
    seen = training.resolved_at_training
    if attempt is not None and (training.trained_at is None or attempt > training.trained_at):
        # A training of which no version came: what it saw is not written down, but what came later is.
        seen = training.resolved - evidence.resolved_since(connection, timeframe, attempt)
    facts = ModelFacts(
        timeframe,
        training.version,
        training.trained_at,
        training.trained_on,
        seen,
        training.resolved,
        last_attempt=attempt,
    )
    if training.version is None:
        return facts
    since = training.split_at if attempt is None else max(training.split_at, attempt)
    revised = evidence.revised_series(connection, training, since)
    if training.serving is None:
        return replace(facts, revised_series=revised)
    # In the market's time: an archive's bars end long before the clock.
    known_until = training.data_until or training.trained_at
    drift = evidence.newest_drift(connection, timeframe, training.serving, known_until)
    return replace(
        facts,
        revised_series=revised,
        drift=drift.reason if drift is not None and drift.state == "drifted" else None,
        skill=_skill(connection, timeframe, training.serving, known_until),
    )


def _skill(connection: sa.Connection, timeframe: str, version: int, known_until: dt.datetime) -> str | None:
    by_mode: dict[str, list[RollingSkill]] = {}
    for row in evidence.rolling_skill(connection, timeframe, version, known_until):
        figures = {str(name): value for name, value in row._mapping.items() if name != "mode"}
        by_mode.setdefault(row.mode, []).append(RollingSkill(**figures))
    said = [skill_lost(windows, known_until.date()) for windows in by_mode.values()]
    return next((reason for reason in said if reason is not None), None)


def fill_queue(
    database: Database, *, max_age: dt.timedelta = MAX_AGE, now: dt.datetime | None = None
) -> Surveyed:
    """Put into the queue what speaks for a training and does not wait there yet.

    What is being trained is asked about when that is done, and an entry of a version that has a successor is
    withdrawn when nothing speaks for it any more.

    Parameters
    ----------
    now
        The clock that ages are taken by, with time zone; None for the database's.
    """
    with database.engine.connect() as connection:
        began: dt.datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        found = gather_facts(connection)
    wanted = {facts.timeframe: demands(facts, now=now or began, max_age=max_age) for facts in found}
    queued = []
    with database.engine.begin() as connection:
        lock(connection, queue.QUEUE_LOCK)
        # Of these the facts may be from before their training.
        busy = queue.touched_since(connection, began)
        versions = {facts.timeframe: facts.version for facts in found}
        for timeframe, asked in wanted.items():
            for demand in asked if timeframe not in busy else ():
                entry = queue.enqueue(
                    connection,
                    trigger=demand.trigger,
                    reason=demand.reason,
                    priority=demand.priority,
                    timeframe=timeframe,
                    model_version=versions[timeframe],
                )
                if entry is not None:
                    queued.append(Queued(entry, timeframe, demand))
        idle = {facts.timeframe: facts for facts in found if facts.timeframe not in busy}
        _withdraw(connection, wanted, idle)
    new = {entry.timeframe for entry in queued}
    quiet = {f.timeframe: _why_not(f, wanted[f.timeframe], busy) for f in found if f.timeframe not in new}
    return Surveyed(tuple(queued), quiet)


def _withdraw(
    connection: sa.Connection,
    wanted: Mapping[str, tuple[Demand, ...]],
    idle: Mapping[str, ModelFacts],
) -> None:
    """Close what waits for a version that was replaced outside of the queue, and that nothing speaks for any more."""
    for row in queue.waiting(connection):
        facts = idle.get(row.timeframe)
        if row.trigger == queue.HAND or facts is None or facts.version is None or facts.trained_at is None:
            continue
        # What another system asks for names no version: only a training that came after it answers that.
        newer = (
            facts.trained_at > row.inserted_at
            if row.model_version is None
            else facts.version > row.model_version
        )
        if newer and row.trigger not in {demand.trigger for demand in wanted[row.timeframe]}:
            said = f"version {facts.version} was trained meanwhile, and knows of it"
            queue.withdraw(connection, row.id, said)


def _why_not(facts: ModelFacts, asked: tuple[Demand, ...], busy: Collection[str]) -> str:
    if facts.timeframe in busy:
        return "It is being trained."
    if asked:
        return f"It waits already ({', '.join(demand.trigger for demand in asked)})."
    return decide_retraining(facts.newly_resolved, facts.trained_on, facts.resolved).reason


def claim_next(database: Database, instance: dg.DagsterInstance, rules: RetrainRules) -> list[Claim]:
    """Take what is to be trained now out of the queue, unless something trains already, for the queue or not."""
    free = 0 if training_runs(instance) else TRAININGS_AT_ONCE
    with database.engine.begin() as connection:
        lock(connection, queue.QUEUE_LOCK)  # another daemon's claims count
        at_work = [row for row in queue.processing(connection) if row.status == queue.PROCESSING]
        return queue.claim(
            connection,
            cool_down=rules.cool_down,
            daily_cap=rules.daily_cap,
            free=max(free - len(at_work), 0),
        )


def training_runs(instance: dg.DagsterInstance) -> list[str]:
    """The ids of the runs that train models and have not ended, whoever started them."""
    model = dg.AssetKey(_MODEL)
    return [
        run.run_id
        for run in instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
        if (model in run.asset_selection if run.asset_selection else run.job_name == TRAINING.name)
    ]


def settle_queue(database: Database, instance: dg.DagsterInstance) -> dict[int, str]:
    """Look what became of the runs that train for entries, and close the entries or give them back.

    Returns
    -------
    What was done, by entry: `completed`, `pending` or `failed`.
    """
    with database.engine.connect() as connection:
        entries = queue.processing(connection)
    settled = {}
    for entry in entries:
        status = _settle(database, instance, entry)
        if status is not None:
            settled[entry.id] = status
    return settled


def _settle(database: Database, instance: dg.DagsterInstance, entry: sa.Row[Any]) -> str | None:
    run = _run_of(instance, entry)
    at_work = entry.status == queue.PROCESSING
    if run is None:
        if not at_work or (entry.age is not None and entry.age < LAUNCHED_WITHIN):
            return None
        error = (
            f"its run {entry.run_id} is gone from Dagster"
            if entry.run_id is not None
            else f"no run was launched within {LAUNCHED_WITHIN / dt.timedelta(minutes=1):.0f} minutes"
        )
        with database.engine.begin() as connection:
            return queue.give_back(connection, entry.id, error)
    ended_badly = run.is_failure_or_canceled
    if ended_badly and not at_work:
        return None  # that is why it came back
    with database.engine.begin() as connection:
        queue.attach_run(connection, entry.id, run.run_id)
        if ended_badly:
            return queue.give_back(connection, entry.id, _message(instance, run))
        if run.is_success and queue.complete(connection, entry.id, _result(instance, run, entry.timeframe)):
            return queue.COMPLETED
    return None


def _run_of(instance: dg.DagsterInstance, entry: sa.Row[Any]) -> dg.DagsterRun | None:
    """The newest run of the entry's present attempt."""
    tags = {ENTRY_TAG: str(entry.id), ATTEMPT_TAG: str(entry.attempts)}
    return next(iter(instance.get_runs(dg.RunsFilter(tags=tags), limit=1)), None)


def _result(instance: dg.DagsterInstance, run: dg.DagsterRun, timeframe: str) -> str:
    """What came of a training, in the words that its materialisation has for it."""
    shown: dict[str, Any] = {}
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event is None or event.asset_key != dg.AssetKey(_MODEL) or event.partition != timeframe:
            continue
        metadata = event.step_materialization_data.materialization.metadata
        shown = {name: value.value for name, value in metadata.items() if hasattr(value, "value")}
    if not shown:
        return "nothing to train on: there is no split of usable bars"
    state, version = str(shown.get("state", "")), shown.get("model_version")
    if state.startswith("unchanged"):
        return state
    verdict = "serves" if shown.get("status") == "active" else "does not serve"
    return f"version {version} {verdict}: {shown.get('why') or 'no reason was given'}"


def _message(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Why a run ended badly, in its own words."""
    if run.status == dg.DagsterRunStatus.CANCELED:
        return f"run {run.run_id} was canceled"
    told = alert_message(run, instance.all_logs(run.run_id, of_type=TOLD), None) or {}
    said = [failure["message"] for failure in told.get("failures", ())]
    said += [f"{check['check']}: {check['description']}" for check in told.get("failing_checks", ())]
    return f"run {run.run_id} failed: {'; '.join(said) or 'it did not say why'}"
