"""Rows on their way into bronze, in bulk: parsing one batch while the one before it is inserted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import duckdb

from hear_app import payload
from hear_app.errors import HearError, LandingError
from hear_app.landing import Envelope, LandedObject, RepositoryKey, Response, reread_remedy
from hear_app.landing.integrity import Place

_BATCH_BYTES = 32 * 2**20  # of JSON in memory at once
_TABLES = {"repository": "repositories", "commits": "commits", "issues": "issues"}
_NATURAL_KEYS = {"commits": "sha", "issues": "number"}
_LEDGER = (
    "source", "repository_id", "stream", "walk_id", "position", "role", "walk_kind", "outcome", "branch",
    "head_sha", "request", "status", "responded_at", "row_count", "raw_bytes", "object_path",
    "object_bytes", "digest", "_run_id", "_loaded_at",
)  # fmt: skip


@dataclass(slots=True)
class LoadSummary:
    """Rows loaded by (repository id, stream), how many responses they came in, and what could not be loaded.

    A repository in `damaged` stays as it was, for the reason given.
    """

    run_id: int
    responses: int = 0
    rows: Counter[tuple[int, str]] = field(default_factory=Counter)
    damaged: dict[RepositoryKey, HearError] = field(default_factory=dict)


class Batch:
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

    def add(self, response: Response, landed: LandedObject) -> None:
        envelope, body, count = response.envelope, response.body, 0
        if envelope.stream in _TABLES and envelope.role != "closed":
            count = self._add_rows(envelope, body, landed.path)
        record = {
            "raw_bytes": len(body),
            "row_count": count,
            "object_path": landed.path,
            "object_bytes": landed.size,
            "digest": response.digest,
        }
        self._record(envelope, record)
        self.summary.responses += 1
        if self._bytes > _BATCH_BYTES:
            self.flush()

    def leave_out(self, landed: LandedObject, is_double: bool) -> None:
        """A damaged object of a walk that a later one replaced: the ledger knows it, and that it gave no rows.

        A merged object may hold the same (`is_double`), and be whole.
        """
        role = "merged" if landed.is_pack else "double" if is_double else landed.role
        place = {
            name: getattr(landed, name) for name in ("source", "repository_id", "stream", "walk_id", "position")
        }
        record = {"row_count": 0, "raw_bytes": 0, "object_path": landed.path, "object_bytes": landed.size}
        self._record(None, place | record | {"role": role, "outcome": "damaged", "request": ""})

    def _record(self, envelope: Envelope | None, record: dict[str, Any]) -> None:
        values = [record.get(name, getattr(envelope, name, None)) for name in _LEDGER[:-2]]
        responded_at = getattr(envelope, "responded_at", None) or ""
        values[_LEDGER.index("responded_at")] = responded_at.rstrip("Z") or None
        self._ledger.append((*values, *self._stamp))

    def drop(self, repository: RepositoryKey) -> set[Place]:
        """Takes back what this run added of a repository; returns the places of that."""
        self.finish()
        mine = [self._stamp[0], *repository]
        places = self._connection.execute(
            "select source, repository_id, stream, walk_id, role, position from bronze.loads "
            "where _run_id = ? and source = ? and repository_id = ?",
            mine,
        ).fetchall()
        for table in ("loads", *_TABLES.values()):
            self._connection.execute(
                f"delete from bronze.{table} where _run_id = ? and source = ? and repository_id = ?",  # noqa: S608
                mine,
            )
        self.summary.responses -= len(places)
        for stream in _TABLES:
            self.summary.rows.pop((repository[1], stream), None)
        return set(places)

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
            self._flying = None

    def _write(self, tables: dict[str, list[tuple[Any, ...]]], moved: list[tuple[Any, ...]]) -> None:
        for table, rows in tables.items():
            _insert(self._connection, table, rows)
        if moved:
            move_responses(self._connection, moved)


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
    kinds = dict(described)
    extracted = f", try_cast(payload ->> '$.{key}' as {kinds[key]}) as {key}" if key else ""
    connection.execute(
        f"insert into bronze.{table} by name select *{extracted} from (select {columns})",  # noqa: S608
        [list(column) for column in zip(*rows, strict=True)],
    )


def move_responses(connection: duckdb.DuckDBPyConnection, moved: list[tuple[Any, ...]]) -> None:
    connection.executemany(
        "update bronze.loads set object_path = ?, object_bytes = ? "
        "where source = ? and repository_id = ? and stream = ? and walk_id = ? and role = ? and position = ?",
        moved,
    )
