"""The model's view of each setup: its own measures, its gap's context, the scale-free bar features of bar i.

One row per setup, with nothing in it that was not known at `known_at`, the close of bar i. The entries are in
the catalogue; the measures themselves in :mod:`fvg_platform.features.setup_measures` and
:mod:`fvg_platform.features.gap_context`.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.features.catalogue import FEATURES, MODEL_FEATURES, SETUP_FEATURES
from fvg_platform.features.gap_context import CONTEXT_NUMBERS, CONTEXT_TEXTS
from fvg_platform.features.setup_measures import SetupSeries

__all__ = ["MODEL_FEATURES", "compute_setup_features"]

_KEYS = ["i", "side", "ts", "known_at"]
_SETUP_COLUMNS = (*_KEYS, "entry", "risk")
# Never touched, half_filled, filled, inverted or depth: those look forward.
_GAP_MEASURES = ["size_atr", "size_pct", "body_ratio", "volume_ratio", "spans_break"]
_GAP_COLUMNS = ("i", "side", *_GAP_MEASURES)
_CONTEXT_MEASURES = [*CONTEXT_NUMBERS, *CONTEXT_TEXTS]
_CONTEXT_COLUMNS = ("i", "side", *_CONTEXT_MEASURES)


def compute_setup_features(
    setups: pd.DataFrame,
    gaps: pd.DataFrame,
    bar_features: pd.DataFrame,
    bars: pd.DataFrame,
    context: pd.DataFrame,
) -> pd.DataFrame:
    """Describe each setup by what was known when bar i closed.

    Parameters
    ----------
    setups : DataFrame of m setups
        `i, side (+1/-1), ts, known_at, entry, risk`; `i` is a position in `bars`.
    gaps : DataFrame
        All gaps of the series, `i, side` and the measures of specification section 1: `size_atr, size_pct,
        body_ratio, volume_ratio, spans_break`. Each setup's own gap is among them.
    bar_features : DataFrame of n rows
        As :func:`~fvg_platform.features.catalogue.compute_features` returns it for `bars`.
    bars : DataFrame of n bars
        `ts, close` of the series itself.
    context : DataFrame
        `i, side`, the gaps' context as :func:`fvg_platform.fvg.context.describe_context` returns it, and
        `rule_score` as :func:`fvg_platform.fvg.rules.judge` does. Each setup's own gap is among them.

    Returns
    -------
    DataFrame of m rows, in the order of `setups`
        `i, side, ts, known_at` and one float64 column per name in :data:`MODEL_FEATURES`. NaN only where a
        feature's warm-up reaches past bar i, and in `gap_spans_break` where no calendar was given.

    Raises
    ------
    ValueError
        When a column is missing, the frames belong to different bars, or a setup has not exactly one gap and one
        context.
    """
    _require_columns(setups, "setups", _SETUP_COLUMNS)
    _require_columns(gaps, "gaps", _GAP_COLUMNS)
    _require_columns(bars, "bars", ("ts", "close"))
    _require_columns(context, "context", _CONTEXT_COLUMNS)
    _require_columns(bar_features, "bar_features", ("ts", *(feature.name for feature in FEATURES)))
    positions = _positions_in(bars, bar_features, setups)
    known = SetupSeries(
        setups=setups,
        gaps=gaps,
        own_gap=_own_rows(setups, gaps, "gaps", _GAP_MEASURES),
        bar=bar_features.iloc[positions],
        close=bars["close"].to_numpy(np.float64)[positions],
        own_context=_own_rows(setups, context, "context", _CONTEXT_MEASURES),
    )
    columns = {feature.name: known.at_bar(feature.name) for feature in FEATURES if feature.scale_free}
    columns |= {feature.name: feature.compute(known) for feature in SETUP_FEATURES}
    keys = setups[_KEYS].reset_index(drop=True)
    return pd.concat([keys, pd.DataFrame(columns, columns=list(MODEL_FEATURES), dtype=np.float64)], axis=1)


def _positions_in(bars: pd.DataFrame, bar_features: pd.DataFrame, setups: pd.DataFrame) -> NDArray[np.int64]:
    if len(bars) != len(bar_features) or (bars["ts"].array != bar_features["ts"].array).any():
        raise ValueError(
            f"bar_features ({len(bar_features)} rows) were not computed from these bars ({len(bars)} rows): "
            "their times differ; compute them again from the same frame"
        )
    positions = setups["i"].to_numpy(np.int64)
    outside = (positions < 0) | (positions >= len(bars))
    if outside.any():
        raise ValueError(
            f"setup at i = {positions[outside][0]}, but there are {len(bars)} bars: these are not its bars"
        )
    shifted = bars["ts"].array[positions] != setups["ts"].array
    if shifted.any():
        row = int(np.argmax(shifted))
        raise ValueError(
            f"setup row {row} says bar {positions[row]} opens at {setups['ts'].iloc[row]}, the bars say "
            f"{bars['ts'].iloc[positions[row]]}: give the bars that the setups were found in"
        )
    return positions


def _own_rows(setups: pd.DataFrame, rows: pd.DataFrame, name: str, measures: list[str]) -> pd.DataFrame:
    """The row of each setup's own gap, in the order of the setups."""
    by_key = rows.set_index(["i", "side"])[measures]
    if not by_key.index.is_unique:
        i, side = by_key.index[by_key.index.duplicated()][0]
        raise ValueError(
            f"{name} hold more than one of side {side:+d} at i = {i}: pass the gaps of one preset"
        )
    wanted = pd.MultiIndex.from_frame(setups[["i", "side"]])
    found = by_key.index.get_indexer(wanted)
    if (found < 0).any():
        i, side = wanted[int(np.argmax(found < 0))]
        raise ValueError(
            f"the setup of side {side:+d} at i = {i} has no row in {name}: pass that of the gaps it was planned from"
        )
    return by_key.iloc[found]


def _require_columns(frame: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lack the column(s) {', '.join(missing)}")
