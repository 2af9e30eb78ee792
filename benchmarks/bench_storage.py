"""100,000 one-minute bars into Postgres and out again, ours beside pandas, SQLAlchemy and psycopg's COPY.

The server is an embedded one of its own with the settings that users get (fsync on). Every contender writes into an
empty table with the primary key, commits, and has its rows checked by count; only ours can be run again without
a second thought, so only ours is. A wide table of 70 numbers a row is what the features come to.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import sqlalchemy as sa

from fvg_platform.storage import connections
from fvg_platform.storage.bulk import Written, read_frame, replace, series_transaction, upsert
from fvg_platform.storage.bulk_connections import bulk_connection, close_idle_connections
from fvg_platform.storage.embedded import EmbeddedPostgres

BARS = 100_000
WIDTH = 70
REPEATS = 3
KEYS = ("ticker", "timeframe", "ts")
SERIES = {"ticker": "SPY", "timeframe": "1m"}
PRICES = ("open", "high", "low", "close", "volume", "vwap", "taker_buy_volume")


def made_up_bars(n: int = BARS) -> pd.DataFrame:
    """A seeded random walk with every column of a stored bar."""
    rng = np.random.default_rng(7)
    close = 400.0 + np.cumsum(rng.normal(0.0, 0.05, n))
    spread = np.abs(rng.normal(0.0, 0.05, n))
    prices = (
        close,
        close + spread,
        close - spread,
        close,
        rng.lognormal(8, 1, n),
        close,
        rng.lognormal(7, 1, n),
    )
    frame = pd.DataFrame(dict(zip(PRICES, prices, strict=True)))
    frame.insert(0, "ts", pd.date_range("2024-01-01", periods=n, freq="min", tz="UTC"))
    return frame.assign(**SERIES, transactions=rng.integers(1, 900, n), lineage_id=1)


def made_up_features(n: int = BARS) -> pd.DataFrame:
    """As many rows of `WIDTH` numbers."""
    numbers = pd.DataFrame(
        np.random.default_rng(7).normal(size=(n, WIDTH)), columns=[f"f{i}" for i in range(WIDTH)]
    )
    keys = pd.DataFrame({"ts": pd.date_range("2024-01-01", periods=n, freq="min", tz="UTC")}).assign(**SERIES)
    return pd.concat([keys, numbers], axis=1).assign(lineage_id=1)


def create_tables(url: str) -> None:
    """The two tables, with the columns of the frames."""
    shapes = {"bars": (*PRICES,), "features": tuple(f"f{i}" for i in range(WIDTH))}
    with psycopg.connect(url) as connection:
        for table, numbers in shapes.items():
            columns = ", ".join(f"{name} double precision" for name in numbers)
            extra = ", transactions bigint" if table == "bars" else ""
            connection.execute(
                f"CREATE TABLE {table} (ticker text, timeframe text, ts timestamptz, {columns}{extra}, "  # type: ignore[arg-type]
                "lineage_id bigint, PRIMARY KEY (ticker, timeframe, ts))"
            )


def with_pandas(engine: sa.Engine, frame: pd.DataFrame) -> None:
    """`DataFrame.to_sql`, which inserts in batches of rows."""
    frame.to_sql("bars", engine, if_exists="append", index=False, chunksize=10_000)


def with_core(engine: sa.Engine, frame: pd.DataFrame) -> None:
    """SQLAlchemy Core: one insert of a list of dictionaries."""
    table = sa.Table("bars", sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), frame.to_dict("records"))


def with_copy(url: str, table: str, frame: pd.DataFrame) -> None:
    """psycopg 3: binary COPY, row by row."""
    kinds = {"str": "text", "datetime64[us, UTC]": "timestamptz", "int64": "int8", "float64": "float8"}
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        columns = ", ".join(frame.columns)
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy:  # type: ignore[arg-type]
            copy.set_types([kinds[str(kind)] for kind in frame.dtypes])
            for row in frame.itertuples(index=False, name=None):
                copy.write_row(row)


def ours(url: str, write: Callable[..., Written], table: str, frame: pd.DataFrame, *rest: object) -> Written:
    """A transaction as the assets have it."""
    with series_transaction(url, "SPY|1m") as connection:
        return write(connection, table, frame, KEYS, *rest)


def run() -> list[dict[str, object]]:
    """Measure; one row per contender: what, rows, seconds (best of the repetitions), the goal where there is one."""
    folder = Path(tempfile.mkdtemp(prefix="fvg-bench-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "home")
    try:
        url = server.ensure_running()
        create_tables(url)
        return [*_writing(url), *_reading(url), *_wide(url)]
    finally:
        close_idle_connections()
        server.stop()
        shutil.rmtree(folder)


def _timed(
    what: str,
    work: Callable[[], object],
    goal: float | None = None,
    *,
    rows: int = BARS,
    before: Callable[[], object] | None = None,
    repeats: int = REPEATS,
) -> dict[str, object]:
    times = []
    for _ in range(repeats):
        if before:
            before()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {"what": what, "rows": rows, "seconds": min(times), "goal": goal}


def _emptied(url: str, table: str) -> Callable[[], None]:
    def empty() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"TRUNCATE {table}")  # type: ignore[arg-type]
            connection.execute("CHECKPOINT")

    return empty


def _writing(url: str) -> list[dict[str, object]]:
    frame = made_up_bars()
    later = frame.assign(close=frame["close"] + 0.01, lineage_id=2)
    empty = _emptied(url, "bars")
    engine = connections.engine(url)
    ours(url, upsert, "bars", frame.head())  # opens the connection, once for each process
    turns = iter(range(REPEATS))
    measured = [
        _timed("write: pandas to_sql", lambda: with_pandas(engine, frame), before=empty, repeats=1),
        _timed("write: SQLAlchemy Core insert", lambda: with_core(engine, frame), before=empty, repeats=1),
        _timed("write: psycopg binary COPY", lambda: with_copy(url, "bars", frame), before=empty),
        _timed(
            "write: ours, replace a series",
            lambda: ours(url, replace, "bars", frame, SERIES),
            1.5,
            before=empty,
        ),
        _timed("write: ours, upsert", lambda: ours(url, upsert, "bars", frame), 1.5, before=empty),
        _timed("again, unchanged: ours, upsert", lambda: ours(url, upsert, "bars", frame), 1.0),
        _timed("again, unchanged: ours, replace", lambda: ours(url, replace, "bars", frame, SERIES), 1.0),
        _timed(
            "again, all changed: ours, upsert",
            lambda: ours(url, upsert, "bars", (later, frame)[next(turns) % 2]),
        ),
    ]
    engine.dispose()
    return measured


def _reading(url: str) -> list[dict[str, object]]:
    columns = ", ".join(("ts", *PRICES, "transactions"))
    series = f"SELECT {columns} FROM bars WHERE ticker = $1 AND timeframe = $2 ORDER BY ts"  # noqa: S608
    asked = {"t": "SPY", "f": "1m"}
    named = series.replace("$1", ":t").replace("$2", ":f")
    engine = connections.engine(url)
    latest = f"{series} DESC LIMIT 1"

    def psycopg_rows() -> pd.DataFrame:
        with psycopg.connect(url) as connection:
            cursor = connection.execute(
                series.replace("$1", "%(t)s").replace("$2", "%(f)s"),  # type: ignore[arg-type]
                asked,
                binary=True,
            )
            return pd.DataFrame(cursor.fetchall(), columns=[c.name for c in cursor.description or ()])

    def read(sql: str) -> pd.DataFrame:
        with bulk_connection(url) as connection:
            return read_frame(connection, sql, ["SPY", "1m"])

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE bars")
    if not len(psycopg_rows()) == len(read(series)) == BARS:
        raise AssertionError("the contenders do not read the same rows")
    measured = [
        _timed(
            "read: pandas read_sql, SQLAlchemy", lambda: pd.read_sql(sa.text(named), engine, params=asked)
        ),
        _timed("read: psycopg, binary", psycopg_rows),
        _timed("read: ours", lambda: read(series), 0.15),
        _timed("latest bar: ours", lambda: read(latest), 0.002, rows=1, repeats=20),
    ]
    engine.dispose()
    return measured


def _wide(url: str) -> list[dict[str, object]]:
    frame = made_up_features()
    empty = _emptied(url, "features")
    goal = 4.0

    def changed() -> pd.DataFrame:
        return frame.assign(f3=frame["f3"] + np.where(np.arange(BARS) % 100 == 0, time.monotonic(), 0.0))

    return [
        _timed(
            f"write {WIDTH} columns: psycopg binary COPY",
            lambda: with_copy(url, "features", frame),
            before=empty,
            repeats=1,
        ),
        _timed(
            f"write {WIDTH} columns: ours, replace",
            lambda: ours(url, replace, "features", frame, SERIES),
            goal,
            before=empty,
            repeats=2,
        ),
        _timed(
            "again, unchanged: ours, replace",
            lambda: ours(url, replace, "features", frame, SERIES),
            repeats=2,
        ),
        _timed(
            "again, 1 % changed: ours, replace",
            lambda: ours(url, replace, "features", changed(), SERIES),
            repeats=2,
        ),
    ]


def table_lines(rows: Sequence[dict[str, object]]) -> list[str]:
    """The measurements as lines of text."""
    lines = [f"{'what':44} {'rows':>8} {'seconds':>8} {'goal':>8}"]
    for each in rows:
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        lines.append(f"{each['what']:44} {each['rows']:>8,} {each['seconds']:>8.4f} {goal:>8}")
    return lines


def main() -> None:
    """Print the table."""
    print("\n".join(table_lines(run())))


if __name__ == "__main__":
    main()
