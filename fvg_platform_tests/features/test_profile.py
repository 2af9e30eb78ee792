"""The rolling volume profile as features: two price levels by hand, and the market's own profiles."""

import numpy as np
import pytest

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.profile import FEATURES, LENGTH
from fvg_platform.market.volume_profile import volume_profiles
from fvg_platform_tests.features.made_bars import frame, random_bars

NAMES = [feature.name for feature in FEATURES]
NEUTRAL = {"profile_poc_atr": 0.0, "profile_poc_move_atr": 0.0, "profile_poc_position": 0.5,
           "profile_value_position": 0.5, "profile_value_share": 1.0, "profile_balanced": 0.0}  # fmt: skip


def at_prices(price):
    price = np.asarray(price, dtype=float)
    return compute_features(frame(price, price, price, price, np.ones(len(price))), names=NAMES).iloc[-1]


def test_two_levels_by_hand():
    """Three quarters of the volume at 10, the rest at 34: 24 bins of 1, the lowest is the value area."""
    last = at_prices([10.0] * 45 + [34.0] * 15)
    assert last["profile_poc_position"] == pytest.approx(0.5 / 24)
    assert last["profile_value_share"] == pytest.approx(1 / 24)
    assert last["profile_value_position"] == 3.0  # (34 - 10) / 1, held
    assert last["profile_poc_atr"] == 20.0  # 23.5 / (24 / 14 less 14 times a fourteenth) = 38.7, held
    assert last["profile_balanced"] == 0.0


def test_balanced_where_trade_lies_in_the_middle():
    price = [22.0] * 40 + [20.0] * 5 + [24.0] * 5 + [10.0] * 5 + [34.0] * 5
    assert at_prices(price)["profile_balanced"] == 1.0


@pytest.mark.parametrize("volume", [0.0, 5.0])
def test_without_volume_or_range_the_values_are_neutral(volume):
    bars = random_bars(120) if volume == 0.0 else frame(*[[10.0] * 120] * 4, [volume] * 120)
    last = compute_features(bars.assign(volume=volume), names=NAMES).iloc[-1]
    assert last[NAMES].to_dict() == NEUTRAL


def test_each_row_has_the_profile_of_its_window():
    bars = random_bars(200, seed=3)
    high, low, volume = (bars[name].to_numpy() for name in ("high", "low", "volume"))
    stop = np.array([117, 137, 180, 200])
    theirs = volume_profiles(high, low, volume, stop - LENGTH, stop)
    ours = compute_features(bars, names=[*NAMES, "atr_14"]).iloc[stop - 1]
    close = bars["close"].to_numpy()[stop - 1]
    np.testing.assert_allclose(close - ours["profile_poc_atr"] * ours["atr_14"], theirs.poc)
    moved = (ours["profile_poc_move_atr"] * ours["atr_14"]).to_numpy()
    np.testing.assert_allclose(moved[[1, 3]], (theirs.poc - np.roll(theirs.poc, 1))[[1, 3]])
    width = theirs.value_high - theirs.value_low
    np.testing.assert_allclose(
        ours["profile_value_position"], np.clip((close - theirs.value_low) / width, -2, 3)
    )
    np.testing.assert_array_equal(ours["profile_balanced"], theirs.balanced)
