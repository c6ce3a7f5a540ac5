"""What holds for every test: a clean environment, an empty working folder, and a header with versions."""

from __future__ import annotations

import os
import re
import shutil
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
