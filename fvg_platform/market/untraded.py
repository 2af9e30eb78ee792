"""Which holes are minutes without a trade and which are lost data: the vendor's own coarser bars tell.

A coarser bar holds the volume of everything that was traded in it. Where the finer bars inside it sum up to that
volume nothing is lost, and what is missing was never traded; where it has more, bars are lost. Pure arithmetic over
two series of the same basis; which series those are is the caller's business
(:func:`fvg_platform.market.cross_checks.comparable`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import BarGrid, Microseconds, microseconds
from fvg_platform.market.timeframes import TIMEFRAMES

KINDS: tuple[str, ...] = ("unknown", "untraded", "lost")

# A sum of 390 volumes that a vendor has rounded differs in its last digits. A tenth of a per cent of an hour is 6 % of
# an even share of one of its minutes: losing a minute that matters shows.
VOLUME_TOLERANCE = 0.001

_UNKNOWN, _UNTRADED, _LOST = range(3)


def classify_holes(
    holes: pd.DataFrame,
    fine: pd.DataFrame,
    fine_timeframe: str,
    coarser: Mapping[str, pd.DataFrame],
    calendar: TradingCalendar,
    *,
    tolerance: float = VOLUME_TOLERANCE,
) -> pd.Series:
    """What each hole is.

    Parameters
    ----------
    holes
        `from_ts, to_ts` of holes in the fine series, or in one that is resampled from it and finer than the coarser
        ones, shape (n, ...).
    fine
        `ts, volume` of the finer series.
    coarser
        `ts, volume` of the vendor's own coarser series, by timeframe. The finest that tells of a hole is believed: it
        knows most exactly where something is missing.
    calendar
        That of all the series: same market, anchor and session.
    tolerance
        How far the sum may be from the coarser volume, as a share of that.

    Returns
    -------
    Series
        Index of `holes`; `lost` where a coarser bar that the hole reaches into has more volume than the finer bars in
        it; `untraded` where each of them has the same; `unknown` where a coarser bar is missing, has less, or holds the
        first or last finer bar, so that what lies beyond the series would count as lost.
    """
    kinds = np.full(len(holes), _UNKNOWN)
    if len(holes) and len(fine):
        for timeframe in sorted(coarser, key=TIMEFRAMES.index):
            told = _tell(holes, fine, fine_timeframe, coarser[timeframe], timeframe, calendar, tolerance)
            kinds = np.where(kinds == _UNKNOWN, told, kinds)
    return pd.Series(np.array(KINDS, dtype=object)[kinds], index=holes.index, name="kind", dtype="str")


def _tell(
    holes: pd.DataFrame,
    fine: pd.DataFrame,
    fine_timeframe: str,
    coarse: pd.DataFrame,
    timeframe: str,
    calendar: TradingCalendar,
    tolerance: float,
) -> NDArray[np.int64]:
    """What one coarser series says of each hole, shape (holes,)."""
    us = microseconds(fine["ts"])
    grid = calendar.grid_over(us, timeframe)
    holding = grid.containing(us)
    inside = holding >= 0
    if not inside.any():
        return np.full(len(holes), _UNKNOWN)
    first, last = int(holding[inside].min()), int(holding.max())
    weights = fine["volume"].to_numpy(dtype=np.float64)[inside]
    summed = np.bincount(holding[inside] - first, weights=weights).astype(np.float64)
    volumes = np.full(len(summed), np.nan)
    own = grid.locate(microseconds(coarse["ts"])) - first
    known = (own >= 0) & (own < len(volumes))
    volumes[own[known]] = coarse["volume"].to_numpy()[known]
    says = _compare(summed, volumes, tolerance)
    finer = calendar.grid_over(us, fine_timeframe)
    for ordinal in {first, last}:
        if _reaches_beyond(ordinal, us, finer, grid):
            says[ordinal - first] = _UNKNOWN
    return _over_each_hole(holes, says, grid, first)


def _compare(
    summed: NDArray[np.float64], volumes: NDArray[np.float64], tolerance: float
) -> NDArray[np.int64]:
    more = volumes - summed
    return np.select(  # NaN compares as False: no coarser bar, nothing told
        [more > tolerance * volumes, np.abs(more) <= tolerance * volumes], [_LOST, _UNTRADED], _UNKNOWN
    )


def _reaches_beyond(ordinal: int, us: Microseconds, finer: BarGrid, grid: BarGrid) -> bool:
    """Whether the coarser bar expects finer bars before the first one or after the last one."""
    coarse = np.array([ordinal])
    begins = finer.count_before(int(grid.opens(coarse)[0]))
    ends = finer.count_before(int(grid.closes(coarse)[0]))
    return begins < finer.count_before(int(us.min())) or ends > finer.count_before(int(us.max()) + 1)


def _over_each_hole(
    holes: pd.DataFrame, says: NDArray[np.int64], grid: BarGrid, first: int
) -> NDArray[np.int64]:
    """A hole is lost if one of its coarser bars says so, and untraded if they all do."""
    begin = grid.containing(microseconds(holes["from_ts"])) - first
    end = grid.containing(microseconds(holes["to_ts"])) - first + 1
    lost, untraded = (np.concatenate([[0], np.cumsum(says == kind)]) for kind in (_LOST, _UNTRADED))
    known = (begin >= 0) & (end <= len(says))
    begin, end = np.where(known, begin, 0), np.where(known, end, 0)
    any_lost = known & (lost[end] > lost[begin])
    all_untraded = known & (untraded[end] - untraded[begin] == end - begin)
    return np.select([any_lost, all_untraded], [_LOST, _UNTRADED], _UNKNOWN)
