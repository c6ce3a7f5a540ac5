"""Whatever happens to issues, before a walk and during it: the newest version of each is what is stored.

Random edits, ties within one second, rows that show late, deletions and syncs that are cut off or disturbed, on
servers that page by cursor and on those that page by number. Pages are small here, so that ties fill several.
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
    START,
    Altering,
    Killed,
    MortalLanding,
    Rig,
    examples,
    issues_of,
    opened,
    put_issue,
    repository,
    scratch,
)

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


class Tracker:
    """acme/tool's issues, changed now by the server's own clock; `gone` were there once."""

    def __init__(self, server: Altering) -> None:
        self.repository = repository()
        self.server = server
        self.gone: set[int] = set()
        self._next = 1
        self._edits = 0
        self._ahead: set[int] = set()
        server.date = START
        server.repositories[:] = [self.repository]

    def apply(self, change: tuple[str, int, int]) -> None:
        """One change; all that it touches gets the same second."""
        kind, place, count = change
        there = sorted(set(self.repository.issues) - self._ahead)
        chosen = [there[(place + turn) % len(there)] for turn in range(min(count, len(there)))]
        if kind == "wait":
            self.server.date += place * 5
        elif kind in ("open", "late"):
            for _ in range(count):
                self._put(self._new(), place % 30 if kind == "late" else 0)
        elif kind == "ahead":
            number = self._new()
            self._ahead.add(number)
            self._put(number, -86_400 * (1 + place))
        elif kind in ("edit", "close"):
            for number in chosen:
                self._put(number, 0, is_open=kind != "close")
        elif kind == "delete":
            for number in chosen:
                self.repository.delete_issue(number)
                self.gone.add(number)

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _put(self, number: int, ago: int, **facts: Any) -> None:
        self._edits += 1
        at = self.server.date - ago
        put_issue(self.repository, number, at, title=f"edit {self._edits}", created_at=START, **facts)


change = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 60), st.just(0)),
    st.tuples(
        st.sampled_from(("open", "open", "late", "edit", "edit", "close", "delete", "ahead")),
        st.integers(0, 50),
        st.sampled_from((1, 1, 2, 7, 8, 9, 30)),
    ),
)
moves = st.dictionaries(st.integers(0, 14), st.lists(change, min_size=1, max_size=3), min_size=1, max_size=5)
disturbance = st.one_of(
    st.just(("none",)),
    st.tuples(st.just("killed"), st.integers(1, 8), st.sampled_from(("before", "after")), st.booleans()),
    st.tuples(st.just("dead"), st.integers(0, 9)),
    st.tuples(st.just("faults"), st.dictionaries(st.integers(0, 14), st.sampled_from(KINDS), max_size=8)),
    st.tuples(st.just("502s"), st.integers(0, 8), st.integers(1, 6)),
    st.tuples(st.just("moves"), moves),
    st.tuples(st.just("moves"), moves),
    st.just(("full",)),
)
step = st.one_of(st.tuples(st.just("change"), change), st.tuples(st.just("sync"), disturbance))


def disturbed(rig: Rig, tracker: Tracker, plan: Any) -> bool:
    """One sync under a disturbance; whether all went well and nothing moved meanwhile."""
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
        if plan[0] == "moves":
            for each in plan[1].get(seen, ()):
                tracker.apply(each)
        return None

    rig.server.fault = hook
    try:
        mortal = MortalLanding(str(rig.root), plan[1], plan[2]) if plan[0] == "killed" else None
        [result] = rig.sync(full=plan[0] == "full" or (plan[0] == "killed" and plan[3]), landing=mortal)
    except Killed:
        return False
    finally:
        rig.server.fault = None
    return not result.errors and plan[0] != "moves"


def check(rig: Rig, tracker: Tracker, full: bool = False) -> None:
    found, there = rig.stored(), issues_of(tracker.repository)
    assert {number: row for number, row in found.issues.items() if number in there} == there
    more = set(found.issues) - set(there)
    assert more <= tracker.gone
    assert found.deleted <= tracker.gone
    if full:
        assert found.deleted == more


@settings(max_examples=examples(3), deadline=None)
@given(old=st.booleans(), steps=st.lists(step, min_size=2, max_size=10))
def test_what_is_stored_is_what_the_tracker_shows(running: Altering, old: bool, steps: list[Any]) -> None:
    running.old_issues = old
    tracker = Tracker(running)
    with scratch() as folder, opened(Rig(running, folder)) as rig:
        for kind, what in steps:
            if kind == "change":
                tracker.apply(what)
            elif disturbed(rig, tracker, what):
                check(rig, tracker, full=what[0] == "full")
        rig.one()
        check(rig, tracker)
        rig.one(full=True)
        check(rig, tracker, full=True)
