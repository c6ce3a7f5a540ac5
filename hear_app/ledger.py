"""The ledger, `bronze.loads`, beside a landing zone: what waits to be loaded, and what is not as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from hear_app.landing import LandedObject, Landing, RepositoryKey, group_walks, parse_path
from hear_app.landing.integrity import CLOSED_STREAMS, Place, inspect

StreamKey = tuple[str, int, str]  # source, repository, stream


@dataclass(frozen=True, slots=True)
class Pending:
    """What a ledger does not know of a landing zone: objects by repository, in the order of their walks.

    `changed` are, for each repository, the paths of objects that the ledger knows and that are gone, or are other
    ones now. `landed` is all that is there.
    """

    objects: list[LandedObject]
    changed: dict[RepositoryKey, list[str]]
    landed: dict[str, LandedObject]

    @property
    def by_repository(self) -> dict[RepositoryKey, list[LandedObject]]:
        grouped: dict[RepositoryKey, list[LandedObject]] = defaultdict(list)
        for landed in self.objects:
            grouped[landed.repository].append(landed)
        return grouped


def pending(landing: Landing, sources: Iterable[str], known: Mapping[str, int | None]) -> Pending:
    """Compares a landing zone with a ledger's objects (path → bytes, or None where they no longer matter).

    Raises LandingError where it can't be listed.
    """
    found = {landed.path: landed for source in sources for landed in landing.objects(source)}
    packed = _packed_up_to(found.values())
    changed: dict[RepositoryKey, list[str]] = defaultdict(list)
    for path, size in known.items():
        place = parse_path(path)
        if place is None or size is None:
            continue
        if found[path].size != size if path in found else not _is_packed(place, packed):
            changed[place.repository].append(path)
    waiting = [landed for landed in _in_order(found.values()) if landed.path not in known]
    return Pending(waiting, changed, found)


_KNOWN = """
    with whole as (
        select source, repository_id, stream, max(walk_id) as walk_id
        from bronze.loads
        where (role = 'closed' and walk_kind in ('history', 'full')) or stream in ('repository', 'syncs')
        group by all
    )
    select l.object_path, max(case when l.walk_id >= coalesce(w.walk_id, 0) then l.object_bytes end)
    from bronze.loads as l
    left join whole as w using (source, repository_id, stream)
    group by l.object_path
"""


def known_objects(connection: duckdb.DuckDBPyConnection) -> dict[str, int | None]:
    """The objects that the ledger knows, path → bytes; None for those whose walks a later whole one replaced."""
    return dict(connection.execute(_KNOWN).fetchall())


def newest_walks(connection: duckdb.DuckDBPyConnection) -> dict[StreamKey, int]:
    """By stream, the newest walk of which anything is loaded."""
    query = "select source, repository_id, stream, max(walk_id) from bronze.loads group by all"
    return {(source, key, stream): walk for source, key, stream, walk in connection.execute(query).fetchall()}


def known_digests(connection: duckdb.DuckDBPyConnection, repository: RepositoryKey) -> dict[Place, str]:
    """The digests of a repository's responses, as they were when they were loaded."""
    query = """
        select source, repository_id, stream, walk_id, role, position, digest
        from bronze.loads where source = ? and repository_id = ? and digest is not null
    """
    return {tuple(place): digest for *place, digest in connection.execute(query, list(repository)).fetchall()}


_READ_AGAIN = """
    select source, repository_id from bronze.loads group by all
    having bool_or(_run_id = $run and stream = 'syncs' and walk_kind = 'full') and min(_run_id) < $run
"""
_ACCEPT = """
    update bronze.loads set digest = ?
    where source = ? and repository_id = ? and stream = ? and walk_id = ? and role = ? and position = ?
"""


def accept_changes(
    connection: duckdb.DuckDBPyConnection, landing: Landing, landed: Iterable[LandedObject], run_id: int
) -> None:
    """Where a run loaded a sync that read everything again, the digests become those of what is there now.

    That is how it heals: what it stands in for is no longer held against what was loaded before.
    """
    read_again = set(connection.execute(_READ_AGAIN, {"run": run_id}).fetchall())
    objects = [it for it in landed if it.repository in read_again]
    for key in read_again:
        found = inspect(landing, [it for it in objects if it.repository == key]).digests
        known = known_digests(connection, key)
        changed = [[found.get(place), *place] for place, digest in known.items() if found.get(place) != digest]
        if changed:
            connection.executemany(_ACCEPT, changed)


def _packed_up_to(found: Iterable[LandedObject]) -> dict[StreamKey, int]:
    """For each stream with merged objects, the newest walk in one."""
    newest: dict[StreamKey, int] = {}
    for landed in found:
        if landed.is_pack:
            newest[_stream(landed)] = max(newest.get(_stream(landed), 0), landed.walk_id)
    return newest


def _is_packed(landed: LandedObject, packed: dict[StreamKey, int]) -> bool:
    """Whether an object that is gone may stand in a merged one."""
    return landed.walk_id <= packed.get(_stream(landed), 0)


def _stream(landed: LandedObject) -> StreamKey:
    return landed.source, landed.repository_id, landed.stream


def counts(landed: LandedObject) -> bool:
    """A closing record of no bytes is none yet: a power cut leaves such before it is flushed."""
    return landed.size > 0 or landed.role != "closed"


def _in_order(found: Iterable[LandedObject]) -> list[LandedObject]:
    """A repository's branch has moved, and its issues are known, only once a walk is whole."""
    grouped: dict[StreamKey, list[LandedObject]] = defaultdict(list)
    for landed in found:
        if counts(landed):
            grouped[_stream(landed)].append(landed)
    ordered: list[LandedObject] = []
    for key in sorted(grouped):
        packs = [landed for landed in grouped[key] if landed.is_pack]
        ordered += sorted(packs, key=lambda pack: pack.path)
        for walk in group_walks(grouped[key]):
            if walk.closed or key[2] not in CLOSED_STREAMS:
                ordered += walk.objects
    return ordered
