"""A picture of gaps as an HTML page of its own or as plotly's figure: to zoom into, with the facts under the pointer.

The page carries plotly's program (5 MB): nothing is fetched, it opens without a network.
"""

import html
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fvg_platform.reports.chart import Chart
from fvg_platform.reports.chart_axis import Candles
from fvg_platform.reports.chart_file import require_suffix, write_whole
from fvg_platform.reports.chart_html_shapes import level_traces, mark_traces, text_lines, zone_traces
from fvg_platform.reports.chart_style import FAINT, INK, PAPER, VOLUME_COLOURS

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>html, body {{ margin: 0; height: 100%; background: #fff }}</style></head>
<body>
{figure}
</body>
</html>
"""


def draw_html(chart: Chart, path: Path | str | None) -> go.Figure:
    """Draw with plotly.

    Parameters
    ----------
    chart
        What is drawn.
    path
        A `.html` file, written whole or not at all; None writes nothing.

    Returns
    -------
    plotly.graph_objects.Figure
        The figure, which a notebook shows.
    """
    place = None if path is None else require_suffix(path, ".html")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.84, 0.16], vertical_spacing=0.02)
    prices = [
        *zone_traces(chart),
        _candle_trace(chart),
        *level_traces(chart.trades),
        *mark_traces(chart),
    ]
    figure.add_traces(prices, rows=1, cols=1)
    figure.add_trace(_volume_trace(chart.candles), row=2, col=1)
    _lay_out(figure, chart)
    if place is not None:
        write_whole(place, page_of(figure, f"{chart.ticker} {chart.timeframe}").encode())
    return figure


def page_of(figure: go.Figure, title: str) -> str:
    """A whole page around a figure, which needs nothing from elsewhere."""
    config = {"displaylogo": False, "responsive": True, "scrollZoom": True}
    drawn = figure.to_html(
        config=config, include_plotlyjs=True, full_html=False, default_height="100vh", default_width="100%"
    )
    return _PAGE.format(title=html.escape(title), figure=drawn)


def _candle_trace(chart: Chart) -> go.Candlestick:
    c, d = chart.candles, chart.decimals
    texts = [
        text_lines(
            (
                name,
                f"open {o:,.{d}f}, high {h:,.{d}f}, low {low:,.{d}f}, close {close:,.{d}f}",
                f"volume {volume:,.0f}",
            )
        )
        for name, o, h, low, close, volume in zip(
            c.names(), c.open, c.high, c.low, c.close, np.nan_to_num(c.volume), strict=True
        )
    ]
    return go.Candlestick(
        x=np.arange(len(c)),
        open=c.open,
        high=c.high,
        low=c.low,
        close=c.close,
        text=texts,
        hoverinfo="text",
        increasing={"line": {"color": INK, "width": 1}, "fillcolor": PAPER},
        decreasing={"line": {"color": INK, "width": 1}, "fillcolor": INK},
        zorder=1,
        name="candles: hollow where the close is above the open",
    )


def _volume_trace(candles: Candles) -> go.Bar:
    volume, rising = np.nan_to_num(candles.volume), candles.close >= candles.open
    return go.Bar(
        x=np.arange(len(candles)),
        y=volume,
        marker={"color": [VOLUME_COLOURS[bool(up)] for up in rising], "line": {"width": 0}},
        text=[f"{name}<br>volume {v:,.0f}" for name, v in zip(candles.names(), volume, strict=True)],
        textposition="none",
        hoverinfo="text",
        name="volume",
        showlegend=False,
    )


def _lay_out(figure: go.Figure, chart: Chart) -> None:
    words = "<br>".join(html.escape(line) for line in chart.counts)
    title = f"<b>{html.escape(chart.title)}</b><br><span style='font-size:12px'>{words}</span>"
    axis = {"gridcolor": FAINT, "zeroline": False, "linecolor": FAINT, "side": "right"}
    figure.update_layout(
        title={"text": title, "x": 0.01, "xanchor": "left", "font": {"size": 17, "color": INK}},
        template="none",
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        hovermode="closest",
        dragmode="pan",
        margin={"l": 24, "r": 70, "t": 100, "b": 100},
        legend={
            "orientation": "h",
            "yref": "container",
            "yanchor": "bottom",
            "y": 0.01,
            "x": 0,
            "font": {"size": 11},
        },
        font={"color": INK},
        bargap=0.32,
    )
    figure.update_yaxes(
        range=[chart.low, chart.high], tickformat=f",.{chart.decimals}f", row=1, col=1, **axis
    )
    figure.update_yaxes(nticks=3, row=2, col=1, **axis)
    labels = [tick.label.replace("\n", "<br>") for tick in chart.ticks]
    figure.update_xaxes(
        range=[chart.left, chart.right],
        tickvals=[tick.x for tick in chart.ticks],
        ticktext=labels,
        gridcolor=FAINT,
        zeroline=False,
        rangeslider={"visible": False},
    )
