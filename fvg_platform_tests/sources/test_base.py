"""Tickers, and several sources as one."""

from pathlib import Path

import pandas as pd
import pytest

from fvg_platform.sources.base import SourceError, require_ticker
from fvg_platform.sources.combined import CombinedSource
from fvg_platform.sources.files import FilesSource
from fvg_platform.sources.sample import SampleSource


@pytest.mark.parametrize(
    "ticker", ["A", "BRK.B", "BTC-USD", "X:BTCUSD", "EUR/USD", "ES_F", "7203.T", "A" * 20]
)
def test_tickers(ticker: str) -> None:
    assert require_ticker(ticker) == ticker


@pytest.mark.parametrize("ticker", ["", "aapl", "A B", "A" * 21, "A;DROP", "ÄPL", "AAPL\n", "^GSPC"])
def test_strange_tickers_are_named(ticker: str) -> None:
    with pytest.raises(SourceError) as error:
        require_ticker(ticker)
    assert f"strange ticker {ticker!r}: use 1 to 20" in str(error.value)


@pytest.fixture
def combined(tmp_path: Path) -> CombinedSource:
    for name in ("FB_1d.csv", "ZZZ_1d.csv"):
        (tmp_path / name).write_text("date,open,high,low,close,volume\n2024-01-02,10,12,9,11,100\n")
    (tmp_path / "odd.csv").write_text("")
    (tmp_path / "symbols.csv").write_text("ticker,name\nFB,Meta\n")
    return CombinedSource(SampleSource(), FilesSource(tmp_path))


def test_the_last_source_wins_a_series_and_the_others_stay(combined: CombinedSource) -> None:
    assert combined.name == "sample+files"
    origins = {(i.ticker, i.timeframe): i.basis.source for i in combined.series()}
    assert origins["FB", "1d"] == origins["ZZZ", "1d"] == "files"
    assert origins["IBM", "1d"] == "sample"
    assert list(origins)[:4] == [("AAPL", "1m"), ("AAPL", "1h"), ("AAPL", "1d"), ("FB", "1d")]
    assert {i.ticker: i.name for i in combined.symbols()}["FB"] == "Meta"
    assert combined.read("FB", "1d")["ts"].tolist() == [pd.Timestamp("2024-01-02 14:30", tz="UTC")]
    assert len(combined.read("IBM", "1d")) == 3_270


def test_fingerprints_name_the_source_and_problems_are_gathered(combined: CombinedSource) -> None:
    assert combined.fingerprint("FB", "1d").startswith("files:")
    assert combined.fingerprint("IBM", "1d").startswith("sample:bokeh-sampledata")
    assert [name for name, _ in combined.problems()] == ["odd.csv"]
    with pytest.raises(SourceError, match=r"none of the sources sample\+files has a series QQQ 1d"):
        combined.read("QQQ", "1d")
