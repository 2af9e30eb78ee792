"""Runs whose process was killed are closed by whoever comes next, and give their place in the line back."""

import subprocess
import sys

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from fvg_platform.pipeline.orphans import PROCESS_TAG, close_orphans, this_process
from fvg_platform_tests.platforms import Workplace


def name_of_a_dead_process() -> str:
    program = "from fvg_platform.pipeline.orphans import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_dead_ones_are_closed_and_their_slots_are_free(workplace: Workplace) -> None:
    with workplace.open() as (platform, _definitions):
        instance = platform.instance
        started = dg.DagsterRunStatus.STARTED
        dead = create_run_for_test(instance, status=started, tags={PROCESS_TAG: name_of_a_dead_process()})
        alive = create_run_for_test(instance, status=started, tags={PROCESS_TAG: this_process()})
        far = create_run_for_test(instance, status=started, tags={PROCESS_TAG: "elsewhere/1 1 1"})
        launched = create_run_for_test(instance, status=started)
        storage = instance.event_log_storage
        storage.set_concurrency_slots("vendor", 1)
        assert storage.claim_concurrency_slot("vendor", dead.run_id, "step").is_claimed
        assert not storage.claim_concurrency_slot("vendor", alive.run_id, "step").is_claimed

        assert close_orphans(instance) == [dead.run_id]
        found = {run.run_id: run.status for run in instance.get_runs()}
        assert found[dead.run_id] == dg.DagsterRunStatus.FAILURE
        assert {found[run.run_id] for run in (alive, far, launched)} == {started}
        assert storage.claim_concurrency_slot("vendor", alive.run_id, "step").is_claimed
        assert close_orphans(instance) == []
