"""Gaps and zones of a growing series from a bounded tail of its bars, bit for bit as from the whole series.

A refresh takes the tail, what :class:`GapMemory` keeps of all bars so far, and the stored rows that can still
change, in times (:mod:`fvg_platform.fvg.dated_rows`): those whose `inverted_ts` is NULL. The close beyond the far
edge comes last of all, and by then the depth is 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import BarArrays, numeric_column, read_bars
from fvg_platform.fvg.dated_rows import dated, positions_of, times_of, utc
from fvg_platform.fvg.gaps import BarCalendar, Running, Threshold, gap_columns, require_threshold
from fvg_platform.fvg.lifecycle import EVENTS, NEVER, follow_zones
from fvg_platform.fvg.zones import (
    GapRows,
    Run,
    balanced_zones,
    in_order,
    inversion_zones,
    joined_zones,
    zone_columns,
)

TAIL_BARS = 25
"""Stored bars that must precede the new ones, or all there are: the volume ratio looks back 21, zones 20."""

_VALUES = ("open", "high", "low", "close", "volume")


class StaleMemoryError(ValueError):
    """What is remembered or stored does not belong to these bars; work from the whole series instead."""


@dataclass(frozen=True, slots=True)
class GapMemory:
    """What a continuation must know of all bars so far; made by :func:`remember` or a refresh.

    `last_bar` holds open, high, low, close and volume (NaN if missing) of the bar at `last_ts`, by which a bar
    that was revised since is noticed.
    """

    timeframe: str
    running: Running
    last_ts: pd.Timestamp | None
    last_bar: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; floats survive a round trip through JSON exactly."""
        return {
            "timeframe": self.timeframe,
            **self.running._asdict(),
            "atr": [_null(value) for value in self.running.atr],
            "last_ts": None if self.last_ts is None else self.last_ts.isoformat(),
            "last_bar": [_null(value) for value in self.last_bar],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "GapMemory":
        """The memory that gave `as_dict`; StaleMemoryError if fields are missing."""
        missing = {"timeframe", "last_ts", "last_bar", *Running._fields} - set(stored)
        if missing:
            raise StaleMemoryError(f"the stored memory of gaps lacks {', '.join(sorted(missing))}")
        figures = {name: stored[name] for name in Running._fields} | {"atr": _floats(stored["atr"])}
        last_ts = None if stored["last_ts"] is None else pd.Timestamp(stored["last_ts"])
        return cls(stored["timeframe"], Running(**figures), last_ts, _floats(stored["last_bar"]))


class GapRefresh(NamedTuple):
    """New gaps, the open ones brought up to date (same rows, same order), and the memory for the next refresh."""

    new: pd.DataFrame
    open: pd.DataFrame
    memory: GapMemory


class ZoneRefresh(NamedTuple):
    """New zones, and the open ones brought up to date (same rows, same order)."""

    new: pd.DataFrame
    open: pd.DataFrame


def remember(bars: pd.DataFrame, timeframe: str) -> GapMemory:
    """The memory of a whole series, for a caller that detected its gaps in one go; errors as for `detect_gaps`."""
    b = read_bars(bars, timeframe)
    return _remembered(b, timeframe, gap_columns(b, timeframe, 0, Running(), "plain", None, None)[1])


def continue_gaps(
    tail: pd.DataFrame,
    timeframe: str,
    memory: GapMemory,
    open_gaps: pd.DataFrame,
    *,
    threshold: Threshold = "auto",
    calendar: BarCalendar | None = None,
) -> GapRefresh:
    """The gaps of the bars that came after those remembered, and what these bars did to older gaps.

    Parameters
    ----------
    tail
        The last :data:`TAIL_BARS` stored bars at least (all, if there are fewer), then all new bars.
    memory
        Of the series through its last stored bar; `remember(bars.head(0), timeframe)` for an empty one.
    open_gaps
        The stored gaps whose `inverted_ts` is NULL: `ts, side, bottom, mid, top`, `touched_ts, half_filled_ts,
        filled_ts, inverted_ts` (with a zone, NULL if not yet) and `depth`; other columns are carried along.
    threshold, calendar
        As in the detection of the stored gaps.

    Returns
    -------
    GapRefresh
        `new`: rows as `dated(detect_gaps(...))` has them for the new bars, all presets' flags included.

    Raises
    ------
    StaleMemoryError
        The tail is too short, or does not contain the last bar remembered as it was.
    ValueError
        As `detect_gaps`; or stored gaps lack a column or lie after the last stored bar.
    """
    least = require_threshold(threshold)
    b = read_bars(tail, timeframe)
    new = _first_new_bar(b, timeframe, memory)
    columns, running = gap_columns(b, timeframe, new, memory.running, "plain", least, calendar)
    return GapRefresh(
        dated(pd.DataFrame(columns, copy=False), b.ts),
        _brought_up_to_date(b, new, open_gaps, f"open {timeframe} gaps"),
        _remembered(b, timeframe, running),
    )


def continue_zones(
    tail: pd.DataFrame,
    timeframe: str,
    memory: GapMemory,
    *,
    recent_gaps: pd.DataFrame,
    new_gaps: pd.DataFrame,
    open_gaps: pd.DataFrame,
    open_zones: pd.DataFrame,
    calendar: BarCalendar | None = None,
) -> ZoneRefresh:
    """The zones known at the new bars, and what these bars did to older zones.

    Parameters
    ----------
    tail, memory
        As they were given to :func:`continue_gaps`: the memory of the bars before the new ones.
    recent_gaps
        The stored gaps of the tail's stored bars, open or not: `ts, side, bottom, top`. Earlier ones are
        ignored.
    new_gaps, open_gaps
        `new` and `open` of the :class:`GapRefresh`. All three must be of the preset whose zones are stored.
    open_zones
        The stored zones whose `inverted_ts` is NULL, columns as for open gaps and `kind, origin_ts, members`.
        A joined zone of the last stored bar is always among them, and carries its run however long it is.
    calendar
        As in the derivation of the stored zones.

    Returns
    -------
    ZoneRefresh
        `new`: rows as `dated(derive_zones(...))` has them for the new bars.

    Raises
    ------
    StaleMemoryError
        As in :func:`continue_gaps`; or the run of the last stored bar lacks its joined zone.
    ValueError
        As `derive_zones`; or stored rows lack a column or lie after the last stored bar.
    """
    b = read_bars(tail, timeframe)
    new = _first_new_bar(b, timeframe, memory)
    known = _gap_rows(b, recent_gaps, f"recent {timeframe} gaps")
    known = known.take(np.flatnonzero((known.i >= 0) & (known.i < new)))
    fresh = _gap_rows(b, new_gaps, f"new {timeframe} gaps")
    rows, first, run = known.then(fresh), len(known.i), _open_run(b, new, known, open_zones, timeframe)
    older = open_gaps.sort_values("ts", kind="stable")
    candidates = _gap_rows(b, older, f"open {timeframe} gaps").then(fresh)
    at = np.r_[positions_of(b.ts, older["inverted_ts"]), positions_of(b.ts, new_gaps["inverted_ts"])]
    inversions = inversion_zones(candidates, np.where(at < new, NEVER, at))
    zones = in_order((balanced_zones(rows, first), *inversions, joined_zones(rows, first, run)), len(b))
    columns = zone_columns(b, zones, timeframe, calendar, {"origin_ts": times_of(zones.origin)})
    derived = dated(pd.DataFrame(columns, copy=False), b.ts)
    return ZoneRefresh(derived, _brought_up_to_date(b, new, open_zones, f"open {timeframe} zones"))


def _first_new_bar(b: BarArrays, timeframe: str, memory: GapMemory) -> int:
    """Position of the first bar after those remembered, once the tail is known to be theirs."""
    if memory.timeframe != timeframe:
        raise StaleMemoryError(f"the memory is of {memory.timeframe} bars, not of {timeframe} bars")
    stored = memory.running.bars
    if memory.last_ts is None:
        return 0
    found = positions_of(b.ts, pd.DatetimeIndex([memory.last_ts]))[0]
    if found == NEVER:
        raise StaleMemoryError(
            f"the {timeframe} tail lacks {memory.last_ts}, the last of {stored} bars remembered"
        )
    if not min(TAIL_BARS, stored) <= found + 1 <= stored:
        raise StaleMemoryError(
            f"the {timeframe} tail has {found + 1} bars up to {memory.last_ts}, the last of {stored} remembered: "
            f"it needs {min(TAIL_BARS, stored)} to {stored}"
        )
    now = _last_values(b, found)
    if not np.array_equal(now, memory.last_bar, equal_nan=True):
        raise StaleMemoryError(
            f"the {timeframe} bar of {memory.last_ts} was revised: it was {memory.last_bar} ({', '.join(_VALUES)}) "
            f"and is {now}"
        )
    return int(found) + 1


def _remembered(b: BarArrays, timeframe: str, running: Running) -> GapMemory:
    if not len(b):
        return GapMemory(timeframe, running, None, ())
    return GapMemory(timeframe, running, b.ts[-1], _last_values(b, len(b) - 1))


def _last_values(b: BarArrays, j: int) -> tuple[float, ...]:
    return tuple(float(values[j]) for values in (b.open, b.high, b.low, b.close, b.volume))


def _brought_up_to_date(b: BarArrays, new: int, rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """Stored rows after the bars from `new` on; the first time of an event stands, depth only grows."""
    zone = {name: numeric_column(rows, name, what).copy() for name in ("side", "bottom", "mid", "top")}
    before = numeric_column(rows, "depth", what)
    last = b.ts[new - 1] if new else None
    late = pd.DatetimeIndex(utc(rows["ts"])) > last if last is not None else np.ones(len(rows), bool)
    if late.any():
        raise ValueError(
            f"{what}: {rows['ts'].iloc[int(np.argmax(late))]} lies after the last stored bar, {last}"
        )
    # Every row is followed from the last stored bar: what it met before is stored.
    start = np.full(len(rows), new - 1, np.int64)
    first, depth = follow_zones(
        b, start, zone["side"].astype(np.int8), zone["bottom"], zone["mid"], zone["top"]
    )
    columns: dict[str, Any] = {"depth": np.maximum(before, depth)}
    for event, at in zip(EVENTS, first, strict=True):
        name = f"{event}_ts"
        if name not in rows:
            raise ValueError(f"{what} lack the column {name}")
        stored = utc(rows[name])
        happened = stored.isna() & (at != NEVER)
        us = stored.asi8.copy()
        us[happened] = b.ts.asi8[at[happened]]
        columns[name] = times_of(us)
    return rows.assign(**columns)


def _open_run(b: BarArrays, new: int, known: GapRows, open_zones: pd.DataFrame, timeframe: str) -> Run | None:
    """The joined zone of the last stored bar, if that bar ends a gap which extended a run."""
    if not len(known.i) or known.i[-1] != new - 1:
        return None
    at_last = (open_zones["kind"] == "joined") & (utc(open_zones["ts"]) == b.ts[new - 1])
    for row in open_zones[at_last].to_dict("records"):
        origin = utc(pd.Series([row["origin_ts"]])).asi8[0]
        return Run(row["bottom"], row["top"], int(origin), int(row["members"]))
    if len(known.i) > 1 and known.i[-2] == new - 2 and known.side[-2] == known.side[-1]:
        raise StaleMemoryError(
            f"the last stored {timeframe} bars, to {b.ts[new - 1]}, end a run of gaps, but the open zones lack the "
            "joined zone of the last one"
        )
    return None


def _gap_rows(b: BarArrays, gaps: pd.DataFrame, what: str) -> GapRows:
    """Dated gaps in order of time, with positions in the tail (NEVER before it) and named by their time."""
    side, bottom, top = (numeric_column(gaps, name, what) for name in ("side", "bottom", "top"))
    us = utc(gaps["ts"]).asi8
    rows = GapRows(positions_of(b.ts, gaps["ts"]), side.astype(np.int8), bottom, top, us)
    return rows.take(np.argsort(us, kind="stable"))


def _null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _floats(values: list[float | None]) -> tuple[Any, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)
