"""Setup features: by hand on hand-made gaps, then on detected ones: nothing after bar i counts."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.features.catalogue import FEATURES, SETUP_FEATURES, compute_features
from fvg_platform.features.gap_context import CONTEXT_NUMBERS, CONTEXT_TEXTS
from fvg_platform.features.gap_context import FEATURES as CONTEXT_FEATURES
from fvg_platform.features.setup_features import MODEL_FEATURES, compute_setup_features
from fvg_platform.features.verification import rescaled
from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.context_columns import CONTEXT_COLUMNS
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform_tests.features.made_bars import PRICES, random_bars, still_from, with_orders

BARS = with_orders(random_bars(400, seed=9))
BAR_FEATURES = compute_features(BARS)


def hand_made(*rows: tuple[int, int], **measures: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gaps at (i, side) and a setup on each: entry one percent behind the close, risk half of that."""
    gaps = pd.DataFrame(rows, columns=["i", "side"])
    close = BARS["close"].to_numpy()[gaps["i"]]
    known = {"size_atr": 0.4, "size_pct": 0.002, "body_ratio": 0.9, "volume_ratio": 2.5, "spans_break": False}
    gaps = gaps.assign(ts=BARS["ts"].to_numpy()[gaps["i"]], **known | measures)
    gaps["ts"] = BARS["ts"].array[gaps["i"]]
    gaps["known_at"] = gaps["ts"] + pd.Timedelta(hours=1)
    setups = gaps[["i", "side", "ts", "known_at"]].assign(
        entry=close * (1 - 0.01 * gaps["side"]), risk=0.005 * close
    )
    return setups, gaps


def blank(gaps: pd.DataFrame, **known: object) -> pd.DataFrame:
    """A context in which nothing is known but what is given."""
    unknown = dict.fromkeys(CONTEXT_NUMBERS, np.nan) | dict.fromkeys(CONTEXT_TEXTS)
    return gaps[["i", "side"]].assign(**unknown | known)


def describe(*rows: tuple[int, int], **measures: object) -> pd.DataFrame:
    setups, gaps = hand_made(*rows, **measures)
    return compute_setup_features(setups, gaps, BAR_FEATURES, BARS, blank(gaps))


def in_context(side: int, **known: object) -> pd.Series:
    setups, gaps = hand_made((250, side))
    return compute_setup_features(setups, gaps, BAR_FEATURES, BARS, blank(gaps, **known)).iloc[0]


def context_of(bars: pd.DataFrame, gaps: pd.DataFrame) -> pd.DataFrame:
    context = describe_context(bars, gaps, "1h", coarser={"4h": bars.iloc[::4], "1d": bars.iloc[::24]})
    return pd.concat([context, judge(context, gaps)], axis=1)


def detected(bars: pd.DataFrame) -> pd.DataFrame:
    gaps = detect_gaps(bars, "1h")
    return compute_setup_features(
        plan_setups(gaps, "1h"), gaps, compute_features(bars), bars, context_of(bars, gaps)
    )


def test_columns_are_the_keys_and_the_model_features():
    features = describe((250, 1), (260, -1))
    assert list(features) == ["i", "side", "ts", "known_at", *MODEL_FEATURES]
    assert (features[list(MODEL_FEATURES)].dtypes == np.float64).all()


def test_the_measures_of_one_short_by_hand():
    row, bar = describe((250, -1)).iloc[0], BAR_FEATURES.iloc[250]
    close = BARS["close"].iloc[250]
    expected = {
        "gap_size_atr": 0.4,
        "gap_size_pct": 0.002,
        "gap_body_ratio": 0.9,
        "gap_volume_ratio": 2.5,
        "gap_spans_break": 0.0,
        "direction": -1.0,
        "risk_pct": 0.005 / 1.01,
        "risk_atr": 0.005 * close / bar["atr_14"],
        "entry_distance_r": 2.0,  # one percent away, with half a percent at risk
        "trend_alignment_50": -bar["dist_sma_50_atr"],
        "trend_alignment_200": -bar["dist_sma_200_atr"],
        "momentum_alignment": (50 - bar["rsi_14"]) / 50,
        "macd_alignment": -bar["macd_hist_atr"],
        "di_alignment": (bar["minus_di_14"] - bar["plus_di_14"]) / 100,
        "range_alignment_20": 1 - 2 * bar["range_position_20"],
    }
    assert row[list(expected)].to_dict() == pytest.approx(expected)


def test_bar_features_are_those_of_bar_i_under_their_own_names():
    shared = [feature.name for feature in FEATURES if feature.scale_free]
    joined = describe((399, 1), (17, -1), (250, 1))[shared]
    pd.testing.assert_frame_equal(joined, BAR_FEATURES.loc[[399, 17, 250], shared].reset_index(drop=True))


def test_gaps_before_are_counted_by_side_in_windows_that_end_before_i():
    crowd = describe((100, 1), (130, -1), (149, 1), (150, 1), (151, -1), (200, 1), (399, 1))
    counts = crowd.set_index("i")[
        ["same_side_gaps_20", "opposite_side_gaps_20", "same_side_gaps_50", "opposite_side_gaps_50"]
    ]
    assert counts.loc[100].tolist() == [0, 0, 0, 0]
    assert counts.loc[150].tolist() == [1, 1, 2, 1]  # 149; 130, just 20 before; 100, just 50 before
    assert counts.loc[151].tolist() == [0, 2, 1, 2]  # 130 is 21 before, 100 is 51 before
    assert counts.loc[200].tolist() == [0, 0, 1, 1]  # 150 and 151; 149 is 51 before
    assert crowd["bars_since_same_side_gap"].tolist() == [200, 200, 49, 1, 21, 50, 199]


def test_the_wait_for_the_last_gap_is_capped():
    assert describe((20, 1), (390, 1))["bars_since_same_side_gap"].tolist() == [200, 200]


def test_nulls_are_nan_in_the_warm_up_and_neutral_after_it():
    nulls = {"volume_ratio": np.nan, "spans_break": pd.array([None, None], dtype="boolean")}
    features = describe((20, 1), (21, -1), **nulls)
    assert np.isnan(features["gap_volume_ratio"].iloc[0])
    assert features["gap_volume_ratio"].iloc[1] == 1.0
    assert features["gap_spans_break"].isna().all()
    assert features["trend_alignment_50"].isna().all()


def test_no_setups_give_no_rows_and_the_same_columns():
    setups, gaps = hand_made((250, 1))
    empty = compute_setup_features(setups.iloc[:0], gaps, BAR_FEATURES, BARS, blank(gaps))
    assert list(empty) == list(describe((250, 1)))
    assert len(empty) == 0
    assert (empty[list(MODEL_FEATURES)].dtypes == np.float64).all()


@pytest.mark.parametrize("cut", [60, 211, 399])
def test_nothing_after_bar_i_counts(cut):
    """Other bars after the cut: the setups known by then are described as before, bit for bit."""
    other = BARS.copy()
    swapped = random_bars(400, seed=77)
    columns = [*PRICES, "volume"]
    other.loc[cut:, columns] = swapped.loc[cut:, columns].to_numpy()
    here, there = (features[features["i"] < cut] for features in (detected(BARS), detected(other)))
    assert len(here) > 3
    pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_the_lifecycle_of_gaps_is_not_read():
    gaps = detect_gaps(BARS, "1h")
    setups = plan_setups(gaps, "1h")
    blind = gaps.drop(columns=["touched", "half_filled", "filled", "inverted", "depth"])
    with_it, without = (
        compute_setup_features(setups, g, BAR_FEATURES, BARS, context_of(BARS, g)) for g in (gaps, blind)
    )
    pd.testing.assert_frame_equal(with_it, without)


@pytest.mark.parametrize("bars", [BARS, still_from(BARS, 100, 200), BARS.assign(volume=0.0)])
def test_detected_setups_are_described_in_full_after_the_warm_up(bars):
    features = detected(bars)
    warmup = {f.name: f.warmup for f in (*FEATURES, *SETUP_FEATURES)}
    assert len(features) > 20
    for name in MODEL_FEATURES:
        if name != "gap_spans_break":  # no calendar here
            values = features.loc[features["i"] >= warmup[name], name]
            assert np.isfinite(values).all(), name


@pytest.mark.parametrize(("prices", "volumes"), [(2.0**9, 2.0**-6), (3.0, 0.7)])
def test_setup_features_are_free_of_scale(prices, volumes):
    scaled = rescaled(BARS, prices, volumes)
    pd.testing.assert_frame_equal(detected(scaled), detected(BARS), rtol=1e-9, atol=1e-10)


def test_the_context_of_a_long_and_of_a_short_by_hand():
    known = {
        "trend": 1.0,
        "structure_break": "choch",
        "bars_since_break": 4.0,
        "impulse_broke_structure": 1.0,
        "range_position": 0.25,
        "leg_poc_atr": 0.5,
        "taker_buy_share": 0.6,
        "profile_poc_atr": 3.0,
        "profile_location": "above",
        "session": "new_york_lunch",
        "vwap_distance_atr": -2.0,
        "prior_day_high_atr": -1.0,
        "prior_day_low_atr": 4.0,
        "coarser_1_range_position": 0.75,
        "coarser_alignment": -0.5,
        "rule_score": 0.8,
    }
    signed = {
        "context_trend_alignment": 1.0,
        "context_discount": 0.5,
        "context_leg_poc_atr": 0.5,
        "context_taker_pressure": 0.2,
        "context_profile_poc_atr": 3.0,
        "context_profile_location": 1.0,
        "context_vwap_distance_atr": -2.0,
        "context_coarser_discount": -0.5,
    }
    plain = {
        "context_character_changed": 1.0,
        "context_bars_since_break": 4.0,
        "context_impulse_broke_structure": 1.0,
        "context_in_new_york": 1.0,
        "context_in_london": 0.0,
        "context_in_killzone": 0.0,
        "context_coarser_alignment": -0.5,  # signed by the context already
        "context_rule_score": 0.8,
    }
    ahead, behind = "context_beyond_prior_day_atr", "context_above_prior_day_atr"
    for side, day in ((1, {ahead: -1.0, behind: 4.0}), (-1, {ahead: -4.0, behind: 1.0})):
        expected = {name: side * value for name, value in signed.items()} | plain | day
        assert in_context(side, **known)[list(expected)].to_dict() == pytest.approx(expected)


def test_an_unknown_context_is_neutral():
    row = in_context(-1)
    expected = {feature.name: 0.0 for feature in CONTEXT_FEATURES} | {
        "context_bars_since_break": 500.0,
        "context_bars_since_sweep": 12.0,
        "context_leg_bars": 50.0,
        "context_leg_zone_density": 1.0,
        "context_rule_score": 0.5,
    }
    assert row[list(expected)].to_dict() == expected


def test_what_the_features_read_of_a_context_is_in_it():
    names = {column.name: column.kind for column in CONTEXT_COLUMNS}
    assert {*CONTEXT_NUMBERS} - {"rule_score"} <= {name for name, kind in names.items() if kind != "text"}
    assert set(CONTEXT_TEXTS) <= {name for name, kind in names.items() if kind == "text"}


@pytest.mark.parametrize("bars", [BARS, still_from(BARS, 100, 200), BARS.assign(volume=0.0)])
def test_context_features_are_within_their_units(bars):
    features = detected(bars)
    bounds = {"0/1": (0.0, 1.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
    for feature in CONTEXT_FEATURES:
        low, high = bounds.get(feature.unit, (-np.inf, np.inf))
        values = features[feature.name].to_numpy()
        assert np.isfinite(values).all(), feature.name
        assert ((values >= low) & (values <= high)).all(), feature.name


def test_frames_that_do_not_belong_together_are_refused():
    setups, gaps = hand_made((250, 1), (260, -1))
    context = blank(gaps)
    with pytest.raises(ValueError, match=r"bar_features \(399 rows\) were not computed from these bars"):
        compute_setup_features(setups, gaps, BAR_FEATURES.iloc[:399], BARS, context)
    with pytest.raises(ValueError, match="there are 255 bars"):
        compute_setup_features(setups, gaps, BAR_FEATURES.iloc[:255], BARS.iloc[:255], context)
    with pytest.raises(ValueError, match="setup row 0 says bar 251 opens at"):
        compute_setup_features(setups.assign(i=[251, 260]), gaps, BAR_FEATURES, BARS, context)
    with pytest.raises(ValueError, match=r"setup of side -1 at i = 260 has no row in gaps"):
        compute_setup_features(setups, gaps.iloc[:1], BAR_FEATURES, BARS, context)
    with pytest.raises(ValueError, match=r"more than one of side \+1 at i = 250"):
        compute_setup_features(setups, pd.concat([gaps, gaps]), BAR_FEATURES, BARS, context)
    with pytest.raises(ValueError, match=r"gaps lack the column\(s\) size_atr"):
        compute_setup_features(setups, gaps.drop(columns="size_atr"), BAR_FEATURES, BARS, context)
    with pytest.raises(ValueError, match=r"setup of side -1 at i = 260 has no row in context"):
        compute_setup_features(setups, gaps, BAR_FEATURES, BARS, context.iloc[:1])
    with pytest.raises(ValueError, match=r"context lack the column\(s\) trend, session"):
        compute_setup_features(setups, gaps, BAR_FEATURES, BARS, context.drop(columns=["trend", "session"]))
