"""What is printed: in 80 columns and in a pipe, with names and numbers whole and descriptions folded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from hear_app import listing
from hear_app.errors import NotFoundError
from hear_app.listing import TableEntry
from hear_app.status import Status, StreamStatus
from hear_app.sync import RepositoryResult, StreamResult
from hear_app.verify import Proof

WIDTHS = [20, 40, 64, 80, 120, 300]
LONG_NAME = "an-organization-with-a-name-of-39-letters/" + "repository-" * 9
ENTRIES = [
    TableEntry("bronze", "commits", 3_034, "One commit of one response, every landing kept"),
    TableEntry("silver", "identity_merge_suggestions", 0, ""),
    TableEntry("gold", "agg_repository_month", 12_345_678, "Row per repository and UTC month, " * 5),
    TableEntry("gold", "fct_commits", 1, "Row per commit"),
]


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a pipe where nobody says how wide it is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out, "a pipe gets no colours"
    return out


def words(text: str) -> list[str]:
    return re.sub(r"[─━-]{3,}", " ", text).split()


# -- tables


def test_tables_come_by_schema_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_tables(ENTRIES)
    out = printed(capsys)
    assert max(map(len, out.splitlines())) <= 80
    assert [name for name in words(out) if name in {"bronze", "silver", "gold"}] == ["bronze", "silver", "gold"]
    assert words(out).count("rows") == 3
    for entry in ENTRIES:
        assert re.search(rf"^ ?{entry.name} +{entry.rows:,}\b", out, re.MULTILINE)


@pytest.mark.parametrize("width", WIDTHS)
def test_names_and_numbers_are_whole_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    huge = TableEntry("gold", "t" * 90, 9_999_999_999_999, "Row per " + "x" * 200)
    listing.print_tables([*ENTRIES, huge])
    out = printed(capsys)
    for entry in [*ENTRIES, huge]:
        assert re.search(rf"^ ?{entry.name} +{entry.rows:,}\b", out, re.MULTILINE)
    assert "…" not in out
    assert "".join(words(out)).count("x") >= 200, "a description folds and is not cut"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    name=st.from_regex(r"[a-z_]{1,50}", fullmatch=True),
    rows=st.integers(0, 10**12),
    description=st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30)),
    width=st.sampled_from(WIDTHS),
)
def test_any_description_is_printed_as_it_stands(
    name: str, rows: int, description: list[str], width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        listing.print_tables([TableEntry("gold", name, rows, " ".join(description))])
    out = printed(capsys)
    body = [line for line in out.splitlines() if line.strip()][2:]
    assert body[0].split()[:2] == [name, f"{rows:,}"]
    told = "".join("".join(body).split())
    assert told == f"{name}{rows:,}" + "".join("".join(description).split())
    if cell_len(name) <= 40:
        assert max(map(cell_len, out.splitlines())) <= max(width, 80)


def test_what_is_in_the_file_is_listed() -> None:
    with duckdb.connect() as connection:
        for schema in ("gold", "bronze", "silver", "main_staging"):
            connection.execute(f"create schema {schema}")
        connection.execute("create table gold.zebra as select * from range(3)")
        connection.execute("comment on table gold.zebra is 'Grain: one row per zebra,\n  alive. More of it.'")
        connection.execute('create table gold."odd ""name" as select * from range(2)')
        connection.execute("create view gold.stripes as select * from gold.zebra where range > 0")
        connection.execute("comment on view gold.stripes is 'Grain: one stripe.'")
        connection.execute("create table bronze.loads (id integer)")
        connection.execute("create table main_staging.hidden as select 1 as id")
        connection.execute("attach ':memory:' as other")
        connection.execute("create schema other.gold")
        connection.execute("create table other.gold.elsewhere as select 1 as id")
        found = listing.tables(connection)
    assert found == [
        TableEntry("bronze", "loads", 0, ""),
        TableEntry("gold", 'odd "name', 2, ""),
        TableEntry("gold", "stripes", 2, "One stripe"),
        TableEntry("gold", "zebra", 3, "Zebra, alive"),
    ]


# -- results of a sync


def result(name: str = "octo/tool", **known: object) -> RepositoryResult:
    streams = [
        StreamResult("commits", "ok", rows=1_697, new=1_600, updated=0, requests=18),
        StreamResult("issues", "issues disabled", rows=0),
    ]
    return replace(RepositoryResult(name, 42, streams=streams), **known)  # type: ignore[arg-type]


def test_each_stream_says_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_results([result()], {(42, "commits"): 1_650})
    lines = [line.split() for line in printed(capsys).splitlines()]
    assert lines == [
        ["outcome", "new", "updated", "landed", "loaded", "requests"],
        ["octo/tool"],
        ["commits", "ok", "1,600", "0", "1,697", "1,650", "18"],
        ["issues", "issues", "disabled", "0", "0", "0", "0", "0"],
    ]


def test_a_sync_alone_loads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_results([result()], None)
    assert "loaded" not in printed(capsys)


def test_names_and_counts_are_whole_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    busy = StreamResult("commits", "issues disabled", 1_234_567, 1_234_567, 1_234_567, requests=12_345)
    many = [
        result(LONG_NAME),
        result("a/b", streams=[busy]),
        result("c/d", streams=[], error=NotFoundError("Not found.")),
        result("e/f", streams=[], note="the same as another one"),
    ]
    listing.print_results(many, {(42, "commits"): 1_234_567})
    out = printed(capsys)
    assert f"\n{LONG_NAME}\n" in out
    assert out.count("1,234,567") >= 4
    assert "c/d: failed" in out
    assert "e/f: read once" in out
    assert max(len(line) for line in out.splitlines() if line != LONG_NAME) <= 80


# -- the other lists


def test_proofs_name_their_repository_whole(capsys: pytest.CaptureFixture[str]) -> None:
    title = "every parent of a commit is stored"
    listing.print_proofs(
        [
            Proof(("here", 2), LONG_NAME, title, 1_000_000, 3, (), ""),
            Proof(("here", 1), "a/b", title, 0, 0, (), ""),
        ],
        [],
    )
    out = printed(capsys)
    assert re.search(rf"{LONG_NAME} +1,000,000 +3 ", out)
    assert words(out)[-2:] == ["is", "stored"]


def test_proofs_of_ordinary_names_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    title = "issues and pull requests: bronze = silver, and a few more words to fold"
    listing.print_proofs([Proof(("here", 1), "brackwater/ferry-timetable", title, 12_345, 0, (), "")], [])
    assert max(map(len, printed(capsys).splitlines())) <= 80


def test_the_status_is_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    stream = StreamStatus("sample", "octo/tool", "commits", 7, None, "a" * 40)
    state = Status("/data/hear.duckdb", 123, "now", 2, [stream])
    listing.print_json(state)
    assert json.loads(printed(capsys))["streams"][0] == {
        "source": "sample",
        "repository": "octo/tool",
        "stream": "commits",
        "rows": 7,
        "synced_at": None,
        "cursor": "a" * 40,
    }
    listing.print_status(state)
    out = printed(capsys)
    assert f"  7 rows, synced never, up to {'a' * 40}" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    "name", ["hear.duckdb", "[bold]x[/bold].duckdb", ":smile:.duckdb", "deep/" * 30 + "hear.duckdb"]
)
def test_the_path_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_next_steps(Path("/data") / name)
    first, *others = printed(capsys).splitlines()
    assert first == f"Warehouse: /data/{name}"
    assert all(len(line) <= 80 for line in others)
    assert "hear run OWNER/REPO" in others[0]


@pytest.mark.parametrize("why", ["", "(the embedded sample, as no repository was named)", "named in HEAR_REPOS"])
def test_the_announcement_fits_80_columns(why: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("brackwater/tidegauge", "brackwater/saltmap")
    listing.announce(names, "http://127.0.0.1:65535", why)
    out, err = capsys.readouterr()
    assert out == ""
    assert max(map(len, err.splitlines())) <= 80
    for text in (*names, "http://127.0.0.1:65535", "2 repositories", why):
        assert text in err
