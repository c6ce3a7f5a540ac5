"""What is printed: tables in 80 columns, where names and numbers are never cut and descriptions fold."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hear_app import __version__
from hear_app.terminal import safe, say, show

if TYPE_CHECKING:
    import duckdb

    from hear_app.status import Status
    from hear_app.sync.results import RepositoryResult
    from hear_app.verify import Proof, Total

_SCHEMAS = ("bronze", "silver", "gold")
_NEXT = (
    ("run OWNER/REPO", "sync a repository of yours"),
    ("sql QUERY", "ask the file: 'from gold.agg_user'"),
    ("serve", "the dashboard"),
    ("tables", "list these tables again"),
    ("verify", "prove that nothing is missing"),
)
_NARROWEST = 64  # below this the terminal wraps lines, which is better than cutting a number


def console(stderr: bool = False) -> Console:
    """A console of the terminal's width; in a pipe 80 columns, or what COLUMNS says."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False, emoji=False)
    if made.width < _NARROWEST:
        made.width = _NARROWEST
    return made


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table of the warehouse: `rows` counted, `description` its comment's first sentence."""

    schema: str
    name: str
    rows: int
    description: str


def tables(connection: duckdb.DuckDBPyConnection) -> list[TableEntry]:
    """The tables and views of the three schemas, in the order of the way of the data."""
    listed = connection.execute(
        "select schema_name, table_name as name, comment from duckdb_tables() "
        "where database_name = current_database() "
        "union all select schema_name, view_name, comment from duckdb_views() "
        "where database_name = current_database()"
    ).fetchall()
    found = [row for row in listed if row[0] in _SCHEMAS]
    found.sort(key=lambda row: (_SCHEMAS.index(row[0]), row[1]))
    return [
        TableEntry(schema, name, _count(connection, schema, name), _sentence(text)) for schema, name, text in found
    ]


def _count(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int:
    query = f"select count(*) from {_identifier(schema)}.{_identifier(name)}"  # noqa: S608
    return int(connection.execute(query).fetchall()[0][0])


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sentence(comment: str | None) -> str:
    text = " ".join((comment or "").split()).removeprefix("Grain: ").removeprefix("one row per ")
    first = text.partition(". ")[0].rstrip(".")
    return first[:1].upper() + first[1:]


def announce(names: Sequence[str], api_url: str, why: str) -> None:
    """What is about to be synced, and from where; to stderr."""
    count = "1 repository" if len(names) == 1 else f"{len(names)} repositories"
    say(f"hear_app {__version__}: syncing {count}")
    if why:
        say(why)
    say(f"from {api_url}")
    for name in names:
        say(f"  {name}")


def print_tables(entries: list[TableEntry]) -> None:
    """All tables by schema, to stdout."""
    for schema in _SCHEMAS:
        rows = [[entry.name, f"{entry.rows:,}", entry.description] for entry in entries if entry.schema == schema]
        if rows:
            _print(rows, [schema, "rows", "one row is"], right={1}, folds={2})


def print_results(results: list[RepositoryResult], loaded: Mapping[tuple[int, str], int] | None) -> None:
    """What became of each stream, under its repository's name; with `loaded`, after a build, to stdout."""
    header = [
        "",
        "outcome",
        "new",
        "updated",
        "landed",
        *(["loaded"] if loaded is not None else []),
        "requests",
    ]
    rows: list[list[str]] = []
    for result in results:
        for stream in result.streams:
            counts = [stream.new, stream.updated, stream.rows, stream.requests]
            if loaded is not None:
                counts.insert(3, loaded.get((result.repository_id or 0, stream.stream), 0))
            rows.append([f"  {stream.stream}", stream.outcome, *(f"{count:,}" for count in counts)])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    show("  ".join(_aligned(header, widths)))
    lines = iter(rows)
    for result in results:
        show(result.name + ("" if result.streams else f": {'failed' if result.error else 'read once'}"))
        for _ in result.streams:
            show("  ".join(_aligned(next(lines), widths)))


def _aligned(cells: list[str], widths: list[int]) -> list[str]:
    """The first two cells to the left, the counts to the right."""
    return [
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def print_proofs(proofs: list[Proof], totals: list[Total]) -> None:
    """Each proof of each repository, then the server's own totals beside ours; to stdout."""
    rows = [[proof.repository, f"{proof.checked:,}", f"{proof.broken:,}", proof.name] for proof in proofs]
    _print(rows, ["repository", "checked", "broken", "proof"], right={1, 2}, folds={3})
    rows = [[total.repository, f"{total.server:,}", f"{total.stored:,}", total.name] for total in totals]
    if rows:
        _print(
            rows,
            ["repository", "on GitHub", "stored", "counted, which may move meanwhile"],
            right={1, 2},
            folds={3},
        )


def print_status(state: Status) -> None:
    """The file, and each stream's freshness, rows and cursor; to stdout."""
    waiting = f"; {state.waiting:,} landed objects wait for `hear build`" if state.waiting else ""
    show(f"{state.warehouse}: {state.published_bytes / 1e6:,.1f} MB, built {state.built_at}{waiting}")
    for stream in state.streams:
        show(f"{stream.repository} ({stream.source}) {stream.stream}")
        reach = f", up to {stream.cursor}" if stream.cursor else ""
        show(f"  {stream.rows:,} rows, synced {stream.synced_at or 'never'}{reach}")


def print_json(value: object) -> None:
    """Dataclasses as JSON, to stdout."""
    show(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_next_steps(path: Path) -> None:
    """Where the file is, and the commands worth knowing; to stdout."""
    show(f"Warehouse: {path.resolve()}")
    started = Path(sys.argv[0])
    command = os.path.relpath(started) if started.name == "hear" and not shutil.which("hear") else "hear"
    for lead, (arguments, does) in zip(("Next:", *[""] * len(_NEXT)), _NEXT, strict=False):
        show(f"{lead:6} {command} {arguments:15} {does}")


def _print(rows: list[list[str]], header: list[str], right: set[int], folds: Set[int] = frozenset()) -> None:
    """A table to stdout. Only the columns in `folds` give way; where that is not enough, the line grows."""
    out = console()
    rows = [[safe(cell, keep="") for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), width=None)
    for index, name in enumerate(header):
        widest = max([cell_len(row[index]) for row in rows] + [cell_len(name)])
        keep = 12 if index in folds else widest
        table.add_column(
            escape(name),
            justify="right" if index in right else "left",
            no_wrap=index not in folds,
            overflow="fold" if index in folds else "ellipsis",
            min_width=min(keep, widest),
        )
    for row in rows:
        table.add_row(*map(Text, row))
    out.width = max(out.width, Measurement.get(out, out.options.update(max_width=10_000), table).minimum)
    out.print(table)
