import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fvg_platform.learning.logistic_lines import fit_lines


def loss_of(slope: float, intercept: float, z: np.ndarray, rows: np.ndarray, ones: np.ndarray) -> float:
    n, positives = rows.sum(), ones.sum()
    upper, lower = (positives + 1) / (positives + 2), 1 / (n - positives + 2)
    score = slope * z + intercept
    wanted = ones * upper + (rows - ones) * lower
    return float((rows * np.logaddexp(0.0, score) - wanted * score).sum() / n)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(-4, 4), st.sampled_from([0.3, 1.0, 20.0]))
def test_no_other_rising_line_is_likelier(seed, groups, slope, tail):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=groups)
    z[0] *= tail  # a wild prediction among ordinary ones
    rows = rng.integers(1, 30, groups).astype(float)
    ones = rng.binomial(rows.astype(int), 1 / (1 + np.exp(-slope * z))).astype(float)
    found = [float(each[0]) for each in fit_lines(z, rows[None], ones[None])]
    oracle = minimize(
        lambda line: loss_of(*line, z, rows, ones),
        np.array(found) + 0.1,
        method="L-BFGS-B",
        bounds=[(0.0, None), (None, None)],
    )
    assert found[0] >= 0.0
    assert loss_of(*found, z, rows, ones) <= oracle.fun + 1e-9


def test_two_points_by_hand():
    # At z = ±1, 2 of 6 and 4 of 6: smoothed, 6 ones of 12 become 7/8 and 1/8, so that the rates are 3/8 and 5/8.
    slope, intercept = fit_lines(np.array([-1.0, 1.0]), np.full((1, 2), 6.0), np.array([[2.0, 4.0]]))
    assert slope[0] == pytest.approx(np.log(5 / 3))
    assert intercept[0] == pytest.approx(0.0, abs=1e-12)


def test_each_set_is_fitted_as_if_it_were_alone():
    rng = np.random.default_rng(1)
    z = rng.normal(size=20)
    rows = rng.integers(0, 9, (50, 20)).astype(float)
    ones = rng.binomial(rows.astype(int), 0.4).astype(float)
    slope, intercept = fit_lines(z, rows, ones)
    for each in range(50):
        alone = fit_lines(z, rows[each : each + 1], ones[each : each + 1])
        np.testing.assert_allclose([slope[each], intercept[each]], [alone[0][0], alone[1][0]], atol=1e-8)


@pytest.mark.parametrize("at", [0.0, 0.7, -3.0])
def test_equal_predictions_are_given_their_rate(at):
    slope, intercept = fit_lines(np.array([at, 5.0]), np.array([[8.0, 0.0]]), np.array([[2.0, 0.0]]))
    said = 1 / (1 + np.exp(-(slope[0] * at + intercept[0])))
    assert said == pytest.approx((2 * 3 / 4 + 6 / 8) / 8)
    assert 0.0 <= slope[0] < 1e-3
