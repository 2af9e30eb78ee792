"""Features against numbers worked out by hand, against TA-Lib, and against plain numpy on each window."""

import math

import numpy as np
import pandas as pd
import pandas_ta_classic as classic
import pytest
import talib

from fvg_platform.features import kernels
from fvg_platform.features.catalogue import compute_features
from fvg_platform_tests.features.made_bars import frame, random_bars, still_from

BARS = random_bars(400, seed=5)
FEATURES = compute_features(BARS)


def column(name: str) -> np.ndarray:
    return BARS[name].to_numpy()


def hand_made() -> pd.DataFrame:
    """Twenty equal bars 10 / 12 / 8 / 10 with volume 5, then one 10 / 14 / 8 / 13 with volume 15."""
    return compute_features(
        frame([10.0] * 21, [12.0] * 20 + [14.0], [8.0] * 21, [10.0] * 20 + [13.0], [5.0] * 20 + [15.0])
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sma_20", (19 * 10 + 13) / 20),
        ("atr_14", (13 * 4 + 6) / 14),  # Wilder: thirteen parts of the old 4 and one of the new range 6
        ("dist_sma_20_atr", (13 - 10.15) / (58 / 14)),
        ("true_range_atr", 6 / 4),
        ("bb_upper", 10.15 + 2 * math.sqrt(19 / 20 * 1 / 20 * 9)),
        ("bb_position", 0.5 + (13 - 10.15) / (4 * math.sqrt(19 / 20 * 1 / 20 * 9))),
        ("rsi_14", 100.0),
        ("return_1", math.log(1.3)),
        ("return_20", math.log(1.3)),
        ("realised_vol_20", math.log(1.3) * math.sqrt(19) / 20),
        ("vol_ratio_5_20", (math.sqrt(4) / 5) / (math.sqrt(19) / 20)),
        ("skew_50", np.nan),
        ("high_low_ratio", 14 / 8),
        ("close_open_ratio", 1.3),
        ("body_share", 0.5),
        ("upper_wick_share", 1 / 6),
        ("lower_wick_share", 1 / 3),
        ("open_gap_atr", 0.0),
        ("displacement_3_atr", 3 / 4),
        ("range_position_20", 5 / 6),
        ("dist_high_20_atr", 1 / (58 / 14)),
        ("dist_low_20_atr", 5 / (58 / 14)),
        ("donchian_width_20_atr", 6 / (58 / 14)),
        ("up_bar_share_10", (9 * 0.5 + 1) / 10),
        ("efficiency_ratio_20", 1.0),
        ("downside_share_20", 0.0),
        ("volume_sma_20", 5.5),
        ("volume_ratio_20", 15 / 5.5),
        ("volume_zscore_20", 9.5 / math.sqrt(19 / 20 * 1 / 20 * 100)),
        ("obv_slope_20", 15 / 110),
        ("cmf_20", 15 * (5 - 1) / 6 / 110),
        ("mfi_14", 100.0),  # the only bar whose typical price moved rose
        ("vwap_dist_20_atr", (13 - (19 * 5 * 10 + 15 * 35 / 3) / 110) / (58 / 14)),
        ("volume_move_corr_20", 1.0),
        # Bar 20 opens on 2026-01-01 at 20:30 UTC: a Thursday, 15:30 in New York.
        ("day_of_week_sin", math.sin(2 * math.pi * 3 / 7)),
        ("time_of_day_cos", math.cos(2 * math.pi * 15.5 / 24)),
    ],
)
def test_the_last_of_twenty_one_bars_by_hand(name, expected):
    assert hand_made()[name].iloc[-1] == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_the_clock_is_that_of_new_york_in_summer_too():
    bars = frame([1.0], [1.0], [1.0], [1.0], [1.0]).assign(ts=pd.to_datetime(["2026-07-05T02:00Z"]))
    features = compute_features(bars).iloc[0]  # a Saturday, 22:00 in New York
    assert features["time_of_day_sin"] == pytest.approx(math.sin(2 * math.pi * 22 / 24))
    assert features["day_of_week_cos"] == pytest.approx(math.cos(2 * math.pi * 5 / 7))


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("ema_26", lambda h, lo, c, v: talib.EMA(c, 26)),
        ("macd_hist", lambda h, lo, c, v: talib.MACD(c, 12, 26, 9)[2]),
        ("stoch_d", lambda h, lo, c, v: talib.STOCH(h, lo, c, 14, 3, 0, 3, 0)[1]),
        ("rsi_14", lambda h, lo, c, v: talib.RSI(c, 14)),
        ("bb_upper", lambda h, lo, c, v: talib.BBANDS(c, 20, 2.0, 2.0)[0]),
        ("bb_lower", lambda h, lo, c, v: talib.BBANDS(c, 20, 2.0, 2.0)[2]),
        ("volume_sma_20", lambda h, lo, c, v: talib.SMA(v, 20)),
        ("obv", lambda h, lo, c, v: talib.OBV(c, v)),
        ("macd", lambda h, lo, c, v: talib.MACD(c, 12, 26, 9)[0]),
        ("macd_signal", lambda h, lo, c, v: talib.MACD(c, 12, 26, 9)[1]),
        ("plus_di_14", lambda h, lo, c, v: talib.PLUS_DI(h, lo, c, 14)),
        ("minus_di_14", lambda h, lo, c, v: talib.MINUS_DI(h, lo, c, 14)),
        ("adx_14", lambda h, lo, c, v: talib.ADX(h, lo, c, 14)),
        ("linreg_slope_20_atr", lambda h, lo, c, v: talib.LINEARREG_SLOPE(c, 20) / talib.ATR(h, lo, c, 14)),
        ("dist_ema_12_atr", lambda h, lo, c, v: (c - talib.EMA(c, 12)) / talib.ATR(h, lo, c, 14)),
        ("autocorr_1_50", lambda h, lo, c, v: talib.CORREL(np.diff(np.log(c))[1:], np.diff(np.log(c))[:-1], 50)),
        ("sma_200", lambda h, lo, c, v: talib.SMA(c, 200)),
        ("mfi_14", lambda h, lo, c, v: talib.MFI(h, lo, c, v, 14)),
        ("cci_20", lambda h, lo, c, v: talib.CCI(h, lo, c, 20)),
        ("williams_r_14", lambda h, lo, c, v: talib.WILLR(h, lo, c, 14)),
    ],
)  # fmt: skip
def test_parity_with_ta_lib_on_ordinary_prices(name, theirs):
    expected = theirs(*(column(each) for each in ("high", "low", "close", "volume")))
    ours = FEATURES[name].to_numpy()[-len(expected) :]
    assert np.isfinite(expected).sum() > 200
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-8)


def test_autocorrelation_pairs_each_return_with_the_one_before():
    returns = np.diff(np.log(column("close")))
    expected = np.corrcoef(returns[-50:], returns[-51:-1])[0, 1]
    assert FEATURES["autocorr_1_50"].iloc[-1] == pytest.approx(expected, rel=1e-9)


def test_the_ulcer_index_is_the_root_mean_square_drawdown():
    close = BARS["close"]
    drawdown = 100 * (close / close.rolling(14).max() - 1)
    expected = np.sqrt((drawdown**2).rolling(14).mean())
    np.testing.assert_allclose(FEATURES["ulcer_index_14"], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("tsi_25_13", lambda b: classic.tsi(b["close"], 13, 25, lookahead=False)["TSI_13_25_13"]),
        ("chop_14", lambda b: classic.chop(b["high"], b["low"], b["close"], 14, lookahead=False)),
        ("ulcer_index_14", lambda b: classic.ui(b["close"], 14, lookahead=False)),
    ],
)
def test_parity_with_pandas_ta_classic(name, theirs):
    ours, expected = FEATURES[name], theirs(BARS)
    both = ours.notna() & expected.notna()
    assert both.sum() > 350
    np.testing.assert_allclose(ours[both], expected[both], rtol=1e-9, atol=1e-9)


def test_averages_that_have_faded_say_nothing():
    """A hundred bars after the last move, what is left of it is the ratio of two residues."""
    bars = still_from(random_bars(600), 300)
    features = compute_features(bars)
    neutral = {"rsi_14": 50.0, "tsi_25_13": 0.0, "plus_di_14": 0.0, "minus_di_14": 0.0, "force_index_13": 0.0}
    for name, value in neutral.items():
        assert (features[name].iloc[401:] == value).all(), name
        assert features[name].iloc[385] != value, name


def test_kernels_agree_with_numpy_on_every_window():
    rng = np.random.default_rng(2)
    x = rng.normal(size=60)
    x[0] = np.nan  # as returns begin
    windows = np.lib.stride_tricks.sliding_window_view(x, 8)
    centred = windows - windows.mean(axis=1, keepdims=True)
    second, third, fourth = ((centred**p).mean(axis=1) for p in (2, 3, 4))
    skewness, kurtosis = kernels.rolling_shape(x, 8)
    y = rng.normal(size=60)
    pairs = np.stack([windows, np.lib.stride_tricks.sliding_window_view(y, 8)], axis=1)
    expected = {
        "sum": (kernels.rolling_sum(x, 8), windows.sum(axis=1)),
        "skewness": (skewness, third / second**1.5),
        "deviation": (kernels.rolling_deviation(x, 8), windows.std(axis=1)),
        "slope": (kernels.rolling_slope(x, 8), [np.polyfit(range(8), each, 1)[0] for each in windows[1:]]),
        "correlation": (
            kernels.rolling_correlation(x, y, 8),
            [np.corrcoef(*pair)[0, 1] for pair in pairs[1:]],
        ),
        "kurtosis": (kurtosis, fourth / second**2 - 3),
    }
    for name, (ours, theirs) in expected.items():
        assert np.isnan(ours[:8]).all(), name
        np.testing.assert_allclose(ours[60 - len(theirs) :], theirs, rtol=1e-9, err_msg=name)


def test_a_correlation_far_from_zero_keeps_its_digits_and_a_constant_has_none():
    rng = np.random.default_rng(3)
    near, other = rng.normal(size=40), rng.normal(size=40)
    expected = [np.corrcoef(near[t - 9 : t + 1], other[t - 9 : t + 1])[0, 1] for t in range(9, 40)]
    np.testing.assert_allclose(kernels.rolling_correlation(near + 1e6, other, 10)[9:], expected, rtol=1e-8)
    assert (kernels.rolling_correlation(np.full(40, 0.1), other, 10)[9:] == 0.0).all()


def test_rank_counts_the_bars_before_and_halves_ties():
    ranks = kernels.rolling_rank(np.array([np.nan, 3.0, 1.0, 2.0, 2.0 + 1e-12, 0.0, 9.0]), 3)
    np.testing.assert_array_equal(ranks, [np.nan, np.nan, np.nan, np.nan, (1 + 0.5) / 3, 0.0, 1.0])


def test_a_window_after_huge_values_is_summed_afresh():
    values = np.array([1e17, 0.1, 0.0, 0.0, 0.0])
    assert kernels.rolling_sum(values, 3)[-1] == 0.0
