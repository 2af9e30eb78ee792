"""Timeframes of one ticker held against each other: do they agree, and what are the holes of the finer ones?

Done for pairs of the source's own series with one basis, and only when one of the two has changed since. A hole's kind
is written under the lock of its series; a pair's row is written last, so that what was interrupted is done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import TradingCalendar, trading_calendar
from fvg_platform.market.cross_checks import comparable, compare_timeframes
from fvg_platform.market.timeframes import TIMEFRAMES, finer_timeframes
from fvg_platform.market.untraded import classify_holes
from fvg_platform.pipeline import progress
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import said
from fvg_platform.storage import coverage_queries, schema, series_status
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records, insert_record
from fvg_platform.storage.series_tables import read_series_rows, replace_series_rows

ASSET = "coverage"
CODE_VERSION = "2"
_COMPARED = ("ts", "open", "high", "low", "close", "volume", "vwap", "transactions", "taker_buy_volume")


@dataclass(frozen=True)
class Family:
    """A finer series of the source's own (the root) and what it is held against.

    `coarser`: the source's own coarser timeframes of the same basis; `resampled`: timeframes made from the root;
    `forgotten`: coarser timeframes that it was held against once and may not be any more.
    """

    root: Series
    asset_class: str
    basis: Basis
    coarser: tuple[str, ...]
    resampled: tuple[str, ...]
    forgotten: tuple[str, ...] = ()

    @property
    def calendar(self) -> TradingCalendar:
        """The calendar of all of them."""
        return trading_calendar(self.asset_class, anchor=self.basis.anchor, session=self.basis.session)


@dataclass
class CrossChecked:
    """What one pass did: pairs compared, holes whose kind changed, and what went wrong, by series."""

    pairs: int = 0
    kinds_changed: int = 0
    failures: dict[Series, str] = field(default_factory=dict)


def cross_check(database: Database, families: Sequence[Family], run_id: str) -> CrossChecked:
    """Bring kinds of holes and comparisons of these families up to date, one after the other; all that can be."""
    done = CrossChecked()
    for position, family in enumerate(families):
        progress.report(ASSET, position, len(families))
        try:
            changed, pairs = _cross_check_one(database, family, run_id)
        except Exception as error:  # the boundary: collected here, raised by name by the asset
            database.require_ready()  # a database that is gone ends the step, in its own words
            done.failures[family.root] = said(error)
        else:
            done.kinds_changed += changed
            done.pairs += pairs
    return done


def due_families(series: pd.DataFrame, compared: pd.DataFrame) -> list[Family]:
    """The families whose bars are not those of the last comparison.

    Parameters
    ----------
    series, compared
        As :func:`coverage_queries.series_coverage` and :func:`coverage_queries.comparisons` give them.
    """
    last: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in as_records(compared):
        last.setdefault((row["ticker"], row["fine"]), {})[row["coarse"]] = row
    found = []
    for rows in _by_ticker(series).values():
        for root in rows.values():
            if root["resampled_from"] is None and root["revision"] is not None:
                known = last.get((root["ticker"], root["timeframe"]), {})
                family = _family(root, rows, known)
                if _is_due(family, rows, known):
                    found.append(family)
    return found


def _by_ticker(series: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    tickers: dict[str, dict[str, dict[str, Any]]] = {}
    for row in as_records(series):
        tickers.setdefault(row["ticker"], {})[row["timeframe"]] = row
    return tickers


def _family(root: dict[str, Any], rows: dict[str, dict[str, Any]], known: dict[str, Any]) -> Family:
    fine, basis = root["timeframe"], _basis(root)
    coarser = [
        timeframe
        for timeframe, row in rows.items()
        if fine in finer_timeframes(timeframe)
        and row["resampled_from"] is None
        and row["revision"] is not None
        and row["asset_class"] == root["asset_class"]
        and comparable(basis, _basis(row))
    ]
    coarser.sort(key=TIMEFRAMES.index)
    return Family(
        Series(root["ticker"], fine),
        root["asset_class"],
        basis,
        tuple(coarser),
        tuple(
            timeframe for timeframe, row in rows.items() if row["resampled_from"] == fine and row["missing"]
        ),
        tuple(timeframe for timeframe in known if timeframe not in coarser),
    )


def _basis(row: dict[str, Any]) -> Basis:
    return Basis(row["adjustment"], row["anchor"], row["session"], row["source"])


def _is_due(family: Family, rows: dict[str, dict[str, Any]], known: dict[str, dict[str, Any]]) -> bool:
    if family.forgotten:
        return True
    for timeframe in family.coarser:
        pair = known.get(timeframe)
        revisions = (rows[family.root.timeframe]["revision"], rows[timeframe]["revision"])
        if pair is None or (pair["fine_revision"], pair["coarse_revision"]) != revisions:
            return True
        # Resampled later than its root was compared: its holes have no kind yet.
        if any(rows[name]["updated_at"] > pair["compared_at"] for name in family.resampled):
            return True
    return False


def _cross_check_one(database: Database, family: Family, run_id: str) -> tuple[int, int]:
    """Kinds first, series by series; then the pairs. Returns kinds changed and pairs compared."""
    with database.bulk() as connection:
        # Statuses before bars: what changes in between is compared again the next time.
        statuses = series_status.statuses_of_ticker(connection, family.root.ticker)
        fine = _bars(connection, family.root)
        coarser = {
            timeframe: _bars(connection, Series(family.root.ticker, timeframe))
            for timeframe in family.coarser
        }
    changed = 0
    for timeframe in (family.root.timeframe, *family.resampled):
        usable = {name: bars for name, bars in coarser.items() if timeframe in finer_timeframes(name)}
        changed += _store_kinds(database, family, timeframe, fine, usable, run_id)
    revisions = {
        timeframe: status.revision for (timeframe, asset), status in statuses.items() if asset == "clean_bars"
    }
    with series_transaction(database.url, lock_key=f"comparisons {family.root}") as connection:
        for coarse in family.forgotten:
            coverage_queries.forget_comparison(connection, *family.root, coarse)
        for coarse, bars in coarser.items():
            _store_comparison(connection, family, fine, coarse, bars, revisions)
    return changed, len(coarser)


def _bars(connection: Any, series: Series) -> pd.DataFrame:
    return read_series_rows(connection, schema.market_data, *series, columns=_COMPARED)


def _store_kinds(
    database: Database,
    family: Family,
    timeframe: str,
    fine: pd.DataFrame,
    coarser: dict[str, pd.DataFrame],
    run_id: str,
) -> int:
    """Classify the holes of one series of the family under its lock; how many changed."""
    series = Series(family.root.ticker, timeframe)
    with series_transaction(database.url, lock_key=f"series {series}") as connection:
        holes = read_series_rows(connection, schema.bar_gaps, *series)
        told = classify_holes(holes, fine, family.root.timeframe, coarser, family.calendar)
        if (told == holes["kind"]).all():
            coverage_queries.store_untraded(connection, *series)
            return 0
        lineage_id = series_status.open_lineage(
            connection,
            run_id=run_id,
            asset=ASSET,
            code_version=CODE_VERSION,
            data_revision=1,
            ticker=series.ticker,
            timeframe=series.timeframe,
        )
        written = replace_series_rows(
            connection, schema.bar_gaps, *series, holes.assign(kind=told), lineage_id
        )
        coverage_queries.store_untraded(connection, *series)
        return written.changed


def _store_comparison(
    connection: Any,
    family: Family,
    fine: pd.DataFrame,
    coarse: str,
    bars: pd.DataFrame,
    revisions: dict[str, int],
) -> None:
    root = family.root
    comparison = compare_timeframes(fine, root.timeframe, bars, coarse, family.calendar)
    worst = comparison.worst or {}
    insert_record(
        connection,
        schema.series_comparisons,
        {
            "ticker": root.ticker,
            "fine": root.timeframe,
            "coarse": coarse,
            "compared": comparison.compared,
            "differing": len(comparison.differing),
            "worst_ts": worst.get("ts"),
            "worst_column": worst.get("column"),
            "worst_difference": worst.get("difference"),
            "fine_revision": revisions[root.timeframe],
            "coarse_revision": revisions[coarse],
            "compared_at": coverage_queries.now(connection),
        },
        keys=("ticker", "fine", "coarse"),
    )
