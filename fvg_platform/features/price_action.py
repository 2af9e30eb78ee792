"""Price action: the shape of a bar and where it stands among the last bars.

A bar without range has no body and no wicks; a window without range puts the close in its middle.
"""

import numpy as np

from fvg_platform.features.engines import kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio

_f = group_of("price_action")


def share_of_range(series: BarSeries, part: Values) -> Values:
    """A length as a share of its bar's range; 0 when the bar has none."""
    return ratio(part, series.high - series.low, 0.0)


def upper_wick(series: BarSeries) -> Values:
    """From the body's top to the high, in price."""
    return series.high - np.maximum(series.open, series.close)


def lower_wick(series: BarSeries) -> Values:
    """From the low to the body's bottom, in price."""
    return np.minimum(series.open, series.close) - series.low


def open_gap(series: BarSeries) -> Values:
    """The opening beside the last close, in the ATR known before it."""
    return (series.open - earlier(series.close, 1)) / earlier(series.atr_unit, 1)


def displacement(series: BarSeries) -> Values:
    """The move across three bars, the length of a gap's pattern, in the ATR known before them."""
    return (series.close - earlier(series.open, 2)) / earlier(series.atr_unit, 3)


def up_share(series: BarSeries) -> Values:
    """Share of the last 10 closes above the close before, equal ones counted half."""
    return kernels.rolling_sum(0.5 + 0.5 * np.sign(series.close_change), 10) / 10.0


FEATURES: tuple[Feature, ...] = (
    _f("high_low_ratio", "H / L", "ratio", 0, lambda s: s.high / s.low),
    _f("close_open_ratio", "C / O", "ratio", 0, lambda s: s.close / s.open),
    _f(
        "body_share",
        "(C - O) / (H - L); 0 without range",
        "-1..1",
        0,
        lambda s: share_of_range(s, s.close - s.open),
    ),
    _f(
        "upper_wick_share",
        "(H - max(O, C)) / (H - L); 0 without range",
        "0..1",
        0,
        lambda s: share_of_range(s, upper_wick(s)),
    ),
    _f(
        "lower_wick_share",
        "(min(O, C) - L) / (H - L); 0 without range",
        "0..1",
        0,
        lambda s: share_of_range(s, lower_wick(s)),
    ),
    _f(
        "open_gap_atr",
        "(O - C[-1]) / atr_14[-1]",
        "ATR",
        15,
        open_gap,
        memory=ATR_MEMORY + 1,
    ),
    _f(
        "displacement_3_atr",
        "(C - O[-2]) / atr_14[-3]",
        "ATR",
        17,
        displacement,
        memory=ATR_MEMORY + 3,
    ),
    _f(
        "range_position_20",
        "(C - lowest low) / (highest high - lowest low) of 20 bars; 0.5 without range",
        "0..1",
        19,
        lambda s: s.range_position(20),
    ),
    _f(
        "range_position_50",
        "(C - lowest low) / (highest high - lowest low) of 50 bars; 0.5 without range",
        "0..1",
        49,
        lambda s: s.range_position(50),
    ),
    _f(
        "dist_high_20_atr",
        "(highest high of 20 bars - C) / atr_14",
        "ATR",
        19,
        lambda s: (s.highest(20) - s.close) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "dist_low_20_atr",
        "(C - lowest low of 20 bars) / atr_14",
        "ATR",
        19,
        lambda s: (s.close - s.lowest(20)) / s.atr_unit,
        memory=ATR_MEMORY,
    ),
    _f(
        "up_bar_share_10",
        "share of the last 10 closes above the close before, equal ones half",
        "0..1",
        10,
        up_share,
    ),
)
