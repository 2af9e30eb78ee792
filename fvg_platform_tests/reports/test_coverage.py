"""Coverage as a Markdown table and as a picture that carries its own bytes; the picture of a model's calibration."""

import base64

import numpy as np
import pandas as pd

from fvg_platform.reports.coverage import coverage_heat_maps, coverage_table
from fvg_platform.reports.model_pictures import reliability_picture

PNG = b"\x89PNG\r\n\x1a\n"


def png_of(markdown: str, title: str) -> bytes:
    head = f"![{title}](data:image/png;base64,"
    assert markdown.startswith(head)
    assert markdown.endswith(")")
    return base64.b64decode(markdown[len(head) : -1], validate=True)


def series_of(count: int) -> pd.DataFrame:
    """Series of 1,000 expected bars; the n-th lacks n of them."""
    missing = pd.Series(range(count))
    return pd.DataFrame(
        {
            "ticker": [f"T{n:03d}" for n in range(count)],
            "timeframe": "1h",
            "expected": 1000,
            "present": 1000 - missing,
            "missing": missing,
            "untraded": 0,
            "lost": 0,
            "unexpected": 1,
            "longest_hole": missing,
            "completeness": 1 - missing / 1000,
        }
    )


def monthly_of(tickers: int, months: int) -> pd.DataFrame:
    """Noise: the worst that a picture can be made of."""
    first_days = pd.date_range("2012-01-01", periods=months, freq="MS")
    rows = pd.MultiIndex.from_product([[f"T{n:03d}" for n in range(tickers)], first_days]).to_frame(
        index=False, name=["ticker", "month"]
    )
    present = np.random.default_rng(1).integers(120, 148, len(rows))
    return rows.assign(timeframe="1h", expected=147, present=present, untraded=0)


def test_the_table_has_sums_and_a_row_for_each_series_the_least_complete_first() -> None:
    series = pd.DataFrame(
        {
            "ticker": ["AAPL", "IBM", "THIN"],
            "timeframe": ["1d", "1h", "1m"],
            "expected": [2500, 0, 1000],
            "present": [2475, 0, 590],
            "missing": [25, 0, 410],
            "untraded": [0, 0, 400],
            "lost": [3, 0, 4],
            "unexpected": [1, 0, 0],
            "longest_hole": [5, 0, 90],
            "completeness": [0.99, 1.0, 590 / 600],
        }
    )
    lines = coverage_table(series).splitlines()
    assert lines[2:5] == [
        "| 1m | 1 | 1,000 | 590 | 400 | 4 | 6 | 90 | 0 | 98.33% |",
        "| 1h | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 100.00% |",
        "| 1d | 1 | 2,500 | 2,475 | 0 | 3 | 22 | 5 | 1 | 99.00% |",
    ]
    assert [line.split("|")[1].strip() for line in lines[8:]] == ["THIN 1m", "AAPL 1d", "IBM 1h"]
    assert {line.count("|") for line in lines[:5]} == {11}


def test_a_table_of_many_series_stays_short() -> None:
    table = coverage_table(series_of(4000 // 8))
    assert "| T499 1h | 1,000 | 501 |" in table
    assert "| T459 1h |" not in table
    assert table.endswith("460 more series are more complete than these.")
    assert len(table) < 5_000


def test_there_is_a_picture_for_each_timeframe_also_with_months_without_bars() -> None:
    monthly = pd.DataFrame(
        {
            "ticker": ["AAPL", "AAPL", "IBM"],
            "timeframe": ["1d", "1d", "1h"],
            "month": pd.to_datetime(["2023-12-01", "2024-06-01", "2024-06-01"]),
            "expected": [20, 0, 140],
            "present": [20, 0, 12],
            "untraded": [0, 0, 100],
        }
    )
    drawn = coverage_heat_maps(monthly)
    assert list(drawn) == ["1h", "1d"]
    for timeframe, markdown in drawn.items():
        assert png_of(markdown, f"coverage of {timeframe} by ticker and month").startswith(PNG)


def test_a_picture_of_five_hundred_tickers_is_no_larger_than_one_of_fifty() -> None:
    drawn = coverage_heat_maps(monthly_of(500, 120))["1h"]
    png = png_of(drawn, "coverage of 1h by ticker and month")
    assert len(png) < 40_000
    height = int.from_bytes(png[20:24], "big")
    assert height < 1_000


def test_a_long_history_is_shown_by_years() -> None:
    drawn = coverage_heat_maps(monthly_of(3, 121))["1h"]
    assert png_of(drawn, "coverage of 1h by ticker and year").startswith(PNG)


def test_without_bars_there_is_no_picture() -> None:
    assert coverage_heat_maps(monthly_of(1, 1).iloc[:0]) == {}


def test_a_calibration_curve_is_a_picture_also_of_a_single_group() -> None:
    curve = pd.DataFrame({"mean_prediction": [0.3, 0.6], "rate": [0.25, 0.7], "n": [40, 40]})
    picture = reliability_picture({"target_1": curve, "target_2": curve.iloc[:1]})
    assert png_of(picture, "calibration on the test period").startswith(PNG)
