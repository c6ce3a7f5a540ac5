"""`hear compact`: fewer landed objects, and a smaller file; not a byte of what has landed is lost.

Every run lands some small objects. Those of old, closed walks are merged: the merged object is written and read
back first, and only then are the small ones removed. A crash in between leaves both, and loading knows each
response by its place, not by its object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from hear_app import bronze, warehouse
from hear_app.errors import LandingError
from hear_app.landing import LandedObject, Landing, Response, Walk, group_walks
from hear_app.settings import Settings

_PACK_BYTES = 32 * 2**20  # of JSON in one merged object, which is read whole


@dataclass(frozen=True, slots=True)
class Compaction:
    """Objects and bytes before and after."""

    objects_before: int
    objects_after: int
    file_bytes_before: int
    file_bytes_after: int


def compact(settings: Settings, landing: Landing) -> Compaction:
    """Merges old landed objects and rewrites the published file.

    Raises LandingError, WarehouseError or BusyError.
    """
    path = settings.warehouse
    objects = sum(1 for _ in landing.objects())
    size = path.stat().st_size if path.exists() else 0
    for group in _streams(landing):
        _pack_stream(landing, group)
    if path.exists():
        _rewrite(settings, landing)
    after = sum(1 for _ in landing.objects())
    return Compaction(objects, after, size, path.stat().st_size if path.exists() else 0)


def _streams(landing: Landing) -> list[list[LandedObject]]:
    grouped: dict[tuple[str, int, str], list[LandedObject]] = defaultdict(list)
    for landed in landing.objects():
        grouped[landed.source, landed.repository_id, landed.stream].append(landed)
    return [grouped[key] for key in sorted(grouped)]


def _old_walks(objects: list[LandedObject]) -> list[Walk]:
    """The walks that a sync no longer looks at: all before the newest closed one; nothing of an open one."""
    walks = group_walks(objects)
    if objects[0].stream == "repository":
        return walks[:-1]
    closed = [walk for walk in walks if walk.closed is not None]
    return closed[:-1]


def _pack_stream(landing: Landing, objects: list[LandedObject]) -> None:
    walks = _old_walks(objects)
    small = [landed for walk in walks for landed in _objects_of(walk)]
    if len(small) < 2:
        return
    written: list[str] = []
    for part, responses in enumerate(_portions(landing, small)):
        numbers = [envelope.walk_id for envelope, _ in responses]
        written.append(landing.put_pack(min(numbers), max(numbers), part, responses))
    packed = sum(len(landing.read(path)) for path in written)
    if packed != len(small):
        raise LandingError(
            f"The merged objects hold {packed} responses instead of {len(small)}; nothing was removed.",
            "Move the merged ones out of the landing zone and try again.",
        )
    landing.delete([landed.path for landed in small])


def _objects_of(walk: Walk) -> list[LandedObject]:
    return [*walk.pages, *walk.removed, *([walk.closed] if walk.closed else [])]


def _portions(landing: Landing, objects: list[LandedObject]) -> Iterator[list[Response]]:
    """The responses of some objects, in portions that fit in memory."""
    portion: list[Response] = []
    gathered = 0
    for landed in objects:
        for response in landing.read(landed.path):
            portion.append(response)
            gathered += len(response[1])
        if gathered > _PACK_BYTES:
            yield portion
            portion, gathered = [], 0
    if portion:
        yield portion


def _rewrite(settings: Settings, landing: Landing) -> None:
    """The published file without its free blocks, its ledger naming the merged objects."""
    build = settings.build_path
    warehouse.start_build(settings.warehouse, build, afresh=False)
    with warehouse.writing(build) as connection:
        sources = [
            source for (source,) in connection.execute("select distinct source from bronze.loads").fetchall()
        ]
        waiting = bronze.pending(landing, sources, bronze.known_objects(connection)).objects
        bronze.move(connection, landing, [landed for landed in waiting if landed.is_pack])
    warehouse.compact(build)
    warehouse.publish(build, settings.warehouse)
