import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from fvg_platform.learning.blocks import time_cells
from fvg_platform.learning.evaluation import (
    METRICS,
    calibration_curve,
    curves_of_test_period,
    evaluate,
    evaluate_test_period,
    reliability_curve,
)
from fvg_platform.learning.targets import TARGETS
from fvg_platform_tests.learning.made_up import EMBARGO, made_up_setups

HOUR = pd.Timedelta(hours=1)


def hours(n: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC")


def score(p, y, base_rate=0.5, block=HOUR, **options):
    return evaluate(np.array(p, float), np.array(y, float), base_rate, hours(len(p)), block=block, **options)


def test_scores_by_hand():
    result = score([0.8, 0.6, 0.4, 0.2], [1, 0, 1, 0], base_rate=0.25, bins=2)
    # Brier: (0.04 + 0.36 + 0.36 + 0.04) / 4. The rate 0.25 costs (0.5625 + 0.0625) / 2.
    assert result.brier.value == pytest.approx(0.2)
    assert result.skill.value == pytest.approx(1 - 0.2 / 0.3125)
    assert result.log_loss.value == pytest.approx(-(np.log(0.8) + np.log(0.4)) / 2)
    # Three of the four pairs of a 1 and a 0 are in order: only 0.4 lies below 0.6.
    assert result.auc.value == pytest.approx(0.75)
    # Halves: 0.2 and 0.4 (mean 0.3, rate 0.5), 0.6 and 0.8 (mean 0.7, rate 0.5).
    assert result.calibration_error.value == pytest.approx(0.2)
    assert (result.n, result.positives, result.excluded) == (4, 2, 0)
    assert result.mean_prediction == pytest.approx(0.5)


def test_auc_counts_ties_half_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    p = rng.integers(0, 12, 500) / 11
    y = (rng.random(500) < p).astype(float)
    assert score(p, y, block=7 * HOUR).auc.value == pytest.approx(roc_auc_score(y, p), abs=1e-12)


def test_every_interval_holds_its_value_and_is_reproducible():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.2, 0.8, 800)
    y = (rng.random(800) < p).astype(float)
    result = score(p, y, block=6 * HOUR, seed=5)
    for metric in METRICS:
        estimate = getattr(result, metric)
        assert estimate.low < estimate.value < estimate.high, metric
        assert estimate.reason is None
    assert result == score(p, y, block=6 * HOUR, seed=5)
    assert json.loads(json.dumps(result.to_dict()))["auc"]["value"] == result.auc.value


def test_rows_without_an_outcome_or_prediction_are_left_out():
    full = score([0.8, 0.6, 0.4, 0.2, 0.9, np.nan], [1, 0, 1, 0, np.nan, 1], bins=2)
    assert (full.n, full.excluded) == (4, 2)
    assert full.brier.value == pytest.approx(0.2)


def test_equal_predictions_have_no_auc_and_the_base_rate_no_skill():
    result = score([0.3] * 40, [1, 0, 0, 0] * 10, base_rate=0.3)
    assert result.auc.value is None
    assert "all predictions are 0.3000" in result.auc.reason
    assert (result.skill.value, result.skill.low, result.skill.high) == (0.0, 0.0, 0.0)
    assert result.calibration_error.value == pytest.approx(0.05)


def test_one_class_has_no_auc_but_a_brier_score():
    result = score(np.linspace(0.1, 0.5, 40), np.zeros(40), base_rate=0.0)
    assert result.auc.value is None
    assert "all 40 outcomes are 0" in result.auc.reason
    assert result.skill.value is None
    assert "no error" in result.skill.reason
    assert result.brier.low < result.brier.value < result.brier.high


def test_nothing_to_score_is_said():
    result = score([np.nan, 0.5], [1, np.nan])
    assert (result.n, result.excluded) == (0, 2)
    assert result.brier.value is None
    assert result.brier.reason == "no prediction with an outcome"


def test_without_a_base_rate_there_is_no_skill():
    assert "no base rate" in score([0.5, 0.4], [1, 0], base_rate=None).skill.reason


def test_too_short_a_time_gives_values_without_intervals():
    result = score([0.8, 0.6, 0.4, 0.2] * 5, [1, 0, 1, 0] * 5, block=5 * HOUR)
    assert result.brier.value == pytest.approx(0.2)
    assert result.brier.low is None
    assert result.brier.reason.startswith("no interval: 4 blocks of 5 hours")


def test_a_rare_class_that_vanishes_in_resamples_has_no_auc_interval():
    y = np.zeros(100)
    y[50] = 1.0
    result = score(np.linspace(0, 1, 100), y, block=4 * HOUR)
    assert result.auc.value == pytest.approx(50 / 99)
    assert result.auc.low is None
    assert "undefined in" in result.auc.reason


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([1.2, 0.5], [0, 1], "1.2 at row 0"),
        ([0.5, 0.5], [0, 0.5], "0.5 at row 1"),
        ([0.5], [0, 1], "lengths"),
    ],
)
def test_what_is_no_probability_or_outcome_is_refused(p, y, message):
    with pytest.raises(ValueError, match=message):
        evaluate(np.array(p, float), np.array(y, float), 0.5, hours(len(p)), block=HOUR)


def test_the_reliability_curve_by_hand():
    curve = reliability_curve(
        np.array([0.1, 0.2, 0.3, 0.4, 0.9, np.nan]), np.array([0, 1, 0, 1, 1, 1.0]), bins=2
    )
    assert curve["n"].tolist() == [3, 2]
    assert curve["low"].tolist() == [0.1, 0.4]
    assert curve["high"].tolist() == [0.3, 0.9]
    np.testing.assert_allclose(curve["mean_prediction"], [0.2, 0.65])
    np.testing.assert_allclose(curve["rate"], [1 / 3, 1.0])


def test_equal_predictions_share_a_group():
    curve = reliability_curve(np.array([0.2] * 9 + [0.7]), np.array([0.0] * 5 + [1.0] * 5), bins=5)
    assert curve["n"].tolist() == [9, 1]
    assert len(reliability_curve(np.array([]), np.array([]))) == 0


def test_cells_are_a_quarter_of_a_block_and_blocks_wrap_around():
    cells = time_cells(hours(97), 8 * HOUR)  # 96 hours and an instant: 49 cells of two hours
    assert (cells.n_cells, cells.run, cells.blocks) == (49, 4, 12)
    assert cells.cell[:5].tolist() == [0, 0, 1, 1, 2]
    weights = cells.weights(200, seed=0)
    assert (weights.sum(axis=1) == 13 * 4).all()
    # Every cell is equally likely, the last ones included.
    assert weights.mean(axis=0)[-3:] == pytest.approx(52 / 49, rel=0.35)


def test_intervals_cover_the_truth_where_setups_share_their_fate():
    """Outcomes come in runs of eight that are all equal; √n would cover half as often as it claims."""
    rng = np.random.default_rng(11)
    truth, naive, block = 0.25, 0, 0
    runs, trials = 60, 150
    for trial in range(trials):
        y = np.repeat((rng.random(runs) < 0.3).astype(float), 8)
        # With p = 0.5 everywhere Brier is always 0.25: take p = 0.1, expected Brier 0.3 * 0.81 + 0.7 * 0.01.
        truth = 0.3 * 0.81 + 0.7 * 0.01
        errors = (0.1 - y) ** 2
        estimate = score(np.full(y.size, 0.1), y, block=16 * HOUR, level=0.9, resamples=300, seed=trial).brier
        block += estimate.low <= truth <= estimate.high
        naive += abs(errors.mean() - truth) <= 1.645 * errors.std() / np.sqrt(y.size)
    assert 0.80 <= block / trials <= 0.97
    assert naive / trials < 0.60


def test_saying_yes_from_one_half_on_by_hand():
    # Said yes to 0.9, 0.5, 0.6; ones are 0.9, 0.6, 0.3, 0.1: two hits of three said and of four there were.
    result = score([0.9, 0.5, 0.6, 0.3, 0.1, 0.2], [1, 0, 1, 1, 1, 0])
    assert result.accuracy.value == pytest.approx(3 / 6)
    assert result.precision.value == pytest.approx(2 / 3)
    assert result.recall.value == pytest.approx(2 / 4)
    assert result.f1.value == pytest.approx(2 * 2 / (3 + 4))


def test_decisions_agree_with_scikit_learn():
    rng = np.random.default_rng(4)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    result, said = score(p, y), p >= 0.5
    assert result.accuracy.value == pytest.approx(accuracy_score(y, said), abs=1e-12)
    assert result.precision.value == pytest.approx(precision_score(y, said), abs=1e-12)
    assert result.recall.value == pytest.approx(recall_score(y, said), abs=1e-12)
    assert result.f1.value == pytest.approx(f1_score(y, said), abs=1e-12)


def test_decisions_that_are_undefined_say_why():
    never = score([0.3, 0.4] * 20, [1, 0] * 20)
    assert (never.precision.value, never.recall.value, never.f1.value) == (None, 0.0, 0.0)
    assert "no prediction reaches 0.5" in never.precision.reason
    nothing = score([0.3, 0.4] * 20, [0, 0] * 20)
    assert (nothing.recall.value, nothing.f1.value) == (None, None)
    assert "all 40 outcomes are 0" in nothing.recall.reason
    assert nothing.accuracy.value == 1.0


def test_every_metric_is_an_estimate_of_the_evaluation():
    assert METRICS == (
        "brier", "skill", "log_loss", "auc", "calibration_error", "accuracy", "precision", "recall", "f1"
    )  # fmt: skip


def test_the_calibration_curve_is_the_reliability_curve_with_intervals():
    rng = np.random.default_rng(2)
    p = rng.random(2_000)
    y = (rng.random(2_000) < p).astype(float)
    p[7], y[9] = np.nan, np.nan
    records = calibration_curve(p, y, hours(2_000), block=HOUR, bins=5)
    assert json.loads(json.dumps(records)) == records
    frame = pd.DataFrame(records)
    pd.testing.assert_frame_equal(
        frame[["low", "high", "n", "mean_prediction", "rate"]], reliability_curve(p, y, 5), check_dtype=False
    )
    assert (frame["rate_low"] < frame["rate"]).all()
    assert (frame["rate"] < frame["rate_high"]).all()
    # 400 independent outcomes a group: Wilson's interval for a rate near one half is ±0.049 wide.
    middle = frame.iloc[2]
    assert (middle["rate_high"] - middle["rate_low"]) / 2 == pytest.approx(0.049, rel=0.25)


def test_outcomes_that_share_their_fate_widen_the_calibration_curve():
    """Runs of ten equal outcomes are worth a tenth of as many: the interval is about √10 wider."""
    y = np.repeat((np.random.default_rng(3).random(200) < 0.4).astype(float), 10)
    p = np.full(2_000, 0.4)
    (shared,) = calibration_curve(p, y, hours(2_000), block=20 * HOUR)
    alone = calibration_curve(p, np.random.default_rng(0).permutation(y), hours(2_000), block=20 * HOUR)[0]
    ratio = (shared["rate_high"] - shared["rate_low"]) / (alone["rate_high"] - alone["rate_low"])
    assert 2.2 < ratio < 4.2


def test_a_group_of_equal_outcomes_has_an_interval_for_its_stretches_of_time():
    (group,) = calibration_curve(np.full(100, 0.1), np.zeros(100), hours(100), block=10 * HOUR)
    # Ten or eleven blocks without a win: Wilson's upper bound is z² / (n + z²).
    assert group["rate_low"] == 0.0
    assert 3.8415 / (12 + 3.8415) <= group["rate_high"] <= 3.8415 / (9 + 3.8415)


def test_the_calibration_curve_says_why_it_has_no_interval():
    p, y = np.array([0.2, 0.8] * 10), np.array([0.0, 1.0] * 10)
    for record in calibration_curve(p, y, hours(20), block=10 * HOUR):
        assert (record["rate_low"], record["rate_high"]) == (None, None)
        assert "2 blocks" in record["reason"]
    assert "not given" in calibration_curve(p, y)[0]["reason"]
    assert calibration_curve(np.array([np.nan]), np.array([1.0]), hours(1), block=HOUR) == []


def test_multipliers_are_alike_within_a_block_and_independent_beyond():
    cells = time_cells(hours(97), 8 * HOUR)
    draws = cells.multipliers(20_000, seed=0)
    assert draws.shape == (20_000, cells.n_cells)
    covariance = draws.T @ draws / len(draws)
    # Four cells a block: neighbours share three of four signs, and so on.
    for apart, expected in enumerate([1.0, 0.75, 0.5, 0.25, 0.0, 0.0]):
        np.testing.assert_allclose(np.diagonal(covariance, apart), expected, atol=0.05)


def test_the_test_period_is_scored_and_drawn_on_the_same_setups():
    """300 setups, the cut at the 200th, each living for 30 hours: of the last 100, 70 had ended by then."""
    setups = made_up_setups(300, signal=1.0)
    model = SimpleNamespace(
        cut=setups["known_at"].iloc[200],
        embargo=EMBARGO,
        config=SimpleNamespace(label="lo"),
        rates=dict.fromkeys(TARGETS, SimpleNamespace(rate=0.5)),
        predict=lambda rows: pd.DataFrame({f"p_{target}": 0.4 for target in TARGETS}, index=rows.index),
    )
    as_of = setups["known_at"].iloc[-1]
    scores = evaluate_test_period(model, setups, as_of)
    curves = curves_of_test_period(model, setups, as_of)
    assert set(scores) == set(curves) == set(TARGETS)
    assert scores["entered"].n == curves["entered"][0]["n"] == 70
    for target in TARGETS:
        (group,) = curves[target]
        assert group["rate"] == pytest.approx(scores[target].positives / scores[target].n)
        assert "no interval" in group["reason"]
