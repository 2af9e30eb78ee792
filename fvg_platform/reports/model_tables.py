"""Models as tables for the terminal: all versions, and one in full; and the same as plain values."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fvg_platform.reports.model_metrics import METRICS, metric_values
from fvg_platform.reports.model_values import (
    DASH,
    PATHS,
    count,
    day,
    estimate_text,
    flat,
    is_number,
    mapping_of,
    minute,
    model_values,
    number,
    period,
    setting,
    targets_in,
    words,
)
from fvg_platform.reports.model_warnings import summary, warnings_of

FEATURES_SHOWN = 10
_STATUS_STYLES = {"active": "green", "retired": "dim"}
_LEVEL_STYLES = {"serious": "red", "caution": "yellow", "missing": "dim"}
_LISTED = (
    "timeframe",
    "version",
    "semantic_version",
    "name",
    "algorithm",
    "status",
    "status_reason",
    "trained_at",
    "trained_from",
    "trained_to",
    "setups_trained",
    "setups_entered",
    "deployed_at",
    "flag",
)


def models_values(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One short entry per version for `fvg models list --json`: what it is, and target 1's skill."""
    return [short_values(model_values(record)) for record in records]


def short_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a version is in a line: for a list, and beside another version."""
    first = mapping_of(mapping_of(values.get("test_metrics")).get("target_1"))
    return {name: values.get(name) for name in _LISTED} | {
        "skill": first.get("skill"),
        "calibration_error": first.get("calibration_error"),
        "threshold": mapping_of(values.get("threshold")).get("value"),
        "mean_r": mapping_of(_signals(values, "lo")).get("mean_r"),
    }


def models_table(values: list[dict[str, Any]]) -> RenderableType:
    """All versions, in the order given; `values` are those of :func:`models_values`."""
    if not values:
        return Text("No models yet: they are trained once a timeframe has labelled setups.")
    table = table_of("Models", "timeframe", "version", "status", "algorithm", "trained until")
    for name in ("entered setups", "skill, target 1", "calibration error", "acts from", "mean R, worse path"):
        table.add_column(name, justify="right", overflow="fold")
    for row in values:
        add_row(
            table,
            row["timeframe"] or DASH,
            version_of(row),
            Text(row["status"] or DASH, style=_STATUS_STYLES.get(row["status"] or "", "")),
            words(row["algorithm"] or DASH) + (" *" if row["flag"] else ""),
            day(row["trained_to"]),
            count(row["setups_entered"]),
            estimate_text(row["skill"], 3, signed=True),
            estimate_text(row["calibration_error"], 1, percent=True),
            number(row["threshold"], 3) if is_number(row["threshold"]) else "nothing",
            estimate_text(row["mean_r"], 3, signed=True),
        )
    note = (
        "Skill: 1 − Brier/Brier of the base rate on the unseen test period, in brackets its 95 % interval; above 0 is "
        "better than the base rate. * marked in training, see `fvg models show`."
    )
    return Group(table, Text(note, style="dim"))


def model_table(values: Mapping[str, Any]) -> RenderableType:
    """One version in full; `values` are those of `model_values`."""
    head = f"{words(str(values.get('name') or 'win rate'))}, {values.get('timeframe') or DASH}, {version_of(values)}"
    parts: list[RenderableType] = [
        Text(head, style="bold"),
        Text(summary(values)),
        *(Text(f"{c.level}: {c.text}", style=_LEVEL_STYLES[c.level]) for c in warnings_of(values)),
        Text(),
        _facts(values),
        _scores(values),
        _runs(values),
        _features(values),
    ]
    return Group(*parts)


def _facts(values: Mapping[str, Any]) -> RenderableType:
    threshold = mapping_of(values.get("threshold"))
    tuned = mapping_of(values.get("hyperparameters"))
    entries = {
        "status": f"{values.get('status') or DASH}: {values.get('status_reason') or 'no reason is stored'}",
        "active since": minute(values.get("deployed_at")),
        "algorithm": words(values.get("algorithm") or DASH),
        "P(entered) by": words(values.get("entry_algorithm") or DASH),
        "trained on": f"{period(values.get('trained_from'), values.get('trained_to'))}, split "
        f"{setting(values.get('split_version'))}",
        "setups": f"{count(values.get('setups_trained'))}, {count(values.get('setups_entered'))} entered",
        "features": _feature_set(values),
        "setups planned by": setting(values.get("config_ids")),
        "acts from": number(threshold.get("value"), 3)
        if is_number(threshold.get("value"))
        else "acts on nothing",
        "calibration": _calibration(values),
        "hyperparameters": ", ".join(f"{name} {setting(value)}" for name, value in flat(tuned).items())
        or DASH,
        "trials": count(len(values["trials"])) if isinstance(values.get("trials"), list) else DASH,
        "trained at": minute(values.get("trained_at")),
        "git commit": setting(values.get("git_commit")),
        "run": setting(values.get("run_id")),
        "artefact": setting(values.get("artifact")),
        "model card": setting(values.get("card")),
        "SHA-256": setting(values.get("sha256")),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in entries.items():
        add_row(table, name, value)
    return table


def _feature_set(values: Mapping[str, Any]) -> str:
    features, version = values.get("features"), values.get("feature_set_version")
    return f"{len(features)} of set {version or DASH}" if features else version or DASH


def _calibration(values: Mapping[str, Any]) -> str:
    chosen = mapping_of(values.get("calibration"))
    named = (f"{words(t)} {mapping_of(chosen[t]).get('method') or DASH}" for t in targets_in(chosen))
    return ", ".join(named) or DASH


def _scores(values: Mapping[str, Any]) -> RenderableType:
    judged = mapping_of(values.get("test_metrics"))
    if not judged:
        return Text("\nNot judged on unseen bars: there are no scores.", style="dim")
    targets = targets_in(judged)
    table = table_of("On the unseen test period: value [interval], below it the base rate's", "score")
    for target in targets:
        table.add_column(f"{words(target)}, n {count(mapping_of(judged[target]).get('n'))}", justify="right")
    for metric, row in zip(METRICS, metric_values(judged), strict=True):
        form: dict[str, Any] = {"decimals": metric.decimals, "percent": metric.percent}
        cells = []
        for target in targets:
            scored = row["targets"][target]
            below = "" if metric.name == "skill" else f"\n{number(scored['baseline'], **form)}"
            cells.append(estimate_text(scored, signed=metric.signed, **form) + below)
        add_row(table, metric.title, *cells)
    return table


def _runs(values: Mapping[str, Any]) -> RenderableType:
    backtest = mapping_of(values.get("backtest"))
    if not backtest:
        return Text("\nThere is no backtest.", style="dim")
    title = f"Acting on it, {period(backtest.get('from'), backtest.get('to'))}, net of costs"
    table = table_of(title, "run", "path")
    for name in (
        "trades",
        "mean R",
        "won",
        "Sharpe",
        "deflated",
        "drawdown",
        "profit factor",
        "exposed",
        "total",
    ):
        table.add_column(name, justify="right", overflow="fold")
    for name, by_path in mapping_of(backtest.get("runs")).items():
        for path in PATHS:
            run = mapping_of(mapping_of(by_path).get(path))
            if run:
                add_row(table, name, "" if name == "buy and hold" else PATHS[path], *_run_cells(run))
    return table


def _run_cells(run: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        count(run.get("trades")),
        estimate_text(run.get("mean_r"), 3, signed=True),
        number(run.get("win_rate"), 1, percent=True),
        estimate_text(run.get("sharpe"), 2, signed=True),
        number(run.get("deflated_sharpe"), 2),
        estimate_text(run.get("max_drawdown"), 1, percent=True),
        number(run.get("profit_factor"), 2),
        number(run.get("exposure"), 0, percent=True),
        number(run.get("total_return"), 1, signed=True, percent=True),
    )


def _features(values: Mapping[str, Any]) -> RenderableType:
    """The features that move the predictions most, of target 1 if a model serves it; else by what does."""
    kinds = (("contributions", "mean size of the contribution, log odds"), ("importances", "gain"))
    for target, (name, title) in product(("target_1", "entered"), kinds):
        weights = mapping_of(mapping_of(values.get(name)).get(target))
        known = sorted(
            ((w, n) for n, w in weights.items() if is_number(w) and w > 0), key=lambda p: (-p[0], p[1])
        )
        if known:
            table = table_of(f"What it looks at, {words(target)}: {title}", "feature")
            table.add_column(title.split(",")[0], justify="right")
            for weight, feature in known[:FEATURES_SHOWN]:
                add_row(table, feature, f"{weight:,.4g}")
            return table
    return Text("\nNo importances are stored.", style="dim")


def _signals(values: Mapping[str, Any], path: str) -> Any:
    runs = mapping_of(mapping_of(values.get("backtest")).get("runs"))
    return mapping_of(runs.get("signals")).get(path)


def version_of(values: Mapping[str, Any]) -> str:
    """The row's number, which commands take, and the semantic version."""
    number_of, semantic = values.get("version"), values.get("semantic_version")
    shown = DASH if number_of is None else f"v{number_of}"
    return f"{shown} ({semantic})" if semantic else shown


def table_of(title: str, *columns: str) -> Table:
    """An empty table with columns of words."""
    table = Table(title=Text(f"\n{title}"), title_style="italic", title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name)
    return table


def add_row(table: Table, *cells: str | Text) -> None:
    """Add text as it is: a plain string would lose what looks like markup, `[−0.008, +0.032]` too."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
