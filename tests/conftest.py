"""What holds for every test: a clean environment, an empty working folder, and a header with versions."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[1]
PROVEN = ("repositories", "commits", "commit_parents", "work_items")
PRIVATE = ("GITHUB_TOKEN", "GH_TOKEN", "NETRC")
PREFIXES = ("HEAR_", "DBT_", "STREAMLIT_")
UNWANTED = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES")
COMMAND = (sys.executable, "-m", "hear_app.cli")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--image", default="hear_app", help="the image that tests/docker tries (default: hear_app)")


def pytest_configure() -> None:
    """Forget the developer's token, settings and proxies: no test, no subprocess sees them."""
    for name in list(os.environ):
        if name in PRIVATE or name.startswith(PREFIXES) or name.lower() in PROXIES:
            del os.environ[name]


def pytest_report_header() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("duckdb", "dbt-core", "dbt-duckdb", "streamlit"))


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run from an empty folder: no test may lean on the checkout's .env or touch its warehouse."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


def environment(**variables: object) -> dict[str, str]:
    """A user's environment: output buffered and Python's caches on, as they are outside of containers."""
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    return kept | {"PYTHONPATH": str(HOME)} | {name: str(value) for name, value in variables.items()}


@dataclass(frozen=True)
class SampleRun:
    """A first `hear run` of the embedded sample, with a copy of the whole dbt project (`home`).

    Nothing in its folder may be changed: tests that break something take a copy.
    """

    folder: Path
    home: Path
    printed: str  # stdout and stderr, in the order in which a terminal would show them

    @property
    def file(self) -> Path:
        return self.folder / "warehouse" / "hear.duckdb"


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> SampleRun:
    """The run of the sample, made once for all workers."""
    own = tmp_path_factory.getbasetemp()
    base = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample-run"
    base.mkdir(exist_ok=True)
    folder, home, log = base / "folder", base / "home", base / "printed.txt"
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not log.exists():
            _copy_of_the_dbt_project(home)
            folder.mkdir()
            log.write_text(_run_of_the_sample(folder, home), encoding="utf-8")
    return SampleRun(folder, home, log.read_text(encoding="utf-8"))


def _copy_of_the_dbt_project(home: Path) -> None:
    """The project as it is now: whoever edits a model meanwhile disturbs no test."""
    for name in ("macros", "models", "seeds"):
        shutil.copytree(HOME / name, home / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(HOME / name, home / name)


def _run_of_the_sample(folder: Path, home: Path) -> str:
    done = subprocess.run(
        [*COMMAND, "run"],
        cwd=folder,
        env=environment(HEAR_HOME=home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project of the models that the proofs need and what these need: a run of it takes a few seconds."""
    home = tmp_path_factory.mktemp("small-home")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(HOME / name, home / name)
    shutil.copytree(HOME / "macros", home / "macros")
    (home / "models" / "silver").mkdir(parents=True)
    (home / "seeds").mkdir()
    shutil.copy(HOME / "models" / "sources.yml", home / "models" / "sources.yml")
    needed = list(PROVEN)
    for name in needed:
        (found,) = [*HOME.glob(f"models/**/{name}.sql"), *HOME.glob(f"seeds/{name}.csv")]
        shutil.copy(found, home / found.relative_to(HOME))
        if found.suffix == ".sql":
            references = re.findall(r"ref\('(\w+)'\)", found.read_text(encoding="utf-8"))
            needed += [reference for reference in references if reference not in needed]
    return home
