"""When to train again: a pure decision with its reason, for whoever starts the training.

Waiting for a share of what was trained on, and never for a clock, ties the effort to what can be learnt; the
minimum keeps small timeframes from training on every other label.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """Whether to start, and a sentence with the numbers that decided it."""

    start: bool
    reason: str


def decide_retraining(
    newly_labelled: int,
    trained_on: int | None,
    resolved_total: int,
    *,
    min_new: int = 50,
    min_share: float = 0.10,
) -> Decision:
    """Decide whether a timeframe's model should be trained now.

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
    needed = max(min_new, math.ceil(min_share * trained_on - 1e-9))
    counts = f"{newly_labelled} newly labelled setups since the last training on {trained_on}"
    rule = f"{needed} are needed (the larger of {min_new} and {min_share:.0%} of {trained_on})"
    if newly_labelled >= needed:
        return Decision(True, f"{counts}: {rule}.")
    return Decision(False, f"Only {counts}: {rule}.")
