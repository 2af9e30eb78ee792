"""From bars to Fair Value Gaps, their setups, and what became of them: fvg_detections, fvg_labels.

The engine is imported where it works: numba takes 0.5 to 2 s, which every process that loads the graph would pay.
"""

import numpy as np
import pandas as pd

from fvg_platform.fvg.lives import life_ends
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.pipeline.assets.bars import calendar_of
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task, same_series
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.records import insert_record
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows

GROUP = "fair_value_gaps"
LIFECYCLE = ("touched", "half_filled", "filled", "inverted")


def configuration_of(task: Task) -> ModeConfig:
    """The configuration of setups for a series: its timeframe's mode at its asset class's costs."""
    basis = series_status.read_series(task.connection, *task.series)
    if basis is None:
        raise LookupError(f"{task.series} has no row in series: materialise raw_bars first")
    return mode_config(task.series.timeframe, basis["asset_class"])


def _configuration_versions(series: Series) -> list[str]:
    return [mode_config(series.timeframe, asset_class).identity for asset_class in ("equity", "fx", "crypto")]


def _store_detections(task: Task) -> Stored:
    from fvg_platform.fvg.gaps import detect_gaps
    from fvg_platform.fvg.setups import plan_setups

    series, connection = task.series, task.connection
    bars = read_series_rows(connection, schema.market_data, *series)
    gaps = detect_gaps(bars, series.timeframe, calendar=calendar_of(connection, series))
    config = configuration_of(task)
    setups = plan_setups(gaps, series.timeframe, config=config)
    insert_record(
        connection,
        schema.engine_configs,
        {"config_id": config.identity, "mode": config.mode, "configuration": config.as_dict()},
        keys=["config_id"],
        keep_existing=True,
    )
    ts = pd.DatetimeIndex(bars["ts"])
    rows = gaps.assign(**{f"{event}_ts": times_at(ts, gaps[event]) for event in LIFECYCLE})
    written = replace_series_rows(connection, schema.fvg_detections, *series, rows, task.lineage_id)
    plans = setups.assign(config_id=config.identity)
    written += replace_series_rows(connection, schema.fvg_setups, *series, plans, task.lineage_id)
    return _stored(written, gaps, {"setups": len(setups), "mode": config.mode, "config_id": config.identity})


def _store_labels(task: Task) -> Stored:
    from fvg_platform.fvg.outcomes import label_setups

    series, connection = task.series, task.connection
    bars = read_series_rows(connection, schema.market_data, *series)
    setups = read_series_rows(connection, schema.fvg_setups, *series)
    config = configuration_of(task)
    ts = pd.DatetimeIndex(bars["ts"])
    setups = setups.assign(i=ts.get_indexer(pd.DatetimeIndex(setups["ts"])))
    labels = label_setups(bars, setups, series.timeframe, config=config)
    closes = calendar_of(connection, series).bar_closes(ts, series.timeframe)
    rows = labels.assign(
        ts=setups["ts"].to_numpy(),
        config_id=config.identity,
        entry_ts=times_at(ts, labels["entry_index"]),
        bars_to_entry=labels["entry_index"].astype("Int64") - labels["i"],
        life_end=life_ends(closes, labels["i"].to_numpy(), config.ttl + config.max_hold),
        **{
            f"exit_ts_{k}_{path}": times_at(ts, labels[f"exit_index_{k}_{path}"])
            for k in schema.TARGETS
            for path in schema.PATHS
        },
    )
    written = replace_series_rows(connection, schema.fvg_labels, *series, rows, task.lineage_id)
    counts = {str(status): int(n) for status, n in labels["status"].value_counts().items()}
    return _stored(written, rows, {"by_status": counts})


def times_at(ts: pd.DatetimeIndex, positions: pd.Series) -> pd.Series:
    """The times at nullable positions; NULL stays NULL."""
    known = positions.notna().to_numpy()
    times = pd.Series(pd.NaT, index=positions.index, dtype=ts.dtype)
    times[known] = ts[positions[known].to_numpy(dtype=np.int64)]
    return times


def _stored(written: Written, rows: pd.DataFrame, metadata: dict[str, object]) -> Stored:
    first, last = (rows["ts"].min(), rows["ts"].max()) if len(rows) else (None, None)
    return Stored(written, len(rows), first, last, metadata)


fvg_detections = SeriesAsset(
    name="fvg_detections",
    deps=["bars"],
    description=(
        "Every Fair Value Gap with its lifecycle, and in `fvg_setups` the plan (entry, stop, three targets) of "
        "each gap that qualifies."
    ),
    code_version="1",
    find_inputs=same_series("bars", versions=_configuration_versions),
    compute=_store_detections,
    kinds=frozenset({"numba", "postgres"}),
    group=GROUP,
    table="fvg_detections",
    automation_condition=on_change_upstream(),
)

fvg_labels = SeriesAsset(
    name="fvg_labels",
    deps=["fvg_detections", "bars"],
    description="What became of each setup, as an interval wherever bars do not tell the order of prices.",
    code_version="1",
    find_inputs=same_series("fvg_detections", "bars", versions=_configuration_versions),
    compute=_store_labels,
    kinds=frozenset({"numba", "postgres"}),
    group=GROUP,
    table="fvg_labels",
    automation_condition=on_change_upstream(),
)

SERIES_ASSETS = (fvg_detections, fvg_labels)
