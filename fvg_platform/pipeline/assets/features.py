"""What was known: bar_features at each bar's close, setup_features at each setup's `known_at`."""

import pandas as pd

from fvg_platform.features.catalogue import FEATURE_SET_VERSION, FEATURES, compute_features
from fvg_platform.features.gap_context import CONTEXT_NUMBERS, CONTEXT_TEXTS
from fvg_platform.features.setup_features import compute_setup_features
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Surroundings, same_series
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows

GROUP = "features"
_CONTEXT = ["ts", "side", *CONTEXT_NUMBERS, *CONTEXT_TEXTS]


def _feature_set(_series: Series, _around: Surroundings) -> list[str]:
    return [FEATURE_SET_VERSION]


def _store_bar_features(task: Task) -> Stored:
    bars = read_series_rows(task.connection, schema.market_data, *task.series)
    rows = compute_features(bars)
    written = replace_series_rows(task.connection, schema.features, *task.series, rows, task.lineage_id)
    return _stored(written, rows)


def _store_setup_features(task: Task) -> Stored:
    series, connection = task.series, task.connection
    bars = read_series_rows(connection, schema.market_data, *series)
    position = pd.DatetimeIndex(bars["ts"]).get_indexer
    gaps = read_series_rows(connection, schema.fvg_detections, *series)
    setups = read_series_rows(connection, schema.fvg_setups, *series)
    context = read_series_rows(connection, schema.fvg_context, *series, columns=_CONTEXT)
    gaps = gaps.assign(i=position(pd.DatetimeIndex(gaps["ts"])))
    context = context.assign(i=position(pd.DatetimeIndex(context["ts"])))
    setups = setups.assign(i=position(pd.DatetimeIndex(setups["ts"])))
    names = ["ts", *(f.name for f in FEATURES)]
    bar_features = read_series_rows(connection, schema.features, *series, columns=names)
    rows = compute_setup_features(setups, gaps, bar_features, bars, context)
    rows = rows.assign(config_id=setups["config_id"].to_numpy())
    written = replace_series_rows(connection, schema.setup_features, *series, rows, task.lineage_id)
    return _stored(written, rows)


def _stored(written: Written, rows: pd.DataFrame) -> Stored:
    first, last = (rows["ts"].min(), rows["ts"].max()) if len(rows) else (None, None)
    return Stored(written, len(rows), first, last, {"feature_set": FEATURE_SET_VERSION})


bar_features = SeriesAsset(
    name="bar_features",
    deps=["bars"],
    description="Indicators and price action at each bar's close; `features.catalogue` documents every column.",
    code_version="1",
    find_inputs=same_series("bars", versions=_feature_set),
    compute=_store_bar_features,
    kinds=frozenset({"talib", "postgres"}),
    group=GROUP,
    table="features",
    automation_condition=on_change_upstream(),
)

setup_features = SeriesAsset(
    name="setup_features",
    deps=["fvg_setups", "bar_features"],
    description="What was known of a setup when its third bar closed, and nothing later.",
    code_version="2",
    find_inputs=same_series("fvg_setups", "bar_features", versions=_feature_set),
    compute=_store_setup_features,
    kinds=frozenset({"pandas", "postgres"}),
    group=GROUP,
    table="setup_features",
    automation_condition=on_change_upstream(),
)

SERIES_ASSETS = (bar_features, setup_features)
