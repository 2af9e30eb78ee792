"""The account: sizes, places, skipped orders, booking and exposure, by hand and against a plain loop."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fvg_platform.trading.account import DAY, Fills, Period, fills, run_account

from .made_up import HOUR, by_hand

WEEK = Period(0, 7 * DAY - 1)


def account(filled, *, risk_share=0.1, max_open=2, timeframe="1h", period=WEEK, draws=1):
    return run_account(filled, period, timeframe, risk_share=risk_share, max_open=max_open, draws=draws)


def test_a_tenth_of_the_realised_capital_is_risked_and_booked_on_the_day_of_the_exit():
    # 1 wins 2 R of 0.1; 2 is filled while 1 is open, so it risks 0.1 of 1 too; 3 comes after both: 0.1 of 1.1.
    ran = account(by_hand([(1, 30, 2.0), (20, 31, -1.0), (60, 80, 1.0)]))
    assert ran.profit == pytest.approx([0.2, -0.1, 0.11])
    assert ran.equity[0] == pytest.approx([1.0, 1.1, 1.1, 1.21, 1.21, 1.21, 1.21])


def test_orders_beyond_the_limit_are_skipped_until_the_bar_after_an_exit():
    rows = [
        (1, 5, 1.0),
        (2, 9, 1.0),
        (3, 4, 9.0),
        (5, 6, 9.0),
        (6, 8, 1.0),
        (7, 8, 9.0),
        (9, 9, 1.0),
        (9, 9, 9.0),
    ]
    assert account(by_hand(rows)).taken.tolist() == [True, True, False, False, True, False, True, False]


def test_whether_an_order_is_taken_does_not_depend_on_its_own_outcome():
    rows = [(1, 5, 1.0), (2, 9, 1.0), (3, 4, 9.0)]
    taken = account(by_hand(rows)).taken
    assert (taken == account(by_hand([(a, b, -r) for a, b, r in rows])).taken).all()


def test_exposure_is_the_share_of_time_with_any_position_open():
    # Hours 0 to 12 and 24 to 28 of 168, the exits' own bars included; the second lies inside the first.
    ran = account(by_hand([(0, 11, 1.0), (2, 3, 1.0), (24, 27, 1.0)]))
    assert ran.exposure == pytest.approx([16 / 168])


def test_exposure_ends_with_the_period():
    assert account(by_hand([(0, 400, 1.0)])).exposure == pytest.approx([1.0])


def test_a_weekly_trade_is_booked_when_its_exits_week_ends():
    ran = account(by_hand([(0, 0, 1.0)]), timeframe="1w")
    assert ran.equity[0] == pytest.approx([1, 1, 1, 1, 1, 1, 1.1])


def test_nothing_is_traded_with_nothing_left():
    ran = account(by_hand([(1, 2, -11.0), (5, 6, 5.0)]))
    assert ran.taken.tolist() == [True, False]
    assert ran.equity[0, -1] == pytest.approx(-0.1)


def test_an_order_stopped_at_once_pays_its_costs_and_takes_no_place():
    filled = replace(by_hand([(1, 1, -0.5), (1, 5, 1.0), (2, 5, 1.0)]), won=np.array([np.nan, 1.0, 1.0]))
    ran = account(filled)
    assert ran.taken.all()
    assert ran.profit == pytest.approx([-0.05, 0.095, 0.095])
    assert ran.exposure == pytest.approx([5 / 168])


def test_fills_keep_the_settled_orders_in_order_of_their_fill_then_of_known_at():
    labels = pd.DataFrame(
        {
            "status": ["entered", "expired", "entered", "gap_invalid", "entered", "entered"],
            "outcome_1_lo": ["target", None, "stop", None, "censored", "timeout"],
            "r_1_lo": [1.0, np.nan, -1.0, -0.02, np.nan, 0.3],
        }
    )
    known_at = np.array([3, 0, 1, 7, 0, 2])
    found = fills(labels, "lo", known_at, np.array([9, 0, 9, 0, 1, 4]), np.array([10, 0, 11, 0, 0, 5]))
    assert found.r.tolist() == [0.3, -0.02, -1.0, 1.0]
    assert found.entry.tolist() == [4, 7, 9, 9]
    assert found.exit.tolist() == [5, 7, 11, 10]
    assert found.won.tolist() == pytest.approx([0.0, np.nan, 0.0, 1.0], nan_ok=True)


orders = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(0, 12), st.floats(-1.5, 3)),
    min_size=1,
    max_size=40,
)


@given(orders, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_equals_a_plain_loop_and_never_holds_too_much(rows, max_open):
    rows = sorted(rows, key=lambda row: row[:2])
    filled = by_hand([(entry, entry + held, r) for _, entry, held, r in rows], [row[0] for row in rows])
    ran = account(filled, max_open=max_open, draws=2)
    for draw in (0, 1):
        own = np.flatnonzero(filled.draw == draw)
        profit, most = plain_loop(filled, own, max_open)
        assert ran.profit[own] == pytest.approx(profit)
        assert most <= max_open
        assert ran.equity[draw, -1] == pytest.approx(1 + sum(profit))


def plain_loop(filled: Fills, rows: np.ndarray, max_open: int) -> tuple[list[float], int]:
    """Profits of one account's fills, and how many positions it held at most."""
    taken: list[int] = []
    profit: dict[int, float] = dict.fromkeys(rows.tolist(), 0.0)
    most = 0
    for g in rows.tolist():
        open_ = [k for k in taken if filled.exit[k] >= filled.entry[g]]
        capital = 1.0 + sum(profit[k] for k in taken if filled.exit[k] < filled.entry[g])
        if len(open_) < max_open and capital > 0:
            taken.append(g)
            profit[g] = 0.1 * capital * filled.r[g]
            most = max(most, len(open_) + 1)
    return list(profit.values()), most


def test_a_period_counts_both_of_its_days():
    period = Period(int((36 * HOUR).value), int((60 * HOUR).value))
    assert period.days == 2
    assert period.index.strftime("%Y-%m-%d").tolist() == ["1970-01-02", "1970-01-03"]
    assert period.day_of(np.array([0, 40, 50, 500]) * int(HOUR.value)).tolist() == [0, 0, 1, 1]
