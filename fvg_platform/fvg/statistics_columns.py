"""The names and meanings of a table of statistics; loads nothing heavy, so that a database schema may read it.

What the figures are computed from is in :mod:`fvg_platform.fvg.statistics`.
"""

from typing import Literal

Kind = Literal["int", "float"]
Column = tuple[str, Kind, str]

DIMENSIONS: tuple[str, ...] = ("all", "timeframe", "mode", "ticker", "side", "session", "rule", "year")
"""By what setups can be grouped."""

IDENTITY: tuple[str, ...] = ("dimension", "value", "timeframe", "target")
"""The columns that name a row: dimension, value and timeframe are text, target is 1, 2 or 3."""

SURROGATE = "_surrogate"
"""Suffix of the same figure on surrogate bars."""


def _with_bounds(name: str, meaning: str) -> tuple[Column, ...]:
    return (
        (name, "float", meaning),
        (f"{name}_low", "float", f"lower end of the 95 % sampling interval of {name}"),
        (f"{name}_high", "float", f"upper end of the 95 % sampling interval of {name}"),
    )


def _paths(name: str, meaning: str) -> tuple[Column, ...]:
    worse = _with_bounds(f"{name}_lo", f"{meaning}, worse reading of the bars")
    return worse + _with_bounds(f"{name}_hi", f"{meaning}, better reading of the bars")


def _counts(name: str, meaning: str) -> tuple[Column, ...]:
    return (
        (f"{name}_lo", "int", f"{meaning}, worse reading of the bars"),
        (f"{name}_hi", "int", f"{meaning}, better reading of the bars"),
    )


def _deciles(name: str, meaning: str) -> tuple[Column, ...]:
    return tuple(
        (f"{name}_q{q}", "float", f"{q} % quantile of {meaning}, worse reading, target 3")
        for q in (10, 50, 90)
    )


_FIGURES: tuple[Column, ...] = (
    ("setups", "int", "planned setups of the group"),
    ("entered", "int", "setups whose order was filled"),
    ("gap_invalid", "int", "setups filled and stopped at one opening"),
    ("ran_away", "int", "setups whose price reached the first target without them"),
    ("expired", "int", "setups whose order lived out its time"),
    ("pending", "int", "setups whose order is still open"),
    *_counts("targets", "entered setups that reached the target"),
    *_counts("settled", "entered setups that ended at target, stop or time exit"),
    *_counts("censored", "entered setups still open when the data end"),
    *_counts("r_count", "setups with a known R, gap_invalid included"),
    ("identified", "int", "entered setups whose outcome both readings share"),
    ("blocks", "int", "blocks of time that hold any setup; fewer than ten give no sampling interval"),
    *_with_bounds("fill_rate", "entered / setups that are not pending"),
    *_paths("win", "win rate: target reached / settled"),
    ("identified_share", "float", "identified / settled on the worse reading"),
    *_paths("mean_r", "mean R after costs"),
    *_paths("mean_r_before_costs", "mean R before costs"),
    *_paths("expectancy", "R after costs per order placed whose fate is known; orders never filled count 0"),
    *_paths("profit_factor", "sum of gains / sum of losses in R after costs; NULL without losses"),
    ("bars_to_entry_median", "float", "median bars from the gap to the entry"),
    ("bars_to_exit_median", "float", "median bars from the entry to the exit, worse reading"),
    *_deciles("mae_r", "the worst excursion in R"),
    *_deciles("mfe_r", "the best excursion in R"),
    ("p_value", "float", "chance of such a mean_r_lo or a greater one if the true one were 0"),
    ("p_adjusted", "float", "p_value corrected for all rows of the dimension (single-step maximum)"),
    (
        "mean_r_lo_deflated",
        "float",
        "lower bound of mean_r_lo that holds for all rows of the dimension at once with 95 %",
    ),
)

FIGURES: tuple[str, ...] = tuple(name for name, _, _ in _FIGURES)
"""Names of the figures of one set of labels."""

INTEGERS: frozenset[str] = frozenset(name for name, kind, _ in _FIGURES if kind == "int")
"""Those of the figures that are counts."""

STATISTIC_COLUMNS: tuple[Column, ...] = _FIGURES + tuple(
    (name + SURROGATE, kind, f"{meaning}; on surrogate bars") for name, kind, meaning in _FIGURES
)
"""(name, int or float, meaning) of every figure of a table of statistics, in its order, after :data:`IDENTITY`."""
