"""Windows and stretches of time, PSI and KS by hand and by SciPy, ranks among stretches, calibration as it comes in."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from fvg_platform.learning.calibration_drift import calibration_drift
from fvg_platform.learning.drift_statistics import (
    bin_edges,
    bins_within,
    ks_distance,
    move,
    ranks,
    stability_index,
)
from fvg_platform.learning.drift_windows import Stretches, drift_windows

START = pd.Timestamp("2024-01-01", tz="UTC")
DAY = pd.Timedelta(days=1)
DAY_NS = int(DAY.as_unit("ns").value)


def days(*numbers: float) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(numbers, unit="D"))


def test_windows_follow_each_other_from_the_cut_on() -> None:
    known = days(*np.linspace(-100.0, 0.0, 1_001))  # ten a day: 100 take ten days
    cut = START + DAY
    windows = drift_windows(known, cut, cut + 65 * DAY, 5 * DAY)
    assert [(window.start - cut) / DAY for window in windows] == [0, 20, 40, 60]  # four lives
    assert [window.complete for window in windows] == [True, True, True, False]
    assert {window.length for window in windows} == {20 * DAY}
    assert windows[2].end == windows[3].start
    # Rare setups: 100 of them take longer than four lives.
    (rare, *_) = drift_windows(known[::10], cut, cut + 365 * DAY, 5 * DAY)
    assert rare.length == 100 * DAY


def test_a_window_is_complete_once_the_bars_reach_its_end() -> None:
    known = days(-3, -2)
    (whole,) = drift_windows(known, START, START + 20 * DAY, 5 * DAY, setups=1)
    (running,) = drift_windows(known, START, START + 20 * DAY - pd.Timedelta(1, unit="ns"), 5 * DAY, setups=1)
    assert (whole.complete, running.complete) == (True, False)
    assert drift_windows(known, START, START, DAY) == []
    assert drift_windows(known, START, START - DAY, DAY) == []
    assert drift_windows(known.head(0), START, START + DAY, 5 * DAY)[0].length == 20 * DAY
    with pytest.raises(ValueError, match="a life must last longer than nothing"):
        drift_windows(known, START, START + DAY, pd.Timedelta(0))


def test_stretches_count_what_falls_into_them() -> None:
    # Two hundred setups a day over 25 days: stretches of five days start every 15 hours.
    known = np.arange(0, 25 * DAY_NS, DAY_NS // 200)
    stretches = Stretches.of(known, 5 * DAY)
    assert (stretches.run, stretches.n_cells) == (8, 40)
    assert stretches.rows.tolist() == [1_000] * 33
    assert stretches.independent == 5.0
    group = (known >= known.max() - DAY_NS).astype(np.int64)  # the newest day
    counts = stretches.counts(group, 2)
    assert counts.sum(axis=1).tolist() == [1_000.0] * 33
    assert counts[0, 1] == 201
    assert counts[2:, 1].tolist() == [0.0] * 31
    thinned = stretches.like(100, seed=0)
    assert thinned is not None
    assert thinned.mean() == pytest.approx(0.1, abs=0.02)
    assert stretches.like(1_000, seed=0) is None


def test_stretches_without_setups_are_none() -> None:
    dense = np.arange(0, 10 * DAY_NS, DAY_NS // 100)
    stretches = Stretches.of(np.append(dense, 100 * DAY_NS), 5 * DAY)
    assert stretches.independent == pytest.approx(2.0, abs=0.5)
    assert Stretches.of(dense, 30 * DAY).independent == 0.0


def test_the_stability_index_by_hand() -> None:
    # (0.5 − 0.2)·ln 2.5 + (0.5 − 0.8)·ln 0.625
    assert stability_index(np.array([5.0, 5.0]), np.array([2.0, 8.0])) == pytest.approx(0.415888, abs=1e-6)
    # A bin that is empty in the window counts as half of its ten setups; empty in both: nothing.
    by_hand = (1.0 - 0.5) * np.log(1.0 / 0.5) + (0.05 - 0.5) * np.log(0.05 / 0.5)
    found = stability_index(np.array([10.0, 0.0, 0.0]), np.array([50.0, 50.0, 0.0]))
    assert found == pytest.approx(by_hand)
    assert np.isnan(stability_index(np.zeros(2), np.ones(2)))


values = st.lists(st.integers(-5, 5).map(float) | st.just(float("nan")), min_size=8, max_size=60)


@given(old=values, new=values)
@settings(max_examples=40, deadline=None)
def test_binned_ks_is_that_of_scipy_over_the_bins(old: list[float], new: list[float]) -> None:
    reference, window = np.array(old), np.array(new)
    edges = bin_edges(reference)
    binned = [bins_within(edges, x) for x in (window, reference)]
    counts = [np.bincount(bins, minlength=edges.size + 2)[:-1].astype(float) for bins in binned]
    known = [bins[~np.isnan(x)] for bins, x in zip(binned, (window, reference), strict=True)]
    if min(map(len, known)) == 0:
        assert np.isnan(ks_distance(*counts))
    else:
        assert ks_distance(*counts) == pytest.approx(ks_2samp(*known, method="asymp").statistic)


def test_bins_hold_equally_many_and_a_frequent_value_has_its_own() -> None:
    edges = bin_edges(np.append(np.arange(1_000.0), [np.nan] * 50))
    assert np.bincount(bins_within(edges, np.arange(1_000.0))).tolist() == [50] * 20
    spiked = np.append(np.zeros(900), np.linspace(1.0, 2.0, 100))
    edges = bin_edges(spiked)
    below, at, above, unknown = bins_within(edges, np.array([-1e-300, 0.0, 1e-9, np.nan]))
    assert below < at < above < unknown == edges.size + 1
    assert bins_within(bin_edges(np.full(5, np.nan)), np.array([1.0, np.nan])).tolist() == [0, 1]


@given(seed=st.integers(0, 1_000), power=st.sampled_from([0.25, 8.0]))
@settings(max_examples=20, deadline=None)
def test_units_of_a_feature_do_not_matter(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    old, new = rng.normal(size=400), rng.normal(size=80)
    stretches = Stretches.of(np.arange(400) * DAY_NS, 80 * DAY)
    once, again = (move(factor * old, factor * new, stretches) for factor in (1.0, power))
    assert (once.psi, once.ks) == (again.psi, again.ks)
    np.testing.assert_array_equal(once.stretches, again.stretches)


def test_a_stretch_is_held_against_the_rest() -> None:
    # Four stretches side by side of 60 setups; only the newest is of ones.
    old = np.append(np.zeros(180), np.ones(60))
    stretches = Stretches.of(np.arange(240) * DAY_NS, 60 * DAY)
    found = move(old, np.ones(60), stretches)
    n, rest = 60.0, 180.0
    alone = (1.0 - 0.5 / rest) * np.log(rest / 0.5) + (0.5 / n - 1.0) * np.log(0.5 / n)
    assert found.stretches[0] == pytest.approx(alone)
    assert found.ks == 0.75
    # 60 of 240 are ones: (1 − ¼)·ln 4 + (1/120 − ¾)·ln(1/90)
    assert found.psi == pytest.approx(0.75 * np.log(4.0) + (1 / 120 - 0.75) * np.log(1 / 90))


def test_ranks_count_independent_stretches_and_the_largest_of_all_columns() -> None:
    null = np.column_stack([np.arange(20.0), np.tile([0.0, 1.0], 10)])
    found = ranks(np.array([18.0, 0.5]), null, independent=20.0)
    assert found.p_value.tolist() == pytest.approx([3 / 21, 11 / 21])  # 18 and 19 reach it
    # As if each stretch were told twice: ten independent ones.
    assert ranks(np.array([18.0, 0.5]), null, independent=10.0).p_value.tolist() == pytest.approx(
        [2 / 11, 6 / 11]
    )
    assert found.adjusted_p[0] >= found.p_value[0]
    far = ranks(np.array([100.0, np.nan]), null, independent=20.0)
    assert far.p_value[0] == far.adjusted_p[0] == pytest.approx(1 / 21)
    assert np.isnan([far.p_value[1], far.adjusted_p[1]]).all()


def test_one_of_many_features_that_is_rare_by_itself_is_no_alarm() -> None:
    rng = np.random.default_rng(0)
    null = rng.normal(size=(99, 200))
    found = [ranks(rng.normal(size=200), null, independent=99.0) for _ in range(40)]
    assert np.mean([each.p_value.min() <= 0.05 for each in found]) == 1.0
    assert np.mean([each.adjusted_p.min() <= 0.05 for each in found]) <= 0.15


def test_what_happened_once_does_not_drown_what_drifted() -> None:
    null = np.random.default_rng(0).normal(size=(40, 100))
    null[:, 60:] = 0.0
    null[np.arange(40), np.arange(60, 100)] = 1e-3  # each stretch has had a trifle of its own
    observed = null.mean(axis=0)
    observed[59] = 9.0
    assert ranks(observed, null, independent=40.0).adjusted_p[59] == pytest.approx(1 / 41)


def outcomes(n: int = 400) -> pd.DataFrame:
    """Forty lives of a day, ten setups in each, an even chance that is told as such."""
    rng = np.random.default_rng(1)
    known = pd.Series(START + pd.to_timedelta(np.sort(rng.uniform(0.0, 40.0, n)), unit="D"))
    y = (rng.random(n) < 0.5).astype(float)
    return pd.DataFrame(
        {
            "known_at": known,
            "life_end": known + DAY,
            "p_target_1": 0.5,
            "y_lo": y,
            "y_hi": y,
            "horizon_passed": True,
        }
    )


def test_both_readings_must_say_that_calibration_is_off() -> None:
    frame = outcomes()
    fine = calibration_drift(frame)
    assert fine.lo == fine.hi
    assert fine.lo.value == pytest.approx(frame["y_lo"].mean() - 0.5)
    assert fine.lo.low < 0.0 < fine.lo.high  # type: ignore[operator]
    assert fine.p_value > 0.05  # type: ignore[operator]
    seldom = frame["y_lo"] * (frame.index % 2)
    assert calibration_drift(frame.assign(y_lo=seldom, y_hi=seldom)).p_value < 0.001  # type: ignore[operator]
    one = calibration_drift(frame.assign(y_lo=seldom))
    assert one.lo.high < 0.0 < one.hi.high  # type: ignore[operator]
    assert one.p_value == max(fine.p_value, one.p_value)  # type: ignore[type-var]
    apart = calibration_drift(frame.assign(y_lo=seldom, y_hi=1.0 - seldom))
    assert apart.lo.high < 0.0 < apart.hi.low  # type: ignore[operator]
    assert apart.p_value == 1.0


def test_the_interval_is_the_probability_it_is_judged_by() -> None:
    frame = outcomes()
    shifted = frame.assign(p_target_1=0.56)
    p_value = calibration_drift(shifted).p_value
    assert p_value is not None
    edge = calibration_drift(shifted, level=1.0 - p_value).lo
    assert min(abs(edge.low), abs(edge.high)) == pytest.approx(0.0, abs=1e-9)  # type: ignore[arg-type]


def test_lives_that_are_not_over_and_setups_that_were_not_entered_say_nothing() -> None:
    frame = outcomes()
    open_ones = frame.index >= 300
    shown = calibration_drift(
        frame.assign(horizon_passed=~open_ones, y_lo=np.where(open_ones, 1.0, frame["y_lo"]))
    )
    assert shown.lo.value == pytest.approx(frame["y_lo"].head(300).mean() - 0.5)
    unresolved = calibration_drift(frame.assign(y_hi=np.where(frame.index < 49, frame["y_hi"], np.nan)))
    assert unresolved.p_value is None
    assert unresolved.hi.reason == "no interval: 49 setups have an outcome, 50 are needed"
    crowded = calibration_drift(frame.assign(life_end=frame["known_at"] + 10 * DAY))
    assert crowded.p_value is None
    assert crowded.lo.reason is not None
    assert "2.0 blocks of 20 days" in crowded.lo.reason
