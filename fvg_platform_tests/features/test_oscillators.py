"""Oscillators by hand on the last of some bars, and the Ichimoku cloud against pandas."""

import numpy as np
import pytest

from fvg_platform.features import window_kernels
from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.oscillators import FEATURES
from fvg_platform_tests.features.made_bars import climbing, frame, random_bars

NAMES = [feature.name for feature in FEATURES]


def hand_made():
    """Thirty equal bars 10 / 12 / 8 / 10, then one 10 / 14 / 8 / 13."""
    bars = frame([10.0] * 31, [12.0] * 30 + [14.0], [8.0] * 31, [10.0] * 30 + [13.0], [5.0] * 31)
    return compute_features(bars, names=NAMES).iloc[-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chande_momentum_14", 100.0),
        ("vortex_14", (6 - 4) / (13 * 4 + 6)),  # |14 - 8| up, |8 - 12| down; the bars before cancel out
        (
            "ultimate_oscillator",
            100 * (4 * (6 * 2 + 5) / 30 + 2 * (13 * 2 + 5) / 58 + (27 * 2 + 5) / 114) / 7,
        ),
        ("ichimoku_cross_atr", 0.0),  # 8..14 in both windows
        ("close_streak", 1.0),
    ],
)
def test_the_last_of_thirty_one_bars_by_hand(name, expected):
    assert hand_made()[name] == pytest.approx(expected, rel=1e-12)


def test_a_streak_counts_to_ten_and_stops_at_an_equal_close():
    signs = np.array([np.nan, 1, 1, 0, -1, -1, -1, 1, *[1] * 12], dtype=float)
    expected = [1, 2, 0, -1, -2, -3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]
    counted = window_kernels.streak(signs, 10)
    assert np.isnan(counted[0])
    assert list(counted[1:]) == expected


def test_a_straight_rise():
    last = compute_features(climbing(120, 1.01), names=NAMES).iloc[-1]
    assert last["chande_momentum_14"] == pytest.approx(100.0)
    assert last["ultimate_oscillator"] == pytest.approx(100.0)
    assert last["close_streak"] == 10.0
    assert last["return_60"] == pytest.approx(60 * np.log(1.01))
    assert last["ichimoku_cloud_atr"] > 5 and last["ichimoku_cross_atr"] > 2


def test_the_cloud_against_pandas():
    bars = random_bars(500, seed=6)

    def middle(length):
        return (bars["high"].rolling(length).max() + bars["low"].rolling(length).min()) / 2

    first, second = ((middle(9) + middle(26)) / 2).shift(26), middle(52).shift(26)
    top, bottom = np.maximum(first, second), np.minimum(first, second)
    close = bars["close"]
    expected = np.where(close > top, close - top, np.where(close < bottom, close - bottom, 0.0))[77:]
    ours = compute_features(bars, names=["ichimoku_cloud_atr", "atr_14"])[77:]
    np.testing.assert_allclose(ours["ichimoku_cloud_atr"] * ours["atr_14"], expected, atol=1e-12)
    assert {-1.0, 0.0, 1.0} == set(np.sign(expected))
