"""What a probability is worth, by hand and against the labels' own R."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.trade_path import net_r
from fvg_platform.trading.expectation import EXPECTATION_COLUMNS, expectation


def setups(*rows: tuple[float, ...]) -> pd.DataFrame:
    names = ["side", "entry", "stop", "risk", "target_1", "target_2", "target_3"]
    return pd.DataFrame(rows, columns=names, index=range(7, 7 + len(rows)))


def predictions(*rows: tuple[float, ...]) -> pd.DataFrame:
    names = ["p_target_1", "p_target_2", "p_target_3", "p_target_1_low", "p_target_1_high"]
    return pd.DataFrame(rows, columns=names, index=range(7, 7 + len(rows)))


LONG = (1, 100.0, 98.0, 2.0, 102.0, 104.0, 106.0)
SHORT = (-1, 100.0, 102.0, 2.0, 98.0, 96.0, 94.0)
SURE = (0.5, 0.3, 0.2, 0.4, 0.7)


def test_a_long_and_a_short_by_hand():
    found = expectation(setups(LONG, SHORT), predictions(SURE, SURE), 10.0)
    assert tuple(found.columns) == EXPECTATION_COLUMNS
    assert found.index.tolist() == [7, 8]
    assert found["direction"].tolist() == ["UP", "DOWN"]
    # Half the time 102 and half 98, at 10 basis points of 100 and of 100 on average: costs of 0.2 or 0.1 R.
    np.testing.assert_allclose(found["expected_r"], [-0.1, -0.1])
    # At 0.4 a loss of 0.2 R; the mean exit is 99.6 for the long (0.0998 R of costs), 100.4 for the short.
    np.testing.assert_allclose(found["expected_r_low"], [-0.2 - 0.0998, -0.2 - 0.1002])
    np.testing.assert_allclose(found["expected_r_high"], [0.4 - 0.1004, 0.4 - 0.0996])
    # A third each of 100, of 0.3 · 104 + 0.7 · 98 = 99.8 and of 0.2 · 106 + 0.8 · 98 = 99.6; mirrored for the short.
    np.testing.assert_allclose(found["predicted_price"], [99.8, 100.2])
    np.testing.assert_allclose(found["predicted_change"], [-0.002, 0.002])
    np.testing.assert_allclose(found["confidence"], [0.7, 0.7])


def test_each_setup_has_costs_of_its_own():
    found = expectation(setups(LONG, LONG), predictions(SURE, SURE), np.array([0.0, 20.0]))
    np.testing.assert_allclose(found["expected_r"], [0.0, -0.2])


def test_what_is_unknown_stays_unknown():
    no_third, nothing = (0.5, 0.3, np.nan, 0.4, 0.7), (np.nan,) * 5
    free = (1, 0.0, -2.0, 2.0, 2.0, 4.0, 6.0)  # a price of 0 has no changes in shares
    found = expectation(setups(LONG, LONG, free), predictions(no_third, nothing, SURE), 0.0)
    assert found["direction"].tolist() == ["UP"] * 3
    assert found.drop(columns="direction").isna().to_numpy().tolist() == [
        [False, False, False, True, True, False],
        [True] * 6,
        [False, False, False, False, True, False],
    ]


def test_no_setups_have_no_expectations():
    found = expectation(setups(), predictions(), 1.0)
    assert found.empty and tuple(found.columns) == EXPECTATION_COLUMNS


@pytest.mark.parametrize(
    ("plan", "said", "costs", "message"),
    [
        (setups(LONG).drop(columns="stop"), predictions(SURE), 1.0, "setups lack stop"),
        (setups(LONG), predictions(SURE).drop(columns="p_target_3"), 1.0, "predictions lack p_target_3"),
        (setups(LONG), predictions(SURE).reset_index(drop=True), 1.0, "different indexes"),
        (setups((0, *LONG[1:])), predictions(SURE), 1.0, "side 0 in row 0 must be 1 or -1"),
        (setups(LONG, (*LONG[:3], 0.0, *LONG[4:])), predictions(SURE, SURE), 1.0, "risk 0 in row 1"),
        (setups(LONG), predictions((1.5, *SURE[1:])), 1.0, "p_target_1 1.5 in row 0"),
        (setups(LONG), predictions((*SURE[:3], 0.7, 0.4)), 1.0, "p_target_1_low 0.7 in row 0 lies above"),
        (setups(LONG), predictions(SURE), -1.0, "cost_bps is -1"),
        (setups(LONG), predictions(SURE), np.array([1.0, 2.0]), r"shape \(2,\) for 1 setups"),
    ],
)
def test_refuses_what_has_no_expectation(plan, said, costs, message):
    with pytest.raises(ValueError, match=message):
        expectation(plan, said, costs)


@st.composite
def orders(draw):
    side = draw(st.sampled_from([1, -1]))
    entry, risk = draw(st.floats(1, 1e4)), draw(st.floats(0.01, 0.5))
    levels = [entry + side * entry * risk * multiple for multiple in (1.0, 2.0, 3.0)]
    p3, p2, p1, low, high = (draw(st.floats(0, 1)) for _ in range(5))
    p3, p2, p1 = sorted((p1, p2, p3))
    bounds = (min(low, p1), max(high, p1))
    plan = (side, entry, entry - side * entry * risk, entry * risk, *levels)
    return setups(plan), predictions((p1, p2, p3, *bounds)), draw(st.floats(0, 50))


@given(orders())
@settings(max_examples=40, deadline=None)
def test_it_is_the_mean_of_the_r_that_labels_count_and_lies_within_its_interval(order):
    plan, said, cost = order
    found, row, p = expectation(plan, said, cost).iloc[0], plan.iloc[0], said["p_target_1"].item()
    fill, stop, target = (row["side"] * row[name] for name in ("entry", "stop", "target_1"))
    r = [net_r.py_func(fill, left, row["risk"], cost * 1e-4) for left in (target, stop)]
    assert found["expected_r"] == pytest.approx(p * r[0] + (1 - p) * r[1], abs=1e-9)
    assert found["expected_r_low"] <= found["expected_r"] <= found["expected_r_high"]
    assert 0.0 <= found["confidence"] <= 1.0
    # Between the stop and the third target, wherever it is predicted.
    outer = sorted((row["stop"], row["target_3"]))
    assert outer[0] - 1e-9 * row["entry"] <= found["predicted_price"] <= outer[1] + 1e-9 * row["entry"]
    # The sign of a predicted gain is that of the way to the target.
    gain = found["predicted_price"] - row["entry"]
    assert np.sign(found["predicted_change"]) == np.sign(gain) or abs(gain) < 1e-9 * row["entry"]
