"""The model: what each repository was at each moment, kept apart from what serves it, which may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from simulation.plan import Change

START = 1_700_000_000  # seconds: when the histories begin
_OWNERS = (Account(1, "acme", "Organization"), Account(2, "globex", "Organization"))


@dataclass
class Truth:
    """What one repository was, moment by moment; a moment is the number of changes before it.

    `heads` tells from which moment on the branch had which head, `issues` for each number from which moment on it
    had which title, which is another one for each version; None where there is none.
    """

    heads: list[tuple[int, str | None]] = field(default_factory=lambda: [(0, None)])
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    issues: dict[int, list[tuple[int, str | None]]] = field(default_factory=dict)

    def branches(self, since: int) -> list[set[str]]:
        """What the branch held at each moment from one on, without doubles."""
        return [self._ancestors(head) for head in dict.fromkeys(_since(self.heads, since))]

    def versions(self, number: int, since: int) -> set[str | None]:
        """Which titles an issue had from a moment on."""
        return set(_since(self.issues.get(number, [(0, None)]), since))

    def _ancestors(self, head: str | None) -> set[str]:
        seen: set[str] = set()
        todo = [head] if head else []
        while todo:
            sha = todo.pop()
            if sha not in seen:
                seen.add(sha)
                todo.extend(self.parents[sha])
        return seen


def _since(told: list[tuple[int, Any]], moment: int) -> list[Any]:
    """The values from a moment on: the one that held then, and all that came later."""
    before = [value for at, value in told if at <= moment]
    return before[-1:] + [value for at, value in told if at > moment]


class ModelRepository:
    """A repository that changes, and the truth about it."""

    def __init__(self, identity: int, name: str) -> None:
        self.served = SampleRepository(identity, _OWNERS[0], name)
        self.truth = Truth()
        self.is_there = True
        self._branch_tips: list[str] = []

    @property
    def numbers(self) -> list[int]:
        return sorted(self.served.issues)


class World:
    """Two repositories on one server, and its clock: `date` is in seconds since 1970."""

    def __init__(self, seed: int, first_id: int) -> None:
        self.date = START
        self.moment = 0
        self.first_id = first_id
        self.repositories = [
            ModelRepository(first_id + place, name) for place, name in enumerate((f"well-{seed}", f"sick-{seed}"))
        ]
        self.replaced: list[ModelRepository] = []
        self._made = seed * 100_000

    @property
    def served(self) -> list[SampleRepository]:
        return [each.served for each in self.repositories if each.is_there]

    def apply(self, change: Change) -> None:
        """One change to one repository; a second passes."""
        self.moment += 1
        self.date += 1
        repository = self.repositories[change.repository]
        work = getattr(self, f"_{change.kind.replace('-', '_').replace(' ', '_')}")
        work(repository, change.place, change.count)
        self._note(repository)

    def _note(self, repository: ModelRepository) -> None:
        truth, head = repository.truth, repository.served.head
        if truth.heads[-1][1] != head:
            truth.heads.append((self.moment, head))

    def _commit(self, repository: ModelRepository, parents: Iterable[str]) -> str:
        self._made += 1
        made = plain_commit("acme/any", f"commit {self._made}", self.date - self._made % 90, tuple(parents))
        repository.served.graph.add([made])
        repository.truth.parents[made.sha] = made.parents
        return made.sha

    def _push(self, repository: ModelRepository, _place: int, count: int) -> None:
        tip = repository.served.head
        for _ in range(count):
            tip = self._commit(repository, [tip] if tip else [])
        if tip:
            repository.served.force_push(tip)

    def _merge(self, repository: ModelRepository, place: int, count: int) -> None:
        """A side branch off an older commit, merged: its commits' dates lie anywhere."""
        head = repository.served.head
        if head is None:
            return
        line = repository.served.graph.walk(head)
        side = line[place % len(line)]
        for _ in range(count):
            side = self._commit(repository, [side])
        repository.served.force_push(self._commit(repository, [head, side]))

    def _force_push(self, repository: ModelRepository, place: int, count: int) -> None:
        self._reset(repository, place, count)
        self._push(repository, place, count)

    def _reset(self, repository: ModelRepository, place: int, _count: int) -> None:
        head = repository.served.head
        if head is not None:
            line = repository.served.graph.walk(head)
            repository.served.force_push(line[place % min(len(line), 12)])
            if place % 2:
                repository.served.graph.keep_only([str(repository.served.head)])

    def _empty(self, repository: ModelRepository, _place: int, _count: int) -> None:
        repository.served.branches.clear()

    def _switch_branch(self, repository: ModelRepository, place: int, count: int) -> None:
        """Another branch becomes the default one."""
        served, head = repository.served, repository.served.head
        if head is None:
            return
        served.default_branch = f"branch-{self.moment}"
        line = served.graph.walk(head)
        served.branches[served.default_branch] = line[place % min(len(line), 5)]
        self._push(repository, place, count)

    def _rename(self, repository: ModelRepository, _place: int, _count: int) -> None:
        repository.served.rename(f"name-{self.first_id}-{self.moment}")

    def _transfer(self, repository: ModelRepository, place: int, _count: int) -> None:
        repository.served.rename(repository.served.name, _OWNERS[place % 2])

    def _remove(self, repository: ModelRepository, _place: int, _count: int) -> None:
        repository.is_there = False

    def _replace(self, repository: ModelRepository, place: int, count: int) -> None:
        """The repository is deleted, and another one takes its name."""
        if not repository.is_there:
            return
        repository.is_there = False
        index = self.repositories.index(repository)
        self.replaced.append(repository)
        other = ModelRepository(repository.served.identity + 2, repository.served.name)
        other.served.owner = repository.served.owner
        self.repositories[index] = other
        self._push(other, place, count)
        self._note(other)

    def _wait(self, _repository: ModelRepository, place: int, _count: int) -> None:
        self.date += place

    def _open(self, repository: ModelRepository, _place: int, count: int) -> None:
        for _ in range(count):
            self.date += 7
            self._put(repository, self._new(repository), self.date)

    def _tie(self, repository: ModelRepository, place: int, count: int) -> None:
        """More issues than a page holds are changed within one second."""
        for number in self._chosen(repository, place, count):
            self._put(repository, number, self.date)
        for _ in range(count):
            self._put(repository, self._new(repository), self.date)

    def _late(self, repository: ModelRepository, place: int, _count: int) -> None:
        """A row shows up to half a minute after its change."""
        self._put(repository, self._new(repository), self.date - place % 30)

    def _edit(self, repository: ModelRepository, place: int, count: int) -> None:
        for number in self._chosen(repository, place, count):
            self.date += 3
            self._put(repository, number, self.date)

    def _close(self, repository: ModelRepository, place: int, count: int) -> None:
        for number in self._chosen(repository, place, count):
            self._put(repository, number, self.date, is_open=False)

    def _delete(self, repository: ModelRepository, place: int, count: int) -> None:
        for number in self._chosen(repository, place, min(count, 3)):
            repository.served.delete_issue(number)
            repository.truth.issues[number].append((self.moment, None))

    def _new(self, repository: ModelRepository) -> int:
        return max(repository.truth.issues, default=0) + 1

    def _chosen(self, repository: ModelRepository, place: int, count: int) -> list[int]:
        numbers = repository.numbers
        return [numbers[(place + turn) % len(numbers)] for turn in range(min(count, len(numbers)))]

    def _put(self, repository: ModelRepository, number: int, at: int, is_open: bool = True) -> None:
        self._made += 1
        title = f"version {self._made}"
        facts = IssueFacts(
            number, title, None, START, at, is_open=is_open, closed_at=None if is_open else at,
            is_pull_request=number % 3 == 0,
        )  # fmt: skip
        repository.served.put_issue(facts)
        repository.truth.issues.setdefault(number, [(0, None)]).append((self.moment, title))
