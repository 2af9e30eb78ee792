"""How sure a probability is: the rate among setups that the model rates alike, with the spread of a bootstrap.

Resamples draw whole stretches of time, each as long as a life, of the out-of-fold predictions; the calibration map
is fitted anew on each, and the quantiles of these maps at a row of raw probabilities (the knots) are kept. For a
base rate it is the mean of the training outcomes that is drawn. What the interval does not hold is a change of the
market: that is for monitoring.
Source: P. Hall, J. Horowitz and B.-Y. Jing, On blocking rules for the bootstrap with dependent data (1995).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, time_cells
from fvg_platform.learning.calibration import Calibration, Identity, Isotonic, neighbours
from fvg_platform.learning.log_odds import log_odds, logistic
from fvg_platform.learning.logistic_lines import fit_lines

FloatArray = npt.NDArray[np.float64]

LEVEL = 0.90

_RESAMPLES = 400
# Groups of equally many predictions, within which the line sees their mean only.
_LINE_GROUPS = 100
_KNOTS = 41


@dataclass(frozen=True)
class ProbabilityInterval:
    """Bounds of a probability at ascending raw probabilities; straight lines between these, flat outside."""

    raw: FloatArray
    low: FloatArray
    high: FloatArray

    def bounds(self, raw: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds, each of shape (n,), of the probabilities `p` that `raw` was calibrated to."""
        low, high = np.interp(raw, self.raw, self.low), np.interp(raw, self.raw, self.high)
        return np.minimum(low, p), np.maximum(high, p)

    def to_dict(self) -> dict[str, Any]:
        """The knots as a JSON-able dict."""
        return {"raw": self.raw.tolist(), "low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "ProbabilityInterval":
        """The inverse of :meth:`to_dict`."""
        return cls(*(np.asarray(stored[name], dtype=np.float64) for name in ("raw", "low", "high")))


# Where too little time is spanned to tell, anything is possible.
UNKNOWN = ProbabilityInterval(np.array([0.5]), np.array([0.0]), np.array([1.0]))


def fit_interval(
    p: FloatArray,
    y: FloatArray,
    known_at: pd.Series,
    life_end: pd.Series,
    calibration: Calibration,
    *,
    seed: int,
) -> ProbabilityInterval:
    """The interval at 90 % of a calibrated probability.

    Parameters
    ----------
    p, y
        Raw out-of-fold predictions and outcomes 0 or 1, shape (n,).
    known_at, life_end
        The lives, with a zone, shape (n,).
    calibration
        The map that was fitted on them: steps are drawn as steps, a line as a line on the log odds. Where
        probabilities are served as they are, the lines' spread about their own middle is put around them.
    seed
        Of the bootstrap.

    Returns
    -------
    ProbabilityInterval; [0, 1] everywhere where fewer than five lives fit into the time that is spanned.
    """
    cells = _cells(known_at, life_end)
    if cells is None:
        return UNKNOWN
    if y.min() == y.max():
        return _one_class(float(y[0]), cells)
    weights = cells.weights(_RESAMPLES, seed)
    if isinstance(calibration, Isotonic):
        knots = calibration.raw
        drawn = _resampled_steps(p, y, cells, weights, knots)
    else:
        knots = np.unique(np.concatenate([[1e-6], np.quantile(p, np.linspace(0.0, 1.0, _KNOTS)), [1 - 1e-6]]))
        drawn = _resampled_lines(p, y, cells, weights, knots, served_raw=isinstance(calibration, Identity))
    low, high = _quantiles(drawn)
    return ProbabilityInterval(knots, low, high)


def fit_rate_interval(
    y: FloatArray, known_at: pd.Series, life_end: pd.Series, *, seed: int
) -> ProbabilityInterval:
    """The interval at 90 % of the mean of outcomes `y` (n,), the same for every prediction."""
    cells = _cells(known_at, life_end)
    if cells is None:
        return UNKNOWN
    if y.min() == y.max():
        return _one_class(float(y[0]), cells)
    weights = cells.weights(_RESAMPLES, seed)
    drawn = weights @ cells.sums(np.ones(y.size))
    rates = (weights @ cells.sums(y))[drawn > 0] / drawn[drawn > 0]
    low, high = _quantiles(rates[:, None])
    return ProbabilityInterval(np.array([0.5]), low, high)


def _cells(known_at: pd.Series, life_end: pd.Series) -> TimeCells | None:
    if len(known_at) == 0:
        return None
    life = max(pd.Timedelta((life_end - known_at).median()), pd.Timedelta(1, unit="s"))
    cells = time_cells(known_at, life)
    return cells if cells.blocks >= MIN_BLOCKS else None


def _one_class(outcome: float, cells: TimeCells) -> ProbabilityInterval:
    """What was never seen in k separate lives has a probability of at most 1 - 0.05^(1/k), the binomial bound."""
    unseen = 1.0 - ((1.0 - LEVEL) / 2.0) ** (1.0 / cells.blocks)
    low, high = (0.0, unseen) if outcome == 0.0 else (1.0 - unseen, 1.0)
    return ProbabilityInterval(np.array([0.5]), np.array([low]), np.array([high]))


def _quantiles(drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of each column of `drawn` (resamples, k), both inside [0, 1]."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _group_counts(
    group: npt.NDArray[np.int64], y: FloatArray, cells: TimeCells, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How many rows, and how many ones, each resample drew from each group: two of shape (resamples, groups)."""
    n_groups = int(group.max()) + 1
    flat = cells.cell * n_groups + group
    shape = (cells.n_cells, n_groups)
    rows = np.bincount(flat, minlength=cells.n_cells * n_groups).reshape(shape)
    ones = np.bincount(flat, weights=y, minlength=cells.n_cells * n_groups).reshape(shape)
    return weights @ rows, weights @ ones


def _resampled_steps(
    p: FloatArray, y: FloatArray, cells: TimeCells, weights: FloatArray, knots: FloatArray
) -> FloatArray:
    """Isotonic maps of the resamples at the knots, shape (resamples, k)."""
    from sklearn.isotonic import isotonic_regression

    groups = neighbours(p)
    raw = np.array([p[group].mean() for group in groups])
    rows, ones = _group_counts(_membership(groups, p.size), y, cells, weights)
    drawn = np.empty((len(weights), knots.size))
    for resample, (n, positives) in enumerate(zip(rows, ones, strict=True)):
        seen = n > 0
        steps = isotonic_regression(positives[seen] / n[seen], sample_weight=n[seen])
        drawn[resample] = np.interp(knots, raw[seen], steps)
    return drawn


def _resampled_lines(
    p: FloatArray,
    y: FloatArray,
    cells: TimeCells,
    weights: FloatArray,
    knots: FloatArray,
    *,
    served_raw: bool,
) -> FloatArray:
    """Platt's lines of the resamples at the knots, shape (resamples, k)."""
    odds = log_odds(p)
    order = np.argsort(p, kind="stable").astype(np.int64)
    groups = np.array_split(order, min(_LINE_GROUPS, p.size))
    rows, ones = _group_counts(_membership(groups, p.size), y, cells, weights)
    centre, spread = float(odds.mean()), float(odds.std()) or 1.0
    z = (np.array([odds[group].mean() for group in groups]) - centre) / spread
    slope, intercept = fit_lines(z, rows, ones)
    at_knots = (log_odds(knots) - centre) / spread
    drawn = slope[:, None] * at_knots + intercept[:, None]
    if served_raw:
        every = np.ones((1, cells.n_cells))
        slope, intercept = fit_lines(z, *_group_counts(_membership(groups, p.size), y, cells, every))
        drawn += log_odds(knots) - (slope[0] * at_knots + intercept[0])
    return logistic(drawn)


def _membership(groups: list[npt.NDArray[np.int64]], n: int) -> npt.NDArray[np.int64]:
    group = np.empty(n, dtype=np.int64)
    for number, members in enumerate(groups):
        group[members] = number
    return group
