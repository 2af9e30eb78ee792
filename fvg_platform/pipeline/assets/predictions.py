"""From models to signals: daily_predictions for each day's setups, prediction_outcomes as they resolve."""

import time
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from fvg_platform.learning.trained_model import HOLDING_COLUMN, INTERVAL_COLUMNS, PREDICTION_COLUMNS
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.automation.conditions import latest_day_on_change, on_change_upstream
from fvg_platform.pipeline.partitions import days
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.pipeline.series_assets import OWNERS, said, table_metadata
from fvg_platform.pipeline.serving import Serving, ServingModel, UnusableModelError, serving_models
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records
from fvg_platform.storage.schema import SETUP_KEY
from fvg_platform.trading.signals import HOLD, decide

GROUP = "signals"
PREDICTION_CODE = "2"
SAID_COLUMNS = (*PREDICTION_COLUMNS, *INTERVAL_COLUMNS, HOLDING_COLUMN)
LEVELS = ("entry", "stop", "target_1", "target_2", "target_3")


def _predict_day_of(day: str, work: Work) -> dict[str, Any]:
    window = days.time_window_for_partition_key(day)
    start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
    return _predict_day(work.database, work.given["serving"], start, end, work.run_id)


def _begin(work: Work) -> dict[str, Any]:
    return {"serving": serving_models(work.database, work.given["model_store"], work.given["own_features"])}


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
    resources=frozenset({"model_store", "own_features"}),
    begin=_begin,
    automation_condition=latest_day_on_change(),
)


def _predict_day(
    database: Database, serving: Serving, start: pd.Timestamp, end: pd.Timestamp, run_id: str
) -> dict[str, Any]:
    rows: list[dict[str, object]] = []
    without_model: dict[str, int] = {}
    failed: dict[str, str] = dict(serving.unusable)
    with database.bulk() as bulk:
        for timeframe in TIMEFRAMES:
            setups = tables.setups_known_within(bulk, timeframe, start, end)
            if setups.empty:
                continue
            model = serving.ready.get(timeframe)
            known = np.zeros(len(setups), bool) if model is None else model.knows(setups)
            if model is not None and known.any():
                try:
                    rows += _predict(model, setups[known], start)
                except Exception as error:  # the boundary: named below, and no other timeframe is spoiled
                    failed[timeframe], known = said(error), np.zeros(len(setups), bool)
            if not known.all():
                without_model[timeframe] = int((~known).sum())
    new = _append(database, serving, rows, run_id)
    unserved = {t: why for t, why in failed.items() if t in without_model}
    if unserved:
        # The others' predictions are kept; that these are missing must not look like a day without setups.
        raise UnusableModelError(
            "; ".join(f"{count_of(without_model[t], 'setup')} of {t}: {why}" for t, why in unserved.items())
        )
    acted = sum(row["signal"] != HOLD for row in rows)
    return {
        "dagster/partition_row_count": len(rows),
        "rows_inserted": new,
        "signals_to_act_on": acted,
        "setups_without_model": dg.MetadataValue.json(without_model),
    }


def count_of(number: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _append(database: Database, serving: Serving, rows: list[dict[str, object]], run_id: str) -> int:
    if not rows:
        return 0
    with database.engine.connect() as connection, connection.begin() as transaction:
        lineage_id = tables.write_lineage(
            connection,
            run_id=run_id,
            asset="daily_predictions",
            code_version=PREDICTION_CODE,
            configuration={t: s.version for t, s in serving.ready.items()},
        )
        new = tables.append_predictions(connection, [{**row, "lineage_id": lineage_id} for row in rows])
        if not new:
            transaction.rollback()  # the lineage of nothing
    return new


def _predict(serving: ServingModel, setups: pd.DataFrame, start: pd.Timestamp) -> list[dict[str, object]]:
    model = serving.model
    setups = tables.with_every_feature(setups, model.feature_names)
    began = time.perf_counter()
    probabilities = model.predict(setups)
    signals = decide(probabilities.assign(side=setups["side"]), model.threshold.value)
    latency_ms = (time.perf_counter() - began) * 1000 / len(setups)
    features = as_records(setups[list(model.feature_names)])
    rows = setups[[*SETUP_KEY, "known_at", *LEVELS]].assign(
        **{name: probabilities[name].to_numpy() for name in SAID_COLUMNS},
        signal=signals.to_numpy(),
        model_version=serving.version,
        day=start.date(),
        in_sample=(setups["known_at"] < model.cut).to_numpy(),
        flag=model.reason,
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
