"""What goes wrong with a vendor, over HTTP: each fault has its message, the other series go on, and nothing is lost."""

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from fvg_platform.pipeline.assets.raw_bars import raw_bars
from fvg_platform.pipeline.ingestion import Ingested
from fvg_platform.pipeline.partitions import Series
from fvg_platform.sources.base import Split, SymbolInfo, VendorError
from fvg_platform.sources.polygon.source import PolygonConfig, PolygonSource
from fvg_platform.sources.polygon.transport import PolygonClient
from fvg_platform.sources.polygon_replay.faults import Fault, FaultPlan
from fvg_platform.sources.polygon_replay.server import ReplayServer
from fvg_platform.sources.polygon_replay.vendor import Plan
from fvg_platform.storage import ingestion as store
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.database import Database
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.integration.operations import failures, fvg_in_process, materialise_assets, statuses
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace, stop_clock
from fvg_platform_tests.soak.campaign import Episode, Stage, Tally
from fvg_platform_tests.soak.market import LISTED
from fvg_platform_tests.soak.worker import KEY, Task, market_source
from fvg_platform_tests.soak.workers import Workers

FIRST = dt.date(2024, 1, 8)
NOW = pd.Timestamp("2024-02-07 22:00", tz="UTC")
# A Wednesday; the day before it the bars were other bars.
OVERNIGHT = dt.date(2024, 2, 7)


@pytest.fixture(scope="module")
def stage(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with Workers(folder) as workers:
        stage = Stage(postgres_server, workers, folder, seed=7, timeframes=("1h", "1d"))
        yield stage
        stage.close()


@pytest.fixture
def platform(stage: Stage) -> Iterator[Workplace]:
    with stage.platform() as platform:
        yield platform


@pytest.fixture
def server(stage: Stage) -> Iterator[ReplayServer]:
    with ReplayServer(stage.market, key=KEY, now=NOW) as server:
        yield server


def task(stage: Stage, platform: Workplace, server: ReplayServer, now: pd.Timestamp = NOW) -> Task:
    return stage.task(platform, server, now, FIRST)


def read(stage: Stage, task: Task) -> None:
    told = stage.workers.run(task)
    assert told["error"] is None, told["traceback"]


BARS = "SELECT ticker, timeframe, ts, seq, open, high, low, close, volume FROM raw_bars ORDER BY 1, 2, 3, 4"
CLEAN = "SELECT ticker, timeframe, ts, open, high, low, close, volume FROM market_data ORDER BY 1, 2, 3"


def equals_one_read_now(stage: Stage, platform: Workplace, task: Task) -> bool:
    """Whether the bars are those of a platform that reads the same only now."""
    with stage.platform() as other:
        read(stage, replace(task, url=other.url, home=str(other.home)))
        return all(platform.rows(query) == other.rows(query) for query in (BARS, CLEAN))


@pytest.mark.parametrize("seed", ["1", *(pytest.param(s, marks=pytest.mark.long) for s in ("2", "3"))])
def test_whatever_is_answered_and_whoever_is_killed_the_bars_are_those_of_an_undisturbed_platform(
    stage: Stage, seed: str
) -> None:
    tally = Tally()
    Episode(stage, seed, tally, days=24).run(kills=3)
    assert tally.kills >= 3
    assert tally.faults.total() > 0


def test_two_processes_queue_for_a_series(stage: Stage, platform: Workplace) -> None:
    asked, gate = threading.Event(), threading.Event()

    def hold(line: str) -> None:
        if "/aggs/" in line:
            asked.set()
            gate.wait()

    with ReplayServer(stage.market, key=KEY, now=NOW, say=hold) as server:
        one = replace(task(stage, platform, server), asked={"tickers": ["AAA"], "timeframes": ["1h"]})
        first = stage.workers.start(one)
        asked.wait()
        second = stage.workers.start(one)
        with psycopg.connect(libpq_url(platform.url), autocommit=True) as connection:
            while connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):
                pass
        gate.set()
        assert [first.wait(), second.wait()] == [False, False]
        assert first.told()["said"] == []
        assert second.told()["said"] == ["AAA|1h is being read by another run: waiting for it"]
        ((bars,),) = platform.rows("SELECT count(*) FROM raw_bars")
        assert platform.rows("SELECT sum(rows_new) FROM ingestion_log") == [(bars,)]
        assert equals_one_read_now(stage, platform, one)


def test_the_zone_of_the_machine_and_of_the_session_do_not_matter(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    here = task(stage, platform, server)
    read(stage, replace(here, variables={"TZ": "Asia/Tokyo", "PGTZ": "Asia/Tokyo"}))
    assert equals_one_read_now(stage, platform, here)


def test_a_clock_that_was_ahead_is_made_good_once_it_is_right(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    """By the time of Tokyo taken for UTC the session is over; the vendor's hour is half an hour old."""
    server.now = pd.Timestamp("2024-02-07 16:00", tz="UTC")
    tokyo = server.now + pd.Timedelta(hours=9)
    one = replace(task(stage, platform, server, tokyo), asked={"tickers": ["AAA"], "timeframes": ["1h"]})
    read(stage, one)
    half = "SELECT volume FROM market_data WHERE ts = '2024-02-07 15:30+00'"
    ((of_half_an_hour,),) = platform.rows(half)
    server.now = NOW
    right = replace(one, now=NOW.isoformat())
    read(stage, right)
    assert platform.rows(half)[0][0] > of_half_an_hour
    assert equals_one_read_now(stage, platform, right)


def test_a_reverse_split_in_the_middle_of_a_backfill(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    split = Split("AAA", OVERNIGHT, 10, 1)
    server.faults = FaultPlan.queue([*[None] * 12, Fault("split_overnight", split=split)])
    one = replace(task(stage, platform, server), asked={"tickers": ["AAA"], "timeframes": ["1h"]})
    read(stage, one)
    ((told,),) = platform.rows("SELECT error FROM ingestion_log WHERE status = 'PARTIAL'")
    assert "other prices now (its oldest bar that was read again by 10)" in told
    assert equals_one_read_now(stage, platform, one)


def test_a_split_overnight_between_two_refreshes(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    evening_before = NOW - pd.Timedelta(days=1)
    server.add_split(Split("BBB", OVERNIGHT, 1, 4))  # is known, and not in force yet
    server.now = evening_before
    read(stage, task(stage, platform, server, evening_before))
    dear = platform.rows(
        "SELECT ts, close FROM market_data WHERE (ticker, timeframe) = ('BBB', '1d') ORDER BY ts"
    )
    revision = (
        "SELECT data_revision, splits_applied FROM ingestion_state WHERE (ticker, timeframe) = ('BBB', '1d')"
    )
    ((before, none),) = platform.rows(revision)
    assert none == ""

    server.now = NOW
    read(stage, task(stage, platform, server))
    ((after, applied),) = platform.rows(revision)
    assert after > before
    assert applied == "2024-02-07 1:4"
    cheap = dict(platform.rows("SELECT ts, close FROM market_data WHERE (ticker, timeframe) = ('BBB', '1d')"))
    assert [cheap[ts] for ts, _ in dear] == pytest.approx([close / 4 for _, close in dear])
    assert equals_one_read_now(stage, platform, task(stage, platform, server))


def test_a_window_before_the_listing_is_empty_and_no_fault(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    new = replace(task(stage, platform, server), asked={"tickers": ["NEWCO"], "timeframes": ["1h"]})
    early = replace(new, asked={**new.asked, "last_day": "2024-01-12"})
    assert (stage.workers.run(early)["error"] or "").splitlines()[1:2] == [
        "  NEWCO 1h: VendorError: polygon has no NEWCO 1h bars from 2024-01-08 to 2024-01-13: the ticker is unknown, "
        "delisted before or listed after that, or the plan lacks it. Look at the ticker in `symbols`, or ask for "
        "another span with fvg ingest --from --to"
    ]
    read(stage, new)
    assert platform.rows("SELECT min(ts) >= $$" + str(LISTED) + "$$, min(ts)::date FROM raw_bars") == [
        (True, LISTED.date())
    ]
    assert platform.rows("SELECT from_ts FROM ingestion_state") == [
        (pd.Timestamp(FIRST, tz="America/New_York"),)
    ]


def test_a_plan_that_lacks_a_ticker_keeps_back_that_ticker_alone(stage: Stage, platform: Workplace) -> None:
    plan = Plan(tickers=frozenset({"AAA", "NEWCO"}))
    with ReplayServer(stage.market, key=KEY, now=NOW, plan=plan) as server:
        told = stage.workers.run(task(stage, platform, server))
        lines = told["error"].splitlines()
        assert lines[0] == "Failure: ingest: 2 series failed, the others are kept."
        assert [line.split(": ")[:2] for line in lines[1:3]] == [
            ["  BBB 1h", "VendorPlanError"],
            ["  BBB 1d", "VendorPlanError"],
        ]
        assert "polygon: BBB 1h 2024-01-08 05:00 to " in lines[1]
        assert "HTTP 403, “NOT_AUTHORIZED: your plan does not include BBB”" in lines[1]
        assert "take another plan" in lines[1]
        assert len(lines) == 4
    states = {
        series: state for (series, asset), (state, _) in statuses(platform).items() if asset == "raw_bars"
    }
    assert states.pop("BBB|1h") == states.pop("BBB|1d") == "failed"
    assert states == dict.fromkeys(("AAA|1h", "AAA|1d", "NEWCO|1h", "NEWCO|1d"), "ok")
    with ReplayServer(stage.market, key=KEY, now=NOW) as server:
        read(stage, task(stage, platform, server))
        assert equals_one_read_now(stage, platform, task(stage, platform, server))


def test_a_window_that_cannot_be_read_is_told_and_the_watermark_stands_before_it(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    # The first question is for the splits; then there is one for each day with a session.
    server.faults = FaultPlan.queue([*[None] * 6, *["server_error"] * 2])
    one = replace(task(stage, platform, server), asked={"tickers": ["AAA"], "timeframes": ["1h"]}, attempts=2)
    told = stage.workers.run(one)["error"]
    assert (
        "AAA 1h: VendorUnavailableError: polygon: AAA 1h 2024-01-16 05:00 to 2024-01-17 05:00 UTC: " in told
    )
    assert (
        "no sound answer in 2 attempts; the last: HTTP 500, “ERROR: something went wrong on our side”" in told
    )
    watermark = pd.Timestamp("2024-01-16", tz="America/New_York")
    state = "SELECT watermark, (SELECT max(ts) FROM raw_bars) < watermark FROM ingestion_state"
    assert platform.rows(state) == [(watermark, True)]
    log = platform.rows("SELECT status, to_ts, error FROM ingestion_log ORDER BY id DESC LIMIT 2")
    assert [(status, to_ts) for status, to_ts, _ in log] == [
        ("FAILED", watermark + pd.Timedelta(days=1)),
        ("SUCCESS", watermark),
    ]
    assert log[0][2] in told

    # It goes on from there: none of the bars that are there already is written again.
    read(stage, one)
    assert platform.rows("SELECT sum(rows_new) = (SELECT count(*) FROM raw_bars) FROM ingestion_log") == [
        (True,)
    ]
    assert equals_one_read_now(stage, platform, one)


def test_a_killed_reading_that_added_history_is_not_forgotten_by_what_follows(
    stage: Stage, platform: Workplace
) -> None:
    """No bar has closed since: that raw bars are others now must not be told from the time."""
    heard: list[str] = []
    kill = threading.Event()

    def hear(line: str) -> None:
        heard.append(line)
        if kill.is_set() and len(heard) > 8:
            earlier.kill()

    with ReplayServer(stage.market, key=KEY, now=NOW, say=hear) as server:
        one = replace(
            task(stage, platform, server),
            asked={"tickers": ["AAA"], "timeframes": ["1h"]},
            history_from="2024-01-24",
        )
        read(stage, one)
        heard.clear()
        earlier = stage.workers.start(replace(one, asked={**one.asked, "first_day": "2024-01-08"}))
        kill.set()
        assert earlier.wait()
        kill.clear()
        counts = "SELECT (SELECT count(*) FROM raw_bars), count(*) FROM market_data WHERE timeframe = '1h'"
        ((raw, clean),) = platform.rows(counts)
        assert raw > clean
        database = Database(platform.home, platform.url)
        raw_bars.run_one(database, market_source(one, database), Series("AAA", "1h"), "run")
        database.close()
        read(stage, one)
    assert platform.rows(counts) == [(raw, raw)]


def test_a_status_is_not_said_while_another_run_reads_anew(
    stage: Stage, platform: Workplace, server: ReplayServer
) -> None:
    """One run has read and is about to say so; meanwhile another has begun anew, and was killed."""
    one = replace(task(stage, platform, server), asked={"tickers": ["AAA"], "timeframes": ["1h"]})
    read(stage, one)
    database = Database(platform.home, platform.url)
    with database.bulk() as connection:
        state = store.read_state(connection, "AAA", "1h")
        assert state is not None
        store.write_state(
            connection, replace(state, watermark=state.from_ts, verified=False, data_revision=99)
        )
        connection.commit()
    done = Ingested(state, Written(updated=1), fetched=1, calls=1, windows=1, waited=0.0)
    late = replace(one, now=(NOW + pd.Timedelta(days=1)).isoformat())
    with pytest.raises(VendorError, match=r"AAA\|1h is being read anew"):
        raw_bars.run_one(database, market_source(late, database), Series("AAA", "1h"), "run", prepared=done)
    database.close()


def test_the_vendors_own_limit_is_kept_by_waiting_as_long_as_it_says(stage: Stage) -> None:
    seconds = [0.0]
    naps: list[float] = []

    def sleep(nap: float) -> None:
        naps.append(nap)
        seconds[0] += nap

    served: list[float] = []
    with ReplayServer(
        stage.market,
        key=KEY,
        now=NOW,
        calls_per_minute=5,
        clock=lambda: seconds[0],
        say=lambda line: served.append(seconds[0]) if line.startswith("200") else None,
    ) as server:
        client = PolygonClient(KEY, base_url=server.url, sleep=sleep)
        config = PolygonConfig(timeframes=("1h",), limit=961)
        chosen = [SymbolInfo("AAA", "AAA", "equity")]
        source = PolygonSource(client, config, lambda: chosen, lambda: NOW)
        bars = source.read("AAA", "1h", pd.Timestamp(FIRST, tz="UTC"))
    assert len(bars) > 100
    assert len(served) == 22
    # No six of them lie within a minute; nothing was asked in vain more than once for each wait.
    assert all(later - earlier >= 60 for earlier, later in zip(served, served[5:], strict=False))
    assert [request.status for request in server.requests].count(429) == len(naps) == 4
    assert all(60 <= nap <= 61.5 for nap in naps)


def market_of_two(folder: Path) -> Path:
    """KIWI is traded, GONE is not any more; both have bars."""
    folder.mkdir()
    for seed, ticker in enumerate(("KIWI", "GONE")):
        random_bars("15m", "2024-01-02", "2024-02-08", seed=seed).to_parquet(folder / f"{ticker}_15m.parquet")
    folder.joinpath("tickers.csv").write_text(
        "ticker,name,market,active,delisted_utc\nKIWI,Kiwi,stocks,true,\nGONE,Gone,stocks,false,2024-01-31\n",
        encoding="utf-8",
    )
    return folder


def test_unknown_and_delisted_tickers_are_told_and_the_others_go_on(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch, NOW)
    with ReplayServer(market_of_two(tmp_path / "vendor"), key=KEY, now=NOW) as server:
        vendor = workplace.of_vendor(
            server.url, KEY, FVG_TICKERS="KIWI,GONE,KIVI", FVG_TIMEFRAMES="1h", FVG_HISTORY_YEARS="0.1"
        )
        told = failures(materialise_assets(vendor, ("symbols", "raw_bars", "clean_bars")))
    assert told == {
        "symbols": "symbols: 2 of the source's tickers cannot be used, the others are kept.\n"
        "  GONE: polygon: GONE was delisted on 2024-01-31 and has no new bars: remove it from the configured "
        "tickers; what is stored of it stays\n"
        "  KIVI: polygon: KIVI is unknown in the market stocks: correct or remove it"
    }
    assert vendor.rows("SELECT DISTINCT ticker FROM market_data") == [("KIWI",)]


def test_a_wrong_key_is_one_message_that_does_not_hold_it(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch, NOW)
    wrong = "Zq8Wv3Xt6Ys1Rn4Mp7Lk2Jh5Gf9Db0Ca"
    with ReplayServer(market_of_two(tmp_path / "vendor"), key=KEY, now=NOW) as server:
        vendor = workplace.of_vendor(server.url, wrong, FVG_TICKERS="KIWI")
        ended = fvg_in_process(vendor, "demo")
        asked = len(server.requests)
    assert ended.exit_code == 1
    assert ended.stderr.count("HTTP 401, “ERROR: Unknown API Key”") == 1
    assert "check POLYGON_API_KEY" in ended.stderr
    assert asked == 1, "a key that is not known is not tried again"
    assert wrong not in ended.output
