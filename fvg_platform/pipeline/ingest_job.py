"""Bars from the vendor by hand: what the launchpad's job `ingest` and `fvg ingest` do, and what that would cost."""

import contextvars
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.pipeline import progress
from fvg_platform.pipeline.assets.raw_bars import raw_bars
from fvg_platform.pipeline.ingestion import Ingested, Plan, Span, ingest_series, plan_series
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE, Series
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.series_assets import SERIES_AT_ONCE, VENDOR_POOL, failure_message, said
from fvg_platform.sources.base import SeriesInfo, VendorSource
from fvg_platform.storage.coverage_queries import gaps
from fvg_platform.storage.database import Database


class IngestError(ValueError):
    """What is asked for cannot be fetched; the message names it and the way out."""


class IngestConfig(dg.Config):
    """What to fetch. Without tickers or timeframes: all of the universe's; without days: what is new.

    `full`: the whole history anew; `repair`: once more the windows in which bars are missing that were not shown to be
    untraded.
    """

    tickers: list[str] = Field(default_factory=list)
    timeframes: list[str] = Field(default_factory=list)
    first_day: str = ""
    last_day: str = ""
    full: bool = False
    repair: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Cost:
    """What a plan costs: calls, bars that the calendar expects at most, and what the rate limit makes of it."""

    plan: Plan
    calls: int
    bars: int

    def seconds(self, calls_per_minute: int) -> float:
        """How long the calls take at the least; 0 without a limit."""
        return self.calls * 60 / calls_per_minute if calls_per_minute else 0.0


def span_of(first_day: str, last_day: str, *, full: bool) -> Span:
    """Whole exchange days as a span of open times; `last_day` belongs to it.

    Raises
    ------
    IngestError
        A text that is no day, or days in the wrong order.
    """
    days = {}
    for name, text in (("--from", first_day), ("--to", last_day)):
        if text:
            try:
                days[name] = pd.Timestamp(text).normalize().tz_localize(EXCHANGE_TIMEZONE)
            except (ValueError, TypeError) as error:
                raise IngestError(f"{name} {text!r} is not a day: write YYYY-MM-DD") from error
    start, end = days.get("--from"), days.get("--to")
    if start is not None and end is not None and end < start:
        raise IngestError(f"--to {last_day} lies before --from {first_day}")
    return Span(
        start=None if start is None else start.tz_convert("UTC"),
        end=None if end is None else (end + pd.DateOffset(days=1)).tz_convert("UTC"),
        full=full,
    )


def wanted_series(
    source: MarketSource, tickers: Sequence[str], timeframes: Sequence[str]
) -> tuple[VendorSource, list[SeriesInfo]]:
    """The vendor and those of its series that are asked for.

    Raises
    ------
    IngestError
        Without a vendor, or for a ticker or timeframe that it is not asked for.
    """
    vendor = source.vendor
    if vendor is None:
        raise IngestError(
            "the platform's source of bars is an archive: nothing is fetched. Set FVG_BAR_SOURCE=polygon and "
            "POLYGON_API_KEY, or bring files with fvg import"
        )
    offered = {(info.ticker, info.timeframe): info for info in vendor.series()}
    known_tickers = sorted({ticker for ticker, _ in offered})
    known_timeframes = list(dict.fromkeys(timeframe for _, timeframe in offered))
    for asked, known, setting in (
        (tickers, known_tickers, "add it to FVG_TICKERS and run fvg materialize --select symbols"),
        (timeframes, known_timeframes, "add it to FVG_TIMEFRAMES"),
    ):
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise IngestError(
                f"{', '.join(unknown)} is not in the universe, which has {_few(known)}: {setting}"
            )
    chosen = [
        info
        for (ticker, timeframe), info in offered.items()
        if (not tickers or ticker in tickers) and (not timeframes or timeframe in timeframes)
    ]
    return vendor, chosen


def plan_ingestion(database: Database, source: MarketSource, config: IngestConfig) -> list[Cost]:
    """What :func:`run_ingestion` would ask for, without asking for a bar."""
    vendor, series = wanted_series(source, config.tickers, config.timeframes)
    span = span_of(config.first_day, config.last_day, full=config.full)
    holes = _holes(database, series) if config.repair else None
    costs = []
    for info in series if holes is None else [i for i in series if holes.get((i.ticker, i.timeframe))]:
        own = span if holes is None else Span(holes=holes[info.ticker, info.timeframe])
        keep_from = source.oldest_kept(info.timeframe)
        plan = plan_series(database, vendor, info, source.splits_of(info.ticker), own, keep_from)
        calendar = trading_calendar(info.asset_class, anchor=info.basis.anchor, session=info.basis.session)
        opens = [_microseconds(window.start) for window in plan.windows]
        ends = [_microseconds(window.end) for window in plan.windows]
        bars = 0
        if opens:
            grid = calendar.grid(info.timeframe, min(opens), max(ends))
            bars = sum(
                grid.count_before(end) - grid.count_before(start)
                for start, end in zip(opens, ends, strict=True)
            )
        # A reading in several windows ends with a look at its beginning.
        costs.append(Cost(plan, len(plan.windows) + (len(plan.windows) > 1), bars))
    return costs


def run_ingestion(
    context: dg.OpExecutionContext, database: Database, source: MarketSource, config: IngestConfig
) -> dict[str, Ingested]:
    """Fetch, commit and show every series; those that fail are named at the end.

    Raises
    ------
    dagster.Failure
        naming the series that failed and why; the others are kept.
    """
    vendor, series = wanted_series(source, config.tickers, config.timeframes)
    span = span_of(config.first_day, config.last_day, full=config.full)
    holes = _holes(database, series) if config.repair else None
    if holes is not None:
        series = [info for info in series if holes.get((info.ticker, info.timeframe))]
    source.refresh_splits()
    bar = _Progress()

    def fetch(info: SeriesInfo) -> Ingested:
        splits = source.splits_of(info.ticker)
        name = Series(info.ticker, info.timeframe)
        return ingest_series(
            database,
            vendor,
            info,
            splits,
            context.run_id,
            span=span if holes is None else Span(holes=holes[name]),
            keep_from=source.oldest_kept(info.timeframe),
            report=lambda done, total: bar.moved(str(name), done, total),
            say=progress.tell,
        )

    done: dict[str, Ingested] = {}
    failures: dict[Series, str] = {}
    with progress.told_to(context.log.info), ThreadPoolExecutor(SERIES_AT_ONCE) as pool:
        futures = [pool.submit(contextvars.copy_context().run, fetch, info) for info in series]
        for info, future in zip(series, futures, strict=True):
            name = Series(info.ticker, info.timeframe)
            try:
                ingested = future.result()
                outcome = raw_bars.run_one(database, source, name, context.run_id, prepared=ingested)
                raw_bars.log_outcome(context, name, *outcome)
                done[str(name)] = ingested
            except Exception as error:  # the boundary: collected here, recorded, raised by name below
                failures[name] = said(error)
                database.require_ready()
                raw_bars.record_failure(database, source, name, context.run_id, failures[name])
    if failures:
        raise dg.Failure(
            failure_message("ingest", failures),
            metadata={"failed_series": dg.MetadataValue.json({str(s): r for s, r in failures.items()})},
            allow_retries=False,
        )
    return done


class _Progress:
    """Windows done of those that are known by now, over all series at work."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def moved(self, series: str, done: int, total: int) -> None:
        with self._lock:
            self._windows[series] = (done, total)
            known = list(self._windows.values())
        progress.report("windows", sum(d for d, _ in known), sum(t for _, t in known))


def cost_values(costs: Sequence[Cost], calls_per_minute: int) -> dict[str, Any]:
    """The plan for people and for JSON: totals, and per series from, to, calls, bars and why."""
    return {
        "calls_per_minute": calls_per_minute,
        "calls": sum(cost.calls for cost in costs),
        "bars_at_most": sum(cost.bars for cost in costs),
        "seconds_at_least": round(sum(cost.seconds(calls_per_minute) for cost in costs), 1),
        "series": _cost_rows(costs, calls_per_minute),
    }


def _cost_rows(costs: Sequence[Cost], calls_per_minute: int) -> list[Mapping[str, Any]]:
    return [
        {
            "series": str(cost.plan.series),
            "from": cost.plan.windows[0].start.isoformat() if cost.plan.windows else None,
            "to": cost.plan.windows[-1].end.isoformat() if cost.plan.windows else None,
            "calls": cost.calls,
            "bars_at_most": cost.bars,
            "seconds_at_least": round(cost.seconds(calls_per_minute), 1),
            "why": cost.plan.reason,
        }
        for cost in costs
    ]


def _microseconds(time: pd.Timestamp) -> int:
    return time.value // 1000


def _holes(
    database: Database, series: Sequence[SeriesInfo]
) -> dict[tuple[str, str], tuple[tuple[pd.Timestamp, pd.Timestamp], ...]]:
    """By series the holes that may be lost data."""
    with database.bulk() as connection:
        found = gaps(
            connection,
            sorted({info.ticker for info in series}),
            sorted({info.timeframe for info in series}),
            ("lost", "unknown"),
        )
    return {
        (str(ticker), str(timeframe)): tuple(zip(rows["from_ts"], rows["to_ts"], strict=True))
        for (ticker, timeframe), rows in found.groupby(["ticker", "timeframe"])
    }


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


@dg.op(out=dg.Out(dg.Nothing), pool=VENDOR_POOL)
def fetch_from_vendor(
    context: dg.OpExecutionContext,
    config: IngestConfig,
    database: dg.ResourceParam[Database],
    market_source: dg.ResourceParam[MarketSource],
    calls_per_minute: dg.ResourceParam[int],
) -> None:
    """Fetch bars from the vendor into `raw_bars`; with `dry_run` say only what that would take."""
    database.require_ready()
    if config.dry_run:
        costs = plan_ingestion(database, market_source, config)
        calls = sum(cost.calls for cost in costs)
        minutes = sum(cost.seconds(calls_per_minute) for cost in costs) / 60
        context.log.info(f"{len(costs)} series, {calls} calls: {minutes:.1f} minutes at the rate limit")
        context.add_output_metadata(
            {
                "series": len(costs),
                "calls": calls,
                "minutes": minutes,
                "plan": dg.MetadataValue.json(_cost_rows(costs[:200], calls_per_minute)),
            }
        )
        return
    done = run_ingestion(context, database, market_source, config)
    totals = list(done.values())
    context.add_output_metadata(
        {
            "series": len(done),
            "rows_fetched": sum(each.fetched for each in totals),
            "rows_new": sum(each.written.inserted for each in totals),
            "rows_changed": sum(each.written.updated for each in totals),
            "calls": sum(each.calls for each in totals),
        }
    )


@dg.job(
    name="ingest",
    description="Fetch bars from the vendor: series, days, whether to read the whole history anew, or a dry run.",
)
def ingest_job() -> None:
    """The job of the launchpad and of `fvg ingest`."""
    fetch_from_vendor()
