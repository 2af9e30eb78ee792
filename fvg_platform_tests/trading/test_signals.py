"""The rule of decisions: side and probability, nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.trading.signals import decide


def predictions(*rows: tuple[int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["side", "p_target_1"], index=range(10, 10 + len(rows)))


def test_buys_longs_and_sells_shorts_that_reach_the_threshold():
    signal = decide(predictions((1, 0.6), (-1, 0.6), (1, 0.5999), (-1, 0.0), (1, 1.0), (1, np.nan)), 0.6)
    assert signal.tolist() == ["BUY", "SELL", "HOLD", "HOLD", "BUY", "HOLD"]
    assert signal.index.tolist() == list(range(10, 16))
    assert signal.name == "signal"


def test_without_a_threshold_nothing_is_acted_on():
    assert decide(predictions((1, 1.0), (-1, 1.0)), None).tolist() == ["HOLD", "HOLD"]


def test_a_threshold_of_0_acts_on_all_that_has_a_probability():
    assert decide(predictions((1, 0.0), (-1, np.nan)), 0.0).tolist() == ["BUY", "HOLD"]


def test_no_predictions_give_no_decisions():
    assert decide(predictions(), 0.5).empty


@pytest.mark.parametrize(
    ("frame", "threshold", "message"),
    [
        (predictions((1, 0.5)).drop(columns="side"), 0.5, "lack side"),
        (predictions((0, 0.5)), 0.5, "side 0 in row 0"),
        (predictions((1, 0.5), (1, 1.5)), 0.5, "p_target_1 1.5 in row 1"),
        (predictions((1, 0.5)), 1.5, "threshold is 1.5"),
        (predictions((1, 0.5)), np.nan, "threshold is nan"),
    ],
)
def test_refuses_what_is_no_decision(frame, threshold, message):
    with pytest.raises(ValueError, match=message):
        decide(frame, threshold)


@given(
    st.lists(st.tuples(st.sampled_from([1, -1]), st.floats(0, 1)), min_size=1, max_size=20),
    st.floats(0, 1),
    st.floats(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_a_higher_threshold_acts_on_no_more(rows, a, b):
    frame = predictions(*rows)
    low, high = (decide(frame, threshold) != "HOLD" for threshold in sorted((a, b)))
    assert (low | ~high).all()
