"""The way from end to end: stages in order, because a run holds one kind of partition.

symbols → series → timeframe → day, then what watches over it: drift by timeframe, forecasts by series. The command
line, the schedules and the demo all go this way. A stage is a job over a range of its partitions; when a series
fails, the stage's later assets go on without it in a further run, so that one bad series never spoils the others.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.orphans import PROCESS_TAG, this_process
from fvg_platform.pipeline.partitions import tickers
from fvg_platform.pipeline.series_assets import REBUILD_TAG

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
STAGE_TAG = "fvg/stage"
# Every event and traceback is in Dagster's log; the command says once, at its end, what went wrong.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Stage:
    """One stage: its job's name and its assets in the order of the graph."""

    name: str
    assets: tuple[str, ...]

    @cached_property
    def job(self) -> "UnresolvedAssetJobDefinition":
        """The job that materialises the stage; its partitions are those of the stage's assets."""
        return dg.define_asset_job(
            self.name,
            selection=dg.AssetSelection.assets(*self.assets),
            tags={STAGE_TAG: self.name},
            description=f"Stage {self.name}: {', '.join(self.assets)}.",
        )


SYMBOLS = Stage("symbols_stage", ("symbols",))
SERIES = Stage(
    "series_stage",
    (
        "raw_bars",
        "clean_bars",
        "bars",
        "coverage",
        "fvg_detections",
        "fvg_setups",
        "fvg_labels",
        "bar_features",
        "setup_features",
    ),
)
TRAINING = Stage("training_stage", ("fvg_statistics", "train_test_split", "win_rate_model"))
SIGNALS = Stage(
    "signals_stage", ("daily_predictions", "prediction_outcomes", "model_performance", "bar_snapshots")
)
MONITORING = Stage("monitoring_stage", ("model_drift",))
FORECASTS = Stage("forecast_stage", ("price_forecasts",))
STAGES = (SYMBOLS, SERIES, TRAINING, SIGNALS, MONITORING, FORECASTS)


class UnknownTickerError(LookupError):
    """A ticker that is no partition."""


@dataclass(frozen=True)
class StageRun:
    """One finished run of a stage."""

    stage: str
    run_id: str
    success: bool
    seconds: float
    failures: Mapping[str, str] = field(default_factory=dict)


def series_ranges(
    known: Sequence[str], wanted: Sequence[str], wanted_timeframes: Sequence[str]
) -> list[tuple[str, str]]:
    """The fewest partition ranges that cover the wanted series and no other.

    A range of series is the rectangle between two corners, so each run of neighbouring tickers times each run
    of neighbouring timeframes is one.

    Raises
    ------
    UnknownTickerError
        naming a ticker that is no partition, and how it becomes one.
    """
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise UnknownTickerError(
            f"unknown ticker {', '.join(unknown)}: the source does not offer it, or `fvg materialize --select "
            f"symbols` has not run since it does. Known: {', '.join(known) or 'none'}"
        )
    return [
        (f"{first_ticker}|{first_timeframe}", f"{last_ticker}|{last_timeframe}")
        for first_ticker, last_ticker in _neighbours(known, wanted)
        for first_timeframe, last_timeframe in _neighbours(TIMEFRAMES, wanted_timeframes)
    ]


def timeframe_ranges(wanted: Sequence[str]) -> list[tuple[str, str]]:
    """The fewest partition ranges that cover the wanted timeframes and no other."""
    return _neighbours(TIMEFRAMES, wanted)


def _neighbours(order: Sequence[str], wanted: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    previous = -2
    for position, name in enumerate(order):
        if name not in wanted:
            continue
        found = [*found[:-1], (found[-1][0], name)] if position == previous + 1 else [*found, (name, name)]
        previous = position
    return found


def run_stage(
    stage: Stage,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    partition_range: tuple[str, str] | None = None,
    select: Sequence[str] | None = None,
    rebuild: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Iterator[StageRun]:
    """Run a stage in this process and yield each finished run.

    After a step that failed, what it kept from running is run again without it: those of its series that are
    sound go on, the failed ones are skipped by their status. After a blocking check that failed nothing goes on.

    Parameters
    ----------
    partition_range
        First and last partition key; a single partition is a range of one. None for a stage without partitions.
    select
        Assets of the stage, by default all.
    rebuild
        Compute again what is up to date.
    tags
        Further tags of its runs.
    """
    job = definitions.resolve_job_def(stage.name)
    left = [asset for asset in stage.assets if select is None or asset in select]
    given = {**(tags or {}), STAGE_TAG: stage.name, PROCESS_TAG: this_process()}
    if rebuild:
        given[REBUILD_TAG] = "true"
    if partition_range:
        given |= {RANGE_START: partition_range[0], RANGE_END: partition_range[1]}
    while left:
        began = time.perf_counter()
        outcome = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(asset) for asset in left],
            tags=given,
            raise_on_error=False,
            run_config=_QUIET,
        )
        started = {event.step_key for event in outcome.all_events if event.is_step_start}
        seconds = time.perf_counter() - began
        yield StageRun(stage.name, outcome.run_id, outcome.success, seconds, _failures(outcome))
        if outcome.success or _broken_invariants(outcome):
            return
        waiting = [asset for asset in left if asset not in started]
        if len(waiting) == len(left):
            return
        left = waiting


def run_job(
    name: str, definitions: dg.Definitions, instance: dg.DagsterInstance, run_config: Mapping[str, object]
) -> StageRun:
    """Run a job that is no stage in this process, visible in the UI as any other run."""
    began = time.perf_counter()
    outcome = definitions.resolve_job_def(name).execute_in_process(
        instance=instance,
        tags={PROCESS_TAG: this_process()},
        raise_on_error=False,
        run_config={**_QUIET, **run_config},
    )
    return StageRun(name, outcome.run_id, outcome.success, time.perf_counter() - began, _failures(outcome))


def _failures(outcome: dg.ExecuteInProcessResult) -> dict[str, str]:
    failures = _broken_invariants(outcome)
    for event in outcome.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            said = data.user_failure_data.description if data.user_failure_data else None
            cause = data.error.cause if data.error and data.error.cause else data.error
            if cause and cause.cls_name == DagsterAssetCheckFailedError.__name__:
                continue  # said above, in the check's own words
            failures[str(event.step_key)] = said or (cause.message.strip() if cause else "failed")
    return failures


def _broken_invariants(outcome: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What the blocking checks that failed say, by asset and check."""
    return {
        f"{found.asset_key.to_user_string()}/{found.check_name}": (
            f"the check {found.check_name} of {found.asset_key.to_user_string()} failed, so nothing that follows "
            f"was run: {found.description}"
        )
        for found in outcome.get_asset_check_evaluations()
        if found.blocking and not found.passed and found.severity == dg.AssetCheckSeverity.ERROR
    }


def known_tickers(instance: dg.DagsterInstance) -> list[str]:
    """The ticker partitions, in the order in which ranges see them."""
    return list(tickers.get_partition_keys(dynamic_partitions_store=instance))
