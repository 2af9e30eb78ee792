"""What starts training: two sensors around the queue, and three that close its entries as soon as their runs end.

What they do is in :mod:`fvg_platform.pipeline.retraining`, and can be done twice: a run whose end nobody saw is found
by the next tick of either sensor.
"""

from collections.abc import Iterator

import dagster as dg

from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline.retraining import claim_next, fill_queue, run_tags, settle_queue
from fvg_platform.pipeline.stages import TRAINING
from fvg_platform.storage.database import Database

__all__ = ["SENSORS", "RetrainRules"]


@dg.sensor(
    name="queue_retraining",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Puts into the queue of trainings what drift, skill, revised bars, new labels or age speak for.",
)
def queue_retraining(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    retrain_rules: dg.ResourceParam[RetrainRules],
) -> dg.SkipReason:
    """Look at every timeframe; the tick tells what was queued, or why nothing was."""
    settle_queue(database, context.instance)
    found = fill_queue(database, max_age=retrain_rules.max_age)
    lines = [
        f"{e.timeframe}: queued as entry {e.id} ({e.demand.trigger}): {e.demand.reason}" for e in found.queued
    ]
    lines += [f"{timeframe}: {reason}" for timeframe, reason in found.quiet.items()]
    return dg.SkipReason("; ".join(lines) or "no labels yet, and no model")


@dg.sensor(
    name="retrain_from_queue",
    target=TRAINING.job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the trainings that wait in retrain_queue, within the cool-down and the daily cap.",
)
def retrain_from_queue(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    retrain_rules: dg.ResourceParam[RetrainRules],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Claim what may start and ask for its run; the run key names the attempt, so that none is started twice."""
    settle_queue(database, context.instance)
    claims = claim_next(database, context.instance, retrain_rules)
    for claim in claims:
        yield dg.RunRequest(
            run_key=f"retrain-{claim.id}-{claim.attempts}",
            partition_key=claim.timeframe,
            tags=run_tags(claim),
        )
    if not claims:  # Dagster refuses a tick that both requests runs and skips
        yield dg.SkipReason("nothing may start now")


def _closing(status: dg.DagsterRunStatus) -> dg.RunStatusSensorDefinition:
    name = f"close_retraining_{status.value.lower()}"

    @dg.run_status_sensor(
        run_status=status,
        name=name,
        monitored_jobs=[TRAINING.job],
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Closes the queue's entry, or gives it back, when its run ends with {status.value}.",
    )
    def close(context: dg.RunStatusSensorContext, database: dg.ResourceParam[Database]) -> None:
        settle_queue(database, context.instance)

    return close


close_retraining_success = _closing(dg.DagsterRunStatus.SUCCESS)
close_retraining_failure = _closing(dg.DagsterRunStatus.FAILURE)
close_retraining_canceled = _closing(dg.DagsterRunStatus.CANCELED)

SENSORS: list[dg.SensorDefinition] = [
    queue_retraining,
    retrain_from_queue,
    close_retraining_success,
    close_retraining_failure,
    close_retraining_canceled,
]
