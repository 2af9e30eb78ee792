"""Whether live series are late is asked by the clock: when nothing is fetched any more, no run would ask."""

from collections.abc import Iterator

import dagster as dg

from fvg_platform.pipeline.checks.series import bars_are_fresh
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.pipeline.resources import MarketSource

judge_freshness = dg.define_asset_job(
    "judge_freshness",
    selection=dg.AssetSelection.checks(bars_are_fresh),
    description="Whether live series are late, by their calendars.",
)


@dg.schedule(
    name="judge_freshness_often",
    cron_schedule="*/15 * * * *",
    execution_timezone=EXCHANGE_TIMEZONE,
    target=judge_freshness,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def judge_freshness_often(
    context: dg.ScheduleEvaluationContext, market_source: dg.ResourceParam[MarketSource]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Every quarter of an hour, where bars come from a vendor; an archive is never late."""
    if market_source.vendor is None:
        yield dg.SkipReason("bars come from an archive, which is never late")
        return
    yield dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())
