"""Champion and challenger: may a newly trained model take over from the one that serves?

Both are judged on the same setups, known after both trainings had ended and with their whole horizon behind them;
the caller selects these. The challenger takes over if it is not proven worse, not worse by more than a hair on
the average, and not proven miscalibrated. Where the cohort is too small to say, the champion stays.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, length_of, time_cells
from fvg_platform.learning.estimates import Estimate, Estimator
from fvg_platform.learning.reliability import calibration_error, require_valid
from fvg_platform.learning.targets import TARGETS, WIN_TARGETS

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# Fewer setups with an outcome than this do not judge a model.
MIN_JUDGED = 50

# A calibration error that is surely above this makes a probability a wrong number.
MAX_CALIBRATION_ERROR = 0.10

# How much higher the challenger's mean Brier score may be, as a share of the champion's: ties go to the newer data.
_BRIER_ALLOWANCE = 0.01

_INSTANT = pd.Timedelta(1, unit="s")
_UNTOLD = Estimate(None, None, None, "no setup of the cohort has an outcome")


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes over, in a sentence and in numbers.

    `n` setups with an outcome in `blocks` stretches of time. `difference` is the paired Brier difference,
    challenger less champion (negative: the challenger is better), over the win targets; `differences` the same
    target by target, empty without a champion. `calibration` is the challenger's error by target.
    """

    promote: bool
    reason: str
    n: int
    blocks: int
    difference: Estimate | None
    differences: dict[str, Estimate]
    calibration: dict[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """All fields, estimates as nested dicts: JSON-able."""
        return asdict(self)


def judge_challenger(
    champion: pd.DataFrame | None,
    challenger: pd.DataFrame,
    outcomes: pd.DataFrame,
    known_at: pd.Series,
    life_end: pd.Series,
    *,
    block: pd.Timedelta | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Verdict:
    """Compare two models on one cohort of setups that neither has learned from.

    Parameters
    ----------
    champion, challenger
        `p_entered`, `p_target_1..3`, one row per setup, by position; champion None: none serves yet, and only
        calibration counts.
    outcomes
        `entered`, `target_1..3` as 1, 0 or NaN (says nothing), by position: :func:`targets.target_frame`.
    known_at, life_end
        When each setup was known and when its whole horizon ended, with a zone.
    block
        How long outcomes depend on each other; by default the median life.
    level, seed
        Of the block-bootstrap intervals.

    Raises
    ------
    KeyError, ValueError
        A missing column; unequal lengths, a probability outside [0, 1], an outcome that is not 0, 1 or NaN.
    """
    y = {target: outcomes[target].to_numpy(dtype=np.float64) for target in TARGETS}
    new = _probabilities(challenger, y, len(known_at))
    served = None if champion is None else _probabilities(champion, y, len(known_at))
    if served is not None and (silent := _silent_where_served(new, served)):
        said = f"The champion stays: of {silent} of its setups the challenger says nothing."
        return Verdict(False, said, 0, 0, None, {}, {})
    told = {
        target: ~np.isnan(y[target] + new[target] + (0.0 if served is None else served[target]))
        for target in TARGETS
    }
    cohort = _Cohort.of(told, known_at, life_end, block, level, seed)
    calibration = {
        target: calibration_error(cohort.over(rows), new[target][rows], y[target][rows])
        if rows.any()
        else _UNTOLD
        for target, rows in told.items()
    }
    if served is None:
        promote, reason = _judge_first(cohort, calibration)
        return Verdict(promote, reason, cohort.n, cohort.blocks, None, {}, calibration)
    old_errors = {target: (served[target] - y[target]) ** 2 for target in WIN_TARGETS}
    worse = {target: (new[target] - y[target]) ** 2 - old_errors[target] for target in WIN_TARGETS}
    differences = {target: cohort.mean(worse[target], told[target]) for target in WIN_TARGETS}
    difference = cohort.mean(_mean_of_told(worse, told), cohort.judged)
    brier = cohort.mean(_mean_of_told(old_errors, told), cohort.judged).value
    promote, reason = _judge_pair(cohort, difference, brier, calibration)
    return Verdict(promote, reason, cohort.n, cohort.blocks, difference, differences, calibration)


def _silent_where_served(new: dict[str, FloatArray], served: dict[str, FloatArray]) -> int:
    """How many setups have a probability of the champion and none of the challenger."""
    return max(int((np.isnan(new[target]) & ~np.isnan(served[target])).sum()) for target in TARGETS)


@dataclass(frozen=True)
class _Cohort:
    """The setups of one judgement; `judged` are those with an outcome of any win target."""

    times: pd.DatetimeIndex
    judged: BoolArray
    block: pd.Timedelta
    blocks: int
    level: float
    seed: int

    @classmethod
    def of(
        cls,
        told: dict[str, BoolArray],
        known_at: pd.Series,
        life_end: pd.Series,
        block: pd.Timedelta | None,
        level: float,
        seed: int,
    ) -> "_Cohort":
        times = pd.DatetimeIndex(known_at)
        if block is None:
            lives = (pd.DatetimeIndex(life_end) - times).to_series()
            block = max(pd.Timedelta(lives.median()), _INSTANT) if len(lives) else _INSTANT
        judged = np.logical_or.reduce([told[target] for target in WIN_TARGETS])
        blocks = time_cells(times[judged], block).blocks if judged.any() else 0
        return cls(times, judged, block, blocks, level, seed)

    @property
    def n(self) -> int:
        return int(self.judged.sum())

    @property
    def too_small(self) -> str | None:
        """How many setups are there and how many are needed, None if there are enough."""
        if self.n >= MIN_JUDGED and self.blocks >= MIN_BLOCKS:
            return None
        return (
            f"{self.n} setups with an outcome in {self.blocks} blocks of {length_of(self.block)} are newer than "
            f"the training, {MIN_JUDGED} in {MIN_BLOCKS} are needed"
        )

    def over(self, rows: BoolArray) -> Estimator:
        return Estimator.over(self.times[rows], self.block, level=self.level, seed=self.seed)

    def mean(self, values: FloatArray, rows: BoolArray) -> Estimate:
        return self.over(rows).ratio(values[rows]) if rows.any() else _UNTOLD


def _judge_first(cohort: _Cohort, calibration: dict[str, Estimate]) -> tuple[bool, str]:
    if cohort.too_small is not None:
        return True, f"The first model goes active; nothing could be judged yet: {cohort.too_small}."
    wrong = _miscalibrated(calibration)
    if wrong:
        return False, f"No model serves yet, but the challenger is not calibrated: {wrong}."
    return (
        True,
        f"The first model goes active: calibrated on {cohort.n} newer setups as far as they can tell.",
    )


def _judge_pair(
    cohort: _Cohort, difference: Estimate, brier: float | None, calibration: dict[str, Estimate]
) -> tuple[bool, str]:
    if cohort.too_small is not None:
        return False, f"The champion stays: {cohort.too_small}."
    mean, low, high = difference.value, difference.low, difference.high
    if mean is None or low is None or high is None or brier is None:
        return False, f"The champion stays: the Brier difference has {difference.reason}."
    told = (
        f"Brier {mean:+.5f} against the champion's {brier:.5f} on {cohort.n} setups newer than both trainings "
        f"({cohort.level:.0%} interval {low:+.5f} to {high:+.5f})"
    )
    if low > 0.0:
        return False, f"The champion stays, the challenger is worse: {told}."
    if mean > _BRIER_ALLOWANCE * brier:
        return (
            False,
            f"The champion stays, the challenger is worse by more than {_BRIER_ALLOWANCE:.0%}: {told}.",
        )
    wrong = _miscalibrated(calibration)
    if wrong:
        return False, f"The champion stays, the challenger is not calibrated: {wrong}; {told}."
    return True, f"The challenger goes active, it is not worse: {told}."


def _miscalibrated(calibration: dict[str, Estimate]) -> str:
    """The targets whose calibration error is surely too large, in words; empty if none is."""
    return ", ".join(
        f"{target} off by {error.value:.3f} (at least {error.low:.3f}, {MAX_CALIBRATION_ERROR:.2f} is allowed)"
        for target, error in calibration.items()
        if error.low is not None and error.low > MAX_CALIBRATION_ERROR
    )


def _mean_of_told(values: dict[str, FloatArray], told: dict[str, BoolArray]) -> FloatArray:
    """Mean over the win targets that a setup says something about, NaN if none."""
    stacked = np.column_stack([np.where(told[target], values[target], 0.0) for target in WIN_TARGETS])
    count = np.column_stack([told[target] for target in WIN_TARGETS]).sum(axis=1)
    return np.where(count > 0, stacked.sum(axis=1) / np.maximum(count, 1), np.nan)


def _probabilities(predicted: pd.DataFrame, y: dict[str, FloatArray], n: int) -> dict[str, FloatArray]:
    p = {target: predicted[f"p_{target}"].to_numpy(dtype=np.float64) for target in TARGETS}
    for target in TARGETS:
        require_valid(p[target], y[target], n)
    return p
