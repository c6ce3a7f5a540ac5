"""dbt, in this process: its import costs two seconds, so it is imported only when there is something to build."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Any, Self

from hear_app.errors import TransformError
from hear_app.settings import DEFAULT_MEMORY
from hear_app.terminal import SafeStream

_PRINTER_WIDTH = "68"  # dbt's own dots, so that a line with its clock fits 80 columns
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
_SHOWN_FAILURES = 5
_PATIENCE = 10.0  # seconds that the end of a run waits for the parse
_REMEDIES = {
    "Out of Memory": "Allow more with HEAR_MEMORY=4GB.",
    "No space left on device": "The disk is full: free some space, and run again.",
}


class Models:
    """The dbt project over one working copy, in a `with` block; the options `select` name a part of it.

    dbt reads its settings from the environment, which is set for as long as the block lasts, since no other thread
    may read it while it changes.

    Importing dbt and parsing the models takes seconds: `begin` lets a thread do both, beside the sync and the
    load, as soon as it is known that there will be something to build. The parsed project serves one build: dbt
    changes it, and what has been built once (a foreign key in a contract, say) does not compile a second time.
    """

    def __init__(
        self, project: Path, build: Path, memory: str = DEFAULT_MEMORY, select: tuple[str, ...] = ()
    ) -> None:
        self._settings = _settings(project, build) | {"HEAR_MEMORY": memory}
        self._build = build
        self._select = select
        self._manifest: Any = None
        self._beginning = threading.Lock()
        self._parsing: threading.Thread | None = None
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        self._before = {name: os.environ.get(name) for name in self._settings}
        os.environ.update(self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for the thread: one that is cut off in the midst of its imports takes the process with it."""
        if self._parsing is not None:
            self._parsing.join(_PATIENCE)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def begin(self) -> None:
        """Begins to parse, once; returns at once."""
        with self._beginning:
            if self._parsing is None:
                self._parsing = threading.Thread(target=self._parse, daemon=True)
                self._parsing.start()

    def debug(self) -> None:
        """`dbt debug --connection` against the working copy. Raises TransformError."""
        self._invoke("debug", "--connection")

    def build(self, full: bool) -> None:
        """`dbt build`: seeds, models and the tests of their data. Raises TransformError, naming what failed.

        Unit tests are about the models, not about this data: `make test` runs them.
        """
        try:
            self._invoke("build", *_NO_UNIT_TESTS, *self._select, *(["--full-refresh"] if full else []))
        finally:
            self._manifest = None

    def _parse(self) -> None:
        """Says nothing: what can't be parsed is told by the command that needs it, which then tries again."""
        usual = sys.getswitchinterval()
        sys.setswitchinterval(0.0005)  # seconds; else the others wait 5 ms for this thread at each of their reads
        try:
            with contextlib.suppress(Exception):
                _without_named_semaphores()
                from dbt.cli.main import dbtRunner

                self._manifest = dbtRunner().invoke(["--log-level", "none", "parse"]).result
        finally:
            sys.setswitchinterval(usual)

    def _invoke(self, *arguments: str) -> None:
        self.begin()
        if self._parsing is not None:
            self._parsing.join()
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        try:
            with contextlib.redirect_stdout(SafeStream(sys.stderr, colours=sys.stderr.isatty())):
                outcome = dbtRunner(manifest=self._manifest).invoke(list(arguments))
        finally:
            # dbt keeps the file open for writing after it is done
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        if not outcome.success:
            failure = _failure(arguments[0], outcome)
            remedy = next((f"{remedy} " for sign, remedy in _REMEDIES.items() if sign in failure), "")
            raise TransformError(failure, f"{remedy}The last good file stays; the build is kept in {self._build}.")


def _settings(project: Path, build: Path) -> dict[str, str]:
    """dbt's settings as it reads them from the environment, whatever the command.

    profiles.yml takes the working copy's path from HEAR_BUILD; dbt's artifacts stand beside that copy, so that
    the project's folder may be read-only. All paths are absolute: dbt takes others from the project's folder.
    """
    artifacts = str(build.parent.absolute() / "dbt")
    return {
        "HEAR_BUILD": str(build.absolute()),
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(project),
        "DBT_TARGET_PATH": artifacts,
        "DBT_LOG_PATH": artifacts,
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_WRITE_JSON": "False",  # artifacts that nothing here reads: a second a build
        "DBT_PRINTER_WIDTH": _PRINTER_WIDTH,
        "DBT_USE_COLORS": str(sys.stderr.isatty()),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }


def _without_named_semaphores() -> None:
    """Lets dbt's locks be of the kind that has no name, before it is imported.

    dbt makes locks that processes could share by name, though it starts none. Such a name outlives a process that
    is interrupted, and the helper process that Python starts to remove it says so.
    """
    from multiprocessing import get_context

    from dbt import mp_context

    mp_context._MP_CONTEXT = get_context("fork")  # type: ignore[assignment]


def _failure(command: str, outcome: Any) -> str:
    """One sentence for what dbt reports: which nodes failed, and the first line of why."""
    results = getattr(outcome.result, "results", None) or []
    failed = [result for result in results if str(result.status) in {"error", "fail", "runtime error"}]
    if not failed:
        lines = [line.strip() for line in str(outcome.exception or "").splitlines() if line.strip()]
        return f"dbt {command} failed: {': '.join(lines[:2]).rstrip('.') or 'see its log above'}."
    shown = [
        f"{result.node.resource_type} {result.node.name} ({_why(result)})" for result in failed[:_SHOWN_FAILURES]
    ]
    more = f", and {len(failed) - len(shown)} more" if len(failed) > len(shown) else ""
    return f"dbt {command}: {len(failed)} of {len(results)} failed: {', '.join(shown)}{more}."


def _why(result: Any) -> str:
    lines = [line.strip() for line in str(result.message or result.status).splitlines() if line.strip()]
    return lines[-1] if len(lines) == 1 or "Error in" not in lines[0] else lines[1]
