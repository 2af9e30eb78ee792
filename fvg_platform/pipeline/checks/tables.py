"""Checks of tables: row rules that are listed, never blocking, and invariants that block.

Under a range of partitions a check is evaluated once, so each looks at its whole table and names the series,
the rule, the count and the first offending rows itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.quality import catalogue
from fvg_platform.quality.catalogue import QualityCheck
from fvg_platform.quality.suites import Breach, breaches
from fvg_platform.storage import invariants
from fvg_platform.storage.database import Database
from fvg_platform.storage.invariants import TableRules
from fvg_platform.storage.records import as_records

BREACHES_SHOWN = 20
SERIES_KEYS = ("ticker", "timeframe")


def table_check(documented: QualityCheck, rules: TableRules) -> dg.AssetChecksDefinition:
    """A check that no row of a table breaks any of the rules, which are those that it is documented with."""
    told = [rule.name for rule in documented.rules]
    if told != list(rules.rules):
        raise ValueError(
            f"{documented.key} is documented with the rules {told} and holds {list(rules.rules)}"
        )

    @dg.asset_check(
        asset=documented.asset,
        name=documented.name,
        description=documented.description,
        blocking=documented.blocking,
    )
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
    return outcome(lines, looked_at, severity, metadata)


def outcome(
    broken: Sequence[str], looked_at: int, severity: dg.AssetCheckSeverity, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """The same from lines that are worded already, the worst first."""
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
    documented: QualityCheck, read: Callable[[Any], pd.DataFrame], keys: Sequence[str] = SERIES_KEYS
) -> dg.AssetChecksDefinition:
    """A check that one counted column of a profile, which the check's only rule names, is zero everywhere."""
    (rule,) = (rule.name for rule in documented.rules)

    @dg.asset_check(asset=documented.asset, name=documented.name, description=documented.description)
    def check(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
        with database.bulk() as connection:
            profile = read(connection)
        return result(breaches(profile, keys, [rule]), len(profile))

    return check


@dg.asset_check(
    asset=catalogue.SERIES_HELD_BACK.asset,
    name=catalogue.SERIES_HELD_BACK.name,
    description=catalogue.SERIES_HELD_BACK.description,
)
def series_held_back(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        rows = invariants.series_held_back(connection)
        looked_at = len(invariants.completeness(connection))
    lines = [
        f"{row['ticker']} {row['timeframe']}: {row['asset']} {row['state']}: {row['reason']}"
        for row in as_records(rows)
    ]
    return outcome(lines, looked_at, dg.AssetCheckSeverity.ERROR, {})


CHECKS = [
    table_check(catalogue.CLEAN_BARS_ARE_SOUND, invariants.BAR_RULES),
    frame_check(catalogue.NO_DUPLICATES, invariants.duplicate_bars),
    series_held_back,
    table_check(catalogue.GAPS_ARE_SOUND, invariants.DETECTION_RULES),
    table_check(catalogue.ZONES_ARE_SOUND, invariants.ZONE_RULES),
    table_check(catalogue.CONTEXT_IS_SOUND, invariants.CONTEXT_RULES),
    table_check(catalogue.PLANS_ARE_SOUND, invariants.SETUP_RULES),
    table_check(catalogue.LABEL_INTERVALS, invariants.LABEL_RULES),
    table_check(catalogue.STATISTICS_ARE_SOUND, invariants.STATISTIC_RULES),
    frame_check(
        catalogue.FEATURES_ARE_COMPLETE,
        invariants.missing_features,
        keys=("ticker", "timeframe", "feature"),
    ),
    table_check(catalogue.SETUPS_HAVE_FEATURES, invariants.SETUP_FEATURE_RULES),
    table_check(catalogue.SPLIT_DOES_NOT_OVERLAP, invariants.SPLIT_RULES),
    table_check(catalogue.PROBABILITIES_ARE_SOUND, invariants.PREDICTION_RULES),
    table_check(catalogue.OUTCOME_INTERVALS, invariants.OUTCOME_RULES),
    table_check(catalogue.FORECASTS_ARE_SOUND, invariants.FORECAST_RULES),
]
