"""By what setups are grouped: ticker, side, session, rule, year and so on; each way is a partition of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Ints
from fvg_platform.fvg.modes import RULES
from fvg_platform.fvg.statistics_columns import DIMENSIONS

RULE_PREFIX = "rule_"
UNNAMED = "none"
"""The group of rows whose session or ticker is NULL."""

_VERDICTS = ("pass", "fail", "unknown")
_SIDES = ("long", "short")


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows split by one dimension: `code` is the position of each row's group in `values`."""

    dimension: str
    values: tuple[str, ...]
    code: Ints


def partitions_of(
    labels: pd.DataFrame, by: Sequence[str], timeframe: str, mode: str, what: str
) -> list[Partition]:
    """One partition for each dimension asked, and one for each rule; groups without a row are left out.

    Parameters
    ----------
    labels
        The columns that the dimensions need: `ticker`, `side`, `session`, `ts`, `rule_<name>`.
    by
        Some of :data:`fvg_platform.fvg.statistics_columns.DIMENSIONS`.
    timeframe, mode
        Of all rows; columns of these names are checked if present.
    what
        What the labels are called in messages.

    Raises
    ------
    ValueError
        For an unknown dimension, missing columns, rows of another timeframe or mode, or a side other than ±1.
    """
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown:
        raise ValueError(f"unknown dimension {unknown[0]!r}: use some of {', '.join(DIMENSIONS)}")
    lacking = [name for name in ("ticker", "session") if name in by and name not in labels]
    rules = _rules_of(labels)
    if "rule" in by and not rules:
        lacking.append(f"{RULE_PREFIX}<name>")
    if lacking:
        raise ValueError(f"{what} lack {', '.join(lacking)}: add them, or leave their dimensions out")
    _require_one(labels, "timeframe", timeframe, what)
    _require_one(labels, "mode", mode, what)
    partitions: list[Partition] = []
    for dimension in dict.fromkeys(by):
        if dimension == "rule":
            partitions += [_rule(labels, name) for name in rules]
        else:
            partitions.append(_partition(labels, dimension, {"timeframe": timeframe, "mode": mode}, what))
    return partitions


def _rules_of(labels: pd.DataFrame) -> list[str]:
    """Names of the rules that the labels have verdicts of: the known ones in their order, then others."""
    found = [str(name).removeprefix(RULE_PREFIX) for name in labels if str(name).startswith(RULE_PREFIX)]
    order: dict[str, int] = {name: place for place, name in enumerate(RULES)}
    return sorted((name for name in found if name != "score"), key=lambda name: (order.get(name, 99), name))


def _require_one(labels: pd.DataFrame, column: str, value: str, what: str) -> None:
    if column not in labels:
        return
    other = labels[column].ne(value).fillna(True).to_numpy(bool)
    if other.any():
        row = int(np.argmax(other))
        raise ValueError(
            f"{what}: {column} of row {row} is {labels[column].iloc[row]!r}, but the table is of {value}: "
            f"pass the labels of one {column}"
        )


def _partition(labels: pd.DataFrame, dimension: str, shared: dict[str, str], what: str) -> Partition:
    if dimension == "side":
        side = labels["side"].to_numpy(np.float64, na_value=np.nan)
        if (np.abs(side) != 1).any():
            row = int(np.argmax(np.abs(side) != 1))
            raise ValueError(f"{what}: side of row {row} is {side[row]:g}, but must be 1 or -1")
        return _only_filled(dimension, _SIDES, (side < 0).astype(np.int64))
    if dimension == "year":
        years = labels["ts"].dt.year.to_numpy(np.int64)
        found, code = np.unique(years, return_inverse=True)
        return Partition(dimension, tuple(map(str, found.tolist())), code.astype(np.int64))
    if dimension in ("ticker", "session"):
        code, names = pd.factorize(labels[dimension].astype(object), sort=True)
        values = (*map(str, names), UNNAMED)
        return _only_filled(dimension, values, np.where(code < 0, len(names), code).astype(np.int64))
    return _only_filled(dimension, (shared.get(dimension, "all"),), np.zeros(len(labels), np.int64))


def _rule(labels: pd.DataFrame, name: str) -> Partition:
    verdict = labels[RULE_PREFIX + name].astype("boolean")
    passed = verdict.to_numpy(bool, na_value=False)
    code = np.where(verdict.isna().to_numpy(), 2, np.where(passed, 0, 1)).astype(np.int64)
    return _only_filled("rule", tuple(f"{name}: {word}" for word in _VERDICTS), code)


def _only_filled(dimension: str, values: tuple[str, ...], code: Ints) -> Partition:
    found, dense = np.unique(code, return_inverse=True)
    return Partition(dimension, tuple(values[place] for place in found), dense.astype(np.int64))
