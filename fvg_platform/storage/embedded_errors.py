"""What can keep the embedded Postgres from running, said to the person who has to mend it.

Postgres writes the cause into its log; here that log's last lines are joined with the folder they speak of
and the way out of the causes that people really meet.
"""

import shutil
from pathlib import Path

_TAIL_BYTES = 8192
_TAIL_LINES = 12

# Part of what Postgres or initdb says (lower case) → the way out. The first that matches is told.
_WAYS_OUT: tuple[tuple[str, str], ...] = (
    (
        "no space left on device",
        "free disk space there and run the command again: nothing that was committed is lost",
    ),
    ("disk quota exceeded", "raise the disk quota or free space, then run the command again"),
    (
        "shared memory segment",
        "give the machine or container more memory, or lower shared_buffers in postgresql.conf",
    ),
    (
        "cannot allocate memory",
        "give the machine or container more memory, or lower shared_buffers in postgresql.conf",
    ),
    (
        "could not look up",
        "add this user to the system's user list (/etc/passwd): Postgres refuses users without a name",
    ),
    ("database files are incompatible", "move the folder away, or restore a backup into a new one"),
    ("unrecognized configuration parameter", "mend the line of postgresql.conf that the log names"),
    ("contains errors", "mend the line of postgresql.conf that the log names"),
    ("could not bind unix address", "choose an FVG_HOME on a local disk that allows sockets"),
    ("permission denied", "give that user access to the folder, or choose another FVG_HOME"),
    ("read-only file system", "choose an FVG_HOME that can be written to"),
    (
        "could not locate a valid checkpoint record",
        "the data are damaged: move the folder away and restore a backup",
    ),
)
_LAST_RESORT = (
    "mend what the log says, choose another FVG_HOME, or set FVG_DATABASE_URL to a Postgres of your own"
)


class EmbeddedPostgresError(RuntimeError):
    """The embedded Postgres cannot be set up, started or stopped; the message names the folder and the way out."""


def log_tail(log_file: Path, begin: int = 0) -> str:
    """The last lines of a server log from byte `begin` on, or an empty string where there is none."""
    try:
        with log_file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(begin, stream.tell() - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])


def failure(what: str, folder: Path, output: str) -> EmbeddedPostgresError:
    """The error for a server program that failed: what, in which folder, its last words, the way out."""
    said = output.lower()
    way_out = next((hint for sign, hint in _WAYS_OUT if sign in said), _LAST_RESORT)
    indented = "\n".join(f"    {line}" for line in output.strip().splitlines()) or "    (it said nothing)"
    return EmbeddedPostgresError(
        f"{what}\n  data folder: {folder} ({_free_space(folder)})\n  its last words:\n{indented}\n  way out: {way_out}"
    )


def _free_space(folder: Path) -> str:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return f"{shutil.disk_usage(existing).free // 2**20:,} MB free"
