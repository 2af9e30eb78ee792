"""The queue of trainings: who waits, who is at work, what came of it. When to train is decided elsewhere.

pending → processing → completed, or back to pending when its run crashed, and failed after three attempts. Every
change is made in a short transaction under one lock and looks at the status that it comes from, so that whoever comes
second changes nothing. Times are the database's.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fvg_platform.learning.retraining import HAND, PRIORITIES
from fvg_platform.storage.learning_tables import lock
from fvg_platform.storage.retrain_claims import (
    COMPLETED,
    FAILED,
    PENDING,
    PROCESSING,
    QUEUE_LOCK,
    Claim,
    claim,
)
from fvg_platform.storage.schema import predictions, retrain_queue

__all__ = [
    "BACKOFF",
    "COMPLETED",
    "FAILED",
    "HAND",
    "MAX_ATTEMPTS",
    "PENDING",
    "PROCESSING",
    "QUEUE_LOCK",
    "Claim",
    "attach_run",
    "claim",
    "complete",
    "enqueue",
    "give_back",
    "processing",
    "recent",
    "touched_since",
    "waiting",
    "withdraw",
]

MAX_ATTEMPTS = 3
BACKOFF = dt.timedelta(minutes=15)
_ERROR_LENGTH = 4_000

_queue = retrain_queue.c


def enqueue(
    connection: sa.Connection,
    *,
    trigger: str,
    reason: str | None,
    priority: int | None = None,
    timeframe: str | None = None,
    model_version: int | None = None,
    signal_id: int | None = None,
) -> int | None:
    """Put a training into the queue; where the same waits already, it takes over the reason and the higher priority.

    Parameters
    ----------
    trigger, reason
        What wants the training (see `PRIORITIES`), and why, as a sentence; None says no more than who asks, and leaves
        the reason of one that waits already.
    priority
        1 (first) to 5; by default the trigger's own.
    timeframe, model_version, signal_id
        What is to be trained: a timeframe, or that of the prediction with this id. What names nothing that exists
        is taken in, and failed with a message by whoever claims it.

    Returns
    -------
    The entry's id, or None where the same waits already.

    Raises
    ------
    ValueError
        An unknown trigger, or a priority outside of 1 to 5.
    """
    if trigger not in PRIORITIES:
        raise ValueError(f"a training cannot be asked for by {trigger!r}: use one of {', '.join(PRIORITIES)}")
    priority = PRIORITIES[trigger] if priority is None else priority
    if not 1 <= priority <= 5:
        raise ValueError(f"a priority lies between 1, the first, and 5, the last, got {priority}")
    lock(connection, QUEUE_LOCK)
    if timeframe is None and signal_id is not None:
        signal = predictions.c
        query = sa.select(signal.timeframe, signal.model_version).where(signal.id == signal_id)
        said = connection.execute(query).one_or_none()
        if said is not None:
            timeframe, model_version = said.timeframe, model_version or said.model_version
    new = insert(retrain_queue).values(
        trigger=trigger,
        reason=reason or f"asked for by {trigger}",
        priority=priority,
        timeframe=timeframe,
        model_version=model_version,
        signal_id=signal_id,
    )
    taken_over = {
        "priority": sa.func.least(_queue.priority, new.excluded.priority),
        "reason": _queue.reason if reason is None else new.excluded.reason,
        "model_version": sa.func.coalesce(new.excluded.model_version, _queue.model_version),
        "signal_id": sa.func.coalesce(new.excluded.signal_id, _queue.signal_id),
    }
    if trigger == HAND:
        taken_over["not_before"] = sa.null()  # whoever asks again does not wait for the last failure
    differs = sa.tuple_(*(_queue[name] for name in taken_over)).is_distinct_from(
        sa.tuple_(*taken_over.values())
    )
    statement = new.on_conflict_do_update(
        index_elements=[_queue.timeframe, _queue.trigger],
        index_where=_queue.status == sa.literal_column(f"'{PENDING}'"),
        set_=taken_over,
        where=differs,
    ).returning(_queue.id, sa.literal_column("xmax = 0").label("inserted"))
    row = connection.execute(statement).one_or_none()
    return int(row.id) if row is not None and row.inserted else None


def _end(status: str, **values: object) -> dict[str, object]:
    return {"status": status, "completed_at": sa.func.clock_timestamp(), **values}


def processing(connection: sa.Connection) -> list[sa.Row[Any]]:
    """The entries that are at work, and those that came back: whole rows, with their `age` since they were claimed.

    An entry that came back may have a run after all, of a daemon that was slow.
    """
    age = (sa.func.clock_timestamp() - _queue.started_at).label("age")
    came_back = sa.and_(_queue.status == PENDING, _queue.attempts > 0)
    query = (
        sa.select(retrain_queue, age)
        .where(sa.or_(_queue.status == PROCESSING, came_back))
        .order_by(_queue.id)
    )
    return list(connection.execute(query).all())


def attach_run(connection: sa.Connection, entry: int, run_id: str) -> None:
    """Note which run trains for an entry; one that had been given back is at work again."""
    lock(connection, QUEUE_LOCK)
    at_work = retrain_queue.alias("at_work")
    busy = sa.exists().where(
        at_work.c.timeframe == _queue.timeframe, at_work.c.status == PROCESSING, at_work.c.id != _queue.id
    )
    connection.execute(
        retrain_queue.update()
        .where(
            _queue.id == entry,
            sa.or_(_queue.status == PROCESSING, sa.and_(_queue.status == PENDING, ~busy)),
            sa.or_(_queue.run_id.is_distinct_from(run_id), _queue.status == PENDING),
        )
        .values(status=PROCESSING, run_id=run_id, not_before=None)
    )


def complete(connection: sa.Connection, entry: int, result: str) -> bool:
    """Close an entry whose training has ended, and with it what waited for the same before it began.

    Returns
    -------
    Whether it was still at work; if not, nothing is changed.
    """
    lock(connection, QUEUE_LOCK)
    done = connection.execute(
        retrain_queue.update()
        .where(_queue.id == entry, _queue.status == PROCESSING)
        .values(**_end(COMPLETED, result=result))
        .returning(_queue.timeframe, _queue.started_at)
    ).one_or_none()
    if done is None:
        return False
    connection.execute(
        retrain_queue.update()
        .where(
            _queue.status == PENDING,
            _queue.timeframe == done.timeframe,
            _queue.inserted_at < done.started_at,
        )
        .values(**_end(COMPLETED, result=f"trained by entry {entry}: {result}"))
    )
    return True


def give_back(
    connection: sa.Connection,
    entry: int,
    error: str,
    *,
    max_attempts: int = MAX_ATTEMPTS,
    backoff: dt.timedelta = BACKOFF,
) -> str | None:
    """Let an entry whose run ended badly wait again, each time twice as long; after the last attempt it has failed.

    Where the same was put into the queue meanwhile, that ends: this entry goes on with its reason.

    Returns
    -------
    Its status now; None where it was not at work any more, and nothing is changed.
    """
    lock(connection, QUEUE_LOCK)
    at_work = sa.and_(_queue.id == entry, _queue.status == PROCESSING)
    row = connection.execute(sa.select(retrain_queue).where(at_work).with_for_update()).one_or_none()
    if row is None:
        return None
    error = error if len(error) <= _ERROR_LENGTH else error[: _ERROR_LENGTH - 1] + "…"
    this = retrain_queue.update().where(_queue.id == entry)
    if row.attempts >= max_attempts:
        connection.execute(this.values(**_end(FAILED, error_message=error)))
        return FAILED
    the_same = retrain_queue.update().where(
        _queue.status == PENDING, _queue.timeframe == row.timeframe, _queue.trigger == row.trigger
    )
    joined = connection.execute(
        the_same.values(**_end(COMPLETED, result=f"entry {entry} waits for the same")).returning(
            _queue.reason, _queue.priority
        )
    ).one_or_none()
    connection.execute(
        this.values(
            status=PENDING,
            run_id=None,
            error_message=error,
            not_before=sa.func.clock_timestamp() + backoff * 2 ** (row.attempts - 1),
            reason=row.reason if joined is None else joined.reason,
            priority=row.priority if joined is None else min(row.priority, joined.priority),
        )
    )
    return PENDING


def withdraw(connection: sa.Connection, entry: int, result: str) -> bool:
    """Close an entry that still waits for what has come about without it; whether it did wait."""
    done = connection.execute(
        retrain_queue.update()
        .where(_queue.id == entry, _queue.status == PENDING)
        .values(**_end(COMPLETED, result=result))
        .returning(_queue.id)
    )
    return done.one_or_none() is not None


def waiting(connection: sa.Connection) -> list[sa.Row[Any]]:
    """The entries that wait, most urgent first."""
    query = (
        sa.select(retrain_queue)
        .where(_queue.status == PENDING)
        .order_by(_queue.priority, _queue.inserted_at, _queue.id)
    )
    return list(connection.execute(query).all())


def touched_since(connection: sa.Connection, since: dt.datetime) -> set[str]:
    """The timeframes that are at work, or whose training has ended since a time."""
    query = sa.select(_queue.timeframe).where(
        sa.or_(_queue.status == PROCESSING, _queue.started_at.is_not(None) & (_queue.completed_at >= since))
    )
    return set(connection.execute(query.distinct()).scalars())


def recent(connection: sa.Connection, n: int = 20) -> list[sa.Row[Any]]:
    """The newest entries, whatever became of them, newest first."""
    return list(connection.execute(sa.select(retrain_queue).order_by(_queue.id.desc()).limit(n)).all())
