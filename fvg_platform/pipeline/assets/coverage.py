"""How complete the bars are: coverage, over all series."""

from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import monthly_coverage_from_holes
from fvg_platform.pipeline import cross_checks
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.series_assets import OWNERS, failure_message, table_metadata
from fvg_platform.quality.coverage_rules import judge_coverage
from fvg_platform.reports.coverage import coverage_heat_maps, coverage_table
from fvg_platform.storage import coverage_queries
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records


@dg.asset(
    name=cross_checks.ASSET,
    deps=["bars"],
    group_name="bars",
    kinds={"matplotlib", "postgres"},
    owners=OWNERS,
    code_version=cross_checks.CODE_VERSION,
    automation_condition=on_change_upstream(),
    metadata=table_metadata("series"),
)
def coverage(context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]) -> dg.MaterializeResult:
    """How complete every series is against its exchange's calendar, and whether its timeframes agree.

    Tells lost bars from minutes without a trade (`bar_gaps.kind`, `series.untraded`), holds coarser series against
    finer ones (`series_comparisons`), and shows both as tables and pictures.
    """
    with database.bulk() as connection:
        known, compared = (
            coverage_queries.series_coverage(connection),
            coverage_queries.comparisons(connection),
        )
    due = cross_checks.due_families(known, compared)
    done = cross_checks.cross_check(database, due, context.run.run_id)
    if done.failures:
        raise dg.Failure(failure_message(cross_checks.ASSET, done.failures), allow_retries=False)
    with database.bulk() as connection:
        series = judge_coverage(coverage_queries.series_coverage(connection))
        monthly = monthly_figures(series, coverage_queries.holes_by_month(connection))
    expected, present, untraded = (int(series[name].sum()) for name in ("expected", "present", "untraded"))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(series),
            "bars_expected": expected,
            "bars_present": present,
            "bars_untraded": untraded,
            "bars_lost": int(series["lost"].sum()),
            "completeness": present / (expected - untraded) if expected > untraded else 1.0,
            "pairs_compared": done.pairs,
            "holes_classified_anew": done.kinds_changed,
            "series": dg.MetadataValue.md(coverage_table(series)),
            **{
                f"heat_map_{name}": dg.MetadataValue.md(drawn)
                for name, drawn in coverage_heat_maps(monthly).items()
            },
        }
    )


def monthly_figures(series: pd.DataFrame, holes: pd.DataFrame) -> pd.DataFrame:
    """Coverage by series and month, from the calendar and the holes: no bar is read.

    Parameters
    ----------
    series, holes
        As :func:`coverage_queries.series_coverage` and :func:`coverage_queries.holes_by_month` give them.

    Returns
    -------
    `ticker, timeframe, month, expected, present, untraded`; series without bars have no row.
    """
    by_series = dict(list(holes.groupby(["ticker", "timeframe"])))
    nothing = holes.iloc[:0]
    parts: list[pd.DataFrame] = []
    for row in as_records(series):
        if row["first_ts"] is not None:
            own = by_series.get((row["ticker"], row["timeframe"]), nothing)
            parts.append(_months_of(row, own).assign(ticker=row["ticker"], timeframe=row["timeframe"]))
    columns = ["ticker", "timeframe", "month", "expected", "present", "untraded"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _months_of(row: dict[str, Any], holes: pd.DataFrame) -> pd.DataFrame:
    calendar = trading_calendar(row["asset_class"], anchor=row["anchor"], session=row["session"])
    return monthly_coverage_from_holes(row["first_ts"], row["last_ts"], holes, row["timeframe"], calendar)
