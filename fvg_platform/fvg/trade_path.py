"""One trade along the bars: the resting order, then the exit of each target (specification, 4 and 5).

Bars do not tell the order of prices inside them, so each target has two paths, `lo` and `hi`: the worse and
the better reading. They can part only where both end, or on the entry bar where `hi` ends alone; after it a
live `hi` is always where `lo` is, so one walk serves both. What finer bars tell is added afterwards, in
:mod:`fvg_platform.fvg.finer`, by the same reading of a bar.

The rules are written once, for a long. `s` is the side: a short is a long on prices times -1, with highs and
lows changing places.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats, Ints

PENDING, ENTERED, GAP_INVALID, RAN_AWAY, EXPIRED = 0, 1, 2, 3, 4
NO_OUTCOME, STOP, TARGET, TIMEOUT, CENSORED = -1, 0, 1, 2, 3
TARGETS, PATHS = 3, 2
LO, HI = 0, 1
NOWHERE = -1

Codes = NDArray[np.int8]
Bars = tuple[Floats, Floats, Floats, Floats]
Levels = tuple[Floats, ...]
"""Entry, stop and the three targets of all setups."""


class Terms(NamedTuple):
    """How long orders and trades live, in bars, and what a fill costs, as fractions of its price."""

    ttl: int
    max_hold: int
    cost: float  # of one side
    slippage: float  # of a stop


class Walked(NamedTuple):
    """What :func:`walk` writes for m setups; NULL is -1 or NaN."""

    status: Codes  # (m)
    entry_index: Ints  # (m)
    entry_price: Floats  # (m)
    outcome: Codes  # (3, 2, m): target, path, setup
    exit_index: Ints  # (3, 2, m)
    r: Floats  # (3, 2, m)
    excursion: Floats  # (2, m): MAE and MFE in R

    @classmethod
    def room_for(cls, m: int) -> "Walked":
        """Empty arrays, allocated by numpy because it asks for huge pages where a kernel does not."""
        each = (TARGETS, PATHS, m)
        return cls(
            status=np.empty(m, np.int8),
            entry_index=np.empty(m, np.int64),
            entry_price=np.empty(m),
            outcome=np.empty(each, np.int8),
            exit_index=np.empty(each, np.int64),
            r=np.empty(each),
            excursion=np.empty((2, m)),
        )


@nb.njit(cache=True)
def walk(
    bars: Bars,
    i: Ints,
    side: Codes,
    levels: Levels,
    risk: Floats,
    session_end: Ints,
    terms: Terms,
    out: Walked,
) -> None:
    """Walk every setup along the bars.

    `bars` are open, high, low, close (n each); `levels` entry, stop and three targets (m each); `session_end` the
    position of the last bar of each bar's session (n), or empty where sessions end nothing.
    """
    status, entry_index, entry_price, outcome, exit_index, r, excursion = out
    target = np.empty(TARGETS)
    how, at = np.empty((TARGETS, PATHS), np.int8), np.empty((TARGETS, PATHS), np.int64)
    price = np.empty((TARGETS, PATHS))
    for g in range(len(i)):
        s = float(side[g])
        stop = s * levels[1][g]
        for k in range(TARGETS):
            target[k] = s * levels[2 + k][g]
        last = last_bar(i[g], terms.ttl, session_end)
        state, f, fill, at_open = _rest(bars, s, i[g], s * levels[0][g], stop, target[0], last)
        status[g] = state
        if state != ENTERED:
            entry_index[g], entry_price[g] = NOWHERE, np.nan
            excursion[0, g], excursion[1, g] = np.nan, np.nan
            # The bracket fills at the voiding open, and its stop at once: what it loses is costs and slippage.
            lost = (2 * terms.cost + terms.slippage) * abs(fill) / risk[g] if state == GAP_INVALID else np.nan
            for k in range(TARGETS):
                for p in range(PATHS):
                    outcome[k, p, g], exit_index[k, p, g], r[k, p, g] = NO_OUTCOME, NOWHERE, -lost
            continue
        end = last_bar(f, terms.max_hold, session_end)
        worst, best = _hold(bars, s, f, fill, at_open, stop, target, end, terms.slippage, how, at, price)
        entry_index[g], entry_price[g] = f, s * fill
        excursion[0, g], excursion[1, g] = (worst - fill) / risk[g], (best - fill) / risk[g]
        for k in range(TARGETS):
            for p in range(PATHS):
                outcome[k, p, g], exit_index[k, p, g] = how[k, p], at[k, p]
                r[k, p, g] = net_r(fill, price[k, p], risk[g], terms.cost)


@nb.njit(cache=True)
def last_bar(j: int, lives: int, session_end: Ints) -> int:
    """The last bar of what lives so many bars after bar j, within its session where sessions end it."""
    return min(j + lives, session_end[j]) if len(session_end) else j + lives


@nb.njit(cache=True)
def net_r(fill: float, left: float, risk: float, cost: float) -> float:
    """R of a trade from `fill` to `left` after costs."""
    return ((left - fill) - cost * (abs(fill) + abs(left))) / risk


@nb.njit(cache=True)
def bar_readings(
    opening: float, high: float, low: float, close: float, inside: bool, stop: float, target: float
) -> tuple[int, int]:
    """What a bar means for one target's worse and better path: STOP, TARGET, or CENSORED where the trade goes on.

    `inside`: a long was filled inside this bar, from above. `opening` is NaN, so that its rules do not hold, where
    the open lies before the fill or is the fill itself.
    """
    if opening <= stop:
        return STOP, STOP
    if opening >= target:
        return TARGET, TARGET
    beyond = high > target
    if low <= stop:
        return STOP, (TARGET if beyond else STOP)
    if inside and not close > target:
        return CENSORED, (TARGET if beyond else CENSORED)
    return (TARGET, TARGET) if beyond else (CENSORED, CENSORED)


@nb.njit(cache=True)
def exit_price(reading: int, opening: float, stop: float, target: float, slippage: float) -> float:
    """Where the stop or the target is filled: at the open if that lies beyond it, which a NaN never does."""
    if reading == STOP:
        left = opening if opening <= stop else stop
        return left - slippage * abs(left)
    return opening if opening >= target else target


@nb.njit(cache=True)
def _rest(
    bars: Bars, s: float, i: int, entry: float, stop: float, target_1: float, deadline: int
) -> tuple[int, int, float, bool]:
    """The resting order: status, bar, price (of the entry, or of the voiding open), entered at the open."""
    o, h, low, _ = bars
    highs, lows = (h, low) if s > 0 else (low, h)
    last = min(deadline, len(o) - 1)
    for j in range(i + 1, last + 1):
        if s * o[j] <= stop:
            return GAP_INVALID, j, s * o[j], True
        if s * o[j] <= entry:
            return ENTERED, j, s * o[j], True
        if s * lows[j] < entry:
            return ENTERED, j, entry, False
        if s * highs[j] > target_1:
            return RAN_AWAY, j, np.nan, False
    return (EXPIRED if last == deadline else PENDING), NOWHERE, np.nan, False


@nb.njit(cache=True)
def _hold(
    bars: Bars,
    s: float,
    f: int,
    fill: float,
    at_open: bool,
    stop: float,
    target: Floats,
    end: int,
    slippage: float,
    how: Codes,
    at: Ints,
    price: Floats,
) -> tuple[float, float]:
    """Exit the six paths; returns the extreme prices of the last target's lo path, NaN if it is open."""
    o, h, low, c = bars
    highs, lows = (h, low) if s > 0 else (low, h)
    for k in range(TARGETS):
        for p in range(PATHS):
            how[k, p], at[k, p], price[k, p] = CENSORED, NOWHERE, np.nan
    inside = not at_open
    live = _read_bar(
        f, np.nan, s * highs[f], s * lows[f], s * c[f], inside, stop, target, slippage, how, at, price
    )
    if f == end:
        _time_exit(f, s * c[f], how, at, price)
    final = TARGETS - 1
    worst, best = fill, fill
    if how[final, LO] == CENSORED:
        worst = min(worst, s * lows[f])
        best = max(best, s * highs[f]) if at_open else best
    j = f + 1
    while live < np.inf and j < min(end + 1, len(o)):
        high, bottom = s * highs[j], s * lows[j]
        if bottom <= stop or high >= live:
            live = _read_bar(
                j, s * o[j], high, bottom, s * c[j], False, stop, target, slippage, how, at, price
            )
        if j == end:
            _time_exit(j, s * c[j], how, at, price)
        if how[final, LO] == CENSORED:
            worst, best = min(worst, bottom), max(best, high)
        j += 1
    # The last price is NaN where the path is still open, and then so are both results.
    left = price[final, LO]
    return (min(worst, left), max(best, left)) if left == left else (np.nan, np.nan)


@nb.njit(cache=True)
def excursion_of(
    bars: Bars, s: float, f: int, at_open: bool, fill: float, x: int, left: float
) -> tuple[float, float]:
    """The extreme prices of one trade that left at bar x for `left`, as :func:`walk` takes them on its way."""
    _, h, low, _ = bars
    highs, lows = (h, low) if s > 0 else (low, h)
    worst, best = min(fill, left), max(fill, left)
    for j in range(f, x):
        worst = min(worst, s * lows[j])
        if j > f or at_open:
            best = max(best, s * highs[j])
    return worst, best


@nb.njit(cache=True)
def _read_bar(
    j: int,
    opening: float,
    high: float,
    low: float,
    close: float,
    inside: bool,
    stop: float,
    target: Floats,
    slippage: float,
    how: Codes,
    at: Ints,
    price: Floats,
) -> float:
    """End the paths that bar j ends; returns the lowest target whose lo path lives on, infinity if none does."""
    live = np.inf
    for k in range(TARGETS):
        if how[k, LO] != CENSORED:  # and then hi has ended too
            continue
        lo, hi = bar_readings(opening, high, low, close, inside, stop, target[k])
        if lo == CENSORED:
            live = min(live, target[k])
        else:
            how[k, LO], at[k, LO] = lo, j
            price[k, LO] = exit_price(lo, opening, stop, target[k], slippage)
        if hi != CENSORED and how[k, HI] == CENSORED:
            how[k, HI], at[k, HI] = hi, j
            price[k, HI] = exit_price(hi, opening, stop, target[k], slippage)
    return live


@nb.njit(cache=True)
def _time_exit(j: int, close: float, how: Codes, at: Ints, price: Floats) -> None:
    for k in range(TARGETS):
        for p in range(PATHS):
            if how[k, p] == CENSORED:
                how[k, p], at[k, p], price[k, p] = TIMEOUT, j, close
