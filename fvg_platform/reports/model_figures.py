"""What a model's figures look like as figures: calibration, importances, skill over time, resampling and tuning.

Each function gives a matplotlib figure, or None where there is nothing to draw. What becomes of it, an image in
Markdown or in the page of a card, is decided elsewhere; the backtest's are in `backtest_figures`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fvg_platform.reports.chart_style import INK
from fvg_platform.reports.figure_style import BETTER, MUTED, WORSE, blank, calm, legend, target_style
from fvg_platform.reports.model_values import is_number, mapping_of, records_of, targets_in, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEATURES_SHOWN = 15
_SAID_LOW, _SAID_HIGH = ("rate_low", "low_rate"), ("rate_high", "high_rate")


def reliability_figure(curves: Mapping[str, Any]) -> "Figure | None":
    """Predicted against observed rates, a panel for each target, with each group's interval where there is one.

    Parameters
    ----------
    curves
        By target a frame or a list of records: `mean_prediction, rate, n`, optionally `rate_low, rate_high`.
    """
    frames = {target: pd.DataFrame(curves[target]) for target in targets_in(curves)}
    frames = {target: frame for target, frame in frames.items() if len(frame)}
    if not frames:
        return None
    figure, panels = blank(2.7 * len(frames) + 0.5, 3.1, columns=len(frames))
    for axes, (target, curve) in zip(panels, frames.items(), strict=True):
        _reliability_panel(axes, target, curve)
    panels[0].set_ylabel("share that came true")
    return figure


def _reliability_panel(axes: "Axes", target: str, curve: pd.DataFrame) -> None:
    said, seen = curve["mean_prediction"].to_numpy(float), curve["rate"].to_numpy(float)
    low, high = (_first_column(curve, names, seen) for names in (_SAID_LOW, _SAID_HIGH))
    style = target_style(target)
    top = min(1.0, 1.08 * float(np.nanmax([*said, *seen, *high, 0.2])))
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.vlines(said, low, high, color=style["color"], linewidth=1.1, alpha=0.45)
    axes.plot(said, seen, markersize=4.5, linewidth=1.1, **style)
    calm(axes, grid="both")
    axes.set(xlim=(0, top), ylim=(0, top), aspect="equal", xlabel="probability said")
    axes.set_title(f"{words(target)}, n {int(curve['n'].sum()):,}", fontsize=9, loc="left", color=INK)


def _first_column(curve: pd.DataFrame, names: Sequence[str], otherwise: Any) -> Any:
    found = [name for name in names if name in curve]
    return curve[found[0]].to_numpy(float) if found else otherwise


def importance_figure(
    importances: Mapping[str, Mapping[str, float]] | None,
    contributions: Mapping[str, Mapping[str, float]] | None = None,
    target: str = "target_1",
) -> "Figure | None":
    """The features that matter most for one target: share of the gain, and of the mean |contribution|.

    A target that has no importances is replaced by the first that has. The order is that of the contributions
    where they are known: a gain counts splits on the training rows, a contribution what a prediction is made of.
    """
    kinds = {"gain": mapping_of(importances), "contribution": mapping_of(contributions)}
    drawn = next((t for t in (target, *targets_in(_all_targets(kinds))) if _has(kinds, t)), None)
    if drawn is None:
        return None
    shares = {kind: _shares(by_target.get(drawn)) for kind, by_target in kinds.items()}
    shares = {kind: share for kind, share in shares.items() if len(share)}
    order = shares["contribution" if "contribution" in shares else "gain"].index[:FEATURES_SHOWN][::-1]
    figure, panels = blank(4.6 * len(shares) + 1.2, 0.24 * len(order) + 1.0, columns=len(shares), sharey=True)
    for axes, (kind, share) in zip(panels, shares.items(), strict=True):
        axes.barh(
            range(len(order)),
            share.reindex(order).fillna(0.0) * 100,
            color=target_style(drawn)["color"],
            height=0.62,
        )
        calm(axes, grid="x")
        axes.set_title(
            f"{words(drawn)}: share of all {_KIND_WORDS[kind]}, %", fontsize=9, loc="left", color=INK
        )
    panels[0].set_yticks(range(len(order)), list(order), fontsize=8, color=INK)
    return figure


_KIND_WORDS = {"gain": "gain", "contribution": "contributions"}


def _all_targets(kinds: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(target for by_target in kinds.values() for target in by_target))


def _has(kinds: Mapping[str, Mapping[str, Any]], target: str) -> bool:
    return any(len(_shares(by_target.get(target))) for by_target in kinds.values())


def _shares(weights: Any) -> "pd.Series[float]":
    """Weights above 0 as shares of their sum, the largest first, equal ones by name."""
    known = {name: float(w) for name, w in sorted(mapping_of(weights).items()) if is_number(w) and w > 0}
    series = pd.Series(known, dtype=float)
    return (series / series.sum()).sort_values(ascending=False, kind="stable")


def walk_forward_figure(folds: Any) -> "Figure | None":
    """Skill over time inside the training period: a level for each fold over the time that it was judged on."""
    rows = pd.DataFrame(
        [row for row in records_of(folds) if is_number(row.get("skill"))],
        columns=["fold", "first", "last", "target", "n", "skill"],
    )
    if rows.empty:
        return None
    rows[["first", "last"]] = rows[["first", "last"]].apply(lambda times: pd.to_datetime(times, utc=True))
    figure, (axes,) = blank(8.2, 2.9)
    axes.axhline(0.0, color=MUTED, linewidth=0.9)
    for target in targets_in(rows["target"].unique()):
        part = rows[rows["target"] == target].sort_values("first")
        style = target_style(target)
        middle = part["first"] + (part["last"] - part["first"]) / 2
        axes.hlines(
            part["skill"], part["first"], part["last"], color=style["color"], linewidth=2.2, alpha=0.35
        )
        axes.plot(middle, part["skill"], markersize=5, linewidth=1.0, label=words(target), **style)
    calm(axes, grid="y")
    axes.set_ylabel("skill")
    legend(axes)
    return figure


def combinatorial_figure(combinatorial: Any) -> "Figure | None":
    """The skill of each path through combinatorial cross-validation, and of each split under it, as dots."""
    stored = mapping_of(combinatorial)
    paths = [p for p in stored.get("paths") or [] if is_number(p)]
    splits = [row["skill"] for row in records_of(stored.get("splits")) if is_number(row.get("skill"))]
    if not paths and not splits:
        return None
    figure, (axes,) = blank(8.2, 1.9)
    axes.axvline(0.0, color=MUTED, linewidth=0.9)
    for row, skills in enumerate((splits, paths)):
        spread = row + 0.12 * np.resize([0.0, 1.0, -1.0], len(skills))
        axes.scatter(skills, spread, s=26, c=[_signed_colour(s) for s in skills], alpha=0.7, linewidths=0)
        if skills:
            axes.vlines(np.median(skills), row - 0.3, row + 0.3, color=INK, linewidth=1.4)
    calm(axes, grid="x")
    axes.set(ylim=(-0.6, 1.6), xlabel="skill of target 1; the bar is the median")
    axes.set_yticks([0, 1], [f"{len(splits)} splits", f"{len(paths)} paths"], color=INK)
    return figure


def _signed_colour(skill: float) -> str:
    return BETTER if skill > 0 else WORSE


def trials_figure(trials: Any) -> "Figure | None":
    """The loss of each tuning trial in the order tried, and the best so far."""
    rows = [row for row in records_of(trials) if is_number(row.get("value"))]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    figure, (axes,) = blank(8.2, 2.5)
    complete = frame[frame["state"] == "complete"]
    for state, marker, colour in (
        ("complete", "o", "#0072B2"),
        ("pruned", "x", MUTED),
        ("failed", "s", WORSE),
    ):
        part = frame[frame["state"] == state]
        if len(part):
            axes.plot(part["number"], part["value"], marker, color=colour, markersize=5, label=state)
    if len(complete):
        axes.step(
            complete["number"],
            complete["value"].cummin(),
            where="post",
            color=INK,
            linewidth=1.0,
            label="best",
        )
    calm(axes, grid="y")
    axes.set(xlabel="trial; 0 is the default settings", ylabel="log loss")
    axes.locator_params(axis="x", integer=True)
    legend(axes)
    return figure
