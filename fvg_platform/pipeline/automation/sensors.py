"""Sensors: what changed upstream (everything but training, which has :mod:`.retraining`), and runs that were killed."""

import dagster as dg

from fvg_platform.pipeline.orphans import close_orphans

series_automation = dg.AutomationConditionSensorDefinition(
    name="series_automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Materialises what changed upstream, series by series, and the newest day's predictions.",
)


@dg.sensor(
    name="close_orphaned_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def close_orphaned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close runs of commands that were killed, so that they do not hold their place in the line for the vendor."""
    closed = close_orphans(context.instance)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "every run's process lives")


SENSORS = [series_automation, close_orphaned_runs]
