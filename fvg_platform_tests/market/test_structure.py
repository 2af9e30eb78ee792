"""Market structure: by hand, against the definitions read off naively, and that nothing repaints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.market.structure import (
    BOS,
    CHOCH,
    NO_BREAK,
    STRUCTURE_MEMORY,
    STRUCTURE_REACH,
    SWING_BARS,
    Structure,
    structure,
)

lean = settings(max_examples=40, deadline=None)


def of_closes(*closes: float, reach: float = 0.25) -> Structure:
    """Structure of bars whose highs and lows lie `reach` beyond their closes."""
    close = np.array(closes, float)
    return structure(close + reach, close - reach, close)


def walk(seed: int, n: int, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random bars; steps of a whole unit give equal highs and lows everywhere."""
    rng = np.random.default_rng(seed)
    close = rng.normal(0, 1, n).cumsum()
    reach = np.abs(rng.normal(0, 1, (2, n)))
    bars = close + reach[0], close - reach[1], close
    return tuple(np.round(b / step) * step for b in bars) if step else bars  # type: ignore[return-value]


walks = st.builds(walk, st.integers(0, 10_000), st.just(150), st.sampled_from([0.0, 1.0]))


def test_a_swing_high_is_known_three_bars_after_it():
    read = of_closes(1, 2, 3, 5, 4, 3, 2, 1)
    assert np.isnan(read.swing_high[:6]).all()
    assert read.swing_high_at[:6].tolist() == [-1] * 6
    assert (read.swing_high[6], read.swing_high_at[6]) == (5.25, 3)


def test_of_equal_highs_the_first_is_the_swing():
    read = of_closes(1, 2, 3, 5, 5, 5, 4, 3, 2, 1)
    assert read.swing_high_at.tolist() == [-1] * 6 + [3] * 4


def test_a_motionless_market_has_no_structure():
    read = of_closes(*[7.0] * 30)
    assert (read.swing_high_at == -1).all()
    assert (read.trend == 0).all()


#        0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22
CLOSES = 1, 2, 3, 6, 5, 4, 3, 4, 5, 8, 9, 7, 6, 5, 6, 7, 8, 10, 6, 5, 4.5, 4, 6


def test_breaks_with_the_trend_and_against_it():
    read = of_closes(*CLOSES)
    # The high of bar 3 (6.25) is passed by the close of bar 9; that of bar 10 (9.25) by bar 17; then the low of bar 13
    # (4.75) by bar 20.
    assert read.trend.tolist() == [0] * 9 + [1] * 11 + [-1] * 3
    assert read.break_at.tolist() == [-1] * 9 + [9] * 8 + [17] * 3 + [20] * 3
    assert read.break_kind.tolist() == [NO_BREAK] * 9 + [BOS] * 11 + [CHOCH] * 3
    assert read.standing_high[6:10].tolist() == [6.25, 6.25, 6.25, pytest.approx(np.nan, nan_ok=True)]


def test_the_dealing_range_moves_with_what_was_traded_beyond_the_swings():
    read = of_closes(*CLOSES)
    assert np.isnan(read.range_low[8])  # the low of bar 6 is not yet known
    assert (read.range_low[9], read.range_high[9]) == (
        2.75,
        8.25,
    )  # bar 9 has gone beyond the swing high of 6.25
    assert (read.range_low[16], read.range_high[16]) == (4.75, 9.25)  # the swings of bars 13 and 10
    assert (read.range_low[21], read.range_high[21]) == (3.75, 10.25)


def test_swings_and_breaks_are_forgotten():
    climbing = 7 + np.arange(STRUCTURE_MEMORY + 5) / 1000  # without another swing
    read = of_closes(1, 2, 3, 6, 5, 4, 5, 6, *climbing)
    assert (read.swing_high_at[3 + STRUCTURE_MEMORY], read.swing_high_at[4 + STRUCTURE_MEMORY]) == (3, -1)
    assert (read.trend[8 + STRUCTURE_MEMORY], read.trend[9 + STRUCTURE_MEMORY]) == (1, 0)
    assert (read.break_at[9 + STRUCTURE_MEMORY], read.break_kind[9 + STRUCTURE_MEMORY]) == (-1, NO_BREAK)


def naive(high: np.ndarray, low: np.ndarray, close: np.ndarray, k: int, memory: int) -> list[tuple[int, ...]]:
    """(last high's bar, last low's bar, trend, last break) of each bar, from whole prefixes."""
    rows: list[tuple[int, ...]] = []
    breaks: list[tuple[int, int]] = []
    for t in range(len(close)):
        at = []
        for sign, edge in ((1, high), (-1, -low)):
            swings = [
                j
                for j in range(k, t - k + 1)
                if edge[j] > edge[j - k : j].max() and edge[j] >= edge[j + 1 : j + k + 1].max()
            ]
            at.append(swings[-1] if swings and t - swings[-1] <= memory else -1)
            before = rows[-1][0 if sign > 0 else 1] if rows else -1
            if (
                before >= 0
                and (sign * close[before:t] <= edge[before]).all()
                and sign * close[t] > edge[before]
            ):
                breaks.append((t, sign))
        recent = breaks[-1] if breaks and t - breaks[-1][0] <= memory else (-1, 0)
        rows.append((at[0], at[1], recent[1], recent[0]))
    return rows


@given(walks, st.integers(1, 4), st.sampled_from([12, 500]))
@settings(max_examples=15, deadline=None)
def test_the_kernel_follows_the_definitions(bars, k, memory):
    read = structure(*bars, swing_bars=k, memory=memory)
    columns = (read.swing_high_at, read.swing_low_at, read.trend, read.break_at)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == naive(*bars, k, memory)


@given(walks, st.integers(0, 150))
@lean
def test_nothing_repaints(bars, cut):
    for whole, past in zip(structure(*bars), structure(*(b[:cut] for b in bars)), strict=True):
        np.testing.assert_array_equal(whole[:cut], past)


@given(walks, st.integers(1, 149))
@lean
def test_a_tail_of_the_reach_gives_the_last_bar_bit_for_bit(bars, last):
    memory = 20
    reach = STRUCTURE_REACH - 3 * (STRUCTURE_MEMORY - memory)
    start = max(last - reach, 0)
    whole = structure(*bars, memory=memory)
    tail = structure(*(b[start : last + 1] for b in bars), memory=memory)
    for name, a, b in zip(Structure._fields, whole, tail, strict=True):
        moved = start if name.endswith("_at") and b[-1] >= 0 else 0
        np.testing.assert_array_equal(a[last], b[-1] + moved, err_msg=name)


def test_the_reach_is_tight():
    """A break, the break before it and that one's swing, each as old as memory allows: one bar less misses it."""
    memory = 9
    fall = [5, 4, 3, 2, 3, 4, 5, *[5] * 6, 1]  # the low of bar 3 is broken at bar 13
    rise = [0.9, *[1] * 8, 7]  # the high of bar 16, a wick to 6, is broken at bar 23
    close = np.array([*fall, *rise, *[6.5] * memory], float)
    high = close.copy()
    high[16] = 6
    assert len(close) == 3 * memory + SWING_BARS + 2 + 1
    whole = structure(high, close, close, memory=memory)
    short = structure(high[1:], close[1:], close[1:], memory=memory)
    assert (whole.trend[-1], whole.break_kind[-1], whole.break_at[-1]) == (1, CHOCH, 23)
    assert (short.trend[-1], short.break_kind[-1], short.break_at[-1]) == (1, BOS, 22)


@given(walks)
@lean
def test_reflection_swaps_highs_and_lows(bars):
    high, low, close = bars
    read, image = structure(high, low, close), structure(-low, -high, -close)
    np.testing.assert_array_equal(read.trend, -image.trend)
    np.testing.assert_array_equal(read.break_kind, image.break_kind)
    np.testing.assert_array_equal(read.swing_high, -image.swing_low)
    np.testing.assert_array_equal(read.standing_low, -image.standing_high)
    np.testing.assert_array_equal(read.range_high, -image.range_low)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="have 3, 3 and 2 bars"):
        structure(np.ones(3), np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="swing_bars is 0"):
        structure(np.ones(3), np.ones(3), np.ones(3), swing_bars=0)
