"""The sensors that are not about training: nothing trains on a change upstream, and killed runs are closed."""

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from fvg_platform.pipeline.assets.models import train_test_split, win_rate_model
from fvg_platform.pipeline.automation.sensors import close_orphaned_runs
from fvg_platform.pipeline.orphans import PROCESS_TAG, this_process


def test_no_change_upstream_trains_a_model() -> None:
    for asset in (train_test_split, win_rate_model):
        (spec,) = asset.definition().specs
        assert spec.automation_condition is None


def test_runs_of_dead_processes_are_closed_and_named() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        started = dg.DagsterRunStatus.STARTED
        create_run_for_test(instance, status=started, tags={PROCESS_TAG: this_process()})
        context = dg.build_sensor_context(instance=instance)
        assert close_orphaned_runs.evaluate_tick(context).skip_message == "every run's process lives"

        *machine, number, _began = this_process().split(" ")
        dead = " ".join([*machine, number, "0"])  # the number is there, but began at another time
        gone = create_run_for_test(instance, status=started, tags={PROCESS_TAG: dead})
        assert close_orphaned_runs.evaluate_tick(context).skip_message == f"closed {gone.run_id}"
        found = instance.get_run_by_id(gone.run_id)
        assert found is not None and found.is_failure
