"""`python -m fvg_platform_tests.soak`: until so many answers were faulty and so many readings were killed.

Ends with what was done and found; exit code 1, and the seed to do it again, when tables were not as they must be.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from fvg_platform.storage.bulk_connections import close_idle_connections
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import TEST_SETTINGS, open_folder_root
from fvg_platform_tests.soak.campaign import Difference, Episode, Stage, Tally
from fvg_platform_tests.soak.workers import Workers

KILLS_OF_AN_EPISODE = 8
DAYS = 30


def main() -> int:
    """Run the campaign that the arguments describe; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fvg_platform_tests.soak", description=__doc__)
    parser.add_argument("--answers", type=int, default=10_000, help="faulty answers at least")
    parser.add_argument("--kills", type=int, default=200, help="killed readings at least")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random")
    parser.add_argument("--episode", type=int, default=None, help="only this one, to look at what it found")
    asked = parser.parse_args()
    began, tally, differences = time.monotonic(), Tally(), []
    with tempfile.TemporaryDirectory(dir=open_folder_root(), prefix="fvg-soak-") as folder:
        Path(folder).chmod(0o755)  # the server's own user must reach its data
        server = EmbeddedPostgres(Path(folder) / "database", settings=TEST_SETTINGS)
        server.ensure_running()
        work = Path(folder) / "work"
        work.mkdir()
        try:
            with Workers(work) as workers:
                stage = Stage(server, workers, work, seed=asked.seed)
                number = asked.episode or 1
                while True:
                    try:
                        Episode(stage, f"{asked.seed}-{number}", tally, days=DAYS).run(
                            kills=KILLS_OF_AN_EPISODE
                        )
                    except Difference as difference:
                        differences.append(str(difference))
                        say(f"  {difference}")
                    say(_progress(number, tally, len(differences), time.monotonic() - began))
                    enough = tally.faults.total() >= asked.answers and tally.kills >= asked.kills
                    if enough or asked.episode is not None:
                        break
                    number += 1
        finally:
            close_idle_connections()
            server.stop()
    say(_summary(tally, differences, asked.seed, time.monotonic() - began))
    return 1 if differences else 0


def say(message: str) -> None:
    """Tell it now, also where the output is a file."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


def _progress(number: int, tally: Tally, differences: int, seconds: float) -> str:
    return (
        f"episode {number}: so far {tally.faults.total():,} faulty of {tally.answers:,} answers, {tally.kills} kills, "
        f"{tally.splits} splits, {differences} differences, {seconds:.0f} s"
    )


def _summary(tally: Tally, differences: list[str], seed: int, seconds: float) -> str:
    lines = [
        "",
        f"seed {seed}: {tally.episodes} episodes in {seconds:.0f} s",
        f"answers        {tally.answers:>9,}",
        f"  of them faulty {tally.faults.total():>7,}",
        *(f"    {kind:<16} {count:>5,}" for kind, count in sorted(tally.faults.items())),
        f"readings       {tally.readings:>9,}",
        f"  killed (-9)  {tally.kills:>9,}",
        f"  that gave up {tally.failures:>9,}",
        f"splits         {tally.splits:>9,}",
        f"looks at the tables while they were disturbed {tally.looks:,}",
        f"compared with undisturbed platforms: {tally.series:,} series, {tally.rows:,} bars",
        f"differences    {len(differences):>9,}",
    ]
    again = [f"again: python -m fvg_platform_tests.soak --seed {seed} --episode N"] if differences else []
    return "\n".join([*lines, *differences, *again])


if __name__ == "__main__":
    sys.exit(main())
