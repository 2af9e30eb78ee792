"""Out-of-fold predictions inside the training period: what each algorithm would have said in advance.

For every fold an algorithm learns from what had ended before the fold began, and predicts the fold. LightGBM
stops early on the latest part of its own training, never on the fold. A fold's probabilities are calibrated
on the out-of-fold predictions of earlier folds whose lives had ended, by the method that did best before; the
first fold therefore only serves to calibrate, and the later ones are what algorithms are compared on.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import CalibrationMethod
from fvg_platform.learning.calibration_choice import NOT_CALIBRATED, CalibrationChoice, CalibrationTrial
from fvg_platform.learning.models import (
    BaseRate,
    BoostingSettings,
    Classifier,
    LearningTask,
    algorithm_named,
)
from fvg_platform.learning.splits import overlaps, purged_folds
from fvg_platform.learning.targets import TARGETS, Label

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainingConfig:
    """How models are trained; part of what a model's bytes depend on.

    `trials` is the budget of tuning (0: none), on at most `tuning_rows` setups; a model's own config holds in
    `boosting` the settings that tuning ended with.
    """

    label: Label = "lo"
    n_folds: int = 4
    min_entered: int = 200
    min_fold_entered: int = 50
    calibration: CalibrationMethod = "auto"
    confidence: float = 0.95
    trials: int = 10
    tuning_rows: int = 20_000
    boosting: BoostingSettings = field(default_factory=BoostingSettings)


@dataclass(frozen=True)
class Sample:
    """The training setups in time order: features (n, m), a column per target (NaN: says nothing), lives.

    `r` and `bars_to_exit` of the first target on the worse path, NaN where unknown; None where the setups that
    were given have no such column.
    """

    x: FloatArray
    y: dict[str, FloatArray]
    known_at: pd.Series
    life_end: pd.Series
    r: FloatArray | None = None
    bars_to_exit: FloatArray | None = None

    def take(self, rows: IndexArray) -> "Sample":
        """The setups at these positions."""
        return Sample(
            x=self.x[rows],
            y={target: y[rows] for target, y in self.y.items()},
            known_at=self.known_at.iloc[rows],
            life_end=self.life_end.iloc[rows],
            r=None if self.r is None else self.r[rows],
            bars_to_exit=None if self.bars_to_exit is None else self.bars_to_exit[rows],
        )


@dataclass(frozen=True)
class OutOfFold:
    """One algorithm's predictions of one target, shape (n,), NaN outside the folds.

    `calibrated` is NaN in the first fold as well; `rounds` are those of an algorithm that has rounds, fold by
    fold; `calibration` is the method that did best on the folds.
    """

    raw: FloatArray
    calibrated: FloatArray
    rounds: tuple[int, ...]
    calibration: CalibrationChoice


def usable_folds(
    sample: Sample, config: TrainingConfig, embargo: pd.Timedelta
) -> list[tuple[IndexArray, IndexArray]]:
    """The walk-forward folds that have enough entered setups to learn from and at least one to predict."""
    resolved = ~np.isnan(sample.y["target_1"])
    return [
        (train, validation)
        for train, validation in purged_folds(sample.known_at, sample.life_end, config.n_folds, embargo)
        if resolved[train].sum() >= config.min_fold_entered and resolved[validation].any()
    ]


def predict_out_of_fold(
    sample: Sample,
    folds: list[tuple[IndexArray, IndexArray]],
    algorithm: str,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> dict[str, OutOfFold]:
    """Out-of-fold predictions of every target by one algorithm."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    fitters = [Fitter(sample, train, algorithm, config, embargo, seed) for train, _ in folds]
    validations = [validation for _, validation in folds]
    # Each fit is single-threaded for equal bytes, so two folds at a time keep two cores busy: the largest first.
    workers = 2 if algorithm_named(algorithm).concurrent else 1
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        fitted = list(pool.map(Fitter.fit_all, reversed(fitters)))[::-1]
    return {
        target: _predict_target(sample, target, fitters, [models[target] for models in fitted], validations)
        for target in TARGETS
    }


class Fitter:
    """Fits one algorithm on the same rows to one target after another."""

    def __init__(
        self,
        sample: Sample,
        rows: IndexArray,
        algorithm: str,
        config: TrainingConfig,
        embargo: pd.Timedelta,
        seed: int,
    ) -> None:
        self.sample = sample
        self.rows = rows
        self.algorithm = algorithm
        self.config = config
        self.embargo = embargo
        self.seed = seed
        self._shared: dict[str, Any] = {}

    def fit_all(self) -> dict[str, Classifier | None]:
        """:meth:`fit` for every target."""
        return {target: self.fit(target) for target in TARGETS}

    def fit(self, target: str, rounds: int | None = None) -> Classifier | None:
        """Fit on the rows that say something about the target; None without any.

        One class only has nothing to tell apart: its base rate is fitted. An algorithm that grows in rounds
        finds out by itself when to stop, unless `rounds` says so.
        """
        y = self.sample.y[target][self.rows]
        told = np.flatnonzero(~np.isnan(y))
        if told.size == 0:
            return None
        y = y[told]
        if self.algorithm == BaseRate.algorithm or y.min() == y.max():
            return BaseRate.fit(y)
        task = LearningTask(
            features=self.sample.x,
            rows=self.rows,
            told=told,
            y=y,
            known_at=self.sample.known_at.iloc[self.rows[told]],
            life_end=self.sample.life_end.iloc[self.rows[told]],
            embargo=self.embargo,
            settings=self.config.boosting,
            seed=self.seed,
            rounds=rounds,
            shared=self._shared,
        )
        return algorithm_named(self.algorithm).fit(task)


def _predict_target(
    sample: Sample,
    target: str,
    fitters: list[Fitter],
    models: list[Classifier | None],
    validations: list[IndexArray],
) -> OutOfFold:
    y = sample.y[target]
    raw = np.full(y.size, np.nan)
    calibrated = np.full(y.size, np.nan)
    rounds: list[int] = []
    trial = CalibrationTrial(fitters[0].config.calibration)
    uncalibrated = fitters[0].algorithm == BaseRate.algorithm
    for number, (fitter, model, validation) in enumerate(zip(fitters, models, validations, strict=True)):
        if model is None:
            continue
        rounds += [model.rounds] if hasattr(model, "rounds") else []
        p = model.predict(sample.x[validation])
        if number > 0 and uncalibrated:
            calibrated[validation] = p
        elif number > 0:
            told = np.flatnonzero(~np.isnan(raw) & ~np.isnan(y))
            earlier = _ended_before(sample, told, validation, fitter.embargo)
            calibrated[validation] = trial.calibrate(p, validation, y, (raw, earlier))
        raw[validation] = p
    return OutOfFold(
        raw, calibrated, tuple(rounds), NOT_CALIBRATED if uncalibrated else trial.final_choice(y)
    )


def _ended_before(
    sample: Sample, rows: IndexArray, validation: IndexArray, embargo: pd.Timedelta
) -> IndexArray:
    """Those of `rows` whose lives, with the embargo, had ended before the first of `validation` was known."""
    start = sample.known_at.iloc[validation].min()
    return rows[~overlaps(sample.known_at.iloc[rows], sample.life_end.iloc[rows], start, embargo=embargo)]
