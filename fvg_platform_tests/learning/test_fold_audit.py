import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.fold_audit import audit_folds
from fvg_platform.learning.splits import combinatorial_folds, purged_folds

HOUR = pd.Timedelta(hours=1)
ZERO = pd.Timestamp("2024-01-01", tz="UTC")


def lives(*spans: tuple[int, int]) -> tuple[pd.Series, pd.Series]:
    return (
        pd.Series([ZERO + start * HOUR for start, _ in spans]),
        pd.Series([ZERO + end * HOUR for _, end in spans]),
    )


def fold(train: list[int], test: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(train, dtype=np.int64), np.array(test, dtype=np.int64)


def test_pairs_by_hand():
    known_at, life_end = lives((0, 2), (3, 5), (6, 8), (9, 11))
    folds = [fold([0, 1], [2, 3]), fold([0, 3], [1, 2])]
    assert audit_folds(known_at, life_end, folds, HOUR / 2).passed
    audit = audit_folds(known_at, life_end, folds, HOUR)  # an hour lies between neighbours: they touch
    assert (audit.folds, audit.pairs_checked) == (2, 8)
    first, second = audit.violations
    assert first.startswith("fold 1: 1 of 4 pairs")
    assert "row 1 (2024-01-01 03:00:00+00:00" in first
    assert "row 2 (2024-01-01 06:00:00+00:00" in first
    assert second.startswith("fold 2: 2 of 4 pairs")  # 0 before 1, and 3 after 2
    assert json.loads(json.dumps(audit.to_dict()))["violations"] == [first, second]


def test_a_row_that_is_trained_and_tested_is_found():
    known_at, life_end = lives((0, 0), (5, 5), (9, 9))
    assert (
        audit_folds(known_at, life_end, [fold([0, 1], [1, 2])], 0 * HOUR)
        .violations[0]
        .startswith("fold 1: 1 of 4 pairs")
    )


def test_a_life_that_spans_the_whole_test_is_found():
    known_at, life_end = lives((0, 100), (5, 6), (8, 9))
    assert not audit_folds(known_at, life_end, [fold([0], [1, 2])], 0 * HOUR).passed


def test_what_lies_after_the_test_is_allowed_only_if_time_may_run_backwards():
    known_at, life_end = lives((0, 1), (3, 4), (6, 7))
    folds = [fold([0, 2], [1])]
    assert audit_folds(known_at, life_end, folds, HOUR).passed
    (violation,) = audit_folds(known_at, life_end, folds, HOUR, forward=True).violations
    assert violation.startswith("fold 1: 1 of 2 pairs")
    assert "row 2" in violation


def test_nothing_to_look_at_passes_and_positions_outside_are_refused():
    known_at, life_end = lives((0, 1), (3, 4))
    assert audit_folds(known_at, life_end, [fold([], [0, 1])], HOUR).pairs_checked == 0
    for row in (-1, 2):
        with pytest.raises(ValueError, match="fold 1 holds positions outside the 2 rows"):
            audit_folds(known_at, life_end, [fold([row], [0])], HOUR)
    with pytest.raises(ValueError, match="life_end lies before known_at at row 1"):
        audit_folds(*lives((0, 1), (4, 3)), [fold([0], [1])], HOUR)


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(spans=spans, embargo=st.integers(0, 6), forward=st.booleans(), data=st.data())
def test_the_count_is_that_of_looking_at_every_pair(spans, embargo, forward, data):
    positions = st.lists(st.integers(0, len(spans) - 1), unique=True)
    train, test = data.draw(positions), data.draw(positions)
    ends = [start + length for start, length in spans]
    near = sum(
        not (ends[a] + embargo < spans[b][0] or (not forward and ends[b] + embargo < spans[a][0]))
        for a in train
        for b in test
    )
    known_at, life_end = lives(*((start, start + length) for start, length in spans))
    audit = audit_folds(known_at, life_end, [fold(train, test)], embargo * HOUR, forward=forward)
    assert audit.pairs_checked == len(train) * len(test)
    assert len(audit.violations) == (near > 0)
    if near:
        assert audit.violations[0].startswith(f"fold 1: {near} of {len(train) * len(test)} pairs")


@settings(max_examples=40, deadline=None)
@given(spans=spans, embargo=st.integers(0, 6), data=st.data())
def test_both_splitters_pass_and_a_row_that_they_purged_does_not(spans, embargo, data):
    known_at, life_end = lives(*((start, start + length) for start, length in spans))
    gap = embargo * HOUR
    walk = purged_folds(known_at, life_end, 3, gap)
    both_sides = combinatorial_folds(known_at, life_end, n_groups=4, n_test=2, embargo=gap)
    assert audit_folds(known_at, life_end, walk, gap, forward=True).violations == ()
    assert audit_folds(known_at, life_end, both_sides, gap).violations == ()
    purged = [
        (number, row)
        for number, (train, test) in enumerate(both_sides)
        for row in np.setdiff1d(np.arange(len(spans)), np.concatenate([train, test]))
    ]
    if purged:
        number, row = data.draw(st.sampled_from(purged))
        train, test = both_sides[number]
        leaky = [*both_sides[:number], (np.append(train, row), test), *both_sides[number + 1 :]]
        (violation,) = audit_folds(known_at, life_end, leaky, gap).violations
        assert violation.startswith(f"fold {number + 1}:")
        assert f"row {row} " in violation
