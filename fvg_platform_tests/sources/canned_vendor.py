"""A vendor on loopback that answers every request as a test says, down to broken bytes."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fvg_platform.sources.polygon.transport import PolygonClient

KEY = "secret/Key-0123456789"


@dataclass(frozen=True)
class Request:
    path: str
    query: dict[str, str]
    authorization: str

    @property
    def span(self) -> tuple[int, int]:
        """First and last time of a request for aggregates."""
        first, last = self.path.split("/")[-2:]
        return int(first), int(last)


@dataclass(frozen=True)
class Canned:
    """One answer. `cut`: stop after that many bytes of the body; `drop`: close without a word; `silent`: say nothing
    until the vendor closes."""

    body: bytes | dict[str, Any] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drop: bool = False
    silent: bool = False


Respond = Callable[[Request], Canned]


class CannedVendor:
    """Answers with `respond`, or with the `answers` in turn; the last of them for ever."""

    def __init__(self, *answers: Canned, respond: Respond | None = None) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._answers = list(answers)
        self._respond = respond or self._next
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "CannedVendor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Canned:
        self.requests.append(request)
        return self._respond(request)

    def _next(self, request: Request) -> Canned:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def client(self, **options: Any) -> PolygonClient:
        """A client that never really sleeps."""
        return PolygonClient(KEY, **{"base_url": self.url, "sleep": lambda _seconds: None} | options)


def bars_body(rows: list[dict[str, Any]], **other: Any) -> dict[str, Any]:
    """A sound answer with bars."""
    count = len(rows)
    head = {"status": "OK", "adjusted": True, "queryCount": count, "resultsCount": count}
    return head | ({"results": rows} if rows else {}) | other


def bar(t: int, price: float = 10.0, volume: float = 100.0) -> dict[str, Any]:
    return {"t": t, "o": price, "h": price + 1, "l": price - 1, "c": price, "v": volume, "vw": price, "n": 5}


def _handler(vendor: CannedVendor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                unquote(parts.path), dict(parse_qsl(parts.query)), self.headers.get("Authorization", "")
            )
            canned = vendor.answer(request)
            if canned.silent:
                vendor.closing.wait()
            if canned.drop or canned.silent:
                self.close_connection = True
                return
            body = canned.body if isinstance(canned.body, bytes) else json.dumps(canned.body).encode()
            self.send_response_only(canned.status)
            for name, value in ({"Content-Length": str(len(body))} | canned.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: canned.cut])
            self.close_connection = canned.cut is not None

        def log_message(self, *_: object) -> None:
            pass

    return Handler
