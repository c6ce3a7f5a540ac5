"""What strangers' SQL may do: one statement that reads, over a connection that has the file and nothing else.

The box of the dashboard and `hear sql` share this. DuckDB's own parser decides what a statement is; that a text
begins with `select` or `explain` says nothing, since both can carry a `copy … to`.
"""

from __future__ import annotations

import re
import threading

import duckdb

from hear_app.errors import UsageError

READS = "Only queries that read can run: select, with, from, describe, summarize, explain."
# For opening a file that nothing but its own bytes may be read through, not even by a WAL beside it.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # else `from x` reads a variable x of ours
}
_SHUTTING = threading.Lock()
# What the tree of a statement may be made of. Others, such as COPY_QUERY_NODE, stand in a `with`, and write.
_READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
# Quotes inside a JSON string are escaped, so that no text in the query can look like one of these.
_NODE = re.compile(r'"type":"(\w+_NODE)"')
_RUNS_A_TREE = '"function_name":"json_execute_serialized_sql"'  # with a connection of its own, unchecked
_GAP = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"{_GAP}explain\b{_GAP}(?P<analyze>analyze\b{_GAP})?"
    rf"(?:\((?P<options>\s*(?:analyze|format)\b[\w\s,]*)\){_GAP})?"
    r"(?P<inner>.*)",
    re.IGNORECASE | re.DOTALL,
)


def shut(connection: duckdb.DuckDBPyConnection) -> None:
    """Closes the file system to an opened connection and locks its settings: no statement opens them again.

    Shutting external access alone leaves the attached file's own path and its WAL's writable.
    """
    with _SHUTTING:
        # DuckDB gives the instance that a process has open already, which is shut then.
        if connection.execute("select current_setting('lock_configuration')").fetchall() == [(True,)]:
            return
        connection.execute("set enable_external_access = false")
        connection.execute("set disabled_filesystems = 'LocalFileSystem'")
        connection.execute("set lock_configuration = true")


def reading_statement(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The one statement of a text, which is a select or the explanation of one.

    Raises UsageError where it is another, or more than one; duckdb.Error where it can't be parsed.
    """
    statement = _single(connection, text)
    if statement.type == duckdb.StatementType.EXPLAIN:
        return _explanation(connection, statement.query)
    _require_reading(connection, statement)
    return statement


def _single(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    statements = connection.extract_statements(text)
    if len(statements) != 1:
        raise UsageError(f"One query at a time, not {len(statements)}." if statements else "There is no query.")
    return statements[0]


def _explanation(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The explanation of what stands after EXPLAIN, put together anew from parts that were looked at."""
    parts = _EXPLAIN.fullmatch(text)
    if parts is None:
        raise UsageError(READS)
    try:
        inner = _single(connection, parts["inner"])
    except duckdb.Error as error:
        raise UsageError(READS) from error
    _require_reading(connection, inner)
    analyze = "analyze" if parts["analyze"] else ""
    options = f"({parts['options']})" if parts["options"] else ""
    return _single(connection, f"explain {analyze} {options} {inner.query}")


def _require_reading(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    if statement.type != duckdb.StatementType.SELECT:
        raise UsageError(READS)
    [(tree,)] = connection.execute("select json_serialize_sql(?)", [statement.query]).fetchall()
    nodes = set(_NODE.findall(tree))
    if not nodes or nodes - _READING_NODES or _RUNS_A_TREE in tree.lower():
        raise UsageError(READS)
