"""The whole way as a user meets it: whole processes, timed from outside, with the peak memory of the largest one.

The demo on the sample; the same again; 400,000 one-minute bars (four tickers) from files through every asset; the
command line's help; the import of the definitions beside that of Dagster alone.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from fvg_platform.market.calendars import trading_calendar

TICKERS = ("AAA", "BBB", "CCC", "DDD")
MINUTES_EACH = 100_000
FVG = str(Path(sys.executable).with_name("fvg"))


def write_minutes(folder: Path) -> int:
    """Random walks of one-minute bars on the exchange's calendar, one file per ticker; returns how many bars."""
    ts = trading_calendar("equity").expected_opens(
        "1m", pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2025-12-31", tz="UTC")
    )[:MINUTES_EACH]
    for seed, ticker in enumerate(TICKERS):
        random = np.random.default_rng(seed)
        path = 100 * np.exp(np.cumsum(random.normal(0, 1e-4, (len(ts), 8)).ravel())).reshape(len(ts), 8)
        pd.DataFrame(
            {
                "ts": ts,
                "open": path[:, 0],
                "high": path.max(axis=1),
                "low": path.min(axis=1),
                "close": path[:, -1],
                "volume": random.integers(100, 10_000, len(ts)).astype(float),
            }
        ).to_parquet(folder / f"{ticker}_1m.parquet", index=False)
    return len(ts) * len(TICKERS)


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and the peak memory in GB of a command that must succeed."""
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024**2


def run() -> list[dict[str, object]]:
    """Measure; rows of what, seconds, peak memory in GB, and the goals."""
    root = Path(tempfile.mkdtemp(prefix="fvg-bench-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    root.chmod(0o755)
    sample = {"FVG_HOME": str(root / "sample"), "FVG_BAR_SOURCE": "sample"}
    files = {"FVG_HOME": str(root / "files"), "FVG_BAR_SOURCE": "files", "FVG_FILES_DIR": str(root / "bars")}
    (root / "bars").mkdir()
    rows: list[dict[str, object]] = []

    def measure(what: str, command: list[str], environment: dict[str, str], goal: float | None) -> None:
        seconds, memory = timed(command, environment)
        rows.append({"what": what, "seconds": seconds, "memory": memory, "goal": goal})

    try:
        bars = write_minutes(root / "bars")
        measure("fvg demo on the sample, first time", [FVG, "demo"], sample, 90.0)
        measure("fvg demo on the sample, again", [FVG, "demo"], sample, None)
        measure(f"fvg demo on {bars:,} one-minute bars from files", [FVG, "demo"], files, 90.0)
        measure("fvg --help", [FVG, "--help"], sample, 0.7)
        python = [sys.executable, "-c"]
        measure("import of the definitions", [*python, "import fvg_platform.definitions"], sample, 3.0)
        measure("import of dagster alone", [*python, "import dagster"], sample, None)
    finally:
        for environment in (sample, files):
            subprocess.run([FVG, "db", "stop"], env={**os.environ, **environment}, check=True)
        shutil.rmtree(root)
    return rows


def main() -> None:
    """Print the table."""
    print(f"{'what':48} {'seconds':>8} {'goal':>7} {'peak GB':>8}")
    for each in run():
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        print(f"{each['what']:48} {each['seconds']:>8.2f} {goal:>7} {each['memory']:>8.2f}")
    print(
        f"largest child process so far: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2:.2f} GB"
    )


if __name__ == "__main__":
    main()
