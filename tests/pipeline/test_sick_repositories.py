"""One sick repository costs no other: it stays at its last good state, and is named with what heals it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hear_app.sample.history import SampleRepository
from hear_app.sample.server import SampleServer
from tests.pipeline.test_repositories import pushed, put_issues, query, repository

Finished = subprocess.CompletedProcess[str]
pytestmark = pytest.mark.timeout(300)
POISON = "select sha from {{ ref('commits') }} where subject = 'commit 121' and repository_id = 8"


@pytest.fixture
def repositories() -> list[SampleRepository]:
    return [repository(7, "well"), repository(8, "sick"), repository(9, "fine")]


@pytest.fixture
def server(repositories: list[SampleRepository]) -> Iterator[SampleServer]:
    with SampleServer(repositories) as running:
        yield running


@pytest.fixture
def home(small_home: Path, tmp_path: Path) -> Path:
    """The models, for a test to add to."""
    return Path(shutil.copytree(small_home, tmp_path / "home"))


@pytest.fixture
def run(
    hear_here: Callable[..., Finished], tmp_path: Path, server: SampleServer, home: Path
) -> Callable[..., Finished]:
    folder = tmp_path / "user"
    folder.mkdir()

    def here(*arguments: str) -> Finished:
        return hear_here(folder, *arguments, HEAR_HOME=home, HEAR_API_URL=server.url, HEAR_SOURCE="ours")

    return here


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "user" / "warehouse" / "hear.duckdb"


def counts(file: Path) -> dict[int, Any]:
    rows = query(
        file, "select repository_id, count(*) filter (where is_on_default_branch) from silver.commits group by 1"
    )
    return dict(rows)


ALL = ("acme/well", "acme/sick", "acme/fine")


def test_a_damaged_object_costs_its_own_repository_only(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository]
) -> None:
    assert run("run", *ALL).returncode == 0
    for each in repositories:
        pushed(each, 3)
    assert run("sync", *ALL).returncode == 0
    [page] = file.parent.rglob("ours/8/commits/000002/page-*")
    page.write_bytes(b"")
    done = run("run", *ALL)
    assert done.returncode == 1
    assert counts(file) == {7: 123, 8: 120, 9: 123}
    assert re.search(r"^hear: acme/sick stays at its last good state: .*is corrupt", done.stderr, re.MULTILINE)
    told = run("verify")
    assert told.returncode == 1
    assert re.search(r"acme/sick: not so that every landed object .*`hear sync --full acme/sick`", told.stderr)
    assert "acme/well" not in told.stderr
    assert run("sync", "--full", "acme/sick").returncode == 0
    healed = run("build")
    assert healed.returncode == 0, healed.stderr
    assert counts(file) == {7: 123, 8: 123, 9: 123}
    assert run("verify").returncode == 0
    file.unlink()
    assert run("build").returncode == 0, "a rebuild leaves out what was replaced"
    assert counts(file) == {7: 123, 8: 123, 9: 123}


def test_damage_before_a_full_walk_is_named_and_heals(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository]
) -> None:
    """Rows that have left since are in no later walk: that a later one is whole is no reason to be silent."""
    assert run("run", "acme/sick").returncode == 0
    pushed(repositories[1], 3)
    assert run("sync", "acme/sick").returncode == 0
    for _ in range(2):
        assert run("sync", "--full", "acme/sick").returncode == 0
    assert run("build").returncode == 0
    assert run("verify").returncode == 0
    folder = next(file.parent.rglob("ours/8"))
    copy = folder / "commits" / "000001" / "copy of page.jsonl.zst"
    copy.write_bytes(b"")
    assert "copy of page.jsonl.zst is nothing that hear lands" in run("verify").stderr
    copy.unlink()
    flip(min(folder.glob("commits/000001/page-*")))
    for count, gone in enumerate(
        ("commits/000002/page-*", "issues/000001/page-*", "commits/000004/closed-*", "repository/000001/page-*",
         "syncs/000001/closed-*"), start=2,
    ):  # fmt: skip
        min(folder.glob(gone)).unlink()
        told = run("verify")
        assert told.returncode == 1
        assert re.search(
            rf"acme/sick: .* {count} of .*`hear sync --full acme/sick`, and then `hear build`", told.stderr
        ), told.stderr
    assert run("sync", "--full", "acme/sick").returncode == 0
    assert run("build").returncode == 0
    healed = run("verify")
    assert healed.returncode == 0, healed.stderr
    flip(max(folder.glob("commits/000006/page-*")))
    assert run("verify").returncode == 1, "new damage is news"


@pytest.mark.parametrize("lost", ["repository/*/page-*", "syncs/*/closed-*"])
@pytest.mark.parametrize("is_between", [False, True])
def test_what_is_lost_at_the_end_of_a_stream_is_named_and_heals(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository], lost: str, is_between: bool
) -> None:
    """No later object tells that there was one; a new one must not be taken for it, even of a sync in between."""
    assert run("run", "acme/sick").returncode == 0
    max(file.parent.rglob(f"ours/8/{lost}")).unlink()
    if is_between:
        pushed(repositories[1], 3)
        assert run("sync", "acme/sick").returncode == 0
    assert run("verify").returncode == 1
    assert run("sync", "--full", "acme/sick").returncode == 0
    built = run("build")
    assert built.returncode == 0, built.stderr
    healed = run("verify")
    assert healed.returncode == 0, healed.stderr


@pytest.mark.parametrize("stream", ["commits", "issues"])
def test_an_emptied_closing_record_heals(run: Callable[..., Finished], file: Path, stream: str) -> None:
    assert run("run", "acme/sick").returncode == 0
    max(file.parent.rglob(f"ours/8/{stream}/*/closed-*")).write_bytes(b"")
    assert run("verify").returncode == 1
    assert run("sync", "--full", "acme/sick").returncode == 0
    assert run("build").returncode == 0
    healed = run("verify")
    assert healed.returncode == 0, healed.stderr
    assert counts(file) == {8: 120}


def flip(path: Path) -> None:
    """Changes one bit."""
    body = path.read_bytes()
    path.write_bytes(body[:40] + bytes([body[40] ^ 1]) + body[41:])


def test_what_the_models_choke_on_costs_its_own_repository_only(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository], home: Path
) -> None:
    """A data test that a repository's new rows fail."""
    (home / "tests" / "dbt").mkdir(parents=True)
    (home / "tests" / "dbt" / "no_poison.sql").write_text(POISON, encoding="utf-8")
    assert run("run", *ALL).returncode == 0
    for each in repositories:
        pushed(each, 3)
    done = run("run", *ALL)
    assert done.returncode == 1
    assert counts(file) == {7: 123, 8: 120, 9: 123}
    assert re.search(r"^hear: acme/sick stays at its last good state: .*no_poison", done.stderr, re.MULTILINE)
    again = run("run", *ALL)
    assert again.returncode == 1
    assert counts(file) == {7: 123, 8: 120, 9: 123}


def test_a_repository_that_becomes_empty_holds_back_nothing(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository]
) -> None:
    assert run("run", *ALL).returncode == 0
    emptied = repositories[1]
    emptied.branches.clear()
    pushed(repositories[0], 3)
    done = run("run", *ALL)
    assert done.returncode == 0, done.stderr
    assert counts(file) == {7: 123, 8: 0, 9: 120}
    assert run("verify").returncode == 0
    put_issues(emptied, 200)
    pushed(emptied, 5)
    assert run("run", *ALL).returncode == 0
    assert counts(file) == {7: 123, 8: 5, 9: 120}
    assert run("verify").returncode == 0


def test_verify_looks_at_a_repository_that_never_came_into_the_file(
    run: Callable[..., Finished], file: Path
) -> None:
    assert run("run", "acme/well").returncode == 0
    assert run("sync", "acme/sick").returncode == 0
    told = run("verify")
    assert told.returncode == 0, told.stderr
    flip(max(file.parent.rglob("ours/8/commits/000001/page-*")))
    told = run("verify")
    assert told.returncode == 1
    assert re.search(r"acme/sick: not so that every landed object", told.stderr)


def test_what_left_the_branch_and_was_lost_since_holds_nothing_back(
    run: Callable[..., Finished], file: Path, repositories: list[SampleRepository]
) -> None:
    """Its children are stored, the server has it no more, and all that the server has was read again."""
    sick = repositories[1]
    assert run("run", "acme/sick").returncode == 0
    base = str(sick.head)
    for _ in range(2):
        pushed(sick, 3)
        assert run("sync", "acme/sick").returncode == 0
    [page] = file.parent.rglob("ours/8/commits/000002/page-*")
    page.write_bytes(b"")
    sick.force_push(base)
    sick.graph.keep_only([base])
    assert run("sync", "--full", "acme/sick").returncode == 0
    built = run("build")
    assert built.returncode == 0, built.stderr
    told = run("verify")
    assert told.returncode == 0, told.stderr
