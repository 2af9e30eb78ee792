import json

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.promotion import judge_challenger
from fvg_platform.learning.targets import TARGETS, WIN_TARGETS

BLOCK = pd.Timedelta(hours=10)
ODDS = {"entered": 1.0, "target_1": 0.0, "target_2": -0.7, "target_3": -1.1}


def hours(n: int) -> pd.Series:
    return pd.Series(pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"))


def made_up(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """True probabilities and what then happened; three of four are entered."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    p = pd.DataFrame({f"p_{target}": 1 / (1 + np.exp(-odds - score)) for target, odds in ODDS.items()})
    draw, entered = rng.random(n), rng.random(n)
    outcomes = pd.DataFrame({target: (draw < p[f"p_{target}"]).astype(float) for target in WIN_TARGETS})
    outcomes["entered"] = (entered < p["p_entered"]).astype(float)
    outcomes.loc[outcomes["entered"] == 0.0, list(WIN_TARGETS)] = np.nan
    return p, outcomes


def rates(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The model that knows the base rate and nothing else."""
    return pd.DataFrame(
        {f"p_{target}": np.full(len(outcomes), outcomes[target].mean()) for target in TARGETS}
    )


def judge(champion, challenger, outcomes, **options):
    known_at = hours(len(outcomes))
    return judge_challenger(
        champion, challenger, outcomes, known_at, known_at + BLOCK, **{"block": BLOCK} | options
    )


def test_the_better_model_takes_over_and_the_worse_one_does_not():
    true, outcomes = made_up(1_500)
    up, down = judge(rates(outcomes), true, outcomes), judge(true, rates(outcomes), outcomes)
    assert up.promote
    assert up.difference.high < 0.0
    assert "goes active" in up.reason
    assert not down.promote
    assert down.difference.low > 0.0
    assert "the challenger is worse" in down.reason
    for target in WIN_TARGETS:
        assert up.differences[target].value == pytest.approx(-down.differences[target].value)


def test_the_difference_by_hand():
    outcomes = pd.DataFrame(
        {"entered": 1.0, "target_1": [1.0, 0.0] * 40, "target_2": 0.0, "target_3": np.nan}, range(80)
    )
    outcomes.loc[:1, ["target_1", "target_2", "entered"]] = np.nan
    champion = pd.DataFrame({f"p_{target}": np.full(80, 0.5) for target in TARGETS})
    challenger = pd.DataFrame(
        {f"p_{target}": np.full(80, p) for target, p in zip(TARGETS, (0.5, 0.5, 0.1, 0.5), strict=True)}
    )
    verdict = judge(champion, challenger, outcomes)
    # target_1 the same; target_2 0.01 against 0.25; target_3 says nothing: the mean of the first two.
    assert verdict.n == 78
    assert verdict.differences["target_1"].value == 0.0
    assert verdict.differences["target_2"].value == pytest.approx(-0.24)
    assert "no setup" in verdict.differences["target_3"].reason
    assert verdict.difference.value == pytest.approx(-0.12)
    assert verdict.calibration["target_2"].value == pytest.approx(0.1)


def test_the_same_model_again_takes_over():
    true, outcomes = made_up(400)
    verdict = judge(true, true, outcomes)
    assert verdict.promote
    assert (verdict.difference.value, verdict.difference.low, verdict.difference.high) == (0.0, 0.0, 0.0)


def test_not_proven_worse_but_more_than_a_hair_worse_is_not_promoted():
    """Errors that swing from block to block: the interval holds 0, the mean is 5 % up."""
    true, outcomes = made_up(240, seed=2)
    rng = np.random.default_rng(0)
    shift = 0.2 * np.repeat(rng.choice([-1.0, 1.0], 24), 10)
    moved = true.add(shift, axis=0).clip(0.01, 0.99)
    verdict = judge(true, moved, outcomes)
    assert verdict.difference.low <= 0.0
    assert not verdict.promote
    assert "worse by more than 1%" in verdict.reason


def test_a_miscalibrated_challenger_stays_a_candidate_even_if_it_scores_better():
    true, outcomes = made_up(1_500)
    shifted = true.assign(p_entered=(true["p_entered"] - 0.3).clip(0.0, 1.0))
    for champion in (rates(outcomes), None):
        verdict = judge(champion, shifted, outcomes)
        assert not verdict.promote
        assert "not calibrated: entered off by" in verdict.reason
        assert verdict.calibration["entered"].low > 0.10


@pytest.mark.parametrize(("n", "block"), [(40, BLOCK), (200, 60 * pd.Timedelta(hours=1)), (0, BLOCK)])
def test_a_small_cohort_keeps_the_champion_and_lets_a_first_model_in(n, block):
    true, outcomes = made_up(n)
    verdict = judge(rates(outcomes), true, outcomes, block=block)
    assert not verdict.promote
    assert f"The champion stays: {verdict.n} setups" in verdict.reason
    assert "50 in 5 are needed" in verdict.reason
    first = judge(None, true, outcomes, block=block)
    assert first.promote
    assert "nothing could be judged yet" in first.reason


def test_a_first_model_that_is_calibrated_goes_active():
    true, outcomes = made_up(600)
    verdict = judge(None, true, outcomes)
    assert verdict.promote
    assert (verdict.difference, verdict.differences) == (None, {})
    assert verdict.n == int(outcomes["target_1"].notna().sum())


def test_without_a_block_the_median_life_is_taken_and_the_verdict_can_be_stored():
    true, outcomes = made_up(300)
    verdict = judge(rates(outcomes), true, outcomes)
    assert judge(rates(outcomes), true, outcomes, block=None) == verdict
    assert json.loads(json.dumps(verdict.to_dict()))["difference"]["low"] == verdict.difference.low


def test_only_what_both_models_predict_is_compared():
    true, outcomes = made_up(400)
    champion = rates(outcomes)
    champion.loc[:99] = np.nan
    assert judge(champion, true, outcomes).n == int(outcomes["target_1"][100:].notna().sum())


def test_what_is_no_probability_is_refused():
    true, outcomes = made_up(100)
    with pytest.raises(ValueError, match="is no probability"):
        judge(true, true + 1.0, outcomes)
    with pytest.raises(ValueError, match="lengths differ"):
        judge(true[:50], true, outcomes)


def test_two_equal_models_with_other_noise_change_places_more_often_than_not():
    """A new model as good as the old one must get in, or nothing ever does; a worse one must seldom."""
    equal = worse = 0
    for trial in range(20):
        true, outcomes = made_up(400, seed=trial)
        rng = np.random.default_rng(trial)
        one, other = (true.add(0.01 * rng.normal(size=400), axis=0).clip(0.0, 1.0) for _ in range(2))
        equal += judge(one, other, outcomes, seed=trial).promote
        worse += judge(true, rates(outcomes), outcomes, seed=trial).promote
    assert equal >= 14
    assert worse <= 1


def test_a_challenger_that_is_silent_where_the_champion_speaks_does_not_take_over():
    """Of the setups that it does judge it may be the better one."""
    true, outcomes = made_up(600)
    choosy = true.copy()
    choosy.iloc[60:] = np.nan
    verdict = judge(rates(outcomes), choosy, outcomes)
    assert not verdict.promote
    assert "of 540 of its setups the challenger says nothing" in verdict.reason
