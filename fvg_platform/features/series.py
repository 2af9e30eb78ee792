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

from fvg_platform.features.engines import kernels, recursions, talib
from fvg_platform.features.feature import Values, fading
from fvg_platform.market.bars import OPTIONAL

_PRICES = ("open", "high", "low", "close")
# Bars before its own that ATR(14) depends on.
ATR_MEMORY = fading(1 / 14, 14)
# An average that never forgets keeps the ratio of its last moves for ever, though both sides of it have faded to
# nothing. After so many bars without any, a ratio of such averages counts as undefined.
SILENCE = 100
# On a motionless series ATR decays to 0, and a rounding residue (1e-16 of the price) divided by it would pass
# for a move. Where bars move by less than a millionth of the price (a tenth of a tick of a stablecoin), nothing moves.
_LEAST_ATR_SHARE = 1e-6


class BarSeries:
    """Bars of one ticker and timeframe: float64 arrays of length n, and lazily shared intermediates.

    Parameters
    ----------
    bars : DataFrame
        `ts` (time-zone aware, strictly increasing), `open, high, low, close` (finite, above 0, the high
        and low of a bar around its other prices), `volume` (finite, at least 0). Optional: `taker_buy_volume,
        vwap, transactions`; what is NULL, infinite or negative there, or a vwap of 0, is unknown. Other columns
        are not read.

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
        self._bars = bars
        self._kept: dict[tuple[str, int], Values] = {}

    def __len__(self) -> int:
        return len(self.close)

    @cached_property
    def taker_buy_volume(self) -> Values | None:
        """Volume that the buyers took; NaN where unknown, None when no bar has it."""
        return _optional(self._bars, "taker_buy_volume")

    @cached_property
    def vwap(self) -> Values | None:
        """Volume-weighted average price; NaN where unknown, None when no bar has it."""
        return _optional(self._bars, "vwap")

    @cached_property
    def transactions(self) -> Values | None:
        """Number of trades; NaN where unknown, None when no bar has it."""
        return _optional(self._bars, "transactions")

    def optional(self, name: str) -> Values | None:
        """The values of an optional column, NaN where unknown; None when no bar has it."""
        if name not in OPTIONAL:
            raise ValueError(f"{name} is no optional column of bars; those are {', '.join(OPTIONAL)}")
        values: Values | None = getattr(self, name)
        return values

    def _keep(self, name: str, length: int, compute: Callable[[], Values]) -> Values:
        key = (name, length)
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]

    def sma(self, length: int) -> Values:
        """Simple moving average of the close."""
        return self._keep("sma", length, lambda: kernels.rolling_sum(self.close, length) / length)

    def ema(self, length: int) -> Values:
        """Exponential moving average of the close, seeded with the mean of the first `length` closes."""
        return self._keep("ema", length, lambda: talib.EMA(self.close, length))

    def above_ema(self, length: int) -> Values:
        """Close less its exponential moving average: exact where TA-Lib's average leaves a rounding residue."""
        return self._keep("above_ema", length, lambda: recursions.above_ema(self.close, length, length - 1))

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
        return self._keep("close_deviation", length, lambda: kernels.rolling_deviation(self.close, length))

    def volatility(self, length: int) -> Values:
        """Standard deviation of the last `length` log returns (population)."""
        return self._keep("volatility", length, lambda: kernels.rolling_deviation(self.log_return, length))

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
        """EMA 12 less EMA 26 of the close, its EMA 9 and the difference, seeded as TA-Lib does; in price."""
        return recursions.macd(self.close, 12, 26, 9)

    @cached_property
    def directional(self) -> tuple[Values, Values, Values]:
        """Wilder's plus DI, minus DI and ADX of 14 bars, 0..100."""
        return recursions.directional_movement(self.high, self.low, self.close, 14, SILENCE)

    @cached_property
    def close_still(self) -> NDArray[np.bool_]:
        """Whether the close has not moved for SILENCE bars, or never yet."""
        return silent(self.close_change != 0.0)

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


def earlier(values: Values, bars: int) -> Values:
    """Return the values of `bars` bars ago: NaN at the first `bars` positions."""
    out = np.full(len(values), np.nan)
    out[bars:] = values[: max(len(values) - bars, 0)]
    return out


def silent(moves: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the last SILENCE bars, or all so far, are without a move; bar 0, which has no bar before, has none."""
    return recursions.silent(moves, SILENCE)


def ratio(numerator: Values, denominator: Values, otherwise: float) -> Values:
    """Divide; where the denominator is not above 0 the value is `otherwise`. NaN on either side stays NaN."""
    return kernels.ratio(numerator, denominator, otherwise)


def _floats(column: "pd.Series[Any]") -> Values:
    return np.ascontiguousarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _optional(bars: pd.DataFrame, name: str) -> Values | None:
    """An optional column: NULL is NaN, and None stands for one that is absent or knows nothing."""
    if name not in bars.columns:
        return None
    values = _floats(bars[name])
    known = np.isfinite(values) & ((values > 0.0) if name == "vwap" else (values >= 0.0))
    return np.where(known, values, np.nan) if known.any() else None


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
    prices = [_floats(bars[name]) for name in _PRICES]
    volume = _floats(bars["volume"])
    if kernels.sound(*prices, volume):
        return
    _refuse(
        bars,
        ~np.all(np.isfinite(prices) & (np.array(prices) > 0.0), axis=0),
        "a price is not a finite number above 0",
    )
    _refuse(bars, prices[1] < np.max(prices, axis=0), "high lies below another price of the bar")
    _refuse(bars, prices[2] > np.min(prices, axis=0), "low lies above another price of the bar")
    _refuse(bars, ~(np.isfinite(volume) & (volume >= 0.0)), "volume is not a finite number of at least 0")


def _refuse(bars: pd.DataFrame, broken: Any, why: str) -> None:
    if broken.any():
        row = int(np.argmax(broken))
        shown = bars.iloc[row][["ts", *_PRICES, "volume"]].to_dict()
        raise ValueError(
            f"{int(broken.sum())} bar(s) refused, first at row {row}: {why}: {shown}; clean the bars first"
        )
