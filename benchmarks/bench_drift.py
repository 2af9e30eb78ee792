"""Drift of 150 features over 50,000 made-up setups: the whole report, and its parts.

Features are slow and not always known; the last hundredth of the setups is the window. Beside it, what a plain
two-sample test per feature costs (SciPy's Kolmogorov-Smirnov), which knows nothing of overlapping setups and calls
almost every slow feature drifted.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from fvg_platform.learning.calibration_drift import calibration_drift
from fvg_platform.learning.dissimilarity import dissimilarity
from fvg_platform.learning.drift import examine_drift
from fvg_platform.learning.drift_statistics import move
from fvg_platform.learning.drift_windows import Stretches

SETUPS = 50_000
WINDOW = 500
FEATURES = tuple(f"feature_{number}" for number in range(150))
LIFE = pd.Timedelta(hours=30)


def made_up_setups(n: int) -> pd.DataFrame:
    """Seeded setups every 37 minutes; features wander (AR(1), φ 0.99 from setup to setup), 2 % are unknown."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(11)
    x = lfilter([np.sqrt(1.0 - 0.99**2)], [1.0, -0.99], rng.normal(size=(n, len(FEATURES))), axis=0)
    x[rng.random(x.shape) < 0.02] = np.nan
    p = rng.uniform(0.3, 0.6, n)
    known_at = pd.date_range("2015-01-01", periods=n, freq="37min", tz="UTC")
    won = (rng.random(n) < p).astype(np.float64)
    frame = pd.DataFrame(
        {
            "known_at": known_at,
            "life_end": known_at + LIFE,
            "p_target_1": p,
            "y_lo": won,
            "y_hi": won,
            "horizon_passed": True,
        }
    )
    return pd.concat([frame, pd.DataFrame(x, columns=list(FEATURES))], axis=1)


def run() -> list[dict[str, object]]:
    """Measure; rows with what was done, setups, seconds (best of three), and the goal in seconds if there is one."""
    setups = made_up_setups(SETUPS)
    reference, window = setups.iloc[:-WINDOW], setups.iloc[-WINDOW:]
    length = window["known_at"].iloc[-1] - window["known_at"].iloc[0]
    old, new = (np.asfortranarray(frame[list(FEATURES)].to_numpy()) for frame in (reference, window))
    known_at = pd.DatetimeIndex(reference["known_at"]).as_unit("ns").asi8
    stretches = Stretches.of(known_at, length)
    rows: list[dict[str, object]] = []

    def measure(what: str, call: Callable[[], Any], goal: float | None = None) -> Any:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            result = call()
            seconds.append(time.perf_counter() - start)
        rows.append({"what": what, "setups": SETUPS, "seconds": min(seconds), "goal": goal})
        return result

    report = measure(
        "ours: the whole report", lambda: examine_drift(reference, window, FEATURES, length=length), 3.0
    )
    measure("ours: features", lambda: [move(a, b, stretches) for a, b in zip(old.T, new.T, strict=True)])
    measure(
        "ours: dissimilarity",
        lambda: dissimilarity(old, new, known_at, stretches, length=length, keep=None, seed=0),
    )
    measure("ours: calibration", lambda: calibration_drift(window))
    plain = measure(
        "SciPy: ks_2samp, every feature",
        lambda: [
            ks_2samp(a[~np.isnan(a)], b[~np.isnan(b)]).pvalue for a, b in zip(old.T, new.T, strict=True)
        ],
    )
    ours, theirs = int(report.metrics["drifted"].sum()), int((np.array(plain) <= 0.05 / len(FEATURES)).sum())
    print(
        f"of {len(FEATURES)} features without drift ours calls {ours} drifted, ks_2samp (Bonferroni) {theirs}"
    )
    return rows


def main() -> None:
    """Print the table."""
    rows = run()
    print(f"{'what':34} {'setups':>8} {'seconds':>8} {'goal':>7}")
    for each in rows:
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        print(f"{each['what']:34} {each['setups']:>8,} {each['seconds']:>8.3f} {goal:>7}")


if __name__ == "__main__":
    main()
