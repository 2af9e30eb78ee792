"""Holes as values and as a table."""

import json

import pandas as pd
from rich.console import Console

from fvg_platform.reports.gaps import GAPS_SHOWN, gaps_table, gaps_values

TIMES = pd.to_datetime(["2026-03-05 15:30", "2026-03-05 15:00", "2026-01-02 14:30"], utc=True)
GAPS = pd.DataFrame(
    {
        "ticker": ["SPY", "SPY", "UVXY"],
        "timeframe": ["1m", "1m", "1h"],
        "from_ts": TIMES,
        "to_ts": TIMES + pd.Timedelta(minutes=5),
        "missing": [6, 2, 1200],
        "kind": ["lost", "untraded", "unknown"],
    }
)


def shown(gaps: pd.DataFrame) -> str:
    console = Console(width=190, record=True, markup=False)
    with console.capture() as capture:
        console.print(gaps_table(gaps_values(gaps)))
    return capture.get()


def test_the_values_have_totals_per_series_and_every_hole_in_its_order() -> None:
    values = json.loads(json.dumps(gaps_values(GAPS)))
    assert values["totals"] == [
        {"ticker": "UVXY", "timeframe": "1h", "holes": 1, "missing": 1200, "longest": 1200,
         "lost": 0, "unknown": 1200, "untraded": 0},
        {"ticker": "SPY", "timeframe": "1m", "holes": 2, "missing": 8, "longest": 6,
         "lost": 6, "unknown": 0, "untraded": 2},
    ]  # fmt: skip
    assert [(gap["ticker"], gap["missing"]) for gap in values["gaps"]] == [
        ("SPY", 6),
        ("SPY", 2),
        ("UVXY", 1200),
    ]
    assert values["gaps"][0]["from_ts"] == "2026-03-05T15:30:00+00:00"


def test_the_table_shows_totals_times_and_what_the_kinds_mean() -> None:
    text = shown(GAPS)
    lines = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line] for line in lines]
    assert ["UVXY", "1h", "1", "1,200", "1,200", "0", "1,200", "0"] in cells
    assert ["SPY", "1m", "2026-03-05 15:30", "2026-03-05 15:35", "6", "lost"] in cells
    assert "untraded: it holds none" in text


def test_a_long_list_is_cut_and_says_so() -> None:
    many = pd.concat([GAPS] * 30, ignore_index=True)
    text = shown(many)
    assert f"and {90 - GAPS_SHOWN} more: --json lists all of them" in text
    assert len(gaps_values(many)["gaps"]) == 90


def test_without_holes_one_sentence_says_so() -> None:
    assert gaps_values(GAPS.iloc[:0]) == {"totals": [], "gaps": []}
    assert "No holes" in shown(GAPS.iloc[:0])
