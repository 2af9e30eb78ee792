"""Gaps, zones, context and outcomes on a random walk of one-minute bars, beside the peers.

The walk gaps at every third bar, several times as often as real minutes do. pyvsmc finds the same gaps with touch,
half and full fill, without inversion, depth, ATR or times. smartmoneyconcepts finds the touch only, and its cost
grows with the square of the bars: it takes 1M bars about 105 s, so it runs on 100,000 and its time for each bar is
compared. The floor is numpy's vectorised detection alone. Finer bars: 1M bars of five minutes, made of 5M minutes.
Memory is what detection with its result, zones with theirs, and context with its take at their highest, beside the
size of the bars.
"""

import contextlib
import gc
import io
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyvsmc

from fvg_platform.fvg.context import describe_context
from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.rules import judge
from fvg_platform.fvg.setups import plan_setups
from fvg_platform.fvg.zones import derive_zones
from fvg_platform.market.calendars import trading_calendar
from fvg_platform.market.resampling import resample_bars

BARS = 1_000_000
SLOW_PEER_BARS = 100_000
REPEATS = 5
SAMPLES = 8  # of the walk inside each bar


def made_up_bars(n: int) -> pd.DataFrame:
    """A seeded random walk on a one-minute clock; each bar opens at the close before it."""
    rng = np.random.default_rng(7)
    walk = 1000 + 0.01 * rng.standard_normal(n * SAMPLES).cumsum().reshape(n, SAMPLES)
    opens = np.r_[1000.0, walk[:-1, -1]]
    return pd.DataFrame(
        {
            "ts": pd.date_range("2000-01-01", periods=n, freq="min", tz="UTC"),
            "open": opens,
            "high": np.maximum(walk.max(axis=1), opens),
            "low": np.minimum(walk.min(axis=1), opens),
            "close": walk[:, -1],
            "volume": rng.integers(1, 1000, n).astype(float),
        }
    )


def best_of(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest repetition."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def numpy_detection(high: np.ndarray, low: np.ndarray) -> int:
    """The positions and edges of all gaps and nothing else; returns how many there are."""
    up = np.flatnonzero(low[2:] > high[:-2]) + 2
    down = np.flatnonzero(high[2:] < low[:-2]) + 2
    edges = (high[up - 2], low[up], high[down], low[down - 2])
    return len(edges[0]) + len(edges[2])


def smartmoneyconcepts_gaps(bars: pd.DataFrame) -> pd.DataFrame:
    """Its gaps with the bar that touched them; it prints a greeting at import."""
    with contextlib.redirect_stdout(io.StringIO()):
        from smartmoneyconcepts import smc
    return smc.fvg(bars)


Row = dict[str, object]


def row(what: str, bars: int, found: int, seconds: float, goal: float | None = None) -> Row:
    """One line of the table."""
    return {"what": what, "bars": bars, "found": found, "seconds": seconds, "goal": goal}


def ours(n: int, goals: dict[str, float]) -> list[Row]:
    """Each part of the engine on n bars."""
    bars = made_up_bars(n)
    gaps = detect_gaps(bars, "1m")
    setups = plan_setups(gaps, "1m")
    label_setups(bars, setups.head(), "1m")
    rows = [
        row(
            "gaps and lifecycle",
            n,
            len(gaps),
            best_of(lambda: detect_gaps(bars, "1m")),
            goals.get("gaps"),
        ),
        row(
            "outcomes", n, len(setups), best_of(lambda: label_setups(bars, setups, "1m")), goals.get("labels")
        ),
    ]
    if n > BARS:
        return rows
    zones = derive_zones(bars, gaps, "1m")
    rows.append(
        row("zones and their lifecycle", n, len(zones), best_of(lambda: derive_zones(bars, gaps, "1m")))
    )
    calendar = trading_calendar("crypto")
    coarser = {name: resample_bars(bars, "1m", name, calendar) for name in ("5m", "15m")}

    def described() -> int:
        context = describe_context(bars, gaps, "1m", calendar=calendar, coarser=coarser)
        return len(judge(context, gaps))

    rows.append(row("context and verdicts", n, described(), best_of(described, 3), goals["context"]))
    return rows


def narrowed() -> list[Row]:
    """1M bars of five minutes, with and without the minutes that they are made of."""
    minutes = made_up_bars(5 * BARS)
    bars = resample_bars(minutes, "1m", "5m", trading_calendar("crypto"))
    setups = plan_setups(detect_gaps(bars, "5m"), "5m")
    finer = {"1m": minutes}
    label_setups(bars, setups, "5m", finer=finer)
    alone = best_of(lambda: label_setups(bars, setups, "5m"), 3)
    both = best_of(lambda: label_setups(bars, setups, "5m", finer=finer), 3)
    return [
        row("outcomes of 5m bars alone", len(bars), len(setups), alone),
        row("outcomes of 5m bars, 5M minutes beside", len(bars), len(setups), both, 0.3),
    ]


def peers(bars: pd.DataFrame) -> list[Row]:
    """The same on others, as far as they go."""
    high, low = bars["high"].to_numpy(), bars["low"].to_numpy()
    found = pyvsmc.detect_fvg(high, low, compute_mitigation=True)
    count = int(found.bullish.sum() + found.bearish.sum())
    few = bars.head(SLOW_PEER_BARS)
    start = time.perf_counter()
    touched = int(smartmoneyconcepts_gaps(few)["FVG"].notna().sum())
    slow = time.perf_counter() - start
    return [
        row(
            "pyvsmc: gaps, touch, half and full fill",
            len(bars),
            count,
            best_of(lambda: pyvsmc.detect_fvg(high, low, compute_mitigation=True), 2),
        ),
        row(
            "numpy: detection alone (floor)",
            len(bars),
            numpy_detection(high, low),
            best_of(lambda: numpy_detection(high, low)),
        ),
        row("smartmoneyconcepts: gaps and touch", len(few), touched, slow),
    ]


def _memory(answers: "multiprocessing.Queue[tuple[float, float]]") -> None:
    """In a process of its own: its highest memory above what it held before, and the bars' own size."""
    few = made_up_bars(2_000)
    describe_context(few, detect_gaps(few, "1m"), "1m")
    derive_zones(few, detect_gaps(few, "1m"), "1m")
    bars = made_up_bars(4 * BARS)
    gc.collect()
    # What making the bars took stays the highest until more is held at once: subtract what is held now.
    page = resource.getpagesize()
    held = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * page
    gaps = detect_gaps(bars, "1m")
    zones = derive_zones(bars, gaps, "1m")
    context = describe_context(bars, gaps, "1m")
    setups = plan_setups(gaps, "1m")
    labels = label_setups(bars, setups, "1m")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert min(map(len, (zones, context, labels)))
    answers.put((float(peak - held), float(bars.memory_usage(index=False).sum())))


def memory() -> tuple[float, float]:
    """Bytes that everything together takes at its highest beyond the bars, and the bars' bytes."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[tuple[float, float]] = context.Queue()
    process = context.Process(target=_memory, args=(answers,))
    process.start()
    found = answers.get()
    process.join()
    return found


def main() -> None:
    """Print the table."""
    detect_gaps(made_up_bars(100), "1m")  # compiles
    rows = ours(BARS, {"gaps": 0.12, "labels": 0.06, "context": 3.0})
    rows += peers(made_up_bars(BARS))
    rows += ours(10 * BARS, {"gaps": 1.5})
    rows += narrowed()
    base = float(rows[0]["seconds"]) / BARS  # type: ignore[arg-type]
    print(f"{'what':44} {'bars':>10} {'found':>10} {'seconds':>8} {'goal':>8} {'per bar':>9}")
    for each in rows:
        goal = "" if each["goal"] is None else f"≤ {each['goal']:.2f}"
        ratio = float(each["seconds"]) / float(each["bars"]) / base  # type: ignore[arg-type]
        print(
            f"{each['what']:44} {each['bars']:>10,} {each['found']:>10,} {each['seconds']:>8.3f} {goal:>8} "
            f"{ratio:>8.2f}×"
        )
    taken, size = memory()
    print(
        f"memory of 4M bars ({size / 1e6:.0f} MB) with gaps, zones, context, setups and labels: "
        f"{taken / size:.1f}× their size"
    )


if __name__ == "__main__":
    main()
