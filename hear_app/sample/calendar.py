"""When things happen: more as a repository grows, less at night and on weekends, never in its quiet month."""

from __future__ import annotations

from dataclasses import dataclass

from hear_app.sample.clock import DAY, HOUR, NOW, seconds
from hear_app.sample.dice import Dice

_HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 11, 9, 8, 11, 12, 11, 9, 7, 6, 6, 6, 5, 3, 2)
_YEAR = (10, 11, 12, 11, 10, 8, 6, 5, 10, 13, 12, 7)
"""How busy the months of a year are, January first: people rest in summer and at the end of December."""


@dataclass(frozen=True, slots=True)
class _Month:
    start: int
    end: int
    weight: int


def _month_start(index: int) -> int:
    """The first second of a month, counted from January of the year 0."""
    return seconds(f"{index // 12:04}-{index % 12 + 1:02}-01")


class Calendar:
    """The life of a repository, from its first month to the day the sample stands still."""

    def __init__(self, first: str, quiet: str | None) -> None:
        """Months are written `2022-06`; in the quiet one nothing at all happens."""
        begun = _index(first)
        months = [_month(index, index - begun) for index in range(begun, _index("2026-07"))]
        self.start = months[0].start
        self._quiet = _month(_index(quiet), 0) if quiet else None
        busy = [each for each in months if self._quiet is None or each.start != self._quiet.start]
        self._weights = {each: float(each.weight) for each in busy}

    def moment(self, dice: Dice) -> int:
        """A time somewhere in this life."""
        month = dice.weighted(self._weights)
        day = month.start + DAY * dice.below((month.end - month.start) // DAY)
        if _is_weekend(day) and dice.chance(0.6):
            return self.moment(dice)
        at = day + HOUR * dice.weighted(dict(enumerate(_HOURS))) + dice.below(HOUR)
        return at if at < NOW else self.moment(dice)

    def awake(self, at: int) -> int:
        """The time itself, or shortly after the quiet month if it lies in that."""
        if self._quiet is None or not self._quiet.start <= at < self._quiet.end:
            return at
        return self._quiet.end + (at - self._quiet.start) // 12


def _index(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1


def _month(index: int, age: int) -> _Month:
    return _Month(_month_start(index), _month_start(index + 1), _YEAR[index % 12] * (10 + min(age, 14)))


def _is_weekend(at: int) -> bool:
    return (at // DAY + 3) % 7 >= 5  # the first day of 1970 was a Thursday
