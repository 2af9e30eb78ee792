import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning import fitting, model_bytes
from fvg_platform.learning.evaluation import evaluate_test_period
from fvg_platform.learning.feature_matrix import FeatureSetError
from fvg_platform.learning.out_of_fold import TrainingConfig
from fvg_platform.learning.trained_model import (
    INTERVAL_COLUMNS,
    PREDICTION_COLUMNS,
    ModelCorruptedError,
    ModelFormatError,
    TrainedModel,
)
from fvg_platform.learning.training import train
from fvg_platform_tests.learning.made_up import EMBARGO, FEATURES, made_up_setups, with_trades

WINS = ["p_target_1", "p_target_2", "p_target_3"]


def cut_of(setups: pd.DataFrame, share: float = 0.7) -> pd.Timestamp:
    return setups["known_at"].sort_values().iloc[int(share * len(setups))]


def trained(setups: pd.DataFrame, **options) -> TrainedModel:
    options = {
        "timeframe": "1h",
        "cut": cut_of(setups),
        "embargo": EMBARGO,
        "seed": 1,
        "config": TrainingConfig(trials=0),
    } | options
    return train(setups, FEATURES, **options)


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    return made_up_setups(2_500, signal=1.3, seed=2)


@pytest.fixture(scope="module")
def model(real) -> TrainedModel:
    return trained(real)


@pytest.fixture(scope="module")
def crooked() -> pd.DataFrame:
    return with_trades(made_up_setups(2_500, signal=0.0, interaction=1.6, seed=5), holding=0.6)


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
    assert list(predicted.columns) == [*PREDICTION_COLUMNS, *INTERVAL_COLUMNS, "bars_to_exit"]
    assert ("p_entered", *WINS) == PREDICTION_COLUMNS
    assert predicted.index.equals(frame.index)
    said = predicted.drop(columns="bars_to_exit")
    assert (said >= 0.0).all(axis=None) and (said <= 1.0).all(axis=None)
    for ending in ("", "_low", "_high"):
        wins = predicted[[f"{name}{ending}" for name in WINS]]
        assert (wins.diff(axis=1).iloc[:, 1:] <= 0.0).all(axis=None)
    for name in PREDICTION_COLUMNS:
        assert (predicted[f"{name}_low"] <= predicted[name]).all()
        assert (predicted[f"{name}_high"] >= predicted[name]).all()
    width = predicted["p_target_1_high"] - predicted["p_target_1_low"]
    assert (width > 0.0).all() and width.median() < 0.25
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
    logistic = next(s for s in model.tried if (s.algorithm, s.target) == ("logistic_regression", "target_1"))
    assert 0 < logistic.skill.low < logistic.skill.value < logistic.skill.high
    # Over all folds together it lies among the folds' own skills.
    folds = model.walk_forward.query("target == 'target_1'")["skill"]
    assert folds.min() <= logistic.skill.value <= folds.max()
    assert TrainedModel.from_json(model.to_json()).tried == model.tried


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
    # No model is served, but what the algorithms did on the folds is no secret: here the signal is strong.
    skills = {skill.algorithm: skill.skill for skill in model.tried if skill.target == "target_1"}
    assert set(skills) == {"logistic_regression", "lightgbm"}
    assert skills["logistic_regression"].value > 0.1
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
    high = trained(kinder, cut=real["known_at"].max(), config=TrainingConfig(label="hi", trials=0))
    assert low.rates["target_1"].rate < high.rates["target_1"].rate == 1.0


def test_what_cannot_be_trained_on_is_refused_by_name(real):
    with pytest.raises(ValueError, match="no feature names"):
        train(real, [], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)
    with pytest.raises(ValueError, match="repeated: feature_0"):
        train(real, ["feature_0", "feature_0"], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)
    with pytest.raises(ValueError, match="1 of 1 features are missing: 'feature_9'"):
        train(real, ["feature_9"], timeframe="1h", cut=cut_of(real), embargo=EMBARGO)


def test_the_bytes_say_what_they_were_trained_with(model):
    stored = json.loads(model.to_json())["model"]
    assert stored["config"] == dataclasses.asdict(model.config)
    assert stored["feature_names"] == list(FEATURES)
    assert stored["cut"] == model.cut.isoformat()


def test_tuning_sees_nothing_of_the_folds_that_algorithms_are_compared_on(crooked, monkeypatch):
    seen = []

    def watched(sample, **options):
        seen.append(sample)
        return tune(sample, **options)

    tune = fitting.tune
    monkeypatch.setattr(fitting, "tune", watched)
    model = trained(crooked, config=TrainingConfig(trials=3))
    second = model.walk_forward[
        "first"
    ].min()  # fold 0 calibrates only, so the first judged one is the second
    assert (seen[0].life_end + EMBARGO < second).all()
    assert len(seen[0].x) > 400
    assert [trial.number for trial in model.trials] == [0, 1, 2]
    assert model.trials[0].parameters.items() <= dataclasses.asdict(TrainingConfig().boosting).items()
    chosen = min((t for t in model.trials if t.value is not None), key=lambda t: (t.value, t.number))
    assert chosen.parameters.items() <= dataclasses.asdict(model.config.boosting).items()
    assert model.tuning_reason
    again = TrainedModel.from_json(model.to_json())
    assert (again.trials, again.tuning_reason) == (model.trials, model.tuning_reason)
    # Base rate, line and trees; two further trials; the further thresholds.
    assert model.trial_count == 3 + 2 + len(model.threshold.candidates) - 1


def test_skill_over_time_is_that_of_the_served_algorithm(boosted):
    walk = boosted.walk_forward
    assert set(walk["target"]) == {"entered", "target_1", "target_2", "target_3"}
    first = walk[walk["target"] == "target_1"].set_index("fold")
    assert list(first.index) == [1, 2, 3]
    assert (first["first"].iloc[1:].to_numpy() > first["last"].iloc[:-1].to_numpy()).all()
    assert first["last"].max() <= boosted.trained_to
    scores = boosted.fold_scores.query("target == 'target_1'").set_index(["algorithm", "fold"])["brier"]
    expected = 1.0 - scores["lightgbm"] / scores["base_rate"]
    np.testing.assert_allclose(first["skill"], expected)
    records = boosted.walk_forward_records()
    assert json.loads(json.dumps(records)) == records and len(records) == len(walk)
    assert boosted.combinatorial_record()["paths"] == list(boosted.combinatorial.paths)
    assert len(boosted.combinatorial.paths) == 5
    assert min(boosted.combinatorial.paths) > 0.0


def test_the_calibration_is_recorded_with_what_every_method_scored(boosted):
    record = boosted.calibration_record()
    assert set(record) == set(boosted.classifiers)
    assert record["entered"] == {"method": "none", "reason": "A base rate is not calibrated.", "scores": {}}
    assert set(record["target_1"]["scores"]) == {"none", "platt", "isotonic"}
    assert json.loads(json.dumps(record)) == record


def test_a_planted_edge_gives_a_threshold_and_noise_gives_none(boosted, crooked):
    assert boosted.threshold.value is not None
    acted = crooked[crooked["known_at"] >= boosted.cut]
    p = boosted.predict(acted)["p_target_1"].to_numpy()
    above = acted["r_1_lo"].to_numpy()[p >= boosted.threshold.value]
    assert np.nanmean(above) > 0.2 > np.nanmean(acted["r_1_lo"])
    noise = trained(with_trades(made_up_setups(1_000, signal=0.0, seed=3)))
    assert noise.threshold.value is None and noise.threshold.reason


def test_holding_times_come_with_the_probabilities(boosted, crooked):
    assert boosted.holding.trees is not None
    bars = boosted.predict(crooked)["bars_to_exit"]
    long = crooked["feature_3"] > 1.0
    assert bars[long].mean() > 2.0 * bars[crooked["feature_3"] < -1.0].mean()


def test_without_r_and_bars_there_is_no_threshold_and_no_holding_time(model, real):
    assert model.threshold.value is None
    assert "no column r_1_lo" in model.threshold.reason
    assert "no column bars_to_exit_1" in model.holding.reason
    assert model.predict(real)["bars_to_exit"].isna().all()


def test_reasons_add_up_and_name_the_features_that_matter(boosted, model, crooked, real):
    for fitted, frame, strongest in ((boosted, crooked, "feature_2"), (model, real, "feature_0")):
        parts = fitted.explain(frame.tail(50), "target_1")
        assert list(parts.columns) == [*FEATURES, "expected"]
        assert parts.index.equals(frame.index[-50:])
        raw = fitted.classifiers["target_1"].predict(frame.tail(50)[list(FEATURES)].to_numpy())
        np.testing.assert_allclose(parts.sum(axis=1), np.log(raw / (1 - raw)), atol=1e-9)
        assert strongest in fitted.contributions["target_1"].nlargest(2).index
        assert (fitted.contributions >= 0.0).all(axis=None)
    with pytest.raises(ValueError, match="unknown target 'target_9'"):
        model.explain(real, "target_9")
    with pytest.raises(FeatureSetError, match="'feature_5'"):
        model.explain(real.drop(columns="feature_5"))
    with pytest.raises(FeatureSetError, match="'feature_5'"):
        model.predict(real.drop(columns="feature_5"))


def test_features_that_say_nothing_are_noted_and_change_nothing_else(real):
    dull = real.assign(constant=3.0, absent=np.nan, flag=np.where(np.arange(len(real)) % 9, np.nan, 1.0))
    model = train(
        dull.head(900),
        (*FEATURES, "constant", "absent", "flag"),
        timeframe="1h",
        cut=real["known_at"].iloc[800],
        embargo=EMBARGO,
        config=TrainingConfig(trials=0),
    )
    (note,) = model.notes
    assert note.startswith("2 of 9 features say nothing") and "'constant', 'absent'" in note
    weights = model.importances["target_1"]
    assert weights[["constant", "absent"]].tolist() == [0.0, 0.0]
    assert model.predict(dull)["p_target_1"].notna().all()


def test_nothing_but_silent_features_serve_the_base_rate(real):
    dull = real.head(700).assign(**dict.fromkeys(FEATURES, np.nan))
    model = trained(dull, cut=real["known_at"].iloc[650])
    assert model.algorithm == model.entry_algorithm == "base_rate"
    assert model.reason is None and "6 of 6 features say nothing" in model.notes[0]


@pytest.mark.parametrize(
    ("other", "way_out"), [(1, "train the model again"), (3, "newer version of the platform wrote it")]
)
def test_another_format_is_refused_with_both_numbers(model, other, way_out):
    content = json.loads(model.to_json())["model"] | {"format": other}
    with pytest.raises(ModelFormatError, match=rf"has format {other}, this code reads format 2.*{way_out}"):
        TrainedModel.from_json(model_bytes.wrap(content))
    assert issubclass(ModelFormatError, ModelCorruptedError)
