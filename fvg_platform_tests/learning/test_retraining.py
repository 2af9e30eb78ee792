import datetime as dt
from dataclasses import replace

import pytest

from fvg_platform.learning.retraining import (
    ModelFacts,
    RetrainRules,
    RollingSkill,
    decide_retraining,
    demands,
    skill_lost,
)


@pytest.mark.parametrize(
    ("newly", "trained_on", "resolved", "start", "numbers"),
    [
        (0, None, 0, False, ["no resolved setup"]),
        (0, None, 1, True, ["1 resolved"]),
        (49, 100, 149, False, ["49", "50", "100"]),  # the minimum decides
        (50, 100, 150, True, ["50", "100"]),
        (99, 1000, 1099, False, ["99", "100 are needed", "1000"]),  # the share decides
        (100, 1000, 1100, True, ["100", "1000"]),
        (100, 1001, 1101, False, ["101 are needed"]),  # a tenth of 1001, rounded up
        (50, 0, 50, True, ["50"]),  # a model that served a base rate without any setup
        (0, 0, 0, False, ["0"]),
    ],
)
def test_when_to_train_again(newly, trained_on, resolved, start, numbers):
    decision = decide_retraining(newly, trained_on, resolved)
    assert decision.start is start
    assert decision.reason.endswith(".")
    for number in numbers:
        assert number in decision.reason


def test_the_thresholds_can_be_set():
    assert decide_retraining(10, 100, 110, min_new=10, min_share=0.05).start
    assert not decide_retraining(10, 100, 110, min_new=10, min_share=0.2).start


@pytest.mark.parametrize("counts", [(-1, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_negative_counts_are_refused(counts):
    with pytest.raises(ValueError, match="must not be negative"):
        decide_retraining(*counts)


NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
TRUE = ModelFacts("1d", 3, NOW - dt.timedelta(days=10), 1000, 1200, 1210)


def asked(facts: ModelFacts, **rules: dt.timedelta) -> dict[str, tuple[int, str]]:
    return {found.trigger: (found.priority, found.reason) for found in demands(facts, now=NOW, **rules)}


def test_a_model_that_is_true_and_young_is_left_alone():
    assert demands(TRUE, now=NOW) == ()


def test_every_reason_comes_with_its_priority_and_its_words():
    facts = replace(
        TRUE,
        trained_at=NOW - dt.timedelta(days=91),
        resolved=1301,
        revised_series=tuple("GABCDFE"),
        drift="rsi_14 has moved.",
        skill="It promised too much.",
    )
    found = demands(facts, now=NOW)
    assert [(f.trigger, f.priority) for f in found] == [
        ("drift", 2),
        ("skill", 2),
        ("revision", 3),
        ("labels", 4),
        ("age", 5),
    ]
    said = {f.trigger: f.reason for f in found}
    assert said["drift"] == "rsi_14 has moved."
    assert said["revision"].endswith("of version 3 changed since it was trained: A, B, C, D, E and 2 more.")
    assert said["age"] == "The last training was 91 days ago: one is due after 90 days."
    assert said["labels"].startswith("101 newly labelled setups")


def test_age_counts_from_the_last_training_even_if_no_version_came_of_it():
    old = replace(TRUE, trained_at=NOW - dt.timedelta(days=90))
    assert list(asked(old)) == ["age"]
    assert asked(old, max_age=dt.timedelta(days=91)) == {}
    assert asked(replace(old, last_attempt=NOW - dt.timedelta(days=89))) == {}
    assert list(asked(replace(old, last_attempt=NOW - dt.timedelta(days=200)))) == ["age"]


def test_a_timeframe_without_a_model_is_trained_for_its_labels_alone():
    fresh = ModelFacts("1h", None, None, None, None, 7, drift="left over", revised_series=("A",))
    assert list(asked(fresh)) == ["labels"]
    assert asked(replace(fresh, resolved=0)) == {}
    tried = replace(fresh, last_attempt=NOW - dt.timedelta(days=400), resolved_at_training=7)
    assert asked(tried) == {}, "no version came of the same labels"
    assert list(asked(replace(tried, resolved=8))) == ["labels"]


@pytest.mark.parametrize(("rule", "value"), [("cool_down", -1), ("max_age", 0), ("daily_cap", -1)])
def test_rules_that_cannot_be_meant_are_refused(rule, value):
    given = value if rule == "daily_cap" else dt.timedelta(days=value)
    with pytest.raises(ValueError, match=rule.split("_")[-1]):
        RetrainRules(**{rule: given})


KNOWN = dt.date(2026, 6, 1)
WRONG = RollingSkill(dt.date(2026, 7, 1), 30, 3, 240, 0.60, 0.44, 0.56, -0.05, -0.01)


def test_a_model_that_promised_too_much_or_too_little_has_lost_its_skill():
    reason = skill_lost([WRONG], KNOWN)
    assert reason is not None
    for figure in ("Version 3", "60%", "44% to 56%", "240", "30 days up to 2026-07-01", "-0.050 to -0.010"):
        assert figure in reason
    assert skill_lost([replace(WRONG, mean_p=0.40)], KNOWN) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"mean_p": 0.56},  # not proven
        {"skill_hi": 0.0},  # on the better reading as good as the base rate
        {"win_rate_low": None, "win_rate_high": None},  # too few for an interval
        {"skill_lo": None, "skill_hi": None},
        {"mean_p": None},
        {"as_of": dt.date(2026, 6, 30)},  # the window began before the training's last day
    ],
)
def test_what_is_not_proven_is_no_loss_of_skill(change):
    assert skill_lost([replace(WRONG, **change)], KNOWN) is None


def test_only_windows_that_follow_each_other_count_and_the_newest_of_them_decides():
    def daily(first: int, last: int, **change: object) -> list[RollingSkill]:
        days = range(first, last + 1)
        return [replace(WRONG, as_of=KNOWN + dt.timedelta(days=day), **change) for day in days]

    right = {"mean_p": 0.5}
    assert skill_lost([], KNOWN) is None
    assert skill_lost(daily(30, 30, **right) + daily(31, 59), KNOWN) is None, "these overlap the first"
    assert skill_lost(daily(30, 30) + daily(31, 59, **right), KNOWN) is not None, "the first stands"
    assert skill_lost(daily(30, 59, **right) + daily(60, 60), KNOWN) is not None
    assert skill_lost(daily(30, 59) + daily(60, 60, **right), KNOWN) is None
    assert skill_lost(list(reversed(daily(30, 30) + daily(31, 59, **right))), KNOWN) is not None
