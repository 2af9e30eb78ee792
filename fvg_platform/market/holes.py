"""What a series lacks: runs of expected bars that are not there, and its coverage in numbers.

Expected is what the calendar expects between the first and the last bar of the series; a minute without a trade
has no bar and counts as missing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, Microseconds, Times, microseconds, timestamps


@dataclass(frozen=True)
class Coverage:
    """Bars of a series against its calendar.

    Parameters
    ----------
    expected
        Bars that the calendar expects from the first to the last bar.
    present, missing
        How many of them there are and are not.
    unexpected
        Bars that the calendar does not know: off the grid, on a holiday, outside the session.
    completeness
        `present / expected`; 0 when nothing was expected.
    longest_hole
        Bars in the longest run of missing ones.
    """

    expected: int
    present: int
    missing: int
    unexpected: int
    completeness: float
    longest_hole: int


def find_holes(ts: Times, timeframe: str, calendar: TradingCalendar) -> pd.DataFrame:
    """Runs of missing bars between the first and the last bar.

    Returns
    -------
    DataFrame
        One row for each run: `from_ts` and `to_ts` (open of the first and of the last missing bar, UTC), `missing`
        (how many). Nights, weekends and holidays are no holes.
    """
    grid, _, starts, lengths = _runs(microseconds(ts), timeframe, calendar)
    return pd.DataFrame(
        {
            "from_ts": timestamps(grid.opens(starts)),
            "to_ts": timestamps(grid.opens(starts + lengths - 1)),
            "missing": lengths,
        }
    )


def coverage(ts: Times, timeframe: str, calendar: TradingCalendar) -> Coverage:
    """Count the bars of a series (any order, duplicates count once) against its calendar."""
    us = microseconds(ts)
    _, present, _, lengths = _runs(us, timeframe, calendar)
    missing = int(lengths.sum())
    expected = len(present) + missing
    return Coverage(
        expected=expected,
        present=len(present),
        missing=missing,
        unexpected=len(_distinct(us)) - len(present),
        completeness=len(present) / expected if expected else 0.0,
        longest_hole=int(lengths.max(initial=0)),
    )


def _runs(
    us: Microseconds, timeframe: str, calendar: TradingCalendar
) -> tuple[BarGrid, Microseconds, Microseconds, Microseconds]:
    """The grid, the ordinals that are present, and the first ordinal and length of each run that is missing."""
    grid = calendar.grid_over(us, timeframe)
    ordinals = grid.locate(us)
    present = _distinct(ordinals[ordinals >= 0])
    if not len(us):
        return grid, present, present, present
    before, after = grid.count_before(int(us.min())) - 1, grid.count_before(int(us.max()) + 1)
    fenced = np.concatenate([[before], present, [after]])
    gaps = np.diff(fenced) - 1
    return grid, present, fenced[:-1][gaps > 0] + 1, gaps[gaps > 0]


def _distinct(values: Microseconds) -> Microseconds:
    # np.unique hashes integers since numpy 2.3: 0.6 s for 280k values, sorting them 0.01 s.
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered
