"""The box for strangers' SQL: each query in a process of its own, which is ended when it takes too much.

DuckDB's own limits do not hold: one call of `repeat` or of a regular expression is never interrupted, and what a
function allocates is not counted. The kernel's do. The process can write to no file, is killed at the deadline,
gets no variable of this one's environment but a few, and hands its rows back through a pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hear_app.sandbox_worker import CANNOT_OPEN, REFUSED, TOO_MUCH, Request
from hear_app.warehouse import reading

MAX_SECONDS = 10.0
MAX_BYTES = 30_000_000  # of a result: what a browser, or a model's context, can still hold
_WAIT_SECONDS = 5.0
_CHUNK = 1 << 16
# What Python and DuckDB may need to start and to tell the time. No token, no secret of a cloud.
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TZDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Two at a time: a dashboard is read by several, and each query may take two threads.
_SLOTS = threading.BoundedSemaphore(2)


class RefusedError(Exception):
    """A query that was not run, or not to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows, and whether there were more of them than are given."""

    frame: pl.DataFrame
    was_cut: bool


def run(path: Path, query: str, seconds: float, rows: int) -> Result:
    """The first `rows` rows of one reading statement over the published file.

    Raises RefusedError where it is none, or takes too long or too much, or fails; WarehouseError or BusyError
    where the file can't be opened.
    """
    if not _SLOTS.acquire(timeout=_WAIT_SECONDS):
        raise RefusedError("Two other queries are running. Try again when they are done.")
    try:
        code, answer = _asked(Request(str(path.absolute()), query, rows + 1, seconds))
    finally:
        _SLOTS.release()
    if code == 0:
        frame = pl.read_ipc_stream(answer)
        return Result(frame.head(rows), frame.height > rows)
    if code == CANNOT_OPEN:
        with reading(path):
            pass  # says in our words why a file can't be opened
    if code in (REFUSED, CANNOT_OPEN):
        raise RefusedError(answer.decode(errors="replace"))
    if code == -signal.SIGXCPU:
        raise _too_long(seconds)
    if code > 0:
        raise RefusedError(f"The query's process failed (exit code {code}): the log of `hear serve` says why.")
    raise RefusedError(TOO_MUCH)  # an allocation that failed where nobody counts on it ends the process


def _asked(request: Request) -> tuple[int, bytes]:
    """The exit code and the output of a worker that does a request.

    Raises RefusedError where it goes too far, or can't be started.
    """
    worker = _started()
    try:
        assert worker.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()  # and left open: its end tells the worker that this process is gone
        return _collected(worker, time.monotonic() + request.seconds, request.seconds)
    finally:
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()


def _started() -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "hear_app.sandbox_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the server, which ends its workers
        )
    except OSError as error:
        raise RefusedError(
            f"The query's process can't be started: {error.strerror}. Try again in a moment, or use `hear sql`."
        ) from error


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "POLARS_MAX_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # else each thread reserves addresses, of which there are few
    }


def _collected(worker: subprocess.Popen[bytes], deadline: float, seconds: float) -> tuple[int, bytes]:
    assert worker.stdout is not None  # noqa: S101
    parts, size = list[bytes](), 0
    with selectors.DefaultSelector() as ready:
        ready.register(worker.stdout, selectors.EVENT_READ)
        while ready.select(max(0.0, deadline - time.monotonic())):
            part = os.read(worker.stdout.fileno(), _CHUNK)
            if not part:
                return _ended(worker, deadline, seconds), b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise RefusedError(
                    "The result is too big to show. Ask for fewer rows or columns, or use `hear sql`."
                )
    raise _too_long(seconds)


def _ended(worker: subprocess.Popen[bytes], deadline: float, seconds: float) -> int:
    try:
        return worker.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _too_long(seconds) from error


def _too_long(seconds: float) -> RefusedError:
    return RefusedError(f"Stopped after {seconds:g} seconds. Ask for less, or use `hear sql`.")
