"""Who is around when: people join over the years, and most of them leave again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hear_app.sample import people
from hear_app.sample.clock import DAY, NOW, seconds
from hear_app.sample.dice import Dice
from hear_app.sample.people import Person

AGENTS_SINCE = seconds("2025-04-01")
"""From here on coding assistants and agents take part."""

_MONTH = 30 * DAY


class Crew:
    """The people of one repository, drawn by its own dice."""

    def __init__(self, dice: Dice, start: int, turn: int) -> None:
        """`turn` is the repository's place in the sample: each has its own order of arrival."""
        self._dice = dice
        self._start = start
        self.maintainers = (*_rotated(people.MAINTAINERS, turn)[:4], people.MANY_ADDRESSES)
        self.regulars = _rotated(people.REGULARS, 5 * turn)
        self.visitors = _rotated(people.VISITORS, 7 * turn)
        self._groups: dict[str, Sequence[Person]] = {
            "maintainer": self.maintainers,
            "regular": self.regulars,
            "visitor": self.visitors,
            "stranger": people.STRANGERS,
            "updates": (people.DEPENDENCY_BOT,),
            "style": (people.STYLE_BOT,),
            "release": (people.RELEASE_BOT,),
            "agent": (people.AGENT,),
        }

    def someone(self, at: int, weights: Mapping[str, float]) -> Person:
        """One who is around at that time, from groups as likely as their weights say."""
        group = self._dice.weighted(weights)
        if group == "agent" and at < AGENTS_SINCE:
            group = "maintainer"
        members = self._groups[group]
        present = [who for place, who in enumerate(members) if self._is_here(group, place, at)]
        return self._dice.pick(present or self.maintainers[:1])

    def maintainer(self, at: int) -> Person:
        """One of those who may merge."""
        return self.someone(at, {"maintainer": 1})

    def signature_address(self, person: Person) -> int:
        """Which of a person's addresses is used this time: mostly the first."""
        return 0 if self._dice.chance(0.5) else self._dice.below(len(person.addresses))

    def _is_here(self, group: str, place: int, at: int) -> bool:
        since_start = (at - self._start) // _MONTH
        if group == "maintainer":
            return since_start >= 5 * max(0, place - 1)
        if group == "regular":
            arrival = place * 5 // 2
            return arrival <= since_start < arrival + 8 + place * 7 % 25
        if group == "visitor":
            return since_start % len(self.visitors) // 4 <= place // 3
        return True


def association(person: Person, has_merged: bool) -> str:
    """What the API calls the author's relation to the repository."""
    if person.role == "maintainer":
        return "MEMBER"
    return "CONTRIBUTOR" if has_merged or person.role in ("bot", "agent") else "NONE"


def _rotated(group: Sequence[Person], by: int) -> tuple[Person, ...]:
    by %= len(group)
    return (*group[by:], *group[:by])


def is_over(at: int) -> bool:
    """Whether a time has not come yet on the day the sample stands still."""
    return at >= NOW
