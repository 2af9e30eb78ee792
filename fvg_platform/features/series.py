"""The bars of one series as arrays, with the intermediates that several features share, each computed once.

:class:`BarSeries` checks the bars on the way in, so that no feature has to; what they divide by is
defined here too. A series is thrown away when its features are done.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.features.engines import kernels, talib
from fvg_platform.features.feature import Values

_PRICES = ("open", "high", "low", "close")
# On a motionless series ATR decays to 0, and a rounding residue (1e-16 of the price) divided by it would pass
# for a move. No market moves by less than a billionth of its price a bar.
_LEAST_ATR_SHARE = 1e-9


class BarSeries:
    """Bars of one ticker and timeframe: float64 arrays of length n, and lazily shared intermediates.

    Parameters
    ----------
    bars : DataFrame
        `ts` (time-zone aware, strictly increasing), `open, high, low, close` (finite, above 0, the high
        and low of a bar around its other prices), `volume` (finite, at least 0). Other columns are not read.

    Raises
    ------
    ValueError
        When a column is missing or a bar breaks one of these rules; the message names the first such row.
    """

    def __init__(self, bars: pd.DataFrame) -> None:
        _require_valid(bars)
        self.ts = pd.DatetimeIndex(bars["ts"])
        self.open, self.high, self.low, self.close = (_floats(bars[name]) for name in _PRICES)
        self.volume = _floats(bars["volume"])
        self._kept: dict[tuple[str, int], Values] = {}

    def __len__(self) -> int:
        return len(self.close)

    def _keep(self, name: str, length: int, compute: Callable[[], Values]) -> Values:
        key = (name, length)
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]

    def sma(self, length: int) -> Values:
        """Simple moving average of the close."""
        return self._keep("sma", length, lambda: talib.SMA(self.close, length))

    def ema(self, length: int) -> Values:
        """Exponential moving average of the close, seeded with the mean of the first `length` closes."""
        return self._keep("ema", length, lambda: talib.EMA(self.close, length))

    def highest(self, length: int) -> Values:
        """Highest high of the last `length` bars, this one included."""
        return self._keep("highest", length, lambda: talib.MAX(self.high, length))

    def lowest(self, length: int) -> Values:
        """Lowest low of the last `length` bars, this one included."""
        return self._keep("lowest", length, lambda: talib.MIN(self.low, length))

    def range_position(self, length: int) -> Values:
        """Where the close lies between lowest low (0) and highest high (1); 0.5 when they are equal."""
        low = self.lowest(length)
        return ratio(self.close - low, self.highest(length) - low, 0.5)

    def close_deviation(self, length: int) -> Values:
        """Standard deviation of the last `length` closes (population)."""
        return self._keep("close_deviation", length, lambda: talib.STDDEV(self.close, length))

    def volatility(self, length: int) -> Values:
        """Standard deviation of the last `length` log returns (population)."""
        return self._keep("volatility", length, lambda: talib.STDDEV(self.log_return, length))

    def volume_sum(self, length: int) -> Values:
        """Volume of the last `length` bars."""
        return self._keep("volume_sum", length, lambda: kernels.rolling_sum(self.volume, length))

    @cached_property
    def atr(self) -> Values:
        """Wilder's ATR(14) as TA-Lib computes it, in price."""
        return talib.ATR(self.high, self.low, self.close, 14)

    @cached_property
    def atr_unit(self) -> Values:
        """ATR(14) as a divisor: at least a billionth of the close."""
        return np.maximum(self.atr, _LEAST_ATR_SHARE * self.close)

    @cached_property
    def true_range(self) -> Values:
        """True range in price; NaN at bar 0, which has no previous close."""
        return talib.TRANGE(self.high, self.low, self.close)

    @cached_property
    def typical(self) -> Values:
        """(H + L + C) / 3."""
        return (self.high + self.low + self.close) / 3.0

    @cached_property
    def log_return(self) -> Values:
        """ln(C / C of the bar before); NaN at bar 0."""
        return np.log(self.close / earlier(self.close, 1))

    @cached_property
    def close_change(self) -> Values:
        """C - C of the bar before, in price; NaN at bar 0."""
        return self.close - earlier(self.close, 1)

    @cached_property
    def macd(self) -> tuple[Values, Values, Values]:
        """talib.MACD(close, 12, 26, 9): line, signal, histogram, in price."""
        return talib.MACD(self.close, 12, 26, 9)

    @cached_property
    def stochastic(self) -> tuple[Values, Values]:
        """talib.STOCH(14, 3, 3): slow %K and slow %D, 0..100."""
        return talib.STOCH(self.high, self.low, self.close, 14, 3, 0, 3, 0)

    @cached_property
    def return_shape(self) -> tuple[Values, Values]:
        """Skewness and excess kurtosis of the last 50 log returns."""
        return kernels.rolling_shape(self.log_return, 50)

    @cached_property
    def wall_seconds(self) -> NDArray[np.int64]:
        """What the clocks of New York show when each bar opens, as seconds since they showed 1970-01-01 00:00."""
        shown = self.ts.tz_convert("America/New_York").tz_localize(None)
        return shown.as_unit("s").asi8

    def frame_column(self, name: str) -> "pd.Series[Any]":
        """One price array as a pandas Series, the form that pandas-ta-classic takes."""
        return pd.Series(getattr(self, name))


def earlier(values: Values, bars: int) -> Values:
    """Return the values of `bars` bars ago: NaN at the first `bars` positions."""
    out = np.full(len(values), np.nan)
    out[bars:] = values[: max(len(values) - bars, 0)]
    return out


def ratio(numerator: Values, denominator: Values, otherwise: float) -> Values:
    """Divide; where the denominator is not above 0 the value is `otherwise`. NaN on either side stays NaN."""
    undefined = denominator <= 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = numerator / np.where(undefined, 1.0, denominator)
    return np.where(undefined & ~np.isnan(numerator), otherwise, quotient)


def _floats(column: "pd.Series[Any]") -> Values:
    return np.ascontiguousarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _require_valid(bars: pd.DataFrame) -> None:
    missing = [name for name in ("ts", *_PRICES, "volume") if name not in bars.columns]
    if missing:
        raise ValueError(
            f"bars lack the column(s) {', '.join(missing)}; they have {', '.join(map(str, bars))}"
        )
    ts = bars["ts"]
    if not isinstance(ts.dtype, pd.DatetimeTZDtype):
        raise ValueError(f"bars' ts is {ts.dtype}: features need time-zone aware times, e.g. UTC")
    _refuse(bars, ts.isna().to_numpy(), "ts is missing")
    _refuse(bars, np.r_[False, np.diff(pd.DatetimeIndex(ts).asi8) <= 0], "ts does not follow the bar before")
    prices = np.stack([_floats(bars[name]) for name in _PRICES])
    _refuse(
        bars, ~(np.isfinite(prices) & (prices > 0.0)).all(axis=0), "a price is not a finite number above 0"
    )
    _refuse(bars, prices[1] < prices.max(axis=0), "high lies below another price of the bar")
    _refuse(bars, prices[2] > prices.min(axis=0), "low lies above another price of the bar")
    volume = _floats(bars["volume"])
    _refuse(bars, ~(np.isfinite(volume) & (volume >= 0.0)), "volume is not a finite number of at least 0")


def _refuse(bars: pd.DataFrame, broken: Any, why: str) -> None:
    if broken.any():
        row = int(np.argmax(broken))
        shown = bars.iloc[row][["ts", *_PRICES, "volume"]].to_dict()
        raise ValueError(
            f"{int(broken.sum())} bar(s) refused, first at row {row}: {why}: {shown}; clean the bars first"
        )
