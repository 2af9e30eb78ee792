"""How long a setup can live: from `known_at` to the close of the last bar that could still decide it.

Purging and full-horizon cohorts go by this fixed life, `ttl + max_hold` bars (fvg-spec, sections 3 and 7), never
by the actual exit.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

MEAN_SPACING_BARS = 500
"""So many of the last bars tell their mean spacing: a tail of that length gives what the whole series gives."""


def life_ends(closes: pd.DatetimeIndex, positions: npt.NDArray[np.int64], life_bars: int) -> pd.DatetimeIndex:
    """The end of each life.

    Parameters
    ----------
    closes
        Close times of all n bars of the series.
    positions
        Position of each setup's third bar, 0..n-1.
    life_bars
        ttl + max_hold.

    Returns
    -------
    One time per position. Beyond the last bar it is extrapolated by the mean spacing of the last
    :data:`MEAN_SPACING_BARS` closes (of all, if there are fewer), nights and weekends included; such setups are
    still open, so no label is judged by it.
    """
    if len(positions) == 0:
        return closes[:0]
    last = len(closes) - 1
    end = positions + life_bars
    known = closes[np.minimum(end, last)]
    recent = closes[-MEAN_SPACING_BARS:]
    spacing = (recent[-1] - recent[0]) / (len(recent) - 1) if last else pd.Timedelta(0)
    beyond = np.maximum(end - last, 0)
    return known + pd.to_timedelta(beyond * spacing.total_seconds(), unit="s")
