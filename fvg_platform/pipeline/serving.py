"""A stored model made ready to predict: its file read, checked, and held to the features and setups of today."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from fvg_platform.features.feature import Feature
from fvg_platform.learning.trained_model import ModelCorruptedError, TrainedModel
from fvg_platform.pipeline.feature_sets import feature_set
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.database import Database
from fvg_platform.storage.model_store import ModelStore, ModelStoreError


class UnusableModelError(RuntimeError):
    """A stored model cannot predict the setups of today; the message says why and what to do."""


class OtherSetupsError(UnusableModelError):
    """A stored model was trained for setups that are planned otherwise, or with features that there are no more.

    `serves`: whether it is the one that serves now.
    """

    def __init__(self, message: str, *, serves: bool) -> None:
        super().__init__(message)
        self.serves = serves


@dataclass(frozen=True)
class ServingModel:
    """A version and the model itself."""

    row: sa.Row[Any]
    model: TrainedModel

    def knows(self, setups: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Which setups are planned as those that it was trained on."""
        known = self.row.config_ids
        return np.ones(len(setups), bool) if known is None else setups["config_id"].isin(known).to_numpy(bool)

    @property
    def version(self) -> int:
        """The version's number."""
        return int(self.row.version)


def load_model(store: ModelStore, row: sa.Row[Any]) -> TrainedModel:
    """The model of a row of the registry.

    Raises
    ------
    fvg_platform.storage.model_store.ModelStoreError, fvg_platform.learning.trained_model.ModelCorruptedError
        The file is missing, or not what the registry says it is.
    """
    return TrainedModel.from_json(store.load(row.artifact), sha256=row.sha256)


def ready_to_serve(
    store: ModelStore, row: sa.Row[Any], *, features: Collection[str], config_ids: Collection[str]
) -> ServingModel:
    """A version that can predict the setups of today.

    Parameters
    ----------
    features
        Every feature that setups have now.
    config_ids
        The configurations that the timeframe's setups are planned with now.

    Raises
    ------
    OtherSetupsError
        It wants features that there are none of, or was trained for setups planned otherwise.
    """
    where = f"version {row.version} of the model of {row.timeframe}"
    way_out = "train again with `fvg materialize --select train_test_split,win_rate_model`"
    known = set(row.config_ids or config_ids)
    if config_ids and not known & set(config_ids):
        raise OtherSetupsError(
            f"{where} was trained for setups planned by {', '.join(sorted(known))}, and they are planned by "
            f"{', '.join(config_ids)} now: its probabilities are those of other targets. Go back to that "
            f"configuration, or {way_out}",
            serves=row.status == registry.ACTIVE,
        )
    unknown = [name for name in row.features if name not in set(features)]
    if unknown:
        raise OtherSetupsError(
            f"{where} wants {len(unknown)} feature(s) that setups do not have, the first is {unknown[0]!r} "
            f"(feature set {row.feature_set_version}): set FVG_FEATURES as it was, or {way_out}",
            serves=row.status == registry.ACTIVE,
        )
    return ServingModel(row, load_model(store, row))


class Versions:
    """Stored versions made ready, each read once; one that cannot serve spoils no other."""

    def __init__(self, database: Database, store: ModelStore, own: tuple[Feature, ...]) -> None:
        self._database, self._store = database, store
        self._features, _ = feature_set(own)
        self._ready: dict[tuple[str, int], ServingModel | UnusableModelError] = {}

    def ready(self, timeframe: str, version: int) -> ServingModel:
        """A version that can predict the setups of today.

        Raises
        ------
        UnusableModelError
            It cannot; the message says why.
        """
        key = (timeframe, version)
        if key not in self._ready:
            self._ready[key] = self._made_ready(timeframe, version)
        found = self._ready[key]
        if isinstance(found, UnusableModelError):
            raise found
        return found

    def _made_ready(self, timeframe: str, version: int) -> ServingModel | UnusableModelError:
        with self._database.engine.connect() as connection:
            row = registry.model_version(connection, timeframe, version)
            config_ids = tables.config_ids(connection, timeframe)
        if row is None:
            return UnusableModelError(f"there is no version {version} of the model of {timeframe}")
        try:
            serving = ready_to_serve(self._store, row, features=self._features, config_ids=config_ids)
            # What is imported and unpacked on first use is no part of how long a prediction takes.
            serving.model.predict(pd.DataFrame(np.nan, index=[0], columns=list(serving.model.feature_names)))
            return serving
        except UnusableModelError as error:
            return error
        except (ModelStoreError, ModelCorruptedError) as error:
            return UnusableModelError(str(error))


def serves(
    connection: sa.Connection,
    store: ModelStore,
    timeframe: str,
    features: Collection[str],
    config_ids: Collection[str],
) -> bool:
    """Whether the active version can do its work; where none is active, that is how people want it."""
    served = registry.active_model(connection, timeframe)
    if served is None:
        return True
    try:
        ready_to_serve(store, served, features=features, config_ids=config_ids)
    except (UnusableModelError, ModelStoreError, ModelCorruptedError):
        return False
    return True
