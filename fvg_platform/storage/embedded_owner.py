"""Under which user the embedded Postgres runs, and in which folder that user can work.

Postgres refuses to run as root: root's server runs as an unprivileged user, and where that user cannot walk
to the project the data go to a folder of the platform's own. Only folders that the platform itself makes get
an owner or a mode here; those that were there before stay as they are.
"""

import hashlib
import os
import pwd
import re
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fvg_platform.storage.embedded_errors import EmbeddedPostgresError

REFUGE = Path("/var/lib/fvg-platform")

# A clean environment: PGDATA, PGPORT, PGOPTIONS and the like of the caller must not reach the server.
_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class ServerOwner:
    """The operating system user that the server runs as; `switched` when that is not the caller himself."""

    name: str
    uid: int
    gid: int
    switched: bool

    @property
    def process_options(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` start a program as this user, in a clean environment."""
        options: dict[str, Any] = {"env": dict(_ENVIRONMENT), "cwd": "/", "umask": 0o077}
        if self.switched:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, arguments: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as this user to its end; output and errors together in `stdout`."""
        options = {"stdin": subprocess.DEVNULL} | self.process_options | options
        if "input" in options:
            options.pop("stdin")
        try:
            return subprocess.run(
                [str(argument) for argument in arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                **options,
            )
        except PermissionError as error:
            raise EmbeddedPostgresError(
                f"{arguments[0]} cannot be started as user {self.name!r} ({error}). Postgres does not run as "
                "root: run the command as an ordinary user, or set FVG_DATABASE_URL to a Postgres of your own"
            ) from error

    def reaches(self, folder: Path) -> bool:
        """Whether this user can walk to the folder; asked of the system, which knows modes, ACLs and mounts."""
        return self.run(["/bin/sh", "-c", 'test -x "$1/."', "sh", folder]).returncode == 0

    def owns_privately(self, folder: Path) -> bool:
        """Whether it is a real folder, this user's own, closed to everybody else."""
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.uid and found.st_mode & 0o077 == 0

    def make_private_folder(self, folder: Path) -> None:
        """Make a folder of mode 0700 that belongs to this user; one that is there must be just that already.

        Raises
        ------
        EmbeddedPostgresError
            The path is taken by something else: a link, a file, somebody else's or an open folder.
        """
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as error:
            raise EmbeddedPostgresError(
                f"the folder {folder} cannot be made ({error}): give your user write access to "
                f"{folder.parent}, or choose another FVG_HOME"
            ) from error
        found = folder.lstat()
        # Made a moment ago, or by a root process that was killed before it could hand the folder over.
        ours_to_hand_over = self.switched and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if ours_to_hand_over and not any(folder.iterdir()):
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)
        if not self.owns_privately(folder):
            raise EmbeddedPostgresError(
                f"{folder} is not a private folder of user {self.name!r}. Move it away, or, if it is "
                f"this platform's, hand it back: chown -R {self.name} '{folder}' && chmod 700 '{folder}'"
            )


@dataclass(frozen=True)
class Place:
    """The folder that holds `postgres/`, and the sentence for the user when it is not the one he asked for."""

    folder: Path
    notice: str | None


def find_owner(home: Path, server_user: str | None) -> ServerOwner:
    """Who runs the server: the caller; for root the asked-for user, the data's owner, `postgres` or `nobody`."""
    uid = os.geteuid()
    if uid != 0:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedPostgresError(
                f"user id {uid} has no entry in the system's user list (/etc/passwd), and Postgres refuses users "
                "without a name: add one, or set FVG_DATABASE_URL to a Postgres of your own"
            ) from None
        if server_user not in (None, entry.pw_name):
            raise EmbeddedPostgresError(
                f"only root can start the server as another user: {entry.pw_name!r} asked for {server_user!r}"
            )
        return ServerOwner(entry.pw_name, uid, entry.pw_gid, switched=False)
    entry = _named_user(server_user) if server_user else _unprivileged_user(home)
    if entry.pw_uid == 0:
        raise EmbeddedPostgresError("Postgres does not run as root: name an unprivileged server user")
    return ServerOwner(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=True)


def find_place(home: Path, owner: ServerOwner, refuge: Path) -> Place:
    """Where the data lie: in `home` when the server's user can walk there, else in a folder under `refuge`.

    Data that were put into the refuge once stay there, even when `home` has become reachable since.

    Raises
    ------
    EmbeddedPostgresError
        `home` holds data already that the server's user can no longer reach: a second, empty database
        would look like a loss.
    """
    if not owner.switched:
        _require_own(home / "postgres", owner)
        return Place(home, None)
    substitute = refuge / _refuge_name(home)
    notice = (
        f"The database's files are in {substitute}: its server runs as user {owner.name!r}, "
        f"who cannot reach {home}."
    )
    if (substitute / "postgres" / "data").exists():
        return Place(substitute, notice)
    nearest = next(path for path in (home, *home.parents) if path.exists())
    if owner.reaches(nearest):
        return Place(home, None)
    if (home / "postgres" / "data").exists():
        raise EmbeddedPostgresError(
            f"the data in {home / 'postgres'} can no longer be reached by user {owner.name!r}, who runs the "
            f"server: let him walk through {home}'s parents (chmod o+x), or move the folder away to start anew"
        )
    return Place(substitute, notice)


def make_open_folder(folder: Path) -> None:
    """Make a folder and its missing parents with mode 0755 whatever the umask; existing ones stay untouched."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            continue  # another process was quicker, and sets the mode
        except OSError as error:
            raise EmbeddedPostgresError(
                f"the folder {path} cannot be made ({error}): give your user write access to {path.parent}, "
                "or choose another FVG_HOME"
            ) from error
        path.chmod(0o755)


def _require_own(folder: Path, owner: ServerOwner) -> None:
    try:
        foreign = folder.exists() and not owner.owns_privately(folder)
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"user {owner.name!r} may not look into {folder.parent} ({error}): choose another FVG_HOME"
        ) from error
    if foreign:
        raise EmbeddedPostgresError(
            f"{folder} was made by another user (user id {folder.stat().st_uid}; root's server runs as one of its "
            f"own): run the command as root again, or choose another FVG_HOME for user {owner.name!r}"
        )


def _named_user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise EmbeddedPostgresError(f"the server user {name!r} does not exist on this machine") from None


def _unprivileged_user(home: Path) -> pwd.struct_passwd:
    data = home / "postgres" / "data"
    if data.exists() and (uid := data.stat().st_uid) != 0:
        try:
            return pwd.getpwuid(uid)  # an ordinary user's data that root looks after
        except KeyError:
            raise EmbeddedPostgresError(
                f"{data} belongs to user id {uid}, whom this machine does not know: chown -R it to a known user"
            ) from None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedPostgresError(
        "this machine has neither a user 'postgres' nor 'nobody' to run the server as: make one, or run as an "
        "ordinary user, or set FVG_DATABASE_URL to a Postgres of your own"
    )


def _refuge_name(home: Path) -> str:
    """`<project folder's name>-<hash of home's path>`, fit for a file name."""
    project = home.parent if home.name.startswith(".") else home
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", project.name).strip("-.") or "project"
    return f"{name[:40]}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
