import json
from dataclasses import replace

import lightgbm
import numpy as np
import optuna
import pandas as pd
import pytest

from fvg_platform.learning import tuning
from fvg_platform.learning.models import BoostingSettings
from fvg_platform.learning.out_of_fold import Sample, TrainingConfig
from fvg_platform.learning.tuning import Trial, tune
from fvg_platform_tests.learning.made_up import EMBARGO, made_up_setups
from fvg_platform_tests.learning.test_combinatorial import sample_of

# Far too many leaves and too little shrinkage for 1,500 setups.
WILD = BoostingSettings(leaves=60, learning_rate=0.4, l2=0.0, feature_fraction=1.0)
WILD_CONFIG = TrainingConfig(trials=6, boosting=WILD)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return sample_of(made_up_setups(2000, signal=0.6))


def coins(n: int = 1000) -> Sample:
    """Outcomes 1, 0, 1, 0 …: any constant prediction p has the log loss -(log p + log(1 - p)) / 2."""
    known_at = pd.Series(pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"))
    return Sample(np.zeros((n, 1)), {"target_1": np.arange(n) % 2.0}, known_at, known_at)


def test_tuning_leaves_wild_settings_and_says_so(sample):
    result = tune(sample, config=WILD_CONFIG, embargo=EMBARGO, seed=0)
    assert [trial.number for trial in result.trials] == list(range(6))
    first = result.trials[0]
    assert first.state == "complete"
    assert first.parameters == {name: getattr(WILD, name) for name in first.parameters}
    completed = {trial.value: trial for trial in result.trials if trial.state == "complete"}
    best = completed[min(completed)]
    assert best.value < first.value - 0.005
    assert result.settings == replace(WILD, **best.parameters)
    assert f"Trial {best.number} has the lowest log loss, {best.value:.5f}" in result.reason
    assert (result.settings.max_rounds, result.settings.patience) == (WILD.max_rounds, WILD.patience)
    for trial in completed.values():
        assert trial.value == pytest.approx(np.mean(trial.fold_values))
    assert [Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) for trial in result.trials] == list(
        result.trials
    )


def test_the_same_data_and_seed_give_the_same_trials(sample):
    config = TrainingConfig(trials=6, tuning_rows=800)
    once, again = (tune(sample, config=config, embargo=EMBARGO, seed=5) for _ in range(2))
    assert once == again
    assert tune(sample, config=config, embargo=EMBARGO, seed=6).trials != once.trials


def test_tuning_leaves_optunas_logging_as_it_was(sample, capfd):
    before = optuna.logging.get_verbosity()
    tune(sample, config=TrainingConfig(trials=1, tuning_rows=400), embargo=EMBARGO, seed=0)
    assert optuna.logging.get_verbosity() == before
    assert "study" not in capfd.readouterr().err


def says(monkeypatch, predictions: dict[int, float]) -> None:
    """Let the trial of each number predict one constant (0.5 unless told, an exception where NaN)."""
    tried: list[BoostingSettings] = []

    class Stub:
        def __init__(self, sample: Sample, *_: object) -> None:
            self.sample = sample
            self.config = TrainingConfig()

        def fit(self, _: str) -> "Stub":
            if self.config.boosting not in tried:
                tried.append(self.config.boosting)
            if np.isnan(self.constant):
                raise lightgbm.basic.LightGBMError("no")
            return self

        @property
        def constant(self) -> float:
            return predictions.get(tried.index(self.config.boosting), 0.5)

        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.full(len(x), self.constant)

    monkeypatch.setattr(tuning, "Fitter", Stub)


def test_the_configured_settings_stay_unless_another_trial_is_better(monkeypatch):
    says(monkeypatch, {2: 0.6})
    result = tune(coins(), config=TrainingConfig(trials=4), embargo=EMBARGO, seed=0)
    # Trials that are only as good change nothing. An inner fold is a fifth: 200 rows.
    assert result.settings == BoostingSettings()
    assert "No trial has a lower log loss than the configured settings, 0.69315 (4 trials" in result.reason
    assert [trial.value for trial in result.trials] == pytest.approx(
        [np.log(2), np.log(2), -(np.log(0.6) + np.log(0.4)) / 2, np.log(2)]
    )
    assert [len(trial.fold_values) for trial in result.trials] == [3] * 4


def test_a_trial_worse_than_the_median_is_cut_short(monkeypatch):
    says(monkeypatch, {0: 0.6, 5: 0.9})
    result = tune(coins(), config=TrainingConfig(trials=7), embargo=EMBARGO, seed=0)
    assert [trial.state for trial in result.trials] == ["complete"] * 5 + ["pruned", "complete"]
    assert result.trials[5].value is None
    assert result.trials[5].fold_values == pytest.approx([-(np.log(0.9) + np.log(0.1)) / 2])
    assert "Trial 1 has the lowest log loss, 0.69315, 0.71356 with the configured settings" in result.reason
    assert "(7 trials, 1 cut short, 0 failed)" in result.reason


def test_a_trial_that_fails_is_recorded_and_the_others_go_on(monkeypatch):
    says(monkeypatch, {0: 0.6, 1: float("nan")})
    result = tune(coins(), config=TrainingConfig(trials=3), embargo=EMBARGO, seed=0)
    assert [trial.state for trial in result.trials] == ["complete", "failed", "complete"]
    assert (result.trials[1].value, result.trials[1].error) == (None, "fold 1: no")
    assert result.settings == replace(BoostingSettings(), **result.trials[2].parameters)


def test_without_a_completed_trial_the_configured_settings_stay(monkeypatch):
    says(monkeypatch, dict.fromkeys(range(2), float("nan")))
    result = tune(coins(), config=TrainingConfig(trials=2), embargo=EMBARGO, seed=0)
    assert result.settings == BoostingSettings()
    assert "No trial completed (2 trials, 0 cut short, 2 failed)" in result.reason


def test_what_cannot_be_tuned_keeps_the_configured_settings_and_says_why():
    one_class = replace(coins(), y={"target_1": np.ones(1000)})
    endless = replace(coins(), life_end=coins().life_end + pd.Timedelta(days=999))
    few = coins(150)
    cases = [
        (coins(), TrainingConfig(trials=0), "the budget is 0 trials"),
        (few, WILD_CONFIG, "150 entered setups with an outcome, 200 are needed"),
        (one_class, WILD_CONFIG, "0 of 3 inner folds"),
        (endless, WILD_CONFIG, "0 of 3 inner folds"),
    ]
    for given, config, why in cases:
        result = tune(given, config=config, embargo=EMBARGO, seed=0)
        assert result.settings == config.boosting
        assert result.trials == ()
        assert why in result.reason


def test_rows_without_an_outcome_change_nothing(sample):
    config = TrainingConfig(trials=2)
    told = ~np.isnan(sample.y["target_1"])
    only = Sample(
        sample.x[told],
        {target: y[told] for target, y in sample.y.items()},
        sample.known_at[told],
        sample.life_end[told],
    )
    assert (
        tune(sample, config=config, embargo=EMBARGO, seed=0).trials
        == tune(only, config=config, embargo=EMBARGO, seed=0).trials
    )
