"""Market structure and prior extremes: where the close stands among swings, breaks and the bars that led here.

Swings, breaks and the dealing range are those of :mod:`fvg_platform.market.structure`, whose memory is bounded. What
they do not know has the neutral value that the formula names.
"""

import numpy as np

from fvg_platform.features.engines import Engine, kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import BarSeries, earlier, ratio

_f = group_of("structure")
_market = Engine("fvg_platform.market.structure")
_windows = Engine("fvg_platform.features.window_kernels")

# market.structure.STRUCTURE_REACH and STRUCTURE_MEMORY, written again because that module loads numba.
REACH, _LONGEST = 1505, 500.0
_MOST_ATR = 20.0


def read(series: BarSeries, figure: str) -> Values:
    """One figure of the market's structure as numbers; the structure is read once for a series."""
    figures = ("swing_high", "swing_low", "trend", "break_kind", "break_at", "range_high", "range_low")

    def compute() -> Values:
        found = _market.structure(series.high, series.low, series.close)
        return np.stack([np.asarray(getattr(found, each), np.float64) for each in figures])

    return series._keep("structure", 0, compute)[figures.index(figure)]


def trend(series: BarSeries) -> Values:
    """Direction of the last break of a swing."""
    return read(series, "trend")


def change_of_character(series: BarSeries) -> Values:
    """Direction of the last break where it turned the trend."""
    changed = read(series, "break_kind") == _market.CHOCH
    return np.where(changed, read(series, "trend"), 0.0)


def bars_since_break(series: BarSeries) -> Values:
    """Bars since the last break of a swing."""
    at = read(series, "break_at")
    return np.where(at < 0.0, _LONGEST, np.arange(len(series)) - at)


def dealing_range_position(series: BarSeries) -> Values:
    """Where the close lies in the dealing range: 0 at its low, 1 at its high."""
    low, high = read(series, "range_low"), read(series, "range_high")
    known = np.isfinite(low) & np.isfinite(high)
    return ratio(np.where(known, series.close - low, 0.0), np.where(known, high - low, 0.0), 0.5)


def away_in_atr(series: BarSeries, distance: Values) -> Values:
    """A distance in ATR, at most 20 in size; 0 where it is unknown."""
    known = np.where(np.isnan(distance), 0.0, distance)
    return np.clip(known / series.atr_unit, -_MOST_ATR, _MOST_ATR)


def sweep(series: BarSeries) -> Values:
    """+1 where a low was taken and not kept, -1 where a high was: the stops beyond it are gone."""
    floor, roof = earlier(series.lowest(20), 1), earlier(series.highest(20), 1)
    below = (series.low < floor) & (series.close > floor)
    above = (series.high > roof) & (series.close < roof)
    return np.where(np.isnan(floor), np.nan, below.astype(np.float64) - above)


def channel_trend(series: BarSeries) -> Values:
    """Which way the 20-bar channel was last left."""
    floor, roof = earlier(series.lowest(20), 1), earlier(series.highest(20), 1)
    broke = (series.close > roof).astype(np.float64) - (series.close < floor)
    return _windows.last_sign(np.where(np.isnan(floor), np.nan, broke), 100)


def extreme_order(series: BarSeries) -> Values:
    """Which of the extremes is the newer one, and by how much."""
    since_low = _windows.rolling_extreme_age(-series.low, 100)
    return (since_low - _windows.rolling_extreme_age(series.high, 100)) / 99.0


def climbing_share(series: BarSeries) -> Values:
    """Bars with a higher high and a higher low, less those with a lower high and a lower low."""
    rise = np.sign(series.high - earlier(series.high, 1))
    both = np.where(rise == np.sign(series.low - earlier(series.low, 1)), rise, 0.0 * rise)
    return kernels.rolling_sum(both, 10) / 10.0


FEATURES: tuple[Feature, ...] = (
    _f(
        "structure_trend",
        "direction of the last break of a 3-bar swing; 0 without one in 500 bars",
        "-1..1",
        0,
        trend,
        memory=REACH,
    ),
    _f(
        "structure_change",
        "direction of the last break where it was a change of character, else 0",
        "-1..1",
        0,
        change_of_character,
        memory=REACH,
    ),
    _f(
        "structure_break_age",
        "bars since the last break of a swing; 500 without one",
        "bars",
        0,
        bars_since_break,
        memory=REACH,
    ),
    _f(
        "structure_position",
        "(C - low) / (high - low) of the dealing range; 0.5 without one",
        "0..1",
        0,
        dealing_range_position,
        memory=REACH,
    ),
    _f(
        "swing_high_atr",
        "(last confirmed swing high - C) / atr_14, at most 20 in size; 0 without one",
        "ATR",
        14,
        lambda s: away_in_atr(s, read(s, "swing_high") - s.close),
        memory=REACH,
    ),
    _f(
        "swing_low_atr",
        "(C - last confirmed swing low) / atr_14, at most 20 in size; 0 without one",
        "ATR",
        14,
        lambda s: away_in_atr(s, s.close - read(s, "swing_low")),
        memory=REACH,
    ),
    _f(
        "sweep_20",
        "1 if L < lowest low of the 20 bars before < C, -1 if H > their highest high > C, 0 else or both",
        "-1..1",
        20,
        sweep,
    ),
    _f(
        "channel_trend_20",
        "direction of the last close beyond the extremes of its 20 bars before; 0 without one in 100 bars",
        "-1..1",
        120,
        channel_trend,
    ),
    _f(
        "extreme_order_100",
        "(bars since the lowest low - bars since the highest high of 100 bars) / 99",
        "-1..1",
        99,
        extreme_order,
    ),
    _f(
        "range_position_200",
        "(C - lowest low) / (highest high - lowest low) of 200 bars; 0.5 without range",
        "0..1",
        199,
        lambda s: s.range_position(200),
    ),
    _f(
        "staircase_10",
        "(bars with higher H and L - bars with lower H and L) / 10 over 10 bars",
        "-1..1",
        10,
        climbing_share,
    ),
)
