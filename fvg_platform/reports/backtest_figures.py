"""A backtest and the choice of its threshold as figures; None where there is nothing to draw."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fvg_platform.reports.figure_style import BETTER, MUTED, blank, calm, legend
from fvg_platform.reports.model_values import is_number, mapping_of, records_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHERS: dict[str, dict[str, Any]] = {
    "all setups": {"color": "#E69F00", "linestyle": (0, (5, 2))},
    "random entries": {"color": "#CC79A7", "linestyle": (0, (1, 1.5))},
    "buy and hold": {"color": MUTED, "linestyle": "solid"},
}


def equity_figure(backtest: Any) -> "Figure | None":
    """Growth of the signals' equity between the worse and the better path, the other runs beside it.

    Parameters
    ----------
    backtest
        As `BacktestReport.to_dict` gives it; of the other runs the worse path is drawn.
    """
    runs = mapping_of(mapping_of(backtest).get("runs"))
    worse, better = (_equity(runs, "signals", path) for path in ("lo", "hi"))
    others = {name: _equity(runs, name, "lo") for name in _OTHERS}
    if not any(len(curve) for curve in (worse, better, *others.values())):
        return None
    figure, (axes,) = blank(8.6, 3.3)
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    for name, style in _OTHERS.items():
        if len(others[name]):
            axes.plot(others[name].index, others[name], linewidth=1.1, label=name, **style)
    _between_paths(axes, worse, better)
    calm(axes, grid="y")
    axes.set_ylabel("growth since the start, %")
    legend(axes)
    return figure


def _between_paths(axes: "Axes", worse: "pd.Series[float]", better: "pd.Series[float]") -> None:
    if len(worse) and len(better):
        both = pd.concat([worse, better], axis=1).sort_index().ffill().dropna()
        axes.fill_between(both.index, both.iloc[:, 0], both.iloc[:, 1], color=BETTER, alpha=0.12, linewidth=0)
    if len(better):
        axes.plot(better.index, better, color=BETTER, linewidth=1.1, alpha=0.65, label="signals, better path")
    if len(worse):
        axes.plot(worse.index, worse, color=BETTER, linewidth=1.9, label="signals, worse path")


def _equity(runs: dict[str, Any], name: str, path: str) -> "pd.Series[float]":
    """Growth in percent by day."""
    points = mapping_of(mapping_of(runs.get(name)).get(path)).get("equity") or []
    known = [(day, value) for day, value in points if is_number(value)]
    if not known:
        return pd.Series(dtype=float)
    curve = pd.Series([value for _, value in known], pd.to_datetime([day for day, _ in known], utc=True))
    return (curve / curve.iloc[0] - 1.0) * 100.0


def threshold_figure(threshold: Any) -> "Figure | None":
    """Mean R of acting from each candidate on, with its lower bound: chosen is the highest bound, if above 0.

    The candidates stand side by side, not to scale: the first acts on everything, whatever its probability.
    """
    stored = mapping_of(threshold)
    rows = [row for row in records_of(stored.get("candidates")) if is_number(row.get("mean_r"))]
    if len(rows) < 2:
        return None
    frame = pd.DataFrame(rows, columns=["value", "n", "mean_r", "corrected_low"]).sort_values("value")
    places = np.arange(len(frame))
    figure, (axes,) = blank(8.6, 2.7)
    axes.axhline(0.0, color=MUTED, linewidth=0.9)
    low = frame["corrected_low"].to_numpy(float)
    axes.vlines(places, low, frame["mean_r"], color=BETTER, alpha=0.4)
    axes.plot(places, low, "_", color=BETTER, markersize=9, label="lower bound, for all tried")
    axes.plot(places, frame["mean_r"], "o", color=BETTER, markersize=4.5, label="mean R on folds")
    if is_number(stored.get("value")):
        chosen = int(np.argmin(np.abs(frame["value"].to_numpy(float) - stored["value"])))
        axes.axvspan(chosen - 0.4, chosen + 0.4, color=BETTER, alpha=0.10, linewidth=0, label="chosen")
    calm(axes, grid="y")
    axes.set(xlabel="act when target 1's probability is at least", ylabel="R a trade")
    axes.set_xticks(places, ["all" if value == 0 else f"{value:.3f}" for value in frame["value"]])
    legend(axes)
    return figure
