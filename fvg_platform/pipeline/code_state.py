"""Which code is running: the commit of the checkout, for the record of what it made."""

import os
import subprocess
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def git_commit() -> str | None:
    """The commit that the code was checked out from, with a ``+`` where files have changed since.

    `FVG_GIT_COMMIT` tells it where there is no checkout, as in an image; without either it is None.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", str(_PACKAGE))
    except (OSError, subprocess.SubprocessError):  # no git, or no checkout of its own
        return os.environ.get("FVG_GIT_COMMIT")
    return f"{commit}+" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(_PACKAGE), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
