"""Entry and exit: each branch of sections 4 and 5 by hand, for the long and, reflected, for the short.

One setup: known at bar 0, entry 100, stop 90, risk 10, targets 110, 120, 130; the order lives three bars, a trade
four. Bars are (open, high, low, close) from bar 1 on. An ending is "outcome bar price"; ".." means it is still open.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ModeConfig
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.market.calendars import trading_calendar

from .made_up import bars_of, mirror, same, walk

CONFIG = ModeConfig(mode="intraday", ttl=3, max_hold=4, cost_bps=0)
QUIET = (105, 108, 101, 106)  # neither entered nor gone
INSIDE = (105, 106, 98, 103)  # entered at 100 inside the bar, nothing else
BESIDE = (103, 107, 97, 104)  # a later bar that decides nothing
LEVELS = {"entry": 100, "stop": 90, "target_1": 110, "target_2": 120, "target_3": 130}
ABOUT = 150.0  # the shorts' mirror

Ohlc = tuple[float, float, float, float]


def labelled(later: list[Ohlc], side: int = 1, config: ModeConfig = CONFIG) -> pd.Series:
    bars = bars_of([(106, 109, 104, 107), *later])
    levels = {name: p if side > 0 else 2 * ABOUT - p for name, p in LEVELS.items()}
    setup = pd.DataFrame([{"i": 0, "side": side, "risk": 10} | levels])
    return label_setups(bars if side > 0 else mirror(bars, ABOUT), setup, "1h", config=config).iloc[0]


def ending(label: pd.Series, k: int, path: str) -> str:
    outcome, at, r = (label[f"{name}_{k}_{path}"] for name in ("outcome", "exit_index", "r"))
    if outcome == "censored":
        assert pd.isna(at)
        assert pd.isna(r)
        return ".."
    fill = label["entry_price"] if label["side"] > 0 else 2 * ABOUT - label["entry_price"]
    assert label[f"bars_to_exit_{k}_{path}"] == at - label["entry_index"]
    return f"{outcome} {at} {fill + 10 * r:g}"


both_sides = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])


@both_sides
@pytest.mark.parametrize(
    ("later", "status", "bar", "price"),
    [
        pytest.param([(90, 95, 85, 92)], "gap_invalid", None, None, id="opens at the stop"),
        pytest.param([(85, 112, 80, 112)], "gap_invalid", None, None, id="opens beyond the stop"),
        pytest.param([QUIET, (100, 103, 99, 101)], "entered", 2, 100, id="opens at the entry"),
        pytest.param([(97, 103, 96, 101)], "entered", 1, 97, id="opens below the entry"),
        pytest.param([QUIET, INSIDE], "entered", 2, 100, id="trades through the entry"),
        pytest.param([(105, 108, 100, 106), INSIDE], "entered", 2, 100, id="a touch is no entry"),
        pytest.param([(105, 115, 99, 106)], "entered", 1, 100, id="entry and target in one bar"),
        pytest.param([(105, 110.5, 101, 106), INSIDE], "ran_away", None, None, id="target first"),
        pytest.param(
            [(105, 110, 101, 106), INSIDE], "entered", 2, 100, id="a touch of the target is not away"
        ),
        pytest.param([(120, 125, 101, 106), INSIDE], "ran_away", None, None, id="opens beyond the target"),
        pytest.param([QUIET, QUIET, INSIDE], "entered", 3, 100, id="last bar of the order's life"),
        pytest.param([QUIET, QUIET, QUIET, INSIDE], "expired", None, None, id="one bar too late"),
        pytest.param([QUIET, QUIET, QUIET], "expired", None, None, id="life ends with the data"),
        pytest.param([QUIET, QUIET], "pending", None, None, id="data end first"),
        pytest.param([], "pending", None, None, id="no later bar"),
    ],
)
def test_entry(later: list[Ohlc], status: str, bar: int | None, price: float | None, side: int) -> None:
    label = labelled(later, side)
    assert label["status"] == status
    if bar is None:
        assert label[["entry_index", "entry_price", "bars_to_entry", "mae_r", "mfe_r"]].isna().all()
        assert label[[f"outcome_{k}_{p}" for k in (1, 2, 3) for p in ("lo", "hi")]].isna().all()
        assert label[[f"exit_index_{k}_{p}" for k in (1, 2, 3) for p in ("lo", "hi")]].isna().all()
    else:
        assert (label["entry_index"], label["bars_to_entry"]) == (bar, bar)
        assert label["entry_price"] == (price if side > 0 else 2 * ABOUT - price)


STOPPED, FLAT = "stop 1 90", ".."


@both_sides
@pytest.mark.parametrize(
    ("bar", "wanted"),
    [
        pytest.param(
            (105, 115, 90, 95), ["stop 1 90", "target 1 110"] + [STOPPED] * 4, id="stop and target 1"
        ),
        pytest.param((105, 109, 90, 95), [STOPPED] * 6, id="stop only, at a touch"),
        pytest.param((105, 110, 90, 95), [STOPPED] * 6, id="stop, target only touched"),
        pytest.param(
            (105, 122, 98, 121), ["target 1 110"] * 2 + ["target 1 120"] * 2 + [FLAT] * 2, id="close beyond 2"
        ),
        pytest.param(
            (105, 122, 98, 110), [FLAT, "target 1 110", FLAT, "target 1 120", FLAT, FLAT], id="high beyond 2"
        ),
        pytest.param(
            (105, 122, 98, 111),
            ["target 1 110"] * 2 + [FLAT, "target 1 120", FLAT, FLAT],
            id="close beyond 1",
        ),
        pytest.param(INSIDE, [FLAT] * 6, id="nothing"),
        pytest.param(
            (97, 115, 90, 95), ["stop 1 90", "target 1 110"] + [STOPPED] * 4, id="open: stop and target"
        ),
        pytest.param((97, 109, 90, 95), [STOPPED] * 6, id="open: stop"),
        pytest.param(
            (97, 115, 95, 100), ["target 1 110"] * 2 + [FLAT] * 4, id="open: target, whatever the close"
        ),
        pytest.param((97, 110, 91, 100), [FLAT] * 6, id="open: nothing"),
    ],
)
def test_the_entry_bar(bar: Ohlc, wanted: list[str], side: int) -> None:
    label = labelled([bar], side)
    assert [ending(label, k, p) for k in (1, 2, 3) for p in ("lo", "hi")] == wanted
    for k, (lo, hi) in enumerate(zip(wanted[::2], wanted[1::2], strict=True), start=1):
        assert label[f"identified_{k}"] == (lo == hi != FLAT)


@both_sides
@pytest.mark.parametrize(
    ("later", "wanted"),
    [
        pytest.param([(85, 125, 84, 90)], ["stop 2 85"] * 6, id="opens beyond the stop: the gap is paid"),
        pytest.param([(90, 95, 89, 94)], ["stop 2 90"] * 6, id="opens at the stop"),
        pytest.param(
            [(121, 122, 85, 90)], ["target 2 121"] * 4 + ["stop 2 90"] * 2, id="opens beyond target 2"
        ),
        pytest.param([(120, 120, 95, 100)], ["target 2 120"] * 4 + [FLAT] * 2, id="opens at target 2"),
        pytest.param(
            [(103, 121, 90, 100)],
            ["stop 2 90", "target 2 110", "stop 2 90", "target 2 120", "stop 2 90", "stop 2 90"],
            id="stop and targets in one bar",
        ),
        pytest.param(
            [(103, 110, 90, 100)], ["stop 2 90"] * 6, id="the stop fills at a touch, the target does not"
        ),
        pytest.param(
            [(103, 110.5, 91, 100)], ["target 2 110"] * 2 + [FLAT] * 4, id="traded through target 1"
        ),
        pytest.param([BESIDE] * 3 + [(103, 107, 97, 99)], ["timeout 5 99"] * 6, id="time is up"),
        pytest.param(
            [BESIDE] * 3 + [(103, 107, 90, 99)], ["stop 5 90"] * 6, id="the stop comes before the time exit"
        ),
        pytest.param(
            [BESIDE] * 3 + [(103, 111, 97, 99)],
            ["target 5 110"] * 2 + ["timeout 5 99"] * 4,
            id="so does the target",
        ),
        pytest.param(
            [BESIDE] * 4 + [(80, 80, 80, 80)], ["timeout 5 104"] * 6, id="what follows does not matter"
        ),
        pytest.param([BESIDE] * 3, [FLAT] * 6, id="data end one bar early"),
    ],
)
def test_later_bars(later: list[Ohlc], wanted: list[str], side: int) -> None:
    label = labelled([INSIDE, *later], side)
    assert [ending(label, k, p) for k in (1, 2, 3) for p in ("lo", "hi")] == wanted


@both_sides
def test_once_the_better_path_has_ended_the_worse_goes_on_alone(side: int) -> None:
    label = labelled([(105, 115, 98, 103), BESIDE, (103, 116, 97, 104)], side)
    assert ending(label, 1, "hi") == "target 1 110"
    assert ending(label, 1, "lo") == "target 3 110"
    assert label["identified_1"]  # the same outcome, at different bars
    label = labelled([(105, 115, 98, 103), BESIDE, (103, 104, 90, 95)], side)
    assert [ending(label, 1, p) for p in ("lo", "hi")] == ["stop 3 90", "target 1 110"]
    assert not label["identified_1"]


def test_r_is_measured_on_the_planned_risk_and_pays_both_sides() -> None:
    costly = ModeConfig(mode="intraday", ttl=3, max_hold=4, cost_bps=20)
    label = labelled([(97, 103, 96, 101), (103, 112, 97, 104)], config=costly)
    assert label["r_1_lo"] == pytest.approx((110 - 97) / 10 - 0.002 * (97 + 110) / 10)
    label = labelled([(85, 95, 80, 92)], config=costly)
    wanted = -0.002 * 2 * 85 / 10
    assert [label[f"r_{k}_{p}"] for k in (1, 2, 3) for p in ("lo", "hi")] == pytest.approx([wanted] * 6)
    assert not label[["identified_1", "identified_2", "identified_3"]].any()


@both_sides
@pytest.mark.parametrize(
    ("later", "mae", "mfe"),
    [
        pytest.param([(105, 109, 90, 95)], -1.0, 0.0, id="stopped on the entry bar: the exit price alone"),
        pytest.param(
            [(105, 109, 96, 103), (103, 108, 92, 95), (85, 86, 84, 85)], -1.5, 0.8, id="gap at the exit"
        ),
        pytest.param(
            [(105, 109, 96, 103), (103, 104, 97, 98), (132, 140, 80, 90)], -0.4, 3.2, id="target at the open"
        ),
        pytest.param(
            [(97, 109, 96, 103), (103, 104, 90, 95)], -0.7, 1.2, id="entered at the open: its high counts"
        ),
        pytest.param(
            [INSIDE, *[BESIDE] * 3, (103, 129, 91, 101)], -0.3, 0.7, id="timeout: its bar's range does not"
        ),
    ],
)
def test_excursions_follow_the_worse_path_of_the_last_target(
    later: list[Ohlc], mae: float, mfe: float, side: int
) -> None:
    label = labelled(later, side)
    assert (label["mae_r"], label["mfe_r"]) == (pytest.approx(mae), pytest.approx(mfe))


def test_excursions_of_an_open_trade_are_unknown() -> None:
    assert labelled([INSIDE, BESIDE])[["mae_r", "mfe_r"]].isna().all()


def test_rows_keep_their_order_and_carry_their_times() -> None:
    bars = bars_of([QUIET] * 4)
    setup = {"side": 1, "risk": 10} | LEVELS
    known = pd.date_range("2024-01-02 16:00", periods=3, freq="h", tz="UTC")
    setups = pd.DataFrame([{"i": i} | setup for i in (2, 0, 2)], index=[7, 7, 9]).assign(known_at=known)
    labels = label_setups(bars, setups, "1h")
    assert labels["i"].tolist() == [2, 0, 2]
    assert labels["ts"].tolist() == bars["ts"].iloc[[2, 0, 2]].tolist()
    assert labels["known_at"].tolist() == known.tolist()
    assert set(labels["resolution"]) == {"1h"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"i": 4}, "i must be a bar position from 0 to 3"),
        ({"i": -1}, "i must be a bar position"),
        ({"i": 1.5}, "i must be a bar position"),
        ({"side": 0}, "side must be 1 or -1"),
        ({"risk": 0.0}, "risk must be positive"),
        ({"target_2": np.nan}, "prices must be finite"),
        ({"stop": 101.0}, "stop must lie beyond the entry"),
        ({"side": -1}, "stop must lie beyond the entry"),
        ({"target_1": 99.0}, "targets must lie beyond the entry"),
    ],
)
def test_setups_that_make_no_sense_are_refused(change: dict[str, float], message: str) -> None:
    sound = {"i": 0, "side": 1, "risk": 10} | LEVELS
    setups = pd.DataFrame([sound, sound | change])
    with pytest.raises(ValueError, match=f"1h setups: row 1 .*{message}"):
        label_setups(bars_of([QUIET] * 4), setups, "1h")


def test_missing_columns_are_refused() -> None:
    setups = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    with pytest.raises(ValueError, match="1h setups lack the column risk"):
        label_setups(bars_of([QUIET] * 4), setups.drop(columns="risk"), "1h")


SLIPPING = CONFIG.changed(cost_bps=20, stop_slippage_bps=50)


@pytest.mark.parametrize(
    ("later", "left"),
    [
        pytest.param([(103, 104, 90, 95)], 90 * 0.995, id="at the stop"),
        pytest.param([(85, 86, 84, 85)], 85 * 0.995, id="at an open beyond it"),
        pytest.param([(103, 112, 97, 104)], 110, id="targets do not slip"),
        pytest.param([BESIDE] * 4, 104, id="nor does the time exit"),
    ],
)
def test_stops_slip_and_costs_are_taken_on_the_actual_exit(later: list[Ohlc], left: float) -> None:
    label = labelled([INSIDE, *later], config=SLIPPING)
    for path in ("lo", "hi"):
        assert label[f"r_1_{path}"] == pytest.approx((left - 100 - 0.002 * (100 + left)) / 10)


def test_a_short_pays_more_for_its_slipped_stop() -> None:
    label = labelled([INSIDE, (103, 104, 90, 95)], -1, SLIPPING)
    left = 210 * 1.005  # the stop, mirrored
    assert label["r_1_lo"] == pytest.approx((200 - left - 0.002 * (200 + left)) / 10)
    assert label["mae_r"] == pytest.approx((200 - left) / 10)


@both_sides
def test_an_invalid_gap_loses_both_costs_and_the_slippage(side: int) -> None:
    at = 85 if side > 0 else 2 * ABOUT - 85
    label = labelled([(85, 95, 80, 92)], side, SLIPPING)
    wanted = -(2 * 0.002 + 0.005) * at / 10
    assert [label[f"r_{k}_{p}"] for k in (1, 2, 3) for p in ("lo", "hi")] == pytest.approx([wanted] * 6)


def test_without_finer_bars_nothing_is_resolved_or_said_to_be_open() -> None:
    label = labelled([(105, 115, 90, 95)])
    assert not label["identified_1"]
    assert (label["resolution"], label["identified_before_1"]) == ("1h", False)
    assert pd.isna(label["unresolved"])


@given(st.integers(0, 10_000), st.integers(20, 200), st.sampled_from([0.0, 30.0]))
@settings(max_examples=20, deadline=None)
def test_slippage_changes_prices_and_r_only(seed: int, n: int, bps: float) -> None:
    config = CONFIG.changed(min_size_atr=0, cost_bps=1)
    bars = walk(n, seed)
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    slipped = label_setups(bars, setups, "1h", config=config.changed(stop_slippage_bps=bps))
    exact = label_setups(bars, setups, "1h", config=config)
    changing = [f"r_{k}_{p}" for k in (1, 2, 3) for p in ("lo", "hi")] + ["mae_r"]
    same(slipped.drop(columns=changing), exact.drop(columns=changing))
    for name in changing:
        worse = slipped[name].notna() & (slipped[name] < exact[name])
        assert (slipped[name][~worse].dropna() == exact[name][~worse].dropna()).all()
    for k, path in ((k, p) for k in (1, 2, 3) for p in ("lo", "hi")):
        stopped = (exact[f"outcome_{k}_{path}"] == "stop") | (exact["status"] == "gap_invalid")
        cheaper = slipped[f"r_{k}_{path}"] < exact[f"r_{k}_{path}"]
        assert (cheaper == (stopped & (bps > 0))).all()


@given(st.integers(0, 10_000), st.integers(17, 380), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_tail_from_the_earliest_setups_bar_on_gives_the_same_rows(
    seed: int, first: int, daily: bool
) -> None:
    """What a refresh relies on: nothing before a setup's bar decides it, and nothing after its horizon."""
    config = CONFIG.changed(min_size_atr=0, ttl=6, max_hold=12, day_only=daily)
    calendar = trading_calendar("equity") if daily else None
    opens = calendar_opens()[:400]
    bars = walk(len(opens), seed).assign(ts=opens)
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    late = setups[setups["i"] >= first].reset_index(drop=True)
    whole = label_setups(bars, late, "1h", config=config, calendar=calendar)
    start = int(late["i"].min()) if len(late) else first
    tail = label_setups(
        bars.iloc[start:], late.assign(i=late["i"] - start), "1h", config=config, calendar=calendar
    )
    positions = ["i", "entry_index", *(f"exit_index_{k}_{p}" for k in (1, 2, 3) for p in ("lo", "hi"))]
    same(tail.assign(**{name: tail[name] + start for name in positions}), whole)
    decided = late[late["i"] + config.horizon < 300]
    until = label_setups(bars.head(300), decided, "1h", config=config, calendar=calendar)
    if not daily:  # a session that the cut leaves unfinished may still be open
        same(until, whole.head(len(decided)))


def calendar_opens() -> pd.DatetimeIndex:
    first, last = pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-06-01", tz="UTC")
    return trading_calendar("equity").expected_opens("1h", first, last)
