"""A small market for campaigns: a folder of bars with holes, and which bars a platform must have of it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.grids import microseconds, timestamps
from fvg_platform_tests.market_bars import random_bars

TICKERS = ("AAA", "BBB", "NEWCO")
TIMEFRAMES = ("15m", "1h", "1d")
FIRST, LAST = "2024-01-02", "2024-06-01"
LISTED = pd.Timestamp("2024-01-17", tz="UTC")


def write_market(folder: Path, *, seed: int, tickers: Iterable[str] = TICKERS) -> None:
    """Unadjusted quarter hours: of AAA nearly all, of BBB two thirds and not on every day, of NEWCO since its listing.

    Nobody trades on the days that are left out, so that whole windows are empty.
    """
    dice = np.random.default_rng(seed)
    for number, ticker in enumerate(tickers):
        bars = random_bars("15m", FIRST, LAST, seed=seed + number)
        keep = dice.random(len(bars)) < (0.66 if ticker == "BBB" else 0.98)
        if ticker == "BBB":
            days = bars["ts"].dt.normalize()
            keep &= ~days.isin(dice.choice(days.unique(), 12, replace=False)).to_numpy()
        if ticker == "NEWCO":
            keep &= (bars["ts"] >= LISTED).to_numpy()
        bars[keep].to_parquet(folder / f"{ticker}_15m.parquet")


def bars_to_have(folder: Path, timeframes: Iterable[str] = TIMEFRAMES) -> pd.DataFrame:
    """`ticker, timeframe, ts`: every bar of the calendar during which something was traded, whatever the time is."""
    calendar = trading_calendar("equity")
    parts = []
    for path in sorted(folder.glob("*_15m.parquet")):
        us = microseconds(pd.read_parquet(path)["ts"])
        for timeframe in timeframes:
            grid = calendar.grid_over(us, timeframe)
            opens = timestamps(grid.opens(np.unique(grid.containing(us))))
            parts.append(
                pd.DataFrame({"ticker": path.stem.split("_")[0], "timeframe": timeframe, "ts": opens})
            )
    return pd.concat(parts, ignore_index=True)
