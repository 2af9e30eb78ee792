"""Trend, walk or noise: each measure on paths whose answer is known, and against plain numpy on each window."""

import math

import numpy as np
import pytest

from fvg_platform.features import window_kernels
from fvg_platform.features.catalogue import compute_features
from fvg_platform.features.complexity import FEATURES
from fvg_platform_tests.features.made_bars import climbing, frame, random_bars, still_from

NAMES = [feature.name for feature in FEATURES]


def of_closes(close):
    close = np.asarray(close, dtype=float)
    return compute_features(frame(close, close, close, close, np.ones(len(close))), names=NAMES).iloc[-1]


def test_a_straight_rise():
    last = compute_features(climbing(130, 1.001), names=NAMES).iloc[-1]
    assert last["hurst_100"] == pytest.approx(1.0)
    assert last["ordinal_entropy_50"] == 0.0
    assert last["linreg_fit_50"] > 0.999
    assert last["fractal_dimension_30"] == pytest.approx(1.0, abs=1e-3)
    assert last["persistence_20"] == 1.0
    assert last["largest_move_share_20"] == pytest.approx(0.05)
    assert last["variance_ratio_5_50"] == 1.0  # its returns do not vary


def test_to_and_fro():
    """Closes 10, 11, 10, 11: even lags do not move at all, neighbours always turn."""
    last = of_closes(np.tile([10.0, 11.0], 60))
    assert last["persistence_20"] == 0.0
    assert last["variance_ratio_5_50"] == pytest.approx(49 / (50 * 5 * 0.9))  # five steps are one
    assert last["hurst_100"] == 0.5  # a mean move of 0 has no logarithm
    assert last["ordinal_entropy_50"] == pytest.approx(math.log(2) / math.log(6))  # two patterns in turn
    assert last["fractal_dimension_30"] == pytest.approx(2.0)
    assert last["abs_autocorr_1_50"] == 0.0


def test_a_still_market_is_no_trend():
    last = compute_features(still_from(random_bars(300), 100), names=NAMES).iloc[-1]
    assert last["fractal_dimension_30"] == pytest.approx(1.5)
    assert last.drop(["ts", "fractal_dimension_30"]).to_dict() == {
        "variance_ratio_5_50": 1.0, "hurst_100": 0.5, "ordinal_entropy_50": 0.0, "linreg_fit_50": 0.0,
        "abs_autocorr_1_50": 0.0, "persistence_20": 0.5, "largest_move_share_20": 0.0}  # fmt: skip


def test_a_random_walk_lies_in_the_middle():
    means = compute_features(random_bars(6000, seed=12), names=NAMES)[NAMES].mean()
    assert means["hurst_100"] == pytest.approx(
        0.47, abs=0.05
    )  # windows this short see a little less than 0.5
    assert means["variance_ratio_5_50"] == pytest.approx(1.0, abs=0.08)
    assert means["ordinal_entropy_50"] > 0.9
    assert means["abs_autocorr_1_50"] == pytest.approx(0.0, abs=0.05)


def test_the_largest_move_beside_all():
    close = 100 * np.exp(np.cumsum([0.0, *[0.01] * 19, -0.06]))
    assert of_closes(close)["largest_move_share_20"] == pytest.approx(0.06 / 0.25)


def test_fit_and_variance_ratio_against_numpy():
    x = np.log(random_bars(70, seed=9)["close"].to_numpy())
    fit = np.corrcoef(np.arange(50), x[-50:])[0, 1] ** 2
    assert window_kernels.rolling_fit(x, 50)[-1] == pytest.approx(fit, rel=1e-12)
    window = x[-51:]
    mean = (window[-1] - window[0]) / 50
    short = ((np.diff(window) - mean) ** 2).sum() / 49
    long = ((window[5:] - window[:-5] - 5 * mean) ** 2).sum() / (5 * 46 * (1 - 5 / 50))
    assert window_kernels.variance_ratio(x, 5, 50)[-1] == pytest.approx(long / short, rel=1e-12)


def test_hurst_against_numpy():
    x = np.log(random_bars(130, seed=10)["close"].to_numpy())
    lags = np.array([1, 2, 4, 8, 16])
    sizes = [np.abs(x[-101:][k:] - x[-101:][:-k]).mean() for k in lags]
    assert window_kernels.hurst(x, 100)[-1] == pytest.approx(
        np.polyfit(np.log(lags), np.log(sizes), 1)[0], rel=1e-9
    )


def test_entropy_counts_each_window_of_triples():
    values = np.array([1.0, 2, 3, 1, 1, 2, 0, 5, 4, 6])
    ours = window_kernels.ordinal_entropy(values, 4)
    for t in range(5, 10):
        triples = [tuple(np.argsort(values[s - 2 : s + 1], kind="stable")) for s in range(t - 3, t + 1)]
        shares = np.array([triples.count(each) for each in set(triples)]) / 4
        assert ours[t] == pytest.approx(-(shares * np.log(shares)).sum() / math.log(6))
    assert np.isnan(ours[:5]).all()
