import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fvg_platform.learning.calibration import Identity, Isotonic, Platt, fit_calibration
from fvg_platform.learning.log_odds import log_odds, logistic
from fvg_platform.learning.probability_intervals import (
    UNKNOWN,
    ProbabilityInterval,
    fit_interval,
    fit_rate_interval,
)

HOUR = pd.Timedelta(hours=1)


def lives(n: int, life: pd.Timedelta = HOUR) -> tuple[pd.Series, pd.Series]:
    known_at = pd.Series(pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"))
    return known_at, known_at + life


def predictions(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw probabilities whose log odds are twice the true ones."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n)
    return logistic(2 * odds), (rng.random(n) < logistic(odds)).astype(float)


@pytest.mark.parametrize(("method", "n"), [("platt", 600), ("isotonic", 1_500)])
def test_the_interval_holds_the_true_rate_about_as_often_as_it_says(method, n):
    at = np.array([-1.0, 0.0, 1.0])  # true log odds
    held = []
    for seed in range(25):
        p, y = predictions(n, seed)
        calibration = fit_calibration(p, y, method)
        interval = fit_interval(p, y, *lives(n), calibration, seed=seed)
        raw = logistic(2 * at)
        low, high = interval.bounds(raw, calibration.apply(raw))
        held.append((low <= logistic(at)) & (logistic(at) <= high))
    # 75 looks at 90 %: fewer than 80 % by chance is a matter of one in two hundred if they were independent.
    assert 0.80 <= np.mean(held) <= 0.98


def test_more_predictions_narrow_the_interval():
    def width(n: int) -> float:
        p, y = predictions(n, 1)
        low, high = fit_interval(p, y, *lives(n), Platt.fit(p, y), seed=0).bounds(
            np.array([0.5]), np.array([0.5])
        )
        return float(high[0] - low[0])

    # Sixteen times as many: a quarter of the width.
    assert width(8_000) == pytest.approx(width(500) / 4, rel=0.35)


def test_setups_that_share_their_fate_count_as_one():
    y = np.repeat(np.random.default_rng(0).integers(0, 2, 50), 40).astype(float)  # one outcome in forty hours
    interval = fit_rate_interval(y, *lives(2_000, 40 * HOUR), seed=0)
    # 2,000 setups are worth fifty: 2 · 1.645 · √(¼ / 50).
    assert interval.high[0] - interval.low[0] == pytest.approx(0.233, rel=0.2)
    p, _ = predictions(2_000, 3)
    narrow, wide = (
        fit_interval(p, y, *lives(2_000, life), Identity(), seed=0).bounds(np.array([0.5]), np.array([0.5]))
        for life in (HOUR, 40 * HOUR)
    )
    assert wide[1] - wide[0] > 1.7 * (narrow[1] - narrow[0])


def test_the_line_is_the_one_that_platt_fits():
    """On a single outcome pattern in every block, all resamples are alike, and so are all their lines."""
    rng = np.random.default_rng(0)
    p_block = rng.uniform(0.05, 0.95, 50)
    y_block = (rng.random(50) < p_block).astype(float)
    p, y = np.tile(p_block, 100), np.tile(y_block, 100)
    known_at, life_end = lives(5_000, 50 * HOUR)
    platt = Platt.fit(p, y)
    interval = fit_interval(p, y, known_at, life_end, platt, seed=0)
    inside = (interval.raw > 0.05) & (interval.raw < 0.95)
    np.testing.assert_allclose(interval.low[inside], platt.apply(interval.raw[inside]), atol=0.03)
    np.testing.assert_allclose(interval.high[inside], platt.apply(interval.raw[inside]), atol=0.03)


def test_predictions_without_order_give_a_flat_interval_around_the_rate():
    rng = np.random.default_rng(4)
    y = (rng.random(4_000) < 0.3).astype(float)
    p = 1.0 - predictions(4_000, 5)[0]
    interval = fit_interval(p, y, *lives(4_000), Platt.fit(p, y), seed=0)
    middle = (interval.raw > 0.3) & (interval.raw < 0.7)
    assert (interval.low[middle] < 0.3).all() and (interval.high[middle] > 0.3).all()
    assert (interval.high - interval.low)[middle].max() < 0.06


def test_what_was_never_seen_is_not_impossible():
    interval = fit_rate_interval(np.zeros(100), *lives(100, 10 * HOUR), seed=0)
    # Ten lives without one: at 5 %, less than 1 - 0.05^(1/10) = 0.2589.
    assert interval.low[0] == 0.0
    assert interval.high[0] == pytest.approx(0.2589, abs=1e-4)
    ones = fit_rate_interval(np.ones(100), *lives(100, 10 * HOUR), seed=0)
    assert (ones.low[0], ones.high[0]) == (pytest.approx(0.7411, abs=1e-4), 1.0)


def test_too_little_time_says_nothing():
    p, y = predictions(40, 0)
    assert fit_interval(p, y, *lives(40, 10 * HOUR), Identity(), seed=0) is UNKNOWN  # four lives
    assert fit_rate_interval(y, *lives(40, 10 * HOUR), seed=0) is UNKNOWN
    low, high = UNKNOWN.bounds(np.array([0.1, 0.9]), np.array([0.2, 0.8]))
    assert low.tolist() == [0.0, 0.0] and high.tolist() == [1.0, 1.0]


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, 5, elements=st.floats(0, 1)),
    st.sampled_from(["platt", "isotonic", "none"]),
)
def test_a_probability_lies_in_its_interval(raw, method):
    p, y = predictions(1_200, 2)
    calibration = fit_calibration(p, y, method)
    interval = _INTERVALS.setdefault(
        method, fit_interval(p, y, *lives(1_200), calibration, seed=0) if method not in _INTERVALS else None
    )
    again = ProbabilityInterval.from_dict(json.loads(json.dumps(interval.to_dict())))
    said = calibration.apply(raw)
    low, high = again.bounds(raw, said)
    assert ((low >= 0.0) & (low <= said) & (said <= high) & (high <= 1.0)).all()
    assert (interval.low <= interval.high).all()


_INTERVALS: dict[str, ProbabilityInterval] = {}


def test_steps_are_drawn_as_steps():
    p, y = predictions(4_000, 7)
    steps = Isotonic.fit(p, y)
    interval = fit_interval(p, y, *lives(4_000), steps, seed=0)
    np.testing.assert_array_equal(interval.raw, steps.raw)
    assert (np.diff(interval.low) >= 0.0).all() and (np.diff(interval.high) >= 0.0).all()
    # Far outside the predictions the steps are flat, the line goes on.
    line = fit_interval(p, y, *lives(4_000), Platt.fit(p, y), seed=0)
    assert interval.high[-1] < 0.999 < line.high[-1]
    assert log_odds(line.raw).max() == pytest.approx(13.8, abs=0.1)
