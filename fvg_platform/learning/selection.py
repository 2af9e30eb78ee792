"""Which algorithm is served: the simplest one that no richer one beats beyond noise on the training folds.

A richer algorithm replaces a simpler one only if its mean fold score (Brier, over the targets at hand) is
lower and the one-sided block-bootstrap bound of that gain lies above zero. On noise this keeps the base rate;
the test period plays no part.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.blocks import MIN_BLOCKS, TimeCells, time_cells
from fvg_platform.learning.estimates import Estimate, Estimator, divide
from fvg_platform.learning.out_of_fold import OutOfFold, Sample

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

_RESAMPLES = 1_000


@dataclass(frozen=True)
class Choice:
    """The served algorithm, and a sentence on how it came out ahead."""

    algorithm: str
    reason: str


@dataclass(frozen=True)
class FoldScore:
    """How one algorithm did on one target in one fold; `n` setups that say something about the target."""

    algorithm: str
    target: str
    fold: int
    n: int
    brier: float
    log_loss: float


def fold_scores(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    predictions: dict[str, dict[str, OutOfFold]],
) -> list[FoldScore]:
    """Scores of the calibrated out-of-fold predictions, for each algorithm, target and fold but the first."""
    scores = []
    for algorithm, targets in predictions.items():
        for target, out_of_fold in targets.items():
            for number, (_, validation) in enumerate(folds):
                y, p = sample.y[target][validation], out_of_fold.calibrated[validation]
                told = ~np.isnan(y) & ~np.isnan(p)
                if told.any():
                    n, brier, loss = int(told.sum()), _brier(p[told], y[told]), _log_loss(p[told], y[told])
                    scores.append(FoldScore(algorithm, target, number, n, brier, loss))
    return scores


@dataclass(frozen=True)
class FoldSkill:
    """1 - Brier score / Brier score of the base rate, of the served algorithm on one target in one fold.

    `first` and `last`: when the fold's first and last setup became known. `skill` is None where the base rate made
    no error.
    """

    fold: int
    target: str
    first: pd.Timestamp
    last: pd.Timestamp
    n: int
    skill: float | None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict, times as text in UTC."""
        return asdict(self) | {"first": self.first.isoformat(), "last": self.last.isoformat()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "FoldSkill":
        """The inverse of :meth:`to_dict`."""
        times = {name: pd.Timestamp(stored[name]).as_unit("ns") for name in ("first", "last")}
        return cls(**(stored | times))


def fold_skills(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    scores: list[FoldScore],
    served: dict[str, str],
) -> list[FoldSkill]:
    """Skill over time of the algorithm that serves each target, on every fold but the first."""
    brier = {(score.algorithm, score.target, score.fold): score for score in scores}
    skills = []
    for target, algorithm in served.items():
        for number, (_, validation) in enumerate(folds):
            score = brier.get((algorithm, target, number))
            base = brier.get(("base_rate", target, number))
            if score is None or base is None:
                continue
            known_at = sample.known_at.iloc[validation].dt.tz_convert("UTC").dt.as_unit("ns")
            skill = 1.0 - score.brier / base.brier if base.brier > 0.0 else None
            skills.append(FoldSkill(number, target, known_at.min(), known_at.max(), score.n, skill))
    return skills


@dataclass(frozen=True)
class AlgorithmSkill:
    """1 - Brier score / Brier score of the base rate, out of fold, of one algorithm that was tried on one target.

    Over `n` setups of every fold but the first, whether the algorithm is served or not; the interval is a block
    bootstrap's.
    """

    algorithm: str
    target: str
    n: int
    skill: Estimate

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "AlgorithmSkill":
        """The inverse of :meth:`to_dict`."""
        return cls(**(stored | {"skill": Estimate(**stored["skill"])}))


def algorithm_skills(
    sample: Sample, predictions: dict[str, dict[str, OutOfFold]], *, seed: int
) -> list[AlgorithmSkill]:
    """Out-of-fold skill of every algorithm but the base rate, whatever its sign."""
    skills = []
    for algorithm in predictions:
        if algorithm == "base_rate":
            continue
        for target, out_of_fold in predictions[algorithm].items():
            y, p = sample.y[target], out_of_fold.calibrated
            base = predictions["base_rate"][target].calibrated
            rows = np.flatnonzero(~np.isnan(y) & ~np.isnan(p) & ~np.isnan(base))
            if rows.size:
                errors, of_base = (p[rows] - y[rows]) ** 2, (base[rows] - y[rows]) ** 2
                skills.append(
                    AlgorithmSkill(
                        algorithm, target, rows.size, _skill(sample, rows, errors, of_base, seed=seed)
                    )
                )
    return skills


def _skill(
    sample: Sample, rows: IndexArray, errors: FloatArray, of_base: FloatArray, *, seed: int
) -> Estimate:
    if not of_base.any():
        return Estimate(None, None, None, "the base rate makes no error that skill could be measured against")
    known_at, life_end = sample.known_at.iloc[rows], sample.life_end.iloc[rows]
    life = max(pd.Timedelta((life_end - known_at).median()), pd.Timedelta(1, unit="s"))
    estimator = Estimator.over(known_at, life, resamples=_RESAMPLES, seed=seed)
    ours, theirs = estimator.cells.sums(errors), estimator.cells.sums(of_base)
    return estimator.of(lambda weights: 1.0 - divide(weights @ ours, weights @ theirs))


def choose(
    sample: Sample,
    scores: list[FoldScore],
    predictions: dict[str, dict[str, OutOfFold]],
    targets: tuple[str, ...],
    *,
    confidence: float,
    seed: int,
) -> Choice:
    """Choose one algorithm for all of `targets` together.

    Parameters
    ----------
    sample, scores, predictions
        The training setups, :func:`fold_scores` of them, and the out-of-fold predictions of each algorithm, from
        the simplest to the richest, the base rate first.
    targets
        The targets whose mean score counts.
    confidence
        Level of the one-sided bound on the gain, e.g. 0.95.
    seed
        Of the bootstrap.
    """
    errors = {algorithm: _row_errors(sample, predictions[algorithm], targets) for algorithm in predictions}
    means = {algorithm: _mean_fold_brier(scores, algorithm, targets) for algorithm in predictions}
    table = ", ".join(f"{algorithm} {mean:.5f}" for algorithm, mean in means.items())
    rows = np.flatnonzero(~np.isnan(errors["base_rate"]))
    if rows.size == 0:
        return Choice("base_rate", "No fold has an outcome to score: the base rate is served.")

    known_at, life_end = sample.known_at.iloc[rows], sample.life_end.iloc[rows]
    life = pd.Timedelta((life_end - known_at).median())
    cells = time_cells(known_at, max(life, pd.Timedelta(1, unit="s")))
    if cells.blocks < MIN_BLOCKS:
        return Choice(
            "base_rate",
            f"Mean fold Brier: {table}; the folds span only {cells.blocks} lives of {life}, too few to tell "
            "a gain from noise: the base rate is served.",
        )
    served = "base_rate"
    notes = []
    for candidate in list(predictions)[1:]:
        gain = errors[served][rows] - errors[candidate][rows]
        bound = lower_bound(gain, cells, confidence, seed)
        better = means[candidate] < means[served] and bound > 0.0
        notes.append(
            f"{candidate} gains {means[served] - means[candidate]:+.5f} on {served} "
            f"(bound {bound:+.5f}, {'beyond' if better else 'within'} noise)"
        )
        if better:
            served = candidate
    return Choice(served, f"Mean fold Brier: {table}. {'; '.join(notes)}: {served} is served.")


def _row_errors(sample: Sample, predictions: dict[str, OutOfFold], targets: tuple[str, ...]) -> FloatArray:
    """Squared error of each row, averaged over the targets that it says something about; NaN if none."""
    squared = np.column_stack(
        [(predictions[target].calibrated - sample.y[target]) ** 2 for target in targets]
    )
    told = ~np.isnan(squared)
    count = told.sum(axis=1)
    return np.where(count > 0, np.where(told, squared, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _mean_fold_brier(scores: list[FoldScore], algorithm: str, targets: tuple[str, ...]) -> float:
    return float(
        np.mean(
            [score.brier for score in scores if score.algorithm == algorithm and score.target in targets]
            or [np.nan]
        )
    )


def lower_bound(gain: FloatArray, cells: TimeCells, confidence: float, seed: int) -> float:
    """The (1 - confidence) quantile of the mean of `gain` (n,) over block resamples of its time cells."""
    weights = cells.weights(_RESAMPLES, seed)
    drawn = weights @ cells.sums(np.ones(gain.size))
    means = (weights @ cells.sums(gain))[drawn > 0] / drawn[drawn > 0]
    return float(np.quantile(means, 1.0 - confidence))


def _brier(p: FloatArray, y: FloatArray) -> float:
    return float(np.mean((p - y) ** 2))


def _log_loss(p: FloatArray, y: FloatArray) -> float:
    inside = np.clip(p, 1e-6, 1.0 - 1e-6)
    return float(-np.mean(y * np.log(inside) + (1.0 - y) * np.log1p(-inside)))
