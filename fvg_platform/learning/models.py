"""The algorithms there are, from the simplest to the richest, and the door for further ones.

How each works stands in its own module, what it must be able to do in classifier.py. How probabilities are
calibrated, and which algorithm is served, is decided elsewhere.
"""

from typing import Any

from fvg_platform.learning.base_rate import BASE_RATE, BaseRate
from fvg_platform.learning.boosting_settings import BoostingSettings
from fvg_platform.learning.classifier import Algorithm, Classifier, LearningTask
from fvg_platform.learning.feature_matrix import FeatureSetError, require_features
from fvg_platform.learning.lightgbm_model import LIGHTGBM, BinnedFeatures, LightGBM
from fvg_platform.learning.log_odds import logistic
from fvg_platform.learning.logistic_regression import LOGISTIC_REGRESSION, LogisticRegression

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "BaseRate",
    "BinnedFeatures",
    "BoostingSettings",
    "Classifier",
    "FeatureSetError",
    "LearningTask",
    "LightGBM",
    "LogisticRegression",
    "algorithm_named",
    "classifier_from_dict",
    "logistic",
    "register_algorithm",
    "require_features",
]

# By name, from the simplest to the richest: ties go to the earlier one, and the first is what skill is measured by.
ALGORITHMS: dict[str, Algorithm] = {each.name: each for each in (BASE_RATE, LOGISTIC_REGRESSION, LIGHTGBM)}


def register_algorithm(algorithm: Algorithm, *, before: str | None = None) -> None:
    """Let an algorithm of your own take part: trained, compared, stored, served and explained like the others.

    Parameters
    ----------
    algorithm
        Its name must be new. Register it in every process that trains or loads models.
    before
        The richer algorithm that it stands before: on a tie the earlier one is served. By default it comes last.

    Raises
    ------
    ValueError
        The name is taken, `before` is unknown, or it would stand before the base rate.
    """
    if algorithm.name in ALGORITHMS:
        raise ValueError(f"an algorithm {algorithm.name!r} is registered already: choose another name")
    if before is None:
        ALGORITHMS[algorithm.name] = algorithm
        return
    position = list(ALGORITHMS).index(algorithm_named(before).name)
    if position == 0:
        raise ValueError(f"{before} is what all are measured by: nothing can stand before it")
    richer = {name: ALGORITHMS.pop(name) for name in list(ALGORITHMS)[position:]}
    ALGORITHMS.update({algorithm.name: algorithm} | richer)


def algorithm_named(name: str) -> Algorithm:
    """The registered algorithm of this name; an unknown one is a ValueError that lists those there are."""
    if name not in ALGORITHMS:
        raise ValueError(
            f"unknown algorithm {name!r}: known are {', '.join(ALGORITHMS)}; register further ones with "
            "register_algorithm"
        )
    return ALGORITHMS[name]


def classifier_from_dict(stored: dict[str, Any]) -> Classifier:
    """The inverse of `to_dict`."""
    return algorithm_named(str(stored.get("algorithm"))).from_dict(stored)
