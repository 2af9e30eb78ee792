"""From labelled setups to a served model per timeframe: train_test_split, win_rate_model."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fvg_platform.learning.splits import PURGED, TEST, TRAIN, assign_parts, cut_time
from fvg_platform.market.timeframes import nominal_duration
from fvg_platform.pipeline.partitions import timeframes
from fvg_platform.pipeline.range_assets import RangeAsset, Work
from fvg_platform.pipeline.training import MODEL_CODE, train_timeframe
from fvg_platform.storage import learning_tables as tables

GROUP = "learning"
TRAIN_SHARE = 0.70
SPLIT_CODE = "1"


def _split_timeframe(timeframe: str, work: Work) -> dict[str, Any] | None:
    database = work.database
    with database.bulk() as connection:
        by_ticker = tables.bar_times(connection, timeframe)
        setups = tables.setup_lives(connection, timeframe)
    if not by_ticker:
        return None
    bars = sum(map(len, by_ticker.values()))
    cut = cut_time(by_ticker.values(), TRAIN_SHARE)
    with database.engine.begin() as connection:
        tables.lock(connection, f"split {timeframe}")
        fingerprint = split_fingerprint(tables.bar_revisions(connection, timeframe))
        newest = tables.newest_split(connection, timeframe)
        if newest is not None and newest.fingerprint == fingerprint:
            return _split_metadata(
                newest.split_version, newest.cut_ts, bars, "unchanged: the bars are the same"
            )
        version = 1 if newest is None else newest.split_version + 1
        lineage_id = tables.write_lineage(
            connection,
            run_id=work.run_id,
            asset="train_test_split",
            code_version=SPLIT_CODE,
            configuration={"train_share": TRAIN_SHARE},
        )
        embargo = nominal_duration(timeframe)
        split = {
            "timeframe": timeframe,
            "split_version": version,
            "cut_ts": cut,
            "train_share": TRAIN_SHARE,
            "embargo": embargo.to_pytimedelta(),
            "fingerprint": fingerprint,
            "lineage_id": lineage_id,
        }
        tables.store_split(connection, split, _counts_per_ticker(by_ticker, setups, cut, embargo))
    return _split_metadata(version, cut, bars, "new")


def split_fingerprint(bars: Sequence[tuple[str, int, int]]) -> str:
    """What a split depends on: `(ticker, revision, rows)` of each series, in order of the ticker."""
    parts = [list(series) for series in bars]
    return hashlib.sha256(json.dumps([SPLIT_CODE, TRAIN_SHARE, parts]).encode()).hexdigest()[:32]


def _counts_per_ticker(
    by_ticker: dict[str, pd.DatetimeIndex], setups: pd.DataFrame, cut: pd.Timestamp, embargo: pd.Timedelta
) -> list[dict[str, object]]:
    parts = assign_parts(setups, cut, embargo)
    rows: list[dict[str, object]] = []
    for ticker, ts in by_ticker.items():
        mine = setups[setups["ticker"] == ticker]
        own = parts[mine.index]
        rows.append(
            {
                "ticker": ticker,
                "bars_train": int((ts < cut).sum()),
                "bars_test": int((ts >= cut).sum()),
                **{f"setups_{part}": int((own == part).sum()) for part in (TRAIN, PURGED, TEST)},
                "last_train_life_end": _or_none(mine.loc[own == TRAIN, "life_end"].max()),
                "first_test_known_at": _or_none(mine.loc[own == TEST, "known_at"].min()),
            }
        )
    return rows


def _or_none(time: pd.Timestamp) -> pd.Timestamp | None:
    return None if pd.isna(time) else time


def _split_metadata(version: int, cut: pd.Timestamp, bars: int, state: str) -> dict[str, Any]:
    return {"split_version": version, "cut": str(cut), "bars": bars, "state": state}


train_test_split = RangeAsset(
    name="train_test_split",
    partitions=timeframes,
    deps=["bars", "fvg_labels"],
    description=(
        "One chronological cut per timeframe at 70 % of its distinct bar times, frozen per split version. "
        "The same bars give the same version; new bars give a new one, and the old ones stay as they were."
    ),
    code_version=SPLIT_CODE,
    kinds=frozenset({"pandas", "postgres"}),
    group=GROUP,
    table="train_test_splits",
    make=_split_timeframe,
    nothing="no usable bars, no split",
)


win_rate_model = RangeAsset(
    name="win_rate_model",
    partitions=timeframes,
    deps=["setup_features", "fvg_labels", "train_test_split"],
    description=(
        "P(target k before stop within max_hold | entered), k = 1, 2, 3, P(entered) and the bars to the exit, "
        "calibrated, each with an interval. The algorithm is what does best on the training period's folds: "
        "LightGBM, logistic regression, or the base rate. A new version serves if it is calibrated and not worse "
        "than the one that does on setups newer than both; else it waits as a candidate, and the reason is kept."
    ),
    code_version=MODEL_CODE,
    kinds=frozenset({"lightgbm", "scikitlearn", "postgres"}),
    group=GROUP,
    table="models",
    make=train_timeframe,
    nothing="no split, no model",
    resources=frozenset({"engine", "model_store", "own_features", "seed", "trials"}),
)
