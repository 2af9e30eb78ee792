"""The one sensor that starts training, against real tables."""

import dagster as dg
import psycopg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from fvg_platform.definitions import build_definitions
from fvg_platform.pipeline.automation.sensors import retrain_on_new_labels
from fvg_platform.pipeline.platform import Platform
from fvg_platform.storage.connections import libpq_url
from fvg_platform_tests.platforms import Workplace


def tick(platform: Platform) -> SensorExecutionData:
    """Evaluate the sensor as the daemon does."""
    context = dg.build_sensor_context(
        instance=platform.instance,
        resources=platform.resources,
        repository_def=build_definitions(resources=platform.resources).get_repository_def(),
    )
    return retrain_on_new_labels.evaluate_tick(context)


def test_without_labels_there_is_nothing_to_learn(workplace: Workplace) -> None:
    with workplace.open() as (platform, _):
        outcome = tick(platform)
    assert not outcome.run_requests
    assert outcome.skip_message == "no labels yet"


def test_training_starts_on_enough_new_labels_and_once(sample: Workplace) -> None:
    with (
        sample.open() as (platform, definitions),
        psycopg.connect(libpq_url(sample.url), autocommit=True) as database,
    ):
        # After training on all labels there is nothing to do, and the reason is told for each timeframe.
        outcome = tick(platform)
        assert not outcome.run_requests
        assert "1d: Only 0 newly labelled setups since the last training" in str(outcome.skip_message)
        assert "1m: Only 0 newly labelled setups" in str(outcome.skip_message)

        # As if the daily model had been trained on 60 labels fewer, of 100.
        database.execute(
            "UPDATE models SET setups_entered = 100, setups_resolved = setups_resolved - 60 WHERE timeframe = '1d'"
        )
        (request,) = tick(platform).run_requests
        assert request.partition_key == "1d"
        assert request.tags["fvg/reason"].startswith(
            "60 newly labelled setups since the last training on 100"
        )
        (again,) = tick(platform).run_requests
        assert again.run_key == request.run_key, "the daemon starts a run key once"
        resolved = definitions.resolve_job_def("training_stage").partitions_def
        assert resolved is not None
        assert resolved.has_partition_key("1d")

        # No model at all: every timeframe with resolved labels starts; the other has a reason of its own.
        database.execute("DELETE FROM prediction_outcomes")
        database.execute("ALTER TABLE predictions DISABLE TRIGGER predictions_append_only")
        database.execute("DELETE FROM predictions")
        database.execute("DELETE FROM model_comparisons")
        database.execute("DELETE FROM models")
        requests = {request.partition_key: request for request in tick(platform).run_requests}
        resolved_labels = sample.rows(
            "SELECT timeframe, count(*) FROM fvg_labels "
            "WHERE status = 'entered' AND outcome_1_lo <> 'censored' GROUP BY 1"
        )
        assert {t: r.run_key for t, r in requests.items()} == {t: f"{t}-0-{n}" for t, n in resolved_labels}
        assert requests["1d"].run_key != request.run_key
