"""From gaps to planned trades: entry, stop, risk and three targets (specification, section 3)."""

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats, numeric_column
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.market.timeframes import require_timeframe

_CARRIED = ("ts", "known_at")


def plan_setups(gaps: pd.DataFrame, timeframe: str, *, config: ModeConfig | None = None) -> pd.DataFrame:
    """Plan one trade for each gap that qualifies.

    A gap does not qualify when its `atr` is NULL or 0, its size is below `config.min_size_atr` ATR, or its
    risk is not positive.

    Parameters
    ----------
    gaps
        Rows of :func:`fvg_platform.fvg.gaps.detect_gaps`; `i, side, bottom, top, atr` are used.
    timeframe
        Timeframe of the bars.
    config
        By default the configuration of the timeframe's mode with equities' costs.

    Returns
    -------
    DataFrame
        Columns `i, side`, `ts, known_at` where the gaps have them, `entry, stop, risk, target_1, target_2,
        target_3` (prices), in the order of the gaps.

    Raises
    ------
    ValueError
        For an unknown timeframe, a missing column or a side other than +1 and -1.
    """
    require_timeframe(timeframe)
    config = config or mode_config(timeframe)
    if "i" not in gaps:
        raise ValueError(f"{timeframe} gaps lack the column i")
    side, bottom, top, atr = (
        numeric_column(gaps, name, f"{timeframe} gaps") for name in ("side", "bottom", "top", "atr")
    )
    if (np.abs(side) != 1).any():
        row = int(np.argmax(np.abs(side) != 1))
        raise ValueError(f"{timeframe} gaps: side in row {row} is {side[row]:g}, but must be 1 or -1")
    near, far = np.where(side > 0, top, bottom), np.where(side > 0, bottom, top)
    entry = {"top": near, "mid": (bottom + top) / 2, "bottom": far}[config.entry]
    stop = far - side * (config.stop_buffer_atr * atr)
    risk = side * (entry - stop)
    plan: dict[str, Floats] = {"entry": entry, "stop": stop, "risk": risk}
    for k, multiple in enumerate(config.multiples, start=1):
        plan[f"target_{k}"] = entry + side * (multiple * risk)
    # Comparisons with NaN are false, so a gap without an ATR drops out here.
    with np.errstate(divide="ignore", invalid="ignore"):
        qualifies = (atr > 0) & ((top - bottom) / atr >= config.min_size_atr) & (risk > 0)
    rows = np.flatnonzero(qualifies)
    columns: dict[str, object] = {
        name: gaps[name].array.take(rows) for name in ("i", "side", *_CARRIED) if name in gaps
    }
    columns |= {name: values[rows] for name, values in plan.items()}
    return pd.DataFrame(columns, copy=False)
