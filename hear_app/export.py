"""`hear export`: the gold tables as files for other tools, each written whole or not at all."""

from __future__ import annotations

import contextlib
import sqlite3
from enum import StrEnum
from pathlib import Path

import duckdb

from hear_app import warehouse
from hear_app.errors import WarehouseError
from hear_app.spreadsheet import guarded_column

_BATCH = 10_000
_SQLITE_TYPES = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "BOOLEAN": "integer",
    "DOUBLE": "real",
}  # what else there is, dates and times too, is text in ISO 8601


class Format(StrEnum):
    PARQUET = "parquet"
    CSV = "csv"
    SQLITE = "sqlite"


def export(path: Path, folder: Path, form: Format) -> list[Path]:
    """Writes each gold table of the published file into a folder; returns the files.

    Parquet and CSV make a file a table, SQLite one file with all. Raises WarehouseError where the folder can't
    be written.
    """
    with warehouse.reading(path, closed=False) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'gold' order by table_name"
            ).fetchall()
        ]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if form is Format.SQLITE:
                return [_to_sqlite(connection, tables, folder / "gold.sqlite")]
            return [_copy(connection, table, folder / f"{table}.{form}", form) for table in tables]
        except OSError as error:
            raise warehouse.unwritable(folder, error, "name another folder") from error
        except (duckdb.IOException, sqlite3.Error) as error:
            raise WarehouseError(f"{folder} can't be written: {str(error).splitlines()[0]}") from error


def _copy(connection: duckdb.DuckDBPyConnection, table: str, target: Path, form: Format) -> Path:
    part = target.with_name(target.name + ".part")
    location = str(part).replace("'", "''")
    if form is Format.CSV:
        texts = connection.execute(
            "select column_name from duckdb_columns() where schema_name = 'gold' and table_name = ? "
            "and data_type = 'VARCHAR'",
            [table],
        ).fetchall()
        replaced = f" replace ({', '.join(guarded_column(name) for (name,) in texts)})" if texts else ""
        rows, options = f"(select *{replaced} from gold.{table})", "format csv, header"  # noqa: S608
    else:
        rows, options = f"gold.{table}", "format parquet, compression zstd"
    connection.execute(f"copy {rows} to '{location}' ({options})")
    return part.replace(target)


def _to_sqlite(connection: duckdb.DuckDBPyConnection, tables: list[str], target: Path) -> Path:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(part)) as made, made:
        for table in tables:
            _copy_to_sqlite(connection, table, made)
    return part.replace(target)


def _copy_to_sqlite(connection: duckdb.DuckDBPyConnection, table: str, made: sqlite3.Connection) -> None:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'gold' and table_name = ? "
        "order by column_index",
        [table],
    ).fetchall()
    keys = connection.execute(
        "select constraint_column_names from duckdb_constraints() "
        "where schema_name = 'gold' and table_name = ? and constraint_type = 'PRIMARY KEY'",
        [table],
    ).fetchall()
    defined = [f'"{name}" {_SQLITE_TYPES.get(kind, "text")}' for name, kind in columns]
    defined += [f"primary key ({', '.join(names)})" for (names,) in keys]
    made.execute(f'create table "{table}" ({", ".join(defined)})')
    # SQLite knows no dates: text in ISO 8601 is what its own functions, and the BI tools, read.
    wanted = [
        f'"{name}"' if kind in _SQLITE_TYPES or kind == "VARCHAR" else f'cast("{name}" as varchar)'
        for name, kind in columns
    ]
    rows = connection.execute(f"select {', '.join(wanted)} from gold.{table}")  # noqa: S608
    slots = ", ".join("?" * len(columns))
    while batch := rows.fetchmany(_BATCH):
        made.executemany(f'insert into "{table}" values ({slots})', batch)  # noqa: S608
