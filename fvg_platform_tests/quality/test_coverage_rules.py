"""Limits of completeness, agreement and flags: by hand, at and beside each limit."""

from typing import Any

import pandas as pd
import pytest

from fvg_platform.market.timeframes import TIMEFRAMES
from fvg_platform.quality.coverage_rules import (
    COMPLETENESS,
    judge_comparisons,
    judge_coverage,
    judge_flags,
    limits_in_words,
    liquidity,
)


def judged(**values: Any) -> dict[str, Any]:
    row = {
        "ticker": "AAPL", "timeframe": "1m", "asset_class": "equity", "expected": 1000, "missing": 0, "untraded": 0,
        "lost": 0, "dollar_volume": float("nan"), **values,
    }  # fmt: skip
    return judge_coverage(pd.DataFrame([row])).to_dict("records")[0]


@pytest.mark.parametrize(
    ("missing", "warned", "failed"), [(20, 0, 0), (21, 21, 0), (100, 100, 0), (101, 101, 101)]
)
def test_a_liquid_series_is_judged_by_what_is_there(missing: int, warned: int, failed: int) -> None:
    row = judged(missing=missing)
    assert row["completeness"] == pytest.approx(1 - missing / 1000)
    assert (row["liquidity"], row["incomplete"], row["incomplete_error"]) == ("liquid", warned, failed)


def test_untraded_minutes_are_not_missing_but_lost_ones_count() -> None:
    quiet = judged(missing=400, untraded=400)
    assert (quiet["completeness"], quiet["incomplete"], quiet["lost_bars"]) == (1.0, 0, 0)
    # Of the 600 minutes with a trade ten are missing.
    torn = judged(missing=410, untraded=400, lost=4)
    assert torn["completeness"] == pytest.approx(590 / 600)
    assert (torn["lost_bars"], torn["lost_error"]) == (4, 0)
    assert judged(missing=406, untraded=400, lost=6)["lost_error"] == 6


def test_a_stale_count_of_untraded_bars_never_makes_more_than_all_complete() -> None:
    assert judged(missing=10, untraded=500)["completeness"] == 1.0


def test_nothing_expected_is_complete() -> None:
    assert judged(expected=0)["completeness"] == 1.0
    assert judge_coverage(pd.DataFrame(columns=list(judged()))).empty


def test_thin_instruments_have_more_room() -> None:
    # 1 million dollars a day are 2,564 a minute, 12,821 in five, 38,462 in fifteen.
    day = 1_000_000.0
    assert [liquidity(t, "equity", 0.0, day) for t in TIMEFRAMES] == ["thin"] * 2 + ["liquid"] * 6
    assert judged(missing=300, dollar_volume=day)["incomplete"] == 0
    assert judged(missing=300)["incomplete_error"] == 300


def test_what_is_known_to_be_untraded_makes_a_series_thin_and_ignorance_does_not() -> None:
    assert liquidity("1m", "equity", 0.05, 1e12) == "thin"
    assert liquidity("1m", "equity", 0.0499, None) == "liquid"
    assert liquidity("1m", "crypto", 0.0, float("nan")) == "liquid"
    # A crypto day is longer: the same day's volume is less a minute.
    assert (liquidity("1m", "crypto", 0.0, 2e7), liquidity("1m", "equity", 0.0, 2e7)) == ("thin", "liquid")


def test_the_limits_are_in_order() -> None:
    assert {timeframe for timeframe, _ in COMPLETENESS} == set(TIMEFRAMES)
    for timeframe in TIMEFRAMES:
        liquid, thin = COMPLETENESS[timeframe, "liquid"], COMPLETENESS[timeframe, "thin"]
        assert 0 < thin.error <= liquid.error < liquid.warn <= 1
        assert thin.error < thin.warn <= liquid.warn
    assert "| 1m | 98.0% | 90.0% | 50.0% | 10.0% |" in limits_in_words()


@pytest.mark.parametrize(
    ("compared", "differing", "warned", "failed"),
    [(42, 1, 0, 0), (42, 2, 2, 2), (1000, 10, 10, 0), (1000, 11, 11, 11), (0, 0, 0, 0)],
)
def test_one_late_correction_is_free(compared: int, differing: int, warned: int, failed: int) -> None:
    pair = pd.DataFrame({"compared": [compared], "differing": [differing]})
    assert judge_comparisons(pair)[["differ", "differ_error"]].to_numpy().tolist() == [[warned, failed]]


def test_flags_are_worth_a_look_beyond_their_usual_share() -> None:
    profile = pd.DataFrame(
        {
            "rows": [100, 10_000, 10_000],
            "outlier": [2, 2, 3],
            "stale": [3, 10, 11],
            "volume_spike": [0, 10, 11],
        }
    )
    found = judge_flags(profile)
    assert found[["outlier", "stale", "volume_spike"]].to_numpy().tolist() == [
        [0, 3, 0],
        [0, 0, 0],
        [3, 11, 11],
    ]
