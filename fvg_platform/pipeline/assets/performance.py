"""How predictions came out: model_performance, rolling figures over cohorts whose whole horizon has passed."""

import time
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.learning.track_record import track_record
from fvg_platform.learning.track_record_curves import calibration_curves
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.partitions import EXCHANGE_TIMEZONE
from fvg_platform.pipeline.series_assets import OWNERS, table_metadata
from fvg_platform.reports.track_record import calibration_picture
from fvg_platform.storage import series_status
from fvg_platform.storage import track_record_tables as tables
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.outcome_tables import newest_bar_close
from fvg_platform.storage.records import as_records

PERFORMANCE_CODE = "1"
ALL = "*"


@dg.asset(
    deps=["prediction_outcomes"],
    group_name="signals",
    kinds={"pandas", "postgres"},
    owners=OWNERS,
    code_version=PERFORMANCE_CODE,
    automation_condition=on_change_upstream(),
    metadata=table_metadata("model_performance"),
)
def model_performance(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult:
    """Accuracy, Brier, calibration, win rate, R, profit factor and latency per model, mode, timeframe and ticker.

    Over rolling windows of full-horizon cohorts: a prediction enters when its setup's whole life has passed, so that
    those which are decided early do not stand for all.
    """
    database.require_ready()
    began = time.perf_counter()
    with series_transaction(database.url, lock_key="model performance") as connection:
        as_of = _newest_day(connection)
        judged = tables.judged_predictions(connection)
        figures = track_record(judged, as_of)
        lineage_id = series_status.open_lineage(
            connection,
            run_id=context.run.run_id,
            asset="model_performance",
            code_version=PERFORMANCE_CODE,
            data_revision=1,
            configuration={},
        )
        written = tables.write_performance(connection, figures, lineage_id)
        if not written.changed:
            series_status.drop_lineage(connection, lineage_id)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(figures),
            "predictions_judged": len(judged),
            "as_of": str(as_of),
            "rows_written": written.changed,
            "track_record": dg.MetadataValue.md(_table(figures, as_of)),
            "calibration": dg.MetadataValue.md(calibration_picture(as_records(calibration_curves(judged)))),
            "seconds": round(time.perf_counter() - began, 3),
        }
    )


def _newest_day(connection: Any) -> date:
    """The exchange's day of the newest bar; today where there are none, or where the newest week still runs."""
    now, newest = pd.Timestamp.now(tz="UTC"), newest_bar_close(connection)
    moment = now if newest is None else min(newest, now)
    return moment.tz_convert(EXCHANGE_TIMEZONE).date()


def _table(figures: pd.DataFrame, as_of: date) -> str:
    pooled = figures[
        (figures["as_of"] == as_of)
        & (figures["origin"] == ALL)
        & (figures["ticker"] == ALL)
        & (figures["model_version"] == 0)
        & (figures["window_days"] == 0)
    ]
    lines = [
        "| timeframe | mode | predictions | entered | won | mean p | Brier |",
        "|---|---|--:|--:|---|--:|--:|",
    ]
    lines += [
        f"| {row['timeframe']} | {row['mode']} | {row['predictions']} | {row['entered']} "
        f"| {_share(row['win_rate_lo'])}–{_share(row['win_rate_hi'])} | {_share(row['mean_p'])} "
        f"| {'–' if pd.isna(row['brier_lo']) else format(row['brier_lo'], '.3f')} |"
        for row in pooled.to_dict("records")
    ]
    return "\n".join(lines)


def _share(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.1%}"
