"""The context of a gap: each family of columns by hand, then that nothing later and nothing too old counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.context import context_reach, describe_context
from fvg_platform.fvg.context_columns import CONTEXT_COLUMNS, CONTEXT_TEXTS
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.market.calendars import trading_calendar

from .made_up import PRICES, bars_of, mirror, same

CRYPTO = trading_calendar("crypto")
lean = settings(max_examples=8, deadline=None)


def walk(n: int, seed: int, freq: str = "15min", start: str = "2024-01-02 14:30") -> pd.DataFrame:
    """Bars without two equal prices, a fifth of which open with a jump; takers buy some of the volume."""
    rng = np.random.default_rng(seed)
    path = rng.standard_normal((n, 5)) * 0.3
    path[:, 0] *= np.where(rng.random(n) < 0.2, 5, 1)
    path = 100 + path.ravel().cumsum().reshape(n, 5)
    volume = rng.lognormal(4, 1, n)
    columns = {
        "open": path[:, 0],
        "high": path.max(1),
        "low": path.min(1),
        "close": path[:, -1],
        "volume": volume,
    }
    ts = pd.date_range(start, periods=n, freq=freq, tz="UTC")
    return pd.DataFrame({"ts": ts, **columns, "taker_buy_volume": volume * rng.random(n)})


def every(bars: pd.DataFrame, step: int) -> pd.DataFrame:
    """Coarser bars of `step` bars each, the last one perhaps unfinished."""
    how = {"ts": "first", "open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return (
        bars.groupby(bars["ts"].dt.floor(f"{15 * step}min"), as_index=False)
        .agg(how)
        .assign(ts=lambda b: b["ts"].dt.floor(f"{15 * step}min"))
    )


def gap(i: int, side: int, bottom: float, top: float, bars: pd.DataFrame, atr: float = 2.0) -> pd.DataFrame:
    """One hand-made gap of minute bars."""
    zone = {"bottom": bottom, "top": top, "mid": (bottom + top) / 2, "atr": atr}
    ts = bars["ts"].iloc[i]
    return pd.DataFrame([{"i": i, "side": side, "ts": ts, "known_at": ts + pd.Timedelta(minutes=1), **zone}])


def described(bars: pd.DataFrame, gaps: pd.DataFrame, timeframe: str = "1m", **options) -> dict[str, object]:
    return describe_context(bars, gaps, timeframe, **options).iloc[0].to_dict()


#       o   h   l   c
LEG = [
    (20, 21, 19, 20),  # 0
    (20, 22, 19, 21),
    (21, 23, 20, 22),
    (22, 26, 21, 23),  # 3: swing high 26
    (23, 24, 20, 20),
    (20, 21, 17, 18),
    (18, 19, 14, 16),  # 6: swing low 14
    (16, 18, 15, 17),
    (17, 19, 15, 18),
    (18, 19, 16, 18),  # 9: both swings are known
    (18, 18, 13, 15),  # 10: sweeps the low of 14
    (15, 17, 14, 16),
    (17, 17, 15, 15),  # 12: the last falling candle
    (15, 18, 15, 18),  # 13: the first of the pattern
    (18, 27, 18, 27),  # 14: the middle one closes beyond 26
    (27, 30, 20, 29),  # 15: a gap from 18 to 20
]
LEG_VOLUME = [100.0] * 10 + [50, 10, 10, 40, 180, 100]


def test_a_bullish_gap_by_hand():
    bars = bars_of(LEG, LEG_VOLUME).assign(taker_buy_volume=30.0)
    row = described(bars, gap(15, 1, 18, 20, bars))
    expected = {
        "trend": 1,
        "structure_break": "bos",
        "bars_since_break": 1,
        "impulse_broke_structure": True,
        "range_position": (19 - 13) / (30 - 13),  # the range has moved to 13 and to 30
        "liquidity_swept": True,
        "bars_since_sweep": 5,
        "order_block_bottom": 15,
        "order_block_top": 17,
        "order_block_bars": 3,
        "order_block_distance_atr": 0.5,
        "displacement_range_atr": 4.5,
        "displacement_body_atr": 4.5,
        "leg_bars": 6,  # from the low of bar 10
        "leg_atr": (30 - 13) / 2,
        "leg_zone_density": 180 / 9 / (390 / 17),
        "zone_is_low_volume_node": False,
        "taker_buy_share": 6 * 30 / 390,
        "minutes_since_open": 14 * 60 + 46,
        "session": "new_york_am",
        "killzone": "new_york_am",
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    unknown = [name for name in row if name.startswith(("profile_", "prior_", "coarser_"))]
    assert len(unknown) == 12
    assert all(pd.isna(row[name]) for name in unknown)


def test_the_bearish_gap_is_its_mirror_image():
    bars = bars_of(LEG, LEG_VOLUME)
    image = mirror(bars, 20)
    row, turned = described(bars, gap(15, 1, 18, 20, bars)), described(image, gap(15, -1, 20, 22, image))
    for name in ("trend", "leg_poc_atr", "vwap_distance_atr"):
        assert turned[name] == pytest.approx(-row[name])
    assert turned["leg_value_high_atr"] == pytest.approx(-row["leg_value_low_atr"])
    assert (turned["order_block_bottom"], turned["order_block_top"]) == (23, 25)
    assert turned["range_position"] == pytest.approx(1 - row["range_position"])
    for name in (
        "impulse_broke_structure",
        "liquidity_swept",
        "order_block_distance_atr",
        "displacement_body_atr",
    ):
        assert turned[name] == row[name]


def test_a_broken_swing_is_not_broken_again_and_an_unknown_one_is_unknown():
    early = [*LEG[:10], (18, 28, 18, 27), *LEG[11:]]  # bar 10 closes beyond 26 long before the pattern
    bars = bars_of(early)
    assert described(bars, gap(15, 1, 18, 20, bars))["impulse_broke_structure"] is False
    bars = bars_of(LEG[9:])
    row = described(bars, gap(6, 1, 18, 20, bars))
    names = ["impulse_broke_structure", "liquidity_swept", "structure_break", "range_position", "leg_bars"]
    assert [pd.isna(row[name]) for name in names] == [True] * 5
    assert row["trend"] == 0


def test_without_a_sweep_there_is_none():
    quiet = [*LEG[:10], (18, 18, 15, 15), *LEG[11:]]
    bars = bars_of(quiet)
    row = described(bars, gap(15, 1, 18, 20, bars))
    assert row["liquidity_swept"] is False
    assert np.isnan(row["bars_since_sweep"])
    assert row["leg_bars"] == 5  # from bar 11: of equal lows since the swing of bar 6, the last


def test_the_profile_of_the_leg_by_hand():
    bars = bars_of(LEG, [0.0] * 14 + [90, 0])
    row = described(bars, gap(15, 1, 18, 20, bars))
    # All of the leg's volume (13 to 30) lies evenly from 18 to 27: its value area is that bar, give or take a bin.
    bin_width = 17 / 24 / 2
    assert row["leg_poc_atr"] == pytest.approx((19 - 22.5) / 2, abs=bin_width)
    assert row["leg_value_low_atr"] == pytest.approx((19 - 18) / 2, abs=bin_width)
    assert row["leg_zone_density"] == pytest.approx(17 / 9)
    dry = described(bars.assign(volume=0.0), gap(15, 1, 18, 20, bars))
    assert np.isnan([dry["leg_poc_atr"], dry["leg_zone_density"], dry["vwap_distance_atr"]]).all()
    assert pd.isna(dry["zone_is_low_volume_node"])


def days_of(closes: list[float], per_day: int, freq: str, start: str) -> pd.DataFrame:
    """Bars of half a unit's range at each close, `per_day` a day from the given time of day on."""
    first = pd.date_range(start, periods=-(-len(closes) // per_day), freq="D", tz="UTC")
    ts = [day + k * pd.Timedelta(freq) for day in first for k in range(per_day)][: len(closes)]
    close = np.array(closes, float)
    frame = pd.DataFrame({"ts": ts, "open": close, "high": close + 0.5, "low": close - 0.5, "close": close})
    return frame.assign(ts=pd.DatetimeIndex(ts).as_unit("us"), volume=10.0)


def test_the_last_five_sessions_and_the_day_before_by_hand():
    closes = [50.0] * 3 + [10.0, 11.0, 12.0] * 5 + [20.0, 12.0, 13.0]
    bars = days_of(closes, 3, "1h", "2024-01-08 14:00")
    gaps = gap(20, 1, 12.5, 13.5, bars, atr=0.5).assign(known_at=bars["ts"].iloc[20] + pd.Timedelta(hours=1))
    row = described(bars, gaps, "1h", calendar=CRYPTO)
    # Five days of 10, 11, 12, evenly from 9.5 to 12.5; the first day, of 50, is not among them, nor is the current one.
    assert row["profile_poc_atr"] == pytest.approx((13 - 11) / 0.5)
    assert (row["profile_value_low_atr"], row["profile_value_high_atr"]) == (7, 1)
    assert (row["profile_location"], row["profile_balanced"], row["profile_d_shaped"]) == (
        "above",
        True,
        False,
    )
    assert row["vwap_distance_atr"] == pytest.approx((13 - 15) / 0.5)
    assert (row["prior_day_high_atr"], row["prior_day_low_atr"]) == (1, 7)
    assert row["minutes_since_open"] == 17 * 60
    early = gap(16, 1, 11.5, 12.5, bars, atr=0.5)  # its first bar lies in the fifth session
    assert np.isnan(described(bars, early, "1h", calendar=CRYPTO)["profile_poc_atr"])


def test_a_pattern_over_midnight_sees_only_sessions_before_its_first_bar():
    closes = [50.0] * 3 + [10.0, 11.0, 12.0] * 6 + [13.0]
    bars = days_of(closes, 3, "1h", "2024-01-08 14:00")
    row = described(bars, gap(21, 1, 12, 13, bars), "1h", calendar=CRYPTO)
    # Its first bar lies in the sixth day of 10, 11, 12: the five before that are the profile, the sixth is the day
    # before.
    shifted = described(bars.iloc[3:], gap(18, 1, 12, 13, bars.iloc[3:]), "1h", calendar=CRYPTO)
    assert row["profile_poc_atr"] == shifted["profile_poc_atr"] == pytest.approx((12.5 - 11) / 2)
    assert row["prior_day_high_atr"] == 0


def test_days_take_bars_for_sessions():
    bars = days_of([90.0, *[10.0, 11.0] * 10, 20.0, 21.0, 22.0], 1, "1D", "2024-01-01")
    gaps = gap(23, 1, 20.5, 21.5, bars, atr=1.0)
    row = described(bars, gaps, "1d")
    # Bars 1..20, evenly from 9.5 to 11.5; the VWAP has bars 4..23.
    assert row["profile_poc_atr"] == pytest.approx(21 - 10.5)
    assert row["vwap_distance_atr"] == pytest.approx(21 - (8.5 * 21 + 63 - 0.5 * 1) / 20, abs=0.05)
    assert (row["prior_day_high_atr"], row["prior_day_low_atr"]) == (-0.5, 0.5)
    assert all(pd.isna(row[name]) for name in ("session", "killzone", "minutes_since_open"))
    assert np.isnan(described(bars.iloc[2:], gap(21, 1, 20.5, 21.5, bars.iloc[2:]), "1d")["profile_poc_atr"])


@pytest.mark.parametrize(("day", "utc_open"), [("2024-03-08", "14:30"), ("2024-03-11", "13:30")])
def test_new_york_opens_an_hour_earlier_in_utc_after_the_change_of_clocks(day, utc_open):
    ts = pd.date_range(f"{day} {utc_open}", periods=40, freq="min", tz="UTC")
    bars = bars_of([(10, 11, 9, 10)] * 40).assign(ts=ts)
    gaps = gap(30, 1, 10, 10.5, bars)
    row = described(bars, gaps, calendar=trading_calendar("equity"))
    assert (row["minutes_since_open"], row["session"], row["killzone"]) == (31, "new_york_am", "new_york_am")


def test_coarser_bars_count_once_they_have_closed():
    up = pd.DataFrame(LEG[:15], columns=PRICES).astype(float)
    hours = up.assign(ts=pd.date_range("2024-01-01", periods=15, freq="h", tz="UTC"), volume=1.0)
    days = up.iloc[:10].assign(ts=pd.date_range("2023-12-20", periods=10, freq="D", tz="UTC"), volume=1.0)
    bars = bars_of([(10, 11, 9, 10)] * 4)
    # The break of bar 14 is known at 15:00: of two gaps, at 14:59 and at 15:00, the second sees it.
    bars["ts"] = pd.date_range("2024-01-01 14:56", periods=4, freq="min", tz="UTC")
    gaps = pd.concat([gap(i, -1, 14, 20, bars) for i in (2, 3)], ignore_index=True)
    coarser = {"1d": days, "1h": hours, "1m": bars}
    context = describe_context(bars, gaps, "1m", coarser=coarser)
    assert context["coarser_1_trend"].tolist() == [0, 1]
    assert context["coarser_2_trend"].tolist() == [0, 0]
    assert context["coarser_alignment"].tolist() == [0, -0.5]
    np.testing.assert_allclose(
        context["coarser_1_range_position"], [(17 - 13) / (26 - 13), (17 - 13) / (27 - 13)]
    )
    alone = describe_context(bars, gaps, "1m", coarser={"1d": days.iloc[:0], "1h": hours})
    assert alone["coarser_alignment"].tolist() == [0, -1]
    assert alone["coarser_2_trend"].isna().all()


def test_the_columns_are_the_documented_ones_even_without_gaps():
    bars = walk(300, 1)
    gaps = detect_gaps(bars, "15m")
    for chosen in (gaps, gaps.iloc[:0]):
        context = describe_context(bars, chosen, "15m")
        assert list(context) == ["i", "side", "ts", "known_at", *(c.name for c in CONTEXT_COLUMNS)]
        same(context[["i", "side", "ts", "known_at"]], chosen[["i", "side", "ts", "known_at"]])
        for column in CONTEXT_COLUMNS:
            values = context[column.name]
            if column.kind == "text":
                assert tuple(values.cat.categories) == CONTEXT_TEXTS[column.name]
            else:
                assert str(values.dtype) == {"number": "float64", "flag": "boolean"}[column.kind]
    assert len(describe_context(bars.iloc[:0], gaps.iloc[:0], "15m")) == 0


@given(st.integers(0, 10_000), st.integers(20, 900))
@lean
def test_nothing_after_bar_i_counts(seed, cut):
    bars = walk(900, seed)
    coarser = {"1h": every(bars, 4), "4h": every(bars, 16)}
    past_coarser = {"1h": every(bars.head(cut), 4), "4h": every(bars.head(cut), 16)}
    gaps = detect_gaps(bars, "15m", calendar=CRYPTO)
    whole = describe_context(bars, gaps, "15m", calendar=CRYPTO, coarser=coarser)
    known = gaps[gaps["i"] < cut]
    past = describe_context(bars.head(cut), known, "15m", calendar=CRYPTO, coarser=past_coarser)
    same(past, whole[whole["i"] < cut])


@pytest.mark.parametrize(("timeframe", "freq"), [("15m", "15min"), ("1h", "h"), ("1d", "D")])
def test_a_tail_of_the_reach_gives_the_same_rows_bit_for_bit(timeframe, freq):
    reach = context_reach(timeframe)
    bars = walk(reach + 600, 3, freq)
    gaps = detect_gaps(bars, timeframe, calendar=CRYPTO)
    whole = describe_context(bars, gaps, timeframe, calendar=CRYPTO)
    for start in (1, 37, 500):
        late = gaps["i"] >= start + reach
        assert late.sum() > 20
        tail = describe_context(
            bars.iloc[start:], gaps[late].assign(i=gaps["i"] - start), timeframe, calendar=CRYPTO
        )
        same(tail.assign(i=tail["i"] + start), whole[late])


def test_the_reach_holds_six_sessions_of_the_finest_bars():
    assert context_reach("1m") >= 6 * 1440
    assert context_reach("1mo") == context_reach("1h") == 1505


SWAPPED = {"above": "below", "below": "above"}
_PAIRS = [
    ("order_block_bottom", "order_block_top"),
    ("leg_value_high_atr", "leg_value_low_atr"),
    ("profile_value_high_atr", "profile_value_low_atr"),
    ("prior_day_high_atr", "prior_day_low_atr"),
]
PARTNERS = dict(_PAIRS) | {b: a for a, b in _PAIRS}
TURNED = {*PARTNERS, "trend", "leg_poc_atr", "profile_poc_atr", "vwap_distance_atr"}


@given(st.integers(0, 10_000), st.booleans())
@lean
def test_reflection_turns_directions_and_keeps_the_rest(seed, daily):
    bars = walk(900, seed, "D" if daily else "15min")
    timeframe, calendar = ("1d", None) if daily else ("15m", CRYPTO)
    image = mirror(bars)
    plain, turned = (
        describe_context(b, detect_gaps(b, timeframe, calendar=calendar), timeframe, calendar=calendar)
        for b in (bars, image)
    )
    assert len(plain) > 50
    np.testing.assert_array_equal(plain["side"], -turned["side"])
    for name, kind, _ in CONTEXT_COLUMNS:
        if kind == "text":
            expected = plain[name].astype(object).replace(SWAPPED)
            assert turned[name].astype(object).fillna("").tolist() == expected.fillna("").tolist(), name
            continue
        a = plain[PARTNERS.get(name, name)].to_numpy(np.float64, na_value=np.nan)
        b = turned[name].to_numpy(np.float64, na_value=np.nan)
        expected = -a if name in TURNED else 1 - a if name == "range_position" else a
        np.testing.assert_allclose(b, expected, rtol=1e-9, atol=1e-9, err_msg=name)


@given(st.integers(0, 10_000), st.sampled_from([2.0**-7, 2.0**20]))
@lean
def test_a_power_of_two_changes_prices_only(seed, factor):
    bars = walk(600, seed)
    plain, scaled = (
        describe_context(b, detect_gaps(b, "15m"), "15m")
        for b in (
            bars,
            bars.assign(
                **bars[PRICES] * factor,
                volume=bars["volume"] / 4,
                taker_buy_volume=bars["taker_buy_volume"] / 4,
            ),
        )
    )
    priced = ["order_block_bottom", "order_block_top"]
    same(plain.assign(**plain[priced] * factor), scaled)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b, g: (b, g.assign(i=99)), "gap at i = 99, but there are 40 1m bars"),
        (lambda b, g: (b, g.drop(columns=["mid", "atr"])), "gaps lack mid, atr"),
        (
            lambda b, g: (b.assign(ts=b["ts"] + pd.Timedelta(minutes=1)), g),
            "gap row 0 says 1m bar 30 opens at",
        ),
        (lambda b, g: (b.assign(high=1.0), g), "bar 0 .* has its high below"),
        (lambda b, g: (b.assign(taker_buy_volume="x"), g), "taker_buy_volume must be numeric"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, message):
    bars = bars_of([(10, 11, 9, 10)] * 40)
    with pytest.raises(ValueError, match=message):
        describe_context(*change(bars, gap(30, 1, 10, 10.5, bars)), "1m")


def test_an_unknown_coarser_timeframe_is_refused():
    bars = bars_of([(10, 11, 9, 10)] * 40)
    with pytest.raises(ValueError, match="unknown timeframe '2h'"):
        describe_context(bars, gap(30, 1, 10, 10.5, bars), "1m", coarser={"2h": bars})
