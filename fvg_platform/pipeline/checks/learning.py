"""A check of learning: a served model earns its place."""

import dagster as dg

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.checks.tables import result
from fvg_platform.quality import catalogue
from fvg_platform.quality.suites import Breach
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage.database import Database

# Beyond this a stated probability misleads: 60 % that comes true in half of all cases.
MAX_CALIBRATION_ERROR = 0.10


@dg.asset_check(
    asset=catalogue.MODEL_EARNS_ITS_PLACE.asset,
    name=catalogue.MODEL_EARNS_ITS_PLACE.name,
    description=catalogue.MODEL_EARNS_ITS_PLACE.description,
)
def earns_its_place(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    found: list[Breach] = []
    looked_at = 0
    for timeframe in TIMEFRAMES:
        with database.engine.connect() as connection:
            model = tables.newest_model(connection, timeframe)
        if model is None or model.test_metrics is None or model.algorithm == "base_rate":
            continue
        looked_at += 1
        for target, metrics in model.test_metrics.items():
            found += _shortfalls(timeframe, target, metrics)
    return result(found, looked_at, severity=dg.AssetCheckSeverity.WARN)


def _shortfalls(timeframe: str, target: str, metrics: dict[str, dict[str, float | None]]) -> list[Breach]:
    where = {"timeframe": timeframe, "target": target}
    skill, error = metrics["skill"], metrics["calibration_error"]
    found = []
    if skill["high"] is not None and skill["high"] < 0:
        found.append(Breach(where, "worse than the base rate beyond doubt, skill at most", skill["high"]))
    if error["low"] is not None and error["low"] > MAX_CALIBRATION_ERROR:
        found.append(Breach(where, "calibration error beyond doubt at least", error["low"]))
    return found


CHECKS = [earns_its_place]
