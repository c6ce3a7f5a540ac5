"""`hear compact`: fewer landed objects, and a smaller file; not a byte of what has landed is lost.

Every run lands some small objects. Those of old, closed walks are merged: the merged object is written, flushed
and read back, and only then is a small one removed, if each of its responses stands in a merged one to the byte. A
crash in between leaves both; `finish` removes what is held twice, and every build begins with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hear_app import bronze, ledger, warehouse
from hear_app.errors import LandingError
from hear_app.landing import LandedObject, Landing, Response, Walk, group_walks
from hear_app.landing.integrity import inspect, place_of
from hear_app.settings import Settings

_PACK_BYTES = 32 * 2**20  # of JSON in one merged object, which is read whole
_Held = dict[tuple[Any, ...], str]  # a response's place → its digest


@dataclass(frozen=True, slots=True)
class Compaction:
    """Objects and bytes before and after, and what could not be merged, since it is damaged."""

    objects_before: int
    objects_after: int
    file_bytes_before: int
    file_bytes_after: int
    damaged: list[LandingError]


def compact(settings: Settings, landing: Landing) -> Compaction:
    """Merges old landed objects and rewrites the published file.

    Raises LandingError, WarehouseError or BusyError; a file that can't be rewritten is found out first.
    """
    path = settings.warehouse
    objects = sum(1 for _ in landing.objects())
    size = path.stat().st_size if path.exists() else 0
    if path.exists():
        warehouse.drop_orphaned_wal(path)
        with warehouse.reading(path) as connection:
            bronze.check_version(connection)
    finish(landing)
    damaged = _for_each_stream(landing, _merge) + finish(landing)
    if path.exists():
        _rewrite(settings, landing)
    after = sum(1 for _ in landing.objects())
    return Compaction(objects, after, size, path.stat().st_size if path.exists() else 0, damaged)


def finish(landing: Landing) -> list[LandingError]:
    """Removes what a compaction that was cut off left behind: small objects that merged ones hold already.

    A merged object of no bytes goes, too: a power cut left it so, before anything that it was to hold was removed.

    A damaged stream is left as it is; returns what is wrong with such.
    """
    return _for_each_stream(landing, _finish)


def _finish(landing: Landing, objects: list[LandedObject]) -> None:
    there = {landed.walk_id for landed in objects if not landed.is_pack}
    empty = [landed for landed in objects if landed.is_pack and not landed.size and landed.first_walk in there]
    if empty:
        landing.delete([landed.path for landed in empty])
    packs = [landed for landed in objects if landed.is_pack and landed not in empty]
    newest = max((pack.walk_id for pack in packs), default=0)
    small = [landed for landed in objects if not landed.is_pack and landed.walk_id <= newest]
    held = _held(landing, packs) if small else {}
    doubled = [landed.path for landed in small if _is_held(landing, landed, held)]
    if doubled:
        landing.delete(doubled)


def _for_each_stream(landing: Landing, work: Callable[[Landing, list[LandedObject]], None]) -> list[LandingError]:
    """One damaged stream stops no other, and damage that a later whole walk has replaced stops nothing."""
    damaged = []
    for objects in _streams(landing):
        try:
            try:
                work(landing, objects)
            except LandingError:
                work(landing, _without_replaced(landing, objects))
        except LandingError as error:
            damaged.append(error)
    return damaged


def _without_replaced(landing: Landing, objects: list[LandedObject]) -> list[LandedObject]:
    """A stream's objects but for those that can't be read and that a later whole walk has replaced."""
    whole = inspect(landing, objects).whole.get(str(objects[0].stream), 0)
    return [landed for landed in objects if landed.walk_id >= whole or _can_be_read(landing, landed)]


def _can_be_read(landing: Landing, landed: LandedObject) -> bool:
    try:
        landing.responses(landed.path)
    except LandingError:
        return False
    return True


def _streams(landing: Landing) -> list[list[LandedObject]]:
    grouped: dict[tuple[str, int, str], list[LandedObject]] = defaultdict(list)
    for landed in landing.objects():
        grouped[landed.source, landed.repository_id, landed.stream].append(landed)
    return [grouped[key] for key in sorted(grouped)]


def _old_walks(objects: list[LandedObject]) -> list[Walk]:
    """The walks that a sync no longer looks at: all before the newest closed one; nothing of an open one.

    A closing record of no bytes closes nothing: a power cut left it so.
    """
    walks = group_walks(objects)
    if objects[0].stream == "repository":
        return walks[:-1]
    closed = [walk for walk in walks if walk.closed is not None and walk.closed.size]
    return closed[:-1]


def _merge(landing: Landing, objects: list[LandedObject]) -> None:
    """Writes merged objects with what no merged one holds yet; removes nothing."""
    packs = [landed for landed in objects if landed.is_pack]
    small = [landed for walk in _old_walks(objects) for landed in walk.objects]
    held = _held(landing, packs) if small else {}
    rest = [landed for landed in small if not _is_held(landing, landed, held)]
    if len(rest) < 2:
        return
    written = []
    for part, responses in enumerate(_portions(landing, rest), start=len(packs)):
        numbers = [response.envelope.walk_id for response in responses]
        written.append(landing.put_pack(min(numbers), max(numbers), part, responses))
    landing.flush(written)


def _held(landing: Landing, packs: list[LandedObject]) -> _Held:
    return {
        place_of(response.envelope): response.digest for pack in packs for response in landing.responses(pack.path)
    }


def _is_held(landing: Landing, landed: LandedObject, held: _Held) -> bool:
    responses = landing.responses(landed.path)
    return all(held.get(place_of(response.envelope)) == response.digest for response in responses)


def _portions(landing: Landing, objects: list[LandedObject]) -> Iterator[list[Response]]:
    """The responses of some objects, in portions that fit in memory."""
    portion: list[Response] = []
    gathered = 0
    for landed in objects:
        for response in landing.responses(landed.path):
            portion.append(response)
            gathered += len(response.body)
        if gathered > _PACK_BYTES:
            yield portion
            portion, gathered = [], 0
    if portion:
        yield portion


def _rewrite(settings: Settings, landing: Landing) -> None:
    """The published file without its free blocks, its ledger naming the merged objects."""
    build = settings.build_path
    warehouse.start_build(settings.warehouse, build, afresh=False)
    with warehouse.writing(build, settings.memory) as connection:
        sources = [
            source for (source,) in connection.execute("select distinct source from bronze.loads").fetchall()
        ]
        waiting = ledger.pending(landing, sources, ledger.known_objects(connection)).objects
        bronze.move(connection, landing, [landed for landed in waiting if landed.is_pack])
    warehouse.compact(build, settings.memory)
    warehouse.publish(build, settings.warehouse)
