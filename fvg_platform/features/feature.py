"""What a feature is: the entry that the catalogue, the table's columns and the model's inputs share.

A feature is one entry beside one function: the entry says what the number means, the function computes it.
The entries are readable without loading a numerical engine; see :mod:`fvg_platform.features.engines`.
"""

import hashlib
import json
import math
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
    memory : bars before its own that a value depends on, so that a tail of that many more gives the same value
        within 1e-9; by default the warm-up, which is true of plain windows. See :func:`fading` for averages that
        never forget, and `days` for what looks at calendar periods
    days : calendar days that a tail must reach back besides `memory`
    needs : the optional column of the bars (``taker_buy_volume``, ``vwap``, ``transactions``) without which the
        value is NaN
    cumulative : a running sum since the first bar: a tail gives it but for a constant, which the stored value before
        the tail tells
    revision : raised when the function's numbers change while the rest of the entry stays the same
    source : of a user's own feature a hash of the file that it comes from: any change of that makes it another one
    """

    name: str
    group: str
    formula: str
    unit: str
    warmup: int
    scale_free: bool
    kind: Literal["bar", "setup"]
    compute: Callable[[Any], Values] = field(repr=False, compare=False)
    memory: int = -1
    days: int = 0
    needs: str | None = None
    cumulative: bool = False
    revision: int = 1
    source: str = ""

    def __post_init__(self) -> None:
        if self.memory < 0:
            object.__setattr__(self, "memory", self.warmup)
        if self.memory < self.warmup:
            raise ValueError(
                f"feature {self.name}: a memory of {self.memory} bars is shorter than its warm-up of {self.warmup}"
            )

    @property
    def digest(self) -> str:
        """Identifies the definition: rows computed by another one are stale."""
        entry = [self.name, self.group, self.formula, self.unit, self.warmup, self.scale_free, self.kind]
        text = json.dumps(
            [
                *entry,
                self.memory,
                self.days,
                self.needs,
                self.cumulative,
                self.revision,
                *filter(None, [self.source]),
            ]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def fading(weight: float, start: int) -> int:
    """The memory of an exponential average that gives the newest bar `weight`, e.g. 2/(n+1), or 1/n for Wilder's.

    After so many bars past its `start` (the bars that seed it) what came before weighs less than 1e-18: nothing,
    even beside an ATR of a millionth of the price.
    """
    return start + math.ceil(math.log(1e-18) / math.log1p(-weight))


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
    **further: Any,
) -> Feature:
    """Write one line of a group's table; features are scale-free unless the line says otherwise."""
    return Feature(name, group, formula, unit, warmup, scale_free, kind, compute, **further)


def group_of(group: str, kind: Literal["bar", "setup"] = "bar") -> Callable[..., Feature]:
    """Return :func:`entry` with the group filled in."""
    return partial(entry, group, kind=kind)
