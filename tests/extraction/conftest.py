"""A server of our own for each test, and a rig that syncs it into a temporary landing zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.extraction.harness import Altering, Clock, Rig, opened, repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hear_app.sample.history import SampleRepository


@pytest.fixture
def repo() -> SampleRepository:
    """acme/tool, still empty."""
    return repository()


@pytest.fixture
def server(repo: SampleRepository) -> Iterator[Altering]:
    with Altering([repo]) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rig(server: Altering, tmp_path: Path) -> Iterator[Rig]:
    with opened(Rig(server, tmp_path / "landing")) as made:
        yield made


settings.register_profile("thorough", max_examples=1500)
