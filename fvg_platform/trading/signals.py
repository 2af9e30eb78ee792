"""From a probability to a decision: the one rule, by which the live path and the backtest both go."""

import math

import numpy as np
import pandas as pd

BUY, SELL, HOLD = "BUY", "SELL", "HOLD"


def decide(predictions: pd.DataFrame, threshold: float | None) -> pd.Series:
    """Act on a setup whose calibrated P(target 1 before stop | entered) reaches the threshold.

    Parameters
    ----------
    predictions
        Columns `side` (+1 or -1) and `p_target_1` (in [0, 1], NaN where unknown); others are not looked at.
    threshold
        In [0, 1], chosen on folds of the training period; None acts on nothing.

    Returns
    -------
    Series of str named `signal`, on the index of `predictions`: BUY or SELL (by `side`) where `p_target_1` is
    at least `threshold`, else HOLD.

    Raises
    ------
    ValueError
        A column is missing, a side is neither 1 nor -1, a probability or the threshold lies outside [0, 1].
    """
    absent = [name for name in ("side", "p_target_1") if name not in predictions]
    if absent:
        raise ValueError(f"predictions lack {', '.join(absent)}: a decision needs side and p_target_1")
    if threshold is not None and not (math.isfinite(threshold) and 0.0 <= threshold <= 1.0):
        raise ValueError(f"threshold is {threshold}: give a probability, or None to act on nothing")
    side = predictions["side"].to_numpy(dtype=float, na_value=np.nan)
    p = predictions["p_target_1"].to_numpy(dtype=float, na_value=np.nan)
    strange = np.flatnonzero(np.abs(side) != 1.0)
    if strange.size:
        raise ValueError(f"side {side[strange[0]]:g} in row {int(strange[0])} must be 1 or -1")
    outside = np.flatnonzero((p < 0.0) | (p > 1.0))
    if outside.size:
        raise ValueError(f"p_target_1 {p[outside[0]]} in row {int(outside[0])} must lie in [0, 1]")
    # A NaN reaches no threshold.
    acts = np.zeros(len(p), dtype=bool) if threshold is None else p >= threshold
    words = np.where(acts, np.where(side > 0, BUY, SELL), HOLD)
    return pd.Series(words, index=predictions.index, name="signal", dtype="str")
