"""What people do with versions by hand: compare two, let one serve, take one out of service."""

from typing import Any

import sqlalchemy as sa

from fvg_platform.features.feature import Feature
from fvg_platform.learning.promotion import Verdict
from fvg_platform.pipeline.feature_sets import feature_set
from fvg_platform.pipeline.model_cards import write_card
from fvg_platform.pipeline.promotion import compare
from fvg_platform.pipeline.serving import load_model, ready_to_serve
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.database import Database
from fvg_platform.storage.model_store import ModelStore


class UnknownVersionError(LookupError):
    """There is no such version; the message says which there are."""


def version_record(
    database: Database, store: ModelStore, timeframe: str, version: int | None
) -> dict[str, Any]:
    """All that the registry knows of a version, by default of the one that serves, else of the newest.

    `artifact` and `card` are full addresses, `comparisons` says what its comparisons said.
    """
    with database.engine.connect() as connection:
        row = _row(connection, timeframe, version)
        comparisons = registry.comparisons_of(connection, timeframe, row.version)
    return {
        **row._mapping,
        "artifact": _address(store, row.artifact),
        "card": _address(store, row.card) if row.card else None,
        "comparisons": [dict(found._mapping) for found in comparisons],
    }


def _address(store: ModelStore, name: str) -> str:
    return store.full_address(name) + ("" if store.has(name) else " (not there)")


def compare_versions(
    database: Database, store: ModelStore, timeframe: str, first: int, second: int
) -> tuple[dict[str, Any], dict[str, Any], Verdict]:
    """The records of two versions, and the verdict on the second as challenger of the first."""
    with database.engine.connect() as connection:
        champion, challenger = _row(connection, timeframe, first), _row(connection, timeframe, second)
    if champion.version == challenger.version:
        raise UnknownVersionError(
            f"{first} and {second} are the same version of the model of {timeframe}: name two"
        )
    with database.bulk() as bulk:
        found = tables.labelled_setups(bulk, timeframe)
        setups = tables.with_every_feature(found, (*champion.features, *challenger.features))
        as_of = tables.last_bar_closes(bulk, timeframe, setups["ticker"])
    verdict = compare(load_model(store, champion), load_model(store, challenger), setups, as_of)
    return dict(champion._mapping), dict(challenger._mapping), verdict


def activate_version(
    database: Database, store: ModelStore, timeframe: str, version: int, own_features: tuple[Feature, ...]
) -> None:
    """Let a version serve from now on, if its file is whole and it knows the features and setups of today.

    Raises
    ------
    UnknownVersionError, fvg_platform.pipeline.serving.UnusableModelError
    fvg_platform.storage.model_store.ModelStoreError, fvg_platform.learning.trained_model.ModelCorruptedError
    """
    names, _ = feature_set(own_features)
    with database.engine.begin() as connection:
        tables.lock(connection, f"model {timeframe}")
        row = _row(connection, timeframe, version)
        ready_to_serve(store, row, features=names, config_ids=tables.config_ids(connection, timeframe))
        served = registry.active_model(connection, timeframe)
        registry.activate(connection, timeframe, version, "activated by hand")
        for changed in {version, version if served is None else served.version}:
            write_card(connection, store, timeframe, changed)


def retire_version(database: Database, store: ModelStore, timeframe: str, version: int) -> bool:
    """Take a version out of service; whether it served, so that nothing serves the timeframe now."""
    with database.engine.begin() as connection:
        tables.lock(connection, f"model {timeframe}")
        row = _row(connection, timeframe, version)
        registry.retire(connection, timeframe, version, "retired by hand")
        write_card(connection, store, timeframe, version)
    return bool(row.status == registry.ACTIVE)


def _row(connection: sa.Connection, timeframe: str, version: int | None) -> sa.Row[Any]:
    if version is None:
        row = registry.active_model(connection, timeframe) or registry.newest_model(connection, timeframe)
    else:
        row = registry.model_version(connection, timeframe, version)
    if row is not None:
        return row
    newest = registry.newest_model(connection, timeframe)
    known = (
        "none yet: `fvg materialize --select win_rate_model`" if newest is None else f"1 to {newest.version}"
    )
    wanted = "no version" if version is None else f"no version {version}"
    raise UnknownVersionError(f"there is {wanted} of the model of {timeframe}; there are {known}")
