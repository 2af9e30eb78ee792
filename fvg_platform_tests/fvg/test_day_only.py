"""`day_only`: orders are withdrawn and positions closed at the session's last bar.

Sessions of New York have seven hourly bars from 09:30, the last one of half an hour; half days four from 09:30 to
13:00. The setup is that of `test_outcomes`: entry 100, stop 90, targets 110, 120, 130.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.modes import ConfigurationError, ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.session_ends import NOT_YET, session_ends
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.market.calendars import TradingCalendar, trading_calendar

from . import reference
from .made_up import bars_of, mirror, same, walk
from .test_outcomes import BESIDE, INSIDE, LEVELS, QUIET, Ohlc, both_sides, ending
from .test_reference import assert_as_reference
from .test_truths import PATHS, closed

NEW_YORK = trading_calendar("equity")
CONFIG = ModeConfig(mode="intraday", ttl=8, max_hold=9, cost_bps=0, day_only=True)
ABOUT = 150.0


def opens(
    first: str, last: str, timeframe: str = "1h", calendar: TradingCalendar = NEW_YORK
) -> pd.DatetimeIndex:
    return calendar.expected_opens(timeframe, pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC"))


TWO_DAYS = opens("2024-01-02", "2024-01-04")  # bars 0..6 and 7..13


def labelled(later: list[Ohlc], side: int = 1, i: int = 0, ts: pd.DatetimeIndex = TWO_DAYS) -> pd.Series:
    """The setup at bar i, quiet bars before it, `later` after it."""
    bars = bars_of([QUIET] * (i + 1) + later)
    bars = bars.assign(ts=ts[: len(bars)])
    levels = {name: p if side > 0 else 2 * ABOUT - p for name, p in LEVELS.items()}
    setup = pd.DataFrame([{"i": i, "side": side, "risk": 10} | levels])
    shown = bars if side > 0 else mirror(bars, ABOUT)
    return label_setups(shown, setup, "1h", config=CONFIG, calendar=NEW_YORK).iloc[0]


@both_sides
def test_a_position_is_closed_at_the_close_of_the_sessions_last_bar(side: int) -> None:
    label = labelled([INSIDE, *[BESIDE] * 4, (103, 107, 97, 99), (80, 80, 80, 80)], side)
    assert [ending(label, k, p) for k in (1, 2, 3) for p in ("lo", "hi")] == ["timeout 6 99"] * 6
    assert (label["mae_r"], label["mfe_r"]) == (pytest.approx(-0.3), pytest.approx(0.7))


def test_stop_and_target_come_before_the_end_of_the_session() -> None:
    label = labelled([INSIDE, *[BESIDE] * 4, (103, 111, 97, 99)])
    assert [ending(label, k, "lo") for k in (1, 2)] == ["target 6 110", "timeout 6 99"]
    assert ending(labelled([INSIDE, *[BESIDE] * 4, (103, 111, 90, 99)]), 1, "lo") == "stop 6 90"


def test_max_hold_ends_a_trade_earlier_if_it_comes_first() -> None:
    ts = opens("2024-01-02", "2024-01-03", "15m")
    bars = bars_of([QUIET, INSIDE, *[BESIDE] * 20]).assign(ts=ts[:22])
    setup = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    label = label_setups(bars, setup, "15m", config=CONFIG, calendar=NEW_YORK).iloc[0]
    assert label["exit_index_1_lo"] == 10


@both_sides
@pytest.mark.parametrize(
    ("bar", "first", "third"),
    [
        pytest.param((105, 106, 98, 103), ["timeout 6 103"] * 2, ["timeout 6 103"] * 2, id="nothing else"),
        pytest.param((105, 106, 90, 95), ["stop 6 90"] * 2, ["stop 6 90"] * 2, id="stopped"),
        pytest.param(
            (105, 112, 98, 103),
            ["timeout 6 103", "target 6 110"],
            ["timeout 6 103"] * 2,
            id="target, perhaps",
        ),
        pytest.param((97, 106, 95, 99), ["timeout 6 99"] * 2, ["timeout 6 99"] * 2, id="entered at the open"),
    ],
)
def test_an_entry_on_the_sessions_last_bar_is_closed_on_it(
    bar: Ohlc, first: list[str], third: list[str], side: int
) -> None:
    label = labelled([*[QUIET] * 5, bar, (150, 150, 150, 150)], side)
    assert label["entry_index"] == 6
    assert [ending(label, 1, p) for p in ("lo", "hi")] == first
    assert [ending(label, 3, p) for p in ("lo", "hi")] == third
    # The bar is the exit bar: its close counts, its extremes do not.
    left = float(third[0].split()[-1])
    fill = label["entry_price"] if side > 0 else 2 * ABOUT - label["entry_price"]
    assert label["mae_r"] == pytest.approx(min(0, (left - fill) / 10))
    assert label["mfe_r"] == pytest.approx(max(0, (left - fill) / 10))


def test_an_order_is_withdrawn_at_the_sessions_last_bar() -> None:
    assert labelled([*[QUIET] * 6, INSIDE])["status"] == "expired"
    assert labelled([*[QUIET] * 5, INSIDE])["status"] == "entered"
    assert labelled([*[QUIET] * 6])["status"] == "expired"  # that bar's close is the session's


def test_an_order_placed_at_the_sessions_last_bar_never_lives() -> None:
    assert labelled([INSIDE], i=6)["status"] == "expired"
    assert labelled([], i=6)["status"] == "expired"


def test_a_session_that_may_go_on_ends_nothing() -> None:
    assert labelled([*[QUIET] * 5])["status"] == "pending"
    assert ending(labelled([INSIDE, *[BESIDE] * 4]), 1, "lo") == ".."


def test_a_missing_last_bar_is_known_once_the_next_session_begins() -> None:
    holed = TWO_DAYS.delete(6)
    assert ending(labelled([INSIDE, *[BESIDE] * 4], ts=holed), 1, "lo") == ".."
    assert ending(labelled([INSIDE, *[BESIDE] * 4, QUIET], ts=holed), 1, "lo") == "timeout 5 104"


@pytest.mark.parametrize(
    ("calendar", "timeframe", "first", "last", "wanted"),
    [
        pytest.param(NEW_YORK, "1h", "2024-01-02", "2024-01-04", [6] * 7 + [13] * 7, id="New York"),
        pytest.param(NEW_YORK, "1h", "2024-07-03", "2024-07-04", [3] * 4, id="half day"),
        pytest.param(NEW_YORK, "4h", "2024-01-02", "2024-01-03 14:30", [1] * 2 + [NOT_YET], id="unfinished"),
        pytest.param(
            trading_calendar("crypto"),
            "4h",
            "2024-01-01",
            "2024-01-02 04:00",
            [5] * 6 + [NOT_YET] * 2,
            id="UTC days",
        ),
        # Friday from 17:00 Thursday to 17:00 (22:00 UTC), then Sunday 17:00 to Monday 17:00.
        pytest.param(
            trading_calendar("fx"),
            "1h",
            "2024-01-05 20:00",
            "2024-01-08 22:00",
            [1] * 2 + [25] * 24 + [NOT_YET],
            id="17:00 New York",
        ),
        # With daylight saving 17:00 New York is 21:00 UTC.
        pytest.param(
            trading_calendar("fx"), "1h", "2024-07-02 19:00", "2024-07-02 22:00", [1, 1, NOT_YET, NOT_YET], id="summer"
        ),
        pytest.param(
            trading_calendar("equity", anchor="clock", session="extended"),
            "1h",
            "2024-01-02 22:00",
            "2024-01-03 10:00",
            [2] * 3 + [NOT_YET] * 2,
            id="extended hours",
        ),
    ],
)  # fmt: skip
def test_sessions_end_where_the_market_says(
    calendar: TradingCalendar, timeframe: str, first: str, last: str, wanted: list[int]
) -> None:
    assert session_ends(opens(first, last, timeframe, calendar), timeframe, calendar).tolist() == wanted


def test_bars_outside_the_hours_count_to_the_session_that_follows() -> None:
    after_hours = pd.DatetimeIndex(["2024-01-02 20:30", "2024-01-02 22:00", "2024-01-03 14:30"], tz="UTC")
    assert session_ends(after_hours, "1h", NEW_YORK).tolist() == [0, NOT_YET, NOT_YET]
    assert len(session_ends(after_hours[:0], "1h", NEW_YORK)) == 0


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_a_day_and_more_has_no_sessions_last_bar(timeframe: str) -> None:
    with pytest.raises(ConfigurationError, match="day_only is True: a bar of the mode"):
        mode_config(timeframe).changed(day_only=True)
    with pytest.raises(ConfigurationError, match=f"{timeframe} bars last a session or more"):
        session_ends(pd.DatetimeIndex(["2024-01-02 14:30"], tz="UTC"), timeframe, NEW_YORK)


def test_scalping_is_day_only_wherever_a_calendar_is_given() -> None:
    ts = opens("2024-01-02", "2024-01-03", "5m")[-3:].append(opens("2024-01-03", "2024-01-04", "5m")[:3])
    bars = bars_of([QUIET, INSIDE, *[BESIDE] * 4]).assign(ts=ts)
    setup = pd.DataFrame([{"i": 0, "side": 1, "risk": 10} | LEVELS])
    with_calendar = label_setups(bars, setup, "5m", calendar=NEW_YORK).iloc[0]
    assert (with_calendar["outcome_1_lo"], with_calendar["exit_index_1_lo"]) == ("timeout", 2)
    assert label_setups(bars, setup, "5m").iloc[0]["outcome_1_lo"] == "censored"


def series(seed: int, holes: float, grid: float | None) -> pd.DataFrame:
    """Hourly bars of eight weeks of New York, some of them missing."""
    ts = opens("2024-05-20", "2024-07-15")
    kept = np.random.default_rng(seed).random(len(ts)) >= holes
    return walk(len(ts), seed, grid).assign(ts=ts)[kept].reset_index(drop=True)


awkward = st.builds(
    series, st.integers(0, 10_000), st.sampled_from([0.0, 0.2]), st.sampled_from([None, 0.25])
)
SHORT = ModeConfig(mode="intraday", ttl=5, max_hold=9, min_size_atr=0, stop_buffer_atr=0.2, day_only=True)


@given(awkward, st.sampled_from([0.0, 20.0]))
@settings(max_examples=15, deadline=None)
def test_labels_agree_with_the_reference(bars: pd.DataFrame, slippage: float) -> None:
    config = SHORT.changed(stop_slippage_bps=slippage)
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    labels = label_setups(bars, setups, "1h", config=config, calendar=NEW_YORK)
    assert_as_reference(labels, reference.labels(bars, setups, config, calendar=NEW_YORK))


@given(awkward, st.data())
@settings(max_examples=20, deadline=None)
def test_a_cut_never_closes_what_more_bars_would_leave_open(bars: pd.DataFrame, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(bars)), label="cut")
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=SHORT)
    setups = setups[setups["i"] < cut].reset_index(drop=True)
    then = label_setups(bars.head(cut), setups, "1h", config=SHORT, calendar=NEW_YORK)
    now = label_setups(bars, setups, "1h", config=SHORT, calendar=NEW_YORK)
    same(then[closed(then)], now[closed(then)])
    for k, path in PATHS:
        ended = (then["status"] == "entered") & (then[f"outcome_{k}_{path}"] != "censored")
        ending_of = [f"{name}_{k}_{path}" for name in ("outcome", "exit_index", "r")]
        same(then.loc[ended, ending_of], now.loc[ended, ending_of])


@given(awkward)
@settings(max_examples=15, deadline=None)
def test_nothing_outlives_its_session(bars: pd.DataFrame) -> None:
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=SHORT)
    labels = label_setups(bars, setups, "1h", config=SHORT, calendar=NEW_YORK)
    day = NEW_YORK.session_date(pd.DatetimeIndex(bars["ts"]))
    entered = labels[labels["status"] == "entered"]
    assert (day[entered["i"].astype(int)] == day[entered["entry_index"].astype(int)]).all()
    for k, path in PATHS:
        ended = entered[entered[f"exit_index_{k}_{path}"].notna()]
        exits = ended[f"exit_index_{k}_{path}"].astype(int)
        assert (day[ended["entry_index"].astype(int)] == day[exits]).all()
    settled = labels[labels["i"] < len(bars) - 8]
    assert not (settled["status"] == "pending").any()
