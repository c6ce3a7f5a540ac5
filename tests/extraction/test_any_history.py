"""Whatever happens to a branch, and whenever a sync dies: what is stored is what the head reaches, and no less.

Random histories, pushes, resets, rewrites and lost commits, with syncs in between that are cut off or disturbed.
Pages are small here, so that small histories have many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hear_app.github import issues, pages
from hear_app.sample.faults import Fault
from hear_app.sample.wire import Request
from tests.extraction.harness import (
    NAME,
    START,
    Altering,
    Killed,
    MortalLanding,
    Rig,
    Stored,
    commit,
    examples,
    opened,
    repository,
    scratch,
)

DAY = 86_400
KINDS = ("500", "502", "503", "504", "429", "403-secondary", "drop", "truncate", "html", "badjson", "empty")


@pytest.fixture(scope="module", autouse=True)
def _small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pages, issues):
            patch.setattr(module, "PAGE_SIZES", (8, 4, 2, 1))
        yield


@pytest.fixture(scope="module")
def running() -> Iterator[Altering]:
    with Altering([], limit=10**9) as server:
        yield server


class History:
    """acme/tool, and every commit that it ever had."""

    def __init__(self) -> None:
        self.repository = repository()
        self.parents: dict[str, tuple[str, ...]] = {}
        self._made = 0

    def add(self, at: int, *parents: str) -> str:
        self._made += 1
        sha = commit(self.repository, f"commit {self._made}", START + at, *parents)
        self.parents[sha] = parents
        return sha

    def chain(self, count: int, at: int, *parents: str) -> str:
        for turn in range(count):
            parents = (self.add(at + turn, *parents),)
        return parents[0]

    def move_to(self, sha: str) -> None:
        self.repository.force_push(sha)

    def reached(self, tip: str | None) -> set[str]:
        """All that a commit reaches, by the parents themselves."""
        seen, todo = set(), [tip] if tip else []
        while todo:
            sha = todo.pop()
            if sha not in seen:
                seen.add(sha)
                todo += self.parents[sha]
        return seen

    def pick(self, place: int) -> str | None:
        """A commit of the branch; the same place gives another one as the branch changes."""
        on_branch = sorted(self.reached(self.repository.head))
        return on_branch[place % len(on_branch)] if on_branch else None

    def apply(self, change: tuple[str, int, int, int]) -> None:
        """One change; `at` are seconds from the beginning, which may lie in the past of the branch."""
        kind, place, count, at = change
        head, old = self.repository.head, self.pick(place)
        if head is None or old is None:
            self.move_to(self.chain(count, at))
        elif kind == "push":
            self.move_to(self.chain(count, at, head))
        elif kind == "late merge":
            self.move_to(self.add(at + DAY, head, self.chain(count, at - 300 * DAY, old)))
        elif kind == "octopus":
            arms = [self.chain(1 + turn % 2, at - turn * DAY, old) for turn in range(count)]
            self.move_to(self.add(at, head, *arms))
        elif kind == "strange root":
            self.move_to(self.add(at, head, self.chain(count, at)))
        elif kind == "reset":
            self.move_to(old)
        elif kind == "force-push":
            self.move_to(self.chain(count, at, old))
        elif kind == "rewrite":
            self.move_to(self.chain(count, at))
        elif kind == "return":
            there = sorted(sha for sha in self.parents if sha in self.repository.graph)
            self.move_to(there[place % len(there)])
        elif kind == "collect":
            self.repository.delete_branches_but(self.repository.default_branch)
        elif kind == "other branch":
            self.repository.default_branch = f"branch/{place % 3}"
            self.move_to(old)


CHANGES = ("push", "late merge", "octopus", "strange root", "reset", "force-push", "rewrite", "return", "collect")
change = st.tuples(
    st.sampled_from((*CHANGES, "push", "other branch")),
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from((0, 0, 1, 1, 500, -400 * DAY, 400 * DAY, -START)),
)
disturbance = st.one_of(
    st.just(("none",)),
    st.tuples(st.just("killed"), st.integers(1, 8), st.sampled_from(("before", "after")), st.booleans()),
    st.tuples(st.just("dead"), st.integers(0, 9)),
    st.tuples(st.just("faults"), st.dictionaries(st.integers(0, 14), st.sampled_from(KINDS), max_size=8)),
    st.tuples(st.just("502s"), st.integers(0, 8), st.integers(1, 6)),
    st.tuples(st.just("moves"), st.integers(0, 8), st.lists(change, min_size=1, max_size=2)),
    st.just(("full",)),
)
step = st.one_of(st.tuples(st.just("change"), change), st.tuples(st.just("sync"), disturbance))


def disturbed(rig: Rig, history: History, plan: Any) -> bool:
    """One sync under a disturbance; whether it said that all went well."""
    seen = -1

    def hook(_: Request) -> Fault | None:
        nonlocal seen
        seen += 1
        if plan[0] == "dead" and seen >= plan[1]:
            return Fault("truncate" if seen == plan[1] else "drop")
        if plan[0] == "faults" and seen in plan[1]:
            return Fault(plan[1][seen])
        if plan[0] == "502s" and plan[1] <= seen < plan[1] + plan[2]:
            return Fault("502")
        if plan[0] == "moves" and seen == plan[1]:
            for each in plan[2]:
                history.apply(each)
        return None

    rig.server.fault = hook
    try:
        mortal = MortalLanding(str(rig.root), plan[1], plan[2]) if plan[0] == "killed" else None
        [result] = rig.sync(full=plan[0] == "full" or (plan[0] == "killed" and plan[3]), landing=mortal)
    except Killed:
        return False
    finally:
        rig.server.fault = None
    return not result.errors


def check(history: History, found: Stored, ever: set[str]) -> None:
    assert found.on_branch == history.reached(found.head)
    assert not found.orphans
    assert not found.doubled
    assert found.on_branch | found.left >= ever, "a commit that had been read is gone"
    ever |= found.on_branch


@settings(max_examples=examples(3), deadline=None)
@given(steps=st.lists(step, min_size=2, max_size=10))
def test_what_is_stored_is_what_the_head_reaches(running: Altering, steps: list[Any]) -> None:
    history, ever = History(), set[str]()
    running.repositories[:] = [history.repository]
    with scratch() as folder, opened(Rig(running, folder)) as rig:
        for kind, what in steps:
            if kind == "change":
                history.apply(what)
                continue
            went_well = disturbed(rig, history, what)
            found = rig.stored()
            check(history, found, ever)
            if went_well and what[0] != "moves":
                assert found.head == history.repository.head
        rig.one()
        found = rig.stored()
        check(history, found, ever)
        assert found.head == history.repository.head
        again = rig.one()
        assert [stream.outcome for stream in again.streams] in (["unchanged"] * 2, ["empty", "unchanged"])
        assert again.name == NAME
