"""A refresh from a tail equals the whole recompute; the models are served what they were trained on."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.features.catalogue import FEATURES, compute_features, reach
from fvg_platform.features.feature import Feature
from fvg_platform.features.refresh import refresh_features
from fvg_platform.features.setup_features import MODEL_FEATURES, compute_setup_features
from fvg_platform.features.verification import first_difference, made_up_markets
from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform_tests.features.made_bars import random_bars, still_from, with_orders

MARKETS = {market.name: market.bars for market in made_up_markets()}
MARKETS["dies and revives"] = with_orders(still_from(random_bars(3200), 600, 1900))
NAMES = [feature.name for feature in FEATURES]


@cache
def whole(market: str) -> pd.DataFrame:
    return compute_features(MARKETS[market])


def shortest_tail(bars: pd.DataFrame, row: int) -> int:
    """Where the shortest tail begins that may serve from `row` on."""
    needed = reach()
    latest = bars["ts"].iloc[row] - pd.Timedelta(days=needed.days)
    by_days = int(bars["ts"].searchsorted(latest, side="right")) - 1
    return min(row - needed.bars, by_days)


def refreshed(market: str, row: int, rows: int = 3) -> pd.DataFrame:
    bars = MARKETS[market]
    tail = bars.iloc[shortest_tail(bars, row) : row + rows]
    return refresh_features(tail, bars["ts"].iloc[row], whole(market).iloc[row - 1].to_dict())


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found["ts"]) == list(expected["ts"])
    assert list(found) == list(expected)
    for name in NAMES:
        at = first_difference(found[name].to_numpy(), expected[name].to_numpy())
        assert at is None, (name, at, found[name].iloc[at], expected[name].iloc[at])


@settings(max_examples=20, deadline=None)
@given(market=st.sampled_from(sorted(MARKETS)), row=st.integers(2200, 2990))
def test_a_refresh_equals_the_whole_recompute(market, row):
    assert_same(refreshed(market, row), whole(market).iloc[row : row + 3])


@pytest.mark.parametrize("rows", [1, 40, 700, 1500])
def test_a_tail_from_the_first_bar_needs_nothing_stored(rows):
    bars = MARKETS["thin"].iloc[: rows + 5]
    found = refresh_features(bars, bars["ts"].iloc[rows], None, from_start=True)
    assert_same(found, whole("thin").iloc[rows : rows + 5])


def test_a_refresh_from_the_first_bar_on_is_the_whole():
    bars = MARKETS["thin"].iloc[:50]
    assert_same(refresh_features(bars, bars["ts"].iloc[0], None, from_start=True), whole("thin").iloc[:50])


def test_a_refresh_with_nothing_new_has_no_rows():
    bars = MARKETS["thin"].iloc[:50]
    found = refresh_features(bars, bars["ts"].iloc[-1] + pd.Timedelta(hours=1), None)
    assert found.shape == (0, len(NAMES) + 1)


def test_a_tail_that_is_too_short_is_refused_with_what_it_needs():
    bars, row = MARKETS["round the clock"], 2500
    start = shortest_tail(bars, row)
    stored = whole("round the clock").iloc[row - 1].to_dict()
    with pytest.raises(ValueError, match=rf"need {reach().bars} bars and {reach().days} days before it"):
        refresh_features(bars.iloc[start + 1 : row + 3], bars["ts"].iloc[row], stored)


@pytest.mark.parametrize("stored", [None, {}, {"obv": np.nan}])
def test_a_running_sum_goes_on_from_what_is_stored_or_not_at_all(stored):
    bars = MARKETS["round the clock"]
    with pytest.raises(
        ValueError, match=r"obv is a running sum and has no stored value for the bar of 2026-03-04"
    ):
        refresh_features(bars.iloc[2498:2510], bars["ts"].iloc[2500], stored, names=["obv"])
    found = refresh_features(bars.iloc[2499:2510], bars["ts"].iloc[2500], {"obv": 7.0}, names=["obv"])
    expected = (
        whole("round the clock")["obv"].iloc[2500:2510] - whole("round the clock")["obv"].iloc[2499] + 7.0
    )
    np.testing.assert_allclose(found["obv"], expected, rtol=1e-9)


def test_a_users_own_features_are_refreshed_too_and_count_for_the_reach():
    own = Feature(
        "high_500", "custom", "highest high of 500 bars", "price", 499, False, "bar",
        lambda s: pd.Series(s.high).rolling(500).max().to_numpy(),
    )  # fmt: skip
    bars = MARKETS["round the clock"]
    with pytest.raises(ValueError, match="need 499 bars and 0 days"):
        refresh_features(
            bars.iloc[2100:2510], bars["ts"].iloc[2500], None, names=["rsi_14"][:0], custom=[own]
        )
    found = refresh_features(bars.iloc[2001:2510], bars["ts"].iloc[2500], None, names=[], custom=[own])
    assert list(found) == ["ts", "high_500"]
    assert list(found["high_500"]) == [bars["high"].iloc[k - 499 : k + 1].max() for k in range(2500, 2510)]


def test_setups_are_served_the_values_that_they_are_trained_on():
    market, row = "round the clock", 2600
    bars = MARKETS[market]
    gaps = detect_gaps(bars, "1h")
    setups = plan_setups(gaps, "1h")
    context = describe_context(bars, gaps, "1h", coarser={"4h": bars.iloc[::4], "1d": bars.iloc[::24]})
    context = pd.concat([context, judge(context, gaps)], axis=1)
    trained = compute_setup_features(setups, gaps, whole(market), bars, context)

    found = refreshed(market, row, rows=len(bars) - row)
    newest = setups["i"] >= row

    def from_row(frame: pd.DataFrame) -> pd.DataFrame:
        """Positions in the tail's new bars; the gaps of the 300 bars before them keep theirs, below 0."""
        return frame[frame["i"] >= row - 300].assign(i=lambda f: f["i"] - row)

    served = compute_setup_features(
        from_row(setups[newest]), from_row(gaps), found, bars.iloc[row:], from_row(context)
    )
    assert newest.sum() > 20
    for name in MODEL_FEATURES:
        assert first_difference(served[name].to_numpy(), trained.loc[newest, name].to_numpy()) is None, name
