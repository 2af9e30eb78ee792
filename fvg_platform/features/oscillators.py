"""Oscillators from plain windows: balance of moves, cloud, runs. Where a window does not move, the middle value.

None of them averages exponentially, so that each forgets what lies before its window.
"""

import numpy as np

from fvg_platform.features.engines import Engine, kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio

_f = group_of("oscillators")
_windows = Engine("fvg_platform.features.window_kernels")


def chande_momentum(series: BarSeries) -> Values:
    """Chande's momentum oscillator: net move over path of 14 bars."""
    path = kernels.rolling_sum(np.abs(series.close_change), 14)
    return np.clip(100.0 * ratio(series.close - earlier(series.close, 14), path, 0.0), -100.0, 100.0)


def vortex(series: BarSeries) -> Values:
    """Botes and Siepman's vortex: upward less downward reach between neighbouring bars, over true ranges."""
    up, down = (
        np.abs(series.high - earlier(series.low, 1)),
        np.abs(series.low - earlier(series.high, 1)),
    )
    return ratio(kernels.rolling_sum(up - down, 14), kernels.rolling_sum(series.true_range, 14), 0.0)


def ultimate(series: BarSeries) -> Values:
    """Williams' ultimate oscillator, 0..100: how high closes stand in their true ranges, three windows."""
    pressure = series.close - np.minimum(series.low, earlier(series.close, 1))
    shares = [
        ratio(kernels.rolling_sum(pressure, n), kernels.rolling_sum(series.true_range, n), 0.5)
        for n in (7, 14, 28)
    ]
    return 100.0 * (4.0 * shares[0] + 2.0 * shares[1] + shares[2]) / 7.0


def middle(series: BarSeries, length: int) -> Values:
    """Half-way between the highest high and the lowest low, in price."""
    return 0.5 * (series.highest(length) + series.lowest(length))


def above_cloud(series: BarSeries) -> Values:
    """How far the close lies above the Ichimoku cloud (below: negative; inside: 0), in ATR.

    The cloud over a bar is made of the two leading spans drawn 26 bars before it.
    """
    first = earlier(0.5 * (middle(series, 9) + middle(series, 26)), 26)
    second = earlier(middle(series, 52), 26)
    over = np.maximum(series.close - np.maximum(first, second), 0.0)
    under = np.minimum(series.close - np.minimum(first, second), 0.0)
    return (over + under) / series.atr_unit


FEATURES: tuple[Feature, ...] = (
    _f(
        "chande_momentum_14",
        "100 (C - C[-14]) / sum of |C - C[-1]| over 14 bars; 0 if motionless",
        "-100..100",
        14,
        chande_momentum,
    ),
    _f(
        "vortex_14",
        "sum(|H - L[-1]| - |L - H[-1]|) / sum(true range) over 14 bars; 0 without range",
        "ratio",
        14,
        vortex,
    ),
    _f(
        "ultimate_oscillator",
        "100 (4 u7 + 2 u14 + u28) / 7, un = sum(C - min(L, C[-1])) / sum(true range) over n bars; 0.5 without range",
        "0..100",
        28,
        ultimate,
    ),
    _f(
        "ichimoku_cloud_atr",
        "from C to the nearer edge of the Ichimoku cloud (9, 26, 52) / atr_14; 0 inside it",
        "ATR",
        77,
        above_cloud,
        memory=ATR_MEMORY,
    ),
    _f(
        "ichimoku_cross_atr",
        "(mid-range of 9 bars - mid-range of 26 bars) / atr_14",
        "ATR",
        25,
        lambda s: (middle(s, 9) - middle(s, 26)) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "close_streak",
        "number of closes in a row above (below: negative) the close before, at most 10",
        "bars",
        1,
        lambda s: _windows.streak(np.sign(s.close_change), 10),
        memory=10,
    ),
    _f("return_60", "ln(C / C[-60])", "log return", 60, lambda s: np.log(s.close / earlier(s.close, 60))),
)
