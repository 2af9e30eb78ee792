"""L2-penalised logistic regression on median-imputed, standardised features, fitted by scikit-learn."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.classifier import Algorithm
from fvg_platform.learning.log_odds import log_odds, logistic

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogisticRegression:
    """A straight line on the log odds, the features cut off at ±5 deviations.

    The cut-off keeps one wild value of a heavy-tailed feature from deciding a probability alone.
    """

    medians: FloatArray
    means: FloatArray
    scales: FloatArray
    coefficients: FloatArray
    intercept: float
    algorithm: ClassVar[str] = "logistic_regression"

    CUT_OFF: ClassVar[float] = 5.0
    # Weight of the data against the penalty: small, since most of the features are expected to be noise.
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
        if np.isinf(scales).all():  # nothing to learn from: the solver does not converge on zeros
            nothing = np.zeros_like(means)
            return cls(medians, means, nothing, nothing, float(log_odds(np.asarray(y.mean()))))
        z = np.clip((filled - means) / scales, -cls.CUT_OFF, cls.CUT_OFF)
        with threadpool_limits(limits=1, user_api="blas"):  # for equal bytes on any number of cores
            fit = Fit(C=cls.C, solver="newton-cholesky", max_iter=100).fit(z, y)
        return cls(
            medians, means, np.where(np.isinf(scales), 0.0, scales), fit.coef_[0], float(fit.intercept_[0])
        )

    def predict(self, x: FloatArray) -> FloatArray:
        used = self._used
        return logistic(self._standardised(x) @ self.coefficients[used] + self.intercept)

    def importances(self) -> FloatArray | None:
        return np.where(self._used, np.abs(self.coefficients), 0.0)

    def contributions(self, x: FloatArray) -> FloatArray | None:
        parts = np.zeros((len(x), x.shape[1] + 1))
        parts[:, :-1][:, self._used] = self._standardised(x) * self.coefficients[self._used]
        parts[:, -1] = self.intercept
        return parts

    @property
    def _used(self) -> npt.NDArray[np.bool_]:
        return self.scales > 0.0  # a scale of 0 marks a feature that was constant in training

    def _standardised(self, x: FloatArray) -> FloatArray:
        """Deviations of the features that are used, shape (n, number of these)."""
        used = self._used
        filled = np.where(np.isnan(x[:, used]), self.medians[used], x[:, used])
        return np.clip((filled - self.means[used]) / self.scales[used], -self.CUT_OFF, self.CUT_OFF)

    def to_dict(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "medians": self.medians.tolist(),
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "LogisticRegression":
        arrays = {
            name: np.asarray(stored[name], dtype=np.float64)
            for name in ("medians", "means", "scales", "coefficients")
        }
        return cls(**arrays, intercept=float(stored["intercept"]))


# Two fits at once need a limit of BLAS threads around both: the limit is the process's, and each takes it off again.
LOGISTIC_REGRESSION = Algorithm(
    LogisticRegression.algorithm,
    lambda task: LogisticRegression.fit(task.x, task.y),
    LogisticRegression.from_dict,
    concurrent=True,
)
