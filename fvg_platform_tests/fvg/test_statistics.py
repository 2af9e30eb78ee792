"""Tables of statistics: each figure by hand, groups, intervals, and what many tries do to a p-value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import mode_config
from fvg_platform.fvg.multiple_tests import block_tests, single_step
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.statistics import DIMENSIONS, STATISTIC_COLUMNS, statistics
from fvg_platform.fvg.statistics_columns import IDENTITY, INTEGERS
from fvg_platform.fvg.statistics_sums import r_before_costs
from fvg_platform.fvg.summary import summarise_labels

from .made_labels import diced, labels_from
from .made_up import walk

MIXED = {
    "status": [*["entered"] * 6, "gap_invalid", "ran_away", "ran_away", "expired", "pending"],
    "lo": ["target", "stop", "stop", "timeout", "censored", "censored", *[None] * 5],
    "hi": ["target", "target", "stop", "timeout", "target", "censored", *[None] * 5],
}


def first_row(labels: pd.DataFrame, **choices: object) -> pd.Series:
    """The row of all setups and the first target."""
    return statistics(labels, "1d", "all", **choices).iloc[0]


def test_each_figure_is_the_one_computed_by_hand() -> None:
    row = first_row(labels_from(**MIXED, days=1, cost_bps=10))
    # With 10 basis points a side: target 1 - 0.001·202/2, stop -1 - 0.001·198/2, timeout 0.5 - 0.001·201/2.
    target, stop, timeout, void = 0.899, -1.099, 0.3995, -0.097
    r_lo, r_hi = target + 2 * stop + timeout + void, 3 * target + stop + timeout + void
    expected = {
        "setups": 11, "entered": 6, "gap_invalid": 1, "ran_away": 2, "expired": 1, "pending": 1,
        "targets_lo": 1, "targets_hi": 3, "settled_lo": 4, "settled_hi": 5, "censored_lo": 2, "censored_hi": 1,
        "r_count_lo": 5, "r_count_hi": 6, "identified": 3, "blocks": 1,
        "fill_rate": 6 / 10, "win_lo": 1 / 4, "win_hi": 3 / 5, "identified_share": 3 / 4,
        "mean_r_lo": r_lo / 5, "mean_r_hi": r_hi / 6,
        "mean_r_before_costs_lo": (1 - 1 - 1 + 0.5 + 0) / 5,
        "mean_r_before_costs_hi": (1 + 1 - 1 + 0.5 + 1 + 0) / 6,
        # Three orders were never filled; the pending one and those still open say nothing yet.
        "expectancy_lo": r_lo / 8, "expectancy_hi": r_hi / 9,
        "profit_factor_lo": (target + timeout) / -(2 * stop + void),
        "profit_factor_hi": (3 * target + timeout) / -(stop + void),
        "bars_to_entry_median": 3.5, "bars_to_exit_median": 7.0,
        "mae_r_q10": -0.25, "mae_r_q90": -0.25, "mfe_r_q50": 0.75,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert row[["win_lo_low", "mean_r_hi_high", "p_value", "p_adjusted", "mean_r_lo_deflated"]].isna().all()


def test_a_table_has_the_columns_that_are_promised() -> None:
    labels = labels_from(**MIXED, days=1)
    table = statistics(labels, "1d", ("all", "side"))
    assert list(table.columns) == [*IDENTITY, *(name for name, _, _ in STATISTIC_COLUMNS)]
    for name, kind, _ in STATISTIC_COLUMNS:
        assert table[name].dtype.kind == ("i" if kind == "int" else "f"), name
    assert table[["dimension", "value", "timeframe", "target"]].to_numpy().tolist() == [
        ["all", "all", "1d", 1], ["all", "all", "1d", 2], ["all", "all", "1d", 3],
        ["side", "long", "1d", 1], ["side", "long", "1d", 2], ["side", "long", "1d", 3],
    ]  # fmt: skip
    assert table.filter(like="_surrogate").isna().all(axis=None)


@given(
    side=st.sampled_from([1, -1]),
    fill=st.floats(1, 1e4),
    move=st.floats(-0.5, 0.5),
    risk=st.floats(0.001, 0.2),
    cost_bps=st.floats(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_r_before_costs_is_recovered_from_r_after_costs(
    side: int, fill: float, move: float, risk: float, cost_bps: float
) -> None:
    left_at, risk = fill * (1 + move), risk * fill
    before = side * (left_at - fill) / risk
    after = before - cost_bps * 1e-4 * (fill + left_at) / risk
    row = pd.DataFrame({"side": [side], "risk": [risk], "entry_price": [fill], "cost_bps": [cost_bps]})
    assert r_before_costs(row, np.array([after]), np.array([True]))[0] == pytest.approx(before, abs=1e-9)


def test_a_voided_setup_made_nothing_before_costs_but_its_stops_slippage() -> None:
    row = pd.DataFrame(
        {"side": [1, -1], "risk": [2.0, 2.0], "entry_price": [np.nan] * 2, "cost_bps": [10.0] * 2}
    )
    slipped = np.full(2, -97 * 2e-3 / 2)
    after = slipped - 2 * 97 * 1e-3 / 2
    never = np.zeros(2, bool)
    assert r_before_costs(row, after, never, slippage_bps=20) == pytest.approx(slipped)
    assert (r_before_costs(row, after, never) == 0).all()


def test_r_before_costs_is_what_labels_without_costs_say() -> None:
    bars = walk(4000, seed=2)
    config = mode_config("15m").changed(stop_slippage_bps=3, cost_bps=0, day_only=False)
    setups = plan_setups(detect_gaps(bars, "15m"), "15m", config=config)
    dear = config.changed(cost_bps=20)
    free, paid = (label_setups(bars, setups, "15m", config=each) for each in (config, dear))
    assert {"entered", "gap_invalid"} <= set(paid["status"])
    paid = paid.assign(risk=setups["risk"], cost_bps=20.0)
    for name in ("r_1_lo", "r_2_hi", "r_3_lo"):
        entered = (paid["status"] == "entered").to_numpy()
        recovered = r_before_costs(paid, paid[name].to_numpy(), entered, slippage_bps=3)
        np.testing.assert_allclose(recovered, free[name].to_numpy(), atol=1e-9)
        assert (paid[name].dropna() < free[name].dropna()).all()


def test_an_r_without_the_prices_it_came_from_is_an_error() -> None:
    labels = labels_from(**MIXED, days=1)
    labels.loc[2, "entry_price"] = np.nan
    with pytest.raises(ValueError, match=r"labels: row 2 has an R of -1, but .*entry_price=nan"):
        statistics(labels, "1d", "all")


def test_setups_are_grouped_by_each_dimension() -> None:
    labels = labels_from(**MIXED, days=60).assign(
        ticker=list("AABBBBBBBBB"),
        side=[1, -1] * 5 + [1],
        session=[*["london"] * 4, *[None] * 7],
        rule_zone_at_low_volume_node=pd.array([True, False, *[None] * 9], dtype="boolean"),
        rule_discount=pd.array([True] * 11, dtype="boolean"),
        rule_score=0.5,
    )
    table = statistics(labels, "1d")
    counts = table[table["target"] == 1].set_index(["dimension", "value"])["setups"]
    assert counts.to_dict() == {
        ("all", "all"): 11, ("timeframe", "1d"): 11, ("mode", "daily"): 11, ("ticker", "A"): 2, ("ticker", "B"): 9,
        ("side", "long"): 6, ("side", "short"): 5, ("session", "london"): 4, ("session", "none"): 7,
        ("rule", "zone_at_low_volume_node: pass"): 1, ("rule", "zone_at_low_volume_node: fail"): 1,
        ("rule", "zone_at_low_volume_node: unknown"): 9, ("rule", "discount: pass"): 11,
        ("year", "2001"): 7, ("year", "2002"): 4,
    }  # fmt: skip
    assert list(dict.fromkeys(table["dimension"])) == list(DIMENSIONS)
    apart = ["dimension", "value", "blocks"]  # blocks are counted from the first setup of all
    alone = statistics(labels[labels["ticker"] == "B"], "1d", "all").drop(columns=apart)
    within = table[(table["dimension"] == "ticker") & (table["value"] == "B")].drop(columns=apart)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), within.reset_index(drop=True))


def test_quantiles_are_those_of_each_group() -> None:
    labels = diced(400, 3, tickers=3).assign(mae_r=-np.random.default_rng(0).random(400))
    table = statistics(labels, "1d", "ticker")
    for value, group in labels.groupby("ticker"):
        row = table[(table["value"] == value) & (table["target"] == 2)].iloc[0]
        for q in (10, 50, 90):
            assert row[f"mae_r_q{q}"] == pytest.approx(group["mae_r"].quantile(q / 100))
        assert row["bars_to_exit_median"] == group["bars_to_exit_2_lo"].astype(float).median()


def test_nothing_to_stand_on_gives_no_figure() -> None:
    labels = labels_from(**MIXED, days=1)
    assert statistics(labels.iloc[:0], "1d", ("all", "ticker", "side", "year")).empty
    row = first_row(labels[labels["status"].isin(["ran_away", "pending"])])
    assert (row["setups"], row["entered"], row["fill_rate"], row["expectancy_lo"]) == (3, 0, 0.0, 0.0)
    unknown = [
        "win_lo",
        "mean_r_hi",
        "profit_factor_lo",
        "identified_share",
        "bars_to_entry_median",
        "mae_r_q50",
    ]
    assert row[unknown].isna().all()
    winners = first_row(labels.iloc[[0]])
    assert (winners["win_lo"], winners["mean_r_lo"]) == (1.0, 1.0)
    assert np.isnan(winners["profit_factor_lo"]), "without losses there is no factor"
    unpriced = first_row(labels.iloc[[0, 2]].assign(r_1_lo=[1.0, np.nan]))
    assert (unpriced["r_count_lo"], unpriced["mean_r_lo"], unpriced["win_lo"]) == (1, 1.0, 0.5)


def test_what_does_not_belong_is_named() -> None:
    labels = labels_from(**MIXED, days=1)
    with pytest.raises(ValueError, match="unknown dimension 'weekday': use some of all, timeframe"):
        statistics(labels, "1d", ("all", "weekday"))
    with pytest.raises(ValueError, match="labels lack risk, r_2_lo"):
        statistics(labels.drop(columns=["risk", "r_2_lo"]), "1d", "all")
    with pytest.raises(ValueError, match="labels lack session, rule_<name>: add them"):
        statistics(labels.drop(columns="session"), "1d")
    with pytest.raises(ValueError, match="surrogate labels lack ticker"):
        statistics(labels, "1d", "ticker", surrogate=labels.drop(columns="ticker"))
    with pytest.raises(ValueError, match="timeframe of row 1 is '1h', but the table is of 1d"):
        statistics(labels.assign(timeframe=["1d", "1h", *["1d"] * 9]), "1d", "all")
    with pytest.raises(ValueError, match="side of row 0 is 0"):
        statistics(labels.assign(side=0), "1d", "side")


@given(order=st.permutations(range(60)))
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    labels = diced(60, 1, days=40.0, tickers=2)
    first, second = (statistics(frame, "1d", replicates=50) for frame in (labels, labels.iloc[order]))
    assert first["win_lo_low"].notna().any()
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_intervals_are_those_of_the_summary() -> None:
    labels = diced(900, 5)
    table = statistics(labels, "1d", "all", replicates=300, seed=4)
    for row, target in zip(
        table.itertuples(), summarise_labels(labels, "1d", replicates=300, seed=4).targets, strict=True
    ):
        for name, estimate in (("win_lo", target.win_rate_lo), ("mean_r_hi", target.mean_r_hi)):
            ends = [getattr(row, name + end) for end in ("", "_low", "_high")]
            assert ends == pytest.approx([estimate.value, estimate.low, estimate.high], rel=1e-9)
            assert ends[1] < ends[0] < ends[2]


def test_surrogate_figures_stand_beside_and_draws_share_no_block() -> None:
    labels, one = diced(300, 1), diced(300, 2)
    both = pd.concat([one.assign(draw=0), one.assign(draw=1)])
    table = statistics(labels, "1d", ("all", "side"), surrogate=both)
    alone, surrogate = statistics(labels, "1d", ("all", "side")), statistics(one, "1d", ("all", "side"))
    pd.testing.assert_frame_equal(table.iloc[:, :50], alone.iloc[:, :50])
    assert (table["setups_surrogate"] == 2 * surrogate["setups"]).all()
    assert (table["blocks_surrogate"] == 2 * surrogate["blocks"]).all()
    np.testing.assert_allclose(table["mean_r_lo_surrogate"], surrogate["mean_r_lo"])
    # Twice the draws, the same figures: twice the evidence.
    width = (table["win_lo_high_surrogate"] - table["win_lo_low_surrogate"]).iloc[0]
    assert width / (surrogate["win_lo_high"] - surrogate["win_lo_low"]).iloc[0] == pytest.approx(
        2**-0.5, rel=0.2
    )
    longs = statistics(labels, "1d", "side", surrogate=one[one["side"] > 0])
    lacking = longs[longs["value"] == "short"].filter(like="_surrogate")
    assert lacking.isna().all(axis=None)
    assert {str(lacking[f"{name}_surrogate"].dtype) for name in INTEGERS} == {"Int64"}


def test_groups_in_fewer_than_ten_blocks_have_no_interval_and_no_test() -> None:
    labels = diced(600, 1, tickers=2)
    labels.loc[labels["ts"].dt.year < 2016, "ticker"] = "T00"
    table = statistics(labels, "1d", "ticker").set_index(["value", "target"])
    assert table.loc[("T01", 1), "blocks"] < 10 < table.loc[("T00", 1), "blocks"]
    bounds = ["win_lo_low", "win_lo_high", "p_value", "p_adjusted", "mean_r_lo_deflated"]
    assert table.loc[("T01", 1), bounds].isna().all()
    assert table.loc[("T00", 1), bounds].notna().all()


def test_forty_groups_of_noise_seldom_show_an_edge() -> None:
    false_alarms, naive = 0, []
    for seed in range(12):
        table = statistics(diced(4000, seed, days=1.5, tickers=40), "1d", "ticker", replicates=400)
        first = table[table["target"] == 1]
        false_alarms += bool((table["p_adjusted"] < 0.05).any())
        naive.append((first["p_value"] < 0.05).mean())
        assert (table["p_adjusted"] >= table["p_value"]).all()
        assert ((table["mean_r_lo_deflated"] > 0) == (table["p_adjusted"] <= 0.05)).mean() > 0.99
    assert false_alarms <= 2
    assert 0.02 < np.mean(naive) < 0.09, "each test alone holds its level, so forty of them would not"


def test_one_edge_among_forty_groups_is_found_and_it_alone() -> None:
    labels = diced(8000, 1, days=1.0, tickers=40)
    better = diced(8000, 2, days=1.0, win=0.75)
    planted = labels["ticker"] == "T07"
    outcomes = [f"{name}_{k}_{path}" for name in ("outcome", "r") for k in (1, 2, 3) for path in ("lo", "hi")]
    labels.loc[planted, outcomes] = better.loc[planted, outcomes]
    table = statistics(labels, "1d", "ticker")
    found = table[table["p_adjusted"] < 0.05]
    assert set(found["value"]) <= {"T07"}
    assert 1 in set(found["target"])
    assert (found["mean_r_lo_deflated"] > 0).all()
    assert (found["mean_r_lo_deflated"] < found["mean_r_lo_low"]).all(), "the price of forty tries"


def test_a_test_of_one_row_needs_no_correction_and_one_without_spread_is_sure() -> None:
    rng = np.random.default_rng(0)
    weights = rng.multinomial(20, np.full(20, 1 / 20), size=500).T.astype(float)
    sums, counts = rng.normal(0.2, 1, (1, 20)), np.ones((1, 20))
    alone = single_step(block_tests(sums, counts, weights, 10))
    assert alone.p_value == alone.p_adjusted
    sure = single_step(block_tests(np.ones((1, 20)), counts, weights, 10))
    assert (sure.p_value[0], sure.lower_bound[0]) == (1 / 501, 1.0)
    none = single_step(block_tests(np.zeros((1, 20)), counts, weights, 10))
    assert none.p_adjusted[0] == 1.0
    assert np.isnan(single_step(block_tests(sums, counts, weights, 21)).p_value).all()


def test_the_horizon_of_the_configuration_sets_the_blocks() -> None:
    labels = diced(300, 1)
    short = mode_config("1d").changed(ttl=5, max_hold=10)
    assert first_row(labels, config=short)["blocks"] > 3 * first_row(labels)["blocks"]
