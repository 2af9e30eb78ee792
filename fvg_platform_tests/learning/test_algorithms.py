"""A further algorithm takes part by being registered, and by nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.classifier import Algorithm, LearningTask
from fvg_platform.learning.models import ALGORITHMS, algorithm_named, register_algorithm
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.trained_model import ModelCorruptedError, TrainedModel
from fvg_platform.learning.training import train
from fvg_platform_tests.learning.made_up import EMBARGO, FEATURES, made_up_setups


@dataclass(frozen=True)
class Quadrants:
    """The rate in each quadrant of two features, feature_1 and feature_2: made for what the made-up setups hide."""

    rates: tuple[float, ...]
    algorithm: ClassVar[str] = "quadrants"

    @staticmethod
    def quadrant(x: np.ndarray) -> np.ndarray:
        return (x[:, 1] > 0) * 2 + (x[:, 2] > 0) * 1

    @classmethod
    def fit(cls, task: LearningTask) -> "Quadrants":
        quadrant = cls.quadrant(task.x)
        return cls(tuple(float(task.y[quadrant == each].mean()) for each in range(4)))

    def predict(self, x):
        return np.array(self.rates)[self.quadrant(x)]

    def importances(self):
        return np.array([0.0, 1.0, 1.0, 0.0, 0.0, 0.0])

    def contributions(self, x):
        return None

    def to_dict(self) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "rates": list(self.rates)}

    @classmethod
    def from_dict(cls, stored):
        return cls(tuple(stored["rates"]))


QUADRANTS = Algorithm("quadrants", Quadrants.fit, Quadrants.from_dict)


@pytest.fixture
def registry() -> Iterator[dict[str, Algorithm]]:
    before = dict(ALGORITHMS)
    yield ALGORITHMS
    ALGORITHMS.clear()
    ALGORITHMS.update(before)


def test_an_algorithm_of_ones_own_is_compared_served_stored_and_loaded(registry):
    register_algorithm(QUADRANTS, before="lightgbm")
    assert list(registry) == ["base_rate", "logistic_regression", "quadrants", "lightgbm"]
    setups = made_up_setups(1_500, signal=0.0, interaction=1.6, seed=5)
    cut = setups["known_at"].iloc[1_200]
    model = train(
        setups, FEATURES, timeframe="1h", cut=cut, embargo=EMBARGO, config=TrainingConfig(trials=0), seed=1
    )
    assert model.algorithm == "quadrants"  # what trees find later, it knows
    assert set(model.fold_scores["algorithm"]) == set(registry)
    assert model.importances["target_1"].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert model.contributions.empty  # it cannot tell
    assert model.combinatorial.paths
    stored = model.to_json()
    pd.testing.assert_frame_equal(
        TrainedModel.from_json(stored).predict(setups), model.predict(setups), check_exact=True
    )
    with pytest.raises(ValueError, match="'quadrants' cannot tell"):
        model.explain(setups.tail(1))

    del registry["quadrants"]  # another process, which does not know it
    with pytest.raises(ModelCorruptedError, match=r"unknown algorithm 'quadrants'.*register_algorithm"):
        TrainedModel.from_json(stored)


def test_by_default_it_comes_last(registry):
    register_algorithm(QUADRANTS)
    assert list(registry)[-1] == "quadrants"
    assert algorithm_named("quadrants") is QUADRANTS


def test_names_are_unique_and_nothing_stands_before_the_base_rate(registry):
    with pytest.raises(ValueError, match="'lightgbm' is registered already"):
        register_algorithm(Algorithm("lightgbm", Quadrants.fit, Quadrants.from_dict))
    with pytest.raises(ValueError, match="nothing can stand before it"):
        register_algorithm(QUADRANTS, before="base_rate")
    with pytest.raises(ValueError, match="unknown algorithm 'forest': known are base_rate"):
        register_algorithm(QUADRANTS, before="forest")
    assert "quadrants" not in registry
