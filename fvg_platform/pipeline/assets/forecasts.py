"""Where prices may go: price_forecasts, the next 30 bars of each series as candles with fans."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from fvg_platform.learning.forecasts import BARS_READ, FEWEST_BARS, STEPS, Forecast, forecast
from fvg_platform.market.future_bars import next_bars
from fvg_platform.pipeline.assets.bars import calendar_of
from fvg_platform.pipeline.automation.conditions import on_change_upstream
from fvg_platform.pipeline.inputs import Inputs, Statuses, Surroundings, same_series
from fvg_platform.pipeline.partitions import Series
from fvg_platform.pipeline.series_assets import SeriesAsset, Stored, Task
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import Written
from fvg_platform.storage.forecast_tables import store_forecast
from fvg_platform.storage.series_tables import bars_before, read_series_rows

FORECAST_TIMEFRAMES = ("1h", "4h", "1d", "1w", "1mo")


class NoForecastError(ValueError):
    """A timeframe of which no forecasts are made."""


def require_forecast_timeframe(timeframe: str) -> str:
    """The timeframe itself, if forecasts are made of it."""
    if timeframe not in FORECAST_TIMEFRAMES:
        known = ", ".join(FORECAST_TIMEFRAMES)
        raise NoForecastError(f"no forecasts are made of {timeframe!r}: use one of {known}")
    return timeframe


_PRICES = ["ts", "open", "high", "low", "close"]
_of_its_bars = same_series("bars")


def _inputs(series: Series, statuses: Statuses, around: Surroundings) -> Inputs | None:
    return _of_its_bars(series, statuses, around) if series.timeframe in FORECAST_TIMEFRAMES else None


def _forecast(task: Task) -> Stored:
    ticker, timeframe = task.series
    bars = _newest_bars(task)
    if len(bars) < FEWEST_BARS:
        nothing = {"forecast": f"{len(bars)} bars: {FEWEST_BARS} are needed"}
        return Stored(Written(), 0, None, None, nothing)
    last = pd.Timestamp(bars["ts"].iloc[-1])
    future = next_bars(last, STEPS, timeframe, calendar_of(task.connection, task.series))
    made = forecast(bars, timeframe, future)
    forecasts, steps = _rows(made)
    written = store_forecast(task.connection, ticker, timeframe, forecasts, steps, task.lineage_id)
    served = next(c for c in made.candidates if c.served)
    metadata = {
        "serves": made.served,
        "why": made.reason,
        "coverage_90": served.coverage_90,
        "origins": served.origins,
    }
    return Stored(written, len(steps), last, last, metadata)


def _newest_bars(task: Task) -> pd.DataFrame:
    last = task.inputs.upstream[0].last_ts
    since = None if last is None else bars_before(task.connection, *task.series, last, BARS_READ - 1)
    return read_series_rows(task.connection, schema.market_data, *task.series, _PRICES, since=since)


def _rows(made: Forecast) -> tuple[pd.DataFrame, pd.DataFrame]:
    forecasts = pd.DataFrame(
        [
            {
                "made_from": made.made_from,
                "model": each.model,
                "served": each.served,
                "reason": made.reason,
                "last_close": made.last_close,
                "origins": each.origins,
                "pinball": each.pinball,
                "coverage_50": each.coverage_50,
                "coverage_90": each.coverage_90,
                "difference": _plain(each.difference),
            }
            for each in made.candidates
        ]
    )
    steps = pd.concat(
        [each.steps.assign(made_from=made.made_from, model=each.model) for each in made.candidates],
        ignore_index=True,
    )
    return forecasts, steps


def _plain(difference: Any) -> dict[str, Any] | None:
    return None if difference is None else asdict(difference)


price_forecasts = SeriesAsset(
    name="price_forecasts",
    deps=["bars"],
    description=(
        "The next 30 bars as candles with a fan of closes, by a random walk of resampled bars and by one whose bars "
        "follow today's volatility. Both are judged on forecasts of the past; the second is served only where it is "
        "proven better."
    ),
    code_version="1",
    find_inputs=_inputs,
    compute=_forecast,
    kinds=frozenset({"numba", "postgres"}),
    group="signals",
    table="price_forecasts",
    automation_condition=on_change_upstream(),
)
