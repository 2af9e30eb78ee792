"""All bar features of 100,000 one-minute bars, beside what TA-Lib and pandas-ta-classic take for their part.

TA-Lib's row is its own functions alone, called once each on bare arrays: the floor for that part of the
catalogue. pandas-ta-classic's rows are the indicators that both libraries have, by its own code and delegating to
TA-Lib. Each time is the best of the repetitions, after a warm-up that compiles the kernels.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandas_ta_classic
import talib

from fvg_platform.features.catalogue import FEATURES, compute_features
from fvg_platform.features.setup_features import MODEL_FEATURES, compute_setup_features
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.setups import plan_setups

BARS = 100_000
REPEATS = 5


def made_up_bars(n: int = BARS) -> pd.DataFrame:
    """A seeded random walk on a one-minute clock."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, n)))
    open_ = np.r_[100.0, close[:-1]] * np.exp(rng.normal(0.0, 1e-4, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 2e-4, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 2e-4, n)))
    ts = pd.date_range("2026-01-01", periods=n, freq="min", tz="UTC")
    prices = {"open": open_, "high": high, "low": low, "close": close}
    return pd.DataFrame({"ts": ts, **prices, "volume": rng.lognormal(8.0, 1.0, n)})


def with_talib(bars: pd.DataFrame) -> int:
    """Run the catalogue's TA-Lib functions on bare arrays, each once; return how many columns they gave."""
    high, low, close, volume = (bars[name].to_numpy() for name in ("high", "low", "close", "volume"))
    columns = [
        *(talib.SMA(close, n) for n in (20, 50, 200)),
        *(talib.EMA(close, n) for n in (12, 20, 26)),
        *talib.MACD(close, 12, 26, 9),
        *talib.STOCH(high, low, close, 14, 3, talib.MA_Type.SMA, 3, talib.MA_Type.SMA),
        *talib.BBANDS(close, 20, 2.0, 2.0),
        *(
            f(high, low, close, 14)
            for f in (talib.ATR, talib.ADX, talib.PLUS_DI, talib.MINUS_DI, talib.WILLR)
        ),
        *(talib.MAX(high, n) for n in (14, 20, 50)),
        *(talib.MIN(low, n) for n in (14, 20, 50)),
        talib.RSI(close, 14),
        talib.AROONOSC(high, low, 25),
        talib.LINEARREG_SLOPE(close, 20),
        talib.CCI(high, low, close, 20),
        talib.ROC(close, 10),
        talib.MFI(high, low, close, volume, 14),
        talib.OBV(close, volume),
        talib.TRANGE(high, low, close),
        *(talib.STDDEV(close, n) for n in (5, 20, 50)),
        talib.CORREL(close, volume, 20),
        talib.CORREL(close, volume, 50),
    ]
    return len(columns)


def with_pandas_ta(bars: pd.DataFrame, delegate: bool) -> int:
    """The indicators that pandas-ta-classic has too, by its own code or by TA-Lib; return the column count."""
    high, low, close, volume = (bars[name] for name in ("high", "low", "close", "volume"))
    ta: Any = pandas_ta_classic
    asked: dict[str, Any] = {"talib": delegate, "lookahead": False}
    results = [
        *(ta.sma(close, n, **asked) for n in (20, 50, 200)),
        *(ta.ema(close, n, **asked) for n in (12, 20, 26)),
        ta.macd(close, **asked),
        ta.stoch(high, low, close, 14, 3, 3, **asked),
        ta.bbands(close, 20, 2.0, **asked),
        ta.atr(high, low, close, 14, **asked),
        ta.adx(high, low, close, 14, **asked),
        ta.rsi(close, 14, **asked),
        ta.willr(high, low, close, 14, **asked),
        ta.aroon(high, low, 25, **asked),
        ta.cci(high, low, close, 20, **asked),
        ta.roc(close, 10, **asked),
        ta.mfi(high, low, close, volume, 14, **asked),
        ta.cmf(high, low, close, volume, length=20, **asked),
        ta.obv(close, volume, **asked),
        ta.chop(high, low, close, 14, **asked),
        ta.tsi(close, 13, 25, **asked),
        ta.ui(close, 14, **asked),
    ]
    return sum(1 if isinstance(result, pd.Series) else result.shape[1] for result in results)


def best_of(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest repetition, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def run() -> list[dict[str, object]]:
    """Measure; one row per contender with what it computed, columns, seconds, and the goal where there is one."""
    bars = made_up_bars()
    features = compute_features(bars)
    gaps = detect_gaps(bars, "1m")
    setups = plan_setups(gaps, "1m")

    def row(
        who: str, columns: int, work: Callable[[], object], goal: float | None = None
    ) -> dict[str, object]:
        return {"what": who, "columns": columns, "seconds": best_of(work), "goal": goal}

    return [
        row(f"ours: every bar feature, {BARS:,} bars", len(FEATURES), lambda: compute_features(bars), 1.0),
        row("TA-Lib: its part of them, bare arrays", with_talib(bars), lambda: with_talib(bars)),
        row(
            "pandas-ta-classic, delegating to TA-Lib",
            with_pandas_ta(bars, True),
            lambda: with_pandas_ta(bars, True),
        ),
        row("pandas-ta-classic, by itself", with_pandas_ta(bars, False), lambda: with_pandas_ta(bars, False)),
        row(
            f"ours: model features of {len(setups):,} setups",
            len(MODEL_FEATURES),
            lambda: compute_setup_features(setups, gaps, features, bars),
        ),
    ]


def main() -> None:
    """Print the table."""
    print(f"{'what':48} {'columns':>7} {'seconds':>8} {'goal':>6}")
    for each in run():
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        print(f"{each['what']:48} {each['columns']:>7} {each['seconds']:>8.3f} {goal:>6}")


if __name__ == "__main__":
    main()
