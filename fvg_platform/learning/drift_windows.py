"""The time that drift is judged in: windows after a model's cut, and stretches of its reference of the same length.

Setups overlap and features move slowly, so that the rows of a window are worth far fewer than their number. What a
window's statistic may be without any drift is therefore read off stretches of the reference that last as long as
the window does; how many of them are independent bounds how rare anything can be called.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.splits import nanoseconds

LIVES_PER_WINDOW = 4
"""A window lasts so many median lives at least."""
LIVES_OF_OUTCOMES = 20
"""Calibration is judged over so many lives up to the window's end: fewer are worth too few independent outcomes."""
SETUPS_PER_WINDOW = 100
"""A window lasts as long as the reference took, on average, for so many setups."""
MIN_SETUPS = 50
"""Fewer setups than this, in a window or a stretch, are not looked at."""

# Stretches start every eighth of their length; more coarsely where there would be more of them than this.
_CELLS_PER_STRETCH = 8
_MAX_STRETCHES = 1_500

_WHOLE = int(pd.Timedelta(minutes=1).value)  # windows are keys of tables, whose times are microseconds

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DriftWindow:
    """Setups known from `start` until before `end`; its verdict counts once it is `complete`."""

    start: pd.Timestamp
    end: pd.Timestamp
    complete: bool

    @property
    def length(self) -> pd.Timedelta:
        """How long the whole window lasts, also while it runs."""
        return self.end - self.start


def drift_windows(
    reference_known_at: pd.Series,
    cut: pd.Timestamp,
    until: pd.Timestamp,
    life: pd.Timedelta,
    *,
    lives: int = LIVES_PER_WINDOW,
    setups: int = SETUPS_PER_WINDOW,
) -> list[DriftWindow]:
    """The windows from the cut on, one after the other; the last one may still run.

    Parameters
    ----------
    reference_known_at
        When the setups that the model was trained on were known, with a zone, shape (n,).
    cut
        Start of the model's test period: the first window starts here.
    until
        How far the bars reach (close of the newest). A window is complete when they reach its end.
    life
        The median life of a setup, `life_end - known_at`.
    lives, setups
        A window lasts the longer of so many lives and of the time in which the reference saw so many setups on
        average.

    Returns
    -------
    In order of time, none where `until` does not lie beyond the cut.

    Raises
    ------
    ValueError
        A life that is not longer than nothing, times without a zone.
    """
    if life <= pd.Timedelta(0):
        raise ValueError(
            f"a life must last longer than nothing, got {life}: pass the median of life_end - known_at"
        )
    known = nanoseconds(reference_known_at, "reference_known_at")
    first, end = nanoseconds(pd.DatetimeIndex([cut, until]), "cut and until")
    length = lives * int(life.as_unit("ns").value)
    if known.size > 1:
        mean_wait = int(known.max() - known.min()) / (known.size - 1)
        length = max(length, round(setups * mean_wait))
    length = -(-length // _WHOLE) * _WHOLE
    bounds = np.arange(first, max(first, end), length, dtype=np.int64)
    return [
        DriftWindow(_time(int(start)), _time(int(start) + length), bool(start + length <= end))
        for start in bounds
    ]


def _time(stamp: int) -> pd.Timestamp:
    return pd.Timestamp(stamp, unit="ns", tz="UTC")


@dataclass(frozen=True)
class Stretches:
    """All stretches of one length in the reference, each a run of cells of time, with enough setups in them.

    `cell` of each row, `n_cells` of them counted from the newest, rows of a broken cell older than these at `n_cells`;
    `run` cells a stretch; `valid` tells of each stretch whether it holds :data:`MIN_SETUPS`; `rows` how many it
    holds; `independent` how many there would be side by side.
    """

    cell: IntArray
    n_cells: int
    run: int
    rows: IntArray
    valid: BoolArray
    independent: float

    @classmethod
    def of(cls, known_at: IntArray, length: pd.Timedelta) -> "Stretches":
        """For rows known at these nanoseconds (n,), n ≥ 1, in any order."""
        long = int(length.as_unit("ns").value)
        if long <= 0:
            raise ValueError(f"the length of a window must be longer than nothing, got {length}")
        age = known_at.max() - known_at
        span = int(age.max()) + 1
        run = int(np.clip(_MAX_STRETCHES * long // span, 1, _CELLS_PER_STRETCH))
        width = -(-long // run)
        # The oldest cell counts if most of it is covered.
        n_cells = (span + width // 2) // width
        count = max(n_cells - run + 1, 0)
        cell = np.minimum(age // width, n_cells).astype(np.int64)
        rows = _moving_sums(np.bincount(cell, minlength=n_cells + 1)[:n_cells, None], run)[:, 0]
        valid = rows >= MIN_SETUPS
        share = valid.sum() / count if count else 0.0
        return cls(cell, n_cells, run, rows.astype(np.int64), valid, share * n_cells / run)

    def counts(self, group: IntArray, n_groups: int, keep: BoolArray | None = None) -> FloatArray:
        """How many rows of each valid stretch are in each group, shape (valid stretches, n_groups).

        `group` (n,) of each row; `keep` leaves rows out.
        """
        flat = self.cell * n_groups + group
        per_cell = np.bincount(flat if keep is None else flat[keep], minlength=(self.n_cells + 1) * n_groups)
        return _moving_sums(per_cell.reshape(-1, n_groups)[: self.n_cells], self.run)[self.valid]

    def like(self, setups: int, seed: int) -> BoolArray | None:
        """Which rows to keep so that a typical stretch holds as few setups as a window does; None: all of them.

        A sparse window strays farther from the reference than full stretches do. Where a window holds more
        than a stretch, nothing is done about it: it then strays less, and the test errs on the quiet side.
        """
        typical = float(np.median(self.rows[self.valid])) if self.valid.any() else 0.0
        if setups >= typical:
            return None
        kept: BoolArray = np.random.default_rng(seed).random(self.cell.size) < setups / typical
        return kept


def _moving_sums(values: npt.NDArray[np.integer], run: int) -> FloatArray:
    """Sums of each `run` rows that follow each other, shape (n - run + 1, m)."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=sums[1:])
    return sums[run:] - sums[:-run] if len(values) >= run else np.empty((0, values.shape[1]))
