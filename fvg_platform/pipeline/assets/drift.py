"""Whether models are still true of what comes in: model_drift, window after window since their training period."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from fvg_platform.learning.drift import examine_drift
from fvg_platform.learning.drift_report import DRIFTED, DriftReport
from fvg_platform.learning.drift_windows import LIVES_OF_OUTCOMES, DriftWindow, drift_windows
from fvg_platform.learning.splits import TRAIN, assign_parts, horizon_passed
from fvg_platform.learning.targets import target_column
from fvg_platform.pipeline.assets.snapshots import once_a_day
from fvg_platform.pipeline.partitions import timeframes
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.pipeline.serving import ServingModel, Versions
from fvg_platform.reports.drift import drift_heat_maps
from fvg_platform.storage import drift_tables
from fvg_platform.storage import learning_tables as tables
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.records import as_records
from fvg_platform.storage.series_status import open_lineage

DRIFT_CODE = "1"
_OUTCOME = "target_1"
# Labels resolve late: what a complete window says of calibration is looked at again for so many windows.
_LOOKED_AT_AGAIN = 2
# An archive holds decades of windows; what was long ago asks for nothing.
_WINDOWS = 7


def _drift_of(timeframe: str, work: Work) -> dict[str, Any] | None:
    with work.database.engine.connect() as connection:
        served = registry.active_model(connection, timeframe)
        newest = registry.newest_model(connection, timeframe)
    if served is None or newest is None or not served.setups_trained:
        return None
    trained_until = newest.data_until
    serving: ServingModel = work.given["versions"].ready(timeframe, served.version)
    with series_transaction(work.database.url, lock_key=f"drift {timeframe}") as connection:
        fingerprint = current_fingerprint(connection, timeframe, serving.row.sha256)
        known = drift_tables.known_windows(connection, timeframe, serving.version)
        if len(known) and known["fingerprint"].iloc[-1] == fingerprint:
            return {"unchanged": True}
        setups, until = _setups(connection, timeframe, serving)
        part = assign_parts(setups, serving.model.cut, serving.model.embargo)
        reference = setups[part == TRAIN]
        if reference.empty:
            return None
        lineage_id = open_lineage(
            connection,
            run_id=work.run_id,
            asset="model_drift",
            code_version=DRIFT_CODE,
            data_revision=1,
            timeframe=timeframe,
            configuration={"model_version": serving.version},
        )
        reports: dict[pd.Timestamp, DriftReport] = {}
        windows = _windows(reference, serving, until)
        drift_tables.keep_windows(
            connection, timeframe, serving.version, [window.start for window in windows]
        )
        states = dict(zip(known["window_start"], known["state"], strict=True))
        for window in _due(known, windows):
            states |= {start: report.state for start, report in reports.items()}
            steady = _steady(windows, window, states)
            known_until = _known_until(trained_until, serving, window)
            report = _examine(
                setups, reference, steady, serving, window, until, known_until, work.given["seed"]
            )
            record = _record(report, window) | {
                "timeframe": timeframe,
                "model_version": serving.version,
                "fingerprint": fingerprint,
                "lineage_id": lineage_id,
            }
            drift_tables.store_drift(connection, record, report.metrics)
            reports[window.start] = report
        return _metadata(connection, timeframe, reports)


def current_fingerprint(connection: Any, timeframe: str, sha256: str) -> str:
    """What the drift of a timeframe's model would be found from now."""
    return drift_tables.drift_fingerprint(connection, timeframe, DRIFT_CODE, sha256)


def _setups(connection: Any, timeframe: str, serving: ServingModel) -> tuple[pd.DataFrame, pd.Timestamp]:
    """All setups that the model knows, with its scores where they are out of sample; and how far bars reach."""
    names = serving.model.feature_names
    setups = tables.with_every_feature(tables.labelled_setups(connection, timeframe), names)
    setups = setups[serving.knows(setups)].reset_index(drop=True)
    as_of = tables.last_bar_closes(connection, timeframe, setups["ticker"])
    new = (setups["known_at"] >= serving.model.cut).to_numpy()
    score = np.full(len(setups), np.nan)
    if new.any():
        score[new] = serving.model.predict(setups[new])["p_target_1"]
    setups = setups.assign(
        p_target_1=score,
        y_lo=target_column(setups, _OUTCOME, "lo"),
        y_hi=target_column(setups, _OUTCOME, "hi"),
        horizon_passed=horizon_passed(setups["life_end"], as_of),
    )
    return setups, as_of.max()


def _windows(reference: pd.DataFrame, serving: ServingModel, until: pd.Timestamp) -> list[DriftWindow]:
    life = pd.Timedelta((reference["life_end"] - reference["known_at"]).median())
    return drift_windows(reference["known_at"], serving.model.cut, until, max(life, serving.model.embargo))


def _steady(
    windows: list[DriftWindow], window: DriftWindow, states: dict[pd.Timestamp, str]
) -> list[DriftWindow]:
    """The windows before one, up to the first that has drifted."""
    before = [w for w in windows if w.end <= window.start]
    moved = [at for at, w in enumerate(before) if states.get(w.start) == DRIFTED]
    return before[: moved[0]] if moved else before


def _due(known: pd.DataFrame, windows: list[DriftWindow]) -> list[DriftWindow]:
    """Of the newest windows those that were never looked at as a whole, and the very newest again."""
    done = set(known.loc[known["complete"].astype(bool), "window_start"])
    newest = windows[-1 - _LOOKED_AT_AGAIN :]
    return [window for window in windows[-_WINDOWS:] if window.start not in done or window in newest]


def _examine(
    setups: pd.DataFrame,
    reference: pd.DataFrame,
    steady: list[DriftWindow],
    serving: ServingModel,
    window: DriftWindow,
    until: pd.Timestamp,
    known_until: pd.Timestamp,
    seed: int,
) -> DriftReport:
    known_at = setups["known_at"]
    within = setups[(known_at >= window.start) & (known_at < window.end)]
    # What was steady until something moved belongs to what is known; and of scores only it can tell, since those of
    # the training period are in-sample.
    before = [setups[(known_at >= w.start) & (known_at < w.end)] for w in steady]
    life = pd.Timedelta((reference["life_end"] - reference["known_at"]).median())
    since = max(known_until, window.end - LIVES_OF_OUTCOMES * life)
    return examine_drift(
        pd.concat([reference, *before], ignore_index=True),
        within,
        serving.model.feature_names,
        length=window.length if window.complete else max(until - window.start, pd.Timedelta(hours=1)),
        outcomes=setups[(known_at >= since) & (known_at < window.end)],
        seed=seed,
    )


def _known_until(trained_until: datetime | None, serving: ServingModel, window: DriftWindow) -> pd.Timestamp:
    """From when on outcomes are news: those that the newest training could see asked for it, and need not ask again."""
    if trained_until is not None and pd.Timestamp(trained_until) <= window.start:
        return pd.Timestamp(trained_until)
    return serving.model.cut


def _record(report: DriftReport, window: DriftWindow) -> dict[str, Any]:
    return {
        "window_start": window.start,
        "window_end": window.end,
        "complete": window.complete,
        "setups": report.setups,
        "reference_setups": report.reference_setups,
        "state": report.state,
        "reason": report.reason,
        "p_value": report.p_value,
        "share_dissimilar": report.share_dissimilar,
        "calibration": {name: asdict(estimate) for name, estimate in report.calibration.items()},
    }


def _metadata(connection: Any, timeframe: str, reports: dict[pd.Timestamp, DriftReport]) -> dict[str, Any]:
    if not reports:
        return {"windows": 0}
    newest = reports[max(reports)]
    metrics = drift_tables.drift_of_features(connection, timeframe)
    # Where the training period is too short to judge features by, a picture of them would only alarm.
    judged = metrics["p_value"].notna().any()
    pictures = drift_heat_maps(as_records(metrics)) if judged else {}
    return {
        "windows": len(reports),
        "state": newest.state,
        "why": newest.reason,
        **{f"heat_map_{name}": dg.MetadataValue.md(drawn) for name, drawn in pictures.items()},
    }


model_drift = RangeAsset(
    name="model_drift",
    partitions=timeframes,
    deps=["win_rate_model", "setup_features", "fvg_labels"],
    description=(
        "Whether the setups that follow a model's training period are still like those in it: features, scores, "
        "calibration and dissimilarity, in windows that follow each other. A complete window that has drifted beyond "
        "chance asks for a training."
    ),
    code_version=DRIFT_CODE,
    kinds=frozenset({"python", "postgres"}),
    group="learning",
    table="drift_reports",
    make=_drift_of,
    nothing="no model serves",
    resources=frozenset({"model_store", "own_features", "seed"}),
    begin=lambda work: {
        "versions": Versions(work.database, work.given["model_store"], work.given["own_features"])
    },
    automation_condition=once_a_day(),
)
