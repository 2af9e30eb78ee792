import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from fvg_platform.learning.calibration import (
    Identity,
    Isotonic,
    Platt,
    calibration_from_dict,
    fit_calibration,
    in_falling_order,
)
from fvg_platform.learning.models import (
    BaseRate,
    BinnedFeatures,
    BoostingSettings,
    FeatureSetError,
    LightGBM,
    LogisticRegression,
    classifier_from_dict,
    require_features,
)


def made_up(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-1.5 * x[:, 0]))).astype(float)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 3] = 7.0
    return x, y


def test_importing_the_package_loads_no_learning_library():
    program = (
        "import sys, fvg_platform.learning.training, fvg_platform.learning.evaluation;"
        "print([m for m in ('lightgbm', 'sklearn', 'scipy', 'purgedcv', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def boost(x: np.ndarray, y: np.ndarray, *, fit: slice = slice(None), held: slice | None = None, **options):
    rows, binned = np.arange(len(x)), BinnedFeatures(x, BoostingSettings())
    holdout = None if held is None else (rows[held], y[held])
    return LightGBM.fit(
        binned, rows[fit], y[fit], settings=BoostingSettings(), seed=0, holdout=holdout, **options
    )


@pytest.mark.parametrize("algorithm", ["base_rate", "logistic_regression", "lightgbm"])
def test_a_classifier_survives_json_to_the_last_digit(algorithm):
    x, y = made_up()
    model = {
        "base_rate": lambda: BaseRate.fit(y),
        "logistic_regression": lambda: LogisticRegression.fit(x, y),
        "lightgbm": lambda: boost(x, y, rounds=5),
    }[algorithm]()
    again = classifier_from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.algorithm == algorithm
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert ((model.predict(x) >= 0) & (model.predict(x) <= 1)).all()


def test_the_base_rate_is_the_share_of_ones():
    assert BaseRate.fit(np.array([1.0, 0.0, 0.0, 0.0])).predict(np.zeros((2, 3))).tolist() == [0.25, 0.25]


def test_logistic_regression_by_its_numbers():
    model = LogisticRegression(
        medians=np.array([1.0, 0.0]),
        means=np.array([1.0, 9.0]),
        scales=np.array([2.0, 0.0]),  # the second feature was constant
        coefficients=np.array([np.log(3.0), 99.0]),
        intercept=0.0,
    )
    x = np.array([[3.0, 5.0], [np.nan, np.nan], [1e9, 0.0]])
    # One deviation above: odds 3. Unknown: the median, which is the mean here. Wild: cut off at five deviations.
    np.testing.assert_allclose(model.predict(x), [0.75, 0.5, 3**5 / (1 + 3**5)])
    assert model.importances().tolist() == [np.log(3.0), 0.0]


def test_both_learners_find_the_feature_that_matters_and_ignore_the_constant():
    x, y = made_up()
    for model in (LogisticRegression.fit(x, y), boost(x, y, fit=slice(0, 400), held=slice(400, 600))):
        weights = model.importances()
        assert weights.argmax() == 0
        assert weights[3] == 0.0


def test_boosting_stops_early_where_nothing_is_to_be_learnt():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(400, 5)), (rng.random(400) < 0.5).astype(float)
    model = boost(x, y, fit=slice(0, 200), held=slice(200, 400))
    assert model.rounds < 30


def test_an_unknown_algorithm_or_calibration_is_refused():
    with pytest.raises(ValueError, match="unknown algorithm 'forest'"):
        classifier_from_dict({"algorithm": "forest"})
    with pytest.raises(ValueError, match="unknown calibration 'beta'"):
        calibration_from_dict({"method": "beta"})


def test_features_that_are_missing_or_infinite_are_named():
    frame = pd.DataFrame({"a": [1.0, np.inf], "b": [np.nan, 2.0]}, index=[10, 11])
    with pytest.raises(FeatureSetError, match=r"2 of 3 features are missing: 'c', 'd'\. Compute them with"):
        require_features(frame, ("a", "c", "d"))
    with pytest.raises(FeatureSetError, match=r"'z9' and 90 more\."):
        require_features(frame, tuple(f"z{number}" for number in range(100)))
    with pytest.raises(ValueError, match="'a' is inf at row 11"):
        require_features(frame, ("b", "a"))
    np.testing.assert_array_equal(require_features(frame, ("b",)), [[np.nan], [2.0]])


def overconfident(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions whose log odds are twice the true ones, shifted by one."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return 1 / (1 + np.exp(-(2 * odds + 1))), y


def test_platt_undoes_overconfidence():
    fitted = Platt.fit(*overconfident(20_000))
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.05)


def test_predictions_that_point_the_wrong_way_are_flattened_to_the_rate():
    p, y = overconfident(2_000)
    fitted = Platt.fit(1 - p, y)
    np.testing.assert_allclose(fitted.apply(np.array([0.1, 0.9])), y.mean(), atol=2e-3)


def test_isotonic_never_claims_more_than_its_groups_show():
    p, y = overconfident(20_000)
    fitted = Isotonic.fit(p, y)
    grid = fitted.apply(np.linspace(0, 1, 101))
    assert (np.diff(grid) >= 0).all()
    assert 0.0 < grid[0] < 0.15 and 0.85 < grid[-1] < 1.0
    assert abs(fitted.apply(np.array([1 / (1 + np.exp(-1))]))[0] - 0.5) < 0.05  # true log odds 0


@pytest.mark.parametrize(
    ("n", "method", "kind"),
    [
        (49, "auto", Identity),
        (50, "auto", Platt),
        (20_000, "auto", Platt),
        (999, "isotonic", Platt),
        (1_000, "isotonic", Isotonic),
        (500, "none", Identity),
    ],
)
def test_the_map_depends_on_how_much_there_is_and_survives_json(n, method, kind):
    p, y = overconfident(n)
    fitted = fit_calibration(p, y, method)
    assert isinstance(fitted, kind)
    again = calibration_from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(again.apply(p), fitted.apply(p))


def test_one_class_is_left_alone():
    assert fit_calibration(np.full(100, 0.5), np.ones(100)) == Identity()


def test_probabilities_in_order_stay_and_others_are_pooled():
    p = np.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.1], [0.5, 0.1, 0.3], [0.1, 0.2, 0.6]])
    np.testing.assert_allclose(
        in_falling_order(p), [[0.5, 0.3, 0.2], [0.4, 0.4, 0.1], [0.5, 0.2, 0.2], [0.3] * 3]
    )


@settings(max_examples=200, deadline=None)
@given(arrays(float, (1, 3), elements=st.floats(0, 1)))
def test_the_order_is_the_least_squares_one(p):
    ordered = in_falling_order(p)[0]
    assert ordered[0] >= ordered[1] >= ordered[2]
    oracle = IsotonicRegression(increasing=False).fit_transform([0, 1, 2], p[0])
    np.testing.assert_allclose(ordered, oracle, atol=1e-12)


def test_a_target_that_was_never_seen_leaves_the_others_their_probabilities():
    p = np.array([[0.3, 0.5, np.nan], [0.5, 0.3, np.nan], [0.2, 0.4, 0.1], [np.nan] * 3])
    ordered = in_falling_order(p)
    np.testing.assert_array_equal(np.isnan(ordered), np.isnan(p))
    assert ordered[0, 0] >= ordered[0, 1] >= 0.3
    assert ordered[1, :2].tolist() == [0.5, 0.3]
    np.testing.assert_array_equal(ordered[2], in_falling_order(p[2:3])[0])
