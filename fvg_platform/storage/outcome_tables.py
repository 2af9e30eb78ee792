"""What became of each prediction: outcomes follow the labels of their setups, however late or revised."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.market.timeframes import TIMEFRAMES, nominal_duration
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.schema import PATHS, SETUP_KEY, TARGETS, prediction_outcomes

_KEY = ", ".join(SETUP_KEY)
_OUTCOMES = [f"outcome_{k}_{path}" for k in TARGETS for path in PATHS]
_R = [f"r_{k}_{path}" for k in TARGETS for path in PATHS]

# The plan is still the one that was predicted: within 1 % of the risk, or the same shape at another scale (a split or
# a stock dividend; prices that moved by less than 2 % as a whole cannot be told from it).
_SAME_LEVELS = " AND ".join(
    f"abs(s.{level} - p.{level}) <= 0.01 * abs(p.entry - p.stop)"
    for level in ("entry", "stop", "target_1", "target_2", "target_3")
)
_SAME_SHAPE = " AND ".join(
    f"abs(s.{level} * p.entry - p.{level} * s.entry) <= 0.01 * abs(p.entry - p.stop) * s.entry"
    for level in ("stop", "target_1", "target_2", "target_3")
)
# R = (side (exit - fill) - cost (fill + exit)) / risk, solved for the exit: specification, 5.
_EXIT = """CASE WHEN l.status = 'entered' THEN
            (l.r_1_{path} * s.risk + l.entry_price * (p.side + e.cost)) / (p.side - e.cost)
        END AS actual_price_{path}"""
_CHANGE = "actual_price_{path} / nullif(fill, 0) - 1 AS actual_change_{path}"
_OPEN = " OR ".join(f"l.{name} = 'censored'" for name in _OUTCOMES)
_LAST_EXIT = ", ".join(f"l.exit_ts_{k}_{path}" for k in TARGETS for path in PATHS)
_DURATIONS = ", ".join(
    f"('{timeframe}', interval '{nominal_duration(timeframe).total_seconds():.0f} seconds')"
    for timeframe in TIMEFRAMES
)
# Of a series whose bars were pruned, or whose setups are planned by another configuration now, nothing new is known:
# what is stored of them stays.
_FOUND = f"""
    SELECT {", ".join(f"p.{name}" for name in SETUP_KEY)}, p.model_version, p.id AS prediction_id, p.day, p.known_at,
        l.life_end, e.mode, coalesce(p.origin, 'live') AS origin, p.in_sample, p.p_target_1, p.signal, p.expected_r,
        p.latency_ms, coalesce(p.direction, CASE WHEN p.side > 0 THEN 'UP' ELSE 'DOWN' END) AS direction,
        l.status, {", ".join(f"l.{name}" for name in (*_OUTCOMES, *_R))}, l.entry_price AS fill,
        {", ".join(_EXIT.format(path=path) for path in PATHS)},
        coalesce(l.life_end <= b.closes, false) AS horizon_passed,
        NOT coalesce(({_SAME_LEVELS}) OR (s.entry * p.entry > 0 AND abs(ln(s.entry / p.entry)) > 0.02
            AND {_SAME_SHAPE}), false) AS superseded,
        CASE WHEN l.status = 'pending' OR (l.status = 'entered' AND ({_OPEN})) THEN NULL
             ELSE coalesce(greatest({_LAST_EXIT}), l.life_end)
        END AS resolved_at
    FROM predictions p
    JOIN (SELECT config_id, mode, (configuration->>'cost_bps')::double precision * 1e-4 AS cost FROM engine_configs) e
        USING (config_id)
    LEFT JOIN fvg_setups s USING ({_KEY})
    LEFT JOIN fvg_labels l USING ({_KEY})
    LEFT JOIN (
        SELECT t.ticker, t.timeframe, t.first_ts, t.last_ts + d.duration AS closes
        FROM series_status t JOIN (VALUES {_DURATIONS}) d (timeframe, duration) USING (timeframe)
        WHERE t.asset = 'bars' AND t.last_ts IS NOT NULL
    ) b USING (ticker, timeframe)
    WHERE l.status IS NOT NULL OR (s.entry IS NULL AND b.first_ts <= p.ts AND EXISTS (
        SELECT 1 FROM fvg_setups o
        WHERE (o.ticker, o.timeframe, o.config_id) = (p.ticker, p.timeframe, p.config_id)))
"""
_SAID = (
    "prediction_id", "day", "known_at", "mode", "origin", "in_sample", "p_target_1", "signal", "expected_r",
    "latency_ms",
)  # fmt: skip
_BECAME = (
    "life_end", *_OUTCOMES, *_R, *(f"actual_{what}_{path}" for what in ("price", "change") for path in PATHS),
    "actual_direction", "correct", "resolved_at",
)  # fmt: skip
# Prices are solved back from R: what differs by less is a timeout at the price of the fill.
_TIE = "1e-9 * abs(fill)"
# Of a superseded setup nothing is told: what its successor did is another story.
_TOLD = f"""
    SELECT {_KEY}, model_version, {", ".join(_SAID)}, superseded, horizon_passed AND NOT superseded AS horizon_passed,
        CASE WHEN superseded THEN 'superseded' ELSE status END AS status,
        {", ".join(f"CASE WHEN NOT superseded THEN {name} END AS {name}" for name in _BECAME)}
    FROM (
        SELECT *, actual_direction = direction AS correct FROM (
            SELECT *, {", ".join(_CHANGE.format(path=path) for path in PATHS)},
                CASE WHEN least(actual_price_lo, actual_price_hi) > fill + {_TIE} THEN 'UP'
                     WHEN greatest(actual_price_lo, actual_price_hi) < fill - {_TIE} THEN 'DOWN'
                END AS actual_direction
            FROM ({_FOUND}) found
        ) moved
    ) judged
"""
_KEPT = (*_SAID, "superseded", "horizon_passed", "status", *_BECAME)


def fill_outcomes(connection: sa.Connection, lineage_id: int) -> int:
    """Bring every prediction's outcome up to its label, however late or revised; returns how many rows changed.

    A prediction whose setup is gone, or planned otherwise, since bars were corrected is marked as superseded.
    """
    excluded = ", ".join(f"excluded.{name}" for name in _KEPT)
    query = f"""
        INSERT INTO prediction_outcomes AS o ({_KEY}, model_version, {", ".join(_KEPT)}, lineage_id)
        SELECT {_KEY}, model_version, {", ".join(_KEPT)}, :lineage_id FROM ({_TOLD}) told
        ON CONFLICT ({_KEY}, model_version) DO UPDATE
        SET ({", ".join(_KEPT)}, lineage_id) = ({excluded}, excluded.lineage_id)
        WHERE ({", ".join(f"o.{name}" for name in _KEPT)}) IS DISTINCT FROM ({excluded})
    """
    return connection.execute(sa.text(query), {"lineage_id": lineage_id}).rowcount


def outcome_counts(connection: sa.Connection) -> tuple[int, int]:
    """Rows in `prediction_outcomes`, and how many of them are not resolved yet."""
    table = prediction_outcomes
    still_open = sa.func.count().filter(table.c.resolved_at.is_(None), ~table.c.superseded)
    rows, open_ = connection.execute(sa.select(sa.func.count(), still_open)).one()
    return int(rows), int(open_)


def outcomes_missing(connection: sa.Connection) -> bool:
    """Whether a prediction whose setup has a label has no outcome yet."""
    query = f"""
        SELECT EXISTS (
            SELECT 1 FROM predictions p JOIN fvg_labels l USING ({_KEY})
            WHERE NOT EXISTS (SELECT 1 FROM prediction_outcomes o WHERE o.prediction_id = p.id))
    """
    return bool(connection.execute(sa.text(query)).scalar_one())


def newest_bar_close(connection: Any) -> pd.Timestamp | None:
    """When the newest bar of all series closes, give or take a break of the market; None without bars."""
    query = f"""
        SELECT max(t.last_ts + d.duration) AS closes
        FROM series_status t JOIN (VALUES {_DURATIONS}) d (timeframe, duration) USING (timeframe)
        WHERE t.asset = 'bars' AND t.last_ts IS NOT NULL
    """
    closes = read_frame(connection, query)["closes"].iloc[0]
    return None if pd.isna(closes) else pd.Timestamp(closes)
