"""One timeframe's training, from stored rows to a version that serves or waits: read, train, judge once, compare."""

from dataclasses import asdict
from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.learning.model_versions import next_version
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.splits import horizon_passed
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.learning.training import train
from fvg_platform.pipeline.code_state import git_commit
from fvg_platform.pipeline.feature_sets import feature_set
from fvg_platform.pipeline.judgement import Judgement, judge_test_period
from fvg_platform.pipeline.model_cards import write_card
from fvg_platform.pipeline.model_metadata import model_metadata
from fvg_platform.pipeline.promotion import settle
from fvg_platform.pipeline.range_assets import Work
from fvg_platform.pipeline.serving import serves
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.model_store import ModelStore, artifact_name, card_name
from fvg_platform.storage.records import as_records

MODEL_CODE = "2"


class SupersededTrainingError(RuntimeError):
    """What a model was trained on is not what serves as training any more."""


def train_timeframe(timeframe: str, work: Work) -> dict[str, Any] | None:
    """Train on the newest split of a timeframe and record the model; None as long as there is no split.

    The same rows, configuration and seed give the same bytes; then nothing is written, and what serves goes on
    serving. Nothing is recorded before everything is made: a training that is killed leaves no version behind.
    """
    database, store, seed = work.database, _store(work), work.given["seed"]
    with database.engine.connect() as connection:
        split = tables.newest_split(connection, timeframe)
        resolved = tables.resolved_labels(connection, timeframe)
        config_ids = tables.config_ids(connection, timeframe)
    if split is None:
        return None
    names, version_of_features = feature_set(work.given["own_features"])
    with database.bulk() as bulk:
        setups = tables.with_every_feature(tables.labelled_setups(bulk, timeframe), names)
        as_of = tables.last_bar_closes(bulk, timeframe, setups["ticker"])
    cut = pd.Timestamp(split.cut_ts)
    # Of a life that reaches beyond its ticker's bars only early ends are known: there is nothing to learn from it.
    cut_short = (setups["known_at"] < cut).to_numpy() & ~horizon_passed(setups["life_end"], as_of)
    model = train(
        setups[~cut_short],
        names,
        timeframe=timeframe,
        cut=cut,
        embargo=pd.Timedelta(split.embargo),
        config=TrainingConfig(trials=work.given["trials"]),
        seed=seed,
    )
    artifact = store.save(artifact_name(timeframe, model.sha256), model.to_json())
    with database.engine.begin() as connection:
        tables.lock(connection, f"model {timeframe}")
        _require_newest(connection, timeframe, split.split_version)
        made_for = (version_of_features, config_ids)
        facts = {
            "split_version": split.split_version,
            "setups_resolved": resolved,
            "feature_set_version": version_of_features,
            "config_ids": config_ids,
            "artifact": artifact,
            "data_until": as_of.max() if len(as_of) else None,
        }
        same = registry.model_with_content(connection, timeframe, split.split_version, model.sha256, made_for)
        # Where the version that serves cannot any more, equal bytes are a version of their own: what serves is what
        # was trained last for the setups and features as they are now.
        if same is not None and serves(connection, store, timeframe, names, config_ids):
            _restore_cards(connection, store, same)
            return model_metadata(same, store, _unchanged(connection, same))
        if same is not None and same.status == registry.CANDIDATE:
            row, state = same, "compared again: it was refused before"
        else:
            state = "new"
            row = _new_version(connection, work, model, same, setups, as_of, facts)
        served = registry.active_model(connection, timeframe)
        settle(
            connection,
            store,
            row,
            model,
            setups,
            as_of,
            features=names,
            config_ids=config_ids,
            lineage_id=row.lineage_id,
        )
        # The cards show what the comparison said, so they are written last.
        for changed in {row.version, row.version if served is None else served.version}:
            write_card(connection, store, timeframe, changed)
        row = _row(connection, timeframe, row.version)
    return model_metadata(row, store, state)


def _new_version(
    connection: sa.Connection,
    work: Work,
    model: TrainedModel,
    same: sa.Row[Any] | None,
    setups: pd.DataFrame,
    as_of: pd.Series,
    facts: dict[str, Any],
) -> sa.Row[Any]:
    """Judge the model on the test period, if no other has used that, and enter it as the next version."""
    timeframe, split_version = model.timeframe, facts["split_version"]
    newest = registry.newest_model(connection, timeframe)
    judged = None
    if same is None and not tables.is_tested(connection, timeframe, split_version):
        engine, seed = work.given["engine"], work.given["seed"]
        judged = judge_test_period(work.database, engine, model, setups, as_of, seed)
    semantic = _semantic_version(newest, facts["feature_set_version"], facts["config_ids"], split_version)
    number = {"version": 1 if newest is None else newest.version + 1, "semantic_version": semantic}
    return _enter(connection, _record(model, judged, same) | facts | number | {"run_id": work.run_id})


def _store(work: Work) -> ModelStore:
    store: ModelStore = work.given["model_store"]
    return store


def _unchanged(connection: sa.Connection, same: sa.Row[Any]) -> str:
    served = registry.active_model(connection, same.timeframe)
    state = f"unchanged: the same bytes as version {same.version}"
    if served is None:
        state += f"; nothing serves, let one with `fvg models activate {same.timeframe} VERSION`"
    elif served.version != same.version:
        state += f"; version {served.version} serves"
    return state


def _require_newest(connection: sa.Connection, timeframe: str, split_version: int) -> None:
    """Another run may have made a newer split meanwhile: what was learnt on the old one must not follow on the new."""
    newest = tables.newest_split(connection, timeframe)
    if newest is None or newest.split_version != split_version:
        raise SupersededTrainingError(
            f"split {split_version} of {timeframe} was superseded while a model was trained on it: nothing was "
            "recorded; train again with `fvg materialize --select win_rate_model`"
        )


def _restore_cards(connection: sa.Connection, store: ModelStore, same: sa.Row[Any]) -> None:
    """Write the cards that another store has, or nobody has any more."""
    served = registry.active_model(connection, same.timeframe)
    for row in (same, served):
        if row is not None and row.card and not store.has(row.card):
            write_card(connection, store, row.timeframe, row.version)


def _semantic_version(
    newest: sa.Row[Any] | None, features: str, config_ids: list[str], split_version: int
) -> str:
    def inputs(version: str, configs: list[str] | None) -> str:
        return "/".join([version, *(configs or [])])

    return next_version(
        None if newest is None else newest.semantic_version,
        previous_features_digest=None
        if newest is None
        else inputs(newest.feature_set_version, newest.config_ids),
        features_digest=inputs(features, config_ids),
        previous_data=None if newest is None else str(newest.split_version),
        data=str(split_version),
    )


def _enter(connection: sa.Connection, record: dict[str, Any]) -> sa.Row[Any]:
    lineage_id = tables.write_lineage(
        connection,
        run_id=record["run_id"],
        asset="win_rate_model",
        code_version=MODEL_CODE,
        configuration={name: record[name] for name in ("split_version", "feature_set_version", "config_ids")},
    )
    card = card_name(record["timeframe"], record["version"], record["sha256"])
    registry.add_model(connection, {**record, "card": card, "lineage_id": lineage_id})
    return _row(connection, record["timeframe"], record["version"])


def _row(connection: sa.Connection, timeframe: str, version: int) -> sa.Row[Any]:
    row = registry.model_version(connection, timeframe, version)
    if row is None:
        raise LookupError(f"version {version} of the model of {timeframe} was not recorded")
    return row


def _record(model: TrainedModel, judged: Judgement | None, same: sa.Row[Any] | None) -> dict[str, Any]:
    """What the registry keeps of a model and of its judgement; bytes seen before keep what was said of them."""
    return {
        "timeframe": model.timeframe,
        "name": f"win_rate_{model.timeframe}",
        "scope": "pooled",
        "algorithm": model.algorithm,
        "entry_algorithm": model.entry_algorithm,
        "flag": model.reason,
        "notes": list(model.notes),
        "trained_from": model.trained_from,
        "trained_to": model.trained_to,
        "setups_trained": model.parts["train"],
        "setups_entered": model.trained_on,
        "features": list(model.feature_names),
        "hyperparameters": asdict(model.config) | {"seed": model.seed, "tuning": model.tuning_reason},
        "trials": [asdict(trial) for trial in model.trials],
        "fold_scores": _mean_fold_scores(model),
        "walk_forward": model.walk_forward_records(),
        "tried": model.tried_records(),
        "combinatorial": model.combinatorial_record(),
        "calibration": model.calibration_record(),
        "threshold": model.threshold.to_dict(),
        "test_metrics": judged.metrics if judged else getattr(same, "test_metrics", None),
        "calibration_curve": judged.curves if judged else getattr(same, "calibration_curve", None),
        "backtest": judged.backtest if judged else getattr(same, "backtest", None),
        "importances": _ranked(model.importances),
        "contributions": _ranked(model.contributions),
        "sha256": model.sha256,
        "git_commit": git_commit(),
    }


def _mean_fold_scores(model: TrainedModel) -> list[dict[str, Any]]:
    """Mean Brier score and log loss over the training period's folds, per algorithm and target."""
    means = model.fold_scores.groupby(["algorithm", "target"], sort=True)[["brier", "log_loss"]].mean()
    return as_records(means.reset_index())


def _ranked(weights: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Per target the features that matter, most important first."""
    return {
        str(target): {str(name): float(v) for name, v in column.sort_values(ascending=False).items() if v > 0}
        for target, column in weights.items()
    }
