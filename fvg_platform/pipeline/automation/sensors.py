"""What events start: changes upstream (declarative), and enough new labels (training, and nothing else does)."""

from collections.abc import Iterator

import dagster as dg

from fvg_platform.learning.retraining import decide_retraining
from fvg_platform.pipeline.orphans import close_orphans
from fvg_platform.pipeline.stages import TRAINING
from fvg_platform.storage.database import Database
from fvg_platform.storage.learning_tables import label_counts

series_automation = dg.AutomationConditionSensorDefinition(
    name="series_automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Materialises what changed upstream, series by series, and the newest day's predictions.",
)


@dg.sensor(
    name="retrain_on_new_labels",
    target=TRAINING.job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def retrain_on_new_labels(
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Start training of a timeframe when enough setups were labelled since its last model.

    The run key names the labels that decided, so one state of the tables starts one training.
    """
    with database.engine.connect() as connection:
        counts = label_counts(connection)
    reasons, started = [], False
    for row in counts:
        newly = row.resolved if row.resolved_at_training is None else row.resolved - row.resolved_at_training
        decision = decide_retraining(max(newly, 0), row.trained_on, row.resolved)
        reasons.append(f"{row.timeframe}: {decision.reason}")
        if decision.start:
            started = True
            yield dg.RunRequest(
                run_key=f"{row.timeframe}-{row.version or 0}-{row.resolved}",
                partition_key=row.timeframe,
                tags={"fvg/reason": decision.reason},
            )
    if not started:  # Dagster refuses a tick that both requests runs and skips
        yield dg.SkipReason("; ".join(reasons) or "no labels yet")


@dg.sensor(
    name="close_orphaned_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def close_orphaned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close runs of commands that were killed, so that they do not hold their place in the line for the vendor."""
    closed = close_orphans(context.instance)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "every run's process lives")


SENSORS = [series_automation, retrain_on_new_labels, close_orphaned_runs]
