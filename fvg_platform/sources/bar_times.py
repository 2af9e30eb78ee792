"""The time column of a bar file, whatever it is written as, to instants in UTC or to exchange days.

A moment needs a zone: an ISO time with an offset, a zoned Parquet timestamp, or an integer count since 1970 UTC.
Only a day, week or month may be named by a plain date, which is then the exchange day.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fvg_platform.market.calendars import TradingCalendar
from fvg_platform.market.grids import microseconds, timestamps
from fvg_platform.market.timeframes import INTRADAY
from fvg_platform.sources.raw_tables import RawTable

_DAY = 86_400_000_000
_INTEGER = r"^-?[0-8]?\d{1,18}$"  # what fits into 64 bits
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$"
_ZONED = r"[T ]\d{2}:?\d{2}[^+-]*(Z|z|[+-]\d{2}(:?\d{2})?)$"
_NOTHING = ("", "null", "None", "NaN", "nan", "NaT", "NA", "N/A")
_HOW_TO_WRITE = "write it with its offset, such as 2024-01-02T09:30:00-05:00 or 2024-01-02T14:30:00Z"
_EARLIEST, _LATEST = (microseconds([pd.Timestamp(f"{year}-01-01", tz="UTC")])[0] for year in (1800, 2200))


@dataclass(frozen=True, eq=False)
class BarTimes:
    """Times of a file's rows in microseconds since 1970, shape (n,): instants UTC, or midnights of exchange days."""

    us: NDArray[np.int64]
    are_days: bool


def parse_times(table: RawTable, column: str, timeframe: str) -> BarTimes:
    """Instants or exchange days of a table's time column.

    Raises
    ------
    SourceError
        For a row without a time, a local time without a zone, or what is no time at all; names the first such row.
    """
    values = table.columns[column]
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.is_in(values, value_set=pa.array(_NOTHING, values.type)), None, values)
    nulls = np.flatnonzero(pc.is_null(values).to_numpy(zero_copy_only=False))
    if len(nulls):
        table.fail(f"{column} is empty; write the bar's open time or remove the row", int(nulls[0]))
    times = _by_type(table, column, values, timeframe)
    odd = np.flatnonzero((times.us < _EARLIEST) | (times.us >= _LATEST))
    if len(odd):
        row = int(odd[0])
        table.fail(
            f"{column} is {values[row].as_py()!r}, which is no time of a market between 1800 and 2200", row
        )
    return times


def open_times(
    table: RawTable, times: BarTimes, timeframe: str, calendar: TradingCalendar
) -> pd.DatetimeIndex:
    """Open times of the rows' bars, UTC, shape (n,).

    Intraday times stay as they are. A day, week or month becomes the open of its first session: a zoned time names
    the exchange day it falls on, or its own date when it is midnight UTC (how many programs write a plain date).

    Raises
    ------
    SourceError
        For a weekly bar on a Sunday: some count it to the week before, others to the week after.
    """
    if timeframe in INTRADAY:
        return timestamps(times.us)
    days = timestamps(times.us).tz_localize(None)
    if not times.are_days:
        midnights = times.us % _DAY == 0
        days = days.where(midnights, calendar.session_date(timestamps(times.us)))
    if timeframe == "1w":
        sundays = np.flatnonzero(days.day_of_week == 6)
        if len(sundays):
            row = int(sundays[0])
            table.fail(
                f"the week is dated {days[row]:%Y-%m-%d}, a Sunday, which may begin or end it; "
                "date every week by one of its days from Monday to Friday",
                row,
            )
    return calendar.opens_on(days, timeframe)


def _by_type(table: RawTable, column: str, values: pa.Array, timeframe: str) -> BarTimes:
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return BarTimes(_as_us(values), are_days=False)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _without_zone(table, column, values, timeframe)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(table, column, values, timeframe)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return _from_numbers(table, column, values, timeframe)
    return table.fail(f"{column} is a column of {kind}: write times")


def _without_zone(table: RawTable, column: str, values: pa.Array, timeframe: str) -> BarTimes:
    us = _as_us(values.cast(pa.timestamp("us"), safe=False))
    bad = np.arange(len(us)) if timeframe in INTRADAY else np.flatnonzero(us % _DAY)
    if len(bad):
        _fail_without_zone(table, column, str(values[int(bad[0])]), timeframe, int(bad[0]))
    return BarTimes(us, are_days=True)


def _from_text(table: RawTable, column: str, values: pa.Array, timeframe: str) -> BarTimes:
    if not len(values):
        return BarTimes(np.zeros(0, dtype=np.int64), are_days=timeframe not in INTRADAY)
    try:
        # ISO times that all have an offset, by far the most frequent kind; Arrow takes no others.
        return BarTimes(_as_us(pc.cast(values, pa.timestamp("us", "UTC"))), are_days=False)
    except pa.ArrowInvalid:
        return _from_other_text(table, column, values, timeframe)


def _from_other_text(table: RawTable, column: str, values: pa.Array, timeframe: str) -> BarTimes:
    if pc.all(pc.match_substring_regex(values, _INTEGER)).as_py():
        return _from_numbers(table, column, pc.cast(values, pa.int64()), timeframe)
    if timeframe not in INTRADAY and pc.all(pc.match_substring_regex(values, _DATE)).as_py():
        days = _to_timestamps(table, column, pc.utf8_slice_codeunits(values, 0, 10), None)
        return BarTimes(_as_us(days), are_days=True)
    zoned = pc.replace_substring_regex(values, r" ?UTC$", "Z")
    unzoned = np.flatnonzero(~pc.match_substring_regex(zoned, _ZONED).to_numpy(zero_copy_only=False))
    if len(unzoned):
        row = int(unzoned[0])
        text = values[row].as_py()
        if pd.isna(pd.to_datetime(text, errors="coerce")):
            table.fail(f"{column} is {text!r}, which is no time; {_HOW_TO_WRITE}", row)
        _fail_without_zone(table, column, text, timeframe, row)
    return BarTimes(_as_us(_to_timestamps(table, column, zoned, "UTC")), are_days=False)


def _to_timestamps(table: RawTable, column: str, values: pa.Array, zone: str | None) -> pa.Array:
    kind = pa.timestamp("us", zone)
    try:
        return pc.cast(values, kind)
    except pa.ArrowInvalid:
        # Twenty times slower, but reads nanoseconds and tells which row is at fault.
        texts = pd.Series(values.to_pylist(), dtype="str")
        parsed = pd.to_datetime(texts, format="ISO8601", utc=zone is not None, errors="coerce")
    bad = np.flatnonzero(parsed.isna())
    if len(bad):
        row = int(bad[0])
        table.fail(f"{column} is {texts[row]!r}, which is no time; {_HOW_TO_WRITE}", row)
    return pa.array(parsed, type=kind, safe=False)


def _from_numbers(table: RawTable, column: str, values: pa.Array, timeframe: str) -> BarTimes:
    """Counts since 1970 UTC in the unit their size tells, or days written as 20240102."""
    numbers = values.to_numpy(zero_copy_only=False)
    fractions = np.flatnonzero(~np.isfinite(numbers) | (numbers % 1 != 0))
    if len(fractions):
        row = int(fractions[0])
        table.fail(f"{column} is {numbers[row]}: write whole seconds or milliseconds since 1970 UTC", row)
    numbers = numbers.astype(np.int64)
    written = _written_days(numbers)
    if written is not None:
        if timeframe in INTRADAY:
            table.fail(f"{column} is {numbers[0]}, a date without a time of day; {_HOW_TO_WRITE}", 0)
        return BarTimes(written, are_days=True)
    largest = int(np.abs(numbers).max(initial=0))
    if largest < 10**11:
        return BarTimes(numbers * 1_000_000, are_days=False)
    if largest < 10**14:
        return BarTimes(numbers * 1_000, are_days=False)
    return BarTimes(numbers if largest < 10**17 else numbers // 1_000, are_days=False)


def _written_days(numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
    if not len(numbers) or numbers.min() < 18_000_101 or numbers.max() > 22_000_101:
        return None
    days = pd.to_datetime(pd.Series(numbers).astype(str), format="%Y%m%d", errors="coerce")
    return None if days.isna().any() else microseconds(days.dt.tz_localize("UTC"))


def _fail_without_zone(table: RawTable, column: str, text: str, timeframe: str, row: int) -> None:
    if timeframe in INTRADAY:
        table.fail(f"{column} is {text!r}, a local time without a zone; {_HOW_TO_WRITE}", row)
    table.fail(
        f"{column} is {text!r}, a time of day without a zone; "
        f"name a {timeframe} bar by its date alone, or {_HOW_TO_WRITE}",
        row,
    )


def _as_us(values: pa.Array) -> NDArray[np.int64]:
    zone = values.type.tz
    cast = values.cast(pa.timestamp("us", zone), safe=False)
    result: NDArray[np.int64] = cast.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return result
