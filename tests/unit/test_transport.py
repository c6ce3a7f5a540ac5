"""Answers without end, on raw sockets: how long one may take, how large it may be, and what is left behind."""

from __future__ import annotations

import contextlib
import gzip
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

from hear_app.errors import UnexpectedAnswerError, UnreachableError
from hear_app.github import transport
from hear_app.github.client import Answer, Client, PageTooHeavyError
from hear_app.github.limits import Limits

HOME = Path(__file__).resolve().parents[2]
MB = 1_000_000
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"[" * MB) * 2000  # 2 GB, in members of one
DEEP = zlib.compressobj(1, zlib.DEFLATED, 31)
DEEP_BOMB = b"".join([DEEP.compress(b"[" * MB) for _ in range(200)] + [DEEP.flush()])


class Wire:
    """A listener that sends the same bytes to every request, and then one piece of `drip` after the other."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.answer = OK + b"Content-Length: 2\r\n\r\n[]"
        self.drip: Iterable[bytes] = ()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def wait_for(self, connections: int, requests: int) -> None:
        """Fails where so many don't come: a server hears of a request later than its client gives it up."""
        ends_at = time.monotonic() + 20
        while (self.connections, self.requests) != (connections, requests):
            assert time.monotonic() < ends_at, (self.connections, self.requests)
            time.sleep(0.01)

    def stop(self) -> None:
        self._stopping.set()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(65_536):
                self.requests += 1
                connection.sendall(self.answer)
                for piece in self.drip:
                    if self._stopping.wait(0.02):
                        return
                    connection.sendall(piece)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.stop()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that tests can wait for."""
    monkeypatch.setattr(transport, "DEADLINE", 0.2)


def asked(wire: Wire, heavy: bool = False, max_response: int = 64 * MB) -> Answer:
    client = Client(wire.url, None, Limits(4, 60), sleep=lambda _: None, max_response=max_response)
    return client.get("/x", heavy=heavy)


def gzipped(body: bytes, status: bytes = OK) -> bytes:
    return status + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, headers: bytes = b"") -> bytes:
    return OK + headers + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


# -- time

DRIPS = {
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "body without a length": (OK + b"\r\n", b" "),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the size of a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n7\r\n0\r\n", b"x: y\r\n"),
    "gzip that unpacks to nothing": (
        OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"14\r\n" + gzip.compress(b"", mtime=0) + b"\r\n",
    ),
    "headers": (OK, b"x"),
    "the status line": (b"", b"H"),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips_comes_to_an_end(wire: Wire, what: str) -> None:
    wire.answer, piece = DRIPS[what]
    wire.drip = repeat(piece)
    with pytest.raises(UnreachableError, match=f"{wire.url}/x after 6 tries: the answer timed out"):
        asked(wire)
    wire.wait_for(connections=6, requests=6)  # none of them is used again


@pytest.mark.usefixtures("hurried")
def test_a_heavy_page_that_drips_is_tried_smaller_soon(wire: Wire) -> None:
    wire.answer, piece = DRIPS["body"]
    wire.drip = repeat(piece)
    with pytest.raises(PageTooHeavyError, match="the answer timed out"):
        asked(wire, heavy=True)
    wire.wait_for(connections=2, requests=2)


def test_a_drip_within_the_deadline_is_an_answer(wire: Wire) -> None:
    wire.answer, wire.drip = OK + b"Content-Length: 12\r\n\r\n", [b"[", *[b" "] * 10, b"]"]
    assert asked(wire).document == []
    wire.wait_for(connections=1, requests=1)


# -- size


@pytest.mark.parametrize(
    "answer",
    [
        gzipped(BOMB),
        gzipped(DEEP_BOMB),
        OK + b"Content-Encoding: x-gzip\r\n\r\n" + BOMB,
        chunked(BOMB, b"Content-Encoding: gzip\r\n"),
        OK + b"Content-Length: 9000000000\r\n\r\n" + b"[" * (9 * MB),
        OK + b"\r\n" + b"[" * (9 * MB),
        gzipped(BOMB, b"HTTP/1.1 302 Found\r\nLocation: /y\r\n"),
        gzipped(BOMB, b"HTTP/1.1 500 Oops\r\n"),
        gzipped(BOMB, b"HTTP/1.1 404 Not Found\r\n"),
    ],
    ids=["members", "one member", "x-gzip", "chunked", "length", "no length", "redirect", "500", "404"],
)
def test_a_bomb_is_not_unpacked(wire: Wire, answer: bytes) -> None:
    wire.answer = answer
    with pytest.raises(UnexpectedAnswerError) as caught:
        asked(wire, max_response=8 * MB)
    assert str(caught.value) == (
        f"The answer to {wire.url}/x has more than 8 MB: not read. "
        "HEAR_MAX_RESPONSE allows more, if it is no attack."
    )
    assert wire.requests == 1
    with pytest.raises(PageTooHeavyError):
        asked(wire, heavy=True, max_response=8 * MB)


def test_a_bomb_takes_no_more_memory_than_an_answer_may_have(wire: Wire) -> None:
    """In a process of its own, since the most that a process took is never less again."""
    wire.answer = gzipped(BOMB)
    program = """
import resource, sys
from hear_app.errors import UnexpectedAnswerError
from hear_app.github.client import Client
from hear_app.github.limits import Limits

def taken():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000

before = taken()
try:
    Client(sys.argv[1], None, Limits(4, 60), max_response=16_000_000).get("/x")
except UnexpectedAnswerError:
    print(taken() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, wire.url], capture_output=True, text=True, check=True, cwd=HOME
    )
    assert int(done.stdout) < 40, "megabytes: the limit, and what the program itself needs"


@pytest.mark.parametrize("surplus", [0, 1])
def test_the_limit_is_the_last_size_that_passes(wire: Wire, surplus: int) -> None:
    wire.answer = gzipped(gzip.compress(b"[" + b" " * (MB - 2 + surplus) + b"]"))
    if surplus:
        with pytest.raises(UnexpectedAnswerError, match="more than 1 MB"):
            asked(wire, max_response=MB)
    else:
        assert len(asked(wire, max_response=MB).body) == MB


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "gzip,gzip,gzip", "nonsense"])
def test_what_was_not_asked_for_is_not_unpacked(wire: Wire, encoding: str) -> None:
    wire.answer = OK + b"Content-Encoding: %s\r\nContent-Length: 2\r\n\r\n[]" % encoding.encode()
    with pytest.raises(UnreachableError, match="the answer was cut off"):
        asked(wire)


# -- connections


def test_a_connection_is_used_again_after_a_whole_answer(wire: Wire) -> None:
    client = Client(wire.url, None, Limits(4, 60))
    bodies: list[Callable[[bytes], bytes]] = [
        lambda body: OK + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        chunked,
        lambda body: gzipped(gzip.compress(body)),
        lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n",
    ]
    for body in (b"[]", b"[" + b"1," * MB + b"1]"):
        for framed in bodies:
            wire.answer = framed(body)
            answer = client.get("/x", etag='"1"')
            assert answer.body in {body, b""}
    assert (wire.connections, wire.requests) == (1, 8)


def test_after_a_bomb_the_next_answer_comes_by_another_connection(wire: Wire) -> None:
    client = Client(wire.url, None, Limits(4, 60), max_response=8 * MB)
    for _ in range(3):
        wire.answer = gzipped(BOMB)
        with pytest.raises(UnexpectedAnswerError):
            client.get("/x")
        wire.answer = OK + b"Content-Length: 2\r\n\r\n[]"
        assert client.get("/x").document == []
    assert wire.connections == 4
