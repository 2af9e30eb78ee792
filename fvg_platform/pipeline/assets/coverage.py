"""How complete the bars are: coverage, over all series."""

import dagster as dg
import sqlalchemy as sa

from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.series_assets import OWNERS, table_metadata
from fvg_platform.reports.coverage import coverage_heat_map, coverage_table
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.database import Database


@dg.asset(
    deps=["bars"],
    group_name="bars",
    kinds={"matplotlib", "postgres"},
    owners=OWNERS,
    code_version="1",
    automation_condition=on_change_upstream(),
    metadata=table_metadata("series"),
)
def coverage(database: dg.ResourceParam[Database]) -> dg.MaterializeResult:
    """How complete every series is against its exchange's calendar, as a table and a picture."""
    with database.bulk() as connection:
        series = read_frame(connection, str(sa.select(schema.series).order_by("ticker")), [])
        by_year = read_frame(connection, _PRESENT_AND_MISSING_BY_YEAR, [])
    expected, present = int(series["expected"].sum()), int(series["present"].sum())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(series),
            "bars_expected": expected,
            "bars_present": present,
            "completeness": present / expected if expected else 1.0,
            "series": dg.MetadataValue.md(coverage_table(series)),
            "heat_map": dg.MetadataValue.md(coverage_heat_map(by_year)),
        }
    )


# One row per series and year: a picture of twenty years by month would be unreadable.
_PRESENT_AND_MISSING_BY_YEAR = """
    WITH present AS (
        SELECT ticker, timeframe, date_part('year', ts)::int AS year, count(*) AS present
        FROM market_data GROUP BY 1, 2, 3
    ), missing AS (
        SELECT ticker, timeframe, date_part('year', from_ts)::int AS year, sum(missing)::bigint AS missing
        FROM bar_gaps GROUP BY 1, 2, 3
    )
    SELECT ticker, timeframe, year, coalesce(present, 0) AS present, coalesce(missing, 0) AS missing
    FROM present FULL JOIN missing USING (ticker, timeframe, year) ORDER BY 1, 2, 3
"""
