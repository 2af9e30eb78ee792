"""What holding the tickers over the same days would have brought: equal weights, bought once and sold once."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.market.timeframes import nominal_duration
from fvg_platform.trading.account import DAY, Period


def buy_and_hold(
    bars: Mapping[str, pd.DataFrame], configs: Mapping[str, ModeConfig], period: Period, timeframe: str
) -> tuple[Floats, int]:
    """Equity of the capital shared equally among the tickers that have a bar in the period.

    Each ticker is bought at the open of its first bar of the period and sold at the close of its last one, both
    at the costs of a side; before its first bar its share lies idle. A day's value is its last close, known on
    the day on which the bar ends; dividends and splits are counted as far as the bars' adjustment does.

    Returns
    -------
    Equity at the end of each day, shape (days,), 1 before the first; and the number of tickers held.
    """
    curves = []
    bar = int(nominal_duration(timeframe).as_unit("ns").value)
    for ticker in sorted(bars):
        ts = pd.DatetimeIndex(bars[ticker]["ts"]).as_unit("ns").asi8
        inside = np.flatnonzero((ts >= period.start) & (ts <= period.end))
        if not inside.size:
            continue
        cost = configs[ticker].cost_bps * 1e-4
        paid = float(bars[ticker]["open"].iloc[inside[0]])
        close = bars[ticker]["close"].to_numpy(float)[inside]
        value = np.full(period.days, np.nan)
        # Later bars of a day overwrite earlier ones.
        value[period.day_of(ts[inside] + max(bar - DAY, 0))] = close / paid * (1.0 - cost)
        value = pd.Series(value).ffill().fillna(1.0).to_numpy(copy=True)
        value[-1] *= 1.0 - cost
        curves.append(value)
    if not curves:
        return np.ones(period.days), 0
    return np.mean(curves, axis=0), len(curves)
