"""The proof of the landing zone: what has landed is there, is what it was, and is loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from hear_app import bronze, ledger
from hear_app.landing import LandedObject, Landing, RepositoryKey
from hear_app.landing.integrity import inspect, place_of
from hear_app.verify import Proof, read_again

_QUICK = 64 * 2**20  # bytes of landed objects that are read without being asked to: a second or two
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The proofs, and whether the objects' contents were read for them, not only their sizes."""

    proofs: list[Proof]
    is_deep: bool
    waiting: int  # objects that have not been loaded yet


def prove(connection: duckdb.DuckDBPyConnection, landing: Landing, deep: bool = False) -> Reading:
    """Holds a landing zone against an opened warehouse file.

    Contents are read where that is quick, or with `deep`. Raises LandingError where it can't be listed,
    WarehouseError where another version of hear_app made the file.
    """
    bronze.check_version(connection)
    names: dict[RepositoryKey, str] = {
        (source, key): name
        for source, key, name in connection.execute(
            "select source, repository_id, full_name from silver.repositories"
        ).fetchall()
    }
    sources = sorted({source for source, _ in names})
    for source in sources:  # one that never came into the file is looked at, too
        for key, (found, _) in landing.repositories(source).items():
            names.setdefault((source, key), found.full_name or f"{source}/{key}")
        for key in landing.unreadable(source):
            names.setdefault((source, key), f"{source}/{key}")
    known = ledger.known_objects(connection)
    waiting = ledger.pending(landing, sources, known)
    newest = ledger.newest_walks(connection)
    is_deep = deep or sum(landed.size for landed in waiting.landed.values()) <= _QUICK
    objects: dict[RepositoryKey, list[LandedObject]] = defaultdict(list)
    for landed in waiting.landed.values():
        if ledger.counts(landed) or landed.path in known:
            objects[landed.repository].append(landed)
    proofs = [
        _prove(connection, landing, waiting, key, name, objects[key], newest, is_deep)
        for key, name in names.items()
    ]
    since = sum(not _is_late(landed, newest) for landed in waiting.objects)
    return Reading(proofs, is_deep, since)


def _prove(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    waiting: ledger.Pending,
    key: RepositoryKey,
    name: str,
    objects: list[LandedObject],
    newest: Mapping[ledger.StreamKey, int],
    is_deep: bool,
) -> Proof:
    late = [it for it in waiting.objects if it.repository == key and _is_late(it, newest)]
    loaded = ledger.known_digests(connection, key) if late else {}  # by place: a merged object may hold it, too
    unloaded = [f"{landed.path} is not loaded" for landed in late if place_of(landed) not in loaded]
    damaged = [f"{path} is gone, or is not what was loaded" for path in waiting.changed.get(key, [])]
    if is_deep:
        damaged = _read(connection, landing, key, objects)
    foreign = [f"{path} is nothing that hear lands" for path in landing.foreign(f"{key[0]}/{key[1]}/")]
    heal = "`hear build` heals it." if unloaded else "Look whose they are, and move them away."
    heal = read_again(key[0], name) if damaged else heal
    if not objects:
        heal = "Put the landing zone back, or `hear build --full` builds without the repository."
    broken = damaged + unloaded + foreign
    title = "every landed object is there, whole and loaded"
    return Proof(key, name, title, len(objects), len(broken), tuple(broken[:_SHOWN]), heal)


def _read(
    connection: duckdb.DuckDBPyConnection, landing: Landing, key: RepositoryKey, objects: list[LandedObject]
) -> list[str]:
    """What is wrong with the contents, but for what a sync that read all again has known and superseded."""
    found = inspect(landing, objects)
    told = {(damage.stream, damage.walk_id): damage.what for damage in reversed(found.unhealed)}
    for place, digest in ledger.known_digests(connection, key).items():
        stream, walk_id, role, position = place[2:]
        if walk_id in found.superseded[stream] or found.digests.get(place) == digest:
            continue
        what = "is not what was loaded" if place in found.digests else "is gone"
        told.setdefault((stream, walk_id), f"{stream} walk {walk_id}: {role}-{position:09d} {what}")
    return list(told.values())


def _is_late(landed: LandedObject, newest: Mapping[ledger.StreamKey, int]) -> bool:
    """Whether an object should be loaded, since its walk, or one after it, is; all others wait for a build.

    What a merged object holds is compared one by one.
    """
    key = landed.source, landed.repository_id, str(landed.stream)
    return not landed.is_pack and landed.walk_id <= newest.get(key, 0)
