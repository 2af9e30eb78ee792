"""Gradient-boosted trees by LightGBM: of outcomes, and of counts such as bars until an exit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.boosting_settings import BoostingSettings
from fvg_platform.learning.classifier import Algorithm, LearningTask
from fvg_platform.learning.splits import holdout_tail

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

# `binary`: outcomes 0 or 1, predicts a probability. `poisson`: counts, predicts their mean.
Objective = Literal["binary", "poisson"]

# One thread on every machine: the order of floating-point sums, and so the bytes, depend on the number. With
# two, training on 60,000 setups took 15 s on idle cores and 56-100 s on busy ones, where they wait for each
# other; with one it takes 20 s on busy ones.
_THREADS = 1

# An early-stopping set or its training below this says less than a fixed, cautious number of rounds.
_HOLDOUT_FROM = 50
_CAUTIOUS_ROUNDS = 20
_HOLDOUT_SHARE = 0.2


class BinnedFeatures:
    """Features cut into LightGBM's bins once, for all the fits on subsets of the same rows.

    Cutting anew for each fit took half of LightGBM's time.
    """

    def __init__(self, x: FloatArray, settings: BoostingSettings) -> None:
        import lightgbm

        parameters = _parameters(settings, len(x), seed=0) | {"feature_pre_filter": False}
        self._all = lightgbm.Dataset(x, label=np.zeros(len(x)), params=parameters).construct()

    def subset(self, rows: IndexArray, y: FloatArray) -> Any:
        """LightGBM's data set of these rows (ascending positions) with their outcomes."""
        return self._all.subset(rows.tolist()).construct().set_label(y)


@dataclass(frozen=True)
class LightGBM:
    """Gradient-boosted trees, kept as LightGBM's text: what is served is what was stored."""

    text: str
    rounds: int
    algorithm: ClassVar[str] = "lightgbm"

    @classmethod
    def fit(
        cls,
        features: BinnedFeatures,
        rows: IndexArray,
        y: FloatArray,
        *,
        settings: BoostingSettings,
        seed: int,
        rounds: int | None = None,
        holdout: tuple[IndexArray, FloatArray] | None = None,
        objective: Objective = "binary",
    ) -> "LightGBM":
        """Fit on `rows` of `features` with outcomes `y`: for `rounds`, or until `holdout` gets no better.

        `holdout` holds rows and outcomes, and fitting ends when their log loss has not fallen for `patience`
        rounds.
        """
        import lightgbm

        callbacks: list[Callable[..., Any]] = []
        watched: list[Any] = []
        if holdout is not None:
            watched = [features.subset(*holdout)]
            callbacks = [lightgbm.early_stopping(settings.patience, verbose=False)]
        booster = lightgbm.train(
            _parameters(settings, len(y), seed, objective),
            features.subset(rows, y),
            num_boost_round=rounds if rounds is not None else settings.max_rounds,
            valid_sets=watched,
            callbacks=callbacks,
        )
        kept = booster.best_iteration if holdout is not None else booster.current_iteration()
        return cls(booster.model_to_string(num_iteration=kept), kept)

    @classmethod
    def learn(cls, task: LearningTask, objective: Objective = "binary") -> "LightGBM":
        """Fit a task for `task.rounds`; without these, stop early on the latest fifth of its rows, purged."""
        binned = task.shared.get("binned")
        if binned is None:
            binned = task.shared["binned"] = BinnedFeatures(task.features[task.rows], task.settings)
        settings, seed, rounds = task.settings, task.seed, task.rounds
        if rounds is None:
            fit, held = holdout_tail(task.known_at, task.life_end, _HOLDOUT_SHARE, task.embargo)
            if min(fit.size, held.size) >= _HOLDOUT_FROM and task.y[fit].min() < task.y[fit].max():
                tail = (task.told[held], task.y[held])
                return cls.fit(
                    binned,
                    task.told[fit],
                    task.y[fit],
                    settings=settings,
                    seed=seed,
                    holdout=tail,
                    objective=objective,
                )
            rounds = _CAUTIOUS_ROUNDS
        return cls.fit(
            binned, task.told, task.y, settings=settings, seed=seed, rounds=rounds, objective=objective
        )

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def predict(self, x: FloatArray) -> FloatArray:
        if len(x) == 0:
            return np.empty(0)
        return np.asarray(self._booster.predict(x, num_threads=_THREADS), dtype=np.float64)

    def importances(self) -> FloatArray | None:
        return np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)

    def contributions(self, x: FloatArray) -> FloatArray | None:
        """TreeSHAP, as LightGBM computes it (the same numbers as the package shap)."""
        if len(x) == 0:
            return np.empty((0, x.shape[1] + 1))
        parts = self._booster.predict(x, pred_contrib=True, num_threads=_THREADS)
        return np.asarray(parts, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "text": self.text, "rounds": self.rounds}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "LightGBM":
        return cls(str(stored["text"]), int(stored["rounds"]))


LIGHTGBM = Algorithm(LightGBM.algorithm, LightGBM.learn, LightGBM.from_dict, concurrent=True)


def _parameters(
    settings: BoostingSettings, rows: int, seed: int, objective: Objective = "binary"
) -> dict[str, Any]:
    return {
        "objective": objective,
        "metric": "binary_logloss" if objective == "binary" else objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": max(20, rows // 200),
        "max_bin": settings.max_bin,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _THREADS,
        "verbosity": -1,
    }
