"""Progress: bars on a terminal, plain lines elsewhere. Both hear of rows, waits and finished repositories."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from hear_app.landing import Stream
from hear_app.listing import console
from hear_app.sync.results import RepositoryResult, StreamResult
from hear_app.terminal import safe, say

_LINE_SECONDS = 10.0  # between two plain lines of one stream


class LineReporter:
    """Plain lines on stderr: for pipes, logs and containers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, Stream], int] = {}
        self._said: dict[str, float] = {}

    def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
        with self._lock:
            read = self._rows[name, stream] = self._rows.get((name, stream), 0) + count
            if self._is_due(f"{name} {stream}"):
                say(f"  {name}: {stream}, {read:,}" + (f" of about {total:,}" if total else "") + " rows landed")

    def note(self, text: str) -> None:
        with self._lock:
            say(f"  {text}")

    def waiting(self, reason: str, seconds: float) -> None:
        with self._lock:
            if self._is_due("waiting"):
                say(f"  waiting {seconds:,.0f} s for {reason}")

    def finished(self, result: RepositoryResult) -> None:
        with self._lock:
            for line in outcome_lines(result):
                say(line)

    def _is_due(self, key: str) -> bool:
        now = time.monotonic()
        due = now - self._said.setdefault(key, now if key != "waiting" else 0.0) >= _LINE_SECONDS
        if due:
            self._said[key] = now
        return due


class BarReporter:
    """A bar for each stream that is being read, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, Stream], TaskID] = {}
        self._waiting: TaskID | None = None
        self._waits_until = 0.0

    def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
        with self._lock:
            task = self._tasks.get((name, stream))
            if task is None:
                task = self._tasks[name, stream] = self._progress.add_task(
                    safe(f"{name} {stream}"), total=total, total_text=f" of {total:,}" if total else "", rate=""
                )
            if self._waiting is not None and time.monotonic() >= self._waits_until:
                self._progress.update(self._waiting, visible=False)
            self._progress.update(task, advance=count, rate=self._rate(task))

    def note(self, text: str) -> None:
        self._print(f"  {text}")

    def waiting(self, reason: str, seconds: float) -> None:
        with self._lock:
            if self._waiting is None:
                self._waiting = self._progress.add_task("", total=None, total_text="", rate="")
            text = f"waiting {seconds:,.0f} s for {reason}"
            self._progress.update(self._waiting, description=text, visible=True)
            self._waits_until = time.monotonic() + seconds
            self._progress.refresh()

    def _rate(self, task: TaskID) -> str:
        speed = self._progress.tasks[self._progress.task_ids.index(task)].speed
        return f"{speed:,.0f}/s" if speed else ""

    def finished(self, result: RepositoryResult) -> None:
        with self._lock:
            for key in [key for key in self._tasks if key[0] == result.name]:
                self._progress.remove_task(self._tasks.pop(key))
            for line in outcome_lines(result):
                self._print(line)

    def _print(self, line: str) -> None:
        self._progress.console.print(safe(line), markup=False)


def outcome_lines(result: RepositoryResult) -> list[str]:
    """A repository's outcome, and each error with its remedy."""
    streams = ", ".join(map(_stream_outcome, result.streams))
    notes = [result.note, *(stream.note for stream in result.streams)]
    first = f"  {result.name}: {streams or ('failed' if result.error else 'skipped')}"
    return [first, *(f"    {note}" for note in notes if note), *(f"    {error}" for error in result.errors)]


def _stream_outcome(stream: StreamResult) -> str:
    """Such as `commits ok (1,634)`, `issues unchanged` or `issues disabled`."""
    rows = f" ({stream.rows:,})" if stream.rows else ""
    return f"{stream.stream} {stream.outcome.removeprefix(stream.stream).strip()}{rows}"


@contextlib.contextmanager
def reporting() -> Iterator[LineReporter | BarReporter]:
    """The reporter that fits stderr."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield LineReporter()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TextColumn("{task.completed:,}{task.fields[total_text]} rows"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=out, transient=True) as progress:
        yield BarReporter(progress)
