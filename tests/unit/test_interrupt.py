"""Ctrl-C and `docker stop` at many moments of a real process, from its first one on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hear_app.sample.faults import Fault, FaultRule
from hear_app.sample.server import SampleServer
from tests.extraction.harness import NAME, START, line, put_issue, repository

HOME = Path(__file__).resolve().parents[2]
MOMENTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)  # seconds
SENTENCE = "hear: interrupted; what has landed is kept, and the next run goes on from there."
PATIENCE = 60  # seconds that a loaded machine may take for anything

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what is caught")


@contextmanager
def hear(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`hear` in a process of its own, from the moment on at which its own code runs.

    Before that it is Python that starts, which no program has a say in.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "hear_app", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HOME), **environment},
    )
    with process:
        try:
            ends_at = time.monotonic() + PATIENCE
            while process.poll() is None and not catches(process.pid, signal.SIGTERM):
                assert time.monotonic() < ends_at
                time.sleep(0.001)
            yield process
        finally:
            process.kill()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; Python itself has none for SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(found and int(found[1], 16) >> (number - 1) & 1)


def interrupted(process: subprocess.Popen[str], number: signal.Signals, moment: float) -> tuple[int, str]:
    """The exit code, and all of stderr: until the last process that has it open has ended, too."""
    time.sleep(moment)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err, err
    assert "leaked" not in err, err
    assert "KeyboardInterrupt" not in err, err
    return process.returncode, err


@pytest.fixture
def server() -> Iterator[SampleServer]:
    """An API that never gives its last answer: a run against it goes on until it is interrupted."""
    tool = repository()
    line(tool, 3)
    put_issue(tool, 1, START)
    with SampleServer([tool]) as running:
        running.fault = [FaultRule("/issues", Fault("hang", seconds=PATIENCE * 2), times=1000)]
        yield running


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_is_interrupted_at_any_moment(
    server: SampleServer, tmp_path: Path, number: signal.Signals, moment: float
) -> None:
    """While it imports, takes its locks, asks, and parses the models beside that."""
    with hear(tmp_path, "run", NAME, HEAR_API_URL=server.url, HEAR_SOURCE="test") as process:
        code, err = interrupted(process, number, moment)
    assert code == 130, err
    assert err.splitlines()[-1] == SENTENCE


@needs_proc
@pytest.mark.parametrize("moment", [2.0, 3.0, 4.0, 5.0])
def test_a_build_is_interrupted_at_any_moment(tmp_path: Path, moment: float) -> None:
    """dbt is at work, unless the machine is so fast that all is done."""
    with hear(tmp_path, "run", "--sample") as process:
        code, err = interrupted(process, signal.SIGINT, moment)
    assert code in {0, 130}, err
    assert code == 0 or err.splitlines()[-1] == SENTENCE


@needs_proc
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_dashboard_is_interrupted_while_it_starts(tmp_path: Path, moment: float) -> None:
    """Once it serves, Streamlit ends by itself, and well; until then `hear` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with hear(tmp_path, "serve", "--port", port) as process:
        code, err = interrupted(process, signal.SIGINT, moment)
    assert code in {0, 130}, err
