"""Ambiguous bars replayed on finer ones: each branch of section 6 by hand, then what must hold on any bars.

The setup is that of `test_outcomes`: entry 100, stop 90, targets 110, 120, 130. An hour is given as its four quarters,
a quarter as one bar or as its three five-minute bars; the coarse bars are made of them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.market.calendars import trading_calendar

from . import reference
from .made_up import PRICES, bars_of, mirror, same
from .test_outcomes import ABOUT, BESIDE, CONFIG, INSIDE, LEVELS, Ohlc, both_sides, ending
from .test_reference import assert_as_reference
from .test_truths import PATHS, closed

START = pd.Timestamp("2024-01-02 15:00", tz="UTC")
BEFORE: Ohlc = (106, 109, 104, 107)

Hour = Sequence[Ohlc | Sequence[Ohlc]]


def merged(bars: Sequence[Ohlc]) -> Ohlc:
    return (bars[0][0], max(b[1] for b in bars), min(b[2] for b in bars), bars[-1][3])


def at_times(rows: list[tuple[int, Ohlc]]) -> pd.DataFrame:
    """Bars that open so many minutes after the start."""
    frame = bars_of([row for _, row in rows])
    return frame.assign(ts=[START + pd.Timedelta(minutes=minute) for minute, _ in rows]).astype(
        {"ts": "datetime64[us, UTC]"}
    )


def replayed(
    hours: Sequence[Hour | Ohlc],
    side: int = 1,
    *,
    without: Sequence[str] = (),
    change: dict[str, dict[int, Ohlc | None]] | None = None,
    config: ModeConfig = CONFIG,
) -> pd.Series:
    """The label on hourly bars with 15m and 5m bars of the hours given in parts; `change` puts other bars, by the
    minute they open at, in place of finer ones, or takes them away."""
    own, quarters, fives = [(0, BEFORE)], {}, {}
    for number, hour in enumerate(hours, start=1):
        parts: list[Ohlc] = []
        for q, quarter in enumerate(hour if isinstance(hour, list) else []):
            minute = 60 * number + 15 * q
            if isinstance(quarter, list):
                fives |= {minute + 5 * n: bar for n, bar in enumerate(quarter)}
                quarter = merged(quarter)
            parts.append(quarter)
            quarters[minute] = quarter
        own.append((60 * number, merged(parts) if parts else hour))
    finer = {}
    for name, bars in {"15m": quarters, "5m": fives}.items():
        bars |= (change or {}).get(name, {})
        if name not in without:
            finer[name] = at_times(sorted((minute, bar) for minute, bar in bars.items() if bar))
    frame = at_times(own)
    levels = {name: p if side > 0 else 2 * ABOUT - p for name, p in LEVELS.items()}
    setup = pd.DataFrame([{"i": 0, "side": side, "risk": 10} | levels])
    if side < 0:
        frame, finer = mirror(frame, ABOUT), {name: mirror(bars, ABOUT) for name, bars in finer.items()}
    return label_setups(frame, setup, "1h", config=config, finer=finer).iloc[0]


def told(label: pd.Series, k: int = 1) -> list[str]:
    return [ending(label, k, path) for path in ("lo", "hi")]


ENTRY_TOUCHED = (105, 106, 99, 101)
UP = (101, 111, 100, 105)  # beyond target 1, closes below it
DOWN = (105, 106, 89, 95)
CALM = (95, 104, 94, 103)
ABOVE = (105, 112, 104, 105)  # beyond target 1, above the entry
BOTH = (105, 112, 89, 103)


@both_sides
@pytest.mark.parametrize(
    ("hours", "wanted"),
    [
        pytest.param([[ENTRY_TOUCHED, DOWN, UP, CALM]], ["stop 1 90"] * 2, id="entry, stop, target"),
        pytest.param([[ENTRY_TOUCHED, UP, DOWN, CALM]], ["target 1 110"] * 2, id="entry, target, stop"),
        pytest.param([[ABOVE, ENTRY_TOUCHED, DOWN, CALM]], ["stop 1 90"] * 2, id="target, entry, stop"),
        pytest.param([[ABOVE, DOWN, CALM, CALM]], ["stop 1 90"] * 2, id="target, then entry and stop at once"),
        pytest.param(
            [[ABOVE, (88, 95, 85, 92), UP, CALM]], ["stop 1 90"] * 2, id="a leap over entry and stop"
        ),
        pytest.param(
            [[ABOVE, (97, 104, 96, 103), UP, DOWN]], ["target 1 110"] * 2, id="a leap over the entry, then target"
        ),
        pytest.param(
            [[ENTRY_TOUCHED, (112, 113, 111, 112), DOWN, CALM]], ["target 1 110"] * 2, id="a leap over the target"
        ),
        pytest.param([[ENTRY_TOUCHED, (88, 95, 85, 92), UP, CALM]], ["stop 1 90"] * 2, id="over the stop"),
        pytest.param(
            [[(105, 106, 99, 104), (104, 105, 99, 103), (103, 112, 102, 111), DOWN]],
            ["target 1 110"] * 2,
            id="a close beyond",
        ),
    ],
)  # fmt: skip
def test_an_entry_bar_with_stop_and_target(hours: list[Hour], wanted: list[str], side: int) -> None:
    label = replayed(hours, side)
    assert told(label) == wanted
    assert label[["identified_1", "identified_before_1", "resolution"]].tolist() == [True, False, "15m"]
    assert pd.isna(label["unresolved"])
    assert (label["status"], label["entry_index"], label["bars_to_entry"]) == ("entered", 1, 1)
    assert label["entry_price"] == (100 if side > 0 else 200)  # whatever the finer bars traded at
    assert (label["mae_r"], label["mfe_r"]) == (-1, 0)  # stopped, or so the third target says


def test_the_open_of_an_entry_at_the_open_is_the_coarse_bars() -> None:
    quarters = [(97, 104, 96, 103), (103, 112, 102, 104), (104, 105, 89, 95), CALM]
    assert told(replayed([quarters])) == ["target 1 110"] * 2
    assert told(replayed([[quarters[0], *quarters[2:], quarters[1]]])) == ["stop 1 90"] * 2


REACHED_BEFORE: Hour = [ABOVE, ENTRY_TOUCHED, (101, 104, 98, 103), BESIDE]
REACHED_AFTER: Hour = [ENTRY_TOUCHED, UP, (105, 106, 103, 104), BESIDE]


@both_sides
def test_a_target_that_was_reached_after_the_entry(side: int) -> None:
    label = replayed([REACHED_AFTER, (103, 104, 85, 88)], side)
    assert told(label) == ["target 1 110"] * 2
    assert told(label, 3) == ["stop 2 90"] * 2
    assert label[["identified_1", "identified_before_1", "resolution"]].tolist() == [True, False, "15m"]


@both_sides
@pytest.mark.parametrize(
    ("later", "wanted"),
    [
        ([(103, 104, 85, 88)], "stop 2 90"),
        ([BESIDE, (112, 113, 111, 112)], "target 3 112"),
        ([BESIDE] * 4, "timeout 5 104"),
        ([BESIDE], ".."),
    ],
)
def test_a_target_that_was_reached_before_it_leaves_both_paths_alive(
    later: list[Ohlc], wanted: str, side: int
) -> None:
    label = replayed([REACHED_BEFORE, *later], side)
    assert told(label) == [wanted] * 2
    assert label["identified_1"] == (wanted != "..")
    assert label["resolution"] == "15m"
    assert pd.isna(label["unresolved"])


LATER_TARGET: Hour = [(103, 111, 102, 108), (108, 109, 89, 92), CALM, CALM]
LATER_STOP: Hour = [(103, 104, 89, 92), (92, 111, 91, 108), CALM, CALM]


@both_sides
@pytest.mark.parametrize(("hour", "wanted"), [(LATER_TARGET, "target 2 110"), (LATER_STOP, "stop 2 90")])
def test_a_later_bar_with_both(hour: Hour, wanted: str, side: int) -> None:
    label = replayed([INSIDE, hour], side)
    assert told(label) == [wanted] * 2
    assert told(label, 2) == ["stop 2 90"] * 2
    assert label[["identified_1", "identified_before_1", "resolution"]].tolist() == [True, False, "15m"]


@both_sides
@pytest.mark.parametrize(("hour", "wanted"), [(LATER_TARGET, "target 3 110"), (LATER_STOP, "stop 3 90")])
def test_a_second_ambiguous_bar_after_the_first_was_resolved(hour: Hour, wanted: str, side: int) -> None:
    moved = [tuple(p + 1 for p in quarter) if quarter is CALM else quarter for quarter in hour]
    label = replayed([REACHED_BEFORE, BESIDE, moved], side)
    assert told(label) == [wanted] * 2
    assert label["identified_1"]


def test_the_worse_path_alone_is_replayed_too() -> None:
    """The entry bar stays open, and the later one tells that the target came first: one outcome, two exit bars."""
    unknown = merged([quarter for quarter in REACHED_AFTER if isinstance(quarter, tuple)])
    label = replayed([unknown, LATER_TARGET])
    assert told(label) == ["target 2 110", "target 1 110"]
    assert label[["identified_1", "identified_before_1", "resolution"]].tolist() == [True, False, "15m"]
    assert pd.isna(label["unresolved"])
    label = replayed([unknown, LATER_STOP])
    assert told(label) == ["stop 2 90", "target 1 110"]
    assert label[["resolution", "unresolved"]].tolist() == ["15m", "no_finer_bars"]


ENTRY_AND_UP = [(105, 106, 99, 101), (101, 111, 100, 104), (104, 105, 103, 104)]
UP_AND_ENTRY = [(105, 112, 104, 105), (105, 106, 99, 100), (100, 105, 99, 104)]
UP_AND_DOWN = [(104, 111, 103, 105), (105, 106, 89, 92), (92, 95, 91, 94)]
DOWN_AND_UP = [(104, 105, 89, 92), (92, 111, 91, 93), (93, 95, 91, 94)]


@both_sides
@pytest.mark.parametrize(
    ("hour", "wanted"),
    [
        pytest.param([ENTRY_AND_UP, DOWN, CALM, CALM], ["target 1 110"] * 2, id="target inside the entry's quarter"),
        pytest.param([UP_AND_ENTRY, DOWN, CALM, CALM], ["stop 1 90"] * 2, id="before the entry, then the stop"),
        pytest.param([ENTRY_TOUCHED, UP_AND_DOWN, CALM, CALM], ["target 1 110"] * 2, id="a later quarter, up"),
        pytest.param([ENTRY_TOUCHED, DOWN_AND_UP, CALM, CALM], ["stop 1 90"] * 2, id="a later quarter, down"),
        pytest.param([UP_AND_ENTRY, UP_AND_DOWN, CALM, CALM], ["target 1 110"] * 2, id="two quarters"),
    ],
)  # fmt: skip
def test_an_ambiguous_finer_bar_is_replayed_in_turn(hour: Hour, wanted: list[str], side: int) -> None:
    label = replayed([hour], side)
    assert told(label) == wanted
    assert label["resolution"] == "5m"
    assert pd.isna(label["unresolved"])
    blunt = replayed([hour], side, without=["5m"])
    assert told(blunt) == ["stop 1 90", "target 1 110"]
    assert blunt[["identified_1", "resolution", "unresolved"]].tolist() == [False, "1h", "finest_ambiguous"]


@both_sides
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"15m": dict.fromkeys((60, 75, 90, 105))}, "no_finer_bars", id="none"),
        pytest.param({"15m": {60: (104, 106, 99, 101)}}, "finer_differ", id="another open"),
        pytest.param({"15m": {75: (101, 114, 100, 105)}}, "finer_differ", id="another high"),
        pytest.param({"15m": {90: (105, 106, 88, 95)}}, "finer_differ", id="another low"),
        pytest.param({"15m": {105: (95, 104, 94, 102)}}, "finer_differ", id="another close"),
        pytest.param({"15m": {75: None}}, "finer_differ", id="a hole where the high was"),
    ],
)
def test_finer_bars_that_do_not_make_up_the_bar_decide_nothing(
    change: dict[str, dict[int, Ohlc | None]], reason: str, side: int
) -> None:
    hour: Hour = [ENTRY_TOUCHED, UP, DOWN, CALM]
    label = replayed([hour], side, change=change)
    assert told(label) == ["stop 1 90", "target 1 110"]
    assert label[["identified_1", "resolution", "unresolved"]].tolist() == [False, "1h", reason]
    # The next finer bars may still do.
    fives: Hour = [[quarter, (quarter[3],) * 4, (quarter[3],) * 4] for quarter in hour]
    label = replayed([fives], side, change=change)
    assert told(label) == ["target 1 110"] * 2
    assert label["resolution"] == "5m"


def test_a_hole_that_leaves_the_prices_as_they_were_is_no_hindrance() -> None:
    hour: Hour = [ENTRY_TOUCHED, UP, DOWN, CALM]
    label = replayed([[*hour[:2], (105, 106, 104, 105), DOWN]], change={"15m": {90: None}})
    assert told(label) == ["target 1 110"] * 2


def test_finer_bars_that_differ_deep_down_are_named() -> None:
    label = replayed([[ENTRY_TOUCHED, UP_AND_DOWN, CALM, CALM]], change={"5m": {75: (104, 115, 103, 105)}})
    assert label[["resolution", "unresolved"]].tolist() == ["1h", "finer_differ"]
    label = replayed([[ENTRY_TOUCHED, UP_AND_DOWN, CALM, CALM]], change={"5m": dict.fromkeys((75, 80, 85))})
    assert label[["resolution", "unresolved"]].tolist() == ["1h", "finest_ambiguous"]


def test_a_level_between_prices_that_differ_by_rounding_is_not_read() -> None:
    """The hour touches the stop, its quarter misses it by 4e-10 of the price: none of the hour's readings is left."""
    hour: Hour = [ABOVE, ENTRY_TOUCHED, (101, 104, 90, 95), CALM]
    assert told(replayed([hour])) == ["stop 1 90"] * 2
    label = replayed([hour], change={"15m": {90: (101, 104, 90 * (1 + 4e-10), 95)}})
    assert told(label) == ["stop 1 90", "target 1 110"]
    assert label["unresolved"] == "finer_differ"


def test_each_target_is_asked_on_its_own() -> None:
    hour: Hour = [ENTRY_TOUCHED, UP, [(105, 121, 104, 119), (119, 120, 89, 92), (92, 96, 91, 95)], CALM]
    label = replayed([hour])
    assert [told(label, k) for k in (1, 2)] == [["target 1 110"] * 2, ["target 1 120"] * 2]
    assert told(label, 3) == ["stop 1 90"] * 2
    blunt = replayed([hour], without=["5m"])
    assert [told(blunt, k) for k in (1, 2)] == [["target 1 110"] * 2, ["stop 1 90", "target 1 120"]]
    assert blunt[["resolution", "unresolved"]].tolist() == ["15m", "finest_ambiguous"]


def test_the_stop_slips_and_the_excursion_follows_the_new_ending() -> None:
    label = replayed([INSIDE, LATER_STOP], config=CONFIG.changed(stop_slippage_bps=50))
    assert label["r_1_hi"] == label["r_1_lo"] == pytest.approx((90 * 0.995 - 100) / 10)
    high: Hour = [(103, 131, 102, 128), (128, 129, 89, 92), CALM, CALM]
    assert replayed([INSIDE, BESIDE, high])[["mae_r", "mfe_r"]].tolist() == [-0.3, 3.0]
    assert replayed([INSIDE, BESIDE, high], without=["15m"])[["mae_r", "mfe_r"]].tolist() == [-1.0, 0.7]


def test_the_sessions_end_stands_for_both_paths() -> None:
    calendar = trading_calendar("crypto")
    late = pd.Timestamp("2024-01-02 22:00", tz="UTC") - START
    bars = at_times([(0, BEFORE), (60, (105, 112, 98, 104))])
    quarters = at_times(
        [(60, ABOVE), (75, (105, 106, 98, 100)), (90, (100, 104, 99, 103)), (105, (103, 105, 102, 104))]
    )
    bars, quarters = (frame.assign(ts=frame["ts"] + late) for frame in (bars, quarters))
    setup = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    config = CONFIG.changed(day_only=True)
    open_, told_ = (
        label_setups(bars, setup, "1h", config=config, calendar=calendar, finer=finer).iloc[0]
        for finer in (None, {"15m": quarters})
    )
    assert told(open_) == ["timeout 1 104", "target 1 110"]
    assert told(told_) == ["timeout 1 104"] * 2


def test_a_month_of_31_days_is_read_to_its_end_where_the_calendar_tells_it() -> None:
    calendar = trading_calendar("crypto")
    months = pd.DatetimeIndex(["2024-02-01", "2024-03-01", "2024-04-01"], tz="UTC")
    days = pd.date_range("2024-03-01", "2024-03-31", tz="UTC")
    daily = [(105, 106, 99, 101), UP, *[(105, 106, 103, 105)] * 28, (105, 106, 85, 88)]
    bars = bars_of([BEFORE, merged(daily), (88, 90, 85, 86)]).assign(ts=months)
    finer = {"1d": bars_of(daily).assign(ts=days), "1w": bars_of([]).iloc[:0]}
    setup = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    config = mode_config("1mo").changed(cost_bps=0)
    label = label_setups(bars, setup, "1mo", config=config, calendar=calendar, finer=finer).iloc[0]
    assert told(label) == ["target 1 110"] * 2
    assert label["resolution"] == "1d"


@pytest.mark.parametrize("name", ["1h", "4h", "1d"])
def test_bars_that_are_not_finer_are_refused_by_name(name: str) -> None:
    bars = bars_of([BEFORE])
    setup = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    with pytest.raises(ValueError, match=f"finer bars of {name} cannot resolve bars of 1h"):
        label_setups(bars, setup, "1h", finer={"5m": bars, name: bars})
    with pytest.raises(ValueError, match="unknown timeframe '7m'"):
        label_setups(bars, setup, "1h", finer={"7m": bars})
    with pytest.raises(ValueError, match=r"5m bar 0 .*high below"):
        label_setups(bars, setup, "1h", finer={"5m": bars.assign(high=0.0)})
    assert label_setups(bars, setup, "1h", finer={}).iloc[0]["status"] == "pending"


MINUTES = 15 * 40
SHORT = ModeConfig(mode="intraday", ttl=6, max_hold=9, cost_bps=1)


def grouped(bars: pd.DataFrame, size: int) -> pd.DataFrame:
    """Bars of so many minutes, from whichever minutes there are."""
    minute = (bars["ts"] - START) // pd.Timedelta(minutes=1)
    groups = bars.groupby(minute // size * size)
    made = groups.agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    ts = START + pd.to_timedelta(made.index.to_numpy(), unit="min")
    return made.assign(ts=ts.as_unit("us")).reset_index(drop=True)


def minute_walk(seed: int, grid: float | None) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    path = (
        100 + (rng.standard_normal(MINUTES * 3) * np.where(rng.random(MINUTES * 3) < 0.05, 3, 0.6)).cumsum()
    )
    path = (np.round(path / grid) * grid if grid else path).reshape(MINUTES, 3)
    bars = bars_of(np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]]))
    return bars.assign(ts=START + pd.to_timedelta(np.arange(MINUTES), unit="min"))


def setups_on(bars: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Setups beside the price, tight enough that many bars hold both stop and target."""
    rng = np.random.default_rng(seed + 1)
    i, side, risk = rng.integers(0, len(bars), 60), rng.choice([1, -1], 60), rng.choice([0.5, 1, 2, 4], 60)
    entry = np.round(bars["close"].to_numpy()[i] - side * rng.choice([0.25, 1, 2], 60), 2)
    levels = {f"target_{k}": entry + side * k * risk for k in (1, 2, 3)}
    return pd.DataFrame(
        {"i": i, "side": side, "entry": entry, "stop": entry - side * risk, "risk": risk} | levels
    )


def labels_of(
    minutes: pd.DataFrame, setups: pd.DataFrame, finer: dict[str, pd.DataFrame] | None
) -> pd.DataFrame:
    return label_setups(grouped(minutes, 15), setups, "15m", config=SHORT, finer=finer)


walks = st.builds(minute_walk, st.integers(0, 10_000), st.sampled_from([None, 0.5]))
lean = settings(max_examples=20, deadline=None)
RANK = {"stop": 0, "censored": 1, "timeout": 1, "target": 2}


@given(walks, st.integers(0, 99), st.sampled_from([0.0, 0.03]), st.booleans())
@lean
def test_labels_agree_with_the_reference(
    minutes: pd.DataFrame, seed: int, missing: float, altered: bool
) -> None:
    rng = np.random.default_rng(seed)
    bars, five = grouped(minutes, 15), grouped(minutes, 5)
    if altered:
        five.loc[rng.random(len(five)) < 0.2, "high"] += 1
    kept = [frame[rng.random(len(frame)) >= missing] for frame in (five, minutes)]
    finer = {"5m": kept[0], "1m": kept[1]}
    setups = setups_on(bars, seed)
    labels = label_setups(bars, setups, "15m", config=SHORT, finer=finer)
    wanted = reference.labels(bars, setups, SHORT, timeframe="15m", finer=finer)
    assert_as_reference(labels, wanted)


@given(walks, st.integers(0, 99), st.sampled_from([0.0, 0.1]))
@lean
def test_outcomes_are_narrowed_and_never_widened(minutes: pd.DataFrame, seed: int, missing: float) -> None:
    setups = setups_on(grouped(minutes, 15), seed)
    some = minutes[np.random.default_rng(seed).random(MINUTES) >= missing]
    before, after = (
        labels_of(minutes, setups, None),
        labels_of(minutes, setups, {"5m": grouped(some, 5), "1m": some}),
    )
    kept = ["i", "side", "ts", "status", "entry_index", "entry_price", "bars_to_entry"]
    same(after[kept], before[kept])
    for k in (1, 2, 3):
        ranks = {
            (name, p): labels[f"outcome_{k}_{p}"].astype(object).map(RANK)
            for name, labels in (("before", before), ("after", after))
            for p in ("lo", "hi")
        }
        entered = before["status"] == "entered"
        assert (ranks["before", "lo"] <= ranks["after", "lo"])[entered].all()
        assert (ranks["after", "lo"] <= ranks["after", "hi"])[entered].all()
        assert (ranks["after", "hi"] <= ranks["before", "hi"])[entered].all()
        same(after[[f"identified_before_{k}"]], before[[f"identified_before_{k}"]])
        assert (after[f"identified_{k}"] | ~before[f"identified_{k}"]).dropna().all()
        assert (
            ((after[f"identified_{k}"] & (after["resolution"] == "15m")) <= before[f"identified_{k}"])
            .dropna()
            .all()
        )
    codes = {p: np.stack([after[f"outcome_{k}_{p}"].cat.codes for k in (1, 2, 3)]) for p in ("lo", "hi")}
    assert (after["unresolved"].notna() == (codes["lo"] != codes["hi"]).any(axis=0)).all()


def test_finer_bars_identify_most_of_what_was_open() -> None:
    minutes = minute_walk(5, None)
    setups = setups_on(grouped(minutes, 15), 5)
    labels = labels_of(minutes, setups, {"1m": minutes})
    open_ = ~labels["identified_before_1"].fillna(True)
    assert open_.sum() >= 10
    assert labels.loc[open_, "identified_1"].mean() > 0.7


@given(st.integers(0, 10_000), st.integers(0, 99))
@lean
def test_the_way_through_five_minutes_changes_no_outcome(walk: int, seed: int) -> None:
    """Without ties: an open exactly at a level fills a finer bar's order, where a coarser bar must trade through."""
    minutes = minute_walk(walk, None)
    setups = setups_on(grouped(minutes, 15), seed)
    direct = labels_of(minutes, setups, {"1m": minutes})
    through = labels_of(minutes, setups, {"1m": minutes, "5m": grouped(minutes, 5)})
    same(through.drop(columns="resolution"), direct.drop(columns="resolution"))


@given(walks, st.integers(0, 99))
@lean
def test_bars_resolved_with_themselves_change_nothing(minutes: pd.DataFrame, seed: int) -> None:
    bars = grouped(minutes, 15)
    setups = setups_on(bars, seed)
    plain, resolved = labels_of(minutes, setups, None), labels_of(minutes, setups, {"5m": bars})
    same(
        resolved.drop(columns=["resolution", "unresolved"]), plain.drop(columns=["resolution", "unresolved"])
    )
    assert (resolved["resolution"] == "15m").all()
    assert set(resolved["unresolved"].dropna()) <= {"finest_ambiguous"}


@given(walks, st.integers(0, 99), st.integers(0, 40), st.booleans())
@lean
def test_prefix_truth(minutes: pd.DataFrame, seed: int, cut: int, holed: bool) -> None:
    """What is closed on the first bars stays so, to the exit bar: also where lo and hi end alike at different bars."""
    bars = grouped(minutes, 15)
    setups = setups_on(bars, seed)
    some = minutes[np.random.default_rng(seed).random(MINUTES) >= (0.05 if holed else 0)]
    early = setups[setups["i"] < cut].reset_index(drop=True)
    past = some[some["ts"] < START + pd.Timedelta(minutes=15 * cut)]
    then = label_setups(bars.head(cut), early, "15m", config=SHORT, finer={"1m": past})
    now = label_setups(bars, early, "15m", config=SHORT, finer={"1m": some})
    settled = closed(then)
    own = [f"identified_before_{k}" for k in (1, 2, 3)]  # which own bars may still decide
    same(then[settled].drop(columns=own), now[settled].drop(columns=own))
    for k, path in PATHS:
        ended = (then["status"] == "entered") & (then[f"outcome_{k}_{path}"] != "censored")
        shown = [f"{name}_{k}_{path}" for name in ("outcome", "exit_index", "r")]
        same(then.loc[ended, shown], now.loc[ended, shown])


@given(walks, st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_reflection_about_zero_swaps_long_and_short(minutes: pd.DataFrame, seed: int) -> None:
    setups = setups_on(grouped(minutes, 15), seed)
    levels = ["entry", "stop", "target_1", "target_2", "target_3"]
    turned = setups.assign(side=-setups["side"], **-setups[levels])
    image = minutes.assign(**-minutes[PRICES].rename(columns={"high": "low", "low": "high"}))
    labels = labels_of(minutes, setups, {"1m": minutes})
    mirrored = labels_of(image, turned, {"1m": image})
    same(labels.assign(side=-labels["side"], entry_price=-labels["entry_price"]), mirrored)
