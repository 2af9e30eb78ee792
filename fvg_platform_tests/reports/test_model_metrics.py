"""A model's scores beside the base rate's: the base rate is never predicted again, its scores follow from counts."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.learning.evaluation import evaluate
from fvg_platform.reports.model_metrics import METRICS, baseline, metric_values
from fvg_platform.reports.model_values import plain
from fvg_platform_tests.reports import made_up_model


def scored(predictions: np.ndarray, outcomes: np.ndarray, rate: float) -> dict[str, Any]:
    times = pd.date_range("2024-01-01", periods=len(outcomes), freq="D", tz="UTC")
    evaluation = evaluate(
        predictions, outcomes, rate, times, block=pd.Timedelta(days=1), resamples=20, seed=1
    )
    return plain(evaluation)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("skill", 0.0),
        ("brier", 0.45 * 0.53**2 + 0.55 * 0.47**2),
        ("auc", 0.5),
        ("calibration_error", 0.02),
        ("accuracy", 0.55),
        ("precision", None),
        ("recall", 0.0),
        ("f1", 0.0),
    ],
)
def test_a_rate_below_a_half_always_says_no(metric: str, expected: float | None) -> None:
    evaluation = {"n": 1240, "positives": 558, "base_rate": 0.47}
    assert baseline(evaluation, metric) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("metric", "expected"), [("accuracy", 0.6), ("precision", 0.6), ("recall", 1.0), ("f1", 0.75)]
)
def test_a_rate_from_a_half_on_always_says_yes(metric: str, expected: float) -> None:
    assert baseline({"n": 10, "positives": 6, "base_rate": 0.5}, metric) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(outcomes=st.lists(st.integers(0, 1), min_size=1, max_size=30), rate=st.floats(0.0, 1.0))
def test_the_base_rates_scores_are_those_of_predicting_it(outcomes: list[int], rate: float) -> None:
    y = np.array(outcomes, dtype=float)
    evaluation = scored(np.full(y.size, rate), y, rate)
    for metric in METRICS:
        value = (evaluation.get(metric.name) or {}).get("value")
        # Where outcomes or predictions are all alike, skill and AUC of the prediction itself are undefined.
        if value is not None:
            assert baseline(evaluation, metric.name) == pytest.approx(value, abs=1e-9)


def test_skill_is_coloured_by_its_interval_and_scores_that_move_with_the_base_rate_are_not() -> None:
    def standings(low: float, high: float) -> dict[str, str | None]:
        skill = {"value": (low + high) / 2, "low": low, "high": high, "reason": None}
        rows = metric_values({"target_1": made_up_model.evaluation() | {"skill": skill}})
        return {row["metric"]: row["targets"]["target_1"]["standing"] for row in rows}

    assert standings(0.01, 0.03)["skill"] == "better"
    assert standings(-0.01, 0.03)["skill"] == "undecided"
    assert standings(-0.03, -0.01)["skill"] == "worse"
    assert standings(0.01, 0.03)["auc"] == "better"
    assert standings(0.01, 0.03)["brier"] is None


def test_every_metric_is_listed_also_where_an_older_model_lacks_it() -> None:
    rows = metric_values({"target_1": {"n": 3, "positives": 1, "base_rate": 0.4}, "entered": None})
    assert [row["metric"] for row in rows] == [metric.name for metric in METRICS]
    assert rows[0]["targets"]["target_1"]["value"] is None
    assert rows[1]["targets"]["entered"]["baseline"] is None
    assert all(row["targets"] == {} for row in metric_values(None))
