"""Forecasts of 100 series of 2,000 bars: both models at 60 past origins, the proof, and the next 30 candles.

Two processes share the series, as on a machine of two cores. Beside it `arch` fits a GARCH(1,1) and simulates the same
steps by its own filtered bootstrap once a series, without judging any past origin; times 61 that is the same work.
"""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
from arch import arch_model

from fvg_platform.learning.forecasts import STEPS, forecast

SERIES, BARS, CORES, PEER_SERIES = 100, 2_000, 2, 5


def made_up_bars(seed: int) -> pd.DataFrame:
    """Daily bars whose volatility comes in clusters: GARCH(1,1) with fat tails."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(5, BARS) / np.sqrt(5 / 3)
    moves, variance = np.empty(BARS), 1.0
    for i, shock in enumerate(shocks):
        moves[i] = 0.01 * np.sqrt(variance) * shock
        variance = 0.02 + 0.10 * variance * shock**2 + 0.88 * variance
    close = 100.0 * np.exp(np.cumsum(moves))
    open_ = np.append(100.0, close[:-1])
    wick = np.exp(0.004 * rng.random(BARS))
    ts = pd.date_range("2018-01-01", periods=BARS, freq="D", tz="UTC")
    high, low = np.maximum(open_, close) * wick, np.minimum(open_, close) / wick
    return pd.DataFrame({"ts": ts, "open": open_, "high": high, "low": low, "close": close})


def one(seed: int) -> tuple[str, float]:
    """Forecast one series; which model serves, and the seconds."""
    bars = made_up_bars(seed)
    ts = bars["ts"].iloc[-1] + pd.to_timedelta(np.arange(1, STEPS + 1), unit="D")
    future = pd.DataFrame({"ts": ts, "close_at": ts + pd.Timedelta(hours=7)})
    began = time.perf_counter()
    served = forecast(bars, "1d", future).served
    return served, time.perf_counter() - began


def peer(seed: int) -> float:
    """Seconds of one fit and simulation of `arch`."""
    returns = 100.0 * np.diff(np.log(made_up_bars(seed)["close"].to_numpy()))
    began = time.perf_counter()
    fitted = arch_model(returns, mean="Zero").fit(disp="off")
    fitted.forecast(horizon=STEPS, method="bootstrap", simulations=400)
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    one(0)
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(one, range(CORES)))
        began = time.perf_counter()
        done = list(pool.map(one, range(SERIES), chunksize=5))
        seconds = time.perf_counter() - began
    print(f"{f'forecasts of {SERIES} series, {CORES} processes':<64}{seconds:>8.2f} s   ≤ 20")
    print(f"{'one series, ms (median)':<64}{np.median([each for _, each in done]) * 1000:>8.1f}")
    beside = float(np.median([peer(seed) for seed in range(PEER_SERIES)])) * 61 * SERIES / CORES
    print(f"{'arch: fit and simulate, × 61 origins and that many series':<64}{beside:>8.2f} s")
    proven = sum(served != "block_bootstrap" for served, _ in done)
    print(f"{'series where the filtered bootstrap is proven':<64}{proven:>8d}")


if __name__ == "__main__":
    main()
