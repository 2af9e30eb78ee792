"""Features of the newest bars from the tail of their series, equal to what the whole series would give.

A tail begins :func:`~fvg_platform.features.catalogue.reach` bars, and as many days, before the first bar that is
wanted: by then every window is full, every average has forgotten what came before, every period of the calendar that
counts has been seen. Running sums have no such reach; they go on from the value that is stored for the bar before.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fvg_platform.features.catalogue import compute_features, reach, select
from fvg_platform.features.feature import Feature


def refresh_features(
    tail: pd.DataFrame,
    since: pd.Timestamp,
    stored: Mapping[str, Any] | None,
    *,
    custom: Sequence[Feature] = (),
    names: Collection[str] | None = None,
    from_start: bool = False,
) -> pd.DataFrame:
    """Compute the features of the bars from `since` on.

    Parameters
    ----------
    tail : DataFrame of bars
        As :func:`~fvg_platform.features.catalogue.compute_features` takes them, from at least `reach().bars` bars and
        `reach().days` days before the first one of `since` or later; or from the series' first bar, which
        `from_start` says.
    since : time of the first row that is wanted; bars of that time or later are new or changed
    stored : the stored features of the last bar before `since`, by name; read for running sums only, and not
        `from_start`
    custom : a user's own bar features; the reach counts them too
    names : only these entries of the catalogue
    from_start : whether `tail` begins with the series' first bar

    Returns
    -------
    DataFrame
        `ts` and the features of the bars from `since` on, within 1e-9 (of the value, or of 1 for smaller ones) of
        those that the whole series gives, undefined at the same places. No rows when no bar is that new.

    Raises
    ------
    ValueError
        When the tail is too short, or a running sum has no stored value to go on from.
    """
    chosen = (*select(names), *custom)
    first = int(pd.DatetimeIndex(tail["ts"]).searchsorted(since))
    if first == len(tail):
        return compute_features(tail.iloc[:0], names=names, custom=custom)
    if not from_start:
        _require_reach(tail, first, chosen)
    features = compute_features(tail, names=names, custom=custom)
    if not from_start:
        for feature in chosen:
            if feature.cumulative:
                before = _stored_value(stored, feature, tail["ts"].iloc[first - 1])
                features[feature.name] += before - features[feature.name].iloc[first - 1]
    return features.iloc[first:].reset_index(drop=True)


def _require_reach(tail: pd.DataFrame, first: int, features: Sequence[Feature]) -> None:
    needed = reach(features)
    begin, wanted = tail["ts"].iloc[0], tail["ts"].iloc[first]
    # A running sum needs the bar before, whatever its memory.
    bars = max(needed.bars, int(any(feature.cumulative for feature in features)))
    if first < bars or begin > wanted - pd.Timedelta(days=needed.days):
        raise ValueError(
            f"the tail begins at {begin}, {first} bars before the first one wanted ({wanted}); these features need "
            f"{bars} bars and {needed.days} days before it: pass more, or the whole series with from_start=True"
        )


def _stored_value(stored: Mapping[str, Any] | None, feature: Feature, ts: pd.Timestamp) -> float:
    value = None if stored is None else stored.get(feature.name)
    if value is None or not np.isfinite(value):
        raise ValueError(
            f"{feature.name} is a running sum and has no stored value for the bar of {ts} ({value}) to go on from: "
            "pass the whole series with from_start=True"
        )
    return float(value)
