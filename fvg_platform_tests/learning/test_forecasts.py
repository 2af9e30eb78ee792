"""Forecast candles: a random walk serves unless a better model is proven, and what is said of the past is true."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning import forecasts
from fvg_platform.learning.forecast_skill import (
    QUANTILES,
    PastForecasts,
    difference,
    judge,
    past_origins,
    quantiles,
)
from fvg_platform.learning.forecasts import BARS_READ, Forecast, forecast
from fvg_platform.learning.price_paths import CLOSE, BlockBootstrap, Draws, log_moves

BASELINE, FILTERED = "block_bootstrap", "filtered_bootstrap"
PRICES = ["open", "high", "low", "close"]
QUANTILE_COLUMNS = ["q05", "q10", "q25", "q50", "q75", "q90", "q95"]


def bars_of(moves: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """Daily bars with these log moves of the close, and wicks."""
    close = 100.0 * np.exp(np.cumsum(moves))
    open_ = np.append(100.0, close[:-1])
    wick = np.exp(np.abs(moves) * np.random.default_rng(seed).random(len(moves)))
    ts = pd.date_range("2015-01-01", periods=len(moves), freq="D", tz="UTC")
    high, low = np.maximum(open_, close) * wick, np.minimum(open_, close) / wick
    return pd.DataFrame({"ts": ts, "open": open_, "high": high, "low": low, "close": close, "volume": 0.0})


def walk(n: int, seed: int) -> pd.DataFrame:
    return bars_of(np.random.default_rng(seed).normal(0.0, 0.01, n), seed)


def clusters(n: int, seed: int) -> pd.DataFrame:
    """Volatility that stays calm or wild for two hundred bars or so."""
    rng = np.random.default_rng(seed)
    changes = np.cumsum(rng.random(n) < 1 / 200)
    return bars_of(rng.normal(0.0, 0.004, n) * np.where(changes % 2, 4.0, 1.0), seed)


def future_of(bars: pd.DataFrame, n: int = 30) -> pd.DataFrame:
    ts = bars["ts"].iloc[-1] + pd.to_timedelta(np.arange(1, n + 1), unit="D")
    return pd.DataFrame({"ts": ts, "close_at": ts + pd.Timedelta(hours=7)})


def made(bars: pd.DataFrame, **settings_: int) -> Forecast:
    return forecast(bars, "1d", future_of(bars), **settings_)


def test_on_a_random_walk_the_baseline_serves() -> None:
    results = [made(walk(600, seed)) for seed in range(20)]
    assert sum(each.served == FILTERED for each in results) <= 1
    said = results[0]
    assert said.reason.startswith("The block bootstrap serves: at 60 past origins its pinball loss is 0.")
    assert "is not proven lower (difference " in said.reason
    both = {each.model: each for each in said.candidates}
    against = both[FILTERED].difference
    assert both[BASELINE].difference is None
    assert against is not None
    assert against.value == pytest.approx(both[FILTERED].pinball - both[BASELINE].pinball)


def test_both_fans_cover_what_they_promise() -> None:
    results = [made(walk(1_500, 100 + seed)) for seed in range(10)]
    for place in (0, 1):
        candidates = [each.candidates[place] for each in results]
        assert np.mean([each.coverage_50 for each in candidates]) == pytest.approx(0.50, abs=0.05)
        assert np.mean([each.coverage_90 for each in candidates]) == pytest.approx(0.90, abs=0.03)


def test_where_volatility_comes_in_clusters_the_filter_is_proven() -> None:
    results = [made(clusters(2_000, seed)) for seed in range(5)]
    assert sum(each.served == FILTERED for each in results) >= 4
    said = next(each for each in results if each.served == FILTERED)
    baseline, filtered = said.candidates
    assert filtered.served
    assert not baseline.served
    assert filtered.pinball < baseline.pinball
    assert filtered.difference is not None
    assert filtered.difference.high is not None
    assert filtered.difference.high < 0.0
    assert f"{filtered.pinball:.4f} against {baseline.pinball:.4f}" in said.reason
    assert said.steps is filtered.steps


@given(seed=st.integers(0, 1_000), n=st.integers(60, 330))
@settings(max_examples=12, deadline=None)
def test_steps_are_candles_within_fans(seed: int, n: int) -> None:
    bars = clusters(n, seed)
    said = made(bars)
    for candidate in said.candidates:
        steps = candidate.steps
        assert steps["step"].tolist() == list(range(1, 31))
        pd.testing.assert_frame_equal(steps[["ts", "close_at"]], future_of(bars), check_dtype=False)
        assert (steps["low"] <= steps[["open", "close"]].min(axis=1)).all()
        assert (steps[["open", "close"]].max(axis=1) <= steps["high"]).all()
        assert (np.diff(steps[QUANTILE_COLUMNS].to_numpy(), axis=1) >= 0).all()
        assert (steps["close"] == steps["q50"]).all()
    assert said.made_from == bars["ts"].iloc[-1]
    assert said.last_close == bars["close"].iloc[-1]


def test_few_bars_leave_the_baseline_alone_and_fewer_are_refused() -> None:
    young = made(walk(249, 1))
    assert [each.model for each in young.candidates] == [BASELINE]
    assert "249 bars are too few to compare models, 250 are needed" in young.reason
    assert young.steps["confidence"].notna().all()
    assert [each.model for each in made(walk(250, 1)).candidates] == [BASELINE, FILTERED]

    newborn = made(walk(60, 1)).candidates[0]
    assert newborn.origins == 0
    assert np.isnan([newborn.pinball, newborn.coverage_50, newborn.coverage_90]).all()
    assert newborn.steps["confidence"].isna().all()
    assert newborn.steps[QUANTILE_COLUMNS].notna().all(axis=None)
    with pytest.raises(ValueError, match="59 bars of 1d are too few to forecast: 60 are needed"):
        made(walk(59, 1))


def test_prices_in_another_unit_give_the_same_forecast_in_that_unit() -> None:
    bars = clusters(300, 2)
    other = bars.assign(**{name: bars[name] * 2.0**-5 for name in PRICES})
    for one, two in zip(made(bars).candidates, made(other).candidates, strict=True):
        assert (one.pinball, one.coverage_90) == (two.pinball, two.coverage_90)
        columns = PRICES + QUANTILE_COLUMNS
        pd.testing.assert_frame_equal(one.steps[columns] * 2.0**-5, two.steps[columns], check_exact=True)


def test_a_price_that_never_moves_is_forecast_to_stay() -> None:
    bars = bars_of(np.zeros(400))
    said = made(bars)
    assert said.served == BASELINE
    for candidate in said.candidates:
        assert candidate.pinball == 0.0
        assert (candidate.steps[PRICES + QUANTILE_COLUMNS] == 100.0).all(axis=None)
        assert (candidate.steps["confidence"] == 1.0).all()


def test_a_market_that_wakes_after_a_long_sleep_is_forecast() -> None:
    moves = np.zeros(600)
    moves[400:] = np.random.default_rng(4).normal(0.0, 0.02, 200)
    for candidate in made(bars_of(moves)).candidates:
        assert candidate.steps[PRICES + QUANTILE_COLUMNS].gt(0.0).all(axis=None)
        assert np.isfinite(candidate.pinball)


def test_gaps_between_bars_change_no_price() -> None:
    bars = walk(300, 5)
    holes = bars.assign(ts=bars["ts"].where(bars.index < 250, bars["ts"] + pd.Timedelta(days=40)))
    whole, broken = made(bars), made(holes)
    # Chance is drawn by the time of an origin: those after the hole draw anew.
    assert whole.candidates[0].pinball != broken.candidates[0].pinball
    assert whole.candidates[0].pinball == pytest.approx(broken.candidates[0].pinball, rel=0.05)


def test_bars_beyond_what_is_read_change_nothing() -> None:
    bars = walk(BARS_READ + 200, 6)
    changed = bars.copy()
    changed.loc[:199, PRICES] *= 3.0
    for one, two in zip(made(bars).candidates, made(changed).candidates, strict=True):
        assert one.pinball == two.pinball
        pd.testing.assert_frame_equal(one.steps, two.steps)


def test_the_same_seed_gives_the_same_forecast_and_another_one_nearly_the_same() -> None:
    bars = walk(300, 7)
    one, two, other = made(bars), made(bars), made(bars, seed=1)
    pd.testing.assert_frame_equal(one.steps, two.steps)
    assert not one.steps["q05"].equals(other.steps["q05"])
    assert one.steps["q05"].to_numpy() == pytest.approx(other.steps["q05"].to_numpy(), rel=0.01)


def test_times_that_do_not_follow_are_refused() -> None:
    bars = walk(100, 8)
    future = future_of(bars)
    with pytest.raises(ValueError, match="29 bars to come are given, 30 are to be forecast"):
        forecast(bars, "1d", future.head(29))
    with pytest.raises(ValueError, match="lack close_at"):
        forecast(bars, "1d", future[["ts"]])
    with pytest.raises(ValueError, match="is not after the last bar's"):
        forecast(bars, "1d", future.assign(ts=future["ts"] - pd.Timedelta(days=1)))
    with pytest.raises(ValueError, match="not in order"):
        forecast(bars.iloc[::-1], "1d", future)
    with pytest.raises(ValueError, match="steps is 0: forecast at least one"):
        forecast(bars, "1d", future, steps=0)
    with pytest.raises(ValueError, match="unknown timeframe '2d'"):
        forecast(bars, "2d", future)


def test_a_third_model_is_judged_with_the_others_and_serves_if_it_foretells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Oracle:
        """Knows that this market goes up one bar and down the next."""

        def simulate(
            self, past: np.ndarray, known: np.ndarray, draws: Draws, rows: tuple[int, ...]
        ) -> np.ndarray:
            steps, _, paths = draws.start.shape
            closes = np.where((known + np.arange(steps)[:, None]) % 2, 0.01, -0.01)[..., None]
            return np.repeat(np.stack([closes] * len(rows)), paths, axis=-1)

    monkeypatch.setattr(forecasts, "FORECASTERS", {**forecasts.FORECASTERS, "oracle": lambda *_: Oracle()})
    said = made(bars_of(np.tile([0.01, -0.01], 400)))
    assert said.served == "oracle"
    assert said.candidates[2].pinball == pytest.approx(0.0, abs=1e-9)


def test_origins_leave_room_for_all_steps_and_an_older_part() -> None:
    assert past_origins(69, 30).size == 0
    assert past_origins(70, 30).tolist() == [40]
    # Three fifths of a thousand moves, the last thirty of which only tell what came.
    thousand = past_origins(1_000, 30)
    assert (len(thousand), thousand[0], thousand[-1]) == (60, 400, 970)
    long = past_origins(100_000, 30)
    assert set(np.diff(long)) == {30}
    assert long[-1] == 99_970


def test_a_pinball_loss_by_hand() -> None:
    class Fan:
        """At each step 101 paths that close evenly between -1 and 1."""

        def simulate(
            self, past: np.ndarray, known: np.ndarray, draws: Draws, rows: tuple[int, ...]
        ) -> np.ndarray:
            made_ = np.broadcast_to(np.linspace(-1.0, 1.0, 101), (1, 1, len(known), 101))
            return made_ if rows == (CLOSE,) else np.repeat(made_, len(rows), axis=0)

    moves = np.full((4, 60), 0.5)  # the typical move is 0.5
    moves[CLOSE, 50] = 0.6
    past = judge(Fan(), moves, np.array([50]), Draws.at(np.array([0]), steps=1, paths=101, seed=0))
    quantile = [-0.9, -0.8, -0.5, 0.0, 0.5, 0.8, 0.9]
    by_hand = [
        (level * (0.6 - q) if q <= 0.6 else (1 - level) * (q - 0.6)) / 0.5
        for level, q in zip(QUANTILES, quantile, strict=True)
    ]
    assert past.pinball == pytest.approx(np.mean(by_hand))
    assert (past.coverage_50, past.coverage_90) == (0.0, 1.0)
    assert past.confidence.tolist() == [1.0]


def test_an_origin_is_judged_alike_whatever_comes_after_its_steps() -> None:
    moves = log_moves(clusters(400, 9))
    times = np.arange(400)

    def loss(changed: np.ndarray, known: list[int]) -> np.ndarray:
        origins = np.array(known)
        draws = Draws.at(times[origins], steps=30, paths=50, seed=0)
        return judge(BlockBootstrap(), changed, origins, draws).loss

    later = moves.copy()
    later[:, 230:] *= 5.0
    assert loss(moves, [200, 300])[0] == loss(later[:, :260], [200])[0]
    later[:, 229] *= 5.0
    assert loss(moves, [200])[0] != loss(later, [200])[0]


def test_quantiles_are_those_of_numpy() -> None:
    paths = np.random.default_rng(10).normal(size=(3, 2, 37))
    np.testing.assert_allclose(quantiles(paths), np.quantile(paths, QUANTILES, axis=-1), rtol=1e-12)


def test_a_difference_without_enough_time_says_so_in_bars() -> None:
    known = np.arange(100, 160)
    flags = np.ones((30, 60), np.bool_)
    better, worse = (PastForecasts(np.full(60, loss), flags, flags) for loss in (1.0, 2.0))
    short = difference(better, worse, known, steps=30, level=0.95, seed=0)
    assert (short.value, short.low) == (-1.0, None)
    assert short.reason == "no interval: the past origins span 1 of the 5 blocks of 60 bars that are needed"
    long = difference(better, worse, known * 30, steps=30, level=0.95, seed=0)
    assert (long.low, long.high) == (-1.0, -1.0)
