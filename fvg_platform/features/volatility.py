"""Volatility: true ranges, bands and channels, and the spread of returns, each as a share of price or of ATR.

Deviations are population ones; in a motionless window they are exactly 0.
"""

import math

import numpy as np

from fvg_platform.features.engines import kernels, talib
from fvg_platform.features.feature import Feature, Values, fading, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio

_f = group_of("volatility")


def band(series: BarSeries, deviations: float) -> Values:
    """The 20-bar mean of the close plus so many standard deviations, in price."""
    return series.sma(20) + deviations * series.close_deviation(20)


def bollinger_position(series: BarSeries) -> Values:
    """0 at the lower band, 1 at the upper; 0.5 where the bands have no width."""
    width = 4.0 * series.close_deviation(20)
    return ratio(series.close - band(series, -2.0), width, 0.5)


def keltner_position(series: BarSeries) -> Values:
    """0 at the lower Keltner channel (EMA 20 less 2 ATR), 1 at the upper."""
    return 0.5 + series.above_ema(20) / (4.0 * series.atr_unit)


def true_range_in_atr(series: BarSeries) -> Values:
    """This bar's true range beside the ATR of the bar before: how unusual the bar is."""
    return series.true_range / earlier(series.atr_unit, 1)


def parkinson(series: BarSeries) -> Values:
    """Parkinson's (1980) estimate of volatility a bar from highs and lows."""
    squares = np.log(series.high / series.low) ** 2
    return np.sqrt(kernels.rolling_sum(squares, 20) / (20.0 * 4.0 * math.log(2.0)))


def ulcer_index(series: BarSeries) -> Values:
    """Martin's ulcer index: root mean square of the percentage drawdown from the highest close of 14 bars."""
    drawdown = 100.0 * (series.close / talib.MAX(series.close, 14) - 1.0)
    return np.sqrt(kernels.rolling_sum(drawdown**2, 14) / 14.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "atr_14",
        "talib.ATR(H, L, C, 14)",
        "price",
        14,
        lambda s: s.atr,
        scale_free=False,
        memory=ATR_MEMORY,
    ),
    _f(
        "bb_upper",
        "sma_20 + 2 standard deviations of the last 20 closes",
        "price",
        19,
        lambda s: band(s, 2.0),
        scale_free=False,
    ),
    _f("bb_middle", "sma_20", "price", 19, lambda s: s.sma(20), scale_free=False),
    _f(
        "bb_lower",
        "sma_20 - 2 standard deviations of the last 20 closes",
        "price",
        19,
        lambda s: band(s, -2.0),
        scale_free=False,
    ),
    _f(
        "bb_position",
        "(C - bb_lower) / (bb_upper - bb_lower); 0.5 at width 0",
        "ratio",
        19,
        bollinger_position,
    ),
    _f(
        "bb_width",
        "(bb_upper - bb_lower) / bb_middle",
        "ratio",
        19,
        lambda s: 4.0 * s.close_deviation(20) / s.sma(20),
    ),
    _f(
        "atr_pct",
        "atr_14 / C",
        "ratio",
        14,
        lambda s: s.atr / s.close,
        memory=ATR_MEMORY,
    ),
    _f(
        "true_range_atr",
        "true range / atr_14[-1]",
        "ATR",
        15,
        true_range_in_atr,
        memory=ATR_MEMORY + 1,
    ),
    _f(
        "atr_rank_100",
        "share of the 100 bars before with a lower atr_pct, equal ones half",
        "0..1",
        114,
        lambda s: kernels.rolling_rank(s.atr_unit / s.close, 100),
        memory=ATR_MEMORY + 100,
    ),
    _f(
        "keltner_position",
        "(C - lower) / (upper - lower) of the channel ema_20 ± 2 atr_14",
        "ratio",
        19,
        keltner_position,
        memory=max(fading(2 / 21, 19), ATR_MEMORY),
    ),
    _f(
        "donchian_width_20_atr",
        "(highest high - lowest low of 20 bars) / atr_14",
        "ATR",
        19,
        lambda s: (s.highest(20) - s.lowest(20)) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "realised_vol_20",
        "standard deviation of the last 20 return_1",
        "log return",
        20,
        lambda s: s.volatility(20),
    ),
    _f(
        "vol_ratio_5_20",
        "standard deviation of return_1 over 5 bars / over 20; 1 if motionless",
        "ratio",
        20,
        lambda s: ratio(s.volatility(5), s.volatility(20), 1.0),
    ),
    _f("parkinson_vol_20", "sqrt(mean of ln(H/L)^2 over 20 bars / (4 ln 2))", "log return", 19, parkinson),
    _f(
        "ulcer_index_14",
        "root mean square over 14 bars of 100 (C / highest close of 14 bars - 1)",
        "percent",
        26,
        ulcer_index,
    ),
)
