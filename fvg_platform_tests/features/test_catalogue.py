"""What every entry of the catalogue must keep, whichever feature it is."""

import json
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.features.catalogue import (
    FEATURE_SET_VERSION,
    FEATURES,
    MODEL_FEATURES,
    SETUP_FEATURES,
    compute_features,
)
from fvg_platform_tests.features.made_bars import MARKETS, PRICES, random_bars, ticking

NAMES = [feature.name for feature in FEATURES]
REQUIRED = {
    *("sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "macd", "macd_signal", "macd_hist"),
    *("rsi_14", "stoch_k", "stoch_d", "bb_upper", "bb_middle", "bb_lower", "atr_14"),
    *("volume_sma_20", "obv", "high_low_ratio", "close_open_ratio"),
}
BOUNDS = {
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
    "0..100": (0.0, 100.0),
    "-100..100": (-100.0, 100.0),
    "-100..0": (-100.0, 0.0),
}


@cache
def features_of(market: str) -> pd.DataFrame:
    return compute_features(MARKETS[market])


def scaled(bars: pd.DataFrame, prices: float = 1.0, volumes: float = 1.0) -> pd.DataFrame:
    return bars.assign(**{name: bars[name] * prices for name in PRICES}, volume=bars["volume"] * volumes)


def test_the_catalogue_holds_what_was_asked_for():
    assert len(FEATURES) >= 60
    assert set(NAMES) >= REQUIRED
    assert all(feature.kind == "bar" for feature in FEATURES)
    assert all(feature.kind == "setup" and feature.scale_free for feature in SETUP_FEATURES)


def test_names_are_unique_sql_identifiers_and_no_key_column():
    names = [*NAMES, *(feature.name for feature in SETUP_FEATURES)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) for name in names)
    assert not {"ts", "i", "side", "known_at", "ticker", "timeframe", "lineage_id"} & set(names)


def test_a_model_sees_scale_free_features_only():
    raw = {feature.name for feature in FEATURES if not feature.scale_free}
    assert raw == {f.name for f in FEATURES if f.unit in {"price", "volume"}}
    assert set(MODEL_FEATURES) == (set(NAMES) - raw) | {feature.name for feature in SETUP_FEATURES}


def test_the_version_is_a_short_hash():
    assert re.fullmatch(r"[0-9a-f]{12}", FEATURE_SET_VERSION)


def test_reading_the_names_loads_no_numerical_engine():
    code = (
        "import json, sys; import fvg_platform.features.setup_features; "
        "print(json.dumps(sorted({'numba', 'talib', 'polars', 'pandas_ta_classic'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_columns_are_ts_and_one_float64_for_each_entry():
    bars = MARKETS["random"].set_index(np.arange(600) + 7)
    features = compute_features(bars)
    assert list(features) == ["ts", *NAMES]
    assert (features[NAMES].dtypes == np.float64).all()
    assert list(features.index) == list(range(600))
    assert list(features["ts"]) == list(bars["ts"])


@pytest.mark.parametrize("n", [0, 1, 2, 14, 15, 26, 37, 40])
def test_a_short_series_has_its_rows_and_nothing_before_the_warm_up(n):
    features = compute_features(random_bars(40).iloc[:n])
    assert len(features) == n
    assert str(features["ts"].dtype).endswith("UTC]")
    for feature in FEATURES:
        assert features[feature.name].notna().sum() == max(n - feature.warmup, 0), feature.name


@pytest.mark.parametrize("market", ["random", "cheap coin"])
def test_the_first_value_stands_where_the_warm_up_says(market):
    first = features_of(market)[NAMES].apply(pd.Series.first_valid_index)
    assert first.to_dict() == {feature.name: feature.warmup for feature in FEATURES}


@pytest.mark.parametrize("market", MARKETS)
def test_every_value_after_the_warm_up_is_finite_and_within_its_unit(market):
    features = features_of(market)
    for feature in FEATURES:
        values = features[feature.name].to_numpy()
        assert np.isnan(values[: feature.warmup]).all(), feature.name
        assert np.isfinite(values[feature.warmup :]).all(), feature.name
        low, high = BOUNDS.get(feature.unit, (-np.inf, np.inf))
        assert (values[feature.warmup :] >= low - 1e-9).all(), feature.name
        assert (values[feature.warmup :] <= high + 1e-9).all(), feature.name


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_thin_markets_leave_no_hole_either(seed):
    features = compute_features(ticking(260, seed))
    assert all(np.isfinite(features[f.name].to_numpy()[f.warmup :]).all() for f in FEATURES)


@pytest.mark.parametrize("market", ["flat", "dead for months"])
def test_a_motionless_market_shows_no_movement(market):
    """Rounding residues must not be taken for distances, slopes or widths."""
    last = features_of(market).iloc[-1]
    for feature in FEATURES:
        if feature.unit in {"ATR", "ATR a bar", "z-score", "log return"}:
            assert abs(last[feature.name]) < 1e-3, feature.name
    neutral = {"rsi_14": 50.0, "williams_r_14": -50.0, "cci_20": 0.0, "bb_position": 0.5, "bb_width": 0.0,
               "range_position_20": 0.5, "volume_ratio_20": 1.0, "mfi_14": 50.0, "chop_14": 100.0,
               "skew_50": 0.0, "autocorr_1_50": 0.0, "body_share": 0.0}  # fmt: skip
    if market == "flat":
        assert last[list(neutral)].to_dict() == neutral


@pytest.mark.parametrize("cut", [1, 20, 116, 203, 599])
@pytest.mark.parametrize("market", ["random", "thin", "dies and revives"])
def test_prefix_truth(market, cut):
    """No value uses a bar after its own: the bars up to a cut give, bit for bit, the rows of the full run."""
    pd.testing.assert_frame_equal(
        compute_features(MARKETS[market].iloc[:cut]), features_of(market).iloc[:cut], check_exact=True
    )


@pytest.mark.parametrize(
    ("prices", "volumes"), [(2.0**10, 2.0**-7), (2.0**-27, 2.0**20), (3.0, 1.0), (1.0, 0.7)]
)
def test_scale_free_features_are_free_of_scale_and_the_others_follow_theirs(prices, volumes):
    features = compute_features(scaled(MARKETS["random"], prices, volumes))
    factors = {"price": prices, "volume": volumes}
    for feature in FEATURES:
        expected = features_of("random")[feature.name] * (
            1.0 if feature.scale_free else factors[feature.unit]
        )
        np.testing.assert_allclose(
            features[feature.name], expected, rtol=1e-9, atol=1e-10, err_msg=feature.name
        )


def test_optional_columns_and_repeated_runs_change_nothing():
    bars = MARKETS["random"]
    richer = bars.assign(vwap=bars["close"], transactions=5, taker_buy_volume=np.nan)
    pd.testing.assert_frame_equal(compute_features(richer), features_of("random"), check_exact=True)


def test_numbers_beyond_the_arithmetic_are_refused_by_name():
    bars = random_bars(60)
    bars.loc[41, "volume"] = 1.7e308
    bars.loc[42, "volume"] = 1.7e308
    with pytest.raises(FloatingPointError, match=r"feature volume_sma_20 .* row 42, 2026-01-02 18:30"):
        compute_features(bars)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.drop(columns=["low", "volume"]), r"lack the column\(s\) low, volume"),
        (lambda b: b.assign(ts=b["ts"].dt.tz_localize(None)), "time-zone aware"),
        (lambda b: b.iloc[::-1], r"first at row 1: ts does not follow"),
        (lambda b: pd.concat([b, b.tail(1)]), r"first at row 30: ts does not follow"),
        (lambda b: b.assign(close=b["close"].mask(b.index == 4)), r"first at row 4: a price is not a finite"),
        (lambda b: b.assign(open=b["open"].mask(b.index == 4, np.inf)), r"first at row 4: a price"),
        (lambda b: b.assign(low=b["low"].mask(b.index == 5, 0.0)), r"first at row 5: a price"),
        (lambda b: b.assign(high=b["low"]), r"30 bar\(s\) refused, first at row 0: high lies below"),
        (lambda b: b.assign(low=b["high"]), r"30 bar\(s\) refused, first at row 0: low lies above"),
        (lambda b: b.assign(volume=-1.0), r"first at row 0: volume is not"),
    ],
)
def test_bars_that_break_a_rule_are_refused_with_their_row(change, message):
    with pytest.raises(ValueError, match=message):
        compute_features(change(random_bars(30)))
