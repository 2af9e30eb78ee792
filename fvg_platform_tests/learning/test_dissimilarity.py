"""How unlike the reference setups are: neighbours in time are none, units and outliers do not decide."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.dissimilarity import Dissimilarity, dissimilarity
from fvg_platform.learning.drift_windows import Stretches

DAY = pd.Timedelta(days=1)
LENGTH = 10 * DAY
DAY_NS = int(DAY.as_unit("ns").value)
CROWD = 8


def crowds(days: int, seed: int) -> np.ndarray:
    """Eight setups a day that are the same one, unlike those of every other day."""
    return np.repeat(np.random.default_rng(seed).normal(size=(days, 3)), CROWD, axis=0)


def found(reference: np.ndarray, window: np.ndarray) -> Dissimilarity:
    known_at = np.arange(len(reference)) * (DAY_NS // CROWD)
    stretches = Stretches.of(known_at, LENGTH)
    return dissimilarity(reference, window, known_at, stretches, length=LENGTH, keep=None, seed=0)


def test_neighbours_in_time_do_not_flatter_the_reference() -> None:
    # Each setup has seven twins of its own day: were they neighbours, the window's would all be strangers.
    same = found(crowds(400, 0), crowds(100, 1))
    assert same.share < 0.15
    assert np.mean(same.stretches) == pytest.approx(0.05, abs=0.02)
    assert found(crowds(400, 0), crowds(100, 1) + 6.0).share == 1.0


def test_units_do_not_matter_and_constants_only_once_they_change() -> None:
    reference, window = crowds(200, 0), crowds(50, 1)
    share = found(reference, window).share
    units = np.array([1024.0, 1.0 / 64.0, 1.0])
    assert found(reference * units, window * units).share == share
    still = [np.column_stack([x, np.full(len(x), 7.0), np.full(len(x), np.nan)]) for x in (reference, window)]
    assert found(*still).share == share
    still[1][:, 3] = 8.0
    assert found(*still).share == 1.0


def test_one_wild_value_does_not_outvote_all_others() -> None:
    reference, window = np.random.default_rng(0).normal(size=(2, 3_000, 30))
    window[:, 0] = 1e9
    tame = window.copy()
    tame[:, 0] = 20.0
    assert found(reference, window).share == found(reference, tame).share


def test_a_reference_that_is_all_near_in_time_measures_nothing() -> None:
    nothing = found(crowds(8, 0), crowds(8, 1))
    assert np.isnan(nothing.share)
