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

from hear_app import readonly, warehouse
from hear_app.errors import UsageError
from hear_app.spreadsheet import guarded
from hear_app.terminal import SafeStream, safe

_BATCH = 1000  # rows in memory at once
_PARQUET_BATCH = 122_880  # rows of one row group
_NULL = "NULL"
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
            statement = readonly.reading_statement(connection, query)
            if form is Format.PARQUET:
                _write_parquet(connection, statement)
                return
            cursor = connection.execute(statement)
            names = [column[0] for column in cursor.description or []]
            out = SafeStream(sys.stdout) if sys.stdout.isatty() else sys.stdout  # a file gets what is there
            _WRITERS[form](out, names, _rows(cursor))
        except duckdb.Error as error:
            raise UsageError(str(error).strip()) from error
    sys.stdout.flush()


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


class _UnixLines:
    """Ends a row by a line feed alone. csv's own `lineterminator` would leave a lone return in a cell unquoted."""

    def __init__(self, out: _Out) -> None:
        self._out = out

    def write(self, row: str) -> None:
        self._out.write(row.removesuffix("\r\n") + "\n")


def _write_csv(out: _Out, names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    writer = csv.writer(_UnixLines(out))
    writer.writerow([guarded(name) for name in names])
    writer.writerows([guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


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


def _write_parquet(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    """Not by DuckDB's own `copy`: the connection can open no file, /dev/stdout neither."""
    if sys.stdout.isatty():
        raise UsageError(
            "Parquet is no text for a terminal.", "Redirect it: hear sql … --format parquet > rows.parquet"
        )
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    batches = connection.sql(statement.query).to_arrow_reader(_PARQUET_BATCH)
    try:
        with pq.ParquetWriter(sys.stdout.buffer, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    except pa.ArrowNotImplementedError as error:
        raise UsageError(f"Parquet can't hold a column: {error}.", "Cast it, as in `column::varchar`.") from error
