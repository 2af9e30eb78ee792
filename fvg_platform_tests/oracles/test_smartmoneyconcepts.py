"""Preset `smc` against the package whose rule it is, smartmoneyconcepts 0.0.27.

Where the two differ in rule, each difference is bridged by one line of :func:`as_ours`:

- its position is the middle bar of the pattern, ours the third;
- it writes 0 where a gap was never touched, we write NULL;
- it knows the zone and its touch alone: no half, full fill, inversion or depth;
- `join_consecutive` rewrites the gaps with what came later: of a run only the last gap stays, widened to the whole
  run. Ours stay as they are, and a joined zone is an object of its own at each bar that lengthens the run.
"""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.zones import derive_zones
from fvg_platform_tests.fvg.adversarial import adversarial_bars

from .series import TIMEFRAMES, series

with contextlib.redirect_stdout(io.StringIO()):  # it greets whoever imports it
    from smartmoneyconcepts import smc

ZONES = ["i", "side", "bottom", "top", "touched"]


def as_ours(bars: pd.DataFrame, *, joined: bool = False) -> pd.DataFrame:
    """Its gaps, or its joined ones, in the columns :data:`ZONES`."""
    found = smc.fvg(bars.reset_index(drop=True), join_consecutive=joined)
    found = found[found["FVG"].notna()]
    touched = found["MitigatedIndex"].astype("Int64")
    return pd.DataFrame(
        {
            "i": found.index.to_numpy(np.int64) + 1,
            "side": found["FVG"].to_numpy(np.int8),
            "bottom": found["Bottom"],
            "top": found["Top"],
            "touched": touched.mask(touched == 0),
        }
    ).reset_index(drop=True)


def longest_joined(bars: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Ours as it has them: the last joined zone of each run, and the gaps that stand alone."""
    gaps = detect_gaps(bars, timeframe, preset="smc")
    zones = derive_zones(bars, gaps, timeframe)
    joined = zones[zones["kind"] == "joined"]
    longest = joined.drop_duplicates("origin_i", keep="last")
    in_runs = set(joined["i"]) | set(joined["origin_i"])
    alone = gaps[~gaps["i"].isin(in_runs)]
    return pd.concat([longest[ZONES], alone[ZONES]]).sort_values("i", ignore_index=True)


def assert_agrees(bars: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Exact agreement of every gap, joined and not; returns those that are not."""
    wanted = as_ours(bars)
    ours = detect_gaps(bars, timeframe, preset="smc")
    pd.testing.assert_frame_equal(ours[ZONES], wanted, check_exact=True)
    plain = detect_gaps(bars, timeframe)
    pd.testing.assert_frame_equal(
        plain.loc[plain["smc"], ZONES].reset_index(drop=True), wanted, check_exact=True
    )
    pd.testing.assert_frame_equal(
        longest_joined(bars, timeframe), as_ours(bars, joined=True), check_exact=True
    )
    return wanted


@pytest.mark.parametrize("name", TIMEFRAMES)
def test_every_gap_and_its_touch(name: str) -> None:
    wanted = assert_agrees(series(name), TIMEFRAMES[name])
    if len(series(name)) > 100:
        assert set(wanted["side"]) == {1, -1}
        # The preset leaves some plain gaps out, or it would not be seen here.
        assert 50 < len(wanted) < len(detect_gaps(series(name), TIMEFRAMES[name]))


@given(adversarial_bars())
@settings(max_examples=40, deadline=None)
def test_every_gap_of_adversarial_bars(bars: pd.DataFrame) -> None:
    assert_agrees(bars, "1h")
