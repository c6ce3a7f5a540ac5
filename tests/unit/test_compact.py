"""Compaction: fewer objects, the same rows, whatever moment it is killed at."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import duckdb
import pytest

from hear_app import bronze, compact, landed, ledger
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Landing, Response
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, plain_commit
from hear_app.sample.server import SampleServer
from hear_app.sync import RepositoryResult, Sync

NAME = "acme/tool"


class Silent:
    """A reporter for nobody."""

    def rows(self, *_: object) -> None: ...
    def note(self, *_: object) -> None: ...
    def finished(self, _: RepositoryResult) -> None: ...


class KilledError(Exception):
    pass


class Mortal(Landing):
    """A landing zone that dies at its nth change."""

    def __init__(self, root: str, lives: int) -> None:
        super().__init__(root)
        self.lives = lives

    def _spend(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise KilledError

    def put_pack(self, first_walk: int, last_walk: int, part: int, responses: list[Response]) -> str:
        self._spend()
        return super().put_pack(first_walk, last_walk, part, responses)

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            self._spend()
            super().delete([path])


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A landing zone of four syncs, each with new commits."""
    repository = SampleRepository(42, Account(1, "acme", "Organization"), "tool")
    folder = str(tmp_path / "landing")
    with SampleServer([repository]) as server:
        for sync in range(4):
            for index in range(3):
                head = (str(repository.head),) if repository.head else ()
                made = plain_commit(NAME, f"Change {index} of {sync}", 1_700_000_000 + sync * 1000 + index, head)
                repository.push([made])
            job = Sync(Client(server.url, None, Limits(2, 0)), Landing(folder), "here", Silent(), estimates=False)
            assert not job.run([NAME])[0].errors
    return folder


def loaded(root: str, file: duckdb.DuckDBPyConnection) -> set[tuple[object, ...]]:
    """The commits in bronze after one more load, each row as often as it stands there."""
    landing = Landing(root)
    pending = ledger.pending(landing, ["here"], ledger.known_objects(file))
    assert not pending.changed
    bronze.load(file, landing, pending.objects, Path("none.csv"), bronze.Digests(bronze.schema_digest(), "", ""))
    rows = file.execute("select walk_id, position, row_index, sha from bronze.commits").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def empty_ledger() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(bronze.schema_sql().replace("using compression zstd", ""))
    return connection


def squeeze(landing: Landing) -> None:
    assert not compact._for_each_stream(landing, compact._merge)
    assert not compact.finish(landing)


def count(root: str) -> int:
    return sum(1 for _ in Landing(root).objects())


def test_old_walks_are_merged_and_every_row_stays(root: str) -> None:
    before, rows = count(root), loaded(root, empty_ledger())
    squeeze(Landing(root))
    assert count(root) < before
    assert loaded(root, empty_ledger()) == rows
    squeeze(Landing(root))
    assert loaded(root, empty_ledger()) == rows


@pytest.mark.parametrize("lives", range(40))
def test_killed_at_any_change_the_next_one_finishes(root: str, lives: int) -> None:
    file = empty_ledger()
    rows = loaded(root, file)
    with contextlib.suppress(KilledError):
        squeeze(Mortal(root, lives))
    assert loaded(root, empty_ledger()) == rows, "a rebuild in between has every row once"
    compact.finish(Landing(root))
    assert loaded(root, file) == rows, "the file that was there has nothing twice"
    paths = {landed.path for landed in Landing(root).objects()}
    assert set(ledger.known_objects(file)) == paths, "and its ledger names what is there"
    squeeze(Landing(root))
    assert loaded(root, empty_ledger()) == rows


def test_a_damaged_stream_stops_no_other(root: str) -> None:
    before = count(root)
    page = next(Path(root).rglob("repository/*/page-*"))
    damaged = next(Path(root).rglob("syncs/000001/closed-*"))
    damaged.write_bytes(b"")
    landing = Landing(root)
    wrong = compact._for_each_stream(landing, compact._merge) + compact.finish(landing)
    assert wrong == [], "a later record of a sync has replaced it"
    assert count(root) < before, "all else is merged"
    assert page.exists()
    assert damaged.exists()


def test_a_merged_object_that_a_power_cut_left_empty_costs_nothing(root: str, tmp_path: Path) -> None:
    """Before it was flushed nothing that it was to hold was removed."""
    rows = loaded(root, empty_ledger())
    merged = Path(shutil.copytree(root, tmp_path / "merged"))
    squeeze(Landing(str(merged)))
    for pack in merged.rglob("packed/*"):
        empty = Path(root) / pack.relative_to(merged)
        empty.parent.mkdir()
        empty.touch()
    compact.finish(Landing(root))
    assert not list(Path(root).rglob("packed/*"))
    assert loaded(root, empty_ledger()) == rows
    squeeze(Landing(root))
    assert loaded(root, empty_ledger()) == rows


def test_a_merged_object_that_can_not_be_read_leaves_the_ledger_as_it_is(root: str) -> None:
    file = empty_ledger()
    loaded(root, file)
    squeeze(Landing(root))
    known, landing = ledger.known_objects(file), Landing(root)
    packs = [landed for landed in landing.objects() if landed.is_pack]
    for pack in packs:
        (Path(root) / pack.path).write_bytes(b"not zstd")
    bronze.move(file, landing, packs)
    assert packs
    assert ledger.known_objects(file) == known


def test_a_damaged_double_of_what_a_merged_object_holds_is_not_late(root: str) -> None:
    """Seed 600783: a killed compaction left it behind, and the ledger knows its response by the merged object."""
    file = empty_ledger()
    loaded(root, file)
    double = next(Path(root).rglob("syncs/000001/closed-*"))
    whole = double.read_bytes()
    squeeze(Landing(root))
    double.parent.mkdir(exist_ok=True)
    double.write_bytes(whole[:-13] + bytes([whole[-13] ^ 1]) + whole[-12:])
    for _ in range(2):
        loaded(root, file)
        [told] = broken(root, file)
        assert "is corrupt" in told, "which a sync that reads all again heals; it is not said to wait for a build"


def broken(root: str, file: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """What `hear verify` says is broken in the landing zone."""
    file.execute("create schema if not exists silver")
    file.execute(
        "create or replace table silver.repositories as "
        f"select distinct source, repository_id, '{NAME}' as full_name from bronze.loads"
    )
    [proof] = landed.prove(file, Landing(root)).proofs
    return proof.examples


def test_a_damaged_double_is_left_out_where_the_merged_object_is_loaded(root: str) -> None:
    """Seed 706391: a rebuild meets both, and the ledger has a place for either."""
    rows = loaded(root, empty_ledger())
    double = next(Path(root).rglob("syncs/000001/closed-*"))
    whole = double.read_bytes()
    squeeze(Landing(root))
    double.parent.mkdir(exist_ok=True)
    double.write_bytes(whole[:9])
    file = empty_ledger()
    assert loaded(root, file) == rows
    assert not ledger.pending(Landing(root), ["here"], ledger.known_objects(file)).objects, "it waits for nothing"
