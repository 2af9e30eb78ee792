"""Calibration: a monotone map from raw to calibrated probabilities, fitted on out-of-fold predictions.

Platt's two numbers, or isotonic steps where there are predictions enough; which of them is served is decided in
calibration_choice.py. The slope is never negative: predictions that point the wrong way out of fold are flattened
to the rate, not turned round. Also here: probabilities of nested targets brought into order.
Sources: J. Platt, Probabilistic outputs for support vector machines (1999); B. Zadrozny and C. Elkan,
Transforming classifier scores into accurate multiclass probability estimates (2002).
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from fvg_platform.learning.log_odds import log_odds, logistic
from fvg_platform.learning.logistic_lines import fit_lines

FloatArray = npt.NDArray[np.float64]

# `auto`: whichever of the others does best on the folds.
CalibrationMethod = Literal["auto", "platt", "isotonic", "none"]

_GROUPS = 50
_GROUP_FROM = 200

# Five groups; steps of fewer are coarser than a line, and are not tried.
ISOTONIC_FROM = 5 * _GROUP_FROM

# Below this, two numbers are too many.
_PLATT_FROM = 50


class Calibration(Protocol):
    """A monotone map of probabilities."""

    def apply(self, p: FloatArray) -> FloatArray:
        """Calibrated probabilities, shape as given."""

    def to_dict(self) -> dict[str, Any]:
        """The fitted numbers as a JSON-able dict."""


@dataclass(frozen=True)
class Identity:
    """No calibration."""

    def apply(self, p: FloatArray) -> FloatArray:
        return p

    def to_dict(self) -> dict[str, Any]:
        return {"method": "none"}


@dataclass(frozen=True)
class Platt:
    """A straight line on the log odds."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, p: FloatArray, y: FloatArray) -> "Platt":
        odds = log_odds(p)
        centre, spread = float(odds.mean()), float(odds.std()) or 1.0
        # In groups of equal predictions: a base rate or a shallow tree says few different ones.
        z, group = np.unique((odds - centre) / spread, return_inverse=True)
        ones = np.bincount(group, weights=y).astype(np.float64)
        rows = np.bincount(group).astype(np.float64)
        slope, intercept = fit_lines(z, rows[None, :], ones[None, :])
        slope_of_odds = float(slope[0]) / spread
        return cls(slope_of_odds, float(intercept[0]) - slope_of_odds * centre)

    def apply(self, p: FloatArray) -> FloatArray:
        return logistic(self.slope * log_odds(p) + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        return {"method": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """Steps that never fall, straight lines between their ends, flat outside.

    Fitted on groups of neighbouring predictions, at least 200 in each: steps of single rows would claim 0 or
    1 at the ends, where the fewest predictions lie.
    """

    raw: FloatArray
    calibrated: FloatArray

    @classmethod
    def fit(cls, p: FloatArray, y: FloatArray) -> "Isotonic":
        from sklearn.isotonic import IsotonicRegression

        groups = neighbours(p)
        raw = np.array([p[group].mean() for group in groups])
        rate = np.array([y[group].mean() for group in groups])
        fit = IsotonicRegression().fit(raw, rate, sample_weight=[group.size for group in groups])
        return cls(np.asarray(fit.X_thresholds_, float), np.asarray(fit.y_thresholds_, float))

    def apply(self, p: FloatArray) -> FloatArray:
        return np.interp(p, self.raw, self.calibrated)

    def to_dict(self) -> dict[str, Any]:
        return {"method": "isotonic", "raw": self.raw.tolist(), "calibrated": self.calibrated.tolist()}


def neighbours(p: FloatArray) -> list[npt.NDArray[np.int64]]:
    """Positions of `p` (n,) in its order, cut into groups of equal size: at most 50, of at least 200 if there are."""
    order = np.argsort(p, kind="stable").astype(np.int64)
    return np.array_split(order, max(1, min(_GROUPS, p.size // _GROUP_FROM)))


def fit_calibration(p: FloatArray, y: FloatArray, method: CalibrationMethod = "auto") -> Calibration:
    """Fit a map on out-of-fold predictions `p` (n,) and outcomes `y` (n,) of 0 and 1.

    `auto` is Platt's line, as long as no fold has judged. Isotonic steps on fewer than 1,000 predictions fall back
    on that line; one class only, or fewer than 50 predictions, leave the probabilities as they are.
    """
    if method == "none" or y.size < _PLATT_FROM or y.min() == y.max():
        return Identity()
    if method == "isotonic" and y.size >= ISOTONIC_FROM:
        return Isotonic.fit(p, y)
    return Platt.fit(p, y)


def calibration_from_dict(stored: dict[str, Any]) -> Calibration:
    """The inverse of `to_dict`."""
    method = stored.get("method")
    if method == "none":
        return Identity()
    if method == "platt":
        return Platt(float(stored["slope"]), float(stored["intercept"]))
    if method == "isotonic":
        return Isotonic(np.asarray(stored["raw"], float), np.asarray(stored["calibrated"], float))
    raise ValueError(f"unknown calibration {method!r} in a stored model: known are none, platt, isotonic")


def in_falling_order(p: FloatArray) -> FloatArray:
    """The nearest probabilities with p1 ≥ p2 ≥ p3, row by row, shape (n, 3).

    A further target is never hit before a nearer one, so outcomes fall in k; projecting onto what falls
    (pool-adjacent-violators, in closed form for three) can only bring the probabilities nearer to them.
    """
    known = ~np.isnan(p)
    if not known.all():
        # A target that training never saw has no probability; that must not take the others' away.
        seen = np.where(known, p, -np.inf)
        ordered = np.where(known, np.maximum.accumulate(seen[:, ::-1], axis=1)[:, ::-1], np.nan)
        whole = np.asarray(known.all(axis=1))[:, None]
        return np.where(whole, in_falling_order(np.where(known, p, 0.0)), ordered)
    first, second, third = p[:, 0], p[:, 1], p[:, 2]
    pair, rear, all_three = (first + second) / 2, (second + third) / 2, (first + second + third) / 3
    top = np.maximum.reduce([first, pair, all_three])
    low = np.minimum.reduce([third, rear, all_three])
    middle = np.maximum(np.minimum(second, pair), np.minimum(rear, all_three))
    ordered = np.column_stack([top, np.clip(middle, low, top), low])
    # Averages of equals may differ in the last digit.
    return np.minimum.accumulate(ordered, axis=1)
