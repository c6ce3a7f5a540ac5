"""The one way to ask the published file: read-only, cached until another file is published."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import streamlit as st

from hear_app.settings import load_settings
from hear_app.warehouse import reading

Identity = tuple[int, int, int]

_PARAMETER = re.compile(r"\$([a-z_]+)")
_IDLE_SECONDS = 2.0


class _Opened:
    """One connection to the published file, for as long as a page is being drawn.

    Opening costs more than most queries, so those of a page share a connection; it is closed when two seconds pass
    without one, and nothing is held between clicks. DuckDB hands out the instance it already has open for a path,
    and a connection that outlived a publish would show the old file to those opened after it: so there is never
    more than this one, and another file's identity closes it first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._key: tuple[str, Identity | None] | None = None
        self._timer: threading.Timer | None = None

    def rows(self, sql: str, bound: dict[str, Any], path: str, found: Identity | None) -> pl.DataFrame:
        """The rows of a query over the file at `path` with this identity."""
        with self._lock:
            connection = self._connection_to(path, found)
            relation = connection.sql(sql, params=bound) if bound else connection.sql(sql)
            frame: pl.DataFrame = relation.pl()
            return frame

    def _connection_to(self, path: str, found: Identity | None) -> duckdb.DuckDBPyConnection:
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is None or self._key != (path, found):
            self._close()
            self._connection = self._stack.enter_context(reading(Path(path)))
            self._key = (path, found)
        self._timer = threading.Timer(_IDLE_SECONDS, self.close)
        self._timer.daemon = True
        self._timer.start()
        return self._connection

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._connection = None
        self._stack.close()


_OPENED = _Opened()


def warehouse_path() -> Path:
    """The published file, as an absolute path."""
    return load_settings().warehouse.absolute()


def identity(path: Path) -> Identity | None:
    """What tells one published file from the next; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def close() -> None:
    """Lets go of the file at once, for those who have to open it in another way."""
    _OPENED.close()


def ask(sql: str | tuple[str, ...], params: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """The rows of a query, which may come in parts. Values are always bound; `params` may hold unused ones.

    Raises WarehouseError or BusyError where the file can't be opened, duckdb.Error where the query fails.
    """
    given, text = params or {}, sql if isinstance(sql, str) else "".join(sql)
    used = {name: _frozen(given[name]) for name in sorted(set(_PARAMETER.findall(text)))}
    path = warehouse_path()
    return _rows(text, tuple(used.items()), str(path), identity(path))


def ask_row(sql: str | tuple[str, ...], params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The first row of a query, by column; empty where there is none."""
    frame = ask(sql, params)
    return frame.row(0, named=True) if frame.height else {}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


# The identity is the key; the time limit is for mounts whose file times come late, as VirtioFS's do.
@st.cache_data(ttl=60, max_entries=400, show_spinner=False)
def _rows(sql: str, params: tuple[tuple[str, Any], ...], path: str, identity: Identity | None) -> pl.DataFrame:
    bound = {name: list(value) if isinstance(value, tuple) else value for name, value in params}
    return _OPENED.rows(sql, bound, path, identity)


def columns() -> pl.DataFrame:
    """The gold tables' columns with types and comments, in order."""
    return ask(
        """
        select table_name, column_name, data_type, comment
        from duckdb_columns()
        where schema_name = 'gold' and database_name = current_database()
        order by table_name, column_index
        """
    )


def has(table: str, column: str | None = None) -> bool:
    """Whether the gold schema has a table, or a column of it."""
    known = columns().filter(pl.col("table_name") == table)
    return bool(known.height) and (column is None or column in known["column_name"].to_list())
