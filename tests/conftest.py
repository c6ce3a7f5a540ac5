"""What holds for every test: a clean environment, an empty working folder, and a header with versions."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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
