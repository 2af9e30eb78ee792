"""Whether a second reading of the same bars tells of another history.

Adjusted prices change from the first bar to the last one before a split whenever a share is split. A vendor's late
corrections touch single young bars. The oldest bar that was read twice tells the two apart.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fvg_platform.market.grids import microseconds

PRICES = ("open", "high", "low", "close")
# The same reading gives the same digits; the smallest split known (100 for 101) moves prices by 10^4 times this.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class SecondReading:
    """Stored bars beside the same bars read again.

    `stored`: bars that were stored; `common`: bars in both;
    `differing`: of these, with another price; `rescaled`: the oldest of them has another price,
    so the history before it was adjusted anew; `ratio`: its new close over the stored one.
    """

    stored: int
    common: int
    differing: int
    rescaled: bool
    ratio: float


def compare_readings(stored: pd.DataFrame, read: pd.DataFrame) -> SecondReading:
    """Compare two readings of one series by `ts`; of rows of one time the first counts.

    Parameters
    ----------
    stored, read
        Columns `ts, open, high, low, close`.
    """
    old, new = stored.drop_duplicates("ts"), read.drop_duplicates("ts")
    _, of_old, of_new = np.intersect1d(
        microseconds(old["ts"]), microseconds(new["ts"]), assume_unique=True, return_indices=True
    )
    if not len(of_old):
        return SecondReading(len(old), 0, 0, False, 1.0)
    before = old[list(PRICES)].to_numpy(dtype=np.float64)[of_old]
    now = new[list(PRICES)].to_numpy(dtype=np.float64)[of_new]
    equal = (np.abs(now - before) <= TOLERANCE * np.abs(before)) | (np.isnan(now) & np.isnan(before))
    differs = ~equal.all(axis=1)
    ratio = float(now[0, -1] / before[0, -1]) if before[0, -1] else float("nan")
    return SecondReading(len(old), len(of_old), int(differs.sum()), bool(differs[0]), ratio)
