"""Made-up bars for the feature tests: every kind of market that cleaning lets through."""

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close"]


def frame(open_, high, low, close, volume, freq: str = "1h") -> pd.DataFrame:
    """Bars from arrays, opening every `freq` from a Thursday on."""
    ts = pd.date_range("2026-01-01 00:30", periods=len(close), freq=freq, tz="UTC")
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame({"ts": ts, **columns}).astype(dict.fromkeys(columns, np.float64))


def random_bars(n: int, seed: int = 1, freq: str = "1h") -> pd.DataFrame:
    """A random walk with fractional volume: no two bars are alike."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, n)))
    open_ = close * np.exp(rng.normal(0.0, 0.002, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.002, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.002, n)))
    return frame(open_, high, low, close, rng.lognormal(8.0, 1.0, n), freq)


def with_orders(bars: pd.DataFrame, seed: int = 4) -> pd.DataFrame:
    """The same bars with the columns that only some sources deliver."""
    rng, n = np.random.default_rng(seed), len(bars)
    return bars.assign(
        taker_buy_volume=bars["volume"] * rng.uniform(0.2, 0.8, n),
        vwap=bars["low"] + (bars["high"] - bars["low"]) * rng.uniform(0.2, 0.8, n),
        transactions=np.ceil(bars["volume"] / 20.0),
    )


def still_from(bars: pd.DataFrame, start: int, stop: int | None = None) -> pd.DataFrame:
    """The same bars, motionless and without volume from `start` to `stop`."""
    bars = bars.copy()
    rows = slice(start, stop)
    price = bars["close"].iloc[max(start - 1, 0)]
    for name in PRICES:
        bars.iloc[rows, bars.columns.get_loc(name)] = price
    bars.iloc[rows, bars.columns.get_loc("volume")] = 0.0
    return bars


def climbing(n: int, factor: float) -> pd.DataFrame:
    """Each bar opens at the last close and closes higher (lower) by the factor, without wicks."""
    edges = 50.0 * factor ** np.arange(n + 1)
    open_, close = edges[:-1], edges[1:]
    return frame(open_, np.maximum(open_, close), np.minimum(open_, close), close, np.full(n, 7.0))


def ticking(n: int, seed: int) -> pd.DataFrame:
    """Few price levels, many equal bars, bars without range or volume: the quiet hours of a thin market."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice([1.00, 1.01, 1.02], (n, 4), p=[0.2, 0.6, 0.2]), axis=1)
    open_, close = levels[:, 1], levels[:, 2]
    falls = rng.random(n) < 0.5
    open_, close = np.where(falls, close, open_), np.where(falls, open_, close)
    return frame(open_, levels[:, 3], levels[:, 0], close, rng.choice([0.0, 0.0, 0.5, 1e9], n))


MARKETS: dict[str, pd.DataFrame] = {
    "with orders": with_orders(random_bars(600)),
    "random": random_bars(600),
    "cheap coin": random_bars(600).assign(**{p: random_bars(600)[p] * 2.0**-27 for p in PRICES}),
    "flat": still_from(random_bars(600), 0),
    "without volume": random_bars(600).assign(volume=0.0),
    "volume dries up": random_bars(600).assign(volume=lambda b: b["volume"].where(b.index < 300, 0.0)),
    "rising": climbing(600, 1.001),
    "falling": climbing(600, 1 / 1.001),
    "dies and revives": still_from(random_bars(1200), 300, 900),
    "dead for months": still_from(random_bars(12_000), 300),
    "wakes up late": still_from(random_bars(600), 0, 400),
    "thin": with_orders(ticking(600, seed=3)),
}
