"""Labels of surrogate bars: no edge in noise, and an edge that was planted is in the bars and not in the surrogate."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import RULES, ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.statistics import statistics
from fvg_platform.fvg.surrogate import surrogate_labels
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.surrogates import SurrogateError, surrogate_bars
from fvg_platform_tests.market_bars import random_bars

FREE = mode_config("1d").changed(cost_bps=0)


def daily(ohlc: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(ohlc, columns=["open", "high", "low", "close"])
    frame.insert(0, "ts", pd.date_range("2000-01-03", periods=len(frame), freq="B", tz="UTC"))
    return frame.assign(volume=1000.0)


def noise(n: int, seed: int) -> pd.DataFrame:
    """A random walk in logs of 400 samples a bar: few enough to be fast, many enough to leave little discretisation."""
    steps = np.random.default_rng(seed).normal(0, 0.0005, (n, 400))
    path = 100 * np.exp(steps.ravel().cumsum().reshape(n, 400))
    return daily(np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]]))


GAP_THAT_PAYS = [
    # (open, high, low, close) from the close before: away, on, back into the gap, ...
    (0.0, 0.021, -0.001, 0.020), (0.001, 0.006, 0.0005, 0.005), (0.0, 0.001, -0.008, 0.0),
    # ... then up beyond every target and down again, in bars that overlap too much to leave gaps.
    *[(0.0, 0.012, -0.013, 0.011)] * 8, *[(0.0, 0.014, -0.014, -0.0125)] * 8, (0.0, 0.013, -0.013, 0.0),
]  # fmt: skip


def planted(n: int, seed: int) -> pd.DataFrame:
    """Bars that leave a bullish gap every twenty; the price comes back to it and then surely rises."""
    size = np.random.default_rng(seed).uniform(0.8, 1.2, n // 20)
    moves = np.concatenate([np.array(GAP_THAT_PAYS) * each for each in size])
    before = np.append(0, moves[:-1, 3].cumsum())
    return daily(100 * np.exp(before[:, None] + moves))


def labelled(bars: pd.DataFrame, config: ModeConfig) -> pd.DataFrame:
    setups = plan_setups(detect_gaps(bars, "1d"), "1d", config=config)
    labels = label_setups(bars, setups, "1d", config=config)
    return labels.assign(risk=setups["risk"], cost_bps=config.cost_bps)


def test_noise_and_its_surrogate_have_no_edge() -> None:
    bars = noise(3000, seed=4)
    surrogate = surrogate_labels(bars, "1d", config=FREE, draws=3, with_rules=False)
    table = statistics(labelled(bars, FREE), "1d", ("all", "side"), config=FREE, surrogate=surrogate)
    for suffix in ("", "_surrogate"):
        # 0.58 of a step's move is what a stop seems to save where prices are sampled; here 2 % of a risk or less.
        assert (table[f"mean_r_before_costs_lo_low{suffix}"] - 0.02 < 0).all()
        assert (table[f"mean_r_before_costs_hi_high{suffix}"] + 0.02 > 0).all()
        assert (table[f"p_adjusted{suffix}"] > 0.05).all()
    assert (table["setups_surrogate"] > 2 * table["setups"]).all()


def test_a_planted_edge_is_found_and_its_surrogate_shows_none() -> None:
    bars = planted(2400, seed=1)
    config = mode_config("1d")
    surrogate = surrogate_labels(bars, "1d", draws=2, with_rules=False)
    table = statistics(labelled(bars, config), "1d", "side", surrogate=surrogate)
    longs = table[table["value"] == "long"]
    assert (longs["p_adjusted"] < 0.05).all()
    assert (longs["mean_r_lo_deflated"] > 0).all()
    assert (table["p_adjusted_surrogate"] > 0.05).all()
    assert (longs["mean_r_lo"] > longs["mean_r_hi_high_surrogate"]).all()


def test_each_draw_is_the_whole_way_on_its_own_surrogate() -> None:
    calendar = trading_calendar("equity")
    bars = random_bars("15m", "2024-01-02", "2024-03-01", seed=1)
    labels = surrogate_labels(bars, "15m", calendar=calendar, draws=2, seed=9)
    assert labels["draw"].unique().tolist() == [0, 1]
    second = labels[labels["draw"] == 1].reset_index(drop=True)
    drawn = surrogate_bars(bars, seed=(9, 1))
    gaps = detect_gaps(drawn, "15m", calendar=calendar)
    context = describe_context(drawn, gaps, "15m", calendar=calendar)
    setups = plan_setups(gaps, "15m")
    expected = label_setups(drawn, setups, "15m", calendar=calendar)
    for name in ("i", "status", "outcome_1_lo", "r_3_hi", "known_at"):
        pd.testing.assert_series_equal(second[name], expected[name])
    np.testing.assert_array_equal(second["risk"], setups["risk"])
    own = gaps["i"].isin(setups["i"]).to_numpy()
    assert second["session"].astype(object).tolist() == context.loc[own, "session"].astype(object).tolist()
    for rule in RULES:
        verdicts = judge(context, gaps).loc[own, f"rule_{rule}"].reset_index(drop=True)
        pd.testing.assert_series_equal(second[f"rule_{rule}"], verdicts)
    assert set(second["mode"]) == {"intraday"}
    table = statistics(second.assign(ticker="A"), "15m", surrogate=labels.assign(ticker="A"))
    assert set(table["dimension"]) >= {"rule", "session", "mode"}


def test_required_rules_choose_the_setups_of_surrogates_too() -> None:
    bars = random_bars("15m", "2024-01-02", "2024-02-01", seed=2)
    config = mode_config("15m").changed(required_rules=("discount",))
    labels = surrogate_labels(bars, "15m", config=config, draws=1)
    every = surrogate_labels(bars, "15m", draws=1)
    assert 0 < len(labels) < len(every)
    assert labels["rule_discount"].all()


def test_bars_that_give_no_surrogate_are_refused() -> None:
    bars = noise(50, seed=1)
    with pytest.raises(SurrogateError, match="at least 3 bars"):
        surrogate_labels(bars.iloc[:2], "1d")
    with pytest.raises(ValueError, match="draws is 0"):
        surrogate_labels(bars, "1d", draws=0)
    empty = surrogate_labels(bars.iloc[:10], "1d", draws=2)
    assert len(empty) == 0
    assert statistics(empty, "1d", ("all", "rule", "session")).empty
