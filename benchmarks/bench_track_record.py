"""The track record over a million past predictions: from the table `prediction_outcomes` to every figure, and back.

500 series over five years, three versions of each model, rows in the order in which they were predicted. Beside it
the way that suggests itself: Postgres groups by ticker, day and tenth of probability, here with seven sums only.
"""

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from fvg_platform.learning.track_record import track_record
from fvg_platform.pipeline.platform import prepare_database
from fvg_platform.storage.bulk import read_frame, series_transaction
from fvg_platform.storage.database import Database
from fvg_platform.storage.schema import model_performance
from fvg_platform.storage.track_record_tables import calibration_curves, judged_predictions, write_performance

PREDICTIONS, REPEATS = 1_000_000, 3
AS_OF = date(2026, 12, 31)

FILL = f"""
    INSERT INTO prediction_outcomes
        (ticker, timeframe, ts, side, config_id, model_version, prediction_id, day, known_at, life_end, mode, origin,
         in_sample, p_target_1, signal, expected_r, latency_ms, status, correct, horizon_passed, superseded, lineage_id,
         {", ".join(f"outcome_{k}_lo, outcome_{k}_hi, r_{k}_lo, r_{k}_hi" for k in (1, 2, 3))})
    SELECT 'T' || i % 100, (ARRAY['15m', '1h', '4h', '1d', '1w'])[1 + i / 100 % 5], ts, 1, '0123456789ab',
        1 + i / 333334, i, ts::date, ts, ts + interval '5 days',
        (ARRAY['intraday', 'intraday', 'swing', 'daily', 'weekly'])[1 + i / 100 % 5],
        CASE WHEN i > 900000 THEN 'live' ELSE 'backfilled' END, false, p, CASE WHEN p > 0.55 THEN 'BUY' ELSE 'HOLD' END,
        p - 0.5, 10 * random(), CASE WHEN filled THEN 'entered' ELSE 'expired' END,
        CASE WHEN filled AND lo = hi THEN lo = 'target' END, true, false, 1,
        {", ".join(["lo, hi, r_lo, r_hi"] * 3)}
    FROM (SELECT i, timestamptz '2022-01-03' + i * interval '150 seconds' AS ts, 0.3 + 0.4 * random() AS p,
                 random() < 0.7 AS filled, random() AS luck FROM generate_series(1, {PREDICTIONS}) i) made,
    LATERAL (SELECT CASE WHEN filled THEN CASE WHEN luck < 0.45 THEN 'target' ELSE 'stop' END END AS lo,
                    CASE WHEN filled THEN CASE WHEN luck < 0.48 THEN 'target' ELSE 'stop' END END AS hi) came,
    LATERAL (SELECT CASE lo WHEN 'target' THEN 0.98 WHEN 'stop' THEN -1.02 END AS r_lo,
                    CASE hi WHEN 'target' THEN 0.98 WHEN 'stop' THEN -1.02 END AS r_hi) paid
"""  # noqa: S608  constants
GROUPED = """
    SELECT (life_end AT TIME ZONE 'America/New_York')::date AS ended, timeframe, mode, model_version, origin, ticker,
        width_bucket(p_target_1, 0, 1, 10) AS tenth, count(*), sum(p_target_1) AS p, sum(p_target_1 * p_target_1) AS p2,
        sum(r_1_lo) AS lo, sum(r_1_hi) AS hi, sum(latency_ms) AS latency, max(latency_ms) AS slowest
    FROM prediction_outcomes WHERE horizon_passed AND NOT superseded AND NOT in_sample
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def timed(what: str, work: Callable[[], object], goal: str = "") -> None:
    """Print the best of a few times."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    report(what, min(times), goal)


def report(what: str, figure: float, goal: str = "") -> None:
    """Print one line."""
    print(f"{what:<72}{figure:>12,.3f} {goal:>6}", flush=True)


def measure(database: Database) -> None:
    """Fill the table and print the measurements."""
    with database.engine.begin() as connection:
        connection.execute(
            sa.text("SET LOCAL session_replication_role = replica")
        )  # no predictions are needed
        connection.execute(sa.text(FILL))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE prediction_outcomes"))
    kept: dict[str, pd.DataFrame] = {}

    def read() -> None:
        with database.bulk() as connection:
            kept["judged"] = judged_predictions(connection)

    def figure() -> None:
        kept["record"] = track_record(kept["judged"], AS_OF)

    def whole() -> None:
        read()
        figure()

    def grouped() -> None:
        with database.bulk() as connection:
            kept["grouped"] = read_frame(connection, GROUPED)

    def curves() -> None:
        with database.bulk() as connection:
            calibration_curves(connection, timeframes=["1h"])

    def write() -> None:
        with series_transaction(database.url, "bench") as connection:
            connection.execute("SET LOCAL session_replication_role = replica")  # nor a lineage
            write_performance(connection, kept["record"], 1)

    def write_anew() -> None:
        with database.engine.begin() as connection:
            connection.execute(model_performance.delete())
        write()

    timed("table to figures, 1M predictions", whole, "≤ 2")
    timed("  of these: predictions out of the database", read)
    timed("  of these: figures", figure)
    timed("beside it: predictions grouped by the database, seven sums", grouped)
    report("rows of figures", len(kept["record"]))
    report("groups of the database", len(kept["grouped"]))
    timed("calibration of one timeframe, 200k predictions", curves)
    timed("figures written", write_anew)
    timed("figures written again, unchanged", write)


def main() -> None:
    """Print the table."""
    home = Path(tempfile.gettempdir()) / f"fvg-bench-{uuid.uuid4().hex[:8]}"
    home.mkdir(mode=0o755)
    database = Database(home)
    try:
        prepare_database(database)
        measure(database)
    finally:
        database.close()
        if database.embedded is not None:
            database.embedded.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
