"""How complete a series must be, how well its timeframes must agree, how many strange bars it may have.

Pure rules over counts per series. A minute in which nothing was traded is not missing, so completeness is judged over
the bars that can exist: expected less untraded. Where no coarser bar tells the two apart, thin instruments are
given more room, by what is known of their liquidity. Data that coarser bars prove to be lost count whatever the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from fvg_platform.market.timeframes import INTRADAY, TIMEFRAMES, nominal_duration

Liquidity = Literal["liquid", "thin"]

# With three trades in a mean bar, chance leaves e^-3 = 5 % of the bars without any; a trade counts as 8,000 dollars.
THIN_UNTRADED_SHARE = 0.05
THIN_DOLLARS_PER_BAR = 24_000.0

_HOURS_A_DAY: Mapping[str, float] = {"equity": 6.5, "fx": 24.0, "crypto": 24.0}


@dataclass(frozen=True)
class Limits:
    """Completeness below which a check warns, and below which it fails."""

    warn: float
    error: float


COMPLETENESS: Mapping[tuple[str, Liquidity], Limits] = {
    # Liquid: what a person should look at, and what no sound feed does.
    ("1m", "liquid"): Limits(0.98, 0.90),
    ("5m", "liquid"): Limits(0.985, 0.92),
    ("15m", "liquid"): Limits(0.99, 0.94),
    ("1h", "liquid"): Limits(0.99, 0.95),
    ("4h", "liquid"): Limits(0.99, 0.95),
    ("1d", "liquid"): Limits(0.995, 0.97),
    ("1w", "liquid"): Limits(0.99, 0.95),
    ("1mo", "liquid"): Limits(0.99, 0.95),
    # Thin: a bar without a trade is usual, the rarer the longer the bar.
    ("1m", "thin"): Limits(0.50, 0.10),
    ("5m", "thin"): Limits(0.75, 0.25),
    ("15m", "thin"): Limits(0.85, 0.50),
    ("1h", "thin"): Limits(0.95, 0.80),
    ("4h", "thin"): Limits(0.97, 0.90),
    ("1d", "thin"): Limits(0.98, 0.90),
    ("1w", "thin"): Limits(0.99, 0.95),
    ("1mo", "thin"): Limits(0.99, 0.95),
}

LOST_ERROR = 0.005
"""Share of lost bars from which on a series is in error; a single one is worth a warning."""

DIFFERING_FREE = 1
"""Coarser bars that may differ from the finer ones: a late correction. Of AAPL's real hours one in 42 does."""
DIFFERING_ERROR = 0.01
"""Share of differing bars from which on a pair is in error, if there are more than the free ones."""

FLAGGED_WARN: Mapping[str, float] = {"outlier": 0.0002, "stale": 0.001, "volume_spike": 0.001}
"""Share of flagged bars (of stale ones: of bars in stale runs) beyond which a series is worth a look."""
FLAGGED_FREE = 2
"""So many flagged bars are worth no look in a series of any length."""


def liquidity(
    timeframe: str, asset_class: str, untraded_share: float, dollar_volume: float | None
) -> Liquidity:
    """Whether so much is traded that every bar should exist.

    Parameters
    ----------
    untraded_share
        Share of the expected bars in which nothing was traded, as far as that is known.
    dollar_volume
        What is traded in a day, in the quote currency; None (or NaN) where nobody knows: liquid then, so that
        ignorance never loosens a rule.
    """
    if untraded_share >= THIN_UNTRADED_SHARE:
        return "thin"
    if dollar_volume is None or np.isnan(dollar_volume):
        return "liquid"
    days = nominal_duration(timeframe) / pd.Timedelta(days=1)
    if timeframe in INTRADAY:
        days = nominal_duration(timeframe) / pd.Timedelta(hours=_HOURS_A_DAY[asset_class])
    return "thin" if dollar_volume * min(days, 1.0) < THIN_DOLLARS_PER_BAR else "liquid"


def judge_coverage(profile: pd.DataFrame) -> pd.DataFrame:
    """Hold every series against the limits of its timeframe and liquidity.

    Parameters
    ----------
    profile
        One row per series: `ticker, timeframe, asset_class, expected, missing, untraded, lost` (bars), `dollar_volume`
        (a day's, NaN where unknown).

    Returns
    -------
    The profile with `liquidity`, `completeness` (present / (expected - untraded), 1 where nothing is expected),
    `warn_below`, `error_below`, and the counts that must be zero: `incomplete` and `incomplete_error` (missing traded
    bars of a series below its limit), `lost_bars` and `lost_error` (lost bars, and those of a series with too many).
    """
    judged = profile.copy()
    expected, all_missing, known = (
        judged[name].to_numpy(dtype=np.float64) for name in ("expected", "missing", "untraded")
    )
    untraded = np.minimum(known, all_missing)
    missing = all_missing - untraded
    traded = expected - untraded
    untraded_share = np.divide(untraded, expected, out=np.zeros_like(expected), where=expected > 0)
    judged["liquidity"] = [
        liquidity(str(timeframe), str(asset_class), float(share), dollars)
        for timeframe, asset_class, share, dollars in zip(
            judged["timeframe"],
            judged["asset_class"],
            untraded_share,
            judged["dollar_volume"].astype("float64"),
            strict=True,
        )
    ]
    limits = [COMPLETENESS[key] for key in zip(judged["timeframe"], judged["liquidity"], strict=True)]
    judged["warn_below"] = [limit.warn for limit in limits]
    judged["error_below"] = [limit.error for limit in limits]
    judged["completeness"] = 1 - np.divide(missing, traded, out=np.zeros_like(traded), where=traded > 0)
    judged["incomplete"] = np.where(judged["completeness"] < judged["warn_below"], missing, 0.0)
    judged["incomplete_error"] = np.where(judged["completeness"] < judged["error_below"], missing, 0.0)
    lost = judged["lost"].to_numpy(dtype=np.float64)
    judged["lost_bars"] = lost
    judged["lost_error"] = np.where(lost > LOST_ERROR * expected, lost, 0.0)
    return judged


def judge_comparisons(profile: pd.DataFrame) -> pd.DataFrame:
    """Hold every pair of timeframes against what may differ.

    Parameters
    ----------
    profile
        One row per pair: `ticker, fine, coarse, compared, differing`.

    Returns
    -------
    The profile with the counts that must be zero: `differ` (differing bars of a pair with more than the free ones) and
    `differ_error` (of one with too large a share).
    """
    differing = profile["differing"].to_numpy(dtype=np.float64)
    too_many = differing > DIFFERING_FREE
    share = differing > DIFFERING_ERROR * profile["compared"].to_numpy(dtype=np.float64)
    return profile.assign(
        differ=np.where(too_many, differing, 0.0), differ_error=np.where(too_many & share, differing, 0.0)
    )


def judge_flags(profile: pd.DataFrame) -> pd.DataFrame:
    """Hold the flagged bars of every series against what is usual.

    Parameters
    ----------
    profile
        One row per series: `ticker, timeframe, rows` (bars), and a count for each of `outlier, stale, volume_spike`.

    Returns
    -------
    The profile with those counts set to zero that are worth no look.
    """
    judged = profile.copy()
    rows = profile["rows"].to_numpy(dtype=np.float64)
    for flag, share in FLAGGED_WARN.items():
        counts = profile[flag].to_numpy(dtype=np.float64)
        judged[flag] = np.where((counts > FLAGGED_FREE) & (counts > share * rows), counts, 0.0)
    return judged


def limits_in_words() -> str:
    """The limits of completeness as a Markdown table."""
    lines = [
        "| timeframe | liquid: warn below | error below | thin: warn below | error below |",
        "|---|--:|--:|--:|--:|",
    ]
    for timeframe in TIMEFRAMES:
        liquid, thin = COMPLETENESS[timeframe, "liquid"], COMPLETENESS[timeframe, "thin"]
        shares = " | ".join(f"{share:.1%}" for share in (liquid.warn, liquid.error, thin.warn, thin.error))
        lines.append(f"| {timeframe} | {shares} |")
    return "\n".join(lines)
