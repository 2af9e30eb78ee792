"""The life of a model on the demo's tables: challengers that are worse wait, people decide, `fvg models` tells."""

import dataclasses
import json
from typing import Any

import pytest

from fvg_platform.learning.models import BaseRate
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.pipeline import training
from fvg_platform.pipeline.stages import SIGNALS
from fvg_platform_tests.integration.operations import failures, fvg_in_process, materialise_assets
from fvg_platform_tests.platforms import Workplace

STATUS = "SELECT version, semantic_version, status FROM models WHERE timeframe = '1d' ORDER BY version"


def claims(model: TrainedModel, rate: float) -> TrainedModel:
    """The model as if every target came true in this share of cases."""
    return dataclasses.replace(
        model, classifiers=dict.fromkeys(model.classifiers, BaseRate(rate)), seed=model.seed + 1
    )


def challenge(sample: Workplace, monkeypatch: pytest.MonkeyPatch, rate: float | None) -> dict[str, Any]:
    """Train a version of the daily model that claims a rate (None: what it learnt); how it was received."""
    learnt = training.train

    def train(*arguments: Any, **options: Any) -> TrainedModel:
        model = learnt(*arguments, **options)
        return dataclasses.replace(model, seed=99) if rate is None else claims(model, rate)

    with monkeypatch.context() as patched:
        patched.setattr(training, "train", train)
        runs = materialise_assets(sample, ["win_rate_model"], only_timeframes=["1d"])
    assert failures(runs) == {}
    shown = fvg_in_process(sample, "models", "show", "1d", str(len(sample.rows(STATUS))), "--json")
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def test_challengers_people_and_signals(sample: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    worse = challenge(sample, monkeypatch, 0.9)
    assert sample.rows(STATUS) == [(1, "1.0.0", "active"), (2, "1.0.1", "candidate")]
    assert worse["status"] == "candidate" and "Brier" in worse["status_reason"]
    (comparison,) = worse["comparisons"]
    assert (comparison["champion"], comparison["promoted"]) == (1, False)
    assert comparison["difference"]["low"] > 0.1, "proven worse, by the interval of the paired difference"
    assert worse["test_metrics"] is None, "the test period has been used by version 1"

    listed = fvg_in_process(sample, "models", "list", "--timeframe", "1d")
    assert listed.exit_code == 0 and "candidate" in listed.stdout and "active" in listed.stdout
    compared = fvg_in_process(sample, "models", "compare", "1d", "1", "2", "--json")
    assert compared.exit_code == 0, compared.output
    assert json.loads(compared.stdout)["verdict"]["promote"] is False

    # People may let it serve all the same; the day's signals are then its own, and the card says who decided.
    done = fvg_in_process(sample, "models", "activate", "1d", "2")
    assert done.exit_code == 0, done.output
    assert [row[2] for row in sample.rows(STATUS)] == ["retired", "active"]
    ((card,),) = sample.rows("SELECT card FROM models WHERE timeframe = '1d' AND version = 2")
    assert "activated by hand" in (sample.home / "models" / card).read_text()
    assert fvg_in_process(sample, "models", "retire", "1d", "2").exit_code == 0
    report = fvg_in_process(sample, "report")
    assert "base rate ‡" in report.stdout, "nothing serves: the report says so"
    assert fvg_in_process(sample, "models", "activate", "1d", "1").exit_code == 0

    # One that is as good takes over, for it has seen at least as much.
    equal = challenge(sample, monkeypatch, None)
    assert equal["status"] == "active", equal["status_reason"]
    assert [row[2] for row in sample.rows(STATUS)] == ["retired", "retired", "active"]
    assert failures(materialise_assets(sample, SIGNALS.assets)) == {}


def test_what_cannot_be_done_is_said(sample: Workplace) -> None:
    unknown = fvg_in_process(sample, "models", "show", "1d", "7")
    assert unknown.exit_code != 0
    assert "no version 7 of the model of 1d; there are 1 to 1" in str(unknown.exception)
    (
        sample.home / "models" / sample.rows("SELECT artifact FROM models WHERE timeframe = '1d'")[0][0]
    ).unlink()
    missing = fvg_in_process(sample, "models", "activate", "1d", "1")
    assert "is not in the model store" in str(missing.exception)
    assert sample.rows(STATUS) == [(1, "1.0.0", "active")]
