"""What is said to have landed is on the disk, files and folders, before anything tells that it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hear_app.errors import LandingError
from hear_app.landing import Envelope, Landing

PAGE = Envelope(
    source="api.github.com",
    repository_id=42,
    stream="commits",
    walk_id=1,
    role="page",
    position=0,
    page_size=100,
    request="/repos/octo/tool/commits",
    row_count=0,
)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes that were brought to the disk, in their order."""
    inodes: list[int] = []
    fsync: Callable[[int], None] = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        inodes.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    return inodes


def test_objects_and_all_their_folders_reach_the_disk(tmp_path: Path, brought: list[int]) -> None:
    """A file whose folder, or that folder's own, is not on the disk is gone after a power cut."""
    landing = Landing(str(tmp_path / "landing"))
    pages = [replace(PAGE, position=100 * number) for number in range(100)]
    for page in pages:
        landing.put(page, b"[]")
    landing.flush([page.path for page in pages])
    files = [(tmp_path / "landing" / page.path).stat().st_ino for page in pages]
    place = tmp_path / "landing" / PAGE.path
    folders = [parent.stat().st_ino for parent in place.parents if parent.is_relative_to(tmp_path / "landing")]
    assert sorted(brought[: len(pages)]) == sorted(files), "files first, then what names them"
    assert sorted(brought[len(pages) :]) == sorted(folders)


def test_an_object_that_is_gone_is_not_said_to_be_there(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path))
    landing.put(PAGE, b"[]")
    with pytest.raises(LandingError, match=r"page-000000100-100.*can't be brought safely to the disk: No such"):
        landing.flush([PAGE.path, replace(PAGE, position=100).path])


def test_an_object_store_needs_none_of_it(brought: list[int]) -> None:
    landing = Landing("memory:///zone")
    landing.put(PAGE, b"[]")
    landing.flush([PAGE.path])
    landing.flush([])
    assert brought == []
