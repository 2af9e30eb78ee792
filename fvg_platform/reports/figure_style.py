"""How the figures of models look, and the two ways they travel: SVG data for a page, PNG for Markdown elsewhere."""

import base64
import io
from typing import TYPE_CHECKING, Any, Literal

from fvg_platform.reports.chart_style import FAINT, INK, OUTCOME_COLOURS, SIDE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MUTED = "#8A8A8A"
BETTER, WORSE = SIDE_COLOURS[1], OUTCOME_COLOURS["stop"]
_TARGETS: dict[str, dict[str, str]] = {
    "target_1": {"color": "#0072B2", "marker": "o"},
    "target_2": {"color": "#009E73", "marker": "s"},
    "target_3": {"color": "#CC79A7", "marker": "^"},
    "entered": {"color": "#6E6E6E", "marker": "D"},
}


def target_style(target: str) -> dict[str, Any]:
    """Colour and marker of a target: told apart without colours too."""
    return dict(_TARGETS.get(target, {"color": INK, "marker": "v"}))


def blank(
    width: float, height: float, *, columns: int = 1, sharey: bool = False
) -> "tuple[Figure, list[Axes]]":
    """An empty figure of inches and its panels from left to right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, sharey=sharey, squeeze=False)[0])


def calm(axes: "Axes", *, grid: Literal["x", "y", "both"]) -> None:
    """Thin lines behind the data instead of a box around it."""
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=FAINT, linewidth=0.7)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.xaxis.label.set(fontsize=8, color=MUTED)
    axes.yaxis.label.set(fontsize=8, color=MUTED)


def legend(axes: "Axes") -> None:
    """The legend to the right of the panel, where it hides nothing."""
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.02), labelcolor=INK)


def svg_data(figure: "Figure") -> str:
    """The figure as a `data:` address: the same figure gives the same text, and its words stay words."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fvg"}):
        # The same text as by `savefig`, which draws a figure twice to lay it out.
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"
