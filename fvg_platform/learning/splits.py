"""Splits by time: one cut per timeframe, purge and embargo around it, two kinds of folds before it.

A setup occupies the time from `known_at` to `life_end`, the close of the last bar that could still decide
it. Purging goes by this fixed life and never by the actual exit: that would keep the fast exits and bias
every rate. Lives are closed intervals here: one that ends exactly where another begins overlaps it.
Source: M. López de Prado, Advances in Financial Machine Learning (2018), chapters 7 and 12.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

TRAIN, PURGED, TEST = "train", "purged", "test"

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def cut_time(bar_times: Iterable[pd.DatetimeIndex], share: float = 0.70) -> pd.Timestamp:
    """The time before which `share` of a timeframe's distinct bar times lie, over all of its tickers.

    Parameters
    ----------
    bar_times
        One index of open times (with a time zone) per ticker; order, gaps and repetitions do not matter.
    share
        Share of the distinct times that belongs to the training period, strictly between 0 and 1.

    Returns
    -------
    Timestamp in UTC: the first bar time of the test period.

    Raises
    ------
    ValueError
        No bar times at all, times without a zone, or a share outside (0, 1).
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"share of the training period must lie between 0 and 1, got {share}")
    stamps = [nanoseconds(times, "bar times") for times in bar_times]
    distinct = np.unique(np.concatenate(stamps)) if stamps else np.empty(0, dtype=np.int64)
    if distinct.size == 0:
        raise ValueError("no bar times to split: materialise bars of this timeframe first")
    # The tiny addend keeps products such as 0.29 * 100 = 28.999999999999996 from losing a bar.
    return pd.Timestamp(int(distinct[math.floor(share * distinct.size + 1e-9)]), unit="ns", tz="UTC")


def assign_parts(setups: pd.DataFrame, cut: pd.Timestamp, embargo: pd.Timedelta) -> pd.Series:
    """`train`, `purged` or `test` for each setup.

    Test: known at the cut or later. Purged: known before it, but the life plus the embargo reaches the cut.

    Parameters
    ----------
    setups
        Columns `known_at` and `life_end`, both with a time zone and without NULLs.
    cut
        First time of the test period, with a time zone.
    embargo
        Time that must pass between the end of a training life and the cut; usually one bar.

    Returns
    -------
    Series of str named `part`, on the index of `setups`.
    """
    known_at = nanoseconds(setups["known_at"], "known_at")
    life_end = nanoseconds(setups["life_end"], "life_end")
    _require_forward(known_at, life_end)
    cut_ns = nanoseconds(pd.DatetimeIndex([cut]), "cut")[0]
    reaches = life_end + _duration(embargo, "embargo") >= cut_ns
    part = np.select([known_at >= cut_ns, reaches], [TEST, PURGED], default=TRAIN)
    return pd.Series(part, index=setups.index, name="part", dtype="str")


def purged_folds(
    known_at: pd.Series, life_end: pd.Series, n_folds: int, embargo: pd.Timedelta
) -> list[tuple[Indices, Indices]]:
    """Walk-forward folds: each validation lies after its training in time, and no training life reaches it.

    The setups in order of `known_at` are cut into `n_folds + 2` shares of the same count; the first two are
    only ever trained on, each later one is validated once. Training grows from fold to fold.

    Parameters
    ----------
    known_at, life_end
        Start and end of each setup's life, with a time zone; in any order, shape (n,).
    n_folds
        Number of folds, at least 1.
    embargo
        Time that must pass between the end of a training life and the first validation setup.

    Returns
    -------
    list of (training positions, validation positions), in time order; a training may be empty where lives
    are long. Fewer than `n_folds + 2` setups give no folds.
    """
    from purgedcv import WalkForwardSplit  # takes seconds to import, and only training needs it

    if n_folds < 1:
        raise ValueError(f"n_folds must be at least 1, got {n_folds}")
    order, lives = _lives_in_order(known_at, life_end, embargo)
    size = order.size // (n_folds + 2)
    if size == 0:
        return []
    splitter = WalkForwardSplit(n_splits=n_folds, test_size=size, **lives)
    return [(order[train], order[validation]) for train, validation in splitter.split(order)]


def combinatorial_folds(
    known_at: pd.Series,
    life_end: pd.Series,
    *,
    n_groups: int = 6,
    n_test: int = 2,
    embargo: pd.Timedelta,
) -> list[tuple[Indices, Indices]]:
    """Combinatorial purged cross-validation: every choice of `n_test` out of `n_groups` groups is tested once.

    The setups in order of `known_at` are cut into groups of the same count (the first ones take what is left
    over). Training lies before, between and after the tested groups, and keeps the embargo on both sides of
    every tested life. So it tells how far skill depends on the period, not what one would have known in
    advance: that is :func:`purged_folds`.

    Parameters
    ----------
    known_at, life_end
        Start and end of each setup's life, with a time zone; in any order, shape (n,).
    n_groups, n_test
        Number of groups, and how many of them are tested at a time: 1 ≤ `n_test` < `n_groups`.
    embargo
        Time that must pass between a training life and a tested one, whichever comes first.

    Returns
    -------
    list of (training positions, test positions), one for each of `itertools.combinations(range(n_groups),
    n_test)` in that order, both in time order; a training may be empty where lives are long. Fewer than
    `n_groups` setups give no folds.
    """
    from purgedcv import CombinatorialPurgedCV

    if not 1 <= n_test < n_groups:
        raise ValueError(f"n_test must lie between 1 and n_groups - 1 = {n_groups - 1}, got {n_test}")
    order, lives = _lives_in_order(known_at, life_end, embargo)
    if order.size < n_groups:
        return []
    splitter = CombinatorialPurgedCV(n_splits=n_groups, n_test_groups=n_test, **lives)
    return [(order[train], order[test]) for train, test in splitter.split(order)]


def holdout_tail(
    known_at: pd.Series, life_end: pd.Series, share: float, embargo: pd.Timedelta
) -> tuple[Indices, Indices]:
    """Positions to fit on and the latest `share` of positions to stop early on, purged like a fold."""
    if not 0.0 < share < 1.0:
        raise ValueError(f"share held out must lie between 0 and 1, got {share}")
    start = nanoseconds(known_at, "known_at")
    order = np.argsort(start, kind="stable").astype(np.int64)
    first = start.size - math.ceil(share * start.size)
    earlier, held = order[:first], order[first:]
    if held.size == 0:
        return earlier, held
    tail_start = pd.Timestamp(int(start[held[0]]), unit="ns", tz="UTC")
    reaches = overlaps(known_at.iloc[earlier], life_end.iloc[earlier], tail_start, embargo=embargo)
    return earlier[~reaches], held


def thin_evenly(rows: Indices, limit: int, seed: int) -> Indices:
    """At most `limit` of `rows`: one at random from each of `limit` equal stretches, in their order.

    Every k-th row instead would take one ticker only, where tickers alternate.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if rows.size <= limit:
        return rows
    edges = np.linspace(0, rows.size, limit + 1).astype(np.int64)
    return rows[np.random.default_rng(seed).integers(edges[:-1], edges[1:])]


def overlaps(
    known_at: pd.Series,
    life_end: pd.Series,
    period_start: pd.Timestamp,
    period_end: pd.Timestamp | None = None,
    *,
    embargo: pd.Timedelta | None = None,
) -> Mask:
    """Which lives overlap a period: the test period (no end), or a validation from first start to last end.

    Both are closed intervals and the life is prolonged by the embargo, so touching counts as overlap.

    Parameters
    ----------
    known_at, life_end
        Start and end of each life, with a time zone, shape (n,).
    period_start, period_end
        The period, with a time zone; without an end it lasts for ever.
    embargo
        Added to each life's end, by default nothing.

    Returns
    -------
    Boolean array of shape (n,).
    """
    reaches = nanoseconds(life_end, "life_end") + _duration(embargo or pd.Timedelta(0), "embargo")
    mask: Mask = reaches >= nanoseconds(pd.DatetimeIndex([period_start]), "period_start")[0]
    if period_end is not None:
        ends = nanoseconds(pd.DatetimeIndex([period_end]), "period_end")[0]
        mask &= nanoseconds(known_at, "known_at") <= ends
    return mask


def horizon_passed(life_end: pd.Series, as_of: pd.Timestamp | pd.Series) -> Mask:
    """Which setups had their whole life by `as_of`; rates over the others would favour early exits.

    `as_of` is one time for all, or one per setup (the close of its ticker's last bar; NaT: not known, so not passed):
    a life that reaches beyond its ticker's bars has not been seen to its end, however old it is.
    """
    ends = nanoseconds(life_end, "life_end")
    if not isinstance(as_of, pd.Series):
        passed: Mask = ends <= nanoseconds(pd.DatetimeIndex([as_of]), "as_of")[0]
        return passed
    known = as_of.notna().to_numpy()
    bounds = nanoseconds(as_of[known], "as_of")
    mask: Mask = np.zeros(ends.size, dtype=np.bool_)
    mask[known] = ends[known] <= bounds
    return mask


def nanoseconds(times: pd.Series | pd.DatetimeIndex, name: str) -> Indices:
    """Times as nanoseconds since 1970 in UTC, shape (n,); ValueError without a zone or where one is NULL."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise ValueError(f"{name} must be times with a time zone, got {times.dtype}: localise them to UTC")
    missing = np.flatnonzero(np.asarray(times.isna()))
    if missing.size:
        raise ValueError(
            f"{name} is NULL at row {int(missing[0])} ({missing.size} in all): every setup needs one"
        )
    stamps: Indices = pd.DatetimeIndex(times).tz_convert("UTC").as_unit("ns").asi8
    return stamps


def _lives_in_order(
    known_at: pd.Series, life_end: pd.Series, embargo: pd.Timedelta
) -> tuple[Indices, dict[str, Any]]:
    """Positions in order of `known_at`, and what purgedcv's splitters are told of the lives in that order."""
    start = nanoseconds(known_at, "known_at")
    end = nanoseconds(life_end, "life_end")
    _require_forward(start, end)
    _duration(embargo, "embargo")
    order = np.argsort(start, kind="stable").astype(np.int64)
    return order, {
        "prediction_times": start[order].view("datetime64[ns]"),
        # purgedcv's intervals are half open: without the extra instant it keeps those that only touch, and
        # those without length.
        "evaluation_times": (end[order] + 1).view("datetime64[ns]"),
        # This one pads tested lives on both sides; what purgedcv calls embargo only counts what comes after.
        "purge_horizon": embargo.as_unit("ns"),
    }


def _duration(embargo: pd.Timedelta, name: str) -> int:
    if embargo < pd.Timedelta(0):
        raise ValueError(f"{name} must not be negative, got {embargo}")
    return int(embargo.as_unit("ns").value)


def _require_forward(known_at: Indices, life_end: Indices) -> None:
    backwards = np.flatnonzero(life_end < known_at)
    if backwards.size:
        row = int(backwards[0])
        raise ValueError(
            f"life_end lies before known_at at row {row}: "
            f"{pd.Timestamp(int(life_end[row]), tz='UTC')} < {pd.Timestamp(int(known_at[row]), tz='UTC')}"
        )
