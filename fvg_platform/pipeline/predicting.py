"""What is said of the setups of one day: by which version, from which values, and why; nothing is stored here."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from fvg_platform.learning.explanation import EXPECTED
from fvg_platform.learning.point_in_time import RECONSTRUCTED, Choice, Deployment, version_of_day
from fvg_platform.learning.reasons import reasons
from fvg_platform.learning.trained_model import (
    HOLDING_COLUMN,
    INTERVAL_COLUMNS,
    PREDICTION_COLUMNS,
    TrainedModel,
)
from fvg_platform.market.basis import Anchor, Session
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.future_bars import closes_after
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.pipeline.series_assets import said
from fvg_platform.pipeline.serving import OtherSetupsError, ServingModel, UnusableModelError, Versions
from fvg_platform.storage import model_registry as registry
from fvg_platform.storage.learning_tables import with_every_feature
from fvg_platform.storage.records import as_records
from fvg_platform.storage.schema import SETUP_KEY
from fvg_platform.trading.expectation import expectation
from fvg_platform.trading.signals import HOLD, decide

SAID_COLUMNS = (*PREDICTION_COLUMNS, *INTERVAL_COLUMNS, HOLDING_COLUMN)
LEVELS = ("entry", "stop", "target_1", "target_2", "target_3")
_MARKET = ["asset_class", "anchor", "session"]
# Reasons cost a millisecond each: signals to act on have them, and the best of each timeframe that people are shown.
_REASONS_SHOWN = 10
_REASONS_EACH = 3


@dataclass(frozen=True)
class Day:
    """The setups that became known from `start` on, before `end`; `newest`: none became known later."""

    start: pd.Timestamp
    end: pd.Timestamp
    newest: bool


@dataclass
class DayPredictions:
    """Rows of `predictions`; per timeframe the version that spoke, setups of which nothing was said, failures."""

    rows: list[dict[str, object]] = field(default_factory=list)
    choices: dict[str, Choice | None] = field(default_factory=dict)
    without_model: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, int]:
        """The version that spoke, by timeframe."""
        return {timeframe: choice.version for timeframe, choice in self.choices.items() if choice}

    @property
    def unserved(self) -> dict[str, str]:
        """Why setups of a timeframe that has a version have no prediction."""
        return {
            timeframe: f"{count_of(self.without_model[timeframe], 'setup')} of {timeframe}: {why}"
            for timeframe, why in self.failed.items()
            if timeframe in self.without_model
        }


def versions_of_day(connection: sa.Connection, day: Day) -> dict[str, Choice | None]:
    """Which version speaks of a day, for every timeframe."""
    by_timeframe: dict[str, list[Deployment]] = {timeframe: [] for timeframe in TIMEFRAMES}
    for row in registry.deployments(connection):
        until = None if row.served_until is None else pd.Timestamp(row.served_until)
        deployment = Deployment(row.version, pd.Timestamp(row.served_from), until, pd.Timestamp(row.cut))
        by_timeframe[row.timeframe].append(deployment)
    return {
        timeframe: version_of_day(deployments, day.start, day.end, newest=day.newest)
        for timeframe, deployments in by_timeframe.items()
    }


def predict_day(
    setups_of: Mapping[str, pd.DataFrame],
    spoken: pd.DataFrame,
    choices: Mapping[str, Choice | None],
    versions: Versions,
    day: Day,
) -> DayPredictions:
    """What is said of a day's setups; a timeframe that fails spoils no other.

    Parameters
    ----------
    setups_of
        By timeframe what :func:`fvg_platform.storage.prediction_tables.setups_known_within` gives, if not empty.
    spoken
        What was said of the day before: `SETUP_KEY` and `model_version`. Of a setup that some version has judged
        already, no other is made up afterwards: which one it would have been hangs on what was trained since.
    choices
        By timeframe the version that speaks; None where none does.
    """
    found = DayPredictions(choices=dict(choices))
    for timeframe, setups in setups_of.items():
        choice = choices[timeframe]
        known = np.zeros(len(setups), bool)
        if choice is not None:
            try:
                serving = versions.ready(timeframe, choice.version)
                known = serving.knows(setups)
                if choice.origin == RECONSTRUCTED:
                    setups = setups[~_judged_by_another(setups, spoken, choice.version)]
                    known = serving.knows(setups)
                if known.any():
                    found.rows += _predict(serving, setups[known], timeframe, choice.origin, day)
            except OtherSetupsError as error:
                # What a version of the past would have said of setups as they are planned now, nobody can tell.
                if error.serves:
                    found.failed[timeframe] = str(error)
            except UnusableModelError as error:
                found.failed[timeframe] = str(error)
            except Exception as error:  # the boundary: named by the asset, and no other timeframe is spoiled
                found.failed[timeframe], known = said(error), np.zeros(len(setups), bool)
        if not known.all():
            found.without_model[timeframe] = int((~known).sum())
    return found


def _judged_by_another(setups: pd.DataFrame, spoken: pd.DataFrame, version: int) -> npt.NDArray[np.bool_]:
    others = spoken.loc[spoken["model_version"] != version, list(SETUP_KEY)]
    mine = pd.MultiIndex.from_frame(setups[list(SETUP_KEY)])
    return np.asarray(mine.isin(pd.MultiIndex.from_frame(others)), bool)


def count_of(number: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _predict(
    serving: ServingModel, setups: pd.DataFrame, timeframe: str, origin: str, day: Day
) -> list[dict[str, object]]:
    model = serving.model
    setups = with_every_feature(setups, model.feature_names).reset_index(drop=True)
    began = time.perf_counter()
    probabilities = model.predict(setups)
    signals = decide(probabilities.assign(side=setups["side"]), model.threshold.value)
    latency_ms = (time.perf_counter() - began) * 1000 / len(setups)
    features = as_records(setups[list(model.feature_names)])
    expected = expectation(setups, probabilities, setups["cost_bps"].to_numpy(float))
    rows = setups[[*SETUP_KEY, "known_at", *LEVELS]].assign(
        **{name: probabilities[name] for name in SAID_COLUMNS},
        **{str(name): expected[name] for name in expected},
        signal=signals,
        hold_until=_hold_until(setups, probabilities[HOLDING_COLUMN], timeframe),
        reasons=_reasons(model, setups, signals, expected["expected_r"]),
        model_version=serving.version,
        origin=origin,
        day=day.start.date(),
        in_sample=setups["known_at"] < model.cut,
        flag=model.reason,
        features=pd.Series(features, index=setups.index, dtype=object),
        latency_ms=latency_ms,
    )
    return as_records(rows)


def _hold_until(setups: pd.DataFrame, bars: pd.Series, timeframe: str) -> pd.Series:
    """When a position that is filled by the next bar is expected to have left; NaT where the bars are unknown."""
    until = pd.Series(pd.NaT, index=setups.index, dtype="datetime64[us, UTC]")
    counted = setups[bars.notna()]
    for (asset_class, anchor, session), rows in counted.groupby(_MARKET, sort=False):
        calendar = trading_calendar(
            str(asset_class), anchor=cast("Anchor", anchor), session=cast("Session", session)
        )
        # The fill's bar is the next one, and bars are counted from there.
        ahead = np.ceil(bars[rows.index].to_numpy()).astype(np.int64) + 1
        closes = closes_after(pd.DatetimeIndex(rows["known_at"]), ahead, timeframe, calendar)
        until[rows.index] = closes.as_unit("us")
    return until


def _reasons(
    model: TrainedModel, setups: pd.DataFrame, signals: pd.Series, expected_r: pd.Series
) -> pd.Series:
    """Sentences on P(target 1) of the signals to act on, and of the best of the others; None elsewhere."""
    best = expected_r.sort_values(ascending=False, kind="stable").index[:_REASONS_SHOWN]
    shown = setups.index[(signals != HOLD) | setups.index.isin(best)]
    told = pd.Series(None, index=setups.index, dtype=object)
    if len(shown):
        contributions = model.explain(setups.loc[shown])
        values = setups.loc[shown, [name for name in contributions if name != EXPECTED]]
        sentences = reasons(contributions, values, top=_REASONS_EACH)
        told[shown] = pd.Series(sentences, index=shown, dtype=object)
    return told
