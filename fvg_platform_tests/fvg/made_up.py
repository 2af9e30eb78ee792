"""Made-up bars and comparisons for the engine's tests."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close"]
LIFECYCLE = ["touched", "half_filled", "filled", "inverted"]


def bars_of(ohlc: Sequence[Sequence[float]], volume: Sequence[float] | None = None) -> pd.DataFrame:
    """Minute bars with the given (open, high, low, close) rows."""
    frame = pd.DataFrame(np.asarray(ohlc, float).reshape(-1, 4), columns=PRICES)
    frame.insert(0, "ts", pd.date_range("2024-01-02 14:30", periods=len(frame), freq="min", tz="UTC"))
    return frame.assign(volume=np.full(len(frame), 100.0) if volume is None else np.asarray(volume, float))


def walk(n: int, seed: int, grid: float | None = None) -> pd.DataFrame:
    """A random walk around 100 with jumps between bars; prices on a grid give ties everywhere."""
    rng = np.random.default_rng(seed)
    path = rng.standard_normal((n, 6)) * 0.3
    path[:, 0] *= np.where(rng.random(n) < 0.2, 5, 1)  # now and then the open jumps
    path = 100 + path.ravel().cumsum().reshape(n, 6)
    if grid:
        path = np.round(path / grid) * grid
    ohlc = np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]])
    return bars_of(ohlc, rng.integers(0, 50, n))


def mirror(bars: pd.DataFrame, about: float = 0.0) -> pd.DataFrame:
    """The bars reflected about a price."""
    o, h, low, c = (2 * about - bars[name] for name in PRICES)
    return bars.assign(open=o, high=low, low=h, close=c)


def same(a: pd.DataFrame, b: pd.DataFrame, **tolerance: float) -> None:
    """Assert that two frames agree: dtypes, NULLs, words and numbers, exactly unless a tolerance is given."""
    exact = {} if tolerance else {"check_exact": True}
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True), **exact, **tolerance)
