"""The real command in a process of its own: what it needs of memory, and that kill -9 costs nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.extraction.harness import (
    NAME,
    SOURCE,
    START,
    TOKEN,
    Altering,
    commit,
    empty_bronze,
    line,
    put_issues,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response

HOME = Path(__file__).parents[2]


def command(url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Begins `hear` with a warehouse in a folder of its own."""
    given = {"HEAR_API_URL": url, "HEAR_SOURCE": SOURCE, "HEAR_WAREHOUSE": str(folder / "hear.duckdb")}
    environment = os.environ | given | {"GITHUB_TOKEN": TOKEN, "PYTHONPATH": str(HOME)}
    return subprocess.Popen(
        [sys.executable, "-m", "hear_app.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def ocean(commits: int, issues: int) -> Iterator[str]:
    """The address of a server with one large repository, in a process of its own."""
    arguments = [sys.executable, "-m", "hear_app.sample", "--big", str(commits), str(issues)]
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        yield server.stdout.readline().partition("/repos/")[0]
        server.kill()


def peak(url: str, folder: Path) -> int:
    """The most memory that a sync of the large repository had, in the system's unit."""
    folder.mkdir()
    process = command(url, folder, "sync", "brackwater/ocean")
    _, status, usage = os.wait4(process.pid, 0)
    said = process.communicate()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_repository(tmp_path: Path) -> None:
    with ocean(2_000, 1_000) as small, ocean(20_000, 1_000) as large:
        few, many = peak(small, tmp_path / "small"), peak(large, tmp_path / "large")
    assert many < 1.3 * few


def read(folder: Path) -> tuple[set[str], set[int]]:
    """The commits on the branch and the issues, by bronze."""
    with empty_bronze() as connection:
        found = stored(connection, folder / "landing")
    assert not found.orphans
    assert not found.doubled
    return set(found.on_branch), set(found.issues)


def test_kill_9_at_any_moment(repo: SampleRepository, server: Altering, tmp_path: Path) -> None:
    """Killed after so many answers of the server, again and again: the last run ends where one alone would."""
    shas = line(repo, 1_250)
    put_issues(repo, range(1, 651), START)
    server.alter = dawdling
    kill_after(server, tmp_path, 4)
    kill_after(server, tmp_path, 7)
    repo.force_push(commit(repo, "anew", START, shas[700]))
    line(repo, 330, label="since")
    kill_after(server, tmp_path, random.randrange(1, 12))
    process = command(server.url, tmp_path, "sync", NAME)
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert read(tmp_path) == (repo.graph.ancestors(str(repo.head)), set(repo.issues))


def kill_after(server: Altering, folder: Path, answers: int) -> None:
    server.forget()
    process = command(server.url, folder, "sync", NAME)
    while len(server.log) < answers and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, "it came to its end too soon for this test"


def dawdling(_: Request, response: Response) -> Response:
    time.sleep(0.02)
    return response


def test_an_interrupt_is_no_failure(repo: SampleRepository, server: Altering, tmp_path: Path) -> None:
    line(repo, 1_250)
    server.alter = dawdling
    process = command(server.url, tmp_path, "sync", NAME)
    while len(server.log) < 5:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the next run goes on from there" in said
    assert "Traceback" not in said
