"""The model card of a version, written anew whenever its status changes."""

import sqlalchemy as sa

from fvg_platform.reports.model_card import model_card
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.model_store import ModelStore


def write_card(connection: sa.Connection, store: ModelStore, timeframe: str, version: int) -> None:
    """Write the card of a version as the registry knows it now; versions from before there were cards have none."""
    row = registry.model_version(connection, timeframe, version)
    if row is not None and row.card:
        store.save(row.card, model_card(dict(row._mapping)).encode())
