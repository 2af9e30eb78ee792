"""From a vendor's HTTP answers to committed rows, beside what the client's decoding and the bare COPY reach alone.

The vendor is the look-alike in a process of its own, on the same two cores, with the rate limit off. A refresh of 500
hourly series has nothing new to find: it asks for each, compares the overlap and writes nothing. The whole backfill is
five years of minutes: retention, as it is by default, lets nobody ask for more. Seconds are medians of three, but for
the first reading of the 500 series.
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from polygon import RESTClient

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import coverage, find_holes, monthly_coverage

KEY = "bench"
MINUTES = 1_000_000
SERIES = 500
REPEATS = 3
FVG = str(Path(sys.executable).with_name("fvg"))
NOW = pd.Timestamp.now(tz="UTC")


def minutes(n: int, seed: int = 0) -> pd.DataFrame:
    """The newest n one-minute bars of New York's sessions as a random walk, without the last few days."""
    calendar = trading_calendar("equity")
    ts = calendar.expected_opens("1m", NOW - pd.Timedelta(days=n / 250 + 400), NOW - pd.Timedelta(days=4))[
        -n:
    ]
    random = np.random.default_rng(seed)
    path = 100 * np.exp(np.cumsum(random.normal(0, 1e-4, (len(ts), 8)).ravel())).reshape(len(ts), 8)
    return pd.DataFrame(
        {
            "ts": ts,
            "open": path[:, 0].round(4),
            "high": path.max(axis=1).round(4),
            "low": path.min(axis=1).round(4),
            "close": path[:, -1].round(4),
            "volume": random.integers(100, 10_000, len(ts)).astype(float),
        }
    )


@contextmanager
def look_alike(folder: Path) -> Iterator[str]:
    """The look-alike in a process of its own; gives its address."""
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from fvg_platform.sources.polygon_replay.server import ReplayServer\n"
            "with ReplayServer(sys.argv[1], key=sys.argv[2]) as server:\n"
            "    print(server.url, flush=True)\n"
            "    sys.stdin.read()\n",
            str(folder),
            KEY,
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def environment(home: Path, url: str, tickers: str, timeframes: str, years: float) -> dict[str, str]:
    """What points a process at the look-alike."""
    return {
        "FVG_HOME": str(home),
        "FVG_BAR_SOURCE": "polygon",
        "POLYGON_API_KEY": KEY,
        "FVG_POLYGON_URL": url,
        "FVG_CALLS_PER_MINUTE": "0",
        "FVG_TICKERS": tickers,
        "FVG_TIMEFRAMES": timeframes,
        "FVG_HISTORY_YEARS": str(years),
    }


def _ingest(variables: dict[str, str], say: "multiprocessing.Queue[tuple[float, int, float]]") -> None:
    """In a process of its own: ingest everything through the job, timed without imports; then its peak memory."""
    os.environ.update(variables)
    import resource

    from fvg_platform.definitions import build_definitions
    from fvg_platform.pipeline.ingest_job import IngestConfig
    from fvg_platform.pipeline.platform import open_platform
    from fvg_platform.pipeline.refresh import follow_universe
    from fvg_platform.pipeline.stages import run_job
    from fvg_platform.settings import load_settings

    with open_platform(load_settings()) as platform:
        definitions = build_definitions(resources=platform.resources)
        follow_universe(platform, definitions, say=lambda _message: None)
        config = {"ops": {"fetch_from_vendor": {"config": IngestConfig().model_dump()}}}
        start = time.perf_counter()
        run = run_job("ingest", definitions, platform.instance, config)
        seconds = time.perf_counter() - start
        if not run.success:
            raise RuntimeError(str(run.failures))
        with platform.database.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT count(*) FROM raw_bars").scalar_one()
    say.put((seconds, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2))


def ingest(variables: dict[str, str]) -> tuple[float, int, float]:
    """Seconds of the run, rows in `raw_bars` afterwards, peak memory of the process in GB."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[tuple[float, int, float]] = context.Queue()
    process = context.Process(target=_ingest, args=(variables, answers))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the ingestion failed, see above")
    return answers.get()


def client_alone(url: str, ticker: str, first: str, last: str) -> int:
    """The vendor's own client with its own decoding and pagination: objects, committed nowhere."""
    client = RESTClient(KEY, base=url)
    return sum(1 for _ in client.list_aggs(ticker, 1, "minute", first, last, limit=50_000))


def copy_alone(url: str, ticker: str, bars: pd.DataFrame) -> None:
    """The bulk path into `raw_bars` alone, in windows as large as a vendor's answer."""
    from fvg_platform.storage import schema
    from fvg_platform.storage.bulk import series_transaction
    from fvg_platform.storage.series_tables import replace_series_rows

    for start in range(0, len(bars), 20_000):
        part = bars.iloc[start : start + 20_000].assign(seq=0)
        with series_transaction(url, "bench") as connection:
            first, last = part["ts"].iloc[0], part["ts"].iloc[-1] + pd.Timedelta(minutes=1)
            replace_series_rows(connection, schema.raw_bars, ticker, "1m", part, 1, since=first, until=last)


def timed(work: Callable[[], object]) -> float:
    """Median seconds of a few repetitions."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]


def median(runs: Iterable[tuple[float, int, float]]) -> tuple[float, int, float]:
    """The run of median seconds."""
    return sorted(runs)[REPEATS // 2]


def run() -> list[dict[str, object]]:
    """Measure; rows of what, how many, seconds, how many a second, the goal, peak memory in GB."""
    root = Path(tempfile.mkdtemp(prefix="fvg-bench-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    root.chmod(0o755)
    rows: list[dict[str, object]] = []

    def add(what: str, n: int, seconds: float, goal: str = "", memory: float | None = None) -> None:
        rows.append(
            {
                "what": what,
                "n": n,
                "seconds": seconds,
                "rate": n / seconds,
                "goal": goal,
                "memory": memory,
            }
        )

    bars = minutes(MINUTES)
    long, many = root / "long", root / "many"
    long.mkdir()
    many.mkdir()
    bars.to_parquet(long / "AAA_1m.parquet", index=False)
    hours = trading_calendar("equity").expected_opens(
        "1h", NOW - pd.Timedelta(days=120), NOW - pd.Timedelta(days=4)
    )
    series = minutes(len(hours)).assign(ts=hours)
    tickers = [f"T{n:03}" for n in range(SERIES)]
    for ticker in tickers:
        series.to_parquet(many / f"{ticker}_1h.parquet", index=False)
    homes = [root / f"home-{n}" for n in range(2 + 2 * REPEATS)]
    warm, hourly, quarters, wholes = homes[0], homes[1], homes[2 : 2 + REPEATS], homes[2 + REPEATS :]
    try:
        with look_alike(long) as url:
            years = (bars["ts"].iloc[-1] - bars["ts"].iloc[0]) / pd.Timedelta(days=365.25)
            ingest(environment(warm, url, "AAA", "1m", 0.1))  # fills the server's cache
            seconds, n, memory = median(ingest(environment(h, url, "AAA", "1m", years / 4)) for h in quarters)
            add("backfill of minutes, a quarter", n, seconds, "", memory)
            seconds, n, memory = median(ingest(environment(h, url, "AAA", "1m", years + 0.1)) for h in wholes)
            add("backfill of minutes, the whole", n, seconds, "≥ 60,000/s", memory)
            last = bars["ts"].iloc[-1].date().isoformat()
            first = bars["ts"].iloc[-200_000].date().isoformat()
            found = client_alone(url, "AAA", first, last)
            add("the client's decoding alone", found, timed(lambda: client_alone(url, "AAA", first, last)))
        database = subprocess.run(
            [FVG, "db", "url"],
            env={**os.environ, "FVG_HOME": str(wholes[0])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        add("the bulk path alone", len(bars), timed(lambda: copy_alone(database, uuid.uuid4().hex, bars)))
        with look_alike(many) as url:
            variables = environment(hourly, url, ",".join(tickers), "1h", 0.3)
            seconds, n, memory = ingest(variables)
            add("first reading of 500 hourly series", n, seconds, "", memory)
            seconds, _, memory = median(ingest(variables) for _ in range(REPEATS))
            add("refresh of them, nothing new (series)", SERIES, seconds, "≤ 30 s", memory)
        calendar = trading_calendar("equity")

        def covered() -> None:
            coverage(bars["ts"], "1m", calendar)
            find_holes(bars["ts"], "1m", calendar)
            monthly_coverage(bars["ts"], "1m", calendar)

        add("coverage, holes, months of minutes", len(bars), timed(covered), "≤ 1 s")
    finally:
        for home in homes:
            subprocess.run([FVG, "db", "stop"], env={**os.environ, "FVG_HOME": str(home)}, check=True)
        shutil.rmtree(root)
    return rows


def main() -> None:
    """Print the table."""
    print(f"{'what':40} {'n':>10} {'seconds':>8} {'a second':>10} {'goal':>11} {'peak GB':>8}")
    for each in run():
        memory = "" if each["memory"] is None else f"{each['memory']:.2f}"
        print(
            f"{each['what']:40} {each['n']:>10,} {each['seconds']:>8.2f} {each['rate']:>10,.0f} {each['goal']:>11} "
            f"{memory:>8}"
        )


if __name__ == "__main__":
    main()
