"""Candle patterns as TA-Lib recognises them: +1 where the pattern speaks for a rise, -1 for a fall, 0 without it.

A pattern and its mirror image are one feature. Before the warm-up is over TA-Lib says 0; the value is NaN here.
"""

import numpy as np

from fvg_platform.features.engines import talib
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries

_f = group_of("candles")


def pattern(series: BarSeries, warmup: int, *functions: str) -> Values:
    """Add up the signs of TA-Lib's pattern functions, which exclude each other, named without their ``CDL``."""
    signs = np.zeros(len(series))
    for name in functions:
        recognise = getattr(talib, f"CDL{name}")
        signs += np.sign(recognise(series.open, series.high, series.low, series.close))
    signs[:warmup] = np.nan
    return np.clip(signs, -1.0, 1.0)


def doji(series: BarSeries) -> Values:
    """+1 for a dragonfly (all of the range below the body), -1 for a gravestone (all above it)."""
    shown = (series.open, series.high, series.low, series.close)
    signs = np.sign(talib.CDLDRAGONFLYDOJI(*shown)) - np.sign(talib.CDLGRAVESTONEDOJI(*shown)).astype(
        np.float64
    )
    signs[:10] = np.nan
    return signs


FEATURES: tuple[Feature, ...] = (
    _f("candle_engulfing", "sign of talib.CDLENGULFING", "-1..1", 2, lambda s: pattern(s, 2, "ENGULFING")),
    _f("candle_harami", "sign of talib.CDLHARAMI", "-1..1", 11, lambda s: pattern(s, 11, "HARAMI")),
    _f(
        "candle_hammer",
        "1 talib.CDLHAMMER (after a fall), -1 talib.CDLHANGINGMAN (after a rise)",
        "-1..1",
        11,
        lambda s: pattern(s, 11, "HAMMER", "HANGINGMAN"),
    ),
    _f(
        "candle_shooting_star",
        "1 talib.CDLINVERTEDHAMMER (after a fall), -1 talib.CDLSHOOTINGSTAR (after a rise)",
        "-1..1",
        11,
        lambda s: pattern(s, 11, "INVERTEDHAMMER", "SHOOTINGSTAR"),
    ),
    _f(
        "candle_star",
        "1 talib.CDLMORNINGSTAR, -1 talib.CDLEVENINGSTAR, penetration 0.3",
        "-1..1",
        12,
        lambda s: pattern(s, 12, "MORNINGSTAR", "EVENINGSTAR"),
    ),
    _f(
        "candle_piercing",
        "1 talib.CDLPIERCING, -1 talib.CDLDARKCLOUDCOVER, penetration 0.5",
        "-1..1",
        11,
        lambda s: pattern(s, 11, "PIERCING", "DARKCLOUDCOVER"),
    ),
    _f("candle_marubozu", "sign of talib.CDLMARUBOZU", "-1..1", 10, lambda s: pattern(s, 10, "MARUBOZU")),
    _f("candle_belt_hold", "sign of talib.CDLBELTHOLD", "-1..1", 10, lambda s: pattern(s, 10, "BELTHOLD")),
    _f("candle_doji", "1 talib.CDLDOJI, else 0", "0..1", 10, lambda s: pattern(s, 10, "DOJI")),
    _f(
        "candle_dragonfly",
        "1 talib.CDLDRAGONFLYDOJI, -1 talib.CDLGRAVESTONEDOJI; 0 where both",
        "-1..1",
        10,
        doji,
    ),
    _f("candle_inside_three", "sign of talib.CDL3INSIDE", "-1..1", 12, lambda s: pattern(s, 12, "3INSIDE")),
    _f("candle_outside_three", "sign of talib.CDL3OUTSIDE", "-1..1", 3, lambda s: pattern(s, 3, "3OUTSIDE")),
)
