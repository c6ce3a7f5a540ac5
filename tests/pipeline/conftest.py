"""Real runs of `hear`, each in a process and a folder of its own, with dbt and DuckDB as they are."""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hear_app import cli
from tests.conftest import COMMAND, environment


@pytest.fixture(scope="session")
def hear() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `hear` in a folder to its end: `hear(folder, "run", "a/b", HEAR_SOURCE="x")`.

    With `merged` its stderr comes in its stdout, in the order in which a terminal would show it.
    """

    def run(
        folder: Path, *arguments: str, merged: bool = False, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def hear_here() -> Callable[..., subprocess.CompletedProcess[str]]:
    """As `hear`, in this process: where many runs follow each other, dbt is imported once for all of them."""

    def run(folder: Path, *arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["hear", *arguments])
            for name, value in variables.items():
                patch.setenv(name, str(value))
            stack.enter_context(warnings.catch_warnings(action="ignore"))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            with pytest.raises(SystemExit) as left:
                cli.main()
        for number, handler in before.items():
            signal.signal(number, handler)
        return subprocess.CompletedProcess(arguments, int(left.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Starts `hear` in a folder; both its streams may be read while it runs."""

    def popen(folder: Path, *arguments: str, **variables: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return popen


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of such a folder, to break."""

    def copied(folder: Path, **options: Any) -> Path:
        return Path(shutil.copytree(folder, tmp_path / "copy", **options))

    return copied
