"""Single rows over the bulk connection: everything a series writes shares that connection and its transaction.

A record travels as one JSON parameter that Postgres turns into a row of the table's own types
(`jsonb_populate_record`), so that NULLs, times and JSON need no driver-side typing. Statements are built from
the schema's tables, never from text that came from outside.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_dialect = postgresql.dialect()


def _quoted(name: str) -> str:
    return _dialect.identifier_preparer.quote(name)


def as_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dicts of Python values by column name, NULLs as None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _as_json(value: object) -> object:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__} cannot be stored: {value!r}")


def execute(connection: Any, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
    """Run one statement with positional parameters ($1, …) and return its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters=tuple(parameters) or None)
        return cursor.fetchall() if cursor.description else []


def insert_record(
    connection: Any,
    table: sa.Table,
    record: Mapping[str, object],
    *,
    keys: Sequence[str] = (),
    keep_existing: bool = False,
    returning: str | None = None,
) -> object | None:
    """Insert one row; where `keys` are given an existing row is updated, or kept with `keep_existing`.

    Raises
    ------
    KeyError
        if the record has a column that the table does not have.
    """
    columns = [table.columns[name].name for name in record]
    listed = ", ".join(map(_quoted, columns))
    sql = (
        f"INSERT INTO {_quoted(table.name)} ({listed}) SELECT {listed} "
        f"FROM jsonb_populate_record(NULL::{_quoted(table.name)}, $1::jsonb)"
    )
    if keys:
        changed = [c for c in columns if c not in keys]
        action = (
            "NOTHING"
            if keep_existing or not changed
            else "UPDATE SET " + ", ".join(f"{_quoted(c)} = excluded.{_quoted(c)}" for c in changed)
        )
        sql += f" ON CONFLICT ({', '.join(map(_quoted, keys))}) DO {action}"
    if returning:
        sql += f" RETURNING {_quoted(returning)}"
    rows = execute(connection, sql, [json.dumps(dict(record), default=_as_json)])
    return rows[0][0] if rows else None
