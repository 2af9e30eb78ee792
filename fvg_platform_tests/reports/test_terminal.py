"""The tables of the terminal, as they are read: what stands in them, and what an empty platform says."""

import io
from typing import Any

from rich.console import Console

from fvg_platform.reports.overview import report_values, status_values
from fvg_platform.reports.terminal import report_table, status_table
from fvg_platform_tests.reports import made_up
from fvg_platform_tests.reports.made_up import NOTHING


def shown(table: Any) -> str:
    console = Console(width=190, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def line_of(text: str, *words: str) -> str:
    """The one line that holds all the words."""
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return line


def report(**parts: Any) -> str:
    given = {"counts": made_up.counts(), "models": made_up.models(), "signals": made_up.signals(), **parts}
    labels = {"1d": made_up.labels()}
    values = report_values(
        given["counts"], lambda t: labels.get(t, made_up.labels().iloc[:0]), given["models"], given["signals"]
    )
    return shown(report_table(values))


def test_the_report_shows_rates_as_intervals_and_skill_with_its_interval() -> None:
    day = line_of(report(), "│ 1d ", "2,500")
    for cell in (
        "300",
        "│      5 │",
        "│       4 │",
        "25.0–50.0% [too few]",
        "lightgbm",
        "+0.021 [-0.004, +0.046]",
    ):
        assert cell in day
    week = line_of(report(), "│ 1w ", "520")
    assert "none yet" in week


def test_where_the_base_rate_serves_the_best_of_what_was_tried_shows_its_skill() -> None:
    day = line_of(report(models=made_up.models("base_rate")), "│ 1d ", "2,500")
    assert "base rate" in day
    assert "-0.003 [-0.004, +0.046] †" in day
    untried = made_up.models("base_rate").assign(tried=[[]])
    assert "│         too few │" in line_of(report(models=untried), "│ 1d ", "2,500")


def test_a_model_that_does_not_serve_says_what_it_is() -> None:
    waiting = made_up.models().assign(status="candidate")
    assert "lightgbm ‡" in line_of(report(models=waiting), "│ 1d ", "2,500")


def test_signals_show_the_plan_and_the_probabilities() -> None:
    text = report()
    assert "Signals of 2026-03-06" in text
    line = line_of(text, "AAPL", "long")
    for cell in (
        "1d *",
        "101.46",
        "99.00",
        "103.90",
        "HOLD",
        "51% [44–58]",
        "31%",
        "20%",
        "2026-03-06 21:00 UTC",
    ):
        assert cell in line
    assert "│          – │" in line, "an unknown probability is a dash, not nan"
    assert "nan" not in text.lower()


def test_an_empty_platform_has_a_report_that_says_so() -> None:
    text = report(counts=NOTHING["counts"], models=NOTHING["models"], signals=NOTHING["signals"])
    assert "What Fair Value Gaps did" in text
    assert "No signals yet" in text


def test_the_status_names_every_series_and_why_one_failed() -> None:
    lost = made_up.series().loc[2:, ["ticker", "timeframe", "asset", "state", "reason"]].assign(ticker="GOOG")
    run = {"job": "series_stage", "status": "FAILURE", "started": "2026-03-06T21:35:00", "seconds": 12.34}
    runs = [
        {**run, "run_id": "a" * 36},
        {**run, "job": "symbols_stage", "started": None, "seconds": None, "run_id": "b" * 36},
    ]
    failing = [
        {
            "asset": "bars",
            "check": "coverage",
            "severity": "WARN",
            "description": "IBM 1d: 3",
        }
    ]
    text = shown(status_table(status_values(made_up.series(), lost, runs, failing)))
    assert "from 1d" in line_of(text, "AAPL", " 1w ", "97.50%", "507")
    assert "2016-01-04 │ 2026-03-06 │ ok" in line_of(text, "AAPL", "│ 1d ")
    assert "failed in raw_bars: ValueError: row 3: text in close" in line_of(text, "│ IBM", "│ 1d ")
    assert "GOOG 1d: raw_bars failed: ValueError: row 3: text in close" in text
    assert "12.3 │ aaaaaaaa" in line_of(text, "series_stage", "FAILURE")
    assert "– │ bbbbbbbb" in line_of(text, "symbols_stage")
    assert "WARN bars/coverage: IBM 1d: 3" in text


def test_an_empty_platform_has_a_status_that_says_so() -> None:
    text = shown(status_table(status_values(NOTHING["series"], NOTHING["lost"], [], [])))
    assert "No runs yet." in text
    assert "No failing checks." in text


def test_text_in_brackets_is_shown_as_it_is() -> None:
    series = made_up.series().assign(reason=[None, None, "KeyError: '[close] not in index'"])
    text = shown(status_table(status_values(series, NOTHING["lost"], [], [])))
    assert "'[close] not in index'" in text
