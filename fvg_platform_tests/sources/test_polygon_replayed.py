"""The source against the look-alike over loopback: what comes out is what lies in the folder, whatever happens."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.sources.base import SourceError, Split, SymbolInfo, VendorKeyError
from fvg_platform.sources.polygon.source import PolygonConfig, PolygonSource
from fvg_platform.sources.polygon.transport import PolygonClient
from fvg_platform.sources.polygon_replay.faults import FaultPlan
from fvg_platform.sources.polygon_replay.server import ReplayServer
from fvg_platform_tests.market_bars import random_bars

NOW = pd.Timestamp("2024-12-02 22:00", tz="UTC")
SPY = SymbolInfo("SPY", "SPDR", "equity")
BTC = SymbolInfo("X:BTCUSD", "Bitcoin", "crypto")


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


@pytest.fixture(scope="module")
def minutes() -> pd.DataFrame:
    """Three and a half weeks around Thanksgiving and, before it, the end of daylight saving time (3 November)."""
    bars = random_bars("1m", "2024-10-30", "2024-12-02 22:00", seed=11)
    return bars.assign(vwap=(bars["high"] + bars["low"]) / 2, transactions=3.0).drop(index=range(700, 760))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, minutes: pd.DataFrame) -> Path:
    path = tmp_path_factory.mktemp("replayed")
    minutes.to_parquet(path / "SPY_1m.parquet")
    random_bars("1d", "2023-11-01", "2024-12-02 22:00", seed=12).to_parquet(path / "SPY_1d.parquet")
    coins = trading_calendar("crypto").expected_opens("1m", utc("2024-11-20"), NOW)
    price = 40_000 + np.arange(len(coins)) % 977
    values = {"open": price, "high": price + 1, "low": price - 1, "close": price, "volume": 0.25}
    pd.DataFrame({"ts": coins} | values).to_parquet(path / "X-BTCUSD_1m.parquet")
    return path


def opened(
    server: ReplayServer, *, key: str = "k", now: pd.Timestamp = NOW, **config: object
) -> PolygonSource:
    client = PolygonClient(key, base_url=server.url, sleep=lambda _seconds: None)
    chosen = [SPY, BTC]
    return PolygonSource(client, PolygonConfig(**config), lambda: chosen, lambda: now)  # type: ignore[arg-type]


def same(read: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(read[list(expected.columns)], expected, check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("limit", [1_000, 50_000])
def test_hours_are_those_of_the_minutes(folder: Path, minutes: pd.DataFrame, limit: int) -> None:
    """Over the change of the clocks, with a hole, to the end of a half day; one window and many."""
    with ReplayServer(folder, key="k", now=NOW) as server:
        shares = opened(server, limit=limit)
        hours = shares.read("SPY", "1h", utc("2024-10-30"))
    equity = trading_calendar("equity")
    same(hours, resample_bars(minutes.reset_index(drop=True), "1m", "1h", equity))
    opens = hours["ts"].dt.tz_convert("America/New_York")
    assert set(opens.dt.minute) == {30}
    assert set(hours["ts"].dt.hour[opens.dt.strftime("%m-%d %H") == "11-01 09"]) == {13}
    assert set(hours["ts"].dt.hour[opens.dt.strftime("%m-%d %H") == "11-04 09"]) == {14}
    assert opens[opens.dt.strftime("%m-%d") == "11-29"].dt.hour.tolist() == [9, 10, 11, 12]
    asked = [r for r in server.requests if "/range/30/minute/" in r.path]
    # The weekend, Thanksgiving and the night before the first session hold no hour.
    assert len(asked) == (1 if limit > 10_000 else 23)


def test_days_and_fives_too(folder: Path, minutes: pd.DataFrame) -> None:
    with ReplayServer(folder, key="k", now=NOW) as server:
        shares = opened(server, timeframes=("5m", "1d"))
        fives = shares.read("SPY", "5m", utc("2024-10-30"))
        days = shares.read("SPY", "1d", utc("2023-11-01"))
    same(fives, resample_bars(minutes.reset_index(drop=True), "1m", "5m", trading_calendar("equity")))
    same(days, random_bars("1d", "2023-11-01", "2024-12-02 22:00", seed=12))


def test_a_split_adjusts_what_lies_before_it(folder: Path) -> None:
    with ReplayServer(folder, key="k", now=NOW) as server:
        server.add_split(Split("SPY", pd.Timestamp("2024-11-25").date(), 1, 2))
        raw = opened(server, adjusted=False).read("SPY", "1d", utc("2024-11-01"))
        adjusted = opened(server).read("SPY", "1d", utc("2024-11-01"))
        splits = opened(server).splits(pd.Timestamp("2024-01-01").date())
    before = (raw["ts"] < utc("2024-11-25")).to_numpy()
    assert 0 < before.sum() < len(before)
    np.testing.assert_allclose(raw["close"] / adjusted["close"], np.where(before, 2.0, 1.0))
    np.testing.assert_allclose(adjusted["volume"] / raw["volume"], np.where(before, 2.0, 1.0))
    assert splits == [Split("SPY", pd.Timestamp("2024-11-25").date(), 1, 2)]


def test_crypto_hours_go_round_the_clock(folder: Path) -> None:
    with ReplayServer(folder, key="k", now=NOW) as server:
        coins = opened(server, market="crypto", tickers=("X:BTCUSD",), limit=5_000)
        hours = coins.read("X:BTCUSD", "1h", utc("2024-11-20"))
        listings = coins.universe()
    expected = pd.date_range(
        "2024-11-20", "2024-12-02 20:00", freq="h", tz="UTC"
    )  # the delay keeps 21:00 back
    assert hours["ts"].tolist() == expected.tolist()
    assert hours["volume"].tolist() == [15.0] * len(hours)
    assert [(each.ticker, each.volume_rank, each.chosen) for each in listings] == [("X:BTCUSD", 1, True)]
    assert listings[0].dollar_volume == pytest.approx(40_488 * 0.25 * 1440, rel=0.01)


def test_faults_change_nothing(folder: Path) -> None:
    kinds = ["too_many", "too_many_bare", "server_error", "dropped", "truncated", "html", "garbage_json",
             "wrong_count", "duplicates", "disorder"]  # fmt: skip
    with ReplayServer(folder, key="k", now=NOW) as server:
        undisturbed = opened(server, limit=2_000).read("SPY", "1h", utc("2024-10-30"))
        calls = len(server.requests)
        server.faults = FaultPlan.of(dict.fromkeys(kinds, 0.06), seed=5)
        shares = opened(server, limit=2_000)
        disturbed = shares.read("SPY", "1h", utc("2024-10-30"))
    pd.testing.assert_frame_equal(disturbed, undisturbed)
    assert shares.client.calls == len(server.requests) - calls > calls


def test_a_wrong_key_and_an_unknown_ticker(folder: Path) -> None:
    with ReplayServer(folder, key="k", now=NOW) as server:
        with pytest.raises(VendorKeyError, match="Unknown API Key"):
            opened(server, key="wrong").universe()
        assert len(server.requests) == 1
        shares = opened(server, tickers=("SPY", "SPPY"))
        assert [each.ticker for each in shares.universe()] == ["SPY"]
        assert shares.problems() == [
            ("SPPY", "polygon: SPPY is unknown in the market stocks: correct or remove it")
        ]
        with pytest.raises(SourceError, match="has no SPPY"):
            shares.read("SPPY", "1h")
