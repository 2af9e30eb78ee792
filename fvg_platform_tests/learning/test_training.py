import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.evaluation import evaluate_test_period
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.trained_model import ModelCorruptedError, TrainedModel
from fvg_platform.learning.training import train
from fvg_platform_tests.learning.made_up import EMBARGO, FEATURES, made_up_setups

WINS = ["p_target_1", "p_target_2", "p_target_3"]


def cut_of(setups: pd.DataFrame, share: float = 0.7) -> pd.Timestamp:
    return setups["known_at"].sort_values().iloc[int(share * len(setups))]


def trained(setups: pd.DataFrame, **options) -> TrainedModel:
    options = {"timeframe": "1h", "cut": cut_of(setups), "embargo": EMBARGO, "seed": 1} | options
    return train(setups, FEATURES, **options)


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return made_up_setups(2_500, signal=1.3, seed=2)


@pytest.fixture(scope="module")
def model(real) -> TrainedModel:
    return trained(real)


@pytest.fixture(scope="module")
def crooked() -> pd.DataFrame:
    return made_up_setups(2_500, signal=0.0, interaction=1.6, seed=5)


@pytest.fixture(scope="module")
def boosted(crooked) -> TrainedModel:
    return trained(crooked)


def test_a_real_signal_is_found_and_its_skill_lies_above_zero(real, model):
    assert model.algorithm == "logistic_regression"  # the signal is a straight line: the simpler one suffices
    assert model.reason is None
    scores = evaluate_test_period(model, real, real["life_end"].max())
    for target in ("target_1", "target_2", "target_3"):
        assert scores[target].skill.low > 0.0
        assert scores[target].auc.low > 0.6
        assert scores[target].calibration_error.value < 0.1
    assert scores["entered"].skill.low <= 0.0  # entering is a coin toss here
    assert scores["target_1"].base_rate == model.rates["target_1"].rate


def test_what_no_line_can_see_is_served_by_trees(crooked, boosted):
    assert boosted.algorithm == "lightgbm"
    scores = evaluate_test_period(boosted, crooked, crooked["life_end"].max())
    assert scores["target_1"].skill.low > 0.0
    top = boosted.importances["target_1"].sort_values(ascending=False)
    assert set(top.index[:2]) == {"feature_1", "feature_2"}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_served_by_the_base_rate_or_without_skill(seed):
    setups = made_up_setups(1_500, signal=0.0, seed=seed)
    model = trained(setups)
    skill = evaluate_test_period(model, setups, setups["life_end"].max())["target_1"].skill
    assert model.algorithm == "base_rate" or skill.low <= 0.0 <= skill.high
    assert "is served" in model.choice


def test_only_what_ended_before_the_cut_is_trained_on(real, model):
    cut = cut_of(real)
    ended = real["life_end"] + EMBARGO < cut
    assert model.parts == {
        "train": int(ended.sum()),
        "purged": int((~ended & (real["known_at"] < cut)).sum()),
        "test": int((real["known_at"] >= cut).sum()),
    }
    entered = real[ended & (real["status"] == "entered")]
    assert model.trained_on == len(entered)
    assert model.rates["target_2"].rate == pytest.approx((entered["outcome_2_lo"] == "target").mean())
    assert model.rates["entered"].n == int(ended.sum())
    assert model.trained_to + pd.Timedelta(hours=30) + EMBARGO < cut


def test_the_test_period_plays_no_part(real, model):
    garbled = real.copy()
    late = garbled["life_end"] + EMBARGO >= cut_of(real)
    garbled.loc[late, list(FEATURES)] = 1e6
    garbled.loc[late, "outcome_1_lo"] = "stop"
    assert trained(garbled, cut=cut_of(real)).to_json() == model.to_json()


@pytest.mark.parametrize("name", ["model", "boosted"])
def test_probabilities_fall_with_the_distance_of_the_target(name, request, real):
    frame = real.copy()
    frame.loc[frame.index[:50], list(FEATURES)] = np.nan
    predicted = request.getfixturevalue(name).predict(frame)
    assert list(predicted.columns) == ["p_entered", *WINS]
    assert predicted.index.equals(frame.index)
    assert (predicted >= 0.0).all(axis=None) and (predicted <= 1.0).all(axis=None)
    assert (predicted[WINS].diff(axis=1).iloc[:, 1:] <= 0.0).all(axis=None)
    assert predicted["p_target_1"].nunique() > 10


@pytest.mark.parametrize("name", ["model", "boosted"])
def test_bytes_give_back_the_same_model(name, request, real):
    model = request.getfixturevalue(name)
    stored = model.to_json()
    again = TrainedModel.from_json(stored, sha256=model.sha256)
    pd.testing.assert_frame_equal(again.predict(real), model.predict(real), check_exact=True)
    assert again.to_json() == stored
    assert (again.cut, again.embargo, again.config) == (model.cut, model.embargo, model.config)
    pd.testing.assert_frame_equal(again.fold_scores, model.fold_scores)
    pd.testing.assert_frame_equal(again.importances, model.importances)


def test_same_data_same_bytes_whatever_the_order_of_rows(crooked, boosted):
    shuffled = crooked.sample(frac=1.0, random_state=3)
    assert trained(shuffled, cut=cut_of(crooked)).to_json() == boosted.to_json()
    assert trained(crooked, seed=2).to_json() != boosted.to_json()


def test_tampered_bytes_are_refused(model):
    stored = model.to_json()
    with pytest.raises(ModelCorruptedError, match="changed after training"):
        TrainedModel.from_json(stored.replace(b'"seed":1', b'"seed":2'))
    with pytest.raises(ModelCorruptedError, match="expected to have 00ff"):
        TrainedModel.from_json(stored, sha256="00ff")
    for broken in (stored[:-10], b"", b"[]", b"{}"):
        with pytest.raises(ModelCorruptedError, match="not a stored model"):
            TrainedModel.from_json(broken)


def test_scores_of_every_algorithm_stand_beside_the_choice(model):
    scores = model.fold_scores
    assert set(scores["algorithm"]) == {"base_rate", "logistic_regression", "lightgbm"}
    assert set(scores["fold"]) == {1, 2, 3}  # fold 0 calibrates only
    per_algorithm = scores.groupby("algorithm")["n"].sum()
    assert len(set(per_algorithm)) == 1  # all are scored on the same setups
    assert "logistic_regression is served" in model.choice


def test_fewer_than_200_entered_serve_the_flagged_base_rate():
    setups = made_up_setups(500, signal=2.0)
    entered = (setups["status"] == "entered").cumsum()
    enough = setups[(entered <= 200).to_numpy()]
    late = enough["known_at"].max() + pd.Timedelta(days=30)
    assert trained(enough, cut=late).reason is None

    few = setups[(entered <= 199).to_numpy()]
    model = trained(few, cut=late)
    assert model.reason == (
        "No model: 199 entered training setups with an outcome, 200 are needed; the pooled base rate is served."
    )
    assert (model.algorithm, model.entry_algorithm) == ("base_rate", "base_rate")
    rate = (few.loc[few["status"] == "entered", "outcome_1_lo"] == "target").mean()
    np.testing.assert_allclose(model.predict(few)["p_target_1"], rate)
    assert model.importances.empty
    assert model.fold_scores.empty
    again = TrainedModel.from_json(model.to_json())
    pd.testing.assert_frame_equal(again.predict(few), model.predict(few), check_exact=True)


def test_before_any_setup_has_ended_nothing_is_claimed():
    setups = made_up_setups(100, signal=1.0)
    model = trained(setups, cut=setups["known_at"].iloc[10])  # all ten lives reach the cut
    assert model.parts == {"train": 0, "purged": 10, "test": 90}
    assert model.reason.startswith("No model: 0 entered")
    assert model.predict(setups).isna().all(axis=None)
    scores = evaluate_test_period(TrainedModel.from_json(model.to_json()), setups, setups["life_end"].max())
    assert scores["target_1"].skill.value is None


def test_lives_too_long_for_folds_serve_the_flagged_base_rate():
    setups = made_up_setups(600, signal=1.0, life=pd.Timedelta(hours=590))
    model = trained(setups, cut=setups["life_end"].max() + pd.Timedelta(days=2))
    assert model.reason.startswith("No model: lives are so long that 0 of 4 folds")


def test_folds_that_span_too_few_lives_tell_no_gain_from_noise():
    setups = made_up_setups(1_000, signal=1.5, life=pd.Timedelta(hours=150))
    model = trained(setups, cut=setups["life_end"].max() + pd.Timedelta(days=2))
    assert model.reason is None
    assert model.algorithm == "base_rate"
    assert "too few to tell a gain from noise" in model.choice


def test_one_class_only_is_predicted_as_such():
    setups = made_up_setups(1_000, signal=0.0).assign(status="entered")
    for k in (1, 2, 3):
        setups[f"outcome_{k}_lo"] = setups[f"outcome_{k}_hi"] = "stop"
    model = trained(setups)
    assert model.algorithm == model.entry_algorithm == "base_rate"
    predicted = model.predict(setups)
    assert (predicted[WINS] == 0.0).all(axis=None)
    assert (predicted["p_entered"] == 1.0).all()
    scores = evaluate_test_period(model, setups, setups["life_end"].max())
    assert "all" in scores["target_1"].auc.reason


def test_evaluation_waits_for_whole_lives(real, model):
    as_of = real["known_at"].max()  # the last thirty setups' lives are still running
    scores = evaluate_test_period(model, real, as_of)
    everything = evaluate_test_period(model, real, real["life_end"].max())
    assert everything["entered"].n - scores["entered"].n == 30


def test_labels_can_be_the_better_case(real):
    kinder = real.copy()
    kinder["outcome_1_hi"] = kinder["outcome_1_hi"].where(kinder["outcome_1_hi"].isna(), "target")
    kinder = kinder[kinder["known_at"] < kinder["known_at"].iloc[250]]
    low = trained(kinder, cut=real["known_at"].max())
    high = trained(kinder, cut=real["known_at"].max(), config=TrainingConfig(label="hi"))
    assert low.rates["target_1"].rate < high.rates["target_1"].rate == 1.0


def test_what_cannot_be_trained_on_is_refused_by_name(real):
    with pytest.raises(ValueError, match="no feature names"):
        train(real, [], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)
    with pytest.raises(ValueError, match="repeated: feature_0"):
        train(real, ["feature_0", "feature_0"], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)
    with pytest.raises(ValueError, match="first is 'feature_9'"):
        train(real, ["feature_9"], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)


def test_the_bytes_say_what_they_were_trained_with(model):
    stored = json.loads(model.to_json())["model"]
    assert stored["config"] == dataclasses.asdict(model.config)
    assert stored["feature_names"] == list(FEATURES)
    assert stored["cut"] == model.cut.isoformat()
