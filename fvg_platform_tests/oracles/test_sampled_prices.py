"""Outcomes against the prices themselves: every minute is one price, so what happened first is a fact.

Bars of 15 minutes hide the order of the prices inside them; bars of 5 minutes hide less, and minutes nothing. The
outcome that the prices tell must lie between lo and hi whatever finer bars are given, and be both of them where all
are. The levels lie between the steps of the prices, save the stop, which both readings fill at a touch.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.fvg.outcomes import label_setups

MINUTES = 15
CONFIG = ModeConfig(mode="intraday", ttl=10, max_hold=4, cost_bps=0)
Prices = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Told(NamedTuple):
    """What the prices tell of one target."""

    outcome: str
    bar: int
    r: float


def prices_of(seed: int, bars: int = 70) -> Prices:
    """Whole prices that rest, step and jump; a minute may repeat the one before it."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-2, 3, bars * MINUTES) + rng.integers(-12, 13, bars * MINUTES) * (
        rng.random(bars * MINUTES) < 0.04
    )
    return 100.0 + steps.cumsum()


def bars_of_prices(prices: Prices, minutes: int) -> pd.DataFrame:
    each = prices.reshape(-1, minutes)
    return pd.DataFrame(
        {
            "ts": pd.date_range("2024-03-05 14:30", periods=len(each), freq=f"{minutes}min", tz="UTC"),
            "open": each[:, 0],
            "high": each.max(axis=1),
            "low": each.min(axis=1),
            "close": each[:, -1],
            "volume": 1.0,
        }
    )


def setups_on(prices: Prices, seed: int, count: int = 40) -> pd.DataFrame:
    """Orders near the price of their bar, of both sides, with stops 2 to 14 away."""
    rng = np.random.default_rng(seed)
    i = np.sort(rng.integers(0, len(prices) // MINUTES, count))
    side = rng.choice([-1, 1], count)
    entry = prices[i * MINUTES + MINUTES - 1] - side * (rng.integers(0, 6, count) + 0.5)
    stop = entry - side * (rng.integers(2, 14, count) + rng.choice([0.0, 0.5], count))
    risk = side * (entry - stop)
    multiple = {1: 0.5, 2: 1.0, 3: 2.0}
    # Between the steps again, whatever half the risk has.
    targets = {f"target_{k}": np.floor(entry + side * m * risk) + 0.5 for k, m in multiple.items()}
    return pd.DataFrame({"i": i, "side": side, "entry": entry, "stop": stop, "risk": risk} | targets)


def told(prices: Prices, setup: dict[str, float], label: dict[str, float], k: int) -> Told:
    """Follow the prices from the fill on; the fill itself, and the rest at the open, are the bars' to say."""
    s, f = int(setup["side"]), int(label["entry_index"])
    stop, target = s * setup["stop"], s * setup[f"target_{k}"]
    fill, entry = s * label["entry_price"], s * setup["entry"]
    path, first = s * prices, f * MINUTES
    if path[first] > entry:  # filled inside the bar
        first += int(np.argmax(path[first : first + MINUTES] < entry))
    end = (f + CONFIG.max_hold + 1) * MINUTES
    for at in range(first, min(end, len(path))):
        bar = at // MINUTES
        opens = at % MINUTES == 0 and bar > f
        if path[at] <= stop:
            return Told("stop", bar, ((path[at] if opens else stop) - fill) / setup["risk"])
        if path[at] > target:
            return Told("target", bar, ((path[at] if opens else target) - fill) / setup["risk"])
    if end > len(path):
        return Told("censored", -1, np.nan)
    return Told("timeout", f + CONFIG.max_hold, (path[end - 1] - fill) / setup["risk"])


def judged(seed: int, finer: dict[str, pd.DataFrame] | None) -> tuple[pd.DataFrame, list[tuple[Told, ...]]]:
    """Labels of the setups that were entered, and what the prices tell of their three targets."""
    prices = prices_of(seed)
    setups = setups_on(prices, seed)
    labels = label_setups(bars_of_prices(prices, MINUTES), setups, "15m", config=CONFIG, finer=finer)
    entered = (labels["status"] == "entered").to_numpy(bool)
    rows = zip(setups[entered].to_dict("records"), labels[entered].to_dict("records"), strict=True)
    tales = [tuple(told(prices, setup, label, k) for k in (1, 2, 3)) for setup, label in rows]
    return labels[entered].reset_index(drop=True), tales


FINER = {
    "minutes": ("1m",),
    "fives and minutes": ("5m", "1m"),
}


@pytest.mark.parametrize("given_finer", FINER)
@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_with_all_minutes_both_paths_are_what_the_prices_tell(given_finer: str, seed: int) -> None:
    prices = prices_of(seed)
    finer = {name: bars_of_prices(prices, int(name[0])) for name in FINER[given_finer]}
    labels, tales = judged(seed, finer)
    assert labels["unresolved"].isna().all()
    for label, tale in zip(labels.to_dict("records"), tales, strict=True):
        for k, want in enumerate(tale, start=1):
            for path in ("lo", "hi"):
                assert label[f"outcome_{k}_{path}"] == want.outcome, (k, path, label, want)
                if want.outcome != "censored":
                    assert label[f"exit_index_{k}_{path}"] == want.bar, (k, path, label, want)
                    assert np.isclose(label[f"r_{k}_{path}"], want.r, rtol=0, atol=1e-12), (k, path, label)


@given(st.integers(0, 10_000), st.sets(st.integers(0, 69)), st.booleans())
@settings(max_examples=25, deadline=None)
def test_whatever_is_missing_the_prices_lie_between_lo_and_hi(
    seed: int, missing: set[int], fives: bool
) -> None:
    """Bars without their minutes, or with one minute less, may stay open; none is judged wrongly, none widened."""
    minutes = bars_of_prices(prices_of(seed), 1)
    bar, place = minutes.index // MINUTES, minutes.index % MINUTES
    gone = bar.isin(missing) & ((bar % 2 == 0) | (place == 7))
    finer = {"1m": minutes[~gone]} | ({"5m": bars_of_prices(prices_of(seed), 5)} if fives else {})
    before, tales = judged(seed, None)
    after, _ = judged(seed, finer)
    pd.testing.assert_frame_equal(
        before[["status", "entry_index", "entry_price"]], after[["status", "entry_index", "entry_price"]]
    )
    for k in (1, 2, 3):
        pd.testing.assert_series_equal(after[f"identified_before_{k}"], before[f"identified_before_{k}"])
        assert (after[f"identified_{k}"] | ~before[f"identified_{k}"]).all()
    for old, new, tale in zip(before.to_dict("records"), after.to_dict("records"), tales, strict=True):
        for k, want in enumerate(tale, start=1):
            allowed = {old[f"outcome_{k}_{path}"] for path in ("lo", "hi")}
            left = {new[f"outcome_{k}_{path}"] for path in ("lo", "hi")}
            assert want.outcome in left <= allowed, (k, old, new, want)


@given(st.integers(0, 10_000), st.integers(1, 69))
@settings(max_examples=25, deadline=None)
def test_what_minutes_settled_stays_settled(seed: int, cut: int) -> None:
    """Prefix truth where finer bars decide: with half of the later bars' minutes missing, too."""
    prices = prices_of(seed)
    setups, bars, minutes = (
        setups_on(prices, seed),
        bars_of_prices(prices, MINUTES),
        bars_of_prices(prices, 1),
    )
    minutes = minutes[minutes.index // MINUTES % 2 == 0]
    all_labels = label_setups(bars, setups, "15m", config=CONFIG, finer={"1m": minutes})
    past = minutes[minutes["ts"] < bars["ts"][cut]]
    early = label_setups(bars.head(cut), setups[setups["i"] < cut], "15m", config=CONFIG, finer={"1m": past})
    late = all_labels.head(len(early))
    own = label_setups(bars, setups, "15m", config=CONFIG).head(len(early))
    ended = pd.Series(True, index=early.index)
    own_ended = ended.copy()
    for k in (1, 2, 3):
        for path in ("lo", "hi"):
            own_ended &= (own[f"exit_index_{k}_{path}"] < cut).fillna(False).astype(bool)
            over = (late[f"exit_index_{k}_{path}"] < cut).fillna(False).astype(bool)
            columns = [f"{what}_{k}_{path}" for what in ("outcome", "exit_index", "r")]
            pd.testing.assert_frame_equal(early.loc[over, columns], late.loc[over, columns])
            ended &= over
    # What the own bars alone say is open for as long as they go on, though minutes have settled the rest.
    by_own_bars = [f"identified_before_{k}" for k in (1, 2, 3)]
    pd.testing.assert_frame_equal(
        early[ended].drop(columns=by_own_bars), late[ended].drop(columns=by_own_bars)
    )
    both = ended & own_ended
    pd.testing.assert_frame_equal(early[both], late[both])


def test_the_series_need_finer_bars() -> None:
    """Or the truths above would hold of themselves."""
    labels = pd.concat([judged(seed, None)[0] for seed in range(10)])
    for k in (1, 2, 3):
        parted = labels[f"outcome_{k}_lo"].astype(str) != labels[f"outcome_{k}_hi"].astype(str)
        assert parted.mean() > 0.03
        assert {"stop", "target", "timeout", "censored"} <= set(labels[f"outcome_{k}_lo"])
