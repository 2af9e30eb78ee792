"""Averages that never quite forget, as numba kernels over float64: exponential and Wilder's, and what is built of them.

A value depends on all before it, in weights that fade; :func:`fvg_platform.features.feature.fading` says when they
are nothing. Each is seeded as TA-Lib seeds it. Positions before the first value are NaN.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def above_ema(values: NDArray[np.float64], length: int, start: int) -> NDArray[np.float64]:
    """Each value less its exponential moving average, seeded at `start` with the mean of `length` values.

    The recursion runs over the difference itself, so that it fades to 0 where the values stand still. Subtracting
    the average instead leaves its last digit, 1e-16 of a price, which is much beside a faded ATR.
    """
    out = np.full(values.size, np.nan)
    if start >= values.size:
        return out
    total = 0.0
    for s in range(start - length + 1, start):
        total += values[start] - values[s]
    out[start] = total / length
    keep = (length - 1.0) / (length + 1.0)
    for t in range(start + 1, values.size):
        out[t] = keep * (out[t - 1] + (values[t] - values[t - 1]))
    return out


@njit(cache=True)
def macd(
    close: NDArray[np.float64], fast: int, slow: int, signal: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """MACD line, signal and histogram, seeded as TA-Lib does, by the recursion of :func:`above_ema`.

    In one pass, because three recursions side by side take the time of one.
    """
    line, histogram = np.full(close.size, np.nan), np.full(close.size, np.nan)
    first = slow + signal - 2
    if first >= close.size:
        return line, line.copy(), histogram
    above_fast, above_slow = np.empty(close.size), np.empty(close.size)
    above_fast[slow - 1] = close[slow - 1] - np.mean(close[slow - fast : slow])
    above_slow[slow - 1] = close[slow - 1] - np.mean(close[:slow])
    keep_fast, keep_slow = (fast - 1.0) / (fast + 1.0), (slow - 1.0) / (slow + 1.0)
    keep_signal = (signal - 1.0) / (signal + 1.0)
    total, above = above_slow[slow - 1] - above_fast[slow - 1], 0.0
    before = total
    for t in range(slow, close.size):
        move = close[t] - close[t - 1]
        above_fast[t] = keep_fast * (above_fast[t - 1] + move)
        above_slow[t] = keep_slow * (above_slow[t - 1] + move)
        now = above_slow[t] - above_fast[t]
        if t <= first:
            total += now
            above = now - total / signal
        else:
            above = keep_signal * (above + (now - before))
        if t >= first:
            line[t], histogram[t] = now, above
        before = now
    return line, line - histogram, histogram


@njit(cache=True)
def silent(moves: NDArray[np.bool_], silence: int) -> NDArray[np.bool_]:
    """Whether the last `silence` elements, or all so far, are without a move; the first one counts as none."""
    out = np.ones(moves.size, dtype=np.bool_)
    last = -silence
    for t in range(1, moves.size):
        if moves[t]:
            last = t
        out[t] = last < 0 or t - last >= silence
    return out


@njit(cache=True)
def directional_movement(
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    length: int,
    silence: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Wilder's plus DI, minus DI (from bar `length` on) and ADX (from 2 `length` - 1 on), seeded as TA-Lib does.

    After `silence` bars without directional movement all that is left of it is the ratio of two faded averages: the
    directional index counts as 0 there, as it does without any movement.
    """
    plus_di, minus_di = np.full(high.size, np.nan), np.full(high.size, np.nan)
    adx = np.full(high.size, np.nan)
    plus, minus, ranges, total, last_move = 0.0, 0.0, 0.0, 0.0, -silence
    for t in range(1, high.size):
        rise, fall = high[t] - high[t - 1], low[t - 1] - low[t]
        if t >= length:
            plus, minus, ranges = plus - plus / length, minus - minus / length, ranges - ranges / length
        if rise > 0.0 and rise > fall:
            plus += rise
            last_move = t
        elif fall > 0.0 and fall > rise:
            minus += fall
            last_move = t
        ranges += max(high[t], close[t - 1]) - min(low[t], close[t - 1])
        if t < length:
            continue
        moves = last_move >= 0 and t - last_move < silence and ranges > 0.0
        plus_di[t] = 100.0 * plus / ranges if moves else 0.0
        minus_di[t] = 100.0 * minus / ranges if moves else 0.0
        index = 100.0 * abs(plus - minus) / (plus + minus) if moves else 0.0
        if t < 2 * length:
            total += index
            if t == 2 * length - 1:
                adx[t] = total / length
        else:
            adx[t] = (adx[t - 1] * (length - 1) + index) / length
    return plus_di, minus_di, adx
