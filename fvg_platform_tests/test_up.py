"""`fvg up` as people use it: the UI answers on loopback, Ctrl-C ends everything, and nothing is lost."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fvg_platform.storage.connections import libpq_url
from fvg_platform.storage.embedded import EmbeddedPostgres
from fvg_platform_tests.database import open_folder_root

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

ASSETS = "{ assetNodes { assetKey { path } } }"
LOCATION = '{ repositoryLocationName: "fvg_platform", repositoryName: "__repository__" }'
ADD = (
    'mutation { addDynamicPartition(partitionsDefName: "ticker", partitionKey: "KEPT", '
    f"repositorySelector: {LOCATION}) {{ __typename }} }}"
)
SCHEDULES = (
    f"{{ schedulesOrError(repositorySelector: {LOCATION}) "
    "{ ... on Schedules { results { name scheduleState { status } } } } }"
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own whose path the server's user can walk."""
    folder = Path(tempfile.mkdtemp(prefix="fvg-up-", dir=open_folder_root()))
    folder.chmod(0o755)
    yield folder
    EmbeddedPostgres(folder).stop()
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, query: str) -> Any:
    """The answer of the UI's GraphQL; None as long as nobody answers."""
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer = json.load(response)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def processes_of(home: Path) -> dict[int, str]:
    """Every living process whose command line or environment names the home."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is somebody else's
        if os.fsencode(home) in command + environment:
            found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")[:120]
    return found


def listening(port: int) -> set[str]:
    """The addresses on which somebody listens at a port, as /proc/net/tcp writes them (127.0.0.1 is 0100007F)."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if int(number, 16) == port and state == "0A":
                found.add(address)
    return found


@contextmanager
def up(home: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`fvg up` at work: its UI has answered with the graph."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FVG_", "DAGSTER_"))
    }
    environment |= {"FVG_HOME": str(home), "FVG_BAR_SOURCE": "files", "FVG_FILES_DIR": str(home)}
    command = [sys.executable, "-c", "from fvg_platform.cli import main; main()", "up", "--port", str(port)]
    log = home / "up.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 180
        while not ((answer := ask(port, ASSETS)) and answer["assetNodes"]):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(90)


@pytest.mark.slow
def test_the_ui_answers_ctrl_c_ends_everything_and_nothing_is_lost(home: Path) -> None:
    port = free_port()
    with up(home, port) as process:
        assets = {"/".join(node["assetKey"]["path"]) for node in ask(port, ASSETS)["assetNodes"]}
        assert {"symbols", "bars", "win_rate_model", "daily_predictions"} <= assets
        assert listening(port) == {"0100007F"}, "on loopback and nowhere else"
        states = {
            s["name"]: s["scheduleState"]["status"]
            for s in ask(port, SCHEDULES)["schedulesOrError"]["results"]
        }
        assert states["refresh_series_after_close"] == "RUNNING"
        assert ask(port, ADD)["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
        assert EmbeddedPostgres(home).status().running

        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0, (home / "up.log").read_text()
        assert processes_of(home) == {}
        assert not EmbeddedPostgres(home).status().running

    with up(home, port):
        server = EmbeddedPostgres(home)
        with psycopg.connect(libpq_url(server.ensure_running())) as connection:
            kept = connection.execute("SELECT partition FROM dagster.dynamic_partitions").fetchall()
    assert kept == [("KEPT",)], "what was done in the UI is there when it starts again"
    assert processes_of(home) == {}
