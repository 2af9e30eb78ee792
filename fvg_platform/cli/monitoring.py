"""Whether what models say comes true, and what is done about it: performance, drift, forecast, retrain."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fvg_platform.cli.app import app
from fvg_platform.cli.shared import (
    AsJson,
    Timeframes,
    database_ready,
    exit_for,
    platform_ready,
    print_values,
    progress_bar,
    say,
)

Timeframe = Annotated[str, typer.Argument(help="1m, 5m, 15m, 1h, 4h, 1d, 1w or 1mo.")]


@app.command()
def performance(
    timeframe: Timeframes = None,
    ticker: Annotated[str, typer.Option(help="One ticker; by default all of them together.")] = "*",
    version: Annotated[int, typer.Option(help="One version of the model; by default whatever served.")] = 0,
    mode: Annotated[str | None, typer.Option(help="One mode of trading.")] = None,
    origin: Annotated[str, typer.Option(help="live, backfilled or reconstructed; by default any.")] = "*",
    window: Annotated[
        list[int] | None,
        typer.Option(help="Days, 0 for everything; may be repeated. By default 30, 90, 365 and 0."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How past predictions came out: accuracy, Brier, win rate, R, and the calibration of what was said."""
    from fvg_platform.market.timeframes import require_timeframe
    from fvg_platform.reports.track_record import performance_table, performance_values
    from fvg_platform.storage.track_record_tables import (
        calibration_curves,
        performance_rows,
        require_known,
    )

    chosen = [require_timeframe(name) for name in timeframe or ()]
    with database_ready() as (_, database), database.bulk() as connection:
        require_known(connection, origin=origin, ticker=ticker, mode=mode, windows=window or ())
        rows = performance_rows(
            connection,
            timeframes=chosen,
            version=version,
            mode=mode,
            origin=origin,
            ticker=ticker,
            windows=window or (),
        )
        curves = calibration_curves(
            connection, timeframes=chosen, version=version, mode=mode, origin=origin, ticker=ticker
        )
    print_values(performance_values(rows, curves), performance_table, as_json=as_json)


@app.command()
def drift(timeframe: Timeframes = None, as_json: AsJson = False) -> None:
    """Whether setups are still those that the models were trained on: window after window, and the worst features."""
    from fvg_platform.market.timeframes import TIMEFRAMES, require_timeframe
    from fvg_platform.reports.drift import drift_table, drift_values
    from fvg_platform.storage import drift_tables
    from fvg_platform.storage.records import as_records

    chosen = [require_timeframe(name) for name in timeframe or TIMEFRAMES]
    with database_ready() as (_, database), database.bulk() as connection:
        reports = [
            row for row in as_records(drift_tables.drift_overview(connection)) if row["timeframe"] in chosen
        ]
        metrics = [
            row for name in chosen for row in as_records(drift_tables.drift_of_features(connection, name))
        ]
    values = {"drift": drift_values(reports, metrics)}
    print_values(values, lambda v: drift_table(v["drift"]), as_json=as_json)


@app.command()
def forecast(
    ticker: Annotated[str, typer.Argument(help="A ticker.")],
    timeframe: Timeframe,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .png file for the fan behind the newest bars.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The next 30 bars of a series as candles with a fan, which model serves, and how it did before."""
    import pandas as pd

    from fvg_platform.pipeline.assets.forecasts import require_forecast_timeframe
    from fvg_platform.reports.forecast import forecast_table, forecast_values, save_forecast
    from fvg_platform.storage import schema
    from fvg_platform.storage.forecast_tables import newest_forecast, require_ticker
    from fvg_platform.storage.records import as_records
    from fvg_platform.storage.series_tables import read_series_rows

    require_forecast_timeframe(timeframe)
    with database_ready() as (_, database), database.bulk() as connection:
        require_ticker(connection, ticker)
        models, steps = newest_forecast(connection, ticker, timeframe)
        bars = None if output is None else read_series_rows(connection, schema.market_data, ticker, timeframe)
    values = forecast_values(as_records(models), as_records(steps))
    if len(steps) and steps["close_at"].max() < pd.Timestamp.now(tz="UTC"):
        say("the newest bar is older than that: every one of these bars lies in the past")
    print_values({"forecast": values}, lambda v: forecast_table(v["forecast"]), as_json=as_json)
    if output is not None:
        say(f"the fan is in {save_forecast(values, output, bars)}")


@app.command()
def retrain(
    timeframe: Annotated[
        list[str] | None, typer.Argument(help="Timeframes whose models are to be trained again.")
    ] = None,
    signal: Annotated[
        int | None, typer.Option(help="The id of a signal: the model that said it is trained again.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the entry.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Train in this process instead of leaving it to the daemon.")
    ] = False,
) -> None:
    """Put models in line for training; the daemon of `fvg up` trains them, one after the other."""
    from fvg_platform.market.timeframes import require_timeframe
    from fvg_platform.pipeline.retraining_by_hand import ask_for_training, train_what_was_asked

    chosen = [require_timeframe(name) for name in timeframe or ()]
    if not chosen and signal is None:
        raise typer.BadParameter("name a timeframe, or a signal with --signal")
    with platform_ready() as (platform, definitions), progress_bar():
        for line in ask_for_training(platform.database, chosen, signal, reason or None):
            sys.stdout.write(line + "\n")
        if not now:
            say(
                "the daemon of `fvg up` trains it, or the same with --now; `fvg status` tells what becomes of it"
            )
            return
        runs = train_what_was_asked(platform, definitions, say=say)
        exit_for([run for run in runs if not run.success])
