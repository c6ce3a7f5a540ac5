"""The models by themselves: they build on a bronze without rows, and dbt's own unit tests hold."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hear_app import bronze, transform, warehouse
from hear_app.settings import Settings

PROJECT = Settings().project_home


@pytest.fixture(scope="module")
def empty_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy with the bronze schema, no row in it, and all models built."""
    build = tmp_path_factory.mktemp("models") / "hear.duckdb"
    warehouse.start_build(build, build, afresh=True)
    with warehouse.writing(build) as connection:
        connection.execute(bronze.schema_sql())
    with transform.Models(PROJECT, build) as models:
        models.build(full=False)
    return build


@contextlib.contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


def dbt(build: Path, *arguments: str) -> None:
    """One dbt command with warnings as errors; fails the test where it fails."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    artifacts = str(build.parent / "dbt")
    settings = {"HEAR_BUILD": str(build), "DBT_PROJECT_DIR": str(PROJECT), "DBT_PROFILES_DIR": str(PROJECT)}
    settings |= {"DBT_TARGET_PATH": artifacts, "DBT_LOG_PATH": artifacts, "DBT_LOG_LEVEL_FILE": "none"}
    with environment(settings), contextlib.redirect_stdout(sys.stderr):
        try:
            outcome = dbtRunner().invoke(["--warn-error", *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    assert outcome.success, outcome.exception or [str(result.message) for result in outcome.result]  # type: ignore[union-attr]


def test_dimensions_have_their_special_members_without_a_row_in_bronze(empty_build: Path) -> None:
    with warehouse.reading(empty_build) as connection:
        users = connection.execute("select user_key from gold.dim_user order by user_key").fetchall()
        commits = connection.execute("select count(*) from gold.fct_commits").fetchall()
    assert users == [(-3,), (-2,), (-1,)]
    assert commits == [(0,)]


def test_unit_tests_of_the_models_hold(empty_build: Path) -> None:
    dbt(empty_build, "test", "--select", "test_type:unit")


def test_docs_can_be_made(empty_build: Path) -> None:
    dbt(empty_build, "docs", "generate")
    assert (empty_build.parent / "dbt" / "catalog.json").stat().st_size > 0


ASKED = (
    "select (select count(*) from gold.dim_user), (select count(*) from bronze.commits), "
    "(select count(*) from duckdb_constraints() where schema_name = 'gold' and constraint_type = 'PRIMARY KEY'), "
    "(select count(*) from duckdb_constraints() where schema_name = 'gold' and constraint_type = 'FOREIGN KEY'), "
    "(select comment from duckdb_tables() where schema_name = 'gold' and table_name = 'fct_commits')"
)


def test_the_file_opens_in_the_1_5_client(empty_build: Path) -> None:
    client = Path(sys.executable).with_name("duckdb")
    ran = subprocess.run(
        [client, "-readonly", "-csv", "-noheader", empty_build, "-c", f"{ASKED}; select version()"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "3,0," in ran.stdout
    assert "Grain: one row per commit" in ran.stdout
    assert "v1.5." in ran.stdout


def test_the_file_opens_in_the_1_4_client(empty_build: Path, tmp_path: Path) -> None:
    lock = Path(__file__).with_name("duckdb-1.4.lock")
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
    got = subprocess.run([*pip, "--target", tmp_path / "old", "-r", lock], capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"DuckDB 1.4 can't be had here: {got.stderr.strip().splitlines()[-1:]}")
    script = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=True); "
        "print(duckdb.__version__, connection.execute(sys.argv[2]).fetchall()[0])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, empty_build, ASKED],
        env={"PYTHONPATH": str(tmp_path / "old")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("1.4.")
    assert "(3, 0, " in ran.stdout
    assert "Grain: one row per commit" in ran.stdout
