"""Planned trades: hand-computed cases of section 3."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.modes import ConfigurationError, ModeConfig
from fvg_platform.fvg.setups import plan_setups

LEVELS = ["entry", "stop", "risk", "target_1", "target_2", "target_3"]


def gap(side: int = 1, bottom: float = 100.0, top: float = 104.0, atr: float | None = 8.0) -> pd.DataFrame:
    return pd.DataFrame({"i": [20], "side": [side], "bottom": [bottom], "top": [top], "atr": [atr]}).astype(
        float
    )


def settings(**changes: object) -> ModeConfig:
    return ModeConfig(**({"mode": "daily", "ttl": 5, "max_hold": 5} | changes))


@pytest.mark.parametrize(
    ("side", "entry", "wanted"),
    [
        (1, "top", [104, 96, 8, 112, 120, 128]),
        (1, "mid", [102, 96, 6, 108, 114, 120]),
        (1, "bottom", [100, 96, 4, 104, 108, 112]),
        (-1, "top", [100, 108, 8, 92, 84, 76]),
        (-1, "mid", [102, 108, 6, 96, 90, 84]),
        (-1, "bottom", [104, 108, 4, 100, 96, 92]),
    ],
)
def test_levels_of_both_sides(side: int, entry: str, wanted: list[float]) -> None:
    setups = plan_setups(gap(side), "1d", config=settings(entry=entry))
    assert setups[LEVELS].to_numpy().tolist() == [wanted]


def test_multiples_and_buffer_come_from_the_configuration() -> None:
    setups = plan_setups(gap(), "1d", config=settings(multiples=(0.5, 1.5, 4), stop_buffer_atr=0))
    assert setups[LEVELS].to_numpy().tolist() == [[104, 100, 4, 106, 110, 120]]


@pytest.mark.parametrize("atr", [None, 0.0, 41.0])
def test_no_setup_without_volatility_or_when_the_gap_is_small_beside_it(atr: float | None) -> None:
    assert plan_setups(gap(atr=atr), "1d").empty


def test_a_gap_of_just_the_smallest_size_qualifies() -> None:
    assert len(plan_setups(gap(atr=8.0), "1d", config=settings(min_size_atr=0.5))) == 1


def test_no_setup_without_risk() -> None:
    assert plan_setups(gap(), "1d", config=settings(entry="bottom", stop_buffer_atr=0)).empty


def test_gaps_keep_their_order_and_times() -> None:
    ts = pd.date_range("2024-01-01", periods=3, tz="UTC")
    gaps = pd.concat([gap(), gap(-1), gap()], ignore_index=True)
    gaps = gaps.assign(i=[3, 4, 5], ts=ts, known_at=ts + pd.Timedelta(days=1), atr=[8, np.nan, 8])
    setups = plan_setups(gaps, "1d")
    assert setups["i"].tolist() == [3, 5]
    assert setups["ts"].tolist() == [ts[0], ts[2]]
    assert setups["known_at"].tolist() == [ts[1], ts[2] + pd.Timedelta(days=1)]
    assert setups.index.tolist() == [0, 1]


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="unknown timeframe '2d'"):
        plan_setups(gap(), "2d")
    with pytest.raises(ValueError, match="1d gaps lack the column atr"):
        plan_setups(gap().drop(columns="atr"), "1d")
    with pytest.raises(ValueError, match="side in row 0 is 0"):
        plan_setups(gap(side=0), "1d")


def test_a_configuration_of_another_timeframe_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="mode is 'daily', which trades 1d, not 1h"):
        plan_setups(gap(), "1h", config=settings())


def test_the_preset_chooses_by_its_flag() -> None:
    gaps = pd.concat([gap()] * 3, ignore_index=True).assign(i=[3, 4, 5], smc=[True, False, True])
    assert plan_setups(gaps, "1d", config=settings(preset="smc"))["i"].tolist() == [3, 5]
    assert plan_setups(gaps, "1d", config=settings())["i"].tolist() == [3, 4, 5]
    with pytest.raises(ValueError, match="1d gaps lack the column luxalgo"):
        plan_setups(gaps, "1d", config=settings(preset="luxalgo"))


RULES = settings(required_rules=("discount", "out_of_balance"))


def test_every_required_rule_must_be_known_to_hold() -> None:
    gaps = pd.concat([gap()] * 5, ignore_index=True).assign(i=range(5))
    verdicts = pd.DataFrame(
        {
            "rule_discount": [True, True, True, False, pd.NA],
            "rule_out_of_balance": [True, False, pd.NA, True, True],
            "rule_volume_confirmed": [False] * 5,
        }
    ).astype("boolean")
    assert plan_setups(gaps, "1d", config=RULES, verdicts=verdicts)["i"].tolist() == [0]
    assert len(plan_setups(gaps, "1d", config=settings(), verdicts=verdicts)) == 5
    shifted = verdicts.set_axis(range(7, 12)).assign(i=range(5))  # rows count, not the index
    assert plan_setups(gaps, "1d", config=RULES, verdicts=shifted)["i"].tolist() == [0]


@pytest.mark.parametrize(
    ("verdicts", "error", "message"),
    [
        (None, ConfigurationError, "required_rules is out_of_balance, discount, but no verdicts"),
        ({"rule_discount": [True]}, ConfigurationError, "verdicts lack rule_out_of_balance"),
        ({"rule_discount": [True, True]}, ValueError, "2 verdicts for 1 1d gaps"),
        ({"i": [21], "rule_discount": [True]}, ValueError, "other gaps .* their i differs"),
    ],
)
def test_verdicts_that_do_not_serve_are_named(
    verdicts: dict[str, list[object]] | None, error: type[ValueError], message: str
) -> None:
    frame = None if verdicts is None else pd.DataFrame(verdicts)
    with pytest.raises(error, match=message):
        plan_setups(gap(), "1d", config=RULES, verdicts=frame)


@pytest.mark.parametrize("side", [1, -1])
def test_ticks_are_taken_to_the_side_that_is_worse_for_the_trade(side: int) -> None:
    # A long: zone 100.6..104.7, stop 100.6 - 4 = 96.6; on whole ticks entry 104, stop 96, risk 8.
    bottom, top = (100.6, 104.7) if side > 0 else (-104.7, -100.6)
    setups = plan_setups(gap(side, bottom, top), "1d", config=settings(tick_size=1, multiples=(0.3, 1, 2)))
    wanted = np.array([104, 96, 8, 107, 112, 120]) * [side, side, 1, side, side, side]
    assert setups[LEVELS].to_numpy().tolist() == [wanted.tolist()]


def test_prices_on_a_tick_stay_to_the_last_bit() -> None:
    prices = np.arange(1, 40_000) / 100
    gaps = pd.DataFrame(
        {"i": range(len(prices)), "side": 1, "bottom": prices, "top": prices + 0.05, "atr": 0.04}
    ).assign(top=(np.arange(1, 40_000) + 5) / 100)
    setups = plan_setups(gaps, "1d", config=settings(tick_size=0.01))
    assert (setups["entry"] == gaps["top"]).all()
    assert (setups["stop"] == (np.arange(1, 40_000) - 2) / 100).all()
    assert (setups["target_3"] == (np.arange(1, 40_000) + 26) / 100).all()


def test_no_setup_when_entry_and_stop_share_a_tick() -> None:
    config = settings(tick_size=25, min_size_atr=0)
    assert plan_setups(gap(bottom=105, top=109), "1d", config=config).empty
    assert len(plan_setups(gap(bottom=103, top=109), "1d", config=config)) == 1
