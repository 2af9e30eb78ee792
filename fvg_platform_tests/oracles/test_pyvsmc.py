"""Preset `plain` against pyvsmc 0.3.7: gaps, touch, half and full fill.

Where the two differ in rule:

- it writes -1 where something never happened, we write NULL;
- its `inverted` asks only whether the *first* fill closed beyond the far edge, ours finds the first such close on
  any later bar: its yes is our inversion on the bar of the fill, and our later inversions are its no;
- without closes it calls every filled gap inverted, which is no rule to compare with: closes are always given.
"""

import numpy as np
import pandas as pd
import pytest
import pyvsmc
from hypothesis import given, settings

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform_tests.fvg.adversarial import adversarial_bars

from .series import TIMEFRAMES, series

COLUMNS = ["i", "side", "bottom", "top", "mid", "size", "touched", "half_filled", "filled"]
_POSITIONS = {
    "touched": "mitigated_index",
    "half_filled": "mitigated_50_index",
    "filled": "mitigated_full_index",
}


def as_ours(bars: pd.DataFrame) -> pd.DataFrame:
    """Its gaps in the columns :data:`COLUMNS`, and whether the first fill closed beyond (`closed_beyond`)."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    found = pyvsmc.detect_fvg(high, low, compute_mitigation=True, close=close)
    i = np.flatnonzero(found.bullish | found.bearish)
    bullish = found.bullish[i]
    columns: dict[str, object] = {
        "i": i,
        "side": np.where(bullish, 1, -1).astype(np.int8),
        "bottom": np.where(bullish, found.bullish_lower[i], found.bearish_lower[i]),
        "top": np.where(bullish, found.bullish_upper[i], found.bearish_upper[i]),
        "mid": found.ce_level[i],
        "size": found.gap_size[i],
    }
    for ours, its in _POSITIONS.items():
        at = getattr(found, its)[i]
        columns[ours] = pd.arrays.IntegerArray(at, at == -1)
    return pd.DataFrame(columns | {"closed_beyond": found.inverted[i]})


def assert_agrees(bars: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Exact agreement of every gap; returns ours."""
    wanted, ours = as_ours(bars), detect_gaps(bars, timeframe)
    pd.testing.assert_frame_equal(ours[COLUMNS], wanted[COLUMNS], check_exact=True)
    at_once = (ours["inverted"] == ours["filled"]).fillna(False).to_numpy(bool)
    np.testing.assert_array_equal(at_once, wanted["closed_beyond"])
    return ours


@pytest.mark.parametrize("name", TIMEFRAMES)
def test_every_gap_its_touch_half_and_full_fill(name: str) -> None:
    ours = assert_agrees(series(name), TIMEFRAMES[name])
    if len(series(name)) > 100:
        assert set(ours["side"]) == {1, -1}
        parted = (ours["touched"] < ours["half_filled"]) & (ours["half_filled"] < ours["filled"])
        assert parted.any()
        assert (ours["inverted"] > ours["filled"]).any()  # the difference in rule is met
        assert ours["touched"].isna().any()


@given(adversarial_bars())
@settings(max_examples=40, deadline=None)
def test_every_gap_of_adversarial_bars(bars: pd.DataFrame) -> None:
    assert_agrees(bars, "1h")
