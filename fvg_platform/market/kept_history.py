"""Resampled bars that outlive the finer ones they were made of.

Minutes are kept for some years and hours for ever: once the minutes of an old hour are gone, the hour cannot be made
again and the stored one is what remains. It is scaled where the finer history was adjusted for a split since.
"""

import numpy as np
import pandas as pd

from fvg_platform.market.bars import PRICES
from fvg_platform.market.revisions import compare_readings
from fvg_platform.market.timeframes import nominal_duration

_PRICED = (*PRICES, "vwap")
_SHARES = ("volume", "taker_buy_volume")


def keep_history(
    made: pd.DataFrame,
    stored: pd.DataFrame,
    timeframe: str,
    *,
    gone_before: pd.Timestamp,
    first_finer: pd.Timestamp | None,
) -> pd.DataFrame:
    """The bars that can still be made, after the stored ones that cannot be any more.

    Parameters
    ----------
    made
        Bars of `timeframe` from the finer ones that there are, as `resample_bars` gives them.
    stored
        The series as it is stored, in order of `ts`, with the same columns.
    gone_before
        Finer bars that open before it are not kept; stored bars that open at or after it need no keeping.
    first_finer
        Open of the first finer bar that there is. The coarse bar that holds it is kept too, even one that opened at
        or after `gone_before`: where its first minutes saw no trade, it looks like one that the data begin in.

    Returns
    -------
    DataFrame
        In order of `ts`. Of stored bars that were made before the finer history was adjusted anew, prices and volumes
        are scaled as the oldest bar that both have says.
    """
    before = stored["ts"] < gone_before
    if not before.any():
        return made
    if first_finer is not None:
        holds_first = (stored["ts"] <= first_finer) & (
            stored["ts"] > first_finer - nominal_duration(timeframe)
        )
        before |= holds_first
    if len(made):
        before &= stored["ts"] < made["ts"].iloc[0]
    kept = _rescaled(stored[before], stored, made)
    return pd.concat([kept[made.columns], made], ignore_index=True) if len(made) else kept[made.columns]


def _rescaled(kept: pd.DataFrame, stored: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    second = compare_readings(stored, made)
    if not second.rescaled or not np.isfinite(second.ratio):
        return kept
    oldest = made.loc[made["ts"].isin(stored["ts"]), "ts"].iloc[0]
    now, then = (float(frame.loc[frame["ts"] == oldest, "volume"].iloc[0]) for frame in (made, stored))
    # Splits change volumes too, dividends do not: the bars themselves say which it was.
    shares = now / then if then > 0 else 1.0
    factors = {**dict.fromkeys(_PRICED, second.ratio), **dict.fromkeys(_SHARES, shares)}
    return kept.assign(**{name: kept[name] * factor for name, factor in factors.items() if name in kept})
