"""From gaps to planned trades: the context of each gap, the validator's verdicts, the setups (asset fvg_setups).

The engine is imported where it works: numba takes 0.5 to 2 s, which every process that loads the graph would pay.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.fvg.modes import RULES, ModeConfig
from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.timeframes import coarser_than
from fvg_platform.pipeline.assets.bars import calendar_of_basis
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Inputs, Statuses, Surroundings
from fvg_platform.pipeline.partitions import COARSER_CONTEXT, Series, own_and_coarser_series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.records import insert_record
from fvg_platform.storage.series_status import Status
from fvg_platform.storage.series_tables import (
    bars_before,
    count_series_rows,
    read_series_rows,
    replace_series_rows,
)

GROUP = "fair_value_gaps"
_BARS_READ = ("ts", "open", "high", "low", "close", "volume", "taker_buy_volume")


def configuration_of(task: Task) -> ModeConfig:
    """The configuration of setups for a series: its timeframe's mode at its asset class's costs."""
    return task.around.engine.mode_config(task.series.timeframe, task.basis["asset_class"])


def task_calendar(task: Task) -> TradingCalendar:
    """The calendar that a series trades by."""
    return calendar_of_basis(task.basis)


def record_configuration(connection: Any, config: ModeConfig) -> None:
    """Keep the content behind the configuration's identity."""
    insert_record(
        connection,
        schema.engine_configs,
        {"config_id": config.identity, "mode": config.mode, "configuration": config.as_dict()},
        keys=["config_id"],
        keep_existing=True,
    )


def configuration_versions(series: Series, around: Surroundings) -> list[str]:
    """What the rows of a series depend on in the engine's configuration; its asset class is among its basis."""
    return [
        around.engine.mode_config(series.timeframe, asset_class).identity
        for asset_class in ("equity", "fx", "crypto")
    ]


def bars_of_same_basis(own: Status, statuses: Statuses, timeframes: Iterable[str]) -> tuple[Status, ...]:
    """The bars of other timeframes that may be used beside a series: sound, and of the same basis."""
    found = (statuses.get((timeframe, "bars")) for timeframe in timeframes)
    return tuple(s for s in found if s is not None and s.state == "ok" and s.rows and s.basis == own.basis)


def _setups_inputs(series: Series, statuses: Statuses, around: Surroundings) -> Inputs | None:
    own = statuses.get((series.timeframe, "bars"))
    detections = statuses.get((series.timeframe, "fvg_detections"))
    if own is None or detections is None:
        return None
    coarser = bars_of_same_basis(own, statuses, coarser_than(series.timeframe, COARSER_CONTEXT))
    return Inputs((detections, own, *coarser), tuple(configuration_versions(series, around)))


def _store_setups(task: Task) -> Stored:
    from fvg_platform.fvg.context import describe_context
    from fvg_platform.fvg.rules import judge
    from fvg_platform.fvg.setups import plan_setups

    series, connection = task.series, task.connection
    since = task.changes.earliest() if task.changes is not None else None
    config, calendar = configuration_of(task), task_calendar(task)
    bars, coarser = _bars_for_context(task, since)
    gaps = read_series_rows(connection, schema.fvg_detections, *series, since=since)
    gaps = gaps.assign(i=pd.DatetimeIndex(bars["ts"]).get_indexer(pd.DatetimeIndex(gaps["ts"])))
    context = describe_context(bars, gaps, series.timeframe, calendar=calendar, coarser=coarser)
    verdicts = judge(context, gaps)
    setups = plan_setups(gaps, series.timeframe, config=config, verdicts=verdicts)
    if since is None:
        record_configuration(connection, config)
    described = pd.concat([context.drop(columns="i"), verdicts], axis=1)
    written = replace_series_rows(
        connection, schema.fvg_context, *series, described, task.lineage_id, since=since
    )
    plans = setups.assign(config_id=config.identity)
    written += replace_series_rows(
        connection, schema.fvg_setups, *series, plans, task.lineage_id, since=since
    )
    metadata = {
        "mode": config.mode,
        "config_id": config.identity,
        "gaps_described": len(gaps),
        "coarser_timeframes": ", ".join(coarser) or "none of this basis",
        "rules": dg.MetadataValue.md(_rules_table(verdicts)),
    }
    return stored_since(task, schema.fvg_setups, written, setups, since, metadata)


def _bars_for_context(task: Task, since: pd.Timestamp | None) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The series' bars and the coarser ones, from as far back as the context of a gap at `since` reaches."""
    from fvg_platform.fvg.context import context_reach

    def read(timeframe: str) -> pd.DataFrame:
        start = since
        if since is not None:
            # The newest bar at or before `since` has a part in it, be it the series' only one.
            newest = bars_before(task.connection, task.series.ticker, timeframe, since, 0)
            reach = context_reach(timeframe)
            earlier = newest and bars_before(task.connection, task.series.ticker, timeframe, newest, reach)
            start = earlier or newest or since
        return read_series_rows(
            task.connection,
            schema.market_data,
            task.series.ticker,
            timeframe,
            columns=_BARS_READ,
            since=start,
        )

    coarser = [s.timeframe for s in task.inputs.upstream if s.timeframe != task.series.timeframe]
    return read(task.series.timeframe), {timeframe: read(timeframe) for timeframe in coarser}


def stored_since(
    task: Task,
    table: Any,
    written: Any,
    rows: pd.DataFrame,
    since: pd.Timestamp | None,
    metadata: Mapping[str, Any],
    *,
    known_count: int | None = None,
) -> Stored:
    """What was stored, told of the whole series though only its rows from `since` on were made.

    `known_count`: how many rows there are now, where that is known already; to count 300,000 takes 20 ms.
    """
    before = task.before
    count, first = len(rows), rows["ts"].min() if len(rows) else None
    last = rows["ts"].max() if len(rows) else None
    if since is not None and before is not None:
        metadata = {**metadata, "made_from": str(since), "rows_made": len(rows)}
        appended = before.last_ts is None or since > before.last_ts
        if known_count is not None:
            count = known_count
        elif appended:
            count = before.rows + len(rows)
        else:
            count = count_series_rows(task.connection, table, *task.series)
        first = before.first_ts if before.first_ts is not None and before.first_ts < since else first
        last = last if last is not None else (before.last_ts if appended else _last(task, table))
    return Stored(written, count, first, last, metadata)


def _last(task: Task, table: Any) -> pd.Timestamp | None:
    rows = read_series_rows(task.connection, table, *task.series, columns=["ts"])
    return rows["ts"].max() if len(rows) else None


def _rules_table(verdicts: pd.DataFrame) -> str:
    lines = ["| rule | pass | fail | unknown |", "|---|--:|--:|--:|"]
    for name in RULES:
        verdict = verdicts[f"rule_{name}"]
        passed = int(verdict.sum())
        unknown = int(verdict.isna().sum())
        lines.append(f"| {name} | {passed} | {len(verdict) - passed - unknown} | {unknown} |")
    return "\n".join(lines)


fvg_setups = SeriesAsset(
    name="fvg_setups",
    deps=["fvg_detections", dg.AssetDep("bars", partition_mapping=own_and_coarser_series)],
    description=(
        "What surrounded each gap when it became known (`fvg_context`: structure, liquidity, displacement, volume "
        "profile, session, coarser timeframes) and what the named rules say of it; and the plan (entry, stop, three "
        "targets) of each gap that qualifies."
    ),
    code_version="2",
    find_inputs=_setups_inputs,
    compute=_store_setups,
    kinds=frozenset({"numba", "postgres"}),
    group=GROUP,
    table="fvg_setups",
    automation_condition=on_change_upstream(),
)
