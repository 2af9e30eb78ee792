"""Flags: planted anomalies are all found, random walks have next to none, and nothing is flagged that is usual."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.market.anomalies import STALE_BARS, flag_bars
from fvg_platform.market.calendars import trading_calendar
from fvg_platform_tests.market_bars import random_bars


def walk(bars: int = 3000, *, seed: int = 1, timeframe: str = "1h") -> pd.DataFrame:
    """A random walk on the exchange's calendar, volumes log-normal."""
    made = random_bars(timeframe, "2020-01-02", "2023-01-02", seed=seed).iloc[:bars].copy()
    made["volume"] = np.exp(np.random.default_rng(seed).normal(10.0, 1.0, len(made)))
    return made


def flagged(bars: pd.DataFrame, flag: str, timeframe: str = "1h") -> dict[int, float]:
    """Positions and scores of the bars with a flag."""
    found = flag_bars(bars, timeframe)
    found = found[found["flag"] == flag]
    return dict(zip(bars["ts"].searchsorted(found["ts"]).tolist(), found["score"].tolist(), strict=True))


@pytest.mark.parametrize("timeframe", ["5m", "1h", "1d"])
@pytest.mark.parametrize("seed", range(3))
def test_a_random_walk_has_no_flag(timeframe: str, seed: int) -> None:
    bars = random_bars(timeframe, "2019-01-02", "2020-01-02", seed=seed)
    assert len(bars) >= 252
    assert flag_bars(bars, timeframe).empty


def test_every_planted_spike_of_the_close_is_found_and_nothing_else() -> None:
    bars = walk()
    planted = {40: 1.10, 700: 0.92, 701 + 800: 1.08, 2900: 0.90}
    for position, factor in planted.items():
        close = bars.loc[position, "close"] * factor
        bars.loc[position, "close"] = close
        bars.loc[position, "high"] = max(bars.loc[position, "high"], close)
        bars.loc[position, "low"] = min(bars.loc[position, "low"], close)
    found = flagged(bars, "outlier")
    assert sorted(found) == sorted(planted)
    assert min(found.values()) > 10


@pytest.mark.parametrize(("column", "factor"), [("high", 1.10), ("low", 0.90)])
def test_a_wick_that_no_neighbour_reaches_is_found(column: str, factor: float) -> None:
    bars = walk()
    bars.loc[1234, column] *= factor
    assert list(flagged(bars, "outlier")) == [1234]


def test_a_move_that_stays_is_no_outlier() -> None:
    bars = walk()
    bars.loc[1000:, ["open", "high", "low", "close"]] *= 1.15
    assert flagged(bars, "outlier") == {}


def test_the_last_bar_cannot_be_taken_back_yet() -> None:
    bars = walk()
    bars.loc[len(bars) - 1, ["high", "close"]] = bars["close"].iloc[-1] * 1.2
    assert flagged(bars, "outlier") == {}


@pytest.mark.parametrize("volume", [0.0, 500.0], ids=["without volume", "with volume"])
@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d"])
def test_a_price_that_stands_still_is_stale_from_its_first_bar_on(timeframe: str, volume: float) -> None:
    least = STALE_BARS[timeframe]
    bars = random_bars(timeframe, "2020-01-02", "2020-12-31", seed=3).iloc[:200].copy()
    for start, length in ((10, least), (100, least + 7), (150, least - 1)):
        rows = slice(start, start + length - 1)
        bars.loc[rows, ["open", "high", "low", "close"]] = bars.loc[start, "close"]
        bars.loc[rows, "volume"] = volume
    assert flagged(bars, "stale", timeframe) == {10: least, 100: least + 7}


def test_equal_closes_with_a_range_are_not_stale() -> None:
    bars = walk(100)
    bars["close"] = 100.0
    bars["high"], bars["low"] = bars["high"].clip(lower=101.0), bars["low"].clip(upper=99.0)
    assert flagged(bars, "stale") == {}


def test_every_planted_burst_of_volume_is_found_and_nothing_else() -> None:
    bars = walk()
    for position in (5, 1500, 2999):
        bars.loc[position, "volume"] = np.exp(10.0 + 12.0)
    assert list(flagged(bars, "volume_spike")) == [5, 1500, 2999]


def test_the_close_of_a_session_is_no_burst_though_it_has_fifty_times_the_volume() -> None:
    bars = random_bars("15m", "2024-01-02", "2024-12-20", seed=2)  # over both changes of the clock
    bars["volume"] = np.exp(np.random.default_rng(2).normal(8.0, 0.2, len(bars)))
    at_close = bars["ts"].dt.tz_convert("America/New_York").dt.strftime("%H:%M") == "15:45"
    bars.loc[at_close, "volume"] *= 50
    assert flagged(bars, "volume_spike", "15m") == {}
    bars.loc[1000, "volume"] *= 50
    assert list(flagged(bars, "volume_spike", "15m")) == [1000]


def test_without_volume_or_bars_there_is_nothing_to_flag() -> None:
    bars = walk(50)
    bars["volume"] = 0.0
    assert flagged(bars, "volume_spike") == {}
    for length in (0, 1, 2):
        found = flag_bars(bars.iloc[:length], "1h")
        assert found.columns.tolist() == ["ts", "flag", "score"]
        assert found.empty
        assert found["ts"].dtype == bars["ts"].dtype


def test_a_price_that_moves_by_ticks_now_and_then_is_not_strange() -> None:
    calendar = trading_calendar("equity")
    ts = calendar.expected_opens(
        "5m", pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-02-02", tz="UTC")
    )
    ticks = np.random.default_rng(4).choice([-0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01], len(ts))
    close = 10.0 + np.round(np.cumsum(ticks), 2)
    bars = pd.DataFrame({"ts": ts, "open": close, "high": close + 0.01, "low": close - 0.01, "close": close})
    assert flagged(bars.assign(volume=100.0), "outlier", "5m") == {}
