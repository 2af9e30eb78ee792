"""How far the values of a feature have moved: population stability index and Kolmogorov-Smirnov distance over bins.

Both are computed for a window against the whole reference and, as what no drift looks like, for every stretch of
the reference against the rest of it; the rank of the window among the stretches is its p-value. Over many features
the largest standardised move counts, so that one feature in twenty is no alarm.
Source: P. Westfall and S. Young, Resampling-based multiple testing (1993), the single-step maximum.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.drift_windows import MIN_SETUPS, Stretches

BINS = 20

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Move:
    """Of one column: `psi` and `ks` of the window, and the index of each stretch (stretches,); NaN: not known."""

    psi: float
    ks: float
    stretches: FloatArray


def move(
    reference: FloatArray,
    window: FloatArray,
    stretches: Stretches,
    keep: BoolArray | None = None,
    *,
    only_known: bool = False,
) -> Move:
    """How far a column has moved.

    Parameters
    ----------
    reference, window
        Its values (n,) and (w,), NaN where unknown.
    stretches, keep
        Of the reference; `keep` tells which rows a stretch is thinned to, and it is held against all of the others.
    only_known
        Leave the unknown out, and what has fewer than 50 known values with it; otherwise it is one bin more.
    """
    edges = bin_edges(reference)
    n_bins = edges.size + 2
    old, new = bins_within(edges, reference), bins_within(edges, window)
    total, seen = (np.bincount(bins, minlength=n_bins).astype(np.float64) for bins in (old, new))
    held = stretches.counts(old, n_bins)
    drawn = held if keep is None else stretches.counts(old, n_bins, keep)
    if only_known:
        total, seen, held, drawn = (counts[..., :-1] for counts in (total, seen, held, drawn))
    null = stability_index(drawn, total - held)
    psi, ks = float(stability_index(seen, total)), ks_distance(seen[: n_bins - 1], total[: n_bins - 1])
    if only_known:
        null[held.sum(axis=1) < MIN_SETUPS] = np.nan
        if min(seen.sum(), total.sum()) < MIN_SETUPS:
            psi = ks = float("nan")
    return Move(psi, ks, null)


def bin_edges(values: FloatArray, bins: int = BINS) -> FloatArray:
    """Upper edges, each within its bin, of bins that hold equally many of the known values, ascending.

    A value that fills a bin by itself gets one of its own, so that what lies below it is told from it. Without a
    known value there are no edges.
    """
    known = np.sort(values[~np.isnan(values)])
    if known.size == 0:
        return known
    at = np.maximum(np.ceil(known.size * np.arange(bins + 1) / bins).astype(np.int64) - 1, 0)
    cuts = known[at]
    repeated = cuts[1:][cuts[1:] == cuts[:-1]]
    return np.unique(np.concatenate([cuts[1:-1], repeated, np.nextafter(repeated, -np.inf)]))


def bins_within(edges: FloatArray, values: FloatArray) -> IntArray:
    """Bin of each value (n,): 0 up to the first edge, …, above the last one; unknown ones in a bin after these."""
    found = np.searchsorted(edges, values, side="left").astype(np.int64)
    found[np.isnan(values)] = edges.size + 1
    return found


def stability_index(window: FloatArray, reference: FloatArray) -> FloatArray:
    """Population stability index: Σ (p − q)·ln(p/q) over the bins, for counts of shape (…, bins).

    p and q are the shares of `window` and `reference` in a bin. A bin that is empty in one of the two counts as
    half a setup there; NaN where one of them has no rows at all.
    """
    sizes = [counts.sum(axis=-1, keepdims=True) for counts in (window, reference)]
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = (
            np.where(counts > 0.0, counts, 0.5) / size
            for counts, size in zip((window, reference), sizes, strict=True)
        )
        terms = np.where((window > 0.0) | (reference > 0.0), (p - q) * np.log(p / q), 0.0)
    counted = (sizes[0] > 0.0) & (sizes[1] > 0.0)
    return np.where(counted[..., 0], terms.sum(axis=-1), np.nan)


def ks_distance(window: FloatArray, reference: FloatArray) -> float:
    """Largest distance of the two distributions over the bins' edges, for counts of known values (bins,).

    NaN where one of the two has none. The bins make it at most as large as over single values.
    """
    if min(window.sum(), reference.sum()) == 0.0:
        return float("nan")
    p, q = (np.cumsum(counts) / counts.sum() for counts in (window, reference))
    return float(np.abs(p - q).max())


@dataclass(frozen=True)
class Ranks:
    """Of each statistic (m,): its rank among the stretches' own, and among their largest over all statistics."""

    p_value: FloatArray
    adjusted_p: FloatArray


def ranks(observed: FloatArray, null: FloatArray, independent: float) -> Ranks:
    """How rare a window's statistics are among those of stretches.

    With a share s of the stretches at or above, and K independent ones, p = (1 + K·s) / (1 + K): the rank
    among K + 1 that are exchangeable, if nothing drifted.

    Parameters
    ----------
    observed
        The window's statistics (m,), large where something moved, of about the same spread; NaN: not known.
    null
        The same of the stretches (s, m); NaN where a stretch has none.
    independent
        How many of the stretches are independent, K.
    """
    judged = ~np.isnan(observed)
    told = ~np.isnan(null) & judged
    unknown = np.full(observed.size, np.nan)
    if not told.any():
        return Ranks(unknown, unknown)
    # Each column's stretches count for as many independent ones as there are of them.
    weight = independent * told.mean(axis=0)
    each = independent / len(null)
    p_value = (1.0 + each * (null >= observed).sum(axis=0)) / (1.0 + weight)
    # The window takes part in what it is measured by, as one stretch more: else it alone would be a stranger
    # to mean and spread, and on noise the largest of many features would be the window's too often.
    middle = (each * np.nansum(null, axis=0) + observed) / (weight + 1.0)
    squares = each * np.nansum((null - middle) ** 2, axis=0) + (observed - middle) ** 2
    spread = np.sqrt(squares / (weight + 1.0))
    moving = spread[spread > 1e-9]
    if moving.size == 0:
        return Ranks(np.where(judged, 1.0, unknown), np.where(judged, 1.0, unknown))
    # What happens once in a long while has hardly any spread: taken by itself, each such trifle would stand out
    # of its stretches as far as anything can.
    spread = np.maximum(spread, np.median(moving))
    largest = np.max(np.where(told, (null - middle) / spread, -np.inf), axis=1)
    # Rounding must not tell apart what is equal.
    reached = (largest[:, None] >= (observed - middle) / spread - 1e-9).mean(axis=0)
    adjusted = (1.0 + independent * reached) / (1.0 + independent)
    return Ranks(np.where(judged, p_value, unknown), np.where(judged, adjusted, unknown))
