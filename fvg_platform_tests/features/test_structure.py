"""Market structure and prior extremes as features: a zigzag by hand, sweeps and channels, ages against numpy."""

import numpy as np
import pytest

from fvg_platform.features import structure, window_kernels
from fvg_platform.features.catalogue import compute_features
from fvg_platform.market.structure import STRUCTURE_MEMORY, STRUCTURE_REACH
from fvg_platform_tests.features.made_bars import climbing, frame, random_bars, still_from

NAMES = [feature.name for feature in structure.FEATURES]

# Swing high of 13.5 at bar 3 (known at 6), swing low of 9.5 at bar 6 (known at 9), broken upwards at bar 10; swing
# high of 14.5 at bar 10 (known at 13); broken downwards at bar 15. Every true range is 1.5, and so is the ATR.
ZIGZAG = [10, 11, 12, 13, 12, 11, 10, 11, 12, 13, 14, 13, 12, 11, 10, 9]


def flat(changes, n=21, at=-1):
    """Bars 10 / 11 / 9 / 10, one of them changed."""
    bars = frame([10.0] * n, [11.0] * n, [9.0] * n, [10.0] * n, [1.0] * n)
    for name, value in changes.items():
        bars.iloc[at, bars.columns.get_loc(name)] = value
    return bars


def zigzag():
    close = np.array(ZIGZAG, dtype=float)
    return compute_features(frame(close, close + 0.5, close - 0.5, close, np.ones(16)), names=NAMES)


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("structure_trend", 9, 0.0),
        ("structure_trend", 10, 1.0),
        ("structure_trend", 14, 1.0),
        ("structure_trend", 15, -1.0),
        ("structure_change", 10, 0.0),  # the first break continues nothing and turns nothing
        ("structure_change", 15, -1.0),
        ("structure_break_age", 9, 500.0),
        ("structure_break_age", 10, 0.0),
        ("structure_break_age", 14, 4.0),
        ("structure_position", 8, 0.5),
        ("structure_position", 9, (13 - 9.5) / 4),
        ("structure_position", 15, (9 - 8.5) / (14.5 - 8.5)),  # its own low has moved the range
        ("swing_high_atr", 15, (14.5 - 9) / 1.5),
        ("swing_low_atr", 15, (9 - 9.5) / 1.5),
    ],
)
def test_a_zigzag_by_hand(name, at, expected):
    assert zigzag()[name].iloc[at] == pytest.approx(expected)


def test_the_reach_is_that_of_the_market_structure():
    assert structure.REACH == STRUCTURE_REACH
    far = compute_features(climbing(30, 1.01), names=["structure_break_age"])["structure_break_age"]
    assert (far == STRUCTURE_MEMORY).all()  # no swing, so no break


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"low": 8.9}, 1.0),
        ({"high": 11.1}, -1.0),
        ({"low": 8.9, "high": 11.1}, 0.0),
        ({"low": 8.5, "close": 8.9}, 0.0),  # it closed there: a break, not a sweep
        ({}, 0.0),
    ],
)
def test_a_sweep_takes_an_extreme_and_does_not_keep_it(changes, expected):
    assert compute_features(flat(changes), names=["sweep_20"])["sweep_20"].iloc[-1] == expected


def test_the_channels_last_break_holds_for_a_hundred_bars():
    bars = flat({"high": 12.0, "close": 11.5}, n=250, at=125)
    held = compute_features(bars, names=["channel_trend_20"])["channel_trend_20"].to_numpy()
    assert np.isnan(held[:120]).all()
    assert (held[120:125] == 0).all() and (held[125:226] == 1).all() and (held[226:] == 0).all()


def test_straight_lines():
    up, down = (compute_features(climbing(230, f), names=NAMES).iloc[-1] for f in (1.001, 1 / 1.001))
    assert (up["extreme_order_100"], up["staircase_10"], up["range_position_200"]) == (1.0, 1.0, 1.0)
    assert (down["extreme_order_100"], down["staircase_10"], down["range_position_200"]) == (-1.0, -1.0, 0.0)
    inside = flat({"high": 10.5, "low": 9.5})  # a lower high with a higher low is no step
    assert compute_features(inside, names=["staircase_10"])["staircase_10"].iloc[-1] == 0.0


def test_ages_against_numpy_with_ties_to_the_last():
    values = np.round(random_bars(300, seed=4)["high"].to_numpy() * 2) / 2
    windows = np.lib.stride_tricks.sliding_window_view(values, 25)
    expected = windows[:, ::-1].argmax(axis=1)
    np.testing.assert_array_equal(window_kernels.rolling_extreme_age(values, 25)[24:], expected)


def test_distances_end_at_twenty_atr():
    """Eighty motionless bars after the last swings: the ATR has all but gone, the swings stay where they are."""
    last = compute_features(still_from(random_bars(120), 40), names=["swing_high_atr", "swing_low_atr"]).iloc[
        -1
    ]
    assert abs(last["swing_high_atr"]) == abs(last["swing_low_atr"]) == 20.0
