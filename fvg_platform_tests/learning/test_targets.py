import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.targets import target_column, target_frame

SETUPS = pd.DataFrame(
    [
        # status, lo, hi
        ("entered", "target", "target"),
        ("entered", "stop", "target"),
        ("entered", "stop", "stop"),
        ("entered", "timeout", "timeout"),
        ("entered", "stop", "censored"),
        ("entered", "censored", "target"),
        ("expired", None, None),
        ("ran_away", None, None),
        ("gap_invalid", None, None),
        ("pending", None, None),
    ],
    columns=["status", "outcome_1_lo", "outcome_1_hi"],
).assign(outcome_2_lo=None, outcome_2_hi=None, outcome_3_lo=None, outcome_3_hi=None)

NAN = np.nan


@pytest.mark.parametrize(
    ("target", "label", "expected"),
    [
        ("entered", "lo", [1, 1, 1, 1, 1, 1, 0, 0, 0, NAN]),
        ("target_1", "lo", [1, 0, 0, 0, 0, NAN, NAN, NAN, NAN, NAN]),
        ("target_1", "hi", [1, 1, 0, 0, NAN, 1, NAN, NAN, NAN, NAN]),
        ("target_1", "identified", [1, NAN, 0, 0, NAN, NAN, NAN, NAN, NAN, NAN]),
        ("target_2", "lo", [NAN] * 10),
    ],
)
@pytest.mark.parametrize("dtype", [object, "str"])
def test_what_each_setup_says_about_a_target(target, label, expected, dtype):
    np.testing.assert_array_equal(target_column(SETUPS.astype(dtype), target, label), expected)


def test_all_targets_keep_the_index():
    frame = target_frame(SETUPS.set_index(pd.Index(range(100, 110))))
    assert list(frame.columns) == ["entered", "target_1", "target_2", "target_3"]
    assert frame.index[0] == 100


def test_an_unknown_outcome_is_named():
    with pytest.raises(ValueError, match=r"'won' in outcome_1_lo at row 2"):
        target_column(SETUPS.assign(outcome_1_lo=["stop", "stop", "won"] + ["stop"] * 7), "target_1")


@pytest.mark.parametrize(("target", "label"), [("target_4", "lo"), ("target_1", "worst")])
def test_unknown_targets_and_labels_are_refused(target, label):
    with pytest.raises(ValueError, match="unknown"):
        target_column(SETUPS, target, label)
