"""Drift for people: window by window as plain values and a table, features over windows as a picture.

What is judged and how is in :mod:`fvg_platform.learning.drift`; here its stored rows are only put in order.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.reports.coverage import picture
from fvg_platform.reports.model_tables import add_row, table_of
from fvg_platform.reports.model_values import (
    DASH,
    count,
    day,
    estimate_text,
    mapping_of,
    model_values,
    number,
)

FEATURES_SHOWN = 40
"""So many features are shown in a picture, those first that moved most."""
WINDOWS_SHOWN = 60
"""So many windows are shown in a picture, the newest; a narrower column cannot be seen."""

_WORST = 3
_STATES = {"ok": ("no drift", "green"), "drifted": ("drift", "red"), "too_little": ("too little", "dim")}


def drift_values(
    reports: Iterable[Mapping[str, Any]], metrics: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One entry per window for `fvg drift --json`, the finest timeframe first, then the newest model and window.

    Parameters
    ----------
    reports, metrics
        Rows of `drift_reports` and of `drift_metrics`; metrics of other windows are left out.

    Returns
    -------
    The report's columns and `features_drifted` (how many), `worst` (the metrics of the three features that moved
    most) and `score` (the metric of the scores, None without one).
    """
    by_window: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in map(model_values, metrics):
        by_window.setdefault(_window_of(row), []).append(row)
    ordered = sorted(map(model_values, reports), key=lambda row: str(row["window_start"]), reverse=True)
    ordered.sort(key=lambda row: (_rank(row["timeframe"]), -row["model_version"]))
    return [row | _moved(by_window.get(_window_of(row), [])) for row in ordered]


def _window_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["timeframe"], row["model_version"], row["window_start"]


def _rank(timeframe: str) -> int:
    names = list(TIMEFRAMES)
    return names.index(timeframe) if timeframe in names else len(names)


def _moved(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    features = sorted((row for row in metrics if row["kind"] == "feature"), key=_by_move)
    scores = [row for row in metrics if row["kind"] == "score"]
    shown = ("name", "psi", "ks", "p_value", "adjusted_p", "drifted")
    return {
        "features_drifted": sum(bool(row["drifted"]) for row in features),
        "worst": [{name: row.get(name) for name in shown} for row in features[:_WORST]],
        "score": {name: scores[0].get(name) for name in shown} if scores else None,
    }


def _by_move(row: Mapping[str, Any]) -> tuple[float, float, str]:
    p, psi = row.get("adjusted_p"), row.get("psi")
    return (np.inf if p is None else float(p), np.inf if psi is None else -float(psi), str(row["name"]))


def drift_table(values: list[dict[str, Any]]) -> RenderableType:
    """The windows of :func:`drift_values` in their order, and why the newest of each timeframe is what it is."""
    if not values:
        return Text("No drift was looked for yet: it takes an active model and setups known after its cut.")
    table = table_of("Drift of what comes in against what the model has learned from", "timeframe", "window")
    for name in ("state", "farthest features"):
        table.add_column(name, overflow="fold")
    for name in (
        "setups",
        "p",
        "drifted",
        "PSI of scores",
        "unlike",
        "outcome − p, worse path",
        "better path",
    ):
        table.add_column(name, justify="right", overflow="fold")
    for row in values:
        calibration = mapping_of(row.get("calibration"))
        said, style = _STATES.get(str(row["state"]), (str(row["state"]), ""))
        add_row(
            table,
            f"{row['timeframe']} v{row['model_version']}",
            f"{day(row['window_start'])} to {day(row.get('window_end'))}"
            + ("" if row.get("complete") else " …"),
            Text(said, style=style if row.get("complete") else "dim"),
            ", ".join(f"{each['name']} {number(each['psi'], 2)}" for each in row["worst"]) or DASH,
            count(row.get("setups")),
            number(row.get("p_value"), 3),
            count(row["features_drifted"]),
            number(mapping_of(row.get("score")).get("psi"), 2),
            number(row.get("share_dissimilar"), 0, percent=True),
            *(estimate_text(calibration.get(path), 1, signed=True, percent=True) for path in ("lo", "hi")),
        )
    note = (
        "p: how probable evidence as strong is without drift, over features, scores and calibration together. Behind "
        "a feature its PSI; slow features reach large ones without drift, so that p decides. Unlike: setups farther "
        "from the training's than 95 % of its own. … the window still runs: its verdict is preliminary."
    )
    return Group(table, Text(note, style="dim"), *_reasons(values))


def _reasons(windows: list[dict[str, Any]]) -> list[Text]:
    newest: dict[str, dict[str, Any]] = {}
    for row in windows:
        if row.get("complete"):
            newest.setdefault(row["timeframe"], row)
    return [
        Text(
            f"{row['timeframe']}, from {day(row['window_start'])}: {row.get('reason') or DASH}",
            style="red" if row["state"] == "drifted" else "",
        )
        for row in newest.values()
    ]


def drift_heat_maps(metrics: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """A picture for each timeframe, in Markdown: features down, windows of its newest model across.

    The shade is the share of the training period's own stretches that a window's PSI exceeds: the same PSI is much for
    a quick feature and little for a slow one. Where the training period is too short for that, it is the PSI. The
    scores are the first row, then the :data:`FEATURES_SHOWN` features that moved most; a cross marks drift.

    Parameters
    ----------
    metrics
        Rows of `drift_metrics`, of one model version or several.

    Returns
    -------
    By timeframe, the finest first; empty without rows.
    """
    rows = pd.DataFrame.from_records([dict(row) for row in metrics])
    if rows.empty:
        return {}
    newest = rows[rows["model_version"] == rows.groupby("timeframe")["model_version"].transform("max")]
    return {
        str(timeframe): _heat_map(of_timeframe, f"{timeframe} v{of_timeframe['model_version'].iloc[0]}")
        for timeframe, of_timeframe in sorted(
            newest.groupby("timeframe"), key=lambda group: _rank(str(group[0]))
        )
    }


def _heat_map(rows: pd.DataFrame, model: str) -> str:
    windows = np.sort(rows["window_start"].unique())[-WINDOWS_SHOWN:]
    rows = rows[rows["window_start"].isin(windows)]
    # A feature may have the name of the scores; False sorts first.
    labels = pd.Series(list(zip(rows["kind"] != "score", rows["name"], strict=True)), index=rows.index)
    judged = rows["p_value"].notna().any()
    shade = 1.0 - rows["p_value"].astype(float) if judged else rows["psi"].astype(float)
    rows = rows.assign(row=labels, shade=shade, drifted=rows["drifted"].fillna(False).astype(float))
    shades = rows.pivot(index="row", columns="window_start", values="shade")
    drifted = rows.pivot(index="row", columns="window_start", values="drifted")
    drifted = drifted.reindex(shades.index).fillna(0.0)
    farthest = shades.max(axis=1).fillna(0.0) + 1e6 * drifted.sum(axis=1)
    features = farthest[[label[0] for label in shades.index]].sort_values(ascending=False, kind="stable")
    scores = [label for label in shades.index if not label[0]]
    shown = [*scores, *features.index[:FEATURES_SHOWN]]
    of = f"{min(len(features), FEATURES_SHOWN)} of {len(features)} features; × drift"
    title = (
        f"{model}: share of the training period's stretches that moved less\n({of})"
        if judged
        else f"{model}: PSI by window, not to be judged yet\n({of}; 1 or more is darkest)"
    )
    return _picture_of(shades.loc[shown], drifted.loc[shown] > 0.0, model, title)


def _picture_of(shades: pd.DataFrame, drifted: pd.DataFrame, model: str, title: str) -> str:
    from matplotlib.figure import Figure

    width = max(6.0, min(0.25 * shades.shape[1] + 3.5, 12.0))
    figure = Figure(figsize=(width, max(1.8, 0.2 * len(shades) + 1.2)))
    axes = figure.add_subplot()
    image = axes.imshow(
        shades.to_numpy(float), aspect="auto", vmin=0.0, vmax=1.0, cmap="YlOrRd", interpolation="none"
    )
    down, across = np.nonzero(drifted.to_numpy())
    axes.scatter(across, down, marker="x", s=14, color="black", linewidths=0.9)
    axes.set_yticks(
        range(len(shades)), [name if kind else f"scores ({name})" for kind, name in shades.index], fontsize=7
    )
    step = -(-shades.shape[1] // (6 if shades.shape[1] < 20 else 12))
    days = [day(str(start)) for start in shades.columns[::step]]
    axes.set_xticks(range(0, shades.shape[1], step), days, fontsize=7)
    axes.set_title(title, fontsize=8, loc="left")
    figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    figure.tight_layout()
    return picture(figure, f"drift of {model} by feature and window")
