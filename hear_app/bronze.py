"""Bronze: loads what has landed and is not in the ledger yet. The only writer of the bronze schema.

Like a warehouse's COPY INTO: loading twice changes nothing, and the file can be rebuilt from the landing zone.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from hear_app import __version__, payload
from hear_app.errors import LandingError, UsageError, WarehouseError
from hear_app.landing import Envelope, LandedObject, Landing, group_walks, parse_path, reread_remedy

_BATCH_BYTES = 32 * 2**20  # of JSON in memory at once
_TABLES = {"repository": "repositories", "commits": "commits", "issues": "issues"}
_NATURAL_KEYS = {"commits": "sha", "issues": "number"}
_PEOPLE_ACTIONS = ("merge", "split", "bot", "not_bot", "name", "team")
_LEDGER = (
    "source", "repository_id", "stream", "walk_id", "position", "role", "walk_kind", "outcome", "branch",
    "head_sha", "request", "status", "responded_at", "row_count", "raw_bytes", "object_path",
    "object_bytes", "_run_id", "_loaded_at",
)  # fmt: skip
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


@dataclass(slots=True)
class LoadSummary:
    """Rows loaded by (repository id, stream), and how many responses they came in."""

    run_id: int
    responses: int = 0
    rows: Counter[tuple[int, str]] = field(default_factory=Counter)


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


@dataclass(frozen=True, slots=True)
class Pending:
    """What a ledger does not know of a landing zone, in the order of its walks.

    `is_other` says that the landing zone is not the one that the ledger was written from: an object that it
    knows is gone, or is another one now. `landed` are the paths of all that is there.
    """

    objects: list[LandedObject]
    is_other: bool
    landed: frozenset[str]


def pending(landing: Landing, sources: Iterable[str], known: Mapping[str, int]) -> Pending:
    """Compares a landing zone with a ledger's objects (path → bytes).

    Of commits only closed walks are loaded: the branch has moved only once a walk is whole.
    """
    found = [landed for source in sources for landed in landing.objects(source)]
    sizes = {landed.path: landed.size for landed in found}
    packed = _packed_up_to(found)
    is_other = any(sizes.get(path) != size and not _is_packed(path, packed) for path, size in known.items())
    return Pending([landed for landed in _in_order(found) if landed.path not in known], is_other, frozenset(sizes))


def _packed_up_to(found: list[LandedObject]) -> dict[tuple[str, int, str], int]:
    """For each stream with merged objects, the newest walk in one."""
    newest: dict[tuple[str, int, str], int] = {}
    for landed in found:
        if landed.is_pack:
            key = landed.source, landed.repository_id, landed.stream
            newest[key] = max(newest.get(key, 0), landed.walk_id)
    return newest


def _is_packed(path: str, packed: dict[tuple[str, int, str], int]) -> bool:
    """Whether an object that is gone may stand in a merged one."""
    landed = parse_path(path)
    return landed is not None and landed.walk_id <= packed.get(
        (landed.source, landed.repository_id, landed.stream), 0
    )


def _in_order(found: list[LandedObject]) -> list[LandedObject]:
    grouped: dict[tuple[str, int, str], list[LandedObject]] = {}
    for landed in found:
        grouped.setdefault((landed.source, landed.repository_id, landed.stream), []).append(landed)
    ordered: list[LandedObject] = []
    for key in sorted(grouped):
        packs = [landed for landed in grouped[key] if landed.is_pack]
        ordered += sorted(packs, key=lambda pack: pack.path)
        for walk in group_walks(grouped[key]):
            if walk.closed or key[2] != "commits":
                ordered += [*walk.pages, *walk.removed, *([walk.closed] if walk.closed else [])]
    return ordered


def known_objects(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The objects that the ledger knows, path → bytes."""
    return dict(connection.execute("select distinct object_path, object_bytes from bronze.loads").fetchall())


def load(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    objects: list[LandedObject],
    people: Path,
    built: Digests,
) -> LoadSummary:
    """Loads landed objects into bronze, in one transaction with the ledger.

    Raises LandingError for a corrupt object, UsageError for a people.csv that can't be read; nothing is loaded
    then.
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
    with ThreadPoolExecutor(1, "insert") as inserting:
        batch = _Batch(connection, inserting, run_id, loaded_at)
        for landed in objects:
            for envelope, body in landing.read(landed.path):
                key = response_key(envelope)
                if key in known:
                    if landed.is_pack:
                        batch.moved(key, landed)
                else:
                    batch.add(envelope, body, landed)
                    known.add(key)
        batch.finish()
    return batch.summary


def move(connection: duckdb.DuckDBPyConnection, landing: Landing, packs: list[LandedObject]) -> None:
    """Lets the ledger name the merged objects. One that holds what is not loaded yet is left to the next load."""
    known = _known_responses(connection)
    for pack in packs:
        keys = [response_key(envelope) for envelope, _ in landing.read(pack.path)]
        if all(key in known for key in keys):
            _move(connection, [(pack.path, pack.size, *key) for key in keys])


def _move(connection: duckdb.DuckDBPyConnection, moved: list[tuple[Any, ...]]) -> None:
    connection.executemany(
        "update bronze.loads set object_path = ?, object_bytes = ? "
        "where source = ? and repository_id = ? and stream = ? and walk_id = ? and role = ? and position = ?",
        moved,
    )


def response_key(envelope: Envelope) -> tuple[Any, ...]:
    """A response's place, by which it is known whatever object it stands in."""
    place = envelope.source, envelope.repository_id, envelope.stream, envelope.walk_id
    return (*place, envelope.role, envelope.position)


def _known_responses(connection: duckdb.DuckDBPyConnection) -> set[tuple[Any, ...]]:
    """The ledger's keys: needed only where merged objects may hold what is known already."""
    query = "select source, repository_id, stream, walk_id, role, position from bronze.loads"
    return set(connection.execute(query).fetchall())


class _Batch:
    """Rows on their way into bronze: one batch is gathered while the one before it is inserted."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, inserting: Executor, run_id: int, loaded_at: Any
    ) -> None:
        self._connection = connection
        self._inserting = inserting
        self._flying: Future[None] | None = None
        self._stamp = (run_id, loaded_at)
        self._ledger: list[tuple[Any, ...]] = []
        self._moved: list[tuple[Any, ...]] = []
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TABLES.values()}
        self._bytes = 0
        self.summary = LoadSummary(run_id)

    def add(self, envelope: Envelope, body: bytes, landed: LandedObject) -> None:
        count = 0
        if envelope.stream in _TABLES and envelope.role != "closed":
            count = self._add_rows(envelope, body, landed.path)
        record = {
            "raw_bytes": len(body),
            "row_count": count,
            "object_path": landed.path,
            "object_bytes": landed.size,
        }
        values = [record.get(name, getattr(envelope, name, None)) for name in _LEDGER[:-2]]
        values[_LEDGER.index("responded_at")] = (envelope.responded_at or "").rstrip("Z") or None
        self._ledger.append((*values, *self._stamp))
        self.summary.responses += 1
        if self._bytes > _BATCH_BYTES:
            self.flush()

    def moved(self, key: tuple[Any, ...], landed: LandedObject) -> None:
        """A response that is loaded already stands in another object now."""
        self._moved.append((landed.path, landed.size, *key))

    def _add_rows(self, envelope: Envelope, body: bytes, path: str) -> int:
        key = "commits" if envelope.walk_kind == "compare" else None
        try:
            found = payload.rows(body, key)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise LandingError(
                f"The landed object {path} holds a response that is no list of rows: {error}.",
                reread_remedy(path),
            ) from error
        place = (envelope.source, envelope.repository_id, envelope.walk_id, envelope.position)
        removal = (envelope.role == "removed",) if envelope.stream == "commits" else ()
        rows = self._rows[_TABLES[envelope.stream]]
        for index, (text, was_repaired) in enumerate(found):
            rows.append((*place, index, *removal, text.decode(), was_repaired, *self._stamp))
            self._bytes += len(text)
        self.summary.rows[envelope.repository_id, envelope.stream] += len(found)
        return len(found)

    def flush(self) -> None:
        """Hands over what has gathered; all of it stands in the caller's transaction."""
        if self._flying is not None:
            self._flying.result()
        self._flying = self._inserting.submit(self._write, {"loads": self._ledger} | self._rows, self._moved)
        self._ledger, self._moved, self._bytes = [], [], 0
        self._rows = {table: [] for table in _TABLES.values()}

    def finish(self) -> None:
        """Writes the rest, and waits until all is written."""
        self.flush()
        if self._flying is not None:
            self._flying.result()

    def _write(self, tables: dict[str, list[tuple[Any, ...]]], moved: list[tuple[Any, ...]]) -> None:
        for table, rows in tables.items():
            _insert(self._connection, table, rows)
        if moved:
            _move(self._connection, moved)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Inserts rows in bulk: one list a column, as DuckDB takes a row at a time a thousand times slower."""
    if not rows:
        return
    described = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'bronze' and table_name = ? "
        "and database_name = current_database() order by column_index",
        [table],
    ).fetchall()
    key = _NATURAL_KEYS.get(table)
    given = [(name, "varchar" if kind == "JSON" else kind) for name, kind in described if name != key]
    columns = ", ".join(f"unnest(?::{kind}[]) as {name}" for name, kind in given)
    extracted = f", payload ->> '$.{key}' as {key}" if key else ""
    connection.execute(
        f"insert into bronze.{table} by name select *{extracted} from (select {columns})",  # noqa: S608
        [list(column) for column in zip(*rows, strict=True)],
    )


def _load_people(connection: duckdb.DuckDBPyConnection, path: Path, run_id: int) -> None:
    """Replaces bronze.people by what people.csv says now: identity, action, value."""
    connection.execute("delete from bronze.people")
    rows = [(*row, run_id) for row in read_people(path)] if path.is_file() else []
    if rows:
        connection.executemany(
            "insert into bronze.people select ?, ?, ?, ?, current_timestamp at time zone 'UTC'", rows
        )


def read_people(path: Path) -> list[tuple[str, str, str | None]]:
    """The lines of people.csv as (identity, action, value). Raises UsageError, naming the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if not {"identity", "action"} <= set(reader.fieldnames or ()):
                raise UsageError(f"{path} has no columns identity,action,value.", "Its first line must name them.")
            return [_person(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} can't be read: {error}.", "Save it as CSV in UTF-8.") from error


def _person(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, str, str | None]:
    identity, action = (row.get("identity") or "").strip(), (row.get("action") or "").strip().lower()
    value = (row.get("value") or "").strip() or None
    if not identity or action not in _PEOPLE_ACTIONS:
        raise UsageError(f"{path}, line {line}: action {action!r} is none of {', '.join(_PEOPLE_ACTIONS)}.")
    if action in {"merge", "name", "team"} and value is None:
        raise UsageError(f"{path}, line {line}: {action} needs a value.")
    return identity, action, value


def _record_run(connection: duckdb.DuckDBPyConnection, summary: LoadSummary, built: Digests) -> None:
    connection.execute(
        "insert into bronze.runs select ?, ?, ?, ?, ?, ?, ?, current_timestamp at time zone 'UTC'",
        [
            summary.run_id, __version__, built.bronze, built.models, built.people, summary.responses,
            summary.rows.total(),
        ],
    )  # fmt: skip
