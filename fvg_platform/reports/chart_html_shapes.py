"""Zones, levels and marks as plotly's traces, with the facts that show under the pointer."""

import html
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

from fvg_platform.reports.chart import Chart
from fvg_platform.reports.chart_rows import Role
from fvg_platform.reports.chart_style import (
    ENTRY_WORDS,
    HATCH_OPACITY,
    INK,
    KIND_WORDS,
    LEVEL_COLOURS,
    LEVEL_OPACITY,
    LEVEL_WORDS,
    OUTCOME_COLOURS,
    OUTCOME_WORDS,
    PAPER,
    PENDING_WORDS,
    SIDE_COLOURS,
    SIDE_WORDS,
    fill_opacity,
)
from fvg_platform.reports.chart_trades import Exit, Level, Trade
from fvg_platform.reports.chart_zones import Zone, ZoneKind

_PATTERNS: dict[ZoneKind, str] = {"inversion": "/", "balanced": "x"}
_OUTCOME_SYMBOLS = {"target": "circle", "stop": "x", "timeout": "square"}
_ENTRY_SYMBOLS = {1: "triangle-up", -1: "triangle-down"}
_KEYS: dict[ZoneKind, str] = {
    "gap": "square",
    "joined": "square-open",
    "inversion": "hash-open",
    "balanced": "square-x-open",
}
_HOLLOW = "hollow: the bars leave it open"


def zone_traces(chart: Chart) -> list[go.Scatter]:
    """One filled polygon for each zone, since the text under the pointer belongs to a whole trace."""
    groups = dict.fromkeys(
        (_group(zone), zone.kind, zone.side if zone.kind == "gap" else 0) for zone in chart.zones
    )
    return [
        *(_zone_trace(zone, chart) for zone in chart.zones),
        *(_zone_key(*group) for group in groups),
        *_middle_traces(chart),
    ]


def _group(zone: Zone) -> str:
    return SIDE_WORDS[zone.side] if zone.kind == "gap" else KIND_WORDS[zone.kind]


def _zone_trace(zone: Zone, chart: Chart) -> go.Scatter:
    colour = SIDE_COLOURS[zone.side]
    left, right = _extent(zone, chart)
    is_outlined = zone.kind == "joined" or (zone.kind == "gap" and zone.end == "open")
    style: dict[str, Any] = {"fillcolor": _rgba(colour, fill_opacity(zone))}
    if zone.kind in _PATTERNS:
        hatch = _rgba(colour, HATCH_OPACITY[zone.end])
        style["fillpattern"] = {"shape": _PATTERNS[zone.kind], "fgcolor": hatch, "size": 7, "solidity": 0.15}
    return go.Scatter(
        x=[left, right, right, left, left],
        y=[zone.bottom, zone.bottom, zone.top, zone.top, zone.bottom],
        mode="lines",
        fill="toself",
        line={
            "color": _rgba(colour, 0.8 if is_outlined else 0.0),
            "width": 1,
            "dash": "dashdot" if zone.kind == "joined" else "solid",
        },
        hoveron="fills",
        hoverinfo="text",
        text=text_lines(zone.facts),
        hoverlabel={"bgcolor": PAPER, "bordercolor": colour, "font": {"color": INK}},
        name=_group(zone),
        legendgroup=_group(zone),
        showlegend=False,
        **style,
    )


def _zone_key(group: str, kind: ZoneKind, side: int) -> go.Scatter:
    """A sign for the legend: that of a zone itself would be as faint as the zone."""
    colour = _rgba(SIDE_COLOURS[side], 0.4) if side else INK
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": _KEYS[kind], "size": 13, "color": colour},
        name=group,
        legendgroup=group,
    )


def _middle_traces(chart: Chart) -> list[go.Scatter]:
    """The middles of the open gaps, in the colours of their sides."""
    traces = []
    for side, words in SIDE_WORDS.items():
        zones = [z for z in chart.zones if (z.kind, z.end, z.side) == ("gap", "open", side)]
        extents = [(*_extent(zone, chart), zone.mid) for zone in zones]
        if extents:
            traces.append(
                go.Scatter(
                    x=[x for left, right, _ in extents for x in (left, right, None)],
                    y=[y for _, _, mid in extents for y in (mid, mid, None)],
                    mode="lines",
                    line={"color": _rgba(SIDE_COLOURS[side], 0.8), "width": 1, "dash": "dot"},
                    hoverinfo="skip",
                    legendgroup=words,
                    showlegend=False,
                )
            )
    return traces


def _extent(zone: Zone, chart: Chart) -> tuple[float, float]:
    """Beyond the picture where the zone goes on, so that it shows no edge there."""
    return chart.left - 1 if zone.clipped else zone.left, zone.right + 1 if zone.end == "open" else zone.right


def level_traces(trades: Iterable[Trade]) -> list[go.Scatter]:
    """All lines of one role and status are one trace, with holes between them."""
    lines: dict[tuple[Role, str], list[Level]] = {}
    for trade in trades:
        for level in trade.levels:
            lines.setdefault((level.role, trade.status), []).append(level)
    explained: set[str] = set()
    traces = []
    for (role, status), levels in lines.items():
        group = LEVEL_WORDS.get(role, LEVEL_WORDS["target_1"]) if status == "entered" else PENDING_WORDS
        traces.append(
            go.Scatter(
                x=[x for level in levels for x in (level.left, level.right, None)],
                y=[y for level in levels for y in (level.price, level.price, None)],
                mode="lines",
                line={
                    "color": _rgba(LEVEL_COLOURS[role], LEVEL_OPACITY[role]),
                    "width": 1.2,
                    "dash": "solid" if status == "entered" else "dash",
                },
                hoverinfo="skip",
                zorder=2,
                name=group,
                legendgroup=group,
                showlegend=group not in explained,
            )
        )
        explained.add(group)
    return traces


def mark_traces(chart: Chart) -> list[go.Scatter]:
    """Entries and exits; the text under the pointer is the setup's."""
    traces = []
    entered = [trade for trade in chart.trades if trade.x is not None]
    doubts = [pair for trade in entered for pair in trade.doubts]
    if doubts:
        traces.append(_doubt_trace(doubts))
    exits = [(trade, exit_) for trade in entered for exit_ in trade.exits]
    for identified in (False, True):
        for outcome, words in OUTCOME_WORDS.items():
            those = [(t, e) for t, e in exits if (e.outcome, e.identified) == (outcome, identified)]
            if those:
                traces.append(_exit_trace(those, outcome, identified, words))
    for side, words in ENTRY_WORDS.items():
        mine = [trade for trade in entered if trade.side == side]
        if mine:
            marker = {"symbol": _ENTRY_SYMBOLS[side], "color": INK, "size": 10}
            marker["line"] = {"color": PAPER, "width": 1}
            texts = [text_lines(trade.facts) for trade in mine]
            traces.append(_marks([t.x for t in mine], [t.price for t in mine], texts, marker, words))
    return traces


def _doubt_trace(doubts: list[tuple[Exit, Exit]]) -> go.Scatter:
    return go.Scatter(
        x=[x for lo, hi in doubts for x in (lo.x, hi.x, None)],
        y=[y for lo, hi in doubts for y in (lo.price, hi.price, None)],
        mode="lines",
        line={"color": INK, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        zorder=3,
        showlegend=False,
    )


def _exit_trace(exits: list[tuple[Trade, Exit]], outcome: str, identified: bool, words: str) -> go.Scatter:
    colour = OUTCOME_COLOURS[outcome]
    marker = {
        "symbol": _OUTCOME_SYMBOLS[outcome],
        "size": 9 if identified else 13,
        "color": colour if identified else PAPER,
        "line": {"color": PAPER if identified else colour, "width": 1 if identified else 2},
    }
    texts = [
        text_lines((", ".join(f"T{k}" for k in exit_.targets) + f" {outcome}", *trade.facts))
        for trade, exit_ in exits
    ]
    name = words if identified else f"{words}? ({_HOLLOW})"
    return _marks([e.x for _, e in exits], [e.price for _, e in exits], texts, marker, name)


def _marks(x: list[Any], y: list[float], texts: list[str], marker: dict[str, Any], name: str) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, mode="markers", marker=marker, text=texts, hoverinfo="text", name=name, zorder=3
    )


def text_lines(texts: Iterable[str]) -> str:
    """Lines of text as plotly wants them."""
    return "<br>".join(html.escape(text) for text in texts)


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
