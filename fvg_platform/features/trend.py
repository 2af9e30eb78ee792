"""Trend: moving averages, MACD, directional movement, and how far the close has gone from where it was.

Averages in price are kept as they are for charts and research; a pooled model gets their distances in ATR.
"""

import math

import numpy as np
import pandas as pd

from fvg_platform.features.engines import classic, kernels, talib
from fvg_platform.features.feature import Feature, Values, fading, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio

_f = group_of("trend")

_VHF_LENGTH = 28
_MACD_MEMORY = fading(2 / 27, 33)
MACD_ATR_MEMORY = max(_MACD_MEMORY, ATR_MEMORY)


def above_in_atr(series: BarSeries, level: Values) -> Values:
    """How far the close lies above a level, in ATR(14)."""
    return (series.close - level) / series.atr_unit


def choppiness(series: BarSeries) -> Values:
    """Choppiness Index (Dreiss), about 0 in a straight move and 100 where the range goes nowhere."""
    path = kernels.rolling_sum(series.true_range, 14)
    height = series.highest(14) - series.lowest(14)
    return np.where(height > 0.0, 100.0 * np.log(ratio(path, height, 14.0)) / math.log(14.0), path + 100.0)


def efficiency(series: BarSeries, length: int) -> Values:
    """Kaufman's efficiency ratio: net move over path length, 0..1."""
    net = np.abs(series.close - earlier(series.close, length))
    return ratio(net, kernels.rolling_sum(np.abs(series.close_change), length), 0.0)


def regression_slope(series: BarSeries, length: int) -> Values:
    """Slope of the least-squares line through the last closes, in ATR a bar."""
    return kernels.rolling_slope(series.close, length) / series.atr_unit


def vertical_horizontal_filter(series: BarSeries) -> Values:
    """White's filter over 28 bars: how far the closes range beside the way they went, 0..1; 0 without a move."""
    values = np.full(len(series), np.nan)
    if len(series) > _VHF_LENGTH:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = classic.vhf(pd.Series(series.close), length=_VHF_LENGTH, lookahead=False)
        # The library's running sum keeps residues of large moves that have left its window.
        values[_VHF_LENGTH:] = np.clip(found.to_numpy(np.float64)[_VHF_LENGTH:], 0.0, 1.0)
        still = talib.MAX(series.close, _VHF_LENGTH + 1) == talib.MIN(series.close, _VHF_LENGTH + 1)
        values[_VHF_LENGTH:][still[_VHF_LENGTH:]] = 0.0
    return values


FEATURES: tuple[Feature, ...] = (
    _f("sma_20", "mean of the last 20 closes", "price", 19, lambda s: s.sma(20), scale_free=False),
    _f("sma_50", "mean of the last 50 closes", "price", 49, lambda s: s.sma(50), scale_free=False),
    _f("sma_200", "mean of the last 200 closes", "price", 199, lambda s: s.sma(200), scale_free=False),
    _f(
        "ema_12",
        "talib.EMA(close, 12)",
        "price",
        11,
        lambda s: s.ema(12),
        scale_free=False,
        memory=fading(2 / 13, 11),
    ),
    _f(
        "ema_26",
        "talib.EMA(close, 26)",
        "price",
        25,
        lambda s: s.ema(26),
        scale_free=False,
        memory=fading(2 / 27, 25),
    ),
    _f(
        "macd",
        "ema_12 - ema_26, both seeded at bar 25, as talib.MACD",
        "price",
        33,
        lambda s: s.macd[0],
        scale_free=False,
        memory=_MACD_MEMORY,
    ),
    _f(
        "macd_signal",
        "EMA 9 of macd, as talib.MACD",
        "price",
        33,
        lambda s: s.macd[1],
        scale_free=False,
        memory=_MACD_MEMORY,
    ),
    _f(
        "macd_hist",
        "macd - macd_signal",
        "price",
        33,
        lambda s: s.macd[2],
        scale_free=False,
        memory=_MACD_MEMORY,
    ),
    _f(
        "dist_sma_20_atr",
        "(C - sma_20) / atr_14",
        "ATR",
        19,
        lambda s: above_in_atr(s, s.sma(20)),
        memory=ATR_MEMORY,
    ),
    _f(
        "dist_sma_50_atr",
        "(C - sma_50) / atr_14",
        "ATR",
        49,
        lambda s: above_in_atr(s, s.sma(50)),
        memory=ATR_MEMORY,
    ),
    _f(
        "dist_sma_200_atr",
        "(C - sma_200) / atr_14",
        "ATR",
        199,
        lambda s: above_in_atr(s, s.sma(200)),
        memory=ATR_MEMORY,
    ),
    _f(
        "dist_ema_12_atr",
        "(C - ema_12) / atr_14",
        "ATR",
        14,
        lambda s: s.above_ema(12) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "dist_ema_26_atr",
        "(C - ema_26) / atr_14",
        "ATR",
        25,
        lambda s: s.above_ema(26) / s.atr_unit,
        memory=max(fading(2 / 27, 25), ATR_MEMORY),
    ),
    _f(
        "sma_50_200_atr",
        "(sma_50 - sma_200) / atr_14",
        "ATR",
        199,
        lambda s: (s.sma(50) - s.sma(200)) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "macd_atr",
        "macd / atr_14",
        "ATR",
        33,
        lambda s: s.macd[0] / s.atr_unit,
        memory=MACD_ATR_MEMORY,
    ),
    _f(
        "macd_hist_atr",
        "macd_hist / atr_14",
        "ATR",
        33,
        lambda s: s.macd[2] / s.atr_unit,
        memory=MACD_ATR_MEMORY,
    ),
    _f(
        "adx_14",
        "Wilder's average directional index; 0 after 100 bars without directional movement",
        "0..100",
        27,
        lambda s: s.directional[2],
        memory=fading(1 / 14, 27),
    ),
    _f(
        "plus_di_14",
        "Wilder's plus DI; 0 after 100 bars without directional movement",
        "0..100",
        14,
        lambda s: s.directional[0],
        memory=fading(1 / 14, 14),
    ),
    _f(
        "minus_di_14",
        "Wilder's minus DI; 0 after 100 bars without directional movement",
        "0..100",
        14,
        lambda s: s.directional[1],
        memory=fading(1 / 14, 14),
    ),
    _f(
        "aroon_osc_25",
        "talib.AROONOSC(H, L, 25)",
        "-100..100",
        25,
        lambda s: talib.AROONOSC(s.high, s.low, 25),
    ),
    _f(
        "linreg_slope_20_atr",
        "slope of the least-squares line through the last 20 closes / atr_14",
        "ATR a bar",
        19,
        lambda s: regression_slope(s, 20),
        memory=ATR_MEMORY,
    ),
    _f(
        "chop_14",
        "100 log(sum of true ranges / (highest high - lowest low)) / log 14 over 14 bars; 100 in a range of 0",
        "percent",
        14,
        choppiness,
    ),
    _f(
        "efficiency_ratio_20",
        "|C - C[-20]| / sum of |C - C[-1]| over 20 bars; 0 if motionless",
        "0..1",
        20,
        lambda s: efficiency(s, 20),
    ),
    _f(
        "vhf_28",
        "pandas_ta_classic.vhf(28): (highest - lowest close) / path of the closes; 0 without a move",
        "0..1",
        28,
        vertical_horizontal_filter,
    ),
)
