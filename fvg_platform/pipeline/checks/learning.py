"""Checks of learning: folds that share nothing, and models that earn their place."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.learning.drift_report import DRIFTED
from fvg_platform.learning.fold_audit import audit_folds
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.promotion import MAX_CALIBRATION_ERROR
from fvg_platform.learning.splits import TRAIN, assign_parts, combinatorial_folds, purged_folds
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.checks.tables import outcome, result
from fvg_platform.quality import catalogue
from fvg_platform.quality.catalogue import QualityCheck
from fvg_platform.quality.suites import Breach
from fvg_platform.storage import drift_tables
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database
from fvg_platform.storage.model_registry import active_model

Shortfall = Callable[[Mapping[str, Any]], float | None]


@dg.asset_check(
    asset=catalogue.FOLDS_DO_NOT_OVERLAP.asset,
    name=catalogue.FOLDS_DO_NOT_OVERLAP.name,
    description=catalogue.FOLDS_DO_NOT_OVERLAP.description,
    blocking=catalogue.FOLDS_DO_NOT_OVERLAP.blocking,
)
def folds_do_not_overlap(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """Cut the newest split of every timeframe into the folds that training uses, and audit them by other means."""
    found: list[Breach] = []
    folds = pairs = 0
    for timeframe in TIMEFRAMES:
        for kind, audit in _audits(database, timeframe).items():
            folds, pairs = folds + audit.folds, pairs + audit.pairs_checked
            if audit.violations:
                where = {"timeframe": timeframe, "folds": kind, "first": audit.violations[0]}
                found.append(Breach(where, "lives_overlap", len(audit.violations)))
    return result(found, folds, pairs_of_lives_compared=pairs)


def _audits(database: Database, timeframe: str) -> dict[str, Any]:
    with database.engine.connect() as connection:
        split = tables.newest_split(connection, timeframe)
    if split is None:
        return {}
    with database.bulk() as bulk:
        setups = tables.setup_lives(bulk, timeframe)
    cut, embargo = pd.Timestamp(split.cut_ts), pd.Timedelta(split.embargo)
    lives = setups[assign_parts(setups, cut, embargo) == TRAIN]
    known_at, life_end = lives["known_at"], lives["life_end"]
    forward = purged_folds(known_at, life_end, TrainingConfig().n_folds, embargo)
    combined = combinatorial_folds(known_at, life_end, embargo=embargo)
    return {
        "walk-forward": audit_folds(known_at, life_end, forward, embargo, forward=True),
        "combinatorial": audit_folds(known_at, life_end, combined, embargo),
    }


def _of_served_models(documented: QualityCheck, shortfall: Shortfall) -> dg.AssetChecksDefinition:
    """A check of the test metrics of every active model but base rates; `shortfall` gives what is wrong, or None."""
    (rule,) = documented.rules

    @dg.asset_check(asset=documented.asset, name=documented.name, description=documented.description)
    def check(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        found: list[Breach] = []
        looked_at = 0
        for timeframe in TIMEFRAMES:
            with database.engine.connect() as connection:
                model = active_model(connection, timeframe)
            if model is None or model.test_metrics is None or model.algorithm == "base_rate":
                continue
            looked_at += 1
            for target, metrics in model.test_metrics.items():
                missed = shortfall(metrics)
                if missed is not None:
                    where = {"timeframe": timeframe, "target": target}
                    found.append(Breach(where, f"{rule.meaning}: at best", missed))
        return result(found, looked_at, severity=dg.AssetCheckSeverity.WARN)

    return check


def _worse_than_base_rate(metrics: Mapping[str, Any]) -> float | None:
    high: float | None = metrics["skill"]["high"]
    return high if high is not None and high < 0 else None


def _miscalibrated(metrics: Mapping[str, Any]) -> float | None:
    low: float | None = metrics["calibration_error"]["low"]
    return low if low is not None and low > MAX_CALIBRATION_ERROR else None


@dg.asset_check(
    asset=catalogue.SETUPS_HAVE_NOT_DRIFTED.asset,
    name=catalogue.SETUPS_HAVE_NOT_DRIFTED.name,
    description=catalogue.SETUPS_HAVE_NOT_DRIFTED.description,
)
def setups_have_not_drifted(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """The newest complete window of every version that serves; a window that still runs alarms nobody."""
    with database.bulk() as bulk:
        reports = drift_tables.drift_overview(bulk)
    newest = reports[reports["complete"].astype(bool)].groupby("timeframe", sort=False).tail(1)
    lines = [
        f"{row['timeframe']} since {row['window_start']:%Y-%m-%d}: {row['reason']}"
        for row in newest[newest["state"] == DRIFTED].to_dict("records")
    ]
    return outcome(lines, len(newest), dg.AssetCheckSeverity.WARN, {})


CHECKS = [
    folds_do_not_overlap,
    setups_have_not_drifted,
    _of_served_models(catalogue.MODEL_HAS_SKILL, _worse_than_base_rate),
    _of_served_models(catalogue.MODEL_IS_CALIBRATED, _miscalibrated),
]
