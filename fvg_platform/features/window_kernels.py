"""Windowed measures beyond sums and moments, as numba kernels over float64: order, paths, breaks, fits.

As in :mod:`fvg_platform.features.kernels`, the value at t covers a window that ends at t and is computed afresh (counts
are whole numbers, and may slide); where the window is not complete the result is NaN. Every kernel says how many
elements before t it reads.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fvg_platform.features.kernels import RELATIVE_NOISE

Floats = NDArray[np.float64]

# Differences of log prices come out of numbers up to 30, with a rounding of 1e-15: below this they are noise.
_LOG_NOISE = 1e-12


@njit(cache=True)
def rolling_extreme_age(values: Floats, length: int) -> Floats:
    """Bars since the highest element of each window, of equal ones the last; 0 .. length - 1."""
    out = np.full(values.size, np.nan)
    top = -1
    for t in range(values.size):
        if top < 0 or values[t] >= values[top]:
            top = t
        elif t - top >= length:
            top = t - length + 1
            for s in range(top + 1, t + 1):
                if values[s] >= values[top]:
                    top = s
        if t >= length - 1:
            out[t] = t - top
    return out


@njit(cache=True)
def rolling_drawdown(values: Floats, length: int) -> Floats:
    """Largest fall from an element of each window to a later one, at least 0; reads length - 1 before t."""
    out = np.full(values.size, np.nan)
    for t in range(length - 1, values.size):
        top, worst = values[t - length + 1], 0.0
        for s in range(t - length + 2, t + 1):
            top = max(top, values[s])
            worst = max(worst, top - values[s])
        out[t] = worst
    return out


@njit(cache=True)
def last_sign(signs: Floats, memory: int) -> Floats:
    """The last sign other than 0 among `memory` + 1 elements, else 0; NaN until that many have followed a NaN."""
    out = np.full(signs.size, np.nan)
    last, known = -1, 0
    for t in range(signs.size):
        known = 0 if np.isnan(signs[t]) else known + 1
        if known > 0 and signs[t] != 0.0:
            last = t
        if known > memory:
            out[t] = signs[last] if last >= 0 and t - last <= memory else 0.0
    return out


@njit(cache=True)
def streak(signs: Floats, most: int) -> Floats:
    """Length of the run of equal signs that ends at t, times the sign, at most `most`; 0 where the sign is 0."""
    out = np.full(signs.size, np.nan)
    run = 0
    for t in range(signs.size):
        if np.isnan(signs[t]):
            run = 0
            continue
        run = run + 1 if t > 0 and signs[t] == signs[t - 1] else 1
        out[t] = signs[t] * min(run, most)
    return out


@njit(cache=True)
def rolling_fit(values: Floats, length: int) -> Floats:
    """Share of each window's variance that a straight line through it explains, 0..1; 0 where it does not move."""
    out = np.full(values.size, np.nan)
    middle = (length - 1) / 2.0
    spread = length * (length * length - 1.0) / 12.0
    for t in range(length - 1, values.size):
        shift, mean, size = values[t], 0.0, 0.0
        for s in range(t - length + 1, t + 1):
            mean += values[s] - shift
            size = max(size, abs(values[s]))
        mean = shift + mean / length
        both, own = 0.0, 0.0
        for s in range(length):
            d = values[t - length + 1 + s] - mean
            both += d * (s - middle)
            own += d * d
        if np.isnan(own):
            continue
        still = np.sqrt(own / length) <= RELATIVE_NOISE * size
        out[t] = 0.0 if still else min(both * both / (own * spread), 1.0)
    return out


@njit(cache=True)
def variance_ratio(log_close: Floats, step: int, length: int) -> Floats:
    """Lo and MacKinlay's (1988) ratio of the variance of `step`-bar returns to `step` times that of 1-bar returns.

    Overlapping, unbiased, over `length` returns; 1 where they do not vary. Reads `length` elements before t.
    """
    out = np.full(log_close.size, np.nan)
    for t in range(length, log_close.size):
        first = t - length
        mean = (log_close[t] - log_close[first]) / length
        short, long = 0.0, 0.0
        for s in range(first + 1, t + 1):
            short += (log_close[s] - log_close[s - 1] - mean) ** 2
        for s in range(first + step, t + 1):
            long += (log_close[s] - log_close[s - step] - step * mean) ** 2
        if np.sqrt(short / length) <= _LOG_NOISE:
            out[t] = 1.0
        else:
            scale = step * (length - step + 1) * (1.0 - step / length)
            out[t] = long / scale / (short / (length - 1))
    return out


@njit(cache=True)
def hurst(log_close: Floats, length: int) -> Floats:
    """Slope of ln(mean size of k-bar moves) on ln k, k = 1, 2, 4, 8, 16, within 0..1.

    Over `length` moves of one bar; 0.5, the value of a random walk, where some mean is 0. Reads `length` elements
    before t. The five logarithms of k are equally spaced, which makes the slope a weighted sum.
    """
    lags = 5
    n = log_close.size
    sizes = np.full((lags, n), np.nan)
    for lag in range(lags):
        k = 1 << lag
        for t in range(k, n):
            sizes[lag, t] = abs(log_close[t] - log_close[t - k])
    out = np.full(n, np.nan)
    for t in range(length, n):
        slope, known = 0.0, True
        for lag in range(lags):
            count = length + 1 - (1 << lag)
            total = _sum(sizes[lag, t - count + 1 : t + 1])
            if not total > _LOG_NOISE * count:
                known = False
                break
            slope += (lag - 2.0) * math.log(total / count)
        out[t] = min(max(slope / (10.0 * math.log(2.0)), 0.0), 1.0) if known else 0.5
    return out


@njit(cache=True, fastmath={"reassoc"})
def _sum(values: Floats) -> float:
    """The sum in an order of the compiler's choice, the same for every window of a length: four times as fast."""
    total = 0.0
    for each in values:
        total += each
    return total


@njit(cache=True)
def ordinal_entropy(values: Floats, length: int) -> Floats:
    """Bandt and Pompe's (2002) permutation entropy of the last `length` triples, 0..1; equal elements keep their order.

    Reads `length` + 1 elements before t.
    """
    n = values.size
    out = np.full(n, np.nan)
    kinds, counts, share = np.zeros(n, np.int64), np.zeros(8, np.int64), np.zeros(length + 1)
    for count in range(1, length + 1):
        share[count] = -count / length * math.log(count / length)
    for t in range(2, n):
        a, b, c = values[t - 2], values[t - 1], values[t]
        kinds[t] = 4 * int(a <= b) + 2 * int(b <= c) + int(a <= c)
        counts[kinds[t]] += 1
        if t - length >= 2:
            counts[kinds[t - length]] -= 1
        if t >= length + 1:
            total = 0.0
            for kind in range(8):
                total += share[counts[kind]]
            out[t] = min(total / math.log(6.0), 1.0)
    return out


@njit(cache=True)
def running_highest(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Highest element from the last of `starts` (ascending, the first 0) up to each."""
    out = values.copy()
    following = 1
    for t in range(1, values.size):
        if following < starts.size and t == starts[following]:
            following += 1
        else:
            out[t] = max(out[t - 1], values[t])
    return out


@njit(cache=True)
def earlier_periods(
    number: NDArray[np.int64], high: Floats, low: Floats, close: Floats, most: int, within: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each period the last `most` before it: how many, the last close, their mean close and their mean range.

    Those whose number is at most `within` less count, and never the first of all, which the data may begin in the
    middle of. NaN where there is none.
    """
    size = number.size
    counts = np.zeros(size)
    last_close, mean_close, mean_range = (
        np.full(size, np.nan),
        np.full(size, np.nan),
        np.full(size, np.nan),
    )
    for p in range(2, size):
        closes, ranges = 0.0, 0.0
        for q in range(p - 1, max(p - 1 - most, 0), -1):
            if number[p] - number[q] > within:
                break
            counts[p] += 1
            closes += close[q] - close[p - 1]
            ranges += high[q] - low[q]
        if counts[p] > 0:
            last_close[p] = close[p - 1]
            mean_close[p] = close[p - 1] + closes / counts[p]
            mean_range[p] = ranges / counts[p]
    return counts, last_close, mean_close, mean_range
