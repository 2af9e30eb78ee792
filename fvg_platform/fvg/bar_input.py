"""From a frame of bars to arrays that the kernels may trust, or an error that names the bar.

The engine raises and guesses nothing (specification, end of section 5). Prices at or below zero are valid
here: the mirror image of a series needs them, and cleaning rejects them long before. Missing bars are not
this module's business.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.timeframes import require_timeframe

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_COLUMNS = ("ts", "open", "high", "low", "close", "volume")

_NO_TIME = np.iinfo(np.int64).min

_FAULTS: dict[int, str] = {
    1: "has no ts",
    2: "repeats the ts of the bar before it; keep one bar for each ts",
    3: "lies before the bar that precedes it; sort the bars by ts",
    4: "has a missing or infinite price; clean the bars first",
    5: "has its high below another of its prices; clean the bars first",
    6: "has its low above another of its prices; clean the bars first",
    7: "has a negative or infinite volume; clean the bars first",
}


class BarError(ValueError):
    """Bars that the engine cannot work with; the message names the column or the bar with its values."""


@dataclass(frozen=True, slots=True)
class BarArrays:
    """One series as read-only, contiguous float arrays of equal length; `ts` are open times in UTC."""

    ts: pd.DatetimeIndex
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.open)


def read_bars(bars: pd.DataFrame, timeframe: str) -> BarArrays:
    """Check the bars of one series and return their columns.

    Parameters
    ----------
    bars
        Columns `ts` (with a zone), `open, high, low, close, volume`; others are ignored, as is the index.
        A missing volume is allowed and leaves the figures that need it NULL.
    timeframe
        Name of the bars' timeframe.

    Raises
    ------
    UnknownTimeframeError
        For an unknown timeframe.
    BarError
        For a missing or non-numeric column, times without a zone or in several, or a bar that breaks a rule;
        the message gives the timeframe, the bar's position, its ts and its values.
    """
    require_timeframe(timeframe)
    absent = [name for name in _COLUMNS if name not in bars]
    if absent:
        raise BarError(f"{timeframe} bars lack {', '.join(absent)}: they need {', '.join(_COLUMNS)}")
    ts = _utc(bars["ts"], timeframe)
    o, h, low, c, v = (_numbers(bars[name], f"{timeframe} bars", BarError) for name in _COLUMNS[1:])
    times = _frozen(ts.asi8)
    if not _sound(times, o, h, low, c, v):
        fault, row = _first_fault(times, o, h, low, c, v)
        values = ", ".join(f"{n}={a[row]:.17g}" for n, a in zip(_COLUMNS[1:], (o, h, low, c, v), strict=True))
        raise BarError(f"{timeframe} bar {row} ({ts[row]}) {_FAULTS[fault]} ({values})")
    return BarArrays(ts, o, h, low, c, v)


def numeric_column(frame: pd.DataFrame, name: str, what: str) -> Floats:
    """A column as a read-only float array with NaN for NULL; ValueError when absent or not numeric."""
    if name not in frame:
        raise ValueError(f"{what} lack the column {name}")
    return _numbers(frame[name], what)


def _numbers(column: pd.Series, what: str, error: type[ValueError] = ValueError) -> Floats:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        first = repr(column.iloc[0]) if len(column) else "empty"
        raise error(
            f"{what}: column {column.name} must be numeric, but is {column.dtype} (first value {first})"
        )
    return _frozen(np.ascontiguousarray(column.to_numpy(dtype=np.float64, na_value=np.nan)))


def _utc(ts: pd.Series, timeframe: str) -> pd.DatetimeIndex:
    if not pd.api.types.is_datetime64_any_dtype(ts):
        raise BarError(f"{timeframe} bars: {_mixed_zones(ts) or _not_times(ts)}")
    index = pd.DatetimeIndex(ts)
    if index.tz is None:
        first = f", first {index[0]}" if len(index) else ""
        raise BarError(
            f"{timeframe} bars: ts has no time zone ({ts.dtype}{first}); localise it (ts.dt.tz_localize)"
        )
    return index.tz_convert("UTC").as_unit("us")


def _not_times(ts: pd.Series) -> str:
    first = f" (first value {ts.iloc[0]!r})" if len(ts) else ""
    return f"ts must be timestamps with a zone, but is {ts.dtype}{first}; parse them first"


def _mixed_zones(ts: pd.Series) -> str | None:
    """What is wrong with a column of objects that are times of several zones; None for any other column."""
    times = [(row, value) for row, value in enumerate(ts) if not pd.isna(value)]
    if not times or not all(isinstance(value, datetime) for _, value in times):
        return None
    start, first = times[0]
    for row, value in times:
        if str(value.tzinfo) != str(first.tzinfo):
            return (
                f"ts mixes zones: row {row} ({value}) is in {value.tzinfo or 'none'}, row {start} ({first}) in "
                f"{first.tzinfo or 'none'}; convert them first (pd.to_datetime(ts, utc=True))"
            )
    return None


def _frozen(array: Any) -> Any:
    """A read-only view: columns of a frame often are, and numba would compile once more for each mixture."""
    view = array.view()
    view.flags.writeable = False
    return view


@nb.njit(cache=True)
def _sound(ts: Ints, o: Floats, h: Floats, low: Floats, c: Floats, v: Floats) -> bool:
    """Whether no bar breaks a rule; without branches, a third of the time of the search below."""
    unsound = 0
    for j in range(len(ts)):
        # A NaN fails every comparison, and what lies between two finite prices is finite.
        ordered = (low[j] <= o[j]) & (o[j] <= h[j]) & (low[j] <= c[j]) & (c[j] <= h[j])
        unsound += not (ordered & (low[j] > -np.inf) & (h[j] < np.inf))
        unsound += (v[j] < 0) | (v[j] == np.inf)
    for j in range(1, len(ts)):
        unsound += ts[j] <= ts[j - 1]
    return unsound == 0 and (len(ts) == 0 or ts[0] != _NO_TIME)


@nb.njit(cache=True)
def _first_fault(ts: Ints, o: Floats, h: Floats, low: Floats, c: Floats, v: Floats) -> tuple[int, int]:
    """Key of :data:`_FAULTS` and position of the first unsound bar."""
    for j in range(len(ts)):
        if ts[j] == _NO_TIME:
            return 1, j
        if j > 0 and ts[j] <= ts[j - 1]:
            return (2, j) if ts[j] == ts[j - 1] else (3, j)
        if not (np.isfinite(o[j]) and np.isfinite(h[j]) and np.isfinite(low[j]) and np.isfinite(c[j])):
            return 4, j
        if h[j] < max(o[j], c[j], low[j]):
            return 5, j
        if low[j] > min(o[j], c[j]):
            return 6, j
        if v[j] < 0 or np.isinf(v[j]):
            return 7, j
    return 0, -1
