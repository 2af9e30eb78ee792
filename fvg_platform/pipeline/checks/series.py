"""Checks of series as wholes: complete, in agreement with each other, free of strange bars, fresh.

Limits and wording of what is checked are those of the quality package; here profiles are read, held against a Great
Expectations suite, and told the worst first, by series and count.
"""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.pipeline.checks.tables import SERIES_KEYS, markdown_table, outcome
from fvg_platform.quality import catalogue
from fvg_platform.quality.coverage_rules import judge_comparisons, judge_coverage, judge_flags
from fvg_platform.quality.freshness import LIVE_SOURCES, POLICIES, freshness
from fvg_platform.quality.suites import Breach, breaches
from fvg_platform.storage import coverage_queries
from fvg_platform.storage.database import Database
from fvg_platform.storage.records import as_records

PAIR_KEYS = ("ticker", "fine", "coarse")
ROWS_SHOWN = 20


@dg.asset_check(
    asset=catalogue.BARS_ARE_COMPLETE.asset,
    name=catalogue.BARS_ARE_COMPLETE.name,
    description=catalogue.BARS_ARE_COMPLETE.description,
)
def bars_are_complete(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        judged = judge_coverage(coverage_queries.series_coverage(connection))

    def line(row: dict[str, Any], rule: str) -> str:
        if rule == "lost_bars":
            return f"{row['lost']:,} bars are lost: coarser bars hold their volume"
        return (
            f"{row['incomplete']:,.0f} bars missing, {row['completeness']:.1%} complete "
            f"({row['liquidity']}: warn below {row['warn_below']:.1%}, error below {row['error_below']:.1%})"
        )

    return _told(judged, SERIES_KEYS, {"lost_bars": "lost_error", "incomplete": "incomplete_error"}, line, {})


@dg.asset_check(
    asset=catalogue.TIMEFRAMES_AGREE.asset,
    name=catalogue.TIMEFRAMES_AGREE.name,
    description=catalogue.TIMEFRAMES_AGREE.description,
)
def timeframes_agree(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        judged = judge_comparisons(coverage_queries.comparisons(connection))

    def line(row: dict[str, Any], _rule: str) -> str:
        return (
            f"{row['differing']:,} of {row['compared']:,} bars differ, the worst in {row['worst_column']} by "
            f"{row['worst_difference']:.2%} at {row['worst_ts']}"
        )

    differing = judged[judged["differing"] > 0].nlargest(ROWS_SHOWN, "differing")
    columns = [*PAIR_KEYS, "compared", "differing", "worst_ts", "worst_column", "worst_difference"]
    shown = markdown_table(differing[columns]) if len(differing) else "none"
    return _told(
        judged, PAIR_KEYS, {"differ": "differ_error"}, line, {"pairs_that_differ": dg.MetadataValue.md(shown)}
    )


@dg.asset_check(
    asset=catalogue.NOTHING_STRANGE.asset,
    name=catalogue.NOTHING_STRANGE.name,
    description=catalogue.NOTHING_STRANGE.description,
)
def bars_look_usual(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    with database.bulk() as connection:
        counts = coverage_queries.flag_counts(connection)
    judged = judge_flags(counts)
    rules = {rule.name: None for rule in catalogue.NOTHING_STRANGE.rules}

    def line(row: dict[str, Any], rule: str) -> str:
        return f"{row[rule]:,.0f} of {row['rows']:,} bars are flagged {rule}"

    return _told(judged, SERIES_KEYS, rules, line, {"flagged": int(counts[list(rules)].to_numpy().sum())})


@dg.asset_check(
    asset=catalogue.BARS_ARE_FRESH.asset,
    name=catalogue.BARS_ARE_FRESH.name,
    description=catalogue.BARS_ARE_FRESH.description,
)
def bars_are_fresh(
    database: dg.ResourceParam[Database], feed_delay: dg.ResourceParam[pd.Timedelta]
) -> dg.AssetCheckResult:
    return freshness_result(database, feed_delay, pd.Timestamp.now(tz="UTC"))


def freshness_result(database: Database, feed_delay: pd.Timedelta, now: pd.Timestamp) -> dg.AssetCheckResult:
    """What the check of freshness says at a time; `feed_delay`: how long after its close the vendor gives a bar out."""
    with database.bulk() as connection:
        profile = judge_freshness(
            coverage_queries.newest_bars(connection, sorted(LIVE_SOURCES)), now, feed_delay
        )

    def line(row: dict[str, Any], _rule: str) -> str:
        return f"{row['bars_behind']:,} bars behind: the last is of {row['last_ts']}, {row['latest']} is complete"

    return _told(profile, SERIES_KEYS, {"behind": "behind_error"}, line, {"judged_at": str(now)})


def judge_freshness(newest: pd.DataFrame, now: pd.Timestamp, delay: pd.Timedelta) -> pd.DataFrame:
    """How far each series is behind.

    Parameters
    ----------
    newest
        `ticker, timeframe, asset_class, anchor, session, last_ts`.

    Returns
    -------
    These with `latest` (newest complete bar), `bars_behind`, and the counts that must be zero: `behind` (of a series
    that is worth a warning) and `behind_error` (of one that is late).
    """
    found = [
        freshness(
            row["last_ts"],
            row["timeframe"],
            trading_calendar(row["asset_class"], anchor=row["anchor"], session=row["session"]),
            now,
            POLICIES[row["timeframe"]],
            delay=delay,
        )
        for row in as_records(newest)
    ]
    return newest.assign(
        latest=pd.Series([one.latest for one in found], index=newest.index, dtype="object"),
        bars_behind=[one.behind for one in found],
        behind=[0 if one.state == "ok" else one.behind for one in found],
        behind_error=[one.behind if one.state == "late" else 0 for one in found],
    )


def _told(
    judged: pd.DataFrame,
    keys: Sequence[str],
    rules: dict[str, str] | dict[str, None],
    line: Callable[[dict[str, Any], str], str],
    metadata: dict[str, Any],
) -> dg.AssetCheckResult:
    """Hold the profile against its suite; `rules`: columns that must be zero, and those that are an ERROR if not."""
    found = breaches(judged[[*keys, *rules]], keys, list(rules))
    rows = {tuple(str(row[key]) for key in keys): row for row in as_records(judged)}
    lines: list[tuple[bool, str]] = []
    for breach in found:
        row = rows[tuple(breach.where.values())]
        lines.append(
            (_is_error(row, breach, rules), f"{' '.join(breach.where.values())}: {line(row, breach.rule)}")
        )
    lines.sort(key=lambda told: not told[0])  # stable: within each severity the largest counts stay first
    error = any(is_error for is_error, _ in lines)
    return outcome(
        [text for _, text in lines],
        len(judged),
        dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN,
        {"errors": sum(is_error for is_error, _ in lines), **metadata},
    )


def _is_error(row: dict[str, Any], breach: Breach, rules: dict[str, str] | dict[str, None]) -> bool:
    column = rules[breach.rule]
    return column is not None and row[column] > 0


CHECKS = [bars_are_complete, timeframes_agree, bars_look_usual, bars_are_fresh]
