"""Repositories of a server of our own, run after run: what comes, changes, fails and is healed.

The tests of the first part are one story, told in order: each goes on where the one before ended.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from hear_app.sample.graph import Commit
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer

Finished = subprocess.CompletedProcess[str]
Hear = Callable[..., Finished]
pytestmark = pytest.mark.timeout(300)  # where a machine is busy, dbt takes its time

TOKEN = "ghp_TheSecretOfTheseTests0123456789"
START = 1_700_000_000


def pushed(repository: SampleRepository, count: int) -> list[str]:
    """Pushes commits on top of the default branch; returns their SHAs."""
    parents = (repository.head,) if repository.head else ()
    made: list[Commit] = []
    for _ in range(count):
        place = len(repository.graph) + len(made)
        made.append(plain_commit(repository.full_name, f"commit {place}", START + place * 60, parents))
        parents = (made[-1].sha,)
    repository.push(made)
    return [commit.sha for commit in made]


def put_issues(repository: SampleRepository, *numbers: int, updated_at: int = START) -> None:
    for number in numbers:
        facts = IssueFacts(number, f"Item {number}", Account(9, "pat"), START, updated_at + number)
        facts.is_pull_request = number % 5 == 0
        repository.put_issue(facts)


def repository(identity: int, name: str) -> SampleRepository:
    made = SampleRepository(identity, Account(1, "acme", "Organization"), name)
    pushed(made, 120)
    put_issues(made, *range(1, 131))
    return made


@pytest.fixture(scope="module")
def tool() -> SampleRepository:
    return repository(7, "tool")


@pytest.fixture(scope="module")
def server(tool: SampleRepository) -> Iterator[SampleServer]:
    with SampleServer([tool], token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def run(hear_here: Hear, hear: Hear, folder: Path, server: SampleServer, small_home: Path) -> Hear:
    """Runs `hear` with a token against the server; its environment may be changed."""

    def against_the_server(*arguments: str, own_process: bool = False, **variables: object) -> Finished:
        known = {
            "HEAR_HOME": small_home,
            "HEAR_API_URL": server.url,
            "HEAR_SOURCE": "our ghe",
            "GITHUB_TOKEN": TOKEN,
        }
        return (hear if own_process else hear_here)(folder, *arguments, **(known | variables))

    return against_the_server


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    return folder / "warehouse" / "hear.duckdb"


def query(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of bronze and silver, but for when and by which run they were loaded."""
    with duckdb.connect(file, read_only=True) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('bronze', 'silver') and table_name <> 'runs' order by all"
        ).fetchall()
        return {
            name: connection.execute(
                f"select columns(lambda c: c not in ('_run_id', '_loaded_at')) from {name} order by all"
            ).fetchall()
            for (name,) in names
        }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shas(file: Path) -> set[str]:
    return {sha for (sha,) in query(file, "select sha from silver.commits where is_on_default_branch")}


def known_rows(file: Path) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """What a user finds of commits and issues, however they were fetched."""
    return (
        set(
            query(
                file,
                "select sha, is_on_default_branch, parent_sha from silver.commits "
                "left join silver.commit_parents using (sha)",
            )
        ),
        set(query(file, "select number, title, state, updated_at, is_deleted from silver.work_items")),
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> None:
    """Reads what a process prints up to the first line of that kind."""
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        told.append(line)
        if re.search(pattern, line):
            return
    pytest.fail(f"no line of {pattern!r} in:\n{''.join(told)}")


# -- the story


def test_real_repositories_replace_the_sample_and_say_so(
    run: Hear, file: Path, tool: SampleRepository, server: SampleServer
) -> None:
    first = run("run", "--sample")
    assert first.returncode == 0, first.stderr
    assert {name for (name,) in query(file, "select distinct source from bronze.loads")} == {"sample"}
    assert server.log == [], "the sample asks nobody"
    done = run("run", "acme/tool", "acme/nothing", own_process=True)
    assert TOKEN not in done.stdout + done.stderr
    assert done.returncode == 1, "one of the two is not there"
    assert re.search(r"held the embedded sample: your repositories replace it\.", done.stderr)
    assert done.stderr.splitlines()[-1].startswith("hear: acme/nothing: Not found, or not visible: ")
    assert "that the token may read it" in done.stderr.splitlines()[-1]
    assert re.search(r"^acme/tool\n +commits +ok .*\b120\b", done.stdout, re.MULTILINE)
    assert "acme/nothing: failed" in done.stdout
    assert re.search(r"^ ?silver +rows", done.stdout, re.MULTILINE), "the tables are listed all the same"
    assert shas(file) == set(tool.graph.walk(str(tool.head)))
    assert query(file, "select count(*), count(*) filter (where is_pull_request) from silver.work_items") == [
        (130, 26)
    ]
    assert query(file, "select source, full_name from silver.repositories") == [("our-ghe", "acme/tool")]


def test_the_token_is_in_nothing_that_a_run_leaves_or_prints(
    run: Hear, folder: Path, server: SampleServer
) -> None:
    assert {entry.headers.get("authorization") for entry in server.log} == {f"Bearer {TOKEN}"}
    done = run("run", "acme/tool", "acme/nothing", own_process=True)
    assert TOKEN not in done.stdout + done.stderr
    searched = 0
    for path in folder.rglob("*"):
        if path.is_file():
            stored = path.read_bytes()
            searched += len(stored)
            assert TOKEN.encode() not in stored, path
            if path.suffix == ".zst":
                assert TOKEN.encode() not in zstandard.decompress(stored), path
    assert searched > 1_000_000
    told = query(
        folder / "warehouse" / "hear.duckdb", "select count(*) from bronze.loads where request like '%ghp_%'"
    )
    assert told == [(0,)]


def test_the_sample_does_not_replace_real_repositories(run: Hear, file: Path) -> None:
    before = digest(file)
    done = run("run", "--sample")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("hear: warehouse/hear.duckdb holds real repositories")
    assert "HEAR_WAREHOUSE" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert digest(file) == before


def test_every_proof_looks_at_something(run: Hear) -> None:
    done = run("verify", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    proofs = json.loads(done.stdout)["proofs"]
    assert len(proofs) >= 5
    assert all(proof["checked"] > 0 and proof["broken"] == 0 for proof in proofs), done.stdout


def test_without_news_nothing_is_built(run: Hear, file: Path, folder: Path, server: SampleServer) -> None:
    before, objects = digest(file), sorted(folder.rglob("*.zst"))
    server.forget()
    done = run("run")
    assert done.returncode == 0, done.stderr
    assert "landed before" in done.stderr
    assert "Nothing new" in done.stderr
    assert "dbt" not in done.stderr
    assert {entry.status for entry in server.log} == {304}
    assert digest(file) == before
    assert sorted(folder.rglob("*.zst")) == objects


def test_a_later_run_loads_what_is_new(
    run: Hear, file: Path, tool: SampleRepository, server: SampleServer
) -> None:
    fresh = pushed(tool, 3)
    put_issues(tool, 7, 131, updated_at=START + 5000)
    (file.parent / "people.csv").write_text("identity,action,value\npat,name,Pat\n", encoding="utf-8")
    finished = file.parent / ".build" / "finished.hear.duckdb"
    shutil.copy(file, finished)  # of before the push
    server.forget()
    done = run("run")
    assert done.returncode == 0, done.stderr
    assert "Built in" in done.stderr
    assert not finished.exists()
    assert shas(file) >= set(fresh)
    assert len(shas(file)) == 123
    assert query(file, "select count(*), count(distinct number) from silver.work_items") == [(131, 131)]
    assert query(file, "select _run_id, count(*) from silver.commits group by all order by all") == [
        (1, 120),
        (2, 3),
    ]
    assert query(file, "select identity, action, value from bronze.people") == [("pat", "name", "Pat")]
    assert re.search(r"^ +commits +ok +3 ", done.stdout, re.MULTILINE)
    assert len([entry for entry in server.log if "/commits?" in entry.target]) == 0, "old pages are not asked for"


def test_a_failed_model_leaves_the_last_good_file(
    run: Hear, file: Path, tool: SampleRepository, small_home: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(small_home, tmp_path / "broken"))
    test = "select sha from {{ ref('commits') }} where sha <> '' limit 1"
    (broken / "tests" / "dbt").mkdir(parents=True)
    (broken / "tests" / "dbt" / "no_commit_has_a_sha.sql").write_text(test, encoding="utf-8")
    (broken / "models" / "silver" / "always_wrong.sql").write_text(
        "select error('on purpose') as x", encoding="utf-8"
    )
    pushed(tool, 1)
    before = digest(file)
    done = run("run", HEAR_HOME=broken)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("hear: dbt build: 2 of ")
    assert "no_commit_has_a_sha" in last
    assert "always_wrong (" in last
    assert "on purpose" in last
    assert "The last good file stays; the build is kept in warehouse/.build/hear.duckdb." in last
    assert "Traceback" not in done.stderr
    assert digest(file) == before
    assert query(file.parent / ".build" / "hear.duckdb", "select count(*) from bronze.commits") == [(124,)]


def test_a_program_that_opens_the_file_meanwhile_keeps_it(
    file: Path,
    folder: Path,
    start: Callable[..., subprocess.Popen[str]],
    server: SampleServer,
    small_home: Path,
) -> None:
    before = digest(file)
    known = {"HEAR_HOME": small_home, "HEAR_API_URL": server.url, "HEAR_SOURCE": "our ghe"}
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('ready', flush=True); sys.stdin.read()"
    with start(folder, "run", **known) as building:
        read_until(building, "Running with dbt")
        with subprocess.Popen(
            [sys.executable, "-c", hold, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            told, _ = building.communicate()
            assert building.returncode == 3
            holder.communicate()
    last = told.splitlines()[-1]
    assert last.startswith("hear: Another program has warehouse/hear.duckdb open for writing (")
    assert f"PID {holder.pid}" in last
    assert last.endswith("The new build stays in warehouse/.build/finished.hear.duckdb: run again.")
    assert digest(file) == before
    finished = file.parent / ".build" / "finished.hear.duckdb"
    built = digest(finished)
    with start(folder, "build", **known) as again:
        told, _ = again.communicate()
    assert again.returncode == 0, told
    assert "Published what an earlier run had built." in told
    assert "dbt" not in told
    assert digest(file) == built
    assert not finished.exists()


def test_a_corrupt_landed_object_is_named_and_its_remedy_heals(
    run: Hear, file: Path, folder: Path, tool: SampleRepository
) -> None:
    before = digest(file)
    landing = folder / "warehouse" / "landing"
    for stream in ("commits", "issues"):
        page = next(landing.rglob(f"7/{stream}/000001/page-*"))
        page.write_bytes(page.read_bytes()[:-100])
    for arguments in (["build", "--full"], ["build"], ["run"]):
        done = run(*arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert digest(file) == before
        last = done.stderr.splitlines()[-1]
        assert re.search(r"landing/our-ghe/7/(commits|issues)/000001/page-\S+ is corrupt", last)
    assert "`hear sync --full acme/tool`, and then `hear build`, heal it." in last
    assert run("sync", "--full", "acme/tool").returncode == 0
    healed = run("build")
    assert healed.returncode == 0, healed.stderr
    assert run("verify").returncode == 0, "what was read again makes up for it"
    assert run("run").returncode == 0
    assert shas(file) == set(tool.graph.walk(str(tool.head)))
    assert query(file, "select count(*) from silver.work_items where not is_deleted") == [(131,)]
    rebuilt = run("build", "--full")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert shas(file) == set(tool.graph.walk(str(tool.head)))


def test_a_landed_object_that_is_gone_loses_no_row_in_silence(run: Hear, file: Path, folder: Path) -> None:
    before = known_rows(file)
    page = max((folder / "warehouse" / "landing").rglob("7/issues/*/page-*"))
    kept = page.rename(folder / "kept")
    done = run("run")
    assert done.returncode == 1
    assert re.search(rf"acme/tool stays at its last good state: .*{page.name} is gone.* heal it", done.stderr)
    assert known_rows(file) == before, "the last good file stays"
    kept.rename(page)
    assert run("run").returncode == 0
    assert known_rows(file) == before


def test_when_everything_fails_the_last_good_file_stays(run: Hear, file: Path) -> None:
    before = digest(file)
    done = run("run", "acme/nothing", HEAR_API_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "hear run --sample" in done.stderr.splitlines()[-1]
    assert digest(file) == before
    refused = run("run", GITHUB_TOKEN="ghp_wrong")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("hear: GitHub refused the token (")
    assert digest(file) == before


def test_a_wrong_rule_about_people_stops_the_build(run: Hear, file: Path) -> None:
    before = digest(file)
    (file.parent / "people.csv").write_text("identity,action,value\npat,marry,\n", encoding="utf-8")
    done = run("run")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("hear: warehouse/people.csv, line 2: action 'marry' is none of")
    assert digest(file) == before


# -- kill -9


@pytest.fixture
def twin(
    tmp_path: Path, hear_here: Hear, small_home: Path
) -> Iterator[tuple[SampleServer, dict[str, object], Path]]:
    """A server of a new repository, the settings to reach it, and what an undisturbed run makes of it."""
    with SampleServer([repository(8, "twin")]) as server:
        known: dict[str, object] = {"HEAR_HOME": small_home, "HEAR_API_URL": server.url, "HEAR_SOURCE": "test"}
        calm = tmp_path / "calm"
        calm.mkdir()
        assert hear_here(calm, "run", "acme/twin", **known).returncode == 0
        yield server, known, calm / "warehouse" / "hear.duckdb"


def test_a_run_may_be_killed_at_any_moment(
    twin: tuple[SampleServer, dict[str, object], Path],
    tmp_path: Path,
    hear: Hear,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    server, known, calm = twin
    folder = tmp_path / "disturbed"
    folder.mkdir()
    moments = [
        r"syncing 1 repository",
        r"^\d+ requests",
        r"Running with dbt",
        r"OK created .*commits",
        r"^Proofs: ",
    ]
    for moment in moments:
        with start(folder, "run", "acme/twin", **known) as run:
            read_until(run, moment)
            run.kill()
            run.communicate()
        assert run.returncode == -9, moment
        file = folder / "warehouse" / "hear.duckdb"
        if file.exists():  # killed after it was published: whole as the other one
            assert contents(file) == contents(calm)
            file.unlink()
    server.forget()
    done = hear(folder, "run", "acme/twin", **known)
    assert done.returncode == 0, done.stderr
    assert contents(folder / "warehouse" / "hear.duckdb") == contents(calm)
    assert hear(folder, "verify", **known).returncode == 0
    assert not list(folder.rglob("*.wal"))
    assert server.counts["200"] <= 8
    assert [path.name for path in folder.iterdir()] == ["warehouse"]
