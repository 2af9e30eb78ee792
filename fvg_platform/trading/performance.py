"""Figures of a run: returns, Sharpe ratio and its deflated form, drawdown, profit factor, with intervals.

Days are those of the calendar, weekends and holidays with a return of 0 included, so a year has 365 of them:
the annualised ratio is the same as over trading days alone. Intervals come from a block bootstrap over time.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats
from fvg_platform.learning.blocks import MIN_BLOCKS, length_of
from fvg_platform.learning.estimates import Estimate, Estimator, divide

DAYS_PER_YEAR = 365
"""Calendar days; what a tear sheet must annualise :meth:`BacktestReport.daily_returns` with."""

_NO_SPREAD = 1e-18  # variance of daily returns below which they are all the same but for rounding


def daily_returns(equity: Floats) -> Floats:
    """Return of each day from equity (…, days) that stood at 1 before the first; 0 once nothing is left."""
    before = np.concatenate([np.ones_like(equity[..., :1]), equity[..., :-1]], axis=-1)
    return np.divide(equity - before, before, out=np.zeros_like(equity), where=before > 0)


def annual_sharpe(returns: Floats) -> Floats:
    """Mean over standard deviation of daily returns (…, days), times √365; NaN without a spread."""
    ones = np.ones(returns.shape[:-1])
    sums = np.stack([returns.sum(axis=-1), (returns**2).sum(axis=-1), ones * returns.shape[-1]], axis=-1)
    return _sharpe_of_sums(sums)


def max_drawdown(equity: Floats) -> Floats:
    """Deepest fall below an earlier height, as a share of it, at most 0; equity (…, days) began at 1."""
    height = np.maximum(np.maximum.accumulate(equity, axis=-1), 1.0)
    return np.minimum((equity / height - 1.0).min(axis=-1), 0.0)


def drawdown_estimate(returns: Floats, block: pd.Timedelta, *, resamples: int, seed: int) -> Estimate:
    """The deepest fall of the equity of daily returns (days,), with its interval.

    A drawdown depends on the order of days, so whole runs of days, as long as a block, are drawn with replacement
    (circular block bootstrap) until there are as many days again.
    """
    n = returns.size
    if n == 0:
        return Estimate(None, None, None, "no day")
    value = float(max_drawdown(np.cumprod(1.0 + returns, dtype=np.float64)))
    run = max(1, math.ceil(block / pd.Timedelta(days=1)))
    if not returns.any():
        return Estimate(value, None, None, "the equity never moves")
    if n // run < MIN_BLOCKS:
        return Estimate(
            value,
            None,
            None,
            f"no interval: {n // run} blocks of {length_of(block)} are spanned, {MIN_BLOCKS} are needed",
        )
    random = np.random.default_rng(seed)
    falls = np.empty(resamples)
    for draw in range(resamples):  # one at a time: 1,000 of 16,000 days at once are 128 MB
        starts = random.integers(n, size=-(-n // run))
        drawn = (starts[:, None] + np.arange(run)).ravel()[:n] % n
        falls[draw] = max_drawdown(np.cumprod(1.0 + returns[drawn], dtype=np.float64))
    low, high = np.quantile(falls, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def profit_factor(profit: Floats) -> float | None:
    """Sum of gains over sum of losses; None where nothing was lost."""
    lost = -float(profit[profit < 0].sum())
    return float(profit[profit > 0].sum()) / lost if lost > 0 else None


def sharpe_estimate(returns: Floats, days: pd.DatetimeIndex, block: pd.Timedelta, **draws: int) -> Estimate:
    """The annualised Sharpe ratio of daily returns (days,) with its interval; `draws`: resamples and seed."""
    if np.isnan(annual_sharpe(returns)):
        return Estimate(None, None, None, "the equity never moves")
    estimator = Estimator.over(days, block, **draws)
    sums = np.column_stack([estimator.cells.sums(v) for v in (returns, returns**2, np.ones_like(returns))])
    return estimator.of(lambda weights: _sharpe_of_sums(weights @ sums))


def mean_estimate(values: Floats, times: pd.DatetimeIndex, block: pd.Timedelta, **draws: int) -> Estimate:
    """The mean of one value per trade with its interval; `draws`: resamples and seed."""
    if not values.size:
        return Estimate(None, None, None, "no trade")
    return Estimator.over(times, block, **draws).ratio(values)


def deflated_sharpe(
    returns: Floats, trials: int, trial_sharpes: Sequence[float | None], trades: int
) -> float | None:
    """Probability that the true Sharpe ratio lies above what the best of `trials` without any skill would show.

    Parameters
    ----------
    returns
        Daily returns, shape (days,).
    trials
        Everything that was tried before this one was chosen: hyperparameters, algorithms, thresholds.
    trial_sharpes
        Sharpe ratios *per trade* of those for which one is known; their variance says how far apart trials lie.
        With fewer than two, the variance of the estimate under no skill, 1 / (days - 1), stands in.
    trades
        Trades behind the returns: a ratio per trade becomes one per day by √(trades / days).

    Returns
    -------
    In [0, 1]; None where returns have no spread or too few days to tell.

    Notes
    -----
    D. Bailey and M. López de Prado, The deflated Sharpe ratio (2014), in the implementation of `purgedcv`.
    """
    from purgedcv import deflated_sharpe_ratio  # takes seconds to import

    n = returns.size
    if n < 4 or returns.var() <= _NO_SPREAD:
        return None
    known = np.array([s for s in trial_sharpes if s is not None and math.isfinite(s)])
    variance = float(known.var(ddof=1)) * trades / n if known.size > 1 else 1.0 / (n - 1)
    try:
        return float(deflated_sharpe_ratio(returns, trials, variance))
    except ValueError:  # moments too extreme for the formula
        return None


def _sharpe_of_sums(sums: Floats) -> Floats:
    """From sums of returns, of their squares, and counts (…, 3)."""
    mean, square = divide(sums[..., 0], sums[..., 2]), divide(sums[..., 1], sums[..., 2])
    variance = square - mean**2
    # The difference of two nearly equal sums is rounding.
    spread = variance > np.maximum(_NO_SPREAD, 1e-12 * square)
    deviation = np.sqrt(np.where(spread, variance, np.nan))
    return mean / deviation * math.sqrt(DAYS_PER_YEAR)
