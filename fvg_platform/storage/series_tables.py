"""Rows of one series in any of its tables: read whole, replaced whole.

Every table of a series has the columns `ticker`, `timeframe` and `lineage_id` and a primary key; what else a
frame must bring is what the table's description in :mod:`fvg_platform.storage.schema` says.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from fvg_platform.storage.bulk import Written, read_frame, replace


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
    rows = frame.assign(ticker=ticker, timeframe=timeframe, lineage_id=lineage_id)
    missing = [
        c.name for c in table.columns if c.name not in rows and not c.nullable and c.server_default is None
    ]
    if missing:
        raise ValueError(
            f"rows for {table.name} of {ticker} {timeframe} lack the columns {', '.join(missing)}"
        )
    return replace(
        connection,
        table.name,
        rows[[c.name for c in table.columns if c.name in rows]],
        keys=[c.name for c in table.primary_key],
        scope={"ticker": ticker, "timeframe": timeframe},
        since=since,
        until=until,
    )


def read_series_rows(
    connection: Any,
    table: sa.Table,
    ticker: str,
    timeframe: str,
    columns: Sequence[str] | None = None,
    *,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """The rows of the series with `since <= ts < until` in key order.

    `columns` defaults to all but the series' own and `lineage_id`.
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
    return read_frame(
        connection,
        f'SELECT {listed} FROM "{table.name}" WHERE {" AND ".join(conditions)} ORDER BY {order}',
        values,
    )
