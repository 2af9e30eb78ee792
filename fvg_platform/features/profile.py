"""The volume profile of the last 60 bars: where most was traded, and where the close stands beside it.

Profiles are those of :mod:`fvg_platform.market.volume_profile`, each built afresh. Without volume there is no profile,
and the value is the neutral one that the formula names.
"""

import numpy as np

from fvg_platform.features.engines import Engine
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio

_f = group_of("profile")
_market = Engine("fvg_platform.market.volume_profile")

LENGTH = 60
_FIRST = LENGTH - 1
_MOST_ATR = 20.0


def profile(series: BarSeries, figure: str) -> Values:
    """One figure of the profile of each bar's window, NaN without volume; profiles are made once for a series."""
    figures = ("poc", "value_high", "value_low", "balanced")

    def compute() -> Values:
        stop = np.arange(1, len(series) + 1)
        made = _market.volume_profiles(series.high, series.low, series.volume, stop - LENGTH, stop)
        return np.stack([np.asarray(getattr(made, each), np.float64) for each in figures])

    return series._keep("profile", LENGTH, compute)[figures.index(figure)]


def known(values: Values, neutral: float) -> Values:
    """The neutral value where there is no profile, from the first whole window on."""
    values = np.where(np.isnan(values), neutral, values)
    values[:_FIRST] = np.nan
    return values


def above_poc(series: BarSeries) -> Values:
    """How far the close lies above the price at which most was traded, in ATR."""
    distance = (series.close - profile(series, "poc")) / series.atr_unit
    return known(np.clip(distance, -_MOST_ATR, _MOST_ATR), 0.0)


def poc_move(series: BarSeries) -> Values:
    """Where the market's favourite price has gone in 20 bars, in ATR."""
    poc = profile(series, "poc")
    moved = np.clip((poc - earlier(poc, 20)) / series.atr_unit, -_MOST_ATR, _MOST_ATR)
    moved = known(moved, 0.0)
    moved[: _FIRST + 20] = np.nan
    return moved


def poc_place(series: BarSeries) -> Values:
    """Whether most was traded at the bottom (0) or at the top (1) of the window."""
    low = series.lowest(LENGTH)
    return known(ratio(profile(series, "poc") - low, series.highest(LENGTH) - low, 0.5), 0.5)


def value_position(series: BarSeries) -> Values:
    """Where the close stands beside the value area: 0 at its low, 1 at its high."""
    low, high = profile(series, "value_low"), profile(series, "value_high")
    return known(np.clip(ratio(series.close - low, high - low, 0.5), -2.0, 3.0), 0.5)


def value_share(series: BarSeries) -> Values:
    """How wide the value area is: small where trade has settled on a price."""
    width = profile(series, "value_high") - profile(series, "value_low")
    return known(ratio(width, series.highest(LENGTH) - series.lowest(LENGTH), 1.0), 1.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "profile_poc_atr",
        "(C - point of control of 60 bars) / atr_14, at most 20 in size; 0 without volume",
        "ATR",
        _FIRST,
        above_poc,
        memory=ATR_MEMORY,
    ),
    _f(
        "profile_poc_move_atr",
        "(point of control of 60 bars - that 20 bars ago) / atr_14, at most 20 in size; 0 without volume",
        "ATR",
        _FIRST + 20,
        poc_move,
        memory=ATR_MEMORY,
    ),
    _f(
        "profile_poc_position",
        "(point of control - lowest low) / (highest high - lowest low) of 60 bars; 0.5 without range or volume",
        "0..1",
        _FIRST,
        poc_place,
    ),
    _f(
        "profile_value_position",
        "(C - low) / (high - low) of the 70 % value area of 60 bars, within -2..3; 0.5 without width or volume",
        "ratio",
        _FIRST,
        value_position,
    ),
    _f(
        "profile_value_share",
        "height of the 70 % value area / range of 60 bars; 1 without range or volume",
        "0..1",
        _FIRST,
        value_share,
    ),
    _f(
        "profile_balanced",
        "1 if the profile of 60 bars is balanced (market.volume_profile), else or unknown 0",
        "0..1",
        _FIRST,
        lambda s: known(np.maximum(profile(s, "balanced"), 0.0), 0.0),
    ),
)
