from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.splits import (
    assign_parts,
    combinatorial_folds,
    cut_time,
    holdout_tail,
    horizon_passed,
    overlaps,
    purged_folds,
    thin_evenly,
)

DAY = pd.Timedelta(days=1)


def day(number: float) -> pd.Timestamp:
    return pd.Timestamp("2024-01-01", tz="UTC") + (number - 1) * DAY


def days(*numbers: float) -> pd.Series:
    return pd.Series([day(number) for number in numbers])


def test_the_cut_is_at_70_percent_of_the_distinct_times_over_all_tickers():
    one = pd.DatetimeIndex(days(1, 2, 3, 4, 5, 6))
    other = pd.DatetimeIndex(days(10, 9, 8, 7, 6, 5))
    assert cut_time([one, other]) == day(8)  # days 1..7 are seven of ten


def test_the_cut_loses_no_bar_to_rounding():
    hundred = pd.date_range(day(1), periods=100, freq="D")
    assert cut_time([hundred], share=0.29) == day(30)  # 0.29 * 100 is 28.999999999999996


def test_the_cut_compares_instants_not_clocks():
    new_york = pd.date_range(day(1), periods=10, freq="D").tz_convert("America/New_York")
    assert cut_time([new_york, pd.date_range(day(1), periods=10, freq="D")]) == day(8)


@pytest.mark.parametrize(
    ("bar_times", "share", "message"),
    [
        ([], 0.7, "no bar times"),
        ([pd.date_range("2024-01-01", periods=3)], 0.7, "time zone"),
        ([pd.date_range(day(1), periods=3)], 1.0, "share"),
    ],
)
def test_a_cut_needs_times_with_a_zone_and_a_proper_share(bar_times, share, message):
    with pytest.raises(ValueError, match=message):
        cut_time(bar_times, share)


def test_a_life_that_reaches_the_cut_with_the_embargo_is_purged():
    setups = pd.DataFrame(
        {
            "known_at": days(1, 2, 3, 9.9, 10, 11),
            "life_end": days(8.9, 9, 10, 30, 12, 13),
        }
    ).set_axis(list("abcdef"))
    part = assign_parts(setups, cut=day(10), embargo=DAY)
    # b's life ends on day 9 and the embargo touches the cut; c touches it without the embargo.
    assert part.to_dict() == {
        "a": "train",
        "b": "purged",
        "c": "purged",
        "d": "purged",
        "e": "test",
        "f": "test",
    }


def test_without_embargo_only_touching_lives_are_purged():
    setups = pd.DataFrame({"known_at": days(1, 2), "life_end": days(9.99, 10)})
    assert assign_parts(setups, day(10), pd.Timedelta(0)).tolist() == ["train", "purged"]


def test_a_life_that_ends_before_it_begins_is_refused_by_row():
    setups = pd.DataFrame({"known_at": days(1, 5), "life_end": days(2, 4)})
    with pytest.raises(ValueError, match="life_end lies before known_at at row 1"):
        assign_parts(setups, day(10), DAY)


def test_folds_by_hand():
    # Six setups, one fold: shares of two, the last of which is validated: days 5 and 6.
    known_at = days(1, 2, 3, 4, 5, 6)
    lives = known_at + DAY
    ((train, validation),) = purged_folds(known_at, lives, 1, embargo=pd.Timedelta(hours=12))
    assert validation.tolist() == [4, 5]
    assert train.tolist() == [0, 1, 2]  # day 4's life ends on day 5, where the validation begins
    ((train, _),) = purged_folds(known_at, lives, 1, embargo=DAY)
    assert train.tolist() == [0, 1]  # day 3's life ends on day 4 and its embargo touches day 5


def test_two_folds_grow_forwards_and_positions_are_those_of_the_input():
    known_at = days(8, 7, 6, 5, 4, 3, 2, 1)
    folds = purged_folds(known_at, known_at, 2, embargo=pd.Timedelta(0))
    assert [(train.tolist(), validation.tolist()) for train, validation in folds] == [
        ([7, 6, 5, 4], [3, 2]),
        ([7, 6, 5, 4, 3, 2], [1, 0]),
    ]


def test_too_few_setups_give_no_folds():
    assert purged_folds(days(1, 2, 3), days(1, 2, 3), 2, embargo=DAY) == []


lives_in_hours = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 120)), min_size=3, max_size=60)


@settings(max_examples=150, deadline=None)
@given(lives=lives_in_hours, n_folds=st.integers(1, 5), embargo=st.integers(0, 24))
def test_no_training_life_ever_reaches_its_validation(lives, n_folds, embargo):
    hour = pd.Timedelta(hours=1)
    known_at = pd.Series([day(1) + start * hour for start, _ in lives])
    life_end = pd.Series([day(1) + (start + length) * hour for start, length in lives])
    validated: list[int] = []
    for train, validation in purged_folds(known_at, life_end, n_folds, embargo * hour):
        first = known_at.iloc[validation].min()
        assert (life_end.iloc[train] + embargo * hour < first).all()
        last = life_end.iloc[validation].max()
        assert not overlaps(known_at.iloc[train], life_end.iloc[train], first, last).any()
        kept_out = np.setdiff1d(np.flatnonzero(known_at < first), train)
        assert (life_end.iloc[kept_out] + embargo * hour >= first).all()  # nothing is purged needlessly
        validated.extend(validation)
    assert len(validated) == len(set(validated))


@settings(max_examples=80, deadline=None)
@given(lives=lives_in_hours, embargo=st.integers(0, 24))
def test_the_early_stopping_tail_is_later_than_every_life_fitted_on(lives, embargo):
    hour = pd.Timedelta(hours=1)
    known_at = pd.Series([day(1) + start * hour for start, _ in lives])
    life_end = pd.Series([day(1) + (start + length) * hour for start, length in lives])
    fit, held = holdout_tail(known_at, life_end, 0.2, embargo * hour)
    assert held.size == -(-len(lives) // 5)
    assert (life_end.iloc[fit] + embargo * hour < known_at.iloc[held].min()).all()


def test_overlap_is_closed_at_both_ends():
    known_at, life_end = days(1, 1, 6, 7, 7.1), days(3.9, 4, 6.5, 9, 9)
    assert overlaps(known_at, life_end, day(4), day(7)).tolist() == [False, True, True, True, False]
    assert overlaps(known_at, life_end, day(4)).tolist() == [False, True, True, True, True]
    assert overlaps(known_at, life_end, day(4), day(7), embargo=DAY).tolist()[0]


def test_a_horizon_has_passed_when_its_last_bar_is_closed():
    assert horizon_passed(days(3, 4, 5), day(4)).tolist() == [True, True, False]
    # A ticker that stopped trading leaves lives that nobody saw to their end, however late it is now.
    each = pd.Series([day(2), day(9), pd.NaT], index=[7, 8, 9]).astype(days(1).dtype)
    assert horizon_passed(days(3, 4, 5), each).tolist() == [False, True, False]


def test_combinatorial_folds_by_hand():
    # Groups of two: days 1-2, 3-4, 5-6; a life takes 10 hours, so that 14 lie between it and the next.
    known_at = days(1, 2, 3, 4, 5, 6)
    lives = known_at + pd.Timedelta(hours=10)
    hours = pd.Timedelta(hours=13)
    folds = combinatorial_folds(known_at, lives, n_groups=3, n_test=1, embargo=hours)
    assert [(train.tolist(), test.tolist()) for train, test in folds] == [
        ([2, 3, 4, 5], [0, 1]),
        ([0, 1, 4, 5], [2, 3]),
        ([0, 1, 2, 3], [4, 5]),
    ]
    # One hour more touches on both sides: day 2 before the tested group, day 5 after it.
    _, (train, test), _ = combinatorial_folds(
        known_at, lives, n_groups=3, n_test=1, embargo=hours + pd.Timedelta(hours=1)
    )
    assert (train.tolist(), test.tolist()) == ([0, 5], [2, 3])


def test_combinatorial_folds_test_every_pair_of_groups_in_the_order_of_time():
    known_at = days(7, 6, 5, 4, 3, 2, 1)  # the first group takes the seventh: days 1-3
    folds = combinatorial_folds(known_at, known_at, n_groups=3, n_test=2, embargo=pd.Timedelta(0))
    assert [(train.tolist(), test.tolist()) for train, test in folds] == [
        ([1, 0], [6, 5, 4, 3, 2]),
        ([3, 2], [6, 5, 4, 1, 0]),
        ([6, 5, 4], [3, 2, 1, 0]),
    ]


def test_combinatorial_folds_need_a_setup_for_each_group_and_a_group_to_learn_from():
    assert combinatorial_folds(days(1, 2), days(1, 2), n_groups=3, n_test=1, embargo=DAY) == []
    with pytest.raises(ValueError, match="n_test must lie between 1 and n_groups - 1 = 5, got 6"):
        combinatorial_folds(days(1), days(1), n_groups=6, n_test=6, embargo=DAY)


@settings(max_examples=60, deadline=None)
@given(lives=lives_in_hours, groups=st.integers(2, 5), embargo=st.integers(0, 24), data=st.data())
def test_combinatorial_training_keeps_the_embargo_on_both_sides(lives, groups, embargo, data):
    n_test = data.draw(st.integers(1, groups - 1))
    known_at = pd.Series([day(1) + pd.Timedelta(hours=start) for start, _ in lives])
    life_end = known_at + pd.to_timedelta([length for _, length in lives], unit="h")
    gap = pd.Timedelta(hours=embargo)
    tested = np.zeros(len(lives), dtype=int)
    for train, test in combinatorial_folds(known_at, life_end, n_groups=groups, n_test=n_test, embargo=gap):
        others = np.setdiff1d(np.arange(len(lives)), test)
        near = np.array(
            [
                ((life_end[row] + gap >= known_at[test]) & (known_at[row] <= life_end[test] + gap)).any()
                for row in others
            ]
        )
        assert np.sort(train).tolist() == others[~near].tolist()  # none too near, none purged needlessly
        tested[test] += 1
    assert (tested == (comb(groups - 1, n_test - 1) if len(lives) >= groups else 0)).all()


def test_thinning_takes_one_row_of_each_stretch_whatever_alternates():
    rows = np.arange(1000, 3000)
    thinned = thin_evenly(rows, 500, seed=3)
    assert ((thinned - 1000) // 4).tolist() == list(range(500))
    assert 150 < (thinned % 2).sum() < 350  # every fourth row would be 0 or 500
    assert thin_evenly(rows, 500, seed=3).tolist() == thinned.tolist()
    assert thin_evenly(rows, 2000, seed=3).tolist() == rows.tolist()
    with pytest.raises(ValueError, match="limit must be at least 1"):
        thin_evenly(rows, 0, seed=3)
