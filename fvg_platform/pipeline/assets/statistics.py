"""What setups did, group by group, and beside it the same on bars without an edge: fvg_statistics."""

import time
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.fvg.modes import EngineConfig
from fvg_platform.market.timeframes import finer_than
from fvg_platform.pipeline.assets.bars import calendar_of
from fvg_platform.pipeline.assets.setups import bars_of_same_basis
from fvg_platform.pipeline.assets.snapshots import once_a_day
from fvg_platform.pipeline.partitions import Series, timeframes
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.storage import schema, series_status
from fvg_platform.storage import statistics_tables as tables
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.series_tables import read_series_rows

STATISTICS_CODE = "1"
# Draws of surrogate bars: one of 250,000 bars says as much as five of 50,000, and costs as much.
_DRAWN_BARS = 250_000
_MOST_DRAWS = 5


def _timeframe(timeframe: str, work: Work) -> dict[str, Any] | None:
    database, engine, seed = work.database, work.given["engine"], work.given["seed"]
    run_id = work.run_id
    from fvg_platform.fvg.statistics import statistics

    began = time.perf_counter()
    with series_transaction(database.url, lock_key=f"statistics {timeframe}") as connection:
        fingerprint = current_fingerprint(connection, timeframe, seed)
        if tables.stored_fingerprint(connection, timeframe) == fingerprint:
            return {"unchanged": True}
        labels = tables.labels_for_statistics(connection, timeframe)
        if labels.empty:
            gone = tables.store_statistics(connection, timeframe, None).deleted
            return {"dagster/partition_row_count": 0, "rows_removed": gone} if gone else None
        surrogates, draws = _surrogates(connection, engine, timeframe, seed)
        config = engine.mode_config(timeframe)
        rows = statistics(labels, timeframe, config=config, surrogate=surrogates, seed=seed).copy()
        lineage_id = series_status.open_lineage(
            connection,
            run_id=run_id,
            asset="fvg_statistics",
            code_version=STATISTICS_CODE,
            data_revision=1,
            timeframe=timeframe,
            configuration={"seed": seed, "surrogates": draws},
        )
        rows = rows.assign(mode=config.mode, surrogates=draws, fingerprint=fingerprint, lineage_id=lineage_id)
        written = tables.store_statistics(connection, timeframe, rows)
    overall = rows[rows["dimension"] == "all"]
    return {
        "dagster/partition_row_count": len(rows),
        "setups": int(overall["setups"].iloc[0]),
        "surrogates": draws,
        "rows_written": written.changed,
        "statistics": dg.MetadataValue.md(_overall_table(overall)),
        "seconds": round(time.perf_counter() - began, 3),
    }


def current_fingerprint(connection: Any, timeframe: str, seed: int) -> str:
    """What the statistics of a timeframe would be made from now."""
    return tables.statistics_fingerprint(connection, timeframe, STATISTICS_CODE, seed)


def _surrogates(
    connection: Any, engine: EngineConfig, timeframe: str, seed: int
) -> tuple[pd.DataFrame | None, int]:
    """The labels of surrogate bars of every series of the timeframe, and how often each was drawn."""
    from fvg_platform.fvg.surrogate import surrogate_labels

    tickers = tables.labelled_tickers(connection, timeframe)
    every = {
        ticker: read_series_rows(connection, schema.market_data, ticker, timeframe) for ticker, _ in tickers
    }
    draws = min(max(_DRAWN_BARS // max(sum(map(len, every.values())), 1), 1), _MOST_DRAWS)
    parts = []
    for ticker, asset_class in tickers:
        config = engine.mode_config(timeframe, asset_class)
        labels = surrogate_labels(
            every.pop(ticker),
            timeframe,
            config=config,
            calendar=calendar_of(connection, Series(ticker, timeframe)),
            finer=_finer(connection, ticker, timeframe),
            draws=draws,
            seed=seed,
        )
        parts.append(labels.assign(ticker=ticker, cost_bps=config.cost_bps))
    return (pd.concat(parts, ignore_index=True) if parts else None), draws


def _finer(connection: Any, ticker: str, timeframe: str) -> dict[str, pd.DataFrame]:
    """The finer bars that narrow the labels of a series."""
    statuses = series_status.statuses_of_ticker(connection, ticker)
    found = bars_of_same_basis(statuses[timeframe, "bars"], statuses, finer_than(timeframe))
    return {s.timeframe: read_series_rows(connection, schema.market_data, ticker, s.timeframe) for s in found}


def _overall_table(rows: pd.DataFrame) -> str:
    lines = [
        "| target | entered | win rate | mean R before costs | after | the same on surrogates |",
        "|--:|--:|---|---|---|---|",
    ]
    lines += [
        f"| {row['target']} | {row['entered']} | {row['win_lo']:.1%}–{row['win_hi']:.1%} "
        f"| {row['mean_r_before_costs_lo']:+.3f} … {row['mean_r_before_costs_hi']:+.3f} "
        f"| {row['mean_r_lo']:+.3f} … {row['mean_r_hi']:+.3f} "
        f"| {row['mean_r_lo_surrogate']:+.3f} … {row['mean_r_hi_surrogate']:+.3f} |"
        for row in rows.to_dict("records")
    ]
    return "\n".join(lines)


fvg_statistics = RangeAsset(
    name="fvg_statistics",
    partitions=timeframes,
    deps=["fvg_labels", "fvg_setups", "bars"],
    description=(
        "Counts, fill rate, win rates as intervals, mean R before and after costs, profit factor, excursions, "
        "by ticker, side, session, rule and year, with sampling intervals; the same on surrogate bars beside; "
        "p-values corrected for the number of groups."
    ),
    code_version=STATISTICS_CODE,
    kinds=frozenset({"numba", "postgres"}),
    group="fair_value_gaps",
    table="fvg_statistics",
    make=_timeframe,
    nothing="no labels, no statistics",
    resources=frozenset({"engine", "seed"}),
    automation_condition=once_a_day(),
)
