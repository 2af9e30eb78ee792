"""What every entry of the catalogue must keep, whichever feature it is."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.features.catalogue import (
    DIGESTS,
    FEATURE_SET_VERSION,
    FEATURES,
    MODEL_FEATURES,
    SETUP_FEATURES,
    compute_features,
    reach,
    select,
)
from fvg_platform.features.feature import Feature, fading
from fvg_platform.features.verification import rescaled, verify
from fvg_platform_tests.features.made_bars import MARKETS, random_bars, ticking, with_orders

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


def delivered(market: str) -> list[Feature]:
    """The features whose columns the market has."""
    return [each for each in FEATURES if each.needs is None or each.needs in MARKETS[market]]


def test_the_catalogue_holds_what_was_asked_for():
    assert len(FEATURES) >= 120
    assert len(SETUP_FEATURES) >= 30
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


def test_the_version_and_every_digest_are_short_hashes():
    assert list(DIGESTS) == [feature.name for feature in (*FEATURES, *SETUP_FEATURES)]
    assert len(set(DIGESTS.values())) == len(DIGESTS)
    assert all(re.fullmatch(r"[0-9a-f]{12}", each) for each in (FEATURE_SET_VERSION, *DIGESTS.values()))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_keeps_what_its_entry_claims(feature):
    """Prefix truth, warm-up, finite values, scale, and a tail of its memory: on all made-up markets."""
    verify(feature)


def test_a_change_of_any_part_of_the_entry_changes_the_digest():
    feature = select(["rsi_14"])[0]
    changes = [{"formula": "another"}, {"warmup": 15}, {"memory": 600}, {"days": 1}, {"needs": "vwap"}]
    changes += [{"unit": "0..1"}, {"scale_free": False}, {"cumulative": True}, {"revision": 2}]
    digests = {replace(feature, **change).digest for change in changes}
    assert len(digests | {feature.digest}) == len(changes) + 1
    assert replace(feature, compute=len).digest == feature.digest


def test_the_reach_is_the_longest_memory_and_the_most_days():
    plain = select(["sma_200"])[0]
    assert (reach([plain]).bars, reach([plain]).days) == (199, 0)
    assert (reach([plain, replace(plain, days=70)]).bars, reach([replace(plain, days=70)]).days) == (199, 70)
    assert (reach([]).bars, reach([]).days) == (0, 0)
    assert reach() == reach(FEATURES)
    assert reach().days <= 75


def test_what_an_average_has_forgotten_weighs_nothing():
    assert (13 / 14) ** (fading(1 / 14, 14) - 14) <= 1e-18 < (13 / 14) ** (fading(1 / 14, 14) - 15)
    with pytest.raises(ValueError, match="sma_20: a memory of 5 bars is shorter than its warm-up of 19"):
        replace(select(["sma_20"])[0], memory=5)


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
    features = compute_features(with_orders(random_bars(40)).iloc[:n])
    assert len(features) == n
    assert str(features["ts"].dtype).endswith("UTC]")
    for feature in FEATURES:
        assert features[feature.name].notna().sum() == max(n - feature.warmup, 0), feature.name


@pytest.mark.parametrize("market", ["with orders", "random", "cheap coin"])
def test_the_first_value_stands_where_the_warm_up_says(market):
    features = delivered(market)
    first = features_of(market)[[each.name for each in features]].apply(pd.Series.first_valid_index)
    assert first.to_dict() == {feature.name: feature.warmup for feature in features}


@pytest.mark.parametrize("market", MARKETS)
def test_every_value_after_the_warm_up_is_finite_and_within_its_unit(market):
    features = features_of(market)
    for feature in delivered(market):
        values = features[feature.name].to_numpy()
        assert np.isnan(values[: feature.warmup]).all(), feature.name
        assert np.isfinite(values[feature.warmup :]).all(), feature.name
        low, high = BOUNDS.get(feature.unit, (-np.inf, np.inf))
        assert (values[feature.warmup :] >= low - 1e-9).all(), feature.name
        assert (values[feature.warmup :] <= high + 1e-9).all(), feature.name


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_thin_markets_leave_no_hole_either(seed):
    features = compute_features(with_orders(ticking(260, seed)))
    assert all(np.isfinite(features[f.name].to_numpy()[f.warmup :]).all() for f in FEATURES)


@pytest.mark.parametrize("market", ["flat", "dead for months"])
def test_a_motionless_market_shows_no_movement(market):
    """Rounding residues must not be taken for distances, slopes or widths."""
    last = features_of(market).iloc[-1]
    for feature in delivered(market):
        if feature.unit in {"ATR", "ATR a bar", "z-score", "log return"}:
            assert abs(last[feature.name]) < 1e-3, feature.name
    neutral = {"rsi_14": 50.0, "williams_r_14": -50.0, "cci_20": 0.0, "bb_position": 0.5, "bb_width": 0.0,
               "range_position_20": 0.5, "volume_ratio_20": 1.0, "mfi_14": 50.0, "chop_14": 100.0,
               "skew_50": 0.0, "autocorr_1_50": 0.0, "body_share": 0.0}  # fmt: skip
    if market == "flat":
        assert last[list(neutral)].to_dict() == neutral


@pytest.mark.parametrize("cut", [1, 20, 116, 203, 599])
@pytest.mark.parametrize("market", ["with orders", "thin", "dies and revives"])
def test_prefix_truth(market, cut):
    """No value uses a bar after its own: the bars up to a cut give, bit for bit, the rows of the full run."""
    pd.testing.assert_frame_equal(
        compute_features(MARKETS[market].iloc[:cut]), features_of(market).iloc[:cut], check_exact=True
    )


@pytest.mark.parametrize(
    ("prices", "volumes"), [(2.0**10, 2.0**-7), (2.0**-27, 2.0**20), (3.0, 1.0), (1.0, 0.7)]
)
def test_scale_free_features_are_free_of_scale_and_the_others_follow_theirs(prices, volumes):
    features = compute_features(rescaled(MARKETS["with orders"], prices, volumes))
    factors = {"price": prices, "volume": volumes}
    for feature in FEATURES:
        expected = features_of("with orders")[feature.name] * (
            1.0 if feature.scale_free else factors[feature.unit]
        )
        np.testing.assert_allclose(
            features[feature.name], expected, rtol=1e-9, atol=1e-10, err_msg=feature.name
        )


def test_optional_columns_change_only_the_features_that_need_them():
    plain = [feature.name for feature in FEATURES if feature.needs is None]
    bare, richer = features_of("random"), features_of("with orders")
    pd.testing.assert_frame_equal(bare[plain], richer[plain], check_exact=True)
    empty = MARKETS["random"].assign(taker_buy_volume=np.nan, vwap=None)
    pd.testing.assert_frame_equal(compute_features(empty), bare, check_exact=True)
    needing = [feature.name for feature in FEATURES if feature.needs is not None]
    assert needing
    assert bare[needing].isna().all(axis=None)


def test_an_unknown_optional_value_is_felt_as_long_as_the_memory_and_no_longer():
    bars = MARKETS["with orders"].copy()
    bars.loc[100, ["taker_buy_volume", "transactions"]] = np.nan
    bars.loc[100, "vwap"] = 0.0  # what some sources send for a bar without trades
    holed = compute_features(bars)
    for feature in FEATURES:
        whole, values = features_of("with orders")[feature.name], holed[feature.name]
        if feature.needs is None:
            pd.testing.assert_series_equal(values, whole, check_exact=True)
            continue
        touched = np.flatnonzero(values.isna() & whole.notna())
        assert 100 in touched or feature.warmup > 100, feature.name
        assert ((touched >= 100) & (touched <= 100 + feature.memory)).all(), feature.name


def test_only_the_named_features_are_computed_and_a_users_own_are_appended():
    own = Feature("own", "custom", "C - O", "price", 0, False, "bar", lambda s: s.close - s.open)
    names = ["rsi_14", "sma_20"]
    features = compute_features(MARKETS["random"], names=names, custom=[own])
    assert list(features) == ["ts", "sma_20", "rsi_14", "own"]
    pd.testing.assert_frame_equal(features[names], features_of("random")[names], check_exact=True)
    assert (features["own"] == MARKETS["random"]["close"] - MARKETS["random"]["open"]).all()
    with pytest.raises(ValueError, match="no such bar feature in the catalogue: rsi_15"):
        compute_features(MARKETS["random"], names=["rsi_14", "rsi_15"])


def test_a_function_that_returns_the_wrong_number_of_values_is_named():
    own = Feature("own", "custom", "C", "price", 0, False, "bar", lambda s: s.close[1:])
    with pytest.raises(ValueError, match=r"feature own returned values of shape \(599,\) for 600 bars"):
        compute_features(MARKETS["random"], names=[], custom=[own])


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
