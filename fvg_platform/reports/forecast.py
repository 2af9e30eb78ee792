"""Forecast candles for people: plain values for `--json`, tables for the terminal, a fan as a picture.

They are made of the rows of `price_forecasts` and `prediction_steps` of one forecast.
"""

import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fvg_platform.market.timeframes import INTRADAY
from fvg_platform.reports.chart_file import ChartError, require_suffix, write_whole
from fvg_platform.reports.figure_style import BETTER, MUTED, blank, calm, legend
from fvg_platform.reports.model_values import DASH, count, day, estimate_text, minute, number, plain, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOW_TO_READ = (
    "Prices are medians of simulated bars without a trend; the bands hold the close with 50 and 90 % if the past is "
    "a guide. Held: how often the band of 90 % held the close that many bars ahead, at past origins. Pinball: loss of "
    "the whole fan, lower is better, in units of the typical move over as many bars. Difference: to the block "
    "bootstrap's, with its interval."
)
BARS_SHOWN = 60
"""So many of the bars before the forecast stand beside it in the picture."""

_FIGURES = ("origins", "pinball", "coverage_50", "coverage_90", "difference")
_BANDS = (("q05", "q95", "90 %", 0.12), ("q10", "q90", "80 %", 0.14), ("q25", "q75", "50 %", 0.22))


def forecast_values(
    forecasts: Iterable[Mapping[str, Any]], steps: Iterable[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """One forecast as plain JSON values; None without a row.

    Parameters
    ----------
    forecasts
        Rows of `price_forecasts` of one series and `made_from`, one for each model.
    steps
        Rows of `prediction_steps` of the same; those of the model that serves are kept.

    Returns
    -------
    `ticker, timeframe, made_from, made_at, last_close, served, reason`; `models`, each with `model, served, origins,
    pinball, coverage_50, coverage_90, difference`, the serving one first; `steps`.

    Raises
    ------
    ValueError
        Rows of several forecasts, or not one model that serves.
    """
    rows = [plain(dict(row)) for row in forecasts]
    if not rows:
        return None
    keys = sorted({(row["ticker"], row["timeframe"], row["made_from"]) for row in rows})
    serving = [row for row in rows if row["served"]]
    if len(keys) != 1 or len(serving) != 1:
        named = "; ".join(" ".join(key) for key in keys)
        raise ValueError(
            f"{len(serving)} models serve among rows of {named}: pass the rows of one forecast, one serves"
        )
    (served,) = serving
    kept = [plain(dict(row)) for row in steps if row["model"] == served["model"]]
    return {
        **{name: served.get(name) for name in ("ticker", "timeframe", "made_from", "made_at", "last_close")},
        "served": served["model"],
        "reason": served.get("reason"),
        "models": [
            {name: row.get(name) for name in ("model", "served", *_FIGURES)}
            for row in sorted(rows, key=lambda row: (not row["served"], row["model"]))
        ],
        "steps": sorted(kept, key=lambda row: row["step"]),
    }


def forecast_table(values: Mapping[str, Any] | None) -> RenderableType:
    """What `fvg forecast` prints: the models with their records, why one serves, and its steps."""
    if values is None:
        return Text("No forecast yet: the series has none, or too few bars for one.")
    return Group(
        _models(values),
        Text(values["reason"] or DASH),
        Text(),
        _steps(values),
        Text(HOW_TO_READ, style="dim"),
    )


def _models(values: Mapping[str, Any]) -> Table:
    title = f"{values['ticker']} {values['timeframe']}: forecast from {_time(values, values['made_from'])}"
    table = _table(title, ("model",), ("serves", *map(words, _FIGURES)))
    for row in values["models"]:
        shares = (number(row[name], 1, percent=True) for name in ("coverage_50", "coverage_90"))
        cells = (
            words(row["model"]),
            "yes" if row["served"] else "no",
            count(row["origins"]),
            number(row["pinball"], 4),
            *shares,
            estimate_text(row["difference"], 4, signed=True),
        )
        table.add_row(*map(Text, cells), style="bold" if row["served"] else "")
    return table


def _steps(values: Mapping[str, Any]) -> Table:
    title = f"The next {len(values['steps'])} bars; the last close is {_price(values, values['last_close'])}"
    table = _table(
        title, ("bar", "opens"), ("open", "high", "low", "close", "50 % band", "90 % band", "held")
    )
    for row in values["steps"]:
        prices = (_price(values, row[name]) for name in ("open", "high", "low", "close"))
        bands = (
            f"{_price(values, row[low])}–{_price(values, row[high])}"
            for low, high in (("q25", "q75"), ("q05", "q95"))
        )
        held = number(row["confidence"], 0, percent=True)
        table.add_row(*map(Text, (str(row["step"]), _time(values, row["ts"]), *prices, *bands, held)))
    return table


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _time(values: Mapping[str, Any], instant: Any) -> str:
    return minute(instant) if values["timeframe"] in INTRADAY else day(instant)


def _price(values: Mapping[str, Any], price: Any) -> str:
    """Five significant digits of the last close, at least cents: 260.12, 1.1043, 0.0031416."""
    last = values["last_close"]
    return number(price, max(2, 4 - math.floor(math.log10(last))) if last else 2)


def save_forecast(
    values: Mapping[str, Any] | None, path: Path | str, bars: pd.DataFrame | None = None
) -> Path:
    """Draw :func:`forecast_figure` into a .png file, whole or not at all; returns the path.

    Raises
    ------
    fvg_platform.reports.chart_file.ChartError
        No forecast, another suffix, or a folder that is not there.
    """
    place = require_suffix(path, ".png")
    figure = forecast_figure(values, bars)
    if figure is None:
        raise ChartError(f"there is no forecast to draw into {place.name}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = io.BytesIO()
    figure.set_dpi(150)
    FigureCanvasAgg(figure).print_png(drawn)
    write_whole(place, drawn.getvalue())
    return place


def forecast_figure(values: Mapping[str, Any] | None, bars: pd.DataFrame | None = None) -> "Figure | None":
    """The fan of the serving model behind its median candles; None without steps.

    Parameters
    ----------
    values
        As :func:`forecast_values` gives them.
    bars
        `ts, open, high, low, close` of the series; the :data:`BARS_SHOWN` newest ones until `made_from` are drawn
        before it. Bars stand side by side, whatever nights and weekends lie between.
    """
    if values is None or not values["steps"]:
        return None
    steps = pd.DataFrame(values["steps"])
    past = _bars_before(bars, values["made_from"])
    figure, (axes,) = blank(8.6, 3.3)
    ahead = np.arange(1, len(steps) + 1)
    # Every path leaves from the last close, which is bar 0.
    places, last = np.append(0, ahead), values["last_close"]
    for low, high, name, opacity in _BANDS:
        below, above = (np.append(last, steps[end].to_numpy(float)) for end in (low, high))
        label = f"{name} of closes"
        axes.fill_between(places, below, above, color=BETTER, alpha=opacity, linewidth=0, label=label)
    axes.plot(places, np.append(last, steps["close"]), color=BETTER, linewidth=1.4, label="median close")
    _candles(axes, ahead, steps, BETTER)
    if len(past):
        _candles(axes, np.arange(1 - len(past), 1), past, MUTED)
    _times(axes, values, [*past["ts"], *pd.to_datetime(steps["ts"], utc=True)], 1 - len(past))
    calm(axes, grid="y")
    title = f"{values['ticker']} {values['timeframe']}: {words(values['served'])}"
    axes.set_title(title, loc="left", fontsize=9)
    legend(axes)
    return figure


def _bars_before(bars: pd.DataFrame | None, made_from: str) -> pd.DataFrame:
    if bars is None:
        return pd.DataFrame({"ts": pd.DatetimeIndex([], tz="UTC")})
    return bars[bars["ts"] <= pd.Timestamp(made_from)].tail(BARS_SHOWN)


def _candles(axes: "Axes", places: Any, bars: pd.DataFrame, colour: str) -> None:
    axes.vlines(places, bars["low"], bars["high"], color=colour, linewidth=0.7, alpha=0.8)
    axes.vlines(places, bars["open"], bars["close"], color=colour, linewidth=2.6, alpha=0.8)


def _times(axes: "Axes", values: Mapping[str, Any], times: list[pd.Timestamp], first: int) -> None:
    """About eight bars by their time, above all the first one to come."""
    every = max(1, len(times) // 8)
    places = [place for place in range(first, first + len(times)) if (place - 1) % every == 0]
    form = "%d %b\n%H:%M" if values["timeframe"] in INTRADAY else "%d %b\n%Y"
    axes.set_xticks(places, [times[place - first].strftime(form) for place in places])
