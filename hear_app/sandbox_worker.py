"""The process of one boxed query: reads a request from stdin, writes the rows to stdout, and ends.

It imports no more than DuckDB and polars, for it starts with each query.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import resource
import signal
import sys
import threading
from typing import NamedTuple

import duckdb
import polars as pl

from hear_app import readonly
from hear_app.errors import UsageError

TOO_MUCH = "The query needs more than 512 MB. Ask for less, or use `hear sql`."
REFUSED = 3  # exit codes; with both, stdout says why
CANNOT_OPEN = 4
_NOT_IN_POLARS = ("INTERVAL", "UNION")  # rows with one of these go as text
_OUT_OF_MEMORY = "Out of Memory Error: "  # DuckDB's, when it comes as an error of polars that reads its rows
_MAX_ERROR = 5_000  # characters; it repeats the query
_THREADS = 2
_ADDRESSES = (
    1 << 30
)  # bytes beyond what is mapped when the query comes: DuckDB's 512 MB, and what it does not count
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": _THREADS,
    "max_temp_directory_size": "0KB",
    "temp_directory": "",
    **{name: value for name, value in readonly.CONFIG.items() if name != "enable_external_access"},
}


class Request(NamedTuple):
    """What the worker is asked: at most `rows` rows of `query` over the file at `path`, within `seconds`."""

    path: str
    query: str
    rows: int
    seconds: float


def main() -> None:
    """Does the request on stdin. Ends the process without Python's teardown, which costs as much as a query."""
    request = Request(*json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    _limit(request.seconds)
    try:
        code, answer = 0, _answer(request)
    except _CannotOpenError as error:
        code, answer = CANNOT_OPEN, _told(error)
    except (duckdb.OutOfMemoryException, MemoryError):
        code, answer = REFUSED, TOO_MUCH.encode()
    except (UsageError, duckdb.Error, pl.exceptions.PolarsError) as error:
        code, answer = REFUSED, TOO_MUCH.encode() if _OUT_OF_MEMORY in str(error) else _told(error)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    os._exit(code)


def _end_with_the_asker() -> None:
    """Ends this process when the one that asked is gone, however it went: the kernel closes its end of stdin."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(CANNOT_OPEN)  # nobody is left to read it


class _CannotOpenError(Exception):
    pass


def _told(error: Exception) -> bytes:
    return str(error)[:_MAX_ERROR].encode(errors="replace")


def _limit(seconds: float) -> None:
    """Has the kernel end this process, even where the one that started it is gone, and lets it write no file."""
    signal.alarm(math.ceil(seconds) + 1)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CPU: math.ceil(seconds * _THREADS) + 1,
    }
    if sys.platform == "linux":  # macOS neither says what is mapped nor keeps to such a limit
        with open("/proc/self/statm", encoding="ascii") as found:  # noqa: PTH123
            limits[resource.RLIMIT_AS] = int(found.read().split()[0]) * resource.getpagesize() + _ADDRESSES
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def _answer(request: Request) -> bytes:
    """The rows as an Arrow stream."""
    with contextlib.closing(duckdb.connect(":memory:", config=_CONFIG)) as connection:
        location = request.path.replace("'", "''")
        try:
            connection.execute(f"attach '{location}' as hear (read_only)")
            connection.execute("use hear.gold")
        except duckdb.Error as error:
            raise _CannotOpenError(str(error).splitlines()[0]) from error
        readonly.shut(connection)
        statement = readonly.reading_statement(connection, request.query)
        stream = io.BytesIO()
        _rows(connection, statement, request.rows).write_ipc_stream(stream)
        return stream.getvalue()


def _rows(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, most: int) -> pl.DataFrame:
    if statement.type == duckdb.StatementType.EXPLAIN:
        told = connection.execute(statement).fetchall()
        return pl.DataFrame({"plan": [str(line[-1]) for line in told]})
    limited = connection.sql(statement.query).limit(most)
    if not any(name in str(kind) for kind in limited.types for name in _NOT_IN_POLARS):
        return pl.DataFrame(limited)
    told = [tuple(None if cell is None else str(cell) for cell in row) for row in limited.fetchall()]
    return pl.DataFrame(told, schema=dict.fromkeys(limited.columns, pl.String), orient="row")


if __name__ == "__main__":
    main()
