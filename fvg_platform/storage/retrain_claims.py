"""Taking trainings out of the queue: what may start now, and what names nothing that could be trained.

All daemons claim under one lock and in short transactions: two who count at once what was started would both stay
below the cap. Beside it rows that somebody holds are skipped, and an index lets no timeframe be at work twice.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from fvg_platform.learning.retraining import HAND
from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.storage.learning_tables import lock
from fvg_platform.storage.schema import retrain_queue

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
QUEUE_LOCK = "retrain queue"
# What names signals is looked up by so many a time, so that no flood of rows makes a claim slow: 1,000 take 40 ms.
LOOKED_AT = 1_000
_DAY = dt.timedelta(hours=24)

_queue = retrain_queue.c


@dataclass(frozen=True)
class Claim:
    """An entry that its claimer has to start a training for; `attempts` counts this one."""

    id: int
    timeframe: str
    trigger: str
    reason: str
    attempts: int


def claim(connection: sa.Connection, *, cool_down: dt.timedelta, daily_cap: int, free: int) -> list[Claim]:
    """Take what is to be trained now out of the queue: at most one entry of a timeframe, the most urgent first.

    Left waiting is what has a timeframe at work, one that another entry started less than `cool_down` ago, or a cap
    that is used up; neither of the last two holds for what a person asked for. Entries that name nothing that exists
    are failed with a message. All in the caller's transaction, which should end at once.

    Parameters
    ----------
    cool_down
        No training of a timeframe within this time of the start of the one before.
    daily_cap
        Attempts within 24 hours, over all timeframes.
    free
        How many may be taken at most.
    """
    lock(connection, QUEUE_LOCK)
    looked_at = list(connection.execute(_LOOKED_AT, {"limit": LOOKED_AT}).scalars())
    connection.execute(_JOIN_THE_SAME, {"ids": looked_at})
    connection.execute(_FIND_BY_SIGNAL, {"ids": looked_at})
    connection.execute(_FAIL_WHAT_NAMES_NOTHING, {"ids": looked_at, "timeframes": list(TIMEFRAMES)})
    # now() is the start of this transaction: what was started while it waited for the lock would lie in the future.
    now: dt.datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    ready = connection.execute(_ready(now, cool_down)).all() if free > 0 else []
    chosen = _within(ready, free, daily_cap - _started_today(connection, now))
    if not chosen:
        return []
    taken = (
        retrain_queue.update()
        .where(_queue.id.in_(chosen))
        .values(status=PROCESSING, started_at=now, attempts=_queue.attempts + 1, run_id=None, not_before=None)
        .returning(*(_queue[name] for name in Claim.__annotations__))
    )
    claims = {row.id: Claim(*row) for row in connection.execute(taken)}
    return [claims[entry] for entry in chosen]


def _within(ready: Iterable[sa.Row[Any]], free: int, left: int) -> list[int]:
    """The first `free` that may start; what a person asked for takes nothing from the `left` of the day's cap."""
    chosen: list[int] = []
    for row in ready:
        if len(chosen) < free and (row.trigger == HAND or left > 0):
            chosen.append(row.id)
            left -= row.trigger != HAND
    return chosen


def _started_today(connection: sa.Connection, now: dt.datetime) -> int:
    attempts = sa.func.coalesce(sa.func.sum(_queue.attempts), 0)
    query = sa.select(attempts).where(_queue.started_at > now - _DAY, _queue.trigger != HAND)
    return int(connection.execute(query).scalar_one())


def _ready(now: dt.datetime, cool_down: dt.timedelta) -> sa.Select[Any]:
    """The best entry of each timeframe that may be started, the most urgent first."""
    waiting, other = retrain_queue.alias("waiting"), retrain_queue.alias("other")
    same = other.c.timeframe == waiting.c.timeframe
    at_work = sa.exists().where(same, other.c.status == PROCESSING)
    # An entry that came back waits for its own time: its own crashed start keeps it from nothing.
    just_started = sa.exists().where(same, other.c.started_at > now - cool_down, other.c.id != waiting.c.id)
    best = (
        sa.select(waiting.c.id)
        .ext(distinct_on(waiting.c.timeframe))
        .where(
            waiting.c.status == PENDING,
            waiting.c.timeframe.is_not(None),
            sa.or_(waiting.c.not_before.is_(None), waiting.c.not_before <= now),
            ~at_work,
            sa.or_(waiting.c.trigger == HAND, ~just_started),
        )
        .order_by(waiting.c.timeframe, waiting.c.priority, waiting.c.inserted_at, waiting.c.id)
    )
    return (
        sa.select(_queue.id, _queue.trigger)
        .where(_queue.id.in_(best), _queue.status == PENDING)
        .order_by(_queue.priority, _queue.inserted_at, _queue.id)
        .with_for_update(skip_locked=True)
    )


# Those that know their timeframe, at most a few dozen that make sense, before those that name a signal alone.
_LOOKED_AT = sa.text(
    """
    SELECT id FROM retrain_queue WHERE status = 'pending'
    ORDER BY timeframe IS NULL, priority, inserted_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
# Materialised, for of a queue that has just been flooded the planner knows nothing: it would do the work for each row.
_IDS = sa.bindparam("ids", type_=sa.ARRAY(sa.BigInteger))
# Entries that name a signal alone: where the same waits for its timeframe already, that takes over their priority, ...
_JOIN_THE_SAME = sa.text(
    """
    WITH urgent AS MATERIALIZED (
        SELECT p.timeframe, w.trigger, min(w.priority) AS priority
        FROM retrain_queue w JOIN predictions p ON p.id = w.signal_id
        WHERE w.id = ANY (:ids) AND w.timeframe IS NULL GROUP BY 1, 2
    )
    UPDATE retrain_queue q SET priority = urgent.priority FROM urgent
    WHERE q.status = 'pending' AND (q.timeframe, q.trigger) = (urgent.timeframe, urgent.trigger)
      AND q.priority > urgent.priority
    """
).bindparams(_IDS)
# ... and they end; else the most urgent one of each is given the timeframe.
_FIND_BY_SIGNAL = sa.text(
    """
    WITH waits AS MATERIALIZED (
        SELECT id, timeframe, trigger FROM retrain_queue WHERE status = 'pending' AND timeframe IS NOT NULL
    )
    UPDATE retrain_queue q SET
        timeframe = found.timeframe,
        model_version = coalesce(q.model_version, found.model_version),
        status = CASE WHEN found.goes_on = q.id THEN q.status ELSE 'completed' END,
        completed_at = CASE WHEN found.goes_on = q.id THEN NULL ELSE clock_timestamp() END,
        result = CASE WHEN found.goes_on = q.id THEN NULL
                      ELSE format('entry %s waits for the same', found.goes_on) END
    FROM (
        SELECT w.id, p.timeframe, p.model_version, coalesce(waits.id, first_value(w.id) OVER (
            PARTITION BY p.timeframe, w.trigger ORDER BY w.priority, w.inserted_at, w.id)) AS goes_on
        FROM retrain_queue w JOIN predictions p ON p.id = w.signal_id
        LEFT JOIN waits ON (waits.timeframe, waits.trigger) = (p.timeframe, w.trigger)
        WHERE w.id = ANY (:ids) AND w.timeframe IS NULL
    ) found
    WHERE q.id = found.id
    """
).bindparams(_IDS)
_FAIL_WHAT_NAMES_NOTHING = sa.text(
    """
    UPDATE retrain_queue q
    SET status = 'failed', completed_at = clock_timestamp(), error_message = found.message
    FROM (
        SELECT w.id, CASE
            WHEN w.signal_id IS NOT NULL AND p.id IS NULL
                THEN format('there is no signal %s: see predictions.id', w.signal_id)
            WHEN w.timeframe IS NULL THEN 'it names neither a signal nor a timeframe: there is nothing to train'
            WHEN w.timeframe <> ALL (:timeframes)
                THEN format('there is no timeframe %s: use one of %s', w.timeframe,
                            array_to_string(:timeframes, ', '))
            WHEN p.timeframe <> w.timeframe
                THEN format('signal %s is of %s, not of %s: name one of the two', w.signal_id, p.timeframe,
                            w.timeframe)
            WHEN w.model_version IS NOT NULL AND m.version IS NULL
                THEN format('there is no version %s of the model of %s: see `fvg models list`', w.model_version,
                            w.timeframe)
        END AS message
        FROM retrain_queue w
        LEFT JOIN predictions p ON p.id = w.signal_id
        LEFT JOIN models m ON (m.timeframe, m.version) = (w.timeframe, w.model_version)
        WHERE w.id = ANY (:ids) AND w.status = 'pending'
    ) found
    WHERE q.id = found.id AND found.message IS NOT NULL
    """
).bindparams(_IDS, sa.bindparam("timeframes", type_=sa.ARRAY(sa.Text)))
