"""The image, run for real: as its users run it, and as their platforms may force it to run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hear_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.conftest import Docker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

GOLD = (
    "dim_date",
    "dim_month",
    "dim_repository",
    "dim_user",
    "fct_commits",
    "fct_issues",
    "fct_pull_requests",
)
CONFINED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--cap-drop", "ALL")


def assert_lists_the_tables(printed: str) -> None:
    assert all(schema in printed for schema in ("bronze", "silver", "gold"))
    assert not [table for table in GOLD if table not in printed]


@pytest.fixture
def container(docker: Docker, image: str) -> Iterator[str]:
    """A container that is at work on the sample."""
    name = docker("run", "--detach", image).stdout.strip()
    yield name
    docker("rm", "--force", name)


# Running


def test_the_default_run_prints_the_tables_of_the_sample(docker: Docker, image: str) -> None:
    done = docker("run", "--rm", "--network", "none", image)
    assert "sample" in done.stdout + done.stderr
    assert_lists_the_tables(done.stdout)


@pytest.mark.parametrize("user", ["12345:12345", "1000:0"])
def test_it_runs_as_any_user(docker: Docker, image: str, user: str) -> None:
    assert_lists_the_tables(docker("run", "--rm", "--user", user, image).stdout)


def test_it_runs_read_only_with_a_mounted_warehouse(docker: Docker, image: str, warehouse: Path) -> None:
    mounted = (*CONFINED, "--volume", f"{warehouse}:/app/warehouse")
    first = docker("run", *mounted, "--user", "12345:12345", image)
    assert_lists_the_tables(first.stdout)
    assert (warehouse / "hear.duckdb").stat().st_size > 0
    assert_lists_the_tables(docker("run", *mounted, "--user", "12345:12345", image, "tables").stdout)


def test_another_user_reads_a_warehouse_mounted_read_only(docker: Docker, image: str, warehouse: Path) -> None:
    """The tables, and the dashboard too: it listens, calls itself healthy, and stops when it is told to."""
    docker("run", "--rm", "--volume", f"{warehouse}:/app/warehouse", "--env", "HEAR_SHARED=true", image)
    mounted = (*CONFINED, "--volume", f"{warehouse}:/app/warehouse:ro", "--user", "54321:54321")
    assert_lists_the_tables(docker("run", *mounted, image, "tables").stdout)
    serving = docker("run", "--detach", *mounted, image, "serve").stdout.strip()
    try:
        page = asked_within(docker, serving, "http://127.0.0.1:8501/")
        assert "<title>" in page
        docker("exec", serving, "hear", "health")
        began = time.monotonic()
        docker("stop", "--time", "20", serving)
        assert time.monotonic() - began < 10
    finally:
        docker("rm", "--force", serving, check=False)


def test_a_warehouse_is_private_to_its_user(docker: Docker, image: str, warehouse: Path) -> None:
    mounted = (*CONFINED, "--volume", f"{warehouse}:/app/warehouse")
    docker("run", *mounted, image)
    for command in ("tables", "run"):
        done = docker("run", *mounted, "--user", "54321:54321", image, command, check=False)
        assert done.returncode == 1
        assert "--user" in done.stderr
        assert "Traceback" not in done.stderr


def asked_within(docker: Docker, container: str, url: str, seconds: float = 60) -> str:
    """What a web server in the container answers, once it does."""
    script = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=5).read().decode())"
    deadline = time.monotonic() + seconds
    while True:
        done = docker("exec", container, "python", "-c", script, check=False)
        if done.returncode == 0 or time.monotonic() > deadline:
            assert done.returncode == 0, done.stderr
            return done.stdout
        time.sleep(0.5)


@pytest.mark.parametrize("size", ["300k", "4m", "9m"])
def test_a_full_disk_is_one_clear_sentence(docker: Docker, image: str, size: str) -> None:
    done = docker("run", *CONFINED, "--tmpfs", f"/app/warehouse:size={size},mode=0777", image, check=False)
    assert done.returncode == 1
    assert "The disk is full" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unwritable_warehouse_is_one_clear_sentence(docker: Docker, image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = docker(
        "run",
        *CONFINED,
        "--volume",
        f"{tmp_path}:/app/warehouse",
        "--user",
        "12345:12345",
        image,
        check=False,
    )
    assert done.returncode not in (0, 137)
    assert "warehouse" in done.stderr
    assert "--user" in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_stops_it_promptly(docker: Docker, container: str) -> None:
    time.sleep(2)
    began = time.monotonic()
    docker("stop", "--time", "20", container)
    assert time.monotonic() - began < 10
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "130"


def test_a_batch_container_is_healthy(docker: Docker, container: str, config: dict[str, Any]) -> None:
    docker("exec", container, *config["Healthcheck"]["Test"][1:])


# What is in it


def test_it_declares_what_platforms_ask_for(config: dict[str, Any]) -> None:
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"] == ["hear"]
    assert config["Cmd"] == ["run"]
    assert not config.get("Volumes")
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert labels.keys() >= {"title", "description", "licenses", "source", "version", "revision"}
    assert labels["version"] == hear_app.__version__


def test_no_secret_is_set(config: dict[str, Any]) -> None:
    assert not [name for name in config["Env"] if "TOKEN" in name or name.startswith("HEAR_")]


LEFTOVERS = """
import importlib.util, json, os, shutil
modules = ("pip", "uv", "setuptools", "wheel", "hatchling", "ensurepip", "pytest", "mypy")
programs = ("pip", "pip3", "uv", "gcc", "make", "git", "curl", "hatchling")
found = [name for name in modules if importlib.util.find_spec(name)]
found += [path for path in map(shutil.which, programs) if path]
found += [f"{home}/{name}" for home in ("/tmp", "/root") for name in os.listdir(home) if name not in SKELETON]
for folder, folders, files in os.walk("/app"):
    names = [name for name in folders + files if name in SOURCES or name.endswith((".pyi", ".h"))]
    found += [f"{folder}/{name}" for name in names]
print(json.dumps(found))
"""
SKELETON = (".bashrc", ".profile")
SOURCES = (".git", ".cache", ".env", "requirements.lock", "Dockerfile")


def test_no_build_tool_and_no_cache_is_left(docker: Docker, image: str) -> None:
    script = f"SKELETON, SOURCES = {SKELETON!r}, {SOURCES!r}\n{LEFTOVERS}"
    printed = docker("run", "--rm", "--user", "0:0", "--entrypoint", "python", image, "-c", script).stdout
    assert json.loads(printed) == []


def test_every_library_still_imports(docker: Docker, image: str) -> None:
    libraries = "altair, dbt.cli.main, dbt.adapters.duckdb, duckdb, obstore, pandas, polars, pyarrow, streamlit"
    docker(
        "run",
        *CONFINED,
        "--user",
        "12345:12345",
        "--entrypoint",
        "python",
        image,
        "-c",
        f"import {libraries}",
    )


DBT_PARSE = """
import os, sys, hear_app
home = os.path.join(hear_app.__path__[0], "_home")
os.execvp("dbt", ["dbt", "parse", "--project-dir", home, "--profiles-dir", home])
"""


def test_dbt_reads_the_project_it_carries(docker: Docker, image: str) -> None:
    docker("run", *CONFINED, "--user", "12345:12345", "--entrypoint", "python", image, "-c", DBT_PARSE)


def test_it_stays_under_a_gigabyte(docker: Docker, image: str) -> None:
    assert int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout) < 1_000_000_000
