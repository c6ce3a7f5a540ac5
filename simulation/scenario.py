"""One seed: syncs its two repositories through all that its plan says, and knows what must be stored."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hear_app import compact
from hear_app.errors import HearError, UnforeseenError
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Landing, Stream
from hear_app.landing.integrity import inspect
from hear_app.settings import Settings
from hear_app.sync import RepositoryResult, Sync
from simulation.model import ModelRepository, World
from simulation.plan import LIES, SICK, Epoch, Kill, Plan
from simulation.wire import BASE, Forge
from simulation.zone import Killed, MortalLanding, damage

_IDS = 10  # repositories that one seed may make
_PATIENCE = 6  # tries of the client, after which a failure is one
_QUIET = 900  # seconds before a last sync, in which nothing happens


@dataclass(frozen=True, slots=True)
class Stored:
    """What silver says of one repository: commits (whether on the branch), their parents, and issues by number.

    `issues` are (title, whether deleted); `doubled` are keys that stand there twice.
    """

    commits: Mapping[str, bool] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    issues: Mapping[int, tuple[str, bool]] = field(default_factory=dict)
    doubled: tuple[str, ...] = ()


class _Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


class _Quiet:
    def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
        """Progress is nobody's business here."""

    def note(self, text: str) -> None:
        """Nor are notes."""

    def finished(self, result: RepositoryResult) -> None:
        """Results are looked at when the run is over."""


class Scenario:
    """One seed's repositories, its part of the landing zone, and `failures`: what should not be, in words."""

    def __init__(self, plan: Plan, place: int, root: Path) -> None:
        self.plan = plan
        self.root = root
        self.source = f"seed-{plan.seed}"
        self.world = World(plan.seed, 1 + place * _IDS)
        self.failures: list[str] = []
        self.hurt: set[int] = set()
        self._forge = Forge(self.world, plan.pages_by_number)
        self._clock = _Clock()
        self._since: dict[tuple[int, str], int] = {}
        self._full_since: dict[int, int] = {}
        self._cut_off: set[int] = set()  # whose walk over the issues may be gone on with, deletions and all

    @property
    def repositories(self) -> list[ModelRepository]:
        return [*self.world.repositories, *self.world.replaced]

    def key(self, repository: ModelRepository) -> tuple[str, int]:
        return self.source, repository.served.identity

    def is_lost(self, repository: ModelRepository) -> bool:
        """Whether no sync can read it: it is gone, or its name belonged to another one."""
        has_used_name = bool(self.world.replaced) and repository is self.world.repositories[SICK]
        return has_used_name or not repository.is_there

    def run(self, epoch: Epoch) -> None:
        """Changes, a sync of both, then what happens to the landing zone."""
        for change in epoch.changes:
            self.world.apply(change)
        self._forge.begin(epoch)
        names = [self._name(each) for each in self.world.repositories]
        runs = [[name] for name in names] if epoch.kills else [names]
        for named in runs:
            if not self._sync(named, epoch):
                break
        for how in epoch.damages:
            victim = self.world.repositories[how.repository]
            if damage(self.root, self._objects(victim), how) is not None:
                self.hurt.add(victim.served.identity)
        if epoch.compacts is not None:
            self._compact(epoch.compacts)

    def rest(self) -> None:
        """A sync on an ordinary day, on which nothing goes wrong."""
        self.world.date += _QUIET
        self.run(Epoch())

    def heal(self, repository: ModelRepository) -> None:
        """What the errors name as remedy: reads all of a repository again."""
        self._forge.begin(Epoch())
        self.world.date += _QUIET
        identity = repository.served.identity
        self.hurt.discard(identity)
        self._sync([self._name(repository)], Epoch(is_full=True))

    def break_in_the_end(self) -> set[tuple[str, int]]:
        """Damages what the plan says; returns whose it was."""
        broken = set()
        for how in self.plan.damages:
            victim = self.world.repositories[how.repository]
            if damage(self.root, self._objects(victim, only_counting=True), how) is not None:
                broken.add(self.key(victim))
        return broken

    def check(self, repository: ModelRepository, stored: Stored) -> None:
        """Notes what of a repository is stored otherwise than it was, since its last sync that said it is done."""
        identity = repository.served.identity
        told = f"{repository.served.full_name} ({identity})"
        self.failures += [f"{told}: {key} is there twice" for key in stored.doubled]
        if (identity, "commits") in self._since:
            self._check_commits(told, repository, stored)
        if (identity, "issues") in self._since:
            self._check_issues(told, repository, stored)

    def _check_commits(self, told: str, repository: ModelRepository, stored: Stored) -> None:
        truth = repository.truth
        branch = {sha for sha, is_on in stored.commits.items() if is_on}
        possible = truth.branches(self._since[repository.served.identity, "commits"])
        if branch not in possible:
            least = min(possible, key=lambda one: len(one ^ branch))
            self.failures.append(
                f"{told}: {len(branch)} commits are on the branch; {len(least - branch)} are missing, "
                f"{len(branch - least)} are none of it"
            )
        wrong = [sha for sha in branch if stored.parents.get(sha, ()) != truth.parents.get(sha)]
        if wrong:
            self.failures.append(f"{told}: {len(wrong)} commits have other parents, such as {wrong[0]}")

    def _check_issues(self, told: str, repository: ModelRepository, stored: Stored) -> None:
        truth, identity = repository.truth, repository.served.identity
        since, full = self._since[identity, "issues"], self._full_since.get(identity)
        for number in sorted(truth.issues.keys() | stored.issues.keys()):
            versions = truth.versions(number, since)
            title, is_deleted = stored.issues.get(number, (None, False))
            if title is None:
                wrong = None if None in versions else "is not stored"
            elif is_deleted:
                wrong = None if None in versions else "lives, and is marked as deleted"
            elif full is not None and truth.versions(number, full) == {None}:
                wrong = "is gone, and not marked as deleted"
            else:
                wrong = None if title in versions or None in versions else f"is stored as an old one, {title}"
            if wrong:
                self.failures.append(f"{told}: #{number} {wrong}")

    def _name(self, repository: ModelRepository) -> str:
        served = repository.served
        names = [*served.previous_names, served.full_name]
        return names[0] if self.plan.asks_by_first_name else names[-1]

    def _sync(self, names: list[str], epoch: Epoch) -> bool:
        """Whether the process lived."""
        kills = [(self.world.repositories[kill.repository].served.identity, kill) for kill in epoch.kills]
        landing = MortalLanding(str(self.root), self.source, kills)
        limits = Limits(1, 1e9, sleep=self._clock.sleep, clock=self._clock)
        client = Client(BASE, None, limits, self._clock.sleep)
        client._session.mount(BASE, self._forge)
        began = self.world.moment
        try:
            results = Sync(client, landing, self.source, _Quiet(), 1, epoch.is_full, False).run(names)
        except Killed:
            self._cut_off |= {identity for identity, _ in kills}
            self._fail_power(landing, epoch.kills)
            return False
        for result in results:
            self._note(result, began, epoch)
        return True

    def _fail_power(self, landing: MortalLanding, kills: tuple[Kill, ...]) -> None:
        for kill in kills:
            if kill.power_cut is not None:
                landing.cut_power(kill.power_cut)
                return

    def _note(self, result: RepositoryResult, began: int, epoch: Epoch) -> None:
        """What a sync says it has done must be stored from now on; a failure must have a reason."""
        sick = self.world.repositories[SICK].served.identity
        for stream in result.streams:
            if result.repository_id == sick and _is_lied_about_twice(epoch, stream.stream):
                continue
            if result.error is None and stream.error is None and result.repository_id:
                self._since[result.repository_id, stream.stream] = began
                if epoch.is_full and stream.stream == "issues" and result.repository_id not in self._cut_off:
                    self._full_since[result.repository_id] = began
        failed = any(stream.stream == "issues" and stream.error is not None for stream in result.streams)
        (self._cut_off.add if failed else self._cut_off.discard)(result.repository_id or 0)
        for error in result.errors:
            if isinstance(error, UnforeseenError) or not self._may_fail(result, epoch):
                self.failures.append(f"{result.name}: fails, though nothing is wrong: {error}")

    def _may_fail(self, result: RepositoryResult, epoch: Epoch) -> bool:
        served = [it.served for it in self.world.repositories]
        place = next((at for at, it in enumerate(served) if it.identity == result.repository_id), None)
        if place is None:  # it was not told which one this is
            names = [{it.full_name, *it.previous_names} for it in served]
            place = next((at for at, known in enumerate(names) if result.name in known), SICK)
        repository = self.world.repositories[place]
        lies = [it for it in epoch.faults if it.repository == place and it.kind in LIES]
        moves = [it for it in epoch.during if it.change.repository == place]
        tries = sum(it.times for it in epoch.faults if it.repository == place)
        return (
            bool(lies or moves)
            or tries >= _PATIENCE
            or self.is_lost(repository)
            or repository.served.identity in self.hurt
        )

    def _objects(self, repository: ModelRepository, only_counting: bool = False) -> list[str]:
        """The paths of what has landed of a repository; only those that a damage of must be told, that is."""
        landing = Landing(str(self.root))
        objects = list(landing.objects(f"{self.source}/{repository.served.identity}"))
        if only_counting:
            found = inspect(landing, objects)
            done: dict[str, set[int]] = defaultdict(set, found.superseded)
            objects = [it for it in objects if it.walk_id in found.complete[it.stream] - done[it.stream]]
        return sorted(it.path for it in objects)

    def _compact(self, last_write: int) -> None:
        settings = Settings(warehouse=self.root / "none" / "hear.duckdb", landing=str(self.root))
        with suppress(Killed):
            landing = MortalLanding(str(self.root), self.source, last_write=last_write)
            try:
                compact.compact(settings, landing)
            except HearError as error:
                if not self.hurt:
                    self.failures.append(f"compaction fails, though nothing is wrong: {error}")


def _is_lied_about_twice(epoch: Epoch, stream: str) -> bool:
    """Whether a stream is lied about in several lasting ways at once: one may hide what gives the other away."""
    lasting = {it.kind for it in epoch.faults if it.stream == stream and it.kind in LIES and it.times > 1}
    return len(lasting) > 1
