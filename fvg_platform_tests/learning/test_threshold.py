import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.threshold import MIN_ACTED, Threshold, choose_threshold


def lives(n: int, hours: int) -> tuple[pd.Series, pd.Series]:
    """One setup an hour, each living for some hours."""
    known_at = pd.Series(pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"))
    return known_at, known_at + pd.Timedelta(hours=hours)


def honest_edge(n: int = 2_000, seed: int = 0):
    """p is true, and a win pays as much as a loss costs: acting earns 2p - 1 on average."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.3, 0.7, n)
    return p, np.where(rng.random(n) < p, 1.0, -1.0)


def test_the_candidates_by_hand():
    # Twenty trades a level; the 40 higher ones win three of four, the 20 lower ones lose.
    p = np.tile([0.2, 0.5, 0.6], 20)
    r = np.where(p > 0.4, np.where(np.arange(60) % 4 == 0, -1.0, 2.0), -1.0)
    found = choose_threshold(p, r, *lives(60, 4), seed=0)
    # 0.6 alone would leave 20 trades: too few.
    assert [candidate.value for candidate in found.candidates] == [0.0, 0.5]
    everything, upper = found.candidates
    assert (everything.n, upper.n) == (60, 40)
    assert (everything.blocks, upper.blocks) == (15, 15)
    assert everything.mean_r == pytest.approx((30 * 2 - 30) / 60)
    assert upper.mean_r == pytest.approx((30 * 2 - 10) / 40)
    assert upper.sharpe == pytest.approx(1.25 / np.sqrt((30 * 0.75**2 + 10 * 2.25**2) / 39))
    assert found.value == 0.5


def test_an_edge_is_found_and_only_its_good_part_is_acted_on():
    p, r = honest_edge()
    found = choose_threshold(p, r, *lives(p.size, 10), seed=0)
    assert 0.5 <= found.value <= 0.7
    chosen = next(candidate for candidate in found.candidates if candidate.value == found.value)
    assert 0.0 < chosen.corrected_low < chosen.low < chosen.mean_r
    assert f"{chosen.n} trades" in found.reason
    assert found == choose_threshold(p, r, *lives(p.size, 10), seed=0)


def test_where_every_trade_earns_everything_is_acted_on():
    rng = np.random.default_rng(0)
    r = np.where(rng.random(1_000) < 0.7, 1.0, -1.0)
    assert choose_threshold(np.full(1_000, 0.7), r, *lives(1_000, 10), seed=0).value == 0.0


@pytest.mark.parametrize("shared", [1, 20])
def test_on_noise_it_acts_in_no_more_than_one_case_in_twenty(shared):
    """Trades on their own, and trades of a whole life that all end alike, with predictions as alike."""
    acted, trials = 0, 200
    known_at, life_end = lives(600, 20)
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        alike = np.repeat(rng.normal(size=600 // shared), shared)
        p = 1.0 / (1.0 + np.exp(-alike - 0.3 * rng.normal(size=600)))
        r = np.repeat(rng.choice([-1.0, 1.0], 600 // shared), shared)
        acted += choose_threshold(p, r, known_at, life_end, seed=trial).value is not None
    assert acted <= 0.05 * trials


def test_a_few_lucky_lives_are_not_certainty():
    """Six lives that all won have no spread at all, yet a coin does that once in 64 times."""
    found = choose_threshold(np.full(120, 0.6), np.ones(120), *lives(120, 20), seed=0)
    assert found.candidates[0].mean_r == 1.0
    assert found.candidates[0].sharpe is None
    assert found.candidates[0].low < 0.3


def test_losses_not_seen_yet_are_allowed_for():
    """The 40 highest have all won a little; one in seven loses a lot, as the others show."""
    rng = np.random.default_rng(3)
    p = np.concatenate([np.full(40, 0.9), rng.uniform(0.1, 0.5, 560)])
    r = np.concatenate([np.full(40, 0.15), np.where(rng.random(560) < 1 / 7, -1.0, 0.15)])
    order = rng.permutation(600)
    found = choose_threshold(p[order], r[order], *lives(600, 5), seed=0)
    top = next(candidate for candidate in found.candidates if candidate.n == 40)
    # All trades have a spread of 0.40: 1.645 · 0.40 / √40 = 0.105, were their mean not a little above 0.
    assert top.mean_r - top.low == pytest.approx(1.645 * np.sqrt((r**2).mean() / 40), rel=0.12)
    assert top.sharpe is None


def test_what_is_too_few_is_said():
    known_at, life_end = lives(100, 30)
    p, r = honest_edge(100)
    assert "100 trades in 4 separate lives" in choose_threshold(p, r, known_at, life_end, seed=0).reason
    r[: -MIN_ACTED + 1] = np.nan
    few = choose_threshold(p, r, *lives(100, 2), seed=0)
    assert (few.value, few.candidates) == (None, ())
    assert "29 trades" in few.reason
    nothing = choose_threshold(p, np.full(100, np.nan), known_at, life_end, seed=0)
    assert nothing.value is None
    assert "No out-of-fold prediction" in nothing.reason


def test_rows_without_a_prediction_or_a_trade_play_no_part():
    p, r = honest_edge(400)
    known_at, life_end = lives(400, 5)
    holed_p, holed_r = np.insert(p, 200, [np.nan, 0.99]), np.insert(r, 200, [9.0, np.nan])
    later = [
        pd.concat([times[:200], times[199:201], times[200:]], ignore_index=True)
        for times in (known_at, life_end)
    ]
    assert choose_threshold(holed_p, holed_r, *later, seed=1) == choose_threshold(
        p, r, known_at, life_end, seed=1
    )


def test_it_survives_being_stored():
    p, r = honest_edge(500)
    found = choose_threshold(p, r, *lives(500, 5), seed=0)
    assert Threshold.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert Threshold.from_dict(Threshold(None, "too few").to_dict()) == Threshold(None, "too few")


@pytest.mark.parametrize(
    ("p", "r", "message"),
    [
        ([1.5, 0.5], [0, 0], "1.5 at row 0"),
        ([0.5, 0.5], [0, np.inf], "row 1 is inf"),
        ([0.5], [0, 0], "lengths"),
    ],
)
def test_bad_numbers_are_refused(p, r, message):
    with pytest.raises(ValueError, match=message):
        choose_threshold(np.array(p), np.array(r, float), *lives(2, 1), seed=0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(0, 300),
    levels=st.integers(1, 30),
    life=st.integers(1, 40),
    mean=st.floats(-1, 1),
)
def test_thresholds_rise_trades_fall_and_every_rule_is_kept(seed, n, levels, life, mean):
    rng = np.random.default_rng(seed)
    p, r = rng.integers(0, levels, n) / levels, rng.normal(mean, 1.0, n)
    order = rng.permutation(n)
    known_at, life_end = lives(n, life)
    found = choose_threshold(p, r, known_at, life_end, seed=seed)
    for lower, higher in pairwise(found.candidates):
        assert lower.value < higher.value
        assert lower.n > higher.n
    for candidate in found.candidates:
        assert candidate.n == (p >= candidate.value).sum() >= 30
        assert candidate.blocks >= 5
        assert candidate.corrected_low <= candidate.low <= candidate.mean_r
    best = max((candidate.corrected_low for candidate in found.candidates), default=-1.0)
    assert (found.value is not None) == (best > 0.0)
    shuffled = choose_threshold(p[order], r[order], known_at.iloc[order], life_end.iloc[order], seed=seed)
    assert shuffled.value == found.value
