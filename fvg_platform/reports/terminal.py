"""The report and the status as tables for the terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fvg_platform.reports.overview import TARGETS, interval
from fvg_platform.trading.signals import HOLD

_REASONS_SHOWN = 5

HOW_TO_READ = (
    "Won: target before stop; what the bars leave open (worse–better path), in brackets the 95 % sampling interval of "
    "both ends. "
    "Told: outcomes of target 1 that the bars leave in no doubt, the series' own → with finer ones. "
    "Skill: 1 − Brier/Brier of the base rate on the unseen test period; above 0 is better than the base rate. "
    "† where the base rate serves: the best of what was tried, out of fold in the training period, "
    "not beyond noise; too few: none could be tried. ‡ does not serve: a candidate, or retired."
)


def report_table(values: dict[str, Any]) -> RenderableType:
    """The table that the demo prints: outcomes and skill per timeframe, then the latest day's signals."""
    table = Table(title="What Fair Value Gaps did", title_justify="left", header_style="bold")
    for name in ("timeframe", "series", "bars", "gaps", "setups", "entered"):
        table.add_column(name, justify="left" if name == "timeframe" else "right", overflow="fold")
    for k in TARGETS:
        table.add_column(f"target {k} won", justify="right", overflow="fold")
    table.add_column("told", justify="right", overflow="fold")
    table.add_column("model", justify="left", overflow="fold")
    table.add_column("skill, target 1", justify="right", overflow="fold")
    for row in values["timeframes"]:
        rates = [interval(t["win_rate_lo"], t["win_rate_hi"]) for t in row["targets"]] or ["–"] * len(TARGETS)
        counts = [f"{row[name]:,}" for name in ("series", "bars", "gaps", "setups", "entered")]
        told = _told(row["targets"][0]) if row["targets"] else "–"
        _add_row(table, row["timeframe"], *counts, *rates, told, *_model_cells(row["model"]))
    return Group(table, Text(HOW_TO_READ, style="dim"), Text(), _signals(values["signals"]))


def _told(target: dict[str, Any]) -> str:
    """The share of outcomes that the bars tell: the series' own, and with finer ones."""
    before, after = target["identified_share_before"], target["identified_share"]
    if before is None or after is None:
        return "–"
    return f"{after:.0%}" if before == after else f"{before:.0%} → {after:.0%}"


def _add_row(table: Table, *cells: str) -> None:
    """Add text as it is; a plain string would lose what looks like markup: `[too few]`, `'[close] not in index'`."""
    table.add_row(*map(Text, cells))


def _model_cells(model: dict[str, Any] | None) -> tuple[str, str]:
    if model is None:
        return "none yet", "–"
    name = model["algorithm"].replace("_", " ") + (" *" if model["flag"] else "")
    if model["status"] != "active":
        name += " ‡"
    if model["algorithm"] == "base_rate":
        return name, _best_that_was_tried(model["tried"])
    metrics = (model["test_metrics"] or {}).get("target_1")
    return name, _skill(metrics["skill"]) if metrics else "–"


def _best_that_was_tried(tried: list[dict[str, Any]]) -> str:
    """The skill of the algorithm that came nearest to being served instead of the base rate."""
    known = [each for each in tried if each["target"] == "target_1" and each["skill"]["value"] is not None]
    if not known:
        return "too few"
    best = max(known, key=lambda each: each["skill"]["value"])
    return f"{_skill(best['skill'])} †"


def _skill(skill: dict[str, Any]) -> str:
    if skill["value"] is None:
        return "–"
    text = f"{skill['value']:+.3f}"
    if skill["low"] is not None:
        return text + f" [{skill['low']:+.3f}, {skill['high']:+.3f}]"
    return text + " [too few]"


def _signals(signals: list[dict[str, Any]]) -> RenderableType:
    if not signals:
        return Text("No signals yet: no day has been predicted that had a setup.")
    table = Table(title=f"Signals of {signals[0]['day']}", title_justify="left", header_style="bold")
    for name in ("ticker", "timeframe", "side", "signal"):
        table.add_column(name, overflow="fold")
    for name in (
        "entry",
        "stop",
        "target 1",
        "target 2",
        "target 3",
        "P(entered)",
        "P(1)",
        "P(2)",
        "P(3)",
        "R",
    ):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("known at", overflow="fold")
    for row in signals:
        _add_row(
            table,
            row["ticker"],
            row["timeframe"] + (" *" if row["flag"] else ""),
            "long" if row["side"] > 0 else "short",
            row["signal"] or "–",
            *(f"{row[name]:.2f}" for name in ("entry", "stop", "target_1", "target_2", "target_3")),
            _share(row["p_entered"]),
            _share_within(row),
            *(_share(row[name]) for name in ("p_target_2", "p_target_3")),
            "–" if row["expected_r"] is None else f"{row['expected_r']:+.2f}",
            row["known_at"][:16].replace("T", " ") + " UTC",
        )
    note = Text(
        "P(k): target k before the stop within the holding time, if entered; in brackets the 90 % interval. "
        "HOLD: below the threshold that the training period's folds bear out, or there is none. "
        "R: what the order of the first target brings on average, after costs, if entered. "
        "* too few setups to train on: the pooled base rate.",
        style="dim",
    )
    return Group(table, *_reasons(signals), note)


def _reasons(signals: list[dict[str, Any]]) -> list[RenderableType]:
    """Why the signals to act on, and the best of the others, are judged as they are; the same words once."""
    told = [row for row in signals if row["reasons"]]
    ordered = sorted(told, key=lambda row: (row["signal"] == HOLD, -(row["expected_r"] or 0.0)))
    lines: dict[str, str] = {}
    for row in ordered:
        lines.setdefault(
            "; ".join(row["reasons"]), f"{row['ticker']} {row['timeframe']} {row['known_at'][11:16]}"
        )
    return [Text(f"{who}: {why}") for why, who in list(lines.items())[:_REASONS_SHOWN]]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _share_within(row: dict[str, Any]) -> str:
    """P(1) with its interval."""
    low, high = row["p_target_1_low"], row["p_target_1_high"]
    share = _share(row["p_target_1"])
    return share if low is None or high is None else f"{share} [{low * 100:.0f}–{high * 100:.0f}]"


def status_table(values: dict[str, Any]) -> RenderableType:
    """The state of every series, the last runs and what checks complain of."""
    table = Table(title="Series", title_justify="left", header_style="bold")
    for name in ("ticker", "timeframe", "origin", "basis", "bars", "complete", "from", "to", "state"):
        table.add_column(name, justify="right" if name in ("bars", "complete") else "left", overflow="fold")
    for row in values["series"]:
        state = row["state"] or "–"
        _add_row(
            table,
            row["ticker"],
            row["timeframe"],
            f"from {row['resampled_from']}" if row["resampled_from"] else row["source"],
            f"{row['adjustment']}, {row['session']}, {row['anchor']}",
            f"{row['rows'] or 0:,}",
            "–" if row["completeness"] is None else f"{row['completeness']:.2%}",
            (row["first_ts"] or "–")[:10],
            (row["last_ts"] or "–")[:10],
            state if state == "ok" else f"{state} in {row['asset']}: {row['reason']}",
        )
    parts: list[RenderableType] = [table]
    parts += [
        Text(
            f"{row['ticker']} {row['timeframe']}: {row['asset']} {row['state']}: {row['reason']}", style="red"
        )
        for row in values["failed_series"]
    ]
    parts.append(_runs(values["last_runs"]))
    if values["failing_checks"]:
        parts += [
            Text(f"{c['severity']} {c['asset']}/{c['check']}: {c['description']}", style="yellow")
            for c in values["failing_checks"]
        ]
    else:
        parts.append(Text("No failing checks."))
    return Group(*parts)


def _runs(runs: list[dict[str, Any]]) -> RenderableType:
    if not runs:
        return Text("No runs yet.")
    table = Table(title="Last run of each job", title_justify="left", header_style="bold")
    for name in ("job", "status", "started", "seconds", "run"):
        table.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for run in runs:
        seconds = "–" if run["seconds"] is None else f"{run['seconds']:.1f}"
        _add_row(table, run["job"], run["status"], run["started"] or "–", seconds, run["run_id"][:8])
    return table
