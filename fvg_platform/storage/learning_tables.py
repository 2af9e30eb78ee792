"""Splits and training rows: what training reads and writes, beside the registry of models.

Models are in :mod:`fvg_platform.storage.model_registry`, what they say in
:mod:`fvg_platform.storage.prediction_tables`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from fvg_platform.market.timeframes import nominal_duration
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.schema import (
    PATHS,
    SETUP_KEY,
    TARGETS,
    fvg_setups,
    lineage,
    setup_features,
    train_test_config,
    train_test_splits,
)

_OUTCOMES = [f"outcome_{k}_{path}" for k in TARGETS for path in PATHS]
_LABELS = (
    "status",
    "life_end",
    "resolution",
    "entry_ts",
    "exit_ts_1_lo",
    "exit_ts_1_hi",
    "bars_to_exit_1",
)
_R = [f"r_{k}_{path}" for k in TARGETS for path in PATHS]
FEATURE_COLUMNS: tuple[str, ...] = tuple(
    c.name for c in setup_features.columns if c.name not in (*SETUP_KEY, "custom", "lineage_id")
)
_PLAN = ("entry", "stop", "risk", "target_1", "target_2", "target_3")


def write_lineage(
    connection: sa.Connection,
    *,
    run_id: str,
    asset: str,
    code_version: str,
    configuration: Mapping[str, object],
) -> int:
    """Note which run is about to write, and return the id that its rows carry."""
    record = {
        "run_id": run_id,
        "asset": asset,
        "code_version": code_version,
        "configuration": dict(configuration),
        "data_revision": 1,
    }
    return int(connection.execute(lineage.insert().values(record).returning(lineage.c.id)).scalar_one())


def lock(connection: sa.Connection, key: str) -> None:
    """Hold an advisory lock until the transaction ends: two runs on one thing wait for each other."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def bar_times(connection: Any, timeframe: str) -> dict[str, pd.DatetimeIndex]:
    """The open times of every bar of the timeframe, by ticker, of the series that may be used."""
    usable = read_frame(
        connection,
        "SELECT ticker FROM series_status WHERE timeframe = $1 AND asset = 'bars' AND state = 'ok' AND rows > 0 "
        "ORDER BY ticker",
        [timeframe],
    )
    query = "SELECT ts FROM market_data WHERE ticker = $1 AND timeframe = $2 ORDER BY ts"
    return {
        ticker: pd.DatetimeIndex(read_frame(connection, query, [ticker, timeframe])["ts"])
        for ticker in usable["ticker"]
    }


def setup_lives(connection: Any, timeframe: str) -> pd.DataFrame:
    """`ticker, known_at, life_end` of the setups that :func:`labelled_setups` gives whole."""
    return read_frame(
        connection,
        f"SELECT l.ticker, s.known_at, l.life_end {_LABELLED} ORDER BY s.known_at, l.ticker",
        [timeframe],
    )


# Setups of series whose labels and features may be used.
_LABELLED = """
    FROM fvg_labels l
    JOIN fvg_setups s USING (ticker, timeframe, ts, side, config_id)
    JOIN setup_features f USING (ticker, timeframe, ts, side, config_id)
    WHERE l.timeframe = $1 AND NOT EXISTS (
        SELECT 1 FROM series_status t
        WHERE (t.ticker, t.timeframe) = (l.ticker, l.timeframe)
          AND t.asset IN ('fvg_labels', 'setup_features') AND t.state <> 'ok'
    )
"""


def labelled_setups(connection: Any, timeframe: str) -> pd.DataFrame:
    """All setups of a timeframe with plans, labels and features, from series whose labels and features are ok.

    A user's own features come as columns too, by their names.
    """
    features = ", ".join(f'f."{name}"' for name in FEATURE_COLUMNS)
    plan = ", ".join(f"s.{name}" for name in _PLAN)
    labels = ", ".join(f"l.{name}" for name in (*_LABELS, *_OUTCOMES, *_R))
    key = ", ".join(f"l.{name}" for name in SETUP_KEY)
    found = read_frame(
        connection,
        f"SELECT {key}, s.known_at, {plan}, {labels}, {features}, f.custom {_LABELLED} "
        "ORDER BY s.known_at, l.ticker, l.ts, l.side",
        [timeframe],
    )
    return with_own_features(found)


def with_own_features(setups: pd.DataFrame) -> pd.DataFrame:
    """The column `custom`, dicts or NULL, as a column for each name in it."""
    custom, rest = setups["custom"], setups.drop(columns="custom")
    if custom.isna().all():
        return rest
    own = pd.DataFrame([values or {} for values in custom], index=setups.index, dtype=np.float64)
    return pd.concat([rest, own], axis=1)


def with_every_feature(setups: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The setups with a column for each name; a feature of a user's own that is NULL in all of them had none."""
    return setups.reindex(columns=list(dict.fromkeys([*setups, *names])))


def config_ids(connection: sa.Connection, timeframe: str) -> list[str]:
    """The configurations that the timeframe's setups were planned with, in order."""
    query = sa.select(fvg_setups.c.config_id).where(fvg_setups.c.timeframe == timeframe).distinct()
    return sorted(connection.execute(query).scalars())


def resolved_labels(connection: sa.Connection, timeframe: str) -> int:
    """How many setups of the timeframe have an outcome: entered, and not censored for the first target."""
    return int(
        connection.execute(
            sa.text(
                "SELECT count(*) FROM fvg_labels WHERE timeframe = :timeframe AND status = 'entered' "
                "AND outcome_1_lo <> 'censored'"
            ),
            {"timeframe": timeframe},
        ).scalar_one()
    )


def newest_split(connection: sa.Connection, timeframe: str) -> sa.Row | None:
    """The newest split version of a timeframe, or None."""
    table = train_test_splits
    query = (
        sa.select(table).where(table.c.timeframe == timeframe).order_by(table.c.split_version.desc()).limit(1)
    )
    return connection.execute(query).one_or_none()


def is_tested(connection: sa.Connection, timeframe: str, split_version: int) -> bool:
    """Whether a model has used the split version's test period already."""
    table = train_test_splits
    query = sa.select(table.c.tested_by).where(
        table.c.timeframe == timeframe, table.c.split_version == split_version
    )
    return connection.execute(query).scalar_one() is not None


def store_split(
    connection: sa.Connection, split: Mapping[str, object], per_ticker: Sequence[Mapping[str, object]]
) -> None:
    """Add a split version with its counts per ticker; a version that exists is frozen, so this never updates."""
    connection.execute(train_test_splits.insert().values(dict(split)))
    version = {"timeframe": split["timeframe"], "split_version": split["split_version"]}
    rows = [{**version, **row} for row in per_ticker]
    if rows:
        connection.execute(train_test_config.insert(), rows)


def last_bar_closes(connection: Any, timeframe: str, tickers: pd.Series) -> pd.Series:
    """For each of `tickers` when its newest bar closes: its open plus the bar's nominal length; NaT without bars."""
    found = read_frame(
        connection,
        "SELECT ticker, last_ts FROM series_status WHERE timeframe = $1 AND asset = 'bars' AND last_ts IS NOT NULL",
        [timeframe],
    )
    closes = found.set_index("ticker")["last_ts"] + nominal_duration(timeframe)
    return tickers.map(closes).astype(closes.dtype)


def bar_revisions(connection: sa.Connection, timeframe: str) -> list[tuple[str, int, int]]:
    """`(ticker, revision, rows)` of every series of the timeframe whose bars may be used."""
    query = sa.text(
        "SELECT ticker, revision, rows FROM series_status "
        "WHERE timeframe = :timeframe AND asset = 'bars' AND state = 'ok' AND rows > 0 ORDER BY ticker"
    )
    return [tuple(row) for row in connection.execute(query, {"timeframe": timeframe})]
