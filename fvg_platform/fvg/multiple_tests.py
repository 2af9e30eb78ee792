"""Is a mean above zero, when many were tried? A single-step maximum bootstrap.

Of k groups without any edge the best looks good. The distribution of the greatest t over all rows, bootstrapped with
the same blocks for every row, says how good the best of them looks by chance, whatever their dependence. Sources:
P. Westfall and S. Young, Resampling-based multiple testing (1993); J. Romano and M. Wolf, Econometrica 73 (2005),
whose studentised form is used here.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from fvg_platform.fvg.bar_input import Floats, Ints

_ROUNDING = 1e-20  # of squares: spread below 1e-10 of the values is none


@dataclass(frozen=True, slots=True)
class BlockTests:
    """What tests need of each row: its mean, standard error, t, number of blocks, and t in each replicate."""

    mean: Floats  # (rows)
    error: Floats  # (rows)
    t: Floats  # (rows); NaN for a row that is not tested
    blocks: Floats  # (rows)
    drawn_t: Floats  # (rows, replicates)

    def at(self, rows: Ints) -> "BlockTests":
        """Those of some rows, in this order."""
        return BlockTests(
            self.mean[rows], self.error[rows], self.t[rows], self.blocks[rows], self.drawn_t[rows]
        )


@dataclass(frozen=True, slots=True)
class Tested:
    """One value for each row; NaN for a row that was not tested."""

    p_value: Floats
    p_adjusted: Floats
    lower_bound: Floats


def block_tests(sums: Floats, counts: Floats, weights: Floats, fewest: int) -> BlockTests:
    """The studentised means of rows given as sums and counts per block.

    The standard error is that of a quotient of block sums; in each replicate it is computed anew, which keeps the
    tests honest with skewed outcomes and with as few as ten blocks.

    Parameters
    ----------
    sums, counts
        Sum and number of the values of each row in each block, shape (rows, blocks).
    weights
        How often each replicate draws each block, shape (blocks, replicates).
    fewest
        Rows with values in fewer blocks are not tested.
    """
    filled = (counts > 0).astype(np.float64)
    parts = np.stack([sums, counts, sums * sums, sums * counts, counts * counts, filled])
    mean, error = _mean_and_error(*parts[:5].sum(axis=2))
    drawn = (parts.reshape(-1, len(weights)) @ weights).reshape(*parts.shape[:2], weights.shape[1])
    drawn_mean, drawn_error = _mean_and_error(*drawn[:5])
    blocks = filled.sum(axis=1)
    # A replicate that all but missed a row has no say in it: a t of two or three blocks may be anything, and with
    # 200 rows of 14 blocks one of them would set almost every maximum.
    missed = drawn[5] < blocks[:, None] / 2
    t = np.where(blocks >= fewest, _ratio(mean, error), np.nan)
    return BlockTests(
        mean, error, t, blocks, np.where(missed, 0.0, _ratio(drawn_mean - mean[:, None], drawn_error))
    )


def single_step(tests: BlockTests, confidence: float = 0.95) -> Tested:
    """One-sided tests of mean > 0, each alone and all at once, and the lower bounds that hold for all at once.

    Every t is first put on the normal scale by Student's distribution with its blocks less one degrees of freedom:
    the fat tails of rows with few blocks would otherwise set the maximum alone. With r replicates no p is
    below 1/(r + 1).
    """
    none = np.full(len(tests.t), np.nan)
    rows, replicates = np.flatnonzero(~np.isnan(tests.t)), tests.drawn_t.shape[1]
    if not len(rows) or not replicates:
        return Tested(none, none.copy(), none.copy())
    freedom = tests.blocks[rows] - 1
    z = _normal_scale(freedom, tests.t[rows])
    drawn = _normal_scale(freedom[:, None], tests.drawn_t[rows])
    greatest = drawn.max(axis=0)
    p_value, p_adjusted, lower_bound = none, none.copy(), none.copy()
    p_value[rows] = (1 + (drawn >= z[:, None]).sum(axis=1)) / (1 + replicates)
    above = replicates - np.searchsorted(np.sort(greatest), z, side="left")
    p_adjusted[rows] = (1 + above) / (1 + replicates)
    # "higher" takes a replicate's own value: between two of them may lie an infinite step.
    critical = special.stdtrit(freedom, special.ndtr(np.quantile(greatest, confidence, method="higher")))
    bound = tests.mean[rows] - critical * tests.error[rows]
    lower_bound[rows] = np.where(np.isfinite(bound), bound, np.nan)
    return Tested(p_value, p_adjusted, lower_bound)


def joined(tests: list[BlockTests]) -> BlockTests:
    """All rows in one, in order; they must come from the same replicates."""
    names = ("mean", "error", "t", "blocks", "drawn_t")
    return BlockTests(*(np.concatenate([getattr(part, name) for part in tests]) for name in names))


def _mean_and_error(s: Floats, n: Floats, ss: Floats, sn: Floats, nn: Floats) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = s / n
        spread = ss - 2 * mean * sn + mean * mean * nn
        spread = np.where(spread > _ROUNDING * ss, spread, 0.0)
        return mean, np.sqrt(spread) / n


def _ratio(difference: Floats, error: Floats) -> Floats:
    """t; without any spread it is 0 for no difference and else infinite. A replicate without the row says 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isnan(difference) | (np.abs(difference) < 1e-10), 0.0, difference / error)


def _normal_scale(freedom: Floats, t: Floats) -> Floats:
    # By the smaller tail: near 1 a probability has lost the digits that the far quantile needs.
    z = special.ndtri(special.stdtr(freedom, -np.abs(t)))
    return np.where(t > 0, -z, z)
