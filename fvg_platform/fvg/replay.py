"""One ambiguous bar read on the finer bars that make it up, and those on still finer ones (specification, 6).

Here are the kernels that choose between the readings a bar leaves open; which bars are asked for, and what the
answers mean for a trade, is told in :mod:`fvg_platform.fvg.finer`.
"""

from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Ints
from fvg_platform.fvg.trade_path import CENSORED, Bars, bar_readings

NO_FINER_BARS, FINER_DIFFER, FINEST_AMBIGUOUS = 0, 1, 2
REASONS: tuple[str, ...] = ("no_finer_bars", "finer_differ", "finest_ambiguous")
"""Why a bar is left ambiguous: no finer bar covers it, those that do have other prices, or they leave it open."""

SETTLED = -1
OWN = 0
_SAME_PRICE = 1e-9


class FinerBars(NamedTuple):
    """Bars of the finer timeframes one after the other, the coarsest timeframe first, each in order of time."""

    first: Ints  # (timeframes + 1): where each timeframe begins
    opens: Ints  # microseconds UTC
    closes: Ints  # or before, where the next bar opens
    bars: Bars


Frame = Any  # a record of FRAME
Frames = NDArray[np.void]

FRAME = np.dtype(
    [(name, np.int64) for name in ("begin", "close")]  # of the ambiguous bar
    + [(name, np.float64) for name in ("open_", "high", "low", "last")]
    + [(name, np.int64) for name in ("own_lo", "own_hi")]  # its readings by itself
    + [("waiting", np.bool_)]  # for the entry, which lies inside it
    + [(name, np.int64) for name in ("level", "first", "part", "after")]  # its finer bars, the next to read
    + [("entered", np.bool_)]
    + [(name, np.int64) for name in ("lo", "hi")]  # what they say so far
    + [(name, np.int64) for name in ("chosen", "why", "reason")]
)
"""An ambiguous bar that is being replayed."""


@nb.njit(cache=True)
def replay(
    finer: FinerBars, frames: Frames, s: float, entry: float, stop: float, target: float
) -> tuple[int, int, int, int]:
    """Read the bar of the first frame on finer bars, and those that are ambiguous on finer ones again.

    Returns both readings, the finest level that chose, and the reason if the readings still differ. The frames are
    a stack, for numba cannot load a cached function that calls itself (0.68: the process dies).
    """
    depth, searching = 0, True
    while True:
        frame = frames[depth]
        if searching and not _find_parts(finer, frame):
            lo, hi, chosen, why = frame.own_lo, frame.own_hi, OWN, frame.reason
        elif frame.part < frame.after and (frame.lo == CENSORED or frame.hi == CENSORED):
            searching = False
            n, is_first = frame.part, frame.part == frame.first
            lo, hi, inside, entered = _read_part(
                finer.bars, n, s, is_first, frame.entered, entry, stop, target
            )
            frame.entered = entered
            if lo == hi:
                _take(frame, lo, hi)
                continue
            depth, searching = depth + 1, True
            end = min(finer.closes[n], frame.close)
            ask(frames[depth], finer.opens[n], end, finer.bars, n, lo, hi, inside, frame.level + 1)
            continue
        elif not _allowed(frame):
            frame.level, searching = frame.level + 1, True
            continue
        else:
            lo, hi, why = frame.lo, frame.hi, frame.why
            chosen = OWN if lo == frame.own_lo and hi == frame.own_hi else frame.chosen
        searching = False
        if depth == 0:
            return lo, hi, chosen, why
        depth -= 1
        parent = frames[depth]
        parent.chosen = max(parent.chosen, chosen)
        if lo != hi and parent.why == SETTLED:
            parent.why = FINEST_AMBIGUOUS if why == NO_FINER_BARS else why
        _take(parent, lo, hi)


@nb.njit(cache=True)
def ask(
    frame: Frame, begin: int, close: int, bars: Bars, j: int, lo: int, hi: int, waiting: bool, level: int
) -> None:
    """Prepare a frame for bar j between two times, which by itself leaves `lo` and `hi` open."""
    o, h, low, c = bars
    frame.begin, frame.close = begin, close
    frame.open_, frame.high, frame.low, frame.last = o[j], h[j], low[j], c[j]
    frame.own_lo, frame.own_hi, frame.waiting = lo, hi, waiting
    frame.level, frame.reason = level, NO_FINER_BARS


@nb.njit(cache=True)
def _find_parts(finer: FinerBars, frame: Frame) -> bool:
    """Point the frame to the first timeframe from its level on that makes up its bar; whether there is one."""
    for level in range(frame.level, len(finer.first) - 1):
        start, stop = finer.first[level], finer.first[level + 1]
        opens = finer.opens[start:stop]
        first = start + np.searchsorted(opens, frame.begin)
        after = start + np.searchsorted(opens, frame.close)
        if first == after:
            continue
        frame.reason = FINER_DIFFER
        if _make_up(finer.bars, first, after, frame):
            frame.level, frame.first, frame.part, frame.after = level, first, first, after
            frame.lo, frame.hi, frame.entered = CENSORED, CENSORED, not frame.waiting
            frame.chosen, frame.why = level + 1, SETTLED
            return True
    return False


@nb.njit(cache=True)
def _take(frame: Frame, lo: int, hi: int) -> None:
    """Apply the readings of the frame's next part to the paths that are alive."""
    if frame.lo == CENSORED:
        frame.lo = lo
    if frame.hi == CENSORED:
        frame.hi = hi
    frame.part += 1


@nb.njit(cache=True)
def _allowed(frame: Frame) -> bool:
    """Whether the parts chose between the readings of their bar.

    Prices that are equal but for rounding can lie on both sides of a level: then what they say is no reading.
    """
    lo_fits = frame.lo == frame.own_lo or frame.lo == frame.own_hi
    hi_fits = frame.hi == frame.own_lo or frame.hi == frame.own_hi
    return frame.entered and lo_fits and hi_fits


@nb.njit(cache=True)
def _make_up(finer: Bars, first: int, after: int, frame: Frame) -> bool:
    """Whether the finer bars' open, high, low and close are those of the frame's bar."""
    o, h, low, c = finer
    high, bottom = h[first], low[first]
    for n in range(first + 1, after):
        high, bottom = max(high, h[n]), min(bottom, low[n])
    ends = _same(o[first], frame.open_) and _same(c[after - 1], frame.last)
    return ends and _same(high, frame.high) and _same(bottom, frame.low)


@nb.njit(cache=True)
def _same(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME_PRICE * max(abs(a), abs(b))


@nb.njit(cache=True)
def _read_part(
    bars: Bars, n: int, s: float, is_first: bool, entered: bool, entry: float, stop: float, target: float
) -> tuple[int, int, bool, bool]:
    """The readings of a finer bar; whether the entry lies inside it, and whether it has happened by its end.

    The open of the first one is the coarse bar's, which has been judged.
    """
    o, h, low, c = bars
    high, bottom = (s * h[n], s * low[n]) if s > 0 else (s * low[n], s * h[n])
    opening = np.nan if is_first else s * o[n]
    inside = False
    # NaN, the first part's opening, is no entry at the open either.
    if not entered and not opening <= entry:
        if not bottom < entry:
            return CENSORED, CENSORED, False, False
        inside, opening = True, np.nan
    lo, hi = bar_readings(opening, high, bottom, s * c[n], inside, stop, target)
    return lo, hi, inside, True
