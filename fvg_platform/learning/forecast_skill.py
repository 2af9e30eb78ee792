"""How well forecasts did: what a model would have said at past origins, beside what came.

A forecast at an origin knows only the bars up to it. The pinball loss judges the whole fan (lower is better; half of
it, averaged over all quantiles, is the CRPS), coverage says how often its bands held what came, and a difference of
two models counts once its interval, from blocks of origins, lies on one side of zero.
Sources: T. Gneiting and A. Raftery, Strictly proper scoring rules (2007); walk-forward evaluation, L. Tashman (2000).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS
from fvg_platform.learning.estimates import Estimate, Estimator
from fvg_platform.learning.price_paths import CLOSE, Draws, PathModel, closes_along, drawn_from, mean_over

QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
MOST_ORIGINS = 60

_FEWEST_KNOWN = 40
_OLDER_SHARE = 0.4
_HORIZONS_PER_BLOCK = 2
_Q05, _Q25, _Q75, _Q95 = (QUANTILES.index(q) for q in (0.05, 0.25, 0.75, 0.95))

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PastForecasts:
    """A model's forecasts at `k` past origins, judged: loss (k,), whether the bands held what came (steps, k)."""

    loss: FloatArray
    held_50: BoolArray
    held_90: BoolArray

    @property
    def pinball(self) -> float:
        """Mean loss over origins, NaN without one."""
        return _mean(self.loss)

    @property
    def coverage_50(self) -> float:
        """The share of closes between the quantiles 25 % and 75 %, NaN without an origin."""
        return _mean(self.held_50)

    @property
    def coverage_90(self) -> float:
        """The share of closes between the quantiles 5 % and 95 %, NaN without an origin."""
        return _mean(self.held_90)

    @property
    def confidence(self) -> FloatArray:
        """By step, the share of past forecasts whose band of 90 % held the close, NaN without an origin."""
        if not self.loss.size:
            return np.full(len(self.held_90), np.nan)
        return self.held_90.mean(axis=1)


def past_origins(moves: int, steps: int) -> IntArray:
    """How many of so many `moves` are known at each origin: at most 60, the last one with all its steps behind it.

    They spread over the newest three fifths, at most `steps` moves apart, so that long histories are judged by their
    newest part; what lies before the first is the older part, on which models are fitted. Empty where there is no room.
    """
    last = moves - steps
    first = max(_FEWEST_KNOWN, int(np.ceil(_OLDER_SHARE * moves)), last - (MOST_ORIGINS - 1) * steps)
    if last < first:
        return np.empty(0, np.int64)
    return np.linspace(first, last, min(MOST_ORIGINS, last - first + 1)).astype(np.int64)


def judge(model: PathModel, moves: FloatArray, known: IntArray, draws: Draws) -> PastForecasts:
    """What `model` would have said at each origin, beside what came.

    Parameters
    ----------
    moves
        Moves (4, n) of all bars.
    known
        How many of them each origin knows (k,); as many as there are steps must follow.
    draws
        Of these origins; its steps are judged.

    Returns
    -------
    The loss of an origin is the mean over steps and quantiles, in units of the typical move over as many bars: the
    mean absolute move so far times √step. So series compare, and no step outweighs the others.
    """
    steps = len(draws.start)
    if not len(known):
        return PastForecasts(np.empty(0), *(np.empty((steps, 0), np.bool_) for _ in range(2)))
    paths = closes_along(model.simulate(moves, known, draws, (CLOSE,))[0])
    fan = quantiles(paths)
    came = closes_along(moves[CLOSE][known + np.arange(steps)[:, None]])
    typical = mean_over(np.abs(moves[CLOSE]), drawn_from(known)[0], known)
    unit = np.where(typical > 0, typical, 1.0) * np.sqrt(np.arange(1, steps + 1))[:, None]
    above = came - fan
    level = np.array(QUANTILES)[:, None, None]
    loss = np.maximum(level * above, (level - 1.0) * above) / unit
    # One row for each origin, summed on its own: how many others there are does not change its last bit.
    by_origin = np.ascontiguousarray(loss.reshape(-1, len(known)).T)
    return PastForecasts(
        by_origin.mean(axis=1),
        (fan[_Q25] <= came) & (came <= fan[_Q75]),
        (fan[_Q05] <= came) & (came <= fan[_Q95]),
    )


def quantiles(paths: FloatArray) -> FloatArray:
    """:data:`QUANTILES` over the last axis, put first: (7, …), linear between neighbours as `np.quantile`."""
    ordered = np.sort(paths, axis=-1)
    place = np.array(QUANTILES) * (ordered.shape[-1] - 1)
    below = np.floor(place).astype(np.int64)
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, ordered.shape[-1] - 1)]
    return np.moveaxis(low + (high - low) * (place - below), -1, 0)


def difference(
    challenger: PastForecasts,
    baseline: PastForecasts,
    known: IntArray,
    *,
    steps: int,
    level: float,
    seed: int,
) -> Estimate:
    """The challenger's pinball loss minus the baseline's at the same origins; below 0 the challenger is better.

    The interval of `level` draws blocks of two horizons: forecasts overlap, and a calm or wild time outlasts them.
    """
    if not len(known):
        return Estimate(None, None, None, "no past origin has all its steps behind it")
    block = _HORIZONS_PER_BLOCK * steps
    # Blocks are counted in bars, one a second here: a weekend makes no forecasts more independent.
    times = pd.DatetimeIndex(pd.to_datetime(known, unit="s", utc=True))
    over = Estimator.over(times, pd.Timedelta(seconds=block), level=level, seed=seed)
    estimate = over.ratio(challenger.loss - baseline.loss)
    if estimate.low is not None:
        return estimate
    spanned = f"the past origins span {over.cells.blocks} of the {MIN_BLOCKS} blocks of {block} bars that are needed"
    return replace(estimate, reason=f"no interval: {spanned}")


def _mean(values: FloatArray | BoolArray) -> float:
    return float(values.mean()) if values.size else float("nan")
