"""A model's scores on the unseen test period, each beside what the training period's base rate would have scored.

The base rate says the same probability every time, so its scores follow from three numbers that every evaluation
holds: how many outcomes there were, how many were positive, and the rate. Nothing is predicted again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fvg_platform.reports.model_values import is_number, mapping_of, targets_in

Better = Literal["higher", "lower"]
Standing = Literal["better", "worse", "undecided"]

ACTED_FROM = 0.5
"""Accuracy, precision, recall and F1 take a probability of at least this for a yes."""


@dataclass(frozen=True)
class Metric:
    """A score: how it is called, what it means, which direction is good, how it is written."""

    name: str
    title: str
    meaning: str
    better: Better
    decimals: int
    percent: bool = False
    signed: bool = False


METRICS: tuple[Metric, ...] = (
    Metric("skill", "Skill", "1 − Brier / Brier of the base rate", "higher", 3, signed=True),
    Metric("brier", "Brier score", "mean squared error of the probability", "lower", 4),
    Metric("log_loss", "Log loss", "punishes being sure and wrong, in nats", "lower", 4),
    Metric("auc", "AUC", "share of pairs put in the right order", "higher", 3),
    Metric(
        "calibration_error", "Calibration error", "mean gap between said and seen", "lower", 1, percent=True
    ),
    Metric("accuracy", "Accuracy", "right yes or no, yes from 50 %", "higher", 1, percent=True),
    Metric("precision", "Precision", "of those called yes, came true", "higher", 1, percent=True),
    Metric("recall", "Recall", "of those that came true, called yes", "higher", 1, percent=True),
    Metric("f1", "F1", "harmonic mean of the two", "higher", 3),
)


def metric_values(test_metrics: Any) -> list[dict[str, Any]]:
    """One entry per metric: `metric, title, meaning, better, targets`.

    `targets` holds for each target `value, low, high, reason, baseline, standing`; a metric that no target has is
    listed all the same, so that a reader sees that it is missing.

    Parameters
    ----------
    test_metrics
        By target an evaluation as a dict; None where the model was not judged.
    """
    evaluations = mapping_of(test_metrics)
    return [
        {
            "metric": metric.name,
            "title": metric.title,
            "meaning": metric.meaning,
            "better": metric.better,
            "targets": {
                target: _scored(metric, mapping_of(evaluations[target])) for target in targets_in(evaluations)
            },
        }
        for metric in METRICS
    ]


def _scored(metric: Metric, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    estimate = mapping_of(evaluation.get(metric.name))
    reference = baseline(evaluation, metric.name)
    return {
        **{name: estimate.get(name) for name in ("value", "low", "high", "reason")},
        "baseline": reference,
        "standing": standing(metric, estimate, reference),
    }


def standing(metric: Metric, estimate: Mapping[str, Any], reference: float | None) -> Standing | None:
    """Whether the interval lies on one side of the baseline; None where that is no fair comparison.

    Skill is measured against the base rate on the same outcomes, and the base rate puts nothing in order whatever
    the outcomes. The other scores move together with the base rate's from resample to resample: their own interval
    says nothing about the difference.
    """
    if metric.name not in ("skill", "auc") or reference is None:
        return None
    low, high = estimate.get("low"), estimate.get("high")
    if not (is_number(low) and is_number(high)):
        return None
    if low > reference:
        return "better"
    return "worse" if high < reference else "undecided"


def baseline(evaluation: Mapping[str, Any], metric: str) -> float | None:
    """What saying the base rate every time would have scored on the same outcomes; None where that is undefined."""
    n, positives, rate = (evaluation.get(name) for name in ("n", "positives", "base_rate"))
    if not (is_number(n) and is_number(positives) and is_number(rate)) or not n:
        return None
    return _constant_score(metric, positives / n, float(rate))


def _constant_score(metric: str, share: float, rate: float) -> float | None:
    """The score of saying `rate` each time where `share` of the outcomes came true."""
    yes = rate >= ACTED_FROM
    match metric:
        case "skill":
            return 0.0
        case "brier":
            return share * (1.0 - rate) ** 2 + (1.0 - share) * rate**2
        case "log_loss":
            inside = min(max(rate, 1e-6), 1.0 - 1e-6)
            return -(share * math.log(inside) + (1.0 - share) * math.log1p(-inside))
        case "auc":
            return 0.5 if 0.0 < share < 1.0 else None
        case "calibration_error":
            return abs(rate - share)
        case "accuracy":
            return share if yes else 1.0 - share
        case "precision":
            return share if yes else None
        case "recall":
            return float(yes) if share else None
        case "f1":
            return 2.0 * share / (1.0 + share) if yes else (0.0 if share else None)
    return None
