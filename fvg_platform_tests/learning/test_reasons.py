"""Contributions in log odds become sentences that a trader reads."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.features.catalogue import FEATURES, MODEL_FEATURES, SETUP_FEATURES
from fvg_platform.learning import feature_words
from fvg_platform.learning.base_rate import BaseRate
from fvg_platform.learning.explanation import EXPECTED, explanation_frame
from fvg_platform.learning.feature_words import WORDS, describe
from fvg_platform.learning.reasons import LONGEST, reasons

NAN = float("nan")


def told(parts: dict[str, float], values: dict[str, float], top: int = 3) -> list[str]:
    """The reasons of one setup, whose row has a name of its own."""
    contributions = pd.DataFrame([parts | {EXPECTED: 0.0}], index=["a"])
    (said,) = reasons(contributions, pd.DataFrame([values], index=["a"]), top=top)
    return said


def test_the_strongest_come_first_with_their_factors():
    # exp(0.11) = 1.116, exp(-0.5) = 0.607, exp(0.9) = 2.46; exp(0.0099) is less than a hundredth away from 1.
    parts = {"rsi_14": 0.11, "dist_sma_20_atr": -0.5, "adx_14": 0.9, "cci_20": 0.0099, "mine": 0.1}
    values = {"rsi_14": 71.23, "dist_sma_20_atr": -1.84, "adx_14": 12345.6, "cci_20": 3.0, "mine": 999.9}
    assert told(parts, values, top=9) == [
        "ADX over 14 bars is 12,346: raises the odds of the first target to 2.46 times",
        "Close minus the 20-bar SMA is -1.84 ATR: lowers the odds of the first target by 39 %",
        "RSI over 14 bars is 71.2: raises the odds of the first target by 12 %",
        "mine is 1,000: raises the odds of the first target by 11 %",
    ]
    assert told(parts, values, top=2) == told(parts, values, top=9)[:2]
    assert len(told(parts, values)) == 3


def test_equal_contributions_come_in_the_order_of_the_features():
    said = told({"b": 0.5, "a": -0.5, "c": 0.5}, {"a": 1.0, "b": 1.0, "c": 1.0}, top=2)
    assert [sentence[:1] for sentence in said] == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "value", "clause"),
    [
        ("rsi_14", NAN, "RSI over 14 bars is unknown"),
        ("return_5", 0.0123, "Return over 5 bars is 1.23 % (log)"),
        ("close_open_ratio", 1.00123, "Close above open of the last bar is 0.123 %"),
        ("structure_break_age", 1.0, "Age of the last break of a swing is 1 bar"),
        ("context_minutes_since_open", 90.0, "Time since the session's open is 90 minutes"),
        ("linreg_slope_20_atr", 1.0, "Slope of the line through 20 closes is 1 ATR a bar"),
        ("direction", -1.0, "Side of the setup is short"),
        ("candle_engulfing", 1.0, "Engulfing candle is bullish"),
        ("candle_hammer", 0.0, "Hammer or hanging man is absent"),
        ("candle_doji", 1.0, "Doji candle (yes)"),
        ("context_trend_alignment", -1.0, "Market structure around the gap is against the setup"),
        ("context_in_killzone", 0.0, "In a killzone (no)"),
        ("gap_spans_break", NAN, "Missing bar or session break in the gap (unknown)"),
        ("entry_distance_r", -0.0, "Way back to the entry is 0 R"),
        ("candle_of_mine", 1.0, "candle_of_mine is 1"),
        ("mine", 1.23456e9, "mine is 1.23e+09"),
        ("mine", -0.000123456, "mine is -0.000123"),
    ],
)
def test_values_in_words(name, value, clause):
    assert describe(name, value, LONGEST) == clause


def test_a_feature_without_words_is_called_by_its_formula(monkeypatch):
    monkeypatch.delitem(WORDS, "rsi_14")
    assert describe("rsi_14", 50.0, LONGEST) == "rsi_14 (talib.RSI(close, 14)) is 50"
    assert describe("rsi_14", 50.0, 20) == "rsi_14 is 50"


def test_words_are_of_features_and_each_its_own():
    names = {feature.name for feature in (*FEATURES, *SETUP_FEATURES)}
    special = {*feature_words._STATES, *feature_words._FLAGS, *feature_words._AS_CHANGE}
    assert not set(WORDS) - names and not special - names
    assert len({words.lower() for words in WORDS.values()}) == len(WORDS)
    # A suffix whose unit the catalogue no longer has says nothing.
    assert not set(feature_words._SUFFIXES) - {feature.unit for feature in (*FEATURES, *SETUP_FEATURES)}


def test_no_sentence_is_too_long():
    names = [*MODEL_FEATURES, "x" * 63]
    for part in (0.9, -9.0, 1e4):
        for value in (-123456.7, -1.2345e-9, -1.0, NAN):
            for sentence in told(dict.fromkeys(names, part), dict.fromkeys(names, value), top=len(names)):
                assert len(sentence) <= LONGEST
                assert sentence.count(": ") == 1
    (cut,) = told({"x" * 63: -9.0}, {"x" * 63: -1.23456e-9})
    assert len(cut) == LONGEST
    assert cut.endswith("xx… is -1.23e-09: lowers the odds of the first target by over 99 %")


def test_the_base_rate_says_that_it_serves():
    x = np.ones((2, 3))
    parts = explanation_frame(BaseRate(0.48), x, ("a", "b", "c"), pd.RangeIndex(2))
    said = reasons(parts, pd.DataFrame(x, columns=["a", "b", "c"]))
    assert said == [["The base rate of 48 % serves: no feature moves it."]] * 2


def test_what_hardly_moves_and_what_was_never_seen_say_so():
    assert told({"a": 0.005, "b": -0.009}, {"a": 1.0, "b": 1.0}) == [
        "No feature moves the odds of the first target by 1 % or more."
    ]
    assert told({"a": NAN, "b": NAN}, {"a": 1.0, "b": 1.0}) == [
        "No reasons: training never saw the first target, so nothing is predicted."
    ]


def test_no_setups_have_no_reasons():
    assert reasons(pd.DataFrame(columns=["a", EXPECTED], dtype=float), pd.DataFrame(columns=["a"])) == []


@pytest.mark.parametrize(
    ("parts", "values", "top", "message"),
    [
        (["a", "b"], ["a", "b"], 3, "contributions lack expected"),
        (["a", "b", EXPECTED], ["a"], 3, "values lack b"),
        (["a", EXPECTED], ["a"], 0, "top is 0"),
    ],
)
def test_refuses_what_cannot_be_explained(parts, values, top, message):
    with pytest.raises(ValueError, match=message):
        reasons(pd.DataFrame(1.0, range(2), parts), pd.DataFrame(1.0, range(2), values), top=top)


def test_refuses_the_values_of_other_setups():
    parts = pd.DataFrame(1.0, range(2), ["a", EXPECTED])
    with pytest.raises(
        ValueError, match=r"contributions \(2 rows\) and values \(2 rows\) have different indexes"
    ):
        reasons(parts, pd.DataFrame(1.0, [1, 0], ["a"]))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_a_sentence_says_which_way_and_how_far(parts, top):
    """Read back, each sentence is a contribution; no contribution that was left out is stronger."""
    names = [f"f{k}" for k in range(len(parts))]
    said = told(dict(zip(names, parts, strict=True)), dict.fromkeys(names, 1.0), top=top)
    if not said[0].startswith("f"):
        assert max(abs(math.expm1(part)) for part in parts) < 0.01
        return
    named = [int(sentence[1 : sentence.index(" ")]) for sentence in said]
    for k, sentence in zip(named, said, strict=True):
        assert ("raises" in sentence) == (parts[k] > 0.0)
        number = float(sentence.removesuffix(" times").removesuffix(" %").rsplit(" ", 1)[1])
        change = (number - 1.0) * 100.0 if sentence.endswith("times") else number
        assert change == pytest.approx(100.0 * abs(math.expm1(parts[k])), rel=5e-3, abs=0.6)
    sizes = [abs(parts[k]) for k in named]
    assert sizes == sorted(sizes, reverse=True) and 1 <= len(said) <= top
    left_out = [abs(part) for k, part in enumerate(parts) if k not in named and abs(math.expm1(part)) >= 0.01]
    assert len(said) == top or not left_out
    assert max(left_out, default=0.0) <= sizes[-1]
