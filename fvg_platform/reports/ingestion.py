"""What fetching from a vendor would take, for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

_ROWS = 40


def plan_table(values: Mapping[str, Any]) -> Group:
    """The dry run of `fvg ingest` as a table: one row a series, the totals below."""
    table = Table(title="What would be fetched", title_justify="left")
    for name in ("series", "from", "before", "calls", "bars at most", "why"):
        table.add_column(
            name, justify="right" if name in ("calls", "bars at most") else "left", overflow="fold"
        )
    rows = values["series"]
    for row in rows[:_ROWS]:
        first, last = (str(row[name])[:10] if row[name] else "–" for name in ("from", "to"))
        table.add_row(
            row["series"], first, last, str(row["calls"]), f"{row['bars_at_most']:,}", str(row["why"])
        )
    more = [f"… and {len(rows) - _ROWS} more series"] if len(rows) > _ROWS else []
    limit = values["calls_per_minute"]
    pace = (
        f"{_duration(values['seconds_at_least'])} at {limit} calls a minute (FVG_CALLS_PER_MINUTE)"
        if limit
        else "without a rate limit"
    )
    total = f"{len(rows)} series, {values['calls']:,} calls, at most {values['bars_at_most']:,} bars: {pace}"
    return Group(table, *more, total)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} hours"
