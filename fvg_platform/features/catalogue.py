"""The catalogue: every feature there is, the version of the set, and their computation over a series of bars.

A new bar feature is one function and one entry in its group's module; the tests then hold it to what the
entry claims (warm-up, scale, no look ahead). Importing this module loads no numerical engine, so that the
schema can read the names. Setups' features are computed in :mod:`fvg_platform.features.setup_features`.
"""

import hashlib
import json
from collections import Counter

import numpy as np
import pandas as pd

from fvg_platform.features import (
    calendar,
    gap_context,
    momentum,
    price_action,
    setup_measures,
    statistics,
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
)

SETUP_FEATURES: tuple[Feature, ...] = (*setup_measures.FEATURES, *gap_context.FEATURES)

# What a model pooled over tickers sees of a setup, in the order of its columns.
MODEL_FEATURES: tuple[str, ...] = tuple(
    feature.name for feature in (*FEATURES, *SETUP_FEATURES) if feature.scale_free
)

# Raise it when a function's numbers change while its entry stays the same.
_CODE_VERSION = 1


def _version_of(features: tuple[Feature, ...]) -> str:
    repeated = [name for name, count in Counter(feature.name for feature in features).items() if count > 1]
    if repeated:
        raise ValueError(f"feature names must be unique; used more than once: {', '.join(repeated)}")
    entries = [
        [each.name, each.group, each.formula, each.unit, each.warmup, each.scale_free, each.kind]
        for each in features
    ]
    text = json.dumps([_CODE_VERSION, entries], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


FEATURE_SET_VERSION: str = _version_of((*FEATURES, *SETUP_FEATURES))


def compute_features(bars: pd.DataFrame) -> pd.DataFrame:
    """Compute every bar feature of a series.

    Parameters
    ----------
    bars : DataFrame of n bars
        `ts, open, high, low, close, volume`; further columns are allowed and not read. Features with a memory
        (EMA, RSI, ATR, MACD, ADX, OBV) start at the first bar given, so pass the series from its beginning.

    Returns
    -------
    DataFrame of n rows
        `ts` as given and one float64 column per entry of :data:`FEATURES`, in that order: NaN before the
        entry's warm-up is over, finite afterwards. A row depends on no bar after its own.

    Raises
    ------
    ValueError
        When the bars break the rules of :class:`~fvg_platform.features.series.BarSeries`.
    FloatingPointError
        When a value after the warm-up is not finite: prices or volumes too large or small for the arithmetic.
    """
    series = BarSeries(bars)
    n = len(series)
    table = np.full((len(FEATURES), n), np.nan)
    if n:
        for row, feature in enumerate(FEATURES):
            table[row] = feature.compute(series)
            _require_finite(feature, table[row], series)
    features = pd.DataFrame(table.T, columns=[feature.name for feature in FEATURES], copy=False)
    features.insert(0, "ts", series.ts)
    return features


def _require_finite(feature: Feature, values: Values, series: BarSeries) -> None:
    broken = ~np.isfinite(values[feature.warmup :])
    if broken.any():
        row = feature.warmup + int(np.argmax(broken))
        raise FloatingPointError(
            f"feature {feature.name} ({feature.formula}) is {values[row]} at row {row}, {series.ts[row]}: "
            f"close {series.close[row]}, volume {series.volume[row]}; look for prices or volumes "
            "out of all proportion"
        )
