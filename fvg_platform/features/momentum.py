"""Momentum: oscillators and returns. Where a window does not move, the value is the oscillator's middle."""

import numpy as np

from fvg_platform.features.engines import kernels, talib
from fvg_platform.features.feature import Feature, Values, fading, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("momentum")


def rsi(series: BarSeries) -> Values:
    """Wilder's relative strength index, 0..100; TA-Lib says 0 once gains and losses have faded, which means 50 here."""
    strength = talib.RSI(series.close, 14)
    faded = series.close_still.copy()
    faded[:14] = False
    if (strength == 0.0).any():
        faded |= (strength == 0.0) & (kernels.rolling_sum(np.abs(series.close_change), 14) == 0.0)
    strength[faded] = 50.0
    return strength


def williams_r(series: BarSeries) -> Values:
    """Williams %R, -100..0."""
    out = talib.WILLR(series.high, series.low, series.close, 14)
    return np.where(series.highest(14) == series.lowest(14), -50.0, out)


def cci(series: BarSeries) -> Values:
    """Commodity channel index; in a motionless window TA-Lib divides one rounding residue by another."""
    return kernels.channel_index(series.typical, 20)


def true_strength(series: BarSeries) -> Values:
    """Blau's true strength index, -100..100."""
    moves = talib.EMA(talib.EMA(series.close_change, 25), 13)
    path = talib.EMA(talib.EMA(np.abs(series.close_change), 25), 13)
    return ratio(100.0 * moves, np.where(series.close_still, 0.0, path), 0.0)


def log_return(series: BarSeries, bars: int) -> Values:
    """ln(C / C `bars` bars ago)."""
    return series.log_return if bars == 1 else np.log(series.close / earlier(series.close, bars))


FEATURES: tuple[Feature, ...] = (
    _f(
        "rsi_14",
        "talib.RSI(close, 14); 50 after 100 bars without a move",
        "0..100",
        14,
        rsi,
        memory=fading(1 / 14, 14),
    ),
    _f(
        "stoch_k",
        "talib.STOCH(H, L, C, 14, 3, 3)[0]; %K is 0 in a range of 0",
        "0..100",
        17,
        lambda s: s.stochastic[0],
    ),
    _f(
        "stoch_d",
        "talib.STOCH(H, L, C, 14, 3, 3)[1]; %K is 0 in a range of 0",
        "0..100",
        17,
        lambda s: s.stochastic[1],
    ),
    _f("williams_r_14", "talib.WILLR(H, L, C, 14); -50 in a range of 0", "-100..0", 13, williams_r),
    _f("cci_20", "talib.CCI(H, L, C, 20); 0 where the typical price stands still", "CCI", 19, cci),
    _f("roc_10", "talib.ROC(close, 10)", "percent", 10, lambda s: talib.ROC(s.close, 10)),
    _f(
        "tsi_25_13",
        "100 EMA13(EMA25(C - C[-1])) / EMA13(EMA25(|C - C[-1]|)); 0 after 100 bars without a move",
        "-100..100",
        37,
        true_strength,
        memory=fading(2 / 26, 37),
    ),
    _f("return_1", "ln(C / C[-1])", "log return", 1, lambda s: log_return(s, 1)),
    _f("return_5", "ln(C / C[-5])", "log return", 5, lambda s: log_return(s, 5)),
    _f("return_20", "ln(C / C[-20])", "log return", 20, lambda s: log_return(s, 20)),
)
