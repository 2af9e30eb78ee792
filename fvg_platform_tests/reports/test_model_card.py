"""The card as a reader gets it: whole and on its own, every figure in its place, and what is missing said so."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from fvg_platform.reports.model_card import model_card
from fvg_platform.reports.performance_sheet import performance_sheet, sheet_records
from fvg_platform_tests.reports import made_up_model as made_up

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects the words and the addresses, and checks that what opens is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.addresses, self.open, self.tags = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def full() -> Reader:
    return Reader(model_card(made_up.record()))


def card_of(**changes: Any) -> str:
    return Reader(model_card(made_up.bare_record() | changes)).text


def test_the_card_stands_alone(full: Reader) -> None:
    assert "script" not in full.tags
    assert "link" not in full.tags
    assert len(full.addresses) == 7
    assert all(address.startswith("data:image/svg+xml;base64,") for address in full.addresses)
    assert "@import" not in model_card({})


@pytest.mark.parametrize(
    "words",
    [
        "Win rate 1h, version 2.1.0",
        "active Not worse than 2.0.3 on 1,240 newer setups",
        "Active since 2025-06-18 04:12 UTC.",
        "No skill is shown: target 1's skill on 1,240 unseen setups is +0.012 [−0.008, +0.032], which includes 0.",
        "2015-01-05 to 2023-05-30",
        "6,120, 4,481 entered",
        "9f41c2d07be3",
        "intraday-1a2b3c4d",
        "f984132a",
        "5b0e2a52-7d8a-4a39-9a3d-6b1c9f2e1d10",
        "models/1h/8c1d.json",
        "8c1d" * 16,
        "0.2447 [0.2407, 0.2487] base rate 0.2479",
        "54.8 % [52.1, 57.5] base rate 55.0 %",
        "platt had the lowest Brier score of all on the later folds. 0.2468 log loss 0.6868 0.2463",
        "Signals worse path 212 of 302 orders 9 skipped 2 stopped at once +0.040 [−0.070, +0.150] 49.0 %",
        "Buy and hold 4",
        "from 0.5120 660 30 +0.1000",
        "2018-01-01 to 2018-12-17 400 +0.010 0.000",
        "0, 1 900",
        "boosting.learning_rate 0.05",
        "logistic regression +0.011",
    ],
)
def test_a_full_card_holds(full: Reader, words: str) -> None:
    assert words in full.text


def test_warnings_stand_before_all_figures(full: Reader) -> None:
    assert full.text.index("serious") < full.text.index("Training window") < full.text.index("Brier score")


@pytest.mark.parametrize(
    "words",
    [
        "Every setup is given the training period's base rate",
        "40 entered training setups, 200 are needed",
        "It does not serve, it is a candidate.",
        "Not judged: ",
        "No reliability diagram is stored.",
        "No backtest is stored.",
        "No choice of a threshold is stored.",
        "No skill by folds is stored.",
        "No combinatorial cross-validation: it is not stored.",
        "The base rate looks at no feature.",
        "Neither hyperparameters nor features are stored.",
    ],
)
def test_what_is_missing_is_said(words: str) -> None:
    assert words in card_of()


@pytest.mark.parametrize(
    "record",
    [
        {},
        made_up.bare_record(),
        made_up.bare_record() | {"test_metrics": {"target_1": {}}, "backtest": {"runs": {}}},
    ],
)
def test_nothing_is_shown_as_nan_or_none(record: dict[str, Any]) -> None:
    assert not re.search(r"\b(nan|None|NaT)\b", Reader(model_card(record)).text)


DRAWN = {
    "calibration_curve",
    "backtest",
    "threshold",
    "walk_forward",
    "combinatorial",
    "importances",
    "contributions",
    "trials",
}


@pytest.mark.parametrize("part", sorted(made_up.record()))
def test_any_part_may_stand_alone_or_be_missing(part: str) -> None:
    alone = Reader(model_card({part: made_up.record()[part]}))
    assert len(alone.addresses) == (part in DRAWN)
    Reader(model_card(made_up.record(**dict.fromkeys({part, *DRAWN}))))


def test_reasons_of_missing_figures_are_told_once() -> None:
    nothing = {"value": None, "low": None, "high": None, "reason": "all 12 outcomes are 0"}
    evaluation = made_up.evaluation() | {"auc": nothing, "f1": nothing}
    text = card_of(algorithm="lightgbm", test_metrics={"target_1": evaluation})
    assert "AUC of target 1, F1 of target 1: all 12 outcomes are 0." in text


def test_what_comes_from_outside_is_text_and_nothing_else() -> None:
    evil = "<script>alert(1)</script>&\"'"
    record = made_up.bare_record() | {
        "name": evil,
        "status": f"candidate {evil}",
        "status_reason": evil,
        "flag": evil,
        "features": [evil],
        "hyperparameters": {evil: evil},
        "importances": {"target_1": {evil: 1.0}},
        "trials": [
            {"number": 0, "state": "failed", "value": None, "parameters": {evil: evil}, "error": evil}
        ],
        "calibration": {evil: {"method": evil, "scores": {evil: 0.1}}},
        "backtest": {"runs": {evil: {"lo": {"trades": 1, "reason": evil}}}},
    }
    page = model_card(record)
    assert "<script" not in page
    assert Reader(page).text.count("alert(1)") >= 10


def test_the_sheet_of_daily_returns_is_shown_whether_given_or_stored() -> None:
    sheet = performance_sheet(made_up.daily_returns(90))
    given = Reader(
        model_card(made_up.bare_record() | {"backtest": {"runs": {}, "from": "2024"}}, performance=sheet)
    ).text
    stored = card_of(backtest={"runs": {}, "from": "2024", "sheet": sheet_records(sheet)})
    assert given == stored
    assert re.search(r"Largest drawdown −\d+\.\d\d %", stored)


def test_the_same_record_gives_the_same_card(full: Reader) -> None:
    again = Reader(model_card(made_up.record()))
    assert again.addresses == full.addresses
    assert again.text == full.text


def test_a_run_of_which_nothing_is_known_says_why_once() -> None:
    nothing = {"value": None, "low": None, "high": None, "reason": "nothing is acted on"}
    run = {"trades": 0, "mean_r": nothing, "sharpe": nothing, "reason": "nothing is acted on"}
    text = card_of(backtest={"threshold": None, "trials": 24, "runs": {"signals": {"lo": run}}})
    assert "No threshold, so it acts on nothing; 24 trials counted." in text
    assert "signals, worse path: nothing is acted on." in text
    known = run | {"trades": 3, "reason": None}
    text = card_of(backtest={"threshold": 0.5, "trials": 24, "runs": {"signals": {"lo": known}}})
    assert "signals, worse path, mean R; signals, worse path, Sharpe: nothing is acted on." in text
