"""Tables of statistics as people read them: plain values for `--json`, and tables for the terminal."""

import math
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

WIDTH = 120
"""Columns of a terminal that the tables fit into."""

_TARGETS = (1, 2, 3)
_CONVINCING = 0.05

HOW_TO_READ = (
    "a…b: what the bars leave open (worse–better reading; R of the worse one can be the greater, where a later exit "
    "opens beyond the target); in brackets the 95 % sampling interval of both ends. "
    "k: target. Before, after: mean R of filled setups before and after costs. Per order: R after costs of each order "
    "placed. Factor: gains / losses after costs. p: chance that the best of all rows of this table would look as good "
    "without any edge. Surrogate: mean R after costs on bars whose moves were reflected by a coin."
)
EDGE = (
    "Win rates and R that the surrogate shows too are arithmetic of stops, targets and costs. Edge is what stays: R "
    "after costs above 0 with its whole bracket, p below 0.05, and clearly above the surrogate's."
)


def statistics_values(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table of :func:`fvg_platform.fvg.statistics.statistics` as plain JSON values; NaN becomes None."""
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def statistics_table(frame: pd.DataFrame) -> list[RenderableType]:
    """What the terminal shows of a table of statistics: for each timeframe and dimension orders with win rates, then R.

    Parameters
    ----------
    frame
        A table of :func:`fvg_platform.fvg.statistics.statistics`, or several below each other. Their figures keep the
        correction that they were computed with.
    """
    values = statistics_values(frame)
    if not values:
        return [Text("No statistics yet: there are no labelled setups.")]
    shown: list[RenderableType] = []
    for timeframe, dimension in dict.fromkeys((row["timeframe"], row["dimension"]) for row in values):
        rows = [row for row in values if (row["timeframe"], row["dimension"]) == (timeframe, dimension)]
        groups: dict[str, dict[int, dict[str, Any]]] = {}
        for row in rows:
            groups.setdefault(row["value"], {})[row["target"]] = row
        named = "all setups" if dimension == "all" else f"by {dimension}"
        shown += [
            _orders(f"{timeframe}, {named}: orders and win rates", groups),
            _returns(f"{timeframe}, {named}: R", groups),
            Text(),
        ]
    return [*shown, Text(_found(values)), Text(HOW_TO_READ, style="dim"), Text(EDGE, style="dim")]


def _orders(title: str, groups: dict[str, dict[int, dict[str, Any]]]) -> Table:
    table = _table(title, ("setups", "filled", *(f"target {k} before stop" for k in _TARGETS)))
    for value, targets in groups.items():
        any_target = next(iter(targets.values()))
        table.add_row(
            Text(_named(value)),
            Text(f"{any_target['setups']:,}"),
            Text(_percent(any_target, "fill_rate", "fill_rate")),
            *(Text(_percent(targets[k], "win_lo", "win_hi") if k in targets else "–") for k in _TARGETS),
        )
    return table


def _returns(title: str, groups: dict[str, dict[int, dict[str, Any]]]) -> Table:
    """One row for each group, its targets below each other, so that long names wrap beside them."""
    table = _table(title, ("k", "before", "after", "per order", "factor", "p", "surrogate"))
    for value, targets in groups.items():
        cells = [
            (
                str(k),
                _span(row, "mean_r_before_costs"),
                f"{_span(row, 'mean_r')} {_bracket(row, 'mean_r')}".strip(),
                _span(row, "expectancy"),
                _span(row, "profit_factor", "{:.2f}"),
                _chance(row["p_adjusted"]),
                _span(row, "mean_r", suffix="_surrogate"),
            )
            for k, row in sorted(targets.items())
        ]
        convincing = any(_convincing(row) for row in targets.values())
        lines = (
            Text("\n".join(column), style="bold" if convincing else "") for column in zip(*cells, strict=True)
        )
        table.add_row(Text(_named(value)), *lines)
    return table


def _table(title: str, figures: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("group", overflow="fold", min_width=14)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    return table


def _named(value: str) -> str:
    # A rule's name breaks at its words; a ticker has a dash or a dot, never an underscore.
    return value.replace("_", " ")


def _found(values: list[dict[str, Any]]) -> str:
    """In words, how many of the rows hold out against chance and against the surrogate."""
    tested = [row for row in values if row["p_adjusted"] is not None]
    if not tested:
        return "No row has ten blocks of time with setups: too little to tell edge from chance."
    count = sum(_convincing(row) for row in tested)
    held = "none has" if not count else "1 (bold) has" if count == 1 else f"{count} (bold) have"
    return (
        f"Of {len(tested)} rows that could be tested, {held} a mean R after costs that is above 0 beyond what chance "
        f"gives the best row of its table (one timeframe and dimension), and above the surrogate's."
    )


def _convincing(row: dict[str, Any]) -> bool:
    if row["p_adjusted"] is None or row["p_adjusted"] >= _CONVINCING:
        return False
    beside = row["mean_r_hi_high_surrogate"]
    if beside is None:
        beside = row["mean_r_hi_surrogate"]
    return beside is None or bool(row["mean_r_lo"] > beside)


def _percent(row: dict[str, Any], lo: str, hi: str) -> str:
    if row[lo] is None or row[hi] is None:
        return "–"
    low, high = row[f"{lo}_low"], row[f"{hi}_high"]
    chance = "too few" if low is None or high is None else f"{low * 100:.0f}–{high:.0%}"
    value = f"{row[lo]:.1%}" if lo == hi else f"{row[lo] * 100:.1f}…{row[hi]:.1%}"
    return f"{value} [{chance}]"


def _span(row: dict[str, Any], name: str, form: str = "{:+.2f}", suffix: str = "") -> str:
    lo, hi = row[f"{name}_lo{suffix}"], row[f"{name}_hi{suffix}"]
    return "–" if lo is None or hi is None else f"{form.format(lo)}…{form.format(hi)}"


def _bracket(row: dict[str, Any], name: str) -> str:
    if row[f"{name}_lo"] is None:
        return ""
    low, high = row[f"{name}_lo_low"], row[f"{name}_hi_high"]
    return "[too few]" if low is None or high is None else f"[{low:+.2f}, {high:+.2f}]"


def _chance(p: float | None) -> str:
    return "–" if p is None else f"{p:.3f}"


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
