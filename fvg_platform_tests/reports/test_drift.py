"""Drift for people: windows in order with what moved most, a table that fits, a picture of features over windows."""

import base64
import io
import json
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from fvg_platform.reports.drift import FEATURES_SHOWN, drift_heat_maps, drift_table, drift_values

START = pd.Timestamp("2024-01-01", tz="UTC")


def report(number: int, *, timeframe: str = "1h", complete: bool = True, state: str = "ok") -> dict[str, Any]:
    start = START + number * pd.Timedelta(days=90)
    return {
        "timeframe": timeframe,
        "model_version": 3,
        "window_start": start,
        "window_end": start + pd.Timedelta(days=90),
        "complete": complete,
        "setups": 1_300 + number,
        "reference_setups": 5_000,
        "state": state,
        "reason": f"Window {number} [of {timeframe}] is {state}.",
        "p_value": 0.0125,
        "share_dissimilar": 0.08,
        "calibration": {
            "lo": {"value": -0.05, "low": -0.08, "high": -0.01, "reason": None},
            "hi": {"value": 0.01, "low": None, "high": None, "reason": "too few"},
        },
        "made_at": START,
    }


def metric(
    number: int, name: str, psi: float, p: float | None, kind: str = "feature", version: int = 3
) -> dict[str, Any]:
    return {
        "timeframe": "1h",
        "model_version": version,
        "window_start": START + number * pd.Timedelta(days=90),
        "kind": kind,
        "name": name,
        "psi": psi,
        "ks": psi / 2.0,
        "p_value": p,
        "adjusted_p": p,
        "drifted": p is not None and p <= 0.05,
    }


METRICS = [
    metric(1, "slow", 2.0, 0.5),
    metric(1, "moved", 0.7, 0.01),
    metric(1, "moved_more", 0.9, 0.01),
    metric(1, "unknown", float("nan"), None),
    metric(1, "p_target_1", 0.33, 0.2, kind="score"),
    metric(7, "of_no_window", 9.0, 0.01),
    metric(1, "of_another_version", 9.0, 0.01, version=2),
]


def shown(values: list[dict[str, Any]]) -> str:
    console = Console(width=190, file=io.StringIO())
    console.print(drift_table(values))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_values_are_in_order_with_what_moved_most() -> None:
    reports = [report(0), report(0, timeframe="5m"), report(1, state="drifted"), report(2, complete=False)]
    windows = drift_values(reports, METRICS)
    assert [(row["timeframe"], row["setups"]) for row in windows] == [
        ("5m", 1_300),
        ("1h", 1_302),
        ("1h", 1_301),
        ("1h", 1_300),
    ]
    assert [row["name"] for row in windows[2]["worst"]] == ["moved_more", "moved", "slow"]
    assert windows[2]["features_drifted"] == 2
    assert windows[2]["score"]["psi"] == 0.33
    assert (windows[0]["worst"], windows[0]["score"]) == ([], None)
    assert json.loads(json.dumps(windows)) == windows


def test_the_table_has_a_line_for_each_window_and_the_newest_reason() -> None:
    text = shown(drift_values([report(0), report(1, state="drifted"), report(2, complete=False)], METRICS))
    (line,) = [line for line in text.splitlines() if "1,301" in line]
    for cell in (
        "1h v3",
        "2024-03-31 to 2024-06-29",
        " drift ",
        "0.013",
        " 0.33 ",
        " 8 % ",
        "−5.0 % [−8.0, −1.0]",
    ):
        assert cell in line
    assert "moved_more 0.90" in text
    assert "2024-06-29 to 2024-09-27 …" in text
    # Of the newest whole window only, markup as it is.
    assert "1h, from 2024-03-31: Window 1 [of 1h] is drifted." in text
    assert "Window 2" not in text
    assert "Window 0" not in text


def test_without_windows_the_table_says_so() -> None:
    assert "No drift was looked for yet" in shown(drift_values([], []))


def test_the_picture_carries_itself_and_does_not_grow_with_features_and_windows() -> None:
    rng = np.random.default_rng(0)
    sizes = []
    for features, windows in ((150, 20), (60, 70)):
        rows = [
            metric(window, f"feature_{number}", float(rng.exponential(0.3)), float(rng.uniform()))
            for window in range(windows)
            for number in range(features)
        ]
        rows.append(metric(0, "p_target_1", float("nan"), None, kind="score"))
        (picture,) = drift_heat_maps([*rows, metric(0, "feature_0", 0.1, 0.1, version=2)]).values()
        head = "![drift of 1h v3 by feature and window](data:image/png;base64,"
        assert picture.startswith(head)
        png = base64.b64decode(picture[len(head) : -1], validate=True)
        assert png.startswith(b"\x89PNG")
        sizes.append(len(png))
    assert max(sizes) < 40_000
    assert FEATURES_SHOWN == 40


def test_each_timeframe_has_a_picture_of_what_there_is() -> None:
    scores = metric(0, "p_target_1", float("nan"), None, kind="score")
    maps = drift_heat_maps([scores, scores | {"timeframe": "5m"}])
    assert list(maps) == ["5m", "1h"]
    assert drift_heat_maps([]) == {}
