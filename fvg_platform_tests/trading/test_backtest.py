"""The backtest as a whole: nothing from noise, something from a planted edge, nothing from the future."""

import json

import numpy as np
import pandas as pd
import pytest

from fvg_platform.trading.account import DAY, Period
from fvg_platform.trading.backtest import BUY_AND_HOLD, RANDOM_ENTRIES, RUNS, SIGNALS, backtest
from fvg_platform.trading.buy_and_hold import buy_and_hold
from fvg_platform.trading.signals import decide

from .made_up import CONFIG, HOUR, START, labelled_setups, noise_bars

FREE = CONFIG.changed(cost_bps=0)
SAMPLES, STEP = 400, 0.0005
BARS = {
    "AAA": noise_bars(6000, 1, samples=SAMPLES, step=STEP),
    "BBB": noise_bars(6000, 2, samples=SAMPLES, step=STEP),
}


def setups_of(bars, config):
    return pd.concat([labelled_setups(b, t, config) for t, b in bars.items()], ignore_index=True)


@pytest.fixture(scope="module")
def noise():
    """Setups of two driftless walks, costs left out."""
    return setups_of(BARS, FREE)


def run(setups, p, threshold=0.5, *, config=FREE, bars=BARS, **terms):
    terms = {"trials": 10, "draws": 20, "resamples": 300} | terms
    return backtest(setups, p, threshold, bars, "1h", config=config, **terms)


def chance(setups, seed=0):
    return np.random.default_rng(seed).random(len(setups))


def knowing(setups, share=0.7, seed=0):
    """Probabilities that know `share` of the first targets' outcomes and guess the others."""
    rng = np.random.default_rng(seed)
    hit = (setups["outcome_1_lo"] == "target").to_numpy()
    return np.where(rng.random(len(setups)) < share, hit, rng.random(len(setups)) < 0.5) * 0.8 + 0.1


def test_noise_earns_nothing_before_costs(noise):
    report = run(noise, chance(noise))
    # What bars of finite samples can hide: a level is crossed 0.58 steps late, at entry and exit.
    allowance = 2 * 0.58 * STEP / noise["risk"].mean()
    for name in (SIGNALS, "all setups", RANDOM_ENTRIES):
        lo, hi = report.runs[name]["lo"].mean_r, report.runs[name]["hi"].mean_r
        assert lo.low - allowance <= 0 <= hi.high + allowance, name
    for path in ("lo", "hi"):
        signals, random = (report.runs[name][path].mean_r for name in (SIGNALS, RANDOM_ENTRIES))
        assert signals.low < random.high, path
        assert random.low < signals.high, path
    assert report.runs[SIGNALS]["lo"].deflated_sharpe < 0.95


def test_an_edge_that_the_probabilities_know_beats_random_entries(noise):
    report = run(noise, knowing(noise))
    signals, random = report.runs[SIGNALS]["lo"], report.runs[RANDOM_ENTRIES]["lo"]
    assert signals.mean_r.low > random.mean_r.high
    assert signals.sharpe.low > random.sharpe.high
    assert signals.deflated_sharpe > 0.95
    assert signals.win_rate > random.win_rate + 0.2
    assert signals.total_return > random.total_return
    assert signals.orders == random.orders


def test_decisions_and_orders_taken_do_not_depend_on_what_comes_after(noise):
    """Outcomes are turned round after the fact: acted on, filled and skipped stay, only what they earned changes."""
    p = chance(noise)
    told = run(noise, p).runs[SIGNALS]["lo"]
    turned = noise.assign(
        r_1_lo=-noise["r_1_lo"], outcome_1_lo=noise["outcome_1_lo"].map({"target": "stop", "stop": "target"})
    )
    other = run(turned, p).runs[SIGNALS]["lo"]
    assert (told.orders, told.trades, told.skipped) == (other.orders, other.trades, other.skipped)
    assert other.mean_r.value == pytest.approx(-told.mean_r.value)


def test_a_later_part_of_the_test_period_changes_nothing_of_the_equity_before_it(noise):
    p = chance(noise)
    cut = noise["known_at"].quantile(0.5)
    early = (noise["known_at"] < cut).to_numpy()
    whole = run(noise, p).runs[SIGNALS]["lo"].equity
    part = run(noise[early], p[early]).runs[SIGNALS]["lo"].equity
    before = part.index[part.index < cut.tz_localize(None).normalize()]
    assert len(before) > 50
    assert whole[before].to_numpy() == pytest.approx(part[before].to_numpy())


def test_costs_are_paid(noise):
    dear = CONFIG.changed(cost_bps=5)
    costly = setups_of(BARS, dear)
    p = chance(noise)
    free, paid = run(noise, p), run(costly, p, config=dear)
    for name in (SIGNALS, RANDOM_ENTRIES):
        for path in ("lo", "hi"):
            assert paid.runs[name][path].mean_r.value < free.runs[name][path].mean_r.value - 0.01
            assert paid.runs[name][path].total_return < free.runs[name][path].total_return
    assert paid.runs[BUY_AND_HOLD]["lo"].total_return < free.runs[BUY_AND_HOLD]["lo"].total_return


def test_the_better_path_is_never_worse(noise):
    for name in (SIGNALS, "all setups"):
        paths = run(noise, chance(noise), max_open=10_000).runs[name]
        assert paths["lo"].mean_r.value <= paths["hi"].mean_r.value
        assert paths["lo"].skipped == paths["hi"].skipped == 0


@pytest.fixture
def three_trades():
    """+1 R on day 0, -1 R on day 1, +2 R on day 3, and one order that was never filled."""
    rows = pd.DataFrame(
        {
            "ticker": "AAA", "side": [1, -1, 1, 1], "status": ["entered", "entered", "entered", "expired"],
            "entry": 100.0, "stop": [99.0, 101, 99, 99], "risk": 1.0, "target_1": [101.0, 99, 101, 101],
            "target_2": [102.0, 98, 102, 102], "target_3": [103.0, 97, 103, 103],
        }
    )  # fmt: skip
    hours = {"ts": [0, 24, 72, 80], "known_at": [1, 25, 73, 81], "entry_ts": [2, 26, 74, None],
             "exit_ts_1_lo": [4, 28, 76, None], "life_end": [49, 73, 121, 129]}  # fmt: skip
    for name, at in hours.items():
        rows[name] = START + pd.to_timedelta(pd.Series(at, dtype=float), unit="h")
    rows["r_1_lo"], rows["outcome_1_lo"] = [1.0, -1.0, 2.0, np.nan], ["target", "stop", "target", None]
    for name in ("exit_ts", "r", "outcome"):
        rows[f"{name}_1_hi"] = rows[f"{name}_1_lo"]
    return rows


FLAT = {"AAA": BARS["AAA"].assign(open=100.0, close=100.0, high=100.5, low=99.5)}


def test_figures_of_three_trades_by_hand(three_trades):
    report = run(three_trades, [0.9] * 4, bars=FLAT, risk_share=0.1)
    ran = report.runs[SIGNALS]["lo"]
    assert (ran.orders, ran.trades, ran.skipped, ran.gap_invalid) == (4, 3, 0, 0)
    assert ran.equity.tolist() == pytest.approx([1.1, 0.99, 0.99, 1.188, 1.188, 1.188])
    assert ran.mean_r.value == pytest.approx(2 / 3)
    assert ran.win_rate == pytest.approx(2 / 3)
    assert ran.profit_factor == pytest.approx((0.1 + 0.198) / 0.11)
    assert ran.max_drawdown.value == pytest.approx(-0.1)
    assert ran.total_return == pytest.approx(0.188)
    assert ran.exposure == pytest.approx(9 / 128)
    assert report.daily_returns(SIGNALS).tolist() == pytest.approx([0.1, -0.1, 0, 0.2, 0, 0])
    assert report.start == START + HOUR
    assert report.end == START + 129 * HOUR


def test_an_order_stopped_at_once_counts_in_mean_r_and_not_in_the_win_rate(three_trades):
    three_trades.loc[3, ["status", "r_1_lo"]] = ["gap_invalid", -0.02]
    ran = run(three_trades, [0.9] * 4, bars=FLAT, risk_share=0.1).runs[SIGNALS]["lo"]
    assert (ran.trades, ran.gap_invalid) == (3, 1)
    assert ran.mean_r.value == pytest.approx(1.98 / 4)
    assert ran.win_rate == pytest.approx(2 / 3)
    # It comes after the third's exit, so its R is one of the capital with that gain.
    assert ran.total_return == pytest.approx(1.188 * 0.998 - 1)


def test_acts_on_what_the_live_rule_acts_on(three_trades):
    p = [0.9, 0.5, np.nan, 0.4]
    live = decide(three_trades.assign(p_target_1=p), 0.5)
    assert live.tolist() == ["BUY", "SELL", "HOLD", "HOLD"]
    ran = run(three_trades, p, bars=FLAT, risk_share=0.1).runs[SIGNALS]["lo"]
    assert (ran.orders, ran.total_return) == (2, pytest.approx(-0.01))


def test_without_a_threshold_the_report_says_so_and_still_shows_the_rest(noise):
    report = run(noise, chance(noise), None, reason="no bound above 0")
    signals = report.runs[SIGNALS]["lo"]
    assert (signals.orders, signals.trades, signals.total_return) == (0, 0, 0.0)
    assert (signals.reason, report.reason) == ("nothing is acted on", "no bound above 0")
    assert report.runs["all setups"]["lo"].trades > 100
    # Random entries then stand beside all setups, as many of them.
    random = report.runs[RANDOM_ENTRIES]["lo"]
    assert random.orders == report.runs["all setups"]["lo"].orders
    assert random.trades > 100
    json.dumps(report.to_dict(), allow_nan=False)


def test_setups_whose_life_goes_beyond_the_bars_do_not_count(noise):
    last = BARS["AAA"]["ts"].iloc[-1] + HOUR
    expected = int((noise["life_end"] > last).sum())
    assert expected > 0
    report = run(noise, chance(noise))
    assert report.excluded == expected
    assert report.runs["all setups"]["lo"].orders == len(noise) - expected


def test_no_setup_at_all_is_a_report_that_says_so(noise):
    report = run(noise[:0], [])
    assert (report.start, report.to_dict()["from"]) == (None, None)
    assert "no setup" in report.runs[SIGNALS]["lo"].reason
    assert report.daily_returns(SIGNALS).empty
    json.dumps(report.to_dict(), allow_nan=False)


def test_the_dict_is_what_tables_and_pictures_read(noise):
    report = run(noise, pd.DataFrame({"p_target_1": chance(noise)}))
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert list(fields["runs"]) == list(RUNS)
    assert {name: list(paths) for name, paths in fields["runs"].items()} == {
        "signals": ["lo", "hi"], "all setups": ["lo", "hi"], "random entries": ["lo", "hi"], "buy and hold": ["lo"],
    }  # fmt: skip
    assert pd.Timestamp(fields["from"]) == noise["known_at"].min()
    for paths in report.runs.values():
        for ran in paths.values():
            points = ran.to_dict()["equity"]
            assert 2 <= len(points) <= 250
            assert points[0] == [str(ran.equity.index[0].date()), ran.equity.iloc[0]]
            assert points[-1] == [str(ran.equity.index[-1].date()), ran.equity.iloc[-1]]
            assert ran.max_drawdown.value is None or ran.max_drawdown.value <= 0


def test_the_same_seed_gives_the_same_report(noise):
    p = chance(noise)
    assert run(noise, p, seed=4).to_dict() == run(noise, p, seed=4).to_dict()


def test_holding_buys_the_first_open_and_sells_the_last_close_at_costs():
    bars = BARS["AAA"][:72].reset_index(drop=True)
    other = bars.assign(open=bars["open"] * 3, close=bars["close"] * 3)[30:]
    period = Period(int(START.as_unit("ns").value), int(START.as_unit("ns").value) + 3 * DAY - 1)
    dear = CONFIG.changed(cost_bps=10)
    equity, tickers = buy_and_hold({"AAA": bars, "BBB": other}, {"AAA": dear, "BBB": dear}, period, "1h")
    c = 0.999
    first = bars["close"].to_numpy() / bars["open"].iloc[0] * c
    second = bars["close"].to_numpy() / bars["open"].iloc[30] * c
    assert tickers == 2
    expected = [(first[23] + 1) / 2, (first[47] + second[47]) / 2, c * (first[71] + second[71]) / 2]
    assert equity == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"risk_share": 0.0}, "risk_share is 0.0"),
        ({"max_open": 0}, "max_open is 0"),
        ({"draws": 0}, "draws is 0"),
        ({"trials": 0}, "trials is 0"),
        ({"bars": {"AAA": BARS["AAA"]}}, "no bars are given of BBB"),
    ],
)
def test_refuses_what_it_cannot_run(noise, change, message):
    with pytest.raises(ValueError, match=message):
        run(noise, chance(noise), **change)


def test_refuses_setups_without_labels_and_probabilities_of_others(noise):
    with pytest.raises(ValueError, match="lack status"):
        run(noise.drop(columns="status"), chance(noise))
    with pytest.raises(ValueError, match="lengths differ"):
        run(noise, chance(noise)[1:])
