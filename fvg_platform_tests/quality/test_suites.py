"""Profiles held against Great Expectations suites: what is broken is named, sorted and counted."""

import math

import pandas as pd

from fvg_platform.quality.suites import Breach, breaches

KEYS = ["ticker", "timeframe"]
PROFILE = pd.DataFrame(
    {
        "ticker": ["AAPL", "AAPL", "IBM"],
        "timeframe": ["1h", "1d", "1d"],
        "rows": [100, 200, 300],
        "nulls": [0, 2, 0],
        "upside_down": [1, 0, 7],
        "completeness": [1.0, 0.98, 0.4],
    }
)


def where(ticker: str, timeframe: str) -> dict[str, str]:
    return {"ticker": ticker, "timeframe": timeframe}


def test_every_count_above_zero_is_a_breach_the_worst_first() -> None:
    assert breaches(PROFILE, KEYS, ["nulls", "upside_down"]) == [
        Breach(where("IBM", "1d"), "upside_down", 7.0),
        Breach(where("AAPL", "1d"), "nulls", 2.0),
        Breach(where("AAPL", "1h"), "upside_down", 1.0),
    ]


def test_only_the_rules_asked_for_are_held() -> None:
    assert breaches(PROFILE.assign(upside_down=0), KEYS, ["upside_down"]) == []


def test_a_count_that_is_unknown_is_a_breach_too() -> None:
    (found,) = breaches(PROFILE.assign(nulls=[0.0, None, 0.0]), KEYS, ["nulls"])
    assert (found.where, found.rule) == (where("AAPL", "1d"), "nulls")
    assert math.isnan(found.count)


def test_an_empty_profile_breaks_nothing() -> None:
    assert breaches(PROFILE.iloc[:0], KEYS, ["nulls"]) == []
