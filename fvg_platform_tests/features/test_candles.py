"""Candle patterns: drawn by hand, each with its mirror image, and at the warm-up that TA-Lib says."""

import numpy as np
import pytest
import talib.abstract

from fvg_platform.features.candles import FEATURES
from fvg_platform.features.catalogue import compute_features
from fvg_platform_tests.features.made_bars import PRICES, frame, random_bars

NAMES = [feature.name for feature in FEATURES]

# Bars before the pattern: bodies of 1 between 100 and 101, half a point of wick on either side; the last one falls.
BEFORE = [(100.0, 101.5, 99.5, 101.0), (101.0, 101.5, 99.5, 100.0)] * 8
LONG_FALL = (101.0, 101.1, 97.9, 98.0)

PATTERNS = {
    "candle_engulfing": [(99.8, 101.7, 99.5, 101.5)],
    "candle_harami": [LONG_FALL, (99.0, 99.5, 98.9, 99.4)],
    "candle_hammer": [(99.4, 99.65, 97.0, 99.6)],
    "candle_shooting_star": [(98.4, 101.0, 98.35, 98.6)],
    "candle_star": [LONG_FALL, (97.2, 97.4, 96.8, 97.0), (97.5, 100.6, 97.4, 100.5)],
    "candle_piercing": [LONG_FALL, (97.5, 100.2, 97.4, 100.0)],
    "candle_marubozu": [(100.0, 103.0, 100.0, 103.0)],
    "candle_belt_hold": [(100.0, 103.5, 100.0, 102.0)],
    "candle_doji": [(100.0, 101.0, 99.0, 100.0)],
    "candle_dragonfly": [(100.0, 100.0, 98.0, 100.0)],
    "candle_inside_three": [LONG_FALL, (99.0, 99.5, 98.9, 99.4), (99.4, 101.7, 99.3, 101.5)],
    "candle_outside_three": [(99.8, 101.7, 99.5, 101.5), (101.5, 102.2, 101.4, 102.0)],
}

# What TA-Lib does not define as the other direction's mirror image, or what has no direction.
LOPSIDED = {"candle_hammer", "candle_shooting_star", "candle_star", "candle_piercing", "candle_doji"}


def last_row(drawn):
    bars = np.array(drawn).T
    return compute_features(frame(*bars, np.full(len(drawn), 5.0)), names=NAMES)[NAMES].iloc[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_drawn_by_hand(name):
    assert last_row([*BEFORE, *PATTERNS[name]])[name] == 1.0
    assert last_row(BEFORE)[name] == 0.0


def test_a_hanging_man_is_a_hammer_at_the_top_and_a_shooting_star_gaps_up():
    assert last_row([*BEFORE, (101.4, 101.65, 99.0, 101.6)])["candle_hammer"] == -1.0
    assert last_row([*BEFORE[:-1], (101.4, 104.0, 101.35, 101.6)])["candle_shooting_star"] == -1.0


def test_an_evening_star_and_a_dark_cloud_speak_for_a_fall():
    rise = (98.0, 101.1, 97.9, 101.0)
    star = [rise, (101.8, 102.2, 101.6, 102.0), (101.5, 101.6, 98.4, 98.5)]
    assert last_row([*BEFORE, *star])["candle_star"] == -1.0
    assert last_row([*BEFORE, rise, (101.5, 101.6, 98.8, 99.0)])["candle_piercing"] == -1.0


@pytest.mark.parametrize("name", sorted(set(NAMES) - LOPSIDED))
def test_the_mirror_image_has_the_other_sign(name):
    bars = random_bars(3000, seed=8)
    mirrored = bars.assign(open=300 - bars["open"], close=300 - bars["close"])
    mirrored = mirrored.assign(high=300 - bars["low"], low=300 - bars["high"])
    assert (mirrored[PRICES] > 0).all(axis=None)
    there, here = (compute_features(each, names=[name])[name] for each in (mirrored, bars))
    np.testing.assert_array_equal(there, -here)
    assert set(here.dropna().unique()) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_the_warm_up_is_ta_libs(feature):
    functions = [word.strip(",;") for word in feature.formula.split() if word.startswith("talib.CDL")]
    lookbacks = [talib.abstract.Function(name.removeprefix("talib.")).lookback for name in functions]
    assert feature.warmup == max(lookbacks)
