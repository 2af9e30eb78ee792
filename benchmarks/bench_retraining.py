"""A tick of the sensor that starts trainings, on a queue of 10,000 rows: claim what may start, give it back, find it.

First a queue of years, all of it finished; then as many rows more that somebody wrote, which name signals and are
looked up in fifty thousand predictions, half of them in vain, a thousand a tick.
"""

import datetime as dt
import time
from collections.abc import Callable

import dagster as dg
import sqlalchemy as sa

from benchmarks.crypto_series import database_with_series
from fvg_platform.learning.retraining import RetrainRules
from fvg_platform.pipeline.retraining import claim_next, fill_queue, settle_queue
from fvg_platform.storage import retrain_queue as queue
from fvg_platform.storage.database import Database
from fvg_platform.storage.retrain_claims import LOOKED_AT

ROWS, PREDICTIONS, REPEATS = 10_000, 100_000, 7

_FINISHED = """
    INSERT INTO retrain_queue (timeframe, trigger, reason, priority, status, attempts, inserted_at, started_at,
                               completed_at)
    SELECT (ARRAY['1m', '5m', '15m', '1h', '4h', '1d', '1w', '1mo'])[1 + n % 8],
           (ARRAY['drift', 'labels', 'age'])[1 + n % 3], 'bench', 2, 'completed', 1,
           now() - interval '2 days' - n * interval '1 hour', now() - interval '2 days' - n * interval '1 hour',
           now() - interval '2 days' - n * interval '1 hour'
    FROM generate_series(1, :rows) n
"""
_OF_SIGNALS = """
    INSERT INTO retrain_queue (signal_id, trigger, reason, priority)
    SELECT n * 10, 'hand', 'bench', 1 + n % 5 FROM generate_series(1, :rows) n
"""
_PREDICTED = """
    INSERT INTO predictions (ticker, timeframe, ts, side, config_id, model_version, day, known_at, entry, stop,
                             target_1, target_2, target_3, in_sample, features, latency_ms, lineage_id)
    SELECT 'BENCH', '1h', now() + n * interval '1 hour', 1, 'c', 1, current_date, now(), 1, 1, 1, 1, 1, false, '{}',
           1, 1
    FROM generate_series(1, :rows / 2) n
"""


def best_of(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of some calls, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def execute(database: Database, statement: str, **given: object) -> None:
    """Change the tables without their foreign keys."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text(statement), given)


def main() -> None:
    """Print the table."""
    with database_with_series() as (database, _), dg.DagsterInstance.ephemeral() as instance:
        rules = RetrainRules(cool_down=dt.timedelta(hours=24), daily_cap=8)

        def tick() -> None:
            settle_queue(database, instance)
            claim_next(database, instance, rules)

        execute(database, _FINISHED, rows=ROWS)
        execute(database, "ANALYZE retrain_queue")
        tick()
        report(f"tick, {ROWS:,} finished entries, nothing waits", best_of(tick), "≤ 0.2")

        def claim_and_give_back() -> None:
            with database.engine.begin() as connection:
                for timeframe in ("1h", "1d", "1w"):
                    queue.enqueue(connection, timeframe=timeframe, trigger="labels", reason="bench")
            tick()
            with database.engine.begin() as connection:
                (row,) = queue.processing(connection)
                queue.complete(connection, row.id, "bench")
            execute(
                database, "UPDATE retrain_queue SET started_at = now() - interval '3 days' WHERE attempts = 1"
            )

        report("queue three, claim one, complete it", best_of(claim_and_give_back, 3))
        report("look for what speaks for a training (fill)", best_of(lambda: fill_queue(database)))

        execute(database, _PREDICTED, rows=PREDICTIONS)
        execute(database, "ANALYZE predictions")
        execute(database, _OF_SIGNALS, rows=ROWS)  # no statistics speak of them yet
        ticks = [best_of(tick, 1) for _ in range(ROWS // LOOKED_AT)]
        report(f"tick, {ROWS:,} more rows that name signals, half of them none: best", min(ticks), "≤ 0.2")
        report("the same, worst of the ticks until all are looked up", max(ticks), "≤ 0.2")
        report("the tick after these", best_of(tick), "≤ 0.2")
        with database.engine.connect() as connection:
            counts = connection.execute(
                sa.text("SELECT status, count(*) FROM retrain_queue GROUP BY 1 ORDER BY 1")
            )
            print(", ".join(f"{count:,} {status}" for status, count in counts))


def report(what: str, seconds: float, goal: str = "") -> None:
    """Print one line."""
    print(f"{what:<72}{seconds:>9.3f} {goal:>6}", flush=True)


if __name__ == "__main__":
    main()
