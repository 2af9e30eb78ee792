"""Whether two series of one ticker tell the same story: coarser bars against the aggregate of the finer ones.

Only series of the same basis may be held against each other (:func:`comparable`), and only coarser bars whose finer
bars are all there: a missing minute is a hole, not a difference (see :mod:`fvg_platform.market.untraded`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.basis import Basis
from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import Microseconds, microseconds
from fvg_platform.market.resampling import resample_bars
from fvg_platform.market.timeframes import TIMEFRAMES, finer_timeframes

TOLERANCE: Mapping[str, float] = {
    # Open, high, low and close are picked, never computed: they agree to the last digit that a vendor gives.
    "open": 1e-6,
    "high": 1e-6,
    "low": 1e-6,
    "close": 1e-6,
    # Late trades and corrections reach a vendor's bars of different lengths at different times.
    "volume": 0.01,
    "transactions": 0.01,
    "taker_buy_volume": 0.01,
    # Rounded in every finer bar, and weighted with volumes that may differ by the above.
    "vwap": 1e-4,
}
"""How far a column may be apart, as a share of the larger of the two values."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of holding a coarser series against a finer one.

    Parameters
    ----------
    compared
        Coarser bars of which the finer series has every bar.
    differing
        One row for each of these that differs, in order of time: `ts`, `column` (the one farthest beyond its
        tolerance), `from_finer`, `own` (its two values), `difference` (their distance as a share of the larger).
    """

    compared: int
    differing: pd.DataFrame

    @property
    def worst(self) -> Mapping[str, object] | None:
        """The row of `differing` with the largest difference, or None."""
        if self.differing.empty:
            return None
        row = self.differing.nlargest(1, "difference").to_dict("records")[0]
        return {str(name): value for name, value in row.items()}


def comparable(fine: Basis, coarse: Basis) -> bool:
    """Whether two series may be held against each other: adjustment, anchor, session and source are the same."""
    return fine == coarse


def compare_timeframes(
    fine: pd.DataFrame,
    fine_timeframe: str,
    coarse: pd.DataFrame,
    coarse_timeframe: str,
    calendar: TradingCalendar,
    tolerance: Mapping[str, float] = TOLERANCE,
) -> Comparison:
    """Hold coarser bars against the aggregate of finer ones.

    Parameters
    ----------
    fine, coarse
        Clean bars: `ts` (strictly increasing), `open, high, low, close, volume`, perhaps `vwap, transactions,
        taker_buy_volume`; a column takes part where both have it, a value where both know it.
    calendar
        That of both: same market, anchor and session.
    tolerance
        By column.

    Raises
    ------
    ValueError
        Coarser bars are not made of such finer ones, or the finer ones are not in order.
    """
    if coarse_timeframe not in _coarser(fine_timeframe):
        choices = ", ".join(_coarser(fine_timeframe)) or "nothing"
        raise ValueError(
            f"{coarse_timeframe} bars cannot be held against {fine_timeframe} bars, of which are made: {choices}"
        )
    made = resample_bars(fine, fine_timeframe, coarse_timeframe, calendar)
    whole = made[_complete(fine, fine_timeframe, made, coarse_timeframe, calendar)]
    both = whole.merge(coarse, on="ts", suffixes=("_made", "_own"))
    columns = [name for name in tolerance if name in made and name in coarse]
    made_values, own_values = (
        both[[f"{name}_{side}" for name in columns]].to_numpy(dtype=np.float64) for side in ("made", "own")
    )
    apart = _relative_difference(made_values, own_values)
    excess = apart / np.array([tolerance[name] for name in columns])
    rows = np.flatnonzero((excess > 1).any(axis=1))
    worst = excess[rows].argmax(axis=1)
    return Comparison(
        compared=len(both),
        differing=pd.DataFrame(
            {
                "ts": both["ts"].iloc[rows].reset_index(drop=True),
                "column": pd.Series(np.array(columns, dtype=object)[worst], dtype="str"),
                "from_finer": made_values[rows, worst],
                "own": own_values[rows, worst],
                "difference": apart[rows, worst],
            }
        ),
    )


def _coarser(timeframe: str) -> list[str]:
    return [coarse for coarse in TIMEFRAMES if timeframe in finer_timeframes(coarse)]


def _complete(
    fine: pd.DataFrame,
    fine_timeframe: str,
    made: pd.DataFrame,
    coarse_timeframe: str,
    calendar: TradingCalendar,
) -> NDArray[np.bool_]:
    """Whether the finer series has every bar that the calendar expects during each coarser one, shape (made,)."""
    if made.empty:
        return np.zeros(0, dtype=np.bool_)
    us = microseconds(fine["ts"])
    finer = calendar.grid_over(us, fine_timeframe)
    coarse = calendar.grid_over(us, coarse_timeframe)
    labels = coarse.locate(microseconds(made["ts"]))
    first, last = int(labels[0]), int(labels[-1])
    opens, closes = int(coarse.opens(labels[:1])[0]), int(coarse.closes(labels[-1:])[0])
    expected = finer.opens(np.arange(finer.count_before(opens), finer.count_before(closes)))
    present = us[finer.locate(us) >= 0]

    def per_bar(times: Microseconds) -> NDArray[np.int64]:
        ordinals = coarse.containing(times)
        inside = (ordinals >= first) & (ordinals <= last)
        return np.bincount(ordinals[inside] - first, minlength=last - first + 1)[labels - first]

    return per_bar(present) == per_bar(expected)


def _relative_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """|a - b| as a share of the larger one; 0 where both are zero or one is unknown."""
    larger = np.maximum(np.abs(a), np.abs(b))
    share = np.divide(np.abs(a - b), larger, out=np.zeros_like(larger), where=larger > 0)
    return np.nan_to_num(share, nan=0.0)
