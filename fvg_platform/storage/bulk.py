"""Many rows between DataFrames and Postgres, over one ADBC connection and in one transaction.

Rows go by binary COPY into a temporary table, and from there only those that differ reach the target: doing the
same again writes nothing. How a DataFrame's columns become the target's types is in `bulk_columns`.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fvg_platform.storage.bulk_columns import TargetColumn, arrow_table, frame_of, quoted, target_columns
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.bulk_difference import difference
from fvg_platform.storage.bulk_merge import (
    LINEAGE,
    Written,
    arrow,
    change,
    incoming,
    ingest,
    merge,
    remove,
    rows,
)

__all__ = ["Written", "read_frame", "replace", "series_transaction", "upsert"]


@contextmanager
def series_transaction(url: str, lock_key: str) -> Iterator[Any]:
    """One transaction under a lock of its own: two writers of one series wait for each other.

    Parameters
    ----------
    url : str
        Any URL that :mod:`fvg_platform.storage.connections` takes.
    lock_key : str
        What is locked, such as "AAPL|1h". The lock is taken before anything is read and ends with the transaction,
        however that ends; writers that need several keys must take them in several transactions.

    Yields
    ------
    An ADBC connection; committed when the block ends, rolled back when it raises.
    """
    with bulk_connection(url) as connection:
        # The first statement of its transaction: later ones see what the previous holder has committed.
        rows(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [lock_key])
        yield connection
        connection.commit()


def read_frame(connection: Any, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
    """Run a query and return its rows.

    Parameters
    ----------
    connection
        An ADBC connection.
    sql : str
        The query, with `$1`, `$2`, … where the parameters go.
    params : sequence
        Their values: text, numbers, booleans, dates, times with a zone, None.

    Returns
    -------
    DataFrame
        `timestamptz` as datetime64[us, UTC]; double precision as float64 with NaN for NULL; whole numbers as int64
        (int32, int16), or Int64 (Int32, Int16) where there are NULLs; booleans as bool, or boolean where
        there are NULLs; numeric as float64; json as dicts and lists; text as str.
    """
    return frame_of(arrow(connection, sql, params))


def upsert(
    connection: Any, table: str, frame: pd.DataFrame, keys: Sequence[str], *, schema: str | None = None
) -> Written:
    """Insert the rows that are new and update those that differ; the others are not touched.

    Parameters
    ----------
    connection
        An ADBC connection, in a transaction that the caller ends.
    table, schema : str
        The target; without a schema it is found by the search path.
    frame : DataFrame
        Columns named as the target's; target columns that it lacks keep their value (new rows: their default).
        `lineage_id` takes no part in the comparison and is set on the rows that are new or differ.
    keys : sequence of str
        The columns of the target's primary key or of a unique index.

    Raises
    ------
    ValueError
        A column that the target does not have, a value that does not fit its type, a key that is there twice.
    """
    columns = _checked(connection, table, schema, frame, keys)
    if frame.empty:
        return Written()
    target = _qualified(table, schema)
    with incoming(connection, arrow_table(frame, columns, table), columns):
        return merge(connection, target, columns, keys, len(frame))


def replace(
    connection: Any,
    table: str,
    frame: pd.DataFrame,
    keys: Sequence[str],
    scope: Mapping[str, Any],
    *,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    time_column: str = "ts",
    schema: str | None = None,
) -> Written:
    """Make the frame the whole of what the target holds within the scope: like `upsert`, and the rest is deleted.

    Parameters
    ----------
    connection, table, frame, keys, schema
        As for :func:`upsert`.
    scope : mapping
        Columns and their values, such as {"ticker": "AAPL", "timeframe": "1h"}, added to the frame if it lacks them.
    since, until : Timestamp, optional
        Only rows with `since <= time_column < until` belong to the scope.

    Raises
    ------
    ValueError
        As for :func:`upsert`; or a row of the frame lies outside of the scope.
    """
    frame = frame.copy(deep=False)
    for name, value in scope.items():
        if name not in frame:
            frame[name] = value
    _require_inside(frame, table, scope, since, until, time_column)
    columns = _checked(connection, table, schema, frame, keys)
    target = _qualified(table, schema)
    conditions = [f"t.{quoted(name)} = ${i}" for i, name in enumerate(scope, start=1)]
    values = list(scope.values())
    if since is not None:
        conditions.append(f"t.{quoted(time_column)} >= ${len(values) + 1}")
        values.append(since)
    if until is not None:
        conditions.append(f"t.{quoted(time_column)} < ${len(values) + 1}")
        values.append(until)
    inside = " AND ".join(conditions) or "true"
    if frame.empty:
        return Written(deleted=change(connection, f"DELETE FROM {target} t WHERE {inside}", values))

    new = arrow_table(frame, columns, table)
    # What the scope fixes is equal anyway; what travels as text is compared as text.
    compared = [c for c in columns if c.name not in scope and c.name != LINEAGE]
    listed = (
        ", ".join(f"t.{quoted(c.name)}{'::text' if c.cast and not c.json else ''}" for c in compared)
        or "true AS there"
    )
    stored = arrow(connection, f"SELECT {listed} FROM {target} t WHERE {inside}", values)
    if not stored.num_rows and not any(column.cast for column in columns):
        ingest(connection, table, new, schema=schema)
        return Written(inserted=len(frame), first_changed=_first_time([new], time_column))
    own_keys = [key for key in keys if key not in scope]
    write, gone = difference(stored, new, own_keys, [c.name for c in compared if c.name not in keys])
    written = Written(unchanged=len(frame) - int(write.sum()))
    changed: list[pa.Table] = []
    if gone.any():
        changed.append(keys_gone := stored.select(own_keys).filter(pa.array(gone)))
        written += Written(deleted=remove(connection, target, keys_gone, inside, values))
    if write.any():
        changed.append(differing := new.filter(pa.array(write)))
        with incoming(connection, differing, columns):
            written += merge(connection, target, columns, keys, int(write.sum()))
    return dataclasses.replace(written, first_changed=_first_time(changed, time_column))


def _first_time(changed: Sequence[pa.Table], time_column: str) -> pd.Timestamp | None:
    """The earliest time in some rows; None where the table has no such column."""
    if not changed or time_column not in changed[0].column_names:
        return None
    return min(pd.Timestamp(pc.min(rows[time_column]).as_py()) for rows in changed)


def _checked(
    connection: Any, table: str, schema: str | None, frame: pd.DataFrame, keys: Sequence[str]
) -> list[TargetColumn]:
    known = target_columns(connection, table, schema)
    unknown = [str(name) for name in frame.columns if name not in known]
    if unknown:
        raise ValueError(
            f"the table {table} has no column {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )
    if absent := [key for key in keys if key not in frame]:
        raise ValueError(f"rows for {table} lack the key column {', '.join(absent)}")
    twice = frame.duplicated(list(keys))
    if twice.any():
        first = frame.loc[twice, list(keys)].iloc[0].to_dict()
        raise ValueError(
            f"rows for {table}: {int(twice.sum())} keys are there more than once, the first is {first}"
        )
    return [known[name] for name in frame.columns]


def _require_inside(
    frame: pd.DataFrame,
    table: str,
    scope: Mapping[str, Any],
    since: pd.Timestamp | None,
    until: pd.Timestamp | None,
    time_column: str,
) -> None:
    outside = pd.Series(data=False, index=frame.index)
    for name, value in scope.items():
        outside |= frame[name] != value
    if since is not None:
        outside |= frame[time_column] < since
    if until is not None:
        outside |= frame[time_column] >= until
    if outside.any():
        bounds = {f"{time_column} from": since, f"{time_column} before": until}
        limits = dict(scope) | {name: bound for name, bound in bounds.items() if bound is not None}
        shown = [*scope, *([time_column] if len(limits) > len(scope) else [])]
        first = frame.loc[outside, shown].iloc[0].to_dict()
        raise ValueError(f"rows for {table} lie outside of what is replaced ({limits}): {first}")


def _qualified(table: str, schema: str | None) -> str:
    return f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table)
