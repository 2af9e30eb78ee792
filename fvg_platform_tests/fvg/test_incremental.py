"""A series that grows chunk by chunk ends with the very rows of the whole: gaps, zones and memory."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fvg_platform.fvg.dated_rows import dated, placed
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.incremental import (
    TAIL_BARS,
    GapMemory,
    StaleMemoryError,
    continue_gaps,
    continue_zones,
    remember,
)
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.zones import derive_zones

from .made_up import bars_of, same, walk
from .test_zones import stairs

GAP_KEY = ["ts", "side"]


class Calendar:
    """Bars close half a minute early; the series breaks before every fifth minute."""

    def bar_closes(self, opens: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        return opens + pd.Timedelta(seconds=30)

    def breaks(self, ts: pd.DatetimeIndex, timeframe: str) -> NDArray[np.bool_]:
        return np.asarray(ts.minute % 5 == 0)


def batch(bars: pd.DataFrame, threshold: float | str = "auto") -> tuple[pd.DataFrame, pd.DataFrame]:
    gaps = detect_gaps(bars, "1m", threshold=threshold, calendar=Calendar())
    zones = derive_zones(bars, gaps, "1m", calendar=Calendar())
    ts = pd.DatetimeIndex(bars["ts"])
    return dated(gaps, ts), dated(zones, ts)


def is_open(rows: pd.DataFrame) -> pd.Series:
    return rows["inverted_ts"].isna()


@dataclass
class Store:
    """What a database would hold: all rows, and the memory as JSON."""

    threshold: float | str = "auto"
    memory: str = field(default_factory=lambda: json.dumps(remember(bars_of([]), "1m").as_dict()))
    bars: int = 0
    gaps: pd.DataFrame = field(default_factory=lambda: batch(bars_of([]))[0])
    zones: pd.DataFrame = field(default_factory=lambda: batch(bars_of([]))[1])

    def grow(self, bars: pd.DataFrame, tail_bars: int = TAIL_BARS) -> None:
        """Take the bars beyond those stored, seeing of the others the tail only."""
        tail = bars.iloc[max(0, self.bars - tail_bars) :]
        memory = GapMemory.from_dict(json.loads(self.memory))
        gaps = continue_gaps(
            tail, "1m", memory, self.gaps[is_open(self.gaps)], threshold=self.threshold, calendar=Calendar()
        )
        zones = continue_zones(
            tail,
            "1m",
            memory,
            recent_gaps=self.gaps[self.gaps["ts"] >= tail["ts"].iloc[0]] if len(tail) else self.gaps,
            new_gaps=gaps.new,
            # Neither their order matters nor closed gaps among them.
            open_gaps=pd.concat([gaps.open[::-1], self.gaps[~is_open(self.gaps)]]),
            open_zones=self.zones[is_open(self.zones)],
            calendar=Calendar(),
        )
        self.gaps = pd.concat([self.gaps[~is_open(self.gaps)], gaps.open, gaps.new]).sort_values(GAP_KEY)
        self.zones = pd.concat([self.zones[~is_open(self.zones)], zones.open, zones.new]).sort_values(
            ["ts", "kind", "side", "origin_ts"]
        )
        self.memory, self.bars = json.dumps(gaps.memory.as_dict()), len(bars)


@st.composite
def adversarial(draw: st.DrawFn) -> pd.DataFrame:
    """Whole prices 0..6 with ties and zero ranges, constant stretches, runs of gaps longer than the tail."""
    price = st.integers(0, 6)
    bar = st.tuples(price, price, price, price).map(lambda p: [(p[0], max(p), min(p), p[1])])
    flat = st.integers(1, 30).map(lambda n: [(3, 3, 3, 3)] * n)
    run = st.integers(3, 40).map(stairs)
    parts = draw(st.lists(st.one_of(bar, bar, bar, flat, run), min_size=1, max_size=40))
    rows = [row for part in parts for row in part]
    volume = draw(st.sampled_from([0.0, 5.0, np.nan]))
    return bars_of(rows, [volume if k % 7 else 3.0 for k in range(len(rows))])


walks = st.builds(walk, st.just(160), st.integers(0, 10_000), st.sampled_from([None, 0.25, 0.5]))
cuts = st.lists(st.integers(0, 160), max_size=8)


@given(st.one_of(walks, adversarial()), cuts, st.sampled_from(["auto", 0.002]), st.integers(TAIL_BARS, 60))
@settings(max_examples=50, deadline=None)
def test_any_chunking_gives_the_rows_of_the_whole_to_the_last_bit(
    bars: pd.DataFrame, ends: list[int], threshold: float | str, tail_bars: int
) -> None:
    store = Store(threshold)
    for end in [*sorted(ends), len(bars)]:
        store.grow(bars.head(max(end, store.bars)), tail_bars)
    gaps, zones = batch(bars, threshold)
    same(store.gaps, gaps)
    same(store.zones, zones)
    assert json.loads(store.memory) == remember(bars, "1m").as_dict()


@pytest.mark.parametrize("bars", [walk(70, seed=6, grid=0.25), bars_of(stairs(70))], ids=["walk", "run"])
def test_bar_by_bar_gives_the_rows_of_every_prefix(bars: pd.DataFrame) -> None:
    """The stairs are one run of 68 gaps: the stored joined zone carries it beyond the tail."""
    store = Store()
    for end in range(1, len(bars) + 1):
        store.grow(bars.head(end))
        if end % 23 == 0 or end == len(bars):
            gaps, zones = batch(bars.head(end))
            same(store.gaps, gaps)
            same(store.zones, zones)
    assert set(store.zones["kind"]) >= {"joined"}


def test_a_refresh_without_new_bars_changes_nothing() -> None:
    bars = walk(120, seed=3)
    store = Store()
    store.grow(bars)
    before = (store.gaps, store.zones, store.memory)
    store.grow(bars)
    same(store.gaps, before[0])
    same(store.zones, before[1])
    assert store.memory == before[2]


def test_other_columns_of_open_gaps_are_carried_along() -> None:
    bars = walk(120, seed=3)
    stored = batch(bars.head(80))[0]
    stored = stored[is_open(stored)].assign(ticker="ABC")
    assert len(stored) > 1
    refreshed = continue_gaps(bars.iloc[50:], "1m", remember(bars.head(80), "1m"), stored).open
    assert refreshed.columns.tolist() == stored.columns.tolist()
    assert refreshed.index.equals(stored.index)
    same(refreshed[["ticker", "bottom"]], stored[["ticker", "bottom"]])
    assert refreshed["inverted_ts"].notna().any()


def test_new_gaps_get_their_positions_from_the_bars_they_are_used_with() -> None:
    bars = walk(200, seed=3)
    memory = remember(bars.head(150), "1h")
    tail = bars.iloc[120:].reset_index(drop=True)
    new = continue_gaps(
        tail, "1h", memory, dated(detect_gaps(bars.head(0), "1h"), pd.DatetimeIndex([], tz="UTC"))
    ).new
    whole = detect_gaps(bars, "1h").query("i >= 150").reset_index(drop=True)
    there = placed(new, tail)
    assert (there["i"] + 120).tolist() == whole["i"].tolist()
    same(plan_setups(there, "1h").drop(columns="i"), plan_setups(whole, "1h").drop(columns="i"))
    with pytest.raises(ValueError, match=r"row 0 \(.*\) belongs to none of the 100 bars"):
        placed(new, bars.head(100))


def refresh(bars: pd.DataFrame, memory: GapMemory, gaps: pd.DataFrame, timeframe: str = "1m") -> None:
    continue_gaps(bars, timeframe, memory, gaps)


def test_what_is_remembered_must_belong_to_the_tail() -> None:
    bars = walk(120, seed=3)
    memory = remember(bars.head(80), "1m")
    gaps = batch(bars.head(80))[0]
    gaps = gaps[is_open(gaps)]
    refresh(bars.iloc[80 - TAIL_BARS :], memory, gaps)
    with pytest.raises(StaleMemoryError, match=f"has {TAIL_BARS - 1} bars up to .* needs {TAIL_BARS} to 80"):
        refresh(bars.iloc[80 - TAIL_BARS + 1 :], memory, gaps)
    with pytest.raises(StaleMemoryError, match="tail lacks 2024-01-02 15:49:00"):
        refresh(bars.iloc[80:], memory, gaps)
    with pytest.raises(StaleMemoryError, match=r"bar of .* was revised"):
        refresh(bars.assign(volume=bars["volume"] + (bars.index == 79)), memory, gaps)
    with pytest.raises(StaleMemoryError, match="of 1m bars, not of 5m bars"):
        refresh(bars, memory, gaps, "5m")
    with pytest.raises(StaleMemoryError, match="lacks atr, range_sum"):
        GapMemory.from_dict({k: v for k, v in memory.as_dict().items() if k not in ("atr", "range_sum")})
    with pytest.raises(ValueError, match=r"open 1m gaps: .* lies after the last stored bar"):
        refresh(bars, memory, batch(bars)[0])
    with pytest.raises(ValueError, match="open 1m gaps lack the column filled_ts"):
        refresh(bars, memory, gaps.drop(columns="filled_ts"))


def test_a_run_needs_its_joined_zone() -> None:
    bars = bars_of(stairs(40))
    gaps, zones = batch(bars.head(30))
    memory = remember(bars.head(30), "1m")
    new = continue_gaps(bars, "1m", memory, gaps)
    with pytest.raises(StaleMemoryError, match="the open zones lack the joined zone"):
        continue_zones(
            bars,
            "1m",
            memory,
            recent_gaps=gaps,
            new_gaps=new.new,
            open_gaps=new.open,
            open_zones=zones.head(3),
        )
