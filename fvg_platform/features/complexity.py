"""Complexity: whether the path is a trend, a random walk or noise about a mean, and how orderly it is.

A path that does not move is given the value of a random walk where the measure has one, else 0.
"""

import math

import numpy as np

from fvg_platform.features.engines import Engine, kernels, talib
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("complexity")
_windows = Engine("fvg_platform.features.window_kernels")


def fractal_dimension(series: BarSeries) -> Values:
    """Ehlers' fractal dimension of 30 bars from the ranges of both halves: 1 a line, 2 a filled plane."""
    half = (series.highest(15) - series.lowest(15)) / 15.0
    whole = (series.highest(30) - series.lowest(30)) / 30.0
    grown = ratio(half + earlier(half, 15), whole, math.sqrt(8.0))
    return np.clip(np.log2(np.maximum(grown, 1.0)), 1.0, 2.0)


def clustering(series: BarSeries) -> Values:
    """Whether large moves follow large ones."""
    size = np.abs(series.log_return)
    return kernels.rolling_correlation(size, earlier(size, 1), 50)


def persistence(series: BarSeries) -> Values:
    """How often a close went on the way it went the bar before, of the times it moved in both bars."""
    agreement = np.sign(series.close_change) * earlier(np.sign(series.close_change), 1)
    moved = kernels.rolling_sum(np.abs(agreement), 20)
    return 0.5 + 0.5 * ratio(kernels.rolling_sum(agreement, 20), moved, 0.0)


def concentration(series: BarSeries) -> Values:
    """The largest move of 20 bars beside all of them."""
    size = np.abs(series.log_return)
    return ratio(talib.MAX(size, 20), kernels.rolling_sum(size, 20), 0.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "variance_ratio_5_50",
        "Lo-MacKinlay variance ratio of 5-bar returns in 50; 1 if return_1 does not vary",
        "ratio",
        50,
        lambda s: _windows.variance_ratio(np.log(s.close), 5, 50),
    ),
    _f(
        "hurst_100",
        "slope of ln(mean |ln C/C[-k]|) on ln k, k = 1, 2, 4, 8, 16, over 100 bars, within 0..1; 0.5 if motionless",
        "0..1",
        100,
        lambda s: _windows.hurst(np.log(s.close), 100),
    ),
    _f(
        "ordinal_entropy_50",
        "permutation entropy of the last 50 triples of closes / ln 6, equal closes in order; 0 if motionless",
        "0..1",
        51,
        lambda s: _windows.ordinal_entropy(s.close, 50),
    ),
    _f(
        "linreg_fit_50",
        "R² of the least-squares line through the last 50 closes; 0 if motionless",
        "0..1",
        49,
        lambda s: _windows.rolling_fit(s.close, 50),
    ),
    _f(
        "fractal_dimension_30",
        "log2((range of each half / 15, added) / (range of 30 bars / 30)), within 1..2; 1.5 without range",
        "ratio",
        29,
        fractal_dimension,
    ),
    _f(
        "abs_autocorr_1_50",
        "correlation of |return_1| and |return_1[-1]| over 50 bars; 0 if one does not vary",
        "-1..1",
        51,
        clustering,
    ),
    _f(
        "persistence_20",
        "share of closes that moved as the bar before did, of those that moved in both, 20 bars; 0.5 without",
        "0..1",
        21,
        persistence,
    ),
    _f(
        "largest_move_share_20",
        "largest |return_1| / sum of |return_1| over 20 bars; 0 if motionless",
        "0..1",
        20,
        concentration,
    ),
)
