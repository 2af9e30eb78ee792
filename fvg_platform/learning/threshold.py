"""From which probability on a signal is acted on: chosen on out-of-fold predictions, never on the test period.

Candidates are quantiles of the probability, the lowest acting on everything. The one whose mean R has the
highest lower bound is taken, and only if that bound, simultaneous over all candidates tried, lies above 0;
otherwise the honest answer is to act on nothing. On noise the rule acts in no more than one case in twenty.
Sources: P. Romano and M. Wolf, Stepwise multiple testing as formalized data snooping (2005), for the largest
studentised deviation; X. Shao, The dependent wild bootstrap (2010), for its draws.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, time_cells

FloatArray = npt.NDArray[np.float64]

# Fewer trades than this are not worth a bound.
MIN_ACTED = 30

# The share of setups left out; 0 acts on all.
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
_RESAMPLES = 2_000

# In the worst case setups of the same life share its whole outcome, and blocks of one life see two thirds of that.
# Where time allows blocks grow with its cube root. On such noise, 100 lives, the rule acted in 10 % of cases with
# blocks of one life, in 6 % with two and in 4 % with four; on trades of their own in 2 %.
_MIN_LIVES_PER_BLOCK = 2


@dataclass(frozen=True)
class Candidate:
    """What acting on every p ≥ `value` would have earned, in R a trade, net of costs.

    `n` trades in `blocks` stretches of a life each; `low` is the one-sided lower bound of `mean_r` on its own,
    `corrected_low` that of all candidates at once; `sharpe` is mean over spread of one trade, None without spread.
    """

    value: float
    n: int
    blocks: int
    mean_r: float
    low: float
    corrected_low: float
    sharpe: float | None


@dataclass(frozen=True)
class Threshold:
    """The lowest probability that is acted on, None: act on nothing; why, and what else was tried."""

    value: float | None
    reason: str
    candidates: tuple[Candidate, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All fields, candidates as a list of dicts: JSON-able."""
        return {
            "value": self.value,
            "reason": self.reason,
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Threshold":
        """The inverse of :meth:`to_dict`."""
        candidates = tuple(Candidate(**candidate) for candidate in fields["candidates"])
        return cls(fields["value"], fields["reason"], candidates)


def choose_threshold(
    p: pd.Series | FloatArray,
    r: pd.Series | FloatArray,
    known_at: pd.Series,
    life_end: pd.Series,
    *,
    seed: int,
    level: float = 0.95,
) -> Threshold:
    """Choose from which probability on to act, by the mean R of out-of-fold predictions.

    Parameters
    ----------
    p
        Calibrated out-of-fold probabilities of the first target, shape (n,), NaN where no fold predicted.
    r
        What the trade earned in R, net of costs, worse path, shape (n,), NaN where there was none.
    known_at, life_end
        When each setup was known and when its whole horizon ends, with a zone, shape (n,), any order. The
        median life is the length over which outcomes depend on each other.
    seed
        Of the bootstrap.
    level
        Of the one-sided lower bounds.

    Raises
    ------
    ValueError
        Unequal lengths, a probability outside [0, 1], an infinite R.
    """
    p_all, r_all = np.asarray(p, dtype=np.float64), np.asarray(r, dtype=np.float64)
    _require_valid(p_all, r_all, known_at, life_end)
    told = ~np.isnan(p_all) & ~np.isnan(r_all)
    p_told, r_told = p_all[told], r_all[told]
    if r_told.size == 0:
        return Threshold(None, "No out-of-fold prediction has a trade behind it: act on nothing.")
    times, ends = pd.DatetimeIndex(known_at)[told], pd.DatetimeIndex(life_end)[told]
    life = max(pd.Timedelta((ends - times).to_series().median()), pd.Timedelta(1, unit="s"))
    block = ((times - times.min()) // life).to_numpy()
    values = [value for value in _values(p_told) if _enough(p_told >= value, block, MIN_ACTED, MIN_BLOCKS)]
    if not values:
        return Threshold(
            None,
            f"{r_told.size} trades in {np.unique(block).size} separate lives of {life} are too few to tell an "
            f"edge from noise ({MIN_ACTED} in {MIN_BLOCKS} are needed): act on nothing.",
        )
    acted = p_told[:, None] >= np.array(values)
    candidates = _candidates(
        values, acted, r_told, block, time_cells(times, _block_lives(block) * life), seed, level
    )
    return _decide(candidates, level)


def _decide(candidates: tuple[Candidate, ...], level: float) -> Threshold:
    best = max(candidates, key=lambda candidate: candidate.corrected_low)
    told = (
        f"{_named(best)} earned {best.mean_r:+.4f} R a trade ({best.n} trades in {best.blocks} lives), at "
        f"least {best.corrected_low:+.4f} R at {level:.0%} with {_tried(len(candidates))} tried"
    )
    if best.corrected_low > 0.0:
        return Threshold(best.value, f"On the folds {told}.", candidates)
    return Threshold(
        None,
        f"No threshold earns beyond noise on the folds; the best, {told}: act on nothing.",
        candidates,
    )


def _named(candidate: Candidate) -> str:
    return "acting on all" if candidate.value == 0.0 else f"p ≥ {candidate.value:.4f}"


def _tried(number: int) -> str:
    return "1 threshold" if number == 1 else f"{number} thresholds"


def _values(p: FloatArray) -> list[float]:
    """Different thresholds in rising order; the first acts on all, whatever is predicted later."""
    quantiles = np.quantile(p, _SHARES[1:], method="inverted_cdf")
    higher = quantiles[quantiles > p.min()]
    return [0.0, *np.unique(higher).tolist()]


def _block_lives(block: npt.NDArray[np.int64]) -> int:
    return max(_MIN_LIVES_PER_BLOCK, int(np.cbrt(block.max() + 1)))


def _enough(acted: npt.NDArray[np.bool_], block: npt.NDArray[np.int64], trades: int, blocks: int) -> bool:
    return int(acted.sum()) >= trades and np.unique(block[acted]).size >= blocks


def _candidates(
    values: list[float],
    acted: npt.NDArray[np.bool_],
    r: FloatArray,
    block: npt.NDArray[np.int64],
    cells: TimeCells,
    seed: int,
    level: float,
) -> tuple[Candidate, ...]:
    """Mean R of each column of `acted` (n, candidates) with its own and the simultaneous lower bound."""
    n = acted.sum(axis=0)
    mean = (acted * r[:, None]).sum(axis=0) / n
    # Deviations from a mean of no edge (0 at most), not from the mean found: five lives that all won by
    # chance have no spread around their mean, and would pass for certainty.
    deviation = acted * (r[:, None] - np.minimum(mean, 0.0)) / n
    per_cell = np.column_stack([cells.sums(column) for column in deviation.T])
    drawn = cells.multipliers(_RESAMPLES, seed) @ per_cell
    error = np.sqrt((drawn**2).mean(axis=0))
    studentised = np.divide(drawn, error, out=np.zeros_like(drawn), where=error > 0.0)
    # Thirty wins in a row hide how much a loss costs: a trade varies no less than all of them together do.
    spread = np.sqrt(np.mean((r - min(float(r.mean()), 0.0)) ** 2))
    error = np.maximum(error, spread / np.sqrt(n))
    alone = np.quantile(studentised, level, axis=0)
    together = max(float(np.quantile(studentised.max(axis=1), level)), float(alone.max()))
    return tuple(
        Candidate(
            value=value,
            n=int(n[c]),
            blocks=int(np.unique(block[acted[:, c]]).size),
            mean_r=float(mean[c]),
            low=float(mean[c] - alone[c] * error[c]),
            corrected_low=float(mean[c] - together * error[c]),
            sharpe=_sharpe(r[acted[:, c]]),
        )
        for c, value in enumerate(values)
    )


def _sharpe(r: FloatArray) -> float | None:
    # Equal trades leave a spread of rounding errors.
    if r.max() == r.min():
        return None
    return float(r.mean() / r.std(ddof=1))


def _require_valid(p: FloatArray, r: FloatArray, known_at: pd.Series, life_end: pd.Series) -> None:
    if not p.size == r.size == len(known_at) == len(life_end):
        raise ValueError(
            f"lengths differ: {p.size} probabilities, {r.size} R, {len(known_at)} times, {len(life_end)} ends"
        )
    outside = np.flatnonzero((p < 0.0) | (p > 1.0))
    if outside.size:
        raise ValueError(
            f"p = {p[outside[0]]} at row {int(outside[0])} is no probability: it must lie in [0, 1]"
        )
    infinite = np.flatnonzero(np.isinf(r))
    if infinite.size:
        raise ValueError(
            f"R at row {int(infinite[0])} is {r[infinite[0]]}: it must be finite, or NaN without a trade"
        )
