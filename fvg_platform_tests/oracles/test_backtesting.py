"""Exits after the fill bar against the package `backtesting` 0.6.6: bar, price and outcome of each target.

Its strategy here places our limit order with our stop and target, withdraws it where we do and closes after
`max_hold` bars at the close. Where its rules are others than ours (each has an example below):

- a limit order fills at a touch, entry and target alike; ours must be traded through. The comparison uses levels that
  no bar ends on;
- on the fill bar neither its stop nor its target works; ours read that bar. Only exits after it are compared;
- an open beyond the stop fills its limit order, and the trade lives on if price recovers; ours is `gap_invalid`;
- of a bar that holds both stop and target it takes the stop: our `lo`, and never our `hi`;
- it does so even where the bar opened beyond the target; ours has left at that open.

They agree that a stop fills at a touch, that an open beyond stop or target fills there, and in the time exit.
"""

import itertools
import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from backtesting import Backtest, Strategy

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform_tests.fvg.made_up import bars_of

from .series import TIMEFRAMES, series

CONFIG = ModeConfig(mode="intraday", ttl=12, max_hold=24, cost_bps=0, stop_buffer_atr=0.25)


class Brackets(Strategy):
    """Each setup's order three times, once for each target; tagged 3 · row of the setup + target - 1."""

    setups: ClassVar[pd.DataFrame] = pd.DataFrame()  # the package wants parameters to have defaults
    config: ClassVar[ModeConfig] = CONFIG

    def init(self) -> None:
        rows = list(enumerate(self.setups.to_dict("records")))
        self.planned = {
            i: list(those) for i, those in itertools.groupby(rows, key=lambda numbered: numbered[1]["i"])
        }
        self.resting: list[tuple[object, dict[str, float]]] = []

    def next(self) -> None:
        t = len(self.data) - 1
        high, low = self.data.High[-1], self.data.Low[-1]
        alive = set(self.orders)
        still: list[tuple[object, dict[str, float]]] = []
        for order, setup in self.resting:
            away = high > setup["target_1"] if setup["side"] > 0 else low < setup["target_1"]
            if order in alive and (away or t == setup["i"] + self.config.ttl):
                order.cancel()  # type: ignore[attr-defined]
            elif order in alive:
                still.append((order, setup))
        self.resting = still
        for row, setup in self.planned.get(t, []):
            place = self.buy if setup["side"] > 0 else self.sell
            for k in (1, 2, 3):
                order = place(
                    size=1,
                    limit=setup["entry"],
                    sl=setup["stop"],
                    tp=setup[f"target_{k}"],
                    tag=3 * row + k - 1,
                )
                self.resting.append((order, setup))
        for trade in self.trades:
            if t == trade.entry_bar + self.config.max_hold:
                trade.close()


def trades_of(bars: pd.DataFrame, setups: pd.DataFrame, config: ModeConfig) -> pd.DataFrame:
    """Its trades, by tag; one still open at the end of the data has no row."""
    data = bars.set_index(bars["ts"].dt.tz_localize(None)).rename(columns=str.capitalize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of contingent orders on the fill bar, and of open trades
        test = Backtest(data, Brackets, cash=1e9, trade_on_close=True, hedging=True)
        trades = test.run(setups=setups, config=config)["_trades"]
    return trades.set_index("Tag").sort_index()


def off_the_grid(setups: pd.DataFrame, config: ModeConfig) -> pd.DataFrame:
    """The setups with entries moved by an odd fraction of the risk, so that no price of a bar ties with a level."""
    entry = setups["entry"] - setups["side"] * setups["risk"] * 0.0123457
    risk = setups["side"] * (entry - setups["stop"])
    targets = {
        f"target_{k}": entry + setups["side"] * m * risk for k, m in enumerate(config.multiples, start=1)
    }
    return setups.assign(entry=entry, risk=risk, **targets)


def ours_of(bars: pd.DataFrame, setups: pd.DataFrame, labels: pd.DataFrame, k: int) -> pd.DataFrame:
    """Our exits of target k by the tag of its order, with what its bars hold."""
    entry, side = labels["entry_index"].fillna(0).to_numpy(int), setups["side"].to_numpy()
    at = labels[f"exit_index_{k}_lo"].fillna(0).to_numpy(int)
    target, stop = setups[f"target_{k}"].to_numpy(), setups["stop"].to_numpy()
    o, h, low = (bars[name].to_numpy()[at] for name in ("open", "high", "low"))
    reached_stop = np.where(side > 0, low <= stop, h >= stop)
    ended = {p: labels[f"exit_index_{k}_{p}"].to_numpy(float, na_value=np.nan) for p in ("lo", "hi")}
    return pd.DataFrame(
        {
            "status": labels["status"].astype(str),
            "entry_price": labels["entry_price"],
            "entry_index": entry,
            "exit_index": at,
            "outcome": labels[f"outcome_{k}_lo"].astype(str),
            "r": labels[f"r_{k}_lo"],
            "risk": setups["risk"].to_numpy(),
            "side": side,
            # A hi path that ends alone on the fill bar leaves its lo path as it is.
            "after_fill": ended["lo"] > entry,
            "held_both": reached_stop & np.where(side > 0, h > target, low < target),
            "opened_beyond": reached_stop & (side * (o - target) >= 0),
        }
    ).set_index(3 * np.arange(len(setups)) + k - 1)


@pytest.mark.parametrize("name", ["AAPL hours", "AAPL minutes", "IBM days", "walk"])
def test_exits_after_the_fill_bar(name: str) -> None:
    bars, timeframe = series(name).head(1500), TIMEFRAMES[name]
    config = CONFIG.changed(mode=mode_config(timeframe).mode)
    setups = off_the_grid(plan_setups(detect_gaps(bars, timeframe), timeframe, config=config), config)
    labels = label_setups(bars, setups, timeframe, config=config)
    trades = trades_of(bars, setups, config)
    ours = pd.concat([ours_of(bars, setups, labels, k) for k in (1, 2, 3)]).sort_index()
    # Its last bar closes what is open, so endings there are not its rule.
    ours = ours[ours["exit_index"] < len(bars) - 1]

    # Where no open lay beyond the stop, an order is filled here if it is filled there, at the same bar and price.
    orderly = ours[ours["status"].isin(["entered", "expired", "ran_away"])]
    orderly = orderly[(orderly["status"] != "entered") | (orderly["outcome"] != "censored")]
    assert set(orderly.index[orderly["status"] == "entered"]) == set(orderly.index) & set(trades.index)
    entered = orderly[orderly["status"] == "entered"]
    its = trades.loc[entered.index]
    np.testing.assert_array_equal(its["EntryBar"], entered["entry_index"])
    np.testing.assert_allclose(its["EntryPrice"], entered["entry_price"], rtol=1e-15)

    same = entered[entered["after_fill"] & ~entered["opened_beyond"]]
    assert len(same) > 200
    assert same["held_both"].any() or name == "walk"  # bars on which its stop is our lo
    its = trades.loc[same.index]
    np.testing.assert_array_equal(its["ExitBar"], same["exit_index"])
    its_r = same["side"] * (its["ExitPrice"] - its["EntryPrice"]) / same["risk"]
    np.testing.assert_allclose(its_r, same["r"], rtol=0, atol=1e-9)
    assert outcomes_of(its) == same["outcome"].tolist()
    assert {"stop", "target", "timeout"} == set(same["outcome"])


def outcomes_of(trades: pd.DataFrame) -> list[str]:
    """In our words, by the level at or beyond which each trade left."""
    side = np.sign(trades["Size"])
    stopped = side * (trades["ExitPrice"] - trades["SL"]) <= 0
    reached = side * (trades["ExitPrice"] - trades["TP"]) >= 0
    return np.select([stopped, reached], ["stop", "target"], "timeout").tolist()


QUIET = (110.0, 110.0, 110.0, 110.0)  # above a long's entry at 100, below its first target at 120
IN = (110.0, 111.0, 95.0, 105.0)  # fills at 100, reaches nothing else

RULES = {
    # bars 2.. after the setup -> ours: (status, lo outcome, exit bar), its: (exit bar, price)
    "an entry that is touched only": ([(110, 111, 100, 105)], ("expired", None, None), (14, 110)),
    "a target that is touched only": ([IN, (105, 120, 104, 110)], ("entered", "timeout", 14), (3, 120)),
    "a stop on the fill bar": ([(110, 111, 75, 90)], ("entered", "stop", 2), (14, 110)),
    "a target on the fill bar": ([(110, 125, 95, 125)], ("entered", "target", 2), (14, 110)),
    "an open beyond the stop before entry": ([(70, 75, 60, 72)], ("gap_invalid", None, None), (14, 110)),
    "a bar that opens beyond the target and stops": (
        [IN, (130, 131, 70, 90)],
        ("entered", "target", 3),
        (3, 80),
    ),
    # and where they agree
    "a bar that holds both": ([IN, (105, 125, 75, 90)], ("entered", "stop", 3), (3, 80)),
    "a stop that is touched only": ([IN, (105, 106, 80, 90)], ("entered", "stop", 3), (3, 80)),
    "an open beyond the stop": ([IN, (70, 75, 60, 72)], ("entered", "stop", 3), (3, 70)),
    "an open beyond the target": ([IN, (130, 131, 125, 126)], ("entered", "target", 3), (3, 130)),
    "an open at the target": ([IN, (120, 120, 115, 116)], ("entered", "target", 3), (3, 120)),
}
AGREEING = list(RULES)[6:]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("rule", RULES)
def test_each_rule_by_hand(rule: str, side: int) -> None:
    after, (status, outcome, at), (its_bar, its_price) = RULES[rule]
    rows = [QUIET, QUIET, *after]
    bars = bars_of(rows + [QUIET] * (30 - len(rows)))
    levels = {"entry": 100.0, "stop": 80.0, "target_1": 120.0, "target_2": 1000.0, "target_3": 2000.0}
    if side < 0:  # reflected about 2000, for it wants prices above 0
        o, h, low, c = (4000.0 - bars[name] for name in ("open", "high", "low", "close"))
        bars = bars.assign(open=o, high=low, low=h, close=c)
        levels = {name: 4000.0 - price for name, price in levels.items()}
        its_price = 4000.0 - its_price
    setups = pd.DataFrame([{"i": 1, "side": side, "risk": 20.0} | levels])
    config = CONFIG.changed(ttl=10, max_hold=12)
    label = label_setups(bars, setups, "1h", config=config).iloc[0]
    assert label["status"] == status
    assert (label["outcome_1_lo"] == outcome) if outcome else pd.isna(label["outcome_1_lo"])
    assert (label["exit_index_1_lo"] == at) if at else pd.isna(label["exit_index_1_lo"])
    trade = trades_of(bars, setups, config).loc[0]
    assert (trade["ExitBar"], trade["ExitPrice"]) == (its_bar, its_price)
    if rule in AGREEING:
        left = label["entry_price"] + side * label["r_1_lo"] * 20
        assert (label["exit_index_1_lo"], left) == (its_bar, its_price)
