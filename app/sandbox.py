"""The box for one's own SQL: a query may read the warehouse, and nothing else.

Its connection is a database in memory to which the published file is attached read-only. Before the query comes,
the file system, extensions and secrets are shut and the settings locked, so that no statement can open them again.
Time, memory, threads and rows are limited.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from hear_app.warehouse import reading

MAX_ROWS = 5_000
MAX_SECONDS = 10.0
_MAX_BYTES = 30_000_000  # of a result: what a browser can still hold
_MAX_CELL = 5_000  # characters
_WAIT_SECONDS = 5.0
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 2,
    "max_temp_directory_size": "0KB",
    "temp_directory": "",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_READS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_AS_TEXT = {pl.Binary, pl.Object, pl.Duration, pl.Time, pl.Int128}
# Two at a time: a dashboard is read by several, and each query may take two threads.
_SLOTS = threading.BoundedSemaphore(2)


class RefusedError(Exception):
    """A query that was not run, or not to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows, and whether there were more of them than are shown."""

    frame: pl.DataFrame
    was_cut: bool


def run(path: Path, query: str, seconds: float = MAX_SECONDS, rows: int = MAX_ROWS) -> Result:
    """The first `rows` rows of one reading statement.

    Raises RefusedError where it is none, or takes too long, or fails; WarehouseError or BusyError where the file
    can't be opened.
    """
    if not _SLOTS.acquire(timeout=_WAIT_SECONDS):
        raise RefusedError("Two other queries are running. Try again when they are done.")
    try:
        with _closed_in(path) as connection:
            statement = _only_reading(connection, query)
            return _limited(connection, statement, seconds, rows)
    finally:
        _SLOTS.release()


@contextlib.contextmanager
def _closed_in(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees the published file and nothing else."""
    with reading(path):
        pass  # says in our words why a file can't be opened
    with contextlib.closing(duckdb.connect(":memory:", config=_CONFIG)) as connection:
        location = str(path).replace("'", "''")
        try:
            connection.execute(f"attach '{location}' as hear (read_only)")
            connection.execute("use hear.gold")
            connection.execute("set python_enable_replacements = false")  # else `from x` reads our variable x
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
        except duckdb.Error as error:
            raise RefusedError(_first_line(error)) from error
        yield connection


def _only_reading(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise RefusedError(str(error)) from error
    if len(statements) != 1:
        raise RefusedError(f"One query at a time, not {len(statements)}." if statements else "There is no query.")
    if statements[0].type not in _READS:
        raise RefusedError(
            "Only queries that read can run here: select, with, from, describe, summarize, explain."
        )
    return statements[0]


def _limited(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, seconds: float, rows: int
) -> Result:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        frame = _fetched(connection, statement, rows)
    except duckdb.InterruptException as error:
        raise RefusedError(f"Stopped after {seconds:g} seconds. Ask for less, or use `hear sql`.") from error
    except duckdb.OutOfMemoryException as error:
        raise RefusedError("The query needs more than 512 MB. Ask for less, or use `hear sql`.") from error
    except duckdb.Error as error:
        raise RefusedError(str(error)) from error
    finally:
        timer.cancel()
    if frame.estimated_size() > _MAX_BYTES:
        raise RefusedError(
            "The result is too big for a browser. Ask for fewer rows or columns, or use `hear sql`."
        )
    return Result(_shortened(frame.head(rows)), frame.height > rows)


def _fetched(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, rows: int) -> pl.DataFrame:
    if statement.type == duckdb.StatementType.EXPLAIN:
        told = connection.execute(statement.query).fetchall()
        return pl.DataFrame({"plan": [str(line[-1]) for line in told]})
    limited = connection.sql(statement.query).limit(rows + 1)
    try:
        frame: pl.DataFrame = limited.pl()
    except pl.exceptions.PolarsError:  # a type that polars has not, such as an interval: all as text, then
        told = [tuple(None if cell is None else str(cell) for cell in row) for row in limited.fetchall()]
        return pl.DataFrame(told, schema=dict.fromkeys(limited.columns, pl.String), orient="row")
    return frame


def _shortened(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells as a table can show them: long texts cut, lists and the like as text."""
    shown = [
        pl.Series(
            column.name, [None if value is None else str(value) for value in column.to_list()], dtype=pl.String
        )
        if column.dtype.is_nested() or column.dtype in _AS_TEXT
        else column
        for column in frame.iter_columns()
    ]
    return pl.DataFrame(shown).with_columns(pl.col(pl.String).str.slice(0, _MAX_CELL))


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
