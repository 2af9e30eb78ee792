"""A trained model: what it predicts with, what it was trained on, and its bytes.

The bytes are canonical JSON (sorted keys, no spaces, shortest exact decimals) wrapped with their SHA-256:
the same data, configuration and seed give the same bytes, and bytes that were changed are refused.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import Calibration, calibration_from_dict, in_falling_order
from fvg_platform.learning.models import BoostingSettings, Classifier, classifier_from_dict, require_features
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.selection import FoldScore
from fvg_platform.learning.targets import ENTERED, TARGETS, WIN_TARGETS

FloatArray = npt.NDArray[np.float64]

PREDICTION_COLUMNS: tuple[str, ...] = tuple(f"p_{target}" for target in TARGETS)

_FORMAT = 1


class ModelCorruptedError(ValueError):
    """Stored bytes are not those of a model, or not the ones that were asked for."""


@dataclass(frozen=True)
class TargetRate:
    """How often a target came true among the training setups that say something about it."""

    n: int
    positives: int

    @property
    def rate(self) -> float | None:
        """The share, None without any setup."""
        return self.positives / self.n if self.n else None


@dataclass(frozen=True)
class TrainedModel:
    """One timeframe's model, pooled over its tickers.

    `algorithm` serves the three win targets and `entry_algorithm` P(entered); `choice` and `entry_choice` say
    why. `reason` is None, or says why no model was trained and the pooled base rate is served instead. A
    target without a classifier has never been seen in training: its predictions are NaN.
    """

    timeframe: str
    feature_names: tuple[str, ...]
    cut: pd.Timestamp
    embargo: pd.Timedelta
    seed: int
    config: TrainingConfig
    algorithm: str
    entry_algorithm: str
    choice: str
    entry_choice: str
    reason: str | None
    rates: dict[str, TargetRate]
    parts: dict[str, int]
    trained_from: pd.Timestamp | None
    trained_to: pd.Timestamp | None
    classifiers: dict[str, Classifier] = field(repr=False)
    calibrations: dict[str, Calibration] = field(repr=False)
    scores: tuple[FoldScore, ...] = field(repr=False)

    @property
    def trained_on(self) -> int:
        """Entered training setups with a resolved first target: what the 200 are counted in."""
        return self.rates["target_1"].n

    @property
    def fold_scores(self) -> pd.DataFrame:
        """Columns `algorithm, target, fold, n, brier, log_loss`; empty when no model was trained."""
        return pd.DataFrame(
            [asdict(score) for score in self.scores],
            columns=["algorithm", "target", "fold", "n", "brier", "log_loss"],
        )

    @property
    def importances(self) -> pd.DataFrame:
        """Index: features. One column per target: LightGBM's gain, or |coefficient| of standardised features.

        Targets that the base rate serves have no column.
        """
        weights = {target: model.importances() for target, model in self.classifiers.items()}
        return pd.DataFrame(
            {target: weights[target] for target in TARGETS if weights.get(target) is not None},
            index=pd.Index(self.feature_names, name="feature"),
        )

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Probabilities for each setup.

        Parameters
        ----------
        frame
            One row per setup with the columns `feature_names`; NaN where unknown.

        Returns
        -------
        DataFrame on the index of `frame`, columns `p_entered, p_target_1, p_target_2, p_target_3`, each in
        [0, 1] with p_target_1 ≥ p_target_2 ≥ p_target_3, or NaN for what was never seen in training.

        Raises
        ------
        ValueError
            A missing feature or an infinite value.
        """
        x = require_features(frame, self.feature_names)
        unordered = {target: self._predict_target(x, target) for target in TARGETS}
        wins = in_falling_order(np.column_stack([unordered[target] for target in WIN_TARGETS]))
        columns = np.column_stack([unordered[ENTERED], wins])
        return pd.DataFrame(columns, index=frame.index, columns=list(PREDICTION_COLUMNS))

    def _predict_target(self, x: FloatArray, target: str) -> FloatArray:
        if target not in self.classifiers:
            return np.full(len(x), np.nan)
        return np.clip(self.calibrations[target].apply(self.classifiers[target].predict(x)), 0.0, 1.0)

    @property
    def sha256(self) -> str:
        """Digest of everything in the model, as stored in its bytes."""
        return _digest(self._to_dict())

    def to_json(self) -> bytes:
        """Canonical bytes: equal for equal data, configuration and seed."""
        model = self._to_dict()
        return _canonical({"model": model, "sha256": _digest(model)})

    @classmethod
    def from_json(cls, stored: bytes, *, sha256: str | None = None) -> "TrainedModel":
        """The inverse of :meth:`to_json`.

        Parameters
        ----------
        stored
            Bytes of a model.
        sha256
            The digest that is expected, e.g. the one in the table of models.

        Raises
        ------
        ModelCorruptedError
            The bytes are no model, do not match the digest they carry, or not the expected one.
        """
        try:
            envelope = json.loads(stored)
            model, carried = envelope["model"], envelope["sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise ModelCorruptedError(
                f"{len(stored)} bytes are not a stored model: {error!r}. Train it again."
            ) from error
        found = _digest(model)
        for name, digest in (("carry", carried), ("were expected to have", sha256 or carried)):
            if digest != found:
                raise ModelCorruptedError(
                    f"the model's SHA-256 is {found}, but its bytes {name} {digest}: they were changed after "
                    "training. Restore them from a backup or train the model again."
                )
        return cls._from_dict(model)

    def _to_dict(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "timeframe": self.timeframe,
            "feature_names": list(self.feature_names),
            "cut": _instant(self.cut),
            "embargo_ns": int(self.embargo.as_unit("ns").value),
            "seed": self.seed,
            "config": asdict(self.config),
            "algorithm": self.algorithm,
            "entry_algorithm": self.entry_algorithm,
            "choice": self.choice,
            "entry_choice": self.entry_choice,
            "reason": self.reason,
            "rates": {target: asdict(rate) for target, rate in self.rates.items()},
            "parts": self.parts,
            "trained_from": _instant(self.trained_from),
            "trained_to": _instant(self.trained_to),
            "classifiers": {target: model.to_dict() for target, model in self.classifiers.items()},
            "calibrations": {target: fitted.to_dict() for target, fitted in self.calibrations.items()},
            "scores": [asdict(score) for score in self.scores],
        }

    @classmethod
    def _from_dict(cls, stored: dict[str, Any]) -> "TrainedModel":
        if stored.get("format") != _FORMAT:
            raise ModelCorruptedError(
                f"the model has format {stored.get('format')!r}, this code reads {_FORMAT}: train it again"
            )
        config = dict(stored["config"])
        boosting = BoostingSettings(**config.pop("boosting"))
        cut = pd.Timestamp(stored["cut"])
        return cls(
            **{name: stored[name] for name in _PLAIN_FIELDS},
            feature_names=tuple(stored["feature_names"]),
            cut=cut,
            embargo=pd.Timedelta(stored["embargo_ns"], unit="ns"),
            config=TrainingConfig(**config, boosting=boosting),
            rates={target: TargetRate(**rate) for target, rate in stored["rates"].items()},
            trained_from=_timestamp(stored["trained_from"]),
            trained_to=_timestamp(stored["trained_to"]),
            classifiers={
                target: classifier_from_dict(model) for target, model in stored["classifiers"].items()
            },
            calibrations={
                target: calibration_from_dict(fit) for target, fit in stored["calibrations"].items()
            },
            scores=tuple(FoldScore(**score) for score in stored["scores"]),
        )


_PLAIN_FIELDS = (
    "timeframe",
    "seed",
    "algorithm",
    "entry_algorithm",
    "choice",
    "entry_choice",
    "reason",
    "parts",
)


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _digest(model: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(model)).hexdigest()


def _instant(time: pd.Timestamp | None) -> str | None:
    return None if time is None else time.tz_convert("UTC").as_unit("ns").isoformat()


def _timestamp(stored: str | None) -> pd.Timestamp | None:
    return None if stored is None else pd.Timestamp(stored).as_unit("ns")
