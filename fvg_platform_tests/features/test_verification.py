"""Features that break their word are found out, with the bar and both values; honest ones pass."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.features.feature import Feature
from fvg_platform.features.series import BarSeries
from fvg_platform.features.verification import (
    FeatureError,
    made_up_markets,
    require_no_lookahead,
    verify,
)


def own(compute, warmup: int = 0, **claims: object) -> Feature:
    claims = {"scale_free": True} | claims
    return Feature("own", "custom", "made up", "ratio", warmup, kind="bar", compute=compute, **claims)


def rolling_mean(values: np.ndarray, length: int) -> np.ndarray:
    return pd.Series(values).rolling(length).mean().to_numpy()


HONEST = {
    "a shape of the bar": own(lambda s: s.close / s.open),
    "a window": own(lambda s: s.close / rolling_mean(s.close, 30), 29),
    "a price": own(lambda s: s.close, scale_free=False),
    "a running sum": own(lambda s: np.cumsum(s.volume), scale_free=False, cumulative=True),
    "a calendar": own(lambda s: s.ts.tz_convert("America/New_York").day_of_week.to_numpy(float)),
    "a column that not every source has": own(lambda s: s.vwap / s.close, needs="vwap"),
}
BROKEN = {
    "the next close": (
        own(lambda s: np.append(s.close[1:], s.close[-1]) / s.close),
        r"own \(made up\) looks ahead of bar 1: .*'round the clock' it is [\d.]+ at bar 1 .*, 1.0 without those",
    ),
    "the mean of all": (own(lambda s: s.close / s.close.mean()), "looks ahead of bar 1"),
    "a hole": (
        own(lambda s: np.where(np.arange(len(s)) == 1234, np.nan, s.close / s.open)),
        "is not finite after its warm-up: .* it is nan at bar 1234",
    ),
    "a division by a range of nothing": (
        own(lambda s: (s.close - s.open) / (s.high - s.low)),
        "is not finite after its warm-up: on the made-up market 'thin'",
    ),
    "a value too early": (own(lambda s: s.close / s.open, warmup=3), "has a value within its warm-up: .* bar 0"),
    "a value too late": (own(lambda s: s.close / rolling_mean(s.close, 30), 20), "not finite .* bar 20 "),
    "a price that claims no scale": (own(lambda s: s.close), "not free of scale: prices × 1024 and volumes"),
    "a volume that claims no scale": (own(lambda s: s.volume), "not free of scale: prices × 1024 and volumes × 0.007"),
    "the position in the series": (
        own(lambda s: np.arange(len(s), dtype=float)),
        "depends on more than the 0 bars and 0 days of its memory",
    ),
    "an average that forgets later than it says": (
        own(lambda s: s.close / pd.Series(s.close).ewm(span=50).mean().to_numpy(), memory=200),
        "depends on more than the 200 bars and 0 days of its memory: .* from a tail",
    ),
    "the wrong length": (own(lambda s: s.close[:-1]), r"own failed on 3000 made-up bars: .*shape \(2999,\)"),
    "an error of its own": (own(lambda s: s.clothes), "own failed on 3000 made-up bars: AttributeError: .*clothes"),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_feature_passes(name):
    verify(HONEST[name])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_found_and_named(name):
    feature, message = BROKEN[name]
    with pytest.raises(FeatureError, match=message):
        verify(feature)


def test_the_made_up_markets_hold_what_real_ones_do():
    bars = {market.name: market.bars for market in made_up_markets()}
    assert all({"taker_buy_volume", "vwap", "transactions"} <= set(frame) for frame in bars.values())
    thin, opens = bars["thin"], bars["sessions"]["ts"].dt.tz_convert("America/New_York")
    assert (thin["volume"] == 0).mean() > 0.3
    assert (thin["high"] == thin["low"]).any()
    assert (thin["close"].iloc[1400:1800].nunique(), opens.dt.time.nunique()) == (1, 13)
    assert len({opens.iloc[0].utcoffset(), opens.iloc[-1].utcoffset(), opens.iloc[1500].utcoffset()}) == 2


def test_a_whisper_of_tomorrow_is_heard():
    """Trees do not care how small a number is."""
    whisper = own(lambda s: 1e-9 * (np.append(s.close[1:], s.close[-1]) / s.close - 1.0))
    with pytest.raises(FeatureError, match="looks ahead of bar"):
        verify(whisper)


def test_what_looks_ahead_on_long_series_only_is_caught_where_it_is_computed():
    def late(series):
        move = np.append(series.close[1:], series.close[-1]) / series.close
        return move if len(series) > 5_000 else np.ones(len(series))

    sly = own(late)
    verify(sly)  # on 3,000 made-up bars it behaves
    bars = pd.concat([made_up_markets()[0].bars] * 3, ignore_index=True)
    bars["ts"] = pd.date_range("2020-01-01", periods=len(bars), freq="h", tz="UTC")
    with pytest.raises(FeatureError, match="looks ahead: at bar"):
        require_no_lookahead(sly, bars, late(BarSeries(bars)))
    honest = own(lambda s: s.close / s.open)
    require_no_lookahead(honest, bars, (bars["close"] / bars["open"]).to_numpy())
