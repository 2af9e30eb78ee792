"""Many rows between DataFrames and Postgres, over one ADBC connection and in one transaction.

Rows go by binary COPY into a temporary table, and from there only those that differ reach the target: doing the
same again writes nothing. How a DataFrame's columns become the target's types is in `bulk_columns`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from fvg_platform.storage.bulk_columns import TargetColumn, arrow_table, frame_of, quoted, target_columns
from fvg_platform.storage.bulk_connections import bulk_connection
from fvg_platform.storage.bulk_difference import difference

LINEAGE = "lineage_id"
_INCOMING = "incoming_rows"
_OUTGOING = "outgoing_keys"


@dataclass(frozen=True)
class Written:
    """What a write did to the table's rows; adding two adds their counts."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """Rows that are not what they were before."""
        return self.inserted + self.updated + self.deleted

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
        )


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
        _rows(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [lock_key])
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
    return frame_of(_arrow(connection, sql, params))


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
    with _incoming(connection, arrow_table(frame, columns, table), columns):
        return _merge(connection, target, columns, keys, len(frame))


def replace(
    connection: Any,
    table: str,
    frame: pd.DataFrame,
    keys: Sequence[str],
    scope: Mapping[str, Any],
    *,
    since: pd.Timestamp | None = None,
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
    since : Timestamp, optional
        Only rows whose `time_column` is not before it belong to the scope.

    Raises
    ------
    ValueError
        As for :func:`upsert`; or a row of the frame lies outside of the scope.
    """
    frame = frame.copy(deep=False)
    for name, value in scope.items():
        if name not in frame:
            frame[name] = value
    _require_inside(frame, table, scope, since, time_column)
    columns = _checked(connection, table, schema, frame, keys)
    target = _qualified(table, schema)
    conditions = [f"t.{quoted(name)} = ${i}" for i, name in enumerate(scope, start=1)]
    values = list(scope.values())
    if since is not None:
        conditions.append(f"t.{quoted(time_column)} >= ${len(values) + 1}")
        values.append(since)
    inside = " AND ".join(conditions) or "true"
    if frame.empty:
        return Written(deleted=_change(connection, f"DELETE FROM {target} t WHERE {inside}", values))

    incoming = arrow_table(frame, columns, table)
    # What the scope fixes is equal anyway; what travels as text is compared as text.
    compared = [c for c in columns if c.name not in scope and c.name != LINEAGE]
    listed = ", ".join(f"t.{quoted(c.name)}{'::text' if c.cast and not c.json else ''}" for c in compared)
    stored = _arrow(connection, f"SELECT {listed} FROM {target} t WHERE {inside}", values)
    if not stored.num_rows and not any(column.cast for column in columns):
        _ingest(connection, table, incoming, schema=schema)
        return Written(inserted=len(frame))
    own_keys = [key for key in keys if key not in scope]
    write, remove = difference(stored, incoming, own_keys, [c.name for c in compared if c.name not in keys])
    deleted = 0
    if remove.any():
        deleted = _remove(
            connection, target, stored.select(own_keys).filter(pa.array(remove)), inside, values
        )
    written = Written(unchanged=len(frame) - int(write.sum()), deleted=deleted)
    if write.any():
        with _incoming(connection, incoming.filter(pa.array(write)), columns):
            written += _merge(connection, target, columns, keys, int(write.sum()))
    return written


def _remove(connection: Any, target: str, gone: pa.Table, inside: str, values: Sequence[object]) -> int:
    """Delete the rows of the scope with these keys."""
    if not gone.num_columns:
        return _change(connection, f"DELETE FROM {target} t WHERE {inside}", values)
    with connection.cursor() as cursor:
        cursor.adbc_ingest(_OUTGOING, gone, mode="create", temporary=True)
    _execute(connection, f"ANALYZE pg_temp.{_OUTGOING}")
    matches = " AND ".join(f"o.{quoted(key)} = t.{quoted(key)}" for key in gone.column_names)
    deleted = _change(
        connection,
        f"DELETE FROM {target} t USING pg_temp.{_OUTGOING} o WHERE {inside} AND {matches}",
        values,
    )
    _execute(connection, f"DROP TABLE pg_temp.{_OUTGOING}")
    return deleted


def _merge(
    connection: Any, target: str, columns: Sequence[TargetColumn], keys: Sequence[str], count: int
) -> Written:
    """Join what came in with what is there, and write the difference.

    The join comes first because ON CONFLICT locks, and so writes, every row that it meets, equal or not.
    """
    names = [quoted(column.name) for column in columns]
    compared = [quoted(c.name) for c in columns if c.name not in keys and c.name != LINEAGE]
    changed = [quoted(c.name) for c in columns if c.name not in keys]
    matches = " AND ".join(f"t.{quoted(key)} = i.{quoted(key)}" for key in keys)
    is_new = f"t.{quoted(keys[0])} IS NULL"
    differs = is_new
    action = "NOTHING"
    if compared:
        old, new = (", ".join(f"{side}.{name}" for name in compared) for side in "ti")
        differs = f"{is_new} OR ROW({old}) IS DISTINCT FROM ROW({new})"
        action = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in changed)
    # xmax is 0 in a row that was inserted and this transaction's lock in one that was updated.
    (inserted, updated) = _rows(
        connection,
        f"WITH written AS (INSERT INTO {target} ({', '.join(names)}) "
        f"SELECT {', '.join(f'i.{name}' for name in names)} "
        f"FROM pg_temp.{_INCOMING} i LEFT JOIN {target} t ON {matches} WHERE {differs} "
        f"ON CONFLICT ({', '.join(map(quoted, keys))}) DO {action} RETURNING (xmax = 0) AS is_new) "
        "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written",
    )[0]
    return Written(inserted, updated, count - inserted - updated)


@contextmanager
def _incoming(connection: Any, rows: pa.Table, columns: Sequence[TargetColumn]) -> Iterator[None]:
    """The rows as a temporary table of the target's types."""
    declared = ", ".join(f"{quoted(c.name)} {'text' if c.cast else c.type}" for c in columns)
    _execute(connection, f"CREATE TEMPORARY TABLE {_INCOMING} ({declared}) ON COMMIT DROP")
    _ingest(connection, _INCOMING, rows, temporary=True)
    for column in columns:
        if column.cast:
            name = quoted(column.name)
            _execute(
                connection,
                f"ALTER TABLE pg_temp.{_INCOMING} ALTER {name} TYPE {column.type} USING {name}::{column.type}",
            )
    # Without statistics the planner takes the table for tiny and joins row by row.
    _execute(connection, f"ANALYZE pg_temp.{_INCOMING}")
    yield
    _execute(connection, f"DROP TABLE pg_temp.{_INCOMING}")


def _ingest(
    connection: Any, table: str, rows: pa.Table, *, schema: str | None = None, temporary: bool = False
) -> None:
    place = {"db_schema_name": schema} if schema else {}
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, rows, mode="append", temporary=temporary, **place)


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
    frame: pd.DataFrame, table: str, scope: Mapping[str, Any], since: pd.Timestamp | None, time_column: str
) -> None:
    outside = pd.Series(data=False, index=frame.index)
    for name, value in scope.items():
        outside |= frame[name] != value
    if since is not None:
        outside |= frame[time_column] < since
    if outside.any():
        first = frame.loc[outside, [*scope, *([time_column] if since is not None else [])]].iloc[0].to_dict()
        limits = dict(scope) | ({f"{time_column} from": since} if since is not None else {})
        raise ValueError(f"rows for {table} lie outside of what is replaced ({limits}): {first}")


def _qualified(table: str, schema: str | None) -> str:
    return f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table)


def _arrow(connection: Any, sql: str, params: Sequence[object]) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters=tuple(map(_parameter, params)) or None)
        return cursor.fetch_arrow_table()


def _rows(connection: Any, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters=tuple(map(_parameter, params)) or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _execute(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _change(connection: Any, sql: str, params: Sequence[object] = ()) -> int:
    """Run an UPDATE or DELETE; the count of the rows it touched, which the driver does not tell by itself."""
    counted = f"WITH touched AS ({sql} RETURNING 1) SELECT count(*) FROM touched"
    return int(_rows(connection, counted, params)[0][0])


def _parameter(value: object) -> object:
    """Timestamps of pandas as those of Python, numbers of numpy as Python's: what the driver binds."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
