"""Liquidity by hand: volume beside moves, quiet bars, and the spread that highs and lows betray."""

import math

import numpy as np
import pytest

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.liquidity import FEATURES
from fvg_platform_tests.features.made_bars import frame, random_bars

NAMES = [feature.name for feature in FEATURES]


def hand_made():
    """A hundred equal bars 10 / 12 / 8 / 10 with volume 5, then one 10 / 14 / 8 / 13 with volume 15."""
    bars = frame(
        [10.0] * 101, [12.0] * 100 + [14.0], [8.0] * 101, [10.0] * 100 + [13.0], [5.0] * 100 + [15.0]
    )
    return compute_features(bars, names=NAMES).iloc[-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("volume_change_20_100", (110 / 20) / (510 / 100)),
        ("volume_concentration_20", 15 / 110),
        ("illiquidity_5_50", (1 / 35) / (1 / 35 + 1 / 260)),
        ("effort_share_20", (15 / 110) / (15 / 110 + 6 / 82)),
        ("quiet_share_50", 0.0),
    ],
)
def test_the_last_of_a_hundred_and_one_bars_by_hand(name, expected):
    assert hand_made()[name] == pytest.approx(expected, rel=1e-12)


def test_quiet_bars_are_those_without_volume_or_range():
    bars = random_bars(50)
    bars.loc[10:14, "volume"] = 0.0
    bars.loc[14:19, ["open", "high", "low", "close"]] = 90.0
    assert compute_features(bars, names=["quiet_share_50"])["quiet_share_50"].iloc[-1] == 10 / 50


def test_without_volume_the_values_are_neutral():
    last = compute_features(random_bars(150).assign(volume=0.0), names=NAMES).iloc[-1]
    assert last["volume_change_20_100"] == last["quiet_share_50"] == 1.0
    assert last["volume_concentration_20"] == 0.0
    assert last["illiquidity_5_50"] == 0.5


def test_a_spread_without_movement_is_found_exactly():
    """Trades bounce between bid 99 and ask 101 and nothing else moves: all of the range is spread."""
    bars = frame([99.0] * 30, [101.0] * 30, [99.0] * 30, [101.0] * 30, [1.0] * 30)
    found = compute_features(bars, names=["spread_estimate_20"])["spread_estimate_20"].iloc[-1]
    log_range = math.log(101 / 99)
    assert found == pytest.approx(2 * (math.exp(log_range) - 1) / (1 + math.exp(log_range)), rel=1e-9)


def test_ranges_that_grow_with_time_are_no_spread():
    """A second bar that continues the first: the range of both is that of two, and the estimate 0."""
    edges = 100 * 1.01 ** np.arange(31)
    bars = frame(edges[:-1], edges[1:], edges[:-1], edges[1:], np.ones(30))
    assert compute_features(bars, names=["spread_estimate_20"])["spread_estimate_20"].iloc[-1] == 0.0
