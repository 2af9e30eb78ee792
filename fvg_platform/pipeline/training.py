"""One timeframe's training, from stored rows to a stored model: read, train, judge once, save, record."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from fvg_platform.features.catalogue import FEATURE_SET_VERSION
from fvg_platform.features.setup_features import MODEL_FEATURES
from fvg_platform.learning.evaluation import evaluate_test_period, reliability_curve
from fvg_platform.learning.splits import TEST, assign_parts
from fvg_platform.learning.targets import WIN_TARGETS, target_column
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.learning.training import train
from fvg_platform.pipeline.resources import ModelStore
from fvg_platform.reports.models import reliability_picture
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records

MODEL_CODE = "1"


def train_timeframe(
    database: Database, store: ModelStore, timeframe: str, run_id: str, seed: int
) -> dict[str, Any] | None:
    """Train on the newest split of a timeframe and record the model; None as long as there is no split.

    The same rows, configuration and seed give the same bytes; then nothing is written, and the newest version goes
    on serving, be it that one or one that was trained since with another seed for setups of the same settings.
    """
    with database.engine.connect() as connection:
        split = tables.newest_split(connection, timeframe)
        resolved = tables.resolved_labels(connection, timeframe)
        config_ids = tables.config_ids(connection, timeframe)
    if split is None:
        return None
    with database.bulk() as bulk:
        setups = tables.labelled_setups(bulk, timeframe)
        as_of = tables.last_bar_close(bulk, timeframe)
    cut, embargo = pd.Timestamp(split.cut_ts), pd.Timedelta(split.embargo)
    model = train(setups, MODEL_FEATURES, timeframe=timeframe, cut=cut, embargo=embargo, seed=seed)
    artifact = store.save(model.to_json(), model.sha256, timeframe)
    with database.engine.begin() as connection:
        tables.lock(connection, f"model {timeframe}")
        same = tables.model_with_content(connection, timeframe, split.split_version, model.sha256)
        served = tables.newest_model(connection, timeframe)
        # Other settings of setups can end in the same bytes, and going back to earlier ones does: then these are a
        # version of their own, so that what serves is what was trained last for the setups as they are planned now.
        if same is not None and served is not None and served.config_ids == config_ids:
            state = "unchanged: the same bytes"
            if served.version != same.version:
                state += f" as version {same.version}; version {served.version}, trained since, stays the served one"
            return _metadata(same.version, model, same.test_metrics, setups, state)
        judged = tables.is_tested(connection, timeframe, split.split_version)
        metrics = None if judged else _test_metrics(model, setups, as_of, seed)
        if same is not None:
            metrics = same.test_metrics
        facts = {
            "split_version": split.split_version,
            "setups_resolved": resolved,
            "config_ids": config_ids,
            "test_metrics": metrics,
            "artifact": artifact,
        }
        version = _record(connection, model, facts, run_id)
    return _metadata(version, model, metrics, setups, "new")


def _test_metrics(
    model: TrainedModel, setups: pd.DataFrame, as_of: pd.Timestamp, seed: int
) -> dict[str, Any]:
    evaluations = evaluate_test_period(model, setups, as_of, seed=seed)
    return {target: evaluation.to_dict() for target, evaluation in evaluations.items()}


def _record(
    connection: sa.Connection,
    model: TrainedModel,
    facts: dict[str, Any],
    run_id: str,
) -> int:
    """Add the model as the timeframe's next version; `facts` are what its content does not say."""
    newest = tables.newest_model(connection, model.timeframe)
    version = 1 if newest is None else newest.version + 1
    lineage_id = tables.write_lineage(
        connection,
        run_id=run_id,
        asset="win_rate_model",
        code_version=MODEL_CODE,
        configuration={
            "split_version": facts["split_version"],
            "feature_set": FEATURE_SET_VERSION,
            "config_ids": facts["config_ids"],
        },
    )
    tables.store_model(
        connection,
        {
            "timeframe": model.timeframe,
            "version": version,
            **facts,
            "algorithm": model.algorithm,
            "flag": model.reason,
            "setups_trained": model.parts["train"],
            "setups_entered": model.trained_on,
            "feature_set_version": FEATURE_SET_VERSION,
            "features": list(model.feature_names),
            "hyperparameters": asdict(model.config) | {"seed": model.seed},
            "fold_scores": _mean_fold_scores(model),
            "importances": _ranked_importances(model),
            "sha256": model.sha256,
            "lineage_id": lineage_id,
        },
    )
    return version


def _metadata(
    version: int, model: TrainedModel, metrics: dict[str, Any] | None, setups: pd.DataFrame, state: str
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "model_version": version,
        "state": state,
        "algorithm": model.algorithm,
        "why": model.reason or model.choice,
        "setups_trained": model.parts["train"],
        "setups_entered": model.trained_on,
        "sha256": model.sha256,
        "test_metrics": dg.MetadataValue.json(
            metrics or {"none": "this split version's test period was used before"}
        ),
    }
    if not metrics:
        return shown
    return shown | {"reliability": dg.MetadataValue.md(reliability_picture(_test_curves(model, setups)))}


def _test_curves(model: TrainedModel, setups: pd.DataFrame) -> dict[str, pd.DataFrame]:
    rows = setups[assign_parts(setups, model.cut, model.embargo) == TEST]
    predicted = model.predict(rows)
    return {
        target: reliability_curve(predicted[f"p_{target}"], target_column(rows, target, model.config.label))
        for target in WIN_TARGETS
    }


def _mean_fold_scores(model: TrainedModel) -> list[dict[str, Any]]:
    """Mean Brier score and log loss over the training period's folds, per algorithm and target."""
    means = model.fold_scores.groupby(["algorithm", "target"], sort=True)[["brier", "log_loss"]].mean()
    return as_records(means.reset_index())


def _ranked_importances(model: TrainedModel) -> dict[str, dict[str, float]]:
    """Per target the features that matter, most important first."""
    return {
        str(target): {str(name): float(v) for name, v in column.sort_values(ascending=False).items() if v > 0}
        for target, column in model.importances.items()
    }
