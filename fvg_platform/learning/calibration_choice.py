"""Which calibration is served: later folds judge what was fitted on earlier ones.

Every method is fitted on the out-of-fold predictions of earlier folds whose lives had ended, and scored on the fold.
What a fold itself is given is the method that did best on the folds before it, so that no fold is scored with a
choice that it took part in; the final one is chosen on all of them. Platt's line is kept unless another has a lower
Brier score.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.calibration import ISOTONIC_FROM, CalibrationMethod, fit_calibration

FloatArray = npt.NDArray[np.float64]

# In order of preference on a tie.
_METHODS: tuple[CalibrationMethod, ...] = ("platt", "none", "isotonic")


@dataclass(frozen=True)
class CalibrationScore:
    """How one method did on the later folds: means over `n` predictions with an outcome."""

    n: int
    brier: float
    log_loss: float


@dataclass(frozen=True)
class CalibrationChoice:
    """The method, why, and what each method scored."""

    method: CalibrationMethod
    reason: str
    scores: dict[str, CalibrationScore]

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "CalibrationChoice":
        """The inverse of :meth:`to_dict`."""
        if stored["method"] not in get_args(CalibrationMethod):
            raise ValueError(f"unknown calibration {stored['method']!r} in a stored model")
        scores = {name: CalibrationScore(**score) for name, score in stored["scores"].items()}
        return cls(stored["method"], str(stored["reason"]), scores)


NOT_CALIBRATED = CalibrationChoice("none", "A base rate is not calibrated.", {})


@dataclass
class CalibrationTrial:
    """Scores of the methods, fold after fold; `wanted` other than `auto` fixes the method."""

    wanted: CalibrationMethod
    _squares: dict[str, list[FloatArray]] = field(default_factory=dict)
    _losses: dict[str, list[FloatArray]] = field(default_factory=dict)

    def calibrate(
        self, earlier: tuple[FloatArray, FloatArray], fold: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """The fold's probabilities, calibrated by the method that was best on the folds before.

        Parameters
        ----------
        earlier, fold
            Raw predictions and outcomes: of earlier folds, all known; of the fold, NaN where there is no outcome.
        """
        method = self.choice.method
        p, y = fold
        told = ~np.isnan(y)
        calibrated = {each: fit_calibration(*earlier, each).apply(p) for each in ("platt", "none")}
        steps = earlier[0].size >= ISOTONIC_FROM  # fewer fall back on the line, which there is already
        calibrated["isotonic"] = (
            fit_calibration(*earlier, "isotonic").apply(p) if steps else calibrated["platt"]
        )
        for each, probabilities in calibrated.items():
            seen = np.clip(probabilities[told], 1e-6, 1.0 - 1e-6)
            self._squares.setdefault(each, []).append((probabilities[told] - y[told]) ** 2)
            self._losses.setdefault(each, []).append(-np.where(y[told] > 0.5, np.log(seen), np.log1p(-seen)))
        return calibrated[method]

    @property
    def choice(self) -> CalibrationChoice:
        """The best method on the folds so far."""
        scores: dict[str, CalibrationScore] = {
            method: CalibrationScore(
                int(squares.size), float(squares.mean()), float(np.concatenate(self._losses[method]).mean())
            )
            for method in _METHODS
            if method in self._squares and (squares := np.concatenate(self._squares[method])).size
        }
        table = ", ".join(f"{method} {score.brier:.5f}" for method, score in scores.items())
        if self.wanted != "auto":
            return CalibrationChoice(
                self.wanted, f"{self.wanted} is configured. Brier on later folds: {table}.", scores
            )
        if not scores:
            return CalibrationChoice("platt", "No fold could judge a calibration: Platt's line.", {})
        best = min(_METHODS, key=lambda method: scores[method].brier)
        return CalibrationChoice(best, f"Brier on later folds: {table}: {best} is served.", scores)
