"""Runs whose process has died: nobody else would ever close them, and they would hold their place in the line.

A run that a command works on in its own process carries that process' name. Whoever opens the platform on the same
machine looks whether it still lives; if not, the run is closed as failed and its slots are given back.
"""

import os
import socket
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

PROCESS_TAG = "fvg/process"


def this_process() -> str:
    """The name of this process: host, boot, number, and when it began, since numbers come back."""
    return f"{_machine()} {os.getpid()} {_began(os.getpid())}"


def close_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Close the runs of processes of this machine that are gone; returns their ids."""
    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        name = run.tags.get(PROCESS_TAG)
        if name is None or _lives_or_is_elsewhere(name):
            continue
        instance.report_run_failed(
            run, "its process ended without a word: killed, or the machine was restarted. Run it again"
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _lives_or_is_elsewhere(name: str) -> bool:
    *machine, number, began = name.split(" ")
    if " ".join(machine).split("/")[0] != socket.gethostname():
        return True
    return " ".join(machine) == _machine() and _began(int(number)) == began


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}/{boot.read_text().strip() if boot.exists() else 'unknown'}"


def _began(number: int) -> str:
    """When a process began, in clock ticks since the boot; `gone` for one that is not there."""
    try:
        # The name of the program, in brackets, may hold anything.
        return Path("/proc", str(number), "stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return "gone"
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "there"
    return "there"
