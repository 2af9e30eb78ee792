"""Zones derived from gaps: joined gaps, inversions and balanced price ranges (specification, section 1).

Each is an object of its own, known at the close of its bar i, made of gaps that were known by then; the gaps stay
as they are. What is counted as one:

- `joined`: bar i and bar i-1 both end a gap of the same side. The zone spans the unbroken run of such bars so far,
  from the lowest bottom to the highest top; every further bar of the run gives a further, larger zone (a run of 4
  gives 3), since at each of them that much was known. Origin: the run's first gap; members: the run's length.
- `inversion`: the close of bar i is the first beyond a gap's far edge. The gap's prices become a zone of the other
  side, active from bar i+1. Origin: the gap; members: 1.
- `balanced`: bar i ends a gap whose zone overlaps that of a gap of the other side found at most
  :data:`BALANCE_WINDOW` bars before; of several the nearest counts, filled or not. The zone is the overlap, its
  side the newer gap's. Origin: the older gap; members: 2. Zones that only meet at an edge do not overlap.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, numeric_column, read_bars
from fvg_platform.fvg.gaps import BarCalendar, closes_of
from fvg_platform.fvg.lifecycle import NEVER, Sides, lifecycle_columns

KINDS: tuple[str, ...] = ("balanced", "inversion", "joined")
BALANCE_WINDOW = 20
"""Bars between two opposing gaps, at most, for their overlap to be a balanced price range."""

_BALANCED, _INVERSION, _JOINED = range(len(KINDS))


class GapRows(NamedTuple):
    """Gaps in order of their bar, each array of shape (m,); `origin` names a gap: its bar, or its time in µs."""

    i: Ints
    side: Sides
    bottom: Floats
    top: Floats
    origin: Ints

    def take(self, rows: Ints) -> "GapRows":
        """The gaps at these rows."""
        return GapRows(self.i[rows], self.side[rows], self.bottom[rows], self.top[rows], self.origin[rows])

    def then(self, later: "GapRows") -> "GapRows":
        """These gaps and later ones."""
        return GapRows(
            np.r_[self.i, later.i],
            np.r_[self.side, later.side],
            np.r_[self.bottom, later.bottom],
            np.r_[self.top, later.top],
            np.r_[self.origin, later.origin],
        )


class ZoneRows(NamedTuple):
    """Zones, each array of shape (m,); `kind` is a position in :data:`KINDS`, `origin` as in :class:`GapRows`."""

    kind: NDArray[np.int8]
    i: Ints
    side: Sides
    bottom: Floats
    top: Floats
    origin: Ints
    members: Ints


class Run(NamedTuple):
    """A joined zone that the next gap may extend."""

    bottom: float
    top: float
    origin: int
    members: int


def derive_zones(
    bars: pd.DataFrame, gaps: pd.DataFrame, timeframe: str, *, calendar: BarCalendar | None = None
) -> pd.DataFrame:
    """Derive the zones of a series from its gaps and follow them.

    Parameters
    ----------
    bars
        The bars in which the gaps were found.
    gaps
        Rows of :func:`fvg_platform.fvg.gaps.detect_gaps` on these bars, in their order, of any preset; `i,
        side, bottom, top, inverted` are used.
    timeframe
        Timeframe of the bars.
    calendar
        Tells when bars close, as for the gaps.

    Returns
    -------
    DataFrame
        Sorted by `i, kind, side, origin_i`, which are its key: `kind` (of :data:`KINDS`), `i` (the bar at
        whose close the zone is known), `side` (+1, -1), `ts` (of bar i), `known_at`, `bottom, mid, top, size`
        (price), `origin_i, origin_ts` (the oldest gap it is made of), `members` (gaps it is made of), then
        `touched, half_filled, filled, inverted` (bar positions after i, NULL if not yet) and `depth` (0..1),
        by the zone's own side.

    Raises
    ------
    ValueError
        For an unknown timeframe, unsound bars (`BarError`), or gaps that are not those of the bars.
    """
    b = read_bars(bars, timeframe)
    rows = _read_gaps(gaps, b, timeframe)
    at = gaps["inverted"].to_numpy(np.int64, na_value=NEVER)
    zones = in_order((balanced_zones(rows), *inversion_zones(rows, at), joined_zones(rows)), len(b))
    origins = {"origin_i": zones.origin, "origin_ts": b.ts.take(zones.origin)}
    return pd.DataFrame(zone_columns(b, zones, timeframe, calendar, origins), copy=False)


def joined_zones(rows: GapRows, first: int = 0, run: Run | None = None) -> ZoneRows:
    """The joined zones known at the gaps from row `first` on; `run` is the one that row `first - 1` ended, if any."""
    m = len(rows.i)
    bottom, top, origin = rows.bottom.copy(), rows.top.copy(), rows.origin.copy()
    members = np.ones(m, np.int64)
    if run is not None:
        last = first - 1
        bottom[last], top[last], origin[last], members[last] = run
    _extend_runs(rows.i, rows.side, first, bottom, top, origin, members)
    at = first + np.flatnonzero(members[first:] > 1)
    return _zones(_JOINED, rows.i[at], rows.side[at], bottom[at], top[at], origin[at], members[at])


def balanced_zones(rows: GapRows, first: int = 0) -> ZoneRows:
    """The balanced price ranges known at the gaps from row `first` on."""
    older = np.empty(len(rows.i), np.int64)
    _nearest_overlap(rows.i, rows.side, rows.bottom, rows.top, first, older)
    at = first + np.flatnonzero(older[first:] != NEVER)
    older = older[at]
    bottom = np.maximum(rows.bottom[at], rows.bottom[older])
    top = np.minimum(rows.top[at], rows.top[older])
    return _zones(_BALANCED, rows.i[at], rows.side[at], bottom, top, rows.origin[older], 2)


def inversion_zones(rows: GapRows, at: Ints) -> tuple[ZoneRows, ZoneRows]:
    """The bearish and the bullish zones of the gaps inverted at bars `at` (:data:`NEVER` for the others)."""
    bearish, bullish = (np.flatnonzero((at != NEVER) & (rows.side == side)) for side in (1, -1))

    def inverted(g: Ints) -> ZoneRows:
        return _zones(_INVERSION, at[g], -rows.side[g], rows.bottom[g], rows.top[g], rows.origin[g], 1)

    return inverted(bearish), inverted(bullish)


def in_order(parts: tuple[ZoneRows, ...], bars: int) -> ZoneRows:
    """All zones sorted by bar (0..bars-1); those of one bar stay in the order of the parts and of their rows."""
    places = _places(tuple(part.i for part in parts), bars)
    columns = []
    for column in zip(*parts, strict=True):
        ordered = np.empty(sum(map(len, column)), column[0].dtype)
        for place, values in zip(places, column, strict=True):
            ordered[place] = values
        columns.append(ordered)
    return ZoneRows(*columns)


def zone_columns(
    b: BarArrays,
    zones: ZoneRows,
    timeframe: str,
    calendar: BarCalendar | None,
    origins: Mapping[str, object],
) -> dict[str, object]:
    """The columns of zones whose bars lie in the arrays; `origins` are the columns that name their origin."""
    ts = b.ts.take(zones.i)
    mid = (zones.bottom + zones.top) / 2
    return {
        "kind": pd.Categorical.from_codes(zones.kind, pd.Index(KINDS)),
        "i": zones.i,
        "side": zones.side,
        "ts": ts,
        "known_at": closes_of(ts, timeframe, calendar),
        "bottom": zones.bottom,
        "mid": mid,
        "top": zones.top,
        "size": zones.top - zones.bottom,
        **origins,
        "members": zones.members,
        **lifecycle_columns(b, zones.i, zones.side, zones.bottom, mid, zones.top),
    }


def _zones(
    kind: int, i: Ints, side: Sides, bottom: Floats, top: Floats, origin: Ints, members: Ints | int
) -> ZoneRows:
    counts = np.full(len(i), members, np.int64) if isinstance(members, int) else members
    return ZoneRows(np.full(len(i), kind, np.int8), i, side, bottom, top, origin, counts)


def _places(bars_of: tuple[Ints, ...], bars: int) -> list[Ints]:
    """Where each row goes when all are sorted by bar, part after part: a counting sort."""
    following = np.zeros(bars + 1, np.int64)
    for i in bars_of:
        _count(i, following)
    np.cumsum(following, out=following)
    return [_take_places(i, following) for i in bars_of]


def _read_gaps(gaps: pd.DataFrame, b: BarArrays, timeframe: str) -> GapRows:
    what = f"{timeframe} gaps"
    if "inverted" not in gaps:
        raise ValueError(f"{what} lack the column inverted")
    i, side, bottom, top = (numeric_column(gaps, name, what) for name in ("i", "side", "bottom", "top"))
    at = i.astype(np.int64)
    out_of_order = np.flatnonzero((at < 0) | (at >= len(b)) | (np.diff(at, prepend=-1) <= 0))
    if len(out_of_order):
        row = out_of_order[0]
        raise ValueError(
            f"{what}: i in row {row} is {i[row]:g}, but must rise from row to row below {len(b)}, the number of bars"
        )
    # Copies are writable: numba would compile once more for the read-only columns of a frame.
    return GapRows(at, side.astype(np.int8), bottom.copy(), top.copy(), at)


@nb.njit(cache=True)
def _extend_runs(
    i: Ints, side: Sides, first: int, bottom: Floats, top: Floats, origin: Ints, members: Ints
) -> None:
    """Turn each gap's own figures into those of the run it ends."""
    for g in range(max(first, 1), len(i)):
        if i[g] == i[g - 1] + 1 and side[g] == side[g - 1]:
            bottom[g] = min(bottom[g], bottom[g - 1])
            top[g] = max(top[g], top[g - 1])
            origin[g] = origin[g - 1]
            members[g] = members[g - 1] + 1


@nb.njit(cache=True)
def _nearest_overlap(i: Ints, side: Sides, bottom: Floats, top: Floats, first: int, older: Ints) -> None:
    """For each gap from `first` on, the row of the nearest opposing gap within the window that overlaps it."""
    for g in range(first, len(i)):
        older[g] = NEVER
        for k in range(g - 1, -1, -1):
            if i[g] - i[k] > BALANCE_WINDOW:
                break
            if side[k] != side[g] and min(top[g], top[k]) > max(bottom[g], bottom[k]):
                older[g] = k
                break


@nb.njit(cache=True)
def _count(i: Ints, following: Ints) -> None:
    for at in i:
        following[at + 1] += 1


@nb.njit(cache=True)
def _take_places(i: Ints, following: Ints) -> Ints:
    place = np.empty(len(i), np.int64)
    for row in range(len(i)):
        place[row] = following[i[row]]
        following[i[row]] += 1
    return place
