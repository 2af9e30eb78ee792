"""Figures by hand and against their definitions."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fvg_platform.trading import performance

DAYS = pd.date_range("2024-01-01", periods=400, freq="D")
WEEK = pd.Timedelta(days=7)
CHANCE = {"resamples": 500, "seed": 0}
EULER = 0.5772156649015329


def returns(mean: float, seed: int = 0) -> np.ndarray:
    return mean + 0.01 * np.random.default_rng(seed).standard_normal(len(DAYS))


def test_daily_returns_begin_from_1_and_end_with_the_capital():
    equity = np.array([1.1, 0.55, 0.0, 0.0])
    assert performance.daily_returns(equity) == pytest.approx([0.1, -0.5, -1.0, 0.0])


@pytest.mark.parametrize(
    ("equity", "fall"),
    [([0.9, 0.95], -0.1), ([1.2, 0.9, 1.5, 1.2], -0.25), ([1.0, 1.1], 0.0), ([1.2, -0.1], -0.1 / 1.2 - 1)],
)
def test_drawdown_is_measured_from_the_highest_before_it(equity, fall):
    assert performance.max_drawdown(np.array(equity)) == pytest.approx(fall)


def test_profit_factor_is_gains_over_losses():
    assert performance.profit_factor(np.array([3.0, -1.0, -0.5, 0.0])) == 2.0
    assert performance.profit_factor(np.array([3.0])) is None


def test_sharpe_is_mean_over_deviation_of_a_year_of_calendar_days():
    r = returns(0.001)
    expected = r.mean() / r.std() * np.sqrt(365)
    assert performance.annual_sharpe(r) == pytest.approx(expected)
    estimate = performance.sharpe_estimate(r, DAYS, WEEK, **CHANCE)
    assert estimate.value == pytest.approx(expected)
    assert estimate.low < expected < estimate.high


def test_weekends_without_a_return_do_not_change_the_annual_ratio():
    r = returns(0.001)
    with_closed_days = np.zeros(len(r) * 7 // 5)
    with_closed_days[np.flatnonzero(np.arange(len(with_closed_days)) % 7 < 5)] = r
    over_trading_days = r.mean() / r.std() * np.sqrt(365 * 5 / 7)
    assert performance.annual_sharpe(with_closed_days) == pytest.approx(over_trading_days, rel=0.01)


def test_without_a_spread_there_is_no_sharpe():
    assert np.isnan(performance.annual_sharpe(np.full(9, 0.001)))
    flat = performance.sharpe_estimate(np.zeros(9), DAYS[:9], WEEK, **CHANCE)
    assert (flat.value, flat.reason) == (None, "the equity never moves")
    assert performance.deflated_sharpe(np.zeros(9), 3, (), 5) is None


def test_the_interval_of_trades_that_move_together_is_wider_than_that_of_single_ones():
    per_block = np.repeat(np.random.default_rng(0).standard_normal(100), 7)
    times = pd.date_range("2020-01-01", periods=700, freq="D", tz="UTC")
    blocks = performance.mean_estimate(per_block, times, WEEK, **CHANCE)
    single = performance.mean_estimate(per_block, times, pd.Timedelta(days=1), **CHANCE)
    assert blocks.value == pytest.approx(per_block.mean())
    assert blocks.high - blocks.low > 1.2 * (single.high - single.low)


def test_too_short_a_time_gives_a_value_and_no_interval():
    estimate = performance.mean_estimate(np.array([1.0, 2.0]), DAYS[:2], WEEK, **CHANCE)
    assert (estimate.value, estimate.low) == (1.5, None)
    assert "5 are needed" in estimate.reason


def deflated(r: np.ndarray, trials: int, variance: float) -> float:
    """Bailey and López de Prado (2014), written out."""
    normal, sharpe = NormalDist(), r.mean() / r.std()
    best = np.sqrt(variance) * (
        (1 - EULER) * normal.inv_cdf(1 - 1 / trials) + EULER * normal.inv_cdf(1 - 1 / (trials * np.e))
    )
    skew, kurtosis = stats.skew(r, bias=False), stats.kurtosis(r, fisher=False, bias=False)
    error = np.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    return normal.cdf((sharpe - best) * np.sqrt(len(r) - 1) / error)


def test_deflated_sharpe_is_the_papers_with_trials_turned_from_trades_to_days():
    r, sharpes = returns(0.001), [0.1, -0.2, None, 0.05, float("nan")]
    per_day = np.var([0.1, -0.2, 0.05], ddof=1) * 100 / len(r)
    assert performance.deflated_sharpe(r, 20, sharpes, 100) == pytest.approx(deflated(r, 20, per_day))


def test_without_known_trials_their_variance_is_that_of_no_skill():
    r = returns(0.001)
    expected = deflated(r, 20, 1 / (len(r) - 1))
    assert performance.deflated_sharpe(r, 20, [0.3], 100) == pytest.approx(expected)


def test_every_trial_more_makes_the_same_returns_less_believable():
    r = returns(0.001)
    believed = [performance.deflated_sharpe(r, trials, (), 100) for trials in (1, 2, 10, 1000)]
    assert believed == sorted(believed, reverse=True)
    assert believed[0] > believed[-1] + 0.2


def test_the_interval_of_a_drawdown_holds_what_longer_histories_show():
    """Of independent days: the drawdowns of fresh histories of the same length lie within it about as often as said."""
    rng = np.random.default_rng(4)
    returns = rng.normal(0.0004, 0.01, 400)
    found = performance.drawdown_estimate(returns, pd.Timedelta(days=5), resamples=400, seed=1)
    assert found.low < found.value < found.high < 0
    fresh = [
        performance.max_drawdown(np.cumprod(1 + rng.normal(returns.mean(), 0.01, 400))) for _ in range(300)
    ]
    inside = np.mean([found.low <= fall <= found.high for fall in fresh])
    assert 0.85 < inside <= 1.0


def test_a_drawdown_of_too_few_blocks_or_of_nothing_has_no_interval():
    chance = {"resamples": 50, "seed": 1}
    few = performance.drawdown_estimate(np.full(20, -0.01), pd.Timedelta(days=5), **chance)
    assert (few.low, few.high) == (None, None)
    assert "4 blocks" in few.reason
    still = performance.drawdown_estimate(np.zeros(20), pd.Timedelta(days=1), **chance)
    assert (still.value, still.low) == (0.0, None)
