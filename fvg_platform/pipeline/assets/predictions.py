"""From models to signals: daily_predictions for each day's setups, prediction_outcomes as they resolve."""

from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.pipeline.automation.conditions import latest_day_on_change, on_change_upstream
from fvg_platform.pipeline.partitions import days
from fvg_platform.pipeline.predicting import Day, DayPredictions, predict_day, versions_of_day
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.pipeline.series_assets import OWNERS, table_metadata
from fvg_platform.pipeline.serving import UnusableModelError, Versions
from fvg_platform.storage import outcome_tables as outcomes
from fvg_platform.storage import prediction_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.learning_tables import lock, write_lineage
from fvg_platform.storage.report_queries import latest_known_at
from fvg_platform.trading.signals import HOLD

GROUP = "signals"
PREDICTION_CODE = "3"
OUTCOME_CODE = "2"
# Another version may be put in service while a day is predicted; that often in a row it is no coincidence.
_ATTEMPTS = 3


class ChangingModelsError(RuntimeError):
    """Other versions served each time a day was predicted."""


def _begin(work: Work) -> dict[str, Any]:
    with work.database.bulk() as bulk:
        latest = latest_known_at(bulk)
    versions = Versions(work.database, work.given["model_store"], work.given["own_features"])
    return {"versions": versions, "latest_known_at": latest}


def _predict_day_of(key: str, work: Work) -> dict[str, Any]:
    window = days.time_window_for_partition_key(key)
    start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
    latest: pd.Timestamp | None = work.given["latest_known_at"]
    day = Day(start, end, newest=latest is None or latest < end)
    with work.database.bulk() as bulk:
        present = tables.timeframes_within(bulk, start, end)
        found = {t: tables.setups_known_within(bulk, t, start, end) for t in present}
        spoken = tables.spoken_of(bulk, key)
    setups_of = {timeframe: setups for timeframe, setups in found.items() if len(setups)}
    predicted, new = _predict_and_append(work, setups_of, spoken, day)
    if predicted.unserved:
        # The others' predictions are kept; that these are missing must not look like a day without setups.
        raise UnusableModelError("; ".join(predicted.unserved.values()))
    return {
        "dagster/partition_row_count": len(predicted.rows),
        "rows_inserted": new,
        "signals_to_act_on": sum(row["signal"] != HOLD for row in predicted.rows),
        "model_versions": dg.MetadataValue.json(
            {t: predicted.versions[t] for t in setups_of if t in predicted.versions}
        ),
        "setups_without_model": dg.MetadataValue.json(predicted.without_model),
    }


daily_predictions = RangeAsset(
    name="daily_predictions",
    partitions=days,
    deps=[
        dg.AssetDep("win_rate_model", partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep("setup_features", partition_mapping=dg.AllPartitionMapping()),
    ],
    description=(
        "Every setup that became known on the day, with its levels, probabilities, expected R and reasons, by the "
        "version that served then. Append-only: the same version never speaks twice of one setup, and what was said "
        "stays."
    ),
    code_version=PREDICTION_CODE,
    kinds=frozenset({"python", "postgres"}),
    group=GROUP,
    table="predictions",
    make=_predict_day_of,
    nothing="no setups",
    resources=frozenset({"model_store", "own_features"}),
    begin=_begin,
    automation_condition=latest_day_on_change(),
)


def _predict_and_append(
    work: Work, setups_of: dict[str, pd.DataFrame], spoken: pd.DataFrame, day: Day
) -> tuple[DayPredictions, int]:
    """Predict with the versions of the day and store it if they still are: none speaks after it was retired."""
    with work.database.engine.connect() as connection:
        choices = versions_of_day(connection, day)
    for _ in range(_ATTEMPTS):
        predicted = predict_day(setups_of, spoken, choices, work.given["versions"], day)
        with work.database.engine.connect() as connection, connection.begin() as transaction:
            for timeframe in predicted.versions:
                lock(connection, f"model {timeframe}")
            now = versions_of_day(connection, day)
            if now == choices:
                new = _append(connection, predicted, work.run_id)
                if not new:
                    transaction.rollback()  # the lineage of nothing
                return predicted, new
        work.log.info(f"another version serves since {day.start.date()} was begun: it is predicted again")
        choices = now
    raise ChangingModelsError(
        f"each of {_ATTEMPTS} times that {day.start.date()} was predicted, another version served at the end: "
        "see `fvg models list`, and materialise the day again when that has settled"
    )


def _append(connection: Any, predicted: DayPredictions, run_id: str) -> int:
    if not predicted.rows:
        return 0
    lineage_id = write_lineage(
        connection,
        run_id=run_id,
        asset="daily_predictions",
        code_version=PREDICTION_CODE,
        configuration=predicted.versions,
    )
    return tables.append_predictions(
        connection, [{**row, "lineage_id": lineage_id} for row in predicted.rows]
    )


@dg.asset(
    deps=[
        dg.AssetDep("daily_predictions", partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep("fvg_labels", partition_mapping=dg.AllPartitionMapping()),
    ],
    group_name=GROUP,
    kinds={"postgres"},
    owners=OWNERS,
    code_version=OUTCOME_CODE,
    automation_condition=on_change_upstream(),
    metadata=table_metadata("prediction_outcomes"),
)
def prediction_outcomes(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult:
    """What became of each prediction, as its label resolves, however late; the view `prediction_results` joins both."""
    database.require_ready()
    with database.engine.connect() as connection, connection.begin() as transaction:
        lock(connection, "prediction outcomes")
        lineage_id = write_lineage(
            connection,
            run_id=context.run.run_id,
            asset="prediction_outcomes",
            code_version=OUTCOME_CODE,
            configuration={},
        )
        changed = outcomes.fill_outcomes(connection, lineage_id)
        rows, open_ = outcomes.outcome_counts(connection)
        if not changed:
            transaction.rollback()  # the lineage of nothing
    return dg.MaterializeResult(
        metadata={"dagster/row_count": rows, "rows_changed": changed, "still_open": open_}
    )
