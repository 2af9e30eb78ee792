"""What is predicted: P(entered), and P(target k before the stop, within max_hold | entered) for k = 1, 2, 3.

Labels are intervals (fvg-spec.md, sections 5 and 7): `lo` is the worse case for the trader and the default,
`hi` the better one, `identified` keeps only the setups where both agree. NaN means that a setup says nothing
about a target, so that it is neither trained nor scored on.
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
Label = Literal["lo", "hi", "identified"]

ENTERED = "entered"
WIN_TARGETS: tuple[str, ...] = ("target_1", "target_2", "target_3")
TARGETS: tuple[str, ...] = (ENTERED, *WIN_TARGETS)

_STATUSES = frozenset({"entered", "gap_invalid", "ran_away", "expired", "pending"})
_OUTCOMES = frozenset({"stop", "target", "timeout", "censored"})


def target_column(setups: pd.DataFrame, target: str, label: Label = "lo") -> pd.Series:
    """1, 0 or NaN for each setup.

    Parameters
    ----------
    setups
        Columns `status` and, for `target_k`, `outcome_{k}_lo` and `outcome_{k}_hi`.
    target
        `entered`: over all setups that are not pending. `target_1`, `target_2`, `target_3`: over the entered
        ones whose outcome is not censored; `stop` and `timeout` are 0.
    label
        Which end of the outcome's interval is taken; `entered` has none.

    Returns
    -------
    Series of float named after the target, on the index of `setups`.

    Raises
    ------
    ValueError
        An unknown target, label, status or outcome.
    """
    if target not in TARGETS:
        raise ValueError(f"unknown target {target!r}: use one of {', '.join(TARGETS)}")
    if label not in get_args(Label):
        raise ValueError(f"unknown label {label!r}: use one of {', '.join(get_args(Label))}")
    _require_known(setups["status"], _STATUSES)
    entered = (setups["status"] == "entered").to_numpy(dtype=bool, na_value=False)
    if target == ENTERED:
        open_or_unknown = setups["status"].isna() | (setups["status"] == "pending")
        values = np.where(open_or_unknown.to_numpy(dtype=bool), np.nan, entered.astype(float))
    else:
        values = np.where(entered, _outcome_values(setups, target.removeprefix("target_"), label), np.nan)
    return pd.Series(values, index=setups.index, name=target)


def target_frame(setups: pd.DataFrame, label: Label = "lo") -> pd.DataFrame:
    """All four targets of :func:`target_column` side by side."""
    return pd.DataFrame(
        {target: target_column(setups, target, label) for target in TARGETS}, index=setups.index
    )


def _outcome_values(setups: pd.DataFrame, k: str, label: Label) -> FloatArray:
    low, high = setups[f"outcome_{k}_lo"], setups[f"outcome_{k}_hi"]
    for outcome in (low, high):
        _require_known(outcome, _OUTCOMES)
    taken = high if label == "hi" else low
    says = taken.isin(["stop", "target", "timeout"])
    if label == "identified":
        says &= (low == high).fillna(False).astype(bool)
    return np.where(
        says.to_numpy(dtype=bool), (taken == "target").to_numpy(dtype=float, na_value=0.0), np.nan
    )


def _require_known(column: pd.Series, known: frozenset[str]) -> None:
    strange = column.dropna()
    strange = strange[~strange.isin(known)]
    if len(strange):
        raise ValueError(
            f"unknown value {strange.iloc[0]!r} in {column.name} at row {strange.index[0]} "
            f"({len(strange)} in all): use one of {', '.join(sorted(known))}"
        )
