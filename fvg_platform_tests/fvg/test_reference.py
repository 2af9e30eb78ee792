"""The kernels agree with the plain Python reference on short series full of ties."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups

from . import reference
from .made_up import LIFECYCLE, bars_of, walk


@st.composite
def grid_bars(draw: st.DrawFn) -> pd.DataFrame:
    """Bars of whole prices 0..12: nearly every comparison of the rules meets its equality."""
    price = st.integers(0, 12)
    corners = st.tuples(price, price, price, price).map(lambda p: (p[0], max(p), min(p), p[1]))
    return bars_of(draw(st.lists(corners, min_size=1, max_size=30)))


@st.composite
def marked(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grid bars and hand-drawn setups on the same grid, before their first bar and up to their last."""
    bars = draw(grid_bars())
    setup = st.tuples(
        st.integers(0, len(bars) - 1), st.sampled_from([1, -1]), st.integers(2, 10), st.integers(1, 3)
    )
    rows = [
        {"i": i, "side": side, "entry": entry, "stop": entry - side * risk, "risk": risk}
        | {f"target_{k}": entry + side * k * risk for k in (1, 2, 3)}
        for i, side, entry, risk in draw(st.lists(setup, min_size=1, max_size=8))
    ]
    return bars, pd.DataFrame(rows)


def config(ttl: int, max_hold: int, cost_bps: float = 1.0) -> ModeConfig:
    return ModeConfig(mode="intraday", ttl=ttl, max_hold=max_hold, cost_bps=cost_bps)


def assert_as_reference(labels: pd.DataFrame, wanted: list[dict[str, object]]) -> None:
    assert len(labels) == len(wanted)
    for got, want in zip(labels.to_dict("records"), wanted, strict=True):
        for name, value in want.items():
            if value is None:
                assert pd.isna(got[name]), (name, got, want)
            elif isinstance(value, float):
                assert np.isclose(got[name], value, rtol=1e-12, atol=1e-12), (name, got, want)
            else:
                assert got[name] == value, (name, got, want)


@given(grid_bars())
@settings(max_examples=150, deadline=None)
def test_lifecycle_agrees_with_the_reference(bars: pd.DataFrame) -> None:
    seen = {side: reference.as_seen(bars, side) for side in (1, -1)}
    for gap in detect_gaps(bars, "1h").to_dict("records"):
        want = reference.lifecycle(seen[gap["side"]], gap["i"], gap["side"], gap["bottom"], gap["top"])
        for name in LIFECYCLE:
            assert (None if pd.isna(gap[name]) else gap[name]) == want[name], (name, gap, want)
        assert gap["depth"] == want["depth"]


@given(marked(), st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_labels_agree_with_the_reference(
    case: tuple[pd.DataFrame, pd.DataFrame], ttl: int, max_hold: int
) -> None:
    bars, setups = case
    chosen = config(ttl, max_hold)
    labels = label_setups(bars, setups, "1h", config=chosen)
    assert_as_reference(labels, reference.labels(bars, setups, chosen))


def test_a_long_series_agrees_with_the_reference_and_meets_every_word() -> None:
    bars = walk(1000, seed=3, grid=0.25)
    chosen = ModeConfig(mode="intraday", ttl=6, max_hold=10, stop_buffer_atr=0.2)
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=chosen)
    labels = label_setups(bars, setups, "1h", config=chosen)
    assert_as_reference(labels, reference.labels(bars, setups, chosen))
    assert set(labels["status"]) >= {"entered", "gap_invalid", "ran_away", "expired"}
    assert set(labels["outcome_3_lo"].dropna()) >= {"stop", "target", "timeout"}
    assert not labels["identified_1"].dropna().all()
