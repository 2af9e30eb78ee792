"""When price first came back to each zone (specification, section 2): gaps, and the zones derived from them.

Bars are walked from the last to the first with a stack of the next record lows. The first bar at or below a
level is found on it by a search that gallops from the top, since most gaps are touched soon: n + gaps ·
log(distance). A bearish gap is a bullish one on prices times -1.
"""

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints

Sides = NDArray[np.int8]

EVENTS: tuple[str, ...] = ("touched", "half_filled", "filled", "inverted")
NEVER = -1


def lifecycle_columns(
    b: BarArrays, i: Ints, side: Sides, bottom: Floats, mid: Floats, top: Floats
) -> dict[str, object]:
    """The columns :data:`EVENTS` (bar positions, NULL if not yet) and `depth` of zones known at bars `i`."""
    first, depth = follow_zones(b, i, side, bottom, mid, top)
    nullable = {name: pd.arrays.IntegerArray(at, at == NEVER) for name, at in zip(EVENTS, first, strict=True)}
    return nullable | {"depth": depth}


def follow_zones(
    b: BarArrays, i: Ints, side: Sides, bottom: Floats, mid: Floats, top: Floats
) -> tuple[Ints, Floats]:
    """Follow m zones over the bars after their own: bullish ones by the lows, bearish ones by the highs.

    Parameters
    ----------
    i
        The bar at whose close each zone is known, never decreasing; `side` is +1 or -1.

    Returns
    -------
    Positions of the first bar of each of :data:`EVENTS`, shape (4, m), :data:`NEVER` where there is none, and
    the deepest share of the zone penetrated, shape (m,), 0..1.
    """
    # Allocated here and not in the kernels: numpy asks for huge pages, a tenth of the page faults at 10M bars.
    first, depth = np.empty((len(EVENTS), len(i)), np.int64), np.empty(len(i))
    follow(1, b.low, b.close, i, side, bottom, mid, top, first, depth)
    follow(-1, b.high, b.close, i, side, top, mid, bottom, first, depth)
    return first, depth


@nb.njit(cache=True)
def follow(
    s: int,
    price: Floats,
    close: Floats,
    i: Ints,
    side: Sides,
    far: Floats,
    mid: Floats,
    near: Floats,
    first: Ints,
    depth: Floats,
) -> None:
    """First bars after `i` (never decreasing) at which the near edge, the centre and the far edge are reached.

    `s` is the side whose gaps are followed: 1 by the lows, -1 by the highs (`price`). Written for those gaps:
    `first` (4, gaps), the bars of touch, half fill, fill and a close beyond the far edge, :data:`NEVER` where
    it has not happened; `depth` (gaps), the largest share of the zone penetrated, 0..1.
    """
    n = len(price)
    low_at, low_of = np.empty(n, np.int64), np.empty(n, np.float64)
    close_at, close_of = np.empty(n, np.int64), np.empty(n, np.float64)
    lows, closes = 0, 0
    g = len(i) - 1
    for j in range(n - 1, -1, -1):
        while g >= 0 and i[g] == j:
            if side[g] == s:
                pos = _search(low_of, lows - 1, s * near[g], False)
                first[0, g] = low_at[pos] if pos >= 0 else NEVER
                pos = _search(low_of, pos, s * mid[g], False)
                first[1, g] = low_at[pos] if pos >= 0 else NEVER
                pos = _search(low_of, pos, s * far[g], False)
                first[2, g] = low_at[pos] if pos >= 0 else NEVER
                pos = _search(close_of, closes - 1, s * far[g], True)
                first[3, g] = close_at[pos] if pos >= 0 else NEVER
                # The deepest of all later bars lies at the bottom of the stack.
                reached = s * near[g] - low_of[0] if lows > 0 else 0.0
                depth[g] = min(1.0, max(0.0, reached / (s * (near[g] - far[g]))))
            g -= 1
        lows = _push(low_at, low_of, lows, j, s * price[j])
        closes = _push(close_at, close_of, closes, j, s * close[j])


@nb.njit(cache=True)
def _push(at: Ints, of: Floats, size: int, j: int, price: float) -> int:
    while size > 0 and of[size - 1] >= price:
        size -= 1
    at[size] = j
    of[size] = price
    return size + 1


@nb.njit(cache=True)
def _search(of: Floats, start: int, level: float, strict: bool) -> int:
    """Highest position from `start` down whose price is ≤ level (< level if strict), -1 if there is none."""
    above, pos, step = start + 1, start, 1
    while pos >= 0 and (of[pos] >= level if strict else of[pos] > level):
        above, pos, step = pos, pos - step, step * 2
    pos = max(pos, -1)
    while above - pos > 1:  # prices fall with the position: [pos] qualifies (or is -1), [above] does not
        centre = (above + pos) // 2
        if of[centre] >= level if strict else of[centre] > level:
            above = centre
        else:
            pos = centre
    return pos
