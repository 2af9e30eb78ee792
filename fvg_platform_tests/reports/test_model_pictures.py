"""A model's pictures in Markdown: they carry their bytes, stay small, and say it where there is nothing to draw."""

import base64
from typing import Any

import pandas as pd
import pytest

from fvg_platform.reports.backtest_figures import equity_figure, threshold_figure
from fvg_platform.reports.model_figures import importance_figure, reliability_figure, walk_forward_figure
from fvg_platform.reports.model_pictures import (
    equity_picture,
    importance_picture,
    reliability_picture,
    walk_forward_picture,
)
from fvg_platform_tests.reports import made_up_model as made_up

PNG = b"\x89PNG\r\n\x1a\n"


def png_of(markdown: str) -> bytes:
    head, _, packed = markdown.partition("](data:image/png;base64,")
    assert head.startswith("![")
    return base64.b64decode(packed.removesuffix(")"), validate=True)


def lines_of(axes: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.get_lines()}


def test_each_picture_is_a_small_png() -> None:
    record = made_up.record()
    for markdown in (
        reliability_picture(record["calibration_curve"]),
        equity_picture(record["backtest"]),
        importance_picture(record["importances"], record["contributions"]),
        walk_forward_picture(record["walk_forward"]),
    ):
        png = png_of(markdown)
        assert png.startswith(PNG)
        assert len(png) < 60_000


@pytest.mark.parametrize("nothing", [{}, {"target_1": []}])
def test_without_anything_to_draw_it_is_said(nothing: dict[str, Any]) -> None:
    assert reliability_picture(nothing).startswith("There is no picture of calibration")
    assert equity_picture(None).startswith("There is no picture of equity")
    assert importance_picture(None, {"target_1": {}}).startswith("There is no picture of importances")
    assert walk_forward_picture(None).startswith("There is no picture of skill")


def test_reliability_is_drawn_from_frames_without_intervals_too() -> None:
    curve = pd.DataFrame({"mean_prediction": [0.3, 0.6], "rate": [0.25, 0.7], "n": [40, 41]})
    figure = reliability_figure({"entered": curve, "target_1": curve.iloc[:1]})
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["target 1, n 40", "entered, n 81"]


def test_a_group_without_an_interval_does_not_hide_the_others() -> None:
    curve = [
        {"mean_prediction": 0.3, "rate": 0.2, "n": 9, "rate_low": None, "rate_high": None},
        {"mean_prediction": 0.5, "rate": 0.5, "n": 9, "rate_low": 0.3, "rate_high": 0.7},
    ]
    figure = reliability_figure({"target_1": curve})
    assert figure is not None
    assert figure.axes[0].get_ylim()[1] > 0.7
    assert reliability_figure({"target_1": curve[:1]}) is not None


def test_features_are_ordered_by_contribution_and_drawn_as_shares() -> None:
    figure = importance_figure({"target_1": {"a": 3.0, "b": 1.0}}, {"target_1": {"a": 0.1, "b": 0.4}})
    assert figure is not None
    gain, contribution = figure.axes
    assert [label.get_text() for label in gain.get_yticklabels()] == ["a", "b"]  # from the bottom
    assert [bar.get_width() for bar in gain.patches] == pytest.approx([75.0, 25.0])
    assert [bar.get_width() for bar in contribution.patches] == pytest.approx([20.0, 80.0])


def test_another_target_stands_in_where_the_first_has_no_importances() -> None:
    figure = importance_figure({"target_1": {}, "entered": {"a": 1.0}})
    assert figure is not None
    assert figure.axes[0].get_title(loc="left") == "entered: share of all gain, %"


def test_equity_is_growth_from_the_start_on_both_paths() -> None:
    points = {
        "lo": [["2024-01-01", 100.0], ["2024-01-02", 90.0]],
        "hi": [["2024-01-01", 100.0], ["2024-01-02", 105.0]],
    }
    figure = equity_figure({"runs": {"signals": {path: {"equity": p} for path, p in points.items()}}})
    assert figure is not None
    lines = lines_of(figure.axes[0])
    assert lines["signals, worse path"].get_ydata() == pytest.approx([0.0, -10.0])
    assert lines["signals, better path"].get_ydata() == pytest.approx([0.0, 5.0])


def test_candidates_of_the_threshold_stand_side_by_side_and_the_chosen_is_marked() -> None:
    figure = threshold_figure(made_up.threshold())
    assert figure is not None
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[0] == "all"
    (marked,) = [patch for patch in figure.axes[0].patches if patch.get_label() == "chosen"]
    assert labels[round(marked.get_x() + marked.get_width() / 2)] == "0.512"
    without = threshold_figure(made_up.threshold() | {"value": None})
    assert without is not None
    assert len(without.axes[0].patches) == 0


def test_skill_is_drawn_at_the_middle_of_its_fold() -> None:
    fold = {
        "fold": 0,
        "first": "2024-01-01",
        "last": "2024-01-03",
        "target": "target_1",
        "n": 9,
        "skill": 0.1,
    }
    figure = walk_forward_figure([fold, fold | {"skill": None}])
    assert figure is not None
    line = lines_of(figure.axes[0])["target 1"]
    assert line.get_ydata() == pytest.approx([0.1])
    assert list(line.get_xdata()) == [pd.Timestamp("2024-01-02", tz="UTC")]
