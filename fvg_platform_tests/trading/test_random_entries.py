"""Random entries: the signals' number, geometry and sides, at bars that say nothing."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.trading import random_entries
from fvg_platform.trading.random_entries import random_fills

from .made_up import CONFIG, HOUR, labelled_setups, noise_bars

BARS = noise_bars(1500, seed=3)
SETUPS = labelled_setups(BARS)
LONGS_AND_SHORTS = pd.concat([SETUPS[SETUPS["side"] == 1][:30], SETUPS[SETUPS["side"] == -1][:10]])


def draw(signals=LONGS_AND_SHORTS, bars=BARS, window=None, draws=4, seed=0):
    window = window or (BARS["ts"].iloc[200], BARS["ts"].iloc[-1])
    tickers = set(signals["ticker"])
    return random_fills(
        signals,
        dict.fromkeys(tickers, bars),
        "1h",
        configs=dict.fromkeys(tickers, CONFIG),
        calendars={},
        window=window,
        draws=draws,
        seed=seed,
    )


@pytest.fixture
def placed(monkeypatch):
    """The orders that the engine was asked to label, batch by batch."""
    seen: list[pd.DataFrame] = []
    label = random_entries.label_setups

    def labelled(bars, orders, timeframe, **terms):
        seen.append(orders)
        return label(bars, orders, timeframe, **terms)

    monkeypatch.setattr(random_entries, "label_setups", labelled)
    return seen


def test_orders_keep_number_sides_and_shape_of_the_signals(placed):
    draw()
    (orders,) = placed
    assert len(orders) == 4 * 40
    assert (orders["side"].to_numpy().reshape(4, 40) == 1).sum(axis=1).tolist() == [30] * 4
    close = BARS["close"].to_numpy()
    own = LONGS_AND_SHORTS
    shares = {
        "risk": (own["risk"] / own["entry"], orders["risk"] / orders["entry"]),
        "distance": (
            own["side"] * (1 - own["entry"] / close[own["i"]]),
            orders["side"] * (1 - orders["entry"] / close[orders["i"]]),
        ),
        "stop": (
            own["side"] * (own["entry"] - own["stop"]) / own["risk"],
            orders["side"] * (orders["entry"] - orders["stop"]) / orders["risk"],
        ),
        "target_3": (
            own["side"] * (own["target_3"] - own["entry"]) / own["risk"],
            orders["side"] * (orders["target_3"] - orders["entry"]) / orders["risk"],
        ),
    }
    for name, (signal, moved) in shares.items():
        assert np.tile(signal, 4) == pytest.approx(moved.to_numpy(), rel=1e-6, abs=1e-9), name


def test_orders_lie_in_the_window_with_their_whole_horizon(placed):
    draw(window=(BARS["ts"].iloc[200], BARS["ts"].iloc[-1]), draws=100)
    i = placed[0]["i"]
    assert i.min() == 200
    assert i.max() == len(BARS) - 1 - CONFIG.horizon


def test_the_same_seed_gives_the_same_orders_in_however_many_batches(monkeypatch):
    first, _ = draw()
    again, _ = draw()
    other, _ = draw(seed=1)
    assert (first["lo"].r == again["lo"].r).all()
    assert len(first["lo"]) != len(other["lo"]) or (first["lo"].r != other["lo"].r).any()
    monkeypatch.setattr(random_entries, "_BATCH", 100)
    small, _ = draw()
    assert sorted(set(small["lo"].draw)) == [0, 1, 2, 3]


def test_fills_of_several_tickers_are_in_order_of_draw_and_fill():
    other = LONGS_AND_SHORTS.assign(ticker="BBB")
    found, _ = draw(pd.concat([LONGS_AND_SHORTS, other]))
    lo = found["lo"]
    order = np.lexsort((lo.known_at, lo.entry, lo.draw))
    assert (order == np.arange(len(lo))).all()
    assert (lo.entry <= lo.exit).all()


def test_signals_without_a_bar_or_a_place_are_counted():
    stray = LONGS_AND_SHORTS.assign(ts=LONGS_AND_SHORTS["ts"] + HOUR / 2)
    assert draw(pd.concat([LONGS_AND_SHORTS, stray[:3]]))[1] == 3
    found, unplaced = draw(window=(BARS["ts"].iloc[-5], BARS["ts"].iloc[-1]))
    assert (len(found["lo"]), unplaced) == (0, 40)
