"""What a series lacks: runs of expected bars that are not there, and its coverage in numbers, whole and by month.

Expected is what the calendar expects between the first and the last bar of the series; a minute without a trade
has no bar and counts as missing. Which holes are such minutes is told in :mod:`fvg_platform.market.untraded`.
"""

from dataclasses import dataclass
from functools import lru_cache

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


def monthly_coverage(ts: Times, timeframe: str, calendar: TradingCalendar) -> pd.DataFrame:
    """Coverage by the month of the exchange in which bars open (any order, duplicates count once).

    Returns
    -------
    DataFrame
        One row for each month from the first to the last bar: `month` (its first day, without a zone), `expected`,
        `present`. The sums are those of :func:`coverage`.
    """
    us = microseconds(ts)
    if not len(us):
        return _monthly(timestamps(us), us, us)
    grid, present, _, _ = _runs(us, timeframe, calendar)
    months, fences = _month_fences(grid, calendar, int(us.min()), int(us.max()))
    return _monthly(months, np.diff(fences), np.diff(np.searchsorted(present, fences)))


def monthly_coverage_from_holes(
    first_ts: pd.Timestamp,
    last_ts: pd.Timestamp,
    holes: pd.DataFrame,
    timeframe: str,
    calendar: TradingCalendar,
) -> pd.DataFrame:
    """The same without looking at a single bar: what the calendar expects, less what is known to be missing.

    Parameters
    ----------
    first_ts, last_ts
        First and last bar of the series.
    holes
        `from_ts, to_ts, missing` as :func:`find_holes` gives them, and perhaps `kind`. Holes of one kind that lie
        in one month may be one row: the first open, the last open, the sum.

    Returns
    -------
    DataFrame
        `month, expected, present` as :func:`monthly_coverage` has them, and `untraded`: how many of the missing bars
        belong to holes of the kind `untraded`.
    """
    first, last = microseconds([first_ts, last_ts])
    grid = calendar.grid(timeframe, int(first), int(last))
    months, fences = _month_fences(grid, calendar, int(first), int(last))
    missing = _missing_by_month(holes, grid, fences)
    table = _monthly(months, np.diff(fences), np.diff(fences) - missing)
    untraded = holes[holes["kind"] == "untraded"] if "kind" in holes else holes.iloc[:0]
    return table.assign(untraded=_missing_by_month(untraded, grid, fences))


def _monthly(months: pd.DatetimeIndex, expected: Microseconds, present: Microseconds) -> pd.DataFrame:
    return pd.DataFrame({"month": months.tz_localize(None), "expected": expected, "present": present})


def _month_fences(
    grid: BarGrid, calendar: TradingCalendar, first: int, last: int
) -> tuple[pd.DatetimeIndex, Microseconds]:
    """The exchange's months that hold the times, and the ordinals that part them: one more than there are months."""
    days = calendar.session_date(timestamps(np.array([first, last])))
    months, opens = _months(calendar, days[0].to_period("M"), days[1].to_period("M"))
    inner = [grid.count_before(int(us)) for us in opens[1:]]
    return months, np.array([grid.count_before(first), *inner, grid.count_before(last + 1)])


@lru_cache(maxsize=1024)
def _months(
    calendar: TradingCalendar, first: pd.Period, last: pd.Period
) -> tuple[pd.DatetimeIndex, Microseconds]:
    """First days of the months, and when the exchange's month begins; to put them into a zone takes 0.4 ms."""
    days = pd.period_range(first, last, freq="M").to_timestamp().as_unit("us")
    # A currencies' day begins at 17:00 New York of the day before: see TradingCalendar.session_date.
    lead = pd.Timedelta(hours=7 if calendar.asset_class == "fx" else 0)
    return days.tz_localize("UTC"), microseconds((days - lead).tz_localize(calendar.timezone))


def _missing_by_month(holes: pd.DataFrame, grid: BarGrid, fences: Microseconds) -> Microseconds:
    missing = holes["missing"].to_numpy(dtype=np.int64)
    starts = grid.locate(microseconds(holes["from_ts"]))
    ends = grid.locate(microseconds(holes["to_ts"]))
    first, last = (np.searchsorted(fences, ordinals, side="right") - 1 for ordinals in (starts, ends))
    within = first == last
    counts = np.zeros(len(fences) - 1, dtype=np.int64)
    np.add.at(counts, first[within], missing[within])
    # What reaches over the end of a month is a single run; there are never more of them than months.
    reach = np.clip(fences[None, :] - starts[~within, None], 0, missing[~within, None])
    return counts + np.diff(reach, axis=1).sum(axis=0)


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
