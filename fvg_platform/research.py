"""The notebook's door: what lies in the tables, one series at a time, as a DataFrame or an Arrow table.

    from fvg_platform import research
    bars = research.bars("AAPL", "1d")
    labels = research.labels("AAPL", "1d")
    research.chart("AAPL", "1d", since="2025-01-01")     # a picture in the notebook
    research.statistics("rule", timeframe="1h")
    model = research.model("1d")                         # the version that serves
    model.explain(research.setup_features("AAPL", "1d").tail(1))
    research.signals("AAPL", "1d")                       # what was said, and what became of it
    research.performance("1d"), research.drift("1d"), research.forecast("AAPL", "1d")

The database is the one that the environment describes; the embedded one is started if it does not run. Without any
server, and for many series at once, read the files that `fvg export` or the asset `bar_snapshots` wrote:

    files = research.snapshots()
    files.bars.relation("AAPL").aggregate("timeframe, count(*), min(ts), max(ts)")
    files.query("SELECT * FROM gaps JOIN labels USING (ticker, timeframe, ts, side)").df()
    files.features.arrow(timeframe="1h")

For calculations on bars of your own import the pure packages: `fvg_platform.fvg`, `.features`, `.learning`.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from fvg_platform.fvg.statistics_columns import DIMENSIONS
from fvg_platform.market.timeframes import require_timeframe
from fvg_platform.settings import load_settings
from fvg_platform.storage import schema
from fvg_platform.storage.bulk import read_frame
from fvg_platform.storage.database import Database
from fvg_platform.storage.drift_tables import drift_of_features
from fvg_platform.storage.forecast_tables import newest_forecast
from fvg_platform.storage.learning_tables import with_own_features
from fvg_platform.storage.series_tables import read_series_rows
from fvg_platform.storage.snapshot_reader import MissingSnapshotsError, Snapshots
from fvg_platform.storage.statistics_tables import statistics_of

__all__ = [
    "MissingSnapshotsError",
    "Snapshots",
    "UnknownDimensionError",
    "UnknownModelError",
    "UnknownSeriesError",
    "bars",
    "chart",
    "context",
    "drift",
    "features",
    "forecast",
    "gaps",
    "labels",
    "model",
    "performance",
    "setup_features",
    "setups",
    "signals",
    "snapshots",
    "statistics",
    "zones",
]

if TYPE_CHECKING:
    from fvg_platform.learning.trained_model import TrainedModel
    from fvg_platform.reports.chart import Chart

As = Literal["pandas", "arrow"]


class UnknownSeriesError(LookupError):
    """A series that the platform does not hold; the message names those that it does."""


class UnknownDimensionError(ValueError):
    """Setups cannot be grouped by that; the message names what they can."""


class UnknownModelError(LookupError):
    """A model that the registry does not hold; the message says which there are."""


@cache
def _database() -> Database:
    return Database(**load_settings().database)


@overload
def bars(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def bars(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def bars(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """Clean bars: `ts` (UTC, open time), `open, high, low, close, volume`, `vwap, transactions, taker_buy_volume`."""
    return _read(schema.market_data, ticker, timeframe, as_)


@overload
def gaps(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def gaps(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def gaps(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """Fair Value Gaps with their lifecycle; the columns `*_ts` and `depth` look forward."""
    return _read(schema.fvg_detections, ticker, timeframe, as_)


@overload
def zones(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def zones(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def zones(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """Zones made of gaps: `kind` is joined, inversion or balanced; `origin_ts` the gap that it began with."""
    return _read(schema.fvg_zones, ticker, timeframe, as_)


@overload
def context(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def context(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def context(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """What surrounded each gap when it became known, and the verdicts: `rule_*` true, false, or NULL for unknown."""
    return _read(schema.fvg_context, ticker, timeframe, as_)


@overload
def setups(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def setups(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def setups(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """The plan of each gap that qualifies: entry, stop, risk, three targets."""
    return _read(schema.fvg_setups, ticker, timeframe, as_)


@overload
def labels(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def labels(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def labels(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """What became of each setup: status, and per target the outcome and R of the worse and the better path."""
    return _read(schema.fvg_labels, ticker, timeframe, as_)


@overload
def features(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def features(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def features(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """Bar features at each close, your own too; `fvg docs features` describes the columns."""
    return _as(with_own_features(_rows(schema.features, ticker, timeframe, as_)), as_)


@overload
def setup_features(ticker: str, timeframe: str) -> pd.DataFrame: ...
@overload
def setup_features(ticker: str, timeframe: str, *, as_: Literal["arrow"]) -> pa.Table: ...
def setup_features(ticker: str, timeframe: str, *, as_: As = "pandas") -> "pd.DataFrame | pa.Table":
    """What a model sees of each setup: what was known at its `known_at`, your own features too."""
    return _as(with_own_features(_rows(schema.setup_features, ticker, timeframe, as_)), as_)


def model(timeframe: str, version: int | None = None) -> "TrainedModel":
    """A version of a timeframe's model, by default the one that serves: `predict` and `explain` take setup features.

    Raises
    ------
    UnknownModelError
        naming the versions that there are.
    fvg_platform.storage.model_store.ModelStoreError, fvg_platform.learning.trained_model.ModelCorruptedError
        Its file is missing, or not what the registry says it is.
    """
    from fvg_platform.learning.trained_model import TrainedModel
    from fvg_platform.storage import model_registry as registry
    from fvg_platform.storage.model_store import ModelStore

    require_timeframe(timeframe)
    with _database().engine.connect() as connection:
        if version is None:
            row = registry.active_model(connection, timeframe)
        else:
            row = registry.model_version(connection, timeframe, version)
        newest = registry.newest_model(connection, timeframe)
    if row is None:
        known = "none yet" if newest is None else f"1 to {newest.version}"
        wanted = "that serves" if version is None else str(version)
        raise UnknownModelError(
            f"there is no version {wanted} of the model of {timeframe}; there are {known}: see `fvg models list`"
        )
    content = ModelStore(load_settings().models).load(row.artifact)
    return TrainedModel.from_json(content, sha256=row.sha256)


def statistics(by: str = "timeframe", *, timeframe: str | None = None) -> pd.DataFrame:
    """What setups did, group by group and target by target, and beside it the same on surrogate bars.

    Parameters
    ----------
    by
        all, timeframe, mode, ticker, side, session, rule or year.

    Returns
    -------
    DataFrame
        `dimension, value, timeframe, target` and :data:`fvg_platform.fvg.statistics_columns.STATISTIC_COLUMNS`.

    Raises
    ------
    UnknownDimensionError
        naming the dimensions.
    """
    if by not in DIMENSIONS:
        raise UnknownDimensionError(f"by={by!r}: use one of {', '.join(DIMENSIONS)}")
    chosen = None if timeframe is None else [require_timeframe(timeframe)]
    with _database().bulk() as connection:
        return statistics_of(connection, [by], chosen)


def signals(ticker: str, timeframe: str) -> pd.DataFrame:
    """What models said of the setups of a series, and what became of them: rows of the view `signals`, oldest first.

    `label` (BUY, SELL or HOLD), `pred` (UP or DOWN), `proba`, `ts`, `symbol`, `tf`, `features`, `model_id`, `outcome`,
    `realized_rr` (worse path), `latency_ms` and more; `known_at` is when it could be known.
    """
    with _database().bulk() as connection:
        return read_frame(
            connection,
            "SELECT * FROM signals WHERE symbol = $1 AND tf = $2 ORDER BY ts, id",
            [ticker, require_timeframe(timeframe)],
        )


def performance(timeframe: str | None = None) -> pd.DataFrame:
    """The track record of past predictions: every row of `model_performance`, oldest day first."""
    chosen = None if timeframe is None else require_timeframe(timeframe)
    with _database().bulk() as connection:
        return read_frame(
            connection,
            "SELECT * FROM model_performance WHERE $1::text IS NULL OR timeframe = $1 "
            "ORDER BY as_of, timeframe, window_days",
            [chosen],
        )


def drift(timeframe: str) -> pd.DataFrame:
    """How far features and scores have moved from the serving model's training period: rows of `drift_metrics`."""
    with _database().bulk() as connection:
        return drift_of_features(connection, require_timeframe(timeframe))


def forecast(ticker: str, timeframe: str) -> pd.DataFrame:
    """The newest forecast of a series by the model that is served, a row for each of 30 bars; empty without one."""
    with _database().bulk() as connection:
        models, steps = newest_forecast(connection, ticker, require_timeframe(timeframe))
    served = models.loc[models["served"].astype(bool), "model"]
    return steps[steps["model"].isin(served)].reset_index(drop=True)


def chart(
    ticker: str,
    timeframe: str,
    *,
    since: "str | pd.Timestamp | None" = None,
    until: "str | pd.Timestamp | None" = None,
    most_bars: int = 300,
    with_zones: bool = False,
) -> "Chart":
    """A picture of a series: candles, gaps from birth to fill or inversion, setups and what became of them.

    A notebook shows it by itself; `fvg_platform.reports.chart.save_chart` writes it to a .png or .html file, and
    `fvg_platform.reports.chart_html.draw_html(chart, None)` is one to zoom into.

    Parameters
    ----------
    since, until
        Days (`2025-01-31`) or times with a zone, both included; by default up to the newest bar.
    most_bars
        Of the range the last so many bars are shown.
    with_zones
        Whether joined gaps, inverse zones and balanced price ranges are drawn too.

    Raises
    ------
    UnknownSeriesError
        naming the series that there are.
    fvg_platform.reports.chart_file.ChartError
        No bars in the range; the message says which there are.
    """
    from fvg_platform.reports.chart import compose_chart

    return compose_chart(
        bars(ticker, timeframe),
        gaps(ticker, timeframe),
        setups(ticker, timeframe),
        labels(ticker, timeframe),
        zones=zones(ticker, timeframe) if with_zones else None,
        ticker=ticker,
        timeframe=timeframe,
        since=since,
        until=until,
        most_bars=most_bars,
    )


def snapshots(folder: Path | str | None = None) -> Snapshots:
    """The Parquet files of a folder, by default FVG_HOME/snapshots, as DuckDB relations, Arrow or DataFrames.

    Nothing is started and nothing is connected to.

    Raises
    ------
    MissingSnapshotsError
        The folder is not there; the message says how it comes to be.
    """
    place = load_settings().home / "snapshots" if folder is None else Path(folder).expanduser()
    if not place.is_dir():
        raise MissingSnapshotsError(
            f"there is no folder {place}: write it with `fvg export {place}`"
            + (" or `fvg materialize --select bar_snapshots`" if folder is None else "")
        )
    return Snapshots(place)


def _read(table: sa.Table, ticker: str, timeframe: str, as_: As) -> "pd.DataFrame | pa.Table":
    return _as(_rows(table, ticker, timeframe, as_), as_)


def _as(frame: pd.DataFrame, as_: As) -> "pd.DataFrame | pa.Table":
    return frame if as_ == "pandas" else pa.Table.from_pandas(frame, preserve_index=False)


def _rows(table: sa.Table, ticker: str, timeframe: str, as_: As) -> pd.DataFrame:
    """All rows of one series.

    Raises
    ------
    UnknownSeriesError
        naming the series that there are.
    ValueError
        An unknown timeframe or form.
    """
    require_timeframe(timeframe)
    if as_ not in ("pandas", "arrow"):
        raise ValueError(f"as_={as_!r}: use pandas or arrow")
    database = _database()
    with database.engine.connect() as connection:
        known = {
            tuple(row)
            for row in connection.execute(sa.select(schema.series.c.ticker, schema.series.c.timeframe))
        }
    if (ticker, timeframe) not in known:
        listed = ", ".join(" ".join(series) for series in sorted(known)) or "none"
        raise UnknownSeriesError(f"there is no series {ticker} {timeframe}; there is {listed}")
    with database.bulk() as connection:
        return read_series_rows(connection, table, ticker, timeframe)
