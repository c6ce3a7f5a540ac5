"""Histories: walks in git's order, comparisons against plain set arithmetic, pushes and resets."""

from __future__ import annotations

import random

import pytest

from hear_app.sample.big import big_repository
from hear_app.sample.graph import Commit, CommitGraph, UnknownParentError
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit

OWNER = Account(1, "acme", "Organization")


def commit(name: str, at: int, *parents: str) -> Commit:
    return Commit(name, parents, at, b"{}")


def random_graph(seed: int, size: int) -> CommitGraph:
    """Branches, merges, several roots, and dates that do not follow the order of the commits."""
    chance, graph = random.Random(seed), CommitGraph()
    for place in range(size):
        number = chance.choice((0, 1, 1, 1, 1, 2, 2, 3)) if place else 0
        parents = chance.sample(range(max(0, place - 8), place), min(number, place, 8))
        graph.add([commit(str(place), chance.randrange(100), *map(str, parents))])
    return graph


@pytest.mark.parametrize("seed", range(20))
def test_comparisons_equal_set_arithmetic(seed: int) -> None:
    graph = random_graph(seed, 60)
    for _ in range(20):
        base, head = (str(random.Random(seed).randrange(60)) for _ in range(2))
        ours, theirs = graph.ancestors(head), graph.ancestors(base)
        found = graph.compare(base, head)
        assert set(found.ahead) == ours - theirs
        assert found.behind == len(theirs - ours)
        assert (found.merge_base in ours & theirs) if ours & theirs else found.merge_base is None


@pytest.mark.parametrize("seed", range(5))
def test_a_walk_shows_all_ancestors_once_and_children_first(seed: int) -> None:
    graph = random_graph(seed, 60)
    walk = graph.walk("59")
    assert set(walk) == graph.ancestors("59")
    assert len(set(walk)) == len(walk)
    shown_by: set[str] = {"59"}
    for sha in walk:
        assert sha in shown_by
        shown_by |= set(graph[sha].parents)


def test_a_walk_goes_by_committer_date() -> None:
    graph = CommitGraph()
    graph.add([commit("a", 1), commit("b", 5, "a"), commit("c", 3, "a"), commit("d", 9, "b", "c")])
    assert graph.walk("d") == ("d", "b", "c", "a")


def test_a_merge_base_is_the_nearest_common_ancestor() -> None:
    graph = CommitGraph()
    graph.add([commit("a", 1), commit("b", 2, "a"), commit("c", 3, "b"), commit("d", 4, "b")])
    found = graph.compare("c", "d")
    assert (found.merge_base, found.status, found.ahead, found.behind) == ("b", "diverged", ("d",), 1)
    assert graph.compare("d", "d").status == "identical"
    assert graph.compare("b", "d").status == "ahead"
    assert graph.compare("d", "b").status == "behind"


def test_parents_come_first() -> None:
    with pytest.raises(UnknownParentError, match="names a"):
        CommitGraph().add([commit("b", 2, "a")])


def test_push_reset_and_garbage_collection() -> None:
    repository = SampleRepository(7, OWNER, "tool")
    first = plain_commit("acme/tool", "one", 1_700_000_000)
    second = plain_commit("acme/tool", "two", 1_700_000_100, (first.sha,))
    assert repository.push([first, second]) == second.sha == repository.head
    before = repository.pushed_at
    repository.force_push(first.sha)
    assert repository.head == first.sha
    assert repository.pushed_at > before
    assert repository.resolve(second.sha) == second.sha
    repository.delete_branches_but("main")
    assert repository.resolve(second.sha) is None
    with pytest.raises(ValueError, match="needs a commit"):
        repository.push([])


def test_issues_are_replaced_and_deleted() -> None:
    repository = SampleRepository(7, OWNER, "tool")
    repository.put_issue(IssueFacts(1, "one", OWNER, 100, 100))
    repository.put_issue(IssueFacts(2, "two", OWNER, 200, 200))
    repository.put_issue(IssueFacts(1, "one, again", OWNER, 100, 300, is_open=False, closed_at=300))
    assert [row.number for row in repository.issue_list("all", "updated").rows] == [2, 1]
    assert [row.number for row in repository.issue_list("open", "created").rows] == [2]
    repository.delete_issue(2)
    assert [row.number for row in repository.issue_list("all", "created").rows] == [1]


def test_equal_content_has_an_equal_sha() -> None:
    assert plain_commit("a/b", "x", 1).sha == plain_commit("a/b", "x", 1).sha != plain_commit("a/b", "y", 1).sha


@pytest.mark.parametrize("commits", [1, 2, 5, 6, 7, 9, 10, 11, 26, 1003])
def test_a_big_repository_is_whole(commits: int) -> None:
    repository = big_repository(commits, 3)
    assert repository.head is not None
    assert len(repository.graph.walk(repository.head)) == commits


def test_a_big_repository_is_of_realistic_size() -> None:
    repository = big_repository(1000, 100)
    assert repository.head is not None
    rows = [repository.graph[sha] for sha in repository.graph.walk(repository.head)]
    merges = sum(len(row.parents) == 2 for row in rows)
    assert 180 <= merges <= 200
    assert 2_500 < sum(len(row.payload()) for row in rows) / 1000 < 4_500
    assert 3_500 < sum(len(row.payload()) for row in repository.issues.values()) / 100 < 5_000
    late = sum(
        row.committed_at + 7 * 86400 < after.committed_at for row, after in zip(rows[1:], rows, strict=False)
    )
    assert late > 0
