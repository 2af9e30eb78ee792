"""The look-alike over HTTP: keys, limits, faults and connections around :class:`~.vendor.Vendor`.

Listens on this machine only. What was asked and answered is kept in `requests`, without the key.
"""

import hmac
import ipaddress
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import orjson
import pandas as pd

from fvg_platform.sources.base import SourceError, Split
from fvg_platform.sources.polygon_replay.faults import OF_ROWS, Fault, FaultPlan, spoil_rows
from fvg_platform.sources.polygon_replay.folder import BarFolder
from fvg_platform.sources.polygon_replay.questions import Body, Query, Refusal
from fvg_platform.sources.polygon_replay.vendor import Plan, Vendor
from fvg_platform.sources.polygon_replay.wire import HTML, Answer, HttpServer, Reply

_PAGE_FOR_PEOPLE = (
    b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
)


class ReplayServerError(ValueError):
    """The server cannot be started as asked; the message names the value and the way out."""


@dataclass(frozen=True)
class Request:
    """One request and its answer.

    `query` without the key; `status` None where the connection was closed instead; `fault`: its kind, if one was
    met; `rows`: results given out.
    """

    path: str
    query: Query
    status: int | None
    fault: str | None
    rows: int


class ReplayServer:
    """Serves a folder of bars; a context manager that listens as long as it is open.

    Parameters
    ----------
    folder
        See :mod:`fvg_platform.sources.polygon_replay.folder`.
    key
        The only key that is taken; None: any, or none.
    host, port
        An address of this machine; port 0: any that is free.
    faults
        What goes wrong; settable while the server runs.
    calls_per_minute
        More requests than that within 60 s are answered 429 with Retry-After; None: no limit.
    plan
        What the key includes; the rest is answered 403.
    now
        The time that counts as now, with a zone; settable. None: everything in the folder has happened.
    packed
        Answer with gzip to clients that take it; on this machine that only costs time.
    say
        Told a line for every request.
    clock
        Seconds, for the limit.

    Raises
    ------
    ReplayFolderError
        The folder cannot be served.
    ReplayServerError
        Not an address of this machine, or the port is taken.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultPlan | None = None,
        calls_per_minute: int | None = None,
        plan: Plan | None = None,
        now: pd.Timestamp | None = None,
        packed: bool = False,
        say: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.vendor = Vendor(BarFolder(folder), plan=plan, now=now)
        self.faults = faults
        self.requests: list[Request] = []
        self._key = key
        self._say = say or (lambda _line: None)
        self._limit = None if calls_per_minute is None else _CallLimit(calls_per_minute, clock)
        self._ids = count(1)
        self.stopped = threading.Event()
        self._http = _listen(_require_local(host), port, self._reply, packed)
        self._thread = threading.Thread(
            target=self._http.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="polygon-replay",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> "ReplayServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def now(self) -> pd.Timestamp | None:
        """The time that counts as now; settable."""
        return self.vendor.now

    @now.setter
    def now(self, now: pd.Timestamp | None) -> None:
        self.vendor.now = now

    def add_split(self, split: Split) -> None:
        """Know one more split from now on; it is applied and listed once `now` has reached its day."""
        self.vendor.add_split(split)

    def stop(self) -> None:
        """Stop listening and close every connection; a second call does nothing."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self._http.shutdown()
        self._http.close_all()
        self._thread.join()

    def _reply(self, target: str, authorization: str | None) -> Reply:
        """What to answer to a request target, and how; notes the request."""
        parts = urlsplit(target)
        path = unquote(parts.path)  # for people: what is answered is the encoded one
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        keys = [query.pop(name) for name in list(query) if name.lower() == "apikey"]
        key = keys[0] if keys else (authorization or "").removeprefix("Bearer ")
        fault: Fault | None = None
        try:
            self._admit(key)
            fault = self._fault(path, query)
            reply = self._answer(parts.path, query, fault)
        except Refusal as refusal:
            extra = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            reply = Reply(refusal.code, self._encode(refusal.body), headers=extra)
        self._note(path, query, reply, fault)
        return reply

    def _admit(self, key: str) -> None:
        if self._key is not None and not hmac.compare_digest(key.encode(), self._key.encode()):
            raise Refusal(401, "ERROR", "Unknown API Key")
        wait = 0.0 if self._limit is None else self._limit.seconds_to_wait()
        if wait > 0:
            # Sums of times leave residues: 60 and a trillionth are 60 seconds, not 61.
            raise _too_many(max(1, math.ceil(wait - 1e-6)))

    def _fault(self, path: str, query: Query) -> Fault | None:
        if self.faults is None:
            return None
        question = f"{path}?{urlencode(sorted(query.items()))}"
        return self.faults.next_fault(question, of_bars=Vendor.holds_bars(path))

    def _answer(self, path: str, query: Query, fault: Fault | None) -> Reply:
        kind = None if fault is None else fault.kind
        if fault is not None:
            if kind == "dropped":
                return Reply(None, b"")
            if kind == "html":
                return Reply(200, _PAGE_FOR_PEOPLE, content_type=HTML)
            if kind == "server_error":
                raise Refusal(fault.status, "ERROR", "something went wrong on our side")
            if kind in ("too_many", "too_many_bare"):
                raise _too_many(fault.retry_after if kind == "too_many" else None)
            if kind == "slow":
                self.stopped.wait(fault.seconds)
            if fault.split is not None:
                self.add_split(fault.split)
        body = self._sound(path, query)
        if fault is not None and kind in OF_ROWS:
            body = spoil_rows(body, fault)
        content = self._encode(body)
        if kind == "garbage_json":
            content = content[: len(content) // 2]
        return Reply(200, content, rows=len(body.get("results", ())), cut=kind == "truncated")

    def _sound(self, path: str, query: Query) -> Body:
        try:
            body = self.vendor.answer(path, query)
        except SourceError as error:
            raise Refusal(500, "ERROR", f"the folder cannot be read: {error}") from error
        if "next_url" in body:
            body["next_url"] = self.url + body["next_url"]
        return body

    def _encode(self, body: Body) -> bytes:
        return orjson.dumps(body | {"request_id": f"replay-{next(self._ids):08d}"})

    def _note(self, path: str, query: Query, reply: Reply, fault: Fault | None) -> None:
        kind = None if fault is None else fault.kind
        self.requests.append(Request(path, query, reply.status, kind, reply.rows))
        told = "closed" if reply.status is None else str(reply.status)
        asked = f"{path}?{urlencode(query)}" if query else path
        self._say(f"{told} {asked} {reply.rows} rows{f' ({kind})' if kind else ''}")


class _CallLimit:
    """At most so many calls in any 60 seconds."""

    def __init__(self, calls: int, clock: Callable[[], float]) -> None:
        if calls < 1:
            raise ReplayServerError(f"{calls} calls a minute: allow at least 1, or set no limit")
        self._calls, self._clock = calls, clock
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def seconds_to_wait(self) -> float:
        """0 and the call is counted, or how long until the next one may come."""
        with self._lock:
            now = self._clock()
            while self._taken and self._taken[0] <= now - 60:
                self._taken.popleft()
            if len(self._taken) < self._calls:
                self._taken.append(now)
                return 0.0
            return self._taken[0] + 60 - now


def _listen(host: str, port: int, answer: Answer, packed: bool) -> HttpServer:
    try:
        return HttpServer((host, port), answer, packed)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReplayServerError(
            f"cannot listen on {host}:{port} ({reason}); choose another port, or 0 for any that is free"
        ) from error


def _require_local(host: str) -> str:
    try:
        local = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ReplayServerError(f"host {host!r} is not this machine alone; use 127.0.0.1")
    return host


def _too_many(retry_after: int | None) -> Refusal:
    words = "you have asked more often than your plan allows in a minute; wait, or take a larger plan"
    return Refusal(429, "ERROR", words, retry_after=retry_after)
