"""Gaps and zones that speak in times: what is stored, since positions shift with the frame of bars.

Positions of a frame become times (:func:`dated`) and times become positions again (:func:`placed`).
"""

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Ints
from fvg_platform.fvg.lifecycle import EVENTS, NEVER

_POSITIONS = ("i", "origin_i")


def dated(rows: pd.DataFrame, ts: pd.DatetimeIndex) -> pd.DataFrame:
    """Gaps or zones with times for positions: `touched` becomes `touched_ts` and so on, `i` and `origin_i` go.

    `ts` are the open times of the bars that the positions point into; events that have not happened stay NULL.
    """
    us = ts.tz_convert("UTC").as_unit("us").asi8
    columns: dict[str, object] = {}
    for name in rows.columns.drop([name for name in _POSITIONS if name in rows]):
        if name in EVENTS:
            at = rows[name].to_numpy(np.int64, na_value=NEVER)
            columns[f"{name}_ts"] = times_of(np.where(at == NEVER, pd.NaT.value, us[at]) if len(us) else at)
        else:
            columns[name] = rows[name].array
    return pd.DataFrame(columns, copy=False)


def placed(rows: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Dated gaps or zones with `i`, the position of their bar in these bars, in front.

    Raises
    ------
    ValueError
        naming the first row whose bar is not among them.
    """
    i = positions_of(bars["ts"], rows["ts"])
    if (i == NEVER).any():
        row = int(np.argmax(i == NEVER))
        raise ValueError(f"row {row} ({rows['ts'].iloc[row]}) belongs to none of the {len(bars)} bars")
    return pd.concat([pd.Series(i, index=rows.index, name="i"), rows], axis=1)


def positions_of(ts: pd.Series | pd.DatetimeIndex, times: pd.Series | pd.DatetimeIndex) -> Ints:
    """Position of each time among the increasing `ts`, NEVER where it is NULL or not among them."""
    bars, wanted = utc(ts).asi8, utc(times).asi8
    if not len(bars):
        return np.full(len(wanted), NEVER, np.int64)
    at = np.minimum(np.searchsorted(bars, wanted), len(bars) - 1)
    return np.where(bars[at] == wanted, at, NEVER)


def utc(times: pd.Series | pd.DatetimeIndex) -> pd.DatetimeIndex:
    """A column of times, all NULL perhaps, in UTC and microseconds."""
    return pd.DatetimeIndex(pd.to_datetime(times, utc=True)).as_unit("us")


def times_of(us: Ints) -> pd.DatetimeIndex:
    """Times from microseconds UTC; the smallest integer is NULL."""
    return pd.DatetimeIndex(us.astype("datetime64[us]")).tz_localize("UTC")
