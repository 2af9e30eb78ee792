"""All bar features of 100,000 and 1,000,000 one-minute bars, beside what TA-Lib and pandas-ta-classic take.

TA-Lib's row is its own functions alone, called once each on bare arrays; ours beside it is `compute_features` asked for
the same indicators, with its checks of the bars and its table. pandas-ta-classic's rows are the indicators that both
libraries have, by its own code and delegating to TA-Lib. Each time is the best of the repetitions, after a warm-up
that compiles the kernels. The memory of a million bars is the process's peak less what it was before.
"""

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pandas_ta_classic
import talib
from numpy.typing import NDArray

from fvg_platform.features.catalogue import FEATURES, compute_features, reach
from fvg_platform.features.refresh import refresh_features
from fvg_platform.features.setup_features import MODEL_FEATURES, compute_setup_features
from fvg_platform.features.verification import verify
from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups

BARS = 100_000
MILLION = 1_000_000
REPEATS = 5

Arrays = dict[str, NDArray[np.float64]]


def made_up_bars(n: int = BARS) -> pd.DataFrame:
    """A seeded random walk on a one-minute clock, with every column that some source delivers."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, n)))
    open_ = np.r_[100.0, close[:-1]] * np.exp(rng.normal(0.0, 1e-4, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 2e-4, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 2e-4, n)))
    ts = pd.date_range("2026-01-01", periods=n, freq="min", tz="UTC")
    prices = {"open": open_, "high": high, "low": low, "close": close}
    volume = rng.lognormal(8.0, 1.0, n)
    orders = {
        "taker_buy_volume": volume * rng.uniform(0.2, 0.8, n),
        "vwap": low + (high - low) * rng.uniform(0.2, 0.8, n),
        "transactions": np.ceil(volume / 20.0),
    }
    return pd.DataFrame({"ts": ts, **prices, "volume": volume, **orders})


# What both have: the catalogue's feature → TA-Lib's own function or functions for it, on bare arrays. Those that the
# catalogue divides by ATR share one ATR with it on either side.
TALIB_PART: dict[str, Callable[[Arrays], Any]] = {
    **{f"sma_{n}": partial(lambda a, n: talib.SMA(a["close"], n), n=n) for n in (20, 50, 200)},
    **{f"ema_{n}": partial(lambda a, n: talib.EMA(a["close"], n), n=n) for n in (12, 26)},
    "macd": lambda a: talib.MACD(a["close"], 12, 26, 9),
    "macd_signal": lambda _: None,
    "macd_hist": lambda _: None,
    "stoch_k": lambda a: talib.STOCH(a["high"], a["low"], a["close"], 14, 3, talib.MA_Type.SMA, 3),
    "stoch_d": lambda _: None,
    "bb_upper": lambda a: talib.BBANDS(a["close"], 20, 2.0, 2.0),
    "bb_middle": lambda _: None,
    "bb_lower": lambda _: None,
    "atr_14": lambda a: talib.ATR(a["high"], a["low"], a["close"], 14),
    "adx_14": lambda a: talib.ADX(a["high"], a["low"], a["close"], 14),
    "plus_di_14": lambda a: talib.PLUS_DI(a["high"], a["low"], a["close"], 14),
    "minus_di_14": lambda a: talib.MINUS_DI(a["high"], a["low"], a["close"], 14),
    "williams_r_14": lambda a: talib.WILLR(a["high"], a["low"], a["close"], 14),
    "cci_20": lambda a: talib.CCI(a["high"], a["low"], a["close"], 20),
    "rsi_14": lambda a: talib.RSI(a["close"], 14),
    "roc_10": lambda a: talib.ROC(a["close"], 10),
    "aroon_osc_25": lambda a: talib.AROONOSC(a["high"], a["low"], 25),
    "linreg_slope_20_atr": lambda a: talib.LINEARREG_SLOPE(a["close"], 20),
    "mfi_14": lambda a: talib.MFI(a["high"], a["low"], a["close"], a["volume"], 14),
    "obv": lambda a: talib.OBV(a["close"], a["volume"]),
    "volume_sma_20": lambda a: talib.SMA(a["volume"], 20),
    "volume_move_corr_20": lambda a: talib.CORREL(a["close"], a["volume"], 20),
    "autocorr_1_50": lambda a: talib.CORREL(a["close"], a["volume"], 50),
}


def with_talib(bars: pd.DataFrame) -> int:
    """Run TA-Lib's own functions for its part of the catalogue, each once; return how many columns that is."""
    arrays = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    columns = [
        compute(arrays) for compute in TALIB_PART.values()
    ]  # kept until all are there, as a table keeps them
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


def row(
    what: str, columns: int, work: Callable[[], object], goal: str = "", repeats: int = REPEATS
) -> dict[str, object]:
    """Measure one contender: what it computed, how many columns, seconds, and the goal where there is one."""
    return {"what": what, "columns": columns, "seconds": best_of(work, repeats), "goal": goal}


def whole_series(bars: pd.DataFrame) -> list[dict[str, object]]:
    """The catalogue on 100,000 bars, and the parts that other libraries have too."""
    theirs = row("TA-Lib: its part, bare arrays", with_talib(bars), lambda: with_talib(bars), repeats=20)
    ours = row(
        "ours: TA-Lib's part", len(TALIB_PART), lambda: compute_features(bars, names=TALIB_PART), repeats=20
    )
    ours["goal"] = f"≤ {1.5 * float(str(theirs['seconds'])):.3f}"
    return [
        row(
            f"ours: every bar feature, {BARS:,} bars", len(FEATURES), lambda: compute_features(bars), "≤ 1.5"
        ),
        ours,
        theirs,
        row(
            "pandas-ta-classic, delegating to TA-Lib",
            with_pandas_ta(bars, True),
            lambda: with_pandas_ta(bars, True),
        ),
        row("pandas-ta-classic, by itself", with_pandas_ta(bars, False), lambda: with_pandas_ta(bars, False)),
    ]


def served(bars: pd.DataFrame) -> list[dict[str, object]]:
    """What a refresh and the models ask for: the newest bar from a tail, and setups."""
    features = compute_features(bars)
    hours = bars.assign(ts=pd.date_range("2015-01-01", periods=len(bars), freq="h", tz="UTC"))
    needed, last = reach(), len(hours) - 1
    tail = hours.iloc[last - max(needed.bars, 24 * needed.days) :]
    stored = {feature.name: features[feature.name].iloc[last - 1] for feature in FEATURES}
    gaps = detect_gaps(bars, "1m")
    setups = plan_setups(gaps, "1m")
    context = describe_context(bars, gaps, "1m")
    context = pd.concat([context, judge(context, gaps)], axis=1)
    return [
        row(
            f"ours: the newest hourly bar from a tail of {len(tail):,}",
            len(FEATURES),
            lambda: refresh_features(tail, hours["ts"].iloc[last], stored),
        ),
        row(
            f"ours: model features of {len(setups):,} setups",
            len(MODEL_FEATURES),
            lambda: compute_setup_features(setups, gaps, features, bars, context),
        ),
        row(
            "ours: proving every bar feature",
            len(FEATURES),
            prove_all,
            "",
            1,
        ),
    ]


def prove_all() -> None:
    """Hold every bar feature to what its entry claims."""
    for feature in FEATURES:
        verify(feature)


def million() -> list[dict[str, object]]:
    """The catalogue on a million bars, once, with the memory that it took."""
    bars = made_up_bars(MILLION)
    before = peak_megabytes()
    start = time.perf_counter()
    features = compute_features(bars)
    seconds = time.perf_counter() - start
    table = features.memory_usage(index=False).sum() / 1e6
    what = f"ours: {MILLION:,} bars; table {table:,.0f} MB, peak +{peak_megabytes() - before:,.0f} MB"
    return [{"what": what, "columns": len(FEATURES), "seconds": seconds, "goal": "≤ 15"}]


def peak_megabytes() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Print the table."""
    bars = made_up_bars()
    print(f"{'what':64} {'columns':>7} {'seconds':>8} {'goal':>7}")
    for measure in (lambda: whole_series(bars), lambda: served(bars), million):
        for each in measure():
            print(
                f"{each['what']:64} {each['columns']:>7} {each['seconds']:>8.3f} {each['goal']:>7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
