"""Bars whose truth is known: noise, a planted edge, and one that turns."""

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import trading_calendar

NOISE_SAMPLES, PLANTED_SAMPLES = 2_000, 60  # inside a bar; discretisation fakes R where they are few
BUSY = 0.65  # share of bars with much volume
DRIFT_BARS, WITH, AGAINST = 20, 0.5, -0.3  # of a bar's standard deviation, each bar


def noise(bars: int, seed: int) -> pd.DataFrame:
    """Hours of a driftless random walk."""
    random = np.random.default_rng(seed)
    price, rows = 100.0, np.empty((bars, 4))
    for j in range(bars):
        path = price * np.exp(np.cumsum(random.normal(0, 0.004 / NOISE_SAMPLES**0.5, NOISE_SAMPLES)))
        rows[j] = price, max(price, path.max()), min(price, path.min()), path[-1]
        price = path[-1]
    return on_calendar("1h", rows, random.integers(1_000, 10_000, bars).astype(float))


def planted(bars: int, seed: int, turn: int | None = None) -> pd.DataFrame:
    """Days on which a gap foretells, until the next: after much volume the price goes its way, after little not.

    From the bar `turn` on it is the other way round, and the market three times as wild when it is busy.
    """
    random = np.random.default_rng(seed)
    usual = 0.01
    busy = random.random(bars) < BUSY
    volume = np.where(busy, 5.0, 1.0) * random.uniform(900, 1_100, bars)
    price, drift, left, rows = 100.0, 0.0, 0, np.empty((bars, 4))
    for j in range(bars):
        turned = turn is not None and j >= turn
        sigma = usual * (3.0 if turned and busy[j] else 1.0)
        steps = random.normal(0, sigma / PLANTED_SAMPLES**0.5, PLANTED_SAMPLES)
        path = price * np.exp(np.cumsum(steps + drift * sigma / PLANTED_SAMPLES))
        rows[j] = price, max(price, path.max()), min(price, path.min()), path[-1]
        price = path[-1]
        left -= 1
        if left <= 0:
            drift = 0.0
        side = 0 if j < 2 else int(rows[j, 2] > rows[j - 2, 1]) - int(rows[j, 1] < rows[j - 2, 2])
        if side:
            drift, left = side * (WITH if busy[j - 1] != turned else AGAINST), DRIFT_BARS
    return on_calendar("1d", rows, volume)


def on_calendar(timeframe: str, ohlc: np.ndarray, volume: np.ndarray) -> pd.DataFrame:
    """Bars at the newest times that New York's exchange had before 2026."""
    start = pd.Timestamp("1975-01-01" if timeframe == "1d" else "2018-01-01", tz="UTC")
    opens = trading_calendar("equity").expected_opens(timeframe, start, pd.Timestamp("2025-12-31", tz="UTC"))
    prices = dict(zip(("open", "high", "low", "close"), ohlc.T, strict=True))
    return pd.DataFrame({"ts": opens[-len(ohlc) :], **prices, "volume": volume})
