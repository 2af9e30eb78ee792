"""A forecast as people see it: who serves and why, the steps with their bands, the fan."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from fvg_platform.reports.chart_file import ChartError
from fvg_platform.reports.forecast import (
    forecast_figure,
    forecast_table,
    forecast_values,
    save_forecast,
)

MADE_FROM = pd.Timestamp("2024-03-01 14:30", tz="UTC")
KEY = {"ticker": "[AAA]", "timeframe": "1h", "made_from": MADE_FROM}


def forecasts(**changed: Any) -> list[dict[str, Any]]:
    common = {**KEY, "made_at": MADE_FROM, "last_close": 250.0, "origins": 60, "lineage_id": 1}
    scores = {"coverage_50": 0.512, "coverage_90": 0.884}
    baseline = {"model": "block_bootstrap", "served": False, "reason": "It serves.", "pinball": 0.31}
    difference = {"value": -0.02, "low": -0.03, "high": -0.0123, "reason": None}
    filtered = {"model": "filtered_bootstrap", "served": True, "reason": "It is proven.", "pinball": 0.29}
    return [
        {**common, **scores, **baseline, "difference": None},
        {**common, **scores, **filtered, "difference": difference, **changed},
    ]


def steps(model: str = "filtered_bootstrap", confidence: float = 0.9) -> list[dict[str, Any]]:
    quantiles = {"q05": -0.9, "q10": -0.8, "q25": -0.5, "q50": 0.1, "q75": 0.5, "q90": 0.8, "q95": 0.95}
    return [
        {
            **KEY,
            "model": model,
            "step": step,
            "ts": MADE_FROM + pd.Timedelta(hours=step),
            "close_at": MADE_FROM + pd.Timedelta(hours=step + 1),
            **{"open": 250.0, "high": 250.6, "low": 249.5, "close": 250.1, "confidence": confidence},
            **{name: 250.0 + place * step for name, place in quantiles.items()},
        }
        for step in (3, 1, 2)
    ]


def shown(values: Any) -> str:
    console = Console(width=120, file=io.StringIO())
    console.print(forecast_table(values))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_values_are_plain_and_hold_the_steps_of_the_model_that_serves() -> None:
    values = forecast_values(forecasts(), steps("block_bootstrap", 0.5) + steps())
    assert values is not None
    assert json.loads(json.dumps(values)) == values
    assert (values["served"], values["reason"]) == ("filtered_bootstrap", "It is proven.")
    assert [(row["model"], row["served"]) for row in values["models"]] == [
        ("filtered_bootstrap", True),
        ("block_bootstrap", False),
    ]
    assert [(row["step"], row["confidence"]) for row in values["steps"]] == [(1, 0.9), (2, 0.9), (3, 0.9)]


def test_the_table_names_who_serves_why_and_the_bands() -> None:
    text = shown(forecast_values(forecasts(), steps()))
    lines = text.splitlines()
    assert "[AAA] 1h: forecast from 2024-03-01 14:30 UTC" in text
    assert "It is proven." in lines
    (filtered,) = [line for line in lines if "filtered bootstrap" in line]
    for cell in ("yes", "60", "0.2900", "51.2 %", "88.4 %", "−0.0200 [−0.0300, −0.0123]"):
        assert cell in filtered
    (second,) = [line for line in lines if "2024-03-01 16:30 UTC" in line]
    for cell in ("250.00", "250.60", "249.50", "250.10", "249.00–251.00", "248.20–251.90", "90 %"):
        assert cell in second
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(("last", "close"), [(65_000.0, "65,000.10"), (1.1, "1.1001"), (0.0031, "0.0032000")])
def test_prices_have_the_digits_that_their_size_asks_for(last: float, close: str) -> None:
    rows = [{**row, "close": float(close.replace(",", ""))} for row in steps()]
    assert f" {close} " in shown(forecast_values(forecasts(last_close=last), rows))


def test_days_are_named_without_an_hour_and_what_is_unknown_is_a_dash() -> None:
    daily = [
        {**row, "timeframe": "1d", "pinball": np.nan, "coverage_50": np.nan, "served": row["served"]}
        for row in forecasts()
    ]
    text = shown(forecast_values(daily, [{**row, "confidence": np.nan} for row in steps()]))
    assert "14:30" not in text
    (line,) = [line for line in text.splitlines() if "block bootstrap  " in line]
    assert line.count("–") == 3  # pinball, coverage of 50 %, the difference to itself
    assert all(
        line.rstrip("│ ").endswith("–") for line in text.splitlines() if "2024-03-01" in line and "│" in line
    )


def test_rows_of_several_forecasts_are_refused_by_name() -> None:
    other = {**forecasts()[0], "ticker": "BBB"}
    with pytest.raises(ValueError, match=r"BBB 1h 2024-03-01T14:30:00\+00:00; \[AAA\] 1h"):
        forecast_values([*forecasts(), other], steps())
    with pytest.raises(ValueError, match="0 models serve"):
        forecast_values(forecasts(served=False), steps())


def test_without_a_forecast_it_is_said(tmp_path: Path) -> None:
    assert forecast_values([], steps()) is None
    assert shown(None).startswith("No forecast yet")
    with pytest.raises(ChartError, match=r"no forecast to draw into fan\.png"):
        save_forecast(None, tmp_path / "fan.png")
    with pytest.raises(ChartError, match=r"must end with \.png"):
        save_forecast(None, tmp_path / "fan.html")
    assert forecast_figure(forecast_values(forecasts(), [])) is None


def test_the_fan_opens_at_the_last_close_behind_the_bars_before_it(tmp_path: Path) -> None:
    values = forecast_values(forecasts(), steps())
    ts = pd.date_range(end=MADE_FROM + pd.Timedelta(hours=2), periods=80, freq="h")
    bars = pd.DataFrame({"ts": ts, "open": 250.0, "high": 251.0, "low": 249.0, "close": 250.0})
    figure = forecast_figure(values, bars)
    assert figure is not None
    (axes,) = figure.axes
    (median,) = axes.get_lines()
    assert median.get_xydata().tolist() == [[0, 250.0], [1, 250.1], [2, 250.1], [3, 250.1]]  # type: ignore[union-attr]
    assert axes.dataLim.x0 == -59  # sixty bars until the one it was made from, none of the two after it
    assert axes.dataLim.x1 == 3
    written = save_forecast(values, tmp_path / "fan.png", bars)
    assert written.read_bytes().startswith(b"\x89PNG") and list(tmp_path.iterdir()) == [written]
