"""The report and the status as plain values: what `--json` prints, and what the terminal tables are made of."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from fvg_platform.market.timeframes import TIMEFRAMES

TARGETS = (1, 2, 3)


def report_values(
    counts: pd.DataFrame,
    labels_of: Callable[[str], pd.DataFrame],
    models: pd.DataFrame,
    signals: pd.DataFrame,
) -> dict[str, Any]:
    """The report: per timeframe the gaps, the entered setups, win rates as intervals, the model's skill; signals.

    Parameters
    ----------
    counts
        `timeframe, series, bars, gaps, setups`.
    labels_of
        Gives the labels of a timeframe.
    models
        The serving models: `timeframe, version, algorithm, flag, test_metrics, …`.
    signals
        Predictions of the latest day.
    """
    by_timeframe = {row["timeframe"]: row for row in records(models)}
    timeframes = [
        {
            **{name: _plain(value) for name, value in row.items()},
            **_outcomes(labels_of(row["timeframe"]), row["timeframe"]),
            "model": _model(by_timeframe.get(row["timeframe"])),
        }
        for row in records(counts)
    ]
    ordered = sorted(
        records(signals), key=lambda r: (TIMEFRAMES.index(r["timeframe"]), r["known_at"]), reverse=True
    )
    return {"timeframes": timeframes, "signals": [_plain_row(row) for row in ordered]}


def _outcomes(labels: pd.DataFrame, timeframe: str) -> dict[str, Any]:
    from fvg_platform.fvg.summary import summarise_labels  # numba takes 0.5 to 2 s to import

    if labels.empty:
        return {"entered": 0, "statuses": {}, "targets": []}
    summary = summarise_labels(labels, timeframe)
    return {
        "entered": summary.statuses.get("entered", 0),
        "statuses": summary.statuses,
        "targets": [
            _nan_to_none(
                asdict(target)
                | {
                    "identified_share_before": _identified_by_own_bars(
                        labels, target.target, target.settled_lo
                    )
                }
            )
            for target in summary.targets
        ],
    }


def _identified_by_own_bars(labels: pd.DataFrame, target: int, settled: int) -> float:
    """The share of settled setups whose outcome the series' own bars tell, without any finer ones."""
    told = int(labels[f"identified_before_{target}"].sum())
    return told / settled if settled else math.nan


def _model(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "version": int(row["version"]),
        "algorithm": row["algorithm"],
        "flag": _plain(row["flag"]),
        "setups_entered": int(row["setups_entered"]),
        "status": row["status"],
        "semantic_version": row["semantic_version"],
        "test_metrics": row["test_metrics"] if isinstance(row["test_metrics"], dict) else None,
        "tried": row["tried"] if isinstance(row["tried"], list) else [],
    }


def status_values(
    series: pd.DataFrame, lost: pd.DataFrame, last_runs: list[dict[str, Any]], failing: list[dict[str, Any]]
) -> dict[str, Any]:
    """The status: every series with its completeness and state, the last run of each stage, failing checks."""
    rows = []
    for row in records(series):
        expected, missing = int(row["expected"]), int(row["missing"])
        row["completeness"] = 1 - missing / expected if expected else None
        rows.append(_plain_row(row))
    return {
        "series": rows,
        "failed_series": [_plain_row(row) for row in records(lost)],
        "last_runs": last_runs,
        "failing_checks": failing,
    }


def interval(estimate_lo: Mapping[str, Any], estimate_hi: Mapping[str, Any]) -> str:
    """A rate as people read it: what the bars leave open, and in brackets how far chance may have moved it."""
    low, high = estimate_lo["value"], estimate_hi["value"]
    if low is None or high is None:
        return "–"
    chance = "too few"
    if estimate_lo["low"] is not None and estimate_hi["high"] is not None:
        chance = f"{estimate_lo['low'] * 100:.0f}–{estimate_hi['high']:.0%}"
    return f"{low * 100:.1f}–{high:.1%} [{chance}]"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dicts by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _nan_to_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _nan_to_none(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return value
    if value is None or pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}
