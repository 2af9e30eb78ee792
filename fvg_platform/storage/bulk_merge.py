"""The statements behind bulk writes: rows into a temporary table, and from there the difference into the target.

Everything runs over the ADBC connection that is passed in, in its transaction, which the caller ends.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from fvg_platform.storage.bulk_columns import TargetColumn, quoted

LINEAGE = "lineage_id"
_INCOMING = "incoming_rows"
_TINY = 1000
_OUTGOING = "outgoing_keys"


@dataclass(frozen=True)
class Written:
    """What a write did to the table's rows; adding two adds their counts.

    `first_changed`: the earliest time of a row that changed; None where nothing changed, or where it is not known.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    first_changed: pd.Timestamp | None = field(default=None, compare=False)

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
            earliest(w.first_changed for w in (self, other) if w.changed),
        )


def earliest(times: Iterable[pd.Timestamp | None]) -> pd.Timestamp | None:
    """The earliest of some times; None if one of them is not known, or there is none."""
    known = list(times)
    return min(known) if known and not any(time is None for time in known) else None  # type: ignore[type-var]


def merge(
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
    (inserted, updated) = rows(
        connection,
        f"WITH written AS (INSERT INTO {target} ({', '.join(names)}) "
        f"SELECT {', '.join(f'i.{name}' for name in names)} "
        f"FROM pg_temp.{_INCOMING} i LEFT JOIN {target} t ON {matches} WHERE {differs} "
        f"ON CONFLICT ({', '.join(map(quoted, keys))}) DO {action} RETURNING (xmax = 0) AS is_new) "
        "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written",
    )[0]
    return Written(inserted, updated, count - inserted - updated)


@contextmanager
def incoming(connection: Any, new: pa.Table, columns: Sequence[TargetColumn]) -> Iterator[None]:
    """The rows as a temporary table of the target's types."""
    declared = ", ".join(f"{quoted(c.name)} {'text' if c.cast else c.type}" for c in columns)
    execute(connection, f"CREATE TEMPORARY TABLE {_INCOMING} ({declared}) ON COMMIT DROP")
    ingest(connection, _INCOMING, new, temporary=True)
    for column in columns:
        if column.cast:
            name = quoted(column.name)
            execute(
                connection,
                f"ALTER TABLE pg_temp.{_INCOMING} ALTER {name} TYPE {column.type} USING {name}::{column.type}",
            )
    # Without statistics the planner takes the table for tiny and joins row by row, which a tiny one may be.
    if new.num_rows > _TINY:
        execute(connection, f"ANALYZE pg_temp.{_INCOMING}")
    yield
    execute(connection, f"DROP TABLE pg_temp.{_INCOMING}")


def remove(connection: Any, target: str, gone: pa.Table, inside: str, values: Sequence[object]) -> int:
    """Delete the rows of the scope with these keys."""
    if not gone.num_columns:
        return change(connection, f"DELETE FROM {target} t WHERE {inside}", values)
    with connection.cursor() as cursor:
        cursor.adbc_ingest(_OUTGOING, gone, mode="create", temporary=True)
    execute(connection, f"ANALYZE pg_temp.{_OUTGOING}")
    matches = " AND ".join(f"o.{quoted(key)} = t.{quoted(key)}" for key in gone.column_names)
    deleted = change(
        connection,
        f"DELETE FROM {target} t USING pg_temp.{_OUTGOING} o WHERE {inside} AND {matches}",
        values,
    )
    execute(connection, f"DROP TABLE pg_temp.{_OUTGOING}")
    return deleted


def ingest(
    connection: Any, table: str, new: pa.Table, *, schema: str | None = None, temporary: bool = False
) -> None:
    """Add the rows as they are, by binary COPY; column types must be the table's."""
    place = {"db_schema_name": schema} if schema else {}
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, new, mode="append", temporary=temporary, **place)


def arrow(connection: Any, sql: str, params: Sequence[object]) -> pa.Table:
    """Run a query with `$1`, … bound; its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters=tuple(map(_parameter, params)) or None)
        return cursor.fetch_arrow_table()


def rows(connection: Any, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The same as Python values, for a few rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters=tuple(map(_parameter, params)) or None)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def execute(connection: Any, sql: str) -> None:
    """Run a statement that returns nothing."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def change(connection: Any, sql: str, params: Sequence[object] = ()) -> int:
    """Run an UPDATE or DELETE; the count of the rows it touched, which the driver does not tell by itself."""
    counted = f"WITH touched AS ({sql} RETURNING 1) SELECT count(*) FROM touched"
    return int(rows(connection, counted, params)[0][0])


def _parameter(value: object) -> object:
    """Timestamps of pandas as those of Python, numbers of numpy as Python's: what the driver binds."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
