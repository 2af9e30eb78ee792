"""Estimates of volatility from whole bars: by hand, against numpy, and against the volatility of made-up paths."""

import math

import numpy as np
import pytest

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.ranges import FEATURES
from fvg_platform_tests.features.made_bars import frame, random_bars

NAMES = [feature.name for feature in FEATURES]


def hand_made():
    """A hundred equal bars 10 / 12 / 8 / 10, then one 11 / 14 / 9 / 13."""
    bars = frame(
        [10.0] * 100 + [11.0],
        [12.0] * 100 + [14.0],
        [8.0] * 100 + [9.0],
        [10.0] * 100 + [13.0],
        [5.0] * 101,
    )
    return compute_features(bars, names=NAMES).iloc[-1]


def test_the_last_of_a_hundred_and_one_bars_by_hand():
    last = hand_made()
    opening, body = math.log(1.1), math.log(13 / 11)
    assert last["opening_share_20"] == pytest.approx(opening**2 / (opening**2 + body**2))
    assert last["range_change_20_100"] == pytest.approx((19 * 4 + 5) / 20 / ((99 * 4 + 5) / 100))
    assert last["squeeze_20"] == pytest.approx(2 * 3 * math.sqrt(19) / 20 / (1.5 * (19 * 4 + 5) / 20))
    assert last["range_rank_20"] == 1.0
    assert last["max_drawdown_50"] == 0.0
    assert last["jump_share_50"] == 1.0  # no two moves beside each other


def test_yang_zhang_against_numpy():
    bars = random_bars(80, seed=2)
    o, h, lo, c = (np.log(bars[name].to_numpy()) for name in ("open", "high", "low", "close"))
    opening, rows = o[-20:] - c[-21:-1], slice(-20, None)
    o, h, lo, c = o[rows], h[rows], lo[rows], c[rows]
    inside = np.mean((h - c) * (h - o) + (lo - c) * (lo - o))
    k = 0.34 / (1.34 + 21 / 19)
    expected = math.sqrt(opening.var(ddof=1) + k * (c - o).var(ddof=1) + (1 - k) * inside)
    ours = compute_features(bars, names=["yang_zhang_vol_20"])["yang_zhang_vol_20"].iloc[-1]
    assert ours == pytest.approx(expected, rel=1e-12)


def test_yang_zhang_finds_the_volatility_of_a_fine_walk():
    rng = np.random.default_rng(3)
    paths = np.exp(np.cumsum(rng.normal(0, 0.02 / math.sqrt(400), (400, 400)).ravel())).reshape(400, 400)
    bars = frame(paths[:, 0], paths.max(axis=1), paths.min(axis=1), paths[:, -1], np.ones(400))
    found = compute_features(bars, names=["yang_zhang_vol_20"])["yang_zhang_vol_20"].mean()
    assert found == pytest.approx(0.02, rel=0.05)


def test_drawdown_is_the_largest_fall_in_the_window():
    close = np.array([10.0] * 30 + [16.0, 12.0, 14.0, 7.0, 9.0] + [9.0] * 46)
    falls = compute_features(frame(close, close, close, close, np.ones(81)), names=["max_drawdown_50"])
    assert falls["max_drawdown_50"].iloc[60] == pytest.approx(math.log(16 / 7))
    assert falls["max_drawdown_50"].iloc[79] == pytest.approx(math.log(16 / 7))  # 16 is the window's first
    assert falls["max_drawdown_50"].iloc[80] == pytest.approx(math.log(14 / 7))


def test_a_steady_walk_has_no_jumps_and_a_jump_is_found():
    returns = np.tile([0.01, -0.01], 40)
    returns[60] = 0.2
    close = 100 * np.exp(np.cumsum(returns))
    share = compute_features(frame(close, close, close, close, np.ones(80)), names=["jump_share_50"])
    assert share["jump_share_50"].iloc[55] == 0.0
    steady = math.pi / 2 * 50 / 49 * (47 * 1e-4 + 2 * 0.002)
    whole = 49 * 1e-4 + 0.04
    assert share["jump_share_50"].iloc[70] == pytest.approx(1 - steady / whole)
