"""The words below the PNG: what colours, hatches, lines and marks mean, as far as the picture holds them."""

from typing import Any

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fvg_platform.reports.chart import Chart
from fvg_platform.reports.chart_style import (
    ENTRY_WORDS,
    FADED_WORDS,
    HOLLOW_WORDS,
    INK,
    KIND_WORDS,
    LEVEL_COLOURS,
    LEVEL_WORDS,
    OPEN_WORDS,
    OUTCOME_COLOURS,
    OUTCOME_WORDS,
    PAPER,
    PENDING_WORDS,
    SIDE_COLOURS,
    SIDE_WORDS,
)
from fvg_platform.reports.chart_zones import ZoneKind

Entry = tuple[tuple[Any, ...], str]
"""Signs side by side, and what they mean."""

HATCHES: dict[ZoneKind, str] = {"inversion": "////", "balanced": "xxxx"}
OUTCOME_MARKERS = {"target": "o", "stop": "X", "timeout": "s"}
ENTRY_MARKERS = {1: "^", -1: "v"}


def draw_legend(figure: Figure, chart: Chart) -> None:
    """Only what the picture holds is explained."""
    entries = [
        ((Patch(facecolor=PAPER, edgecolor=INK, linewidth=0.9),), "closed at or above its open"),
        ((Patch(facecolor=INK, edgecolor=INK, linewidth=0.9),), "closed below its open"),
        *_zone_entries(chart),
        *_trade_entries(chart),
    ]
    figure.legend(  # type: ignore[call-overload]  # its stub knows no tuples of handles
        [handles for handles, _ in entries],
        [words for _, words in entries],
        loc="lower left",
        bbox_to_anchor=(0.016, 0.004),
        ncols=-(-len(entries) // 3),
        fontsize=9,
        frameon=False,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.2)},
        labelcolor=INK,
        columnspacing=1.5,
        handlelength=2.6,
    )


def _zone_entries(chart: Chart) -> list[Entry]:
    gaps = [zone for zone in chart.zones if zone.kind == "gap"]
    sides = sorted({zone.side for zone in gaps}, reverse=True)
    colours = [SIDE_COLOURS[side] for side in sides]
    entries: list[Entry] = [
        ((Patch(facecolor=to_rgba(SIDE_COLOURS[side], 0.3)),), SIDE_WORDS[side]) for side in sides
    ]
    if any(zone.end == "open" for zone in gaps):
        outlined = tuple(Patch(facecolor=to_rgba(c, 0.18), edgecolor=to_rgba(c, 0.8)) for c in colours)
        entries.append((outlined, OPEN_WORDS))
    if any(zone.end != "open" for zone in gaps):
        entries.append((tuple(Patch(facecolor=to_rgba(c, 0.13)) for c in colours), FADED_WORDS))
    for kind, words in KIND_WORDS.items():
        present = sorted({zone.side for zone in chart.zones if zone.kind == kind}, reverse=True)
        if present:
            entries.append((tuple(_kind_patch(kind, side) for side in present), words))
    return entries


def _kind_patch(kind: ZoneKind, side: int) -> Patch:
    colour = SIDE_COLOURS[side]
    if kind == "joined":
        return Patch(facecolor="none", edgecolor=colour, linestyle="-.", linewidth=0.9)
    face, edge = to_rgba(colour, 0.2), to_rgba(colour, 0.5)
    return Patch(facecolor=face, edgecolor=edge, hatch=HATCHES[kind], linewidth=0)


def _trade_entries(chart: Chart) -> list[Entry]:
    entries: list[Entry] = []
    entered = [trade for trade in chart.trades if trade.x is not None]
    for side, words in ENTRY_WORDS.items():
        if any(trade.side == side for trade in entered):
            entries.append(((Line2D([], [], color=INK, marker=ENTRY_MARKERS[side], ls=""),), words))
    if chart.trades:
        for role, words in LEVEL_WORDS.items():
            entries.append(((Line2D([], [], color=LEVEL_COLOURS[role], lw=1.2),), words))
    if len(entered) < len(chart.trades):
        entries.append(((Line2D([], [], color=INK, lw=1.2, ls=(0, (5, 3))),), PENDING_WORDS))
    exits = [exit_ for trade in entered for exit_ in trade.exits]
    for outcome, words in OUTCOME_WORDS.items():
        if any(exit_.outcome == outcome for exit_ in exits):
            entries.append(((Line2D([], [], **marker_of(outcome, True)),), words))
    if any(not exit_.identified for exit_ in exits):
        hollow = tuple(Line2D([], [], **marker_of(outcome, False)) for outcome in ("target", "stop"))
        entries.append((hollow, HOLLOW_WORDS))
    return entries


def marker_of(outcome: str, identified: bool) -> dict[str, Any]:
    """How an outcome is marked: filled where the bars leave no doubt."""
    colour = OUTCOME_COLOURS[outcome]
    return {
        "marker": OUTCOME_MARKERS[outcome],
        "linestyle": "none",
        # The hollow one is larger: it stays visible around a filled one, where one target's outcome is open.
        "markersize": (7.5 if outcome == "stop" else 6.5) + (0 if identified else 3),
        "markerfacecolor": colour if identified else PAPER,
        "markeredgecolor": PAPER if identified else colour,
        "markeredgewidth": 0.6 if identified else 1.3,
    }
