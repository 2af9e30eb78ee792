"""The track record of each past week's end, tickers and origins together: what a chart over time shows.

Sums run along the days, so that a window costs a difference. The blocks of the win rate's interval are the same as
those of the newest record; a window's first and last block count as far as they lie in it.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.track_record_figures import block_products, figures, win_rate_interval
from fvg_platform.learning.track_record_sums import DECILE_SUMS, DECILES, OUTCOME_SUMS, SUMS, Judged

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Days since 1970-01-01, a Thursday, that are Sundays: 3 modulo 7.
_SUNDAY = 3
_PREDICTIONS = SUMS.index("predictions")


def weekly_history(
    judged: Judged, blocks: IntArray, last: int, windows: Sequence[int], level: float
) -> pd.DataFrame:
    """Figures at every Sunday before `last`, by timeframe, mode and version, and of any version (0).

    Parameters
    ----------
    judged
        The predictions.
    blocks
        Days of a block for each of their groups; alike within a timeframe.
    last
        The day of the newest record, since 1970-01-01.
    windows, level
        As in :func:`fvg_platform.learning.track_record.track_record`.

    Returns
    -------
    `as_of` (days since 1970-01-01), `window_days, timeframe, mode, model_version`, and the figures; only windows
    that hold a prediction.
    """
    first = int(judged.day.min())
    sundays = np.arange(first + (_SUNDAY - first) % 7, last, 7)
    by = ["timeframe", "mode", "model_version"]
    own = judged.labels.groupby(by, sort=False, observed=True).ngroup().to_numpy(np.int64)
    firsts = np.flatnonzero(~pd.Series(own).duplicated().to_numpy())
    keys, days = judged.labels.iloc[firsts][by].reset_index(drop=True), last - first + 1
    cell = own[judged.group] * days + (judged.day - first)
    sums = judged.sums(cell, len(keys) * days).reshape(len(keys), days, len(SUMS))
    deciles = judged.decile_sums(cell, len(keys) * days).reshape(len(keys), days, -1)
    slowest = judged.slowest(cell, len(keys) * days).reshape(len(keys), days)
    outcomes = judged.outcome_sums(cell, len(keys) * days).reshape(len(keys), days, len(OUTCOME_SUMS))
    members = {tuple(key): [at] for at, key in enumerate(keys.itertuples(index=False))}
    for at, (timeframe, mode, _) in enumerate(list(members)):
        members.setdefault((timeframe, mode, 0), []).append(at)
    parts = []
    for key, places in members.items():
        of = _Days(first, (kept[places].sum(0) for kept in (sums, deciles, outcomes)), slowest[places].max(0))
        rows = _at_week_ends(of, int(blocks[firsts[places[0]]]), sundays, windows, level)
        parts.append(rows.assign(**dict(zip(by, key, strict=True))))
    return pd.concat(parts, ignore_index=True)


class _Days:
    """Sums of one key by day, along which they run: shapes (days + 1, …), the first row being 0."""

    def __init__(self, first: int, added: Iterable[FloatArray], slowest: FloatArray) -> None:
        self.first, self.slowest = first, np.append(slowest, 0.0)
        self.sums, self.deciles, self.outcomes = map(_running, added)


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _at_week_ends(
    days: _Days, block: int, sundays: IntArray, windows: Sequence[int], level: float
) -> pd.DataFrame:
    as_of, window = np.tile(sundays, len(windows)), np.repeat(np.array(windows), sundays.size)
    ends = as_of - days.first + 1
    starts = np.where(window > 0, np.maximum(ends - window, 0), 0)
    some = np.flatnonzero(days.sums[ends, _PREDICTIONS] > days.sums[starts, _PREDICTIONS])
    as_of, window, starts, ends = as_of[some], window[some], starts[some], ends[some]
    deciles = (days.deciles[ends] - days.deciles[starts]).reshape(-1, DECILES, len(DECILE_SUMS))
    # Pairs of start and end: every other stretch is a window.
    slowest = np.maximum.reduceat(days.slowest, np.stack([starts, ends], axis=1).ravel())[::2]
    found = figures(days.sums[ends] - days.sums[starts], deciles, slowest)
    low, high = win_rate_interval(*_over_blocks(days, block, starts, ends), level)
    found |= {"win_rate_low": low, "win_rate_high": high}
    return pd.DataFrame({"as_of": as_of, "window_days": window, **found})


def _over_blocks(
    days: _Days, block: int, starts: IntArray, ends: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Outcomes, products and number of the blocks in each window of days `starts` to `ends` (excluded)."""
    run, n = days.outcomes, len(days.outcomes) - 1
    # Borders of blocks as positions of days: the first begins on the first day or before, the last ends behind.
    number = (days.first + np.array([0, n - 1])) // block
    borders = np.clip(np.arange(number[0], number[1] + 2) * block - days.first, 0, n)
    whole = np.diff(run[borders], axis=0)
    products, held = _running(block_products(whole)), _running(_holds(whole)[:, None])
    begin, end = np.searchsorted(borders, starts, "left"), np.searchsorted(borders, ends, "right") - 1
    within = end < begin  # the window lies inside of one block
    inner_end = np.maximum(begin, end)
    head = np.where(within[:, None], run[ends], run[borders[begin]]) - run[starts]
    tail = np.where(within[:, None], 0.0, run[ends] - run[borders[inner_end]])
    total = products[inner_end] - products[begin] + block_products(head) + block_products(tail)
    count = (held[inner_end] - held[begin])[:, 0] + _holds(head) + _holds(tail)
    return run[ends] - run[starts], total, count


def _holds(outcomes: FloatArray) -> FloatArray:
    return (outcomes[..., OUTCOME_SUMS.index("settled_hi")] > 0).astype(np.float64)
