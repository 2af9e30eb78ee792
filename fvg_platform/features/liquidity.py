"""Liquidity: how much trade stands behind a move, how evenly it comes, and what a round trip may cost.

Where nothing was traded in the window, the value is the neutral one that the formula names.
"""

import math

import numpy as np

from fvg_platform.features.engines import kernels, talib
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("liquidity")


def move_per_volume(series: BarSeries, length: int) -> Values:
    """Amihud's (2002) illiquidity of a window: size of returns per unit of volume; 0 without volume."""
    moves = kernels.rolling_sum(np.abs(series.log_return), length)
    return ratio(moves, series.volume_sum(length), 0.0)


def illiquidity(series: BarSeries) -> Values:
    """Amihud's illiquidity of the last 5 bars beside that of the last 50, as a share of both."""
    now, usual = move_per_volume(series, 5), move_per_volume(series, 50)
    return ratio(now, now + usual, 0.5)


def volume_concentration(series: BarSeries) -> Values:
    """The busiest of 20 bars beside all of them."""
    return ratio(talib.MAX(series.volume, 20), series.volume_sum(20), 0.0)


def effort(series: BarSeries) -> Values:
    """Wyckoff's effort against result: near 1 much volume moved little, near 0 little volume moved much."""
    volume = ratio(series.volume, series.volume_sum(20), 0.05)
    result = ratio(series.true_range, kernels.rolling_sum(series.true_range, 20), 0.05)
    return ratio(volume, volume + result, 0.5)


def spread(series: BarSeries) -> Values:
    """Corwin and Schultz' (2012) bid-ask spread from highs and lows: ranges grow with time, the spread does not."""
    single = np.log(series.high / series.low) ** 2
    beta = single + earlier(single, 1)
    high, low = (
        np.maximum(series.high, earlier(series.high, 1)),
        np.minimum(series.low, earlier(series.low, 1)),
    )
    gamma = np.log(high / low) ** 2
    scale = 3.0 - 2.0 * math.sqrt(2.0)
    alpha = (math.sqrt(2.0) - 1.0) * np.sqrt(beta) / scale - np.sqrt(gamma / scale)
    return kernels.rolling_sum(2.0 * np.tanh(np.maximum(alpha, 0.0) / 2.0), 20) / 20.0


FEATURES: tuple[Feature, ...] = (
    _f(
        "volume_change_20_100",
        "mean volume of 20 bars / of 100 bars; 1 without volume",
        "ratio",
        99,
        lambda s: ratio(5.0 * s.volume_sum(20), s.volume_sum(100), 1.0),
    ),
    _f(
        "volume_concentration_20",
        "largest V / sum of V over 20 bars; 0 without volume",
        "0..1",
        19,
        volume_concentration,
    ),
    _f(
        "illiquidity_5_50",
        "a5 / (a5 + a50), an = sum of |return_1| / sum of V over n bars (0 without volume); 0.5 without either",
        "0..1",
        50,
        illiquidity,
    ),
    _f(
        "effort_share_20",
        "v / (v + r), v = V / sum of V, r = true range / sum of true ranges over 20 bars, either 1/20 at a sum of 0",
        "0..1",
        20,
        effort,
    ),
    _f(
        "quiet_share_50",
        "share of the last 50 bars without volume or without range",
        "0..1",
        49,
        lambda s: kernels.rolling_sum(((s.volume == 0.0) | (s.high == s.low)).astype(np.float64), 50) / 50.0,
    ),
    _f(
        "spread_estimate_20",
        "Corwin-Schultz spread from H and L of two bars, at least 0, mean of 20 bars",
        "ratio",
        20,
        spread,
    ),
)
