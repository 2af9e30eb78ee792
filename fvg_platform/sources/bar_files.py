"""One file of bars, CSV or Parquet: which column is which, and its values as numbers and times.

Columns are found by name, whatever their case: the time is `ts`, `timestamp`, `datetime`, `date` or `time`; then
`open, high, low, close, volume`, and if they are there `vwap, transactions, taker_buy_volume`. What is no number
or no time is an error that names the line; what is a number but no sensible bar passes and is left to cleaning.
"""

import bisect
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fvg_platform.market.bars import OPTIONAL, REQUIRED
from fvg_platform.sources.bar_times import BarTimes, parse_times
from fvg_platform.sources.base import SourceError
from fvg_platform.sources.raw_tables import RawTable, column_names, read_table

# The last is what pandas calls a nameless index in Parquet.
TIME_COLUMNS: tuple[str, ...] = ("ts", "timestamp", "datetime", "date", "time", "__index_level_0__")

_NULLS = ("", "null", "Null", "NULL", "None", "NA", "N/A", "nan", "NaN", "-")


@dataclass(frozen=True, eq=False)
class BarFile:
    """A file's rows in their order: `times`, and `values` by canonical column name (float64, NaN for none)."""

    table: RawTable
    times: BarTimes
    values: dict[str, NDArray[np.float64]]


def read_bar_file(path: Path, timeframe: str) -> BarFile:
    """Read all rows of a bar file.

    Raises
    ------
    SourceError
        Empty or unreadable file, missing column, text where a number belongs, or a time that cannot be told; names
        the file, the line (CSV) or row (Parquet), the value and the way out.
    """
    names = _columns_of(path)
    table = read_table(path, list(names.values()))
    times = parse_times(table, names["ts"], timeframe)
    if not len(times.us):
        table.fail("has a header but no bars; write bars, or remove the file")
    values = {name: _numbers(table, column) for name, column in names.items() if name != "ts"}
    return BarFile(table, times, values)


def read_first_times(path: Path, timeframe: str) -> BarTimes:
    """Times of a file's first rows, some thousands, without reading the others; raises as `read_bar_file` does."""
    column = _columns_of(path)["ts"]
    return parse_times(read_table(path, [column], head=True), column, timeframe)


def _columns_of(path: Path) -> dict[str, str]:
    """The file's name of each canonical column."""
    present: dict[str, str] = {}
    for column in column_names(path):
        name = column.strip().lower()
        if name in present and name in (*TIME_COLUMNS, *REQUIRED, *OPTIONAL):
            raise SourceError(f"{path}: has two columns {name} ({present[name]!r}, {column!r}); remove one")
        present[name] = column
    times = [name for name in TIME_COLUMNS if name in present]
    missing = [name for name in REQUIRED[1:] if name not in present]
    if not times:
        missing.insert(0, "ts (or timestamp, datetime, date, time)")
    if missing:
        found = ", ".join(present.values())[:200] or "none"
        hint = "; separate the columns by commas" if ";" in found or "\t" in found else ""
        raise SourceError(f"{path}: lacks the column(s) {', '.join(missing)}; its columns are: {found}{hint}")
    wanted = [name for name in (*REQUIRED[1:], *OPTIONAL) if name in present]
    return {"ts": present[times[0]]} | {name: present[name] for name in wanted}


def _numbers(table: RawTable, column: str) -> NDArray[np.float64]:
    values = table.columns[column]
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = _text_to_numbers(table, column, values)
    elif not (
        pa.types.is_integer(values.type)
        or pa.types.is_floating(values.type)
        or pa.types.is_decimal(values.type)
    ):
        if values.null_count < len(values):
            table.fail(f"{column} is a column of {values.type}: write numbers")
        values = pa.nulls(len(values), pa.float64())
    result: NDArray[np.float64] = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return result


def _text_to_numbers(table: RawTable, column: str, values: pa.Array) -> pa.Array:
    try:
        return pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        values = pc.utf8_trim_whitespace(values)
    values = pc.if_else(pc.is_in(values, value_set=pa.array(_NULLS, values.type)), None, values)
    try:
        return pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        row = bisect.bisect_left(range(len(values)), True, key=lambda i: not _are_numbers(values[: i + 1]))
        text = values[row].as_py()
        return table.fail(
            f"{column} is {text!r}, which is no number; write it like 1234.5, or leave it empty", row
        )


def _are_numbers(texts: pa.Array) -> bool:
    try:
        pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
