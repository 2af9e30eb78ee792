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
IndexArray = npt.NDArray[np.int64]

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
    _said: dict[str, list[FloatArray]] = field(default_factory=dict)
    _rows: list[IndexArray] = field(default_factory=list)

    def calibrate(
        self, p: FloatArray, rows: IndexArray, outcomes: FloatArray, earlier: tuple[FloatArray, IndexArray]
    ) -> FloatArray:
        """The fold's probabilities, calibrated by the method that was best on what had ended before it.

        Parameters
        ----------
        p, rows
            Raw predictions of the fold, and where its setups stand in the sample, shape (k,).
        outcomes
            Of the whole sample, NaN where there is none, shape (n,).
        earlier
            Raw predictions of earlier folds, shape (n,), and the setups of these whose lives had ended before the
            fold began: nothing else of them is looked at, for fitting or for choosing.
        """
        raw, ended = earlier
        method = self._chosen(outcomes, ended).method
        known = (raw[ended], outcomes[ended])
        calibrated = {each: fit_calibration(*known, each).apply(p) for each in ("platt", "none")}
        steps = ended.size >= ISOTONIC_FROM  # fewer fall back on the line, which there is already
        calibrated["isotonic"] = (
            fit_calibration(*known, "isotonic").apply(p) if steps else calibrated["platt"]
        )
        for each, probabilities in calibrated.items():
            self._said.setdefault(each, []).append(probabilities)
        self._rows.append(rows)
        return calibrated[method]

    def final_choice(self, outcomes: FloatArray) -> CalibrationChoice:
        """The best method on all folds; `outcomes` as for :meth:`calibrate`."""
        return self._chosen(outcomes, np.flatnonzero(~np.isnan(outcomes)).astype(np.int64))

    def _chosen(self, outcomes: FloatArray, ended: IndexArray) -> CalibrationChoice:
        """The best method on the setups of the folds so far that are among `ended`."""
        scores: dict[str, CalibrationScore] = {}
        if self._rows:
            rows = np.concatenate(self._rows)
            told = np.isin(rows, ended)
            y = outcomes[rows[told]]
            if y.size:
                said = {each: np.concatenate(self._said[each])[told] for each in _METHODS}
                scores = {each: _score(said[each], y) for each in _METHODS}
        table = ", ".join(f"{method} {score.brier:.5f}" for method, score in scores.items())
        if self.wanted != "auto":
            return CalibrationChoice(
                self.wanted, f"{self.wanted} is configured. Brier on later folds: {table}.", scores
            )
        if not scores:
            return CalibrationChoice("platt", "No fold could judge a calibration: Platt's line.", {})
        best = min(_METHODS, key=lambda method: scores[method].brier)
        return CalibrationChoice(best, f"Brier on later folds: {table}: {best} is served.", scores)


def _score(p: FloatArray, y: FloatArray) -> CalibrationScore:
    seen = np.clip(p, 1e-6, 1.0 - 1e-6)
    loss = -np.where(y > 0.5, np.log(seen), np.log1p(-seen))
    return CalibrationScore(int(y.size), float(np.mean((p - y) ** 2)), float(loss.mean()))
