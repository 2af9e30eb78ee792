"""Zones as a picture shows them: from the close that made them known to their fill or inversion, clipped to the window.

A gap that was born before the window and is still open in it begins at the left edge; one that the window does not see
filled ends at the right edge. Nothing is filtered but what lies outside the window.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Ints, numeric_column
from fvg_platform.reports.chart_axis import Candles, moments
from fvg_platform.reports.chart_rows import NO_TIME, require_columns, sides, times

ZoneKind = Literal["gap", "joined", "inversion", "balanced"]
End = Literal["open", "filled", "inverted"]
Price = Callable[[float], str]

KINDS: tuple[ZoneKind, ...] = get_args(ZoneKind)
KIND_NAMES: dict[ZoneKind, str] = {
    "gap": "gap",
    "joined": "joined gaps",
    "inversion": "inverse zone",
    "balanced": "balanced range",
}
SIDE_NAMES = {1: "bullish", -1: "bearish"}
_EVENTS = ("touched", "half_filled", "filled", "inverted")


@dataclass(frozen=True)
class Zone:
    """A rectangle of the picture.

    `left` and `right` are positions on the bars' axis, `end` is what ended it within the window (`open`: nothing did),
    `clipped` says that it was born before the window; `ts` is the third bar's open time (microseconds UTC), `facts` are
    lines of text.
    """

    kind: ZoneKind
    side: int
    ts: int
    bottom: float
    top: float
    left: float
    right: float
    end: End
    clipped: bool
    facts: tuple[str, ...]

    @property
    def mid(self) -> float:
        """Consequent encroachment."""
        return (self.bottom + self.top) / 2


def gap_zones(gaps: pd.DataFrame | None, candles: Candles, edge: float, price: Price) -> tuple[Zone, ...]:
    """The gaps that live in the window; `edge` is the position of the picture's right edge."""
    what = f"{candles.timeframe} gaps"
    needed = ("ts", "side", "bottom", "top", "known_at", *(f"{event}_ts" for event in _EVENTS))
    frame = require_columns(gaps, needed, what)
    if frame is None:
        return ()
    return tuple(_zones(frame, ["gap"] * len(frame), what, candles, edge, price))


def derived_zones(
    zones: pd.DataFrame | None, candles: Candles, edge: float, price: Price
) -> tuple[Zone, ...]:
    """The joined, inverse and balanced zones that live in the window."""
    what = f"{candles.timeframe} zones"
    needed = ("kind", "ts", "side", "bottom", "top", "known_at", "filled_ts", "inverted_ts")
    frame = require_columns(zones, needed, what)
    if frame is None:
        return ()
    kinds = [str(kind) for kind in frame["kind"]]
    unknown = sorted(set(kinds) - set(KINDS[1:]))
    if unknown:
        raise ValueError(f"{what}: unknown kind {unknown[0]!r}, known are {', '.join(KINDS[1:])}")
    return tuple(_zones(frame, kinds, what, candles, edge, price))


def _zones(
    frame: pd.DataFrame, kinds: list[str], what: str, candles: Candles, edge: float, price: Price
) -> Iterator[Zone]:
    born = times(frame, "ts", what)
    events = {event: times(frame, f"{event}_ts", what) for event in _EVENTS if f"{event}_ts" in frame}
    rows = _alive(born, events, candles)
    frame, born, kinds = frame.iloc[rows], born[rows], [kinds[row] for row in rows]
    side = sides(frame, what)
    bottom, top = (numeric_column(frame, name, what) for name in ("bottom", "top"))
    for row, history in enumerate(_histories(frame, what, candles.timeframe)):
        happened = {event: int(at[rows[row]]) for event, at in events.items() if at[rows[row]] != NO_TIME}
        end, right = _end(happened, candles, edge)
        kind: ZoneKind = kinds[row]  # type: ignore[assignment]
        yield Zone(
            kind=kind,
            side=int(side[row]),
            ts=int(born[row]),
            bottom=float(bottom[row]),
            top=float(top[row]),
            left=candles.position(int(born[row])) + 0.5,
            right=right,
            end=end,
            clipped=bool(born[row] < candles.first),
            facts=(*_measures(kind, int(side[row]), bottom[row], top[row], price), *history),
        )


def _histories(frame: pd.DataFrame, what: str, timeframe: str) -> list[list[str]]:
    """When each row was known and what then became of it, in words."""
    lines: list[list[str]] = [[] for _ in range(len(frame))]
    # The time of day matters to when a daily gap is known, but not to the day that touched it.
    kinds = [("origin_ts", "begun by the gap of", timeframe), ("known_at", "known at", "1m")]
    kinds += [(f"{event}_ts", event.replace("_", " "), timeframe) for event in _EVENTS]
    for name, words, form in kinds:
        if name not in frame:
            continue
        at = times(frame, name, what)
        there = np.flatnonzero(at != NO_TIME)
        for row, text in zip(there.tolist(), moments(at[there], form), strict=True):
            lines[row].append(f"{words} {text}")
    if "depth" in frame:
        for row, depth in enumerate(numeric_column(frame, "depth", what)):
            if not np.isnan(depth):
                lines[row].append(f"deepest return {depth:.0%} of the zone")
    return lines


def _alive(born: Ints, events: dict[str, Ints], candles: Candles) -> Ints:
    """Rows known by the window's end and not ended before its start."""
    alive = (born != NO_TIME) & (born <= candles.last)
    for event in ("filled", "inverted"):
        alive &= (events[event] == NO_TIME) | (events[event] >= candles.first)
    return np.flatnonzero(alive)


def _end(happened: dict[str, int], candles: Candles, edge: float) -> tuple[End, float]:
    """What ended a zone and where: at the close of the bar that did, or at the edge if that lies beyond the window.

    A zone that closed beyond its far edge on the bar that filled it is inverted, not only filled.
    """
    filled, inverted = happened.get("filled"), happened.get("inverted")
    ends = [at for at in (filled, inverted) if at is not None and at <= candles.last]
    if not ends:
        return "open", edge
    first = min(ends)
    return ("inverted" if inverted == first else "filled"), candles.position(first) + 0.5


def _measures(kind: ZoneKind, side: int, bottom: float, top: float, price: Price) -> list[str]:
    return [
        f"{SIDE_NAMES[side]} {KIND_NAMES[kind]} {price(bottom)} – {price(top)}",
        f"middle {price((bottom + top) / 2)}, height {price(top - bottom)}",
    ]
