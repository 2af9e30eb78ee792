import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fvg_platform.learning.blocks import time_cells
from fvg_platform.learning.evaluation import METRICS, evaluate, reliability_curve

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
    assert result.brier.reason.startswith("no interval: 4 blocks of 0 days 05:00:00")


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
