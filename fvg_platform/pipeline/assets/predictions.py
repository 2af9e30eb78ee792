"""From models to signals: daily_predictions for each day's setups, prediction_outcomes as they resolve."""

import time
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.learning.trained_model import PREDICTION_COLUMNS, TrainedModel
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.automation.conditions import latest_day_on_change, on_change_upstream
from fvg_platform.pipeline.partitions import days
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.pipeline.resources import ModelStore
from fvg_platform.pipeline.series_assets import OWNERS, table_metadata
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records
from fvg_platform.storage.schema import SETUP_KEY

GROUP = "signals"
PREDICTION_CODE = "1"
LEVELS = ("entry", "stop", "target_1", "target_2", "target_3")


def _predict_day_of(day: str, work: Work) -> dict[str, Any]:
    window = days.time_window_for_partition_key(day)
    start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
    return _predict_day(work.database, work.given["serving"], start, end, work.run_id)


def _begin(work: Work) -> dict[str, Any]:
    return {"serving": _serving_models(work.database, work.given["model_store"])}


daily_predictions = RangeAsset(
    name="daily_predictions",
    partitions=days,
    deps=[
        dg.AssetDep("win_rate_model", partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep("setup_features", partition_mapping=dg.AllPartitionMapping()),
    ],
    description=(
        "Every setup that became known on the day, with its levels and probabilities, by the serving models. "
        "Append-only: the same model never speaks twice of one setup, and what was said stays."
    ),
    code_version=PREDICTION_CODE,
    kinds=frozenset({"python", "postgres"}),
    group=GROUP,
    table="predictions",
    make=_predict_day_of,
    nothing="no setups",
    resources=frozenset({"model_store"}),
    begin=_begin,
    automation_condition=latest_day_on_change(),
)


class _Serving:
    """A model at work: its version, its place in time, and the model itself."""

    def __init__(self, version: int, cut: pd.Timestamp, model: TrainedModel) -> None:
        self.version = version
        self.cut = cut
        self.model = model


def _serving_models(database: Database, store: ModelStore) -> dict[str, _Serving]:
    serving: dict[str, _Serving] = {}
    with database.engine.connect() as connection:
        for timeframe in TIMEFRAMES:
            row = tables.newest_model(connection, timeframe)
            if row is not None:
                model = TrainedModel.from_json(store.load(row.artifact), sha256=row.sha256)
                serving[timeframe] = _Serving(row.version, model.cut, model)
    return serving


def _predict_day(
    database: Database, serving: dict[str, _Serving], start: pd.Timestamp, end: pd.Timestamp, run_id: str
) -> dict[str, Any]:
    rows: list[dict[str, object]] = []
    without_model: dict[str, int] = {}
    with database.bulk() as bulk:
        for timeframe in TIMEFRAMES:
            setups = tables.setups_known_within(bulk, timeframe, start, end)
            if setups.empty:
                continue
            if timeframe in serving:
                rows += _predict(serving[timeframe], setups, start)
            else:
                without_model[timeframe] = len(setups)
    new = 0
    if rows:
        with database.engine.connect() as connection, connection.begin() as transaction:
            lineage_id = tables.write_lineage(
                connection,
                run_id=run_id,
                asset="daily_predictions",
                code_version=PREDICTION_CODE,
                configuration={t: s.version for t, s in serving.items()},
            )
            new = tables.append_predictions(connection, [{**row, "lineage_id": lineage_id} for row in rows])
            if not new:
                transaction.rollback()  # the lineage of nothing
    return {
        "dagster/partition_row_count": len(rows),
        "rows_inserted": new,
        "setups_without_model": dg.MetadataValue.json(without_model),
    }


def _predict(serving: _Serving, setups: pd.DataFrame, start: pd.Timestamp) -> list[dict[str, object]]:
    began = time.perf_counter()
    probabilities = serving.model.predict(setups)
    latency_ms = (time.perf_counter() - began) * 1000 / len(setups)
    names = list(serving.model.feature_names)
    features = as_records(setups[names])
    rows = setups[[*SETUP_KEY, "known_at", *LEVELS]].assign(
        **{name: probabilities[name].to_numpy() for name in PREDICTION_COLUMNS},
        model_version=serving.version,
        day=start.date(),
        in_sample=(setups["known_at"] < serving.cut).to_numpy(),
        flag=serving.model.reason,
        features=pd.Series(features, index=setups.index, dtype=object),
        latency_ms=latency_ms,
    )
    return as_records(rows)


@dg.asset(
    deps=[
        dg.AssetDep("daily_predictions", partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep("fvg_labels", partition_mapping=dg.AllPartitionMapping()),
    ],
    group_name=GROUP,
    kinds={"postgres"},
    owners=OWNERS,
    code_version="1",
    automation_condition=on_change_upstream(),
    metadata=table_metadata("prediction_outcomes"),
)
def prediction_outcomes(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult:
    """What became of each prediction, as its label resolves, however late; the view `prediction_results` joins both."""
    database.require_ready()
    with database.engine.connect() as connection, connection.begin() as transaction:
        tables.lock(connection, "prediction outcomes")
        lineage_id = tables.write_lineage(
            connection,
            run_id=context.run.run_id,
            asset="prediction_outcomes",
            code_version="1",
            configuration={},
        )
        changed = tables.fill_outcomes(connection, lineage_id)
        rows, open_ = tables.outcome_counts(connection)
        if not changed:
            transaction.rollback()  # the lineage of nothing
    return dg.MaterializeResult(
        metadata={"dagster/row_count": rows, "rows_changed": changed, "still_open": open_}
    )
