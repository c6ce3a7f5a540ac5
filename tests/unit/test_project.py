"""What the project's files promise to each other: versions, locks, workflows, imports, the wheel."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hear_app

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
WORKFLOWS = sorted((HOME / ".github/workflows").glob("*.yml"))
BUILT = {".git", ".venv", "warehouse", "target", "logs", "dist", "__pycache__"}


def read(name: str) -> str:
    return (HOME / name).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[str]]:
    """The versions that a lock file allows for each package."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", read(lock), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def own_files() -> Iterator[Path]:
    """The project's own text files, without what was built or installed."""
    for path in HOME.rglob("*"):
        parts = path.relative_to(HOME).parts
        if path.is_file() and not any(part in BUILT or part.endswith("_cache") for part in parts):
            yield path


def output_of(*command: str | Path) -> str:
    """What a command prints, run in the checkout; it has to succeed."""
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


# -- versions and locks


def test_one_version_everywhere() -> None:
    released = re.findall(r"^## \[(\d[^\]]*)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert released[0] == hear_app.__version__
    assert f"ARG VERSION={hear_app.__version__}\n" in read("Dockerfile")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_hashed_and_names_no_host(lock: str) -> None:
    text = read(lock)
    assert not re.search(r"https?:|file:|^\s*-(-index|-extra|-find|-trusted|f|i)", text, re.MULTILINE)
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in requirement for requirement in requirements)


def test_the_dev_lock_holds_every_runtime_pin() -> None:
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()


def test_the_locks_answer_what_pyproject_asks_for() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"]
    for lock, asked in (
        (LOCKS[0], [*project["project"]["dependencies"], *groups["build"]]),
        (LOCKS[1], groups["dev"]),
    ):
        pinned = pins(lock)
        for requirement in map(Requirement, asked):
            versions = pinned.get(canonicalize_name(requirement.name), set())
            assert versions, f"{requirement} is missing in {lock}: run `make lock`"
            assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_no_file_names_a_package_index() -> None:
    setting = re.compile(
        r"--?(?:extra-)?index[-_]url\b|--find-links\b|--trusted-host\b|^\[\[?tool\.uv\.index", re.MULTILINE
    )
    host = re.compile(r"https?://[^/\s]*(?:py" + r"pi|pythonhosted|npm" + r"js|artifactory)", re.IGNORECASE)
    named = []
    for path in own_files():
        text = path.read_text(encoding="utf-8", errors="ignore")
        if path != Path(__file__).resolve() and (setting.search(text) or host.search(text)):
            named.append(str(path.relative_to(HOME)))
    assert not named
    assert not list(HOME.glob("uv.lock"))


# -- workflows and make


def workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_valid_pinned_and_least_privileged(path: Path) -> None:
    output_of(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    content = workflow(path)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "values reach a script by env, never by a template"
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used), used


@pytest.mark.parametrize(
    ("visibility", "goes_on"),
    [("private", True), ("public", False), ("internal", False), ("", False), (None, False)],
)
def test_what_a_token_reads_stays_in_a_private_repository(
    tmp_path: Path, visibility: str | None, goes_on: bool
) -> None:
    """The step of the hourly workflow itself, run as GitHub runs it, with an API that says this or fails."""
    steps = workflow(HOME / ".github/workflows/hourly.yml")["jobs"]["run"]["steps"]
    guards, runs = [
        next(at for at, step in enumerate(steps) if part in step.get("run", ""))
        for part in ("visibility", "make run")
    ]
    assert guards < runs
    asks = tmp_path / "gh"
    asks.write_text("#!/bin/sh\n" + ("exit 1\n" if visibility is None else f"echo '{visibility}'\n"))
    asks.chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-c", steps[guards]["run"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_REPOSITORY": "o/r"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode == 0) == goes_on


def test_only_what_is_named_reaches_the_image() -> None:
    rules = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept_out = {"**/.env", "**/.env.*", "**/secrets.toml", "**/*.duckdb*"}
    last_named = max(at for at, rule in enumerate(rules) if rule.startswith("!"))
    assert kept_out <= set(rules[last_named + 1 :]), "the last rule that fits a file decides"


def test_make_help_lists_each_target_once() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)
    assert phony
    listed = output_of("make", "help")
    names = re.findall(r"^  make ([\w-]+) +\S", listed, re.MULTILINE)
    assert len(names) == len(set(names))
    parts_of_check = {"lint", "types", "imports", "sql", "workflows", "docs"}
    assert set(names) == set(phony[1].split()) - parts_of_check


# -- imports


def test_the_app_sees_only_what_it_reads_by() -> None:
    allowed = {f"hear_app.{name}" for name in ("errors", "sandbox", "settings", "spreadsheet", "warehouse")}
    for path in (HOME / "app").rglob("*.py"):
        ours = {module for module in imported_modules(path) if module.split(".")[0] == "hear_app"}
        assert ours <= allowed, path


def test_the_command_starts_without_its_heavy_libraries() -> None:
    heavy = ("duckdb", "dbt", "streamlit", "polars", "pandas", "pyarrow", "obstore", "requests")
    loaded = output_of(sys.executable, "-c", "import sys, hear_app.cli; print(*sys.modules)").split()
    assert not set(heavy) & set(loaded)


# -- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    output_of(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_the_dbt_project(wheel: set[str]) -> None:
    for folder in ("models", "macros", "seeds"):
        carried = {
            name.removeprefix("hear_app/_home/") for name in wheel if name.startswith(f"hear_app/_home/{folder}/")
        }
        assert carried == {
            path.relative_to(HOME).as_posix()
            for path in (HOME / folder).rglob("*")
            if path.suffix in (".sql", ".yml", ".csv")
        }
    assert {"hear_app/_home/dbt_project.yml", "hear_app/_home/profiles.yml", "hear_app/bronze.sql"} <= wheel


def test_the_wheel_carries_nothing_else(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel} == {
        "hear_app",
        f"hear_app-{hear_app.__version__}.dist-info",
    }
    assert not [name for name in wheel if "__pycache__" in name or name.endswith((".duckdb", ".env"))]
