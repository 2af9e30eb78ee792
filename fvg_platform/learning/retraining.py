"""When to train again: pure decisions with their reasons, for whoever keeps the queue of trainings.

What is new decides: a window in which the market drifted, predictions that came out worse than the base rate, bars
that changed under a model, labels to learn from; a clock alone only after a long time. All of it is newer than what
the newest training knew, so that one piece of evidence trains once, whether a better version came of it or not.
"""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

HAND = "hand"
# By what makes somebody want a training, most urgent first: 1 is served first.
PRIORITIES = {HAND: 1, "drift": 2, "skill": 2, "revision": 3, "labels": 4, "age": 5}
MAX_AGE = dt.timedelta(days=90)
_NAMED = 5


@dataclass(frozen=True)
class RetrainRules:
    """What keeps a flapping signal from starting a storm of trainings.

    Attributes
    ----------
    cool_down
        No training of a timeframe within this time of the last one's start, unless a person asks for it.
    daily_cap
        Trainings within 24 hours, of all timeframes together; those that people ask for come on top.
    max_age
        A model whose last training is longer ago is trained again, whatever else.

    Raises
    ------
    ValueError
        naming the rule and its value.
    """

    cool_down: dt.timedelta = dt.timedelta(hours=24)
    daily_cap: int = 8
    max_age: dt.timedelta = MAX_AGE

    def __post_init__(self) -> None:
        if self.cool_down < dt.timedelta(0):
            raise ValueError(f"the cool-down must not be negative, got {self.cool_down}")
        if self.daily_cap < 0:
            raise ValueError(
                f"the daily cap must not be negative, got {self.daily_cap}; 0 trains by hand only"
            )
        if self.max_age <= dt.timedelta(0):
            raise ValueError(f"a model's greatest age must be longer than nothing, got {self.max_age}")


@dataclass(frozen=True)
class Decision:
    """Whether to start, and a sentence with the numbers that decided it."""

    start: bool
    reason: str


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a timeframe's newest model, of the labels that it could learn from, and of what happened since.

    Attributes
    ----------
    version, trained_at, trained_on
        Of the newest version, whether it serves or not; None where there is none. `trained_on`: setups it learnt from.
    resolved, resolved_at_training
        Resolved labels now, and those that the newest training saw, whether a version came of it or not.
    revised_series
        Tickers of the model whose bars from before its cut changed after the newest training.
    drift, skill
        What says that the model is not true any more, as a sentence; None where nothing does.
    last_attempt
        When the newest training began that came to its end or is at work; None where none is known.
    """

    timeframe: str
    version: int | None
    trained_at: dt.datetime | None
    trained_on: int | None
    resolved_at_training: int | None
    resolved: int
    revised_series: tuple[str, ...] = ()
    drift: str | None = None
    skill: str | None = None
    last_attempt: dt.datetime | None = None

    def age(self, now: dt.datetime) -> dt.timedelta | None:
        """Time since the newest training, whether a version came of it or not; None where there was none."""
        times = [time for time in (self.trained_at, self.last_attempt) if time is not None]
        return now - max(times) if times else None

    @property
    def newly_resolved(self) -> int:
        """Labels that the newest training did not see."""
        return max(self.resolved - (self.resolved_at_training or 0), 0)


@dataclass(frozen=True)
class Demand:
    """One reason to train a timeframe again; priority 1 comes first."""

    trigger: str
    priority: int
    reason: str


@dataclass(frozen=True)
class RollingSkill:
    """How the predictions came out whose horizon passed in the `window_days` up to `as_of`; None: not defined.

    `skill_*`: Brier skill against the window's base rate, on the worse and the better reading of the bars.
    `win_rate_*`: the interval of the share of entered setups that won.
    """

    as_of: dt.date
    window_days: int
    version: int
    entered: int
    mean_p: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    skill_lo: float | None
    skill_hi: float | None


def demands(facts: ModelFacts, *, now: dt.datetime, max_age: dt.timedelta = MAX_AGE) -> tuple[Demand, ...]:
    """Why a timeframe's model should be trained again, most urgent first; nothing where it is true and young.

    Parameters
    ----------
    facts
        What is known of the model.
    now
        With time zone, as the times of the facts.
    max_age
        From this time since the newest training on, age is a reason of its own.
    """
    found: dict[str, str] = {}
    if facts.version is not None:
        if facts.drift is not None:
            found["drift"] = facts.drift
        if facts.skill is not None:
            found["skill"] = facts.skill
        if facts.revised_series:
            found["revision"] = (
                f"Bars from before the cut of version {facts.version} changed since it was trained: "
                f"{_listed(facts.revised_series)}."
            )
        age = facts.age(now)
        if age is not None and age >= max_age:
            found["age"] = f"The last training was {_days(age)} ago: one is due after {_days(max_age)}."
    labels = decide_retraining(facts.newly_resolved, facts.trained_on, facts.resolved)
    if labels.start and (facts.version is not None or facts.last_attempt is None or facts.newly_resolved):
        found["labels"] = labels.reason
    ordered = sorted(found, key=lambda trigger: PRIORITIES[trigger])
    return tuple(Demand(trigger, PRIORITIES[trigger], found[trigger]) for trigger in ordered)


def labels_needed(trained_on: int | None, *, min_new: int = 50, min_share: float = 0.10) -> int:
    """How many new labels speak for a training: a share of what the last one learnt from, and never few."""
    return max(min_new, math.ceil(min_share * (trained_on or 0) - 1e-9))


def decide_retraining(
    newly_labelled: int,
    trained_on: int | None,
    resolved_total: int,
    *,
    min_new: int = 50,
    min_share: float = 0.10,
) -> Decision:
    """Decide whether there are enough new labels to train a timeframe's model now.

    Waiting for a share of what was trained on ties the effort to what can be learnt; the minimum keeps small
    timeframes from training on every other label.

    Parameters
    ----------
    newly_labelled
        Setups whose labels were resolved since the last training.
    trained_on
        Setups that the last training learnt from; None when there is no model yet.
    resolved_total
        Setups with a resolved label in all.
    min_new, min_share
        Retrain from `max(min_new, min_share * trained_on)` newly labelled setups on.

    Raises
    ------
    ValueError
        A negative count, `min_new` below 1 or a negative `min_share`.
    """
    for name, count in (("newly_labelled", newly_labelled), ("resolved_total", resolved_total)):
        if count < 0:
            raise ValueError(f"{name} must not be negative, got {count}")
    if trained_on is not None and trained_on < 0:
        raise ValueError(f"trained_on must not be negative, got {trained_on}")
    if min_new < 1 or min_share < 0.0:
        raise ValueError(
            f"min_new must be at least 1 and min_share at least 0, got {min_new} and {min_share}"
        )

    if trained_on is None:
        if resolved_total == 0:
            return Decision(False, "No model yet, and no resolved setup to learn from.")
        return Decision(True, f"No model yet, and {resolved_total} resolved setups to learn from.")
    needed = labels_needed(trained_on, min_new=min_new, min_share=min_share)
    counts = f"{newly_labelled} newly labelled setups since the last training on {trained_on}"
    rule = f"{needed} are needed (the larger of {min_new} and {min_share:.0%} of {trained_on})"
    if newly_labelled >= needed:
        return Decision(True, f"{counts}: {rule}.")
    return Decision(False, f"Only {counts}: {rule}.")


def skill_lost(windows: Iterable[RollingSkill], known_until: dt.date) -> str | None:
    """Whether the newest window of its own says that a model's probabilities are wrong; the sentence, or None.

    Wrong is a model whose mean probability lies outside the interval of the win rate and whose Brier score is worse
    than the window's base rate on either reading of the bars. Of the rolling windows only those count that follow each
    other without overlap from `known_until` on: every day's look at the last 30 would alarm several times as often
    as its level says.

    Parameters
    ----------
    windows
        Of one model, of one length, in any order.
    known_until
        The newest day that the newest training knew.
    """
    own: dict[int, RollingSkill] = {}
    for window in sorted(windows, key=lambda window: window.as_of):
        number = (window.as_of - known_until).days // window.window_days
        if number >= 1:
            own.setdefault(number, window)
    if not own:
        return None
    newest = own[max(own)]
    low, high, mean_p = newest.win_rate_low, newest.win_rate_high, newest.mean_p
    if low is None or high is None or mean_p is None or low <= mean_p <= high:
        return None
    if newest.skill_lo is None or newest.skill_hi is None or max(newest.skill_lo, newest.skill_hi) >= 0.0:
        return None
    return (
        f"Version {newest.version} promised {mean_p:.0%} and {low:.0%} to {high:.0%} of the {newest.entered} setups "
        f"that were entered won, in the {newest.window_days} days up to {newest.as_of}; its Brier skill against the "
        f"base rate is {newest.skill_lo:+.3f} to {newest.skill_hi:+.3f}."
    )


def _listed(tickers: Iterable[str]) -> str:
    names = sorted(tickers)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _days(time: dt.timedelta) -> str:
    return f"{time / dt.timedelta(days=1):.0f} days"
