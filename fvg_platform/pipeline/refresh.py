"""Stages from outside of Dagster: all that are out of date (the demo), or those that a person asks for."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from fvg_platform.market.timeframes import TIMEFRAMES, require_timeframe
from fvg_platform.pipeline import stages
from fvg_platform.pipeline.inputs import Surroundings
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE, FIRST_DAY
from fvg_platform.pipeline.partitions import days as day_partitions
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.stages import Stage, StageRun
from fvg_platform.storage.report_queries import latest_known_at

if TYPE_CHECKING:
    from fvg_platform.pipeline.ingest_job import IngestConfig
    from fvg_platform.pipeline.platform import Platform

Say = Callable[[str], None]


class UnknownDayError(ValueError):
    """A day that is no partition; the message says which there are."""


def bring_up_to_date(platform: "Platform", definitions: dg.Definitions, *, say: Say) -> list[StageRun]:
    """Run every stage that is out of date, each once, and nothing that is not.

    Returns
    -------
    The runs, in order; empty when everything was up to date.
    """
    from fvg_platform.pipeline import due
    from fvg_platform.pipeline.assets import SERIES_ASSETS
    from fvg_platform.pipeline.assets.forecasts import FORECAST_TIMEFRAMES, price_forecasts

    source: MarketSource = platform.resources["market_source"]
    instance, database = platform.instance, platform.database
    runs: list[StageRun] = []
    if due.symbols_due(database, source, stages.known_tickers(instance)):
        runs += _run(stages.SYMBOLS, definitions, instance, None, say)
    known = stages.known_tickers(instance)
    given = platform.resources
    around = Surroundings(source, given["engine"], given["own_features"])
    tickers = due.tickers_due(SERIES_ASSETS, database, around, instance, known)
    if tickers:
        for partition_range in stages.series_ranges(known, tickers, TIMEFRAMES):
            runs += _run(stages.SERIES, definitions, instance, partition_range, say)
    timeframes = due.timeframes_due(database, instance, given["model_store"], given["own_features"])
    for partition_range in stages.timeframe_ranges(timeframes):
        runs += _run(stages.TRAINING, definitions, instance, partition_range, say)
    # Labels can change where bars do not: another configuration, finer bars. Training waits for the sensor or a person.
    stale = due.statistics_due(database, platform.resources["seed"])
    for partition_range in stages.timeframe_ranges(stale):
        runs += _run(stages.TRAINING, definitions, instance, partition_range, say, select=["fvg_statistics"])
    runs += _bring_signals_up_to_date(platform, definitions, say=say)
    drifting = due.drift_due(database)
    for partition_range in stages.timeframe_ranges(drifting):
        runs += _run(stages.MONITORING, definitions, instance, partition_range, say)
    forecast = due.tickers_due([price_forecasts], database, around, instance, known)
    for partition_range in stages.series_ranges(known, forecast, FORECAST_TIMEFRAMES):
        runs += _run(stages.FORECASTS, definitions, instance, partition_range, say)
    return runs


def _bring_signals_up_to_date(
    platform: "Platform", definitions: dg.Definitions, *, say: Say
) -> list[StageRun]:
    """Predict the newest days that are due, so that there is a track record from the first demo on."""
    from fvg_platform.pipeline import due

    instance, database = platform.instance, platform.database
    latest = latest_day(platform)
    if latest is None:
        return []
    first = due.first_day_due(database, instance, latest)
    if first is not None:
        return _run(stages.SIGNALS, definitions, instance, (first, latest), say)
    if due.outcomes_due(database):
        select = ["prediction_outcomes", "model_performance"]
        return _run(stages.SIGNALS, definitions, instance, (latest, latest), say, select=select)
    return []


def follow_universe(platform: "Platform", definitions: dg.Definitions, *, say: Say) -> list[StageRun]:
    """Read the universe if that is due, so that what is asked for by name is known."""
    from fvg_platform.pipeline import due

    source: MarketSource = platform.resources["market_source"]
    if not due.symbols_due(platform.database, source, stages.known_tickers(platform.instance)):
        return []
    return _run(stages.SYMBOLS, definitions, platform.instance, None, say)


def fetch(
    platform: "Platform", definitions: dg.Definitions, asked: "IngestConfig", *, say: Say
) -> list[StageRun]:
    """Fetch bars from the vendor as the job `ingest`, then clean what came: raw bars become bars.

    Raises
    ------
    fvg_platform.pipeline.ingest_job.IngestError
        For a ticker, timeframe or day that cannot be fetched.
    """
    from fvg_platform.pipeline.ingest_job import wanted_series

    source: MarketSource = platform.resources["market_source"]
    _, series = wanted_series(source, asked.tickers, asked.timeframes)
    say(f"ingest {len(series)} series: running")
    run = stages.run_job(
        "ingest",
        definitions,
        platform.instance,
        {"ops": {"fetch_from_vendor": {"config": asked.model_dump()}}},
    )
    say(f"ingest: {'done' if run.success else 'failed in part'} (run {run.run_id[:8]}, {run.seconds:.1f} s)")
    fetched = sorted({info.ticker for info in series})
    known = stages.known_tickers(platform.instance)
    runs = [run]
    for partition_range in stages.series_ranges(known, fetched, TIMEFRAMES):
        runs += _run(
            stages.SERIES,
            definitions,
            platform.instance,
            partition_range,
            say,
            select=["clean_bars", "bars", "coverage"],
        )
    return runs


def prune(platform: "Platform", definitions: dg.Definitions, *, say: Say) -> StageRun:
    """Remove what is older than its rule, as the job `prune_data`."""
    say("prune_data: running")
    config = {"ops": {"prune_old_rows": {"config": {"dry_run": False}}}}
    run = stages.run_job("prune_data", definitions, platform.instance, config)
    say(f"prune_data: {'done' if run.success else 'failed'} (run {run.run_id[:8]}, {run.seconds:.1f} s)")
    return run


def materialise(
    platform: "Platform",
    definitions: dg.Definitions,
    *,
    assets: Sequence[str] | None = None,
    only_tickers: Sequence[str] | None = None,
    only_timeframes: Sequence[str] | None = None,
    days: tuple[str, str] | None = None,
    rebuild: bool = False,
    say: Say,
) -> list[StageRun]:
    """Materialise what a person asks for, stage by stage.

    `days`: the first and the last day of predictions, by default the newest that has setups.

    Raises
    ------
    UnknownTickerError, UnknownTimeframeError, UnknownDayError
        naming what is known.
    """
    if days is not None:
        _require_days(*days)
    chosen = [require_timeframe(timeframe) for timeframe in only_timeframes or TIMEFRAMES]
    runs: list[StageRun] = []
    for stage in stages.STAGES:
        selected = [asset for asset in stage.assets if assets is None or asset in assets]
        if not selected:
            continue
        for partition_range in _ranges(stage, platform, only_tickers, chosen, days):
            runs += _run(
                stage, definitions, platform.instance, partition_range, say, select=selected, rebuild=rebuild
            )
    return runs


def _ranges(
    stage: Stage,
    platform: "Platform",
    only_tickers: Sequence[str] | None,
    timeframes: Sequence[str],
    days: tuple[str, str] | None,
) -> Sequence[tuple[str, str] | None]:
    from fvg_platform.pipeline.assets.forecasts import FORECAST_TIMEFRAMES

    if stage is stages.SYMBOLS:
        return [None]
    if stage in (stages.SERIES, stages.FORECASTS):
        known = stages.known_tickers(platform.instance)
        if stage is stages.FORECASTS:
            timeframes = [timeframe for timeframe in timeframes if timeframe in FORECAST_TIMEFRAMES]
        return stages.series_ranges(known, only_tickers or known, timeframes)
    if stage in (stages.TRAINING, stages.MONITORING):
        return stages.timeframe_ranges(timeframes)
    latest = latest_day(platform)
    if days is not None:
        return [days]
    return [(latest, latest)] if latest else []


def _require_days(first: str, last: str) -> None:
    known = day_partitions.get_partition_keys()
    for day in (first, last):
        if day not in known:
            raise UnknownDayError(
                f"{day!r} is not a day that can be predicted: use YYYY-MM-DD, from {FIRST_DAY} to today in New York"
            )
    if first > last:
        raise UnknownDayError(f"the first day {first} lies after the last day {last}: swap them")


def _run(
    stage: Stage,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    partition_range: tuple[str, str] | None,
    say: Say,
    *,
    select: Sequence[str] | None = None,
    rebuild: bool = False,
) -> list[StageRun]:
    what = "" if partition_range is None else f" {' … '.join(dict.fromkeys(partition_range))}"
    say(f"{stage.name}{what}: running")
    runs = []
    for run in stages.run_stage(
        stage, definitions, instance, partition_range=partition_range, select=select, rebuild=rebuild
    ):
        outcome = "done" if run.success else "failed in part, the rest goes on"
        say(f"{stage.name}{what}: {outcome} (run {run.run_id[:8]}, {run.seconds:.1f} s)")
        runs.append(run)
    return runs


def latest_day(platform: "Platform") -> str | None:
    """The exchange's day on which the newest setup became known; None without any since the first day partition."""
    with platform.database.bulk() as connection:
        latest = latest_known_at(connection)
    day = None if latest is None else str(latest.tz_convert(EXCHANGE_TIMEZONE).date())
    return day if day and day >= FIRST_DAY else None
