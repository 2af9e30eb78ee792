"""Two versions of a model side by side, and which of them the same setups speak for: for the terminal and as values."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from fvg_platform.reports.model_metrics import METRICS, metric_values
from fvg_platform.reports.model_tables import add_row, short_values, table_of, version_of
from fvg_platform.reports.model_values import (
    DASH,
    count,
    estimate_text,
    mapping_of,
    model_values,
    targets_in,
    words,
)


def comparison_values(
    first: Mapping[str, Any], second: Mapping[str, Any], verdict: Any | None = None
) -> dict[str, Any]:
    """Two versions and the paired verdict on bars newer than both, for `fvg models compare --json`.

    Parameters
    ----------
    first, second
        Rows of `models`.
    verdict
        `second` as the challenger of `first`: a `Verdict` or its dict; None where nothing could be compared.
    """
    versions = {"first": model_values(first), "second": model_values(second)}
    return {
        **{name: short_values(values) for name, values in versions.items()},
        "metrics": _paired_metrics(versions["first"], versions["second"]),
        "verdict": None if verdict is None else model_values({"verdict": verdict})["verdict"],
    }


def _paired_metrics(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    pairs = zip(
        metric_values(first.get("test_metrics")), metric_values(second.get("test_metrics")), strict=True
    )
    return [
        {
            "target": target,
            "metric": one["metric"],
            "first": one["targets"].get(target),
            "second": other["targets"].get(target),
        }
        for one, other in pairs
        for target in targets_in({**one["targets"], **other["targets"]})
    ]


def comparison_table(values: Mapping[str, Any]) -> RenderableType:
    """Two versions side by side and the verdict; `values` are those of :func:`comparison_values`."""
    names = [version_of(values["first"]), version_of(values["second"])]
    table = table_of(
        f"{values['first']['timeframe'] or DASH}: each on its own test period", "target", "score"
    )
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    by_target = sorted(values["metrics"], key=lambda row: _order(row["target"]))
    for row in by_target:
        metric = next(metric for metric in METRICS if metric.name == row["metric"])
        form: dict[str, Any] = {
            "decimals": metric.decimals,
            "percent": metric.percent,
            "signed": metric.signed,
        }
        add_row(
            table,
            words(row["target"]) if row["metric"] == METRICS[0].name else "",
            metric.title,
            *(estimate_text(row[side], **form) for side in ("first", "second")),
        )
    scores: RenderableType = table if by_target else Text("Neither was judged on unseen bars.", style="dim")
    note = Text("Test periods may differ: only the verdict below is about the same setups.", style="dim")
    return Group(scores, *([note] if by_target else []), Text(), _verdict(values["verdict"], names))


_TOGETHER = "the win targets together"


def _order(target: str) -> int:
    return targets_in(["target_1", "target_2", "target_3", "entered", target]).index(target)


def _verdict(verdict: Mapping[str, Any] | None, names: list[str]) -> RenderableType:
    if verdict is None:
        return Text("No verdict: the two were not compared on the same setups.")
    promoted = verdict.get("promote", verdict.get("promoted"))
    said = f"{names[1]} {'may take over from' if promoted else 'does not take over from'} {names[0]}: "
    line = Text(said + str(verdict.get("reason") or DASH), style="green" if promoted else "yellow")
    differences, calibration = (mapping_of(verdict.get(name)) for name in ("differences", "calibration"))
    if mapping_of(verdict.get("difference")):
        differences = {**differences, _TOGETHER: verdict["difference"]}
    targets = targets_in({**differences, **calibration})
    if not targets:
        return line
    seen = f"on {count(verdict.get('n', verdict.get('setups')))} setups newer than both"
    table = table_of(f"{names[1]} against {names[0]}, {seen}", "target")
    table.add_column("Brier, second less first", justify="right", overflow="fold")
    table.add_column(f"calibration error of {names[1]}", justify="right", overflow="fold")
    for target in targets:
        difference = estimate_text(differences.get(target), 4, signed=True)
        add_row(table, words(target), difference, estimate_text(calibration.get(target), 1, percent=True))
    return Group(line, table, Text("A difference below 0 is for the second.", style="dim"))
