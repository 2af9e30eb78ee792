"""What the test period says of a model, once: scores, calibration curves, and a backtest of acting on its signals."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fvg_platform.fvg.modes import EngineConfig
from fvg_platform.learning.evaluation import curves_of_test_period, evaluate_test_period
from fvg_platform.learning.splits import TEST, assign_parts
from fvg_platform.learning.trained_model import TrainedModel
from fvg_platform.pipeline.assets.bars import calendar_of
from fvg_platform.pipeline.partitions import Series
from fvg_platform.reports.performance_sheet import performance_sheet, sheet_records
from fvg_platform.storage import schema
from fvg_platform.storage.database import Database
from fvg_platform.storage.series_tables import read_series_rows
from fvg_platform.storage.statistics_tables import labelled_tickers
from fvg_platform.trading.backtest import BUY_AND_HOLD, RANDOM_ENTRIES, SIGNALS, backtest
from fvg_platform.trading.report import BacktestReport


@dataclass(frozen=True)
class Judgement:
    """Per target the metrics and the calibration curve; the backtest, None where there is nothing to trade."""

    metrics: dict[str, Any]
    curves: dict[str, list[dict[str, Any]]]
    backtest: dict[str, Any] | None


def judge_test_period(
    database: Database,
    engine: EngineConfig,
    model: TrainedModel,
    setups: pd.DataFrame,
    as_of: pd.Series,
    seed: int,
) -> Judgement:
    """Use the test period of a split version.

    Parameters
    ----------
    setups
        The timeframe's labelled setups, of whatever part.
    as_of
        The close of each setup's ticker's last bar.
    """
    evaluations = evaluate_test_period(model, setups, as_of, seed=seed)
    rows = setups[assign_parts(setups, model.cut, model.embargo) == TEST].reset_index(drop=True)
    predicted = model.predict(rows)
    return Judgement(
        metrics={target: evaluation.to_dict() for target, evaluation in evaluations.items()},
        curves=curves_of_test_period(model, setups, as_of, seed=seed),
        backtest=_backtest(database, engine, model, rows, predicted, seed),
    )


def _backtest(
    database: Database,
    engine: EngineConfig,
    model: TrainedModel,
    rows: pd.DataFrame,
    predicted: pd.DataFrame,
    seed: int,
) -> dict[str, Any] | None:
    if rows.empty:
        return None
    timeframe, tickers = model.timeframe, sorted(set(rows["ticker"]))
    with database.bulk() as connection:
        classes = dict(labelled_tickers(connection, timeframe))
        # From the cut on, so that holding the tickers lasts as long as trading the signals.
        bars = {
            ticker: read_series_rows(connection, schema.market_data, ticker, timeframe, since=model.cut)
            for ticker in tickers
        }
        calendars = {ticker: calendar_of(connection, Series(ticker, timeframe)) for ticker in tickers}
    report = backtest(
        rows,
        predicted,
        model.threshold.value,
        bars,
        timeframe,
        # All trials count. How far apart they lie without skill is taken from theory: thresholds are nested, and their
        # Sharpe ratios differ most where there is a real edge, which must not count against it.
        trials=model.trial_count,
        reason=model.threshold.reason,
        config={ticker: engine.mode_config(timeframe, classes[ticker]) for ticker in tickers},
        calendars=calendars,
        seed=seed,
    )
    return {**report.to_dict(), "sheet": _sheet(report)}


def _sheet(report: BacktestReport) -> list[dict[str, Any]] | None:
    """The figures of a tear sheet, of the signals' worse path beside random entries and holding."""
    if report.start is None:
        return None
    runs = {name: report.daily_returns(name, "lo") for name in (SIGNALS, RANDOM_ENTRIES)}
    return sheet_records(performance_sheet(runs, report.daily_returns(BUY_AND_HOLD, "lo")))
