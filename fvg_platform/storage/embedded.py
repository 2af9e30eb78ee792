"""A Postgres of the project's own, out of a pip wheel: made, started on demand and shared by all processes.

It listens on a Unix socket in a private folder and knows its users by the operating system (`peer`), so there
is no password. Who runs it and where is decided in `embedded_owner`, its folder made in `embedded_cluster`.

Whether a server lives is asked of the kernel: it and all its children inherit a lock on `server.lock`, which
is free exactly when the last of them is gone. Process ids, which other processes may reuse, decide nothing.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from fvg_platform.storage import embedded_cluster as cluster
from fvg_platform.storage.embedded_binaries import server_programs, server_version, wheel_programs
from fvg_platform.storage.embedded_errors import EmbeddedPostgresError, failure, log_tail
from fvg_platform.storage.embedded_owner import (
    REFUGE,
    Place,
    ServerOwner,
    find_owner,
    find_place,
    make_open_folder,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "ServerStatus"]

_SOCKET_FILE = f".s.PGSQL.{cluster.PORT}"
_SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
_LOG_BYTES = 16 * 2**20
_ORPHAN_SECONDS = 2.0
_DEAF_SECONDS = 10.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class ServerStatus:
    """What `fvg db status` shows of the embedded server."""

    running: bool
    pid: int | None
    url: str
    version: int
    server_user: str
    data_folder: Path
    log_file: Path
    notice: str | None


class EmbeddedPostgres:
    """One project's embedded server; any number of these objects, in any number of processes, share it.

    Parameters
    ----------
    home : Path
        The project's folder for state; the data go to `home/postgres`. Made when missing.
    server_user : str, optional
        Root only: the unprivileged user to run the server as; by default `postgres` or `nobody`.
    settings : Mapping, optional
        Postgres settings on top of the platform's own, read at the next start.
    refuge : Path
        Root only: where the data go when the server's user cannot reach `home`.
    timeout : float
        Seconds to wait for a start (crash recovery included) or a stop.
    """

    def __init__(
        self,
        home: Path,
        server_user: str | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        refuge: Path = REFUGE,
        timeout: float = 300.0,
    ) -> None:
        self.home = Path(home).resolve()
        self._server_user = server_user
        self._settings = dict(settings or {})
        self._refuge = refuge
        self._timeout = timeout

    def ensure_running(self) -> str:
        """Start the server unless it runs, making its data folder the first time; returns its URL.

        Raises
        ------
        EmbeddedPostgresError
            It cannot be made or started; the message has the folder, the log's last lines and the way out.
        """
        if not self._answers():
            make_open_folder(self._place.folder)
            self._owner.make_private_folder(self.folder)
            with self._start_lock() as lock:
                if not self._answers():
                    self._start(lock)
        if cluster.admit_caller(self.data_folder, self._owner):
            self._signal(signal.SIGHUP)
            self._await_admission()
        self._trim_log()
        return self.url

    def stop(self) -> bool:
        """Stop the server, open transactions rolled back, everything written down; False when none ran.

        Raises
        ------
        EmbeddedPostgresError
            It does not end within the timeout.
        """
        if not self.folder.exists():
            return False
        with self._start_lock():
            if not self._alive():
                return False
            for attempt in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate: the log brings all back
                if not self._signal(attempt):
                    self._end_orphans(signal.SIGQUIT)
                deadline = time.monotonic() + min(self._timeout, 60)
                while time.monotonic() < deadline:
                    if not self._alive():
                        return True
                    time.sleep(_POLL_SECONDS)
        raise failure("the embedded Postgres does not stop", self.data_folder, log_tail(self.log_file))

    def status(self) -> ServerStatus:
        """What is there now; starts nothing and makes nothing."""
        running = self._answers()
        return ServerStatus(
            running=running,
            pid=self._postmaster() if running else None,
            url=self.url,
            version=server_version(),
            server_user=self._owner.name,
            data_folder=self.data_folder,
            log_file=self.log_file,
            notice=self.notice,
        )

    @property
    def url(self) -> str:
        """`postgresql://fvg@/fvg?host=SOCKETFOLDER&port=5432`; the port keeps a caller's PGPORT out of it."""
        folder = quote(os.fsencode(self._socket_folder), safe="/")
        return f"postgresql://{cluster.ROLE}@/{cluster.DATABASE}?host={folder}&port={cluster.PORT}"

    @property
    def bin_dir(self) -> Path:
        """The folder of psql, pg_dump and pg_restore for the caller."""
        return wheel_programs()

    @property
    def notice(self) -> str | None:
        """The sentence to print when the data had to go somewhere else than `home`."""
        return self._place.notice

    @property
    def folder(self) -> Path:
        """Everything of the server: `data/`, `run/`, `server.log` and the locks; the server user's own, 0700."""
        return self._place.folder / "postgres"

    @property
    def data_folder(self) -> Path:
        """Postgres' own data folder."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """What the server says; cut at 16 MB, the last part kept as `server.log.1`."""
        return self.folder / "server.log"

    # -- how it is done ---------------------------------------------------------------------------------

    @cached_property
    def _owner(self) -> ServerOwner:
        if sys.platform == "win32":
            raise EmbeddedPostgresError("the embedded Postgres needs Linux or macOS: set FVG_DATABASE_URL")
        return find_owner(self.home, self._server_user)

    @cached_property
    def _place(self) -> Place:
        return find_place(self.home, self._owner, self._refuge)

    @property
    def _socket_folder(self) -> Path:
        """A running server's own word for it (it may have been started under another TMPDIR), else the rule's."""
        recorded = self._pid_file_line(5)
        return Path(recorded) if recorded and self._alive() else self._planned_socket_folder

    @cached_property
    def _planned_socket_folder(self) -> Path:
        name = f"fvg-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        temporary = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - a private folder is made inside
        reachable = [
            base / name for base in temporary if not self._owner.switched or self._owner.reaches(base)
        ]
        for candidate in (self.folder / "run", *reachable):
            path = os.fsencode(candidate / _SOCKET_FILE)
            # libpq and Postgres read a comma as the next host, and the rest needs quoting somewhere.
            if len(path) <= _SOCKET_PATH_BYTES and not set(b",:\"'\\@\n") & set(path):
                return candidate
        raise EmbeddedPostgresError(
            f"no folder for the server's socket: {self.folder} and {tempfile.gettempdir()} are too long or closed "
            f"to user {self._owner.name!r}: choose a shorter FVG_HOME"
        )

    @contextmanager
    def _start_lock(self) -> Iterator[int]:
        """One process at a time makes, starts or stops; yields the lock's file descriptor."""
        descriptor = self._open_lock("start.lock")
        try:
            deadline = time.monotonic() + self._timeout
            while not _try_lock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"another process has been starting or stopping the server in {self.folder} for "
                        f"{self._timeout:.0f} s: look whether an `initdb` or `fvg` hangs, end it, try again"
                    )
                time.sleep(_POLL_SECONDS)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_lock(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.folder / name, flags, 0o600)
            if self._owner.switched:
                os.fchown(descriptor, self._owner.uid, self._owner.gid)
        except OSError as error:
            raise failure(f"the lock {name} cannot be opened", self.data_folder, str(error)) from error
        return descriptor

    def _alive(self) -> bool:
        """Whether any process of the server lives: the server itself, or a child that outlived it."""
        if not (self.folder / "server.lock").exists():
            return False
        descriptor = self._open_lock("server.lock")
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _answers(self) -> bool:
        return self._ask() == 0

    def _ask(self) -> int:
        """pg_isready's answer: 0 takes connections, 1 starts, stops or recovers, 2 nobody there."""
        folder = self._socket_folder
        if not (folder / _SOCKET_FILE).exists():
            return 2
        whom = ["-h", str(folder), "-p", str(cluster.PORT), "-U", cluster.ROLE, "-d", cluster.DATABASE]
        question = [str(self.bin_dir / "pg_isready"), "-q", "-t", "5", *whom]
        return subprocess.run(question, check=False, stdin=subprocess.DEVNULL).returncode

    def _start(self, start_lock: int) -> None:
        programs = server_programs(self._owner, self._place.folder)
        if not self.data_folder.exists():
            cluster.create_cluster(self.data_folder, programs, self._owner, self._settings, start_lock)
        cluster.require_version(self.data_folder, self._owner)
        started = time.monotonic()
        launched, log_begins = False, 0
        while (answer := self._ask()) != 0:
            waited = time.monotonic() - started
            if not self._alive():
                if launched:
                    what = f"the embedded Postgres (user {self._owner.name!r}) ended while starting"
                    raise failure(what, self.data_folder, log_tail(self.log_file, log_begins))
                log_begins = self.log_file.stat().st_size if self.log_file.exists() else 0
                launched = self._launch(programs)
            elif answer == 2 and waited > _ORPHAN_SECONDS and self._postmaster() is None:
                # Killed alone: its children leave by themselves, unless they are busy.
                self._end_orphans(signal.SIGQUIT if waited < 3 * _ORPHAN_SECONDS else signal.SIGKILL)
            elif answer == 2 and waited > _DEAF_SECONDS and not launched:
                # The project folder was renamed, or its socket cleaned away: nobody can reach this server.
                self._signal(signal.SIGINT)
            if waited > self._timeout:
                what = f"the embedded Postgres takes no connections after {waited:.0f} s"
                raise failure(what, self.data_folder, log_tail(self.log_file))
            time.sleep(_POLL_SECONDS)

    def _launch(self, programs: Path) -> bool:
        """Start the server in a session of its own, so that no Ctrl-C and no closed terminal ends it.

        False when another process looks at the server's lock this very moment: ask again.
        """
        self._owner.make_private_folder(self._planned_socket_folder)
        self._remove_stale_files()
        cluster.configure(self.data_folder, self._planned_socket_folder, self._owner, self._settings)
        server_lock = self._open_lock("server.lock")
        log = os.open(
            self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            if self._owner.switched:
                os.fchown(log, self._owner.uid, self._owner.gid)
            if not _try_lock(server_lock, fcntl.LOCK_EX):
                return False
            # The shell leaves at once and init adopts the server: no zombie of ours when it ends.
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", str(programs / "postgres"), "-D", str(self.data_folder)],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(server_lock,),
                **self._owner.process_options,
            )
        finally:
            os.close(log)
            os.close(server_lock)
        return True

    def _remove_stale_files(self) -> None:
        """Nothing of our server lives; Postgres would refuse to start if its old id is another process' now."""
        if (pid := self._postmaster()) is not None:
            raise EmbeddedPostgresError(
                f"process {pid} serves {self.data_folder} already, and was not started by this platform: stop it "
                f"with {self.bin_dir / 'pg_ctl'} stop -D '{self.data_folder}'"
            )
        sockets = self._planned_socket_folder
        for file in (
            self.data_folder / "postmaster.pid",
            sockets / f"{_SOCKET_FILE}.lock",
            sockets / _SOCKET_FILE,
        ):
            file.unlink(missing_ok=True)

    def _pid_file_line(self, number: int) -> str | None:
        try:
            lines = os.fsdecode((self.data_folder / "postmaster.pid").read_bytes()).splitlines()
        except (FileNotFoundError, PermissionError):  # not there, or another user's: it says nothing to us
            return None
        return lines[number - 1] if len(lines) >= number else None

    def _postmaster(self) -> int | None:
        """The server's process id when that process lives and really works in our data folder."""
        line = self._pid_file_line(1)
        pid = abs(int(line)) if line and line.strip().lstrip("-").isdigit() else 0
        return pid if pid and _works_in(pid, self.data_folder) else None

    def _signal(self, number: signal.Signals) -> bool:
        pid = self._postmaster()
        if pid is not None:
            os.kill(pid, number)
        return pid is not None

    def _end_orphans(self, number: signal.Signals) -> None:
        """Children of a killed server: found by the folder they work in, where /proc tells it."""
        for process in Path("/proc").glob("[0-9]*"):
            if _works_in(int(process.name), self.data_folder):
                os.kill(int(process.name), number)

    def _await_admission(self) -> None:
        ask = [str(self.bin_dir / "psql"), "-Xqc", "SELECT 1", "-o", os.devnull, self.url]
        deadline = time.monotonic() + 10
        while (asked := subprocess.run(ask, check=False, capture_output=True, text=True)).returncode != 0:
            if time.monotonic() > deadline:
                raise failure("the server does not let its own user in", self.data_folder, asked.stderr)
            time.sleep(_POLL_SECONDS)

    def _trim_log(self) -> None:
        """The server appends to the file by its open handle: copy and cut, never rename."""
        if self.log_file.stat().st_size > _LOG_BYTES:
            with self._start_lock():
                shutil.copy2(self.log_file, self.folder / "server.log.1", follow_symlinks=False)
                os.truncate(self.log_file, 0)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _works_in(pid: int, folder: Path) -> bool:
    """Whether a live process has the folder as its working folder (/proc) or on its command line (ps)."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(folder)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False  # ended, a zombie, or another user's: not our server
    listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], check=False, capture_output=True)
    return os.fsencode(folder) in listed.stdout
