"""Statistics of the last returns: how far out, how one-sided, how heavy-tailed, how persistent.

All moments are population moments of the window; a window that does not move has none, and the value is 0
(0.5 for a share).
"""

import numpy as np

from fvg_platform.features.engines import kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("statistics")


def close_zscore(series: BarSeries) -> Values:
    """Standard deviations of the close above its 50-bar mean."""
    return ratio(series.close - series.sma(50), series.close_deviation(50), 0.0)


def autocorrelation(series: BarSeries) -> Values:
    """Correlation of the last 50 returns with those one bar earlier."""
    return kernels.rolling_correlation(series.log_return, earlier(series.log_return, 1), 50)


def downside_share(series: BarSeries) -> Values:
    """How much of the last 20 bars' squared returns came from falls."""
    squares = series.log_return**2
    falls = np.where(series.log_return > 0.0, 0.0, squares)
    return ratio(kernels.rolling_sum(falls, 20), kernels.rolling_sum(squares, 20), 0.5)


def volume_move_correlation(series: BarSeries) -> Values:
    """Whether volume comes with movement: correlation of volume and the size of returns."""
    return kernels.rolling_correlation(np.abs(series.log_return), series.volume, 20)


FEATURES: tuple[Feature, ...] = (
    _f("zscore_50", "(C - sma_50) / standard deviation of the last 50 closes", "z-score", 49, close_zscore),
    _f(
        "autocorr_1_50",
        "correlation of return_1 and return_1[-1] over 50 bars; 0 if motionless",
        "-1..1",
        51,
        autocorrelation,
    ),
    _f("skew_50", "skewness of the last 50 return_1", "skewness", 50, lambda s: s.return_shape[0]),
    _f("kurtosis_50", "excess kurtosis of the last 50 return_1", "kurtosis", 50, lambda s: s.return_shape[1]),
    _f(
        "downside_share_20",
        "sum of squared falls / sum of squared return_1 over 20 bars",
        "0..1",
        20,
        downside_share,
    ),
    _f(
        "volume_move_corr_20",
        "correlation of |return_1| and V over 20 bars; 0 where one is constant",
        "-1..1",
        20,
        volume_move_correlation,
    ),
)
