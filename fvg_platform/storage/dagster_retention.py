"""Old runs and event logs of Dagster's own storage, which Dagster never purges by itself.

What the UI knows of an asset's partitions lies in these events, so the newest materialisation of every
partition and the newest evaluation of every check stay, whatever their age. Tables and columns are those of the
Dagster version that pyproject.toml pins.
"""

import datetime as dt

import sqlalchemy as sa

_OLD_EVENTS = sa.text(
    """
    WITH newest_check AS (
        SELECT max(id) AS id FROM asset_check_executions GROUP BY asset_key, check_name, partition
    ), newest AS (
        SELECT max(id) AS id FROM event_logs
        WHERE dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
        GROUP BY dagster_event_type, asset_key, partition
        UNION SELECT evaluation_event_storage_id FROM asset_check_executions JOIN newest_check USING (id)
        WHERE evaluation_event_storage_id IS NOT NULL
    ), old AS (
        SELECT run_id FROM runs
        WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED') AND update_timestamp < :before
    ), purged AS (
        DELETE FROM event_logs e USING old
        WHERE e.run_id = old.run_id AND NOT EXISTS (SELECT 1 FROM newest n WHERE n.id = e.id)
        RETURNING e.id
    ), purged_tags AS (
        DELETE FROM asset_event_tags t USING purged WHERE t.event_id = purged.id
    ), purged_checks AS (
        DELETE FROM asset_check_executions c USING old
        WHERE c.run_id = old.run_id AND NOT EXISTS (SELECT 1 FROM newest_check n WHERE n.id = c.id)
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
    """Delete events of runs that ended before a time, except what the UI still needs; returns how many.

    With them go their tags and the evaluations of checks that have newer ones: Dagster has no foreign keys there.
    """
    return int(connection.execute(_OLD_EVENTS, {"before": _naive_utc(before)}).scalar_one())


def runs_without_events(connection: sa.Connection, before: dt.datetime) -> list[str]:
    """Runs that ended before a time and have no event left."""
    return [row.run_id for row in connection.execute(_EMPTY_RUNS, {"before": _naive_utc(before)})]


def _naive_utc(time: dt.datetime) -> dt.datetime:
    """Dagster stores its times in UTC without a zone."""
    return time.astimezone(dt.UTC).replace(tzinfo=None)
