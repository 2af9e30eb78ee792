"""What a feature is: the entry that the catalogue, the table's columns and the model's inputs share.

A feature is one entry beside one function: the entry says what the number means, the function computes it.
The entries are readable without loading a numerical engine; see :mod:`fvg_platform.features.engines`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """One named number per bar (or per setup), known at the close of its bar.

    Attributes
    ----------
    name : column name: lower snake case, a valid SQL identifier of at most 63 characters
    group : the module that owns it, e.g. ``trend``
    formula : one line: formula or source function with its parameters, and the value of undefined cases
    unit : ``price``, ``volume``, ``ATR``, ``ratio``, ``percent``, ...
    warmup : number of bars before the first value, which is the position of the first value
    scale_free : multiplying all prices, or all volumes, by a constant leaves it unchanged; only such
        features mean the same for every ticker and so fit a model pooled over tickers
    kind : ``bar`` (one value per bar) or ``setup`` (one per setup, `warmup` still counted in bars)
    compute : the function, from a BarSeries (or SetupSeries) to float64 values; takes no part in comparisons
    """

    name: str
    group: str
    formula: str
    unit: str
    warmup: int
    scale_free: bool
    kind: Literal["bar", "setup"]
    compute: Callable[[Any], Values] = field(repr=False, compare=False)


def entry(
    group: str,
    name: str,
    formula: str,
    unit: str,
    warmup: int,
    compute: Callable[[Any], Values],
    *,
    scale_free: bool = True,
    kind: Literal["bar", "setup"] = "bar",
) -> Feature:
    """Write one line of a group's table; features are scale-free unless the line says otherwise."""
    return Feature(name, group, formula, unit, warmup, scale_free, kind, compute)


def group_of(group: str, kind: Literal["bar", "setup"] = "bar") -> Callable[..., Feature]:
    """Return :func:`entry` with the group filled in."""
    return partial(entry, group, kind=kind)
