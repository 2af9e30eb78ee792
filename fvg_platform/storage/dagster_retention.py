"""Old runs and event logs of Dagster's own storage, which Dagster never purges by itself.

What the UI knows of an asset's partitions lies in these events, so the newest materialisation of every
partition and the newest evaluation of every check stay, whatever their age.
"""

import datetime as dt

import sqlalchemy as sa

_OLD_EVENTS = sa.text(
    """
    WITH newest AS (
        SELECT max(id) AS id FROM event_logs
        WHERE dagster_event_type = 'ASSET_MATERIALIZATION' GROUP BY asset_key, partition
        UNION SELECT max(id) FROM event_logs
        WHERE dagster_event_type = 'ASSET_OBSERVATION' GROUP BY asset_key, partition
        UNION SELECT evaluation_event_storage_id FROM asset_check_executions
        WHERE evaluation_event_storage_id IS NOT NULL
    ), purged AS (
        DELETE FROM event_logs e USING runs r
        WHERE r.run_id = e.run_id AND r.status IN ('SUCCESS', 'FAILURE', 'CANCELED')
          AND r.update_timestamp < :before AND NOT EXISTS (SELECT 1 FROM newest n WHERE n.id = e.id)
        RETURNING 1
    )
    SELECT count(*) FROM purged
    """
)
_EMPTY_RUNS = sa.text(
    """
    SELECT r.run_id FROM runs r
    WHERE r.status IN ('SUCCESS', 'FAILURE', 'CANCELED') AND r.update_timestamp < :before
      AND NOT EXISTS (SELECT 1 FROM event_logs e WHERE e.run_id = r.run_id)
    """
)


def purge_events(connection: sa.Connection, before: dt.datetime) -> int:
    """Delete events of runs that ended before a time, except what the UI still needs; returns how many."""
    return int(connection.execute(_OLD_EVENTS, {"before": _naive_utc(before)}).scalar_one())


def runs_without_events(connection: sa.Connection, before: dt.datetime) -> list[str]:
    """Runs that ended before a time and have no event left."""
    return [row.run_id for row in connection.execute(_EMPTY_RUNS, {"before": _naive_utc(before)})]


def _naive_utc(time: dt.datetime) -> dt.datetime:
    """Dagster stores its times in UTC without a zone."""
    return time.astimezone(dt.UTC).replace(tzinfo=None)
