"""How the columns of a DataFrame and of a Postgres table become each other, by way of Arrow.

The target's catalogue decides the types: binary COPY does not convert, and a DataFrame's own types (text in
categories, counts in floats because of a NaN) say too little.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_ARROW_TYPES: dict[str, pa.DataType] = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "timestamp without time zone": pa.timestamp("us"),
}
_NULLABLE: dict[pa.DataType, Any] = {
    pa.int64(): pd.Int64Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


@dataclass(frozen=True)
class TargetColumn:
    """A column of the target: name, Postgres type, and whether values travel as text and are cast there."""

    name: str
    type: str

    @property
    def cast(self) -> bool:
        """Types that have no plain Arrow counterpart, such as jsonb, numeric or arrays."""
        return self.type not in _ARROW_TYPES

    @property
    def json(self) -> bool:
        """Whether values are dicts and lists."""
        return self.type in ("json", "jsonb")


def quoted(name: str) -> str:
    """The name as an SQL identifier, whatever it holds."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def target_columns(connection: Any, table: str, schema: str | None) -> dict[str, TargetColumn]:
    """The target's columns by name; raises ValueError when there is no such table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            parameters=(f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table),),
        )
        rows = cursor.fetchall()
    if not rows:
        raise ValueError(f"there is no table {table!r}: migrate the database first (fvg db migrate)")
    return {name: TargetColumn(name, kind) for name, kind in rows}


def arrow_table(frame: pd.DataFrame, columns: list[TargetColumn], table: str) -> pa.Table:
    """The frame in the target's types; NaN, NaT, None and NA become NULL.

    Raises
    ------
    ValueError
        A value does not fit the column: a fraction where whole numbers belong, text in a price, a time
        without a zone. Table, column and the first such value are named.
    """
    arrays = []
    for column in columns:
        values = frame[column.name]
        try:
            arrays.append(_array(values, column))
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"column {column.name} of {table} ({column.type}) cannot take {_first_misfit(values, column)}: {error}"
            ) from error
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The DataFrame of a query's result, in the types that :func:`fvg_platform.storage.bulk.read_frame` states."""
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the query returns two columns named {twice!r}: give one another name (AS)")
    special = {
        index: _series(column)
        for index, column in enumerate(table.columns)
        if isinstance(column.type, pa.BaseExtensionType) or (column.null_count and column.type in _NULLABLE)
    }
    # All plain columns at once: one by one takes 3 ms even for a single row.
    frame = table.select([i for i in range(len(names)) if i not in special]).to_pandas()
    for index, values in special.items():
        frame.insert(index, names[index], values)
    return frame


def _array(values: pd.Series, column: TargetColumn) -> pa.Array:
    if column.cast:
        return pa.array([_as_text(value, column.type) for value in values], type=pa.string())
    wanted = _ARROW_TYPES[column.type]
    if values.dtype == np.float64 and wanted == pa.float64():
        return pa.array(
            values.to_numpy(), from_pandas=True
        )  # most columns: a third of the time of the way below
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pa.types.is_timestamp(wanted):
        _require_zone(values, wanted.tz is not None)
    array = pa.Array.from_pandas(values)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_floating(array.type) and not isinstance(values.dtype, np.dtype):
        array = pc.if_else(pc.is_nan(array), None, array)  # nullable floats may hold NaN beside NA
    # Nanoseconds are cut to Postgres' microseconds; every other loss is an error.
    return pc.cast(array, wanted, safe=not pa.types.is_timestamp(wanted))


def _require_zone(values: pd.Series, zoned: bool) -> None:
    if (zoned and isinstance(values.dtype, pd.DatetimeTZDtype)) or values.isna().all():
        return
    has_zone = isinstance(values.dtype, pd.DatetimeTZDtype) or (
        values.dtype == object and getattr(values.dropna().iloc[0], "tzinfo", None) is not None
    )
    if has_zone != zoned:
        raise ValueError("a time without a time zone" if zoned else "a time with a time zone")


def _as_text(value: object, kind: str) -> str | None:
    if kind in ("json", "jsonb"):
        if (
            value is None
            or value is pd.NA
            or value is pd.NaT
            or (isinstance(value, float) and np.isnan(value))
        ):
            return None
        return json.dumps(value, allow_nan=False, default=_plain)
    if isinstance(value, (list, tuple, np.ndarray)):
        return "{" + ",".join(json.dumps(str(_plain(item)), ensure_ascii=False) for item in value) + "}"
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _plain(value: object) -> object:
    """numpy and pandas scalars as what JSON knows."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _first_misfit(values: pd.Series, column: TargetColumn) -> str:
    for position, value in enumerate(values):
        try:
            _array(values.iloc[position : position + 1], column)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return f"{value!r} (row {position})"
    return f"values of type {values.dtype}"


def _series(values: pa.ChunkedArray) -> pd.Series:
    kind = values.type
    if isinstance(kind, pa.JsonType):
        texts = values.cast(pa.string()).to_pylist()
        return pd.Series([None if text is None else json.loads(text) for text in texts], dtype=object)
    if isinstance(kind, pa.OpaqueType):  # Postgres types without an Arrow counterpart arrive as text
        text = values.cast(kind.storage_type)
        return text.cast(pa.float64()).to_pandas() if kind.type_name == "numeric" else text.to_pandas()
    return values.to_pandas(types_mapper=_NULLABLE.get)
