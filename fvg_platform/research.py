"""The notebook's door: what lies in the tables, one series at a time, as a DataFrame or an Arrow table.

    from fvg_platform import research
    bars = research.bars("AAPL", "1d")
    labels = research.labels("AAPL", "1d")

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
from typing import Literal, overload

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from fvg_platform.market.timeframes import require_timeframe
from fvg_platform.settings import load_settings
from fvg_platform.storage import schema
from fvg_platform.storage.database import Database
from fvg_platform.storage.series_tables import read_series_rows
from fvg_platform.storage.snapshot_reader import MissingSnapshotsError, Snapshots

__all__ = [
    "MissingSnapshotsError",
    "Snapshots",
    "UnknownSeriesError",
    "bars",
    "features",
    "gaps",
    "labels",
    "snapshots",
]

As = Literal["pandas", "arrow"]


class UnknownSeriesError(LookupError):
    """A series that the platform does not hold; the message names those that it does."""


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
    """Bar features at each close; `fvg_platform.features.catalogue.FEATURES` describes the columns."""
    return _read(schema.features, ticker, timeframe, as_)


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
        frame = read_series_rows(connection, table, ticker, timeframe)
    return frame if as_ == "pandas" else pa.Table.from_pandas(frame, preserve_index=False)
