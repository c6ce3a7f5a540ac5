"""What one seed stands for: what happens to two repositories, and what goes wrong while they are read.

The first repository is healthy: all that befalls it is what networks and servers do on an ordinary day. The second
one is sick: its server lies, its objects are damaged, its name is given to another one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

STREAMS = ("repository", "commits", "issues")
HEALTHY, SICK = 0, 1

Faulty = Literal["500", "502", "503", "504", "429", "secondary", "drop", "truncate", "html", "half"]
Lie = Literal["empty", "unlinked", "repeated", "short", "locked", "gone", "no commits", "circle", "endless"]
ORDINARY: tuple[Faulty, ...] = (
    "500", "502", "503", "504", "429", "secondary", "drop", "truncate", "html", "half",
)  # fmt: skip
LIES: tuple[Lie, ...] = (
    "empty", "unlinked", "repeated", "short", "locked", "gone", "no commits", "circle", "endless",
)  # fmt: skip
Harm = Literal["bit", "cut", "lost", "emptied", "swapped"]
HARMS: tuple[Harm, ...] = ("bit", "cut", "lost", "emptied", "swapped")
_REFUSALS: tuple[Lie, ...] = ("locked", "gone")
# What a server that says it twice is believed: a short page may be one with hidden rows.
_BELIEVED: tuple[Lie, ...] = ("no commits", "short")
FOREVER = 10**6  # answers
_COMMON = ("push", "push", "merge", "open", "open", "edit", "edit", "close", "tie", "late", "delete", "wait")
_RARE = ("force-push", "reset", "empty", "rename", "transfer", "switch branch")
_SICK = ("remove", "replace")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens to a repository; `place` chooses what it happens to."""

    repository: int
    kind: str
    place: int
    count: int


@dataclass(frozen=True, slots=True)
class During:
    """A change just before the so-many-th answer about a stream."""

    stream: str
    turn: int
    change: Change


@dataclass(frozen=True, slots=True)
class Fault:
    """From the so-many-th answer about a stream on, so many answers are not what they should be."""

    repository: int
    stream: str
    turn: int
    kind: Faulty | Lie
    times: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The process ends at the so-many-th object of a stream; with `power_cut`, what was not flushed is lost."""

    repository: int
    stream: str
    put: int
    is_after: bool
    power_cut: int | None


@dataclass(frozen=True, slots=True)
class Damage:
    """Something happens to one landed object of a repository; `place` and `byte` choose which, and where."""

    repository: int
    kind: Harm
    place: float
    byte: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """Changes, then one sync of both repositories."""

    changes: tuple[Change, ...] = ()
    during: tuple[During, ...] = ()
    faults: tuple[Fault, ...] = ()
    kills: tuple[Kill, ...] = ()
    damages: tuple[Damage, ...] = ()
    is_full: bool = False
    compacts: int | None = None  # afterwards; it dies at the so-many-th write


@dataclass(frozen=True, slots=True)
class Plan:
    """One seed: epochs before and after a first build, and what is damaged in the end.

    `asks_by_first_name` asks for a repository by the name that it had first; `reads_again` reads all of what is
    well again, too.
    """

    seed: int
    pages_by_number: bool
    asks_by_first_name: bool
    reads_again: bool
    before: tuple[Epoch, ...]
    after: tuple[Epoch, ...]
    damages: tuple[Damage, ...]


def draw(seed: int) -> Plan:
    """The plan of a seed, the same on every machine."""
    dice = random.Random(seed)
    return Plan(
        seed,
        pages_by_number=dice.random() < 0.3,
        asks_by_first_name=dice.random() < 0.5,
        reads_again=dice.random() < 0.3,
        before=tuple(_epoch(dice, is_first=turn == 0) for turn in range(dice.randint(1, 3))),
        after=tuple(_epoch(dice, is_first=False) for _ in range(dice.randint(1, 3))),
        damages=(_damage(dice, dice.choice((HEALTHY, SICK)), "bit"),) if dice.random() < 0.6 else (),
    )


def _epoch(dice: random.Random, is_first: bool) -> Epoch:
    changes = [_change(dice, turn % 2) for turn in range(dice.randint(0, 8))]
    if is_first:
        changes = [
            Change(turn, kind, 0, dice.choice((0, 3, 9, 20))) for turn in (0, 1) for kind in ("push", "open")
        ]
    return Epoch(
        tuple(changes),
        tuple(_during(dice) for _ in range(dice.choice((0, 0, 1, 4)))),
        tuple(_fault(dice) for _ in range(dice.choice((0, 1, 2, 3, 4)))),
        tuple(_kill(dice) for _ in range(dice.choice((0, 0, 0, 1)))),
        (_damage(dice, SICK),) if not is_first and dice.random() < 0.2 else (),
        dice.random() < 0.25,
        dice.choice((None, None, 1, 2, 3, 99)),
    )


def _change(dice: random.Random, repository: int) -> Change:
    kinds = _COMMON if dice.random() < 0.8 else _RARE + (_SICK if repository == SICK else ())
    return Change(repository, dice.choice(kinds), dice.randrange(1000), dice.choice((1, 1, 2, 5, 9, 20)))


def _during(dice: random.Random) -> During:
    kinds = ("push", "merge", "force-push", "open", "edit", "edit", "close", "late", "tie", "delete", "wait")
    change = Change(dice.choice((0, 1)), dice.choice(kinds), dice.randrange(1000), dice.choice((1, 2, 9)))
    stream = "commits" if change.kind in {"push", "merge", "force-push"} else "issues"
    return During(stream, dice.randint(1, 8), change)


def _fault(dice: random.Random) -> Fault:
    if dice.random() < 0.5:
        return Fault(
            dice.choice((0, 1)),
            dice.choice(STREAMS),
            dice.randint(1, 8),
            dice.choice(ORDINARY),
            dice.choice((1, 1, 2, 3)),
        )
    times = dice.choice((1, 1, 2, FOREVER))
    stream = dice.choice(("repository", "commits", "commits", "issues", "issues", "issues"))
    kinds = _REFUSALS if stream == "repository" else LIES
    kind = dice.choice(kinds)
    if kind in _BELIEVED:
        times = 1
    return Fault(SICK, stream, dice.choice((1, 2, 2, 3, 4, 5, 6)), kind, times)


def _kill(dice: random.Random) -> Kill:
    cut = dice.randrange(1000) if dice.random() < 0.5 else None
    return Kill(
        dice.choice((0, 1)), dice.choice(("commits", "issues")), dice.randint(1, 8), dice.random() < 0.5, cut
    )


def _damage(dice: random.Random, repository: int, *kinds: Harm) -> Damage:
    return Damage(repository, dice.choice(kinds or HARMS), dice.random(), dice.random())


def _with(whole: Any, name: str, value: Any) -> Any:
    """A plan or an epoch with another value in one field."""
    return replace(whole, **{name: value})


def smaller(plan: Plan) -> Iterator[Plan]:
    """Plans with one thing less."""
    for name in ("before", "after"):
        epochs: tuple[Epoch, ...] = getattr(plan, name)
        for place, epoch in enumerate(epochs):
            if len(plan.before) + len(plan.after) > 1:
                yield _with(plan, name, epochs[:place] + epochs[place + 1 :])
            for lesser in _lesser(epoch):
                yield _with(plan, name, (*epochs[:place], lesser, *epochs[place + 1 :]))
    if plan.damages:
        yield replace(plan, damages=())
    if plan.pages_by_number:
        yield replace(plan, pages_by_number=False)


def _lesser(epoch: Epoch) -> Iterator[Epoch]:
    for field in fields(Epoch):
        value = getattr(epoch, field.name)
        if isinstance(value, tuple):
            for place in range(len(value)):
                yield _with(epoch, field.name, value[:place] + value[place + 1 :])
    if epoch.is_full:
        yield replace(epoch, is_full=False)
    if epoch.compacts is not None:
        yield replace(epoch, compacts=None)
    for place, change in enumerate(epoch.changes):
        if change.count > 1:
            less = replace(change, count=change.count // 2)
            yield replace(epoch, changes=(*epoch.changes[:place], less, *epoch.changes[place + 1 :]))
