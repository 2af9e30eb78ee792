"""What may be said of many labels at once: win rates and mean R as intervals (specification, section 7).

There are two kinds of interval and both are always given: what the bars leave open (lo to hi), and how far
chance may have moved each end. Setups overlap in time and tickers move together, so chance is measured by
resampling stretches of time, never single setups.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import Floats
from fvg_platform.fvg.block_bootstrap import FEWEST_BLOCKS, block_length, multiplicities, time_blocks
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.outcomes import STATUSES
from fvg_platform.fvg.statistics_sums import is_word


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its sampling interval, 95 % unless asked otherwise; NaN where unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """Counts and figures of one target among entered setups, for both readings of the bars."""

    target: int
    targets_lo: int
    targets_hi: int
    settled_lo: int
    settled_hi: int
    censored_lo: int
    censored_hi: int
    win_rate_lo: Estimate
    win_rate_hi: Estimate
    identified: int
    identified_share: float
    r_count_lo: int
    r_count_hi: int
    mean_r_lo: Estimate
    mean_r_hi: Estimate


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """All setups by status, and each target; `blocks` counts the stretches of time that hold any setup."""

    setups: int
    statuses: dict[str, int]
    targets: tuple[TargetSummary, ...]
    blocks: int

    def as_dict(self) -> dict[str, Any]:
        """The same as nested plain values."""
        return asdict(self)


def summarise_labels(
    labels: pd.DataFrame,
    timeframe: str,
    *,
    config: ModeConfig | None = None,
    block: pd.Timedelta | None = None,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> LabelSummary:
    """Summarise the labels of one timeframe, of one ticker or of many.

    Win rate of target k is targets / (targets + stops + timeouts) among entered setups. Mean R includes
    `gap_invalid`. Setups that were never entered and open (`censored`) paths are counted beside, never
    inside.

    Parameters
    ----------
    labels
        Rows of :func:`fvg_platform.fvg.outcomes.label_setups`, in any order; `ts`, `status` and, for each
        target, the `outcome`, `r` and `identified` columns are used.
    timeframe
        Timeframe of the bars.
    config
        Gives the horizon; by default that of the timeframe's mode.
    block
        Length of a block of time; by default the horizon `ttl + max_hold` of an exchange's bars.
    replicates, confidence, seed
        Of the stationary bootstrap over blocks (Politis and Romano, 1994). With fewer than ten blocks its
        intervals are NaN.

    Returns
    -------
    LabelSummary
        With NaN for a figure whose count is 0.
    """
    config = config or mode_config(timeframe)
    status = labels["status"]
    tallies = [_tally(labels, k, status) for k in (1, 2, 3)]
    blocks = time_blocks(labels["ts"], block or block_length(timeframe, config))
    filled = int(np.unique(blocks).size)
    tail = (1 - confidence) / 2
    targets = []
    weights = multiplicities(int(blocks.max()) + 1, replicates, seed) if filled >= FEWEST_BLOCKS else None
    for k, tally in enumerate(tallies, start=1):
        sums: Floats = np.stack([np.bincount(blocks, values) for values in tally.values()]).astype(float)
        drawn = sums[:, :0] if weights is None else sums @ weights
        targets.append(_target(k, tally, drawn, (tail, 1 - tail)))
    statuses = {name: int(is_word(status, name).sum()) for name in STATUSES}
    return LabelSummary(len(labels), statuses, tuple(targets), filled)


def matured(labels: pd.DataFrame, bars: int, config: ModeConfig) -> NDArray[np.bool_]:
    """Which labels' whole horizon lies within the `bars` bars of their series.

    Rolling figures use these only: among recent setups the early exits are known first, and they are not
    typical.
    """
    return labels["i"].to_numpy() + config.horizon < bars


def _tally(labels: pd.DataFrame, k: int, status: pd.Series) -> dict[str, Floats]:
    """For each setup, what it adds to each count and sum of target k."""
    tally: dict[str, Floats] = {}
    entered = is_word(status, "entered")
    for path in ("lo", "hi"):
        outcome = labels[f"outcome_{k}_{path}"]
        censored = is_word(outcome, "censored")
        r = labels[f"r_{k}_{path}"].to_numpy(float, na_value=np.nan)
        known = ~np.isnan(r)
        tally |= {
            f"targets_{path}": is_word(outcome, "target").astype(float),
            f"settled_{path}": (entered & ~censored).astype(float),
            f"censored_{path}": censored.astype(float),
            f"r_sum_{path}": np.where(known, r, 0.0),
            f"r_count_{path}": known.astype(float),
        }
    identified = labels[f"identified_{k}"].to_numpy(bool, na_value=False)
    return tally | {"identified": identified.astype(float)}


def _target(k: int, tally: dict[str, Floats], drawn: Floats, quantiles: tuple[float, float]) -> TargetSummary:
    total = {name: float(values.sum()) for name, values in tally.items()}
    replica = dict(zip(tally, drawn, strict=True))

    def estimate(part: str, whole: str) -> Estimate:
        if not total[whole]:
            return Estimate(np.nan, np.nan, np.nan)
        usable = replica[whole] > 0
        ratios = replica[part][usable] / replica[whole][usable]
        low, high = np.quantile(ratios, quantiles) if len(ratios) else (np.nan, np.nan)
        return Estimate(total[part] / total[whole], float(low), float(high))

    counts = {
        f"{name}_{path}": int(total[f"{name}_{path}"])
        for name in ("targets", "settled", "censored", "r_count")
        for path in ("lo", "hi")
    }
    return TargetSummary(
        target=k,
        **counts,
        win_rate_lo=estimate("targets_lo", "settled_lo"),
        win_rate_hi=estimate("targets_hi", "settled_hi"),
        identified=int(total["identified"]),
        # A settled lo path means a settled hi path: hi never ends later.
        identified_share=total["identified"] / total["settled_lo"] if total["settled_lo"] else np.nan,
        mean_r_lo=estimate("r_sum_lo", "r_count_lo"),
        mean_r_hi=estimate("r_sum_hi", "r_count_hi"),
    )
