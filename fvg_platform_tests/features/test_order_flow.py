"""Order flow by hand: who bought, how many trades, at what mean price; what is unknown stays unknown."""

import numpy as np
import pytest

from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.order_flow import FEATURES
from fvg_platform_tests.features.made_bars import frame, random_bars

NAMES = [feature.name for feature in FEATURES]
TAKER = [feature.name for feature in FEATURES if feature.needs == "taker_buy_volume"]
TRADES = [feature.name for feature in FEATURES if feature.needs == "transactions"]


def hand_made(**last):
    """Twenty bars 10 / 12 / 8 / 10, volume 5: 2 bought, 10 trades, vwap 9.5; then one 10 / 14 / 8 / 13, volume 15."""
    bars = frame([10.0] * 21, [12.0] * 20 + [14.0], [8.0] * 21, [10.0] * 20 + [13.0], [5.0] * 20 + [15.0])
    bars = bars.assign(taker_buy_volume=2.0, transactions=10.0, vwap=9.5)
    for name, value in {"taker_buy_volume": 12.0, "transactions": 20.0, "vwap": 11.0, **last}.items():
        bars.loc[20, name] = value
    return compute_features(bars, names=NAMES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("taker_delta", 9 / 15),
        ("taker_delta_20", (9 - 19) / 110),
        ("taker_shift_5_20", ((9 - 4) / 35 - (9 - 19) / 110) / 2),
        ("taker_move_corr_20", 1.0),  # the one bar that moved was the one that was bought
        ("taker_absorption", (9 / 15 - (26 - 22) / 6) / 2),
        ("transactions_ratio_20", 20 / 10.5),
        ("trade_size_ratio_20", (15 / 20) / (110 / 210)),
        ("vwap_close_position", (13 - 11) / 6),
        ("vwap_traded_20_atr", (13 - (19 * 5 * 9.5 + 15 * 11) / 110) / (58 / 14)),
    ],
)
def test_the_last_of_twenty_one_bars_by_hand(name, expected):
    assert hand_made()[name].iloc[-1] == pytest.approx(expected, rel=1e-12)


def test_without_volume_or_trades_the_values_are_neutral():
    bars = random_bars(60).assign(volume=0.0, taker_buy_volume=0.0, transactions=0, vwap=100.0)
    last = compute_features(bars, names=NAMES).iloc[-1]
    assert (last[TAKER].drop("taker_absorption") == 0.0).all()
    assert (last[TRADES] == 1.0).all()
    assert last["vwap_traded_20_atr"] == 0.0


def test_what_the_source_says_beyond_the_bar_is_held_within_it():
    last = hand_made(taker_buy_volume=99.0, vwap=20.0).iloc[-1]
    assert last["taker_delta"] == 1.0
    assert last["vwap_close_position"] == pytest.approx((13 - 14) / 6)


def test_a_lacking_column_is_nan_everywhere_and_the_others_stand():
    bars = random_bars(60).assign(transactions=3)
    features = compute_features(bars, names=NAMES)
    assert features[TRADES].iloc[-1].notna().all()
    assert features[sorted(set(NAMES) - set(TRADES))].isna().all(axis=None)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_an_unknown_value_is_nan_as_long_as_the_window_holds_it(feature):
    bars = random_bars(90).assign(taker_buy_volume=1.0, vwap=lambda b: b["close"], transactions=7.0)
    known = compute_features(bars, names=[feature.name])[feature.name]
    bars.loc[40, feature.needs] = np.nan
    holed = compute_features(bars, names=[feature.name])[feature.name]
    window = feature.warmup + 1 if feature.warmup < 20 else 20
    assert list(np.flatnonzero(holed.isna() & known.notna())) == list(range(40, 40 + window))
    after = slice(40 + window, None)
    np.testing.assert_array_equal(holed[after], known[after])
