"""Planned trades: hand-computed cases of section 3."""

import numpy as np
import pandas as pd
import pytest

from fvg_platform.fvg.modes import ModeConfig
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
