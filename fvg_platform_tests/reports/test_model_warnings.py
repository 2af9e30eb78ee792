"""What is said of a model before its figures: the sentence on top, and each thing to be wary of."""

from typing import Any

import pytest

from fvg_platform.reports.model_values import model_values
from fvg_platform.reports.model_warnings import Level, summary, warnings_of
from fvg_platform_tests.reports import made_up_model as made_up


def said(**changes: Any) -> dict[str, Level]:
    return {caveat.text: caveat.level for caveat in warnings_of(model_values(made_up.record(**changes)))}


def level_of(words: str, **changes: Any) -> Level:
    (level,) = [level for text, level in said(**changes).items() if words in text]
    return level


def judged(skill: float, spread: float = 0.02, **other: Any) -> dict[str, Any]:
    return {target: made_up.evaluation(skill, spread) | other for target in made_up.TARGETS}


def signals(**changes: Any) -> dict[str, Any]:
    backtest = made_up.backtest()
    backtest["runs"]["signals"]["lo"] |= changes
    return backtest


def sound() -> dict[str, Any]:
    """A model of which there is nothing bad to say."""
    splendid = made_up.estimate(0.3, 0.1)
    return {
        "test_metrics": judged(0.05),
        "combinatorial": {"splits": [], "paths": [0.01, 0.02]},
        "backtest": signals(mean_r=splendid, deflated_sharpe=0.97),
    }


def test_a_sound_model_has_no_caveats() -> None:
    assert said(**sound()) == {}


@pytest.mark.parametrize(
    ("skill", "spread", "start"),
    [
        (0.05, 0.02, "It is better than the base rate: target 1's skill on 1,240 unseen setups is +0.050"),
        (0.012, 0.02, "No skill is shown: "),
        (-0.05, 0.02, "It is worse than the base rate: "),
    ],
)
def test_the_first_sentence_says_whether_there_is_skill(skill: float, spread: float, start: str) -> None:
    assert summary(model_values(made_up.record(test_metrics=judged(skill, spread)))).startswith(start)


def test_the_first_sentence_claims_nothing_without_an_interval() -> None:
    skill = {"value": 0.2, "low": None, "high": None, "reason": "no interval: 2 blocks are spanned"}
    record = made_up.record(
        test_metrics={t: made_up.evaluation() | {"skill": skill} for t in made_up.TARGETS}
    )
    assert summary(model_values(record)).startswith("Whether it has skill is not known")
    words = "Skill of target 3 is +0.200, but how sure that is cannot be said (no interval: 2 blocks are spanned)."
    assert level_of(words, test_metrics=record["test_metrics"]) == "caution"
    assert "base rate" in summary(made_up.bare_record())
    assert "not judged on unseen bars" in summary({})


def test_no_skill_is_serious_for_the_first_target_only() -> None:
    assert level_of("No skill is shown for target 1, target 2") == "serious"
    only_third = judged(0.05) | {"target_3": made_up.evaluation(0.0)}
    assert level_of("No skill is shown for target 3:", test_metrics=only_third) == "caution"
    assert level_of("worse than the base rate for target 1, ", test_metrics=judged(-0.05)) == "serious"


@pytest.mark.parametrize(
    ("changes", "words", "level"),
    [
        (
            {"algorithm": "base_rate", "flag": "too few"},
            "no model but the training period's base rate: too few.",
            "serious",
        ),
        ({"setups_entered": 199}, "learned from 199 entered setups", "serious"),
        ({"test_metrics": None}, "no figures on unseen bars", "missing"),
        ({"threshold": None}, "No threshold was chosen", "missing"),
        (
            {"threshold": {"value": None, "reason": "Nothing earns."}},
            "It acts on nothing. Nothing earns.",
            "serious",
        ),
        ({"backtest": None}, "There is no backtest.", "missing"),
        ({"backtest": signals(trades=0, reason="no threshold")}, "no trades: no threshold.", "missing"),
        ({"backtest": signals(trades=12)}, "rests on 12 trades", "caution"),
        (
            {"backtest": signals(mean_r=made_up.estimate(-0.3, 0.1))},
            "Acting on it lost: mean R −0.300",
            "serious",
        ),
        (
            {"backtest": signals(mean_r=made_up.estimate(-0.01, 0.1))},
            "leave open whether it won or lost",
            "caution",
        ),
        (
            {"backtest": signals(mean_r=made_up.estimate(0.05, 0.01))},
            "no better than random entries",
            "caution",
        ),
        (
            {"status": "candidate", "status_reason": "it is worse"},
            "it is a candidate: it is worse.",
            "caution",
        ),
        ({"trials": [{"state": "failed"}]}, "Tuning trials that failed: 1.", "caution"),
        (
            {"combinatorial": {"paths": [0.1, -0.1, 0.0]}},
            "without skill, the served algorithm: 2 of 3.",
            "caution",
        ),
        ({"notes": ["rsi_5 is constant"]}, "From its training: rsi_5 is constant.", "caution"),
    ],
)
def test_each_fault_is_said_with_its_number(changes: dict[str, Any], words: str, level: Level) -> None:
    assert level_of(words, **(sound() | changes)) == level
    assert not any(words in text for text in said(**sound()))


def test_a_calibration_error_counts_when_it_is_proven() -> None:
    surely = {"value": 0.2, "low": 0.11, "high": 0.3, "reason": None}
    maybe = {"value": 0.2, "low": 0.09, "high": 0.3, "reason": None}
    assert (
        level_of(
            "target 2 are off by 20.0 % [11.0, 30.0]", test_metrics=judged(0.05, calibration_error=surely)
        )
        == "serious"
    )
    assert not any("are off by" in text for text in said(test_metrics=judged(0.05, calibration_error=maybe)))


def test_folds_without_skill_are_counted_when_they_are_half_or_more() -> None:
    def folds(*skills: float) -> list[dict[str, Any]]:
        return [{"fold": n, "target": "target_1", "skill": skill} for n, skill in enumerate(skills)]

    assert level_of("In 1 of 2 folds", walk_forward=folds(-0.1, 0.1)) == "caution"
    assert not any("folds" in text for text in said(walk_forward=folds(-0.1, 0.1, 0.1)))


def test_the_most_serious_comes_first() -> None:
    levels = list(
        said(test_metrics=judged(0.0), backtest=None, status="candidate", status_reason=None).values()
    )
    assert levels == sorted(levels, key=["serious", "caution", "missing"].index)
    assert levels[0] == "serious"
    assert levels[-1] == "missing"


def test_nothing_at_all_is_no_reason_to_fail() -> None:
    assert {caveat.level for caveat in warnings_of({})} == {"missing"}
