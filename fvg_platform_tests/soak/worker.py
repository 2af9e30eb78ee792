"""The process that campaigns kill: it reads series from a vendor and cleans them, as `fvg ingest` does.

`python -m fvg_platform_tests.soak.worker` imports everything once and forks for every task, so that a reading costs
what the reading costs and not the 3 s of its imports. It reads one JSON object per line and answers each with one:
`{"start": TASK}` with `{"pid": N}`, `{"wait": N}` with `{"status": CODE}` (negative for a signal), `{"reap": N}`.
"""

import datetime as dt
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Those without a use here are imported late elsewhere: 0.6 s for each worker, were they not here already.
import adbc_driver_postgresql.dbapi  # noqa: F401
import dagster as dg
import pandas as pd
import polygon  # noqa: F401
import psycopg  # noqa: F401

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.pipeline.assets.bars import bars, clean_bars
from fvg_platform.pipeline.ingest_job import IngestConfig, run_ingestion
from fvg_platform.pipeline.market_source import MarketSource
from fvg_platform.pipeline.partitions import Series, in_working_order
from fvg_platform.pipeline.progress import told_to
from fvg_platform.sources.base import BarSource, VendorSource
from fvg_platform.sources.polygon.source import PolygonConfig, PolygonSource
from fvg_platform.sources.polygon.transport import PolygonClient
from fvg_platform.storage.database import Database

KEY = "campaign"
FIRST_SPLITS = dt.date(2000, 1, 1)


@dataclass(frozen=True)
class Task:
    """One reading.

    `limit`: base bars of one answer at most, so that a small one makes many calls; `asked`: fields of an IngestConfig;
    `variables`: of the process's environment; `result`: the file that gets `{"error": ..., "said": [...]}`.
    """

    home: str
    url: str
    vendor: str
    now: str
    timeframes: tuple[str, ...]
    history_from: str
    limit: int = 961
    attempts: int = 6
    asked: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    result: str = ""


def market_source(task: Task, database: Database) -> MarketSource:
    """The vendor at the task's address and time; nothing waits between two attempts."""
    now = pd.Timestamp(task.now)
    client = PolygonClient(
        KEY, base_url=task.vendor, attempts=task.attempts, sleep=lambda _seconds: None, read_timeout=10.0
    )
    config = PolygonConfig(
        tickers=(),
        timeframes=task.timeframes,
        history=dict.fromkeys(task.timeframes, dt.date.fromisoformat(task.history_from)),
        limit=task.limit,
    )

    def no_archive() -> BarSource:
        raise LookupError("a campaign has no archive")

    def open_vendor(chosen: Any) -> VendorSource:
        return PolygonSource(client, config, chosen, lambda: now)

    return MarketSource(database, open_archive=no_archive, open_vendor=open_vendor, now=lambda: now)


class _Run:
    """What the reading needs of Dagster's context: an instance and its events would cost a second for each worker."""

    run_id = "campaign"
    log = logging.getLogger("campaign")

    def log_event(self, _event: object) -> None:
        """Nobody looks at the events here."""


def read(task: Task) -> None:
    """Fetch, clean and resample every series; raises what `fvg ingest` would say at its end."""
    database = Database(Path(task.home), task.url)
    source = market_source(task, database)
    source.refresh_splits(since=FIRST_SPLITS)
    failure: Exception | None = None
    try:
        run_ingestion(_Run(), database, source, IngestConfig(**task.asked))
    except dg.Failure as error:
        failure = error  # the series that did not fail go on, as in a stage
    offered = {Series(info.ticker, info.timeframe) for info in source.source.series()}
    hours = {Series(series.ticker, "4h") for series in offered if series.timeframe == "1h"}
    for series in in_working_order([str(each) for each in offered | hours]):
        for asset in (clean_bars, bars):
            asset.run_one(database, source, series, "campaign")
    if failure is not None:
        raise failure


def _child(task: Task) -> int:
    os.environ.update(task.variables)
    time.tzset()
    said: list[str] = []
    result: dict[str, Any] = {"error": None, "said": said}
    code = 0
    try:
        with told_to(said.append):
            read(task)
    except Exception as error:
        code = 1
        words = error.description if isinstance(error, dg.Failure) else str(error)
        result |= {"error": f"{type(error).__name__}: {words}", "traceback": traceback.format_exc()}
    Path(task.result).write_text(json.dumps(result), encoding="utf-8")
    return code


def main() -> None:
    """Answer until the other side closes."""
    begin = pd.Timestamp("2024-01-02", tz="UTC")
    trading_calendar("equity").expected_opens("1h", begin, begin)  # loads the sessions, once for all
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            answer = {"pid": _fork(Task(**order["start"]))}
        elif "wait" in order:
            ended = os.waitid(os.P_PID, order["wait"], os.WEXITED | os.WNOWAIT)
            code = ended.si_status
            answer = {"status": code if ended.si_code == os.CLD_EXITED else -code}
        else:
            os.waitpid(order["reap"], 0)
            answer = {}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _fork(task: Task) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 2
    try:
        code = _child(task)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
