"""Random disturbances of a platform that reads a vendor, and its tables beside those of an undisturbed one.

An episode takes one platform through readings that meet faulty answers and splits overnight, and that are killed (-9)
wherever they are; whenever one looks, its tables must hold what they promise. At the end both platforms read
undisturbed, and what they hold must be equal, row by row.
"""

import datetime as dt
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from fvg_platform.sources.base import Split
from fvg_platform.sources.polygon_replay.faults import KINDS, FaultPlan
from fvg_platform.sources.polygon_replay.server import ReplayServer
from fvg_platform.storage.bulk import series_transaction
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform.storage.migrate import migrate
from fvg_platform.storage.symbols import Symbol, store_symbols
from fvg_platform_tests.database import drop_database, make_database
from fvg_platform_tests.platforms import Workplace
from fvg_platform_tests.soak.market import TICKERS, TIMEFRAMES, bars_to_have, write_market
from fvg_platform_tests.soak.watch import broken, note_bars_to_have
from fvg_platform_tests.soak.worker import KEY, Task
from fvg_platform_tests.soak.workers import Reading, Workers

RATIOS = ((1, 2), (2, 1), (10, 1), (3, 2), (1, 4), (100, 101))
STANDING = (
    "SELECT ticker, timeframe, asset, state, reason, rows, first_ts, last_ts FROM series_status ORDER BY 1, 2, 3",
    "SELECT ticker, timeframe, configuration, from_ts, watermark, splits_applied, verified "
    "FROM ingestion_state ORDER BY 1, 2",
    "SELECT ticker, execution_date, split_from, split_to FROM splits ORDER BY 1, 2",
)


class Difference(AssertionError):  # noqa: N818 - it names what was found
    """Tables that are not as they must be; the message says in which episode, and what."""


@dataclass
class Tally:
    """What episodes did and found."""

    faults: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    kills: int = 0
    readings: int = 0
    failures: int = 0
    splits: int = 0
    looks: int = 0
    episodes: int = 0
    series: int = 0
    rows: int = 0


class Stage:
    """What episodes share: the server of databases, a platform to copy, the market's folder, and the workers."""

    def __init__(
        self,
        server: EmbeddedPostgres,
        workers: Workers,
        folder: Path,
        *,
        seed: int,
        timeframes: tuple[str, ...] = TIMEFRAMES,
    ) -> None:
        self.server, self.workers, self.folder, self.timeframes = server, workers, folder, timeframes
        self.market = folder / "market"
        self.market.mkdir()
        write_market(self.market, seed=seed)
        self._template = make_database(server)
        migrate(self._template)
        note_bars_to_have(self._template, bars_to_have(self.market))
        universe = [Symbol(ticker, ticker, "equity", "polygon") for ticker in TICKERS]
        with series_transaction(self._template, lock_key="symbols") as connection:
            store_symbols(connection, universe, "polygon", "campaign")

    def close(self) -> None:
        """Drop the platform that was copied."""
        drop_database(self._template)

    @contextmanager
    def platform(self) -> Iterator[Workplace]:
        """A platform that knows its universe and has read nothing."""
        name = str(psycopg.conninfo.conninfo_to_dict(self._template)["dbname"])
        url = make_database(self.server, name)
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as home:
                yield Workplace(Path(home), Path(home), url)
        finally:
            drop_database(url)

    def task(self, platform: Workplace, server: ReplayServer, now: pd.Timestamp, first: dt.date) -> Task:
        """To read what is new, of every series."""
        return Task(
            home=str(platform.home),
            url=platform.url,
            vendor=server.url,
            now=now.isoformat(),
            timeframes=self.timeframes,
            history_from=first.isoformat(),
        )


class Episode:
    """One platform that is disturbed until it was killed so and so often.

    Parameters
    ----------
    seed
        Decides everything but how far a worker came before it was killed.
    days
        How long the history is at the end.
    """

    def __init__(self, stage: Stage, seed: str, tally: Tally, *, days: int) -> None:
        self._stage, self._seed, self._tally = stage, seed, tally
        self._dice = random.Random(seed)  # noqa: S311
        begin = dt.date(2024, 1, 10) + dt.timedelta(days=self._dice.randrange(20))
        self._history_from = begin
        self._last_now = pd.Timestamp(begin, tz="UTC") + pd.Timedelta(days=days)
        self._now = self._last_now - pd.Timedelta(days=self._dice.randrange(days // 2))
        self._first_day = ""
        # Whoever asks for earlier history reads all of it once more, which would heal what the overlap must find.
        self._asks_for_earlier = self._dice.random() < 0.3
        self._splits: list[Split] = []
        self._broken: list[str] = []
        self._victim: Reading | None = None
        self._calls_left, self._delay = 0, 0.0

    def run(self, *, kills: int) -> None:
        """Disturb, read undisturbed, compare.

        Raises
        ------
        Difference
            Something is not as it must be.
        """
        with (
            self._stage.platform() as self._disturbed,
            self._stage.platform() as undisturbed,
            ReplayServer(self._stage.market, key=KEY, now=self._now, say=self._hear) as self._server,
        ):
            try:
                self._disturb_often(kills)
                self._read_undisturbed(self._disturbed)
                self._read_undisturbed(undisturbed)
                self._look()
                self._compare(self._disturbed, undisturbed)
            finally:
                self._count(undisturbed)

    def _disturb_often(self, kills: int) -> None:
        killed = 0
        while killed < kills:
            killed += self._disturb()
            self._look()
            if self._dice.random() < 0.6:
                self._let_time_pass()

    def _disturb(self) -> int:
        """A reading, sometimes two at once, with faults; returns how many of them were killed."""
        dice, workers = self._dice, self._stage.workers
        self._server.faults = self._some_faults()
        task = self._task(self._disturbed, attempts=dice.choice((2, 6, 6, 6)), asked=self._some_wish())
        self._calls_left = dice.choice((1, 3, 10, 30, 80)) + dice.randrange(10)
        self._delay = dice.random() * 0.03
        lives = dice.random() < 0.15
        readings = [workers.start(task) for _ in range(1 if dice.random() < 0.8 else 2)]
        self._victim = None if lives else readings[0]
        with self._watched():
            killed = [reading.wait() for reading in readings]
        told = [reading.told() for reading, dead in zip(readings, killed, strict=True) if not dead]
        self._tally.readings += len(readings)
        self._tally.kills += sum(killed)
        self._tally.failures += sum(each["error"] is not None for each in told)
        return sum(killed)

    def _hear(self, _line: str) -> None:
        """Told of every request before its answer goes out: the victim dies a moment after its share of them."""
        self._calls_left -= 1
        if self._calls_left == 0 and self._victim is not None:
            threading.Timer(self._delay, self._victim.kill).start()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Look at the platform's tables all the time."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.1):
                self._note_what_is_broken()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _look(self) -> None:
        self._note_what_is_broken()
        if self._broken:
            raise self._difference("; ".join(list(dict.fromkeys(self._broken))[:5]))

    def _note_what_is_broken(self) -> None:
        self._tally.looks += 1
        with psycopg.connect(libpq_url(self._disturbed.url)) as connection:
            self._broken += broken(connection, self._now)

    def _some_wish(self) -> dict[str, Any]:
        """Mostly what is new; sometimes everything, earlier history, or the holes once more."""
        wish = self._dice.random()
        if wish < 0.06:
            return {"full": True, "first_day": self._first_day}
        if wish < 0.14 and self._asks_for_earlier:
            earlier = self._history_from - dt.timedelta(days=self._dice.randrange(1, 8))
            self._first_day = min(filter(None, (self._first_day, earlier.isoformat())))
            return {"first_day": self._first_day}
        return {"repair": True} if 0.14 <= wish < 0.22 else {}

    def _some_faults(self) -> FaultPlan:
        dice = self._dice
        kinds = [kind for kind in KINDS if kind != "split_overnight"]
        weights = [dice.random() for _ in kinds]
        share = dice.uniform(0.3, 0.9)
        shares: dict[str, float] = {
            kind: share * weight / sum(weights) for kind, weight in zip(kinds, weights, strict=True)
        }
        splits = self._some_splits()
        if splits:
            shares["split_overnight"] = dice.choice((0.01, 0.1))
        seed = dice.getrandbits(32)
        return FaultPlan.of(shares, seed=seed, slow_seconds=0.01, retry_after=0, splits=splits)

    def _some_splits(self) -> list[Split]:
        """Splits of today, yesterday or any day of the history, that may enter into force while it is read."""
        dice = self._dice
        today = self._now.tz_convert("America/New_York").date()
        found: list[Split] = []
        while dice.random() < 0.3:
            back = dice.choice((0, 1, dice.randrange(max((today - self._history_from).days, 1))))
            split = Split(dice.choice(TICKERS), today - dt.timedelta(days=back), *dice.choice(RATIOS))
            known = {(other.ticker, other.execution_date) for other in self._splits}
            if (split.ticker, split.execution_date) not in known:
                self._splits.append(split)
                found.append(split)
        return found

    def _let_time_pass(self) -> None:
        self._now = min(self._now + pd.Timedelta(hours=self._dice.randrange(1, 120)), self._last_now)
        self._server.now = self._now

    def _read_undisturbed(self, platform: Workplace) -> None:
        self._server.faults = None
        self._victim = None
        told = self._stage.workers.run(self._task(platform, asked={"first_day": self._first_day}))
        if told["error"] is not None:
            raise self._difference(f"an undisturbed reading ended with {told['error']}\n{told['traceback']}")

    def _compare(self, disturbed: Workplace, undisturbed: Workplace) -> None:
        expected, found = undisturbed.contents(), disturbed.contents()
        for query in STANDING:
            expected[query], found[query] = undisturbed.rows(query), disturbed.rows(query)
        for name, rows in expected.items():
            if found[name] != rows:
                extra, lacking = set(found[name]) - set(rows), set(rows) - set(found[name])
                raise self._difference(
                    f"{name}: {len(found[name])} rows beside {len(rows)} of the undisturbed platform, {len(extra)} of "
                    f"its own such as {sorted(extra)[:1]}, {len(lacking)} it lacks such as {sorted(lacking)[:1]}"
                )

    def _difference(self, what: str) -> Difference:
        return Difference(f"episode {self._seed}: {what}")

    def _task(self, platform: Workplace, *, asked: dict[str, Any], attempts: int = 6) -> Task:
        task = self._stage.task(platform, self._server, self._now, self._history_from)
        return replace(task, attempts=attempts, asked=asked)

    def _count(self, platform: Workplace) -> None:
        tally = self._tally
        requests = self._server.requests
        tally.answers += len(requests)
        tally.faults.update(request.fault for request in requests if request.fault)
        tally.splits += len(self._server.vendor.splits())
        ((series, rows),) = platform.rows(
            "SELECT count(DISTINCT (ticker, timeframe)), count(*) FROM market_data"
        )
        tally.series += series
        tally.rows += rows
        tally.episodes += 1
