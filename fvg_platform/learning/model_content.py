"""A trained model's fields as JSON-able content, and content as fields; its bytes are made of that."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from fvg_platform.learning.boosting_settings import BoostingSettings
from fvg_platform.learning.calibration import calibration_from_dict
from fvg_platform.learning.calibration_choice import CalibrationChoice
from fvg_platform.learning.combinatorial import CombinatorialSkill
from fvg_platform.learning.holding import HoldingTime
from fvg_platform.learning.model_bytes import FORMAT
from fvg_platform.learning.models import classifier_from_dict
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.probability_intervals import ProbabilityInterval
from fvg_platform.learning.selection import AlgorithmSkill, FoldScore, FoldSkill
from fvg_platform.learning.threshold import Threshold
from fvg_platform.learning.tuning import Trial

if TYPE_CHECKING:
    from fvg_platform.learning.trained_model import TrainedModel

_AS_THEY_ARE = (
    "timeframe",
    "seed",
    "algorithm",
    "entry_algorithm",
    "choice",
    "entry_choice",
    "reason",
    "parts",
    "tuning_reason",
)

_BY_TARGET: dict[str, Any] = {
    "classifiers": classifier_from_dict,
    "calibrations": calibration_from_dict,
    "calibration_choices": CalibrationChoice.from_dict,
    "intervals": ProbabilityInterval.from_dict,
}


@dataclass(frozen=True)
class TargetRate:
    """How often a target came true among the training setups that say something about it."""

    n: int
    positives: int

    @property
    def rate(self) -> float | None:
        """The share, None without any setup."""
        return self.positives / self.n if self.n else None


def content_of(model: "TrainedModel") -> dict[str, Any]:
    """Everything in the model, JSON-able."""
    return {
        **{name: getattr(model, name) for name in _AS_THEY_ARE},
        "format": FORMAT,
        "feature_names": list(model.feature_names),
        "cut": _instant(model.cut),
        "embargo_ns": int(model.embargo.as_unit("ns").value),
        "config": asdict(model.config),
        "notes": list(model.notes),
        "rates": {target: asdict(rate) for target, rate in model.rates.items()},
        "trained_from": _instant(model.trained_from),
        "trained_to": _instant(model.trained_to),
        **{
            name: {target: part.to_dict() for target, part in getattr(model, name).items()}
            for name in _BY_TARGET
        },
        "holding": model.holding.to_dict(),
        "threshold": model.threshold.to_dict(),
        "combinatorial": model.combinatorial.to_dict(),
        "scores": [asdict(score) for score in model.scores],
        "out_of_fold": [skill.to_dict() for skill in model.out_of_fold],
        "tried": [skill.to_dict() for skill in model.tried],
        "trials": [trial.to_dict() for trial in model.trials],
        "mean_contributions": {target: list(means) for target, means in model.mean_contributions.items()},
    }


def fields_of(content: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`content_of`: the arguments of a `TrainedModel`."""
    config = dict(content["config"])
    boosting = BoostingSettings(**config.pop("boosting"))
    return {
        **{name: content[name] for name in _AS_THEY_ARE},
        "feature_names": tuple(content["feature_names"]),
        "cut": _timestamp(content["cut"]),
        "embargo": pd.Timedelta(content["embargo_ns"], unit="ns"),
        "config": TrainingConfig(**config, boosting=boosting),
        "notes": tuple(content["notes"]),
        "rates": {target: TargetRate(**rate) for target, rate in content["rates"].items()},
        "trained_from": _timestamp(content["trained_from"]),
        "trained_to": _timestamp(content["trained_to"]),
        **{
            name: {target: from_dict(part) for target, part in content[name].items()}
            for name, from_dict in _BY_TARGET.items()
        },
        "holding": HoldingTime.from_dict(content["holding"]),
        "threshold": Threshold.from_dict(content["threshold"]),
        "combinatorial": CombinatorialSkill.from_dict(content["combinatorial"]),
        "scores": tuple(FoldScore(**score) for score in content["scores"]),
        "out_of_fold": tuple(FoldSkill.from_dict(skill) for skill in content["out_of_fold"]),
        "tried": tuple(AlgorithmSkill.from_dict(skill) for skill in content["tried"]),
        "trials": tuple(Trial.from_dict(trial) for trial in content["trials"]),
        "mean_contributions": {
            target: tuple(means) for target, means in content["mean_contributions"].items()
        },
    }


def _instant(time: pd.Timestamp | None) -> str | None:
    return None if time is None else time.tz_convert("UTC").as_unit("ns").isoformat()


def _timestamp(stored: str | None) -> pd.Timestamp | None:
    return None if stored is None else pd.Timestamp(stored).as_unit("ns")
