"""The simplest algorithm: the share of ones in training, whatever the features say."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.classifier import Algorithm
from fvg_platform.learning.log_odds import log_odds

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BaseRate:
    """The share of ones in training: what every other algorithm must beat."""

    rate: float
    algorithm: ClassVar[str] = "base_rate"

    @classmethod
    def fit(cls, y: FloatArray) -> "BaseRate":
        return cls(float(np.mean(y)))

    def predict(self, x: FloatArray) -> FloatArray:
        return np.full(len(x), self.rate)

    def importances(self) -> FloatArray | None:
        return None

    def contributions(self, x: FloatArray) -> FloatArray | None:
        parts = np.zeros((len(x), x.shape[1] + 1))
        parts[:, -1] = log_odds(np.asarray(self.rate))
        return parts

    def to_dict(self) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "rate": self.rate}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "BaseRate":
        return cls(float(stored["rate"]))


BASE_RATE = Algorithm(BaseRate.algorithm, lambda task: BaseRate.fit(task.y), BaseRate.from_dict)
