"""Fair Value Gaps of a series: detection, description, presets, lifecycle (specification, sections 1 and 2).

A gap at bar i is known at the close of bar i, and what describes it uses no bar after i. The lifecycle
columns look forward by nature: they are never features of the gap's own prediction. Nothing is filtered
silently: presets are flags, and the one asked for chooses the rows.
"""

import math
from typing import Literal, NamedTuple, Protocol

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fvg_platform.fvg.bar_input import BarArrays, Floats, Ints, read_bars
from fvg_platform.fvg.lifecycle import Sides, lifecycle_columns
from fvg_platform.fvg.modes import PRESETS, ConfigurationError
from fvg_platform.market.timeframes import nominal_duration

Flags = NDArray[np.bool_]
Threshold = float | Literal["auto"]

ATR_PERIOD = 14
VOLUME_WINDOW = 20

_DESCRIPTION = ("bottom", "top", "mid", "size", "atr", "size_atr", "size_pct", "body_ratio", "volume_ratio")


class BarCalendar(Protocol):
    """What detection asks of an exchange calendar; `fvg_platform.market.calendars` has real ones."""

    def bar_closes(self, opens: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        """When the bars that open at `opens` (UTC) close, in the same order."""

    def breaks(self, ts: pd.DatetimeIndex, timeframe: str) -> NDArray[np.bool_]:
        """For each bar j: is it not the next expected one after j-1 or, intraday, the first of a session?"""


class Running(NamedTuple):
    """The figures that run over all bars of a series, as of the last one: what a continuation starts from."""

    bars: int = 0
    true_range_sum: float = 0.0  # of the bars 1..14
    atr: tuple[float, float, float] = (math.nan, math.nan, math.nan)  # of the last three bars
    range_sum: float = 0.0  # of (H-L)/L
    range_bars: int = 0


def detect_gaps(
    bars: pd.DataFrame,
    timeframe: str,
    *,
    preset: str = "plain",
    threshold: Threshold = "auto",
    calendar: BarCalendar | None = None,
) -> pd.DataFrame:
    """Find every gap of a series and what became of it.

    Parameters
    ----------
    bars
        One series in time order: `ts` (open time, with a zone), `open, high, low, close, volume`.
    timeframe
        One of :data:`fvg_platform.market.timeframes.TIMEFRAMES`.
    preset
        `plain`: a bullish gap at i when the low of i lies above the high of i-2, and its mirror image. `smc`
        and `luxalgo` keep the rows with that flag.
    threshold
        The smallest size over bottom for the flag `luxalgo`, a fraction ≥ 0 that must be exceeded, or `auto`:
        the running mean of (high - low)/low over bars 0..i.
    calendar
        Tells when bars close and where the series breaks. Without one `known_at` is `ts` plus the timeframe's
        nominal duration and `spans_break` is NULL.

    Returns
    -------
    DataFrame
        One row for each gap in order of `i`, with columns `i` (position of the third bar), `side` (+1
        bullish, -1 bearish), `ts` (of bar i), `bottom, top, mid, size` (price), `atr` (price; ATR(14) before
        the pattern), `size_atr, size_pct, body_ratio, volume_ratio` (plain ratios; NULL where undefined),
        `spans_break`, `smc` (the middle bar closed in the gap's direction), `luxalgo` (it closed beyond the
        first bar, and the gap exceeds the threshold), `known_at`, then `touched, half_filled, filled,
        inverted` (bar positions, NULL if not yet) and `depth` (0..1).

    Raises
    ------
    ConfigurationError
        For an unknown preset or a threshold that is none.
    UnknownTimeframeError, BarError
        For an unknown timeframe, or bars that break a rule of :func:`read_bars`.
    """
    if preset not in PRESETS:
        raise ConfigurationError(f"preset is {preset!r}: use one of {', '.join(PRESETS)}")
    least = require_threshold(threshold)
    b = read_bars(bars, timeframe)
    columns, _ = gap_columns(b, timeframe, 0, Running(), preset, least, calendar)
    return pd.DataFrame(columns, copy=False)


def require_threshold(threshold: Threshold) -> float | None:
    """A given threshold as a fraction, None for `auto`; ConfigurationError for anything else."""
    if isinstance(threshold, str) and threshold == "auto":
        return None
    number = isinstance(threshold, int | float | np.number) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold < math.inf:
        raise ConfigurationError(f"threshold is {threshold!r}: use a fraction of at least 0, or 'auto'")
    return float(threshold)


def gap_columns(
    b: BarArrays,
    timeframe: str,
    new: int,
    past: Running,
    preset: str,
    threshold: float | None,
    calendar: BarCalendar | None,
) -> tuple[dict[str, object], Running]:
    """The columns of the gaps found at bars `new`.. of the arrays, and the running figures after the last bar.

    `past` holds the running figures as of bar `new - 1`. Positions are those in the arrays.
    """
    i, side = _find(b.high, b.low, new)
    atr, true_range_sum = _continued_atr(b, new, past)
    smc, luxalgo = np.empty(len(i), np.bool_), np.empty(len(i), np.bool_)
    range_sum, range_bars = _flag(
        b.open, b.high, b.low, b.close, i, side, -1.0 if threshold is None else threshold,
        new, past.range_sum, past.range_bars, smc, luxalgo,
    )  # fmt: skip
    a, c, d = np.r_[past.atr, atr[new:][-3:]][-3:].tolist()
    running = Running(past.bars + len(b) - new, true_range_sum, (a, c, d), range_sum, range_bars)
    if preset != "plain":
        chosen = np.flatnonzero(smc if preset == "smc" else luxalgo)
        i, side, smc, luxalgo = i[chosen], side[chosen], smc[chosen], luxalgo[chosen]
    described = np.empty((len(_DESCRIPTION), len(i)))
    _describe(b.open, b.high, b.low, b.close, b.volume, atr, i, side, described)
    zone = dict(zip(_DESCRIPTION, described, strict=True))
    ts = b.ts.take(i)
    columns = (
        {"i": i, "side": side, "ts": ts}
        | zone
        | {"spans_break": _spans_break(b, i, timeframe, calendar), "smc": smc, "luxalgo": luxalgo}
        | {"known_at": closes_of(ts, timeframe, calendar)}
        | lifecycle_columns(b, i, side, zone["bottom"], zone["mid"], zone["top"])
    )
    return columns, running


def wilder_atr(high: Floats, low: Floats, close: Floats) -> Floats:
    """ATR(14) as TA-Lib computes it: the mean of true ranges 1..14 at bar 14, then smoothed; NaN before."""
    atr = np.empty(len(high))
    _wilder_atr(high, low, close, 0, 0, 0.0, np.nan, atr)
    return atr


def closes_of(ts: pd.DatetimeIndex, timeframe: str, calendar: BarCalendar | None) -> pd.DatetimeIndex:
    """When the bars that open at `ts` close (UTC, µs): what is found at a bar is known at its close."""
    if calendar is None:
        return (ts + nominal_duration(timeframe)).as_unit("us")
    closes = calendar.bar_closes(ts, timeframe)
    if len(closes) != len(ts):
        raise ValueError(f"the calendar gave {len(closes)} closes for {len(ts)} {timeframe} bars")
    return closes.tz_convert("UTC").as_unit("us")


def _spans_break(
    b: BarArrays, i: Ints, timeframe: str, calendar: BarCalendar | None
) -> pd.arrays.BooleanArray:
    if calendar is None:
        return pd.arrays.BooleanArray(np.zeros(len(i), bool), np.ones(len(i), bool))
    breaks = np.asarray(calendar.breaks(b.ts, timeframe), bool)
    if len(breaks) != len(b):
        raise ValueError(f"the calendar gave {len(breaks)} breaks for {len(b)} {timeframe} bars")
    return pd.arrays.BooleanArray(breaks[i - 1] | breaks[i], np.zeros(len(i), bool))


def _continued_atr(b: BarArrays, new: int, past: Running) -> tuple[Floats, float]:
    """ATR of each bar, those before `new` as far back as it is remembered; and the sum that starts it."""
    atr = np.empty(len(b))
    atr[:new] = np.nan
    kept = min(new, len(past.atr))
    atr[new - kept : new] = past.atr[len(past.atr) - kept :]
    total = _wilder_atr(b.high, b.low, b.close, new, past.bars - new, past.true_range_sum, past.atr[-1], atr)
    return atr, total


@nb.njit(cache=True)
def _find(high: Floats, low: Floats, new: int) -> tuple[Ints, Sides]:
    """Third bars (from `new` on) and sides of all gaps; one bar cannot end a gap of both sides, since L ≤ H."""
    n = len(high)
    i, side = np.empty(n, np.int64), np.empty(n, np.int8)
    g = 0
    for j in range(max(new, 2), n):
        # Written first and kept if it is a gap: a branch here would often be mispredicted.
        bullish, bearish = low[j] > high[j - 2], high[j] < low[j - 2]
        i[g], side[g] = j, 1 if bullish else -1
        g += bullish | bearish
    return i[:g].copy(), side[:g].copy()


@nb.njit(cache=True)
def _wilder_atr(
    high: Floats,
    low: Floats,
    close: Floats,
    new: int,
    before: int,
    total: float,
    smoothed: float,
    atr: Floats,
) -> float:
    """Write `atr` from bar `new` on; `before` bars of the series precede the arrays. Returns the warm-up's sum."""
    for j in range(new, len(high)):
        place = j + before
        if place == 0:
            atr[j] = np.nan
            continue
        true_range = max(high[j] - low[j], abs(high[j] - close[j - 1]), abs(low[j] - close[j - 1]))
        if place <= ATR_PERIOD:
            total += true_range
            smoothed = total / ATR_PERIOD
        else:
            smoothed = (smoothed * (ATR_PERIOD - 1) + true_range) / ATR_PERIOD
        atr[j] = smoothed if place >= ATR_PERIOD else np.nan
    return total


@nb.njit(cache=True)
def _flag(
    o: Floats,
    h: Floats,
    low: Floats,
    c: Floats,
    i: Ints,
    side: Sides,
    threshold: float,
    new: int,
    range_sum: float,
    range_bars: int,
    smc: Flags,
    luxalgo: Flags,
) -> tuple[float, int]:
    """Write both flags of each gap; a negative threshold stands for the running mean, which is returned.

    A bar whose low is not positive has no (H-L)/L and stays out of the mean.
    """
    j = new
    for g in range(len(i) + 1):
        through = i[g] if g < len(i) else len(h) - 1
        while j <= through:
            if low[j] > 0:
                range_sum += (h[j] - low[j]) / low[j]
                range_bars += 1
            j += 1
        if g == len(i):
            break
        k = i[g]
        middle = c[k - 1]
        bullish = side[g] > 0
        bottom, top = (h[k - 2], low[k]) if bullish else (h[k], low[k - 2])
        smc[g] = middle > o[k - 1] if bullish else middle < o[k - 1]
        beyond = middle > h[k - 2] if bullish else middle < low[k - 2]
        # Above a positive bottom lies the low of bar i or i-2: the mean has a bar wherever it counts.
        least = threshold if threshold >= 0 else range_sum / max(range_bars, 1)
        luxalgo[g] = beyond and bottom > 0 and (top - bottom) / bottom > least
    return range_sum, range_bars


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
