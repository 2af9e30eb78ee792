"""The look-alike's answers: bars out of bars, limits, pages, splits, grouped days, reference data, bad folders."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.sources.base import SourceError, Split
from fvg_platform.sources.polygon_replay.folder import BarFolder, ReplayFolderError
from fvg_platform.sources.polygon_replay.questions import Refusal
from fvg_platform.sources.polygon_replay.vendor import Plan, Vendor

Body = dict[str, Any]
Write = Callable[[str, str], Path]
# Open 100, 101, …; high 2 above, low 1 below, close 1 above; volume 10, 20, …
FIRST_HOURS = "2024-01-03 09:30"


def bars(times: pd.DatetimeIndex, **more: Any) -> pd.DataFrame:
    price = 100.0 + np.arange(len(times))
    return pd.DataFrame(
        {
            "ts": times.tz_convert("UTC"),
            "open": price,
            "high": price + 2,
            "low": price - 1,
            "close": price + 1,
            "volume": 10.0 * (1 + np.arange(len(times))),
            **more,
        }
    )


def new_york(first: str, count: int, step: str = "1min") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=count, freq=step, tz="America/New_York")


def ms(text: str, zone: str = "America/New_York") -> int:
    return pd.Timestamp(text, tz=zone).value // 1_000_000


def serve(folder: Path, **more: Any) -> Vendor:
    return Vendor(BarFolder(folder), **more)


def ask(vendor: Vendor, address: str) -> Body:
    parts = urlsplit(address)
    return vendor.answer(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))


def aggregates(vendor: Vendor, what: str) -> Body:
    ticker, _, rest = what.partition(" ")
    return ask(vendor, f"/v2/aggs/ticker/{ticker}/range/{rest}")


def chain(vendor: Vendor, address: str) -> Iterator[Body]:
    body = ask(vendor, address)
    yield body
    while "next_url" in body:
        body = ask(vendor, body["next_url"])
        yield body


def refused(vendor: Vendor, address: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(vendor, address)
    return caught.value


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def text(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return text


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """SPY, 90 minutes from 09:30 New York on: hours of 30 and 60 bars."""
    bars(new_york(FIRST_HOURS, 90)).to_parquet(tmp_path / "SPY_1m.parquet")
    return tmp_path


# --- bars out of bars --------------------------------------------------------------------------------------------


def test_hours_lie_on_the_clock_and_add_up_their_minutes(tmp_path: Path) -> None:
    frame = bars(new_york("2024-01-03 09:58", 3), vwap=[100.0, 101.5, 102.0], transactions=[1, 2, 3])
    frame.to_parquet(tmp_path / "SPY_1m.parquet")
    body = aggregates(serve(tmp_path), "SPY 1/hour/2024-01-03/2024-01-03")
    assert body == {
        "ticker": "SPY",
        "queryCount": 3,
        "resultsCount": 2,
        "adjusted": True,
        "status": "OK",
        "results": [
            # 10 shares at 100 and 20 at 101.5 are 30 at 101
            {"t": ms("2024-01-03 09:00"), "o": 100, "h": 103, "l": 99, "c": 102, "v": 30, "vw": 101, "n": 3},
            {"t": ms("2024-01-03 10:00"), "o": 102, "h": 104, "l": 101, "c": 103, "v": 30, "vw": 102, "n": 3},
        ],
    }


def test_bars_that_divide_no_hour_are_counted_from_midnight_on_the_exchange_s_clock(tmp_path: Path) -> None:
    winter, summer = new_york("2024-01-03 09:30", 1), new_york("2024-07-03 09:30", 1)
    bars(winter.append(summer)).to_parquet(tmp_path / "SPY_5m.parquet")
    bars(pd.DatetimeIndex(["2024-07-03 13:30"], tz="UTC")).to_parquet(tmp_path / "X-BTCUSD_5m.parquet")
    vendor = serve(tmp_path)
    rows = aggregates(vendor, "SPY 4/hour/2024-01-01/2024-12-31")["results"]
    assert [row["t"] for row in rows] == [ms("2024-01-03 13:00", "UTC"), ms("2024-07-03 12:00", "UTC")]
    rows = aggregates(vendor, "X:BTCUSD 5/hour/2024-01-01/2024-12-31")["results"]
    assert [row["t"] for row in rows] == [ms("2024-07-03 10:00", "UTC")]


def test_a_folder_of_hours_gives_one_half_hour_at_each_hour_s_open(tmp_path: Path) -> None:
    bars(new_york("2024-01-03 09:30", 2, "1h")).to_csv(tmp_path / "SPY_1h.csv", index=False)
    rows = aggregates(serve(tmp_path), "SPY 30/minute/2024-01-03/2024-01-03")["results"]
    assert [(row["t"], row["v"]) for row in rows] == [
        (ms("2024-01-03 09:30"), 10),
        (ms("2024-01-03 10:30"), 20),
    ]


def test_the_finest_intraday_file_is_the_base_and_days_alone_make_no_minutes(tmp_path: Path) -> None:
    bars(new_york("2024-01-03 09:30", 60)).to_parquet(tmp_path / "SPY_1m.parquet")
    bars(new_york("2024-01-03 09:30", 2, "1h")).to_parquet(tmp_path / "SPY_1h.parquet")
    bars(new_york("2024-01-03 09:30", 1)).to_parquet(tmp_path / "OLD_1d.parquet")
    vendor = serve(tmp_path)
    assert aggregates(vendor, "SPY 1/hour/2024-01-03/2024-01-03")["queryCount"] == 60
    assert aggregates(vendor, "OLD 1/minute/2024-01-03/2024-01-03")["resultsCount"] == 0


def test_days_begin_at_midnight_in_new_york_or_utc_and_weeks_on_sunday(tmp_path: Path) -> None:
    evening = pd.DatetimeIndex(["2024-01-05 23:00", "2024-01-06 00:30", "2024-01-08 14:30"], tz="UTC")
    bars(evening).to_parquet(tmp_path / "SPY_1h.parquet")
    bars(evening).to_parquet(tmp_path / "X-BTCUSD_1h.parquet")
    vendor = serve(tmp_path)

    def times(what: str) -> list[int]:
        return [row["t"] for row in aggregates(vendor, what)["results"]]

    # 00:30 UTC is still Friday's post-market in New York.
    assert times("SPY 1/day/2024-01-01/2024-01-31") == [ms("2024-01-05"), ms("2024-01-08")]
    assert times("SPY 1/week/2024-01-01/2024-01-31") == [ms("2023-12-31"), ms("2024-01-07")]
    assert times("SPY 1/month/2024-01-15/2024-01-15") == [ms("2024-01-01")]
    assert times("X:BTCUSD 1/day/2024-01-01/2024-01-31") == [
        ms(day, "UTC") for day in ("2024-01-05", "2024-01-06", "2024-01-08")
    ]
    assert times("X:BTCUSD 3/month/2024-03-01/2024-03-01") == [ms("2024-01-01", "UTC")]


def test_days_come_from_a_file_of_days_where_there_is_one(minutes: Path, write: Write) -> None:
    write("SPY_1d.csv", "date,open,high,low,close,volume\n2024-01-03,1,2,1,2,7\n2024-07-03,1,2,1,2,8\n")
    rows = aggregates(serve(minutes), "SPY 1/day/2024-01-01/2024-12-31")["results"]
    assert [(row["t"], row["v"]) for row in rows] == [(ms("2024-01-03"), 7), (ms("2024-07-03"), 8)]


def test_both_ends_of_a_span_are_stretched_to_whole_bars(minutes: Path) -> None:
    vendor = serve(minutes)
    first, last = ms("2024-01-03 09:59"), ms("2024-01-03 10:00")
    rows = aggregates(vendor, f"SPY 1/hour/{first}/{last}")["results"]
    assert [row["v"] for row in rows] == [sum(range(10, 301, 10)), sum(range(310, 901, 10))]
    rows = aggregates(vendor, f"SPY 1/minute/{first}/{last}")["results"]
    assert [row["o"] for row in rows] == [129, 130]


def test_days_of_from_and_to_are_those_of_the_market_and_whole(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-03", periods=72, freq="1h", tz="UTC")
    bars(times).to_parquet(tmp_path / "SPY_1h.parquet")
    bars(times).to_parquet(tmp_path / "C-EURUSD_1h.parquet")
    vendor = serve(tmp_path)
    stocks = aggregates(vendor, "SPY 1/hour/2024-01-03/2024-01-04")["results"]
    assert (stocks[0]["t"], stocks[-1]["t"]) == (ms("2024-01-03 00:00"), ms("2024-01-04 23:00"))
    currency = aggregates(vendor, "C:EURUSD 1/hour/2024-01-03/2024-01-03")["results"]
    assert (currency[0]["t"], len(currency)) == (ms("2024-01-03", "UTC"), 24)


@pytest.mark.parametrize("what", ["NONE 1/minute/2024-01-03/2024-01-04", "SPY 1/minute/2030-01-01/2030-02-01",
                                  "SPY 12/month/2030-01-01/2030-02-01", "SPY 1/day/-900000000000000/0"])  # fmt: skip
def test_where_there_are_no_bars_results_is_absent(minutes: Path, what: str) -> None:
    body = aggregates(serve(minutes), what)
    assert (body["resultsCount"], body["queryCount"], body["status"]) == (0, 0, "OK")
    assert "results" not in body and "next_url" not in body


# --- the limit counts base bars ----------------------------------------------------------------------------------


def test_an_hour_that_the_limit_cuts_is_left_to_the_next_page(minutes: Path) -> None:
    vendor = serve(minutes)
    body = aggregates(vendor, "SPY 1/hour/2024-01-03/2024-01-03?limit=80")
    assert (body["queryCount"], [row["t"] for row in body["results"]]) == (80, [ms("2024-01-03 09:00")])
    assert f"/range/1/hour/{ms('2024-01-03 10:00')}/" in body["next_url"]
    body = ask(vendor, body["next_url"])
    assert (body["queryCount"], [row["t"] for row in body["results"]]) == (60, [ms("2024-01-03 10:00")])
    assert "next_url" not in body


def test_from_the_newest_bar_on_the_limit_cuts_the_older_hour(minutes: Path) -> None:
    pages = chain(serve(minutes), "/v2/aggs/ticker/SPY/range/1/hour/2024-01-03/2024-01-03?limit=80&sort=desc")
    assert [(page["queryCount"], [row["t"] for row in page["results"]]) for page in pages] == [
        (80, [ms("2024-01-03 10:00")]),
        (30, [ms("2024-01-03 09:00")]),
    ]


def test_a_page_s_only_bar_is_read_to_its_end(minutes: Path) -> None:
    pages = chain(serve(minutes), "/v2/aggs/ticker/SPY/range/1/hour/2024-01-03/2024-01-03?limit=7")
    assert [(page["queryCount"], page["resultsCount"]) for page in pages] == [(30, 1), (60, 1)]


def test_as_many_base_bars_as_the_limit_are_one_page(minutes: Path) -> None:
    assert "next_url" not in aggregates(serve(minutes), "SPY 1/minute/2024-01-03/2024-01-03?limit=90")
    assert "next_url" in aggregates(serve(minutes), "SPY 1/minute/2024-01-03/2024-01-03?limit=89")


def test_days_are_base_bars_themselves(tmp_path: Path) -> None:
    bars(new_york("2024-01-03 09:30", 48, "1h")).to_parquet(tmp_path / "SPY_1h.parquet")
    body = aggregates(serve(tmp_path), "SPY 1/day/2024-01-01/2024-01-31?limit=2")
    assert (body["queryCount"], body["resultsCount"]) == (2, 2)


def test_without_a_limit_5000_base_bars_are_read(tmp_path: Path) -> None:
    bars(pd.date_range("2024-01-01", periods=5001, freq="1min", tz="UTC")).to_parquet(
        tmp_path / "X-BTCUSD_1m.parquet"
    )
    body = aggregates(serve(tmp_path), "X:BTCUSD 1/minute/2024-01-01/2024-02-01")
    assert (body["queryCount"], body["resultsCount"], "next_url" in body) == (5000, 5000, True)


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vendor, pd.DataFrame]:
    """400 minutes of ten days around the end of daylight saving time in New York."""
    folder = tmp_path_factory.mktemp("scattered")
    random = np.random.default_rng(4)
    minutes_of_span = np.sort(random.choice(10 * 1440, 400, replace=False))
    times = pd.Timestamp("2024-10-29", tz="UTC") + pd.to_timedelta(minutes_of_span, unit="min")
    frame = bars(pd.DatetimeIndex(times))
    frame.to_parquet(folder / "SPY_1m.parquet")
    frame.to_parquet(folder / "X-BTCUSD_1m.parquet")
    return serve(folder), frame


@settings(deadline=None, max_examples=60)
@given(
    ticker=st.sampled_from(["SPY", "X:BTCUSD"]),
    span=st.sampled_from(
        ["1/minute", "7/minute", "30/minute", "1/hour", "5/hour", "1/day", "3/day", "1/week", "1/month"]
    ),
    limit=st.integers(1, 500),
    sort=st.sampled_from(["asc", "desc"]),
    first=st.integers(0, 10 * 1440),
    length=st.integers(0, 10 * 1440),
)
def test_a_chain_of_pages_equals_the_answer_without_a_limit(
    scattered: tuple[Vendor, pd.DataFrame],
    ticker: str,
    span: str,
    limit: int,
    sort: str,
    first: int,
    length: int,
) -> None:
    start = ms("2024-10-29", "UTC") + first * 60_000
    path = f"/v2/aggs/ticker/{ticker}/range/{span}/{start}/{start + length * 60_000}"
    whole = ask(scattered[0], f"{path}?sort={sort}&limit=50000")
    assert "next_url" not in whole
    pages = list(chain(scattered[0], f"{path}?sort={sort}&limit={limit}"))
    assert [row for page in pages for row in page.get("results", [])] == whole.get("results", [])
    assert all(page.get("results") for page in pages) or len(pages) == 1


@pytest.mark.parametrize(("span", "rule"), [("1/day", "D"), ("1/hour", "h"), ("30/minute", "30min")])
@pytest.mark.parametrize(("ticker", "zone"), [("SPY", "America/New_York"), ("X:BTCUSD", "UTC")])
def test_aggregates_agree_with_pandas(
    scattered: tuple[Vendor, pd.DataFrame], ticker: str, zone: str, span: str, rule: str
) -> None:
    vendor, frame = scattered
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    local = frame.assign(ts=frame["ts"].dt.tz_convert(zone)).set_index("ts")
    wanted = local.resample(rule).agg(how).dropna()
    body = aggregates(vendor, f"{ticker} {span}/2024-10-01/2024-12-01")
    got = pd.DataFrame(body["results"])
    assert got["t"].tolist() == (wanted.index.as_unit("ms").asi8).tolist()
    np.testing.assert_array_equal(got[["o", "h", "l", "c", "v"]], wanted)


# --- now ---------------------------------------------------------------------------------------------------------


def test_now_hides_the_bars_that_have_not_opened(minutes: Path) -> None:
    vendor = serve(minutes, now=pd.Timestamp("2024-01-03 09:32", tz="America/New_York"))
    body = aggregates(vendor, "SPY 1/minute/2024-01-03/2024-01-03")
    assert [row["o"] for row in body["results"]] == [100, 101]
    day = aggregates(vendor, "SPY 1/day/2024-01-03/2024-01-03")["results"]
    assert [(row["c"], row["v"]) for row in day] == [(102, 30)]
    vendor.now = pd.Timestamp("2024-01-03 09:32:01", tz="America/New_York")
    assert aggregates(vendor, "SPY 1/minute/2024-01-03/2024-01-03")["resultsCount"] == 3
    vendor.now = None
    assert aggregates(vendor, "SPY 1/day/2024-01-03/2024-01-03")["results"][0]["c"] == 190


def test_a_day_of_a_file_shows_once_its_session_has_opened(tmp_path: Path, write: Write) -> None:
    write("SPY_1d.csv", "date,open,high,low,close,volume\n2024-01-03,1,2,1,2,7\n")
    vendor = serve(tmp_path, now=pd.Timestamp("2024-01-03 09:30", tz="America/New_York"))
    assert aggregates(vendor, "SPY 1/day/2024-01-01/2024-01-31")["resultsCount"] == 0
    vendor.now = pd.Timestamp("2024-01-03 09:31", tz="America/New_York")
    assert aggregates(vendor, "SPY 1/day/2024-01-01/2024-01-31")["resultsCount"] == 1


def test_now_needs_a_zone(minutes: Path) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        serve(minutes, now=pd.Timestamp("2024-01-03"))


def test_a_file_that_changes_is_read_again(minutes: Path) -> None:
    vendor = serve(minutes)
    assert aggregates(vendor, "SPY 1/day/2024-01-01/2024-01-31")["results"][0]["c"] == 190
    bars(new_york(FIRST_HOURS, 2)).to_parquet(minutes / "SPY_1m.parquet")
    assert aggregates(vendor, "SPY 1/day/2024-01-01/2024-01-31")["results"][0]["c"] == 102


# --- splits ------------------------------------------------------------------------------------------------------


@pytest.fixture
def split_folder(tmp_path: Path, write: Write) -> Path:
    """A bar at 23:00 before and at 00:00 of the day on which one share of NVDA becomes ten."""
    frame = bars(new_york("2024-06-09 23:00", 2, "1h"), vwap=[100.5, 101.5], transactions=[4, 5])
    frame.to_parquet(tmp_path / "NVDA_1h.parquet")
    write("splits.csv", "ticker,execution_date,split_from,split_to\nNVDA,2024-06-10,1,10\n")
    return tmp_path


def test_what_lay_before_a_split_is_stated_in_new_shares(split_folder: Path) -> None:
    vendor = serve(split_folder)
    before, after = aggregates(vendor, "NVDA 1/hour/2024-06-01/2024-06-30")["results"]
    assert before == pytest.approx(
        {"t": ms("2024-06-09 23:00"), "o": 10, "h": 10.2, "l": 9.9, "c": 10.1, "v": 100, "vw": 10.05, "n": 4}
    )
    assert (after["o"], after["v"]) == (101, 20)
    raw = aggregates(vendor, "NVDA 1/hour/2024-06-01/2024-06-30?adjusted=false")
    assert (raw["adjusted"], raw["results"][0]["o"], raw["results"][0]["v"]) == (False, 100, 10)


def test_a_split_is_applied_and_listed_once_its_day_has_come(split_folder: Path) -> None:
    vendor = serve(split_folder, now=pd.Timestamp("2024-06-09 23:59:59", tz="America/New_York"))
    assert aggregates(vendor, "NVDA 1/hour/2024-06-01/2024-06-30")["results"][0]["o"] == 100
    assert ask(vendor, "/v3/reference/splits")["results"] == []
    vendor.now = pd.Timestamp("2024-06-10", tz="America/New_York")
    assert aggregates(vendor, "NVDA 1/hour/2024-06-01/2024-06-30")["results"][0]["o"] == 10
    assert ask(vendor, "/v3/reference/splits")["results"][0]["split_to"] == 10


def test_splits_cumulate_and_each_ticker_has_its_own(split_folder: Path) -> None:
    bars(new_york("2024-06-09 23:00", 1, "1h")).to_parquet(split_folder / "SPY_1h.parquet")
    vendor = serve(split_folder)
    # A reverse split: 20 shares became one.
    vendor.add_split(Split("NVDA", dt.date(2024, 7, 1), 20.0, 1.0))
    vendor.add_split(Split("NVDA", dt.date(2024, 7, 1), 20.0, 1.0))
    rows = aggregates(vendor, "NVDA 1/hour/2024-06-01/2024-06-30")["results"]
    assert [row["o"] for row in rows] == pytest.approx([100 / 10 * 20, 101 * 20])
    assert [row["v"] for row in rows] == pytest.approx([10 * 10 / 20, 20 / 20])
    assert aggregates(vendor, "SPY 1/hour/2024-06-01/2024-06-30")["results"][0]["o"] == 100


def test_a_week_that_holds_a_split_is_made_of_adjusted_days(tmp_path: Path, write: Write) -> None:
    write(
        "UVXY_1d.csv", "date,open,high,low,close,volume\n2024-01-08,8,8,8,8,100\n2024-01-09,40,40,40,40,20\n"
    )
    write("splits.csv", "ticker,execution_date,split_from,split_to\nUVXY,2024-01-09,5,1\n")
    (week,) = aggregates(serve(tmp_path), "UVXY 1/week/2024-01-08/2024-01-12")["results"]
    assert (week["o"], week["h"], week["l"], week["c"], week["v"]) == (40, 40, 40, 40, 40)


# --- one day of all tickers --------------------------------------------------------------------------------------


def test_grouped_daily_bars_hold_every_ticker_of_the_market(split_folder: Path) -> None:
    bars(new_york("2024-06-07 09:30", 3, "1h")).to_parquet(split_folder / "BRK.B_1h.parquet")
    bars(new_york("2024-06-09 09:30", 3, "1h")).to_parquet(split_folder / "SPY_1h.parquet")
    bars(new_york("2024-06-09 09:30", 3, "1h")).to_parquet(split_folder / "X-BTCUSD_1h.parquet")
    vendor = serve(split_folder)
    body = ask(vendor, "/v2/aggs/grouped/locale/us/market/stocks/2024-06-09")
    assert (body["queryCount"], body["resultsCount"], body["adjusted"]) == (2, 2, True)
    assert [(row["T"], row["t"], row["o"]) for row in body["results"]] == [
        ("NVDA", ms("2024-06-09"), 10),
        ("SPY", ms("2024-06-09"), 100),
    ]
    raw = ask(vendor, "/v2/aggs/grouped/locale/us/market/stocks/2024-06-09?adjusted=false")
    assert raw["results"][0]["o"] == 100
    crypto = ask(vendor, "/v2/aggs/grouped/locale/global/market/crypto/2024-06-09")
    assert [row["T"] for row in crypto["results"]] == ["X:BTCUSD"]
    closed = ask(vendor, "/v2/aggs/grouped/locale/us/market/stocks/2024-06-08")
    assert closed["resultsCount"] == 0 and "results" not in closed


# --- reference data ----------------------------------------------------------------------------------------------


def test_without_a_list_every_ticker_of_the_folder_is_active(tmp_path: Path) -> None:
    for name in ("BRK.B_1h", "X-BTCUSD_1h", "C-EURUSD_1h", "SPY_1h", "SPY_1m"):
        bars(new_york(FIRST_HOURS, 1)).to_parquet(tmp_path / f"{name}.parquet")
    vendor = serve(tmp_path)

    def tickers(query: str) -> list[str]:
        return [row["ticker"] for row in ask(vendor, f"/v3/reference/tickers?{query}")["results"]]

    assert tickers("") == ["BRK.B", "C:EURUSD", "SPY", "X:BTCUSD"]
    assert tickers("market=stocks") == ["BRK.B", "SPY"]
    assert tickers("market=crypto") == ["X:BTCUSD"]
    assert tickers("market=fx") == ["C:EURUSD"]
    assert tickers("active=false") == []
    assert tickers("ticker=SPY") == ["SPY"]
    assert tickers("ticker.gt=BRK.B&ticker.lte=SPY&order=desc") == ["SPY", "C:EURUSD"]


def test_a_list_of_tickers_names_them_and_says_which_were_delisted(minutes: Path, write: Write) -> None:
    write(
        "tickers.csv",
        "ticker,name,market,active,delisted_utc\nSPY,S&P 500,stocks,true,\nTWTR,Twitter,stocks,false,2022-10-28\n"
        "FX:GOLD,Gold,fx,,\n",
    )
    bars(new_york(FIRST_HOURS, 1)).to_parquet(minutes / "FX-GOLD_1m.parquet")
    vendor = serve(minutes)
    assert ask(vendor, "/v3/reference/tickers?market=stocks")["results"] == [
        {"ticker": "SPY", "name": "S&P 500", "market": "stocks", "locale": "us", "active": True}
    ]
    (gone,) = ask(vendor, "/v3/reference/tickers?active=false")["results"]
    assert (gone["ticker"], gone["active"], gone["delisted_utc"]) == ("TWTR", False, "2022-10-28T00:00:00Z")
    vendor.now = pd.Timestamp("2022-10-27", tz="UTC")
    assert ask(vendor, "/v3/reference/tickers?ticker=TWTR")["results"][0]["active"] is True
    vendor.now = None
    # The list tells how a ticker is written whose file name cannot hold the colon.
    assert aggregates(vendor, "FX:GOLD 1/minute/2024-01-03/2024-01-03")["resultsCount"] == 1


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_tickers_hold_each_once(tmp_path: Path, write: Write, order: str) -> None:
    bars(new_york(FIRST_HOURS, 1)).to_parquet(tmp_path / "T0_1m.parquet")
    names = [f"T{i}" for i in range(250)]
    write("tickers.csv", "ticker\n" + "\n".join(names) + "\n")
    pages = list(chain(serve(tmp_path), f"/v3/reference/tickers?limit=100&active=true&order={order}"))
    assert [len(page["results"]) for page in pages] == [100, 100, 50]
    found = [row["ticker"] for page in pages for row in page["results"]]
    assert found == sorted(names, reverse=order == "desc")


def test_splits_are_found_by_ticker_and_date_and_come_in_pages(minutes: Path, write: Write) -> None:
    write(
        "splits.csv",
        "ticker,execution_date,split_from,split_to\nA,2024-01-02,1,2\nB,2024-01-03,1.5,1\nA,2024-01-03,1,2\n"
        "A,2024-01-04,4,1\n",
    )
    vendor = serve(minutes)

    def found(query: str) -> list[str]:
        pages = chain(vendor, f"/v3/reference/splits?{query}")
        return [f"{row['ticker']}{row['execution_date'][-1]}" for page in pages for row in page["results"]]

    assert found("") == ["A4", "B3", "A3", "A2"]
    assert found("order=asc&sort=execution_date&limit=1") == ["A2", "A3", "B3", "A4"]
    assert found("execution_date=2024-01-03&order=asc") == ["A3", "B3"]
    assert found("execution_date.gte=2024-01-03&execution_date.lt=2024-01-04&ticker=B") == ["B3"]
    assert found("execution_date.gt=2024-01-03&execution_date.lte=2024-01-04") == ["A4"]
    (row,) = ask(vendor, "/v3/reference/splits?ticker=B")["results"]
    assert (row["split_from"], row["split_to"]) == (1.5, 1)


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/v2/aggs/ticker/SPY/range/1/minute/yesterday/2024-01-03", "from is 'yesterday'"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-02-30", "to is '2024-02-30'"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-04/2024-01-03", "lies after"),
        ("/v2/aggs/ticker/SPY/range/0/minute/2024-01-03/2024-01-03", "multiplier is '0'"),
        ("/v2/aggs/ticker/SPY/range/1/fortnight/2024-01-03/2024-01-03", "timespan is 'fortnight'"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-01-03?limit=50001", "from 1 to 50000"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-01-03?adjusted=maybe", "adjusted is 'maybe'"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-01-03?cursor=zzz", "cursor"),
        ("/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-01-03?colour=red", "parameter.*colour"),
        ("/v2/aggs/grouped/locale/us/market/stocks/20240103", "date is '20240103'"),
        ("/v2/aggs/grouped/locale/us/market/crypto/2024-01-03", "no market crypto in locale us"),
        ("/v3/reference/tickers?limit=1001", "from 1 to 1000"),
        ("/v3/reference/splits?execution_date.gte=now", "execution_date.gte is 'now'"),
    ],
)
def test_a_malformed_question_is_refused_in_words(minutes: Path, address: str, words: str) -> None:
    refusal = refused(serve(minutes), address)
    assert refusal.code == 400
    with pytest.raises(Refusal, match=words):
        raise refusal


EXTREME = st.integers(-(10**15) + 1, 10**15 - 1)


@settings(deadline=None, max_examples=100)
@given(
    ticker=st.sampled_from(["SPY", "X:BTCUSD"]),
    multiplier=st.integers(1, 10_000),
    timespan=st.sampled_from(["minute", "hour", "day", "week", "month"]),
    ends=st.tuples(EXTREME, EXTREME),
    limit=st.integers(50, 500),
)
def test_no_span_of_time_is_too_strange(
    scattered: tuple[Vendor, pd.DataFrame],
    ticker: str,
    multiplier: int,
    timespan: str,
    ends: tuple[int, int],
    limit: int,
) -> None:
    path = f"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{min(ends)}/{max(ends)}?limit={limit}"
    pages = list(chain(scattered[0], path))
    times = [row["t"] for page in pages for row in page.get("results", [])]
    assert times == sorted(set(times))


def test_what_is_not_there_is_not_found(minutes: Path) -> None:
    assert refused(serve(minutes), "/v9/anything").code == 404


def test_a_plan_leaves_tickers_markets_and_early_days_out(minutes: Path) -> None:
    bars(new_york(FIRST_HOURS, 1)).to_parquet(minutes / "X-BTCUSD_1m.parquet")
    bars(new_york(FIRST_HOURS, 1)).to_parquet(minutes / "QQQ_1m.parquet")
    plan = Plan(tickers=frozenset({"SPY"}), markets=frozenset({"stocks"}), first_date=dt.date(2024, 1, 3))
    vendor = serve(minutes, plan=plan)
    for address in (
        "/v2/aggs/ticker/QQQ/range/1/minute/2024-01-03/2024-01-03",
        "/v2/aggs/ticker/X:BTCUSD/range/1/minute/2024-01-03/2024-01-03",
        "/v2/aggs/ticker/SPY/range/1/minute/2024-01-02/2024-01-03",
        "/v2/aggs/grouped/locale/us/market/stocks/2024-01-02",
        "/v2/aggs/grouped/locale/global/market/crypto/2024-01-03",
        "/v3/reference/tickers?market=crypto",
    ):
        refusal = refused(vendor, address)
        assert (refusal.code, refusal.body["status"]) == (403, "NOT_AUTHORIZED")
        assert "your plan" in refusal.body["message"]
    assert aggregates(vendor, "SPY 1/minute/2024-01-03/2024-01-03")["resultsCount"] == 90
    assert ask(vendor, "/v2/aggs/grouped/locale/us/market/stocks/2024-01-03")["resultsCount"] == 1


# --- folders -----------------------------------------------------------------------------------------------------

BAR = "ts,open,high,low,close,volume\n2024-01-03T14:30:00Z,1,2,1,2,3\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no bars to serve"),
        ({"SPY_1w.csv": BAR}, "holds no bars to serve"),
        ({"SPY.csv": BAR}, "TICKER_TIMEFRAME.csv"),
        ({"SPY_2h.csv": BAR}, "unknown timeframe '2h'"),
        ({"X-BTCUSD_1h.csv": BAR, "X:BTCUSD_1h.csv": BAR}, "are both X:BTCUSD 1h"),
        ({"SPY_1h.csv": BAR, "splits.csv": "ticker,execution_date\n"}, "splits.csv: lacks .*split_from"),
        (
            {"SPY_1h.csv": BAR, "splits.csv": "ticker,execution_date,split_from,split_to\nSPY,soon,1,2\n"},
            "line 2: execution_date of SPY is 'soon'",
        ),
        (
            {
                "SPY_1h.csv": BAR,
                "splits.csv": "ticker,execution_date,split_from,split_to\nSPY,2024-01-03,0,2\n",
            },
            "line 2: split_from of SPY is '0'",
        ),
        (
            {"SPY_1h.csv": BAR, "splits.csv": "ticker,execution_date,split_from,split_to\nSPY,2024-01-03\n"},
            "line 2: has 2 fields",
        ),
        ({"SPY_1h.csv": BAR, "tickers.csv": "ticker,market\nSPY,moon\n"}, "line 2: market of SPY is 'moon'"),
        ({"SPY_1h.csv": BAR, "tickers.csv": "ticker,active\nSPY,yes\n"}, "active of SPY is 'yes'"),
        ({"SPY_1h.csv": BAR, "tickers.csv": "ticker,delisted_utc\nSPY,soon\n"}, "delisted_utc is 'soon'"),
        ({"SPY_1h.csv": BAR, "tickers.csv": "ticker\nSPY!\n"}, "line 2: strange ticker"),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused_with_one_message(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ReplayFolderError, match=words) as caught:
        BarFolder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplayFolderError, match="nowhere: is no folder"):
        BarFolder(tmp_path / "nowhere")


def test_rows_are_put_in_order_and_the_last_of_one_time_counts(tmp_path: Path, write: Write) -> None:
    write(
        "SPY_1h.csv",
        "ts,open,high,low,close,volume,vwap\n2024-01-03T15:00:00Z,5,6,5,6,1,\n2024-01-03T14:00:00Z,1,2,1,2,3,1.5\n"
        "2024-01-03T15:00:00Z,7,8,7,8,1,\n2024-01-03T16:00:00Z,,,,,1,\n",
    )
    rows = aggregates(serve(tmp_path), "SPY 1/hour/2024-01-03/2024-01-03")["results"]
    assert [(row["o"], row.get("vw")) for row in rows] == [(1, 1.5), (7, None)]


def test_a_file_that_cannot_be_read_says_so_when_it_is_asked_for(tmp_path: Path, write: Write) -> None:
    write("SPY_1h.csv", "ts,open,high,low,close,volume\n2024-01-03T15:00:00Z,five,6,5,6,1\n")
    with pytest.raises(SourceError, match="'five', which is no number"):
        aggregates(serve(tmp_path), "SPY 1/hour/2024-01-03/2024-01-03")
