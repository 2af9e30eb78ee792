"""`python -m benchmarks [engine|refresh|features|storage|serving|learning|ingestion|platform|…]`: print tables.

All by default, each in a process of its own: memory and imports of one do not weigh on the next.
"""

import subprocess
import sys

NAMES = (
    "engine",
    "refresh",
    "features",
    "storage",
    "serving",
    "learning",
    "ingestion",
    "platform",
    "predictions",
    "drift",
    "forecasts",
    "track_record",
    "retraining",
)


def main() -> int:
    """Run what was asked for; the exit code is that of the first one that failed."""
    chosen = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}: use some of {', '.join(NAMES)}")
        return 2
    for name in chosen:
        print(f"\n== {name}", flush=True)
        code = subprocess.run([sys.executable, "-m", f"benchmarks.bench_{name}"], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
