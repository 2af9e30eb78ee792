"""A Postgres of the project's own, out of a pip wheel: made, started on demand and shared by all processes.

It listens on a Unix socket in a private folder and knows its users by the operating system (`peer`), so there
is no password. Who runs it and where is decided in `embedded_owner`, its folder made in `embedded_cluster`, its
processes are looked after in `embedded_process`.
"""

import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
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
from fvg_platform.storage.embedded_process import POLL_SECONDS, SOCKET_FILE, ServerProcess

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "ServerStatus"]

_SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
_ORPHAN_SECONDS = 2.0
# An answer is believed for so long, as long as the same process is there.
_TRUSTED_SECONDS = 1.0
_ASK_FOR_SSL = struct.pack("!ii", 8, 80877103)
_DEAF_SECONDS = 10.0


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
        self._answered_at, self._answering_pid = float("-inf"), -1

    def ensure_running(self) -> str:
        """Start the server unless it runs, making its data folder the first time; returns its URL.

        Raises
        ------
        EmbeddedPostgresError
            It cannot be made or started; the message has the folder, the log's last lines and the way out.
        """
        if self._answered_just_now():
            self._process.trim_log(self._timeout)
            return self.url
        if not self._answers():
            make_open_folder(self._place.folder)
            self._owner.make_private_folder(self.folder)
            with self._process.exclusive(self._timeout) as lock:
                if not self._answers():
                    self._start(lock)
        if cluster.admit_caller(self.data_folder, self._owner):
            self._process.send(signal.SIGHUP)
            self._await_admission()
        self._process.trim_log(self._timeout)
        self._answered_at, self._answering_pid = time.monotonic(), self._process.pid() or -1
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
        with self._process.exclusive(self._timeout):
            if not self._process.alive():
                return False
            for attempt in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate: the log brings all back
                if not self._process.send(attempt):
                    self._process.end_orphans(signal.SIGQUIT)
                deadline = time.monotonic() + min(self._timeout, 60)
                while time.monotonic() < deadline:
                    if not self._process.alive():
                        return True
                    time.sleep(POLL_SECONDS)
        raise failure("the embedded Postgres does not stop", self.data_folder, log_tail(self.log_file))

    def status(self) -> ServerStatus:
        """What is there now; starts nothing and makes nothing."""
        running = self._answers()
        return ServerStatus(
            running=running,
            pid=self._process.pid() if running else None,
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
        return self._process.log_file

    @cached_property
    def _owner(self) -> ServerOwner:
        return find_owner(self.home, self._server_user)

    @cached_property
    def _place(self) -> Place:
        return find_place(self.home, self._owner, self._refuge)

    @cached_property
    def _process(self) -> ServerProcess:
        return ServerProcess(self.folder, self._owner)

    @property
    def _socket_folder(self) -> Path:
        """A running server's own word for it (it may have been started under another TMPDIR), else the rule's."""
        return self._process.socket_folder() or self._planned_socket_folder

    @cached_property
    def _planned_socket_folder(self) -> Path:
        name = f"fvg-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        temporary = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - a private folder is made inside
        reachable = [
            base / name for base in temporary if not self._owner.switched or self._owner.reaches(base)
        ]
        for candidate in (self.folder / "run", *reachable):
            path = os.fsencode(candidate / SOCKET_FILE)
            # libpq and Postgres read a comma as the next host, and the rest needs quoting somewhere.
            if len(path) <= _SOCKET_PATH_BYTES and not set(b",:\"'\\@\n") & set(path):
                return candidate
        raise EmbeddedPostgresError(
            f"no folder for the server's socket: {self.folder} and {tempfile.gettempdir()} are too long or closed "
            f"to user {self._owner.name!r}: choose a shorter FVG_HOME"
        )

    def _answered_just_now(self) -> bool:
        """Whether the server that took connections a moment ago still answers.

        pg_isready, which knows a server that recovers from one that works, takes 7 ms, and every transaction of every
        series begins with this question; a server's first byte on its socket takes less than one.
        """
        fresh = time.monotonic() - self._answered_at < _TRUSTED_SECONDS
        return fresh and self._process.pid() == self._answering_pid and self._greets()

    def _greets(self) -> bool:
        """Whether a new connection to the socket is answered: to the question for SSL a server says yes or no."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket_folder / SOCKET_FILE))
                connection.sendall(_ASK_FOR_SSL)
                return connection.recv(1) in (b"N", b"S")
            except OSError:
                return False  # whoever asks finds out why, and starts what has ended

    def _answers(self) -> bool:
        return self._ask() == 0

    def _ask(self) -> int:
        """pg_isready's answer: 0 takes connections, 1 starts, stops or recovers, 2 nobody there."""
        folder = self._socket_folder
        if not (folder / SOCKET_FILE).exists():
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
            if not self._process.alive():
                if launched:
                    what = f"the embedded Postgres (user {self._owner.name!r}) ended while starting"
                    raise failure(what, self.data_folder, log_tail(self.log_file, log_begins))
                log_begins = self.log_file.stat().st_size if self.log_file.exists() else 0
                self._owner.make_private_folder(self._planned_socket_folder)
                cluster.configure(self.data_folder, self._planned_socket_folder, self._owner, self._settings)
                launched = self._process.launch(programs / "postgres", self._planned_socket_folder)
            elif answer == 2 and waited > _ORPHAN_SECONDS and self._process.pid() is None:
                # Killed alone: its children leave by themselves, unless they are busy.
                self._process.end_orphans(signal.SIGQUIT if waited < 3 * _ORPHAN_SECONDS else signal.SIGKILL)
            elif answer == 2 and waited > _DEAF_SECONDS and not launched:
                # The project folder was renamed, or its socket cleaned away: nobody can reach this server.
                self._process.send(signal.SIGINT)
            if waited > self._timeout:
                what = f"the embedded Postgres takes no connections after {waited:.0f} s"
                raise failure(what, self.data_folder, log_tail(self.log_file))
            time.sleep(POLL_SECONDS)

    def _await_admission(self) -> None:
        ask = [str(self.bin_dir / "psql"), "-Xqc", "SELECT 1", "-o", os.devnull, self.url]
        deadline = time.monotonic() + 10
        while (asked := subprocess.run(ask, check=False, capture_output=True, text=True)).returncode != 0:
            if time.monotonic() > deadline:
                raise failure("the server does not let its own user in", self.data_folder, asked.stderr)
            time.sleep(POLL_SECONDS)
