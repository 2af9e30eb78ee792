"""How far chance may have moved a figure over setups: the stationary bootstrap over blocks of time.

Setups overlap in time and tickers move together, so stretches of time are drawn anew, never single setups. Any figure
made of sums per block costs one product with the matrix of :func:`multiplicities` for all replicates at once.
Source: D. Politis and J. Romano, The stationary bootstrap (1994).
"""

import numpy as np
import pandas as pd

from fvg_platform.fvg.bar_input import Floats, Ints
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.market.surrogates import stationary_positions
from fvg_platform.market.timeframes import INTRADAY, nominal_duration

FEWEST_BLOCKS = 10
"""An interval from fewer blocks would look narrow for want of evidence."""

# A bar takes more time on the calendar than on its own clock: an exchange is open 32.5 of 168 hours a week,
# 5 of 7 days. Markets that never close get longer blocks than they need, which is safe.
_CLOSED_INTRADAY = 168 / 32.5
_CLOSED_DAILY = 7 / 5
_MEAN_RUN = 2.0  # blocks drawn together on average: a block is a setup's horizon, and neighbours share trades
_MOST_BLOCKS = 2000  # beyond it blocks are joined: 1,000 replicates of 2,000 blocks take about 0.2 s


def block_length(timeframe: str, config: ModeConfig) -> pd.Timedelta:
    """How long a setup may live, `ttl + max_hold` bars, in the calendar time of an exchange."""
    closed = _CLOSED_INTRADAY if timeframe in INTRADAY else _CLOSED_DAILY
    return nominal_duration(timeframe) * (config.horizon * closed)


def time_blocks(ts: pd.Series, length: pd.Timedelta, strand: Ints | None = None) -> Ints:
    """The block of time that each row lies in, counted from the first row's; at most about 2,000 in all.

    Parameters
    ----------
    ts
        Times of the rows, in any order.
    length
        Of a block; where that would make too many, whole multiples of it are taken.
    strand
        A number from 0 for each row; rows of different strands, such as draws of surrogate bars, share no block.
    """
    if not len(ts):
        return np.zeros(0, np.int64)
    strands = 1 if strand is None else int(strand.max()) + 1
    block = ((ts - ts.min()) // length).to_numpy(np.int64)
    block = block // (int(block.max()) // max(_MOST_BLOCKS // strands, 1) + 1)
    return block if strand is None else strand * (int(block.max()) + 1) + block


def multiplicities(blocks: int, replicates: int, seed: int) -> Floats:
    """How often each block occurs in each replicate of the stationary bootstrap: (blocks, replicates).

    `arch` has it too, but draws one replicate at a time and takes seconds to import.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((blocks, replicates))
    for column in range(replicates):
        counts[:, column] = np.bincount(stationary_positions(blocks, _MEAN_RUN, rng), minlength=blocks)
    return counts


def usable_quantiles(values: Floats, probabilities: tuple[float, ...]) -> Floats:
    """Quantiles of each row of `values` (rows, n) over those that are not NaN: (rows, probabilities).

    NaN for a row that has none, and where the quantile is infinite. Interpolates as `numpy.quantile` does; its own
    `nanquantile` takes rows one by one.
    """
    ordered = np.sort(values, axis=1)
    known = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
    if not ordered.shape[1]:
        return np.full((len(values), len(probabilities)), np.nan)
    place = np.maximum(known - 1, 0)[:, None] * np.asarray(probabilities)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(known - 1, 0)[:, None])
    low, high = np.take_along_axis(ordered, below, 1), np.take_along_axis(ordered, above, 1)
    with np.errstate(invalid="ignore"):
        quantiles = low + (high - low) * (place - below)
    return np.where(np.isfinite(quantiles), quantiles, np.nan)
