"""Polygon as a source: what is complete by the calendar, which bars a window gives, the universe and its splits."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pytest

from fvg_platform.market.basis import Basis
from fvg_platform.sources.base import (
    Listing,
    SeriesInfo,
    SourceError,
    Split,
    SymbolInfo,
    VendorError,
    VendorPlanError,
    Window,
)
from fvg_platform.sources.polygon.source import PolygonConfig, PolygonSource
from fvg_platform_tests.sources.canned_vendor import Canned, CannedVendor, Request, bar, bars_body

NOW = pd.Timestamp("2024-11-06 15:00", tz="UTC")  # Wednesday, 10:00 in New York
SPY = SymbolInfo("SPY", "SPDR", "equity")


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def source(
    vendor: CannedVendor,
    *,
    now: pd.Timestamp = NOW,
    chosen: Sequence[SymbolInfo] = (SPY,),
    said: list[str] | None = None,
    **config: Any,
) -> PolygonSource:
    client = vendor.client(attempts=2, say=(said if said is not None else []).append)
    return PolygonSource(client, PolygonConfig(**config), lambda: chosen, lambda: now)


@pytest.fixture
def nobody() -> Iterator[CannedVendor]:
    """A vendor that is not asked."""
    with CannedVendor(Canned(status=418)) as vendor:
        yield vendor
    assert vendor.requests == []


# --- what there is -----------------------------------------------------------------------------------------------


def test_series_are_the_universe_in_every_timeframe(nobody: CannedVendor) -> None:
    others = (SymbolInfo("QQQ", "Invesco", "equity"), SPY, SymbolInfo("X:BTCUSD", "Bitcoin", "crypto"))
    shares = source(nobody, chosen=others)
    assert [s.ticker for s in shares.symbols()] == ["QQQ", "SPY"]
    basis = Basis("split", "session", "regular", "polygon")
    assert shares.series() == [
        SeriesInfo(t, f, basis, "equity") for t in ("QQQ", "SPY") for f in ("1h", "1d")
    ]
    coins = source(nobody, chosen=others, market="crypto", timeframes=("1m",))
    clock = Basis("raw", "clock", "regular", "polygon")
    assert coins.series() == [SeriesInfo("X:BTCUSD", "1m", clock, "crypto")]
    extended = source(nobody, session="extended", adjusted=False).series()[0].basis
    assert extended == Basis("raw", "clock", "extended", "polygon")


def test_fingerprints_change_with_meaning_and_with_new_bars(nobody: CannedVendor) -> None:
    texts = [
        source(nobody, **change).fingerprint("SPY", "1h")
        for change in (
            {},
            {"adjusted": False},
            {"session": "extended"},
            {"now": NOW + pd.Timedelta(hours=1)},
        )
    ]
    assert len(set(texts)) == 4
    later = source(nobody, now=NOW + pd.Timedelta(minutes=1), top_n=5).fingerprint("SPY", "1h")
    assert later == texts[0]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"market": "options"}, "unknown market 'options': use one of stocks, crypto, fx"),
        ({"session": "night"}, "unknown session 'night'"),
        ({"tickers": ("spy",)}, "strange ticker 'spy'"),
        ({"timeframes": ("1h", "4h")}, "'4h' is not fetched: use some of 1m, 5m, 15m, 1h, 1d"),
        ({"history": {"1h": 0}}, "0 years of 1h history"),
        ({"top_n": -1}, "top N -1 and delay"),
        ({"delay": pd.Timedelta(seconds=-1)}, "must not be negative"),
        ({"limit": 960}, "a limit of 960 base bars cannot be used"),
        ({"limit": 50_001}, "at most 50000"),
    ],
)
def test_a_config_that_cannot_be_used_is_told(config: dict[str, Any], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        PolygonConfig(**config)


# --- what is complete --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "timeframe", "until"),
    [
        # 15 minutes after a bar's close, New York at UTC-5 …
        ("2024-11-06 15:44", "1h", "2024-11-05 21:00"),
        ("2024-11-06 15:45", "1h", "2024-11-06 15:30"),
        ("2024-11-06 15:45", "1m", "2024-11-06 15:30"),
        ("2024-11-06 15:45:59", "5m", "2024-11-06 15:30"),
        ("2024-11-06 21:14", "1h", "2024-11-06 20:30"),
        ("2024-11-06 21:15", "1h", "2024-11-06 21:00"),
        ("2024-11-06 21:14", "1d", "2024-11-05 21:00"),
        ("2024-11-06 21:15", "1d", "2024-11-06 21:00"),
        # … and at UTC-4 until 2 November.
        ("2024-11-01 20:15", "1d", "2024-11-01 20:00"),
        ("2024-11-04 14:45", "1h", "2024-11-01 20:00"),
        ("2024-11-04 15:45", "1h", "2024-11-04 15:30"),
        # A half day, a weekend, a holiday.
        ("2024-11-29 18:15", "1d", "2024-11-29 18:00"),
        ("2024-11-29 18:15", "1h", "2024-11-29 18:00"),
        ("2024-12-01 12:00", "1h", "2024-11-29 18:00"),
        ("2024-11-28 20:00", "15m", "2024-11-27 21:00"),
    ],
)
def test_bars_are_complete_a_delay_after_their_close(
    nobody: CannedVendor, now: str, timeframe: str, until: str
) -> None:
    assert source(nobody, now=utc(now)).closed_until("SPY", timeframe) == utc(until)


def test_other_markets_close_by_their_own_calendar(nobody: CannedVendor) -> None:
    saturday = utc("2024-11-09 12:30")
    coins = source(nobody, now=saturday, market="crypto", delay=pd.Timedelta(0))
    assert coins.closed_until("X:BTCUSD", "1h") == utc("2024-11-09 12:00")
    assert coins.closed_until("X:BTCUSD", "1d") == utc("2024-11-09 00:00")
    euros = source(nobody, now=saturday, market="fx")
    assert euros.closed_until("C:EURUSD", "1m") == euros.closed_until("C:EURUSD", "1d")
    assert euros.closed_until("C:EURUSD", "1d") == utc("2024-11-08 22:00")
    late = source(nobody, now=utc("2024-11-06 23:30"), session="extended")
    assert late.closed_until("SPY", "1h") == utc("2024-11-06 23:00")
    assert late.closed_until("SPY", "1d") == utc("2024-11-06 01:00")  # Tuesday's post-market ended at 20:00


def test_a_clock_without_a_zone_is_told(nobody: CannedVendor) -> None:
    with pytest.raises(VendorError, match="the clock says 2024-11-06 15:00:00 without a zone"):
        source(nobody, now=pd.Timestamp("2024-11-06 15:00")).closed_until("SPY", "1h")
    berlin = source(nobody, now=utc("2024-11-06 15:45").tz_convert("Europe/Berlin"))
    assert berlin.closed_until("SPY", "1h") == utc("2024-11-06 15:30")


def test_history_begins_at_midnight_of_an_exchange_day(nobody: CannedVendor) -> None:
    shares = source(nobody, history={"1m": 1, "15m": dt.date(2024, 7, 1)})
    assert shares.history_start("1m") == utc("2023-11-07 05:00")  # 365.25 days before 6 November 10:00
    assert shares.history_start("15m") == utc("2024-07-01 04:00")
    assert shares.history_start("1h") == utc("2022-11-06 04:00")
    assert shares.history_start("1d").year == 2014
    with pytest.raises(SourceError, match="source polygon has no 4h bars"):
        shares.history_start("4h")


# --- bars --------------------------------------------------------------------------------------------------------

DAY_MS = 86_400_000


def vendor_of(step: int, *, first: str, last: str) -> CannedVendor:
    """A vendor with a bar at every `step` milliseconds, day and night, whose price counts them."""
    times = range(ms(first), ms(last), step)

    def respond(request: Request) -> Canned:
        since, until = request.span
        rows = [bar(t, price=2.0 + i) for i, t in enumerate(times) if since <= t <= until]
        return Canned(bars_body(rows))

    return CannedVendor(respond=respond)


def ms(text: str) -> int:
    return int(utc(text).timestamp() * 1000)


def local(bars: pd.DataFrame) -> list[str]:
    return bars["ts"].dt.tz_convert("America/New_York").dt.strftime("%d %H:%M").tolist()


def test_hours_of_a_window_are_made_from_half_hours() -> None:
    """A window that begins and ends in the middle of the session asks for all parts of its hours and no other."""
    with vendor_of(1_800_000, first="2024-11-01", last="2024-11-07") as vendor:
        shares = source(vendor)
        fetched = shares.fetch("SPY", "1h", Window(utc("2024-11-01 17:00"), utc("2024-11-04 16:00")))
    # 13:00 on Friday is in the middle of an hour; on Monday the clocks have changed.
    assert local(fetched.bars) == ["01 13:30", "01 14:30", "01 15:30", "04 09:30", "04 10:30"]
    assert fetched.bars["volume"].tolist() == [200, 200, 100, 200, 200]
    assert (fetched.calls, fetched.duplicates, fetched.out_of_order) == (1, 0, 0)
    (request,) = vendor.requests
    assert request.path.startswith("/v2/aggs/ticker/SPY/range/30/minute/")
    assert request.span == (ms("2024-11-01 17:30"), ms("2024-11-04 16:30") - 1)
    assert request.query["adjusted"] == "true"


def test_what_is_not_complete_yet_is_not_given_out() -> None:
    with vendor_of(1_800_000, first="2024-11-05", last="2024-11-07") as vendor:
        fetched = source(vendor, now=utc("2024-11-06 16:40")).fetch(
            "SPY", "1h", Window(utc("2024-11-05 20:00"), utc("2024-12-01"))
        )
    assert local(fetched.bars) == ["05 15:30", "06 09:30"]


def test_extended_hours_are_the_vendors_own() -> None:
    with vendor_of(3_600_000, first="2024-11-28", last="2024-12-02") as vendor:
        shares = source(vendor, session="extended", now=utc("2024-12-05"))
        bars = shares.fetch("SPY", "1h", Window(utc("2024-11-28 05:00"), utc("2024-12-02"))).bars
    assert vendor.requests[0].path.startswith("/v2/aggs/ticker/SPY/range/1/hour/")
    # Thanksgiving, then a half day: 04:00 to 17:00.
    assert local(bars) == [f"29 {hour:02}:00" for hour in range(4, 17)]


def test_days_open_with_their_session() -> None:
    days = [
        ms(f"2024-11-0{d} {'04' if d < 4 else '05'}:00") for d in (1, 2, 3, 4, 5)
    ]  # midnights in New York
    with CannedVendor(Canned(bars_body([bar(t) for t in days]))) as vendor:
        fetched = source(vendor).fetch("SPY", "1d", Window(utc("2024-11-01 13:30"), utc("2024-11-05 14:30")))
    # Bars of the weekend are none of the market's; the 5th opens at the window's end.
    assert fetched.bars["ts"].tolist() == [utc("2024-11-01 13:30"), utc("2024-11-04 14:30")]
    assert vendor.requests[0].span == (days[0], days[4] - 1)
    assert vendor.requests[0].path.startswith("/v2/aggs/ticker/SPY/range/1/day/")


def test_crypto_days_and_hours_lie_on_utc() -> None:
    with vendor_of(DAY_MS, first="2024-11-01", last="2024-11-09") as vendor:
        coins = source(vendor, market="crypto")
        bars = coins.fetch("X:BTCUSD", "1d", Window(utc("2024-11-02"), utc("2024-11-09"))).bars
    assert bars["ts"].tolist() == [utc(f"2024-11-0{d}") for d in (2, 3, 4, 5)]  # until now
    assert vendor.requests[0].path.startswith("/v2/aggs/ticker/X:BTCUSD/range/1/day/")


def test_days_of_currencies_are_made_from_hours() -> None:
    with vendor_of(3_600_000, first="2024-10-30", last="2024-11-09") as vendor:
        euros = source(vendor, market="fx")
        bars = euros.fetch("C:EURUSD", "1d", Window(utc("2024-11-01"), utc("2024-11-06"))).bars
    # The clocks change on Sunday morning, before the week begins.
    assert local(bars) == ["03 17:00", "04 17:00"]
    assert bars["volume"].tolist() == [2400, 2400]


def test_a_window_without_an_expected_bar_costs_no_call(nobody: CannedVendor) -> None:
    for window in (Window(utc("2024-11-02"), utc("2024-11-04")), Window(NOW, NOW + pd.Timedelta(days=9))):
        fetched = source(nobody).fetch("SPY", "1h", window)
        assert (len(fetched.bars), fetched.calls) == (0, 0)
        assert str(fetched.bars["ts"].dtype) == "datetime64[us, UTC]"


def test_an_unknown_ticker_has_no_bars() -> None:
    with CannedVendor(Canned(bars_body([]))) as vendor:
        fetched = source(vendor).fetch("NONE", "1h", Window(utc("2024-11-01"), utc("2024-11-05")))
    assert fetched.bars.empty
    assert fetched.calls == 1


def test_errors_name_ticker_timeframe_and_window() -> None:
    refusal = Canned({"status": "NOT_AUTHORIZED", "message": "timeframe not in your plan"}, status=403)
    with CannedVendor(refusal) as vendor, pytest.raises(VendorPlanError) as error:
        source(vendor).fetch("SPY", "1h", Window(utc("2020-01-02"), utc("2020-02-01")))
    assert str(error.value).startswith(
        "polygon: SPY 1h 2020-01-02 00:00 to 2020-02-01 00:00 UTC: HTTP 403, “NOT_AUTHORIZED: timeframe not in "
    )


def test_reading_goes_through_all_windows() -> None:
    with vendor_of(1_800_000, first="2024-10-01", last="2024-11-07") as vendor:
        shares = source(vendor, limit=2_000, history={"1h": dt.date(2024, 10, 28)})
        bars = shares.read("SPY", "1h")
        windows = shares.windows("SPY", "1h", shares.history_start("1h"), shares.closed_until("SPY", "1h"))
        since = shares.read("SPY", "1h", utc("2024-11-05 15:00"))
    assert len(windows) == 4  # seven sessions, two in each
    assert len(bars) == 7 * 7
    assert bars["ts"].is_monotonic_increasing
    assert bars["ts"].is_unique
    assert local(since) == ["05 10:30", "05 11:30", "05 12:30", "05 13:30", "05 14:30", "05 15:30"]
    with pytest.raises(SourceError, match="source polygon has no series SPY 1m: of SPY it has 1h, 1d"):
        shares.read("SPY", "1m")


# --- universe ----------------------------------------------------------------------------------------------------


def market(
    active: Sequence[str],
    grouped: dict[str, list[dict[str, Any]] | int],
    delisted: dict[str, str] | None = None,
) -> CannedVendor:
    """Tickers two to a page, grouped daily bars by day (or a status), delisting days."""

    def respond(request: Request) -> Canned:
        if "/grouped/" in request.path:
            day = grouped.get(request.path.rsplit("/", 1)[1], [])
            if isinstance(day, int):
                return Canned({"status": "NOT_AUTHORIZED", "message": "before end of day"}, status=day)
            return Canned(bars_body(day))
        if request.query.get("active") == "false":
            ticker = request.query["ticker"]
            found = [{"ticker": t, "delisted_utc": d} for t, d in (delisted or {}).items() if t == ticker]
            return Canned({"status": "OK", "results": found})
        page = int(request.query.get("cursor", 0))
        rows = [{"ticker": t, "name": f"{t} Inc."} for t in active[page : page + 2]]
        url = f"https://x.test/v3/reference/tickers?cursor={page + 2}&apiKey=k"
        return Canned(
            {"status": "OK", "results": rows} | ({"next_url": url} if page + 2 < len(active) else {})
        )

    return CannedVendor(respond=respond)


def traded(ticker: str, close: float, volume: float, **other: Any) -> dict[str, Any]:
    return {"T": ticker, "t": 1, "c": close, "v": volume} | other


DAY = [
    traded("SPY", 500.0, 10.0),
    traded("AAPL", 200.0, 100.0, vw=210.0),
    traded("MSFT", 400.0, 50.0),
    traded("IBM", 400.0, 50.0),
    traded("DEAD", 400.0, 0.0),
    traded("GONE", 999.0, 999.0),
]


def test_the_universe_is_the_configured_tickers_and_the_most_traded() -> None:
    listed = ["AAPL", "ABRpD", "DEAD", "IBM", "MSFT", "SPY", "ZZZ"]
    said: list[str] = []
    with market(listed, {"2024-11-05": DAY}) as vendor:
        shares = source(vendor, tickers=("SPY",), top_n=2, said=said)
        listings = shares.universe()
    assert listings == [
        Listing("AAPL", "AAPL Inc.", "equity", 21_000.0, 1, True),
        Listing("DEAD", "DEAD Inc.", "equity", None, None, False),
        Listing("IBM", "IBM Inc.", "equity", 20_000.0, 2, True),  # as much as MSFT, and before it by name
        Listing("MSFT", "MSFT Inc.", "equity", 20_000.0, 3, False),
        Listing("SPY", "SPY Inc.", "equity", 5_000.0, 4, True),
        Listing("ZZZ", "ZZZ Inc.", "equity", None, None, False),
    ]
    assert shares.problems() == []
    assert said == ["polygon: 1 tickers such as ABRpD are left out: strange names"]
    first = vendor.requests[0]
    assert (first.query["market"], first.query["active"]) == ("stocks", "true")
    grouped = [r for r in vendor.requests if "grouped" in r.path]
    assert [r.path for r in grouped] == ["/v2/aggs/grouped/locale/us/market/stocks/2024-11-05"]


def test_configured_tickers_that_are_not_listed_are_problems_and_the_others_go_on() -> None:
    with market(["SPY"], {"2024-11-05": DAY}, {"TWTR": "2022-11-08T00:00:00Z"}) as vendor:
        shares = source(vendor, tickers=("TWTR", "SPY", "SPPY"))
        assert shares.problems() == []
        assert [s.ticker for s in shares.universe() if s.chosen] == ["SPY"]
        asked = len(vendor.requests)
        problems = dict(shares.problems())
        assert len(vendor.requests) == asked
    assert list(problems) == ["TWTR", "SPPY"]
    assert problems["TWTR"].startswith("polygon: TWTR was delisted on 2022-11-08 and has no new bars")
    assert problems["SPPY"] == "polygon: SPPY is unknown in the market stocks: correct or remove it"


def test_crypto_is_ranked_by_its_own_days_and_a_missing_prefix_is_told() -> None:
    with market(["X:BTCUSD"], {"2024-11-05": [traded("X:BTCUSD", 2.0, 3.0)]}) as vendor:
        coins = source(vendor, market="crypto", tickers=("BTCUSD",), top_n=500)
        assert coins.universe() == [Listing("X:BTCUSD", "X:BTCUSD Inc.", "crypto", 6.0, 1, True)]
    assert coins.problems()[0][1].endswith("correct or remove it; tickers of the market crypto begin with X:")
    assert "/v2/aggs/grouped/locale/global/market/crypto/2024-11-05" in {r.path for r in vendor.requests}


def test_the_newest_day_with_data_ranks() -> None:
    """A day that the plan does not give out yet, one without rows, then one that has some."""
    with market(["SPY"], {"2024-11-05": 403, "2024-11-01": DAY}) as vendor:
        (spy,) = source(vendor, top_n=1).universe()
    assert spy.volume_rank == 1
    days = [r.path[-10:] for r in vendor.requests if "grouped" in r.path]
    assert days == ["2024-11-05", "2024-11-04", "2024-11-01"]


def test_no_day_to_rank_by_matters_only_where_ranks_are_wanted() -> None:
    said: list[str] = []
    with market(["SPY"], {}) as vendor:
        assert source(vendor, said=said).universe()[0].volume_rank is None
        assert len(said) == 1
        with pytest.raises(VendorError, match="stocks from 2024-10-28 to 2024-11-05: the 3 tickers"):
            source(vendor, top_n=3).universe()
    assert len([r for r in vendor.requests if "grouped" in r.path]) == 14
    assert said == [
        "polygon: no grouped daily bars of the market stocks from 2024-10-28 to 2024-11-05: tickers have no volume rank"
    ]
    refused: dict[str, Any] = dict.fromkeys(pd.bdate_range("2024-10-28", "2024-11-05").strftime("%F"), 403)
    told = "grouped daily bars of 2024-10-28: HTTP 403"
    with market(["SPY"], refused) as vendor, pytest.raises(VendorPlanError, match=told):
        source(vendor, top_n=3).universe()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (traded("SPY", 1.0, 1.0) | {"T": None}, "T is None"),
        (traded("SPY", 1.0, 1.0) | {"c": "1"}, "the price of SPY is '1', which is no number"),
        (traded("SPY", 1.0, 1.0) | {"v": None}, "the volume of SPY is None, which is no number"),
    ],
)
def test_strange_grouped_bars_are_told(row: dict[str, Any], told: str) -> None:
    with market(["SPY"], {"2024-11-05": [row]}) as vendor, pytest.raises(VendorError, match=told):
        source(vendor).universe()


# --- splits ------------------------------------------------------------------------------------------------------


def split(ticker: str, day: str, before: object, after: object) -> dict[str, Any]:
    return {"ticker": ticker, "execution_date": day, "split_from": before, "split_to": after}


def test_splits_in_force_are_read_to_the_last_page() -> None:
    rows = [
        split("UVXY", "2024-04-11", 5, 1),
        split("ABRpD", "2024-05-01", 1, 2),
        split("NVDA", "2024-06-10", 1, 10),
        split("NVDA", "2024-06-10", 1.0, 10.0),
        split("SPY", "2024-11-06", 1, 2),
        split("SPY", "2024-11-07", 1, 3),
    ]
    url = "https://x.test/v3/reference/splits?cursor=2"
    pages = [{"status": "OK", "results": rows[:3], "next_url": url}, {"status": "OK", "results": rows[3:]}]
    with CannedVendor(*map(Canned, pages)) as vendor:
        # 03:00 UTC on the 7th is the evening of the 6th in New York.
        found = source(vendor, now=utc("2024-11-07 03:00")).splits(dt.date(2024, 4, 11))
    assert found == [
        Split("UVXY", dt.date(2024, 4, 11), 5, 1),
        Split("NVDA", dt.date(2024, 6, 10), 1, 10),
        Split("SPY", dt.date(2024, 11, 6), 1, 2),
    ]
    assert vendor.requests[0].path == "/v3/reference/splits"
    assert vendor.requests[0].query["execution_date.gte"] == "2024-04-11"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (split("SPY", "2024-05-01", 0, 2), "SPY split on 2024-05-01 from 0 into 2"),
        (split("SPY", "2024-05-01", 1, -2), "SPY split on 2024-05-01 from 1 into -2"),
        (split("SPY", "2024-05-01", "1", 2), "SPY split on 2024-05-01 from '1' into 2"),
        (split("SPY", "2024-05-01", 1, None), "SPY split on 2024-05-01 from 1 into None"),
        (split("SPY", "1 May", 1, 2), "SPY split on '1 May', which is no date"),
        (split("SPY", "2024-03-01", 1, 3), "SPY split on 2024-03-01 both 1 into 2 and 1 into 3"),
    ],
)
def test_a_split_without_sense_stops_only_the_universe_it_is_in(row: dict[str, Any], told: str) -> None:
    good = split("SPY", "2024-03-01", 1, 2)
    said: list[str] = []
    both = Canned({"status": "OK", "results": [good, row]})
    with CannedVendor(both) as vendor, pytest.raises(VendorError, match=told):
        source(vendor).splits(dt.date(2024, 1, 1))
    other = Canned(
        {
            "status": "OK",
            "results": [good | {"ticker": "QQQ"}, good | {"ticker": "XYZ"}, row | {"ticker": "XYZ"}],
        }
    )
    with CannedVendor(other) as vendor:
        shares = source(vendor, said=said)
        assert shares.splits(dt.date(2024, 1, 1)) == [Split("QQQ", dt.date(2024, 3, 1), 1, 2)]
    assert said == [f"polygon: 1 tickers' splits are left out as senseless: {told.replace('SPY', 'XYZ')}"]


def test_only_shares_are_split(nobody: CannedVendor) -> None:
    assert source(nobody, market="crypto").splits(dt.date(2024, 1, 1)) == []
