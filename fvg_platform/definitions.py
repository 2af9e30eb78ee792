"""The only place where the graph is put together."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from fvg_platform.pipeline.assets import (
    SERIES_ASSETS,
    coverage,
    drift,
    forecasts,
    models,
    performance,
    predictions,
    snapshots,
    statistics,
    symbols,
)
from fvg_platform.pipeline.automation import (
    alerts,
    data_retention,
    freshness,
    retention,
    retraining,
    schedules,
    sensors,
    vendor_schedules,
)
from fvg_platform.pipeline.checks import learning as learning_checks
from fvg_platform.pipeline.checks import series as series_checks
from fvg_platform.pipeline.checks import tables as table_checks
from fvg_platform.pipeline.ingest_job import ingest_job
from fvg_platform.pipeline.resources import default_resources
from fvg_platform.pipeline.stages import STAGES


def build_definitions(*, resources: Mapping[str, Any] | None = None, **overrides: Any) -> dg.Definitions:
    """Put the graph together.

    Parameters
    ----------
    resources
        Resources that replace the default ones of the same name: `database`, `market_source`, `engine`, `model_store`,
        `seed`, `retrain_rules`, `retention_days`, `calls_per_minute`, `feed_delay`, `alert_webhook`, `ui_url`.
    **overrides
        Any argument of :class:`dagster.Definitions`, to replace what is built here.
    """
    parts: dict[str, Any] = {
        "assets": [
            symbols.symbols,
            *(asset.definition() for asset in SERIES_ASSETS),
            coverage.coverage,
            snapshots.bar_snapshots,
            statistics.fvg_statistics.definition(),
            models.train_test_split.definition(),
            models.win_rate_model.definition(),
            predictions.daily_predictions.definition(),
            predictions.prediction_outcomes,
            performance.model_performance,
            drift.model_drift.definition(),
            forecasts.price_forecasts.definition(),
        ],
        "asset_checks": [*table_checks.CHECKS, *series_checks.CHECKS, *learning_checks.CHECKS],
        "jobs": [
            *(stage.job for stage in STAGES),
            retention.purge_old_runs,
            ingest_job,
            freshness.judge_freshness,
            data_retention.prune_data,
        ],
        "schedules": [
            *schedules.SCHEDULES,
            *vendor_schedules.SCHEDULES,
            retention.purge_schedule,
            freshness.judge_freshness_often,
            data_retention.prune_schedule,
        ],
        "sensors": [*sensors.SENSORS, *retraining.SENSORS, alerts.alert_on_finished_runs],
        # One process: a step of its own process imports the definitions again, 1 to 2 s each.
        "executor": dg.in_process_executor,
        "resources": {**default_resources(), **(resources or {})},
    }
    return dg.Definitions(**{**parts, **overrides})


defs = build_definitions()
