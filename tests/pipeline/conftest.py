"""Real runs of `hear`, each in a process and a folder of its own, with dbt and DuckDB as they are."""

from __future__ import annotations

import contextlib
import io
import os
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

HOME = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "hear_app.cli")


def environment(**variables: object) -> dict[str, str]:
    """A user's environment: output buffered and Python's caches on, as they are outside of containers."""
    unwanted = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"PYTHONPATH": str(HOME)} | {name: str(value) for name, value in variables.items()}


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


@pytest.fixture(scope="session")
def whole_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project as it is now: whoever edits a model meanwhile disturbs no test."""
    home = tmp_path_factory.mktemp("whole-home")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(HOME / name, home / name)
    for name in ("macros", "models", "seeds"):
        shutil.copytree(HOME / name, home / name)
    return home


@pytest.fixture(scope="session")
def sample(
    hear: Callable[..., subprocess.CompletedProcess[str]],
    whole_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder after a first `hear run` of the embedded sample, with the whole dbt project; and that run.

    Nothing in it may be changed: tests that break something take a copy.
    """
    folder = tmp_path_factory.mktemp("sample")
    return folder, hear(folder, "run", merged=True, HEAR_HOME=whole_home)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of such a folder, to break."""

    def copied(folder: Path, **options: Any) -> Path:
        return Path(shutil.copytree(folder, tmp_path / "copy", **options))

    return copied
