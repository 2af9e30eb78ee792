"""What was known: bar_features at each bar's close, setup_features at each setup's `known_at`.

Where only bars were added, a tail of the series is enough: every feature states how far back it looks. Where only
definitions changed, only their columns are computed and written.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from fvg_platform.features.catalogue import (
    DIGESTS,
    FEATURE_SET_VERSION,
    FEATURES,
    compute_features,
    reach,
)
from fvg_platform.features.feature import Feature
from fvg_platform.features.gap_context import CONTEXT_NUMBERS, CONTEXT_TEXTS
from fvg_platform.features.refresh import refresh_features
from fvg_platform.features.setup_features import compute_setup_features
from fvg_platform.features.setup_measures import LONGEST_WAIT
from fvg_platform.features.verification import require_no_lookahead
from fvg_platform.pipeline.assets.setups import stored_since
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Surroundings, same_series
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.series_tables import (
    bars_before,
    read_series_rows,
    replace_series_rows,
    update_series_rows,
)

GROUP = "features"
_CONTEXT = ["ts", "side", *CONTEXT_NUMBERS, *CONTEXT_TEXTS]
_CUSTOM = "custom"


def _definitions(_series: Series, around: Surroundings) -> list[str]:
    """What the rows depend on besides their inputs: the catalogue, and the user's own features."""
    return [FEATURE_SET_VERSION, *(feature.digest for feature in around.own_features)]


def _store_bar_features(task: Task) -> Stored:
    own, table = task.around.own_features, schema.features
    since = task.changes.earliest() if task.changes is not None else None
    stale = _stale_definitions(task)
    if since is not None:
        rows, metadata = _refresh(task, since, own), {}
        written = _replace(task, table, _packed(rows, task), since=since)
    elif stale is not None:
        rows = _computed(_bars(task), own, [n for n in stale if n in DIGESTS])
        metadata = {"definitions_changed": ", ".join(stale)}
        written = update_series_rows(
            task.connection, table, *task.series, _packed(rows, task), task.lineage_id
        )
    else:
        rows, metadata = _computed(_bars(task), own), {}
        written = _replace(task, table, _packed(rows, task))
    known = task.inputs.upstream[0].rows
    stored = stored_since(task, table, written, rows, since, metadata, known_count=known)
    return replace(
        stored,
        metadata={**stored.metadata, "feature_set": FEATURE_SET_VERSION},
        memory={"digests": _digests(own)},
    )


def _computed(
    bars: pd.DataFrame, own: tuple[Feature, ...], names: Sequence[str] | None = None
) -> pd.DataFrame:
    """The features of a whole series; a user's own are held to it that they do not look ahead on these bars too."""
    rows = compute_features(bars, names=names, custom=own)
    for feature in own:
        require_no_lookahead(feature, bars, rows[feature.name].to_numpy(np.float64))
    return rows


def _bars(task: Task, since: pd.Timestamp | None = None) -> pd.DataFrame:
    return read_series_rows(task.connection, schema.market_data, *task.series, since=since)


def _replace(task: Task, table: sa.Table, rows: pd.DataFrame, since: pd.Timestamp | None = None) -> Written:
    return replace_series_rows(task.connection, table, *task.series, rows, task.lineage_id, since=since)


def _digests(own: tuple[Feature, ...]) -> dict[str, str]:
    return {
        **{feature.name: DIGESTS[feature.name] for feature in FEATURES},
        **{feature.name: feature.digest for feature in own},
    }


def _stale_definitions(task: Task) -> list[str] | None:
    """The features whose definition is not the one that made the stored rows, the bars being the same.

    None: the rows are to be made anew. A user's own features share a column and are made together, whichever changed.
    """
    before = task.before
    if (
        before is None
        or before.state != "ok"
        or not before.inputs
        or not before.memory
        or not task.new_inputs
    ):
        return None
    now = task.inputs.as_record(bar_features.code_version)
    if any(before.inputs.get(part) != now[part] for part in ("code", "upstream")):
        return None
    made_by, now_by = before.memory.get("digests", {}), _digests(task.around.own_features)
    return [name for name in {**now_by, **made_by} if made_by.get(name) != now_by.get(name)]


def _refresh(task: Task, since: pd.Timestamp, own: tuple[Feature, ...]) -> pd.DataFrame:
    """The features from a time on, from no more bars before it than they look at."""
    far = reach((*FEATURES, *own))
    by_count = bars_before(task.connection, *task.series, since, far.bars + 1)
    start = None if by_count is None else min(by_count, since - pd.Timedelta(days=far.days + 1))
    first = task.inputs.upstream[0].first_ts
    from_start = start is None or first is None or start <= first
    tail = _bars(task, None if from_start else start)
    before = None
    if (tail["ts"] < since).any():
        last = tail["ts"][tail["ts"] < since].iloc[-1]
        cumulative = ["ts", *(feature.name for feature in FEATURES if feature.cumulative)]
        stored = read_series_rows(
            task.connection, schema.features, *task.series, columns=cumulative, since=last, until=since
        )
        before = {str(name): value for name, value in stored.iloc[-1].items()}
    return refresh_features(tail, since, before, custom=own, from_start=from_start)


def _packed(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The user's own features in the one column that they share, NaN left out.

    Where there are none and never were, the column is left out too: rows without it are copied three times as fast.
    """
    names = [feature.name for feature in task.around.own_features]
    if not names and not _had_own(task):
        return rows
    known = [name for name in names if name in rows]
    table = rows[known].to_numpy(np.float64)
    there = ~np.isnan(table)
    values: list[dict[str, float] | None] = [
        {name: float(v) for name, v, seen in zip(known, row, told, strict=True) if seen} or None
        for row, told in zip(table, there, strict=True)
    ]
    return rows.drop(columns=known).assign(**{_CUSTOM: pd.Series(values, index=rows.index, dtype=object)})


def _had_own(task: Task) -> bool:
    """Whether rows may be stored with features of a user's own."""
    before = task.before
    made_by = (before.memory or {}).get("digests", {}) if before is not None else {}
    return any(name not in DIGESTS for name in made_by)


def _store_setup_features(task: Task) -> Stored:
    series, connection = task.series, task.connection
    since = task.changes.earliest() if task.changes is not None else None
    first = None if since is None else bars_before(connection, *series, since, LONGEST_WAIT + 1)
    bars = read_series_rows(connection, schema.market_data, *series, since=first)
    gaps = read_series_rows(connection, schema.fvg_detections, *series, since=first)
    setups = read_series_rows(connection, schema.fvg_setups, *series, since=since)
    context = read_series_rows(connection, schema.fvg_context, *series, columns=_CONTEXT, since=since)
    names = ["ts", _CUSTOM, *(f.name for f in FEATURES)]
    known = read_series_rows(connection, schema.features, *series, columns=names, since=first)
    position = pd.DatetimeIndex(bars["ts"]).get_indexer

    def placed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(i=position(pd.DatetimeIndex(rows["ts"])))

    setups, own = placed(setups), task.around.own_features
    rows = compute_setup_features(setups, placed(gaps), known, bars, placed(context))
    rows = rows.assign(config_id=setups["config_id"].to_numpy())
    if own or _had_own(task):
        rows = rows.assign(**{_CUSTOM: _own_at(known[_CUSTOM], setups["i"].to_numpy(), own)})
    written = _replace(task, schema.setup_features, rows, since)
    planned = next(s.rows for s in task.inputs.upstream if s.asset == "fvg_setups")
    metadata = {"feature_set": FEATURE_SET_VERSION}
    stored = stored_since(task, schema.setup_features, written, rows, since, metadata, known_count=planned)
    return replace(stored, memory={"digests": _digests(own)})


def _own_at(
    custom: pd.Series, positions: Sequence[int] | np.ndarray, own: tuple[Feature, ...]
) -> "pd.Series[Any]":
    """The user's own scale-free features at the setups' bars: what a model pooled over tickers may look at."""
    usable = [feature.name for feature in own if feature.scale_free]
    values = custom.to_numpy()[positions]
    kept = [
        {name: row[name] for name in usable if name in row} or None if isinstance(row, dict) else None
        for row in values
    ]
    return pd.Series(kept, dtype=object)


bar_features = SeriesAsset(
    name="bar_features",
    deps=["bars"],
    description="Indicators and price action at each bar's close; `fvg docs features` documents every column.",
    code_version="2",
    find_inputs=same_series("bars", versions=_definitions),
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
    code_version="3",
    find_inputs=same_series("fvg_setups", "bar_features", versions=_definitions),
    compute=_store_setup_features,
    kinds=frozenset({"pandas", "postgres"}),
    group=GROUP,
    table="setup_features",
    automation_condition=on_change_upstream(),
)

SERIES_ASSETS = (bar_features, setup_features)
