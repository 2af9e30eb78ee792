"""What Dagster shows of a model that was trained: figures, pictures, and the way to its card."""

from typing import Any

import dagster as dg
import sqlalchemy as sa

from fvg_platform.reports.model_pictures import (
    equity_picture,
    importance_picture,
    reliability_picture,
    walk_forward_picture,
)
from fvg_platform.storage.model_store import ModelStore

_USED_BEFORE = "the test period of this split version was used by an earlier version"


def model_metadata(row: sa.Row[Any], store: ModelStore, state: str) -> dict[str, Any]:
    """The metadata of a version's materialisation."""
    shown: dict[str, Any] = {
        "model_version": row.version,
        "semantic_version": row.semantic_version,
        "state": state,
        "status": row.status,
        "why": row.status_reason or "",
        "algorithm": row.algorithm,
        "setups_trained": row.setups_trained,
        "setups_entered": row.setups_entered,
        "sha256": row.sha256,
        "artifact": store.full_address(row.artifact),
        "test_metrics": dg.MetadataValue.json(row.test_metrics or {"none": _USED_BEFORE}),
        "importances": dg.MetadataValue.md(importance_picture(row.importances, row.contributions)),
    }
    if row.flag:
        shown["flag"] = row.flag
    if row.card:
        address = store.full_address(row.card)
        shown["model_card"] = (
            dg.MetadataValue.path(address) if store.is_local else dg.MetadataValue.url(address)
        )
    skill = ((row.test_metrics or {}).get("target_1") or {}).get("skill") or {}
    if skill.get("value") is not None:
        shown["skill_target_1"] = skill["value"]
    if row.calibration_curve:
        shown["reliability"] = dg.MetadataValue.md(reliability_picture(row.calibration_curve))
    if row.walk_forward:
        shown["skill_over_time"] = dg.MetadataValue.md(walk_forward_picture(row.walk_forward))
    if row.backtest:
        shown["equity"] = dg.MetadataValue.md(equity_picture(row.backtest))
    return shown
