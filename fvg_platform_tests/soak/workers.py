"""Workers as a campaign sees them: start one, kill it, wait for its end. See :mod:`.worker` for what they do."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fvg_platform_tests.soak.worker import Task


class Workers:
    """The warm process that forks one worker for every task; a context manager.

    Parameters
    ----------
    folder
        Where workers leave what they have to tell.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._lock = threading.Lock()

    def __enter__(self) -> "Workers":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fvg_platform_tests.soak.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def start(self, task: Task) -> "Reading":
        """Begin to read."""
        self._started += 1
        result = self._folder / f"told-{self._started}.json"
        pid = self.ask({"start": {**asdict(task), "result": str(result)}})["pid"]
        return Reading(self, pid, result)

    def run(self, task: Task) -> dict[str, Any]:
        """Read to the end, and what was told there."""
        reading = self.start(task)
        reading.wait()
        return reading.told()

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """One line to the warm process and one from it."""
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that forks the workers has ended; why is on its stderr")
        return json.loads(line)


class Reading:
    """One worker at work."""

    def __init__(self, workers: Workers, pid: int, result: Path) -> None:
        self._workers, self._pid, self._result = workers, pid, result
        self._status: int | None = None
        self._lock = threading.Lock()

    def kill(self) -> None:
        """End it in the middle of whatever it does, with SIGKILL; once it has been waited for nothing happens."""
        with self._lock:
            if self._status is None:
                os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> bool:
        """Until it has ended; whether it was killed."""
        status = self._workers.ask({"wait": self._pid})["status"]
        with self._lock:
            self._status = status
        # Until now it was left to be reaped, so that its number could not be another's when it was killed.
        self._workers.ask({"reap": self._pid})
        return status == -signal.SIGKILL

    def told(self) -> dict[str, Any]:
        """`error`, or None, and what it `said` of waiting; of a worker that was not killed."""
        return json.loads(self._result.read_text(encoding="utf-8"))
