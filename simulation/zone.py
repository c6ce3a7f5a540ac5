"""A landing zone whose process dies, whose power fails, and whose disk is not to be trusted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hear_app.landing import Envelope, LandedObject, Landing, Response
from simulation.plan import Damage, Kill


class Killed(BaseException):
    """The process ends here: nothing may catch this, as nothing catches kill -9."""


class MortalLanding(Landing):
    """One seed's part of a landing zone: the objects of one source.

    `kills` end the process at an object of a stream, `last_write` at the so-many-th write of a compaction.
    """

    def __init__(
        self, root: str, source: str, kills: Sequence[tuple[int, Kill]] = (), last_write: int = 0
    ) -> None:
        super().__init__(root)
        self._source = source
        self._kills = {(identity, kill.stream): kill for identity, kill in kills}
        self._puts: Counter[tuple[int, str]] = Counter()
        self._writes_left = last_write or 10**9
        self.unflushed: set[str] = set()

    def put(self, envelope: Envelope, body: bytes) -> str:
        key = envelope.repository_id, str(envelope.stream)
        self._puts[key] += 1
        kill = self._kills.get(key)
        if kill is not None and (
            self._puts[key] > kill.put or (self._puts[key] == kill.put and not kill.is_after)
        ):
            raise Killed
        digest = super().put(envelope, body)
        self.unflushed.add(envelope.path)
        if kill is not None and self._puts[key] == kill.put:
            raise Killed
        return digest

    def put_pack(self, first_walk: int, last_walk: int, part: int, responses: list[Response]) -> str:
        self._write()
        return super().put_pack(first_walk, last_walk, part, responses)

    def delete(self, paths: list[str]) -> None:
        self._write()
        super().delete(paths)

    def flush(self, paths: Sequence[str]) -> None:
        """Notes what is safe from `cut_power`; to wait for a real disk would show nothing here."""
        self.unflushed.difference_update(paths)

    def objects(self, prefix: str = "") -> Iterator[LandedObject]:
        return super().objects(prefix or self._source)

    def cut_power(self, seed: int) -> None:
        """What was not flushed is there, or is empty, or was never there."""
        dice = random.Random(seed)
        for path in sorted(self.unflushed):
            file = Path(self.root, path)
            fate = dice.randrange(3)
            if fate == 1 and file.exists():
                file.write_bytes(b"")
            elif fate == 2:
                file.unlink(missing_ok=True)

    def _write(self) -> None:
        self._writes_left -= 1
        if self._writes_left <= 0:
            raise Killed


def damage(root: Path, objects: list[str], how: Damage) -> str | None:
    """Does it to one of some landed objects; returns which, or None where it changed nothing."""
    if not objects:
        return None
    path = objects[int(how.place * len(objects))]
    file = root / path
    before = file.read_bytes()
    if how.kind == "lost":
        file.unlink()
        return path
    after = _damaged(before, how, (root / objects[int(how.byte * len(objects))]).read_bytes())
    file.write_bytes(after)
    return path if after != before else None


def _damaged(content: bytes, how: Damage, other: bytes) -> bytes:
    if how.kind == "emptied" or not content:
        return b""
    if how.kind == "cut":
        return content[: int(how.byte * len(content))]
    if how.kind == "swapped":
        return other
    place = int(how.byte * len(content) * 8)
    return content[: place // 8] + bytes([content[place // 8] ^ 1 << place % 8]) + content[place // 8 + 1 :]
