"""Forecast candles: what each model says of a series' next bars, and which one is served."""

from typing import Any

import pandas as pd

from fvg_platform.storage.bulk import Written, read_frame, upsert
from fvg_platform.storage.bulk_merge import change
from fvg_platform.storage.schema import prediction_steps, price_forecasts


def store_forecast(
    connection: Any,
    ticker: str,
    timeframe: str,
    forecasts: pd.DataFrame,
    steps: pd.DataFrame,
    lineage_id: int,
) -> Written:
    """Add the forecasts made from a bar, one row per model, with their steps; equal rows are not touched.

    Those made from later bars go: there are no such bars any more.

    Parameters
    ----------
    forecasts
        Columns of `price_forecasts` but the series' own.
    steps
        Columns of `prediction_steps` but the series' own.
    """
    gone = "DELETE FROM price_forecasts WHERE ticker = $1 AND timeframe = $2 AND made_from > $3"
    written = Written(deleted=change(connection, gone, [ticker, timeframe, forecasts["made_from"].max()]))
    for table, rows in ((price_forecasts, forecasts), (prediction_steps, steps)):
        complete = rows.assign(ticker=ticker, timeframe=timeframe, lineage_id=lineage_id)
        keys = [column.name for column in table.primary_key]
        written += upsert(connection, table.name, complete, keys)
    return written


class UnknownTickerError(LookupError):
    """A ticker that has no series."""


def require_ticker(connection: Any, ticker: str) -> None:
    """Refuse a ticker that has no series, naming those that have."""
    known = read_frame(connection, "SELECT DISTINCT ticker FROM series ORDER BY 1")["ticker"].tolist()
    if ticker not in known:
        raise UnknownTickerError(f"there is no ticker {ticker!r}: there is {', '.join(known) or 'none yet'}")


def newest_forecast(connection: Any, ticker: str, timeframe: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest forecast of a series: a row per model, the served one first, and the steps of all of them."""
    newest = (
        "(SELECT max(made_from) FROM price_forecasts WHERE ticker = $1 AND timeframe = $2) "
        "AND ticker = $1 AND timeframe = $2"
    )
    models = read_frame(
        connection,
        f"SELECT * FROM price_forecasts WHERE made_from = {newest} ORDER BY served DESC, model",
        [ticker, timeframe],
    )
    steps = read_frame(
        connection,
        f"SELECT * FROM prediction_steps WHERE made_from = {newest} ORDER BY model, step",
        [ticker, timeframe],
    )
    return models, steps
