"""`hear sql`: one read-only query over the published file, its rows written as they come."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import duckdb
import orjson

from hear_app import warehouse
from hear_app.errors import UsageError
from hear_app.terminal import SafeStream, safe

_BATCH = 1000  # rows in memory at once
_NULL = "NULL"
_READS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_Align = Callable[[str, int], str]
_Out = TextIO | SafeStream


class Format(StrEnum):
    """How rows are written: `table` for eyes and pagers, the others for programs."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def run(path: Path, query: str, form: Format) -> None:
    """Writes the rows of one query over the published file to stdout.

    Raises UsageError where the query is wrong or would write, WarehouseError where there is no file.
    """
    with warehouse.reading(path) as connection:
        try:
            if form is Format.PARQUET:
                _write_parquet(connection, query)
                return
            cursor = connection.execute(_only(connection, query))
            names = [column[0] for column in cursor.description or []]
            out = SafeStream(sys.stdout) if sys.stdout.isatty() else sys.stdout  # a file gets what is there
            _WRITERS[form](out, names, _rows(cursor))
        except duckdb.Error as error:
            raise UsageError(str(error).strip()) from error
    sys.stdout.flush()


def _only(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The query, if it is one statement that reads.

    A file that is opened read-only can still be overwritten, by `copy … to` its own path.
    """
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise UsageError(f"One query at a time, not {len(statements)}.")
    if statements[0].type not in _READS:
        raise UsageError("Only queries that read can run: select, with, from, describe, summarize, explain.")
    return statements[0].query


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_BATCH):
        yield from batch


def _write_table(out: _Out, names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Aligned columns. Widths are those of the first rows; a wider cell later shifts its line and is not cut."""
    first = [row for _, row in zip(range(_BATCH), rows, strict=False)]
    names = [_text(name) for name in names]
    numeric = [all(isinstance(row[at], int | float | Decimal | None) for row in first) for at in range(len(names))]
    texts = [[_text(cell) for cell in row] for row in first]
    widths = [max([len(name), *(len(row[at]) for row in texts)]) for at, name in enumerate(names)]
    aligned: list[_Align] = [str.rjust if is_number else str.ljust for is_number in numeric]
    for cells in (names, ["-" * width for width in widths], *texts):
        _write_line(out, cells, widths, aligned)
    for row in rows:
        _write_line(out, [_text(cell) for cell in row], widths, aligned)


def _write_line(out: _Out, cells: list[str], widths: list[int], aligned: list[Callable[[str, int], str]]) -> None:
    padded = (align(cell, width) for align, cell, width in zip(aligned, cells, widths, strict=True))
    out.write("  ".join(padded).rstrip() + "\n")


def _text(cell: Any) -> str:
    """A cell on one line."""
    return _NULL if cell is None else safe(str(cell), keep="")


def _write_csv(out: _Out, names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)


def _write_json(out: _Out, names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """An array of objects, one a line."""
    if len(set(names)) < len(names):
        raise UsageError("Two columns have the same name, which JSON can't hold.", "Rename one with `as`.")
    out.write("[")
    for index, row in enumerate(rows):
        cells = [str(cell) if isinstance(cell, int) and abs(cell) >= 2**63 else cell for cell in row]
        text = orjson.dumps(dict(zip(names, cells, strict=True)), default=str, option=orjson.OPT_NON_STR_KEYS)
        out.write(("\n" if index == 0 else ",\n") + text.decode())
    out.write("\n]\n")


_WRITERS: dict[Format, Callable[[_Out, list[str], Iterator[tuple[Any, ...]]], None]] = {
    Format.TABLE: _write_table,
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
}


def _write_parquet(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    if sys.stdout.isatty():
        raise UsageError(
            "Parquet is no text for a terminal.", "Redirect it: hear sql … --format parquet > rows.parquet"
        )
    sys.stdout.flush()
    connection.execute(
        f"copy (\n{_only(connection, query).rstrip().rstrip(';')}\n) to '/dev/stdout' (format parquet)"
    )
