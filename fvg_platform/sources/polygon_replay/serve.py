"""The look-alike as a command: serve a folder until somebody presses Ctrl-C."""

import threading
from collections.abc import Callable
from pathlib import Path

from fvg_platform.sources.polygon_replay.faults import FaultPlan
from fvg_platform.sources.polygon_replay.server import ReplayServer


def serve(
    folder: Path | str,
    port: int = 0,
    key: str | None = None,
    faults: FaultPlan | None = None,
    calls_per_minute: int | None = None,
    say: Callable[[str], None] = print,
    *,
    stop: threading.Event | None = None,
) -> None:
    """Serve a folder of bars on 127.0.0.1 until Ctrl-C, or until `stop` is set.

    Parameters
    ----------
    key
        The key that clients must send; None: any. It is not shown.
    say
        Told the address, how to use it, and a line for every request.

    Raises
    ------
    ReplayFolderError, ReplayServerError
        The folder cannot be served, or the port is taken.
    """
    with ReplayServer(
        folder, key=key, port=port, faults=faults, calls_per_minute=calls_per_minute, say=say
    ) as server:
        series = server.vendor.folder.series
        tickers = len({ticker for ticker, _ in series})
        say(f"{server.url} serves {len(series)} series of {tickers} tickers from {folder}; Ctrl-C ends it")
        shown = "any" if key is None else "YOUR_KEY"
        say(f"FVG_BAR_SOURCE=polygon POLYGON_API_KEY={shown} FVG_POLYGON_URL={server.url} fvg up")
        try:
            (stop or threading.Event()).wait()
        except KeyboardInterrupt:
            say("stopped")
