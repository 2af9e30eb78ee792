"""Models in the terminal: what is listed, one version in full, two side by side; and the values behind them."""

import io
import json
from typing import Any

from rich.console import Console

from fvg_platform.learning.estimates import Estimate
from fvg_platform.learning.promotion import Verdict
from fvg_platform.reports.model_comparison import comparison_table, comparison_values
from fvg_platform.reports.model_tables import model_table, models_table, models_values
from fvg_platform.reports.model_values import model_values
from fvg_platform_tests.reports import made_up_model as made_up


def shown(table: Any) -> str:
    console = Console(width=190, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def line_of(text: str, *words: str) -> str:
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return line


def verdict(promote: bool = True) -> Verdict:
    difference = Estimate(-0.0004, -0.0013, 0.0005)
    return Verdict(
        promote=promote,
        reason="[not] worse",
        n=1240,
        blocks=38,
        difference=difference,
        differences={"target_1": Estimate(0.0001, None, None, "too short")},
        calibration={"target_1": Estimate(0.03, 0.01, 0.05)},
    )


def test_the_list_says_of_each_version_what_it_is_worth() -> None:
    text = shown(models_table(models_values([made_up.record(), made_up.bare_record()])))
    line = line_of(text, "v7 (2.1.0)", "active", "lightgbm", "4,481")
    for cell in ("+0.012 [−0.008, +0.032]", "3.1 % [1.2, 5.5]", "│     0.512 │", "+0.040 [−0.070, +0.150]"):
        assert cell in line
    assert "nothing" in line_of(text, "1w", "v1", "candidate", "base rate *")


def test_without_models_the_list_says_so() -> None:
    assert "No models yet" in shown(models_table([]))


def test_one_version_in_full() -> None:
    text = shown(model_table(model_values(made_up.record())))
    assert text.index("No skill is shown: ") < text.index("SHA-256") < text.index("Brier score")
    assert "On the unseen test period: value [interval], below it the base rate's" in text
    assert "54.8 % [52.1, 57.5]" in line_of(text, "Accuracy")
    assert "+0.040 [−0.070, +0.150]" in line_of(text, "signals", "worse path")
    assert "8c1d" * 16 in text
    assert "boosting.num_leaves 31" in text
    assert "atr_share_50" in text


def test_a_version_of_which_nearly_nothing_is_known() -> None:
    text = shown(model_table(model_values(made_up.bare_record())))
    for words in (
        "no model but the training period's base rate",
        "Not judged on unseen bars",
        "There is no backtest.",
        "No importances are stored.",
    ):
        assert words in text
    assert "nan" not in text.lower()
    assert shown(model_table({}))


def test_two_versions_side_by_side_with_the_verdict_on_the_same_setups() -> None:
    older = made_up.record(
        version=6, semantic_version="2.0.3", test_metrics={"target_1": made_up.evaluation(-0.02)}
    )
    text = shown(comparison_table(comparison_values(older, made_up.record(), verdict())))
    line = line_of(text, "target 1", "Skill")
    assert line.index("−0.020 [−0.040, 0.000]") < line.index("+0.012 [−0.008, +0.032]")
    assert "– │ +0.006" in line_of(text, "target 2", "Skill"), (
        "a target that only one of the two was judged on"
    )
    assert "v7 (2.1.0) may take over from v6 (2.0.3): [not] worse" in text
    assert "−0.0004 [−0.0013, +0.0005]" in line_of(text, "the win targets together")
    assert "3.0 % [1.0, 5.0]" in line_of(text, "│ target 1 ", "+0.0001")
    refused = shown(
        comparison_table(comparison_values(older, made_up.record(), verdict(promote=False).to_dict()))
    )
    assert "does not take over from" in refused


def test_versions_that_were_never_judged_can_be_compared_too() -> None:
    text = shown(comparison_table(comparison_values({}, made_up.bare_record())))
    assert "Neither was judged on unseen bars." in text
    assert "No verdict" in text


def test_all_values_are_json() -> None:
    for values in (
        models_values([made_up.record(), made_up.bare_record(), {}]),
        model_values(made_up.record(notes=float("nan"))),
        comparison_values(made_up.record(), made_up.bare_record(), verdict()),
    ):
        assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_the_commands_values_name_target_ones_skill_with_its_interval() -> None:
    (row,) = models_values([made_up.record()])
    assert row["skill"]["low"] == -0.008
    assert row["mean_r"]["high"] == 0.15
    assert row["deployed_at"] == "2025-06-18T04:12:33+00:00"
    assert row["flag"] is None
