"""Champion and challenger: whether a version that was just trained takes the place of the one that serves.

Both are asked about the same setups, all of them newer than either's training and with their whole life behind them.
The verdict is recorded whichever way it goes.
"""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.learning.promotion import Verdict, judge_challenger
from fvg_platform.learning.splits import horizon_passed
from fvg_platform.learning.targets import WIN_TARGETS, target_frame
from fvg_platform.learning.trained_model import ModelCorruptedError, TrainedModel
from fvg_platform.pipeline.serving import ServingModel, UnusableModelError, ready_to_serve
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.model_store import ModelStore, ModelStoreError


def settle(
    connection: sa.Connection,
    store: ModelStore,
    challenger: sa.Row[Any],
    model: TrainedModel,
    setups: pd.DataFrame,
    as_of: pd.Series,
    *,
    features: Collection[str],
    config_ids: list[str],
    lineage_id: int,
) -> Verdict:
    """Hold a candidate against the version that serves, record what came of it, and let the better one serve.

    Parameters
    ----------
    challenger, model
        The candidate's row of the registry, and itself.
    setups
        The timeframe's labelled setups, whatever their part.
    as_of
        The close of each setup's ticker's last bar.
    features, config_ids
        What setups have now, and how they are planned: a champion that wants other ones is none.
    """
    champion, why_none = _champion(connection, store, challenger, features, config_ids)
    verdict = compare(None if champion is None else champion.model, model, setups, as_of)
    reason = f"{why_none}{verdict.reason}"
    registry.add_comparison(
        connection,
        {
            "timeframe": challenger.timeframe,
            "challenger": challenger.version,
            "champion": None if champion is None else champion.version,
            "promoted": verdict.promote,
            "reason": reason,
            "setups": verdict.n,
            "difference": verdict.difference and asdict(verdict.difference),
            "differences": {name: asdict(found) for name, found in verdict.differences.items()},
            "calibration": {name: asdict(found) for name, found in verdict.calibration.items()},
            "lineage_id": lineage_id,
        },
    )
    if verdict.promote:
        registry.activate(connection, challenger.timeframe, challenger.version, reason)
    else:
        registry.keep_waiting(connection, challenger.timeframe, challenger.version, reason)
    return verdict


def compare(
    champion: TrainedModel | None, challenger: TrainedModel, setups: pd.DataFrame, as_of: pd.Series
) -> Verdict:
    """What the setups newer than both models' training say of the two."""
    if not _says_something(challenger):
        said = "It has nothing to say: no setup of its training has an outcome."
        return Verdict(False, said, 0, 0, None, {}, {})
    cut = max([challenger.cut] if champion is None else [champion.cut, challenger.cut])
    newer = setups[
        (setups["known_at"] >= cut).to_numpy() & horizon_passed(setups["life_end"], as_of)
    ].reset_index(drop=True)
    life = (newer["life_end"] - newer["known_at"]).median() if len(newer) else pd.Timedelta(0)
    return judge_challenger(
        None if champion is None else champion.predict(newer),
        challenger.predict(newer),
        target_frame(newer, challenger.config.label),
        newer["known_at"],
        newer["life_end"],
        block=max(pd.Timedelta(life) + challenger.embargo, pd.Timedelta(1, unit="s")),
    )


def _champion(
    connection: sa.Connection,
    store: ModelStore,
    challenger: sa.Row[Any],
    features: Collection[str],
    config_ids: list[str],
) -> tuple[ServingModel | None, str]:
    """The version that serves, if it still can; otherwise why it cannot, to stand before the verdict's reason."""
    served = registry.active_model(connection, challenger.timeframe)
    if served is None or served.version == challenger.version:
        return None, ""
    try:
        champion = ready_to_serve(store, served, features=features, config_ids=config_ids)
    except (UnusableModelError, ModelStoreError, ModelCorruptedError) as error:
        return None, f"The version that served cannot be compared with: {error}. "
    if not _says_something(champion.model):
        return None, "The version that served had nothing to say. "
    return champion, ""


def _says_something(model: TrainedModel) -> bool:
    """Whether a model has ever seen an outcome of the first target."""
    return WIN_TARGETS[0] in model.classifiers
