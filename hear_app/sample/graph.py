"""A history as git sees it: commits that name their parents, walked and compared as `git rev-list` does."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

_ONLY_LEFT, _ONLY_RIGHT, _BOTH, _SETTLED = 1, 2, 3, 4
_KEPT_WALKS = 16


class UnknownParentError(ValueError):
    """A commit was added before one of its parents."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: what walks need, and its payload as JSON bytes or as a function that makes them."""

    sha: str
    parents: tuple[str, ...]
    committed_at: int
    row: bytes | Callable[[], bytes]

    def payload(self) -> bytes:
        """The commit as the list answers it, in JSON."""
        return self.row if isinstance(self.row, bytes) else self.row()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare/base...head` finds; `ahead` is ordered oldest first, `behind` is a number."""

    ahead: tuple[str, ...]
    behind: int
    merge_base: str | None

    @property
    def status(self) -> str:
        """`identical`, `ahead`, `behind` or `diverged`."""
        if self.ahead and self.behind:
            return "diverged"
        return "ahead" if self.ahead else "behind" if self.behind else "identical"


class CommitGraph:
    """Commits by SHA. Adding is linear; walks are cached, since what a SHA reaches never changes."""

    def __init__(self) -> None:
        self._commits: dict[str, Commit] = {}
        self._generation: dict[str, int] = {}
        self._walks: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._comparisons: OrderedDict[tuple[str, str], Comparison] = OrderedDict()

    def __contains__(self, sha: object) -> bool:
        return sha in self._commits

    def __getitem__(self, sha: str) -> Commit:
        return self._commits[sha]

    def __len__(self) -> int:
        return len(self._commits)

    def add(self, commits: Iterable[Commit]) -> None:
        """Add commits, parents first. Raises UnknownParentError for a parent that is not there yet."""
        for commit in commits:
            for parent in commit.parents:
                if parent not in self._commits:
                    raise UnknownParentError(f"{commit.sha} names {parent}, which is not in the history")
            self._commits[commit.sha] = commit
            above = (self._generation[parent] for parent in commit.parents)
            self._generation[commit.sha] = 1 + max(above, default=0)

    def keep_only(self, tips: Iterable[str]) -> None:
        """Forget every commit that none of the tips reaches, as git's garbage collection does in the end."""
        kept: set[str] = set()
        for tip in tips:
            kept |= self.ancestors(tip)
        for sha in [sha for sha in self._commits if sha not in kept]:
            del self._commits[sha], self._generation[sha]
        self._walks.clear()
        self._comparisons.clear()

    def ancestors(self, tip: str) -> set[str]:
        """Every commit that the tip reaches, itself included. Raises KeyError for an unknown SHA."""
        seen = {self._commits[tip].sha}
        todo = [tip]
        while todo:
            fresh = [parent for parent in self._commits[todo.pop()].parents if parent not in seen]
            seen.update(fresh)
            todo.extend(fresh)
        return seen

    def walk(self, tip: str) -> tuple[str, ...]:
        """What the tip reaches, newest committer date first, as `git rev-list` does. KeyError if unknown."""
        if tip not in self._walks:
            self._walks[tip] = tuple(self._newest_first(tip, None))
            if len(self._walks) > _KEPT_WALKS:
                self._walks.popitem(last=False)
        return self._walks[tip]

    def compare(self, base: str, head: str) -> Comparison:
        """What head has over base, and the other way round. KeyError if one is unknown.

        Costs as much as the difference, not as the history.
        """
        key = (base, head)
        if key not in self._comparisons:
            self._comparisons[key] = self._compared(base, head)
            if len(self._comparisons) > _KEPT_WALKS:
                self._comparisons.popitem(last=False)
        return self._comparisons[key]

    def _compared(self, base: str, head: str) -> Comparison:
        sides, merge_bases = self._paint(head, base)
        ahead = {sha for sha, side in sides.items() if side == _ONLY_LEFT}
        behind = sum(side == _ONLY_RIGHT for side in sides.values())
        nearest = max(merge_bases, key=lambda sha: (self._commits[sha].committed_at, sha), default=None)
        order = tuple(self._newest_first(head, ahead))[::-1] if ahead else ()
        return Comparison(order, behind, nearest)

    def _paint(self, left: str, right: str) -> tuple[dict[str, int], list[str]]:
        """Mark what each side reaches, children before parents, until only what both reach is left to visit.

        Generations order the visit, not dates: a parent may well be younger than its child.
        """
        sides = {left: _ONLY_LEFT}
        sides[right] = sides.get(right, 0) | _ONLY_RIGHT
        heap = [(-self._generation[sha], sha) for sha in sides]
        heapq.heapify(heap)
        merge_bases: list[str] = []
        open_ends = len(heap)
        while open_ends:
            _, sha = heapq.heappop(heap)
            side = sides[sha]
            open_ends -= side < _SETTLED
            if side == _BOTH:
                merge_bases.append(sha)
            for parent in self._commits[sha].parents:
                inherited = side if side < _BOTH else _BOTH | _SETTLED
                known = sides.get(parent, 0)
                if not known:
                    heapq.heappush(heap, (-self._generation[parent], parent))
                sides[parent] = known | inherited
                open_ends += (sides[parent] < _SETTLED) - (0 < known < _SETTLED)
        return sides, merge_bases

    def _newest_first(self, tip: str, within: set[str] | None) -> Iterable[str]:
        """Git's order: of all commits with a child shown, the one with the newest committer date is next."""
        commits, turn = self._commits, count()
        heap = [(-commits[tip].committed_at, next(turn), tip)]
        seen = {tip}
        while heap:
            sha = heapq.heappop(heap)[2]
            yield sha
            for parent in commits[sha].parents:
                if parent not in seen and (within is None or parent in within):
                    seen.add(parent)
                    heapq.heappush(heap, (-commits[parent].committed_at, next(turn), parent))
