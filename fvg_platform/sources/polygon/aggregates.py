"""The vendor's bars as a DataFrame: pages asked for to the end, rows decoded fast, order restored.

One answer is made from at most `limit` base bars (minutes or days), however many bars it gives, and may end in the
middle of one. So an answer that tells of more is gone on from its last bar, which is asked for again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from fvg_platform.market.grids import microseconds, timestamps
from fvg_platform.sources.base import VendorError
from fvg_platform.sources.polygon.markets import VendorBars
from fvg_platform.sources.polygon.transport import Answer, PolygonClient

COLUMNS: dict[str, str] = {
    "open": "o",
    "high": "h",
    "low": "l",
    "close": "c",
    "volume": "v",
    "vwap": "vw",
    "transactions": "n",
}
"""The vendor's name of each column; `t` is the open time in milliseconds since 1970."""

MOST_BASE_BARS = 50_000
_LATEST = 4_102_444_800_000  # the year 2100 in milliseconds


@dataclass(frozen=True)
class BarRequest:
    """Bars of one ticker that open from `first` to `last` (milliseconds since 1970 UTC, both included).

    `what`: ticker, timeframe and window for messages; `limit`: base bars of one answer.
    """

    ticker: str
    bars: VendorBars
    first: int
    last: int
    adjusted: bool
    what: str
    limit: int = MOST_BASE_BARS


@dataclass(frozen=True, eq=False)
class VendorRows:
    """Rows of the vendor in order of time.

    `bars`: `ts` (datetime64[us, UTC]), prices, `volume, vwap, transactions` (float64, NaN where there is none), no row
    twice; rows of one time that differ stay, smaller values first. `duplicates`: rows left out because they equal
    another one; `out_of_order`: rows that came later than a younger one.
    """

    bars: pd.DataFrame
    calls: int
    duplicates: int
    out_of_order: int


def fetch_rows(client: PolygonClient, request: BarRequest) -> VendorRows:
    """All rows that the vendor has for a request.

    Raises
    ------
    VendorError
        What the transport raises; a row that is no bar; an answer that is cut off and cannot be gone on from.
    """
    parts: list[pd.DataFrame] = []
    calls, first, is_cut = 0, request.first, True
    while is_cut:
        for answer in _pages(client, request, first):
            calls += answer.calls
            bars = decode_bars(answer.results, request.what)
            newest = int(microseconds(bars["ts"]).max(initial=0)) // 1000
            is_cut = _is_cut(answer, request.limit) and newest <= request.last
            if not is_cut:
                parts.append(bars)
                break
            if newest > first:
                parts.append(bars[bars["ts"] < pd.Timestamp(newest, unit="ms", tz="UTC")])
                first = newest
                break
            # Nothing to go on from: only the vendor's own next_url leads on.
            parts.append(bars)
        else:
            raise VendorError(
                f"polygon: {request.what}: the answer is cut off at {request.limit} base bars before its second "
                "bar and has no next_url: nothing of this window was kept. Ask for a shorter window"
            )
    rows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    bars, duplicates, out_of_order = in_order(rows)
    return VendorRows(bars, calls, duplicates, out_of_order)


def decode_bars(results: Sequence[Any], what: str) -> pd.DataFrame:
    """Rows of an answer as columns, in their order.

    50,000 rows take 60 ms, besides 45 ms for their JSON.

    Raises
    ------
    VendorError
        A row without a time, or with something that is no number; names the row and shows it. Prices and volumes that
        are missing become NaN.
    """
    columns: dict[str, object] = {"ts": timestamps(_times(results, what) * 1000)}
    return pd.DataFrame(columns | {name: _numbers(results, key, what) for name, key in COLUMNS.items()})


def in_order(rows: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Rows by time without those that equal another in every value; how many were equal, how many came late."""
    us = microseconds(rows["ts"])
    if (us[1:] > us[:-1]).all():
        return rows.reset_index(drop=True), 0, 0
    out_of_order = int(np.count_nonzero(us[1:] < np.maximum.accumulate(us)[:-1]))
    values = rows[list(COLUMNS)].to_numpy()
    order = np.lexsort([*values.T[::-1], us])
    us, values = us[order], values[order]
    equal = np.zeros(len(us), dtype=np.bool_)
    same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    equal[1:] = (us[1:] == us[:-1]) & same.all(axis=1)
    return rows.iloc[order[~equal]].reset_index(drop=True), int(equal.sum()), out_of_order


def _pages(client: PolygonClient, request: BarRequest, first: int) -> Iterator[Answer]:
    return client.aggregates(
        request.ticker,
        request.bars.multiplier,
        request.bars.timespan,
        first,
        request.last,
        adjusted=request.adjusted,
        limit=request.limit,
        what=request.what,
    )


def _is_cut(answer: Answer, limit: int) -> bool:
    read = answer.body.get("queryCount")
    return bool(answer.body.get("next_url")) or (isinstance(read, int) and read >= limit)


def _times(results: Sequence[Any], what: str) -> NDArray[np.int64]:
    times = _column(results, "t")
    if times is not None and bool(((times >= 0) & (times < _LATEST) & (times % 1 == 0)).all()):
        return times.astype(np.int64)
    for row, result in enumerate(results):
        time = result.get("t") if isinstance(result, dict) else None
        if type(time) is not int or not 0 <= time < _LATEST:
            _fail(what, row, f"t is {time!r}, which is no time in milliseconds since 1970", result)
    raise VendorError(f"polygon: {what}: the times of the answer cannot be read; try again later")


def _numbers(results: Sequence[Any], key: str, what: str) -> NDArray[np.float64]:
    numbers = _column(results, key)
    if numbers is None:
        return np.array([_number(result, key, what, row) for row, result in enumerate(results)], np.float64)
    return numbers


def _column(results: Sequence[Any], key: str) -> NDArray[np.float64] | None:
    """The numbers of a key; None where a row lacks it or has something else there."""
    try:
        values = list(map(itemgetter(key), results))
        if bool in set(map(type, values)):
            return None
        # Arrow takes integers, floats and nulls side by side, and no text for a number.
        numbers: NDArray[np.float64] = pa.array(values, type=pa.float64()).to_numpy(zero_copy_only=False)
    except (KeyError, TypeError, OverflowError, pa.ArrowException):
        return None
    return numbers


def _number(result: dict[str, Any], key: str, what: str, row: int) -> float:
    value = result.get(key)
    if value is None:
        return np.nan
    if type(value) not in (int, float):
        _fail(what, row, f"{key} is {value!r}, which is no number", result)
    return float(value)


def _fail(what: str, row: int, fault: str, result: object) -> None:
    raise VendorError(
        f"polygon: {what}: row {row + 1} of the answer is no bar: {fault}, in {str(result)[:200]}. Nothing of this "
        "window was kept; try again later, and tell the vendor if it stays"
    )
