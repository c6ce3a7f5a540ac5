"""Cases 1 to 9 of those that every extractor meets: what histories do while they are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import orjson
import pytest

from hear_app.landing import Landing
from hear_app.sample.faults import Fault, FaultRule
from tests.extraction.harness import ID, NAME, SOURCE, START, Rig, commit, line, put_issues, repository

if TYPE_CHECKING:
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering

DAY = 86_400


def closed_walks(rig: Rig) -> list[str | None]:
    """The kinds of the commit walks that have come to their end."""
    landing = Landing(str(rig.root))
    walks = landing.walks(SOURCE, ID, "commits")
    return [landing.envelope(walk.closed.path).walk_kind for walk in walks if walk.closed]


def pages_of(requests: list[str]) -> list[int]:
    """The numbers of the pages of the history that were asked for."""
    found = [re.search(r"/commits\?sha=\w+&per_page=100&page=(\d+)", request) for request in requests]
    return sorted(int(match[1]) for match in found if match)


def test_case_01_a_commit_that_lands_late(rig: Rig, repo: SampleRepository) -> None:
    [root, *_, head] = line(repo, 150)
    rig.one()
    old = commit(repo, "lay on a branch for a year", START - 400 * DAY, root)
    repo.force_push(commit(repo, "merge", START + DAY, head, old))
    rig.requests()
    rig.one()
    found = rig.stored()
    assert old in found.on_branch
    assert found.on_branch == repo.graph.ancestors(str(repo.head))
    assert not any("since=" in asked or "until=" in asked for asked in rig.requests() if "/issues" not in asked)


@pytest.mark.parametrize("fatal_put", [1, 3, 4, 6, 7])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_case_02_a_crash_at_any_page(
    rig: Rig, repo: SampleRepository, fatal_put: int, moment: Literal["before", "after"]
) -> None:
    line(repo, 250)
    put_issues(repo, range(1, 151), START)
    assert rig.crash(fatal_put, moment)
    rig.one()
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head))
    assert not found.doubled
    assert set(found.issues) == set(repo.issues)


def test_case_02_a_crash_refetches_only_what_had_not_landed(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 950)
    assert rig.crash(7)
    landed = {path for path in rig.objects() if "/commits/" in path}
    assert len(landed) >= 4
    rig.requests()
    rig.one()
    assert len(pages_of(rig.requests())) == 10 - len(landed)
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


@pytest.mark.parametrize("kept", [119, 20], ids=["ahead", "diverged"])
def test_case_02_a_crash_within_a_comparison(rig: Rig, repo: SampleRepository, kept: int) -> None:
    shas = line(repo, 120)
    rig.one()
    repo.force_push(shas[kept])
    line(repo, 730, label="new")
    assert rig.crash(6)
    landed = sum("/commits/000002/" in path for path in rig.objects())
    assert landed >= 4
    rig.requests()
    rig.one()
    asked = sum("/compare/" in request for request in rig.requests())
    assert asked == 8 + (kept != 119) - landed, "what had landed is not asked for again"
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head))
    assert found.left == set(shas[kept + 1 :])
    assert closed_walks(rig)[:2] == ["history", "compare"]


def test_case_02_a_comparison_larger_than_the_quota_of_a_run(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Each run lands what its quota allows, and the next goes on from there."""
    line(repo, 5)
    rig.one()
    line(repo, 950, label="new")
    rig.max_wait, server.quota.limit = 0, 5
    for _ in range(8):
        server.forget()
        if not rig.sync()[0].errors:
            break
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_case_03_the_first_load_interrupted(rig: Rig, repo: SampleRepository) -> None:
    shas = line(repo, 450)
    assert rig.crash(4)
    assert not closed_walks(rig), "the head may not move before the walk is whole"
    assert rig.stored().on_branch == frozenset()
    line(repo, 20, label="meanwhile")
    rig.one()
    assert closed_walks(rig) == ["history", "compare"], "first what was begun, then what came since"
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head)) >= set(shas)
    assert not found.orphans


def test_case_03_the_head_of_an_interrupted_load_is_gone(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 450)
    assert rig.crash(4)
    repo.force_push(commit(repo, "anew", START))
    repo.delete_branches_but("main")
    rig.one()
    assert rig.stored().on_branch == {repo.head}


def test_case_03_an_interrupted_load_of_what_is_empty_now(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 450)
    assert rig.crash(4)
    repo.branches.clear()
    repo.graph.keep_only([])
    assert rig.one().streams[0].outcome == "empty"
    line(repo, 3)
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_case_04_a_push_while_pages_are_read(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 950)
    head = repo.head

    def pushing(request: Request) -> None:
        if "/commits?" in request.target and "page=5" in request.target:
            line(repo, 120, label="pushed meanwhile")

    server.fault = pushing
    rig.one()
    server.fault = None
    assert rig.stored().on_branch == repo.graph.ancestors(str(head)), "the walk is pinned to the head it began at"
    assert all(f"sha={head}" in asked for asked in rig.requests() if "/commits?" in asked)
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


@pytest.mark.parametrize(("kept", "added"), [(240, 0), (240, 5), (0, 130)], ids=["reset", "rebase", "far back"])
def test_case_05_a_force_push(rig: Rig, repo: SampleRepository, kept: int, added: int) -> None:
    shas = line(repo, 250)
    rig.one()
    repo.force_push(shas[kept])
    line(repo, added, label="rebased")
    result = rig.one()
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head))
    assert found.left == set(shas[kept + 1 :]), "what left the branch is kept, and marked"
    assert closed_walks(rig) == ["history", "compare"]
    assert f"{len(found.left):,} commits left it" in result.streams[0].note


def test_case_05_commits_that_come_back(rig: Rig, repo: SampleRepository) -> None:
    shas = line(repo, 30)
    rig.one()
    for target in (shas[10], shas[-1], shas[3], shas[20]):
        repo.force_push(target)
        rig.one()
        assert rig.stored().on_branch == repo.graph.ancestors(target)
    assert closed_walks(rig) == ["history"] + ["compare"] * 4


@pytest.mark.parametrize("collected", [False, True], ids=["no common ancestor", "base collected"])
def test_case_06_the_base_is_gone(rig: Rig, repo: SampleRepository, collected: bool) -> None:
    shas = line(repo, 130)
    rig.one()
    root = commit(repo, "a new beginning", START)
    repo.force_push(commit(repo, "and more", START, root))
    if collected:
        repo.delete_branches_but("main")
    result = rig.one()
    found = rig.stored()
    assert found.on_branch == {root, repo.head}
    assert found.left == set(shas)
    assert closed_walks(rig) == ["history", "history"]
    assert "read again" in result.streams[0].note


def test_case_06_a_comparison_that_is_cut_short(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Older servers list 250 commits at most, on one page, and page no further."""
    line(repo, 10)
    rig.one()
    line(repo, 300)
    server.alter = cut_short
    result = rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))
    assert "counts 300 commits and lists" in result.streams[0].note


def cut_short(request: Request, response: Response) -> Response:
    if "/compare/" in request.path:
        response.headers.pop("link", None)
    return response


@pytest.mark.parametrize("same_head", [True, False])
def test_case_07_the_default_branch_is_another_one(rig: Rig, repo: SampleRepository, same_head: bool) -> None:
    shas = line(repo, 12)
    rig.one()
    repo.branches["next/one"] = shas[-1] if same_head else shas[5]
    repo.default_branch = "next/one"
    result = rig.one()
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head))
    assert result.streams[0].note.startswith("the default branch is now next/one, no longer main") or not same_head
    rig.statuses()
    rig.one()
    assert rig.statuses() == [304] * 3


def test_case_08_the_same_commits_in_two_repositories(rig: Rig, repo: SampleRepository) -> None:
    shas = line(repo, 40)
    fork = repository("fork", 8)
    fork.push([repo.graph[sha] for sha in shas[:25]])
    rig.server.repositories.append(fork)
    assert not [result for result in rig.sync(NAME, "acme/fork") if result.errors]
    assert rig.stored(ID).on_branch == set(shas)
    assert rig.stored(8).on_branch == set(shas[:25])


def test_case_09_an_empty_answer_once(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 250)
    server.fault = [FaultRule(r"/commits\?.*page=2", Fault("empty"))]
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))
    assert "per_page=50&page=3" in " ".join(rig.requests()), "the same rows, on smaller pages"


@pytest.mark.parametrize("page", [1, 2])
def test_case_09_an_empty_answer_is_never_no_commits(
    rig: Rig, repo: SampleRepository, server: Altering, page: int
) -> None:
    line(repo, 150)

    def empty(request: Request) -> Fault | None:
        asked = re.search(r"/commits\?.*per_page=(\d+)&page=(\d+)", request.target)
        first = (int(asked[2]) - 1) * int(asked[1]) if asked else -1
        return Fault("empty") if first >= 100 * (page - 1) else None

    server.fault = empty
    [result] = rig.sync()
    assert [stream.outcome for stream in result.streams] == ["failed", "ok"]
    assert "came empty" in str(result.errors[0])
    assert not closed_walks(rig)
    server.fault = None
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_case_09_a_page_that_is_short(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Rows that lack in the midst of a list are as bad as a page without any."""
    line(repo, 450)

    def shortened(request: Request, response: Response) -> Response:
        if "per_page=100&page=3" in request.target:
            response.body = orjson.dumps(orjson.loads(response.body)[:-7])
        return response

    server.alter = shortened
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))
