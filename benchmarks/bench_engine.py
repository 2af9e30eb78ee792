"""Gaps with their lifecycle, then setups with their outcomes, on a random walk of one-minute bars, beside the peers.

The walk gaps at every third bar, several times as often as real minutes do. pyvsmc finds the same gaps with touch,
half and full fill, without inversion, depth, ATR or times. smartmoneyconcepts finds the touch only, and its cost
grows with the square of the bars: it takes 1M bars about 105 s, so it runs on 100,000 and its time for each bar is
compared. The floor is numpy's vectorised detection alone.
"""

import contextlib
import io
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyvsmc

from fvg_platform.fvg.gaps import detect_gaps
from fvg_platform.fvg.outcomes import label_setups
from fvg_platform.fvg.setups import plan_setups

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


def run() -> list[dict[str, object]]:
    """Measure; rows with what was done, bars, gaps or setups, seconds, the goal, and times our time for each bar."""
    detect_gaps(made_up_bars(100), "1m")  # compiles
    ours: dict[str, float] = {}
    rows: list[dict[str, object]] = []

    def add(
        what: str, n: int, found: int, seconds: float, goal: float | None, beside: str | None = None
    ) -> None:
        ours.setdefault(what, seconds / n)
        ratio = None if beside is None else seconds / n / ours[beside]
        rows.append(
            {"what": what, "bars": n, "found": found, "seconds": seconds, "goal": goal, "ratio": ratio}
        )

    for n, factor in ((BARS, 1), (10 * BARS, 12)):
        bars = made_up_bars(n)
        gaps = detect_gaps(bars, "1m")
        setups = plan_setups(gaps, "1m")
        label_setups(bars, setups.head(), "1m")
        grown = "" if factor == 1 else ", ten times the bars"
        seconds = best_of(lambda bars=bars: detect_gaps(bars, "1m"))
        goal = 0.2 if factor == 1 else factor * float(rows[0]["seconds"])  # type: ignore[arg-type]
        add(f"ours: gaps and lifecycle{grown}", n, len(gaps), seconds, goal, "ours: gaps and lifecycle")
        seconds = best_of(lambda bars=bars, gaps=gaps: label_setups(bars, plan_setups(gaps, "1m"), "1m"))
        goal = 0.2 if factor == 1 else factor * float(rows[1]["seconds"])  # type: ignore[arg-type]
        add(f"ours: setups and outcomes{grown}", n, len(setups), seconds, goal, "ours: setups and outcomes")
        del gaps, setups
        if factor == 1:
            high, low = bars["high"].to_numpy(), bars["low"].to_numpy()
            found = pyvsmc.detect_fvg(high, low, compute_mitigation=True)
            count = int(found.bullish.sum() + found.bearish.sum())
            seconds = best_of(lambda h=high, x=low: pyvsmc.detect_fvg(h, x, compute_mitigation=True), 2)
            add(
                "pyvsmc: gaps, touch, half and full fill", n, count, seconds, None, "ours: gaps and lifecycle"
            )
            seconds = best_of(lambda h=high, x=low: numpy_detection(h, x))
            count = numpy_detection(high, low)
            add("numpy: detection alone (floor)", n, count, seconds, None, "ours: gaps and lifecycle")
            few = bars.head(SLOW_PEER_BARS)
            start = time.perf_counter()
            count = int(smartmoneyconcepts_gaps(few)["FVG"].notna().sum())
            seconds = time.perf_counter() - start
            add(
                "smartmoneyconcepts: gaps and touch",
                len(few),
                count,
                seconds,
                None,
                "ours: gaps and lifecycle",
            )
    return rows


def main() -> None:
    """Print the table."""
    print(f"{'what':48} {'bars':>10} {'found':>9} {'seconds':>8} {'goal':>8} {'per bar':>9}")
    for each in run():
        goal = "" if each["goal"] is None else f"≤ {each['goal']:.2f}"
        print(
            f"{each['what']:48} {each['bars']:>10,} {each['found']:>9,} {each['seconds']:>8.3f} {goal:>8} "
            f"{each['ratio']:>8.2f}×"
        )


if __name__ == "__main__":
    main()
