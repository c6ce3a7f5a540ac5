"""A sample warehouse made by a real run, and others: none, empty, locked, of another version."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import queries
from tests.conftest import SampleRun

HOME = Path(__file__).resolve().parents[2]
PAGES = ("overview", "activity", "issues", "pull_requests", "people", "risk", "data", "explore")
Opened = Callable[..., AppTest]


@pytest.fixture(scope="session")
def sample(sample_run: SampleRun) -> Path:
    """The published file of the embedded sample; read only."""
    return sample_run.file


@pytest.fixture
def warehouse(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample warehouse that a test may replace."""
    return Path(shutil.copy(sample, tmp_path / "hear.duckdb"))


@pytest.fixture(scope="session")
def empty(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's schemas without a row."""
    path = tmp_path_factory.mktemp("empty") / "hear.duckdb"
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{sample}' as source (read_only); attach '{path}' as made (storage_version 'v1.4.0')"
        )
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'source'"
        ).fetchall()
        for schema, name in tables:
            connection.execute(f"create schema if not exists made.{schema}")
            connection.execute(f"create table made.{schema}.{name} as from source.{schema}.{name} limit 0")
    return path


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """No test sees another's cached rows, or its open file."""
    st.cache_data.clear()
    yield
    queries.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Draws a page over a file: `opened(path, "risk", repos="a/b")`."""

    def draw(path: Path, page: str = "overview", **query: str) -> AppTest:
        monkeypatch.setenv("HEAR_WAREHOUSE", str(path))
        test = AppTest.from_file(str(HOME / "app" / "dashboard.py"), default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = value
        if page != "overview":
            test.switch_page(f"views/{page}.py")
        return test.run()

    return draw


def texts(test: AppTest) -> str:
    """All text of a page."""
    kinds = (test.markdown, test.caption, test.warning, test.info, test.code, test.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)
