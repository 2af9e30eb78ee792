"""The context of a gap, known when the gap was: structure, liquidity, order block, profiles, session, coarser trend.

:data:`~fvg_platform.fvg.context_columns.CONTEXT_COLUMNS` says what each column means. Here they are put together;
what reads single bars around a gap is in :mod:`fvg_platform.fvg.context_pattern`, what reads sessions in
:mod:`fvg_platform.fvg.context_sessions`.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, numeric_column, read_bars
from fvg_platform.fvg.context_columns import CONTEXT_COLUMNS, CONTEXT_TEXTS
from fvg_platform.fvg.context_pattern import (
    describe_leg,
    describe_pattern,
    describe_structure,
    position_in_range,
)
from fvg_platform.fvg.context_sessions import (
    PROFILE_BARS,
    PROFILE_SESSIONS,
    SessionCalendar,
    describe_sessions,
)
from fvg_platform.market.grids import microseconds
from fvg_platform.market.structure import STRUCTURE_REACH, structure
from fvg_platform.market.timeframes import INTRADAY, TIMEFRAMES, nominal_duration, require_timeframe

_KEYS = ("i", "side", "ts", "known_at")
_GAP_COLUMNS = (*_KEYS, "bottom", "top", "mid", "atr")
_COARSER = 2

# An exchange day has 25 hours when the clocks go back; Monday of the currencies holds a weekend's stray bars too, and
# six sessions in a row hold two Mondays.
_LONGEST_SESSIONS = pd.Timedelta(hours=25 * (PROFILE_SESSIONS + 1) + 2 * 48)


def describe_context(
    bars: pd.DataFrame,
    gaps: pd.DataFrame,
    timeframe: str,
    *,
    calendar: SessionCalendar | None = None,
    coarser: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Describe the surroundings of each gap as of its `known_at`.

    Parameters
    ----------
    bars
        One series in time order: `ts, open, high, low, close, volume` and perhaps `taker_buy_volume`. Columns of
        gaps with at least :func:`context_reach` bars before them are those of the whole series.
    gaps
        `i` (position in `bars`), `side, ts, known_at, bottom, top, mid, atr`, as
        :func:`fvg_platform.fvg.gaps.detect_gaps` returns them; other columns are not read.
    timeframe
        One of :data:`fvg_platform.market.timeframes.TIMEFRAMES`.
    calendar
        Tells exchange days, their opens and when bars close. Without one a session is the UTC day, and coarser bars
        close after their nominal duration.
    coarser
        Bars of the same ticker and basis by timeframe, with at least
        :data:`~fvg_platform.market.structure.STRUCTURE_REACH` bars before the gaps. The two next coarser of them are
        used, finer ones and the series' own timeframe are not; a bar counts once it has closed.

    Returns
    -------
    DataFrame
        One row for each gap, in their order: `i, side, ts, known_at` and the columns of :data:`CONTEXT_COLUMNS`:
        numbers as float64, flags as nullable boolean, texts as categoricals of :data:`CONTEXT_TEXTS`.

    Raises
    ------
    ValueError
        For an unknown timeframe, unsound bars, gaps without a column, or gaps that are not of these bars.
    """
    b = read_bars(bars, timeframe)
    i = _positions(b, gaps, timeframe)
    taker = None
    if "taker_buy_volume" in bars:
        taker = numeric_column(bars, "taker_buy_volume", f"{timeframe} bars")
    side = gaps["side"].to_numpy(np.int64)
    bottom, top, mid, atr = (numeric_column(gaps, name, "gaps") for name in ("bottom", "top", "mid", "atr"))
    known_at = microseconds(gaps["known_at"])
    read = structure(b.high, b.low, b.close)
    pattern = describe_pattern(b, read, i, side, atr)
    columns = {
        **describe_structure(read, i, mid),
        **pattern,
        **describe_leg(b, taker, i, np.asarray(pattern["leg_bars"]), (bottom, top), atr),
        **describe_sessions(b, timeframe, calendar, i, known_at, mid, atr),
        **_describe_coarser(timeframe, coarser or {}, calendar, side, known_at, mid),
    }
    keys = {name: gaps[name].array for name in _KEYS}
    typed = {each.name: _typed(each.name, each.kind, columns[each.name], len(i)) for each in CONTEXT_COLUMNS}
    return pd.DataFrame({**keys, **typed}, copy=False)


def context_reach(timeframe: str) -> int:
    """How many bars before a gap's bar i decide its context, whatever the calendar: give these and no more.

    The memory of market structure, or the longest that six sessions can be, whichever is more.
    """
    if require_timeframe(timeframe) not in INTRADAY:
        return max(STRUCTURE_REACH, PROFILE_BARS[timeframe] + 2)
    return max(STRUCTURE_REACH, math.ceil(_LONGEST_SESSIONS / nominal_duration(timeframe)) + 2)


def _describe_coarser(
    timeframe: str,
    coarser: Mapping[str, pd.DataFrame],
    calendar: SessionCalendar | None,
    side: Ints,
    known_at: Ints,
    mid: Floats,
) -> dict[str, object]:
    for name in coarser:
        require_timeframe(name)
    above = [name for name in TIMEFRAMES[TIMEFRAMES.index(timeframe) + 1 :] if name in coarser][:_COARSER]
    trends = np.full((_COARSER, len(mid)), np.nan)
    position = np.full((_COARSER, len(mid)), np.nan)
    for row, name in enumerate(above):
        c = read_bars(coarser[name], name)
        if not len(c):
            continue
        last = np.searchsorted(_closes(c, name, calendar), known_at, side="right") - 1
        read = structure(c.high, c.low, c.close)
        known = last >= 0
        trends[row, known] = read.trend[last[known]]
        position[row, known] = position_in_range(
            mid[known], read.range_low[last[known]], read.range_high[last[known]]
        )
    count = (~np.isnan(trends)).sum(axis=0)
    total = np.nansum(trends * side, axis=0)
    return {
        "coarser_1_trend": trends[0],
        "coarser_1_range_position": position[0],
        "coarser_2_trend": trends[1],
        "coarser_alignment": np.divide(total, count, out=np.full(len(mid), np.nan), where=count > 0),
    }


def _closes(b: BarArrays, timeframe: str, calendar: SessionCalendar | None) -> NDArray[np.int64]:
    closes = b.ts + nominal_duration(timeframe) if calendar is None else calendar.bar_closes(b.ts, timeframe)
    # A stray bar off the calendar may end after the next one: then both count late, never early.
    return np.maximum.accumulate(microseconds(closes))


def _typed(name: str, kind: str, values: object, m: int) -> object:
    """A column as its kind's type; texts come as codes, as categoricals, or as None for all NULL."""
    if kind == "number":
        return np.asarray(values, np.float64)
    if kind == "flag":
        numbers = np.asarray(values, np.float64)
        unknown = np.isnan(numbers)
        return pd.arrays.BooleanArray(np.where(unknown, 0.0, numbers).astype(np.bool_), unknown)
    if isinstance(values, pd.Categorical):
        return values
    codes: NDArray[np.int64] = np.full(m, -1) if values is None else np.asarray(values, np.int64)
    return pd.Categorical.from_codes(codes, pd.Index(CONTEXT_TEXTS[name]))


def _positions(b: BarArrays, gaps: pd.DataFrame, timeframe: str) -> Ints:
    absent = [name for name in _GAP_COLUMNS if name not in gaps]
    if absent:
        raise ValueError(f"gaps lack {', '.join(absent)}: pass them as detect_gaps returns them")
    i = gaps["i"].to_numpy(np.int64)
    outside = (i < 2) | (i >= len(b))
    if outside.any():
        raise ValueError(f"gap at i = {i[outside][0]}, but there are {len(b)} {timeframe} bars: not its bars")
    shifted = b.ts.asi8[i] != microseconds(gaps["ts"])
    if shifted.any():
        row = int(np.argmax(shifted))
        raise ValueError(
            f"gap row {row} says {timeframe} bar {i[row]} opens at {gaps['ts'].iloc[row]}, "
            f"the bars say {b.ts[i[row]]}: give the bars that the gaps were found in"
        )
    return i
