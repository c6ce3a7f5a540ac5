"""Whether what has landed is whole.

A walk's closing record names the digest of each of its pages, in order. So any byte that changed since, any page
that is missing and any that was added is found, whatever object the responses stand in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from hear_app.errors import LandingError
from hear_app.landing.envelope import Envelope, LandedObject, walk_prefix
from hear_app.landing.zone import Landing, Response

CLOSED_STREAMS = {"commits", "issues"}  # of which only walks that have come to their end count
WHOLE_KINDS = {"history", "full"}  # walks that hold all by themselves

_NONE: Mapping[str, list[int]] = {}
Place = tuple[str, int, str, int, str, int]  # source, repository, stream, walk, role, position


def place_of(it: Envelope | LandedObject) -> Place:
    """A response's place, by which it is known whatever object it stands in."""
    return it.source, it.repository_id, it.stream, it.walk_id, it.role, it.position


def chain(digests: Mapping[str, str], superseded: Mapping[str, list[int]] = _NONE) -> bytes:
    """The body of a closing record: digests of the walk's responses by their names, in order.

    That of a sync that read all again also names the damaged walks, by stream, that it stands in for.
    """
    body: dict[str, object] = {"pages": {name: digests[name] for name in sorted(digests)}}
    return orjson.dumps(body | ({"superseded": superseded} if superseded else {}))


def broken_links(closing: Response, digests: Mapping[str, str]) -> list[str]:
    """What of a walk is not as its closing record says, in words; `digests` are those of what is there, by name.

    Walks that were closed before digests were kept tell nothing.
    """
    if not closing.body:
        return []
    try:
        pages = dict(orjson.loads(closing.body)["pages"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return ["the digests in its closing record can't be read"]
    missing = [f"{name}.jsonl.zst is gone" for name in pages if name not in digests]
    changed = [
        f"{name}.jsonl.zst is not what was read" for name in pages if digests.get(name, pages[name]) != pages[name]
    ]
    added = [f"{name}.jsonl.zst was added later" for name in digests if name not in pages]
    return missing + changed + added


@dataclass(frozen=True, slots=True)
class Damage:
    """Something of a stream that is not as it landed: `walk_id` is the (newest) walk it touches."""

    stream: str
    walk_id: int
    what: str


@dataclass(slots=True)
class Inspection:
    """What reading all landed objects of one repository tells.

    By stream: `whole` is the newest walk over all, `complete` are the walks that came to their end, `superseded`
    those of which a sync that read all again says that their damage is known, and healed by it.
    """

    damages: list[Damage] = field(default_factory=list)
    whole: dict[str, int] = field(default_factory=dict)
    digests: dict[Place, str] = field(default_factory=dict)
    complete: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    superseded: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def standing(self) -> list[Damage]:
        """The damages that count: what came before a whole walk has been read again since."""
        return [damage for damage in self.damages if damage.walk_id >= self.whole.get(damage.stream, 0)]

    @property
    def unhealed(self) -> list[Damage]:
        """The damages that no sync has read again for; older ones cost rows that have left since."""
        return [damage for damage in self.damages if damage.walk_id not in self.superseded[damage.stream]]

    def supersedable(self, sync: int) -> dict[str, list[int]]:
        """By stream, the walks before the newest whole one that are not whole themselves, or not there at all.

        `sync` is the number of the record that will say so.
        """
        damaged = {(damage.stream, damage.walk_id) for damage in self.damages}
        found = {
            stream: [it for it in range(1, end) if it not in self.complete[stream] or (stream, it) in damaged]
            for stream, end in (self.whole | {"syncs": sync}).items()
        }
        return {stream: walks for stream, walks in found.items() if walks}


def inspect(landing: Landing, objects: Iterable[LandedObject]) -> Inspection:
    """Reads all objects of one repository: their checksums, their places, and each closed walk's chain.

    A page that can't be read is no damage where its walk never came to its end: it counts for nothing, and a power
    cut leaves such.
    """
    found = Inspection()
    walks: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    closings: list[Response] = []
    objects = list(objects)
    ended = {(landed.stream, landed.walk_id) for landed in objects if landed.role == "closed"}
    for landed in objects:
        try:
            responses = landing.responses(landed.path)
        except LandingError as error:
            may_count = landed.is_pack or landed.stream not in CLOSED_STREAMS
            if may_count or (landed.stream, landed.walk_id) in ended:
                found.damages.append(Damage(landed.stream, landed.walk_id, error.message))
            continue
        for response in responses:
            _note(found, response, walks, closings)
    for closing in closings:
        _follow(found, closing, walks[closing.envelope.stream, closing.envelope.walk_id])
    closed = {str(closing.envelope.stream) for closing in closings} & CLOSED_STREAMS
    for stream in sorted(closed - found.whole.keys() - {damage.stream for damage in found.damages}):
        found.damages.append(Damage(stream, 0, f"no walk over all {stream} is there"))
    if objects and not any(landed.stream == "repository" for landed in objects):
        found.damages.append(Damage("repository", 0, "no response of the repository itself is there"))
    return found


def _note(
    found: Inspection,
    response: Response,
    walks: dict[tuple[str, int], dict[str, str]],
    closings: list[Response],
) -> None:
    known = response.envelope
    place = place_of(known)
    if found.digests.setdefault(place, response.digest) != response.digest:
        found.damages.append(Damage(known.stream, known.walk_id, f"{known.path} is there twice, and differs"))
    elif known.role == "closed":
        closings.append(response)
    else:
        walks[known.stream, known.walk_id][known.name] = response.digest
    if known.role == "closed" or known.stream not in CLOSED_STREAMS:
        found.complete[known.stream].add(known.walk_id)
    if known.stream not in CLOSED_STREAMS:
        found.whole[known.stream] = max(known.walk_id, found.whole.get(known.stream, 0))


def _follow(found: Inspection, closing: Response, digests: dict[str, str]) -> None:
    known = closing.envelope
    broken = broken_links(closing, digests)
    walk = walk_prefix(known.source, known.repository_id, known.stream, known.walk_id)
    found.damages += [Damage(known.stream, known.walk_id, f"{walk}/{what}") for what in broken]
    if known.walk_kind in WHOLE_KINDS and not broken:
        found.whole[known.stream] = max(known.walk_id, found.whole.get(known.stream, 0))
    if known.stream == "syncs" and closing.body and not broken:
        for stream, walks in orjson.loads(closing.body).get("superseded", {}).items():
            found.superseded[stream].update(walks)
