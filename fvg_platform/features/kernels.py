"""Windowed statistics that TA-Lib does not have, or has only with a sliding sum, as numba kernels over float64.

Every window is summed afresh. A sliding sum leaves rounding residues behind: after volumes of 1e8, TA-Lib's
average of twenty zeros is 8e-8, and shares of a traded volume of zero become shares of a residue.

The value at position t covers `length` elements ending at t; where the window is not complete or holds a NaN the
result is NaN. Moments are population moments.

Loops run over the elements of a window outside and over a block of windows inside, which the compiler turns into
vector instructions; the order of additions is the same for every window, so that a tail gives the very same sums.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

# A deviation this small beside the values themselves is rounding (1e-16 an operation), not movement: the
# finest real tick, 0.01 on a price of 100,000, is a thousand times larger.
RELATIVE_NOISE = 1e-10
# Windows that are computed side by side; their elements stay in the fastest cache.
BLOCK = 512


@njit(cache=True)
def sound(
    open_: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    volume: NDArray[np.float64],
) -> bool:
    """Whether every bar has finite prices above 0 between its low and high, and a finite volume of at least 0."""
    for t in range(close.size):
        lowest, highest = min(open_[t], close[t]), max(open_[t], close[t])
        # A comparison with NaN is false.
        if not (0.0 < low[t] <= lowest and highest <= high[t] < np.inf and 0.0 <= volume[t] < np.inf):
            return False
        if np.isnan(open_[t]) or np.isnan(close[t]):
            return False
    return True


@njit(cache=True)
def ratio(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64], otherwise: float
) -> NDArray[np.float64]:
    """Divide; `otherwise` where the denominator is not above 0, NaN where either is."""
    out = np.empty(numerator.size)
    for t in range(numerator.size):
        if denominator[t] <= 0.0 and not np.isnan(numerator[t]):
            out[t] = otherwise
        else:
            out[t] = numerator[t] / denominator[t] if denominator[t] != 0.0 else np.nan
    return out


@njit(cache=True)
def rolling_sum(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Sum of each window, put together from sums of equal parts: 33 additions for 200 elements."""
    part = int(np.sqrt(length))
    while length % part:
        part -= 1
    sums = values if part == 1 else _strided_sum(values, part, 1)
    return _strided_sum(sums, length // part, part)


@njit(cache=True)
def _strided_sum(values: NDArray[np.float64], count: int, stride: int) -> NDArray[np.float64]:
    """Sum of the element at t and those 1 .. `count` - 1 strides before it."""
    out = np.full(values.size, np.nan)
    for start in range((count - 1) * stride, values.size, BLOCK):
        totals = out[start : start + BLOCK]
        totals[:] = 0.0
        for back in range((count - 1) * stride, -1, -stride):
            elements = values[start - back : start - back + totals.size]
            for t in range(totals.size):
                totals[t] += elements[t]
    return out


@njit(cache=True)
def rolling_shape(
    values: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Skewness and excess kurtosis of each window (population moments); 0 and 0 where it does not move."""
    skewness = np.full(values.size, np.nan)
    kurtosis = np.full(values.size, np.nan)
    for t in range(length - 1, values.size):
        mean, size = 0.0, 0.0
        for s in range(t - length + 1, t + 1):
            mean += values[s]
            size = max(size, abs(values[s]))
        mean /= length
        second, third, fourth = 0.0, 0.0, 0.0
        for s in range(t - length + 1, t + 1):
            d = values[s] - mean
            second += d * d
            third += d * d * d
            fourth += d * d * d * d
        second, third, fourth = second / length, third / length, fourth / length
        if np.isnan(second):
            continue
        if np.sqrt(second) <= RELATIVE_NOISE * size:
            skewness[t] = kurtosis[t] = 0.0
        else:
            skewness[t] = third / second**1.5
            kurtosis[t] = fourth / (second * second) - 3.0
    return skewness, kurtosis


@njit(cache=True)
def rolling_deviation(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Standard deviation of each window (population); exactly 0 where its elements are equal."""
    out = np.full(values.size, np.nan)
    mean, squares = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(length - 1, values.size, BLOCK):
        newest = values[start : start + BLOCK]
        mean[:], squares[:] = 0.0, 0.0
        for back in range(length - 1, 0, -1):
            elements = values[start - back : start - back + newest.size]
            for t in range(newest.size):
                # Beside the newest, so that equal elements have exactly their own value as their mean.
                mean[t] += elements[t] - newest[t]
        for t in range(newest.size):
            mean[t] = newest[t] + mean[t] / length
        for back in range(length - 1, -1, -1):
            elements = values[start - back : start - back + newest.size]
            for t in range(newest.size):
                squares[t] += (elements[t] - mean[t]) ** 2
        for t in range(newest.size):
            out[start + t] = np.sqrt(squares[t] / length)
    return out


@njit(cache=True)
def channel_index(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Lambert's commodity channel index: value less the window's mean, by 0.015 mean deviations; 0 without any."""
    out = np.full(values.size, np.nan)
    below, spread = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(length - 1, values.size, BLOCK):
        newest = values[start : start + BLOCK]
        below[:], spread[:] = 0.0, 0.0
        for back in range(length - 1, 0, -1):
            elements = values[start - back : start - back + newest.size]
            for t in range(newest.size):
                below[t] += elements[t] - newest[t]
        for t in range(newest.size):
            below[t] /= length
        for back in range(length - 1, -1, -1):
            elements = values[start - back : start - back + newest.size]
            for t in range(newest.size):
                spread[t] += abs(elements[t] - newest[t] - below[t])
        for t in range(newest.size):
            out[start + t] = -below[t] / (0.015 * spread[t] / length) if spread[t] != 0.0 else 0.0
    return out


@njit(cache=True)
def rolling_slope(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Slope an element of the least-squares line through each window."""
    out = np.full(values.size, np.nan)
    middle = (length - 1) / 2.0
    spread = length * (length * length - 1.0) / 12.0
    for start in range(length - 1, values.size, BLOCK):
        slopes, newest = out[start : start + BLOCK], values[start : start + BLOCK]
        slopes[:] = 0.0
        for back in range(length - 1, 0, -1):
            elements = values[start - back : start - back + newest.size]
            weight = (middle - back) / spread
            for t in range(newest.size):
                # Beside the newest, so that a high price costs no digits.
                slopes[t] += weight * (elements[t] - newest[t])
    return out


@njit(cache=True, error_model="numpy")
def rolling_correlation(
    left: NDArray[np.float64], right: NDArray[np.float64], length: int
) -> NDArray[np.float64]:
    """Correlation of each window, within -1..1; 0 where one side does not move."""
    out = np.full(left.size, np.nan)
    for start in range(length - 1, left.size, 8 * BLOCK):
        # In pieces that stay in the cache: the sums of a whole series would each be a new piece of memory.
        lefts = left[start - length + 1 : start + 8 * BLOCK]
        rights = right[start - length + 1 : start + 8 * BLOCK]
        sum_left, sum_right = rolling_sum(lefts, length), rolling_sum(rights, length)
        squares_left, squares_right = rolling_sum(lefts * lefts, length), rolling_sum(rights * rights, length)
        products = rolling_sum(lefts * rights, length)
        kept_left = squares_left - sum_left * sum_left / length
        kept_right = squares_right - sum_right * sum_right / length
        values = (products - sum_left * sum_right / length) / np.sqrt(np.abs(kept_left * kept_right))
        for t in range(length - 1, lefts.size):
            if np.isnan(products[t]):
                continue
            if kept_left[t] <= 1e-3 * squares_left[t] or kept_right[t] <= 1e-3 * squares_right[t]:
                # The difference of the sums has lost three digits or more: take the deviations themselves.
                values[t] = _correlation(lefts[t - length + 1 : t + 1], rights[t - length + 1 : t + 1])
            out[start - length + 1 + t] = min(max(values[t], -1.0), 1.0)
    return out


@njit(cache=True)
def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    mean_left, mean_right = np.mean(left), np.mean(right)
    both, own_left, own_right = 0.0, 0.0, 0.0
    for s in range(left.size):
        a, b = left[s] - mean_left, right[s] - mean_right
        both += a * b
        own_left += a * a
        own_right += b * b
    spread_left, spread_right = np.sqrt(own_left / left.size), np.sqrt(own_right / left.size)
    if spread_left <= RELATIVE_NOISE * abs(mean_left) or spread_right <= RELATIVE_NOISE * abs(mean_right):
        return 0.0
    return min(max(both / left.size / spread_left / spread_right, -1.0), 1.0)


@njit(cache=True)
def rolling_rank(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Share of the `length` elements *before* t that lie below the one at t, equal ones counted half.

    Values within a billionth of each other are equal: which of them is less is a matter of rounding.
    """
    out = np.full(values.size, np.nan)
    present = 0
    for t in range(values.size):
        value = values[t]
        present = 0 if np.isnan(value) else present + 1
        if present > length:
            below = 0.0
            margin = 1e-9 * abs(value)
            # Adding up comparisons takes a third of the time of branching on them.
            for s in range(t - length, t):
                below += 0.5 * (values[s] < value - margin) + 0.5 * (values[s] <= value + margin)
            out[t] = below / length
    return out
