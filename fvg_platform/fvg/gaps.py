"""Fair Value Gaps of a series: detection, description, lifecycle (specification, sections 1 and 2).

A gap at bar i is known at the close of bar i, and what describes it uses no bar after i. The lifecycle
columns look forward by nature: they are never features of the gap's own prediction. Nothing is filtered here.
"""

from typing import Protocol

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, read_bars
from fvg_platform.fvg.lifecycle import NEVER, follow
from fvg_platform.market.timeframes import nominal_duration

Sides = NDArray[np.int8]

PRESETS: tuple[str, ...] = ("plain",)
ATR_PERIOD = 14
VOLUME_WINDOW = 20

_DESCRIPTION = ("bottom", "top", "mid", "size", "atr", "size_atr", "size_pct", "body_ratio", "volume_ratio")
_LIFECYCLE = ("touched", "half_filled", "filled", "inverted")


class BarCalendar(Protocol):
    """What detection asks of an exchange calendar; `fvg_platform.market.calendars` has real ones."""

    def bar_closes(self, opens: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        """When the bars that open at `opens` (UTC) close, in the same order."""

    def breaks(self, ts: pd.DatetimeIndex, timeframe: str) -> NDArray[np.bool_]:
        """For each bar j: is it not the next expected one after j-1 or, intraday, the first of a session?"""


def detect_gaps(
    bars: pd.DataFrame, timeframe: str, *, preset: str = "plain", calendar: BarCalendar | None = None
) -> pd.DataFrame:
    """Find every gap of a series and what became of it.

    Parameters
    ----------
    bars
        One series in time order: `ts` (open time, with a zone), `open, high, low, close, volume`.
    timeframe
        One of :data:`fvg_platform.market.timeframes.TIMEFRAMES`.
    preset
        `plain`: a bullish gap at i when the low of i lies above the high of i-2, and its mirror image.
    calendar
        Tells when bars close and where the series breaks. Without one `known_at` is `ts` plus the timeframe's
        nominal duration and `spans_break` is NULL.

    Returns
    -------
    DataFrame
        One row for each gap in order of `i`, with columns `i` (position of the third bar), `side` (+1
        bullish, -1 bearish), `ts` (of bar i), `bottom, top, mid, size` (price), `atr` (price; ATR(14) before
        the pattern), `size_atr, size_pct, body_ratio, volume_ratio` (plain ratios; NULL where undefined),
        `spans_break`, `known_at`, then `touched, half_filled, filled, inverted` (bar positions, NULL if not
        yet) and `depth` (0..1).

    Raises
    ------
    ValueError
        For an unknown timeframe or preset, or bars that break a rule of :func:`read_bars`.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}: known are {', '.join(PRESETS)}")
    b = read_bars(bars, timeframe)
    i, side = _find(b.high, b.low)
    zone = _description(b, i, side)
    ts = b.ts.take(i)
    columns = (
        {"i": i, "side": side, "ts": ts}
        | zone
        | _times(b, i, ts, timeframe, calendar)
        | _lifecycle(b, i, side, zone)
    )
    return pd.DataFrame(columns, copy=False)


def wilder_atr(high: Floats, low: Floats, close: Floats) -> Floats:
    """ATR(14) as TA-Lib computes it: the mean of true ranges 1..14 at bar 14, then smoothed; NaN before."""
    atr = np.empty(len(high))
    _wilder_atr(high, low, close, ATR_PERIOD, atr)
    return atr


def _description(b: BarArrays, i: Ints, side: Sides) -> dict[str, Floats]:
    described = np.empty((len(_DESCRIPTION), len(i)))
    atr = wilder_atr(b.high, b.low, b.close)
    _describe(b.open, b.high, b.low, b.close, b.volume, atr, i, side, described)
    return dict(zip(_DESCRIPTION, described, strict=True))


def _times(
    b: BarArrays, i: Ints, ts: pd.DatetimeIndex, timeframe: str, calendar: BarCalendar | None
) -> dict[str, object]:
    if calendar is None:
        unknown = np.ones(len(i), bool)
        return {
            "spans_break": pd.arrays.BooleanArray(np.zeros(len(i), bool), unknown),
            "known_at": (ts + nominal_duration(timeframe)).as_unit("us"),
        }
    breaks = np.asarray(calendar.breaks(b.ts, timeframe), bool)
    closes = calendar.bar_closes(ts, timeframe)
    if len(breaks) != len(b) or len(closes) != len(i):
        raise ValueError(
            f"the calendar gave {len(breaks)} breaks for {len(b)} {timeframe} bars "
            f"and {len(closes)} closes for {len(i)}: it must give one for each"
        )
    return {
        "spans_break": pd.array(breaks[i - 1] | breaks[i], dtype="boolean"),
        "known_at": closes.tz_convert("UTC").as_unit("us"),
    }


def _lifecycle(b: BarArrays, i: Ints, side: Sides, zone: dict[str, Floats]) -> dict[str, object]:
    """Follow bullish gaps by the lows and bearish ones by the highs."""
    # Allocated here and not in the kernels: numpy asks for huge pages, a tenth of the page faults at 10M bars.
    first, depth = np.empty((len(_LIFECYCLE), len(i)), np.int64), np.empty(len(i))
    bottom, mid, top = zone["bottom"], zone["mid"], zone["top"]
    follow(1, b.low, b.close, i, side, bottom, mid, top, first, depth)
    follow(-1, b.high, b.close, i, side, top, mid, bottom, first, depth)
    nullable = {
        name: pd.arrays.IntegerArray(at, at == NEVER) for name, at in zip(_LIFECYCLE, first, strict=True)
    }
    return nullable | {"depth": depth}


@nb.njit(cache=True)
def _find(high: Floats, low: Floats) -> tuple[Ints, Sides]:
    """Third bars and sides of all gaps; one bar cannot end a gap of both sides, since L ≤ H."""
    n = len(high)
    i, side = np.empty(n, np.int64), np.empty(n, np.int8)
    g = 0
    for j in range(2, n):
        # Written first and kept if it is a gap: a branch here would often be mispredicted.
        bullish, bearish = low[j] > high[j - 2], high[j] < low[j - 2]
        i[g], side[g] = j, 1 if bullish else -1
        g += bullish | bearish
    return i[:g].copy(), side[:g].copy()


@nb.njit(cache=True)
def _wilder_atr(high: Floats, low: Floats, close: Floats, period: int, atr: Floats) -> None:
    atr[:period] = np.nan
    total, smoothed = 0.0, 0.0
    for j in range(1, len(high)):
        before = close[j - 1]
        true_range = max(high[j] - low[j], abs(high[j] - before), abs(low[j] - before))
        if j <= period:
            total += true_range
            smoothed = total / period
        else:
            smoothed = (smoothed * (period - 1) + true_range) / period
        if j >= period:
            atr[j] = smoothed


@nb.njit(cache=True)
def _describe(
    o: Floats,
    h: Floats,
    low: Floats,
    c: Floats,
    v: Floats,
    atr: Floats,
    i: Ints,
    side: Sides,
    described: Floats,
) -> None:
    """Write the columns :data:`_DESCRIPTION` as rows: the zone, then its measurements as of bar i."""
    for g in range(len(i)):
        j, middle = i[g], i[g] - 1
        bottom, top = (h[j - 2], low[j]) if side[g] > 0 else (h[j], low[j - 2])
        mid, size = (bottom + top) / 2, top - bottom
        before = atr[j - 3] if j >= 3 else np.nan
        spread = h[middle] - low[middle]
        described[0, g], described[1, g], described[2, g], described[3, g] = bottom, top, mid, size
        described[4, g] = before
        described[5, g] = _ratio(size, before)
        described[6, g] = _ratio(size, mid)
        described[7, g] = abs(c[middle] - o[middle]) / spread if spread > 0 else 0.0
        described[8, g] = _ratio(v[middle], _mean_before(v, middle, VOLUME_WINDOW))


@nb.njit(cache=True)
def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 else np.nan


@nb.njit(cache=True)
def _mean_before(volume: Floats, j: int, window: int) -> float:
    """Mean of the `window` bars before j, summed afresh each time so that a missing volume stays local."""
    if j < window:
        return np.nan
    total = 0.0
    for k in range(j - window, j):
        total += volume[k]
    return total / window
