"""A picture of gaps as a PNG or as matplotlib's figure, without pyplot's global state."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from fvg_platform.reports.chart import Chart
from fvg_platform.reports.chart_axis import Candles
from fvg_platform.reports.chart_file import require_suffix, write_whole
from fvg_platform.reports.chart_png_legend import ENTRY_MARKERS, HATCHES, draw_legend, marker_of
from fvg_platform.reports.chart_style import (
    FAINT,
    HATCH_OPACITY,
    INK,
    LEVEL_COLOURS,
    LEVEL_OPACITY,
    OUTCOME_COLOURS,
    PAPER,
    SIDE_COLOURS,
    VOLUME_COLOURS,
    fill_opacity,
)
from fvg_platform.reports.chart_trades import Exit, Trade
from fvg_platform.reports.chart_zones import Zone

SIZE = (1600, 900)
"""Pixels, width and height."""
_DPI = 100


def draw_png(chart: Chart, path: Path | str | None) -> Figure:
    """Draw with matplotlib, 1600 x 900 pixels.

    Parameters
    ----------
    chart
        What is drawn.
    path
        A `.png` file, written whole or not at all; None writes nothing.

    Returns
    -------
    Figure
        The figure, which a notebook shows.
    """
    place = None if path is None else require_suffix(path, ".png")
    figure = Figure(figsize=(SIZE[0] / _DPI, SIZE[1] / _DPI), dpi=_DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    prices, volumes = _panels(figure, chart)
    for zone in chart.zones:
        _draw_zone(prices, zone, chart)
    _draw_candles(prices, chart.candles)
    for trade in chart.trades:
        _draw_trade(prices, trade)
    _draw_volume(volumes, chart.candles)
    draw_legend(figure, chart)
    if place is not None:
        write_whole(place, _bytes_of(figure))
    return figure


def png_of(chart: Chart) -> bytes:
    """The picture as the bytes of a .png file."""
    return _bytes_of(draw_png(chart, None))


def _bytes_of(figure: Figure) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI)
    return drawn.getvalue()


def _panels(figure: Figure, chart: Chart) -> tuple[Axes, Axes]:
    grid = figure.add_gridspec(
        2, 1, height_ratios=(6, 1), hspace=0.03, left=0.02, right=0.945, top=0.905, bottom=0.14
    )
    prices = figure.add_subplot(grid[0])
    volumes = figure.add_subplot(grid[1], sharex=prices)
    prices.set_xlim(chart.left, chart.right)
    prices.set_ylim(chart.low, chart.high)
    figure.text(0.02, 0.965, chart.title, fontsize=15, fontweight="bold", color=INK)
    for row, line in enumerate(chart.counts):
        figure.text(0.02, 0.941 - 0.023 * row, line, fontsize=10, color=INK)
    for axes in (prices, volumes):
        axes.yaxis.tick_right()
        axes.set_axisbelow(True)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.tick_params(labelsize=9, length=0, colors=INK)
        for side in axes.spines.values():
            side.set_color(FAINT)
    prices.tick_params(labelbottom=False)
    prices.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.{chart.decimals}f}"))
    volumes.set_xticks([tick.x for tick in chart.ticks], [tick.label for tick in chart.ticks])
    return prices, volumes


def _draw_zone(axes: Axes, zone: Zone, chart: Chart) -> None:
    colour, opacity = SIDE_COLOURS[zone.side], fill_opacity(zone)
    # Beyond the picture where the zone goes on, so that it shows no edge there.
    left = chart.left - 1 if zone.clipped else zone.left
    right = zone.right + 1 if zone.end == "open" else zone.right

    def rectangle(**style: Any) -> None:
        axes.add_patch(Rectangle((left, zone.bottom), right - left, zone.top - zone.bottom, **style))

    rectangle(facecolor=to_rgba(colour, opacity), edgecolor="none", zorder=1)
    if zone.kind in HATCHES:
        hatch = to_rgba(colour, HATCH_OPACITY[zone.end])
        rectangle(facecolor="none", edgecolor=hatch, hatch=HATCHES[zone.kind], linewidth=0, zorder=1.1)
    edge = to_rgba(colour, 0.8)
    if zone.kind == "joined":
        rectangle(facecolor="none", edgecolor=edge, linewidth=0.9, linestyle=(0, (6, 2, 1, 2)), zorder=1.2)
    elif zone.kind == "gap" and zone.end == "open":
        rectangle(facecolor="none", edgecolor=edge, linewidth=0.9, zorder=1.2)
        axes.plot([left, right], [zone.mid] * 2, color=edge, linewidth=0.7, linestyle=":", zorder=1.2)


def _draw_candles(axes: Axes, candles: Candles) -> None:
    """Hollow where the close lies above the open, solid where below: readable without colour."""
    x, rising = np.arange(len(candles)), candles.close >= candles.open
    body_low, body_high = np.minimum(candles.open, candles.close), np.maximum(candles.open, candles.close)
    wicks = [
        *(((a, low), (a, body)) for a, low, body in zip(x, candles.low, body_low, strict=True)),
        *(((a, body), (a, high)) for a, body, high in zip(x, body_high, candles.high, strict=True)),
    ]
    width = 0.9 if len(candles) < 150 else 0.7
    axes.add_collection(LineCollection(wicks, colors=INK, linewidths=width, zorder=3))
    bodies = [
        Rectangle((a - 0.34, low), 0.68, high - low)
        for a, low, high in zip(x, body_low, body_high, strict=True)
    ]
    faces = [PAPER if up else INK for up in rising]
    axes.add_collection(
        PatchCollection(bodies, facecolors=faces, edgecolors=INK, linewidths=width, zorder=3.1)
    )


def _draw_trade(axes: Axes, trade: Trade) -> None:
    style = "-" if trade.status == "entered" else (0, (5, 3))
    for level in trade.levels:
        axes.plot(
            [level.left, level.right],
            [level.price] * 2,
            color=to_rgba(LEVEL_COLOURS[level.role], LEVEL_OPACITY[level.role]),
            linewidth=1.0,
            linestyle=style,
            zorder=4,
            solid_capstyle="butt",
        )
    for pair in trade.doubts:
        axes.plot(
            [e.x for e in pair], [e.price for e in pair], color=INK, linewidth=0.7, linestyle=":", zorder=5
        )
    for exit_ in sorted(trade.exits, key=lambda e: e.identified):
        _mark(axes, exit_)
    if trade.x is not None:
        axes.plot(
            trade.x,
            trade.price,
            marker=ENTRY_MARKERS[trade.side],
            color=INK,
            markeredgecolor=PAPER,
            markeredgewidth=0.6,
            markersize=7,
            zorder=6,
        )


def _mark(axes: Axes, exit_: Exit) -> None:
    axes.plot(exit_.x, exit_.price, zorder=7, **marker_of(exit_.outcome, exit_.identified))
    if exit_.outcome == "target":
        axes.annotate(
            ",".join(map(str, exit_.targets)),
            (exit_.x, exit_.price),
            xytext=(5, 3),
            textcoords="offset points",
            fontsize=7,
            color=OUTCOME_COLOURS["target"],
            zorder=7,
        )


def _draw_volume(axes: Axes, candles: Candles) -> None:
    volume, rising = np.nan_to_num(candles.volume), candles.close >= candles.open
    colours = [VOLUME_COLOURS[bool(up)] for up in rising]
    axes.bar(np.arange(len(candles)), volume, width=0.68, color=colours, linewidth=0)
    axes.set_ylim(0, float(volume.max()) * 1.08 or 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.locator_params(axis="y", nbins=2)
    axes.text(0.004, 0.9, "volume", transform=axes.transAxes, fontsize=8, color=INK, va="top")


def _short(value: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
