"""Figures over many labels: what is counted where, and intervals that know of clusters."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.summary import matured, summarise_labels

from .made_up import walk


def labels_of(rows: list[tuple[str, str | None, str | None, float, float]], days: int = 1) -> pd.DataFrame:
    """Labels whose three targets all end alike: (status, lo, hi, R lo, R hi), one every `days` days."""
    frame = pd.DataFrame(rows, columns=["status", "lo", "hi", "r_lo", "r_hi"])
    frame["i"] = range(len(frame))
    frame["ts"] = pd.date_range("2000-01-03", periods=len(frame), freq=f"{days}D", tz="UTC")
    for k in (1, 2, 3):
        for path in ("lo", "hi"):
            frame[f"outcome_{k}_{path}"], frame[f"r_{k}_{path}"] = frame[path], frame[f"r_{path}"]
        frame[f"identified_{k}"] = (frame["lo"] == frame["hi"]) & (frame["lo"] != "censored")
    return frame


NOTHING = (None, None, np.nan, np.nan)
MIXED = [
    ("entered", "target", "target", 1.0, 1.0),
    ("entered", "stop", "target", -1.0, 1.0),
    ("entered", "stop", "stop", -1.0, -1.0),
    ("entered", "timeout", "timeout", 0.5, 0.5),
    ("entered", "censored", "target", np.nan, 1.0),
    ("entered", "censored", "censored", np.nan, np.nan),
    ("gap_invalid", None, None, -0.1, -0.1),
    ("ran_away", *NOTHING),
    ("ran_away", *NOTHING),
    ("expired", *NOTHING),
    ("pending", *NOTHING),
]


def test_each_setup_is_counted_in_its_place() -> None:
    summary = summarise_labels(labels_of(MIXED), "1d")
    assert summary.setups == 11
    assert summary.statuses == {"pending": 1, "entered": 6, "gap_invalid": 1, "ran_away": 2, "expired": 1}
    for target in summary.targets:
        assert (target.targets_lo, target.settled_lo, target.censored_lo) == (1, 4, 2)
        assert (target.targets_hi, target.settled_hi, target.censored_hi) == (3, 5, 1)
        assert (target.win_rate_lo.value, target.win_rate_hi.value) == (1 / 4, 3 / 5)
        assert (target.identified, target.identified_share) == (3, 3 / 4)
        assert (target.r_count_lo, target.mean_r_lo.value) == (5, pytest.approx((1 - 1 - 1 + 0.5 - 0.1) / 5))
        assert (target.r_count_hi, target.mean_r_hi.value) == (
            6,
            pytest.approx((1 + 1 - 1 + 0.5 + 1 - 0.1) / 6),
        )


def test_too_little_time_has_no_sampling_interval() -> None:
    summary = summarise_labels(labels_of(MIXED), "1d")
    assert summary.blocks == 1
    assert np.isnan([summary.targets[0].win_rate_lo.low, summary.targets[0].mean_r_hi.high]).all()


def test_no_labels_and_no_entries_give_unknown_figures() -> None:
    for rows in ([], [("ran_away", *NOTHING)] * 900):
        summary = summarise_labels(labels_of(rows), "1d")
        assert summary.setups == len(rows)
        assert np.isnan([t.win_rate_lo.value for t in summary.targets]).all()
        assert np.isnan([t.identified_share for t in summary.targets]).all()


def width(wins: np.ndarray, **choices: object) -> float:
    rows = [
        ("entered", w, w, r, r) for w, r in zip(np.where(wins, "target", "stop"), 2.0 * wins - 1, strict=True)
    ]
    estimate = summarise_labels(labels_of(rows), "1d", **choices).targets[0].win_rate_lo
    assert estimate.low < estimate.value < estimate.high
    return estimate.high - estimate.low


def test_the_sampling_interval_is_the_binomial_one_for_lone_setups_and_wider_for_clusters() -> None:
    rng = np.random.default_rng(0)
    binomial = 2 * 1.96 * np.sqrt(0.25 / 6000)
    assert width(rng.random(6000) < 0.5) == pytest.approx(binomial, rel=0.35)
    # Thirty neighbours share one fate: the evidence is that of 200 setups.
    assert width(np.repeat(rng.random(200) < 0.5, 30)) > 3.5 * binomial


def test_the_interval_is_reproducible_and_widens_with_confidence() -> None:
    wins = np.random.default_rng(1).random(3000) < 0.4
    assert width(wins, seed=5) == width(wins, seed=5) != width(wins, seed=6)
    assert width(wins, confidence=0.99) > width(wins, confidence=0.8)


def test_the_order_of_rows_does_not_matter() -> None:
    labels = labels_of(MIXED * 100)
    shuffled = labels.sample(frac=1, random_state=0)
    for one, other in zip(
        summarise_labels(labels, "1d").targets, summarise_labels(shuffled, "1d").targets, strict=True
    ):
        assert one.win_rate_lo == other.win_rate_lo
        assert one.settled_hi == other.settled_hi


def test_real_labels_are_summarised_with_ordered_intervals() -> None:
    bars = walk(3000, seed=8)
    config = mode_config("1m")
    labels = label_setups(bars, plan_setups(detect_gaps(bars, "1m"), "1m"), "1m")
    summary = summarise_labels(labels, "1m", block=pd.Timedelta(hours=3))
    assert sum(summary.statuses.values()) == summary.setups == len(labels)
    for target in summary.targets:
        assert target.settled_lo + target.censored_lo == summary.statuses["entered"]
        assert (
            target.win_rate_lo.low
            <= target.win_rate_lo.value
            <= target.win_rate_hi.value
            <= target.win_rate_hi.high
        )
    ripe = matured(labels, len(bars), config)
    assert not ripe.all()
    assert not (labels.loc[ripe, "status"] == "pending").any()
    assert not (labels.loc[ripe, "outcome_3_lo"] == "censored").any()
