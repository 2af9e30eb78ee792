"""Drift as a whole: quiet on noise however slow, loud where something moved, and what it says of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fvg_platform.learning.drift import examine_drift
from fvg_platform.learning.drift_report import DriftReport
from fvg_platform.learning.feature_matrix import FeatureSetError

START = pd.Timestamp("2020-01-01", tz="UTC")
LIFE = pd.Timedelta(days=1)
DAYS = 20
LENGTH = pd.Timedelta(days=DAYS)
NAMES = tuple(f"feature_{number}" for number in range(6))


def made_up(
    seed: int, *, stretches: int = 24, phi: float = 0.95, features: tuple[str, ...] = NAMES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference of so many windows and the window after it: slow features, crowded times, calibrated scores.

    Every day has a state of its features (AR(1), `phi`) and a fate of its outcomes; its setups share both.
    """
    rng = np.random.default_rng(seed)
    days = DAYS * (stretches + 1)
    state = rng.normal(size=(days, len(features)))
    for day in range(1, days):
        state[day] = phi * state[day - 1] + np.sqrt(1.0 - phi**2) * state[day]
    counts = rng.poisson(5.0 * np.exp(0.5 * rng.normal(size=days)))
    day = np.repeat(np.arange(days), counts)
    x = state[day] + 0.3 * rng.normal(size=(day.size, len(features)))
    x[rng.random(x.shape) < 0.05] = np.nan
    p = rng.uniform(0.3, 0.6, day.size)
    # Each day's outcomes are alike: a third of the spread of what decides them is common.
    fate = np.argsort(np.argsort(rng.normal(size=days)))[day] / days
    won = (np.where(rng.random(day.size) < 0.3, fate, rng.random(day.size)) < p).astype(float)
    known_at = START + pd.to_timedelta(day + np.sort(rng.random(day.size)), unit="D")
    frame = pd.DataFrame(x, columns=list(features)).assign(
        known_at=known_at,
        life_end=known_at + LIFE,
        p_target_1=p,
        y_lo=won,
        y_hi=won,
        horizon_passed=True,
    )
    cut = START + stretches * LENGTH
    return frame[frame["known_at"] < cut], frame[frame["known_at"] >= cut]


def examined(reference: pd.DataFrame, window: pd.DataFrame, seed: int = 0) -> DriftReport:
    return examine_drift(reference, window, NAMES, length=LENGTH, seed=seed)


def drifted(report: DriftReport) -> list[str]:
    return report.metrics.loc[report.metrics["drifted"], "name"].tolist()


def test_slow_features_raise_no_more_false_alarms_than_agreed() -> None:
    alarms = sum(examined(*made_up(seed)).state == "drifted" for seed in range(40))
    # At 5 %, more than 6 of 40 are one case in 300.
    assert alarms <= 6


def test_a_feature_that_moved_is_found_and_named() -> None:
    reference, window = made_up(1, stretches=45, phi=0.2)
    for changed in (window["feature_3"] + 2.0, window["feature_3"] * 4.0, window["feature_3"] * np.nan):
        report = examined(reference, window.assign(feature_3=changed))
        assert report.state == "drifted"
        assert drifted(report) == ["feature_3"]
        assert "1 of 6 features moved: feature_3 (PSI " in report.reason
        assert report.p_value is not None
        assert report.p_value <= 0.05


def test_new_combinations_of_old_values_are_found() -> None:
    reference, window = made_up(2, stretches=45, phi=0.2)
    # As a rule all features move together; in the window each goes its own way, over the same values.
    alike = {name: reference["feature_0"] + 0.1 * reference[name] for name in NAMES}
    rng = np.random.default_rng(3)
    pool = reference.assign(**alike)[list(NAMES)].to_numpy()
    mixed = np.column_stack([rng.choice(column[~np.isnan(column)], len(window)) for column in pool.T])
    report = examined(reference.assign(**alike), window.assign(**dict(zip(NAMES, mixed.T, strict=True))))
    assert report.state == "drifted"
    assert drifted(report) == []
    assert report.share_dissimilar is not None
    assert report.share_dissimilar > 0.3
    assert "of the setups are unlike the reference, 5 % were to be expected" in report.reason


def test_probabilities_that_are_off_are_found_and_said_on_both_readings() -> None:
    reference, window = made_up(4)
    report = examined(reference, window.assign(y_lo=window["y_lo"] * (np.arange(len(window)) % 3 == 0)))
    assert report.state == "ok"  # by the better path nothing is wrong
    report = examined(reference, window.assign(y_lo=0.0, y_hi=0.0))
    assert report.state == "drifted"
    assert drifted(report) == []
    assert "on the worse path" in report.reason
    assert report.calibration["lo"] == report.calibration["hi"]
    assert report.calibration["lo"].value == pytest.approx(-window["p_target_1"].mean())
    assert report.calibration["lo"].high is not None
    assert report.calibration["lo"].high < 0.0


def test_scores_are_judged_by_what_is_out_of_sample() -> None:
    reference, window = made_up(5, stretches=45, phi=0.2)
    moved = window.assign(p_target_1=window["p_target_1"] ** 3)
    known = reference["p_target_1"].where(reference["known_at"] >= START + 10 * LENGTH)
    report = examine_drift(reference, moved, NAMES, length=LENGTH, reference_scores=known)
    score = report.metrics.iloc[-1]
    assert (score["kind"], score["name"], score["drifted"]) == ("score", "p_target_1", True)
    assert "the scores moved (PSI " in report.reason
    # The unknown would be most of the difference, if it were counted.
    rest = reference[known.notna()]
    assert score["psi"] == examine_drift(rest, moved, NAMES, length=LENGTH).metrics.iloc[-1]["psi"]
    for few in (known.where(reference["known_at"] >= START + 35 * LENGTH), known * np.nan):
        score = examine_drift(reference, moved, NAMES, length=LENGTH, reference_scores=few).metrics.iloc[-1]
        assert np.isnan(score["adjusted_p"])
        assert not score["drifted"]


def test_a_short_reference_judges_no_features_but_calibration_still() -> None:
    reference, window = made_up(6, stretches=8)
    moved = window.assign(feature_3=window["feature_3"] + 50.0)
    report = examined(reference, moved)
    assert report.state == "too_little"
    assert drifted(report) == []
    assert report.metrics["adjusted_p"].isna().all()
    assert report.metrics.loc[3, "psi"] > 4.0
    assert (
        "8.0 independent stretches of 20 days, the window's length, 19 are needed; calibration holds"
        in report.reason
    )
    wrong = examined(reference, moved.assign(y_lo=0.0, y_hi=0.0))
    assert wrong.state == "drifted"
    assert "too few to judge features by" in wrong.reason


@pytest.mark.parametrize(
    ("old", "new", "said"), [(49, 400, "49 setups in the reference"), (400, 0, "0 setups in the window")]
)
def test_too_few_setups_are_not_looked_at(old: int, new: int, said: str) -> None:
    reference, _ = made_up(7, stretches=4)
    report = examined(reference.head(old), reference.tail(new) if new else reference.head(0))
    assert (report.state, report.p_value, report.share_dissimilar) == ("too_little", None, None)
    assert said in report.reason
    assert report.metrics.empty
    assert list(report.metrics.columns) == ["kind", "name", "psi", "ks", "p_value", "adjusted_p", "drifted"]


def test_the_order_of_setups_and_features_does_not_matter() -> None:
    reference, window = made_up(8)
    few = window.head(80)  # sparse: the reference is thinned
    once = examined(reference, few, seed=5)
    shuffled = [frame.sample(frac=1.0, random_state=1) for frame in (reference, few)]
    again = examine_drift(*shuffled, NAMES[::-1], length=LENGTH, seed=5)
    columns = ["psi", "ks", "p_value", "adjusted_p"]
    pd.testing.assert_frame_equal(
        once.metrics.set_index("name").sort_index()[columns],
        again.metrics.set_index("name").sort_index()[columns],
    )
    assert again.share_dissimilar == pytest.approx(once.share_dissimilar, abs=0.02)
    assert (again.state, again.calibration["lo"].value) == (
        once.state,
        pytest.approx(once.calibration["lo"].value),
    )


def test_constant_and_unknown_features_are_no_drift_until_they_change() -> None:
    reference, window = made_up(9, stretches=45, phi=0.2)
    still = {"feature_1": 7.0, "feature_2": np.nan}
    report = examined(reference.assign(**still), window.assign(**still))
    assert report.metrics.loc[[1, 2], "psi"].tolist() == [0.0, 0.0]
    assert report.metrics.loc[[1, 2], "adjusted_p"].tolist() == [1.0, 1.0]
    changed = examined(reference.assign(**still), window.assign(feature_1=6.0, feature_2=1.0))
    assert drifted(changed) == ["feature_1", "feature_2"]


def test_a_sparse_window_is_held_against_sparse_stretches() -> None:
    """Fifty setups stray farther from the reference than two hundred; that is no drift."""
    alarms = sum(
        examined(reference, window.iloc[:: len(window) // 55]).state == "drifted"
        for reference, window in (made_up(seed, stretches=25, phi=0.0) for seed in range(12))
    )
    assert alarms <= 3


def test_what_cannot_be_examined_is_refused() -> None:
    reference, window = made_up(10, stretches=2)
    with pytest.raises(FeatureSetError, match="'nowhere'"):
        examine_drift(reference, window, ["nowhere"], length=LENGTH)
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1, got 5"):
        examine_drift(reference, window, NAMES, length=LENGTH, alpha=5)
    with pytest.raises(ValueError, match="length of a window must be longer than nothing"):
        examine_drift(reference, window, NAMES, length=pd.Timedelta(0))
    with pytest.raises(ValueError, match="no probability"):
        examined(reference, window.assign(p_target_1=2.0))
    assert replace(examined(reference, window), reason="").setups == len(window)
