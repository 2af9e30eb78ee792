"""Possible ways on of a price: bars simulated from blocks of past bars, with no trend of their own.

A model of paths says how the next bars may move, from the bars known so far; which model foretells better is found
out in :mod:`~fvg_platform.learning.forecast_skill`. A bar's move is its open, high, low and close in logs, relative to
the close before it. Two models live here; another one needs a name and `simulate`, and a line in `FORECASTERS`.

Sources: stationary bootstrap, D. Politis and J. Romano (1994); filtered historical simulation, G. Barone-Adesi,
K. Giannopoulos and L. Vosper, VaR without correlations for portfolios of derivative securities (1999).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from fvg_platform.learning.forecast_volatility import (
    WARM_UP,
    VolatilityFilter,
    choose_filter,
    filtered_variance,
)

PRICES = ("open", "high", "low", "close")
OPEN, HIGH, LOW, CLOSE = range(4)

HISTORY = 2_000
"""Bars before this many are not drawn from any more: eight years of days, one of hours."""
_MEAN_BLOCK = 10.0
"""Bars drawn in one piece on average: about the cube root of the moves drawn from."""
_HIGHEST_VARIANCE = 4.0
"""A path's variance stays below so many times the greatest seen: repeated shocks would feed on themselves."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Draws:
    """What chance decides, the same for every model: where a new block begins and at which part of the past.

    Both have the shape (steps, origins, paths); `start` is uniform in [0, 1).
    """

    restart: BoolArray
    start: FloatArray

    @classmethod
    def at(cls, times: IntArray, *, steps: int, paths: int, seed: int) -> "Draws":
        """One stream for each time of an origin: what it draws hangs neither on later bars nor on other origins."""
        coins = np.empty((2, steps, len(times), paths))
        for k, time in enumerate(times):
            coins[:, :, k] = np.random.default_rng([seed, int(time) % 2**64]).random((2, steps, paths))
        restart = coins[0] < 1.0 / _MEAN_BLOCK
        restart[:1] = True
        return cls(restart, coins[1])

    def positions(self, first: IntArray, size: IntArray) -> IntArray:
        """Positions of moves, `first` to `first + size - 1` of each origin (k,), in runs that wrap around the end."""
        first, size = first[:, None], size[:, None]
        fresh = first + (self.start * size).astype(np.int64)
        drawn = np.empty_like(fresh)
        at = fresh[0]
        for step in range(len(fresh)):
            following = np.where(at + 1 < first + size, at + 1, first)
            at = drawn[step] = np.where(self.restart[step], fresh[step], following)
        return drawn


class PathModel(Protocol):
    """Simulates the bars that follow."""

    def simulate(self, past: FloatArray, known: IntArray, draws: Draws, rows: tuple[int, ...]) -> FloatArray:
        """Moves that may follow the first `known[k]` ones of `past`, whatever the later ones are.

        Parameters
        ----------
        past
            Moves (4, n) as :func:`log_moves` gives them.
        known
            How many of them each origin knows (k,), each above `WARM_UP`.
        rows
            Which of `OPEN, HIGH, LOW, CLOSE` are wanted.

        Returns
        -------
        Moves relative to the path's own close before, shape (len(rows), steps, k, paths).
        """


@dataclass(frozen=True)
class BlockBootstrap:
    """A random walk: past moves as they were, their mean taken off."""

    name: ClassVar[str] = "block_bootstrap"

    def simulate(self, past: FloatArray, known: IntArray, draws: Draws, rows: tuple[int, ...]) -> FloatArray:
        """As :class:`PathModel` says."""
        first, size = drawn_from(known)
        drawn = draws.positions(first, size)
        trend = mean_over(past[CLOSE], first, known)[:, None]
        return np.stack([past[row][drawn] - trend for row in rows])


@dataclass(frozen=True)
class FilteredBootstrap:
    """Past moves in units of the volatility when they happened, times the volatility along the path."""

    filter: VolatilityFilter
    name: ClassVar[str] = "filtered_bootstrap"

    def simulate(self, past: FloatArray, known: IntArray, draws: Draws, rows: tuple[int, ...]) -> FloatArray:
        """As :class:`PathModel` says."""
        variance = filtered_variance(past[CLOSE], self.filter)
        sigma = np.sqrt(variance.ahead[:-1])
        units = np.divide(past, sigma, out=np.zeros_like(past), where=sigma > 0)
        first, size = drawn_from(known)
        trend = mean_over(units[CLOSE], first, known)
        # The filter must neither add nor lose variance on its way, or thirty steps would widen or narrow the fan.
        spread = mean_over(units[CLOSE] ** 2, first, known) - trend**2
        spread = np.where(spread > 0, spread, 1.0)[:, None]
        mean = variance.mean[known][:, None]
        highest = _HIGHEST_VARIANCE * np.maximum.accumulate(variance.ahead)[known][:, None]
        drawn = draws.positions(first, size)
        made = np.empty((len(rows), *drawn.shape))
        now = np.broadcast_to(variance.ahead[known][:, None], drawn.shape[1:])
        for step, at in enumerate(drawn):
            scale = np.sqrt(now)
            for place, row in enumerate(rows):
                made[place, step] = (units[row][at] - trend[:, None]) * scale
            square = now * (units[CLOSE][at] - trend[:, None]) ** 2 / spread
            now = np.minimum(self.filter.after(now, square, mean), highest)
        return made


BASELINE = BlockBootstrap.name
FORECASTERS: Mapping[str, Callable[[FloatArray, int], PathModel]] = {
    BASELINE: lambda _older, _steps: BlockBootstrap(),
    FilteredBootstrap.name: lambda older, steps: FilteredBootstrap(choose_filter(older[CLOSE], steps)),
}
"""By name, what makes the model for so many steps from the moves (4, m) before the first origin it is judged at."""


def log_moves(bars: pd.DataFrame) -> FloatArray:
    """Open, high, low and close of each bar but the first in logs, relative to the close before: (4, n - 1).

    Raises
    ------
    ValueError
        A column is missing, or prices are not positive, finite and in order (names the row).
    """
    absent = [name for name in ("ts", *PRICES) if name not in bars]
    if absent:
        raise ValueError(f"bars lack {', '.join(absent)}: a forecast needs ts, {', '.join(PRICES)}")
    o, h, low, c = prices = np.stack([bars[name].to_numpy(np.float64, na_value=np.nan) for name in PRICES])
    # A NaN fails every comparison.
    sound = (low > 0) & (low <= o) & (o <= h) & (low <= c) & (c <= h) & (h < np.inf)
    if not sound.all():
        row = int(np.argmin(sound))
        values = ", ".join(f"{name}={value:.17g}" for name, value in zip(PRICES, prices[:, row], strict=True))
        raise ValueError(
            f"bar {row} ({bars['ts'].iloc[row]}): prices must be positive and finite, with the high the highest and "
            f"the low the lowest; clean the bars first ({values})"
        )
    # The quotient first: prices in another unit, or split by two, give the same bits.
    return np.log(prices[:, 1:] / c[:-1])


def closes_along(moves: FloatArray) -> FloatArray:
    """Log closes relative to the origin's, from moves of the close (steps, …)."""
    return np.cumsum(moves, axis=0)


def drawn_from(known: IntArray) -> tuple[IntArray, IntArray]:
    """The first move that each origin draws from, and how many it draws from."""
    first = np.maximum(WARM_UP, known - HISTORY)
    return first, known - first


def mean_over(values: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    """Mean of `values[first:last]` for each pair."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    return (summed[last] - summed[first]) / (last - first)
