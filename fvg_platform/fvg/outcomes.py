"""What became of each setup: its order, then each target against the same stop (specification, 4 to 6).

Every outcome is an interval: `lo` reads the bars against the trader where they leave the order of prices
open, `hi` for him. The walk itself is in :mod:`fvg_platform.fvg.trade_path`, what finer bars add in
:mod:`fvg_platform.fvg.finer`; here lie the inputs' checks and the columns.
"""

from collections.abc import Mapping

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg import trade_path as path
from fvg_platform.fvg.bar_input import Floats, Ints, numeric_column, read_bars
from fvg_platform.fvg.finer import Resolved, read_finer_bars, resolve
from fvg_platform.fvg.modes import ModeConfig, config_for
from fvg_platform.fvg.replay import REASONS
from fvg_platform.fvg.session_ends import NO_SESSIONS, SessionCalendar, session_ends

STATUSES: tuple[str, ...] = ("pending", "entered", "gap_invalid", "ran_away", "expired")
OUTCOMES: tuple[str, ...] = ("stop", "target", "timeout", "censored")
"""Words of the categorical columns, in the order of the codes in :mod:`fvg_platform.fvg.trade_path`."""

_PRICES = ("entry", "stop", "target_1", "target_2", "target_3")
_PATHS = ("lo", "hi")
_RULES: dict[int, str] = {
    1: "i must be a bar position from 0 to {last}",
    2: "side must be 1 or -1",
    3: "its prices must be finite",
    4: "risk must be positive and finite",
    5: "its stop must lie beyond the entry, against the trade",
    6: "its targets must lie beyond the entry, with the trade",
}


def label_setups(
    bars: pd.DataFrame,
    setups: pd.DataFrame,
    timeframe: str,
    *,
    config: ModeConfig | None = None,
    calendar: SessionCalendar | None = None,
    finer: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Label each setup with what the bars say of it.

    Parameters
    ----------
    bars
        The bars that the setups' positions `i` point into, as for :func:`fvg_platform.fvg.gaps.detect_gaps`.
        A tail of a series is enough that begins no later than the earliest setup's bar.
    setups
        Columns `i, side, entry, stop, risk, target_1, target_2, target_3`; `known_at` is carried along if
        present.
    timeframe
        Timeframe of the bars.
    config
        `ttl`, `max_hold`, `day_only`, `cost_bps` and `stop_slippage_bps` are used; by default the timeframe's
        mode with equities' costs, which without a calendar lets orders and trades outlive the session.
    calendar
        That of the bars; needed for `day_only`, and where finer bars resolve bars of a month.
    finer
        Bars of the same ticker, adjustment and session by their timeframe, each finer than `timeframe`; any
        windows, holes allowed. Ambiguous bars are replayed on them.

    Returns
    -------
    DataFrame
        One row for each setup, in their order: `i, side, ts`, `known_at` if given, `status`, `entry_index,
        entry_price, bars_to_entry`; for each target k and path p in lo, hi: `outcome_{k}_{p},
        exit_index_{k}_{p}, bars_to_exit_{k}_{p}, r_{k}_{p}` (R after costs, in planned risk);
        `identified_{k}`, `identified_before_{k}` (by the series' own bars alone); `mae_r, mfe_r`; `resolution`
        (the finest timeframe that settled an ambiguous bar, the series' own if none did); `unresolved` (why an
        outcome is still two, one of :data:`fvg_platform.fvg.replay.REASONS`, for the first such target; NULL
        where there is none, and without finer bars). NULL where there was no entry, save that a `gap_invalid`
        setup has its costs as R and `identified` false. `identified_before_{k}` can change for as long as the own
        bars alone leave an outcome open that finer ones have settled.

    Raises
    ------
    ConfigurationError
        The mode does not trade the timeframe, or `day_only` lacks a calendar or is asked of days and more.
    ValueError
        For an unknown timeframe, bars or setups that break a rule (the message names the row), or bars that
        are not finer.
    """
    config = config_for(timeframe, config, calendar=calendar)
    replays = None if finer is None else read_finer_bars(finer, timeframe)
    b = read_bars(bars, timeframe)
    i, side, levels, risk = _read_setups(setups, len(b), timeframe)
    session_end = NO_SESSIONS
    if config.day_only and calendar is not None:
        session_end = session_ends(b.ts, timeframe, calendar)
    terms = path.Terms(config.ttl, config.max_hold, config.cost_bps * 1e-4, config.stop_slippage_bps * 1e-4)
    ohlc, walked = (b.open, b.high, b.low, b.close), path.Walked.room_for(len(i))
    path.walk(ohlc, i, side, levels, risk, session_end, terms, walked)
    before = _identified(walked)
    resolved = Resolved.nothing(len(i))
    if replays is not None:
        resolve(b, timeframe, replays, calendar, (side, levels, risk), session_end, terms, walked, resolved)
    columns: dict[str, object] = {"i": i, "side": side, "ts": b.ts.take(i)}
    if "known_at" in setups:
        columns["known_at"] = setups["known_at"].array.copy()
    columns |= _label_columns(i, walked, before)
    timeframes = (timeframe, *(name for name, _ in replays or ()))
    columns["resolution"] = _words(resolved.level, timeframes)
    columns["unresolved"] = _words(resolved.reason, REASONS)
    return pd.DataFrame(columns, copy=False)


def _read_setups(
    setups: pd.DataFrame, bars: int, timeframe: str
) -> tuple[Ints, path.Codes, path.Levels, Floats]:
    """i, side, levels (m each) and risk, checked: a level on the wrong side of the entry would mean nothing."""
    what = f"{timeframe} setups"
    i, side, risk = (numeric_column(setups, name, what) for name in ("i", "side", "risk"))
    levels = tuple(numeric_column(setups, name, what) for name in _PRICES)
    rule, row = _first_senseless(i, side, levels, risk, bars)
    if rule:
        values = dict(zip(_PRICES, (float(level[row]) for level in levels), strict=True))
        raise ValueError(
            f"{what}: row {row} (i={i[row]:g}, side={side[row]:g}, risk={risk[row]:g}, {values}): "
            + _RULES[rule].format(last=bars - 1)
        )
    return i.astype(np.int64), side.astype(np.int8), levels, risk


@nb.njit(cache=True)
def _first_senseless(
    i: Floats, side: Floats, levels: path.Levels, risk: Floats, bars: int
) -> tuple[int, int]:
    """Key of :data:`_RULES` and row of the first setup that breaks one; a NaN breaks any."""
    for g in range(len(i)):
        if not (i[g] >= 0 and i[g] < bars and i[g] == np.floor(i[g])):
            return 1, g
        if abs(side[g]) != 1:
            return 2, g
        for k in range(len(levels)):
            if not np.isfinite(levels[k][g]):
                return 3, g
        if not (risk[g] > 0 and risk[g] < np.inf):
            return 4, g
        entry = side[g] * levels[0][g]
        if side[g] * levels[1][g] >= entry:
            return 5, g
        for k in range(2, len(levels)):
            if side[g] * levels[k][g] < entry:
                return 6, g
    return 0, -1


def _identified(walked: path.Walked) -> list[NDArray[np.bool_]]:
    """For each target: do both paths have the same outcome, and not `censored`?"""
    lo, hi = walked.outcome[:, path.LO], walked.outcome[:, path.HI]
    return list((lo == hi) & (lo != path.CENSORED) & (lo != path.NO_OUTCOME))


def _label_columns(i: Ints, walked: path.Walked, before: list[NDArray[np.bool_]]) -> dict[str, object]:
    status, entry_index, entry_price, outcome, exit_index, r, excursion = walked
    entered = status == path.ENTERED
    unjudged = ~entered & (status != path.GAP_INVALID)
    columns: dict[str, object] = {
        "status": _words(status, STATUSES),
        "entry_index": pd.arrays.IntegerArray(entry_index, ~entered),
        "entry_price": entry_price,
        "bars_to_entry": pd.arrays.IntegerArray(entry_index - i, ~entered),
    }
    after, bars_to_exit, open_ = _identified(walked), exit_index - entry_index, exit_index == path.NOWHERE
    for k in range(path.TARGETS):
        for p, name in enumerate(_PATHS):
            columns |= {
                f"outcome_{k + 1}_{name}": _words(outcome[k, p], OUTCOMES),
                f"exit_index_{k + 1}_{name}": pd.arrays.IntegerArray(exit_index[k, p], open_[k, p]),
                f"bars_to_exit_{k + 1}_{name}": pd.arrays.IntegerArray(
                    bars_to_exit[k, p], open_[k, p].copy()
                ),
                f"r_{k + 1}_{name}": r[k, p],
            }
        columns[f"identified_{k + 1}"] = pd.arrays.BooleanArray(after[k], unjudged.copy())
        columns[f"identified_before_{k + 1}"] = pd.arrays.BooleanArray(before[k], unjudged.copy())
    return columns | {"mae_r": excursion[0], "mfe_r": excursion[1]}


def _words(codes: path.Codes, words: tuple[str, ...]) -> pd.api.extensions.ExtensionArray:
    return pd.Categorical.from_codes(codes, pd.Index(words), validate=False)
