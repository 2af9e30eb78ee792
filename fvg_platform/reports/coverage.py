"""How complete the bars are, as a table and as a picture."""

import base64
import io

import pandas as pd

from fvg_platform.reports.overview import records


def coverage_table(series: pd.DataFrame) -> str:
    """A Markdown table: one row per series, with what its exchange's calendar expects and what is there."""
    lines = ["| series | expected | present | missing | longest hole | off the calendar | complete |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for row in records(series):
        complete = 1 - row["missing"] / row["expected"] if row["expected"] else 1.0
        lines.append(
            f"| {row['ticker']} {row['timeframe']} | {row['expected']:,} | {row['present']:,} | {row['missing']:,} | "
            f"{row['longest_hole']:,} | {row['unexpected']:,} | {complete:.2%} |"
        )
    return "\n".join(lines)


def coverage_heat_map(by_year: pd.DataFrame) -> str:
    """A picture in Markdown: series down, years across, the share of expected bars that is there.

    Parameters
    ----------
    by_year
        `ticker, timeframe, year, present, missing`.
    """
    if by_year.empty:
        return "no bars yet"
    from matplotlib.figure import Figure

    share = by_year.assign(
        series=by_year["ticker"] + " " + by_year["timeframe"],
        share=by_year["present"] / (by_year["present"] + by_year["missing"]),
    ).pivot(index="series", columns="year", values="share")
    share = share.reindex(columns=range(int(share.columns.min()), int(share.columns.max()) + 1))
    figure = Figure(figsize=(max(6.0, 0.22 * share.shape[1] + 2.5), max(2.0, 0.24 * share.shape[0] + 1.2)))
    axes = figure.add_subplot()
    image = axes.imshow(
        share.to_numpy(float), aspect="auto", vmin=0.9, vmax=1.0, cmap="RdYlGn", interpolation="none"
    )
    axes.set_yticks(range(len(share)), share.index, fontsize=7)
    step = max(1, share.shape[1] // 12)
    axes.set_xticks(range(0, share.shape[1], step), share.columns[::step], fontsize=7)
    axes.set_title("Share of the bars that the exchange calendar expects (90 % or less is red)", fontsize=9)
    figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    figure.tight_layout()
    return picture(figure, "coverage by series and year")


def picture(figure: object, title: str) -> str:
    """A figure as a Markdown image that carries its own bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)  # type: ignore[attr-defined]
    return f"![{title}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
