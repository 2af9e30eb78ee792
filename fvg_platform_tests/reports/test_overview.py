"""The report and the status as values: every figure from hand-made rows, NULL where something is unknown."""

import json
from typing import Any

import pandas as pd
import pytest

from fvg_platform.reports.overview import interval, report_values, status_values
from fvg_platform_tests.reports import made_up
from fvg_platform_tests.reports.made_up import NOTHING


def strict(values: dict[str, Any]) -> dict[str, Any]:
    """The values after a way through JSON that knows no NaN."""
    return json.loads(json.dumps(values, default=str, allow_nan=False))


def labels_of(timeframe: str) -> pd.DataFrame:
    return made_up.labels() if timeframe == "1d" else made_up.labels().iloc[:0]


@pytest.fixture
def report() -> dict[str, Any]:
    return strict(report_values(made_up.counts(), labels_of, made_up.models(), made_up.signals()))


def test_a_timeframe_has_its_counts_and_its_win_rate_as_an_interval(report: dict[str, Any]) -> None:
    day = report["timeframes"][0]
    assert {name: day[name] for name in ("timeframe", "series", "bars", "gaps", "setups", "entered")} == {
        "timeframe": "1d", "series": 1, "bars": 2500, "gaps": 300, "setups": 5, "entered": 4,
    }  # fmt: skip
    assert day["statuses"]["expired"] == 1
    first = day["targets"][0]
    assert (first["win_rate_lo"]["value"], first["win_rate_hi"]["value"]) == (0.25, 0.5)
    assert first["win_rate_lo"]["low"] is None, "from four setups no sampling interval can be had"
    assert first["identified"] == 3
    assert [target["target"] for target in day["targets"]] == [1, 2, 3]


def test_a_timeframe_without_setups_or_model_says_so(report: dict[str, Any]) -> None:
    week = report["timeframes"][1]
    assert (week["entered"], week["targets"], week["model"]) == (0, [], None)


def test_a_model_comes_with_its_test_figures(report: dict[str, Any]) -> None:
    model = report["timeframes"][0]["model"]
    assert (model["version"], model["algorithm"], model["setups_entered"]) == (3, "lightgbm", 450)
    assert model["test_metrics"]["target_1"]["skill"]["low"] == -0.004
    untested = made_up.models().assign(test_metrics=None)
    values = report_values(made_up.counts(), labels_of, untested, NOTHING["signals"])
    assert values["timeframes"][0]["model"]["test_metrics"] is None


def test_signals_are_plain_values_and_what_is_unknown_is_null(report: dict[str, Any]) -> None:
    (signal,) = report["signals"]
    assert signal["day"] == "2026-03-06"
    assert signal["known_at"] == "2026-03-06T21:00:00+00:00"
    assert (signal["p_entered"], signal["p_target_1"], signal["side"]) == (None, 0.512, 1)


def test_an_empty_platform_has_an_empty_report() -> None:
    values = strict(report_values(NOTHING["counts"], labels_of, NOTHING["models"], NOTHING["signals"]))
    assert values == {"timeframes": [], "signals": []}


def test_the_status_gives_completeness_where_bars_are_expected() -> None:
    values = strict(status_values(made_up.series(), NOTHING["lost"], [], []))
    assert [row["completeness"] for row in values["series"]] == [1.0, 0.975, None]
    assert [row["rows"] for row in values["series"]] == [2500, 507, None]
    assert values["series"][2]["first_ts"] is None
    assert strict(status_values(NOTHING["series"], NOTHING["lost"], [], [])) == {
        "series": [], "failed_series": [], "last_runs": [], "failing_checks": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lo", "hi", "said"),
    [
        ((0.25, 0.2, 0.31), (0.5, 0.44, 0.56), "25.0–50.0% [20–56%]"),
        ((0.25, None, None), (0.5, None, None), "25.0–50.0% [too few]"),
        ((0.4567, 0.41, 0.5), (0.4567, 0.41, 0.5), "45.7–45.7% [41–50%]"),
        ((None, None, None), (None, None, None), "–"),
    ],
)
def test_a_rate_is_never_shown_without_its_interval(lo: tuple, hi: tuple, said: str) -> None:
    names = ("value", "low", "high")
    assert interval(dict(zip(names, lo, strict=True)), dict(zip(names, hi, strict=True))) == said
