"""How complete the bars are, as tables and as pictures whose size does not grow with the number of series."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.reports.overview import records

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SERIES_SHOWN = 40
"""So many series are shown by name, the least complete ones; an event of Dagster's log is kept for long."""
MONTHS_SHOWN = 120
"""A longer history is shown by years: a month of less than four pixels cannot be seen."""


def coverage_table(series: pd.DataFrame) -> str:
    """Two Markdown tables: the sums of each timeframe, and the series that lack most.

    Parameters
    ----------
    series
        One row per series: `ticker, timeframe, expected, present, missing, untraded, lost, unexpected, longest_hole,
        completeness` (a share).
    """
    head = (
        "expected | present | untraded | lost | else missing | longest hole | off the calendar | complete |"
    )
    line = "--:|--:|--:|--:|--:|--:|--:|--:|"
    lines = [f"| timeframe | series | {head}", f"|---|--:|{line}"]
    for timeframe in [name for name in TIMEFRAMES if (series["timeframe"] == name).any()]:
        rows = series[series["timeframe"] == timeframe]
        sums = rows[["expected", "present", "missing", "untraded", "lost", "unexpected"]].sum()
        traded = int(sums["expected"] - sums["untraded"])
        complete = int(sums["present"]) / traded if traded else 1.0
        figures = {
            **{str(k): v for k, v in sums.items()},
            "longest_hole": rows["longest_hole"].max(),
            "completeness": complete,
        }
        lines.append(f"| {timeframe} | {len(rows):,} | {_figures(figures)}")
    shown = series.sort_values(["completeness", "missing"], ascending=[True, False]).head(SERIES_SHOWN)
    lines += ["", f"| series | {head}", f"|---|{line}"]
    lines += [f"| {row['ticker']} {row['timeframe']} | {_figures(row)}" for row in records(shown)]
    if len(series) > len(shown):
        lines += ["", f"{len(series) - len(shown):,} more series are more complete than these."]
    return "\n".join(lines)


def _figures(row: dict[str, float]) -> str:
    rest = row["missing"] - row["untraded"] - row["lost"]
    counts = (row["expected"], row["present"], row["untraded"], row["lost"], rest)
    cells = [f"{int(count):,}" for count in (*counts, row["longest_hole"], row["unexpected"])]
    return " | ".join(cells) + f" | {row['completeness']:.2%} |"


def coverage_heat_maps(monthly: pd.DataFrame) -> dict[str, str]:
    """A picture for each timeframe, in Markdown: tickers down, months across, the share of the bars that is there.

    The first row is all tickers together; below it stand the :data:`SERIES_SHOWN` least complete ones, the worst
    first.

    Parameters
    ----------
    monthly
        `ticker, timeframe, month` (its first day, without a zone), `expected, present, untraded`.

    Returns
    -------
    By timeframe, the finest first. With 500 tickers over ten years of noise a picture has 26 kB.
    """
    return {
        timeframe: _heat_map(monthly[monthly["timeframe"] == timeframe], timeframe)
        for timeframe in TIMEFRAMES
        if (monthly["timeframe"] == timeframe).any()
    }


def _heat_map(monthly: pd.DataFrame, timeframe: str) -> str:
    span = monthly["month"].dt.to_period("M")
    by_years = len(pd.period_range(span.min(), span.max(), freq="M")) > MONTHS_SHOWN
    periods = monthly["month"].dt.to_period("Y") if by_years else span
    share, tickers = _shares(monthly.assign(period=periods))
    return _picture_of(share, tickers, timeframe, "year" if by_years else "month")


def _shares(monthly: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Shares by row and period, NaN where nothing was to be expected; and how many tickers there are."""
    monthly = monthly.assign(traded=monthly["expected"] - monthly["untraded"])
    sums = monthly.groupby(["ticker", "period"])[["present", "traded"]].sum()
    whole = sums.groupby("ticker").sum()
    worst = (
        (whole["present"] / whole["traded"].where(whole["traded"] > 0)).fillna(1.0).sort_values(kind="stable")
    )
    together = sums.groupby("period").sum()
    shown = sums[sums.index.isin(worst.index[:SERIES_SHOWN], level="ticker")]
    rows = (shown["present"] / shown["traded"].where(shown["traded"] > 0)).unstack("period")
    rows = rows.reindex(worst.index[:SERIES_SHOWN])
    first = (together["present"] / together["traded"].where(together["traded"] > 0)).rename("all together")
    share = pd.concat([first.to_frame().T, rows])
    periods = pd.PeriodIndex(share.columns)
    return share.reindex(columns=pd.period_range(periods.min(), periods.max())), len(whole)


def _picture_of(share: pd.DataFrame, tickers: int, timeframe: str, column: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(max(6.0, min(0.09 * share.shape[1] + 2.5, 12.0)), max(1.8, 0.2 * len(share) + 1.2))
    )
    axes = figure.add_subplot()
    image = axes.imshow(
        share.to_numpy(float), aspect="auto", vmin=0.9, vmax=1.0, cmap="RdYlGn", interpolation="none"
    )
    axes.set_yticks(range(len(share)), [str(name) for name in share.index], fontsize=7)
    step = -(-share.shape[1] // (6 if share.shape[1] < 40 else 12))
    axes.set_xticks(
        range(0, share.shape[1], step), [str(period) for period in share.columns[::step]], fontsize=7
    )
    shown = (
        f"the {len(share) - 1} least complete of {tickers} tickers"
        if tickers >= len(share)
        else f"{tickers} tickers"
    )
    axes.set_title(
        f"{timeframe}: share of the traded bars that is there ({shown}; 90 % or less is red)", fontsize=8
    )
    figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    figure.tight_layout()
    return picture(figure, f"coverage of {timeframe} by ticker and {column}")


def picture(figure: "Figure", title: str) -> str:
    """A figure as a Markdown image that carries its own bytes, in 64 colours: a third of the size of true colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    packed = io.BytesIO()
    # The same points as by `savefig`, which draws a figure twice to lay it out and packs it in between.
    figure.set_dpi(90)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    points = Image.fromarray(np.asarray(canvas.buffer_rgba()))
    points.convert("RGB").quantize(64).save(packed, format="png", optimize=True)
    return f"![{title}](data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()})"
