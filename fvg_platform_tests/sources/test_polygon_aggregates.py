"""Bars of the vendor: decoded, put in order, and read to the end whatever an answer leaves out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.sources.base import VendorError
from fvg_platform.sources.polygon.aggregates import BarRequest, decode_bars, fetch_rows, in_order
from fvg_platform.sources.polygon.markets import VendorBars
from fvg_platform_tests.sources.canned_vendor import Canned, CannedVendor, Request, bar, bars_body

MINUTE = 60_000
HALF_HOUR = 30 * MINUTE
START = 1_704_205_800_000  # 2024-01-02 14:30 UTC


def at(t: int) -> pd.Timestamp:
    return pd.Timestamp(t, unit="ms", tz="UTC")


# --- decoding ----------------------------------------------------------------------------------------------------


def test_rows_become_columns() -> None:
    rows = [
        {"t": START, "o": 10, "h": 12.5, "l": 9, "c": 11, "v": 555568.36, "vw": 10.75, "n": 3},
        {"t": START + MINUTE, "o": 11.0, "h": 11, "l": 11, "c": 11, "v": 1_000_000_000_000_000_000},
        {"t": START + 2 * MINUTE, "o": None, "h": 11, "l": 11, "v": 0, "vw": None, "n": 0},
    ]
    bars = decode_bars(rows, "SPY")
    assert bars.columns.tolist() == [
        "ts", "open", "high", "low", "close", "volume", "vwap", "transactions"
    ]  # fmt: skip
    assert str(bars["ts"].dtype) == "datetime64[us, UTC]"
    assert bars["ts"].tolist() == [at(row["t"]) for row in rows]
    assert set(bars.dtypes[1:].astype(str)) == {"float64"}
    nan = np.nan
    np.testing.assert_array_equal(
        bars.iloc[:, 1:].to_numpy(),
        [
            [10, 12.5, 9, 11, 555568.36, 10.75, 3],
            [11, 11, 11, 11, 1e18, nan, nan],
            [nan, 11, 11, nan, 0, nan, 0],
        ],
    )


def test_no_rows_have_the_same_columns() -> None:
    pd.testing.assert_series_equal(decode_bars([], "SPY").dtypes, decode_bars([bar(START)], "SPY").dtypes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"c": "11.5"}, "c is '11.5', which is no number"),
        ({"v": True}, "v is True, which is no number"),
        ({"o": [1]}, r"o is \[1\], which is no number"),
        ({"t": None}, "t is None, which is no time"),
        ({"t": "2024-01-02"}, "t is '2024-01-02', which is no time"),
        ({"t": START + 0.5}, "t is 1704205800000.5, which is no time"),
        ({"t": -1}, "t is -1, which is no time"),
        ({"t": START * 1000}, "which is no time in milliseconds since 1970"),
    ],
)
def test_a_row_that_is_no_bar_is_named(change: dict[str, Any], told: str) -> None:
    rows = [bar(START), bar(START + MINUTE) | change]
    with pytest.raises(VendorError, match=rf"^polygon: SPY 1m: row 2 of the answer is no bar: .*{told}"):
        decode_bars(rows, "SPY 1m")
    with pytest.raises(VendorError, match="row 2 of the answer is no bar: t is None"):
        decode_bars([bar(START), "bar"], "SPY 1m")


# --- order -------------------------------------------------------------------------------------------------------


def test_rows_are_ordered_equal_ones_dropped_and_conflicts_kept() -> None:
    rows = [bar(5, 12.0), bar(3), bar(5, 11.0), bar(3), bar(1), bar(5, 12.0), bar(9)]
    for order in (rows, rows[::-1]):
        bars, duplicates, _ = in_order(decode_bars(order, "SPY"))
        assert bars["ts"].tolist() == [at(1), at(3), at(5), at(5), at(9)]
        assert bars["close"].tolist() == [10, 10, 11, 12, 10]
        assert duplicates == 2
    assert in_order(decode_bars(rows, "SPY"))[2] == 3  # both of 3 and the 1 came after a 5


def test_rows_without_vwap_are_equal_too() -> None:
    row = {"t": 1, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
    bars, duplicates, out_of_order = in_order(decode_bars([row, row], "SPY"))
    assert (len(bars), duplicates, out_of_order) == (1, 1, 0)


# --- to the end --------------------------------------------------------------------------------------------------


def base_limited(minutes: list[int], step: int, *, with_next_url: bool) -> Any:
    """A vendor that makes bars of `step` from the first `limit` of its minutes, so that the last may be half a bar."""

    def respond(request: Request) -> Canned:
        first, last = request.span
        limit = int(request.query["limit"])
        available = [m for m in minutes if first <= m <= last]
        read = available[:limit]
        bars: dict[int, dict[str, Any]] = {}
        for m in read:
            t = m // step * step
            bars.setdefault(t, bar(t, volume=0.0))["v"] += 1.0
        more = {"next_url": "https://x.test/v2/never"} if with_next_url and len(available) > limit else {}
        return Canned(bars_body(list(bars.values()), queryCount=len(read), **more))

    return respond


@settings(max_examples=30, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 400), min_size=1, max_size=120, unique=True).map(sorted),
    limit=st.integers(31, 60),
    with_next_url=st.booleans(),
)
def test_every_bar_is_whole_wherever_answers_are_cut(
    minutes: list[int], limit: int, with_next_url: bool
) -> None:
    times = [START + m * MINUTE for m in minutes]
    vendor = CannedVendor(respond=base_limited(times, HALF_HOUR, with_next_url=with_next_url))
    with vendor:
        rows = fetch_rows(vendor.client(), request(limit=limit))
    expected = pd.Series(times).floordiv(HALF_HOUR).mul(HALF_HOUR).value_counts().sort_index()
    assert rows.bars["ts"].tolist() == [at(int(t)) for t in expected.index]
    assert rows.bars["volume"].tolist() == expected.tolist()
    assert (rows.duplicates, rows.calls) == (0, len(vendor.requests))


def request(limit: int = 50_000) -> BarRequest:
    last = START + 1_000 * MINUTE
    return BarRequest("SPY", VendorBars(30, "minute"), START, last, True, "SPY 1h", limit)


def test_an_answer_without_a_bar_to_go_on_from_is_followed_by_next_url() -> None:
    next_url = "https://x.test/v2/aggs/next?cursor=2"
    pages = [
        Canned(bars_body([], next_url=next_url)),
        Canned(bars_body([bar(START)], next_url=next_url + "2")),
        Canned(bars_body([bar(START), bar(START + HALF_HOUR)])),
    ]
    with CannedVendor(*pages) as vendor:
        rows = fetch_rows(vendor.client(), request())
    assert rows.bars["ts"].tolist() == [at(START), at(START + HALF_HOUR)]
    assert (rows.calls, rows.duplicates) == (3, 1)


def test_an_answer_that_reaches_beyond_the_request_is_its_end() -> None:
    rows = [bar(START), bar(START + 5_000 * MINUTE)]
    with CannedVendor(Canned(bars_body(rows, queryCount=50_000))) as vendor:
        assert fetch_rows(vendor.client(), request()).calls == 1


def test_an_answer_that_is_cut_off_in_its_first_bar_is_an_error() -> None:
    cut = Canned(bars_body([bar(START)], queryCount=20))
    told = "SPY 1h: the answer is cut off at 20 base bars before its second bar"
    with CannedVendor(cut) as vendor, pytest.raises(VendorError, match=told):
        fetch_rows(vendor.client(), request(limit=20))
    assert len(vendor.requests) == 1
