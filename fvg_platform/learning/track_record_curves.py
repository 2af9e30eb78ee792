"""Said against seen: how often predictions of like probability came true, by timeframe."""

import numpy as np
import pandas as pd

from fvg_platform.learning.track_record_figures import share
from fvg_platform.learning.track_record_sums import DECILE_SUMS, DECILES, Judged


def calibration_curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """Tenths of the first target's probability, and the share of each that came true.

    Parameters
    ----------
    predictions
        As in :func:`fvg_platform.learning.track_record.track_record`.

    Returns
    -------
    One row for each `timeframe` and tenth that holds settled outcomes, in order: `low, high` (the tenth's ends), `n`,
    `mean_p`, and `rate_lo, rate_hi`, the share of first targets on the worse and on the better reading.
    """
    judged = Judged.of(predictions)
    timeframes, place = np.unique(judged.labels["timeframe"].to_numpy(str), return_inverse=True)
    cell = place.astype(np.int64)[judged.group]
    sums = judged.decile_sums(cell, timeframes.size).reshape(-1, len(DECILE_SUMS))
    of = dict(zip(DECILE_SUMS, sums.T, strict=True))
    tenth = np.tile(np.arange(DECILES), timeframes.size)
    rows = pd.DataFrame(
        {
            "timeframe": np.repeat(timeframes, DECILES),
            "low": tenth / DECILES,
            "high": (tenth + 1) / DECILES,
            "n": np.maximum(of["scored_lo"], of["scored_hi"]).astype(np.int64),
            "mean_p": share(of["p_lo"] + of["p_hi"], of["scored_lo"] + of["scored_hi"]),
            "rate_lo": share(of["won_lo"], of["scored_lo"]),
            "rate_hi": share(of["won_hi"], of["scored_hi"]),
        }
    )
    return rows[rows["n"] > 0].reset_index(drop=True)
