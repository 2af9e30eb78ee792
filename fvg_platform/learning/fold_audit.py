"""A proof, apart from the splitters' own code, that no training life comes near a life it is tested on.

Splitters merge tested lives and look training lives up in them; here pairs are counted. Of a training life,
the tested lives that ended more than the embargo before it and those that begin more than the embargo after
it are two numbers out of two sorted arrays; what is left of all tested lives lies too near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.splits import nanoseconds

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Audit:
    """What was looked at: folds, pairs of a training and a tested life; and a sentence for each bad fold."""

    folds: int
    pairs_checked: int
    violations: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no fold has a pair of lives too near."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {
            "folds": self.folds,
            "pairs_checked": self.pairs_checked,
            "violations": list(self.violations),
        }


def audit_folds(
    known_at: pd.Series,
    life_end: pd.Series,
    folds: Sequence[tuple[Indices, Indices]],
    embargo: pd.Timedelta,
    *,
    forward: bool = False,
) -> Audit:
    """Look at every pair of a training and a tested life of every fold, in O(n log n) for a fold.

    Lives are closed intervals. A pair is in order if more than the embargo lies between the end of one and
    the start of the other, so touching is too near. A row that is trained and tested is too near to itself.

    Parameters
    ----------
    known_at, life_end
        Start and end of each life, with a time zone, shape (n,).
    folds
        (training positions, test positions), from a walk-forward or a combinatorial split.
    embargo
        Time that must be exceeded between the two lives of a pair, on either side.
    forward
        Whether every training life must lie before the tested ones, as in a walk-forward split.

    Raises
    ------
    ValueError
        Times that are NULL or have no zone, lives that end before they begin, positions outside the rows.
    """
    start = nanoseconds(known_at, "known_at")
    end = nanoseconds(life_end, "life_end")
    if (end < start).any():
        raise ValueError(f"life_end lies before known_at at row {int(np.argmax(end < start))}")
    gap = int(embargo.as_unit("ns").value)
    pairs = 0
    violations: list[str] = []
    for number, (train, test) in enumerate(folds, start=1):
        for positions in (train, test):
            if positions.size and not 0 <= positions.min() <= positions.max() < start.size:
                raise ValueError(f"fold {number} holds positions outside the {start.size} rows")
        pairs += train.size * test.size
        near = _pairs_too_near(start, end, train, test, gap, forward=forward)
        if near.any():
            pair = _first_pair(start, end, train[int(np.argmax(near > 0))], test, gap, forward=forward)
            violations.append(
                f"fold {number}: {int(near.sum()):,} of {train.size * test.size:,} pairs of a training and a "
                f"tested life are not more than {embargo} apart{' in that order' if forward else ''}, the first: "
                + " and ".join(f"row {row} ({known_at.iloc[row]} to {life_end.iloc[row]})" for row in pair)
            )
    return Audit(len(folds), pairs, tuple(violations))


def _pairs_too_near(
    start: Indices, end: Indices, train: Indices, test: Indices, gap: int, *, forward: bool
) -> Indices:
    """For each training life, how many tested ones are too near (or, forward, not after it), shape (train,)."""
    after = test.size - np.searchsorted(np.sort(start[test]), end[train] + gap, side="right")
    if forward:
        return np.asarray(test.size - after, dtype=np.int64)
    before = np.searchsorted(np.sort(end[test]), start[train] - gap, side="left")
    return np.asarray(test.size - after - before, dtype=np.int64)


def _first_pair(
    start: Indices, end: Indices, row: np.int64, test: Indices, gap: int, *, forward: bool
) -> tuple[int, int]:
    near = start[test] <= end[row] + gap
    if not forward:
        near &= end[test] >= start[row] - gap
    return int(row), int(test[int(np.argmax(near))])
