import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning import combinatorial
from fvg_platform.learning.combinatorial import CombinatorialSkill, combinatorial_skill
from fvg_platform.learning.out_of_fold import Sample, TrainingConfig
from fvg_platform.learning.targets import TARGETS, target_frame
from fvg_platform_tests.learning.made_up import EMBARGO, FEATURES, made_up_setups

CONFIG = TrainingConfig(min_entered=100)


def sample_of(setups: pd.DataFrame) -> Sample:
    y = target_frame(setups)
    return Sample(
        x=setups[list(FEATURES)].to_numpy(),
        y={target: y[target].to_numpy() for target in TARGETS},
        known_at=setups["known_at"],
        life_end=setups["life_end"],
    )


def skill_of(
    sample: Sample, algorithm: str, config: TrainingConfig = CONFIG, seed: int = 0
) -> CombinatorialSkill:
    return combinatorial_skill(sample, algorithm, config=config, embargo=EMBARGO, seed=seed)


@pytest.fixture(scope="module")
def signal() -> Sample:
    return sample_of(made_up_setups(3000, signal=0.8))


@pytest.mark.parametrize("algorithm", ["lightgbm", "logistic_regression"])
def test_a_signal_shows_on_every_choice_of_groups_and_every_path(signal, algorithm):
    result = skill_of(signal, algorithm)
    assert [split.test_groups for split in result.splits] == list(combinations(range(6), 2))
    assert sum(split.n for split in result.splits) == 5 * (~np.isnan(signal.y["target_1"])).sum()
    assert min(split.skill for split in result.splits) > 0.03
    assert len(result.paths) == 5
    # P(hit) = logistic(0.8 z) with z normal explains 0.124 of the Brier score of its mean, in expectation.
    assert 0.05 < min(result.paths) < max(result.paths) < 0.16
    assert result == skill_of(signal, algorithm)
    assert CombinatorialSkill.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_noise_has_no_skill():
    result = skill_of(sample_of(made_up_setups(3000, signal=0.0, seed=1)), "logistic_regression")
    assert max(result.paths) < 0.005


def test_the_base_rate_has_none_by_definition(signal):
    result = skill_of(signal, "base_rate")
    assert {split.skill for split in result.splits} == {0.0}
    assert result.paths == (0.0,) * 5


class SaysHalf:
    """Fits nothing and predicts 0.5."""

    def __init__(self, *_: object) -> None: ...

    def fit(self, _: str) -> "SaysHalf":
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), 0.5)


def test_splits_and_paths_by_hand(monkeypatch):
    monkeypatch.setattr(combinatorial, "Fitter", SaysHalf)
    # Six groups of a hundred, far apart, with 10, 20 … 60 ones: no life is purged.
    hours = np.arange(600) + 1000 * np.repeat(np.arange(6), 100)
    known_at = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h"))
    ones = np.array([10, 20, 30, 40, 50, 60])
    y = np.concatenate([np.repeat([1.0, 0.0], [n, 100 - n]) for n in ones])
    sample = Sample(np.zeros((600, 1)), {"target_1": y}, known_at, known_at + EMBARGO)
    # "base_rate" is never calibrated, so that 0.5 stays.
    result = skill_of(sample, "base_rate")
    folds = list(combinations(range(6), 2))
    rates = {test: (ones.sum() - ones[list(test)].sum()) / 400 for test in folds}

    def base_error(group: int, rate: float) -> float:
        hits = ones[group] / 100
        return hits * (1 - rate) ** 2 + (1 - hits) * rate**2

    for split in result.splits:
        base = np.mean([base_error(group, rates[split.test_groups]) for group in split.test_groups])
        assert split.skill == pytest.approx(1 - 0.25 / base)
    # Groups 1 and 2 are tested without 3 to 6, which have 180 ones among 400.
    assert rates[0, 1] == 0.45
    for number, path in enumerate(result.paths):
        chosen = [[fold for fold in folds if group in fold][number] for group in range(6)]
        base = np.mean([base_error(group, rates[fold]) for group, fold in enumerate(chosen)])
        assert path == pytest.approx(1 - 0.25 / base)


def test_lives_without_end_leave_nothing_to_learn_from():
    result = skill_of(
        sample_of(made_up_setups(400, signal=0.5, life=pd.Timedelta(days=999))), "logistic_regression"
    )
    assert {split.skill for split in result.splits} == {None}
    assert result.paths == ()


def test_too_few_setups_are_said():
    result = skill_of(sample_of(made_up_setups(60, signal=0.5)), "lightgbm")
    assert (result.splits, result.paths) == ((), ())
    assert "setups with an outcome, 100 are needed" in result.reason


def test_no_more_setups_are_looked_at_than_allowed(signal):
    result = skill_of(signal, "base_rate", TrainingConfig(min_entered=100, tuning_rows=600))
    assert {split.n for split in result.splits} == {200}
