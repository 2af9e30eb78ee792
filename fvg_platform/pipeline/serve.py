"""`fvg up`: Dagster's UI and daemon beside the database, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fvg_platform.pipeline.platform import dagster_environment
from fvg_platform.settings import Settings, project_folder
from fvg_platform.storage.database import Database

STOP_SECONDS = 30


def serve(settings: Settings, database: Database, *, port: int, say: Callable[[str], None]) -> int:
    """Run `dagster dev` on 127.0.0.1 until it ends or is interrupted; then stop the embedded Postgres if unused.

    Returns
    -------
    The exit code: 0 after Ctrl-C, otherwise Dagster's own.
    """
    _require_free(port)
    environment = {**os.environ, **dagster_environment(settings, database)}
    Path(environment["FVG_DAGSTER_FILES"]).mkdir(parents=True, exist_ok=True)
    workspace = project_folder() / "workspace.yaml"
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-w",
        str(workspace),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    say(f"Dagster's UI: http://127.0.0.1:{port}  (Ctrl-C stops it and the database)")
    previous = {s: signal.signal(s, _interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _run(command, environment, say)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if not database.stop_if_unused():
            say("Another process still uses the database: it goes on running (fvg db stop).")


class PortTakenError(OSError):
    """Somebody else listens where the UI would."""


def _require_free(port: int) -> None:
    """Before anything is started: Dagster's daemon would go on beside the other one's without a UI."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} of 127.0.0.1 is taken: `fvg up` runs already, or use --port"
            ) from error


def _run(command: list[str], environment: dict[str, str], say: Callable[[str], None]) -> int:
    # A session of its own: the terminal's Ctrl-C comes here, and Dagster is stopped in order, once.
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        say("Stopping Dagster and the database.")
        process.send_signal(signal.SIGINT)
        return 0
    finally:
        _end(process)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for Dagster to end, then end what it left of its process group.

    Its code server would otherwise notice by a missing heartbeat only, 45 s later, and use the database till then.
    """
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    for number, seconds in ((signal.SIGTERM, 8.0), (signal.SIGKILL, 2.0)):
        try:
            os.killpg(process.pid, number)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return  # nobody of the group is left
