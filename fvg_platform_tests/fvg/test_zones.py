"""Zones derived from gaps: hand-computed cases, causality, agreement with smartmoneyconcepts' joining."""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.bar_input import BarError
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.zones import BALANCE_WINDOW, KINDS, derive_zones

from . import reference
from .made_up import LIFECYCLE, bars_of, mirror, same, walk

ZONE = ["kind", "i", "side", "bottom", "top", "origin_i", "members"]
FORWARD = [*LIFECYCLE, "depth"]

series = st.builds(walk, st.just(150), st.integers(0, 10_000), st.sampled_from([None, 0.25, 0.5]))


def zones_of(bars: pd.DataFrame, preset: str = "plain") -> pd.DataFrame:
    return derive_zones(bars, detect_gaps(bars, "1h", preset=preset), "1h")


def rows(zones: pd.DataFrame, kind: str) -> list[list[object]]:
    return zones.loc[zones["kind"] == kind, ZONE[1:]].to_numpy().tolist()


def stairs(steps: int, up: float = 3.0) -> list[tuple[float, float, float, float]]:
    """Bars of range 2 that rise by `up`: from the third on each ends a gap between high j-2 and low j."""
    return [(10 + up * j, 12 + up * j, 10 + up * j, 12 + up * j) for j in range(steps)]


def test_a_run_of_four_gaps_gives_three_joined_zones() -> None:
    zones = zones_of(bars_of(stairs(6)))
    assert rows(zones, "joined") == [
        [3, 1, 12, 19, 2, 2],
        [4, 1, 12, 22, 2, 3],
        [5, 1, 12, 25, 2, 4],
    ]
    assert zones["origin_ts"].unique().tolist() == [pd.Timestamp("2024-01-02 14:32", tz="UTC")]
    assert (zones["known_at"] == zones["ts"] + pd.Timedelta(hours=1)).all()
    assert zones[["mid", "size"]].iloc[0].tolist() == [15.5, 7]


def test_a_bar_without_a_gap_or_a_gap_of_the_other_side_ends_the_run() -> None:
    calm = bars_of(
        [*stairs(4), (19, 21, 15, 20), *[(20 + 3 * j, 22 + 3 * j, 20 + 3 * j, 22 + 3 * j) for j in range(4)]]
    )
    assert [row[0] for row in rows(zones_of(calm), "joined")] == [3, 7, 8]
    assert rows(zones_of(calm), "joined")[1][4] == 6
    turned = bars_of([(10, 12, 9, 11), (11, 17, 10, 16), (17, 20, 16, 19), (8, 9, 7, 8)])
    assert detect_gaps(turned, "1h")["side"].tolist() == [1, -1]
    assert rows(zones_of(turned), "joined") == []


def test_a_close_beyond_a_gap_turns_it_over_from_the_next_bar_on() -> None:
    quiet, through, back = (17, 18, 16.5, 17), (15, 17, 10, 11), (11, 14, 10, 13)
    zones = zones_of(bars_of([(10, 12, 9, 11), (11, 17, 10, 16), (17, 20, 16, 19), quiet, through, back]))
    assert rows(zones, "inversion") == [[4, -1, 12, 16, 2, 1]]
    zone = zones.query("kind == 'inversion'").iloc[0]
    assert [None if pd.isna(zone[name]) else zone[name] for name in LIFECYCLE] == [5, 5, None, None]
    assert zone["depth"] == 0.5
    assert zone["ts"] == pd.Timestamp("2024-01-02 14:34", tz="UTC")


BEFORE = [(20, 21, 19, 20), (19, 19, 12, 13), (13, 14, 12, 13)]  # bearish gap 14..19 at bar 2
RISE = [(14, 15, 12, 14), (15, 20, 14, 19), (19, 22, 17, 21)]  # bullish gap 15..17


def test_the_overlap_of_opposing_gaps_is_a_balanced_price_range() -> None:
    bars = bars_of([*BEFORE, *RISE])
    assert rows(zones_of(bars), "balanced") == [[5, 1, 15, 17, 2, 2]]
    assert rows(zones_of(mirror(bars)), "balanced") == [[5, -1, -17, -15, 2, 2]]
    higher = [(14, 19, 12, 18), (18, 24, 12, 23), (23, 25, 20, 24)]  # bullish gap 19..20 meets the edge only
    assert detect_gaps(bars_of([*BEFORE, *higher]), "1h")["bottom"].tolist() == [14, 19]
    assert rows(zones_of(bars_of([*BEFORE, *higher])), "balanced") == []


@pytest.mark.parametrize(("between", "found"), [(0, 1), (BALANCE_WINDOW - 3, 1), (BALANCE_WINDOW - 2, 0)])
def test_opposing_gaps_far_apart_do_not_balance(between: int, found: int) -> None:
    bars = bars_of([*BEFORE, *[(13, 15, 12, 13)] * between, *RISE])
    assert detect_gaps(bars, "1h")["i"].tolist() == [2, 5 + between]
    assert len(rows(zones_of(bars), "balanced")) == found


def test_of_several_opposing_gaps_the_nearest_that_overlaps_counts() -> None:
    far_below = [(13, 14, 12, 13), (10, 10, 4, 5), (5, 6, 4, 5)]  # bearish gaps 10..12 and 6..12, no overlap
    bars = bars_of([*BEFORE, *far_below, *RISE])
    assert detect_gaps(bars, "1h").query("side < 0")["i"].tolist() == [2, 4, 5]
    assert [row for row in rows(zones_of(bars), "balanced") if row[0] == 8] == [[8, 1, 15, 17, 2, 2]]


@given(series)
@settings(max_examples=25, deadline=None)
def test_zones_are_ordered_causal_and_followed_like_gaps(bars: pd.DataFrame) -> None:
    zones = zones_of(bars)
    key = ["i", "kind", "side", "origin_i"]
    assert not zones.duplicated(key).any()
    same(zones, zones.sort_values(key))
    assert zones["kind"].cat.categories.tolist() == list(KINDS)
    seen = {side: reference.as_seen(bars, side) for side in (1, -1)}
    for zone in zones.to_dict("records"):
        want = reference.lifecycle(seen[zone["side"]], zone["i"], zone["side"], zone["bottom"], zone["top"])
        got = {name: None if pd.isna(zone[name]) else zone[name] for name in FORWARD}
        assert got == want


@given(series, st.integers(0, 150))
@settings(max_examples=25, deadline=None)
def test_later_bars_add_zones_and_change_none(bars: pd.DataFrame, cut: int) -> None:
    past, now = zones_of(bars.head(cut)), zones_of(bars)
    same(past.drop(columns=FORWARD), now[now["i"] < cut].drop(columns=FORWARD))


@given(series)
@settings(max_examples=15, deadline=None)
def test_reflection_swaps_the_sides_of_zones(bars: pd.DataFrame) -> None:
    zones, image = zones_of(bars), zones_of(mirror(bars))
    turned = zones.assign(side=-zones["side"], bottom=-zones["top"], top=-zones["bottom"], mid=-zones["mid"])
    same(turned.sort_values(["i", "kind", "side", "origin_i"]), image)


@pytest.mark.parametrize("grid", [None, 0.25])
def test_joined_zones_end_like_smartmoneyconcepts(grid: float | None) -> None:
    bars = walk(1500, seed=8, grid=grid)
    with contextlib.redirect_stdout(io.StringIO()):
        from smartmoneyconcepts import smc
    theirs = smc.fvg(bars, join_consecutive=True).dropna(subset="FVG")
    gaps = detect_gaps(bars, "1h", preset="smc")
    zones = derive_zones(bars, gaps, "1h").query("kind == 'joined'")
    final = zones.drop_duplicates(["origin_i", "side"], keep="last")
    assert len(final) > 20
    inside = {i for row in final.to_dict("records") for i in range(row["origin_i"], row["i"] + 1)}
    alone = gaps[~gaps["i"].isin(inside)]
    columns = ["i", "side", "top", "bottom"]
    ours = pd.concat([final[columns], alone[columns]]).sort_values("i")
    assert ours["i"].tolist() == (theirs.index + 1).tolist()
    np.testing.assert_array_equal(ours[columns[1:]], theirs[["FVG", "Top", "Bottom"]])


def test_what_does_not_fit_is_named() -> None:
    bars = walk(100, seed=1)
    gaps = detect_gaps(bars, "1h")
    assert derive_zones(bars.head(0), gaps.head(0), "1h").columns.tolist() == zones_of(bars).columns.tolist()
    with pytest.raises(ValueError, match="1h gaps lack the column inverted"):
        derive_zones(bars, gaps.drop(columns="inverted"), "1h")
    with pytest.raises(ValueError, match=r"i in row 1 .* must rise"):
        derive_zones(bars, gaps.iloc[[3, 1]], "1h")
    with pytest.raises(ValueError, match="below 3, the number of bars"):
        derive_zones(bars.head(3), gaps, "1h")
    with pytest.raises(BarError, match="repeats the ts"):
        derive_zones(pd.concat([bars.head(1), bars]), gaps, "1h")
