"""From bars to Fair Value Gaps and the zones that they form, with what became of them (asset fvg_detections).

New bars at the end of a series touch what can still change and nothing else: gaps and zones whose far edge no bar
has closed beyond, and what the new bars add. The engine is imported where it works: numba takes 0.5 to 2 s, which
every process that loads the graph would pay.
"""

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from fvg_platform.pipeline.assets.setups import (
    GROUP,
    configuration_of,
    configuration_versions,
    record_configuration,
    task_calendar,
)
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import same_series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.series_tables import (
    bars_before,
    read_series_rows,
    replace_series_rows,
    update_series_rows,
)

if TYPE_CHECKING:
    from fvg_platform.fvg.incremental import GapMemory


def _store_detections(task: Task) -> Stored:
    from fvg_platform.fvg.incremental import StaleMemoryError

    memory = _memory_to_go_on_from(task)
    if memory is None:
        return _detect_all(task, "the whole history")
    try:
        return _go_on(task, memory)
    except StaleMemoryError as stale:
        return _detect_all(task, f"the whole history, because {stale}")


def _memory_to_go_on_from(task: Task) -> "GapMemory | None":
    """What is remembered of the series, if nothing but bars after those remembered has changed."""
    from fvg_platform.fvg.incremental import GapMemory

    if task.changes is None or task.before is None or not task.before.memory:
        return None
    memory = GapMemory.from_dict(task.before.memory)
    first = task.changes.earliest()
    return memory if first is None or (memory.last_ts is not None and first > memory.last_ts) else None


def _detect_all(task: Task, made_from: str) -> Stored:
    from fvg_platform.fvg.dated_rows import dated
    from fvg_platform.fvg.gaps import detect_gaps
    from fvg_platform.fvg.incremental import remember
    from fvg_platform.fvg.zones import derive_zones

    series, connection = task.series, task.connection
    config, calendar = configuration_of(task), task_calendar(task)
    record_configuration(connection, config)
    bars = read_series_rows(connection, schema.market_data, *series)
    gaps = detect_gaps(bars, series.timeframe, threshold=config.luxalgo_threshold, calendar=calendar)
    zones = derive_zones(bars, gaps, series.timeframe, calendar=calendar)
    ts = pd.DatetimeIndex(bars["ts"])
    rows = dated(gaps, ts).assign(config_id=config.identity)
    written = replace_series_rows(connection, schema.fvg_detections, *series, rows, task.lineage_id)
    changed_from = written.first_changed if written.changed else _last_bar(task)
    written += replace_series_rows(connection, schema.fvg_zones, *series, dated(zones, ts), task.lineage_id)
    first, last = (gaps["ts"].min(), gaps["ts"].max()) if len(gaps) else (None, None)
    return Stored(
        written,
        len(gaps),
        first,
        last,
        {"made_from": made_from, "zones": _by_kind(zones)},
        changed_from=changed_from,
        memory=remember(bars, series.timeframe).as_dict(),
    )


def _go_on(task: Task, memory: "GapMemory") -> Stored:
    """Detect gaps in the bars after those remembered, and follow the open ones through them."""
    from fvg_platform.fvg.incremental import TAIL_BARS, continue_gaps, continue_zones

    series, connection = task.series, task.connection
    config, calendar = configuration_of(task), task_calendar(task)
    if memory.last_ts is None or task.before is None:
        raise ValueError(f"{series}: nothing is remembered that could be gone on from")
    begin = bars_before(connection, *series, memory.last_ts, TAIL_BARS)
    tail = read_series_rows(connection, schema.market_data, *series, since=begin)
    stored = partial(read_series_rows, connection, schema.fvg_detections, *series)
    open_gaps, recent = stored(empty="inverted_ts"), stored(["ts", "side", "bottom", "top"], since=begin)
    open_zones = read_series_rows(connection, schema.fvg_zones, *series, empty="inverted_ts")
    gaps = continue_gaps(
        tail,
        series.timeframe,
        memory,
        open_gaps,
        threshold=config.luxalgo_threshold,
        calendar=calendar,
    )
    zones = continue_zones(
        tail,
        series.timeframe,
        memory,
        recent_gaps=recent,
        new_gaps=gaps.new,
        open_gaps=gaps.open,
        open_zones=open_zones,
        calendar=calendar,
    )
    new = gaps.new.assign(config_id=config.identity)
    written = _update(task, schema.fvg_detections, open_gaps, gaps.open, new)
    written += _update(task, schema.fvg_zones, open_zones, zones.open, zones.new)
    before = task.before
    return Stored(
        written,
        before.rows + len(new),
        before.first_ts if before.first_ts is not None else (new["ts"].min() if len(new) else None),
        new["ts"].max() if len(new) else before.last_ts,
        {
            "made_from": f"{int((tail['ts'] > memory.last_ts).sum())} new bars",
            "open_gaps": len(open_gaps),
            "open_zones": len(open_zones),
            "zones": _by_kind(zones.new),
        },
        # What became of older gaps concerns nobody downstream.
        changed_from=new["ts"].min() if len(new) else _last_bar(task),
        memory=gaps.memory.as_dict(),
    )


def _update(
    task: Task, table: sa.Table, before: pd.DataFrame, after: pd.DataFrame, new: pd.DataFrame
) -> Written:
    """Write what is new, and the open rows to which something happened."""
    from fvg_platform.fvg.dated_rows import utc
    from fvg_platform.fvg.lifecycle import EVENTS

    moved = before["depth"].to_numpy() != after["depth"].to_numpy()
    for name in EVENTS:
        moved |= utc(before[f"{name}_ts"]).asi8 != utc(after[f"{name}_ts"]).asi8
    rows = pd.concat([part for part in (after[moved], new) if len(part)] or [new], ignore_index=True)
    return update_series_rows(task.connection, table, *task.series, rows, task.lineage_id)


def _last_bar(task: Task) -> pd.Timestamp | None:
    return task.inputs.upstream[0].last_ts


def _by_kind(zones: pd.DataFrame) -> dict[str, int]:
    return {str(kind): int(count) for kind, count in zones["kind"].value_counts().items()}


fvg_detections = SeriesAsset(
    name="fvg_detections",
    deps=["bars"],
    description=(
        "Every Fair Value Gap with its lifecycle and the presets that find it; in `fvg_zones` what gaps form: joined "
        "neighbours, inverted gaps, balanced price ranges."
    ),
    code_version="2",
    find_inputs=same_series("bars", versions=configuration_versions),
    compute=_store_detections,
    kinds=frozenset({"numba", "postgres"}),
    group=GROUP,
    table="fvg_detections",
    automation_condition=on_change_upstream(),
)
