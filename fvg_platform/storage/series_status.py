"""How each series stands in each asset, what it is made of, and which run wrote it.

The status row is written in the same transaction as the rows it speaks of: its fingerprint says which inputs,
code and configuration they came from, its revision rises whenever they change.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from fvg_platform.storage import schema
from fvg_platform.storage.records import execute, insert_record

State = Literal["ok", "failed", "blocked"]


@dataclass(frozen=True)
class Status:
    """One series in one asset; `rows`, `first_ts`, `last_ts` describe what lies in the asset's main table.

    `basis` is what the series' prices and times mean, as read with the status; it is stored with the series.
    `inputs` say what the rows were made from, in words that can be held against today's; `memory` is what the asset
    needs to go on where it stopped.
    """

    ticker: str
    timeframe: str
    asset: str
    state: State
    run_id: str
    reason: str | None = None
    fingerprint: str | None = None
    revision: int = 0
    rows: int = 0
    first_ts: pd.Timestamp | None = None
    last_ts: pd.Timestamp | None = None
    basis: str | None = field(default=None, compare=False)
    inputs: Mapping[str, Any] | None = None
    memory: Mapping[str, Any] | None = None


_COLUMNS = "ticker, timeframe, asset, state, run_id, reason, fingerprint, revision, rows, first_ts, last_ts"


def statuses_of_ticker(connection: Any, ticker: str) -> dict[tuple[str, str], Status]:
    """All statuses of one ticker, by (timeframe, asset)."""
    rows = execute(
        connection,
        f"SELECT {_COLUMNS}, concat_ws('/', asset_class, adjustment, anchor, session, source), "
        "inputs::text, memory::text "
        "FROM series_status LEFT JOIN series USING (ticker, timeframe) WHERE ticker = $1",
        [ticker],
    )
    found = map(_status_of, rows)
    return {(status.timeframe, status.asset): status for status in found}


def _status_of(row: tuple[Any, ...]) -> Status:
    plain, times, basis, documents = row[:9], row[9:11], row[11], row[12:]
    first, last = (None if time is None else pd.Timestamp(time) for time in times)
    inputs, memory = (None if text is None else json.loads(text) for text in documents)
    status = Status(*plain)
    return replace(status, first_ts=first, last_ts=last, basis=basis, inputs=inputs, memory=memory)


def write_status(connection: Any, status: Status) -> None:
    """Store a status; `updated_at` is the database's clock."""
    record = asdict(status)
    del record["basis"]
    insert_record(
        connection,
        schema.series_status,
        {**record, "updated_at": _now(connection)},
        keys=("ticker", "timeframe", "asset"),
    )


def remove_status(connection: Any, status: Status) -> None:
    """Forget how a series stands in an asset."""
    execute(
        connection,
        "DELETE FROM series_status WHERE (ticker, timeframe, asset) = ($1, $2, $3)",
        [status.ticker, status.timeframe, status.asset],
    )


def write_series(connection: Any, record: Mapping[str, object]) -> None:
    """Store what a series is: its basis, origin and completeness (columns of the table `series`)."""
    insert_record(connection, schema.series, record, keys=schema.SERIES_KEY)


def read_series(connection: Any, ticker: str, timeframe: str) -> dict[str, Any] | None:
    """The row of one series in the table `series`, or None."""
    names = [column.name for column in schema.series.columns]
    rows = execute(
        connection,
        f"SELECT {', '.join(names)} FROM series WHERE ticker = $1 AND timeframe = $2",
        [ticker, timeframe],
    )
    return dict(zip(names, rows[0], strict=True)) if rows else None


def open_lineage(
    connection: Any,
    *,
    run_id: str,
    asset: str,
    code_version: str,
    data_revision: int,
    ticker: str | None = None,
    timeframe: str | None = None,
    configuration: Mapping[str, object] | None = None,
) -> int:
    """Note which run is about to write, and return the id that its rows carry."""
    record = {
        "run_id": run_id,
        "asset": asset,
        "ticker": ticker,
        "timeframe": timeframe,
        "code_version": code_version,
        "configuration": configuration,
        "data_revision": data_revision,
    }
    identity = insert_record(connection, schema.lineage, record, returning="id")
    if not isinstance(identity, int):
        raise TypeError(f"the table lineage gave {identity!r} as an id; its column id must be an integer")
    return identity


def drop_lineage(connection: Any, lineage_id: int) -> None:
    """Take back a lineage row that no row came to carry, because nothing had changed."""
    execute(connection, "DELETE FROM lineage WHERE id = $1", [lineage_id])


def _now(connection: Any) -> pd.Timestamp:
    return pd.Timestamp(execute(connection, "SELECT now()")[0][0])
