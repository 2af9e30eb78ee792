"""Connections of the look-alike: HTTP/1.1 that is kept alive, answers in one piece, and endings that are faults.

What to answer is decided elsewhere: here a request's target and its Authorization go in, a Reply comes back.
"""

import gzip
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON, HTML = "application/json", "text/html; charset=utf-8"

# Below this size packing costs more than it saves.
_WORTH_PACKING = 1_400


@dataclass(frozen=True)
class Reply:
    """What goes over the wire: `status` None closes the connection at once, `cut` after half of the content."""

    status: int | None
    content: bytes
    content_type: str = JSON
    headers: dict[str, str] | None = None
    rows: int = 0
    cut: bool = False


Answer = Callable[[str, str | None], Reply]


class HttpServer(ThreadingHTTPServer):
    """One thread for each connection; knows its connections, so that stopping ends them too."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Answer, packed: bool) -> None:
        self.answer, self.packed = answer, packed
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """Stop listening and end all connections."""
        self.server_close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may go when they like
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 and keeps connections."""

    protocol_version = "HTTP/1.1"
    server_version = "PolygonReplay"
    sys_version = ""
    disable_nagle_algorithm = True
    server: HttpServer

    def do_GET(self) -> None:
        """Answer one request, in one piece."""
        reply = self.server.answer(self.path, self.headers.get("Authorization"))
        if reply.status is None:
            self.close_connection = True
            return
        content, headers = reply.content, dict(reply.headers or {})
        takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if self.server.packed and takes_gzip and len(content) > _WORTH_PACKING:
            content = gzip.compress(content, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        headers |= {"Content-Type": reply.content_type, "Content-Length": str(len(content))}
        if reply.cut:
            headers["Connection"] = "close"
            content = content[: len(content) // 2]
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.close_connection or reply.cut

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the target of a request may hold the key; the server tells what was asked."""
