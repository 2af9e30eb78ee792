"""Bars of the platform's sessions from finer ones of the vendor: hours from 09:30 from its half hours, days of
currencies from 17:00 New York from its hours.

Whoever calls brings all the parts of the bars that are wanted; a part without trade has no bar and is not missed.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, microseconds, timestamps
from fvg_platform.market.resampling import aggregate_runs


def build_bars(parts: pd.DataFrame, timeframe: str, calendar: TradingCalendar) -> pd.DataFrame:
    """One bar for each expected bar during which a part opens, labelled with the open that the calendar expects.

    Open of the first part, high and low over all, close of the last one; volume and transactions summed (a sum with an
    unknown part is unknown), vwap weighted by volume over the parts that have one. Parts outside of the session take
    no part. Where the vendor gives several parts of one time, a bar is made with each: the one with the first of them
    comes first.

    Parameters
    ----------
    parts
        `ts` (UTC, in order), `open, high, low, close, volume, vwap, transactions`.
    calendar
        Of the bars to be made.
    """
    us = microseconds(parts["ts"])
    grid = calendar.grid_over(us, timeframe)
    ordinals = grid.containing(us)
    inside = np.flatnonzero(ordinals >= 0)
    again = _times_seen(us[inside])
    first = inside[again == 0]
    made = [_made_of(parts.iloc[first], ordinals[first], grid)]
    for variant in range(1, int(again.max(initial=0)) + 1):
        # The bars that another version of a part belongs to, once more with that version.
        other = inside[again == variant]
        rest = first[np.isin(ordinals[first], ordinals[other]) & ~np.isin(us[first], us[other])]
        rows = np.sort(np.concatenate([other, rest]))
        made.append(_made_of(parts.iloc[rows], ordinals[rows], grid))
    return pd.concat(made, ignore_index=True).sort_values("ts", kind="stable", ignore_index=True)


def _times_seen(us: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows of the same time are before each row, for times in order, shape (n,)."""
    position = np.arange(len(us))
    starts = np.concatenate([[True], us[1:] != us[:-1]])[: len(us)]
    return position - np.maximum.accumulate(np.where(starts, position, 0))


def _made_of(parts: pd.DataFrame, ordinals: NDArray[np.int64], grid: BarGrid) -> pd.DataFrame:
    """One bar for each run of equal ordinals, labelled with the open that the grid expects."""
    labels, starts = np.unique(ordinals, return_index=True)
    return aggregate_runs(parts, starts, timestamps(grid.opens(labels)))
