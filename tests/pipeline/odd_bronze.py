"""Walks over repositories that nobody served, as the rows of bronze that a load of them would leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import duckdb

from tests.pipeline.odd_values import Json

Row = tuple[Any, ...]

_LOADED_AT: Final = datetime.fromisoformat("2024-06-15T12:00:00")
_PLACE: Final = "source varchar, repository_id bigint, walk_id integer, position integer, row_index integer"
_LEDGER: Final = (
    "source varchar, repository_id bigint, stream varchar, walk_id integer, position integer, role varchar, "
    "walk_kind varchar, outcome varchar, branch varchar, head_sha varchar, row_count integer, "
    "responded_at timestamp"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What one sync brought of a repository. A stream whose kind of walk is None was not read."""

    about: str
    repository_id: int
    walk_id: int = 1
    source: str = "odd.example"
    responded_at: str | None = "2024-06-15T12:00:00Z"
    repository: Json | None = None
    commits: Sequence[Json] = ()
    removed: Sequence[Json] = ()
    issues: Sequence[Json] = ()
    commit_walk: str | None = "history"
    issue_walk: str | None = "full"
    commit_outcome: str = "ok"
    sync_outcome: str | None = "commits ok, issues ok"


@dataclass(slots=True)
class Bronze:
    """Rows of bronze, gathered from walks; one load of them."""

    run_id: int
    loads: list[Row] = field(default_factory=list)
    repositories: list[Row] = field(default_factory=list)
    commits: list[Row] = field(default_factory=list)
    issues: list[Row] = field(default_factory=list)

    def add(self, walk: Walk) -> None:
        place = (walk.source, walk.repository_id, walk.walk_id, 0)
        if walk.repository is not None:
            self._land(walk, "repository", "page", 1)
            self.repositories.append((*place, 0, json.dumps(walk.repository)))
        if walk.commit_walk:
            for role, rows in (("page", walk.commits), ("removed", walk.removed)):
                self._land(walk, "commits", role, len(rows))
                self.commits += [(*place, at, role == "removed", json.dumps(row)) for at, row in enumerate(rows)]
            self._land(walk, "commits", "closed", len(walk.commits) + len(walk.removed))
        if walk.issue_walk:
            self._land(walk, "issues", "page", len(walk.issues))
            self.issues += [(*place, at, json.dumps(row)) for at, row in enumerate(walk.issues)]
            self._land(walk, "issues", "closed", len(walk.issues))
        if walk.sync_outcome:
            self._land(walk, "syncs", "closed", 0)

    def _land(self, walk: Walk, stream: str, role: str, rows: int) -> None:
        is_end, is_commits = role == "closed", stream == "commits"
        outcome = (
            {"commits": walk.commit_outcome, "syncs": walk.sync_outcome}.get(stream, "ok") if is_end else None
        )
        kind = {"commits": walk.commit_walk, "issues": walk.issue_walk}.get(stream)
        head = walk.commits[-1]["sha"] if is_commits and walk.commits else None
        position, count = (rows, 0) if is_end else (0, rows)
        self.loads.append(
            (
                walk.source, walk.repository_id, stream, walk.walk_id, position, role, kind, outcome,
                "main" if is_commits else None, head, count, walk.responded_at and walk.responded_at.rstrip("Z"),
            )
        )  # fmt: skip

    def insert(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Puts the rows into bronze, with the natural keys that a load takes out of the payloads."""
        path = "concat_ws('/', source, repository_id, stream, walk_id, role)"
        ledger = f"'' as request, 0 as raw_bytes, {path} as object_path, 0 as object_bytes"
        whole = "false as payload_was_repaired"
        sha, number = "payload ->> '$.sha' as sha", "try_cast(payload ->> '$.number' as bigint) as number"
        self._insert(connection, "loads", self.loads, _LEDGER, ledger)
        self._insert(connection, "repositories", self.repositories, f"{_PLACE}, payload varchar", whole)
        removal = "is_removal boolean, payload varchar"
        self._insert(connection, "commits", self.commits, f"{_PLACE}, {removal}", f"{whole}, {sha}")
        self._insert(connection, "issues", self.issues, f"{_PLACE}, payload varchar", f"{whole}, {number}")

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row], described: str, added: str
    ) -> None:
        named = (column.split(" ") for column in described.split(", "))
        columns = ", ".join(f"unnest(?::{kind}[]) as {name}" for name, kind in named)
        connection.execute(
            f"insert into bronze.{table} by name "
            f"select *, {added}, {self.run_id} as _run_id, ?::timestamp as _loaded_at from (select {columns})",
            [_LOADED_AT, *(list(column) for column in zip(*rows, strict=True))],
        )
