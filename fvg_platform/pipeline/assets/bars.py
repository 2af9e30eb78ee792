"""From raw bars to clean ones of every timeframe: clean_bars, bars."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.market.anomalies import flag_bars
from fvg_platform.market.bars import clean_bars as clean
from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.holes import coverage as coverage_of
from fvg_platform.market.holes import find_holes
from fvg_platform.market.kept_history import keep_history
from fvg_platform.market.resampling import resample_bars
from fvg_platform.market.timeframes import finer_timeframes
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Inputs, Statuses, Surroundings, same_series
from fvg_platform.pipeline.partitions import Series, own_and_finer_series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.quality.rules import why_held_back
from fvg_platform.storage import schema, series_status
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows

GROUP = "bars"


def _store_clean(task: Task) -> Stored:
    series = task.series
    raw = read_series_rows(task.connection, schema.raw_bars, *series)
    cleaned = clean(raw.drop(columns="seq"), series.timeframe)
    quarantine = cleaned.quarantine.assign(seq=_seq_of(raw, cleaned.quarantine))
    refused = quarantine["reason"].value_counts()
    rejected = {str(reason): int(count) for reason, count in refused.items()}
    reason = why_held_back(len(cleaned.bars), rejected)
    written = replace_series_rows(
        task.connection, schema.bar_quarantine, *series, quarantine, task.lineage_id
    )
    used, coverage = Written(), Written()
    if reason is None:
        # Flags are for people; nothing downstream reads them, nor the quarantine.
        flags = flag_bars(cleaned.bars, series.timeframe)
        written += replace_series_rows(task.connection, schema.bar_flags, *series, flags, task.lineage_id)
        used = replace_series_rows(
            task.connection, schema.market_data, *series, cleaned.bars, task.lineage_id
        )
        coverage = _store_coverage(task, cleaned.bars)
    first, last = _range(cleaned.bars["ts"])
    metadata = {"rejected": dg.MetadataValue.json(rejected), "rows_rounded": cleaned.rounded}
    return Stored(
        written + used + coverage,
        len(cleaned.bars),
        first,
        last,
        metadata,
        reason,
        changed=bool(used.changed or coverage.changed),
        changed_from=used.first_changed if used.changed else last,
    )


def _seq_of(raw: pd.DataFrame, quarantine: pd.DataFrame) -> pd.Series:
    """The stored `seq` of quarantined rows; cleaning speaks of positions in the frame it was given."""
    return pd.Series(raw["seq"].to_numpy()[quarantine["seq"].to_numpy(dtype=int)], index=quarantine.index)


def _store_coverage(task: Task, bars: pd.DataFrame) -> Written:
    series = task.series
    calendar = calendar_of(task.connection, series)
    ts = pd.DatetimeIndex(bars["ts"])
    figures = coverage_of(ts, series.timeframe, calendar)
    holes = find_holes(ts, series.timeframe, calendar)
    known = series_status.read_series(task.connection, *series) or {}
    series_status.write_series(
        task.connection,
        {
            **known,
            "expected": figures.expected,
            "present": figures.present,
            "missing": figures.missing,
            "unexpected": figures.unexpected,
            "longest_hole": figures.longest_hole,
        },
    )
    return replace_series_rows(task.connection, schema.bar_gaps, *series, holes, task.lineage_id)


def calendar_of(connection: Any, series: Series) -> TradingCalendar:
    """The calendar that a stored series trades by."""
    basis = series_status.read_series(connection, *series)
    if basis is None:
        raise LookupError(
            f"{series.ticker} {series.timeframe} has no row in series: materialise raw_bars first"
        )
    return calendar_of_basis(basis)


def calendar_of_basis(basis: Mapping[str, Any]) -> TradingCalendar:
    """The calendar of a row of `series`."""
    return trading_calendar(basis["asset_class"], anchor=basis["anchor"], session=basis["session"])


def _bars_inputs(series: Series, statuses: Statuses, _around: Surroundings) -> Inputs | None:
    """The source's own clean bars where they exist, else those of the coarsest finer timeframe it has."""
    for timeframe in (series.timeframe, *finer_timeframes(series.timeframe)):
        native = statuses.get((timeframe, "clean_bars"))
        if native is not None:
            return Inputs((native,))
    return None


def _store_bars(task: Task) -> Stored:
    series = task.series
    (native,) = task.inputs.upstream
    if native.timeframe == series.timeframe:
        # The rows are those that clean_bars wrote; they count as changed here when they changed there.
        return Stored(
            Written(),
            native.rows,
            native.first_ts,
            native.last_ts,
            {"origin": "the source's own"},
            changed=task.new_inputs,
            changed_from=task.changes.earliest() if task.changes is not None else None,
        )
    finer = Series(series.ticker, native.timeframe)
    before = series_status.read_series(task.connection, *series)
    basis = series_status.read_series(task.connection, *finer) or {}
    series_status.write_series(
        task.connection,
        {**basis, "timeframe": series.timeframe, "resampled_from": finer.timeframe},
    )
    calendar = calendar_of(task.connection, series)
    fine_bars = read_series_rows(task.connection, schema.market_data, *finer)
    bars_ = resample_bars(fine_bars, finer.timeframe, series.timeframe, calendar)
    if before is not None and before["resampled_from"] == finer.timeframe:
        bars_ = _with_what_cannot_be_made_any_more(task, finer, fine_bars, bars_)
    written = replace_series_rows(task.connection, schema.market_data, *series, bars_, task.lineage_id)
    first, last = _range(bars_["ts"])
    changed_from = written.first_changed if written.changed else last
    written += _store_coverage(task, bars_)
    origin = {"origin": f"resampled from {finer.timeframe}"}
    return Stored(written, len(bars_), first, last, origin, changed_from=changed_from)


def _with_what_cannot_be_made_any_more(
    task: Task, finer: Series, fine_bars: pd.DataFrame, made: pd.DataFrame
) -> pd.DataFrame:
    """Finer bars may be kept for a shorter time than what was made of them."""
    series = task.series
    first, last = _range(fine_bars["ts"])
    gone_before = task.source.oldest_kept(finer.timeframe, last)
    if gone_before is not None:
        stored = read_series_rows(task.connection, schema.market_data, *series)
        made = keep_history(made, stored, series.timeframe, gone_before=gone_before, first_finer=first)
    cut = task.source.oldest_kept(series.timeframe, _range(made["ts"])[1])
    return made if cut is None else made[made["ts"] >= cut].reset_index(drop=True)


def _range(ts: pd.Series) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    return (ts.min(), ts.max()) if len(ts) else (None, None)


clean_bars = SeriesAsset(
    name="clean_bars",
    deps=["raw_bars"],
    description=(
        "The source's bars in order, without duplicates, NULLs and impossible prices; what is refused goes to "
        "`bar_quarantine` with the reason, what the exchange calendar misses to `bar_gaps`, what looks strange to "
        "`bar_flags`."
    ),
    code_version="2",
    find_inputs=same_series("raw_bars"),
    compute=_store_clean,
    kinds=frozenset({"pandas", "postgres"}),
    group=GROUP,
    table="market_data",
    automation_condition=on_change_upstream(),
)

bars = SeriesAsset(
    name="bars",
    deps=[dg.AssetDep("clean_bars", partition_mapping=own_and_finer_series)],
    description=(
        "Bars of every timeframe: the source's own as they are, the others resampled from clean finer ones "
        "(1m→5m→15m→1h→4h, 1d→1w, 1d→1mo), by the exchange's sessions, without an incomplete last bar."
    ),
    code_version="1",
    find_inputs=_bars_inputs,
    compute=_store_bars,
    kinds=frozenset({"pandas", "postgres"}),
    group=GROUP,
    table="market_data",
    automation_condition=on_change_upstream(),
)


SERIES_ASSETS = (clean_bars, bars)
