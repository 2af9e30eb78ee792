"""Tables of statistics over many labels, group by group, with sampling intervals and corrected tests.

Every figure is given for both readings of the bars (lo, hi), and how far chance may have moved each is bootstrapped
over blocks of time (specification, section 7). The same figures of surrogate bars stand beside: they tell what is
edge from what is arithmetic of stops, targets and costs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats, Ints, numeric_column
from fvg_platform.fvg.block_bootstrap import (
    FEWEST_BLOCKS,
    block_length,
    multiplicities,
    time_blocks,
    usable_quantiles,
)
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.multiple_tests import BlockTests, block_tests, joined, single_step
from fvg_platform.fvg.statistics_columns import (
    DIMENSIONS,
    FIGURES,
    IDENTITY,
    INTEGERS,
    STATISTIC_COLUMNS,
    SURROGATE,
)
from fvg_platform.fvg.statistics_groups import Partition, partitions_of
from fvg_platform.fvg.statistics_sums import COLUMNS_READ, DRAWN, RATIOS, SUMS, TARGETS, add_to_cells, addends

__all__ = ["DIMENSIONS", "STATISTIC_COLUMNS", "statistics"]

_INTERVAL = (0.025, 0.975)
_MEDIAN = {"median": 0.5}
_DECILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}
_SHARED = {name: name for name in ("bars_to_entry", "mae_r", "mfe_r")}
_CELLS = 4_000_000  # numbers summed at a time: 32 MB, whatever the number of groups

Figures = dict[str, Floats]


def statistics(
    labels: pd.DataFrame,
    timeframe: str,
    by: str | Sequence[str] = DIMENSIONS,
    *,
    config: ModeConfig | None = None,
    surrogate: pd.DataFrame | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Statistics of the setups of one timeframe, for each group and target.

    Parameters
    ----------
    labels
        Rows of :func:`fvg_platform.fvg.outcomes.label_setups` of one ticker or of many, in any order, with `risk` and
        `cost_bps` beside, and what `by` asks for: `ticker`, `session` (text or NULL), `rule_<name>` (true, false or
        NULL). `timeframe` and `mode` must agree with the arguments if present.
    timeframe
        Timeframe of the bars.
    by
        Dimensions, all of them by default. Each is a table to itself: all its rows, and no others, count as tried in
        `p_adjusted` and `mean_r_lo_deflated`.
    config
        Gives the horizon, mode and slippage of stops; by default that of the timeframe.
    surrogate
        Labels of surrogate bars with the same columns and perhaps `draw`
        (:func:`fvg_platform.fvg.surrogate.surrogate_labels`). Counts are sums over all draws.
    replicates, seed
        Of the bootstrap. Groups in fewer than ten blocks of time get no interval and no test.

    Returns
    -------
    DataFrame
        `dimension, value, timeframe, target`, then :data:`STATISTIC_COLUMNS`: NaN for a figure that has nothing to
        stand on, NULL in all surrogate columns without surrogate labels or where they lack the group.

    Raises
    ------
    ValueError
        For an unknown timeframe or dimension, missing columns, or rows that do not belong; names them.
    """
    config = config or mode_config(timeframe)
    asked = (by,) if isinstance(by, str) else tuple(by)
    table = _table(labels, "labels", timeframe, asked, config, replicates, seed)
    if surrogate is None:
        beside = _frame([], {name: np.zeros(0) for name in FIGURES}, timeframe)
    else:
        beside = _table(surrogate, "surrogate labels", timeframe, asked, config, replicates, seed)
    beside = beside.astype(dict.fromkeys(INTEGERS, "Int64")).rename(columns=lambda name: name + SURROGATE)
    keys = [name + SURROGATE for name in IDENTITY]
    joined_table = table.merge(beside, how="left", left_on=list(IDENTITY), right_on=keys)
    return joined_table.drop(columns=keys)


def _table(
    labels: pd.DataFrame,
    what: str,
    timeframe: str,
    by: Sequence[str],
    config: ModeConfig,
    replicates: int,
    seed: int,
) -> pd.DataFrame:
    lacking = [name for name in COLUMNS_READ if name not in labels]
    if lacking:
        raise ValueError(f"{what} lack {', '.join(lacking)}: statistics need them")
    partitions = partitions_of(labels, by, timeframe, config.mode, what)
    groups = [(part.dimension, value) for part in partitions for value in part.values]
    if not groups:
        return _frame([], {name: np.zeros(0) for name in FIGURES}, timeframe)
    strand = labels["draw"].to_numpy(np.int64) if "draw" in labels else None
    block = time_blocks(labels["ts"], block_length(timeframe, config), strand)
    enough = np.unique(block).size >= FEWEST_BLOCKS
    weights = multiplicities(int(block.max()) + 1, replicates if enough else 0, seed)
    figures, tests = [], []
    shared = _figures_of_order(labels, _SHARED, partitions, what)
    for k in TARGETS:
        added = addends(labels, k, config.stop_slippage_bps, what)
        of_sums, tested = _figures_of_sums(added, partitions, block, weights)
        own = _figures_of_order(labels, {"bars_to_exit": f"bars_to_exit_{k}_lo"}, partitions, what)
        figures.append(of_sums | shared | own)
        tests.append(tested)
    # From target by target to group by group.
    order = np.arange(len(TARGETS) * len(groups)).reshape(len(TARGETS), -1).T.ravel()
    result = {name: np.concatenate([part[name] for part in figures])[order] for name in figures[0]}
    result |= _verdicts(joined(tests).at(order), [dimension for dimension, _ in groups for _ in TARGETS])
    return _frame(groups, result, timeframe)


def _verdicts(tests: BlockTests, dimensions: list[str]) -> Figures:
    """The tests of mean R of all rows, corrected for those of the same dimension."""
    names = ("p_value", "p_adjusted", "mean_r_lo_deflated")
    found = {name: np.full(len(dimensions), np.nan) for name in names}
    for dimension in dict.fromkeys(dimensions):
        rows = np.flatnonzero(np.asarray(dimensions) == dimension)
        verdict = single_step(tests.at(rows))
        for name, values in zip(
            names, (verdict.p_value, verdict.p_adjusted, verdict.lower_bound), strict=True
        ):
            found[name][rows] = values
    return found


def _frame(groups: list[tuple[str, str]], figures: Figures, timeframe: str) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "dimension": pd.Series([d for d, _ in groups for _ in TARGETS], dtype="str"),
            "value": pd.Series([value for _, value in groups for _ in TARGETS], dtype="str"),
            "timeframe": pd.Series([timeframe] * (len(groups) * len(TARGETS)), dtype="str"),
            "target": np.tile(np.array(TARGETS, np.int64), len(groups)),
            **{name: figures[name] for name in FIGURES},
        }
    )
    return frame.astype(dict.fromkeys(INTEGERS, "int64"))


def _figures_of_sums(
    added: Floats, partitions: list[Partition], block: Ints, weights: Floats
) -> tuple[Figures, BlockTests]:
    """Counts, quotients with their intervals, and the tests of mean R, of all groups in order."""
    parts, tests = [], []
    blocks = len(weights)
    step = max(1, _CELLS // (blocks * len(SUMS)))
    for part in partitions:
        for first in range(0, len(part.values), step):
            cells = np.zeros((min(step, len(part.values) - first), blocks, len(SUMS)))
            add_to_cells(added, part.code, block, first, cells)
            cells = np.ascontiguousarray(cells.transpose(0, 2, 1))
            parts.append(_quotients(cells, weights))
            sums, counts = (cells[:, SUMS.index(name)] for name in ("r_lo", "r_count_lo"))
            tests.append(block_tests(sums, counts, weights, FEWEST_BLOCKS))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, joined(tests)


def _quotients(cells: Floats, weights: Floats) -> Figures:
    """Figures of groups from their sums per block (groups, sums, blocks)."""
    total = dict(zip(SUMS, cells.sum(axis=2).T, strict=True))
    figures: Figures = {name: total[name] for name in SUMS if name in INTEGERS}
    figures["blocks"] = (cells[:, SUMS.index("setups")] > 0).sum(axis=1).astype(np.float64)
    enough = figures["blocks"] >= FEWEST_BLOCKS
    sums = cells[:, : len(DRAWN)]
    drawn = (sums.reshape(-1, len(weights)) @ weights).reshape(*sums.shape[:2], weights.shape[1])
    replica = {name: drawn[:, place] for place, name in enumerate(DRAWN)}
    for name, (part, whole) in RATIOS.items():
        value = _divided(total[part], total[whole])
        bounds = usable_quantiles(_divided(replica[part], replica[whole]), _INTERVAL)
        bounds[~(enough & np.isfinite(value))] = np.nan
        figures[name] = np.where(np.isfinite(value), value, np.nan)
        figures[f"{name}_low"], figures[f"{name}_high"] = bounds.T
    figures["identified_share"] = _divided(total["identified"], total["settled_lo"])
    return figures


def _divided(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return part / whole


def _figures_of_order(
    labels: pd.DataFrame, columns: dict[str, str], partitions: list[Partition], what: str
) -> Figures:
    """Quantiles of the columns (name of the figure: name of the column), of all groups in order."""
    figures: Figures = {}
    for figure, column in columns.items():
        quantiles = _DECILES if column.endswith("_r") else _MEDIAN
        values = numeric_column(labels, column, what)
        order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
        found = [_group_quantiles(values, order, part, list(quantiles.values())) for part in partitions]
        for name, row in zip(quantiles, np.concatenate(found, axis=1), strict=True):
            figures[f"{figure}_{name}"] = row
    return figures


def _group_quantiles(values: Floats, order: Ints, part: Partition, quantiles: list[float]) -> Floats:
    """Quantiles of the values in each group: (quantiles, groups); `order` sorts the values that are known."""
    code = part.code[order]
    # Numpy sorts 16-bit integers by radix, ten times as fast.
    narrow = code.astype(np.int16) if len(part.values) < np.iinfo(np.int16).max else code
    ordered = np.append(values[order[np.argsort(narrow, kind="stable")]], np.nan)
    count = np.bincount(code, minlength=len(part.values))
    start = np.cumsum(count) - count
    place = np.maximum(count - 1, 0) * np.asarray(quantiles)[:, None]
    below = np.floor(place).astype(np.int64)
    low = ordered[start + below]
    high = ordered[start + np.minimum(below + 1, np.maximum(count - 1, 0))]
    return np.where(count > 0, low + (high - low) * (place - below), np.nan)
