"""Coverage as a Markdown table and as a picture that carries its own bytes; the picture of a model's calibration."""

import base64

import pandas as pd

from fvg_platform.reports.coverage import coverage_heat_map, coverage_table
from fvg_platform.reports.models import reliability_picture

PNG = b"\x89PNG\r\n\x1a\n"


def png_of(markdown: str, title: str) -> bytes:
    head = f"![{title}](data:image/png;base64,"
    assert markdown.startswith(head)
    assert markdown.endswith(")")
    return base64.b64decode(markdown[len(head) : -1], validate=True)


def test_the_table_has_a_row_for_each_series() -> None:
    series = pd.DataFrame(
        {
            "ticker": ["AAPL", "IBM"],
            "timeframe": ["1d", "1h"],
            "expected": [2500, 0],
            "present": [2475, 0],
            "missing": [25, 0],
            "unexpected": [1, 0],
            "longest_hole": [5, 0],
        }
    )
    _, _, first, second = coverage_table(series).splitlines()
    assert first == "| AAPL 1d | 2,500 | 2,475 | 25 | 5 | 1 | 99.00% |"
    assert second == "| IBM 1h | 0 | 0 | 0 | 0 | 0 | 100.00% |"


def test_the_heat_map_is_a_picture_also_with_years_without_bars() -> None:
    by_year = pd.DataFrame(
        {
            "ticker": ["AAPL", "AAPL", "IBM"],
            "timeframe": ["1d"] * 3,
            "year": [2019, 2024, 2024],
            "present": [252, 200, 0],
            "missing": [0, 52, 252],
        }
    )
    assert png_of(coverage_heat_map(by_year), "coverage by series and year").startswith(PNG)


def test_without_bars_there_is_no_picture() -> None:
    columns = ["ticker", "timeframe", "year", "present", "missing"]
    assert coverage_heat_map(pd.DataFrame(columns=columns)) == "no bars yet"


def test_a_calibration_curve_is_a_picture_also_of_a_single_group() -> None:
    curve = pd.DataFrame({"mean_prediction": [0.3, 0.6], "rate": [0.25, 0.7], "n": [40, 40]})
    picture = reliability_picture({"target_1": curve, "target_2": curve.iloc[:1]})
    assert png_of(picture, "calibration on the test period").startswith(PNG)
