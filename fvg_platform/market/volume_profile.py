"""Volume profiles of ranges of bars: point of control, value area, shape, and how densely a zone was traded.

Bars do not tell at which prices their volume was traded: it is spread evenly from low to high, that of a bar without
range lies at its price. A profile has :data:`BINS` bins of equal width from the lowest low to the highest high.
Everything is summed afresh for each range, so that a range has the same profile wherever the series begins.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.int8]

BINS = 24
VALUE_SHARE = 0.70
"""Share of the volume that the value area holds at least."""

# Bins that the same bars cover are equal but for rounding, in short ranges often the highest ones.
_ROUNDING = 1e-9
_MOST_SKEW = 0.5
_SECOND_MODE = 0.5
_VALLEY = 0.6
_D_WIDTH = (0.25, 0.75)


class Profiles(NamedTuple):
    """One profile for each range of bars, arrays of shape (m,).

    `poc`: point of control, the middle of the bins with most volume (price). `value_high, value_low`: the value
    area (price). `balanced, d_shaped`: 1 yes, 0 no, -1 unknown. NaN and -1 for a range without volume, with a
    missing one, or that begins before the series; without price range the three prices are that price and the
    shape is unknown.
    """

    poc: Floats
    value_high: Floats
    value_low: Floats
    balanced: Flags
    d_shaped: Flags

    def at(self, rows: Ints) -> "Profiles":
        """The profiles of these rows, shape (len(rows),)."""
        return Profiles(
            self.poc[rows],
            self.value_high[rows],
            self.value_low[rows],
            self.balanced[rows],
            self.d_shaped[rows],
        )


def volume_profiles(high: Floats, low: Floats, volume: Floats, first: Ints, stop: Ints) -> Profiles:
    """Profile the bars `first[r] .. stop[r] - 1` of each range r.

    The value area grows from the bins with most volume by the larger of the two bins next to it, both where they are
    equal, until it holds :data:`VALUE_SHARE` of the volume.
    `balanced`: the point of control lies in the middle third of the range, and the skewness of price by volume is
    at most 0.5 in size. `d_shaped`: balanced; a single mode, which means that no bin with half of the largest
    volume lies behind a valley of less than 0.6 of that bin; and a value area of 25 to 75 % of the range.

    Parameters
    ----------
    high, low, volume
        Shape (n,); a missing volume is NaN.
    first, stop
        Positions with `first < stop <= n`, shape (m,); a negative `first` is before the series: unknown.

    Raises
    ------
    ValueError
        For a range that is empty or ends outside the bars.
    """
    _require_ranges(first, stop, len(high))
    m = len(first)
    prices, flags = np.full((3, m), np.nan), np.full((2, m), -1, np.int8)
    profiles = Profiles(prices[0], prices[1], prices[2], flags[0], flags[1])
    _profile(high, low, volume, first, stop, *profiles)
    return profiles


def zone_density(
    high: Floats, low: Floats, volume: Floats, first: Ints, stop: Ints, bottom: Floats, top: Floats
) -> Floats:
    """How densely each zone was traded in its range of bars, beside the mean density of the range; shape (m,).

    Volume per unit of price between `bottom` and `top`, over that between the range's lowest low and highest high:
    1 is the mean, 0 was jumped over. Exact, without bins. NaN without volume, with a missing one, for a zone
    without size, a range without price range or one that begins before the series.

    Raises
    ------
    ValueError
        For a range that is empty or ends outside the bars.
    """
    _require_ranges(first, stop, len(high))
    density = np.full(len(first), np.nan)
    _density(high, low, volume, first, stop, bottom, top, density)
    return density


def _require_ranges(first: Ints, stop: Ints, n: int) -> None:
    bad = (stop <= first) | (stop > n)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"range {row} goes from bar {first[row]} to before {stop[row]}: there are {n} bars")


@nb.njit(cache=True)
def _profile(
    high: Floats,
    low: Floats,
    volume: Floats,
    first: Ints,
    stop: Ints,
    poc: Floats,
    value_high: Floats,
    value_low: Floats,
    balanced: Flags,
    d_shaped: Flags,
) -> None:
    bins = np.empty(BINS)
    for r in range(len(first)):
        if first[r] < 0:
            continue
        bottom, top = _extremes(high, low, first[r], stop[r])
        width = (top - bottom) / BINS
        total = _fill(high, low, volume, first[r], stop[r], bottom, width, bins)
        if not total > 0.0:
            continue
        if not width > 0.0:
            poc[r] = value_high[r] = value_low[r] = bottom
            continue
        f, g = _peak(bins)
        middle = (f + g + 1) / 2.0
        a, b = _value_area(bins, f, g, total)
        poc[r] = bottom + middle * width
        value_low[r], value_high[r] = bottom + a * width, bottom + (b + 1) * width
        central = abs(middle / BINS - 0.5) <= 1.0 / 6.0 + _ROUNDING
        even = central and abs(_skewness(bins, total)) <= _MOST_SKEW
        share = (b + 1 - a) / BINS
        balanced[r] = even
        d_shaped[r] = even and _D_WIDTH[0] <= share <= _D_WIDTH[1] and _has_one_mode(bins, f, g)


@nb.njit(cache=True)
def _extremes(high: Floats, low: Floats, first: int, stop: int) -> tuple[float, float]:
    bottom, top = low[first], high[first]
    for j in range(first + 1, stop):
        bottom, top = min(bottom, low[j]), max(top, high[j])
    return bottom, top


@nb.njit(cache=True)
def _fill(
    high: Floats,
    low: Floats,
    volume: Floats,
    first: int,
    stop: int,
    bottom: float,
    width: float,
    bins: Floats,
) -> float:
    """Spread the bars' volume over the bins; the volume in all."""
    bins[:] = 0.0
    total = 0.0
    for j in range(first, stop):
        total += volume[j]
        if not width > 0.0:
            continue
        a, b = (low[j] - bottom) / width, (high[j] - bottom) / width
        start, end = min(int(a), BINS - 1), min(int(b), BINS - 1)
        if start == end:
            bins[start] += volume[j]
            continue
        each = volume[j] / (b - a)
        bins[start] += each * (start + 1 - a)
        for k in range(start + 1, end):
            bins[k] += each
        bins[end] += each * (b - end)
    return total


@nb.njit(cache=True)
def _peak(bins: Floats) -> tuple[int, int]:
    """First and last of the bins with most volume, equal ones but for rounding included."""
    most = bins.max() * (1.0 - _ROUNDING)
    f, g = 0, len(bins) - 1
    while bins[f] < most:
        f += 1
    while bins[g] < most:
        g -= 1
    return f, g


@nb.njit(cache=True)
def _value_area(bins: Floats, f: int, g: int, total: float) -> tuple[int, int]:
    """First and last bin of the value area that grows from the bins f..g."""
    held, wanted, equal = 0.0, (VALUE_SHARE - _ROUNDING) * total, _ROUNDING * total
    for k in range(f, g + 1):
        held += bins[k]
    while held < wanted and (f > 0 or g < len(bins) - 1):
        below = bins[f - 1] if f > 0 else -np.inf
        above = bins[g + 1] if g < len(bins) - 1 else -np.inf
        if below >= above - equal:
            f -= 1
            held += below
        if above >= below - equal:
            g += 1
            held += above
    return f, g


@nb.njit(cache=True)
def _skewness(bins: Floats, total: float) -> float:
    """Skewness of the bins' positions by volume; 0 where one bin holds all."""
    mean = 0.0
    for k in range(len(bins)):
        mean += bins[k] * k
    mean /= total
    second, third = 0.0, 0.0
    for k in range(len(bins)):
        d = k - mean
        second += bins[k] * d * d
        third += bins[k] * d * d * d
    second, third = second / total, third / total
    return third / second**1.5 if second > 0.0 else 0.0


@nb.njit(cache=True)
def _has_one_mode(bins: Floats, f: int, g: int) -> bool:
    """Whether no second mode stands beside the bins f..g, or between them."""
    most = bins[f]
    for k in range(f, g + 1):
        if bins[k] < _VALLEY * most:
            return False
    for start, end, step in ((g + 1, len(bins), 1), (f - 1, -1, -1)):
        valley = most
        for k in range(start, end, step):
            valley = min(valley, bins[k])
            if bins[k] >= _SECOND_MODE * most and valley < _VALLEY * bins[k]:
                return False
    return True


@nb.njit(cache=True)
def _density(
    high: Floats,
    low: Floats,
    volume: Floats,
    first: Ints,
    stop: Ints,
    bottom: Floats,
    top: Floats,
    density: Floats,
) -> None:
    for r in range(len(first)):
        if first[r] < 0:
            continue
        lowest, highest = _extremes(high, low, first[r], stop[r])
        size = top[r] - bottom[r]
        inside, total = 0.0, 0.0
        for j in range(first[r], stop[r]):
            total += volume[j]
            spread = high[j] - low[j]
            if spread > 0.0:
                overlap = min(high[j], top[r]) - max(low[j], bottom[r])
                if overlap > 0.0:
                    inside += volume[j] * overlap / spread
            elif bottom[r] <= low[j] <= top[r]:
                inside += volume[j]
        if total > 0.0 and size > 0.0 and highest > lowest:
            density[r] = inside / size * ((highest - lowest) / total)
