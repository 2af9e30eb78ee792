"""Snapshots read in place: a folder that `fvg export` or the asset `bar_snapshots` wrote, without a server.

Each table is a DuckDB relation, an Arrow dataset or a DataFrame; filters on `ticker`, `timeframe` and `ts` choose
files and row groups before anything is read.
"""

import glob
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from fvg_platform.storage.bulk_columns import frame_of
from fvg_platform.storage.snapshot_layout import FILE, snapshot_files
from fvg_platform.storage.snapshots import SnapshotError

if TYPE_CHECKING:
    import duckdb

NAMES = {
    "bars": "market_data",
    "gaps": "fvg_detections",
    "zones": "fvg_zones",
    "context": "fvg_context",
    "setups": "fvg_setups",
    "labels": "fvg_labels",
    "features": "features",
    "setup_features": "setup_features",
}
_PARTITIONING = pa.schema([("timeframe", pa.string()), ("ticker", pa.string())])


class MissingSnapshotsError(SnapshotError):
    """A folder without snapshots, or without those of one table or series."""


@dataclass(frozen=True)
class SnapshotTable:
    """One table of a folder: `ticker, timeframe`, then the table's columns; `ts` and all times are UTC."""

    snapshots: "Snapshots"
    name: str

    def relation(self, ticker: str | None = None, timeframe: str | None = None) -> "duckdb.DuckDBPyRelation":
        """The rows as a DuckDB relation, lazily; relations of one :class:`Snapshots` can be joined."""
        import duckdb

        self._files()
        found = self.snapshots.connection.view(self.name)
        for column, value in (("timeframe", timeframe), ("ticker", ticker)):
            if value is not None:
                found = found.filter(duckdb.ColumnExpression(column) == duckdb.ConstantExpression(value))
        return found

    def dataset(self) -> ds.Dataset:
        """The rows as an Arrow dataset, lazily: `dataset().to_table(filter=…, columns=…)`."""
        files = [str(path) for _, _, path in self._files()]
        return ds.dataset(
            files,
            format="parquet",
            partitioning=ds.partitioning(_PARTITIONING, flavor="hive"),
            partition_base_dir=str(self._folder),
        )

    def arrow(self, ticker: str | None = None, timeframe: str | None = None) -> pa.Table:
        """The rows, or those of a ticker, a timeframe or a series, as an Arrow table, in order of `ts` in each series.

        Raises
        ------
        MissingSnapshotsError
            There is no such series in the folder; the message says which there are.
        """
        files = self._files()
        series = {(t, f) for t, f, _ in files}
        if not any(ticker in (None, t) and timeframe in (None, f) for t, f in series):
            listed = ", ".join(sorted(f"{t} {f}" for t, f in series))
            asked = " ".join(filter(None, (ticker, timeframe)))
            raise MissingSnapshotsError(
                f"no snapshot of {self.name} in {self._folder} is of {asked}: {listed}"
            )
        chosen = [
            ds.field(column) == value
            for column, value in (("ticker", ticker), ("timeframe", timeframe))
            if value is not None
        ]
        rows = self.dataset().to_table(filter=_all_of(chosen))
        names = [name for name in rows.column_names if name not in _PARTITIONING.names]
        return rows.select(["ticker", "timeframe", *names]).replace_schema_metadata(None)

    def frame(self, ticker: str | None = None, timeframe: str | None = None) -> pd.DataFrame:
        """The same as a DataFrame, in the types of `research.bars` and its like."""
        return frame_of(self.arrow(ticker, timeframe))

    @property
    def _folder(self) -> Path:
        return self.snapshots.folder / NAMES[self.name]

    def _files(self) -> list[tuple[str, str, Path]]:
        files = list(snapshot_files(self.snapshots.folder, NAMES[self.name]))
        if not files:
            raise MissingSnapshotsError(
                f"there are no snapshots of {self.name} in {self.snapshots.folder}: write them with `fvg export "
                f"{self.snapshots.folder}` or `fvg materialize --select bar_snapshots`, or name another folder"
            )
        return files


class Snapshots:
    """A folder of snapshots: `bars, gaps, zones, context, setups, labels, features, setup_features`.

    Parameters
    ----------
    folder
        What `fvg export` was given, or FVG_HOME/snapshots.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.bars = SnapshotTable(self, "bars")
        self.gaps = SnapshotTable(self, "gaps")
        self.zones = SnapshotTable(self, "zones")
        self.context = SnapshotTable(self, "context")
        self.setups = SnapshotTable(self, "setups")
        self.labels = SnapshotTable(self, "labels")
        self.features = SnapshotTable(self, "features")
        self.setup_features = SnapshotTable(self, "setup_features")

    @cached_property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """A DuckDB of its own in memory, its time zone UTC, with a view for each table that the folder holds."""
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in NAMES.items():
            if next(snapshot_files(self.folder, table), None) is not None:
                connection.execute(_view(name, self.folder / table))
        return connection

    def query(self, sql: str, parameters: Any = None) -> "duckdb.DuckDBPyRelation":
        """What a query over the views gives: `query("SELECT ticker, max(ts) FROM bars GROUP BY 1")`."""
        return self.connection.sql(sql, params=parameters)


def _view(name: str, folder: Path) -> str:
    # A view takes no parameters. Ticker and timeframe are text whatever they look like: TRUE is listed in New York.
    files = (glob.escape(str(folder)) + f"/timeframe=*/ticker=*/{FILE}").replace("'", "''")
    return (
        f"CREATE VIEW {name} AS SELECT ticker, timeframe, * EXCLUDE (ticker, timeframe) "
        f"FROM read_parquet('{files}', hive_partitioning = true, "
        "hive_types = {'ticker': VARCHAR, 'timeframe': VARCHAR})"
    )


def _all_of(conditions: list[ds.Expression]) -> ds.Expression | None:
    found = None
    for condition in conditions:
        found = condition if found is None else found & condition
    return found
