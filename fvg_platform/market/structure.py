"""Market structure without repainting: swings, breaks of structure, changes of character, trend, dealing range.

Every figure of bar t is known at its close and never changes. Memory is bounded: a swing, and a break, is forgotten
after :data:`STRUCTURE_MEMORY` bars, so that the last :data:`STRUCTURE_REACH` bars before one give the same figures,
bit for bit, as the whole series. (Library swings are centred windows written back to the bar of the swing, and their
breaks are dropped again when later bars disagree: both look ahead.)
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Signs = NDArray[np.int8]

SWING_BARS = 3
"""Bars on either side that a swing must reach beyond."""
STRUCTURE_MEMORY = 500
"""Bars after which a swing and a break are forgotten."""
STRUCTURE_REACH = 3 * STRUCTURE_MEMORY + SWING_BARS + 2
"""Bars before t that decide the figures of t: a break, the break before it, that one's swing, the bars before that."""

NO_BREAK, BOS, CHOCH = 0, 1, 2
"""Codes of the kind of a break: none, break of structure, change of character."""


class Structure(NamedTuple):
    """Structure as of the close of each bar, arrays of shape (n,); NaN, -1 and 0 where there is none in memory.

    `swing_high, swing_low`: price of the last confirmed swing. `swing_high_at, swing_low_at`: its bar.
    `standing_high, standing_low`: the same prices while no close has gone beyond them, else NaN.
    `trend`: direction of the last break, +1 up, -1 down, 0 none. `break_kind`: of that break, :data:`BOS` or
    :data:`CHOCH`. `break_at`: its bar.
    `range_high, range_low`: the dealing range, from the last confirmed swing low to the last confirmed swing high,
    each moved to what has been traded beyond it since; NaN until both are known.
    """

    swing_high: Floats
    swing_low: Floats
    swing_high_at: Ints
    swing_low_at: Ints
    standing_high: Floats
    standing_low: Floats
    trend: Signs
    break_kind: Signs
    break_at: Ints
    range_high: Floats
    range_low: Floats


def structure(
    high: Floats, low: Floats, close: Floats, *, swing_bars: int = SWING_BARS, memory: int = STRUCTURE_MEMORY
) -> Structure:
    """Read the structure of a series.

    A swing high at j: its high is above those of the `swing_bars` bars before it and not below those of the
    `swing_bars` bars after it (of equal highs the first is the swing); known at the close of bar j + `swing_bars`.
    A break upwards at t: the close lies above the last swing high confirmed at t-1 or before, and no close before
    did. It is a change of character when the trend pointed down, else a break of structure. Lows are the mirror
    image.

    Parameters
    ----------
    high, low, close
        Finite prices, shape (n,).
    swing_bars, memory
        In bars, at least 1.

    Raises
    ------
    ValueError
        For arrays of different lengths, or a setting below 1.
    """
    if not len(high) == len(low) == len(close):
        raise ValueError(
            f"high, low and close have {len(high)}, {len(low)} and {len(close)} bars: give the same"
        )
    if swing_bars < 1 or memory < 1:
        raise ValueError(f"swing_bars is {swing_bars} and memory {memory}: both must be at least 1")
    n = len(high)
    prices, positions, signs = (
        np.full((6, n), np.nan),
        np.full((3, n), -1, np.int64),
        np.zeros((2, n), np.int8),
    )
    read = Structure(
        swing_high=prices[0],
        swing_low=prices[1],
        swing_high_at=positions[0],
        swing_low_at=positions[1],
        standing_high=prices[2],
        standing_low=prices[3],
        trend=signs[0],
        break_kind=signs[1],
        break_at=positions[2],
        range_high=prices[4],
        range_low=prices[5],
    )
    # Lows are the highs of the reflected series: one kernel serves both.
    _follow_highs(high, close, swing_bars, memory, read.swing_high_at, read.standing_high, read.range_high)
    _follow_highs(-low, -close, swing_bars, memory, read.swing_low_at, read.standing_low, read.range_low)
    for of_bar, at, found in (
        (high, read.swing_high_at, read.swing_high),
        (low, read.swing_low_at, read.swing_low),
    ):
        known = at >= 0
        found[known] = of_bar[at[known]]
    np.negative(read.standing_low, out=read.standing_low)
    np.negative(read.range_low, out=read.range_low)
    unknown = (read.swing_high_at < 0) | (read.swing_low_at < 0)
    read.range_high[unknown] = read.range_low[unknown] = np.nan
    _follow_breaks(
        close, read.standing_high, read.standing_low, memory, read.trend, read.break_kind, read.break_at
    )
    return read


@nb.njit(cache=True)
def _follow_highs(
    high: Floats, close: Floats, k: int, memory: int, at: Ints, standing: Floats, reached: Floats
) -> None:
    """Last confirmed swing high of each bar, its price while unbroken, and the highest high from it on."""
    last, broken, top = -1, False, np.nan
    for t in range(len(high)):
        top = max(top, high[t])
        j = t - k
        if j >= k and _is_swing_high(high, j, k):
            last, broken, top = j, False, high[j]
        if last >= 0 and t - last > memory:
            last = -1
        if last >= 0:
            broken = broken or close[t] > high[last]
            at[t], reached[t] = last, top
            if not broken:
                standing[t] = high[last]


@nb.njit(cache=True)
def _is_swing_high(high: Floats, j: int, k: int) -> bool:
    found = True
    for d in range(1, k + 1):
        found &= high[j - d] < high[j] >= high[j + d]
    return found


@nb.njit(cache=True)
def _follow_breaks(
    close: Floats,
    standing_high: Floats,
    standing_low: Floats,
    memory: int,
    trend: Signs,
    kind: Signs,
    at: Ints,
) -> None:
    """Trend and last break of each bar. A close cannot break both ways: it would have broken one of them before."""
    direction, last, last_kind = 0, -1, NO_BREAK
    for t in range(len(close)):
        side = 0
        if t > 0:
            # What this bar itself confirms lies beyond its close and cannot break.
            side = int(close[t] > standing_high[t - 1]) - int(close[t] < standing_low[t - 1])
        if side != 0:
            last_kind = CHOCH if direction == -side else BOS
            direction, last = side, t
        elif last >= 0 and t - last > memory:
            direction, last, last_kind = 0, -1, NO_BREAK
        trend[t], kind[t], at[t] = direction, last_kind, last
