"""Split adjustment as the vendor does it: what lay before a split is stated in the shares of today.

Pure: bars and splits in, bars out. A split counts from midnight in New York of its execution date.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fvg_platform.market.sessions import NEW_YORK
from fvg_platform.sources.base import Split
from fvg_platform.sources.polygon_replay.aggregates import Bars

_PRICES = ("o", "h", "l", "c", "vw")


def adjust(bars: Bars, splits: Sequence[Split], now: pd.Timestamp | None) -> Bars:
    """Bars in the shares that are traded `now`.

    Prices before a split are multiplied by `split_from / split_to`, volumes by its inverse, over all splits that
    were executed by `now` (None: all). Numbers of trades stay.

    Parameters
    ----------
    splits
        Of the bars' own ticker, in any order.
    """
    in_force = [split for split in splits if is_in_force(split, now)]
    if not in_force or not len(bars):
        return bars
    factor = np.ones(len(bars))
    for split in in_force:
        factor[: np.searchsorted(bars.t, effective_from(split))] *= split.split_from / split.split_to
    values = dict(bars.values)
    values |= {name: values[name] * factor for name in _PRICES if name in values}
    values["v"] = values["v"] / factor
    return Bars(bars.t, bars.opened, values)


def is_in_force(split: Split, now: pd.Timestamp | None) -> bool:
    """Whether a split was executed by `now` (None: whatever its date)."""
    return now is None or effective_from(split) <= now.value // 1_000_000


def effective_from(split: Split) -> int:
    """Milliseconds since 1970 of midnight in New York of the execution date."""
    return int(pd.Timestamp(split.execution_date, tz=NEW_YORK).value // 1_000_000)
