"""What an algorithm must be able to do to be trained, compared, stored, served and explained like the others.

An :class:`Algorithm` is a name and two functions: one that fits a :class:`LearningTask`, one that reads a fitted
:class:`Classifier` back from its dict. Which algorithms there are stands in models.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.boosting_settings import BoostingSettings

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


class Classifier(Protocol):
    """A fitted algorithm.

    One that grows in rounds also has an attribute `rounds`: the median over the folds is given to its last fit.
    """

    @property
    def algorithm(self) -> str:
        """The name of its :class:`Algorithm`."""

    def predict(self, x: FloatArray) -> FloatArray:
        """Probability of 1 for each row of `x` (n, m; NaN where unknown), shape (n,)."""

    def importances(self) -> FloatArray | None:
        """Weight of each feature, shape (m,), or None where the features are not used."""

    def contributions(self, x: FloatArray) -> FloatArray | None:
        """What each feature adds to the log odds, row by row, and last what is expected without any.

        Shape (n, m + 1); the sum of a row is the log odds of its prediction. None where the algorithm cannot tell.
        """

    def to_dict(self) -> dict[str, Any]:
        """The fitted numbers as a JSON-able dict with the key `algorithm`; nothing is ever pickled."""


@dataclass(frozen=True)
class LearningTask:
    """One target to be learnt, of which both outcomes occur.

    Attributes
    ----------
    features, rows
        Features of all setups, shape (N, m), NaN where unknown, and the ascending positions of the n that may be
        learnt from.
    told, y
        Ascending positions in `rows` of the k setups that say something about the target, and what they say.
    known_at, life_end
        The lives of those k setups.
    embargo
        Time that must pass between a life's end and what is judged with it.
    settings, seed
        Of boosting; an algorithm is free to ignore the settings. The same task must give the same numbers.
    rounds
        How long to grow; None: find out on a held-out tail of these setups.
    shared
        What one target's fit leaves for the next one on the same rows.
    """

    features: FloatArray
    rows: IndexArray
    told: IndexArray
    y: FloatArray
    known_at: pd.Series
    life_end: pd.Series
    embargo: pd.Timedelta
    settings: BoostingSettings
    seed: int
    rounds: int | None = None
    shared: dict[str, Any] = field(default_factory=dict)

    @property
    def x(self) -> FloatArray:
        """Features of the setups that say something about the target, shape (k, m): a copy, made at each call."""
        return self.features[self.rows[self.told]]


@dataclass(frozen=True)
class Algorithm:
    """A way to learn.

    `fit` is given tasks with both outcomes only: one class is always served by its rate. `concurrent` says that
    two fits may run in two threads and give the same numbers as one after the other.
    """

    name: str
    fit: Callable[[LearningTask], Classifier]
    from_dict: Callable[[dict[str, Any]], Classifier]
    concurrent: bool = False
