"""Coarse bars outlive the finer ones that they were made of."""

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.kept_history import keep_history
from fvg_platform.market.resampling import resample_bars
from fvg_platform_tests.market_bars import random_bars

CALENDAR = trading_calendar("equity")
FINE = random_bars("5m", "2024-02-20", "2024-03-08", seed=5)
CUT = pd.Timestamp("2024-03-01", tz="UTC")


def hours(fine: pd.DataFrame) -> pd.DataFrame:
    return resample_bars(fine, "5m", "1h", CALENDAR)


def kept(fine: pd.DataFrame, stored: pd.DataFrame, cut: pd.Timestamp = CUT) -> pd.DataFrame:
    first = fine["ts"].iloc[0] if len(fine) else None
    return keep_history(hours(fine), stored, "1h", gone_before=cut, first_finer=first)


@pytest.mark.parametrize("cut", ["2024-03-01", "2024-03-01 15:20"])
def test_what_was_made_of_bars_that_are_gone_stays(cut: str) -> None:
    time = pd.Timestamp(cut, tz="UTC")
    whole = hours(FINE)
    left = FINE[FINE["ts"] >= time]
    pdt.assert_frame_equal(kept(left, whole, time), whole)
    later = pd.concat([FINE, random_bars("5m", "2024-03-08", "2024-03-09", seed=6)], ignore_index=True)
    pdt.assert_frame_equal(kept(later[later["ts"] >= time], whole, time), hours(later))


def test_an_hour_whose_first_minutes_saw_no_trade_stays_at_the_cut() -> None:
    quiet = FINE[~FINE["ts"].between("2024-03-01 14:30Z", "2024-03-01 14:44Z")]
    whole = hours(quiet)
    assert pd.Timestamp("2024-03-01 14:30", tz="UTC") in set(whole["ts"])
    pdt.assert_frame_equal(kept(quiet[quiet["ts"] >= CUT], whole), whole)


def test_bars_that_the_source_took_back_after_the_cut_go() -> None:
    left = FINE[FINE["ts"] >= pd.Timestamp("2024-03-05", tz="UTC")]
    found = kept(left, hours(FINE))
    assert not found["ts"].between("2024-03-01 00:00Z", "2024-03-04 23:00Z").any()
    assert (found["ts"] < CUT).sum() == (hours(FINE)["ts"] < CUT).sum()


def test_a_series_without_older_bars_begins_where_its_data_do() -> None:
    left = FINE[FINE["ts"] >= pd.Timestamp("2024-03-01 15:00", tz="UTC")]
    stored = hours(FINE)
    pdt.assert_frame_equal(kept(left, stored[stored["ts"] >= CUT].reset_index(drop=True)), hours(left))


def test_without_any_finer_bar_left_the_old_ones_stay() -> None:
    whole = hours(FINE)
    found = kept(FINE.iloc[:0], whole)
    pdt.assert_frame_equal(found.reset_index(drop=True), whole[whole["ts"] < CUT].reset_index(drop=True))


@pytest.mark.parametrize("shares", [4.0, 1.0], ids=["a split", "a dividend"])
def test_old_bars_follow_an_adjustment_of_the_finer_ones(shares: float) -> None:
    adjusted = FINE.assign(
        **{name: FINE[name] / 4 for name in ("open", "high", "low", "close")}, volume=FINE["volume"] * shares
    )
    found = kept(adjusted[adjusted["ts"] >= CUT], hours(FINE))
    pdt.assert_frame_equal(found, hours(adjusted), rtol=1e-12)
    again = kept(adjusted[adjusted["ts"] >= CUT], found)
    assert np.array_equal(again["close"], found["close"]), "it is done once"
