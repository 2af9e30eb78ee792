"""Ranges: estimates of volatility from whole bars, and how it is made up (jumps, gaps, squeezes, drawdowns)."""

import math

import numpy as np

from fvg_platform.features.engines import Engine, kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("ranges")
_windows = Engine("fvg_platform.features.window_kernels")


def yang_zhang(series: BarSeries) -> Values:
    """Yang and Zhang's (2000) estimate of volatility a bar: openings, bodies and ranges, whatever the drift."""
    n = 20
    opening = np.log(series.open / earlier(series.close, 1))
    body = np.log(series.close / series.open)
    inside = np.log(series.high / series.close) * np.log(series.high / series.open)
    inside += np.log(series.low / series.close) * np.log(series.low / series.open)
    weight = 0.34 / (1.34 + (n + 1) / (n - 1))
    unbiased = n / (n - 1)
    openings = unbiased * kernels.rolling_deviation(opening, n) ** 2
    bodies = unbiased * kernels.rolling_deviation(body, n) ** 2
    ranges = np.maximum(kernels.rolling_sum(inside, n), 0.0) / n
    return np.sqrt(openings + weight * bodies + (1.0 - weight) * ranges)


def opening_share(series: BarSeries) -> Values:
    """How much of the squared moves of 20 bars came between bars."""
    between = np.log(series.open / earlier(series.close, 1)) ** 2
    within = np.log(series.close / series.open) ** 2
    jumped = kernels.rolling_sum(between, 20)
    return ratio(jumped, jumped + kernels.rolling_sum(within, 20), 0.0)


def jump_share(series: BarSeries) -> Values:
    """How much of the realised variance bipower variation (Barndorff-Nielsen and Shephard 2004) leaves to jumps."""
    size = np.abs(series.log_return)
    steady = math.pi / 2.0 * 50.0 / 49.0 * kernels.rolling_sum(size * earlier(size, 1), 49)
    whole = kernels.rolling_sum(size * size, 50)
    return np.maximum(ratio(whole - steady, whole, 0.0), 0.0)


def range_change(series: BarSeries) -> Values:
    """Mean true range of 20 bars beside that of 100."""
    short, long = kernels.rolling_sum(series.true_range, 20), kernels.rolling_sum(series.true_range, 100)
    return ratio(5.0 * short, long, 1.0)


def squeeze(series: BarSeries) -> Values:
    """Width of the Bollinger bands beside that of a channel of true ranges: below 1 the market is coiled."""
    width = 1.5 * kernels.rolling_sum(series.true_range, 20) / 20.0
    return ratio(2.0 * series.close_deviation(20), width, 1.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "yang_zhang_vol_20",
        "sqrt(var(ln O/C[-1]) + k var(ln C/O) + (1-k) mean(ln H/C ln H/O + ln L/C ln L/O)) over 20 bars, "
        "k = 0.34 / (1.34 + 21/19)",
        "log return",
        20,
        yang_zhang,
    ),
    _f(
        "opening_share_20",
        "sum of ln(O/C[-1])^2 / sum of (ln(O/C[-1])^2 + ln(C/O)^2) over 20 bars; 0 if motionless",
        "0..1",
        20,
        opening_share,
    ),
    _f(
        "jump_share_50",
        "1 - (π/2) mean |return_1 return_1[-1]| / mean return_1^2 over 50 bars, at least 0; 0 if motionless",
        "0..1",
        50,
        jump_share,
    ),
    _f(
        "range_change_20_100",
        "mean true range of 20 bars / of 100 bars; 1 without range",
        "ratio",
        100,
        range_change,
    ),
    _f(
        "squeeze_20",
        "2 standard deviations of the last 20 closes / 1.5 mean true range of 20 bars; 1 without range",
        "ratio",
        20,
        squeeze,
    ),
    _f(
        "max_drawdown_50",
        "largest ln(earlier close / later close) among 50 closes, at least 0",
        "log return",
        49,
        lambda s: _windows.rolling_drawdown(np.log(s.close), 50),
    ),
    _f(
        "range_rank_20",
        "share of the 20 bars before with a smaller H - L, equal ones half",
        "0..1",
        20,
        lambda s: kernels.rolling_rank(s.high - s.low, 20),
    ),
)
