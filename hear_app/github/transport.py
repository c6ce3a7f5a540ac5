"""What goes over the wire: requests' session, with the bounds that it lacks.

Its timeouts hold between two bytes only, it reads a body whole, however large it unpacks to, and the bodies of
redirects unasked. Here an answer has a deadline and a size.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from functools import cache
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

DEADLINE = 120.0  # seconds for one whole answer, from its first line to its last byte
_CHUNK = 1 << 18  # bytes that are unpacked at a time
_ENCODINGS = {"", "identity", "gzip", "x-gzip"}  # gzip is asked for, and nothing else


class TooLargeError(Exception):
    """The body of an answer is larger than it may be."""


class Session(requests.Session):
    """requests' session over connections whose answers come within the deadline."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=32, max_retries=0))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: where a redirect leads is looked at by the client. requests would read its whole body first."""

    def fetch(
        self, url: str, headers: Mapping[str, str], timeout: tuple[float, float], limit: int
    ) -> tuple[requests.Response, bytes]:
        """An answer and its unpacked body, of at most `limit` bytes; a redirect is an answer, too.

        Raises OSError where none came, or not to its end, and TooLargeError; the connection is closed then.
        """
        try:
            response = self.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True)
            try:
                return response, _read(response, limit)
            finally:
                response.close()  # which leaves a connection whose answer was read to its end in the pool
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:  # urllib3's own, which requests leaves as they are
            raise requests.exceptions.ChunkedEncodingError(error) from error


def _read(response: requests.Response, limit: int) -> bytes:
    """The unpacked body, piece by piece: a small answer may unpack to gigabytes."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise requests.exceptions.ContentDecodingError(f"encoded as {encoding}")
    pieces, size = [], 0
    while piece := response.raw.read(_CHUNK, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLargeError
    return b"".join(pieces)


class _TimedStream(io.RawIOBase):
    """The bytes of a socket until the deadline, wherever they belong: status line, headers, chunk sizes, body."""

    def __init__(self, stream: io.RawIOBase, connection: socket.socket) -> None:
        self._stream, self._connection = stream, connection
        self._pause = connection.gettimeout() or DEADLINE
        self._ends_at = time.monotonic() + DEADLINE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._connection.settimeout(min(self._pause, left))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedStream(self.fp.detach(), sock))


class _Adapter(HTTPAdapter):
    """Makes the answers of its connections, with a proxy of any kind or without, timed ones."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _time(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        _time(manager)
        return manager


def _time(manager: PoolManager) -> None:
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _timed(pool) for scheme, pool in classes.items()}


@cache
def _timed(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """The same kind of pool, as that of a SOCKS proxy, with answers that have a deadline."""
    if issubclass(pool.ConnectionCls.response_class, _TimedResponse):  # type: ignore[attr-defined]
        return pool
    connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": _TimedResponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def is_offline(error: OSError) -> bool:
    """Whether not even a connection could be made; not so where one was cut, or the answer didn't come."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    unconnected = requests.exceptions.ProxyError | requests.exceptions.SSLError | requests.ConnectTimeout
    return (
        not isinstance(error, requests.RequestException)
        or isinstance(error, unconnected)
        or isinstance(reason, NewConnectionError)
    )


def told(error: OSError) -> str:
    """A short reason in place of urllib3's nest of exceptions."""
    if not isinstance(error, requests.RequestException):
        return str(error).rstrip(".")
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS certificate was not accepted (REQUESTS_CA_BUNDLE names another one)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused the connection (see HTTPS_PROXY)"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connecting timed out"
    if isinstance(error, requests.exceptions.Timeout):
        return "the answer timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the answer was cut off"
    return "the connection failed"
