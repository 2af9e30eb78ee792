"""The reasons of a prediction in sentences: which features move it most, which way and how far.

Made from what :meth:`~fvg_platform.learning.trained_model.TrainedModel.explain` says of each setup. A contribution is
what a feature adds to the log odds, so its exponential is the factor by which the odds change. That is of the model's
own odds, before calibration: calibration changes how far, never which way. A reason is no cause.
"""

import math

import numpy as np
import pandas as pd

from fvg_platform.learning.explanation import EXPECTED
from fvg_platform.learning.feature_words import describe, shortened

__all__ = ["LONGEST", "reasons"]

LONGEST = 120
"""Characters of a sentence, at most."""

_LEAST = 0.01
_LARGEST = 700.0  # exp of more is infinite
_UNSEEN = "No reasons: training never saw the first target, so nothing is predicted."
_NOTHING = "No feature moves the odds of the first target by 1 % or more."


def reasons(contributions: pd.DataFrame, values: pd.DataFrame, *, top: int = 3) -> list[list[str]]:
    """Why each setup's probability of reaching its first target is what it is.

    Parameters
    ----------
    contributions
        As :meth:`~fvg_platform.learning.trained_model.TrainedModel.explain` returns it for `target_1`: one column per
        feature and `expected`, in log odds, one row per setup.
    values
        The setups' features on the same index; NaN where unknown. Other columns are not looked at.
    top
        How many reasons a setup has at most, at least 1.

    Returns
    -------
    One list per row of 1 to `top` sentences of at most :data:`LONGEST` characters, the strongest first, such as "RSI
    over 14 bars is 71.2: raises the odds of the first target by 12 %". What moves the odds by less than 1 % is left
    out. Where no feature contributes anything (the base rate serves), where all are left out, and where training never
    saw the target, one sentence says so.

    Raises
    ------
    ValueError
        No column `expected`, a feature without values, another index, or `top` below 1.
    """
    if top < 1:
        raise ValueError(f"top is {top}: ask for at least one reason")
    if EXPECTED not in contributions:
        raise ValueError(f"contributions lack {EXPECTED}: give the frame that a model's explain returns")
    names = [name for name in contributions.columns if name != EXPECTED]
    absent = [name for name in names if name not in values]
    if absent:
        raise ValueError(f"values lack {', '.join(absent)}: give the features that were explained")
    if not values.index.equals(contributions.index):
        raise ValueError(
            f"contributions ({len(contributions)} rows) and values ({len(values)} rows) have different indexes: give "
            "the features of the setups that were explained, on their index"
        )
    parts = contributions[names].to_numpy(dtype=float, na_value=np.nan)
    expected = contributions[EXPECTED].to_numpy(dtype=float, na_value=np.nan)
    known = values[names].to_numpy(dtype=float, na_value=np.nan)
    unseen = np.isnan(parts).any(axis=1) | np.isnan(expected)
    # Stable, so that equal contributions come in the order of the features.
    order = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :top]
    found = []
    for row in range(len(parts)):
        if unseen[row]:
            found.append([_UNSEEN])
        elif not parts[row].any():
            found.append([_base_rate(expected[row])])
        else:
            moving = [k for k in order[row] if abs(math.expm1(min(parts[row, k], _LARGEST))) >= _LEAST]
            found.append([_sentence(names[k], known[row, k], parts[row, k]) for k in moving] or [_NOTHING])
    return found


def _sentence(name: str, value: float, contribution: float) -> str:
    effect = f": {_effect(contribution)}"
    return describe(name, value, LONGEST - len(effect)) + effect


def _effect(contribution: float) -> str:
    """`raises the odds of the first target by 12 %`, `... to 2.5 times`, `lowers ... by 8 %`."""
    change = math.expm1(min(contribution, _LARGEST))
    if change >= 1.0:
        return f"raises the odds of the first target to {shortened(1.0 + change)} times"
    percent = f"{100.0 * abs(change):.0f}" if change > -0.995 else "over 99"
    return f"{'raises' if change > 0.0 else 'lowers'} the odds of the first target by {percent} %"


def _base_rate(expected: float) -> str:
    rate = 1.0 / (1.0 + math.exp(-min(max(expected, -_LARGEST), _LARGEST)))
    return f"The base rate of {100.0 * rate:.0f} % serves: no feature moves it."
