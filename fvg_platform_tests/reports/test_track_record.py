"""The track record as it is shown: what a line says, what is left out, and that it fits a pipe."""

import io
import json
from typing import Any

import numpy as np
from rich.console import Console

from fvg_platform.reports.track_record import calibration_picture, performance_table, performance_values

READINGS = {
    "accuracy": (0.452, 0.481),
    "brier": (0.2504, 0.2481),
    "skill": (-0.0031, 0.0012),
    "calibration_error": (0.031, 0.012),
    "win_rate": (0.441, 0.468),
    "mean_r": (-0.12, 0.0304),
    "profit_factor": (0.79, np.nan),
    "acted_win_rate": (0.5, 0.5),
    "acted_mean_r": (np.nan, np.nan),
    "acted_profit_factor": (1.0, 1.25),
}


def row(timeframe: str = "1h", window: int = 30, **changes: Any) -> dict[str, Any]:
    """A row of the table as a frame gives it."""
    key = {"as_of": "2024-06-28", "window_days": window, "timeframe": timeframe, "model_version": 0}
    key |= {"mode": "intraday", "origin": "*", "ticker": "*"}
    counts = {"predictions": 12_345, "entered": 9_876, "correct": 1, "incorrect": 1, "undecided": 1}
    readings = {
        f"{k}_{path}": v for k, both in READINGS.items() for path, v in zip(("lo", "hi"), both, strict=True)
    }
    rest = {"mean_p": 0.4567, "win_rate_low": 0.42, "win_rate_high": 0.49, "acted": np.int64(321)}
    rest |= {"latency_ms_mean": 3.21, "latency_ms_max": 98.7}
    return {**key, **counts, **readings, **rest, **changes}


def curve(timeframe: str, low: float, **changes: Any) -> dict[str, Any]:
    said = {"timeframe": timeframe, "low": low, "high": low + 0.1, "n": 1_500, "mean_p": low + 0.05}
    return {**said, "rate_lo": low + 0.02, "rate_hi": low + 0.07, **changes}


def shown(rows: list[dict[str, Any]], curves: list[dict[str, Any]] | None = None) -> str:
    console = Console(width=190, file=io.StringIO(), markup=False)
    console.print(performance_table(performance_values(rows, curves or [])))
    return console.file.getvalue()  # type: ignore[attr-defined]


def cells(text: str, nth: int, *words: str) -> list[str]:
    """The cells of the nth line that holds all of the words."""
    lines = [line for line in text.splitlines() if all(word in line for word in words)]
    return [cell.strip() for cell in lines[nth].strip("│").split("│")]


def test_a_line_says_both_readings_the_interval_and_what_was_acted_on() -> None:
    text = shown([row()])
    head = ["12,345", "9,876", "45.2…48.1 %", "44.1…46.8 % [42–49%]", "45.7 %"]
    figures = ["0.248…0.250", "−0.003…+0.001", "1.2…3.1 %", "−0.12…+0.03", "–"]
    assert cells(text, 0, "1h") == ["1h", "30 days", *head, *figures]
    assert cells(text, 1, "1h") == ["1h", "30 days", "321", "50.0 %", "–", "1.00…1.25", "3.21", "98.70"]


def test_what_rows_are_about_is_said_where_it_differs_or_is_one_of_several() -> None:
    assert "intraday" not in shown([row()])
    assert "model version" not in shown([row()])
    both = shown([row(), row(model_version=3, ticker="AAPL")])
    assert cells(both, 0, "1h")[2:4] == ["any", "*"]
    assert cells(both, 1, "1h")[2:4] == ["3", "AAPL"]
    live = shown([row(window=0, origin="live", win_rate_low=None)])
    assert cells(live, 0, "1h")[1:3] == ["all", "live"]
    assert "[too few]" in live


def test_it_fits_a_pipe_whatever_it_says() -> None:
    long = {"mode": "scalping", "origin": "reconstructed", "ticker": "BRK.B", "model_version": 12}
    rows = [row(), row("15m", 365, **long, predictions=1_234_567, entered=1_000_000)]
    lines = shown(rows, [curve("15m", 0.4)]).splitlines()
    assert max(map(len, lines)) <= 190
    assert "1,234,567" in cells("\n".join(lines), 0, "scalping")


def test_said_against_seen_lists_the_finest_timeframe_first() -> None:
    text = shown([row()], [curve("1d", 0.5), curve("1h", 0.5), curve("1h", 0.4, rate_hi=0.42)])
    part = text[text.index("Said against seen") :]
    assert cells(part, 0, "1h") == ["1h", "40…50%", "1,500", "45.0 %", "42.0 %"]
    assert cells(part, 1, "1h") == ["1h", "50…60%", "1,500", "55.0 %", "52.0…57.0 %"]
    assert part.index("1h") < part.index("1d")
    assert "Said against seen" not in shown([row()])


def test_values_are_json_and_nothing_yet_is_said() -> None:
    values = performance_values([row()], [curve("1h", 0.4)])
    again = json.loads(json.dumps(values))
    assert again["performance"][0]["profit_factor_hi"] is None
    assert again["performance"][0]["acted"] == 321
    assert "no prediction's whole horizon has passed" in shown([])


def test_the_picture_has_a_panel_for_each_timeframe() -> None:
    one, two = ([curve(timeframe, 0.4) for timeframe in names] for names in (("1h",), ("1h", "1d")))
    assert calibration_picture(one).startswith("![calibration of past predictions](data:image/png;base64,")
    assert len(calibration_picture(two)) > len(calibration_picture(one))
    untold = calibration_picture([curve("1h", 0.4, rate_lo=None)])
    assert (
        untold
        == calibration_picture([])
        == ("There is no picture of the calibration: no prediction's whole horizon has passed.")
    )
