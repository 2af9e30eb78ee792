"""Ends of lives: exact within the bars, by the newest bars' spacing beyond them."""

import numpy as np
import pandas as pd

from fvg_platform.fvg.lives import MEAN_SPACING_BARS, life_ends
from fvg_platform.market.calendars import trading_calendar


def hourly_closes(bars: int) -> pd.DatetimeIndex:
    calendar = trading_calendar("equity")
    first, last = pd.Timestamp("2023-01-02", tz="UTC"), pd.Timestamp("2024-12-31", tz="UTC")
    return calendar.bar_closes(calendar.expected_opens("1h", first, last)[:bars], "1h")


def test_within_the_bars_a_life_ends_with_its_last_bar() -> None:
    closes = hourly_closes(50)
    assert life_ends(closes, np.array([0, 10, 29]), 20).tolist() == closes[[20, 30, 49]].tolist()


def test_beyond_them_it_goes_on_at_their_mean_spacing() -> None:
    closes = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05"], tz="UTC")
    assert life_ends(closes, np.array([2]), 3)[0] == pd.Timestamp("2024-01-11", tz="UTC")
    assert life_ends(closes[:1], np.array([0]), 3)[0] == closes[0]
    assert len(life_ends(closes, np.empty(0, np.int64), 3)) == 0


def test_a_tail_of_enough_bars_gives_what_the_whole_series_gives() -> None:
    closes = hourly_closes(2000)
    closes = closes[:1000].append(closes[1000:] + 3 * (closes[1000:] - closes[1000]))  # slower from there on
    positions = np.arange(1800, 2000)
    whole = life_ends(closes, positions, 120)
    for tail in (MEAN_SPACING_BARS, 700, 1400):
        start = len(closes) - tail
        assert life_ends(closes[start:], positions - start, 120).tolist() == whole.tolist()
    # One bar less no longer tells the same spacing.
    start = len(closes) - MEAN_SPACING_BARS + 1
    assert life_ends(closes[start:], positions - start, 120).tolist() != whole.tolist()
