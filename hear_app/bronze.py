"""Bronze: loads what has landed and is not in the ledger yet. The only writer of the bronze schema.

Like a warehouse's COPY INTO: loading twice changes nothing, and the file can be rebuilt from the landing zone.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb

from hear_app import __version__
from hear_app import people as rules
from hear_app.batch import Batch, LoadSummary, move_responses
from hear_app.errors import HearError, LandingError, UnforeseenError, WarehouseError
from hear_app.landing import LandedObject, Landing, Response, reread_remedy
from hear_app.landing.integrity import CLOSED_STREAMS, WHOLE_KINDS, Place, broken_links, place_of

_NEXT_RUN = """
    select
        coalesce(max(_run_id), 0) + 1,
        greatest(max(_loaded_at) + interval 1 microsecond, current_timestamp at time zone 'UTC')
    from bronze.runs
"""


@dataclass(frozen=True, slots=True)
class Digests:
    """What a file was built with: another bronze schema means another file, other models a new build."""

    bronze: str
    models: str
    people: str


def schema_sql() -> str:
    return (files("hear_app") / "bronze.sql").read_text(encoding="utf-8")


def schema_digest() -> str:
    """Tells one bronze schema from another: a file of another one is rebuilt."""
    return hashlib.sha256(schema_sql().encode()).hexdigest()[:16]


def check_version(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises WarehouseError where the file's bronze schema is another version's."""
    query = "select bronze_digest, hear_version from bronze.runs order by _run_id desc limit 1"
    for digest, version in connection.execute(query).fetchall():
        if digest != schema_digest():
            raise WarehouseError(
                f"The warehouse was made by another version of hear_app ({version}).",
                "`hear build` rebuilds it from the landing zone, with no request.",
            )


def digests(project: Path, people: Path) -> Digests:
    """Digests of the bronze schema, the dbt project's files, and people.csv ('' where there is none)."""
    models = hashlib.sha256()
    for path in sorted(_project_files(project)):
        models.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return Digests(
        bronze=schema_digest(),
        models=models.hexdigest()[:16],
        people=hashlib.sha256(people.read_bytes()).hexdigest()[:16] if people.is_file() else "",
    )


def _project_files(project: Path) -> Iterator[Path]:
    yield project / "dbt_project.yml"
    for folder in ("models", "macros", "seeds"):
        yield from (path for path in (project / folder).rglob("*") if path.suffix in {".sql", ".yml", ".csv"})


def load(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    objects: list[LandedObject],
    people: Path,
    built: Digests,
) -> LoadSummary:
    """Loads landed objects, in the order of `ledger.pending`, into bronze, in one transaction with the ledger.

    A repository with a damaged object is left as it is; the others are loaded. Raises UsageError for a people.csv
    that can't be read; nothing is loaded then.
    """
    connection.begin()
    try:
        summary = _load(connection, landing, objects)
        _load_people(connection, people, summary.run_id)
        _record_run(connection, summary, built)
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # what failed is worth more than that its undoing failed too
            connection.rollback()
        raise
    connection.commit()
    return summary


def _load(connection: duckdb.DuckDBPyConnection, landing: Landing, objects: list[LandedObject]) -> LoadSummary:
    run_id, loaded_at = connection.execute(_NEXT_RUN).fetchall()[0]
    known = _known_responses(connection) if any(landed.is_pack for landed in objects) else set()
    loaded = connection.execute("select distinct source, repository_id from bronze.loads").fetchall()
    with ThreadPoolExecutor(1, "insert") as inserting:
        batch = Batch(connection, inserting, run_id, loaded_at)
        for repository, of in itertools.groupby(objects, lambda landed: landed.repository):
            _Repository(landing, batch, known, is_new=repository not in loaded).load(list(of))
        batch.finish()
    return batch.summary


class _DamagedError(Exception):
    """An object that can't be loaded, and why."""

    def __init__(self, landed: LandedObject, error: HearError) -> None:
        super().__init__(str(error))
        self.landed = landed
        self.error = error


@dataclass(frozen=True, slots=True)
class _Repository:
    """One repository's way into bronze: as far as what has landed of it is whole.

    A damaged walk that a later whole one replaced is left out. Otherwise nothing of the repository is loaded, so
    that it stays at its last good state; one that is not in the file yet (`is_new`) comes as far as it is good.
    """

    landing: Landing
    batch: Batch
    known: set[Place]
    is_new: bool

    def load(self, objects: list[LandedObject]) -> None:
        left_out: list[LandedObject] = []
        while objects:
            repository = objects[0].repository
            try:
                self._load(objects)
                break
            except _DamagedError as damage:
                added = self.batch.drop(repository)
                self.known.difference_update(added)
                same = [landed for landed in objects if _touches(landed, damage.landed)]
                if self._is_replaced(damage.landed, objects):
                    left_out += same
                    objects = [landed for landed in objects if landed not in same]
                else:
                    self.batch.summary.damaged[repository] = damage.error
                    objects = self._good_part(damage.landed, objects) if self.is_new else []
        for landed in left_out:
            self.batch.leave_out(landed, is_double=place_of(landed) in self.known)

    def _load(self, objects: list[LandedObject]) -> None:
        digests: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        for landed in objects:
            try:
                for response in self.landing.responses(landed.path):
                    _follow(landed, response, digests[landed.stream, response.envelope.walk_id])
                    self._add(response, landed)
            except HearError as error:
                raise _DamagedError(landed, error) from error
            except duckdb.Error:
                raise
            except Exception as error:  # a defect of ours costs one repository, not the build
                raise _DamagedError(landed, UnforeseenError(error)) from error

    def _add(self, response: Response, landed: LandedObject) -> None:
        place = place_of(response.envelope)
        if place not in self.known:
            self.batch.add(response, landed)
            self.known.add(place)
        elif landed.is_pack:
            self.batch.moved(place, landed)

    def _is_replaced(self, damaged: LandedObject, objects: list[LandedObject]) -> bool:
        """Whether a later walk of its stream holds all by itself."""
        return any(
            landed.stream == damaged.stream and landed.walk_id > damaged.walk_id and self._is_whole(landed)
            for landed in objects
        )

    def _is_whole(self, landed: LandedObject) -> bool:
        if landed.stream not in CLOSED_STREAMS:
            return True
        if landed.role != "closed":
            return False
        try:
            return self.landing.envelope(landed.path).walk_kind in WHOLE_KINDS
        except LandingError:
            return False

    def _good_part(self, damaged: LandedObject, objects: list[LandedObject]) -> list[LandedObject]:
        """What a repository that is not in the file yet can come with: all before the damaged walk of the stream.

        Nothing, where no whole walk over the stream is left.
        """
        first = damaged.first_walk or damaged.walk_id
        good = [of for of in objects if of.stream != damaged.stream or of.walk_id < first]
        stream = [of for of in good if of.stream == damaged.stream]
        return good if any(map(self._is_whole, stream)) else []


def _touches(landed: LandedObject, damaged: LandedObject) -> bool:
    """Whether an object is of the damaged walk, or is the damaged merged object itself."""
    if damaged.is_pack or landed.is_pack:
        return landed == damaged
    return (landed.stream, landed.walk_id) == (damaged.stream, damaged.walk_id)


def _follow(landed: LandedObject, response: Response, digests: dict[str, str]) -> None:
    """Keeps the digests of a walk's pages until its closing record tells them. Raises LandingError.

    Merged objects were compared when they were merged, and a walk may be spread over some of them.
    """
    if response.envelope.role != "closed":
        digests[response.envelope.name] = response.digest
    if response.envelope.role != "closed" or landed.is_pack:
        return
    broken = broken_links(response, digests)
    if broken:
        raise LandingError(
            f"The walk {landed.path.rpartition('/')[0]} is not as it landed: {', '.join(broken[:3])}.",
            reread_remedy(landed.path),
        )


def move(connection: duckdb.DuckDBPyConnection, landing: Landing, packs: list[LandedObject]) -> None:
    """Lets the ledger name the merged objects. One that holds what is not loaded yet is left to the next load."""
    known = _known_responses(connection)
    for pack in packs:
        try:
            keys = [place_of(response.envelope) for response in landing.responses(pack.path)]
        except LandingError:  # the next load holds its repository back
            continue
        if all(key in known for key in keys):
            move_responses(connection, [(pack.path, pack.size, *key) for key in keys])


def _known_responses(connection: duckdb.DuckDBPyConnection) -> set[Place]:
    """The ledger's keys: needed only where merged objects may hold what is known already."""
    query = "select source, repository_id, stream, walk_id, role, position from bronze.loads"
    return set(connection.execute(query).fetchall())


def _load_people(connection: duckdb.DuckDBPyConnection, path: Path, run_id: int) -> None:
    """Replaces bronze.people by what people.csv says now: identity, action, value."""
    connection.execute("delete from bronze.people")
    rows = [(*row, run_id) for row in rules.read(path)] if path.is_file() else []
    if rows:
        connection.executemany(
            "insert into bronze.people select ?, ?, ?, ?, current_timestamp at time zone 'UTC'", rows
        )


def _record_run(connection: duckdb.DuckDBPyConnection, summary: LoadSummary, built: Digests) -> None:
    connection.execute(
        "insert into bronze.runs select ?, ?, ?, ?, ?, ?, ?, current_timestamp at time zone 'UTC'",
        [
            summary.run_id, __version__, built.bronze, built.models, built.people, summary.responses,
            summary.rows.total(),
        ],
    )  # fmt: skip
