"""What the bars around a gap say: structure broken, liquidity swept, order block, displacement, and the leg.

A bearish gap is read as a bullish one in the reflected bars, so that both obey one rule. The leg of a bullish gap
begins at the lowest low since the last confirmed swing low, or within :data:`LEG_BARS` bars where that lies further
back or is unknown, and ends with bar i.
"""

import numba as nb
import numpy as np

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints
from fvg_platform.fvg.context_columns import LOW_VOLUME_DENSITY
from fvg_platform.market.structure import Signs, Structure
from fvg_platform.market.volume_profile import volume_profiles, zone_density

LEG_BARS = 50
"""Bars of a leg at most."""
BEFORE_BARS = 10
"""How many bars before the middle bar a sweep or an order block may lie."""

_ROWS = (
    "impulse_broke_structure",
    "liquidity_swept",
    "bars_since_sweep",
    "order_block_bars",
    "order_block_distance_atr",
    "displacement_range_atr",
    "displacement_body_atr",
    "leg_bars",
    "leg_atr",
)


def describe_structure(read: Structure, i: Ints, mid: Floats) -> dict[str, Floats | Signs]:
    """Trend, last break and place in the dealing range, as of bar i of each gap."""
    at = read.break_at[i]
    return {
        "trend": read.trend[i].astype(np.float64),
        "structure_break": read.break_kind[i] - 1,
        "bars_since_break": np.where(at >= 0, i - at, np.nan),
        "range_position": position_in_range(mid, read.range_low[i], read.range_high[i]),
    }


def position_in_range(price: Floats, low: Floats, high: Floats) -> Floats:
    """0 at `low`, 1 at `high`; NaN where the range is unknown or has no height."""
    height = high - low
    return np.divide(price - low, height, out=np.full(len(price), np.nan), where=height > 0)


def describe_pattern(b: BarArrays, read: Structure, i: Ints, side: Ints, atr: Floats) -> dict[str, Floats]:
    """Columns of each gap from the bars before it and its own; see :data:`_ROWS` and the order block's prices."""
    rows = np.full((len(_ROWS), len(i)), np.nan)
    for sign in (1, -1):
        mine = np.flatnonzero(side == sign)
        found = np.full((len(_ROWS), len(mine)), np.nan)
        opposite_at = read.swing_low_at if sign > 0 else read.swing_high_at
        _describe(*_as_bullish(b, read, sign), opposite_at, i[mine], atr[mine], found)
        rows[:, mine] = found
    columns = dict(zip(_ROWS, rows, strict=True))
    known = ~np.isnan(rows[_ROWS.index("order_block_bars")])
    at = i[known] - rows[_ROWS.index("order_block_bars"), known].astype(np.int64)
    for name, prices in (("order_block_bottom", b.low), ("order_block_top", b.high)):
        columns[name] = np.full(len(i), np.nan)
        columns[name][known] = prices[at]
    return columns


def describe_leg(
    b: BarArrays, taker: Floats | None, i: Ints, leg_bars: Floats, zone: tuple[Floats, Floats], atr: Floats
) -> dict[str, Floats]:
    """The volume profile of each gap's leg beside its zone (bottom, top), and who was the aggressor in it."""
    bottom, top = zone
    mid = (bottom + top) / 2
    first, stop = np.where(np.isnan(leg_bars), -1, i + 1 - np.nan_to_num(leg_bars)).astype(np.int64), i + 1
    profile = volume_profiles(b.high, b.low, b.volume, first, stop)
    density = zone_density(b.high, b.low, b.volume, first, stop, bottom, top)
    taker_buy_share = np.full(len(i), np.nan)
    if taker is not None:
        _share(taker, b.volume, first, stop, taker_buy_share)
    return {
        "leg_poc_atr": distance_atr(mid, profile.poc, atr),
        "leg_value_high_atr": distance_atr(mid, profile.value_high, atr),
        "leg_value_low_atr": distance_atr(mid, profile.value_low, atr),
        "leg_zone_density": density,
        "zone_is_low_volume_node": np.where(np.isnan(density), np.nan, density <= LOW_VOLUME_DENSITY),
        "taker_buy_share": taker_buy_share,
    }


def distance_atr(mid: Floats, level: Floats, atr: Floats) -> Floats:
    """(mid - level) / ATR; NaN where either is unknown or ATR is 0."""
    return np.divide(mid - level, atr, out=np.full(len(mid), np.nan), where=atr > 0)


def _as_bullish(
    b: BarArrays, read: Structure, sign: int
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
    """Open, high, low, close, swing and standing high, swing and standing low, reflected for bearish gaps."""
    if sign > 0:
        prices = (b.open, b.high, b.low, b.close)
        return *prices, read.swing_high, read.standing_high, read.swing_low, read.standing_low
    prices = (-b.open, -b.low, -b.high, -b.close)
    return *prices, -read.swing_low, -read.standing_low, -read.swing_high, -read.standing_high


@nb.njit(cache=True)
def _describe(
    o: Floats,
    h: Floats,
    low: Floats,
    c: Floats,
    swing_high: Floats,
    standing_high: Floats,
    swing_low: Floats,
    standing_low: Floats,
    swing_low_at: Ints,
    i: Ints,
    atr: Floats,
    rows: Floats,
) -> None:
    """Write the columns :data:`_ROWS` of bullish gaps, NaN where unknown."""
    for g in range(len(i)):
        j, unit = i[g], atr[g] if atr[g] > 0 else np.nan
        before = j - 3
        if before >= 0 and not np.isnan(swing_high[before]):
            # NaN, a swing already broken, compares as False.
            rows[0, g] = max(c[j - 2], c[j - 1], c[j]) > standing_high[before]
        swept = _last_sweep(low, c, standing_low, j)
        if swept >= 0:
            rows[1, g], rows[2, g] = 1.0, j - swept
        elif before >= 0 and not np.isnan(swing_low[before]):
            rows[1, g] = 0.0
        block = _last_falling(o, c, j)
        if block >= 0:
            rows[3, g] = j - block
            rows[4, g] = (h[j - 2] - h[block]) / unit
        rows[5, g] = (h[j - 1] - low[j - 1]) / unit
        rows[6, g] = (c[j - 1] - o[j - 1]) / unit
        start = _leg_start(low, swing_low_at[j], j)
        if start >= 0:
            top = h[start]
            for k in range(start + 1, j + 1):
                top = max(top, h[k])
            rows[7, g] = j + 1 - start
            rows[8, g] = (top - low[start]) / unit


@nb.njit(cache=True)
def _last_sweep(low: Floats, c: Floats, standing_low: Floats, j: int) -> int:
    """The last bar before the middle one that traded below a standing swing low and closed not below it; or -1."""
    for s in range(j - 2, max(j - 2 - BEFORE_BARS, 0), -1):
        level = standing_low[s - 1]
        if low[s] < level and c[s] >= level:
            return s
    return -1


@nb.njit(cache=True)
def _last_falling(o: Floats, c: Floats, j: int) -> int:
    for s in range(j - 2, max(j - 2 - BEFORE_BARS, -1), -1):
        if c[s] < o[s]:
            return s
    return -1


@nb.njit(cache=True)
def _leg_start(low: Floats, swing: int, j: int) -> int:
    """Where the leg through bar j begins, or -1 while neither a swing nor LEG_BARS bars are known."""
    start = max(swing, j + 1 - LEG_BARS)
    if start < 0:
        return -1
    for k in range(start + 1, j):
        if low[k] <= low[start]:
            start = k
    return start


@nb.njit(cache=True)
def _share(part: Floats, whole: Floats, first: Ints, stop: Ints, share: Floats) -> None:
    for r in range(len(first)):
        if first[r] < 0:
            continue
        a, b = 0.0, 0.0
        for j in range(first[r], stop[r]):
            a, b = a + part[j], b + whole[j]
        if b > 0.0 and 0.0 <= a <= b:
            share[r] = a / b
