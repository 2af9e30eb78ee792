"""What people ask the tables: the state of every series, the outcomes of a timeframe, the latest signals."""

from typing import Any

import pandas as pd

from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.schema import PATHS, SETUP_KEY, TARGETS

_LABELS = ", ".join(
    f"l.{name}"
    for name in (
        "status",
        *[f"{column}_{k}_{path}" for k in TARGETS for path in PATHS for column in ("outcome", "r")],
        *[f"{name}_{k}" for name in ("identified", "identified_before") for k in TARGETS],
    )
)


def series_overview(connection: Any) -> pd.DataFrame:
    """One row per series: basis, origin, completeness, time range, and its worst state with the reason."""
    return read_frame(
        connection,
        """
        SELECT s.ticker, s.timeframe, s.source, s.adjustment, s.anchor, s.session, s.resampled_from,
               s.expected, s.missing, b.rows, b.first_ts, b.last_ts, w.state, w.asset, w.reason
        FROM series s
        LEFT JOIN series_status b ON (b.ticker, b.timeframe, b.asset) = (s.ticker, s.timeframe, 'bars')
        LEFT JOIN LATERAL (
            SELECT state, asset, reason FROM series_status t
            WHERE (t.ticker, t.timeframe) = (s.ticker, s.timeframe)
            ORDER BY (state = 'failed') DESC, (state = 'blocked') DESC, updated_at LIMIT 1
        ) w ON true
        ORDER BY s.ticker, array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], s.timeframe)
        """,
    )


def failed_without_series(connection: Any) -> pd.DataFrame:
    """Series that failed before anything was known of them, so that `series` has no row for them."""
    return read_frame(
        connection,
        """
        SELECT ticker, timeframe, asset, state, reason FROM series_status t
        WHERE state = 'failed' AND NOT EXISTS (
            SELECT 1 FROM series s WHERE (s.ticker, s.timeframe) = (t.ticker, t.timeframe))
        ORDER BY 1, 2, 3
        """,
    )


def counts_by_timeframe(connection: Any) -> pd.DataFrame:
    """`timeframe, series, bars, gaps, setups`, for timeframes that have bars."""
    return read_frame(
        connection,
        """
        SELECT timeframe,
               count(*) FILTER (WHERE asset = 'bars') AS series,
               coalesce(sum(rows) FILTER (WHERE asset = 'bars'), 0)::bigint AS bars,
               coalesce(sum(rows) FILTER (WHERE asset = 'fvg_detections'), 0)::bigint AS gaps,
               coalesce(sum(rows) FILTER (WHERE asset = 'fvg_labels'), 0)::bigint AS setups
        FROM series_status GROUP BY timeframe HAVING count(*) FILTER (WHERE asset = 'bars') > 0
        ORDER BY array_position(ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'], timeframe)
        """,
    )


def labels_of(connection: Any, timeframe: str) -> pd.DataFrame:
    """The labels of a timeframe over all tickers, in the order in which the setups became known."""
    return read_frame(
        connection,
        f"""
        SELECT s.ticker, s.ts, s.known_at, {_LABELS}
        FROM fvg_labels l JOIN fvg_setups s USING ({", ".join(SETUP_KEY)})
        WHERE l.timeframe = $1 ORDER BY s.known_at, s.ticker, s.side
        """,
        [timeframe],
    )


def reported_models(connection: Any) -> pd.DataFrame:
    """The model of each timeframe that serves, or, where none does, the one trained last."""
    return read_frame(
        connection,
        """
        SELECT DISTINCT ON (m.timeframe) m.timeframe, m.version, m.semantic_version, m.status, m.status_reason,
               m.split_version, m.algorithm, m.flag, m.setups_trained, m.setups_entered, m.test_metrics, m.tried,
               m.trained_at
        FROM models m ORDER BY m.timeframe, (m.status = 'active') DESC, m.version DESC
        """,
    )


def latest_signals(connection: Any) -> pd.DataFrame:
    """The newest model's predictions of the latest day that has any."""
    return read_frame(
        connection,
        """
        SELECT DISTINCT ON (timeframe, ticker, ts, side)
               day, ticker, timeframe, side, known_at, entry, stop, target_1, target_2, target_3,
               p_entered, p_target_1, p_target_2, p_target_3, p_target_1_low, p_target_1_high, signal,
               bars_to_exit, expected_r, predicted_price, confidence, hold_until, reasons, id, model_version,
               in_sample, flag
        FROM predictions WHERE day = (SELECT max(day) FROM predictions)
        ORDER BY timeframe, ticker, ts, side, model_version DESC
        """,
    )


def latest_known_at(connection: Any) -> pd.Timestamp | None:
    """When the newest setup became known, or None without any."""
    found = read_frame(connection, "SELECT max(known_at) AS latest FROM fvg_setups")["latest"].iloc[0]
    return None if pd.isna(found) else pd.Timestamp(found)
