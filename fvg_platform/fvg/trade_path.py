"""One trade along the bars: the resting order, then the exit of each target (specification, 4 and 5).

Bars do not tell the order of prices inside them, so each target has two paths, `lo` and `hi`: the worse and
the better reading. They can part only where both end, or on the entry bar where `hi` ends alone; after it a
live `hi` is always where `lo` is, so one walk serves both.

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
    prices: Floats,
    risk: Floats,
    ttl: int,
    max_hold: int,
    cost: float,
    out: Walked,
) -> None:
    """Walk every setup along the bars.

    `bars` are open, high, low, close (n each); `prices` entry, stop and three targets (5, m); `cost` is that of one
    side as a fraction of the price.
    """
    status, entry_index, entry_price, outcome, exit_index, r, excursion = out
    target = np.empty(TARGETS)
    how, at = np.empty((TARGETS, PATHS), np.int8), np.empty((TARGETS, PATHS), np.int64)
    price = np.empty((TARGETS, PATHS))
    for g in range(len(i)):
        s = float(side[g])
        stop = s * prices[1, g]
        for k in range(TARGETS):
            target[k] = s * prices[2 + k, g]
        state, f, fill, at_open = _rest(bars, s, i[g], s * prices[0, g], stop, target[0], ttl)
        status[g] = state
        worst, best = np.nan, np.nan
        if state == ENTERED:
            how[:], at[:], price[:] = CENSORED, NOWHERE, np.nan
            worst, best = _hold(bars, s, f, fill, at_open, stop, target, max_hold, how, at, price)
            entry_index[g], entry_price[g] = f, s * fill
        else:
            how[:], at[:], price[:] = NO_OUTCOME, NOWHERE, fill if state == GAP_INVALID else np.nan
            entry_index[g], entry_price[g] = NOWHERE, np.nan
        excursion[0, g], excursion[1, g] = (worst - fill) / risk[g], (best - fill) / risk[g]
        for k in range(TARGETS):
            for p in range(PATHS):
                outcome[k, p, g], exit_index[k, p, g] = how[k, p], at[k, p]
                paid = cost * (abs(fill) + abs(price[k, p])) / risk[g]
                r[k, p, g] = (price[k, p] - fill) / risk[g] - paid


@nb.njit(cache=True)
def _rest(
    bars: Bars, s: float, i: int, entry: float, stop: float, target_1: float, ttl: int
) -> tuple[int, int, float, bool]:
    """The resting order: status, bar, price (of the entry, or of the voiding open), entered at the open."""
    o, h, low, _ = bars
    highs, lows = (h, low) if s > 0 else (low, h)
    last = min(i + ttl, len(o) - 1)
    for j in range(i + 1, last + 1):
        if s * o[j] <= stop:
            return GAP_INVALID, j, s * o[j], True
        if s * o[j] <= entry:
            return ENTERED, j, s * o[j], True
        if s * lows[j] < entry:
            return ENTERED, j, entry, False
        if s * highs[j] > target_1:
            return RAN_AWAY, j, np.nan, False
    return (EXPIRED if last == i + ttl else PENDING), NOWHERE, np.nan, False


@nb.njit(cache=True)
def _hold(
    bars: Bars,
    s: float,
    f: int,
    fill: float,
    at_open: bool,
    stop: float,
    target: Floats,
    max_hold: int,
    how: Codes,
    at: Ints,
    price: Floats,
) -> tuple[float, float]:
    """Exit the six paths; returns the extreme prices of the last target's lo path, NaN if it is open."""
    o, h, low, c = bars
    highs, lows = (h, low) if s > 0 else (low, h)
    if at_open:
        live = _later_bar(f, np.nan, s * highs[f], s * lows[f], stop, target, how, at, price)
    else:
        live = _entry_bar(f, s * highs[f], s * lows[f], s * c[f], stop, target, how, at, price)
    final = TARGETS - 1
    worst, best = fill, fill
    if how[final, LO] == CENSORED:
        worst = min(worst, s * lows[f])
        best = max(best, s * highs[f]) if at_open else best
    end = f + max_hold
    for j in range(f + 1, min(end, len(o) - 1) + 1):
        if live == np.inf:
            break
        if s * lows[j] <= stop or s * highs[j] >= live:
            live = _later_bar(j, s * o[j], s * highs[j], s * lows[j], stop, target, how, at, price)
        if j == end:
            _time_exit(j, s * c[j], how, at, price)
        if how[final, LO] == CENSORED:
            worst, best = min(worst, s * lows[j]), max(best, s * highs[j])
    # The last price is NaN where the path is still open, and then so are both results.
    left = price[final, LO]
    return (min(worst, left), max(best, left)) if left == left else (np.nan, np.nan)


@nb.njit(cache=True)
def _entry_bar(
    f: int,
    high: float,
    low: float,
    close: float,
    stop: float,
    target: Floats,
    how: Codes,
    at: Ints,
    price: Floats,
) -> float:
    """The bar inside which a long was filled from above; returns the lowest target whose lo path lives on."""
    live = np.inf
    for k in range(TARGETS):
        if low <= stop:
            _end(k, LO, STOP, f, stop, how, at, price)
            if high > target[k]:
                _end(k, HI, TARGET, f, target[k], how, at, price)
            else:
                _end(k, HI, STOP, f, stop, how, at, price)
        elif close > target[k]:
            _end(k, LO, TARGET, f, target[k], how, at, price)
            _end(k, HI, TARGET, f, target[k], how, at, price)
        else:
            if high > target[k]:
                _end(k, HI, TARGET, f, target[k], how, at, price)
            live = min(live, target[k])
    return live


@nb.njit(cache=True)
def _later_bar(
    j: int,
    opening: float,
    high: float,
    low: float,
    stop: float,
    target: Floats,
    how: Codes,
    at: Ints,
    price: Floats,
) -> float:
    """A bar wholly after the entry; `opening` is NaN, so no rule holds, where the open is the fill itself."""
    live = np.inf
    for k in range(TARGETS):
        for p in range(PATHS):
            if how[k, p] != CENSORED:
                continue
            if opening <= stop:
                _end(k, p, STOP, j, opening, how, at, price)
            elif opening >= target[k]:
                _end(k, p, TARGET, j, opening, how, at, price)
            elif low <= stop and (p == LO or high <= target[k]):
                _end(k, p, STOP, j, stop, how, at, price)
            elif high > target[k]:
                _end(k, p, TARGET, j, target[k], how, at, price)
            else:
                live = min(live, target[k])
    return live


@nb.njit(cache=True)
def _time_exit(j: int, close: float, how: Codes, at: Ints, price: Floats) -> None:
    for k in range(TARGETS):
        for p in range(PATHS):
            if how[k, p] == CENSORED:
                _end(k, p, TIMEOUT, j, close, how, at, price)


@nb.njit(cache=True)
def _end(k: int, p: int, outcome: int, j: int, left_at: float, how: Codes, at: Ints, price: Floats) -> None:
    how[k, p] = outcome
    at[k, p] = j
    price[k, p] = left_at
