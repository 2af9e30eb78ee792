"""Made-up bars, setups as they are stored once labelled, and fills written by hand."""

import numpy as np
import pandas as pd

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.lives import life_ends
from fvg_platform.fvg.modes import ModeConfig, mode_config
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.trading.account import Fills

HOUR = pd.Timedelta(hours=1)
CONFIG = mode_config("1h")
START = pd.Timestamp("2024-01-01", tz="UTC")


def noise_bars(n: int, seed: int, *, samples: int = 400, step: float = 0.0005) -> pd.DataFrame:
    """Hourly bars of a driftless walk around 100 of `samples` steps a bar, each `step` of a price unit."""
    rng = np.random.default_rng(seed)
    path = 100.0 + step * rng.standard_normal(n * samples).cumsum().reshape(n, samples)
    return pd.DataFrame(
        {
            "ts": pd.date_range(START, periods=n, freq="h"),
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, -1],
            "volume": 1.0,
        }
    )


def labelled_setups(bars: pd.DataFrame, ticker: str = "AAA", config: ModeConfig = CONFIG) -> pd.DataFrame:
    """The engine's setups of hourly bars with their labels, times in place of positions."""
    setups = plan_setups(detect_gaps(bars, "1h"), "1h", config=config)
    labels = label_setups(bars, setups, "1h", config=config)
    ts = pd.DatetimeIndex(bars["ts"])

    def times(positions: pd.Series) -> pd.Series:
        return positions.map(dict(enumerate(ts))).astype("datetime64[ns, UTC]")

    dated = {"entry_ts": times(labels["entry_index"])}
    dated |= {f"exit_ts_1_{path}": times(labels[f"exit_index_1_{path}"]) for path in ("lo", "hi")}
    carried = labels[["status", *(f"{name}_1_{path}" for path in ("lo", "hi") for name in ("outcome", "r"))]]
    life = life_ends(ts + HOUR, setups["i"].to_numpy(), config.horizon)
    setups = setups.assign(ticker=ticker, ts=ts.take(setups["i"].to_numpy()), life_end=life)
    return pd.concat([setups, carried, pd.DataFrame(dated)], axis=1)


def by_hand(rows: list[tuple[float, float, float]], draw: list[int] | None = None) -> Fills:
    """Fills of (entry, exit, R) with times in hours from the first of January 1970, in order of entry."""
    entry, exit_, r = (np.array(column, float) for column in zip(*rows, strict=True))
    hour = int(HOUR.value)
    times = [(column * hour).astype(np.int64) for column in (entry, exit_)]
    number = np.zeros(len(rows), np.int64) if draw is None else np.array(draw)
    return Fills(number, times[0], times[0], times[1], r, (r > 0).astype(float))
