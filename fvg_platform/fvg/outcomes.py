"""What became of each setup: its order, then each target against the same stop (specification, 4 and 5).

Every outcome is an interval: `lo` reads the bars against the trader where they leave the order of prices
open, `hi` for him. The walk itself is in :mod:`fvg_platform.fvg.trade_path`; here lie the inputs' checks and
the columns.
"""

import numba as nb
import numpy as np
import pandas as pd

from fvg_platform.fvg import trade_path as path
from fvg_platform.fvg.bar_input import Floats, Ints, numeric_column, read_bars
from fvg_platform.fvg.modes import ModeConfig, mode_config

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
    finer: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Label each setup with what the bars say of it.

    Parameters
    ----------
    bars
        The bars that the setups' positions `i` point into, as for :func:`fvg_platform.fvg.gaps.detect_gaps`.
    setups
        Columns `i, side, entry, stop, risk, target_1, target_2, target_3`; `known_at` is carried along if
        present.
    timeframe
        Timeframe of the bars.
    config
        `ttl`, `max_hold` and `cost_bps` are used; by default the timeframe's mode with equities' costs.
    finer
        Must be None: this version resolves outcomes from the series' own bars only.

    Returns
    -------
    DataFrame
        One row for each setup, in their order: `i, side, ts`, `known_at` if given, `status`, `entry_index,
        entry_price, bars_to_entry`; for each target k and path p in lo, hi: `outcome_{k}_{p},
        exit_index_{k}_{p}, bars_to_exit_{k}_{p}, r_{k}_{p}` (R after costs, in planned risk);
        `identified_{k}`; `mae_r, mfe_r`; `resolution`. NULL where there was no entry, save that a
        `gap_invalid` setup has its costs as R and `identified` false.

    Raises
    ------
    ValueError
        For an unknown timeframe, bars or setups that break a rule (the message names the row), or finer bars.
    """
    if finer is not None:
        raise ValueError(
            f"{timeframe}: resolving outcomes with finer bars is not part of this version; pass finer=None"
        )
    b = read_bars(bars, timeframe)
    config = config or mode_config(timeframe)
    i, side, prices, risk = _read_setups(setups, len(b), timeframe)
    ohlc = (b.open, b.high, b.low, b.close)
    walked = path.Walked.room_for(len(i))
    cost = config.cost_bps * 1e-4
    path.walk(ohlc, i, side, prices, risk, config.ttl, config.max_hold, cost, walked)
    columns: dict[str, object] = {"i": i, "side": side, "ts": b.ts.take(i)}
    if "known_at" in setups:
        columns["known_at"] = setups["known_at"].array.copy()
    columns |= _label_columns(i, walked)
    columns["resolution"] = pd.Categorical.from_codes(np.zeros(len(i), np.int8), pd.Index([timeframe]))
    return pd.DataFrame(columns, copy=False)


def _read_setups(setups: pd.DataFrame, bars: int, timeframe: str) -> tuple[Ints, path.Codes, Floats, Floats]:
    """i, side, prices (5, m) and risk, checked: a level on the wrong side of the entry would mean nothing."""
    what = f"{timeframe} setups"
    i, side, risk = (numeric_column(setups, name, what) for name in ("i", "side", "risk"))
    prices = np.stack([numeric_column(setups, name, what) for name in _PRICES])
    rule, row = _first_senseless(i, side, prices, risk, bars)
    if rule:
        values = dict(zip(_PRICES, prices[:, row].tolist(), strict=True))
        raise ValueError(
            f"{what}: row {row} (i={i[row]:g}, side={side[row]:g}, risk={risk[row]:g}, {values}): "
            + _RULES[rule].format(last=bars - 1)
        )
    return i.astype(np.int64), side.astype(np.int8), prices, risk


@nb.njit(cache=True)
def _first_senseless(i: Floats, side: Floats, prices: Floats, risk: Floats, bars: int) -> tuple[int, int]:
    """Key of :data:`_RULES` and row of the first setup that breaks one; a NaN breaks any."""
    for g in range(len(i)):
        if not (i[g] >= 0 and i[g] < bars and i[g] == np.floor(i[g])):
            return 1, g
        if abs(side[g]) != 1:
            return 2, g
        for k in range(len(prices)):
            if not np.isfinite(prices[k, g]):
                return 3, g
        if not (risk[g] > 0 and risk[g] < np.inf):
            return 4, g
        entry = side[g] * prices[0, g]
        if side[g] * prices[1, g] >= entry:
            return 5, g
        for k in range(2, len(prices)):
            if side[g] * prices[k, g] < entry:
                return 6, g
    return 0, -1


def _label_columns(i: Ints, walked: path.Walked) -> dict[str, object]:
    status, entry_index, entry_price, outcome, exit_index, r, excursion = walked
    entered = status == path.ENTERED
    unjudged = ~entered & (status != path.GAP_INVALID)
    columns: dict[str, object] = {
        "status": pd.Categorical.from_codes(status, pd.Index(STATUSES)),
        "entry_index": pd.arrays.IntegerArray(entry_index, ~entered),
        "entry_price": entry_price,
        "bars_to_entry": pd.arrays.IntegerArray(entry_index - i, ~entered),
    }
    for k in range(path.TARGETS):
        lo, hi = outcome[k]
        for p, name in enumerate(_PATHS):
            at = exit_index[k, p]
            open_ = at == path.NOWHERE
            columns |= {
                f"outcome_{k + 1}_{name}": pd.Categorical.from_codes(outcome[k, p], pd.Index(OUTCOMES)),
                f"exit_index_{k + 1}_{name}": pd.arrays.IntegerArray(at, open_),
                f"bars_to_exit_{k + 1}_{name}": pd.arrays.IntegerArray(at - entry_index, open_.copy()),
                f"r_{k + 1}_{name}": r[k, p],
            }
        same = entered & (lo == hi) & (lo != path.CENSORED)
        columns[f"identified_{k + 1}"] = pd.arrays.BooleanArray(same, unjudged.copy())
    return columns | {"mae_r": excursion[0], "mfe_r": excursion[1]}
