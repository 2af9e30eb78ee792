"""What was known about a setup when its order could first be placed: the gap, the risk, the trend around it.

Everything here is as of the close of bar i. Direction-dependent numbers are signed by the side: a long
in a rising market and a short in a falling one look alike. What happened to the gap afterwards (touched,
filled, inverted, depth) lies after `known_at` and is never read.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.features.feature import Feature, Values, group_of
from fvg_platform.features.series import ATR_MEMORY
from fvg_platform.features.trend import MACD_ATR_MEMORY

_f = group_of("setup", kind="setup")

# The volume ratio of the specification needs bars i-21..i-2.
_VOLUME_RATIO_WARMUP = 21
LONGEST_WAIT = 200


@dataclass(frozen=True)
class SetupSeries:
    """The setups of one series beside what was known at each: one value per setup, in the same order.

    Attributes
    ----------
    setups : columns `i, side, entry, risk`
    gaps : all gaps of the series, columns `i, side`
    own_gap : the gap each setup stands on, one row per setup: `size_atr, size_pct, body_ratio, volume_ratio,
        spans_break`
    bar : bar features at each setup's bar i, one row per setup
    close : close of each setup's bar i
    own_context : the context of that gap and its rule_score, one row per setup
    """

    setups: pd.DataFrame
    gaps: pd.DataFrame
    own_gap: pd.DataFrame
    bar: pd.DataFrame
    close: Values
    own_context: pd.DataFrame

    @cached_property
    def side(self) -> Values:
        """+1 for a long, -1 for a short."""
        return self.setups["side"].to_numpy(np.float64)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Position i of each setup's bar."""
        return self.setups["i"].to_numpy(np.int64)

    def plan(self, column: str) -> Values:
        """A price of the setup itself."""
        return self.setups[column].to_numpy(np.float64)

    def gap(self, column: str) -> Values:
        """A measure of the setup's own gap; NULL is NaN."""
        return self.own_gap[column].to_numpy(np.float64, na_value=np.nan)

    def context(self, column: str) -> Values:
        """A number or flag of the context of the setup's gap; NULL is NaN."""
        return self.own_context[column].to_numpy(np.float64, na_value=np.nan)

    def context_is(self, column: str, *names: str) -> Values:
        """1 where a text of the gap's context is one of the names, else 0."""
        return self.own_context[column].isin(list(names)).to_numpy(np.bool_).astype(np.float64)

    def at_bar(self, feature: str) -> Values:
        """A bar feature at bar i."""
        return self.bar[feature].to_numpy(np.float64)

    @cached_property
    def _gap_positions(self) -> dict[float, NDArray[np.int64]]:
        positions, side = self.gaps["i"].to_numpy(np.int64), self.gaps["side"].to_numpy(np.float64)
        return {direction: np.sort(positions[side == direction]) for direction in (1.0, -1.0)}

    def gaps_before(self, bars: int, sign: float) -> Values:
        """How many gaps appeared in the `bars` bars before i, on the setup's side (+1) or against it (-1)."""
        out = np.zeros(len(self.setups))
        for direction, found in self._gap_positions.items():
            rows = self.side * sign == direction
            i = self.positions[rows]
            out[rows] = np.searchsorted(found, i) - np.searchsorted(found, i - bars)
        return out

    def bars_since_gap(self) -> Values:
        """Bars since the gap before on the same side, at most (and without one) LONGEST_WAIT."""
        out = np.full(len(self.setups), float(LONGEST_WAIT))
        for direction, found in self._gap_positions.items():
            rows = np.flatnonzero(self.side == direction)
            before = np.searchsorted(found, self.positions[rows]) - 1
            rows, before = rows[before >= 0], before[before >= 0]
            out[rows] = np.minimum(self.positions[rows] - found[before], LONGEST_WAIT)
        return out


def volume_of_gap(setup: SetupSeries) -> Values:
    """Volume of the gap's middle bar beside the 20 before; neutral 1 where those traded nothing."""
    measured = setup.gap("volume_ratio")
    untraded = ~np.isfinite(measured) & (setup.positions >= _VOLUME_RATIO_WARMUP)
    return np.where(untraded, 1.0, measured)


def entry_distance(setup: SetupSeries) -> Values:
    """How far the price must come back to be filled, in units of risk."""
    return setup.side * (setup.close - setup.plan("entry")) / setup.plan("risk")


def aligned(setup: SetupSeries, values: Values) -> Values:
    """Positive where a measure of direction points the setup's way."""
    return setup.side * values


def _di_spread(setup: SetupSeries) -> Values:
    return (setup.at_bar("plus_di_14") - setup.at_bar("minus_di_14")) / 100.0


FEATURES: tuple[Feature, ...] = (
    _f("gap_size_atr", "gap's size / its ATR at i-3", "ATR", 17, lambda s: s.gap("size_atr")),
    _f("gap_size_pct", "gap's size / mid", "ratio", 2, lambda s: s.gap("size_pct")),
    _f(
        "gap_body_ratio",
        "|C - O| / (H - L) of the gap's middle bar",
        "0..1",
        2,
        lambda s: s.gap("body_ratio"),
    ),
    _f(
        "gap_volume_ratio",
        "V[i-1] / mean(V[i-21..i-2]); 1 without volume",
        "ratio",
        _VOLUME_RATIO_WARMUP,
        volume_of_gap,
    ),
    _f(
        "gap_spans_break",
        "1 if a bar is missing or a session breaks inside the gap; NaN without a calendar",
        "0/1",
        2,
        lambda s: s.gap("spans_break"),
    ),
    _f("direction", "+1 long, -1 short", "-1/+1", 0, lambda s: s.side.copy()),
    _f("risk_pct", "risk / entry", "ratio", 0, lambda s: s.plan("risk") / s.plan("entry")),
    # Over the gap's own ATR the risk would be size_atr plus a constant; bar i's ATR has seen the pattern.
    _f(
        "risk_atr",
        "risk / atr_14 at bar i",
        "ATR",
        14,
        lambda s: s.plan("risk") / s.at_bar("atr_14"),
        memory=ATR_MEMORY,
    ),
    _f("entry_distance_r", "direction (C - entry) / risk", "R", 0, entry_distance),
    _f(
        "trend_alignment_50",
        "direction × dist_sma_50_atr",
        "ATR",
        49,
        lambda s: aligned(s, s.at_bar("dist_sma_50_atr")),
        memory=ATR_MEMORY,
    ),
    _f(
        "trend_alignment_200",
        "direction × dist_sma_200_atr",
        "ATR",
        199,
        lambda s: aligned(s, s.at_bar("dist_sma_200_atr")),
        memory=ATR_MEMORY,
    ),
    _f(
        "momentum_alignment",
        "direction (rsi_14 - 50) / 50",
        "-1..1",
        14,
        lambda s: aligned(s, s.at_bar("rsi_14") / 50.0 - 1.0),
        memory=ATR_MEMORY,
    ),
    _f(
        "macd_alignment",
        "direction × macd_hist_atr",
        "ATR",
        33,
        lambda s: aligned(s, s.at_bar("macd_hist_atr")),
        memory=MACD_ATR_MEMORY,
    ),
    _f(
        "di_alignment",
        "direction (plus_di_14 - minus_di_14) / 100",
        "-1..1",
        14,
        lambda s: aligned(s, _di_spread(s)),
        memory=ATR_MEMORY,
    ),
    _f(
        "range_alignment_20",
        "direction (2 range_position_20 - 1)",
        "-1..1",
        19,
        lambda s: aligned(s, 2.0 * s.at_bar("range_position_20") - 1.0),
    ),
    _f(
        "same_side_gaps_20",
        "gaps of the same side at bars i-20..i-1",
        "count",
        0,
        lambda s: s.gaps_before(20, 1.0),
        memory=20,
    ),
    _f(
        "opposite_side_gaps_20",
        "gaps of the other side at bars i-20..i-1",
        "count",
        0,
        lambda s: s.gaps_before(20, -1.0),
        memory=20,
    ),
    _f(
        "same_side_gaps_50",
        "gaps of the same side at bars i-50..i-1",
        "count",
        0,
        lambda s: s.gaps_before(50, 1.0),
        memory=50,
    ),
    _f(
        "opposite_side_gaps_50",
        "gaps of the other side at bars i-50..i-1",
        "count",
        0,
        lambda s: s.gaps_before(50, -1.0),
        memory=50,
    ),
    _f(
        "bars_since_same_side_gap",
        "bars since the last gap of the same side before i; at most, and without one, 200",
        "bars",
        0,
        lambda s: s.bars_since_gap(),
        memory=LONGEST_WAIT,
    ),
)
