"""What models are asked about, and what they said: predictions are added and never changed.

What became of them is in :mod:`fvg_platform.storage.outcome_tables`.
"""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.learning_tables import FEATURE_COLUMNS, with_own_features
from fvg_platform.storage.schema import SETUP_KEY, predictions


def timeframes_within(connection: Any, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    """The timeframes that have setups with `start <= known_at < end`."""
    found = read_frame(
        connection,
        "SELECT DISTINCT timeframe FROM fvg_setups WHERE known_at >= $1 AND known_at < $2",
        [start, end],
    )
    return [timeframe for timeframe in TIMEFRAMES if timeframe in set(found["timeframe"])]


def setups_known_within(
    connection: Any, timeframe: str, start: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """Setups with `start <= known_at < end`: plans, costs, the market's basis, features; of series that are ok."""
    features = ", ".join(f'f."{name}"' for name in FEATURE_COLUMNS)
    key = ", ".join(f"s.{name}" for name in SETUP_KEY)
    found = read_frame(
        connection,
        f"""
        SELECT {key}, s.known_at, s.entry, s.stop, s.risk, s.target_1, s.target_2, s.target_3,
               (e.configuration->>'cost_bps')::double precision AS cost_bps,
               b.asset_class, b.anchor, b.session, {features}, f.custom
        FROM fvg_setups s JOIN setup_features f USING (ticker, timeframe, ts, side, config_id)
        JOIN engine_configs e USING (config_id)
        JOIN series b ON (b.ticker, b.timeframe) = (s.ticker, s.timeframe)
        WHERE s.timeframe = $1 AND s.known_at >= $2 AND s.known_at < $3 AND NOT EXISTS (
            SELECT 1 FROM series_status t
            WHERE (t.ticker, t.timeframe) = (s.ticker, s.timeframe)
              AND t.asset IN ('fvg_setups', 'setup_features') AND t.state <> 'ok'
        )
        ORDER BY s.ticker, s.ts, s.side
        """,
        [timeframe, start, end],
    )
    return with_own_features(found)


def append_predictions(connection: sa.Connection, rows: list[dict[str, object]]) -> int:
    """Add predictions that are not there yet and return how many were new; nothing is ever changed."""
    if not rows:
        return 0
    statement = insert(predictions).on_conflict_do_nothing().returning(predictions.c.ticker)
    return len(connection.execute(statement, rows).all())


def spoken_of(connection: Any, day: str) -> pd.DataFrame:
    """The setups of a day that were predicted, by their keys, and by which `model_version`."""
    return read_frame(
        connection,
        f"SELECT {', '.join(SETUP_KEY)}, model_version FROM predictions WHERE day = $1::date",
        [day],
    )


def signal_exists(connection: sa.Connection, signal: int) -> bool:
    """Whether a prediction has this id."""
    return bool(connection.execute(sa.select(sa.exists().where(predictions.c.id == signal))).scalar_one())


def days_with_setups(connection: sa.Connection, first: str, last: str) -> list[str]:
    """The days (exchange time) from the first to the last on which some setup became known, in order."""
    query = sa.text(
        """
        SELECT DISTINCT ((known_at AT TIME ZONE 'America/New_York')::date)::text AS day FROM fvg_setups
        WHERE known_at >= (:first)::date::timestamp AT TIME ZONE 'America/New_York'
          AND known_at < ((:last)::date + 1)::timestamp AT TIME ZONE 'America/New_York'
        ORDER BY day
        """
    )
    return list(connection.execute(query, {"first": first, "last": last}).scalars())


def unpredicted_setups(connection: sa.Connection, day: str) -> int:
    """Setups that became known on a day (exchange time) and that their timeframe's active model has not judged."""
    query = sa.text(
        """
        SELECT count(*) FROM fvg_setups s
        JOIN models serving ON serving.timeframe = s.timeframe AND serving.status = 'active'
        WHERE s.known_at >= (:day)::date::timestamp AT TIME ZONE 'America/New_York'
          AND s.known_at < ((:day)::date + 1)::timestamp AT TIME ZONE 'America/New_York'
          AND NOT EXISTS (
            SELECT 1 FROM predictions p
            WHERE (p.ticker, p.timeframe, p.ts, p.side, p.config_id, p.model_version)
                = (s.ticker, s.timeframe, s.ts, s.side, s.config_id, serving.version))
        """
    )
    return int(connection.execute(query, {"day": day}).scalar_one())
