"""The catalogue: every feature there is, the version of the set, and their computation over a series of bars.

A new bar feature is one function and one entry in its group's module; the tests then hold it to what the
entry claims (warm-up, scale, no look ahead). Importing this module loads no numerical engine, so that the
schema can read the names. Setups' features are computed in :mod:`fvg_platform.features.setup_features`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fvg_platform.features import (
    calendar,
    candles,
    complexity,
    gap_context,
    liquidity,
    momentum,
    order_flow,
    oscillators,
    periods,
    price_action,
    profile,
    ranges,
    setup_measures,
    statistics,
    structure,
    trend,
    volatility,
    volume,
)
from fvg_platform.features.feature import Feature, Values
from fvg_platform.features.series import BarSeries

FEATURES: tuple[Feature, ...] = (
    *trend.FEATURES,
    *momentum.FEATURES,
    *volatility.FEATURES,
    *volume.FEATURES,
    *price_action.FEATURES,
    *statistics.FEATURES,
    *calendar.FEATURES,
    *candles.FEATURES,
    *structure.FEATURES,
    *profile.FEATURES,
    *order_flow.FEATURES,
    *periods.FEATURES,
    *oscillators.FEATURES,
    *ranges.FEATURES,
    *complexity.FEATURES,
    *liquidity.FEATURES,
)

SETUP_FEATURES: tuple[Feature, ...] = (*setup_measures.FEATURES, *gap_context.FEATURES)

# What a model pooled over tickers sees of a setup, in the order of its columns.
MODEL_FEATURES: tuple[str, ...] = tuple(
    feature.name for feature in (*FEATURES, *SETUP_FEATURES) if feature.scale_free
)


def _digests(features: tuple[Feature, ...]) -> dict[str, str]:
    repeated = [name for name, count in Counter(feature.name for feature in features).items() if count > 1]
    if repeated:
        raise ValueError(f"feature names must be unique; used more than once: {', '.join(repeated)}")
    return {feature.name: feature.digest for feature in features}


# Name → what identifies its definition; a stored column with another digest is stale.
DIGESTS: dict[str, str] = _digests((*FEATURES, *SETUP_FEATURES))

FEATURE_SET_VERSION: str = hashlib.sha256(json.dumps(DIGESTS).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Reach:
    """How far a tail of bars must reach back before the first bar whose features are wanted: `bars` and `days`."""

    bars: int
    days: int


def reach(features: Iterable[Feature] = FEATURES) -> Reach:
    """How long a tail must be so that it gives these features as the whole series does."""
    chosen = tuple(features)
    return Reach(
        max((feature.memory for feature in chosen), default=0),
        max((feature.days for feature in chosen), default=0),
    )


def compute_features(
    bars: pd.DataFrame, *, names: Collection[str] | None = None, custom: Sequence[Feature] = ()
) -> pd.DataFrame:
    """Compute the bar features of a series.

    Parameters
    ----------
    bars : DataFrame of n bars
        `ts, open, high, low, close, volume`, and `taker_buy_volume, vwap, transactions` where they are known;
        further columns are allowed and not read. Features with a memory (EMA, RSI, ATR, ADX, OBV) start at the
        first bar given: pass the series from its beginning, or see :mod:`fvg_platform.features.refresh`.
    names : only these entries of :data:`FEATURES` (and all of `custom`); by default every one
    custom : a user's own bar features (:mod:`fvg_platform.features.plugin`), columns after the catalogue's

    Returns
    -------
    DataFrame of n rows
        `ts` as given and one float64 column per entry, in the catalogue's order: NaN before the entry's warm-up is
        over, finite afterwards. An entry that `needs` an optional column is NaN where its window lacks it. A
        row depends on no bar after its own.

    Raises
    ------
    ValueError
        When the bars break the rules of :class:`~fvg_platform.features.series.BarSeries`, or a name is unknown.
    FloatingPointError
        When a value after the warm-up is not finite: prices or volumes too large or small for the arithmetic.
    """
    chosen = (*select(names), *custom)
    series = BarSeries(bars)
    n = len(series)
    # One table, filled row by row; its transpose is the frame's block, so that nothing is copied.
    table = np.empty((len(chosen), n))
    for row, feature in enumerate(chosen):
        table[row] = values_of(feature, series)
        _require_finite(feature, table[row], series)
    features = pd.DataFrame(table.T, columns=[feature.name for feature in chosen], copy=False)
    features.insert(0, "ts", series.ts)
    return features


def values_of(feature: Feature, series: BarSeries) -> Values:
    """The values of one feature: NaN where the bars lack the column it needs.

    Raises
    ------
    ValueError
        When its function does not return one number per bar.
    """
    n = len(series)
    if n == 0 or (feature.needs is not None and series.optional(feature.needs) is None):
        return np.full(n, np.nan)
    values = np.asarray(feature.compute(series), dtype=np.float64)
    if values.shape != (n,):
        raise ValueError(f"feature {feature.name} returned values of shape {values.shape} for {n} bars")
    return values


def unexpected_gap(feature: Feature, values: Values, series: BarSeries) -> int | None:
    """The first bar after the warm-up whose value is not finite though all that it depends on is there."""
    if np.isfinite(values[feature.warmup :]).all():
        return None
    broken = ~np.isfinite(values)
    broken[: feature.warmup] = False
    if feature.needs is not None:
        needed = series.optional(feature.needs)
        lacking = np.ones(len(series)) if needed is None else np.isnan(needed).astype(np.float64)
        seen = np.cumsum(lacking)
        seen[feature.memory + 1 :] -= seen[: -feature.memory - 1].copy()
        broken &= seen == 0.0
    return int(np.argmax(broken)) if broken.any() else None


def select(names: Collection[str] | None) -> tuple[Feature, ...]:
    """The entries of these names, in the catalogue's order; all of them for None. An unknown name is a ValueError."""
    if names is None:
        return FEATURES
    unknown = sorted(set(names) - {feature.name for feature in FEATURES})
    if unknown:
        raise ValueError(f"no such bar feature in the catalogue: {', '.join(unknown)}")
    return tuple(feature for feature in FEATURES if feature.name in names)


def _require_finite(feature: Feature, values: Values, series: BarSeries) -> None:
    row = unexpected_gap(feature, values, series)
    if row is not None:
        raise FloatingPointError(
            f"feature {feature.name} ({feature.formula}) is {values[row]} at row {row}, {series.ts[row]}: "
            f"close {series.close[row]}, volume {series.volume[row]}; look for prices or volumes "
            "out of all proportion"
        )
