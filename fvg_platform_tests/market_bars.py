"""Made-up bars on the real exchange calendar, for tests of the whole way."""

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import trading_calendar


def random_bars(timeframe: str, first: str, last: str, *, seed: int, price: float = 100.0) -> pd.DataFrame:
    """A random walk with a bar at every time that the New York Stock Exchange's calendar expects."""
    calendar = trading_calendar("equity")
    ts = calendar.expected_opens(timeframe, pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC"))
    random = np.random.default_rng(seed)
    steps = random.normal(0.0, 0.001, (len(ts), 20))
    path = price * np.exp(np.cumsum(steps.ravel())).reshape(steps.shape)
    return pd.DataFrame(
        {
            "ts": ts,
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, -1],
            "volume": random.integers(1_000, 100_000, len(ts)).astype(float),
        }
    )
