"""The notebook's door gives what lies in the tables."""

import pytest

from fvg_platform import research
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform_tests.platforms import Workplace


@pytest.fixture
def door(sample: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sample.environment.items():
        monkeypatch.setenv(name, value)
    research._database.cache_clear()
    yield
    research._database().close()
    research._database.cache_clear()


@pytest.mark.usefixtures("door")
def test_stored_gaps_are_those_that_the_engine_finds_in_the_stored_bars() -> None:
    bars = research.bars("IBM", "1d")
    assert len(bars) == 3270
    stored, found = research.gaps("IBM", "1d"), detect_gaps(bars, "1d")
    order = ["ts", "side"]
    stored, found = (f.sort_values(order, ignore_index=True) for f in (stored, found))
    assert stored["ts"].tolist() == found["ts"].tolist()
    assert stored["bottom"].tolist() == found["bottom"].tolist()


@pytest.mark.usefixtures("door")
def test_arrow_holds_the_same_as_pandas() -> None:
    table = research.labels("AAPL", "1h", as_="arrow")
    frame = research.labels("AAPL", "1h")
    assert table.num_rows == len(frame) > 0
    assert table.column("status").to_pylist() == frame["status"].tolist()
    assert len(research.features("AAPL", "1h")) == len(research.bars("AAPL", "1h"))


@pytest.mark.usefixtures("door")
def test_an_unknown_series_is_named_with_those_that_there_are() -> None:
    with pytest.raises(research.UnknownSeriesError, match="no series SPY 1h; there is AAPL 15m"):
        research.bars("SPY", "1h")
    with pytest.raises(ValueError, match="unknown timeframe '2h'"):
        research.bars("AAPL", "2h")
