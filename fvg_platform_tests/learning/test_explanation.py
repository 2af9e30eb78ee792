import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.base_rate import BaseRate
from fvg_platform.learning.boosting_settings import BoostingSettings
from fvg_platform.learning.explanation import explanation_frame, mean_contributions
from fvg_platform.learning.lightgbm_model import BinnedFeatures, LightGBM
from fvg_platform.learning.log_odds import log_odds
from fvg_platform.learning.logistic_regression import LogisticRegression


def made_up(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-2 * x[:, 1]))).astype(float)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, y


def boosted(x: np.ndarray, y: np.ndarray) -> LightGBM:
    settings = BoostingSettings()
    rows = np.arange(len(x))
    return LightGBM.fit(BinnedFeatures(x, settings), rows, y, settings=settings, seed=0, rounds=20)


@pytest.mark.parametrize("fit", [lambda x, y: BaseRate.fit(y), LogisticRegression.fit, boosted])
def test_contributions_add_up_to_the_log_odds(fit):
    x, y = made_up()
    model = fit(x, y)
    parts = explanation_frame(model, x, ("a", "b", "c", "d"), pd.RangeIndex(len(x)))
    np.testing.assert_allclose(parts.sum(axis=1), log_odds(model.predict(x)), atol=1e-9)
    assert list(parts.columns) == ["a", "b", "c", "d", "expected"]


def test_a_line_explained_by_hand():
    model = LogisticRegression(
        medians=np.array([1.0, 0.0]),
        means=np.array([1.0, 9.0]),
        scales=np.array([2.0, 0.0]),  # the second feature was constant
        coefficients=np.array([0.5, 99.0]),
        intercept=-0.25,
    )
    parts = model.contributions(np.array([[5.0, 1.0], [np.nan, 2.0], [1e9, 3.0]]))
    # Two deviations above; unknown, so the median, which is the mean; wild, so cut off at five.
    assert parts.tolist() == [[1.0, 0.0, -0.25], [0.0, 0.0, -0.25], [2.5, 0.0, -0.25]]


def test_the_base_rate_has_no_reasons():
    parts = BaseRate(0.25).contributions(np.ones((2, 3)))
    assert parts[:, :3].tolist() == [[0.0] * 3] * 2
    np.testing.assert_allclose(parts[:, 3], np.log(1 / 3))


def test_the_feature_that_matters_has_the_largest_mean():
    x, y = made_up()
    for model in (LogisticRegression.fit(x, y), boosted(x, y)):
        means = mean_contributions(model, x)
        assert means.argmax() == 1 and means[1] > 3 * np.delete(means, 1).max()
    assert mean_contributions(model, x[:0]) is None


def test_a_mean_looks_at_two_thousand_rows_from_first_to_last():
    class Counting:
        algorithm = "counting"

        def contributions(self, x):
            self.seen = x
            return x

    model = Counting()
    mean_contributions(model, np.arange(10_001.0)[:, None] * np.ones((1, 2)))
    assert len(model.seen) == 2_000
    assert (model.seen[0, 0], model.seen[-1, 0]) == (0.0, 10_000.0)


def test_an_algorithm_that_cannot_tell_says_so():
    class Silent:
        algorithm = "silent"

        def contributions(self, x):
            return None

    assert mean_contributions(Silent(), np.ones((3, 2))) is None
    with pytest.raises(ValueError, match="'silent' cannot tell what its features contribute"):
        explanation_frame(Silent(), np.ones((1, 2)), ("a", "b"), pd.RangeIndex(1))
