"""Bronze: what has landed is loaded once, whole or not at all, and the same from whichever state it is loaded."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hear_app import batch, bronze, ledger, warehouse
from hear_app.batch import LoadSummary
from hear_app.errors import UsageError
from hear_app.landing import Envelope, Landing
from hear_app.landing.integrity import chain

BUILT = bronze.Digests("schema", "models", "people")
TABLES = ("loads", "repositories", "commits", "issues", "people")


class House:
    """A landing zone and a warehouse file beside it."""

    def __init__(self, folder: Path) -> None:
        self.landing = Landing(str(folder / "landing"))
        self.root = folder / "landing"
        self.file = folder / "hear.duckdb"
        self.people = folder / "people.csv"
        self.fresh()

    def fresh(self) -> None:
        """Starts with an empty file again."""
        warehouse.start_build(self.file, self.file, afresh=True)
        with warehouse.writing(self.file) as connection:
            connection.execute(bronze.schema_sql())

    def land(self, stream: str, walk_id: int, body: Any, role: str = "page", **known: Any) -> Envelope:
        """Lands one response; `body` is JSON, or bytes as they are."""
        rows = len(body) if isinstance(body, list) else 0
        page: dict[str, Any] = {"request": f"/repos/octo/tool/{stream}", "position": 0, "status": 200} | known
        envelope = Envelope(
            source=page.pop("source", "api.github.com"),
            repository_id=page.pop("repository_id", 42),
            stream=stream,  # type: ignore[arg-type]
            walk_id=walk_id,
            role=role,  # type: ignore[arg-type]
            page_size=0 if role == "closed" else 100,
            row_count=rows,
            **page,
        )
        self.landing.put(envelope, body if isinstance(body, bytes) else json.dumps(body).encode())
        return envelope

    def close(self, stream: str, walk_id: int, position: int = 100, **known: Any) -> None:
        self.land(stream, walk_id, b"", "closed", position=position, outcome="ok", **known)

    def load(self) -> LoadSummary:
        """Loads whatever waits, in one transaction."""
        with warehouse.writing(self.file) as connection:
            waiting = ledger.pending(self.landing, self.landing.sources(), ledger.known_objects(connection))
            return bronze.load(connection, self.landing, waiting.objects, self.people, BUILT)

    def waiting(self) -> list[str]:
        with self.reading() as connection:
            known = ledger.known_objects(connection)
        return [found.path for found in ledger.pending(self.landing, self.landing.sources(), known).objects]

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(self.file, read_only=True) as connection:
            yield connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return connection.execute(query).fetchall()

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, but for when and by which run it was loaded."""
        return {
            table: self.rows(f"select * exclude (_run_id, _loaded_at) from bronze.{table} order by all")
            for table in TABLES
        }


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def commits(*numbers: int) -> list[dict[str, Any]]:
    return [{"sha": f"{number:040x}", "commit": {"message": f"commit {number}"}} for number in numbers]


def issues(*numbers: int) -> list[dict[str, Any]]:
    return [{"number": number, "title": f"Issue {number}"} for number in numbers]


def fill(house: House, upto: int = 3) -> None:
    """Lands a repository's life in up to three steps: first sync, a push and new issues, a rewritten branch."""
    if upto >= 1:
        house.land("repository", 1, {"id": 42, "full_name": "octo/tool"}, full_name="octo/tool")
        house.land("commits", 1, commits(1, 2), walk_kind="history", head_sha="b")
        house.land("commits", 1, commits(3), walk_kind="history", position=100)
        house.close("commits", 1, 200, walk_kind="history", branch="main", head_sha=f"{3:040x}")
        house.land("issues", 1, issues(1, 2, 3), walk_kind="full")
        house.close("issues", 1, walk_kind="full")
        house.close("syncs", 1, 0, responded_at="2026-06-14T10:00:00Z")
    if upto >= 2:
        compared = {"total_commits": 1, "behind_by": 0, "commits": commits(4)}
        house.land("commits", 2, compared, request="/repos/octo/tool/compare/a...b", walk_kind="compare")
        house.close("commits", 2, walk_kind="compare")
        house.land("issues", 2, issues(2, 4), walk_kind="updated")
        house.close("issues", 2, walk_kind="updated")
    if upto >= 3:
        compared = {"total_commits": 1, "behind_by": 1, "commits": commits(5)}
        place = {"request": "/repos/octo/tool/compare/b...a", "walk_kind": "compare"}
        house.land("commits", 3, compared, **place)
        house.land("commits", 3, {**compared, "commits": commits(4)}, "removed", **place)
        house.close("commits", 3, walk_kind="compare")
        house.land("repository", 2, {"id": 42, "full_name": "octo/utensil"}, full_name="octo/utensil")


# -- what is loaded


def test_rows_come_as_they_landed(house: House) -> None:
    fill(house)
    summary = house.load()
    assert summary.rows == {(42, "repository"): 2, (42, "commits"): 6, (42, "issues"): 5}
    assert summary.responses == 15
    assert house.rows(
        "select walk_id, position, row_index, is_removal, payload ->> '$.sha' from bronze.commits order by all"
    ) == [
        (1, 0, 0, False, f"{1:040x}"),
        (1, 0, 1, False, f"{2:040x}"),
        (1, 100, 0, False, f"{3:040x}"),
        (2, 0, 0, False, f"{4:040x}"),
        (3, 0, 0, False, f"{5:040x}"),
        (3, 0, 0, True, f"{4:040x}"),
    ]
    assert house.rows("select payload from bronze.issues order by walk_id, row_index")[0] == (
        '{"number":1,"title":"Issue 1"}',
    )


def test_the_ledger_tells_how_each_response_came(house: House) -> None:
    fill(house, 1)
    house.load()
    ledger = house.rows(
        "select stream, role, position, walk_kind, branch, row_count, raw_bytes from bronze.loads order by all"
    )
    assert ledger == [
        ("commits", "closed", 200, "history", "main", 0, 0),
        ("commits", "page", 0, "history", None, 2, len(json.dumps(commits(1, 2)))),
        ("commits", "page", 100, "history", None, 1, len(json.dumps(commits(3)))),
        ("issues", "closed", 100, "full", None, 0, 0),
        ("issues", "page", 0, "full", None, 3, len(json.dumps(issues(1, 2, 3)))),
        ("repository", "page", 0, None, None, 1, len(json.dumps({"id": 42, "full_name": "octo/tool"}))),
        ("syncs", "closed", 0, None, None, 0, 0),
    ]
    times = house.rows("select responded_at::varchar from bronze.loads where stream = 'syncs'")
    assert times == [("2026-06-14 10:00:00",)]
    paths = {path for (path,) in house.rows("select object_path from bronze.loads")}
    assert paths == {landed.path for landed in house.landing.objects()}


def test_repositories_and_sources_are_kept_apart(house: House) -> None:
    for source, key in (("api.github.com", 42), ("api.github.com", 43), ("ghe.example", 42)):
        house.land("issues", 1, issues(1), source=source, repository_id=key)
        house.close("issues", 1, source=source, repository_id=key)
    house.load()
    assert house.rows("select source, repository_id from bronze.issues order by all") == [
        ("api.github.com", 42),
        ("api.github.com", 43),
        ("ghe.example", 42),
    ]
    with house.reading() as connection:
        known = ledger.known_objects(connection)
    assert ledger.pending(house.landing, ["ghe.example"], {}).objects[0].source == "ghe.example"
    assert ledger.pending(house.landing, house.landing.sources(), known).objects == []


def test_what_is_not_strict_json_is_mended_and_flagged(house: House) -> None:
    house.land("issues", 1, rb'[{"number": 1, "body": "cut \ud83d"}, {"number": 2, "body": "zero \u0000"}]')
    house.close("issues", 1)
    house.load()
    query = "select payload ->> '$.body', payload_was_repaired from bronze.issues order by row_index"
    assert house.rows(query) == [("cut \ufffd", True), ("zero \x00", False)]


def test_a_number_that_is_none_stops_no_other_row(house: House) -> None:
    """The row is kept, and the proofs name it: a load that failed would hold back every repository."""
    odd: list[Any] = [True, "one", None, 2**63, {}, [1]]
    house.land("issues", 1, [{"number": number} for number in [*odd, 7, 2**63 - 1]])
    house.close("issues", 1)
    house.load()
    assert house.rows("select number, count(*) from bronze.issues group by all order by all") == [
        (7, 1),
        (2**63 - 1, 1),
        (None, 6),
    ]


# -- once


def test_loading_twice_changes_nothing(house: House) -> None:
    fill(house)
    house.load()
    before = house.contents()
    assert house.waiting() == []
    assert house.load().responses == 0
    assert house.contents() == before


def test_only_what_is_new_is_loaded_by_a_later_run(house: House) -> None:
    fill(house, 1)
    first = house.load()
    fill(house, 2)
    second = house.load()
    assert second.rows == {(42, "commits"): 1, (42, "issues"): 2}
    assert second.run_id == first.run_id + 1
    assert house.rows("select _run_id, count(*) from bronze.commits group by all order by all") == [(1, 3), (2, 1)]
    assert house.rows("select count(distinct _loaded_at) = 2 and max(_run_id) = 2 from bronze.loads") == [(True,)]
    assert house.rows("select max_by(_run_id, _loaded_at) from bronze.loads") == [(2,)]


def test_a_rebuilt_file_holds_the_same_rows(house: House) -> None:
    for step in (1, 2, 3):
        fill(house, step)
        house.load()
    in_steps = house.contents()
    house.fresh()
    house.load()
    assert house.contents() == in_steps
    assert [len(rows) for rows in in_steps.values()] == [15, 2, 6, 5, 0]


def test_rows_of_many_batches_are_all_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_BATCH_BYTES", 500)
    for walk_id in range(1, 31):
        house.land("issues", walk_id, issues(*range(walk_id * 10, walk_id * 10 + 10)))
        house.close("issues", walk_id)
    assert house.load().rows == {(42, "issues"): 300}
    assert house.rows("select count(distinct payload ->> '$.number') from bronze.issues") == [(300,)]


# -- whole or not at all


@pytest.mark.parametrize(("stream", "rows"), [("commits", commits), ("issues", issues)])
def test_a_walk_that_is_not_closed_waits(house: House, stream: str, rows: Any) -> None:
    house.land(stream, 1, rows(1, 2), walk_kind="history")
    assert house.waiting() == []
    house.load()
    assert house.rows(f"select count(*) from bronze.{stream}") == [(0,)]
    house.land(stream, 1, rows(3), walk_kind="history", position=100)
    house.close(stream, 1, 200)
    assert house.load().rows == {(42, stream): 3}


def test_a_walk_given_up_is_never_loaded(house: House) -> None:
    house.land("commits", 1, commits(1, 2), walk_kind="compare")
    house.land("commits", 2, commits(7), walk_kind="history")
    house.close("commits", 2)
    house.load()
    assert house.rows("select walk_id, payload ->> '$.sha' from bronze.commits") == [(2, f"{7:040x}")]
    assert house.waiting() == []


@pytest.mark.parametrize("damage", [b"", b"no zstd", None], ids=["empty", "text", "gone"])
def test_with_one_corrupt_object_nothing_of_its_repository_is_loaded(house: House, damage: bytes | None) -> None:
    fill(house, 1)
    house.load()
    before = house.contents()
    fill(house, 3)
    house.land("issues", 1, issues(1), repository_id=43)
    house.close("issues", 1, repository_id=43)
    (path,) = [house.root / path for path in house.waiting() if "issues/000002/page" in path]
    whole = path.read_bytes()
    with warehouse.writing(house.file) as connection:
        waiting = ledger.pending(house.landing, house.landing.sources(), ledger.known_objects(connection))
        path.unlink() if damage is None else path.write_bytes(damage)
        summary = bronze.load(connection, house.landing, waiting.objects, house.people, BUILT)
    [(key, error)] = summary.damaged.items()
    assert key == ("api.github.com", 42)
    assert "issues/000002/page" in str(error)
    mine = {table: [row for row in rows if 43 not in row] for table, rows in house.contents().items()}
    assert mine == before
    assert summary.rows == {(43, "issues"): 1}, "the other one is loaded"
    path.write_bytes(whole)
    house.load()
    assert len(house.contents()["commits"]) == 6


@pytest.mark.parametrize(
    ("stream", "body", "request_path"),
    [
        ("issues", b"<html>", "/repos/octo/tool/issues"),
        ("commits", b'{"message": "Server Error"}', "/repos/octo/tool/compare/a...b"),
        ("commits", b"[1, 2]", "/repos/octo/tool/compare/a...b"),
        ("issues", b"[" * 5000 + b"]" * 5000, "/repos/octo/tool/issues"),
    ],
    ids=["html", "no commits", "list", "deep"],
)
def test_a_response_that_is_no_list_of_rows_is_named(
    house: House, stream: str, body: bytes, request_path: str
) -> None:
    kind = "compare" if "compare" in request_path else "full"
    known = house.land(stream, 1, body, request=request_path, walk_kind=kind)
    house.close(stream, 1, walk_kind=kind)
    [error] = house.load().damaged.values()
    said = str(error)
    assert said.startswith(f"The landed object {known.path} holds a response that is no list of rows")
    assert f"Move the folder api.github.com/42/{stream} out of the landing zone" in said
    assert house.rows("select count(*) from bronze.loads") == [(0,)]


def digests_of(house: House, stream: str, walk_id: int) -> bytes:
    """The body of the closing record of a walk as it has landed."""
    found = [
        response
        for landed in house.landing.objects()
        if landed.stream == stream and landed.walk_id == walk_id
        for response in house.landing.responses(landed.path)
    ]
    return chain({response.envelope.name: response.digest for response in found})


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "foreign"])
def test_a_walk_that_is_not_as_its_closing_record_says_is_left(house: House, damage: str) -> None:
    fill(house, 1)
    house.load()
    before = house.contents()
    pages = [house.land("issues", 2, issues(1, number), position=number) for number in (5, 6)]
    house.land(
        "issues", 2, digests_of(house, "issues", 2), "closed", position=4, outcome="ok", walk_kind="updated"
    )
    page = house.root / pages[0].path
    if damage == "changed":
        page.unlink()
        house.land("issues", 2, issues(1, 7), position=5)
    elif damage == "missing":
        page.unlink()
    elif damage == "added":
        house.land("issues", 2, issues(9), position=7)
    else:
        page.write_bytes((house.root / pages[1].path).read_bytes())
    summary = house.load()
    assert list(summary.damaged) == [("api.github.com", 42)]
    assert house.contents() == before


@pytest.mark.parametrize("is_new", [True, False])
def test_a_damaged_walk_that_a_whole_one_replaced_is_left_out(house: House, is_new: bool) -> None:
    fill(house, 1)
    if not is_new:
        house.load()
    house.land("issues", 2, issues(2, 4), walk_kind="updated")
    house.close("issues", 2, walk_kind="updated")
    house.land("issues", 3, issues(1, 2, 3, 4), walk_kind="full")
    house.close("issues", 3, walk_kind="full")
    (page,) = house.root.rglob("issues/000002/page-*")
    page.write_bytes(b"")
    assert not house.load().damaged
    assert house.rows("select distinct walk_id from bronze.issues order by 1") == [(1,), (3,)]
    assert house.waiting() == [], "the ledger knows what gave no rows"
    assert house.load().responses == 0


def test_a_new_repository_comes_as_far_as_it_is_whole(house: House) -> None:
    fill(house, 2)
    (page,) = house.root.rglob("commits/000002/page-*")
    page.write_bytes(b"")
    assert list(house.load().damaged) == [("api.github.com", 42)]
    assert house.rows("select count(*), max(walk_id) from bronze.commits") == [(3, 1)]


def test_a_new_repository_without_a_whole_walk_does_not_come(house: House) -> None:
    fill(house, 2)
    (page,) = house.root.rglob("commits/000001/page-000000000*")
    page.write_bytes(b"")
    assert list(house.load().damaged) == [("api.github.com", 42)]
    assert all(not rows for rows in house.contents().values())


# -- the landing zone and the ledger


def test_another_landing_zone_is_told_from_the_own(house: House) -> None:
    fill(house, 2)
    house.load()
    with house.reading() as connection:
        known = ledger.known_objects(connection)
    assert not ledger.pending(house.landing, house.landing.sources(), known).changed
    path = next(house.root / path for path in known if "issues/000002/page" in path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole)
    assert ledger.pending(house.landing, house.landing.sources(), known).changed
    path.unlink()
    assert ledger.pending(house.landing, house.landing.sources(), known).changed


# -- the file


def test_json_is_compressed_and_the_file_opens_in_older_clients(house: House) -> None:
    for walk_id in range(1, 4):
        numbers = range(walk_id * 1000, walk_id * 1000 + 1000)
        house.land("issues", walk_id, [{"number": n, "body": f"A sentence about {n}. " * 40} for n in numbers])
        house.close("issues", walk_id)
    house.load()
    found = house.rows(
        "select distinct compression from pragma_storage_info('bronze.issues') "
        "where column_name = 'payload' and segment_type in ('VARCHAR', 'JSON')"
    )
    assert found == [("ZSTD",)]
    ((tags,),) = house.rows("select tags from duckdb_databases() where database_name = 'hear'")
    assert tags["storage_version"].startswith("v1.4.0")
    assert house.file.stat().st_size < 3000 * 40 * 20


# -- people.csv


def people(house: House, text: str | bytes) -> list[tuple[Any, ...]]:
    """The rules that bronze holds after loading such a people.csv."""
    house.people.write_bytes(text if isinstance(text, bytes) else text.encode())
    house.load()
    return house.rows("select identity, action, value from bronze.people order by all")


def test_rules_about_people_are_read(house: House) -> None:
    text = (
        "\ufeffidentity,action,value,note\r\n"
        "octo@letters.example,merge,octo,my own\r\n"
        " octo , Name ,Ócto Cat,\r\n"
        '12345,team,"Core, and more",\r\n'
        "renovate,BOT,,\r\n"
        "pat,not_bot,\r\n"
    )
    assert people(house, text) == [
        ("12345", "team", "Core, and more"),
        ("octo", "name", "Ócto Cat"),
        ("octo@letters.example", "merge", "octo"),
        ("pat", "not_bot", None),
        ("renovate", "bot", None),
    ]


def test_rules_are_replaced_and_forgotten(house: House) -> None:
    assert len(people(house, "identity,action,value\na,bot,\nb,bot,\n")) == 2
    assert people(house, "action,identity\nbot,c\n") == [("c", "bot", None)]
    house.people.unlink()
    house.load()
    assert house.rows("select count(*) from bronze.people") == [(0,)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "has no columns identity,action,value"),
        (b"login,what\na,b\n", "has no columns identity,action,value"),
        (b"identity,action,value\nocto,marry,x\n", "line 2: action 'marry' is none of merge, split, bot"),
        (b"identity,action,value\na,bot,\n,bot,\n", "line 3"),
        (b"identity,action,value\na,merge,\n", "line 2: merge needs a value"),
        (b"identity,action,value\na,name\n", "line 2: name needs a value"),
        (b"identity,action,value\na,team, \n", "line 2: team needs a value"),
        (b"identity,action,value\nJos\xe9,bot,\n", ""),
        (b'identity,action,value\n"a"x,bot,\n', ""),
        (b'identity,action,value\n"a,bot,\n', ""),
        ("identity,action,value\na,bot,\n".encode("utf-16"), ""),
    ],
)
def test_a_wrong_rule_is_named_and_nothing_is_loaded(house: House, text: bytes, said: str) -> None:
    fill(house, 1)
    house.people.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        house.load()
    assert str(caught.value).startswith(str(house.people))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert house.rows("select count(*) from bronze.loads") == [(0,)]


# -- what a file was built with


def test_a_digest_changes_with_what_it_stands_for(tmp_path: Path) -> None:
    project, rules = tmp_path / "project", tmp_path / "people.csv"
    for folder in ("models/silver", "macros", "seeds"):
        (project / folder).mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: x", encoding="utf-8")
    seen = [bronze.digests(project, rules)]
    for name in ("models/silver/a.sql", "models/silver/a.yml", "macros/b.sql", "seeds/c.csv"):
        (project / name).write_text("1", encoding="utf-8")
        seen.append(bronze.digests(project, rules))
    (project / "models" / "silver" / "a.sql").write_text("2", encoding="utf-8")
    seen.append(bronze.digests(project, rules))
    (project / "models" / "silver" / "a.sql").rename(project / "models" / "a.sql")
    seen.append(bronze.digests(project, rules))
    assert len({digest.models for digest in seen}) == len(seen)
    assert {digest.people for digest in seen} == {""}
    assert len({digest.bronze for digest in seen}) == 1
    rules.write_text("identity,action,value\n", encoding="utf-8")
    assert bronze.digests(project, rules).people != ""
    (project / "models" / "notes.txt").write_text("no model", encoding="utf-8")
    (project / "target").mkdir()
    (project / "target" / "a.sql").write_text("built", encoding="utf-8")
    assert bronze.digests(project, rules).models == seen[-1].models
