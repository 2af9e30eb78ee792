"""Surrogate bars: what stays of the real ones, what goes, and what cannot be made into one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars
from fvg_platform.market.surrogates import SurrogateError, surrogate_bars, surrogate_inside

PRICES = ["open", "high", "low", "close"]


def bars_of(ohlc: object, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(np.asarray(ohlc, float).reshape(-1, 4), columns=PRICES)
    frame.insert(0, "ts", pd.date_range("2024-01-02 14:30", periods=len(frame), freq="min", tz="UTC"))
    return frame.assign(volume=100.0, **columns)


def walk(n: int, seed: int = 0, drift: float = 0.0) -> pd.DataFrame:
    steps = np.random.default_rng(seed).normal(drift, 0.002, (n, 5))
    path = 50 * np.exp(steps.ravel().cumsum().reshape(n, 5))
    return bars_of(np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]]))


def moves(bars: pd.DataFrame) -> np.ndarray:
    """Open, high, low and close of each bar but the first, in logs from the close before it: (n-1, 4)."""
    logs = np.log(bars[PRICES].to_numpy())
    return logs[1:] - logs[:-1, 3:]


def sizes(bars: pd.DataFrame) -> np.ndarray:
    """The same without direction: |open|, |close|, and how far the bar reached to its two sides, the farther first."""
    o, h, low, c = moves(bars).T
    return np.column_stack([abs(o), abs(c), abs(o - c), np.maximum(h, -low), np.minimum(h, -low)])


def in_order(bars: pd.DataFrame) -> bool:
    body = bars[["open", "close"]]
    return bool(
        (bars["low"] > 0).all()
        and (bars["low"] <= body.min(axis=1)).all()
        and (bars["high"] >= body.max(axis=1)).all()
    )


@st.composite
def sound_bars(draw: st.DrawFn) -> pd.DataFrame:
    """Bars with ties, zero ranges and jumps, on a coarse grid of prices."""
    rows = draw(st.lists(st.tuples(*[st.integers(1, 30)] * 4), min_size=3, max_size=40))
    return bars_of([(a, max(a, b, c, d), min(a, b, c, d), d) for a, b, c, d in rows])


@given(bars=sound_bars(), method=st.sampled_from(["wild", "block"]), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_surrogate_has_sound_bars_of_the_same_times_and_volumes(
    bars: pd.DataFrame, method: str, seed: int
) -> None:
    made = surrogate_bars(bars, method=method, seed=seed)
    assert in_order(made)
    pd.testing.assert_frame_equal(made[["ts", "volume"]], bars[["ts", "volume"]])
    pd.testing.assert_frame_equal(made.iloc[:1], bars.iloc[:1])
    pd.testing.assert_frame_equal(made, surrogate_bars(bars, method=method, seed=seed))


@given(bars=sound_bars(), seeds=st.tuples(st.integers(0, 2**32), st.integers(0, 2**32)))
@settings(max_examples=40, deadline=None)
def test_a_wild_surrogate_of_a_wild_surrogate_moves_as_far_as_the_bars(
    bars: pd.DataFrame, seeds: tuple[int, int]
) -> None:
    twice = surrogate_bars(surrogate_bars(bars, seed=seeds[0]), seed=seeds[1])
    np.testing.assert_allclose(sizes(twice), sizes(bars), atol=1e-12)
    flat = (bars["open"] == bars["close"]) & (bars["high"] == bars["low"])
    assert (twice.loc[flat, "open"] == twice.loc[flat, "close"]).all(), (
        "equal prices stay equal to the last bit"
    )


def test_each_move_is_kept_or_reflected_whole() -> None:
    bars = walk(500)
    real, made = moves(bars), moves(surrogate_bars(bars, seed=3))
    kept = np.isclose(made, real, atol=1e-12).all(axis=1)
    mirrored = np.isclose(made, -real[:, [0, 2, 1, 3]], atol=1e-12).all(axis=1)
    assert (kept | mirrored).all()
    assert 200 < kept.sum() < 300


def test_trend_and_direction_go_and_volatility_stays() -> None:
    bars = walk(20_000, drift=0.001)
    made = surrogate_bars(bars, seed=1)
    real, surrogate = moves(bars)[:, 3], moves(made)[:, 3]
    error = real.std() / len(real) ** 0.5
    assert real.mean() > 50 * error
    assert abs(surrogate.mean()) < 3 * error
    # Momentum that alternates by hundreds of bars is gone too; how large moves are is not.
    slow = walk(20_000, seed=2)
    trending = np.where(np.arange(19_999) // 200 % 2, 1, -1) * np.abs(moves(slow)[:, 3])
    path = np.exp(np.append(0, trending.cumsum()))
    steady = bars_of(np.column_stack([path] * 4))
    again = moves(surrogate_bars(steady, seed=5))[:, 3]
    assert np.corrcoef(np.sign(trending[1:]), np.sign(trending[:-1]))[0, 1] > 0.9
    assert abs(np.corrcoef(np.sign(again[1:]), np.sign(again[:-1]))[0, 1]) < 0.03
    np.testing.assert_allclose(abs(again), abs(trending), atol=1e-12)


def test_the_coin_belongs_to_the_time() -> None:
    one, other = walk(400, seed=1), walk(400, seed=2)
    up = [np.sign(moves(surrogate_bars(b, seed=7))[:, 3] * moves(b)[:, 3]) for b in (one, other)]
    assert (up[0] == up[1]).all(), "tickers are reflected together"
    longer = surrogate_bars(walk(900, seed=1), seed=7)
    (
        pd.testing.assert_frame_equal(longer.iloc[:400], surrogate_bars(one, seed=7)),
        "more bars change no earlier one",
    )
    assert (surrogate_bars(one, seed=8)["close"] != surrogate_bars(one, seed=7)["close"]).any()
    coarser_clock = one.assign(ts=one["ts"].astype("datetime64[ms, UTC]"))
    np.testing.assert_array_equal(
        surrogate_bars(coarser_clock, seed=7)["close"], surrogate_bars(one, seed=7)["close"]
    )


def test_blocks_draw_centred_stretches_of_real_moves() -> None:
    bars = walk(3000, drift=0.001)
    made = surrogate_bars(bars, method="block", seed=1, mean_block=20)
    centred = moves(bars) - moves(bars)[:, 3].mean()
    drawn = moves(made)
    place = np.searchsorted(np.sort(centred[:, 3]), drawn[:, 3] - 1e-12)
    source = np.argsort(centred[:, 3])[place]
    np.testing.assert_allclose(drawn, centred[source], atol=1e-10)
    follows = (np.diff(source) == 1).mean()
    assert 1 - follows == pytest.approx(1 / 20, rel=0.25)
    assert abs(drawn[:, 3].mean()) < 3 * drawn[:, 3].std() / 3000**0.5


def test_a_reflected_bar_was_sold_by_those_who_bought_it() -> None:
    bars = walk(200).assign(taker_buy_volume=70.0, vwap=lambda b: (b["high"] + b["low"]) / 2, transactions=5)
    made = surrogate_bars(bars, seed=2)
    mirrored = ~np.isclose(moves(made)[:, 3], moves(bars)[:, 3])
    assert (made["taker_buy_volume"].iloc[1:] == np.where(mirrored, 30.0, 70.0)).all()
    assert made["vwap"].between(made["low"], made["high"]).all()
    before = np.log(bars["vwap"].to_numpy()[1:] / bars["close"].to_numpy()[:-1])
    after = np.log(made["vwap"].to_numpy()[1:] / made["close"].to_numpy()[:-1])
    np.testing.assert_allclose(after, np.where(mirrored, -before, before), atol=1e-12)
    assert (made["transactions"] == 5).all()
    shares = np.arange(200) / 200
    drawn = surrogate_bars(bars.assign(taker_buy_volume=100 * shares), method="block", seed=2)
    assert set(np.round(drawn["taker_buy_volume"] / 100, 9)) <= set(np.round(shares, 9))
    unknown = surrogate_bars(bars.assign(taker_buy_volume=np.nan, vwap=0.0), seed=2)
    assert unknown["taker_buy_volume"].isna().all()
    assert unknown["vwap"].iloc[1:].isna().all(), "what is no price stays unknown"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"close": 0.0}, r"bar 4 .*prices must be positive.*close=0\)"),
        ({"low": -1.0}, "bar 4 .*low=-1"),
        ({"high": np.nan}, "bar 4 .*high=nan"),
        ({"high": np.inf}, "bar 4 .*high=inf"),
        ({"high": 1.0}, "bar 4 .*the high the highest"),
    ],
)
def test_a_bad_price_is_named_by_its_row(change: dict[str, float], said: str) -> None:
    bars = walk(10)
    for name, value in change.items():
        bars.loc[4, name] = value
    with pytest.raises(SurrogateError, match=said):
        surrogate_bars(bars)


def test_what_no_surrogate_can_be_made_of_is_said() -> None:
    with pytest.raises(SurrogateError, match="at least 3 bars, got 2"):
        surrogate_bars(walk(2))
    with pytest.raises(SurrogateError, match="bars lack high, close"):
        surrogate_bars(walk(5).drop(columns=["high", "close"]))
    with pytest.raises(SurrogateError, match="unknown method 'fourier': use one of wild, block"):
        surrogate_bars(walk(5), method="fourier")  # type: ignore[arg-type]
    with pytest.raises(SurrogateError, match=r"mean_block is 0\.5"):
        surrogate_bars(walk(5), method="block", mean_block=0.5)
    wild_prices = bars_of([[10.0**e] * 4 for e in (-300, 0, 300, 0, -300, 0, 300, 0, -300, 0, 300)])
    with pytest.raises(SurrogateError, match="leaves what a float can hold"):
        surrogate_bars(wild_prices, seed=0)


@given(st.integers(0, 50), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_finer_bars_go_with_the_bar_in_which_they_lie(walked: int, seed: int) -> None:
    fine = walk(300, seed=walked)
    coarse = resample_bars(fine, "1m", "5m", trading_calendar("crypto"))
    made = surrogate_bars(coarse, seed=seed)
    inside = surrogate_inside(coarse, made, fine, seed=seed)
    assert in_order(inside) and len(inside) == len(fine)
    again = resample_bars(inside, "1m", "5m", trading_calendar("crypto"))
    np.testing.assert_allclose(again[PRICES], made[PRICES], rtol=1e-12)


def test_finer_bars_before_the_first_are_left_out() -> None:
    fine = walk(30)
    inside = surrogate_inside(fine.iloc[10:], surrogate_bars(fine.iloc[10:]), fine)
    np.testing.assert_array_equal(inside["ts"], fine["ts"].iloc[10:])
