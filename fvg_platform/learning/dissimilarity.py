"""How unlike anything a model has learned from the setups of a window are: distances to its nearest neighbours.

Features can each stay within their bounds and yet meet in new combinations; single features' distributions say
nothing of that. A setup is dissimilar if it lies farther from the reference than 19 of 20 of the reference's own.
Source: the idea of an area of applicability, H. Meyer and E. Pebesma (2021), with neighbours in time left out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.drift_windows import Stretches
from fvg_platform.learning.splits import thin_evenly

OWN_SHARE = 0.05
"""Share of the reference that is dissimilar by definition."""

_NEIGHBOURS = 5
_ANCHORS = 500
_MEASURED = 10_000
_SCALED_BY = 5_000
_CHUNK = 1_000
# A value so many spreads from the median counts as no farther: one wild feature does not outvote all others.
_FARTHEST = 5.0

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Dissimilarity:
    """Share of the window's setups that are dissimilar, and of each stretch's (stretches,), NaN where not measured."""

    share: float
    stretches: FloatArray


def dissimilarity(
    reference: FloatArray,
    window: FloatArray,
    known_at: IntArray,
    stretches: Stretches,
    *,
    length: pd.Timedelta,
    keep: npt.NDArray[np.bool_] | None,
    seed: int,
) -> Dissimilarity:
    """Of `window` (w, m) against `reference` (n, m), known at these nanoseconds (n,), in order of time.

    Distances are to the five nearest of at most 500 setups of the reference. Of the reference's own setups, those
    that were known less than the `length` of a window before or after are no neighbours: of a later window they
    could not be either.
    """
    every = np.arange(len(reference))
    anchors = thin_evenly(every, _ANCHORS, seed)
    measured = thin_evenly(every if keep is None else np.flatnonzero(keep), _MEASURED, seed + 1)
    shown = thin_evenly(np.arange(len(window)), _MEASURED, seed + 2)
    scale = _Scale.of(reference[thin_evenly(every, _SCALED_BY, seed + 3)])
    near = int(length.as_unit("ns").value)
    neighbours = scale.of_rows(reference[anchors])
    own = _distances(
        scale.of_rows(reference[measured]), neighbours, known_at[measured], known_at[anchors], near
    )
    told = ~np.isnan(own)
    if not told.any():
        return Dissimilarity(float("nan"), np.full(int(stretches.valid.sum()), np.nan))
    limit = np.quantile(own[told], 1.0 - OWN_SHARE)
    share = float((_distances(scale.of_rows(window[shown]), neighbours) > limit).mean())
    group = np.full(len(reference), 2, dtype=np.int64)
    group[measured[told]] = own[told] > limit
    counts = stretches.counts(group, 3)
    with np.errstate(invalid="ignore"):
        return Dissimilarity(share, counts[:, 1] / counts[:, :2].sum(axis=1))


@dataclass(frozen=True)
class _Scale:
    """Median and half interquartile range of each feature (m,)."""

    middle: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, reference: FloatArray) -> "_Scale":
        known = np.where(np.isnan(reference).all(axis=0), 0.0, reference)
        ordered = np.sort(known, axis=0)  # NaN last
        last = (~np.isnan(known)).sum(axis=0) - 1
        low, middle, high = (
            np.take_along_axis(ordered, (share * last).astype(np.int64)[None, :], axis=0)[0]
            for share in (0.25, 0.5, 0.75)
        )
        spread = (high - low) / 2.0
        # A feature that is mostly one value has no quartiles apart, but a deviation; a constant one neither.
        flat = spread == 0.0
        spread[flat] = np.nanstd(known[:, flat], axis=0)
        return cls(middle, spread)

    def of_rows(self, values: FloatArray) -> Matrix:
        """Spreads from the median (n, m); the unknown lies at the median."""
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.nan_to_num((values - self.middle) / self.spread, nan=0.0)
        return np.clip(scaled, -_FARTHEST, _FARTHEST).astype(np.float32)


def _distances(
    setups: Matrix,
    anchors: Matrix,
    times: IntArray | None = None,
    anchor_times: IntArray | None = None,
    near: int = 0,
) -> FloatArray:
    """Mean distance of each setup to its nearest anchors that are not near in time; NaN where there are too few.

    Anchors are in order of time.
    """
    found = np.empty(len(setups))
    squares = np.einsum("ij,ij->i", anchors, anchors)
    nearest = min(_NEIGHBOURS, len(anchors))
    for first in range(0, len(setups), _CHUNK):
        part = setups[first : first + _CHUNK]
        apart = part @ anchors.T
        apart *= -2.0
        apart += squares
        if times is not None and anchor_times is not None:
            told = times[first : first + _CHUNK]
            begin = np.searchsorted(anchor_times, told - near, side="right")
            end = np.searchsorted(anchor_times, told + near, side="left")
            for row, (left, right) in enumerate(zip(begin, end, strict=True)):
                apart[row, left:right] = np.inf
        apart.partition(nearest - 1, axis=1)
        closest = apart[:, :nearest] + np.einsum("ij,ij->i", part, part)[:, None]
        found[first : first + _CHUNK] = np.sqrt(np.maximum(closest, 0.0)).mean(axis=1)
    return np.where(np.isfinite(found), found, np.nan)
