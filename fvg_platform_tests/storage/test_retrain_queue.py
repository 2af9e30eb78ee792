"""The queue of trainings on a real Postgres: what is taken when, by whom, and what comes back."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from fvg_platform.storage import connections
from fvg_platform.storage import retrain_queue as queue
from fvg_platform.storage.retrain_queue import Claim
from fvg_platform.storage.schema import predictions, retrain_queue
from fvg_platform_tests.platforms import Workplace

DAY = dt.timedelta(hours=24)
NOTHING = dt.timedelta(0)


@pytest.fixture
def engine(module_workplace: Workplace) -> Iterator[sa.Engine]:
    """Of a database whose queue is empty."""
    engine = connections.engine(module_workplace.url)
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE retrain_queue"))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose every statement is committed, as if each were a caller of its own."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def ask(connection: sa.Connection, timeframe: str | None, trigger: str = "labels", **more: Any) -> int | None:
    return queue.enqueue(
        connection, timeframe=timeframe, trigger=trigger, **{"reason": f"{trigger} say so", **more}
    )


def asked(connection: sa.Connection, timeframe: str | None, trigger: str = "labels", **more: Any) -> int:
    entry = ask(connection, timeframe, trigger, **more)
    assert entry is not None
    return entry


def claimed(
    connection: sa.Connection, *, cool_down: dt.timedelta = DAY, cap: int = 8, free: int = 8
) -> list[Claim]:
    return queue.claim(connection, cool_down=cool_down, daily_cap=cap, free=free)


def row(connection: sa.Connection, entry: int) -> sa.Row[Any]:
    return connection.execute(sa.select(retrain_queue).where(retrain_queue.c.id == entry)).one()


def change(connection: sa.Connection, entry: int, **values: object) -> None:
    connection.execute(retrain_queue.update().where(retrain_queue.c.id == entry).values(values))


def ago(**time: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(**time)


def predict(connection: sa.Connection, timeframe: str, version: int) -> int:
    """A prediction without the model, the setup and the run that it came from."""
    now = dt.datetime.now(dt.UTC)
    prices = dict.fromkeys(("entry", "stop", "target_1", "target_2", "target_3", "latency_ms"), 1.0)
    said = {"ticker": "AAPL", "timeframe": timeframe, "ts": now, "side": 1, "config_id": "c", "day": now.date(),
            "model_version": version, "known_at": now, "in_sample": False, "features": {}, "lineage_id": 0,
            **prices}  # fmt: skip
    connection.execute(sa.text("SET session_replication_role = replica"))
    entry = connection.execute(predictions.insert().values(said).returning(predictions.c.id)).scalar_one()
    connection.execute(sa.text("SET session_replication_role = origin"))
    return int(entry)


def test_what_waits_already_takes_over_the_reason_and_the_higher_priority(connection: sa.Connection) -> None:
    entry = asked(connection, "1d", "drift", priority=3, reason="first", model_version=None)
    assert ask(connection, "1d", "drift", priority=1, reason="second") is None
    assert ask(connection, "1d", "drift", priority=4, reason="third") is None
    kept = row(connection, entry)
    assert (kept.priority, kept.reason, kept.status, kept.attempts) == (1, "third", "pending", 0)
    assert ask(connection, "1d", "age") is not None, "another trigger is another entry"
    assert ask(connection, "1h", "drift") is not None
    assert len(queue.recent(connection, 99)) == 3


def test_a_queue_takes_no_trigger_or_priority_that_it_does_not_know(connection: sa.Connection) -> None:
    with pytest.raises(ValueError, match="'whim': use one of hand, drift"):
        ask(connection, "1d", "whim")
    with pytest.raises(ValueError, match="got 6"):
        ask(connection, "1d", priority=6)


def test_the_most_urgent_of_each_timeframe_is_claimed_and_the_oldest_among_equals(
    connection: sa.Connection,
) -> None:
    waits = asked(connection, "1d", "age")
    urgent = asked(connection, "1d", "drift")
    later, earlier = asked(connection, "1h", "labels"), asked(connection, "4h", "labels")
    change(connection, earlier, inserted_at=ago(hours=1))
    first, second = claimed(connection, free=2)
    assert first == Claim(urgent, "1d", "drift", "drift say so", 1)
    assert second.id == earlier
    assert [c.id for c in claimed(connection)] == [later], "one of a timeframe at a time"
    assert row(connection, waits).status == "pending"
    assert claimed(connection) == []
    taken = row(connection, urgent)
    assert (taken.status, taken.attempts, taken.run_id) == ("processing", 1, None)
    assert taken.started_at >= taken.inserted_at


def test_a_finished_training_answers_what_waited_before_it_began_and_nothing_that_came_later(
    connection: sa.Connection,
) -> None:
    entry = asked(connection, "1d", "drift")
    before, elsewhere = asked(connection, "1d", "age"), asked(connection, "1h", "age")
    claimed(connection, free=1)
    after = asked(connection, "1d", "hand")
    queue.attach_run(connection, entry, "run")
    assert queue.complete(connection, entry, "version 2 serves")
    assert not queue.complete(connection, entry, "again"), "whoever comes second changes nothing"
    assert queue.give_back(connection, entry, "again") is None
    done, answered = row(connection, entry), row(connection, before)
    assert (done.status, done.result, done.run_id) == ("completed", "version 2 serves", "run")
    assert (answered.status, answered.result) == ("completed", f"trained by entry {entry}: version 2 serves")
    assert done.completed_at >= done.started_at and answered.started_at is None
    assert [row(connection, e).status for e in (after, elsewhere)] == ["pending", "pending"]


def test_after_a_training_its_timeframe_cools_down_except_for_people(connection: sa.Connection) -> None:
    entry = asked(connection, "1d", "drift")
    claimed(connection)
    queue.complete(connection, entry, "unchanged")
    flapping = asked(connection, "1d", "drift")
    assert claimed(connection) == []
    by_hand = asked(connection, "1d", "hand")
    assert [c.id for c in claimed(connection)] == [by_hand]
    queue.complete(connection, by_hand, "unchanged")
    assert row(connection, flapping).status == "completed", "it waited when that began"

    again = asked(connection, "1d", "drift")
    for past in (entry, by_hand):
        change(connection, past, started_at=ago(hours=25))
    assert [c.id for c in claimed(connection)] == [again]


def test_a_signal_that_flaps_starts_no_storm(connection: sa.Connection) -> None:
    started = 0
    for tick in range(12):
        for trigger in ("drift", "skill", "revision", "labels", "age"):
            for timeframe in ("1h", "1d"):
                ask(connection, timeframe, trigger, reason=f"again, {tick}")
        for claim in claimed(connection):
            started += 1
            queue.complete(connection, claim.id, "unchanged")
    assert started == 2
    assert len(queue.recent(connection, 99)) <= 2 * (2 + 2 * 5), "nor does it fill the queue"


def test_no_more_than_the_cap_start_within_a_day_crashed_ones_included(connection: sa.Connection) -> None:
    entries = [asked(connection, timeframe) for timeframe in ("1m", "5m", "15m", "1h")]
    assert len(claimed(connection, cap=2)) == 2
    assert claimed(connection, cap=2) == []
    by_hand = asked(connection, "1w", "hand")
    assert [c.id for c in claimed(connection, cap=2)] == [by_hand], "people are not counted"
    queue.give_back(connection, entries[0], "crashed", backoff=NOTHING)
    assert claimed(connection, cap=2) == []
    (retried,) = claimed(connection, cap=3, free=1)
    assert (retried.id, retried.attempts) == (entries[0], 2)
    for entry in entries[:2]:
        change(connection, entry, started_at=ago(hours=25))
    assert [c.id for c in claimed(connection, cap=2)] == entries[2:]


def test_a_crashed_training_waits_ever_longer_and_fails_at_the_third_time(connection: sa.Connection) -> None:
    entry = asked(connection, "1d", "drift")
    waited = []
    for attempt in (1, 2):
        assert [c.attempts for c in claimed(connection)] == [attempt]
        queue.attach_run(connection, entry, f"run {attempt}")
        assert queue.give_back(connection, entry, f"crash {attempt}") == "pending"
        back = row(connection, entry)
        assert (back.error_message, back.run_id, back.completed_at) == (f"crash {attempt}", None, None)
        waited.append(back.not_before - ago())
        assert claimed(connection) == [], "it is not yet its time"
        change(connection, entry, not_before=ago(seconds=1))
    assert queue.BACKOFF * 0.9 < waited[0] < queue.BACKOFF < waited[1] < queue.BACKOFF * 2
    (third,) = claimed(connection)
    assert third.attempts == 3
    assert queue.give_back(connection, entry, "crash 3") == "failed"
    failed = row(connection, entry)
    assert (failed.status, failed.error_message) == ("failed", "crash 3")
    assert failed.completed_at is not None
    assert claimed(connection) == []


def test_a_crashed_training_goes_on_in_place_of_the_same_that_came_meanwhile(
    connection: sa.Connection,
) -> None:
    entry = asked(connection, "1d", "drift", reason="old")
    claimed(connection)
    newer = asked(connection, "1d", "drift", reason="new", priority=1)
    assert queue.give_back(connection, entry, "crash", backoff=NOTHING) == "pending"
    kept, joined = row(connection, entry), row(connection, newer)
    assert (kept.reason, kept.priority, kept.attempts) == ("new", 1, 1)
    assert (joined.status, joined.result) == ("completed", f"entry {entry} waits for the same")
    assert [c.id for c in claimed(connection)] == [entry]


def test_entries_that_name_nothing_are_failed_with_a_message_and_hold_nobody_up(
    connection: sa.Connection,
) -> None:
    signal = predict(connection, "1h", 7)
    bad = {
        asked(connection, None, signal_id=404): "there is no signal 404",
        asked(connection, None): "names neither a signal nor a timeframe",
        asked(connection, "2h"): "no timeframe 2h: use one of 1m, 5m",
        asked(connection, "4h", model_version=9): "no version 9 of the model of 4h: see `fvg models list`",
        asked(connection, "1d", signal_id=signal): f"signal {signal} is of 1h, not of 1d",
    }
    good = asked(connection, "1d", "age")
    assert [c.id for c in claimed(connection)] == [good]
    for entry, message in bad.items():
        failed = row(connection, entry)
        assert failed.status == "failed"
        assert message in failed.error_message
        assert failed.completed_at is not None and failed.attempts == 0


def test_a_signal_leads_to_its_timeframe_and_joins_what_waits_for_that(connection: sa.Connection) -> None:
    signal = predict(connection, "1h", 7)
    by_hand = asked(connection, None, "hand", signal_id=signal)
    assert (row(connection, by_hand).timeframe, row(connection, by_hand).model_version) == ("1h", 7)
    assert ask(connection, None, "hand", signal_id=signal) is None
    claimed(connection)  # the version is not there any more
    assert "no version 7 of the model of 1h" in row(connection, by_hand).error_message

    # Rows that others wrote, who left the timeframe to be found.
    def written(priority: int) -> int:
        values = {"signal_id": signal, "trigger": "hand", "reason": "r", "priority": priority}
        statement = retrain_queue.insert().values(values).returning(retrain_queue.c.id)
        return int(connection.execute(statement).scalar_one())

    first, urgent, third = written(3), written(1), written(2)
    claimed(connection, free=0)
    assert row(connection, urgent).timeframe == "1h"
    for entry in (first, third):
        joined = row(connection, entry)
        assert (joined.status, joined.result) == ("completed", f"entry {urgent} waits for the same")

    waiting = asked(connection, "1h", "hand", priority=4)
    late = written(2)
    claimed(connection, free=0)
    assert row(connection, waiting).priority == 2
    assert row(connection, late).result == f"entry {waiting} waits for the same"


def test_two_daemons_take_nothing_twice_and_keep_the_cap_between_them(engine: sa.Engine) -> None:
    timeframes = ("1m", "5m", "15m", "1h", "4h", "1d", "1w", "1mo")
    with engine.begin() as connection:
        for timeframe in timeframes:
            for trigger in ("drift", "labels", "age"):
                ask(connection, timeframe, trigger)
    together = Barrier(4)

    def daemon(_: int) -> list[Claim]:
        together.wait()
        found = []
        for _ in range(4):
            with engine.begin() as connection:
                found += claimed(connection, cap=6, free=2)
        return found

    with ThreadPoolExecutor(4) as pool:
        claims = [claim for found in pool.map(daemon, range(4)) for claim in found]
    assert len(claims) == 6
    assert len({claim.timeframe for claim in claims}) == 6
    assert {claim.trigger for claim in claims} == {"drift"}
    with engine.connect() as connection:
        assert {r.id for r in queue.processing(connection)} == {claim.id for claim in claims}


def test_a_run_that_comes_after_all_puts_its_entry_back_to_work_unless_another_is(
    connection: sa.Connection,
) -> None:
    entry = asked(connection, "1d", "drift")
    claimed(connection)
    queue.give_back(connection, entry, "no run was launched")
    queue.attach_run(connection, entry, "late")
    assert (row(connection, entry).status, row(connection, entry).run_id) == ("processing", "late")
    queue.give_back(connection, entry, "crash")
    other = asked(connection, "1d", "hand")
    assert [c.id for c in claimed(connection)] == [other]
    queue.attach_run(connection, entry, "later still")
    assert (row(connection, entry).status, row(connection, entry).run_id) == ("pending", None)


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "'processing'"), ("attempts", "32767"), ("attempts", "-1"), ("not_before", "'infinity'"),
     ("inserted_at", "'-infinity'"), ("priority", "9"), ("trigger", "'whim'")],
)  # fmt: skip
def test_a_row_that_would_stop_the_queue_is_refused(
    connection: sa.Connection, column: str, value: str
) -> None:
    row = {"trigger": "'drift'", "reason": "'x'", "priority": "2", "timeframe": "'1w'"} | {column: value}
    statement = f"INSERT INTO retrain_queue ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    with pytest.raises(sa.exc.IntegrityError, match="ck_retrain_queue"):
        connection.execute(sa.text(statement))


def test_whoever_asks_again_by_hand_waits_no_longer_and_keeps_the_reason(connection: sa.Connection) -> None:
    entry = asked(connection, "1d", "hand", reason="new costs")
    assert [claim.id for claim in claimed(connection)] == [entry]
    queue.give_back(connection, entry, "died")
    assert claimed(connection) == []
    assert ask(connection, "1d", "hand", reason=None) is None
    assert row(connection, entry).reason == "new costs"
    assert [claim.id for claim in claimed(connection)] == [entry]
