"""What the clock starts: after the New York close the series are refreshed, then the day's predictions made."""

from collections.abc import Iterator

import dagster as dg

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE, days
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START, SERIES, SIGNALS, SYMBOLS, known_tickers

# The close is at 16:00; vendors' last bars and corrections follow within minutes.
AFTER_CLOSE = "35 16 * * 1-5"
AFTER_REFRESH = "15 17 * * 1-5"


@dg.schedule(
    name="refresh_series_after_close",
    cron_schedule=AFTER_CLOSE,
    execution_timezone=EXCHANGE_TIMEZONE,
    target=SERIES.job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def refresh_series_after_close(
    context: dg.ScheduleEvaluationContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run over all series: from the source to setups, labels and features."""
    found = known_tickers(context.instance)
    if not found:
        yield dg.SkipReason("no tickers yet: materialise symbols")
        return
    yield dg.RunRequest(
        run_key=context.scheduled_execution_time.isoformat(),
        tags={RANGE_START: f"{found[0]}|{TIMEFRAMES[0]}", RANGE_END: f"{found[-1]}|{TIMEFRAMES[-1]}"},
    )


@dg.schedule(
    name="predict_after_refresh",
    cron_schedule=AFTER_REFRESH,
    execution_timezone=EXCHANGE_TIMEZONE,
    target=SIGNALS.job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def predict_after_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The day's predictions and all outcomes, also on a day on which no series changed."""
    day = context.scheduled_execution_time.strftime(days.fmt)
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat(), partition_key=day)


@dg.schedule(
    name="refresh_universe_weekly",
    cron_schedule="0 8 * * 6",
    execution_timezone=EXCHANGE_TIMEZONE,
    target=SYMBOLS.job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def refresh_universe_weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """New tickers become partitions, lost ones are retired."""
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())


SCHEDULES = [refresh_series_after_close, predict_after_refresh, refresh_universe_weekly]
