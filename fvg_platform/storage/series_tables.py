"""Rows of one series in any of its tables: read and replaced whole, or from a time on.

Every table of a series has the columns `ticker`, `timeframe` and `lineage_id` and a primary key; what else a
frame must bring is what the table's description in :mod:`fvg_platform.storage.schema` says.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.storage.bulk import Written, read_frame, replace, upsert
from fvg_platform.storage.records import execute


def replace_series_rows(
    connection: Any,
    table: sa.Table,
    ticker: str,
    timeframe: str,
    frame: pd.DataFrame,
    lineage_id: int,
    *,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
) -> Written:
    """Make the frame the whole of what the table holds for the series; equal rows are not touched.

    With `since` or `until` that is said of the rows with `since <= ts < until` only.

    Raises
    ------
    ValueError
        if the frame lacks a column of the table that may not be NULL, naming it.
    """
    rows = _complete(table, ticker, timeframe, frame, lineage_id)
    return replace(
        connection,
        table.name,
        rows,
        keys=[c.name for c in table.primary_key],
        scope={"ticker": ticker, "timeframe": timeframe},
        since=since,
        until=until,
    )


def update_series_rows(
    connection: Any, table: sa.Table, ticker: str, timeframe: str, frame: pd.DataFrame, lineage_id: int
) -> Written:
    """Write these rows of the series and leave its others alone; equal rows are not touched.

    Raises
    ------
    ValueError
        as :func:`replace_series_rows` does.
    """
    rows = _complete(table, ticker, timeframe, frame, lineage_id)
    return upsert(connection, table.name, rows, keys=[c.name for c in table.primary_key])


def bars_before(
    connection: Any, ticker: str, timeframe: str, ts: pd.Timestamp, count: int
) -> pd.Timestamp | None:
    """When the bar opened that lies `count` bars before `ts`; the first bar if there are fewer, None without any.

    With a count of 0 it is the last bar that opened at `ts` or before.
    """
    bound = "<=" if count == 0 else "<"
    found = execute(
        connection,
        f"SELECT min(ts) FROM (SELECT ts FROM market_data WHERE ticker = $1 AND timeframe = $2 AND ts {bound} $3 "
        "ORDER BY ts DESC LIMIT $4) newest",
        [ticker, timeframe, ts.to_pydatetime(), max(count, 1)],
    )[0][0]
    return None if found is None else pd.Timestamp(found)


def count_series_rows(connection: Any, table: sa.Table, ticker: str, timeframe: str) -> int:
    """How many rows of the series the table holds."""
    sql = f'SELECT count(*) FROM "{table.name}" WHERE ticker = $1 AND timeframe = $2'
    return int(execute(connection, sql, [ticker, timeframe])[0][0])


def read_series_rows(
    connection: Any,
    table: sa.Table,
    ticker: str,
    timeframe: str,
    columns: Sequence[str] | None = None,
    *,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    empty: str | None = None,
) -> pd.DataFrame:
    """The rows of the series with `since <= ts < until` in key order.

    `columns` defaults to all but the series' own and `lineage_id`. `empty` names a column that is to be NULL.
    """
    hidden = {"ticker", "timeframe", "lineage_id"}
    names = [c.name for c in table.columns if c.name not in hidden] if columns is None else list(columns)
    listed = ", ".join(f'"{table.columns[name].name}"' for name in names)
    order = ", ".join(f'"{c.name}"' for c in table.primary_key if c.name not in hidden)
    conditions = ["ticker = $1", "timeframe = $2"]
    values: list[object] = [ticker, timeframe]
    for operator, bound in ((">=", since), ("<", until)):
        if bound is not None:
            values.append(bound)
            conditions.append(f"ts {operator} ${len(values)}")
    if empty is not None:
        conditions.append(f'"{table.columns[empty].name}" IS NULL')
    return read_frame(
        connection,
        f'SELECT {listed} FROM "{table.name}" WHERE {" AND ".join(conditions)} ORDER BY {order}',
        values,
    )


def _complete(
    table: sa.Table, ticker: str, timeframe: str, frame: pd.DataFrame, lineage_id: int
) -> pd.DataFrame:
    """The frame's columns that the table has, with the series and the lineage."""
    rows = frame.assign(ticker=ticker, timeframe=timeframe, lineage_id=lineage_id)
    missing = [
        c.name for c in table.columns if c.name not in rows and not c.nullable and c.server_default is None
    ]
    if missing:
        raise ValueError(
            f"rows for {table.name} of {ticker} {timeframe} lack the columns {', '.join(missing)}"
        )
    return rows[[c.name for c in table.columns if c.name in rows]]
