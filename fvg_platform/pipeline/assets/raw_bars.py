"""Bars as they come: read whole from an archive, or brought in window by window from a vendor."""

import time
from typing import Any

import pandas as pd

from fvg_platform.pipeline import progress
from fvg_platform.pipeline.ingestion import ASSET, Ingested, ingest_series
from fvg_platform.pipeline.inputs import Inputs, Statuses, Surroundings
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.resources import MarketSource
from fvg_platform.pipeline.series_assets import VENDOR_POOL, SeriesAsset, Stored, Task
from fvg_platform.sources.base import SeriesInfo, VendorError
from fvg_platform.storage import ingestion as store
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import insert_record
from fvg_platform.storage.series_tables import replace_series_rows

CODE_VERSION = "1"


def _source_inputs(series: Series, _statuses: Statuses, around: Surroundings) -> Inputs | None:
    source = around.source
    info = source.offers(*series)
    if info is None:
        return None
    vendor = source.vendor_of(*series)
    if vendor is not None:
        return _vendor_inputs(info, source.splits_of(series.ticker), vendor.closed_until(*series))
    return Inputs(versions=(source.source.fingerprint(*series), repr(info.basis), info.asset_class))


def _vendor_inputs(info: SeriesInfo, splits: str, until: pd.Timestamp) -> Inputs:
    """What a vendor's bars depend on: what they mean, the splits they are adjusted for, and how far they reach."""
    return Inputs(versions=(repr(info.basis), info.asset_class, splits, f"before {until.isoformat()}"))


def _bring_in(
    database: Database, source: MarketSource, series: Series, run_id: str, rebuild: bool
) -> Ingested | None:
    """Ask the vendor for what the series lacks; None for a series of an archive, or one that lacks nothing."""
    vendor, info = source.vendor_of(*series), source.offers(*series)
    if vendor is None or info is None:
        return None
    source.refresh_splits()
    splits = source.splits_of(series.ticker)
    with database.bulk() as connection:
        own = series_status.statuses_of_ticker(connection, series.ticker).get((series.timeframe, ASSET))
    inputs = _vendor_inputs(info, splits, vendor.closed_until(*series))
    current = own is not None and own.state == "ok" and own.fingerprint == inputs.fingerprint(CODE_VERSION)
    if current and not rebuild:
        return None
    keep_from = source.oldest_kept(series.timeframe)
    return ingest_series(database, vendor, info, splits, run_id, keep_from=keep_from, say=progress.tell)


def _store_raw(task: Task) -> Stored:
    info = task.source.offers(*task.series)
    if info is None:
        raise LookupError(
            f"the source no longer offers {task.series.ticker} {task.series.timeframe}: materialise symbols"
        )
    _write_basis(task, info)
    if task.source.vendor_of(*task.series) is not None:
        return _fetched_already(task, info)
    return _read_archive(task, info)


def _fetched_already(task: Task, info: SeriesInfo) -> Stored:
    """The rows of a vendor's series are committed, window by window; here is said what they are."""
    state = store.read_state(task.connection, *task.series)
    if state is None:
        raise LookupError(f"nothing of {task.series} was fetched yet: materialise raw_bars")
    if not state.verified:
        raise VendorError(
            f"{task.series} is being read anew by another run and is not whole yet: that run says when it is"
        )
    rows, first, last = store.raw_summary(task.connection, *task.series)
    done = task.prepared if isinstance(task.prepared, Ingested) else None
    metadata: dict[str, Any] = {"source": info.basis.source, "basis": repr(info.basis)}
    metadata["complete_before"] = state.watermark.isoformat()
    if done is not None:
        metadata |= {"calls": done.calls, "windows": done.windows, "rows_fetched": done.fetched}
    return Stored(
        done.written if done is not None else Written(),
        rows,
        first,
        last,
        metadata,
        revision=state.data_revision,
        fingerprint=_vendor_inputs(info, state.splits_applied, state.watermark).fingerprint(CODE_VERSION),
    )


def _read_archive(task: Task, info: SeriesInfo) -> Stored:
    began = time.perf_counter()
    series = task.series
    frame = _without_what_was_pruned(task, task.source.source.read(*series))
    ts = frame["ts"]
    out_of_order = int((ts < ts.cummax()).sum())
    rows = frame.assign(seq=frame.groupby("ts").cumcount().astype("int32"))
    written = replace_series_rows(task.connection, schema.raw_bars, *series, rows, task.lineage_id)
    first, last = (ts.min(), ts.max()) if len(ts) else (None, None)
    insert_record(
        task.connection,
        schema.ingestion_log,
        {
            "ticker": series.ticker,
            "timeframe": series.timeframe,
            "source": info.basis.source,
            "run_id": task.run_id,
            "from_ts": first,
            "to_ts": last,
            "rows_fetched": len(frame),
            "rows_new": written.inserted,
            "rows_changed": written.updated,
            "rows_removed": written.deleted,
            "out_of_order": out_of_order,
            "seconds": round(time.perf_counter() - began, 3),
            "status": "SUCCESS",
        },
    )
    metadata = {
        "source": info.basis.source,
        "basis": repr(info.basis),
        "rows_out_of_order": out_of_order,
    }
    return Stored(written, len(frame), first, last, metadata)


def _without_what_was_pruned(task: Task, frame: pd.DataFrame) -> pd.DataFrame:
    """What retention has removed does not come back with the file that it came from.

    A series that holds older bars was not pruned yet: its whole history comes in, so that coarser bars, which are kept
    longer, are made of it first.
    """
    last = frame["ts"].max() if len(frame) else None
    cut = task.source.oldest_kept(task.series.timeframe, last)
    if cut is None:
        return frame
    rows, first, _ = store.raw_summary(task.connection, *task.series)
    return frame[frame["ts"] >= cut] if rows and first is not None and first >= cut else frame


def _write_basis(task: Task, info: SeriesInfo) -> None:
    series_status.write_series(
        task.connection,
        {
            "ticker": task.series.ticker,
            "timeframe": task.series.timeframe,
            "asset_class": info.asset_class,
            "adjustment": info.basis.adjustment,
            "anchor": info.basis.anchor,
            "session": info.basis.session,
            "source": info.basis.source,
            "resampled_from": None,
        },
    )


def _log_failed_read(connection: Any, series: Series, reason: str, source: MarketSource, run_id: str) -> None:
    if source.vendor_of(*series) is not None:
        return  # the window that failed is in the log already
    insert_record(
        connection,
        schema.ingestion_log,
        {
            "ticker": series.ticker,
            "timeframe": series.timeframe,
            "source": source.source.name,
            "run_id": run_id,
            "seconds": 0.0,
            "status": "FAILED",
            "error": reason,
        },
    )


raw_bars = SeriesAsset(
    name="raw_bars",
    deps=["symbols"],
    description="Bars as the source gives them, faults included, with one row in `ingestion_log` per read.",
    code_version=CODE_VERSION,
    find_inputs=_source_inputs,
    prepare=_bring_in,
    compute=_store_raw,
    kinds=frozenset({"python", "postgres"}),
    group="bars",
    table="raw_bars",
    on_failure=_log_failed_read,
    pool=VENDOR_POOL,
)
