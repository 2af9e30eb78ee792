"""What speaks for training a model again, as the tables have it: labels, revised bars, drift, how predictions came out.

All of it is held against what the newest training of the timeframe knew, whether the version that came of it serves
or not. What it means is decided in :mod:`fvg_platform.learning.retraining`.
"""

from typing import Any

import sqlalchemy as sa

SKILL_WINDOW_DAYS = 30


def newest_trainings(connection: sa.Connection) -> list[sa.Row[Any]]:
    """Per timeframe with labels or a model: what its newest training knew, and the labels that there are now.

    Columns: `timeframe, resolved` (labels with an outcome), of the newest version `version, trained_at, data_until,
    trained_on, resolved_at_training, cut_ts, split_at, split_lineage, split_version`, `serving` (the version that
    does), and `last_attempt`, the start of the queue's newest training that came to its end or is at work.
    """
    query = sa.text(
        """
        WITH labels AS (
            SELECT timeframe, count(*) FILTER (WHERE outcome_1_lo <> 'censored') AS resolved
            FROM fvg_labels WHERE status = 'entered' GROUP BY timeframe
        ), newest AS (
            SELECT DISTINCT ON (m.timeframe) m.timeframe, m.version, m.trained_at, m.data_until,
                   m.setups_entered AS trained_on, m.setups_resolved AS resolved_at_training, m.split_version,
                   s.cut_ts, s.created_at AS split_at, s.lineage_id AS split_lineage
            FROM models m JOIN train_test_splits s USING (timeframe, split_version)
            ORDER BY m.timeframe, m.version DESC
        ), attempts AS (
            SELECT timeframe, max(started_at) AS last_attempt FROM retrain_queue
            WHERE status IN ('completed', 'processing') GROUP BY timeframe
        )
        SELECT timeframe, coalesce(resolved, 0) AS resolved, newest.version, trained_at, data_until, trained_on,
               resolved_at_training, cut_ts, split_at, split_lineage, newest.split_version,
               serving.version AS serving, last_attempt
        FROM labels FULL JOIN newest USING (timeframe)
        LEFT JOIN (SELECT timeframe, version FROM models WHERE status = 'active') serving USING (timeframe)
        LEFT JOIN attempts USING (timeframe)
        ORDER BY timeframe
        """
    )
    return list(connection.execute(query).all())


def resolved_since(connection: sa.Connection, timeframe: str, since: Any) -> int:
    """How many labels with an outcome were written, or written otherwise, since a time."""
    query = sa.text(
        """
        SELECT count(*) FROM fvg_labels l JOIN lineage w ON w.id = l.lineage_id
        WHERE l.timeframe = :timeframe AND l.status = 'entered' AND l.outcome_1_lo <> 'censored'
          AND w.written_at > :since
        """
    )
    return int(connection.execute(query, {"timeframe": timeframe, "since": since}).scalar_one())


def revised_series(connection: sa.Connection, training: sa.Row[Any], since: Any) -> tuple[str, ...]:
    """The tickers of a training's split whose bars from before its cut are not what they were at the time `since`.

    A revision says from which bar on it differs, so that bars that were appended are none. When it came about is told
    by the lineage of that bar, or by the revision's own where the bar is gone. Of a series of the source's own
    `clean_bars` writes the bars, and `bars` only passes them on; of a resampled one `bars` does.

    Parameters
    ----------
    training
        A row of :func:`newest_trainings`.
    """
    query = sa.text(
        """
        WITH changed AS (
            SELECT c.ticker, c.timeframe, c.asset, c.revision, greatest(c.changed_from, b.first_ts) AS ts
            FROM train_test_config t
            JOIN series s USING (ticker, timeframe)
            JOIN series_status b ON (b.ticker, b.timeframe, b.asset) = (t.ticker, t.timeframe, 'bars')
            JOIN series_changes c ON (c.ticker, c.timeframe, c.asset) = (
                t.ticker, t.timeframe, CASE WHEN s.resampled_from IS NULL THEN 'clean_bars' ELSE 'bars' END)
            WHERE t.timeframe = :timeframe AND t.split_version = :split_version AND t.bars_train > 0
              AND (c.changed_from IS NULL OR c.changed_from < :cut)
        ), dated AS (
            SELECT changed.*, w.written_at
            FROM changed
            LEFT JOIN market_data m USING (ticker, timeframe, ts)
            LEFT JOIN lineage w ON w.id = m.lineage_id
        )
        SELECT ticker FROM dated WHERE written_at > :since
        UNION
        SELECT d.ticker FROM dated d JOIN lineage w ON (w.ticker, w.timeframe, w.asset, w.data_revision)
                                                     = (d.ticker, d.timeframe, d.asset, d.revision)
        WHERE d.written_at IS NULL AND w.id > :split_lineage AND w.written_at > :since
        ORDER BY ticker
        """
    )
    given = {
        "timeframe": training.timeframe,
        "split_version": training.split_version,
        "split_lineage": training.split_lineage,
        "cut": training.cut_ts,
        "since": since,
    }
    return tuple(connection.execute(query, given).scalars())


def newest_drift(
    connection: sa.Connection, timeframe: str, version: int, known_until: Any
) -> sa.Row[Any] | None:
    """Of a version's complete windows from `known_until` on the newest that has drifted, or else the newest; or None.

    Each window is judged on its own: that a later one does not stand out takes nothing back.
    """
    query = sa.text(
        """
        SELECT window_start, window_end, state, reason FROM drift_reports
        WHERE timeframe = :timeframe AND model_version = :version AND complete AND window_start >= :known_until
        ORDER BY (state = 'drifted') DESC, window_start DESC LIMIT 1
        """
    )
    given = {"timeframe": timeframe, "version": version, "known_until": known_until}
    return connection.execute(query, given).one_or_none()


def rolling_skill(
    connection: sa.Connection, timeframe: str, version: int, known_until: Any
) -> list[sa.Row[Any]]:
    """How a version's predictions came out in every window of 30 days after `known_until`, oldest first.

    Columns: `mode`, and those of :class:`fvg_platform.learning.retraining.RollingSkill`.
    """
    query = sa.text(
        """
        SELECT mode, as_of, window_days, model_version AS version, entered, mean_p, win_rate_low, win_rate_high,
               skill_lo, skill_hi
        FROM model_performance
        WHERE timeframe = :timeframe AND model_version = :version AND window_days = :days
          AND origin = '*' AND ticker = '*' AND as_of >= CAST(:known_until AS date) + CAST(:days AS integer)
        ORDER BY mode, as_of
        """
    )
    given = {
        "timeframe": timeframe,
        "version": version,
        "known_until": known_until,
        "days": SKILL_WINDOW_DAYS,
    }
    return list(connection.execute(query, given).all())
