"""Detection and lifecycle: hand-computed cases of sections 1 and 2."""

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.typing import NDArray

from benchmarks.bench_engine import smartmoneyconcepts_gaps
from fvg_platform.fvg.gaps import detect_gaps, wilder_atr
from fvg_platform.fvg.modes import ConfigurationError

from .made_up import LIFECYCLE, bars_of, mirror, same, walk

# bar:  open high low close; the gap is 12..16, its middle bar the second
PATTERN = [(10, 12, 9, 11), (11, 17, 10, 16), (17, 20, 16, 19)]


def first_gap(later: list[tuple[float, float, float, float]]) -> pd.Series:
    gaps = detect_gaps(bars_of(PATTERN + later), "1h")
    return gaps.iloc[0]


def test_a_bullish_gap_is_the_space_between_the_first_high_and_the_third_low() -> None:
    gap = first_gap([])
    assert (gap["i"], gap["side"], gap["bottom"], gap["top"], gap["mid"], gap["size"]) == (
        2,
        1,
        12,
        16,
        14,
        4,
    )
    assert gap["ts"] == pd.Timestamp("2024-01-02 14:32", tz="UTC")
    assert gap["size_pct"] == pytest.approx(4 / 14)
    assert gap["body_ratio"] == pytest.approx(5 / 7)
    assert np.isnan([gap["atr"], gap["size_atr"], gap["volume_ratio"]]).all()
    assert gap["depth"] == 0
    assert gap[LIFECYCLE].isna().all()


def test_a_bearish_gap_is_the_mirror_image() -> None:
    gap = detect_gaps(mirror(bars_of(PATTERN), about=15), "1h").iloc[0]
    assert (gap["i"], gap["side"], gap["bottom"], gap["top"], gap["mid"]) == (2, -1, 14, 18, 16)


def test_edges_that_only_meet_are_no_gap() -> None:
    assert len(detect_gaps(bars_of([(10, 12, 9, 11), (11, 17, 10, 16), (17, 20, 12, 19)]), "1h")) == 0


def test_a_middle_bar_without_range_has_no_body() -> None:
    gaps = detect_gaps(bars_of([(10, 12, 9, 11), (14, 14, 14, 14), (17, 20, 16, 19)]), "1h")
    assert gaps["body_ratio"].tolist() == [0]


@pytest.mark.parametrize(
    ("low", "close", "wanted", "depth"),
    [
        (16.5, 17, [], 0.0),
        (16, 17, ["touched"], 0.0),
        (15, 17, ["touched"], 0.25),
        (14, 17, ["touched", "half_filled"], 0.5),
        (12, 12, ["touched", "half_filled", "filled"], 1.0),
        (11, 11.5, ["touched", "half_filled", "filled", "inverted"], 1.0),
    ],
)
def test_levels_are_reached_by_a_touch_and_inversion_needs_a_close_beyond(
    low: float, close: float, wanted: list[str], depth: float
) -> None:
    quiet = (17, 18, 17, 17.5)
    gap = first_gap([quiet, (17, 18, low, close), (11, 21, 10, 11)])
    assert [name for name in LIFECYCLE if gap[name] == 4] == wanted
    assert all(gap[name] == 5 for name in LIFECYCLE if name not in wanted)
    assert first_gap([quiet, (17, 18, low, close)])["depth"] == depth


def test_inversion_may_come_long_after_the_fill() -> None:
    gap = first_gap([(17, 17, 11, 13), (13, 22, 13, 22), (22, 22, 11, 11)])
    assert gap[LIFECYCLE].tolist() == [3, 3, 3, 5]


def test_atr_is_talibs_and_that_of_three_bars_before() -> None:
    bars = walk(400, seed=5)
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    wanted = talib.ATR(high, low, close, 14)
    np.testing.assert_allclose(wilder_atr(high, low, close), wanted, rtol=1e-12)
    gaps = detect_gaps(bars, "1h")
    early = gaps["i"] < 17
    assert early.any()
    assert gaps.loc[early, "atr"].isna().all()
    late = gaps[~early]
    np.testing.assert_allclose(late["atr"], wanted[late["i"] - 3], rtol=1e-12)
    np.testing.assert_allclose(late["size_atr"], (late["top"] - late["bottom"]) / late["atr"], rtol=1e-12)


def test_the_first_atr_belongs_to_bar_14_and_so_the_first_measured_gap_to_bar_17() -> None:
    flat = [(10, 11, 10, 11)] * 15
    gaps = [
        detect_gaps(bars_of([*flat[:n], (11, 12, 11, 12), (12, 14, 12, 14), (14, 15, 14, 15)]), "1h")
        .query("bottom == 12")["atr"]
        .item()
        for n in (14, 15)
    ]
    assert np.isnan(gaps[0])
    assert gaps[1] == 1.0


def test_a_flat_past_has_an_atr_of_zero_and_no_ratio_to_it() -> None:
    gaps = detect_gaps(bars_of([(10, 10, 10, 10)] * 16 + [(10, 13, 10, 13), (13, 14, 12, 13)]), "1h")
    assert gaps["atr"].tolist() == [0.0]
    assert gaps["size_atr"].isna().all()


def test_volume_is_set_against_the_twenty_bars_before_the_middle_one() -> None:
    flat = [(10, 12, 9, 11)] * 20
    volume = [*range(1, 22), 42, 7]  # bars 1..20 (2..21) before the middle bar 21 (42)
    gaps = detect_gaps(bars_of([*flat, *PATTERN], volume), "1h")
    assert gaps["i"].tolist() == [22]
    assert gaps["volume_ratio"].item() == pytest.approx(42 / np.mean(range(2, 22)))
    one_less = detect_gaps(bars_of([*flat, *PATTERN][2:], volume[2:]), "1h")
    assert one_less["i"].tolist() == [20]
    assert one_less["volume_ratio"].isna().all()
    silent = detect_gaps(bars_of([*flat, *PATTERN], [0] * 21 + [42, 7]), "1h")
    assert silent["volume_ratio"].isna().all()


def test_without_a_calendar_breaks_are_unknown_and_a_bar_lasts_its_nominal_duration() -> None:
    gap = first_gap([])
    assert gap["spans_break"] is pd.NA
    assert gap["known_at"] == gap["ts"] + pd.Timedelta(hours=1)


class Calendar:
    """Bars close 59 minutes after the open; the series breaks before the given bars."""

    def __init__(self, before: list[int]) -> None:
        self.before = before

    def bar_closes(self, opens: pd.DatetimeIndex, timeframe: str) -> pd.DatetimeIndex:
        assert timeframe == "1h"
        return opens + pd.Timedelta(minutes=59)

    def breaks(self, ts: pd.DatetimeIndex, timeframe: str) -> NDArray[np.bool_]:
        return np.isin(np.arange(len(ts)), self.before)


@pytest.mark.parametrize(
    ("before", "spans"), [([], False), ([1], False), ([2], True), ([3], True), ([4], False)]
)
def test_a_calendar_tells_closes_and_whether_either_step_breaks(before: list[int], spans: bool) -> None:
    bars = bars_of([(10, 12, 9, 11), *PATTERN, (17, 20, 16, 19)])
    gap = detect_gaps(bars, "1h", calendar=Calendar(before)).iloc[0]
    assert gap["i"] == 3
    assert gap["spans_break"] == spans
    assert gap["known_at"] == gap["ts"] + pd.Timedelta(minutes=59)


@pytest.mark.parametrize("preset", ["SMC", "Plain", ""])
def test_an_unknown_preset_is_refused_by_name(preset: str) -> None:
    with pytest.raises(ConfigurationError, match=f"preset is '{preset}': use one of plain, smc, luxalgo"):
        detect_gaps(bars_of(PATTERN), "1h", preset=preset)


@pytest.mark.parametrize("threshold", [-0.01, np.nan, np.inf, "0.1", None, True])
def test_a_threshold_is_a_fraction_or_auto(threshold: object) -> None:
    with pytest.raises(ConfigurationError, match=f"threshold is {threshold!r}"):
        detect_gaps(bars_of(PATTERN), "1h", threshold=threshold)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("middle", "smc", "luxalgo"),
    [
        ((11, 17, 10, 16), True, True),  # closes up and beyond the first high of 12
        ((11, 17, 10, 12), True, False),  # closes up, but not beyond
        ((13, 17, 10, 13), False, True),  # closes beyond, but where it opened
        ((11, 17, 10, 10.5), False, False),
    ],
)
def test_presets_ask_where_the_middle_bar_closed(
    middle: tuple[float, float, float, float], smc: bool, luxalgo: bool
) -> None:
    bars = bars_of([PATTERN[0], middle, PATTERN[2]])
    for series in (bars, mirror(bars, about=20)):
        gap = detect_gaps(series, "1h", threshold=0.01).iloc[0]
        assert (gap["smc"], gap["luxalgo"]) == (smc, luxalgo)
        for preset, flag in (("plain", True), ("smc", smc), ("luxalgo", luxalgo)):
            assert len(detect_gaps(series, "1h", preset=preset, threshold=0.01)) == flag


@pytest.mark.parametrize(("about", "bottom"), [(None, 12), (20, 24)])
def test_luxalgo_sets_the_size_of_either_side_against_the_bottom(about: float | None, bottom: float) -> None:
    bars = bars_of(PATTERN) if about is None else mirror(bars_of(PATTERN), about)
    ratio = 4 / bottom
    kept = [len(detect_gaps(bars, "1h", preset="luxalgo", threshold=t)) for t in (0, ratio - 1e-9, ratio)]
    assert kept == [1, 1, 0]  # the threshold must be exceeded


def test_the_automatic_threshold_is_the_mean_relative_range_of_all_bars_so_far() -> None:
    ranges = [3 / 9, 7 / 10, 4 / 16]  # of the pattern, mean 0.43
    assert np.mean(ranges) > 4 / 12
    assert not detect_gaps(bars_of(PATTERN), "1h")["luxalgo"].item()
    calm = [(10, 10, 10, 10)] * 3  # mean 1.28 / 6
    assert np.sum(ranges) / 6 < 4 / 12
    wild_later = [(20, 90, 17, 18)] * 3  # not yet known at the gap
    assert detect_gaps(bars_of([*calm, *PATTERN, *wild_later]), "1h")["luxalgo"].iloc[0]
    walked = walk(500, seed=4)
    auto = detect_gaps(walked, "1h")
    mean = ((walked["high"] - walked["low"]) / walked["low"]).expanding().mean()
    middle, first = walked["close"].to_numpy()[auto["i"] - 1], auto["i"] - 2
    beyond = np.where(
        auto["side"] > 0, middle > walked["high"].to_numpy()[first], middle < walked["low"].to_numpy()[first]
    )
    wanted = beyond & (auto["size"] / auto["bottom"] > mean[auto["i"]].to_numpy())
    assert 0 < wanted.sum() < beyond.sum() < len(auto)
    assert auto["luxalgo"].tolist() == wanted.tolist()


def test_a_price_of_zero_or_less_has_no_relative_size() -> None:
    down = mirror(bars_of(PATTERN), about=0)
    assert detect_gaps(down, "1h", threshold=0)[["smc", "luxalgo"]].values.tolist() == [[True, False]]
    # The first bar has no range relative to its low; the others' mean is that of a series without it.
    odd = bars_of([(0, 1, 0, 1), (10, 10, 10, 10), (10, 10, 10, 10), *PATTERN])
    gaps = detect_gaps(odd, "1h").query("bottom == 12")
    assert gaps["luxalgo"].tolist() == [True]


def test_a_preset_keeps_rows_and_changes_none() -> None:
    bars = walk(800, seed=9)
    plain = detect_gaps(bars, "5m")
    for preset in ("smc", "luxalgo"):
        kept = plain[plain[preset]]
        assert 0 < len(kept) < len(plain)
        same(detect_gaps(bars, "5m", preset=preset), kept)


def test_smc_has_the_gaps_of_smartmoneyconcepts() -> None:
    bars = walk(3000, seed=12)
    ours = detect_gaps(bars, "1m", preset="smc")
    theirs = smartmoneyconcepts_gaps(bars).dropna(subset="FVG")  # its index is the middle bar
    assert (theirs.index + 1).tolist() == ours["i"].tolist()
    assert (
        theirs[["FVG", "Top", "Bottom"]].to_numpy().tolist()
        == ours[["side", "top", "bottom"]].values.tolist()
    )
    mitigated = theirs["MitigatedIndex"].where(theirs["MitigatedIndex"] > 0)  # its 0 means never
    assert mitigated.fillna(-1).tolist() == ours["touched"].fillna(-1).tolist()


def test_rows_come_in_order_of_their_bar() -> None:
    gaps = detect_gaps(walk(2000, seed=2), "1m")
    assert gaps["i"].is_monotonic_increasing
    assert set(gaps["side"]) == {1, -1}
    assert (gaps["top"] > gaps["bottom"]).all()
