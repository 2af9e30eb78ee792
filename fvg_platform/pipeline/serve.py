"""`fvg up`: Dagster's UI and daemon beside the database, until Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
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
    # A session of its own: the terminal's Ctrl-C comes here, and Dagster is stopped in order, once.
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    previous = {s: signal.signal(s, _interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        return process.wait()
    except KeyboardInterrupt:
        say("Stopping Dagster and the database.")
        _stop(process)
        return 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if not database.stop_if_unused():
            say("Another process still uses the database: it goes on running (fvg db stop).")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask Dagster to end, and after a while make the whole of its process group end."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
