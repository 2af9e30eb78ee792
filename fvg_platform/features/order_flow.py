"""Order flow where the source tells it: who was the aggressor, how many trades there were, at what mean price.

A feature whose column the bars lack is NaN everywhere, and NaN where its window holds an unknown value. A bar
without volume was bought and sold by nobody: it counts as balanced.
"""

import numpy as np

from fvg_platform.features.engines import kernels
from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import ATR_MEMORY, BarSeries, ratio

_f = group_of("order_flow")
_MOST_ATR = 20.0


def column(series: BarSeries, name: str) -> Values:
    """An optional column, NaN where it is unknown."""
    values = series.optional(name)
    return np.full(len(series), np.nan) if values is None else values


def delta(series: BarSeries) -> Values:
    """Volume of aggressive buyers less that of aggressive sellers; buyers never take more than was traded."""
    return 2.0 * np.minimum(column(series, "taker_buy_volume"), series.volume) - series.volume


def delta_share(series: BarSeries, length: int) -> Values:
    """The windows' delta as a share of their volume, -1..1; 0 without volume."""
    if length == 1:
        return ratio(delta(series), series.volume, 0.0)
    share = ratio(kernels.rolling_sum(delta(series), length), series.volume_sum(length), 0.0)
    return np.clip(share, -1.0, 1.0)


def absorption(series: BarSeries) -> Values:
    """Pressure that did not move the close: +1 all bought and closed at the low, -1 all sold and closed at the high."""
    place = ratio(2.0 * series.close - series.high - series.low, series.high - series.low, 0.0)
    return 0.5 * (delta_share(series, 1) - place)


def relative_trade_size(series: BarSeries) -> Values:
    """Mean size of this bar's trades beside that of the last 20 bars."""
    trades = column(series, "transactions")
    many = kernels.rolling_sum(trades, 20)
    usual = ratio(series.volume_sum(20), many, 0.0)
    size = ratio(series.volume, trades, 0.0)
    return np.where((trades == 0.0) | (series.volume == 0.0), 1.0 + 0.0 * many, ratio(size, usual, 1.0))


def relative_trades(series: BarSeries) -> Values:
    """Number of this bar's trades beside the mean of the last 20."""
    trades = column(series, "transactions")
    return ratio(trades, kernels.rolling_sum(trades, 20) / 20.0, 1.0)


def close_above_vwap(series: BarSeries) -> Values:
    """Where the bar closed beside its mean price, as a share of its range."""
    # A mean price outside the bar is a rounding or an error of the source.
    mean = np.clip(column(series, "vwap"), series.low, series.high)
    return ratio(series.close - mean, series.high - series.low, 0.0)


def above_traded_price(series: BarSeries) -> Values:
    """How far the close lies above the mean price of all trades of the last 20 bars, in ATR."""
    traded = series.volume_sum(20)
    above = kernels.rolling_sum(series.volume * (column(series, "vwap") - series.typical), 20)
    typical = ratio(kernels.rolling_sum(series.volume * series.typical, 20), traded, 0.0)
    distance = (series.close - typical - ratio(above, traded, 0.0)) / series.atr_unit
    return np.where(traded > 0.0, np.clip(distance, -_MOST_ATR, _MOST_ATR), 0.0 * above)


FEATURES: tuple[Feature, ...] = (
    _f(
        "taker_delta",
        "(2 taker-buy volume - V) / V; 0 without volume",
        "-1..1",
        0,
        lambda s: delta_share(s, 1),
        needs="taker_buy_volume",
    ),
    _f(
        "taker_delta_20",
        "sum(2 taker-buy volume - V) / sum(V) over 20 bars; 0 without volume",
        "-1..1",
        19,
        lambda s: delta_share(s, 20),
        needs="taker_buy_volume",
    ),
    _f(
        "taker_shift_5_20",
        "half of: the taker delta of 5 bars - that of 20 bars",
        "-1..1",
        19,
        lambda s: 0.5 * (delta_share(s, 5) - delta_share(s, 20)),
        needs="taker_buy_volume",
    ),
    _f(
        "taker_move_corr_20",
        "correlation of (2 taker-buy volume - V) and C - C[-1] over 20 bars; 0 if one does not vary",
        "-1..1",
        20,
        lambda s: kernels.rolling_correlation(delta(s), s.close_change, 20),
        needs="taker_buy_volume",
    ),
    _f(
        "taker_absorption",
        "(taker_delta - (2C-H-L)/(H-L)) / 2; the second term 0 without range",
        "-1..1",
        0,
        absorption,
        needs="taker_buy_volume",
    ),
    _f(
        "transactions_ratio_20",
        "transactions / their mean over 20 bars; 1 without any",
        "ratio",
        19,
        relative_trades,
        needs="transactions",
    ),
    _f(
        "trade_size_ratio_20",
        "(V / transactions) / (the same of the sums over 20 bars); 1 without trades",
        "ratio",
        19,
        relative_trade_size,
        needs="transactions",
    ),
    _f(
        "vwap_close_position",
        "(C - bar's vwap) / (H - L), the vwap held within L..H; 0 without range",
        "-1..1",
        0,
        close_above_vwap,
        needs="vwap",
    ),
    _f(
        "vwap_traded_20_atr",
        "(C - sum(vwap V) / sum(V) over 20 bars) / atr_14, at most 20 in size; 0 without volume",
        "ATR",
        19,
        above_traded_price,
        memory=ATR_MEMORY,
        needs="vwap",
    ),
)
