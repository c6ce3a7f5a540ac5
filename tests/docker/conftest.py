"""The image under test, and one way to run it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Docker(Protocol):
    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def docker() -> Docker:
    """Runs the docker client, and shows what it printed where it fails."""

    def call(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )
        if check and done.returncode:
            pytest.fail(f"docker {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return call


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    return str(pytestconfig.getoption("--image"))


@pytest.fixture(scope="session")
def config(docker: Docker, image: str) -> dict[str, Any]:
    """What the image declares: user, entry point, labels, health check."""
    inspected: list[dict[str, Any]] = json.loads(docker("image", "inspect", image).stdout)
    declared: dict[str, Any] = inspected[0]["Config"]
    return declared


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A folder on the host that any user in a container may write to."""
    folder = tmp_path / "warehouse"
    folder.mkdir()
    folder.chmod(0o777)
    return folder
