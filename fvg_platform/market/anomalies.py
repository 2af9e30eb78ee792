"""Bars that look strange: prices that the next bar takes back, prices that stand still, bursts of volume.

A flag asks a person to look; nothing is ever deleted or changed for it. Every measure is a robust one (medians of
blocks of bars), so that the strange bar itself does not widen what counts as usual.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.market.sessions import NEW_YORK
from fvg_platform.market.timeframes import INTRADAY, require_timeframe

Floats = NDArray[np.float64]

FLAGS: tuple[str, ...] = ("outlier", "stale", "volume_spike")

OUTLIER_DEVIATIONS = 10.0
"""Robust deviations beyond which a price that is taken back is an outlier. 1.2 million bars of random walks reach 3.8;
AAPL's real ones 8.3 (11,503 days), 7.5 (3,478 hours) and 5.9 (2,381 minutes)."""

# The next bar takes a price back when it undoes at least half of the move, and no more than half again.
_TAKEN_BACK = (0.5, 1.5)

VOLUME_DEVIATIONS = 8.0
"""Robust deviations of log volume, against bars of the same time of day, beyond which a volume is a spike. 1.2 million
random bars reach 5.0; of AAPL's real ones a single minute passes 8, no hour (6.0) and no day (7.3)."""

STALE_BARS: Mapping[str, int] = {
    "1m": 30,
    "5m": 12,
    "15m": 8,
    "1h": 5,
    "4h": 4,
    "1d": 3,
    "1w": 3,
    "1mo": 3,
}
"""From how many equal bars without any range on a price is stale. Quiet minutes stand still; days do not."""

_BLOCK = 128
# One basis point: below it, differences are ticks and rounding.
_LEAST_DEVIATION = 1e-4
# Volumes of one size vary by a tenth at least: else the second trade of a day with constant volumes is a spike.
_LEAST_LOG_VOLUME_DEVIATION = 0.1
_MEDIAN_TO_DEVIATION = 1.4826
_MEAN_TO_DEVIATION = 1.2533


def flag_bars(bars: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Flag outliers, stale prices and volume spikes.

    Parameters
    ----------
    bars
        Clean bars of one series, shape (n, ...): `ts` (with a zone, strictly increasing), `open, high, low, close,
        volume`.
    timeframe
        Decides how long a price may stand still, and whether volumes are judged by their time of day.

    Returns
    -------
    DataFrame
        In order of time and flag: `ts, flag, score`.
        `outlier`: the close moved, or high or low reached out, beyond :data:`OUTLIER_DEVIATIONS` robust deviations of
        the returns around it, and the next bar is back; the score is in deviations. The last bar cannot be one yet.
        `stale`: the first of :data:`STALE_BARS` or more bars in a row with one and the same price for open, high, low
        and close, with volume or without; the score is how many there are.
        `volume_spike`: log volume beyond :data:`VOLUME_DEVIATIONS` robust deviations; the score is in deviations.

    Notes
    -----
    Deviations are those of a block of 128 bars or of the one before it, whichever is larger. A flag in the youngest
    block may go again as the block fills.
    """
    require_timeframe(timeframe)
    flags = [
        ("outlier", *_outliers(bars)),
        ("stale", *_stale(bars, STALE_BARS[timeframe])),
        ("volume_spike", *_volume_spikes(bars, timeframe)),
    ]
    rows = np.concatenate([positions for _, positions, _ in flags])
    found = pd.DataFrame(
        {
            "ts": bars["ts"].iloc[rows].reset_index(drop=True),
            "flag": pd.Series(
                np.repeat(np.array(FLAGS, dtype=object), [len(positions) for _, positions, _ in flags]),
                dtype="str",
            ),
            "score": np.concatenate([scores for _, _, scores in flags]),
        }
    )
    return found.sort_values(["ts", "flag"], ignore_index=True)


def _outliers(bars: pd.DataFrame) -> tuple[NDArray[np.int64], Floats]:
    """Positions and scores of bars whose close, high or low is far off and taken back."""
    if len(bars) < 3:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    high, low, close = (np.log(bars[name].to_numpy(dtype=np.float64)) for name in ("high", "low", "close"))
    returns = np.diff(close, prepend=close[0])
    deviation = np.maximum(_deviation(np.abs(returns)), _LEAST_DEVIATION)
    # Of bar i: 1..n-2, which have a bar on either side.
    move, back = returns[1:-1], returns[2:]
    undone = np.divide(-back, move, out=np.zeros_like(move), where=move != 0)
    closed_off = np.where((undone >= _TAKEN_BACK[0]) & (undone <= _TAKEN_BACK[1]), np.abs(move), 0.0)
    # The open is left out: a bad first price reaches out like any other.
    above = high[1:-1] - np.maximum.reduce([close[1:-1], high[:-2], high[2:]])
    below = np.minimum.reduce([close[1:-1], low[:-2], low[2:]]) - low[1:-1]
    scores = np.maximum.reduce([closed_off, above, below]) / deviation[1:-1]
    found = np.flatnonzero(scores > OUTLIER_DEVIATIONS)
    return found + 1, scores[found]


def _stale(bars: pd.DataFrame, least: int) -> tuple[NDArray[np.int64], Floats]:
    """First positions and lengths of runs of bars without range on one price."""
    price = bars["close"].to_numpy()
    flat = np.ones(len(bars), dtype=np.bool_)
    for name in ("open", "high", "low"):
        flat &= bars[name].to_numpy() == price
    goes_on = np.zeros(len(bars) + 1, dtype=np.bool_)
    goes_on[1:-1] = flat[1:] & flat[:-1] & (price[1:] == price[:-1])
    starts = np.flatnonzero(~goes_on[:-1] & flat)
    ends = np.flatnonzero(~goes_on[1:] & flat)
    lengths = ends - starts + 1
    long = lengths >= least
    return starts[long], lengths[long].astype(np.float64)


def _volume_spikes(bars: pd.DataFrame, timeframe: str) -> tuple[NDArray[np.int64], Floats]:
    """Positions and scores of bars with far more volume than is usual there at that time of day."""
    volume = bars["volume"].to_numpy(dtype=np.float64)
    traded = np.flatnonzero(volume > 0)
    if not len(traded):
        return traded, np.zeros(0)
    logs = np.log(volume[traded])
    if timeframe in INTRADAY:
        logs = logs - _usual_at_that_time(bars["ts"].iloc[traded], logs)
    above = logs - _level(logs)
    deviation = np.maximum(_deviation(np.abs(above)), _LEAST_LOG_VOLUME_DEVIATION)
    scores = above / deviation
    found = np.flatnonzero(scores > VOLUME_DEVIATIONS)
    return traded[found], scores[found]


def _usual_at_that_time(ts: pd.Series, values: Floats) -> Floats:
    """The median of the values at the same time of day in New York, shape (n,): the close of a session is no spike."""
    local = (
        ts.dt.tz_convert(NEW_YORK).dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    )
    return pd.Series(values).groupby(local % 86_400).transform("median").to_numpy()


def _blocks(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The values as rows of a block each, the last row filled up with its own end, and each value's row."""
    rows = -(-len(values) // _BLOCK)
    tail = values[-min(_BLOCK, len(values)) :]  # a short last block would judge by a few bars
    full = values[: (rows - 1) * _BLOCK].reshape(rows - 1, _BLOCK)
    last = np.resize(tail, _BLOCK)[None, :]
    return np.concatenate([full, last]), np.arange(len(values)) // _BLOCK


def _level(values: Floats) -> Floats:
    """The median of the block that each value lies in, shape (n,)."""
    blocks, row = _blocks(values)
    return np.median(blocks, axis=1)[row]


def _deviation(distances: Floats) -> Floats:
    """Standard deviation by the median distance, of each value's block or the one before, the larger; shape (n,).

    Where more than half of the distances are zero (a price that seldom moves) by the mean distance.
    """
    blocks, row = _blocks(distances)
    by_median = np.median(blocks, axis=1) * _MEDIAN_TO_DEVIATION
    found = np.where(by_median > 0, by_median, blocks.mean(axis=1) * _MEAN_TO_DEVIATION)
    found[1:] = np.maximum(found[1:], found[:-1].copy())
    return found[row]
