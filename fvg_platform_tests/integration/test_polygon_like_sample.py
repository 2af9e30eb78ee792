"""Bars over the vendor's protocol go all the way as the sample's and a folder's do; lost minutes are got back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.sources.polygon_replay.server import ReplayServer
from fvg_platform_tests.integration.operations import fvg_in_process
from fvg_platform_tests.market_bars import random_bars
from fvg_platform_tests.platforms import Workplace, stop_clock

# A Friday, an hour and a half after the close: the bars are the same on whatever day the test runs.
NOW = pd.Timestamp("2024-06-28 21:30", tz="UTC")
KEY = "Kx7Qp2Vw9Lm4Tz8Rb3Nc6Hs1Jd5Fg0Ye"
TICKERS = ("KIWI", "LIME", "PLUM")
# Midnight in New York, two years of hours and ten of days back; LIME was listed later, all of them after the first day.
FIRST = {"1h": "2022-06-29 04:00", "1d": "2014-06-28 04:00"}
LISTED = {"KIWI": "2022-06-01", "LIME": "2022-09-01", "PLUM": "2022-06-01"}
REVERSE_SPLIT = pd.Timestamp("2024-04-11 04:00", tz="UTC")
EQUITY = trading_calendar("equity")


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch, NOW)


@pytest.fixture(scope="module")
def adjusted() -> dict[str, pd.DataFrame]:
    """Random walks of minutes by ticker; they go on for a few hours that the platform may not know of."""
    return {
        ticker: random_bars("1m", LISTED[ticker], "2024-07-01 20:00", seed=seed)
        for seed, ticker in enumerate(TICKERS, start=41)
    }


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, adjusted: dict[str, pd.DataFrame]) -> Path:
    folder = tmp_path_factory.mktemp("vendor")
    for ticker, bars in adjusted.items():
        traded = as_traded(bars) if ticker == "PLUM" else bars
        traded.to_parquet(folder / f"{ticker}_1m.parquet")
    folder.joinpath("splits.csv").write_text(
        "ticker,execution_date,split_from,split_to\nPLUM,2024-04-11,5,1\n", encoding="utf-8"
    )
    return folder


def as_traded(adjusted: pd.DataFrame) -> pd.DataFrame:
    """Before the reverse split there were five shares for each one now."""
    shares = np.where(adjusted["ts"] < REVERSE_SPLIT, 5.0, 1.0)
    prices = {name: adjusted[name] / shares for name in ("open", "high", "low", "close")}
    return adjusted.assign(**prices, volume=adjusted["volume"] * shares)


def coarser(minutes: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Hours or days of whole regular sessions."""
    if timeframe == "1h":
        return resample_bars(minutes, "1m", "1h", EQUITY)
    day = minutes["ts"].dt.tz_convert("America/New_York").dt.date
    columns = {"ts": "first", "open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return minutes.groupby(day).agg(columns).reset_index(drop=True)


def succeed(result: Result) -> Result:
    assert result.exit_code == 0, result.stderr
    assert "failed" not in result.stderr
    return result


def values(workplace: Workplace, *arguments: str) -> dict[str, Any]:
    return json.loads(succeed(fvg_in_process(workplace, *arguments, "--json")).stdout)


def raw_bars(workplace: Workplace, ticker: str, timeframe: str) -> pd.DataFrame:
    rows = workplace.rows(
        "SELECT ts, open, high, low, close, volume FROM raw_bars "
        f"WHERE (ticker, timeframe) = ('{ticker}', '{timeframe}') ORDER BY ts, seq"
    )
    return pd.DataFrame(rows, columns=["ts", "open", "high", "low", "close", "volume"])


def places_of_the_key(workplace: Workplace) -> list[str]:
    """Tables with a row, and files of the platform's home, that hold the key."""
    tables = workplace.rows(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
        "WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'dagster')"
    )
    assert {("public.ingestion_log",), ("dagster.event_logs",)} <= set(tables)
    found = [
        table
        for (table,) in tables
        if workplace.rows(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%{KEY}%'") != [(0,)]
    ]
    files = (path for path in workplace.home.rglob("*") if path.is_file())
    return found + [str(path) for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.long
def test_three_tickers_of_a_vendor_go_all_the_way(
    workplace: Workplace, market: Path, adjusted: dict[str, pd.DataFrame]
) -> None:
    with ReplayServer(market, key=KEY, now=NOW) as server:
        vendor = workplace.of_vendor(server.url, KEY, FVG_TICKERS=",".join(TICKERS), FVG_HISTORY_YEARS="2")
        first = succeed(fvg_in_process(vendor, "demo"))
        calls = len(server.requests)
        second = succeed(fvg_in_process(vendor, "demo"))
        assert "Everything is up to date: nothing was materialised." in second.stderr
        plan = values(vendor, "ingest", "--dry-run")
        assert [request.path for request in server.requests[calls:]] == []

    for ticker, minutes in adjusted.items():
        for timeframe, begin in FIRST.items():
            expected = coarser(minutes[minutes["ts"] < NOW], timeframe)
            expected = expected[expected["ts"] >= pd.Timestamp(begin, tz="UTC")].reset_index(drop=True)
            pd.testing.assert_frame_equal(
                raw_bars(vendor, ticker, timeframe),
                expected[["ts", "open", "high", "low", "close", "volume"]],
                check_exact=False,
                rtol=1e-12,
                check_dtype=False,
            )

    report = values(vendor, "report")
    assert [row["timeframe"] for row in report["timeframes"]] == ["1h", "4h", "1d", "1w", "1mo"]
    hourly = report["timeframes"][0]
    assert hourly["series"] == len(TICKERS)
    assert hourly["bars"] == sum(len(raw_bars(vendor, ticker, "1h")) for ticker in TICKERS)
    assert hourly["entered"] > 200
    for target in hourly["targets"]:
        lo, hi = target["win_rate_lo"], target["win_rate_hi"]
        assert 0 <= lo["low"] <= lo["value"] <= hi["value"] <= hi["high"] <= 1
    assert hourly["model"]["flag"] is None
    brier = hourly["model"]["test_metrics"]["target_1"]["brier"]
    assert 0 < brier["low"] <= brier["value"] <= brier["high"] < 1
    assert report["signals"]
    assert {signal["ticker"] for signal in report["signals"]} <= set(TICKERS)

    state = values(vendor, "status")
    assert {row["state"] for row in state["series"]} == {"ok"}
    # Freshness is judged by the clock on the wall, by which these bars are years old; nothing else is red.
    errors = [check["check"] for check in state["failing_checks"] if check["severity"] == "ERROR"]
    assert errors == ["bars_are_fresh"]

    series = {row["series"]: row for row in plan["series"]}
    assert set(series) == {f"{ticker}|{timeframe}" for ticker in TICKERS for timeframe in FIRST}
    assert {row["why"] for row in series.values()} == {"from before the watermark on"}
    assert (plan["calls"], plan["seconds_at_least"]) == (len(series), 0.0)
    # What is read again: six sessions lie in the eight days before the last close, and 21 in thirty days.
    assert (series["KIWI|1h"]["bars_at_most"], series["KIWI|1d"]["bars_at_most"]) == (42, 21)

    assert places_of_the_key(vendor) == []
    assert KEY not in first.output + second.output


def test_minutes_that_were_lost_are_told_from_untraded_ones_and_repaired(
    workplace: Workplace, tmp_path: Path
) -> None:
    """The hours are read while the vendor has all minutes, the minutes while it has lost some."""
    whole = random_bars("1m", "2024-06-01", "2024-07-01", seed=44)
    traded = whole.drop(index=range(5_000, 5_007))
    lost = whole.iloc[3_000:3_040]["ts"]
    folder = tmp_path / "vendor"
    folder.mkdir()
    file = folder / "KIWI_1m.parquet"
    traded.to_parquet(file)
    with ReplayServer(folder, key=KEY, now=NOW) as server:
        vendor = workplace.of_vendor(
            server.url, KEY, FVG_TICKERS="KIWI", FVG_TIMEFRAMES="1m,1h", FVG_HISTORY_YEARS="0.06"
        )
        dry = values(vendor, "ingest", "--dry-run")
        asked = [request for request in server.requests if "/aggs/ticker/" in request.path]
        assert (dry["calls"], [row["why"] for row in dry["series"]], asked) == (2, ["first reading"] * 2, [])
        assert vendor.rows("SELECT count(*) FROM raw_bars") == [(0,)]

        succeed(fvg_in_process(vendor, "ingest", "KIWI", "--timeframe", "1h"))
        traded[~traded["ts"].isin(lost)].to_parquet(file)
        succeed(fvg_in_process(vendor, "ingest"))
        holes = values(vendor, "gaps", "--timeframe", "1m")["gaps"]
        assert [(hole["kind"], hole["missing"]) for hole in holes] == [("untraded", 7), ("lost", 40)]
        assert pd.Timestamp(holes[1]["from_ts"]) == lost.iloc[0]
        assert pd.Timestamp(holes[1]["to_ts"]) == lost.iloc[-1]
        # What is made of the minutes lacks them too.
        known = values(vendor, "gaps", "--kind", "lost")["gaps"]
        assert {hole["timeframe"] for hole in known} == {"1m", "5m", "15m"}

        # The vendor has found them, and no bar has closed since.
        traded.to_parquet(file)
        repaired = values(vendor, "gaps", "--repair", "--timeframe", "1m")["gaps"]
    assert repaired == [holes[0]]
    assert values(vendor, "gaps", "--kind", "lost")["gaps"] == []
    expected = traded[(traded["ts"] >= pd.Timestamp("2024-06-06 04:00", tz="UTC")) & (traded["ts"] < NOW)]
    assert raw_bars(vendor, "KIWI", "1m")["close"].tolist() == expected["close"].tolist()
    assert vendor.rows("SELECT count(*) FROM market_data WHERE timeframe = '1m'") == [(len(expected),)]
