"""Where a snapshot lies: `<table>/timeframe=1h/ticker=AAPL/part-0.parquet`, one file for each series of a table.

Names are escaped as Hive does (`X:BTCUSD` is `X%3ABTCUSD`), which DuckDB, Arrow and Spark undo when they read.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

FILE = "part-0.parquet"
# Table: whose status says how its rows stand.
ASSET_OF = {
    "market_data": "bars",
    "fvg_detections": "fvg_detections",
    "fvg_zones": "fvg_detections",
    "fvg_context": "fvg_setups",
    "fvg_setups": "fvg_setups",
    "fvg_labels": "fvg_labels",
    "features": "bar_features",
    "setup_features": "setup_features",
}
TABLES = tuple(ASSET_OF)


def snapshot_file(folder: Path, table: str, ticker: str, timeframe: str) -> Path:
    """The file of one series."""
    return (
        folder / table / f"timeframe={quote(timeframe, safe='')}" / f"ticker={quote(ticker, safe='')}" / FILE
    )


def snapshot_files(folder: Path, table: str) -> Iterator[tuple[str, str, Path]]:
    """Every file that a table has: ticker, timeframe and path."""
    for path in sorted((folder / table).glob(f"timeframe=*/ticker=*/{FILE}")):
        ticker, timeframe = (
            unquote(part.name.partition("=")[2]) for part in (path.parent, path.parent.parent)
        )
        yield ticker, timeframe, path
