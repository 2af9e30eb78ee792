"""A CSV or Parquet file as named Arrow columns, and the names of its rows for error messages.

CSV values stay text: their types are judged by :mod:`fvg_platform.sources.bar_files`, which can then name the value
and the line. Nothing here knows what a bar is.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from fvg_platform.sources.base import SourceError

SUFFIXES: tuple[str, ...] = (".csv", ".parquet")

RowName = Callable[[int], str]

_HEAD_BYTES = 1 << 19
_HEAD_ROWS = 10_000


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of one file: `columns` by the names they were asked for, and `row_name(i)`: `line 17` or `row 16`."""

    path: Path
    columns: dict[str, pa.Array]
    row_name: RowName

    def fail(self, message: str, row: int | None = None) -> NoReturn:
        """Raise a SourceError about the file, or about one of its rows."""
        place = "" if row is None else f", {self.row_name(row)}"
        raise SourceError(f"{self.path}{place}: {message}")


def column_names(path: Path) -> list[str]:
    """The file's column names as they stand there; SourceError for an empty, unreadable or foreign file."""
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(f"{path}: is neither .csv nor .parquet; convert it to one of them")
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty; write a header line and bars, or remove it")
        if path.suffix.lower() == ".parquet":
            return list(pyarrow.parquet.read_schema(path).names)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next((record for record in csv.reader(file) if record), [])
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror or error}); check that it is there and yours"
        ) from error
    except pa.ArrowException as error:
        raise SourceError(f"{path}: is no readable Parquet file ({error}); write it again") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: is no UTF-8 text ({error}); save it as CSV in UTF-8") from error


def read_table(path: Path, names: Sequence[str], *, head: bool = False) -> RawTable:
    """The named columns of a file, only its first thousands of rows if `head`.

    Raises
    ------
    SourceError
        The file cannot be read, or a CSV line has more or fewer fields than the header.
    """
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        read = _read_parquet if is_parquet else _read_csv
        table = read(path, names, head)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error}); check that it is whole and yours") from error
    except pa.ArrowException as error:
        _explain(path, error)
    columns = {name: table.column(name).combine_chunks() for name in names}
    return RawTable(path, columns, _parquet_row if is_parquet else _csv_line(path))


def _read_parquet(path: Path, names: Sequence[str], head: bool) -> pa.Table:
    if not head:
        return pyarrow.parquet.read_table(path, columns=list(names))
    with pyarrow.parquet.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=_HEAD_ROWS, columns=list(names))
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
        first = next(batches, None)
    return pa.Table.from_batches([] if first is None else [first], schema=schema)


def _read_csv(path: Path, names: Sequence[str], head: bool) -> pa.Table:
    options = pyarrow.csv.ConvertOptions(
        include_columns=list(names), column_types={name: pa.string() for name in names}
    )
    if not head:
        return pyarrow.csv.read_csv(path, convert_options=options)
    with path.open("rb") as file:
        content = file.read(_HEAD_BYTES)
    if len(content) == _HEAD_BYTES:
        content = content[: content.rfind(b"\n") + 1]
    return pyarrow.csv.read_csv(io.BytesIO(content), convert_options=options)


def _parquet_row(position: int) -> str:
    return f"row {position + 1}"


def _csv_line(path: Path) -> RowName:
    def line(position: int) -> str:
        return f"line {_records(path)[position + 1][0]}"

    return line


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and fields of every record that is not blank; read only to explain an error."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        return [(reader.line_num, fields) for fields in reader if fields]


def _explain(path: Path, error: pa.ArrowException) -> NoReturn:
    if path.suffix.lower() == ".csv":
        records = _records(path)
        for number, fields in records:
            if len(fields) != len(records[0][1]):
                raise SourceError(
                    f"{path}, line {number}: has {len(fields)} fields where the header has {len(records[0][1])}; "
                    "mend or remove the line"
                ) from error
    raise SourceError(f"{path}: cannot be read as {path.suffix[1:]} ({error}); write it again") from error
