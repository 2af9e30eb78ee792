"""Cleaning of one series' bars: order restored, what cannot be a bar set aside with the reason.

Rules are about single rows and about rows of the same time. Nothing is made up, and nothing is repaired but the
rounding of vendors: a low that lies the last bit of a double above its close. Whether bars are missing is told in
:mod:`fvg_platform.market.holes`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.grids import microseconds
from fvg_platform.market.timeframes import require_timeframe

PRICES: tuple[str, ...] = ("open", "high", "low", "close")
REQUIRED: tuple[str, ...] = ("ts", *PRICES, "volume")
OPTIONAL: tuple[str, ...] = ("vwap", "transactions", "taker_buy_volume")

REASONS: tuple[str, ...] = (
    "null_ts",
    "null_price",
    "infinite_value",
    "non_positive_price",
    "high_below_low",
    "high_below_open_or_close",
    "low_above_open_or_close",
    "null_volume",
    "negative_volume",
    "duplicate_ts",
)
"""Why a row is set aside; of several reasons the first in this order is given."""

# Adjusted prices are products of doubles: 30 of AAPL's 11,503 days are inconsistent by one part in 10^16.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class CleanedBars:
    """What cleaning made of the rows.

    Parameters
    ----------
    bars
        `ts` (datetime64[us, UTC], strictly increasing), prices, volume and what optional columns there were
        (float64), index 0..n-1.
    quarantine
        The rows that were rejected, in order of arrival: `ts`, `seq` (position of arrival), the values, `reason`.
    reordered
        How many of the bars arrived after a later one.
    rounded
        How many rows had a high or low that another price passed by no more than rounding.
    """

    bars: pd.DataFrame
    quarantine: pd.DataFrame
    reordered: int
    rounded: int


def clean_bars(raw: pd.DataFrame, timeframe: str) -> CleanedBars:
    """Order bars by time and set aside the rows that cannot be bars.

    A high (low) that another price of its bar passes by no more than 1e-12 of that price is set to it. Of several good
    rows of one time the first to arrive is kept; a row that is rejected for itself never
    displaces a good one. Every row of `raw` is afterwards in exactly one of the two frames.

    Parameters
    ----------
    raw
        Rows in order of arrival, shape (n, ...): `ts` with a zone, `open, high, low, close, volume` and perhaps
        `vwap, transactions, taker_buy_volume`; other columns are dropped.
    timeframe
        Named in errors.

    Raises
    ------
    ValueError
        A column is missing or holds text, `ts` has no zone, or the timeframe is unknown.
    """
    rows = _canonical(raw, require_timeframe(timeframe))
    rounded = _undo_rounding(rows)
    reasons = _reasons(rows)
    good = np.flatnonzero(reasons < 0)
    ts = microseconds(rows["ts"])
    reordered = int(np.count_nonzero(ts[good][1:] < np.maximum.accumulate(ts[good])[:-1]))
    order = good[np.argsort(ts[good], kind="stable")]
    again = np.zeros(len(order), dtype=np.bool_)
    again[1:] = ts[order][1:] == ts[order][:-1]
    reasons[order[again]] = REASONS.index("duplicate_ts")

    bars = rows.iloc[order[~again]].reset_index(drop=True)
    rejected = np.flatnonzero(reasons >= 0)
    quarantine = rows.iloc[rejected].reset_index(drop=True)
    quarantine.insert(1, "seq", rejected)
    quarantine["reason"] = pd.array(np.array(REASONS, dtype=object)[reasons[rejected]], dtype="str")
    return CleanedBars(bars, quarantine, reordered, rounded)


def _canonical(raw: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    missing = [name for name in REQUIRED if name not in raw.columns]
    if missing:
        raise ValueError(
            f"{timeframe} bars lack the column(s) {', '.join(missing)}; they have {', '.join(raw.columns)}"
        )
    if not isinstance(raw["ts"].dtype, pd.DatetimeTZDtype):
        raise ValueError(f"ts of {timeframe} bars is {raw['ts'].dtype}: it must be times with a zone")
    columns: dict[str, object] = {"ts": raw["ts"].dt.tz_convert("UTC").dt.as_unit("us").array}
    for name in (*REQUIRED[1:], *OPTIONAL):
        if name in raw.columns:
            try:
                columns[name] = raw[name].to_numpy(dtype=np.float64, na_value=np.nan)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{name} of {timeframe} bars holds something that is no number: {error}"
                ) from error
    return pd.DataFrame(columns)


def _undo_rounding(rows: pd.DataFrame) -> int:
    """Widen the bars' range by what is mere rounding, in place; how many rows it changed."""
    prices = rows[list(PRICES)].to_numpy()
    top, bottom = prices.max(axis=1), prices.min(axis=1)  # NaN in, NaN out: such rows compare as False
    high, low = rows["high"].to_numpy(), rows["low"].to_numpy()
    too_low = (high < top) & (high >= top * (1 - _ROUNDING))
    too_high = (low > bottom) & (low <= bottom * (1 + _ROUNDING))
    rows["high"] = np.where(too_low, top, high)
    rows["low"] = np.where(too_high, bottom, low)
    return int(np.count_nonzero(too_low | too_high))


def _reasons(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Index into REASONS for every row that is bad in itself, -1 for the others, shape (n,)."""
    values = {name: rows[name].to_numpy() for name in rows.columns if name != "ts"}
    open_, high, low, close = (values[name] for name in PRICES)
    volume = values["volume"]
    infinite = np.zeros(len(rows), dtype=np.bool_)
    negative = np.zeros(len(rows), dtype=np.bool_)
    for name, column in values.items():
        infinite |= np.isinf(column)
        if name not in (*PRICES, "vwap"):
            negative |= column < 0
    bad = {
        "null_ts": rows["ts"].isna().to_numpy(),
        "null_price": np.isnan(open_) | np.isnan(high) | np.isnan(low) | np.isnan(close),
        "infinite_value": infinite,
        "non_positive_price": (open_ <= 0) | (high <= 0) | (low <= 0) | (close <= 0),
        "high_below_low": high < low,
        "high_below_open_or_close": (high < open_) | (high < close),
        "low_above_open_or_close": (low > open_) | (low > close),
        "null_volume": np.isnan(volume),
        "negative_volume": negative,
    }
    reasons = np.full(len(rows), -1, dtype=np.int64)
    for reason in reversed(bad):
        reasons[bad[reason]] = REASONS.index(reason)
    return reasons
