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


def judged(
    folds: list[tuple[np.ndarray, np.ndarray]], wanted: str = "auto", *, still_open: int = 0
) -> tuple[CalibrationChoice, list]:
    """The choice, and what each fold but the first was given; the last `still_open` of the one before have no end."""
    n = len(folds[0][0])
    raw, outcomes = (np.concatenate(parts) for parts in zip(*folds, strict=True))
    trial, given = CalibrationTrial(wanted), []
    for number in range(1, len(folds)):
        start = number * n
        earlier = (raw, np.arange(start - still_open))
        given.append(trial.calibrate(raw[start : start + n], np.arange(start, start + n), outcomes, earlier))
    return trial.final_choice(outcomes), given


@pytest.mark.parametrize(
    ("shape", "n", "method"),
    [("as said", 60, "none"), ("overconfident", 300, "platt"), ("a step", 3_000, "isotonic")],
)
def test_the_method_is_the_one_that_later_folds_confirm(shape, n, method):
    choice = judged(folds_of(shape, n))[0]
    assert choice.method == method
    assert f"{method} is served" in choice.reason
    assert {score.n for score in choice.scores.values()} == {3 * n}
    assert min(choice.scores, key=lambda name: choice.scores[name].brier) == method
    again = CalibrationChoice.from_dict(json.loads(json.dumps(choice.to_dict())))
    assert again == choice


def test_the_scores_by_hand():
    raw = np.array([0.5, 0.5, 0.8, 0.4, 0.1])
    outcomes = np.array([0.0, 1.0, 1.0, 0.0, np.nan])
    trial = CalibrationTrial("auto")
    # Two are too few to calibrate on: all methods leave p alone.
    p = trial.calibrate(raw[2:], np.arange(2, 5), outcomes, (raw, np.arange(2)))
    assert p.tolist() == [0.8, 0.4, 0.1]
    choice = trial.final_choice(outcomes)
    score = choice.scores["none"]
    assert (score.n, score.brier) == (2, pytest.approx((0.04 + 0.16) / 2))
    assert score.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert choice.method == "platt"  # all alike: a tie keeps the line


def test_no_fold_is_given_a_choice_that_its_own_outcomes_took_part_in():
    folds = folds_of("a step", 3_000)
    honest = judged(folds)[1]
    p, y = folds[-1]
    garbled = judged([*folds[:-1], (p, 1.0 - y)])[1]
    for before, after in zip(honest, garbled, strict=True):
        np.testing.assert_array_equal(before, after)


def test_lives_that_had_not_ended_take_no_part_in_the_choice():
    """Half of each fold is still open when the next one begins: what becomes of these is not known there."""
    n = 3_000
    folds = folds_of("a step", n)
    honest = judged(folds, still_open=n // 2)[1]
    altered = [(p, y.copy()) for p, y in folds]
    altered[-2][1][n // 2 :] = 1.0 - altered[-2][1][n // 2 :]
    after = judged(altered, still_open=n // 2)[1]
    np.testing.assert_array_equal(honest[-1], after[-1])


def test_a_configured_method_is_kept_and_still_scored():
    choice, _ = judged(folds_of("overconfident", 300), "none")
    assert choice.method == "none"
    assert choice.scores["platt"].brier < choice.scores["none"].brier


def test_before_any_fold_has_judged_the_line_is_taken():
    assert CalibrationTrial("auto").final_choice(np.array([1.0, 0.0])).method == "platt"
