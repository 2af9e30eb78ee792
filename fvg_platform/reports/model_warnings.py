"""What a reader of a model must know before its figures, in plain words: no skill, too few rows, base rate served.

Pure rules over a row of `models`; each gives at most a sentence or two with the numbers that it rests on. The order
is that of weight: what makes the model useless first, what is merely missing last.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fvg_platform.reports.model_values import (
    count,
    estimate_text,
    interval,
    is_number,
    mapping_of,
    number,
    records_of,
    sentence,
    targets_in,
    words,
)

FEW_TRAINED = 200
FEW_JUDGED = 200
FEW_TRADES = 30
MISCALIBRATED = 0.10
"""A calibration error that is proven to be above this takes the meaning from a probability."""
SURE = 0.95

Level = Literal["serious", "caution", "missing"]
_LEVELS: tuple[Level, ...] = ("serious", "caution", "missing")


@dataclass(frozen=True)
class Caveat:
    """A sentence and how much hangs on it."""

    level: Level
    text: str


def summary(record: Mapping[str, Any]) -> str:
    """The one sentence that stands above everything: whether the model knows more than the base rate."""
    if record.get("algorithm") == "base_rate":
        return "Every setup is given the training period's base rate: there is nothing to be skilful with."
    judged = mapping_of(record.get("test_metrics"))
    first = mapping_of(judged.get("target_1"))
    skill = mapping_of(first.get("skill"))
    if not is_number(skill.get("value")):
        why = skill.get("reason")
        return f"Whether it has skill is not known: it was not judged on unseen bars{f' ({why})' if why else ''}."
    shown = estimate_text(skill, 3, signed=True)
    where = f"target 1's skill on {count(first.get('n'))} unseen setups is {shown}"
    if not interval(skill):
        return f"Whether it has skill is not known: {where}, without an interval."
    if skill["low"] > 0:
        return f"It is better than the base rate: {where}."
    if skill["high"] < 0:
        return f"It is worse than the base rate: {where}."
    return f"No skill is shown: {where}, which includes 0."


def warnings_of(record: Mapping[str, Any]) -> list[Caveat]:
    """What to be wary of, the most serious first.

    Parameters
    ----------
    record
        A row of `models` as plain values; any part may be missing.
    """
    found = [warning for rule in _RULES for warning in rule(record)]
    return sorted(found, key=lambda warning: _LEVELS.index(warning.level))


def _serving(record: Mapping[str, Any]) -> Iterator[Caveat]:
    status, why = record.get("status"), record.get("status_reason")
    because = f": {sentence(why)}" if why else "."
    if status == "candidate":
        yield Caveat("caution", f"It does not serve, it is a candidate{because}")
    elif status == "retired":
        yield Caveat("caution", f"It does not serve any more, it is retired{because}")


def _base_rate(record: Mapping[str, Any]) -> Iterator[Caveat]:
    if record.get("algorithm") == "base_rate":
        why = record.get("flag") or "no algorithm was better on the folds"
        yield Caveat("serious", f"It is no model but the training period's base rate: {sentence(why)}")
    elif record.get("flag"):
        yield Caveat("caution", f"Marked when it was trained: {sentence(record['flag'])}")
    notes = record.get("notes") or []
    for note in [notes] if isinstance(notes, str) else notes:
        yield Caveat("caution", sentence(f"From its training: {note}"))


def _training(record: Mapping[str, Any]) -> Iterator[Caveat]:
    entered = record.get("setups_entered")
    if is_number(entered) and entered < FEW_TRAINED and record.get("algorithm") != "base_rate":
        yield Caveat(
            "serious",
            f"It learned from {count(entered)} entered setups only; below {FEW_TRAINED} luck decides.",
        )
    folds = [
        row
        for row in records_of(record.get("walk_forward"))
        if row.get("target") == "target_1" and is_number(row.get("skill"))
    ]
    lost = sum(row["skill"] <= 0 for row in folds)
    if folds and lost * 2 >= len(folds) and record.get("algorithm") != "base_rate":
        yield Caveat(
            "caution",
            f"In {lost} of {len(folds)} folds of the training period it was no better than the base rate.",
        )
    paths = [p for p in mapping_of(record.get("combinatorial")).get("paths") or [] if is_number(p)]
    below = sum(p <= 0 for p in paths)
    if below:
        of = words(str(mapping_of(record["combinatorial"]).get("algorithm") or "the served algorithm"))
        yield Caveat(
            "caution",
            f"Paths of combinatorial cross-validation without skill, {of}: {below} of {len(paths)}.",
        )
    failed = sum(trial.get("state") == "failed" for trial in records_of(record.get("trials")))
    if failed:
        yield Caveat("caution", f"Tuning trials that failed: {failed}.")


def _skill(record: Mapping[str, Any]) -> Iterator[Caveat]:
    judged = mapping_of(record.get("test_metrics"))
    if not judged:
        yield Caveat(
            "missing",
            "It has no figures on unseen bars: an earlier version used the test period of its split, which is "
            "used once. New bars make a new split; until then see what it scored against the champion.",
        )
        return
    evaluations = {target: mapping_of(judged[target]) for target in targets_in(judged)}
    if record.get("algorithm") != "base_rate":
        yield from _skills({target: mapping_of(e.get("skill")) for target, e in evaluations.items()})
    for target, evaluation in evaluations.items():
        yield from _calibration_of(target, evaluation)
    n = mapping_of(evaluations.get("target_1")).get("n")
    if is_number(n) and n < FEW_JUDGED:
        yield Caveat(
            "caution", f"It was judged on {count(n)} unseen setups only: every figure here is rough."
        )


def _skills(skills: Mapping[str, Mapping[str, Any]]) -> Iterator[Caveat]:
    bounded = {target: skill for target, skill in skills.items() if interval(skill)}
    worse = [target for target, skill in bounded.items() if skill["high"] < 0]
    unshown = [target for target, skill in bounded.items() if skill["low"] <= 0 <= skill["high"]]
    if worse:
        told = f"It is worse than the base rate for {_listed(worse)}"
        yield Caveat("serious", f"{told}: the whole interval of skill lies below 0.")
    if unshown:
        level: Level = "serious" if "target_1" in unshown else "caution"
        yield Caveat(level, f"No skill is shown for {_listed(unshown)}: the interval of skill includes 0.")
    for target, skill in skills.items():
        if not is_number(skill.get("value")):
            yield Caveat("missing", f"Skill of {words(target)} is not known{_because(skill)}.")
        elif target not in bounded:
            shown = f"Skill of {words(target)} is {number(skill['value'], 3, signed=True)}"
            yield Caveat("caution", f"{shown}, but how sure that is cannot be said{_because(skill)}.")


def _listed(targets: list[str]) -> str:
    *most, last = map(words, targets)
    return f"{', '.join(most)} and {last}" if most else last


def _calibration_of(target: str, evaluation: Mapping[str, Any]) -> Iterator[Caveat]:
    error = mapping_of(evaluation.get("calibration_error"))
    if is_number(error.get("low")) and error["low"] > MISCALIBRATED:
        shown = estimate_text(error, 1, percent=True)
        yield Caveat(
            "serious",
            f"Probabilities of {words(target)} are off by {shown} on average: do not take them at their word.",
        )


def _threshold(record: Mapping[str, Any]) -> Iterator[Caveat]:
    threshold = record.get("threshold")
    if not isinstance(threshold, Mapping):
        yield Caveat(
            "missing", "No threshold was chosen: there is no telling from which probability on to act."
        )
    elif threshold.get("value") is None:
        yield Caveat("serious", f"It acts on nothing. {threshold.get('reason') or ''}".strip())


def _backtest(record: Mapping[str, Any]) -> Iterator[Caveat]:
    backtest = record.get("backtest")
    if not isinstance(backtest, Mapping):
        yield Caveat("missing", "There is no backtest.")
        return
    runs = mapping_of(backtest.get("runs"))
    worse, better = (mapping_of(mapping_of(runs.get("signals")).get(path)) for path in ("lo", "hi"))
    trades = worse.get("trades")
    if not trades:
        why = worse.get("reason") or backtest.get("reason")
        yield Caveat("missing", f"The backtest has no trades{f': {sentence(why)}' if why else '.'}")
        return
    if trades < FEW_TRADES:
        yield Caveat("caution", f"The backtest rests on {count(trades)} trades.")
    yield from _profit(worse, better, mapping_of(mapping_of(runs.get("random entries")).get("lo")))
    deflated = worse.get("deflated_sharpe")
    if is_number(deflated) and deflated < SURE:
        yield Caveat(
            "caution",
            f"The deflated Sharpe ratio is {number(deflated, 2)}: after {count(backtest.get('trials'))} trials the "
            "curve can be luck.",
        )


def _profit(
    worse: Mapping[str, Any], better: Mapping[str, Any], random: Mapping[str, Any]
) -> Iterator[Caveat]:
    mean, best_case = mapping_of(worse.get("mean_r")), mapping_of(better.get("mean_r"))
    if is_number(mean.get("low")) and mean["low"] <= 0:
        shown = estimate_text(mean, 3, signed=True)
        level: Level = "serious" if mean["high"] < 0 else "caution"
        told = "Acting on it lost" if mean["high"] < 0 else "Acting on it is not shown to earn anything"
        yield Caveat(level, f"{told}: mean R {shown} a trade on the worse path, net of costs.")
    chance = mapping_of(random.get("mean_r")).get("high")
    if is_number(mean.get("value")) and is_number(chance) and mean["value"] <= chance:
        yield Caveat(
            "caution",
            f"It did no better than random entries of the same risk: {number(mean['value'], 3, signed=True)} R a "
            f"trade; 5 of 100 random repetitions reach {number(chance, 3, signed=True)}.",
        )
    ends = (mean.get("value"), best_case.get("value"))
    if is_number(ends[0]) and is_number(ends[1]) and ends[0] <= 0 < ends[1]:
        yield Caveat(
            "caution",
            "The bars leave open whether it won or lost: the worse path loses and the better one earns.",
        )


def _because(estimate: Mapping[str, Any]) -> str:
    return f" ({estimate['reason']})" if estimate.get("reason") else ""


_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Caveat]], ...] = (
    _base_rate,
    _skill,
    _training,
    _threshold,
    _backtest,
    _serving,
)
