"""Momentum: oscillators and returns. Where a window does not move, the value is the oscillator's middle."""

import numpy as np

from fvg_platform.features.engines import classic, talib
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier

_f = group_of("momentum")


def rsi(series: BarSeries) -> Values:
    """Wilder's relative strength index, 0..100; TA-Lib says 0 for a motionless close, which means 50 here."""
    strength = talib.RSI(series.close, 14)
    still = talib.MAX(series.close, 15) == talib.MIN(series.close, 15)
    return np.where(still & (strength == 0.0), 50.0, strength)


def williams_r(series: BarSeries) -> Values:
    """Williams %R, -100..0."""
    out = talib.WILLR(series.high, series.low, series.close, 14)
    return np.where(series.highest(14) == series.lowest(14), -50.0, out)


def cci(series: BarSeries) -> Values:
    """Commodity channel index; in a motionless window TA-Lib divides one rounding residue by another."""
    out = talib.CCI(series.high, series.low, series.close, 20)
    return np.where(series.highest(20) == series.lowest(20), 0.0, out)


def true_strength(series: BarSeries) -> Values:
    """Blau's true strength index, -100..100."""
    if len(series) <= 37:
        return np.full(len(series), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = classic.tsi(series.frame_column("close"), fast=13, slow=25, lookahead=False)
    strength = frame["TSI_13_25_13"].to_numpy(dtype=np.float64, copy=True)
    strength[37:][np.isnan(strength[37:])] = 0.0  # 0/0: no close has moved yet, or all moves have died away
    return strength


def log_return(series: BarSeries, bars: int) -> Values:
    """ln(C / C `bars` bars ago)."""
    return series.log_return if bars == 1 else np.log(series.close / earlier(series.close, bars))


FEATURES: tuple[Feature, ...] = (
    _f("rsi_14", "talib.RSI(close, 14); 50 where the close has not moved", "0..100", 14, rsi),
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
    _f("cci_20", "talib.CCI(H, L, C, 20); 0 in a range of 0", "CCI", 19, cci),
    _f("roc_10", "talib.ROC(close, 10)", "percent", 10, lambda s: talib.ROC(s.close, 10)),
    _f(
        "tsi_25_13",
        "pandas_ta_classic.tsi(13, 25); 0 where the close has never moved",
        "-100..100",
        37,
        true_strength,
    ),
    _f("return_1", "ln(C / C[-1])", "log return", 1, lambda s: log_return(s, 1)),
    _f("return_5", "ln(C / C[-5])", "log return", 5, lambda s: log_return(s, 5)),
    _f("return_20", "ln(C / C[-20])", "log return", 20, lambda s: log_return(s, 20)),
)
