"""Holes in the bars as people ask for them: plain values for `--json`, and tables for the terminal."""

from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

KINDS = ("lost", "unknown", "untraded")
GAPS_SHOWN = 50

HOW_TO_READ = (
    "lost: a coarser bar of the source holds volume that the finer bars lack; untraded: it holds none, so nothing was "
    "traded there; unknown: no coarser bar tells."
)


def gaps_values(gaps: pd.DataFrame) -> dict[str, Any]:
    """The holes and their totals.

    Parameters
    ----------
    gaps
        `ticker, timeframe, from_ts, to_ts, missing, kind`, in the order in which they are to be shown.

    Returns
    -------
    `totals`: per series `ticker, timeframe, holes, missing, longest` and the missing bars of each kind, most missing
    first; `gaps`: each hole, its times in ISO format (UTC).
    """
    rows = [
        {
            "ticker": str(row["ticker"]),
            "timeframe": str(row["timeframe"]),
            "from_ts": row["from_ts"].isoformat(),
            "to_ts": row["to_ts"].isoformat(),
            "missing": int(row["missing"]),
            "kind": str(row["kind"]),
        }
        for row in gaps.to_dict("records")
    ]
    return {"totals": _totals(gaps), "gaps": rows}


def _totals(gaps: pd.DataFrame) -> list[dict[str, Any]]:
    totals = []
    for (ticker, timeframe), holes in gaps.groupby(["ticker", "timeframe"]):
        by_kind = holes.groupby("kind")["missing"].sum()
        totals.append(
            {
                "ticker": str(ticker),
                "timeframe": str(timeframe),
                "holes": len(holes),
                "missing": int(holes["missing"].sum()),
                "longest": int(holes["missing"].max()),
                **{kind: int(by_kind.get(kind, 0)) for kind in KINDS},
            }
        )
    return sorted(totals, key=lambda row: (-row["missing"], row["ticker"], row["timeframe"]))


def gaps_table(values: dict[str, Any]) -> RenderableType:
    """Totals per series, then the holes themselves, up to :data:`GAPS_SHOWN`."""
    if not values["gaps"]:
        return Text("No holes: every bar that the exchange's calendar expects is there.")
    totals = Table(title="Missing bars", title_justify="left", header_style="bold")
    names = ("ticker", "timeframe", "holes", "missing", "longest", *KINDS)
    for name in names:
        totals.add_column(
            name, justify="left" if name in ("ticker", "timeframe") else "right", overflow="fold"
        )
    for row in values["totals"]:
        totals.add_row(
            *(Text(row[name] if isinstance(row[name], str) else f"{row[name]:,}") for name in names)
        )
    shown = values["gaps"][:GAPS_SHOWN]
    holes = Table(title="Holes", title_justify="left", header_style="bold")
    for name in ("ticker", "timeframe", "first missing (UTC)", "last missing (UTC)", "bars", "kind"):
        holes.add_column(name, justify="right" if name == "bars" else "left", overflow="fold")
    for row in shown:
        times = (row[name][:16].replace("T", " ") for name in ("from_ts", "to_ts"))
        cells = (row["ticker"], row["timeframe"], *times, f"{row['missing']:,}", row["kind"])
        holes.add_row(*map(Text, cells))
    parts: list[RenderableType] = [totals, holes]
    if len(values["gaps"]) > len(shown):
        parts.append(Text(f"and {len(values['gaps']) - len(shown):,} more: --json lists all of them"))
    return Group(*parts, Text(HOW_TO_READ, style="dim"))
