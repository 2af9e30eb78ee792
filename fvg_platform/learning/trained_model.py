"""A trained model: what it predicts with, what it was trained on, how it came out, and its way to bytes and back.

What it says of a setup are probabilities with their intervals, the bars it expects a position to last, and the
reasons. How it was fitted stands in fitting.py.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.calibration import Calibration, in_falling_order
from fvg_platform.learning.calibration_choice import CalibrationChoice
from fvg_platform.learning.classifier import Classifier
from fvg_platform.learning.combinatorial import CombinatorialSkill
from fvg_platform.learning.explanation import EXPECTED, explanation_frame
from fvg_platform.learning.feature_matrix import require_features
from fvg_platform.learning.holding import HoldingTime
from fvg_platform.learning.model_bytes import ModelCorruptedError, ModelFormatError, digest, unwrap, wrap
from fvg_platform.learning.model_content import TargetRate, content_of, fields_of
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.probability_intervals import ProbabilityInterval
from fvg_platform.learning.selection import AlgorithmSkill, FoldScore, FoldSkill
from fvg_platform.learning.targets import ENTERED, TARGETS, WIN_TARGETS
from fvg_platform.learning.threshold import Threshold
from fvg_platform.learning.tuning import Trial

__all__ = [
    "HOLDING_COLUMN",
    "INTERVAL_COLUMNS",
    "PREDICTION_COLUMNS",
    "ModelCorruptedError",
    "ModelFormatError",
    "TargetRate",
    "TrainedModel",
]

FloatArray = npt.NDArray[np.float64]

PREDICTION_COLUMNS: tuple[str, ...] = tuple(f"p_{target}" for target in TARGETS)
INTERVAL_COLUMNS: tuple[str, ...] = tuple(
    f"p_{target}_{bound}" for target in TARGETS for bound in ("low", "high")
)
HOLDING_COLUMN = "bars_to_exit"


@dataclass(frozen=True)
class TrainedModel:
    """One timeframe's model, pooled over its tickers.

    Attributes
    ----------
    algorithm, entry_algorithm, choice, entry_choice
        What serves the three win targets and P(entered), and why.
    reason
        None, or why no model was trained and the pooled base rate is served instead.
    notes
        What else one should know, in sentences.
    config
        As given to training, with the settings of boosting that tuning ended with.
    classifiers, calibrations, intervals
        By target. One without a classifier has never been seen in training: its predictions are NaN.
    holding
        Expected bars from the fill to the first target's exit.
    threshold
        From which p_target_1 on to act, chosen on the folds.
    scores, out_of_fold
        Of every algorithm on the folds, and the skill of the served one fold by fold.
    tried
        Out-of-fold skill of every algorithm that was compared, served or not.
    combinatorial
        The served algorithm's skill for the first target over combinatorial purged folds; where the base rate is
        served, that of the algorithm that came next to it.
    trials, tuning_reason
        Every trial of tuning, and why the settings are what they are.
    calibration_choices
        By target: the method of calibration, why, and what each method scored.
    mean_contributions
        By target: mean |contribution| of each feature in log odds, on at most 2,000 training setups.
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
    notes: tuple[str, ...]
    rates: dict[str, TargetRate]
    parts: dict[str, int]
    trained_from: pd.Timestamp | None
    trained_to: pd.Timestamp | None
    classifiers: dict[str, Classifier] = field(repr=False)
    calibrations: dict[str, Calibration] = field(repr=False)
    calibration_choices: dict[str, CalibrationChoice] = field(repr=False)
    intervals: dict[str, ProbabilityInterval] = field(repr=False)
    holding: HoldingTime = field(repr=False)
    threshold: Threshold = field(repr=False)
    scores: tuple[FoldScore, ...] = field(repr=False)
    out_of_fold: tuple[FoldSkill, ...] = field(repr=False)
    tried: tuple[AlgorithmSkill, ...] = field(repr=False)
    combinatorial: CombinatorialSkill = field(repr=False)
    trials: tuple[Trial, ...] = field(repr=False)
    tuning_reason: str = field(repr=False)
    mean_contributions: dict[str, tuple[float, ...]] = field(repr=False)

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
    def walk_forward(self) -> pd.DataFrame:
        """Columns `fold, target, first, last, n, skill`: the served algorithm's skill over time.

        `first` and `last` are the times at which the fold's first and last setup became known; `skill` is NaN where
        the base rate made no error.
        """
        return pd.DataFrame(
            [asdict(skill) for skill in self.out_of_fold],
            columns=["fold", "target", "first", "last", "n", "skill"],
        ).astype({"skill": float})

    @property
    def contributions(self) -> pd.DataFrame:
        """Index: features. One column per target: mean |contribution| in log odds, where the algorithm can tell."""
        return pd.DataFrame(
            {
                target: self.mean_contributions[target]
                for target in TARGETS
                if target in self.mean_contributions
            },
            index=pd.Index(self.feature_names, name="feature"),
            dtype=float,
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

    @property
    def trial_count(self) -> int:
        """How many ways to trade were looked at on the folds, for a Sharpe ratio that is deflated by them.

        The algorithms that were compared, the further trials of tuning, the further thresholds.
        """
        algorithms = len({score.algorithm for score in self.scores})
        return max(1, algorithms) + max(0, len(self.trials) - 1) + max(0, len(self.threshold.candidates) - 1)

    def walk_forward_records(self) -> list[dict[str, Any]]:
        """The rows of :attr:`walk_forward` JSON-able: times as text in UTC, None instead of NaN."""
        return [skill.to_dict() for skill in self.out_of_fold]

    def tried_records(self) -> list[dict[str, Any]]:
        """:attr:`tried` JSON-able: records `algorithm, target, n, skill`, the skill an estimate."""
        return [skill.to_dict() for skill in self.tried]

    def combinatorial_record(self) -> dict[str, Any]:
        """:attr:`combinatorial` JSON-able: `splits`, `paths`, and the `reason` where there are none."""
        return self.combinatorial.to_dict()

    def calibration_record(self) -> dict[str, Any]:
        """:attr:`calibration_choices` JSON-able: by target `method`, `reason`, and by method `scores`."""
        return {target: choice.to_dict() for target, choice in self.calibration_choices.items()}

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Probabilities for each setup, how sure they are, and how long a position is expected to last.

        Parameters
        ----------
        frame
            One row per setup with the columns `feature_names`; NaN where unknown.

        Returns
        -------
        DataFrame on the index of `frame`: `PREDICTION_COLUMNS`, each in [0, 1] with p_target_1 ≥ p_target_2 ≥
        p_target_3; `INTERVAL_COLUMNS`, the bounds at 90 % of each, low ≤ p ≤ high, falling in the same way;
        `bars_to_exit`, from the fill to the first target's exit on the worse path, if entered. NaN for what was
        never seen in training.

        Raises
        ------
        FeatureSetError
            A missing feature.
        ValueError
            An infinite value.
        """
        x = require_features(frame, self.feature_names)
        # p, low, high: (n, 3) each target; entered stands alone, the wins are brought into order together.
        bounds = {target: self._predict_target(x, target) for target in TARGETS}
        p, low, high = (
            np.column_stack(
                [
                    bounds[ENTERED][which],
                    in_falling_order(np.column_stack([bounds[target][which] for target in WIN_TARGETS])),
                ]
            )
            for which in range(3)
        )
        # Bringing into order keeps low below p and p below high, up to the last digit.
        columns: dict[str, FloatArray] = dict(zip(PREDICTION_COLUMNS, p.T, strict=True))
        pairs = np.stack([np.minimum(low, p), np.maximum(high, p)], axis=2).reshape(len(x), 2 * len(TARGETS))
        columns |= dict(zip(INTERVAL_COLUMNS, pairs.T, strict=True))
        columns[HOLDING_COLUMN] = self.holding.predict(x)
        return pd.DataFrame(columns, index=frame.index)

    def explain(self, frame: pd.DataFrame, target: str = WIN_TARGETS[0]) -> pd.DataFrame:
        """What each feature adds to the log odds of a target, setup by setup.

        Parameters
        ----------
        frame
            As for :meth:`predict`.
        target
            `entered`, `target_1`, `target_2` or `target_3`.

        Returns
        -------
        DataFrame on the index of `frame`, one column per feature and a last one `expected`; the sum of a row is the
        log odds of the raw probability, before calibration. NaN for what was never seen in training.

        Raises
        ------
        FeatureSetError
            A missing feature.
        ValueError
            An infinite value, an unknown target, or an algorithm that cannot tell.
        """
        if target not in TARGETS:
            raise ValueError(f"unknown target {target!r}: use one of {', '.join(TARGETS)}")
        x = require_features(frame, self.feature_names)
        if target not in self.classifiers:
            return pd.DataFrame(
                np.nan, index=frame.index, columns=[*self.feature_names, EXPECTED], dtype=float
            )
        return explanation_frame(self.classifiers[target], x, self.feature_names, frame.index)

    def _predict_target(self, x: FloatArray, target: str) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Calibrated probabilities with lower and upper bounds, each of shape (n,)."""
        if target not in self.classifiers:
            return (np.full(len(x), np.nan),) * 3
        raw = self.classifiers[target].predict(x)
        p = np.clip(self.calibrations[target].apply(raw), 0.0, 1.0)
        low, high = self.intervals[target].bounds(raw, p)
        return p, low, high

    @property
    def sha256(self) -> str:
        """Digest of everything in the model, as stored in its bytes."""
        return digest(content_of(self))

    def to_json(self) -> bytes:
        """Canonical bytes: equal for equal data, configuration and seed."""
        return wrap(content_of(self))

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
            The bytes are no model, do not match the digest they carry, or not the expected one; or the model uses
            an algorithm that is not registered here.
        ModelFormatError
            They are of an older or a newer format.
        """
        model = unwrap(stored, sha256=sha256)
        try:
            return cls(**fields_of(model))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelCorruptedError(f"the stored model cannot be read: {error}") from error
