"""What a picture of gaps shows: candles, zones, trades and words, before anything is drawn.

The model is pure: :mod:`fvg_platform.reports.chart_png` and :mod:`fvg_platform.reports.chart_html` draw it. A picture
is about what became of gaps, so it looks forward; where it is cut, it shows what was open at the cut.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fvg_platform.market.timeframes import INTRADAY
from fvg_platform.reports.chart_axis import Candles, Moment, Tick, shown_bars, time_ticks
from fvg_platform.reports.chart_file import PICTURES, ChartError, require_suffix
from fvg_platform.reports.chart_trades import Plans, Trade, plans_of
from fvg_platform.reports.chart_zones import Zone, ZoneKind, derived_zones, gap_zones

__all__ = ["Chart", "compose_chart", "save_chart"]

MOST_BARS = 300
_HEADROOM = 0.12
"""So far beyond the bars, as a share of their range, stops and targets may stretch the price axis."""
_KINDS: dict[ZoneKind, str] = {
    "balanced": "balanced ranges",
    "inversion": "inverse zones",
    "joined": "joined gaps",
}
_OUTCOMES = {
    "target": "reached",
    "stop": "stopped",
    "timeout": "timed out",
    "either": "left open by the bars",
    "held": "still held",
}


@dataclass(frozen=True, eq=False, repr=False)
class Chart:
    """A picture: positions on the horizontal axis count bars (bar j spans j ± 0.5), prices are the bars' own.

    `left, right` and `low, high` bound the picture; `title` and `counts` are lines of text; `decimals` are those of
    printed prices.
    """

    ticker: str
    timeframe: str
    candles: Candles
    zones: tuple[Zone, ...]
    trades: tuple[Trade, ...]
    ticks: tuple[Tick, ...]
    left: float
    right: float
    low: float
    high: float
    decimals: int
    title: str
    counts: tuple[str, ...]

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        from fvg_platform.reports.chart_png import png_of

        return png_of(self)


def compose_chart(
    bars: pd.DataFrame,
    gaps: pd.DataFrame | None,
    setups: pd.DataFrame | None,
    labels: pd.DataFrame | None,
    *,
    zones: pd.DataFrame | None = None,
    ticker: str,
    timeframe: str,
    since: Moment | None = None,
    until: Moment | None = None,
    most_bars: int = MOST_BARS,
) -> Chart:
    """Put a picture together from the rows of the tables.

    Parameters
    ----------
    bars
        One series in time order: `ts` (open time, with a zone), `open, high, low, close, volume`.
    gaps
        `ts, side, bottom, top, known_at, touched_ts, half_filled_ts, filled_ts, inverted_ts`, and `depth` if there.
        A gap is drawn from the close of its third bar to the close of the bar that filled or inverted it, or to
        the right edge; if it was born before the window, from the left edge.
    setups, labels
        As :mod:`fvg_platform.storage.schema` has them, with times instead of positions; joined by `ts`, `side` and,
        if the setups have it, `config_id`. Drawn are those entered within the window, from entry to exit, and
        those whose order still rests at its end.
    zones
        Joined, inverse and balanced zones: `kind, ts, side, bottom, top, known_at, filled_ts, inverted_ts`.
    ticker, timeframe
        Of the series.
    since, until
        The range, both ends included: days (exchange days) or times with a zone.
    most_bars
        Of the range the last so many bars are shown.

    Returns
    -------
    Chart
        Zones that lie outside its prices are left out, and counted.

    Raises
    ------
    ChartError
        No bars in the range (the message says which there are), times without a zone, a missing column, setups
        of several configurations, or bars that break a rule of :func:`fvg_platform.fvg.bar_input.read_bars`.
    """
    candles = shown_bars(bars, ticker, timeframe, since, until, most_bars)
    edge = len(candles) - 0.5 + max(2.0, 0.02 * len(candles))
    decimals = _decimals(candles)

    def price(value: float) -> str:
        return f"{value:,.{decimals}f}"

    try:
        found = gap_zones(gaps, candles, edge, price)
        derived = derived_zones(zones, candles, edge, price)
        keys = {(zone.ts, zone.side) for zone in found}
        plans = plans_of(setups, labels, keys, candles, edge, price)
    except ValueError as error:
        raise ChartError(f"{ticker} {error}") from error
    low, high = _price_range(candles, plans.trades)
    visible = [zone for zone in (*derived, *found) if zone.top >= low and zone.bottom <= high]
    return Chart(
        ticker=ticker,
        timeframe=timeframe,
        candles=candles,
        zones=tuple(_with_plan(zone, plans) for zone in visible),
        trades=plans.trades,
        ticks=time_ticks(candles),
        left=-1.0,
        right=edge,
        low=low,
        high=high,
        decimals=decimals,
        title=_title(ticker, candles),
        counts=_counts(visible, len(found) + len(derived) - len(visible), plans),
    )


def save_chart(chart: Chart, path: Path | str) -> Path:
    """Draw into a file, as its suffix says (`.png` or `.html`), whole or not at all; returns the path.

    Raises
    ------
    ChartError
        Another suffix, or a folder that is not there.
    """
    place = require_suffix(path, *PICTURES)
    if place.suffix.lower() == ".png":
        from fvg_platform.reports.chart_png import draw_png

        draw_png(chart, place)
    else:
        from fvg_platform.reports.chart_html import draw_html

        draw_html(chart, place)
    return place


def _with_plan(zone: Zone, plans: Plans) -> Zone:
    """A gap's text goes on with its setup's."""
    plan = plans.facts.get((zone.ts, zone.side), ()) if zone.kind == "gap" else ()
    return replace(zone, facts=(*zone.facts, *plan))


def _decimals(candles: Candles) -> int:
    """Hundredths, or four digits of a price range below 1."""
    spread = float(candles.high.max() - candles.low.min())
    return min(3 - math.floor(math.log10(spread)), 8) if 0 < spread < 1 else 2


def _price_range(candles: Candles, trades: tuple[Trade, ...]) -> tuple[float, float]:
    low, high = float(candles.low.min()), float(candles.high.max())
    spread = (high - low) or abs(high) * 0.01 or 1.0
    prices = [level.price for trade in trades for level in trade.levels]
    reach = _HEADROOM * spread
    below = max(low - reach, min([low, *prices]))
    above = min(high + reach, max([high, *prices]))
    return below - 0.03 * spread, above + 0.03 * spread


def _title(ticker: str, candles: Candles) -> str:
    first, last = candles.says(candles.first), candles.says(candles.last)
    zone = " New York" if candles.timeframe in INTRADAY else ""
    shown = f"{len(candles):,} bars"
    if len(candles) < candles.asked:
        shown = f"last {len(candles):,} of {candles.asked:,} bars"
    return f"{ticker}  {candles.timeframe}  ·  {first} to {last}{zone}  ·  {shown}"


def _counts(zones: list[Zone], beyond: int, plans: Plans) -> tuple[str, ...]:
    """Two lines: the zones in the picture, then the setups with the first target's outcomes."""
    gaps = [zone for zone in zones if zone.kind == "gap"]
    born = [zone for zone in gaps if not zone.clipped]
    bullish, still_open = sum(zone.side > 0 for zone in born), sum(zone.end == "open" for zone in born)
    line = (
        f"{len(born)} gaps born here ({bullish} bullish, {len(born) - bullish} bearish): "
        f"{len(born) - still_open} filled, {still_open} open  ·  {len(gaps) - len(born)} older"
    )
    kinds = Counter(zone.kind for zone in zones if zone.kind != "gap")
    line += "".join(f"  ·  {n} {_KINDS[kind]}" for kind, n in sorted(kinds.items()))
    if beyond:
        line += f"  ·  {beyond} more lie beyond these prices"
    statuses = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in plans.statuses.items())
    setups = f"{sum(plans.statuses.values())} setups" + (f": {statuses}" if statuses else "")
    if plans.first_target:
        outcomes = ", ".join(f"{n} {_OUTCOMES[outcome]}" for outcome, n in plans.first_target.items())
        setups += f"  ·  first target of the {sum(plans.first_target.values())} entered here: {outcomes}"
    return line, setups
