"""Checks of tables: row rules that are listed, never blocking, and invariants that block.

Under a range of partitions a check is evaluated once, so each looks at its whole table and names the series,
the rule, the count and the first offending rows itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.quality.suites import Breach, below, breaches
from fvg_platform.storage import invariants
from fvg_platform.storage.database import Database
from fvg_platform.storage.invariants import TableRules
from fvg_platform.storage.records import as_records

BREACHES_SHOWN = 20
SERIES_KEYS = ("ticker", "timeframe")
# Sound bars of a listed ticker miss little; below half of what the calendar expects, nothing is sound.
COMPLETENESS_WARN = 0.98
COMPLETENESS_ERROR = 0.50


def table_check(
    asset: str, name: str, rules: TableRules, description: str, *, blocking: bool = False
) -> dg.AssetChecksDefinition:
    """A check that no row of a table breaks any of the rules."""

    @dg.asset_check(asset=asset, name=name, description=description, blocking=blocking)
    def check(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        with database.bulk() as connection:
            profile = invariants.profile(connection, rules)
            found = breaches(profile, rules.keys, list(rules.rules))
            first = _first_offenders(connection, rules, found)
        return result(found, len(profile), first_offending_rows=first)

    return check


def result(
    found: Sequence[Breach],
    looked_at: int,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **metadata: Any,
) -> dg.AssetCheckResult:
    """The outcome of a check as people read it."""
    lines = [f"{' '.join(breach.where.values())}: {breach.rule} {breach.count:g}" for breach in found]
    return _outcome(lines, looked_at, severity, metadata)


def _outcome(
    broken: Sequence[str], looked_at: int, severity: dg.AssetCheckSeverity, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    lines = list(broken[:BREACHES_SHOWN])
    if len(broken) > BREACHES_SHOWN:
        lines.append(f"and {len(broken) - BREACHES_SHOWN} more")
    return dg.AssetCheckResult(
        passed=not broken,
        severity=severity,
        description="; ".join(lines) if broken else f"{looked_at} looked at, nothing breaks a rule",
        metadata={"looked_at": looked_at, "broken": len(broken), **metadata},
    )


def _first_offenders(connection: Any, rules: TableRules, found: Sequence[Breach]) -> dg.MetadataValue:
    shown = [
        f"**{' '.join(b.where.values())}: {b.rule}**\n\n"
        + markdown_table(invariants.offenders(connection, rules, b.rule, b.where))
        for b in found[:3]
    ]
    return dg.MetadataValue.md("\n\n".join(shown) or "none")


def markdown_table(frame: pd.DataFrame) -> str:
    """A small frame as a Markdown table."""
    head = "| " + " | ".join(frame.columns) + " |\n|" + " --- |" * len(frame.columns)
    rows = [
        "| " + " | ".join(str(v).replace("|", "\\|") for v in row) + " |"
        for row in frame.itertuples(index=False)
    ]
    return "\n".join([head, *rows])


def frame_check(
    asset: str,
    name: str,
    description: str,
    read: Callable[[Any], pd.DataFrame],
    rule: str,
    keys: Sequence[str] = SERIES_KEYS,
) -> dg.AssetChecksDefinition:
    """A check that one counted column of a profile is zero everywhere."""

    @dg.asset_check(asset=asset, name=name, description=description)
    def check(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        with database.bulk() as connection:
            profile = read(connection)
        return result(breaches(profile, keys, [rule]), len(profile))

    return check


@dg.asset_check(
    asset="clean_bars",
    name="series_held_back",
    description="No series failed or broke a rule about its rows; those that did are skipped downstream.",
)
def series_held_back(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        rows = invariants.series_held_back(connection)
        looked_at = len(invariants.completeness(connection))
    lines = [
        f"{row['ticker']} {row['timeframe']}: {row['asset']} {row['state']}: {row['reason']}"
        for row in as_records(rows)
    ]
    return _outcome(lines, looked_at, dg.AssetCheckSeverity.ERROR, {})


@dg.asset_check(
    asset="bars",
    name="coverage_against_calendar",
    description="Every series has nearly all bars that its exchange's calendar expects.",
)
def coverage_against_calendar(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        profile = invariants.completeness(connection)
    found = below(profile, SERIES_KEYS, "completeness", COMPLETENESS_WARN)
    worst = min((breach.count for breach in found), default=1.0)
    severity = dg.AssetCheckSeverity.ERROR if worst < COMPLETENESS_ERROR else dg.AssetCheckSeverity.WARN
    return result(found, len(profile), severity=severity)


CHECKS = [
    table_check(
        "clean_bars",
        "bars_are_sound",
        invariants.BAR_RULES,
        "No NULLs, prices in order (low ≤ open, close ≤ high) and above zero, no negative volume.",
    ),
    frame_check(
        "clean_bars", "no_duplicates", "One bar per series and time.", invariants.duplicate_bars, "duplicates"
    ),
    series_held_back,
    coverage_against_calendar,
    table_check(
        "fvg_detections",
        "gaps_are_sound",
        invariants.DETECTION_RULES,
        "Zones the right way up, lifecycles in order, nothing known before its bar.",
    ),
    table_check(
        "fvg_labels",
        "intervals_are_ordered",
        invariants.LABEL_RULES,
        "The worse path of an outcome is never better than the better one, and every entry has an outcome.",
    ),
    frame_check(
        "bar_features",
        "complete_after_warmup",
        "No feature is NULL beyond the warm-up that the catalogue declares.",
        invariants.missing_features,
        "beyond_warmup",
        keys=("ticker", "timeframe", "feature"),
    ),
    table_check(
        "setup_features",
        "every_setup_has_features",
        invariants.SETUP_FEATURE_RULES,
        "No setup is without the features that a model needs.",
    ),
    table_check(
        "train_test_split",
        "no_overlap",
        invariants.SPLIT_RULES,
        "No training setup's life reaches the test period, and no test setup was known before it.",
        blocking=True,
    ),
    table_check(
        "daily_predictions",
        "probabilities_are_sound",
        invariants.PREDICTION_RULES,
        "Probabilities lie in [0, 1] and fall with the distance of the target.",
        blocking=True,
    ),
    table_check(
        "prediction_outcomes",
        "intervals_are_ordered",
        invariants.OUTCOME_RULES,
        "The worse path of an outcome is never better than the better one.",
    ),
]
