"""The embedded server as processes: whether it lives, how it is launched, told to stop, and what it left behind.

Life is asked of the kernel: the server and all its children inherit a lock on `server.lock`, which is free
exactly when the last of them is gone. A process id alone decides nothing, for others may have it by now.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fvg_platform.storage.embedded_cluster import PORT, write_file
from fvg_platform.storage.embedded_errors import EmbeddedPostgresError, failure
from fvg_platform.storage.embedded_owner import ServerOwner

SOCKET_FILE = f".s.PGSQL.{PORT}"
POLL_SECONDS = 0.02
_LOG_BYTES = 16 * 2**20


class ServerProcess:
    """The processes of the server in one folder, which holds `data/`, `server.log` and the locks."""

    def __init__(self, folder: Path, owner: ServerOwner) -> None:
        self._folder = folder
        self._owner = owner
        self._data = folder / "data"
        self.log_file = folder / "server.log"

    @contextmanager
    def exclusive(self, timeout: float) -> Iterator[int]:
        """One process at a time makes, starts or stops; yields the lock's descriptor for children to hold too."""
        descriptor = self._open("start.lock", os.O_RDWR)
        try:
            deadline = time.monotonic() + timeout
            while not _try_lock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"another process has been starting or stopping the server in {self._folder} for "
                        f"{timeout:.0f} s: look whether an `initdb` or `fvg` hangs, end it, try again"
                    )
                time.sleep(POLL_SECONDS)
            yield descriptor
        finally:
            os.close(descriptor)

    def alive(self) -> bool:
        """Whether any process of the server lives: the server itself, or a child that outlived it."""
        if not (self._folder / "server.lock").exists():
            return False
        descriptor = self._open("server.lock", os.O_RDWR)
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def launch(self, program: Path, socket_folder: Path) -> bool:
        """Start the server in a session of its own, so that no Ctrl-C and no closed terminal ends it.

        Returns
        -------
        False when another process looks at the server's lock this very moment: ask again.

        Raises
        ------
        EmbeddedPostgresError
            A server that this platform did not start works on the data.
        """
        lock = self._open("server.lock", os.O_RDWR)
        log = self._open(self.log_file.name, os.O_WRONLY | os.O_APPEND)
        try:
            if not _try_lock(lock, fcntl.LOCK_EX):
                return False
            self._remove_leftovers(socket_folder)
            # The shell leaves at once and init adopts the server: no zombie of ours when it ends.
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", str(program), "-D", str(self._data)],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
                **self._owner.process_options,
            )
        finally:
            os.close(log)
            os.close(lock)
        return True

    def pid(self) -> int | None:
        """The server's process id when that process lives and really is a Postgres in our data folder."""
        line = (self._pid_file_line(1) or "").strip().lstrip("-")
        return int(line) if line.isdigit() and _is_postgres_in(int(line), self._data) else None

    def socket_folder(self) -> Path | None:
        """Where the running server says that its socket is; None when it does not run."""
        recorded = self._pid_file_line(5)
        return Path(recorded) if recorded and self.alive() else None

    def send(self, number: signal.Signals) -> bool:
        """Send the server a signal; False when there is none, be it that children of it still live."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)
        return pid is not None

    def end_orphans(self, number: signal.Signals) -> None:
        """Signal the children of a killed server: found by the folder they work in, where /proc tells it."""
        for process in Path("/proc").glob("[0-9]*"):
            if _is_postgres_in(int(process.name), self._data):
                os.kill(int(process.name), number)

    def trim_log(self, timeout: float) -> None:
        """Cut a log that has grown large, its last quarter kept as `server.log.1`.

        The server writes through the file that it opened, always at the end: it is cut, never renamed.
        """
        size = self.log_file.stat().st_size
        if size <= _LOG_BYTES:
            return
        with self.exclusive(timeout):
            with self.log_file.open("rb") as log:
                log.seek(size - _LOG_BYTES // 4)
                end = log.read().decode(errors="replace")
            write_file(self.log_file.with_name("server.log.1"), end, self._owner)
            os.truncate(self.log_file, 0)

    def _open(self, name: str, flags: int) -> int:
        try:
            descriptor = os.open(
                self._folder / name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            if self._owner.switched:
                os.fchown(descriptor, self._owner.uid, self._owner.gid)
        except OSError as error:
            raise failure(f"the file {name} cannot be opened", self._data, str(error)) from error
        return descriptor

    def _remove_leftovers(self, socket_folder: Path) -> None:
        """Nothing of our server lives; Postgres would refuse to start if its old id is another process' now."""
        if (pid := self.pid()) is not None:
            raise EmbeddedPostgresError(
                f"process {pid} serves {self._data} already, and was not started by this platform: stop it first, "
                f"with `kill -INT {pid}`"
            )
        sockets = (socket_folder / SOCKET_FILE, socket_folder / f"{SOCKET_FILE}.lock")
        for leftover in (self._data / "postmaster.pid", *sockets):
            leftover.unlink(missing_ok=True)

    def _pid_file_line(self, number: int) -> str | None:
        try:
            lines = os.fsdecode((self._data / "postmaster.pid").read_bytes()).splitlines()
        except FileNotFoundError:
            return None
        return lines[number - 1] if len(lines) >= number else None


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_postgres_in(pid: int, data: Path) -> bool:
    """Whether a live process is a Postgres that works in the folder (/proc) or was started on it (ps)."""
    process = Path("/proc", str(pid))
    if Path("/proc/self/cwd").exists():
        try:
            return (process / "comm").read_text() == "postgres\n" and (process / "cwd").samefile(data)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False  # ended, a zombie, or another user's: not our server
    listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], check=False, capture_output=True)
    return b"postgres" in listed.stdout and os.fsencode(data) in listed.stdout
