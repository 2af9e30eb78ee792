"""Three algorithms behind one interface: the base rate, logistic regression, LightGBM.

Each is fitted on a matrix of features (n, m; NaN where unknown) and outcomes 0 or 1, predicts probabilities,
and turns into a JSON-able dict and back: numbers, or LightGBM's own text. Nothing is ever pickled. How
probabilities are calibrated, and which algorithm is served, is decided elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

Algorithm = Literal["base_rate", "logistic_regression", "lightgbm"]

# From the simplest to the richest: ties go to the earlier one.
ALGORITHMS: tuple[Algorithm, ...] = ("base_rate", "logistic_regression", "lightgbm")

# One thread on every machine: the order of floating-point sums, and so the bytes, depend on the number. With
# two, training on 60,000 setups took 15 s on idle cores and 56-100 s on busy ones, where they wait for each
# other; with one it takes 20 s on busy ones.
_THREADS = 1


class Classifier(Protocol):
    """What every fitted algorithm can do."""

    algorithm: ClassVar[Algorithm]

    def predict(self, x: FloatArray) -> FloatArray:
        """Probability of 1 for each row of `x` (n, m), shape (n,)."""

    def importances(self) -> FloatArray | None:
        """Weight of each feature, shape (m,), or None where the features are not used."""

    def to_dict(self) -> dict[str, Any]:
        """The fitted numbers as a JSON-able dict."""


@dataclass(frozen=True)
class BoostingSettings:
    """LightGBM's settings: few leaves and strong shrinkage, since the signal in setups is faint."""

    max_rounds: int = 200
    patience: int = 15
    learning_rate: float = 0.1
    leaves: int = 15
    max_bin: int = 63
    l2: float = 10.0
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.8


def require_features(frame: pd.DataFrame, feature_names: tuple[str, ...]) -> FloatArray:
    """The named columns as a float matrix (n, m), NaN where unknown.

    Raises
    ------
    ValueError
        A missing column, or an infinite value (the first feature and row are named).
    """
    missing = [name for name in feature_names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(feature_names)} features are missing, the first is {missing[0]!r}: "
            "compute the features with the catalogue that the model was trained with"
        )
    x = frame.loc[:, list(feature_names)].to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(x)
    if infinite.any():
        row, column = (int(at) for at in np.argwhere(infinite)[0])
        raise ValueError(
            f"feature {feature_names[column]!r} is {x[row, column]} at row {frame.index[row]} "
            f"({int(infinite.sum())} infinite values in all): store what is undefined as NULL"
        )
    return x


@dataclass(frozen=True)
class BaseRate:
    """The share of ones in training, whatever the features say."""

    rate: float
    algorithm: ClassVar[Algorithm] = "base_rate"

    @classmethod
    def fit(cls, y: FloatArray) -> "BaseRate":
        return cls(float(np.mean(y)))

    def predict(self, x: FloatArray) -> FloatArray:
        return np.full(len(x), self.rate)

    def importances(self) -> FloatArray | None:
        return None

    def to_dict(self) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "rate": self.rate}


@dataclass(frozen=True)
class LogisticRegression:
    """L2-penalised logistic regression on median-imputed, standardised features, cut off at ±5 deviations.

    The cut-off keeps one wild value of a heavy-tailed feature from deciding a probability alone.
    """

    medians: FloatArray
    means: FloatArray
    scales: FloatArray
    coefficients: FloatArray
    intercept: float
    algorithm: ClassVar[Algorithm] = "logistic_regression"

    CUT_OFF: ClassVar[float] = 5.0
    # Weight of the data against the penalty: small, since most of ninety features are expected to be noise.
    C: ClassVar[float] = 0.01

    @classmethod
    def fit(cls, x: FloatArray, y: FloatArray) -> "LogisticRegression":
        from sklearn.linear_model import LogisticRegression as Fit
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        medians = pd.DataFrame(x).median().fillna(0.0).to_numpy()
        filled = np.where(np.isnan(x), medians, x)
        means = filled.mean(axis=0)
        spread = filled.std(axis=0)
        # A constant feature has a spread of rounding errors only, relative to its size.
        scales = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(means)), spread, np.inf)
        z = np.clip((filled - means) / scales, -cls.CUT_OFF, cls.CUT_OFF)
        with threadpool_limits(limits=1, user_api="blas"):  # for equal bytes on any number of cores
            fit = Fit(C=cls.C, solver="newton-cholesky", max_iter=100).fit(z, y)
        return cls(
            medians, means, np.where(np.isinf(scales), 0.0, scales), fit.coef_[0], float(fit.intercept_[0])
        )

    def predict(self, x: FloatArray) -> FloatArray:
        used = self.scales > 0.0  # a scale of 0 marks a feature that was constant in training
        filled = np.where(np.isnan(x[:, used]), self.medians[used], x[:, used])
        z = np.clip((filled - self.means[used]) / self.scales[used], -self.CUT_OFF, self.CUT_OFF)
        return logistic(z @ self.coefficients[used] + self.intercept)

    def importances(self) -> FloatArray | None:
        return np.where(self.scales > 0.0, np.abs(self.coefficients), 0.0)

    def to_dict(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "medians": self.medians.tolist(),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
        }


class BinnedFeatures:
    """Features cut into LightGBM's bins once, for all the fits on subsets of the same rows.

    Cutting anew for each fit took half of LightGBM's time.
    """

    def __init__(self, x: FloatArray, settings: BoostingSettings) -> None:
        import lightgbm

        parameters = _boosting_parameters(settings, len(x), seed=0) | {"feature_pre_filter": False}
        self._all = lightgbm.Dataset(x, label=np.zeros(len(x)), params=parameters).construct()

    def subset(self, rows: IndexArray, y: FloatArray) -> Any:
        """LightGBM's data set of these rows (ascending positions) with their outcomes."""
        return self._all.subset(rows.tolist()).construct().set_label(y)


@dataclass(frozen=True)
class LightGBM:
    """Gradient-boosted trees, kept as LightGBM's text: what is served is what was stored."""

    text: str
    rounds: int
    algorithm: ClassVar[Algorithm] = "lightgbm"

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
            _boosting_parameters(settings, len(y), seed),
            features.subset(rows, y),
            num_boost_round=rounds if rounds is not None else settings.max_rounds,
            valid_sets=watched,
            callbacks=callbacks,
        )
        kept = booster.best_iteration if holdout is not None else booster.current_iteration()
        return cls(booster.model_to_string(num_iteration=kept), kept)

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

    def to_dict(self) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "text": self.text, "rounds": self.rounds}


def classifier_from_dict(stored: dict[str, Any]) -> Classifier:
    """The inverse of `to_dict`."""
    algorithm = stored.get("algorithm")
    if algorithm == "base_rate":
        return BaseRate(float(stored["rate"]))
    if algorithm == "logistic_regression":
        arrays = {
            name: np.asarray(stored[name], dtype=np.float64)
            for name in ("medians", "means", "scales", "coefficients")
        }
        return LogisticRegression(**arrays, intercept=float(stored["intercept"]))
    if algorithm == "lightgbm":
        return LightGBM(str(stored["text"]), int(stored["rounds"]))
    raise ValueError(f"unknown algorithm {algorithm!r} in a stored model: known are {', '.join(ALGORITHMS)}")


def logistic(score: FloatArray) -> FloatArray:
    """1 / (1 + exp(-score)), without overflow."""
    small = np.exp(-np.abs(score))
    return np.where(score >= 0.0, 1.0, small) / (1.0 + small)


def _boosting_parameters(settings: BoostingSettings, rows: int, seed: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
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
