"""HTTP for the sample server: connections that stay open, gzip, and the faults of a connection itself."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Protocol

from hear_app.sample.faults import Fault
from hear_app.sample.wire import Request, Response

_WORTH_COMPRESSING = 1_000
_COMPRESSION_LEVEL = 1


class Backend(Protocol):
    """What a connection needs of the server behind it."""

    stopping: threading.Event

    def fault_for(self, request: Request) -> Fault | None:
        """What is to go wrong with this request."""

    def respond(self, request: Request, fault: Fault | None) -> Response:
        """The response to a request."""

    def common_headers(self) -> dict[str, str]:
        """The headers of every response."""

    def note(self, request: Request, status: int) -> None:
        """Write a request to the log."""


class Listener(ThreadingHTTPServer):
    """The listening socket; remembers open connections, since a keep-alive client may never close its own."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, backend: Backend, port: int) -> None:
        self.backend = backend
        self.open_sockets: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind, but ask no name server who 127.0.0.1 is, as the base class does: that may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def hang_up(self) -> None:
        """Shut every open connection; its thread then ends by itself."""
        for each in list(self.open_sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is printed, as the base class does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.server.open_sockets.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.server.open_sockets.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        """Answer one request, or fail to as the fault says."""
        backend, request = self.server.backend, self._request()
        fault = backend.fault_for(request)
        if fault and fault.do in ("hang", "slow"):
            backend.stopping.wait(fault.seconds)
        if fault and fault.do in ("hang", "drop"):
            backend.note(request, 0)
            self._cut()
            return
        response = backend.respond(request, fault)
        backend.note(request, response.status)
        sent = self._framed(request, response)
        if fault and fault.do == "truncate":
            self.wfile.write(sent[: len(sent) - (len(response.body) + 1) // 2])
            self._cut()
        else:
            self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Requests are in SampleServer.log; the terminal stays the user's."""

    def _request(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "127.0.0.1")
        return Request(self.command, self.path, headers, f"http://{host}")

    def _framed(self, request: Request, response: Response) -> bytes:
        """Status line, headers and body as one piece: two writes would cost a round trip of waiting."""
        if len(response.body) >= _WORTH_COMPRESSING and "gzip" in request.headers.get("accept-encoding", ""):
            response.body = gzip.compress(response.body, _COMPRESSION_LEVEL, mtime=0)
            response.headers["content-encoding"] = "gzip"
        headers = {
            **self.server.backend.common_headers(),
            **response.headers,
            "content-length": str(len(response.body)),
        }
        if response.status == HTTPStatus.NOT_MODIFIED:
            del headers["content-length"]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        start = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{lines}\r\n"
        return start.encode("latin-1") + response.body

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client was first
