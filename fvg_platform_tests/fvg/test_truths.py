"""What must hold on any bars (section 8): prefixes, increments, scale and mirror."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups

from .made_up import LIFECYCLE, PRICES, mirror, same, walk

CONFIG = ModeConfig(mode="intraday", ttl=8, max_hold=16, cost_bps=1)
BARS = 240
FORWARD = [*LIFECYCLE, "depth"]
PATHS = [(k, path) for k in (1, 2, 3) for path in ("lo", "hi")]

series = st.builds(walk, st.just(BARS), st.integers(0, 10_000), st.sampled_from([None, 0.125, 0.5]))
lean = settings(max_examples=15, deadline=None)


def everything(bars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    gaps = detect_gaps(bars, "1h")
    setups = plan_setups(gaps, "1h", config=CONFIG)
    return gaps, setups, label_setups(bars, setups, "1h", config=CONFIG)


def closed(labels: pd.DataFrame) -> pd.Series:
    """Labels that no later bar can change."""
    open_path = pd.concat([labels[f"outcome_{k}_{p}"] == "censored" for k, p in PATHS], axis=1).any(axis=1)
    return (labels["status"] != "pending") & ~open_path


@given(series, st.integers(0, BARS))
@lean
def test_prefix_truth(bars: pd.DataFrame, cut: int) -> None:
    gaps, setups, labels = everything(bars)
    past_gaps, past_setups, past_labels = everything(bars.head(cut))
    known = gaps[gaps["i"] < cut].reset_index(drop=True)
    same(past_gaps.drop(columns=FORWARD), known.drop(columns=FORWARD))
    for name in LIFECYCLE:
        happened = known[name].mask(known[name] >= cut)
        assert past_gaps[name].equals(happened)
    assert (past_gaps["depth"] <= known["depth"]).all()
    same(past_setups, setups[setups["i"] < cut])
    then, now = past_labels, labels[labels["i"] < cut].reset_index(drop=True)
    same(then[closed(then)], now[closed(then)])
    entered = then["status"] == "entered"
    assert now.loc[entered, ["entry_index", "entry_price"]].equals(
        then.loc[entered, ["entry_index", "entry_price"]]
    )
    for k, path in PATHS:
        ended = entered & (then[f"outcome_{k}_{path}"] != "censored")
        ending = [f"{name}_{k}_{path}" for name in ("outcome", "exit_index", "r")]
        same(then.loc[ended, ending], now.loc[ended, ending])


@given(series, st.lists(st.integers(1, BARS - 1), min_size=1, max_size=6, unique=True))
@lean
def test_incremental_equals_batch(bars: pd.DataFrame, cuts: list[int]) -> None:
    """A store that takes chunk after chunk, and never touches again what can no longer change, ends like a batch."""
    gap_store: dict[tuple[int, int], dict[str, object]] = {}
    label_store: dict[tuple[int, int], dict[str, object]] = {}
    for end in [*sorted(cuts), BARS]:
        gaps, _, labels = everything(bars.head(end))
        for row in gaps.to_dict("records"):
            stored = gap_store.get((row["i"], row["side"]))
            if stored is None or pd.isna([stored[name] for name in LIFECYCLE]).any() or stored["depth"] < 1:
                gap_store[row["i"], row["side"]] = row
        for row, final in zip(labels.to_dict("records"), closed(labels), strict=True):
            label_store.setdefault((row["i"], row["side"]), row)
            if not label_store[row["i"], row["side"]].get("final"):
                label_store[row["i"], row["side"]] = row | {"final": bool(final)}
    gaps, _, labels = everything(bars)
    assert repr(list(gap_store.values())) == repr(gaps.to_dict("records"))
    kept = [{name: value for name, value in row.items() if name != "final"} for row in label_store.values()]
    assert repr(kept) == repr(labels.to_dict("records"))


@given(st.integers(0, 10_000), st.integers(1, 400))
@settings(max_examples=10, deadline=None)
def test_a_window_with_a_long_run_up_equals_the_whole(seed: int, start: int) -> None:
    """Wilder's average forgets: 400 bars on, a start elsewhere moves it by less than 1e-9."""
    bars = walk(1000, seed)
    whole, window = everything(bars), everything(bars.iloc[start:])
    positions = ["i", *LIFECYCLE, "entry_index", *(f"exit_index_{k}_{p}" for k, p in PATHS)]
    for all_rows, rows in zip(whole, window, strict=True):
        # The mean range of LuxAlgo's threshold is that of all bars so far: it never forgets.
        all_rows, rows = (each.drop(columns="luxalgo", errors="ignore") for each in (all_rows, rows))
        moved = rows.assign(**{name: rows[name] + start for name in positions if name in rows})
        late = all_rows[all_rows["i"] >= start + 400]
        assert len(late) > 20
        same(moved[moved["i"] >= start + 400], late, rtol=1e-9, atol=1e-9)


@given(series, st.integers(-20, 20))
@lean
def test_a_power_of_two_changes_no_index_status_outcome_or_r(bars: pd.DataFrame, exponent: int) -> None:
    factor = 2.0**exponent
    prices = ["bottom", "top", "mid", "size", "atr", "entry", "stop", "risk", "entry_price"]
    prices += [f"target_{k}" for k in (1, 2, 3)]
    for before, after in zip(everything(bars), everything(bars.assign(**bars[PRICES] * factor)), strict=True):
        scaled = before.assign(**{name: before[name] * factor for name in prices if name in before})
        same(scaled, after)


@given(series)
@lean
def test_reflection_about_zero_swaps_long_and_short(bars: pd.DataFrame) -> None:
    gaps, setups, labels = everything(bars)
    image_gaps, image_setups, image_labels = everything(mirror(bars))
    turned = gaps.assign(side=-gaps["side"], bottom=-gaps["top"], top=-gaps["bottom"], mid=-gaps["mid"])
    by_price = ["size_pct", "luxalgo"]  # what divides by a price is exempt
    same(turned.drop(columns=by_price), image_gaps.drop(columns=by_price))
    levels = ["entry", "stop", "target_1", "target_2", "target_3"]
    same(setups.assign(side=-setups["side"], **-setups[levels]), image_setups)
    same(labels.assign(side=-labels["side"], entry_price=-labels["entry_price"]), image_labels)


@given(series, st.sampled_from([0.0, 96.0, 1000.0]))
@lean
def test_reflection_about_any_level_keeps_gaps_and_endings(bars: pd.DataFrame, about: float) -> None:
    bars = bars.assign(**(bars[PRICES] * 8).round() / 8)  # on this grid reflection is exact
    gaps, _, labels = everything(bars)
    image_gaps, _, image_labels = everything(mirror(bars, about))
    kept = ["i", *LIFECYCLE, "depth"]
    same(gaps[kept], image_gaps[kept])
    np.testing.assert_array_equal(gaps["side"], -image_gaps["side"])
    words = ["i", "status"]
    same(labels[words], image_labels[words])


@given(series)
@lean
def test_the_better_path_ends_no_later_and_no_worse(bars: pd.DataFrame) -> None:
    labels = everything(bars)[2]
    for k in (1, 2, 3):
        lo, hi = (
            labels[[f"outcome_{k}_{p}", f"exit_index_{k}_{p}", f"r_{k}_{p}"]].set_axis(list("oxr"), axis=1)
            for p in ("lo", "hi")
        )
        assert not (hi["x"].isna() & lo["x"].notna()).any()
        ended = lo["x"].notna()
        assert (hi["x"][ended] <= lo["x"][ended]).all()
        parted = ended & (lo["o"].astype(str) != hi["o"].astype(str))
        assert (hi["o"][parted] == "target").all()
        assert (lo["r"][parted] < hi["r"][parted]).all()
        # A lo path that lived on may leave at an open beyond the target, at more than hi: never at less.
        together = ended & ~parted
        assert (lo["r"][together] >= hi["r"][together]).all()
        assert (hi["o"][together & (lo["r"] > hi["r"])] == "target").all()
    excursions = labels[["mae_r", "mfe_r"]].dropna()
    assert (excursions["mae_r"] <= 0).all()
    assert (excursions["mfe_r"] >= 0).all()
