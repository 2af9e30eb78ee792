"""Out-of-fold predictions inside the training period: what each algorithm would have said in advance.

For every fold an algorithm learns from what had ended before the fold began, and predicts the fold. LightGBM
stops early on the latest part of its own training, never on the fold. A fold's probabilities are calibrated
on the out-of-fold predictions of earlier folds whose lives had ended; the first fold therefore only serves to
calibrate, and the later ones are what algorithms are compared on.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import CalibrationMethod, fit_calibration
from fvg_platform.learning.models import (
    Algorithm,
    BaseRate,
    BinnedFeatures,
    BoostingSettings,
    Classifier,
    LightGBM,
    LogisticRegression,
)
from fvg_platform.learning.splits import holdout_tail, overlaps, purged_folds
from fvg_platform.learning.targets import TARGETS, Label

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

# An early-stopping set or its training below this says less than a fixed, cautious number of rounds.
_HOLDOUT_FROM = 50
_CAUTIOUS_ROUNDS = 20
_HOLDOUT_SHARE = 0.2


@dataclass(frozen=True)
class TrainingConfig:
    """How models are trained; part of what a model's bytes depend on."""

    label: Label = "lo"
    n_folds: int = 4
    min_entered: int = 200
    min_fold_entered: int = 50
    calibration: CalibrationMethod = "auto"
    confidence: float = 0.95
    boosting: BoostingSettings = field(default_factory=BoostingSettings)


@dataclass(frozen=True)
class Sample:
    """The training setups in time order: features (n, m), a column per target (NaN: says nothing), lives."""

    x: FloatArray
    y: dict[str, FloatArray]
    known_at: pd.Series
    life_end: pd.Series


@dataclass(frozen=True)
class OutOfFold:
    """One algorithm's predictions of one target, shape (n,), NaN outside the folds.

    `calibrated` is NaN in the first fold as well; `rounds` are LightGBM's, fold by fold.
    """

    raw: FloatArray
    calibrated: FloatArray
    rounds: tuple[int, ...]


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
    algorithm: Algorithm,
    *,
    config: TrainingConfig,
    embargo: pd.Timedelta,
    seed: int,
) -> dict[str, OutOfFold]:
    """Out-of-fold predictions of every target by one algorithm."""
    fitters = [Fitter(sample, train, algorithm, config, embargo, seed) for train, _ in folds]
    validations = [validation for _, validation in folds]
    # Each fit is single-threaded for equal bytes, so two folds at a time keep two cores busy: the largest first.
    # The logistic fit must not share the process: the limit of its BLAS threads is the process's.
    with ThreadPoolExecutor(2 if algorithm == "lightgbm" else 1) as pool:
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
        algorithm: Algorithm,
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

    @cached_property
    def _binned(self) -> BinnedFeatures:
        return BinnedFeatures(self.sample.x[self.rows], self.config.boosting)

    def fit_all(self) -> dict[str, Classifier | None]:
        """:meth:`fit` for every target."""
        return {target: self.fit(target) for target in TARGETS}

    def fit(self, target: str, rounds: int | None = None) -> Classifier | None:
        """Fit on the rows that say something about the target; None without any.

        One class only has nothing to tell apart: its base rate is fitted. LightGBM without `rounds` stops
        early on the latest fifth of its rows, purged.
        """
        y = self.sample.y[target][self.rows]
        told = np.flatnonzero(~np.isnan(y))
        if told.size == 0:
            return None
        y = y[told]
        if self.algorithm == "base_rate" or y.min() == y.max():
            return BaseRate.fit(y)
        if self.algorithm == "logistic_regression":
            return LogisticRegression.fit(self.sample.x[self.rows[told]], y)
        return self._boost(told, y, rounds)

    def _boost(self, told: IndexArray, y: FloatArray, rounds: int | None) -> LightGBM:
        settings, seed = self.config.boosting, self.seed
        if rounds is None:
            known_at = self.sample.known_at.iloc[self.rows[told]]
            life_end = self.sample.life_end.iloc[self.rows[told]]
            fit, held = holdout_tail(known_at, life_end, _HOLDOUT_SHARE, self.embargo)
            if min(fit.size, held.size) >= _HOLDOUT_FROM and y[fit].min() < y[fit].max():
                tail = (told[held], y[held])
                return LightGBM.fit(
                    self._binned, told[fit], y[fit], settings=settings, seed=seed, holdout=tail
                )
        return LightGBM.fit(
            self._binned, told, y, settings=settings, seed=seed, rounds=rounds or _CAUTIOUS_ROUNDS
        )


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
    for number, (fitter, model, validation) in enumerate(zip(fitters, models, validations, strict=True)):
        if model is None:
            continue
        if isinstance(model, LightGBM):
            rounds.append(model.rounds)
        p = model.predict(sample.x[validation])
        if number > 0:
            calibrated[validation] = p
            if fitter.algorithm != "base_rate":
                told = np.flatnonzero(~np.isnan(raw) & ~np.isnan(y))
                earlier = _ended_before(sample, told, validation, fitter.embargo)
                calibration = fit_calibration(raw[earlier], y[earlier], fitter.config.calibration)
                calibrated[validation] = calibration.apply(p)
        raw[validation] = p
    return OutOfFold(raw, calibrated, tuple(rounds))


def _ended_before(
    sample: Sample, rows: IndexArray, validation: IndexArray, embargo: pd.Timedelta
) -> IndexArray:
    start = sample.known_at.iloc[validation].min()
    return rows[~overlaps(sample.known_at.iloc[rows], sample.life_end.iloc[rows], start, embargo=embargo)]
