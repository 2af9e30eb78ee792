"""Training without a hand: what puts a model into the queue, what starts, and what becomes of entries when runs end.

The tables are a real Postgres', the evidence is changed in them as time would; Dagster's instance is one of the test's.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.test_utils import create_run_for_test

from fvg_platform.definitions import build_definitions
from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline import retraining
from fvg_platform.pipeline.automation.retraining import SENSORS, queue_retraining, retrain_from_queue
from fvg_platform.pipeline.partitions import timeframes
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.pipeline.retraining import ATTEMPT_TAG, ENTRY_TAG, fill_queue, run_tags, settle_queue
from fvg_platform.storage import retrain_queue as queue
from fvg_platform.storage.database import Database
from fvg_platform.storage.retrain_claims import Claim
from fvg_platform_tests.platforms import Workplace

RULES = RetrainRules()
LATE = "UPDATE retrain_queue SET started_at = started_at - interval '6 minutes' WHERE status = 'processing'"
COOLED = "UPDATE retrain_queue SET started_at = started_at - interval '25 hours', not_before = NULL"


@dataclass(frozen=True)
class Bench:
    """A platform's tables and an instance of Dagster that nothing runs on by itself."""

    place: Workplace
    database: Database
    instance: dg.DagsterInstance

    def enqueue(self, timeframe: str = "1d", trigger: str = "drift") -> int:
        with self.database.engine.begin() as connection:
            entry = queue.enqueue(connection, timeframe=timeframe, trigger=trigger, reason=f"{trigger}!")
        assert entry is not None
        return entry

    def claim(self) -> list[Claim]:
        return retraining.claim_next(self.database, self.instance, RULES)

    def row(self, entry: int) -> sa.Row[Any]:
        with self.database.engine.connect() as connection:
            (found,) = (row for row in queue.recent(connection, 99) if row.id == entry)
        return found

    def settle(self) -> dict[int, str]:
        return settle_queue(self.database, self.instance)

    def launch(
        self, claim: Claim, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
    ) -> dg.DagsterRun:
        return create_run_for_test(
            self.instance, job_name="training_stage", status=status, tags=run_tags(claim)
        )

    def tick(self, sensor: dg.SensorDefinition) -> SensorExecutionData:
        """Evaluate a sensor as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            resources={"database": self.database, "retrain_rules": RULES},
            repository_def=repository(),
        )
        return sensor.evaluate_tick(context)


@cache
def repository() -> dg.RepositoryDefinition:
    """The platform's graph, which tells a sensor what its job's partitions are."""
    return build_definitions(sensors=SENSORS).get_repository_def()


@contextmanager
def bench_on(place: Workplace) -> Iterator[Bench]:
    database: Database = default_resources(place.settings)["database"]
    with dg.DagsterInstance.ephemeral() as instance:
        yield Bench(place, database, instance)
    database.close()


@pytest.fixture
def bench(module_workplace: Workplace) -> Iterator[Bench]:
    """Without a row in any table."""
    module_workplace.execute("TRUNCATE retrain_queue")
    with bench_on(module_workplace) as bench:
        yield bench


@pytest.fixture
def trained(sample: Workplace) -> Iterator[Bench]:
    """On the tables that the demo left: every model was trained on all that there is."""
    with bench_on(sample) as bench:
        yield bench


def train(bench: Bench, claim: Claim, **metadata: object) -> dg.DagsterRun:
    """A run that ends as a training does; without metadata one that had nothing to train on."""

    @dg.multi_asset(
        name="win_rate_model",
        specs=[dg.AssetSpec("win_rate_model", skippable=True)],
        partitions_def=timeframes,
    )
    def model(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        if "error" in metadata:
            raise dg.Failure(description=str(metadata["error"]), allow_retries=False)
        if metadata:
            context.log_event(
                dg.AssetMaterialization("win_rate_model", partition=context.partition_key, metadata=metadata)
            )
        yield from ()

    job = dg.define_asset_job("training_stage", selection=[model])
    outcome = (
        dg.Definitions(assets=[model], jobs=[job])
        .resolve_job_def("training_stage")
        .execute_in_process(
            instance=bench.instance,
            partition_key=claim.timeframe,
            tags=run_tags(claim),
            raise_on_error=False,
        )
    )
    return outcome.dagster_run


def wanted(bench: Bench) -> dict[tuple[str, str], str]:
    """What is put into the queue now: the reasons by timeframe and trigger."""
    found = fill_queue(bench.database)
    return {(e.timeframe, e.demand.trigger): e.demand.reason for e in found.queued}


def test_an_empty_platform_has_nothing_to_learn(bench: Bench) -> None:
    assert bench.tick(queue_retraining).skip_message == "no labels yet, and no model"
    outcome = bench.tick(retrain_from_queue)
    assert (outcome.run_requests, outcome.skip_message) == ([], "nothing may start now")


def test_new_labels_queue_one_training_which_starts_once_and_is_not_asked_for_again(trained: Bench) -> None:
    message = str(bench_message(trained))
    assert "1d: Only 0 newly labelled setups since the last training" in message
    assert "queued" not in message, "after training on everything nothing is to be done"

    # As if the daily model had been trained on 60 labels fewer, of 100.
    trained.place.execute(
        "UPDATE models SET setups_entered = 100, setups_resolved = setups_resolved - 60 WHERE timeframe = '1d'"
    )
    message = bench_message(trained)
    assert "(labels): 60 newly labelled setups since the last training on 100" in message
    assert "1d: It waits already (labels)." in bench_message(trained)

    (request,) = trained.tick(retrain_from_queue).run_requests or []
    entry = int(request.tags[ENTRY_TAG])
    assert (request.run_key, request.partition_key) == (f"retrain-{entry}-1", "1d")
    assert request.tags["fvg/reason"].startswith("60 newly labelled setups")
    assert request.tags["dagster/max_retries"] == "0"
    assert trained.tick(retrain_from_queue).run_requests == []
    assert "1d: It is being trained." in bench_message(trained)

    # No version came of it: the same labels are no reason any more, however often one looks.
    claim = Claim(entry, "1d", "labels", "r", 1)
    train(trained, claim, state="unchanged: the same bytes as version 1", model_version=1)
    assert trained.settle() == {entry: "completed"}
    assert trained.row(entry).result == "unchanged: the same bytes as version 1"
    assert wanted(trained) == {}
    # A label that is written later is one.
    trained.place.execute(
        """
        WITH written AS (
            INSERT INTO lineage (run_id, asset, code_version, data_revision, written_at)
            VALUES ('later', 'fvg_labels', '1', 1, now() + interval '1 minute') RETURNING id)
        UPDATE fvg_labels SET lineage_id = written.id FROM written WHERE (ticker, timeframe, ts, side) IN (
            SELECT ticker, timeframe, ts, side FROM fvg_labels WHERE timeframe = '1d' AND status = 'entered'
              AND outcome_1_lo <> 'censored' ORDER BY ts LIMIT 70)
        """
    )
    ((key, reason),) = wanted(trained).items()
    assert key == ("1d", "labels")
    assert reason.startswith("70 newly")


def bench_message(bench: Bench) -> str:
    return str(bench.tick(queue_retraining).skip_message)


def test_a_timeframe_without_a_model_is_trained_as_soon_as_it_has_labels(trained: Bench) -> None:
    trained.place.execute("SET session_replication_role = replica; DELETE FROM models WHERE timeframe = '1h'")
    ((key, reason),) = wanted(trained).items()
    assert key == ("1h", "labels")
    assert reason.startswith("No model yet")


def test_age_is_a_reason_when_nothing_else_is(trained: Bench) -> None:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=91)
    found = fill_queue(trained.database, now=now)
    assert {entry.demand.trigger for entry in found.queued} == {"age"}
    assert len(found.queued) == 8
    assert fill_queue(trained.database, now=now).queued == ()


DRIFT = """
    INSERT INTO drift_reports (timeframe, model_version, window_start, window_end, complete, setups, reference_setups,
                               state, reason, fingerprint, lineage_id)
    SELECT '1d', version, data_until + {start} * interval '1 day', data_until + {end} * interval '1 day', {complete},
           100, 1000, '{state}', '{reason}', 'f', lineage_id
    FROM models WHERE timeframe = '1d' AND status = 'active'
"""


def known_until(bench: Bench, day: str) -> None:
    """As if the models had been trained on bars up to a day, and nothing had been looked at since."""
    bench.place.execute(f"UPDATE models SET data_until = '{day}Z'")
    for table in ("drift_reports", "model_performance"):
        bench.place.execute(f"DELETE FROM {table}")


def drift(
    bench: Bench, start: int, *, state: str = "drifted", complete: bool = True, reason: str = "d"
) -> None:
    bench.place.execute(
        DRIFT.format(start=start, end=start + 30, state=state, complete=complete, reason=reason)
    )


def test_drift_counts_in_a_complete_window_that_the_newest_training_did_not_know(trained: Bench) -> None:
    known_until(trained, "2026-01-01")
    drift(trained, -1)
    drift(trained, 60, complete=False)
    assert wanted(trained) == {}
    drift(trained, 0, reason="rsi_14 has moved")
    assert wanted(trained) == {("1d", "drift"): "rsi_14 has moved"}
    with trained.database.engine.connect() as connection:
        (entry,) = queue.waiting(connection)
    assert (entry.priority, entry.model_version) == (2, 1)

    # The next window is as it should be, which takes nothing back: the entry stays, no new one comes.
    drift(trained, 30, state="ok")
    assert wanted(trained) == {}
    assert trained.row(entry.id).status == "pending"

    # A version that was trained outside of the queue, on what came until then, knows of it.
    known_until(trained, "2026-01-02")
    trained.place.execute("UPDATE retrain_queue SET model_version = 0")
    assert wanted(trained) == {}
    withdrawn = trained.row(entry.id)
    assert (withdrawn.status, withdrawn.result) == (
        "completed",
        "version 1 was trained meanwhile, and knows of it",
    )


def test_what_another_system_asks_for_waits_until_it_is_trained(trained: Bench) -> None:
    trained.place.execute(
        "INSERT INTO retrain_queue (trigger, reason, priority, timeframe) VALUES ('drift', 'our monitor', 2, '1h')"
    )
    assert wanted(trained) == {}
    with trained.database.engine.connect() as connection:
        (entry,) = queue.waiting(connection)
    assert (entry.status, entry.reason) == ("pending", "our monitor")
    trained.place.execute("UPDATE models SET trained_at = now() WHERE timeframe = '1h'")
    assert wanted(trained) == {}
    assert trained.row(entry.id).status == "completed"


def test_probabilities_that_came_out_wrong_are_a_reason(trained: Bench) -> None:
    known_until(trained, "2026-01-01")
    trained.place.execute(
        """
        INSERT INTO model_performance (as_of, window_days, timeframe, model_version, mode, origin, ticker, predictions,
            entered, correct, incorrect, undecided, acted, mean_p, win_rate_low, win_rate_high, skill_lo, skill_hi,
            lineage_id)
        SELECT day::date, 30, timeframe, version, 'swing', '*', '*', 300, 240, 100, 140, 0, 10, 0.6, 0.4,
               CASE WHEN day = '2026-01-31' THEN 0.5 ELSE 0.7 END, -0.1, -0.05, lineage_id
        FROM models, unnest(ARRAY['2026-01-30', '2026-01-31', '2026-02-01']::timestamp[]) day
        WHERE timeframe = '1d' AND status = 'active'
        """
    )
    ((key, reason),) = wanted(trained).items()
    assert key == ("1d", "skill")
    assert "30 days up to 2026-01-31" in reason


REVISE = """
    WITH written AS (
        INSERT INTO lineage (run_id, asset, ticker, timeframe, code_version, data_revision, written_at)
        SELECT 'later', '{asset}', 'AAPL', '{timeframe}', '1', revision + 1, now()
        FROM series_status WHERE (ticker, timeframe, asset) = ('AAPL', '{timeframe}', '{asset}')
        RETURNING id, data_revision
    ), noted AS (
        INSERT INTO series_changes (ticker, timeframe, asset, revision, changed_from)
        SELECT 'AAPL', '{timeframe}', '{asset}', data_revision, '{ts}' FROM written RETURNING revision
    ), raised AS (
        UPDATE series_status s SET revision = noted.revision FROM noted
        WHERE (s.ticker, s.timeframe, s.asset) = ('AAPL', '{timeframe}', '{asset}')
    )
    UPDATE market_data SET lineage_id = written.id FROM written
    WHERE (ticker, timeframe) = ('AAPL', '{timeframe}') AND ts >= '{ts}'
"""


@pytest.mark.parametrize(("timeframe", "asset"), [("1d", "clean_bars"), ("1w", "bars")])
def test_bars_that_change_under_a_model_are_a_reason_once_and_new_ones_are_not(
    trained: Bench, timeframe: str, asset: str
) -> None:
    query = (
        "SELECT ts::text FROM market_data m, train_test_splits s WHERE m.ticker = 'AAPL' AND m.timeframe = s.timeframe "
        f"AND s.timeframe = '{timeframe}' AND ts {{}} cut_ts ORDER BY ts DESC LIMIT 2"
    )
    (_, (kept,)), (_, (old,)) = (trained.place.rows(query.format(side)) for side in (">", "<"))
    trained.place.execute(REVISE.format(asset=asset, timeframe=timeframe, ts=kept))
    assert wanted(trained) == {}, "what changed lies behind the cut"

    trained.place.execute(REVISE.format(asset=asset, timeframe=timeframe, ts=old))
    ((key, reason),) = wanted(trained).items()
    assert key == (timeframe, "revision")
    assert reason == "Bars from before the cut of version 1 changed since it was trained: AAPL."

    (claim,) = trained.claim()
    train(trained, claim, state="unchanged")
    trained.settle()
    trained.place.execute("DELETE FROM retrain_queue WHERE status = 'pending'")
    assert wanted(trained) == {}, "the training that has just ended has seen them"

    # A bar that is gone has no lineage any more; that of the revision tells.
    trained.place.execute(REVISE.format(asset=asset, timeframe=timeframe, ts=old))
    trained.place.execute(
        f"DELETE FROM market_data WHERE (ticker, timeframe, ts) = ('AAPL', '{timeframe}', '{old}')"
    )
    assert list(wanted(trained)) == [(timeframe, "revision")]


@pytest.mark.parametrize(
    ("shown", "result"),
    [
        (
            {"state": "new", "status": "active", "model_version": 4, "why": "Better."},
            "version 4 serves: Better.",
        ),
        (
            {
                "state": "compared again: it was refused before",
                "status": "candidate",
                "model_version": 5,
                "why": "Worse.",
            },
            "version 5 does not serve: Worse.",
        ),
        (
            {"state": "unchanged: the same bytes as version 3; version 2 serves", "model_version": 3},
            "unchanged: the same bytes as version 3; version 2 serves",
        ),
        ({}, "nothing to train on: there is no split of usable bars"),
    ],
)
def test_a_training_that_ends_closes_its_entry_with_what_came_of_it(
    bench: Bench, shown: dict[str, object], result: str
) -> None:
    entry = bench.enqueue()
    (claim,) = bench.claim()
    run = train(bench, claim, **shown)
    assert bench.settle() == {entry: "completed"}
    done = bench.row(entry)
    assert (done.status, done.result, done.run_id, done.error_message) == (
        "completed",
        result,
        run.run_id,
        None,
    )
    assert bench.settle() == {}


def test_a_training_that_fails_gives_its_entry_back_until_the_third_time(bench: Bench) -> None:
    entry = bench.enqueue()
    for attempt, status in ((1, "pending"), (2, "pending"), (3, "failed")):
        (claim,) = bench.claim()
        run = train(bench, claim, error=f"no memory left, {attempt}")
        assert bench.settle() == {entry: status}
        assert bench.settle() == {}, "a failure counts once"
        assert bench.row(entry).error_message == f"run {run.run_id} failed: no memory left, {attempt}"
        assert bench.claim() == []
        bench.place.execute(COOLED)
    assert bench.claim() == []


def test_a_killed_or_canceled_run_gives_its_entry_back(bench: Bench) -> None:
    entry = bench.enqueue()
    (claim,) = bench.claim()
    run = bench.launch(claim)
    assert bench.settle() == {}
    assert bench.row(entry).run_id == run.run_id, "it is seen at work"
    bench.instance.report_run_failed(run, "its process ended without a word")
    assert bench.settle() == {entry: "pending"}
    assert bench.row(entry).error_message == f"run {run.run_id} failed: its process ended without a word"

    bench.place.execute(COOLED)
    (again,) = bench.claim()
    bench.instance.report_run_canceled(bench.launch(again))
    assert bench.settle() == {entry: "pending"}
    assert bench.row(entry).error_message.endswith("was canceled")
    assert bench.row(entry).attempts == 2


def test_an_entry_whose_daemon_died_before_it_launched_comes_back(bench: Bench) -> None:
    entry = bench.enqueue()
    bench.claim()
    assert bench.settle() == {}, "it may still be launched"
    bench.place.execute(LATE)
    assert bench.settle() == {entry: "pending"}
    assert bench.row(entry).error_message == "no run was launched within 5 minutes"

    # The daemon launches it after all: it is this entry's run, and no second one starts beside it.
    late = bench.launch(Claim(entry, "1d", "drift", "drift!", 1))
    bench.place.execute("UPDATE retrain_queue SET not_before = NULL")
    assert bench.claim() == []
    assert bench.settle() == {}
    assert (bench.row(entry).status, bench.row(entry).run_id) == ("processing", late.run_id)
    bench.instance.delete_run(late.run_id)
    bench.place.execute(LATE)
    assert bench.settle() == {entry: "pending"}
    assert bench.row(entry).error_message == f"its run {late.run_id} is gone from Dagster"


def test_nothing_starts_beside_a_training_that_somebody_else_began(bench: Bench) -> None:
    entry = bench.enqueue()
    foreign = create_run_for_test(
        bench.instance, job_name="training_stage", status=dg.DagsterRunStatus.STARTED
    )
    statistics = frozenset({dg.AssetKey("fvg_statistics")})
    create_run_for_test(
        bench.instance,
        job_name="training_stage",
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=statistics,
    )
    assert retraining.training_runs(bench.instance) == [foreign.run_id]
    assert bench.claim() == []
    bench.instance.report_run_canceled(foreign)
    other = bench.enqueue("1h")
    assert [claim.id for claim in bench.claim()] == [entry]
    assert bench.claim() == [], f"one after the other: {other} waits"


def test_tags_fit_dagster_and_name_the_attempt() -> None:
    tags = run_tags(Claim(7, "1d", "drift", "x" * 900, 2))
    assert (tags[ENTRY_TAG], tags[ATTEMPT_TAG], len(tags["fvg/reason"])) == ("7", "2", 255)


def test_the_end_of_a_run_settles_the_queue_at_once(bench: Bench) -> None:
    closing = {sensor.name: sensor for sensor in SENSORS if isinstance(sensor, dg.RunStatusSensorDefinition)}
    assert sorted(closing) == [f"close_retraining_{end}" for end in ("canceled", "failure", "success")]
    entry = bench.enqueue()
    (claim,) = bench.claim()
    run = train(bench, claim, state="new", status="active", model_version=2, why="First.")
    event = next(
        log.dagster_event
        for log in bench.instance.all_logs(run.run_id)
        if log.dagster_event is not None and log.dagster_event.is_job_success
    )
    context = dg.build_run_status_sensor_context(
        "close_retraining_success", event, bench.instance, run, resources={"database": bench.database}
    )
    closing["close_retraining_success"](context)
    assert bench.row(entry).result == "version 2 serves: First."
    assert all(sensor.default_status == dg.DefaultSensorStatus.RUNNING for sensor in SENSORS)
