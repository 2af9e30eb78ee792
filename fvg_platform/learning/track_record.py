"""The track record: how predictions came out, over rolling windows, by model, mode, timeframe, origin and ticker.

A prediction enters on the day on which its setup's whole life has ended, and not before: a window holds full-horizon
cohorts, so early exits weigh no more than late ones, and what a past day's record said never changes by what came
later. Where bars leave open what came first, every figure is an interval: `lo` is the worse reading, `hi` the better.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.fvg.block_bootstrap import block_length
from fvg_platform.fvg.modes import mode_config
from fvg_platform.learning.track_record_figures import COUNTS, block_products, figures, win_rate_interval
from fvg_platform.learning.track_record_history import weekly_history
from fvg_platform.learning.track_record_sums import DECILE_SUMS, DECILES, KEYS, OUTCOME_SUMS, SUMS, Judged

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WINDOWS = (30, 90, 365, 0)
"""Days of the rolling windows; 0 is everything."""

ANY_VERSION, ANY = 0, "*"
_POOLED = {"model_version": ANY_VERSION, "origin": ANY, "ticker": ANY}

# Setups of a week share its news even where they live for minutes.
_SHORTEST_BLOCK = 7


def track_record(
    predictions: pd.DataFrame,
    as_of: date,
    *,
    windows: Sequence[int] = WINDOWS,
    level: float = 0.95,
    lives: Mapping[str, pd.Timedelta] | None = None,
) -> pd.DataFrame:
    """How predictions came out as known at the end of a day.

    Parameters
    ----------
    predictions
        One row for each prediction that counts (whole horizon passed, not superseded, not in sample), as
        :func:`fvg_platform.storage.track_record_tables.judged_predictions` gives them: `life_end` (with a zone),
        `timeframe, mode, model_version, origin, ticker`, `p_target_1`, `r_1_lo, r_1_hi`, `latency_ms`, and `state`,
        the bits of :mod:`fvg_platform.learning.track_record_sums`. Lives that ended after `as_of` are left out.
    as_of
        The last day of the windows, a date of the exchange.
    windows
        Lengths in days, 0 for everything: a window of 30 holds `as_of` and the 29 days before it.
    level
        Coverage of the win rate's interval.
    lives
        How long a setup lives by timeframe: outcomes of that time share their fate. By default the horizon of the
        timeframe's standard configuration; never less than a week.

    Returns
    -------
    One row for each window that holds a prediction and each `timeframe, mode` with every `model_version` or 0 (any),
    `origin` or `*`, `ticker` or `*`; and for versions and 0, all origins and tickers together, the same at each
    earlier week's end (Sunday). Columns as in the table `model_performance`: the key, counts, figures; NaN where a
    figure is undefined. Ordered by key.

    Raises
    ------
    ValueError
        For a window below 0 or given twice.
    """
    if any(window < 0 for window in windows) or len(set(windows)) < len(windows) or not windows:
        raise ValueError(f"windows are {tuple(windows)}: give lengths in days, each once, 0 for everything")
    last = (as_of - date(1970, 1, 1)).days
    judged = Judged.of(predictions, last)
    if not len(judged.day):
        return pd.DataFrame(columns=["as_of", "window_days", *KEYS])
    blocks = _block_days(judged.labels["timeframe"], lives)
    now = _newest(judged, blocks, last, windows, level)
    history = weekly_history(judged, blocks, last, windows, level).assign(origin=ANY, ticker=ANY)
    rows = pd.concat([now, history], ignore_index=True)
    rows[list(COUNTS)] = rows[list(COUNTS)].astype(np.int64)
    rows["as_of"] = _dates(rows["as_of"].to_numpy())
    return rows.sort_values(["as_of", "window_days", *KEYS], ignore_index=True)


def _block_days(timeframes: pd.Series, lives: Mapping[str, pd.Timedelta] | None) -> IntArray:
    """Days of a block for each group: at least as long as a setup lives."""
    known = dict(lives or {})
    days = {}
    for timeframe in timeframes.unique():
        life = known.get(timeframe)
        length = block_length(timeframe, mode_config(timeframe)) if life is None else life
        days[timeframe] = max(_SHORTEST_BLOCK, int(np.ceil(length / pd.Timedelta(days=1))))
    return timeframes.map(days).to_numpy(np.int64)


def _newest(
    judged: Judged, blocks: IntArray, last: int, windows: Sequence[int], level: float
) -> pd.DataFrame:
    """Every combination of keys at the last day."""
    ends = np.array(sorted(window for window in windows if window))
    spans = ends.size + 1  # the days between one window and the next longer one, and those before all of them
    groups = len(judged.labels)
    span = np.searchsorted(ends, last - judged.day, side="right")
    cell = judged.group * spans + span
    sums = judged.sums(cell, groups * spans).reshape(groups, spans, len(SUMS))
    deciles = judged.decile_sums(cell, groups * spans).reshape(groups, spans, DECILES, len(DECILE_SUMS))
    slowest = judged.slowest(cell, groups * spans).reshape(groups, spans)
    pieces = _Pieces.of(judged, blocks, span, spans)
    lengths = [*ends.tolist(), 0][: spans if 0 in windows else spans - 1]
    parts = []
    for pooled in product((False, True), repeat=len(_POOLED)):
        stars = [name for name, chosen in zip(_POOLED, pooled, strict=True) if chosen]
        labels = pd.DataFrame({**judged.labels, **{name: _POOLED[name] for name in stars}})
        parent = labels.groupby(list(KEYS), sort=False, observed=True).ngroup().to_numpy(np.int64)
        keys = labels[~pd.Series(parent).duplicated().to_numpy()]
        outcomes, products, held = pieces.merged(parent)
        low, high = win_rate_interval(outcomes, products, held, level)
        found = figures(
            np.cumsum(_added(sums, parent), axis=1),
            np.cumsum(_added(deciles, parent), axis=1),
            np.maximum.accumulate(_added(slowest, parent, np.maximum), axis=1),
        )
        found |= {"win_rate_low": low, "win_rate_high": high}
        some = found["predictions"][:, : len(lengths)] > 0
        at, window = np.nonzero(some)
        columns = {name: values[at, window] for name, values in found.items()}
        named = {name: keys[name].to_numpy()[at] for name in KEYS}
        parts.append(pd.DataFrame({"window_days": np.array(lengths)[window], **named, **columns}))
    return pd.concat(parts, ignore_index=True).assign(as_of=last)


class _Pieces:
    """Outcomes by group, block of time and span: what the win rate's interval is made of."""

    def __init__(self, group: IntArray, block: IntArray, sums: FloatArray) -> None:
        self._group, self._block, self._sums = group, block, sums

    @classmethod
    def of(cls, judged: Judged, blocks: IntArray, span: IntArray, spans: int) -> "_Pieces":
        """The blocks are counted from 1970: every window and every day sees the same ones."""
        block = judged.day // blocks[judged.group]
        low = int(block.min())
        width = int(block.max()) - low + 1
        piece, found = pd.factorize(judged.group * width + (block - low))
        n = found.size
        sums = judged.outcome_sums(piece * spans + span, n * spans).reshape(n, spans, len(OUTCOME_SUMS))
        return cls(found // width, found % width + low, sums)

    def merged(self, parent: npt.NDArray[np.integer]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Groups joined to their parents: outcomes (parents, spans, 4), products (…, 6) and blocks held (…)."""
        group = parent[self._group]
        order = np.lexsort((self._block, group))
        group, block = group[order], self._block[order]
        new = np.r_[True, (np.diff(group) != 0) | (np.diff(block) != 0)]
        starts = np.flatnonzero(new)
        outcomes = np.cumsum(np.add.reduceat(self._sums[order], starts, axis=0), axis=1)
        group = group[starts]
        begins = np.flatnonzero(np.r_[True, np.diff(group) != 0])
        held = (outcomes[..., OUTCOME_SUMS.index("settled_hi")] > 0).astype(np.float64)
        return (
            np.add.reduceat(outcomes, begins, axis=0),
            np.add.reduceat(block_products(outcomes), begins, axis=0),
            np.add.reduceat(held, begins, axis=0),
        )


def _added(values: FloatArray, parent: npt.NDArray[np.integer], how: np.ufunc = np.add) -> FloatArray:
    """Rows (groups, …) joined to their parents, in order of the parents' numbers from 0."""
    order = np.argsort(parent, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(parent[order]) != 0])
    return np.asarray(how.reduceat(values[order], starts, axis=0))


def _dates(days: IntArray) -> list[date]:
    """Days since 1970-01-01 as dates."""
    unique, place = np.unique(days, return_inverse=True)
    named: list[date] = unique.astype("datetime64[D]").tolist()
    return [named[at] for at in place]
