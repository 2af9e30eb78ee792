import json

import numpy as np
import pytest

from fvg_platform.learning.calibration_choice import CalibrationChoice, CalibrationTrial
from fvg_platform.learning.log_odds import logistic


def folds_of(shape: str, n: int, number: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, size=(number, n))
    odds = np.log(p / (1 - p))
    true = {
        "as said": p,
        "overconfident": logistic(0.3 * odds - 0.5),
        "a step": np.where(p > 0.8, 0.8, 0.3),
    }[shape]
    return list(zip(p, (rng.random((number, n)) < true).astype(float), strict=True))


def judged(folds: list[tuple[np.ndarray, np.ndarray]], wanted: str = "auto") -> tuple[CalibrationTrial, list]:
    trial, given = CalibrationTrial(wanted), []
    for number in range(1, len(folds)):
        earlier = tuple(np.concatenate(parts) for parts in zip(*folds[:number], strict=True))
        given.append(trial.calibrate(earlier, folds[number]))
    return trial, given


@pytest.mark.parametrize(
    ("shape", "n", "method"),
    [("as said", 60, "none"), ("overconfident", 300, "platt"), ("a step", 3_000, "isotonic")],
)
def test_the_method_is_the_one_that_later_folds_confirm(shape, n, method):
    choice = judged(folds_of(shape, n))[0].choice
    assert choice.method == method
    assert f"{method} is served" in choice.reason
    assert {score.n for score in choice.scores.values()} == {3 * n}
    assert min(choice.scores, key=lambda name: choice.scores[name].brier) == method
    again = CalibrationChoice.from_dict(json.loads(json.dumps(choice.to_dict())))
    assert again == choice


def test_the_scores_by_hand():
    earlier = (
        np.array([0.5, 0.5]),
        np.array([0.0, 1.0]),
    )  # too few to calibrate on: all methods leave p alone
    trial = CalibrationTrial("auto")
    p = trial.calibrate(earlier, (np.array([0.8, 0.4, 0.1]), np.array([1.0, 0.0, np.nan])))
    assert p.tolist() == [0.8, 0.4, 0.1]
    score = trial.choice.scores["none"]
    assert (score.n, score.brier) == (2, pytest.approx((0.04 + 0.16) / 2))
    assert score.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert trial.choice.method == "platt"  # all alike: a tie keeps the line


def test_no_fold_is_given_a_choice_that_its_own_outcomes_took_part_in():
    folds = folds_of("a step", 3_000)
    honest = judged(folds)[1]
    p, y = folds[-1]
    garbled = judged([*folds[:-1], (p, 1.0 - y)])[1]
    for before, after in zip(honest, garbled, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_configured_method_is_kept_and_still_scored():
    trial, _ = judged(folds_of("overconfident", 300), "none")
    assert trial.choice.method == "none"
    assert trial.choice.scores["platt"].brier < trial.choice.scores["none"].brier


def test_before_any_fold_has_judged_the_line_is_taken():
    assert CalibrationTrial("auto").choice.method == "platt"
