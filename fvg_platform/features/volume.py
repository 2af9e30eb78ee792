"""Volume: how much was traded beside the usual, and on which side of the bar.

Where nothing was traded in the window, the value is the neutral one that the formula names. Sums over volume are
direct ones (see kernels), so that a dead hour is exactly dead; money flow too, because TA-Lib's MFI reads no flow
as 0, which otherwise means that every bar fell.
"""

import numpy as np

from fvg_platform.features.engines import kernels, talib
from fvg_platform.features.feature import Feature, Values, fading, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, earlier, ratio, silent

_f = group_of("volume")


def relative_volume(series: BarSeries) -> Values:
    """This bar's volume beside the mean of the last 20, itself included."""
    return ratio(series.volume, series.volume_sum(20) / 20.0, 1.0)


def volume_zscore(series: BarSeries) -> Values:
    """Standard deviations above the 20-bar mean of volume."""
    return ratio(
        series.volume - series.volume_sum(20) / 20.0, kernels.rolling_deviation(series.volume, 20), 0.0
    )


def obv_slope(series: BarSeries) -> Values:
    """Rise of on-balance volume over 20 bars as a share of the volume traded in them, -1..1."""
    signed = np.sign(series.close_change) * series.volume
    return ratio(kernels.rolling_sum(signed, 20), series.volume_sum(20), 0.0)


def chaikin_money_flow(series: BarSeries) -> Values:
    """Volume weighted by where each bar closed in its range, -1..1."""
    place = ratio(2.0 * series.close - series.high - series.low, series.high - series.low, 0.0)
    return ratio(kernels.rolling_sum(place * series.volume, 20), series.volume_sum(20), 0.0)


def money_flow_index(series: BarSeries) -> Values:
    """Quong and Soudack's money flow index, 0..100."""
    change = series.typical - earlier(series.typical, 1)
    flow = series.typical * series.volume
    flow[:1] = np.nan
    up = kernels.rolling_sum(np.where(change > 0.0, flow, 0.0 * flow), 14)
    down = kernels.rolling_sum(np.where(change < 0.0, flow, 0.0 * flow), 14)
    return 100.0 * ratio(up, up + down, 0.5)


def vwap_distance(series: BarSeries) -> Values:
    """How far the close lies above the volume-weighted typical price of the last 20 bars, in ATR."""
    traded = series.volume_sum(20)
    vwap = ratio(kernels.rolling_sum(series.volume * series.typical, 20), traded, 0.0)
    return np.where(traded > 0.0, (series.close - vwap) / series.atr_unit, 0.0 * traded)


def force_index(series: BarSeries) -> Values:
    """Elder's force index, EMA 13 of move times volume, as a share of the same over true ranges: -1..1."""
    most = series.true_range * series.volume
    force = talib.EMA(series.close_change * series.volume, 13)
    return ratio(force, np.where(silent(most > 0.0), 0.0, talib.EMA(most, 13)), 0.0)


FEATURES: tuple[Feature, ...] = (
    _f(
        "volume_sma_20",
        "mean volume of the last 20 bars",
        "volume",
        19,
        lambda s: s.volume_sum(20) / 20.0,
        scale_free=False,
    ),
    _f(
        "obv",
        "talib.OBV(close, volume), from the first bar of the series",
        "volume",
        0,
        lambda s: talib.OBV(s.close, s.volume),
        scale_free=False,
        cumulative=True,
    ),
    _f("volume_ratio_20", "V / volume_sma_20; 1 without volume", "ratio", 19, relative_volume),
    _f(
        "volume_zscore_20",
        "(V - volume_sma_20) / standard deviation of V over 20 bars; 0 if it does not vary",
        "z-score",
        19,
        volume_zscore,
    ),
    _f(
        "obv_slope_20",
        "(obv - obv[-20]) / volume of the last 20 bars; 0 without volume",
        "-1..1",
        20,
        obv_slope,
    ),
    _f(
        "cmf_20",
        "sum(V (2C-H-L)/(H-L)) / sum(V) over 20 bars; 0 without range or volume",
        "-1..1",
        19,
        chaikin_money_flow,
    ),
    _f(
        "mfi_14",
        "100 rising / (rising + falling) typical price × V over 14 bars; 50 without flow",
        "0..100",
        14,
        money_flow_index,
    ),
    _f(
        "vwap_dist_20_atr",
        "(C - volume-weighted typical price of 20 bars) / atr_14; 0 without volume",
        "ATR",
        19,
        vwap_distance,
        memory=ATR_MEMORY,
    ),
    _f(
        "force_index_13",
        "EMA13((C - C[-1]) V) / EMA13(true range × V); 0 after 100 bars without either",
        "-1..1",
        13,
        force_index,
        memory=fading(2 / 14, 13),
    ),
)
