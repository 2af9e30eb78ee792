"""How far an algorithm's skill depends on the period: combinatorial purged cross-validation.

Every choice of test groups is predicted by a model that learned from all the others, purged on both sides.
The predictions of all choices make up several paths through the whole time; the spread of their skills says
how much of the one walk-forward figure is luck. Nothing here selects a model or serves one.
Source: M. López de Prado, Advances in Financial Machine Learning (2018), chapter 12.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import Calibration, Identity, fit_calibration
from fvg_platform.learning.models import BaseRate, algorithm_named
from fvg_platform.learning.out_of_fold import Fitter, Sample, TrainingConfig
from fvg_platform.learning.splits import combinatorial_folds, holdout_tail, thin_evenly

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

N_GROUPS = 6
N_TEST = 2

# The latest part of a split's training calibrates; below this it says too little, and all of it is fitted on.
_CALIBRATION_SHARE = 0.2
_CALIBRATION_FROM = 50


@dataclass(frozen=True)
class SplitSkill:
    """One choice of test groups: 1 - Brier score / Brier score of its training's base rate, over `n` setups.

    None where nothing could be learned, or where the base rate makes no error.
    """

    test_groups: tuple[int, ...]
    n: int
    skill: float | None


@dataclass(frozen=True)
class CombinatorialSkill:
    """Skill of an algorithm split by split and, over the whole time, path by path; `reason` says why there is none."""

    algorithm: str
    splits: tuple[SplitSkill, ...]
    paths: tuple[float, ...]
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {
            "algorithm": self.algorithm,
            "splits": [
                {"test_groups": list(split.test_groups), "n": split.n, "skill": split.skill}
                for split in self.splits
            ],
            "paths": list(self.paths),
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "CombinatorialSkill":
        """The inverse of :meth:`to_dict`."""
        splits = tuple(
            SplitSkill(tuple(split["test_groups"]), split["n"], split["skill"]) for split in stored["splits"]
        )
        return cls(stored["algorithm"], splits, tuple(stored["paths"]), stored["reason"])


def combinatorial_skill(
    sample: Sample,
    algorithm_name: str,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
    target: str = "target_1",
) -> CombinatorialSkill:
    """Skill of an algorithm on every choice of two out of six groups in time, and on the five paths.

    Parameters
    ----------
    sample
        Training setups in time order; those that say nothing about the target are left out.
    algorithm_name
        A registered algorithm. Its probabilities are calibrated on the latest fifth of each split's training.
    config
        `tuning_rows` is the most setups that are looked at, spread evenly over them.
    embargo
        Time between a training life and a tested one, on both sides.
    seed
        Of the algorithm and of the choice of setups.
    target
        What is predicted.

    Returns
    -------
    CombinatorialSkill. A path without predictions for one of its groups is left out.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    y = sample.y[target]
    rows = thin_evenly(np.flatnonzero(~np.isnan(y)).astype(np.int64), config.tuning_rows, seed)
    if rows.size < config.min_entered:
        return CombinatorialSkill(
            algorithm_name,
            (),
            (),
            f"{rows.size} setups with an outcome, {config.min_entered} are needed to split them",
        )
    known_at, life_end = sample.known_at.iloc[rows], sample.life_end.iloc[rows]
    folds = combinatorial_folds(known_at, life_end, n_groups=N_GROUPS, n_test=N_TEST, embargo=embargo)

    def predict(fold: tuple[IndexArray, IndexArray]) -> FloatArray:
        train, test = rows[fold[0]], rows[fold[1]]
        return _predict(sample, target, train, test, algorithm_name, config, embargo, seed)

    # A fit has one thread, for equal bytes, so that two at a time keep two cores busy.
    workers = 2 if algorithm_named(algorithm_name).concurrent else 1
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        predictions = list(pool.map(predict, folds))
    rates = [np.full(test.size, y[rows[train]].mean() if train.size else np.nan) for train, test in folds]
    splits = tuple(
        SplitSkill(groups, int(test.size), _skill(p, rate, y[rows[test]]))
        for groups, (_, test), p, rate in zip(
            combinations(range(N_GROUPS), N_TEST), folds, predictions, rates, strict=True
        )
    )
    return CombinatorialSkill(algorithm_name, splits, _path_skills(predictions, rates, y[rows], folds))


def _predict(
    sample: Sample,
    target: str,
    train: IndexArray,
    test: IndexArray,
    algorithm_name: str,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> FloatArray:
    """Calibrated probabilities of the test rows, NaN where there is nothing to learn from."""
    fit, held = holdout_tail(
        sample.known_at.iloc[train], sample.life_end.iloc[train], _CALIBRATION_SHARE, embargo
    )
    calibrates = algorithm_name != BaseRate.algorithm and min(fit.size, held.size) >= _CALIBRATION_FROM
    learned = train[fit] if calibrates else train
    model = Fitter(sample, learned, algorithm_name, config, embargo, seed).fit(target)
    if model is None:
        return np.full(test.size, np.nan)
    calibration: Calibration = Identity()
    if calibrates:
        tail = train[held]
        calibration = fit_calibration(model.predict(sample.x[tail]), sample.y[target][tail], "platt")
    return calibration.apply(model.predict(sample.x[test]))


def _path_skills(
    predictions: list[FloatArray],
    rates: list[FloatArray],
    y: FloatArray,
    folds: list[tuple[IndexArray, IndexArray]],
) -> tuple[float, ...]:
    from purgedcv import reconstruct_paths

    tested = [test for _, test in folds]
    p, rate = (reconstruct_paths(values, tested, N_GROUPS, N_TEST, y.size) for values in (predictions, rates))
    skills = (_skill(*path, y) for path in zip(p, rate, strict=True))
    return tuple(skill for skill in skills if skill is not None)


def _skill(p: FloatArray, rate: FloatArray, y: FloatArray) -> float | None:
    error, base = float(np.mean((p - y) ** 2)), float(np.mean((rate - y) ** 2))
    return 1.0 - error / base if base > 0.0 and np.isfinite(error) else None
