"""Chance that is the same everywhere: built on the one random method that Python keeps stable for a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of chance for each name, so that a change in one part leaves the others as they were."""

    def __init__(self, name: str) -> None:
        """The same name gives the same stream, on every machine and version."""
        self._random = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
        self.unit = self._random.random
        """A number from 0 up to, but without, 1."""

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, but without, the limit."""
        return int(self.unit() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return self.unit() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Mapping[T, float]) -> T:
        """One of the keys, as often as its weight says."""
        left = self.unit() * sum(choices.values())
        for choice, weight in choices.items():
            left -= weight
            if left < 0:
                return choice
        return next(reversed(list(choices)))

    def several(self, choices: Sequence[T], number: int) -> list[T]:
        """That many different ones, in the order of their choice."""
        rest = list(choices)
        return [rest.pop(self.below(len(rest))) for _ in range(min(number, len(rest)))]

    def delay(self, median: int, longest: int) -> int:
        """A waiting time: half are below the median, a few are very long."""
        # Plain division only: logarithms may differ in their last digit between machines.
        share = self.unit()
        return min(longest, 1 + int(median * share / (1.0 - share)))
