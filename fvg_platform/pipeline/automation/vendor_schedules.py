"""What the clock fetches from a vendor during the session: minutes every five minutes, hours every hour.

Days follow after the close with everything else, the universe once a week. Both schedules look at the vendor's own
calendar, so that they rest with a market that is closed and work around the clock with one that never closes; a
platform whose bars come from an archive is left alone.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES, NOT_FINISHED_STATUSES

from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.stages import RANGE_END, RANGE_START, SERIES, known_tickers
from fvg_platform.sources.base import SeriesInfo

MINUTES = ("1m", "5m", "15m")
HOURS = ("1h", "4h")
EVERY = {"refresh_minutes": pd.Timedelta(minutes=5), "refresh_hours": pd.Timedelta(hours=1)}
# The plan's delay and the vendor's own are behind the last bar by then.
AFTER_THE_SESSION = pd.Timedelta(minutes=60)


def too_slow(name: str, series: int, calls_per_minute: int, interval: pd.Timedelta) -> str | None:
    """Why a schedule cannot keep up with the rate limit, or None if it can: one call a series and round."""
    if not calls_per_minute or not series:
        return None
    needed = pd.Timedelta(minutes=series / calls_per_minute)
    if needed <= interval:
        return None
    return (
        f"{name} cannot keep up: {series} series at {calls_per_minute} calls a minute take "
        f"{needed / pd.Timedelta(minutes=1):.0f} minutes, and it comes every "
        f"{interval / pd.Timedelta(minutes=1):.0f}. Follow fewer tickers or timeframes, or raise "
        "FVG_CALLS_PER_MINUTE with a larger plan"
    )


def market_is_open(series: Sequence[SeriesInfo], now: pd.Timestamp) -> bool:
    """Whether a bar of one of the series opened or closed within the last hour, by the calendars."""
    kinds: set[tuple[str, Basis]] = {(info.asset_class, info.basis) for info in series}
    for asset_class, basis in kinds:
        calendar = trading_calendar(asset_class, anchor=basis.anchor, session=basis.session)
        opens = calendar.expected_opens("1h", now - AFTER_THE_SESSION - pd.Timedelta(hours=1), now)
        if len(opens):
            return True
    return False


def _requests(
    context: dg.ScheduleEvaluationContext,
    source: MarketSource,
    calls_per_minute: int,
    name: str,
    timeframes: Sequence[str],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    if source.vendor is None:
        yield dg.SkipReason("bars come from an archive: there is nothing to fetch")
        return
    series = [info for info in source.vendor.series() if info.timeframe in timeframes]
    if not series:
        yield dg.SkipReason(f"no series of {', '.join(timeframes)} is followed (FVG_TIMEFRAMES)")
        return
    if not market_is_open(series, pd.Timestamp(context.scheduled_execution_time)):
        yield dg.SkipReason("the market is closed")
        return
    slow = too_slow(name, len(series), calls_per_minute, EVERY[name])
    if slow:
        context.log.warning(slow)
    at_work = context.instance.get_runs(
        dg.RunsFilter(tags={"dagster/schedule_name": name}, statuses=NOT_FINISHED_STATUSES), limit=1
    )
    if at_work:
        state = "at work" if at_work[0].status in IN_PROGRESS_RUN_STATUSES else "in the queue"
        yield dg.SkipReason(
            f"the round before (run {at_work[0].run_id[:8]}) is still {state}" + (f". {slow}" if slow else "")
        )
        return
    known = known_tickers(context.instance)
    yield dg.RunRequest(
        run_key=f"{name} {context.scheduled_execution_time.isoformat()}",
        tags={
            RANGE_START: f"{known[0]}|{timeframes[0]}",
            RANGE_END: f"{known[-1]}|{timeframes[-1]}",
            **({"fvg/warning": slow[:255]} if slow else {}),
        },
    )


@dg.schedule(
    name="refresh_minutes",
    cron_schedule="*/5 * * * *",
    execution_timezone=EXCHANGE_TIMEZONE,
    target=SERIES.job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def refresh_minutes(
    context: dg.ScheduleEvaluationContext,
    market_source: dg.ResourceParam[MarketSource],
    calls_per_minute: dg.ResourceParam[int],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """New bars of 1 to 15 minutes, as long as the market is open."""
    yield from _requests(context, market_source, calls_per_minute, "refresh_minutes", MINUTES)


@dg.schedule(
    name="refresh_hours",
    cron_schedule="50 * * * *",
    execution_timezone=EXCHANGE_TIMEZONE,
    target=SERIES.job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def refresh_hours(
    context: dg.ScheduleEvaluationContext,
    market_source: dg.ResourceParam[MarketSource],
    calls_per_minute: dg.ResourceParam[int],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """New hours, twenty minutes after each closed at the exchange."""
    yield from _requests(context, market_source, calls_per_minute, "refresh_hours", HOURS)


SCHEDULES = [refresh_minutes, refresh_hours]
