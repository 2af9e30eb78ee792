"""Ambiguous bars replayed on finer ones (specification, 6).

Where the paths of a target part inside a bar, the finer bars that make it up are read in its place by the same
rules, and a finer bar that is ambiguous itself on the next finer ones. They only choose between the readings that
the coarse bar allows: prices, status, entry bar and time exit stay those of the series' own bars.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, read_bars
from fvg_platform.fvg.replay import FRAME, OWN, SETTLED, FinerBars, Frames, ask, replay
from fvg_platform.fvg.session_ends import SessionCalendar
from fvg_platform.fvg.trade_path import (
    CENSORED,
    ENTERED,
    HI,
    LO,
    NO_OUTCOME,
    TARGETS,
    TIMEOUT,
    Bars,
    Codes,
    Levels,
    Terms,
    Walked,
    bar_readings,
    excursion_of,
    exit_price,
    last_bar,
    net_r,
)
from fvg_platform.market.timeframes import INTRADAY, finer_than, nominal_duration, require_timeframe

Flags = NDArray[np.bool_]


class Resolved(NamedTuple):
    """What finer bars did for m setups."""

    level: Codes  # OWN, or 1 + position of the finest timeframe that chose a reading
    reason: Codes  # SETTLED, or why an outcome is still two

    @classmethod
    def nothing(cls, m: int) -> "Resolved":
        """As it is without finer bars."""
        return cls(np.full(m, OWN, np.int8), np.full(m, SETTLED, np.int8))


def read_finer_bars(finer: Mapping[str, pd.DataFrame], timeframe: str) -> list[tuple[str, BarArrays]]:
    """The finer bars by timeframe, the coarsest first, checked as the series' own are.

    Raises
    ------
    ValueError
        A timeframe is unknown or not finer than `timeframe`, or bars break a rule.
    """
    fitting = finer_than(timeframe)
    for name in finer:
        if require_timeframe(name) not in fitting:
            choices = ", ".join(fitting) or "none"
            raise ValueError(
                f"finer bars of {name} cannot resolve bars of {timeframe}: finer than it are {choices}"
            )
    return [(name, read_bars(finer[name], name)) for name in fitting if name in finer]


def resolve(
    own: BarArrays,
    timeframe: str,
    finer: Sequence[tuple[str, BarArrays]],
    calendar: SessionCalendar | None,
    setups: tuple[Codes, Levels, Floats],
    session_end: Ints,
    terms: Terms,
    walked: Walked,
    resolved: Resolved,
) -> None:
    """Narrow in place what was walked on the series' own bars.

    Parameters
    ----------
    own, timeframe, calendar
        The series and, if known, its calendar.
    finer
        From :func:`read_finer_bars`.
    setups
        Side (m), levels (m each) and risk (m), as :func:`fvg_platform.fvg.trade_path.walk` had them.
    session_end, terms
        As `walk` had them.
    """
    side, levels, risk = setups
    bars = (own.open, own.high, own.low, own.close)
    # A copy, because numba compiles once more for a column that is strided or read-only.
    opens, closes = own.ts.asi8.copy(), _closes(own.ts, timeframe, calendar)
    ambiguous = np.zeros(len(own), np.bool_)
    _mark_ambiguous(bars, side, levels, session_end, terms, walked, ambiguous)
    windows = np.flatnonzero(ambiguous)
    gathered = _gather(finer, opens[windows], closes[windows])
    frames = np.zeros(len(finer) + 1, FRAME)
    _narrow(bars, opens, closes, side, levels, risk, session_end, terms, gathered, frames, walked, resolved)


def _closes(ts: pd.DatetimeIndex, timeframe: str, calendar: SessionCalendar | None) -> Ints:
    """Where each bar's finer bars end; intraday after its full duration, as none lie between two sessions."""
    if calendar is not None and timeframe not in INTRADAY:
        ends: Ints = calendar.bar_closes(ts, timeframe).as_unit("us").asi8.copy()
    else:
        ends = ts.asi8 + nominal_duration(timeframe) // pd.Timedelta(microseconds=1)
    np.minimum(ends[:-1], ts.asi8[1:], out=ends[:-1])
    return ends


def _gather(finer: Sequence[tuple[str, BarArrays]], begin: Ints, end: Ints) -> FinerBars:
    """The finer bars inside the windows [begin, end), and no others: those are few, all finer bars are many."""
    opens, closes, rows = [], [], []
    for name, b in finer:
        first, after = (np.searchsorted(b.ts.asi8, at) for at in (begin, end))
        length = after - first
        inside = np.arange(length.sum()) + np.repeat(first - np.cumsum(length) + length, length)
        step = nominal_duration(name) // pd.Timedelta(microseconds=1)
        at = b.ts.asi8[inside]
        following = b.ts.asi8[np.minimum(inside + 1, len(b) - 1)]
        opens.append(at)
        closes.append(np.minimum(at + step, np.where(following > at, following, at + step)))
        rows.append(np.stack([values[inside] for values in (b.open, b.high, b.low, b.close)]))
    o, h, low, c = np.concatenate(rows, axis=1) if rows else np.empty((4, 0))
    starts = np.cumsum([0, *(len(at) for at in opens)])
    nothing = [np.empty(0, np.int64)]
    return FinerBars(
        starts, np.concatenate(opens or nothing), np.concatenate(closes or nothing), (o, h, low, c)
    )


@nb.njit(cache=True)
def _parted(walked: Walked, k: int, g: int) -> bool:
    """Whether the two paths of a target ended differently: only then was a bar ambiguous."""
    _, _, _, outcome, exit_index, _, _ = walked
    same = outcome[k, LO, g] == outcome[k, HI, g] and exit_index[k, LO, g] == exit_index[k, HI, g]
    return not same and outcome[k, LO, g] != NO_OUTCOME


@nb.njit(cache=True)
def _read(bars: Bars, s: float, j: int, f: int, at_open: bool, stop: float, target: float) -> tuple[int, int]:
    """The readings of bar j by itself, of a trade entered at bar f."""
    o, h, low, c = bars
    high, bottom = (s * h[j], s * low[j]) if s > 0 else (s * low[j], s * h[j])
    opening = np.nan if j == f else s * o[j]
    return bar_readings(opening, high, bottom, s * c[j], j == f and not at_open, stop, target)


@nb.njit(cache=True)
def _mark_ambiguous(
    bars: Bars,
    side: Codes,
    levels: Levels,
    session_end: Ints,
    terms: Terms,
    walked: Walked,
    ambiguous: Flags,
) -> None:
    """Mark each bar whose reading may be asked for: where paths part, and what comes after if they had not."""
    _, entry_index, _, _, exit_index, _, _ = walked
    for g in range(len(side)):
        for k in range(TARGETS):
            if not _parted(walked, k, g):
                continue
            s, f = float(side[g]), entry_index[g]
            at_open = s * bars[0][f] <= s * levels[0][g]
            last = min(last_bar(f, terms.max_hold, session_end), len(bars[0]) - 1)
            for j in range(exit_index[k, HI, g], last + 1):
                lo, hi = _read(bars, s, j, f, at_open, s * levels[1][g], s * levels[2 + k][g])
                if lo != hi:
                    ambiguous[j] = True
                elif lo != CENSORED:
                    break


@nb.njit(cache=True)
def _narrow(
    bars: Bars,
    opens: Ints,
    closes: Ints,
    side: Codes,
    levels: Levels,
    risk: Floats,
    session_end: Ints,
    terms: Terms,
    finer: FinerBars,
    frames: Frames,
    out: Walked,
    resolved: Resolved,
) -> None:
    """Walk the targets whose paths parted once more, with finer bars to ask."""
    status, entry_index, entry_price, outcome, exit_index, r, excursion = out
    how, at, price = np.empty(2, np.int8), np.empty(2, np.int64), np.empty(2)
    for g in range(len(side)):
        if status[g] != ENTERED:
            continue
        s, f = float(side[g]), entry_index[g]
        entry, stop, fill = s * levels[0][g], s * levels[1][g], s * entry_price[g]
        end = last_bar(f, terms.max_hold, session_end)
        for k in range(TARGETS):
            if not _parted(out, k, g):
                continue
            start = exit_index[k, HI, g]
            level, reason = _walk_again(
                bars, opens, closes, s, f, start, end, entry, stop, s * levels[2 + k][g], terms.slippage, finer,
                frames, how, at, price,
            )  # fmt: skip
            resolved.level[g] = max(resolved.level[g], level)
            if how[LO] != how[HI] and resolved.reason[g] == SETTLED:
                resolved.reason[g] = reason
            for p in range(2):
                outcome[k, p, g], exit_index[k, p, g] = how[p], at[p]
                r[k, p, g] = net_r(fill, price[p], risk[g], terms.cost)
            if k == TARGETS - 1:
                worst, best = np.nan, np.nan
                if how[LO] != CENSORED:
                    at_open = s * bars[0][f] <= entry
                    worst, best = excursion_of(bars, s, f, at_open, fill, at[LO], price[LO])
                excursion[0, g], excursion[1, g] = (worst - fill) / risk[g], (best - fill) / risk[g]


@nb.njit(cache=True)
def _walk_again(
    bars: Bars,
    opens: Ints,
    closes: Ints,
    s: float,
    f: int,
    start: int,
    end: int,
    entry: float,
    stop: float,
    target: float,
    slippage: float,
    finer: FinerBars,
    frames: Frames,
    how: Codes,
    at: Ints,
    price: Floats,
) -> tuple[int, int]:
    """Both paths of one target from the bar on where they parted; the level that chose, and why one did not."""
    o, _, _, c = bars
    at_open = s * o[f] <= entry
    how[:], at[:], price[:] = CENSORED, -1, np.nan
    level, reason = OWN, SETTLED
    for j in range(start, min(end, len(o) - 1) + 1):
        readings = _read(bars, s, j, f, at_open, stop, target)
        if readings[LO] != readings[HI]:
            waiting = j == f and not at_open
            ask(frames[0], opens[j], closes[j], bars, j, readings[LO], readings[HI], waiting, 0)
            lo, hi, chosen, why = replay(finer, frames, s, entry, stop, target)
            level = max(level, chosen)
            if lo != hi and reason == SETTLED:
                reason = why
            readings = lo, hi
        opening = np.nan if j == f else s * o[j]
        for p in range(2):
            if how[p] == CENSORED and readings[p] != CENSORED:
                how[p], at[p] = readings[p], j
                price[p] = exit_price(readings[p], opening, stop, target, slippage)
            if how[p] == CENSORED and j == end:
                how[p], at[p], price[p] = TIMEOUT, j, s * c[j]
        if how[LO] != CENSORED and how[HI] != CENSORED:
            break
    return level, reason
