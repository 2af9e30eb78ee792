"""Trend: moving averages, MACD, directional movement, and how far the close has gone from where it was.

Averages in price are kept as they are for charts and research; a pooled model gets their distances in ATR.
"""

import numpy as np

from fvg_platform.features.engines import classic, kernels, talib
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("trend")


def above_in_atr(series: BarSeries, level: Values) -> Values:
    """How far the close lies above a level, in ATR(14)."""
    return (series.close - level) / series.atr_unit


def adx(series: BarSeries) -> Values:
    """Wilder's average directional index, 0..100: strength of a trend, whichever way it goes."""
    return talib.ADX(series.high, series.low, series.close, 14)


def plus_di(series: BarSeries) -> Values:
    """Wilder's positive directional indicator, 0..100."""
    return talib.PLUS_DI(series.high, series.low, series.close, 14)


def minus_di(series: BarSeries) -> Values:
    """Wilder's negative directional indicator, 0..100."""
    return talib.MINUS_DI(series.high, series.low, series.close, 14)


def choppiness(series: BarSeries) -> Values:
    """Choppiness Index (Dreiss), about 0 in a straight move and 100 where the range goes nowhere."""
    if len(series) <= 14:
        return np.full(len(series), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        chop = classic.chop(
            series.frame_column("high"),
            series.frame_column("low"),
            series.frame_column("close"),
            length=14,
            lookahead=False,
        ).to_numpy(dtype=np.float64, copy=True)
    chop[series.highest(14) == series.lowest(14)] = 100.0
    chop[:14] = np.nan
    return chop


def efficiency(series: BarSeries, length: int) -> Values:
    """Kaufman's efficiency ratio: net move over path length, 0..1."""
    net = np.abs(series.close - earlier(series.close, length))
    return ratio(net, kernels.rolling_sum(np.abs(series.close_change), length), 0.0)


def regression_slope(series: BarSeries, length: int) -> Values:
    """Slope of the least-squares line through the last closes, in ATR a bar."""
    return talib.LINEARREG_SLOPE(series.close, length) / series.atr_unit


FEATURES: tuple[Feature, ...] = (
    _f("sma_20", "talib.SMA(close, 20)", "price", 19, lambda s: s.sma(20), scale_free=False),
    _f("sma_50", "talib.SMA(close, 50)", "price", 49, lambda s: s.sma(50), scale_free=False),
    _f("sma_200", "talib.SMA(close, 200)", "price", 199, lambda s: s.sma(200), scale_free=False),
    _f("ema_12", "talib.EMA(close, 12)", "price", 11, lambda s: s.ema(12), scale_free=False),
    _f("ema_26", "talib.EMA(close, 26)", "price", 25, lambda s: s.ema(26), scale_free=False),
    _f("macd", "talib.MACD(close, 12, 26, 9)[0]", "price", 33, lambda s: s.macd[0], scale_free=False),
    _f("macd_signal", "talib.MACD(close, 12, 26, 9)[1]", "price", 33, lambda s: s.macd[1], scale_free=False),
    _f("macd_hist", "talib.MACD(close, 12, 26, 9)[2]", "price", 33, lambda s: s.macd[2], scale_free=False),
    _f("dist_sma_20_atr", "(C - sma_20) / atr_14", "ATR", 19, lambda s: above_in_atr(s, s.sma(20))),
    _f("dist_sma_50_atr", "(C - sma_50) / atr_14", "ATR", 49, lambda s: above_in_atr(s, s.sma(50))),
    _f("dist_sma_200_atr", "(C - sma_200) / atr_14", "ATR", 199, lambda s: above_in_atr(s, s.sma(200))),
    _f("dist_ema_12_atr", "(C - ema_12) / atr_14", "ATR", 14, lambda s: above_in_atr(s, s.ema(12))),
    _f("dist_ema_26_atr", "(C - ema_26) / atr_14", "ATR", 25, lambda s: above_in_atr(s, s.ema(26))),
    _f(
        "sma_50_200_atr",
        "(sma_50 - sma_200) / atr_14",
        "ATR",
        199,
        lambda s: (s.sma(50) - s.sma(200)) / s.atr_unit,
    ),
    _f("macd_atr", "macd / atr_14", "ATR", 33, lambda s: s.macd[0] / s.atr_unit),
    _f("macd_hist_atr", "macd_hist / atr_14", "ATR", 33, lambda s: s.macd[2] / s.atr_unit),
    _f("adx_14", "talib.ADX(H, L, C, 14)", "0..100", 27, adx),
    _f("plus_di_14", "talib.PLUS_DI(H, L, C, 14)", "0..100", 14, plus_di),
    _f("minus_di_14", "talib.MINUS_DI(H, L, C, 14)", "0..100", 14, minus_di),
    _f(
        "aroon_osc_25",
        "talib.AROONOSC(H, L, 25)",
        "-100..100",
        25,
        lambda s: talib.AROONOSC(s.high, s.low, 25),
    ),
    _f(
        "linreg_slope_20_atr",
        "talib.LINEARREG_SLOPE(close, 20) / atr_14",
        "ATR a bar",
        19,
        lambda s: regression_slope(s, 20),
    ),
    _f("chop_14", "pandas_ta_classic.chop(14); 100 in a range of 0", "percent", 14, choppiness),
    _f(
        "efficiency_ratio_20",
        "|C - C[-20]| / sum of |C - C[-1]| over 20 bars; 0 if motionless",
        "0..1",
        20,
        lambda s: efficiency(s, 20),
    ),
)
