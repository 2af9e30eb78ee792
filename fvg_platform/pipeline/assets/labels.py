"""What became of each setup (asset fvg_labels), narrowed by finer bars where the series' own leave it open."""

from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.fvg.lives import MEAN_SPACING_BARS, life_ends
from fvg_platform.market.timeframes import finer_than
from fvg_platform.pipeline.assets.setups import (
    GROUP,
    bars_of_same_basis,
    configuration_of,
    configuration_versions,
    stored_since,
    task_calendar,
)
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Inputs, Statuses, Surroundings
from fvg_platform.pipeline.partitions import Series, own_and_all_finer_series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.series_tables import bars_before, read_series_rows, replace_series_rows


def _labels_inputs(series: Series, statuses: Statuses, around: Surroundings) -> Inputs | None:
    own = statuses.get((series.timeframe, "bars"))
    setups = statuses.get((series.timeframe, "fvg_setups"))
    if own is None or setups is None:
        return None
    finer = bars_of_same_basis(own, statuses, finer_than(series.timeframe))
    return Inputs((setups, own, *finer), tuple(configuration_versions(series, around)))


def _store_labels(task: Task) -> Stored:
    from fvg_platform.fvg.outcomes import label_setups

    series, connection = task.series, task.connection
    config, calendar = configuration_of(task), task_calendar(task)
    since = _first_open(task, config.horizon)
    bars = read_series_rows(connection, schema.market_data, *series, since=_enough_for_spacing(task, since))
    setups = read_series_rows(connection, schema.fvg_setups, *series, since=since)
    ts = pd.DatetimeIndex(bars["ts"])
    setups = setups.assign(i=ts.get_indexer(pd.DatetimeIndex(setups["ts"])))
    finer = {
        s.timeframe: read_series_rows(connection, schema.market_data, series.ticker, s.timeframe, since=since)
        for s in task.inputs.upstream
        if s.timeframe != series.timeframe
    }
    labels = label_setups(
        bars, setups, series.timeframe, config=config, calendar=calendar, finer=finer or None
    )
    closes = calendar.bar_closes(ts, series.timeframe)
    rows = labels.assign(
        ts=setups["ts"].to_numpy(),
        config_id=config.identity,
        entry_ts=times_at(ts, labels["entry_index"]),
        life_end=life_ends(closes, labels["i"].to_numpy(), config.horizon),
        **{f"bars_to_exit_{k}": labels[f"bars_to_exit_{k}_lo"] for k in schema.TARGETS},
        **{
            f"exit_ts_{k}_{path}": times_at(ts, labels[f"exit_index_{k}_{path}"])
            for k in schema.TARGETS
            for path in schema.PATHS
        },
    )
    written = replace_series_rows(connection, schema.fvg_labels, *series, rows, task.lineage_id, since=since)
    counts = {str(status): int(n) for status, n in labels["status"].value_counts().items()}
    metadata = {"by_status": counts, "finer_timeframes": ", ".join(finer) or "none of this basis"}
    metadata |= identified_shares(labels)
    planned = next(s.rows for s in task.inputs.upstream if s.asset == "fvg_setups")
    return stored_since(task, schema.fvg_labels, written, rows, since, metadata, known_count=planned)


def identified_shares(labels: pd.DataFrame) -> dict[str, Any]:
    """The share of entered, settled setups whose outcome is one, by own bars alone and with finer ones."""
    shares: dict[str, Any] = {}
    for k in schema.TARGETS:
        settled = (labels["status"] == "entered") & (labels[f"outcome_{k}_lo"] != "censored")
        if settled.any():
            for name, column in (("before", f"identified_before_{k}"), ("after", f"identified_{k}")):
                shares[f"identified_{k}_{name}_finer_bars"] = float(labels.loc[settled, column].mean())
    reasons = labels["unresolved"].value_counts()
    if len(reasons):
        shares["unresolved"] = {str(reason): int(count) for reason, count in reasons.items() if count}
    return shares


def times_at(ts: pd.DatetimeIndex, positions: pd.Series) -> pd.Series:
    """The times at nullable positions; NULL stays NULL."""
    known = positions.notna().to_numpy()
    times = pd.Series(pd.NaT, index=positions.index, dtype=ts.dtype)
    times[known] = ts[positions[known].to_numpy(dtype="int64")]
    return times


def _first_open(task: Task, horizon: int) -> pd.Timestamp | None:
    """The first setup whose label may have changed; None: all.

    Bars and finer bars decide setups of up to a horizon before them, setups only themselves.
    """
    if task.changes is None:
        return None
    connection, series = task.connection, task.series
    candidates = [task.changes.earliest(assets=["fvg_setups"])]
    changed = task.changes.earliest(assets=["bars"])
    if changed is not None:
        own = bars_before(connection, *series, changed, 0)
        candidates.append(bars_before(connection, *series, own or changed, horizon + 1))
    known = [time for time in candidates if time is not None]
    return min(known, default=None)


def _enough_for_spacing(task: Task, since: pd.Timestamp | None) -> pd.Timestamp | None:
    """From where on bars are read: lives that reach beyond the last bar go by the mean spacing of the newest ones."""
    if since is None:
        return None
    last = next(
        s.last_ts for s in task.inputs.upstream if (s.asset, s.timeframe) == ("bars", task.series.timeframe)
    )
    newest = last and bars_before(task.connection, *task.series, last, MEAN_SPACING_BARS)
    return min(since, newest) if newest is not None else since


fvg_labels = SeriesAsset(
    name="fvg_labels",
    deps=["fvg_setups", dg.AssetDep("bars", partition_mapping=own_and_all_finer_series)],
    description=(
        "What became of each setup, as an interval wherever bars do not tell the order of prices; finer bars of the "
        "same ticker and basis narrow it."
    ),
    code_version="2",
    find_inputs=_labels_inputs,
    compute=_store_labels,
    kinds=frozenset({"numba", "postgres"}),
    group=GROUP,
    table="fvg_labels",
    automation_condition=on_change_upstream(),
)
