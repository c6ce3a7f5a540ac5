"""The embedded sample, end to end: what is printed, what is in the file, and that it is the same every time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from typer.testing import CliRunner

from hear_app import cli
from hear_app.sample.clock import NOW, iso
from hear_app.sample.generator import generate
from hear_app.sample.history import SampleRepository
from tests.conftest import SampleRun

Finished = subprocess.CompletedProcess[str]
Hear = Callable[..., Finished]
Copy = Callable[[Path], Path]

pytestmark = pytest.mark.timeout(300)  # where a machine is busy, dbt takes its time

CLOCK = re.compile(r"^\d\d:\d\d:\d\d( |$)")
CHANGING = ("_loaded_at", "_run_id")


@dataclass
class Truth:
    """One repository of the sample, counted without the program: from the generator's own objects."""

    commits: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    pulls: list[dict[str, Any]]

    @classmethod
    def of(cls, repository: SampleRepository) -> Truth:
        shas = repository.graph.walk(repository.head) if repository.head else ()
        items = [loads(row.payload()) for row in repository.issues.values()] if repository.has_issues else []
        return cls(
            [loads(repository.graph[sha].payload()) for sha in shas],
            [item for item in items if "pull_request" not in item],
            [item for item in items if "pull_request" in item],
        )


def loads(payload: bytes) -> dict[str, Any]:
    """Python's own parser: it takes lone surrogates as they come."""
    document: dict[str, Any] = json.loads(payload)
    return document


@pytest.fixture(scope="module")
def truth() -> dict[str, Truth]:
    return {name: Truth.of(repository) for name, repository in generate().items()}


@pytest.fixture(scope="module")
def folder(sample_run: SampleRun) -> Path:
    return sample_run.folder


@pytest.fixture(scope="module")
def printed(sample_run: SampleRun) -> str:
    """All that the first run printed, in order."""
    return sample_run.printed


@pytest.fixture(scope="module")
def file(sample_run: SampleRun) -> Path:
    return sample_run.file


@cache
def opened(file: Path, _inode: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(file, read_only=True)


def query(file: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    return opened(file, file.stat().st_ino).execute(sql, list(parameters)).fetchall()


def tables_of(file: Path, *schemas: str) -> list[str]:
    found = query(file, "select schema_name, table_name from duckdb_tables() order by all")
    return [f"{schema}.{name}" for schema, name in found if schema in schemas]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def landed(folder: Path) -> dict[str, str]:
    root = folder / "warehouse" / "landing"
    return {path.relative_to(root).as_posix(): digest(path) for path in root.rglob("*.zst")}


def own_lines(printed: str) -> list[str]:
    """What is printed without dbt's lines, and without that of the file's path, which is as long as it is."""
    return [line for line in printed.splitlines() if not CLOCK.match(line) and not line.startswith("Warehouse: ")]


# -- what is printed


def test_the_run_tells_its_story_in_order(printed: str, file: Path) -> None:
    chapters = [
        r"syncing 5 repositories",
        r"embedded sample",
        r"from http://127\.0\.0\.1:\d+",
        r"^  brackwater/estuary-notes$",
        r"^\d+ requests$",
        r"^brackwater/tidegauge\n +commits +ok( +[\d,]+){5}\n +issues +ok( +[\d,]+){5}$",
        r"Connection test: \[OK connection ok\]",
        r"Completed successfully",
        r"PASS=\d+ WARN=0 ERROR=0",
        r"^Proofs: all \d+ hold",
        r"^ ?bronze +rows",
        r"^ ?silver +rows",
        r"^ ?gold +rows",
        rf"^Warehouse: {re.escape(str(file))}$",
        r"^Next: +hear run OWNER/REPO",
        r"hear verify",
    ]
    places = []
    for chapter in chapters:
        found = re.search(chapter, printed, re.MULTILINE)
        assert found, chapter
        places.append(found.start())
    assert places == sorted(places)


def test_our_own_lines_fit_80_columns_without_cutting(printed: str) -> None:
    lines = own_lines(printed)
    assert len(lines) > 60
    assert [line for line in lines if len(line) > 80] == []
    assert "…" not in "".join(lines)
    assert "\x1b" not in printed


def test_every_stream_says_what_landed_and_what_was_loaded(printed: str, truth: dict[str, Truth]) -> None:
    for name, counted in truth.items():
        block = re.search(rf"^{name}\n +commits (.*)\n +issues (.*)$", printed, re.MULTILINE)
        assert block, name
        for told, count in zip(
            block.groups(), (len(counted.commits), len(counted.issues + counted.pulls)), strict=True
        ):
            numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", told)]
            assert numbers[0] == numbers[2] == numbers[3] == count
    assert re.search(r"^brackwater/mudflat\n +commits +empty ", printed, re.MULTILINE)
    assert re.search(r"^brackwater/ferry-timetable\n.*\n +issues +issues disabled ", printed, re.MULTILINE)


def test_every_table_is_listed_with_its_count_and_description(printed: str, file: Path) -> None:
    listing = printed[printed.index("Proofs:") :]
    names = tables_of(file, "bronze", "silver", "gold")
    assert len(names) > 20
    for name in names:
        ((count,),) = query(file, f"select count(*) from {name}")
        assert re.search(rf"^ ?{name.partition('.')[2]} +{count:,}  ?\w", listing, re.MULTILINE), name


def test_nothing_is_left_but_the_warehouse(folder: Path) -> None:
    assert [path.name for path in folder.iterdir()] == ["warehouse"]
    left = {path.name for path in (folder / "warehouse").iterdir()}
    assert left == {"hear.duckdb", "landing", ".lock", ".build"}
    assert not list((folder / "warehouse" / ".build").glob("*.duckdb*"))


# -- what is in the file


def test_the_stars_hold_what_the_generator_made(file: Path, truth: dict[str, Truth]) -> None:
    for name, counted in truth.items():
        where = "inner join gold.dim_repository using (repository_key) where full_name = ?"
        assert query(
            file,
            f"select count(*), count(distinct commit_sha), count(*) filter (where is_merge_commit) "
            f"from gold.fct_commits {where}",
            name,
        ) == [
            (
                len(counted.commits),
                len(counted.commits),
                sum(len(commit["parents"]) > 1 for commit in counted.commits),
            )
        ]
        assert query(
            file, f"select count(*), count(*) filter (where is_open) from gold.fct_issues {where}", name
        ) == [(len(counted.issues), sum(issue["state"] == "open" for issue in counted.issues))]
        assert query(
            file,
            f"select count(*), count(*) filter (where is_merged), count(closed_at) "
            f"from gold.fct_pull_requests {where}",
            name,
        ) == [
            (
                len(counted.pulls),
                sum(pull["pull_request"]["merged_at"] is not None for pull in counted.pulls),
                sum(pull["closed_at"] is not None for pull in counted.pulls),
            )
        ]


def test_every_commit_and_item_is_there_by_name(file: Path, truth: dict[str, Truth]) -> None:
    shas = {(name, commit["sha"]) for name, counted in truth.items() for commit in counted.commits}
    numbers = {
        (name, item["number"]) for name, counted in truth.items() for item in counted.issues + counted.pulls
    }
    joined = "inner join silver.repositories using (source, repository_id)"
    assert set(query(file, f"select full_name, sha from silver.commits {joined}")) == shas
    assert set(query(file, f"select full_name, number from silver.work_items {joined}")) == numbers
    assert query(file, "select bool_and(is_on_default_branch) from silver.commits") == [(True,)]


def test_times_are_those_of_the_server_in_utc(file: Path, truth: dict[str, Truth]) -> None:
    expected = {
        commit["sha"]: commit["commit"]["committer"]["date"]
        for counted in truth.values()
        for commit in counted.commits
    }
    stored = dict(
        query(file, "select commit_sha, strftime(committed_at, '%Y-%m-%dT%H:%M:%SZ') from gold.fct_commits")
    )
    assert stored == expected
    assert query(file, "select distinct as_of_date::varchar from silver.repositories") == [(iso(NOW)[:10],)]


def test_months_hold_what_happened_in_them(file: Path, truth: dict[str, Truth]) -> None:
    expected: Counter[tuple[str, str, str]] = Counter()
    for name, counted in truth.items():
        for commit in counted.commits:
            expected[name, commit["commit"]["committer"]["date"][:7], "commits"] += 1
        for issue in counted.issues:
            expected[name, issue["created_at"][:7], "opened"] += 1
            if issue["closed_at"]:
                expected[name, issue["closed_at"][:7], "closed"] += 1
    odd = {key for key in expected if not "1990" <= key[1] <= iso(NOW)[:7]}
    assert {key[1][:4] for key in odd} == {"1970", "2082"}
    stored: Counter[tuple[str, str, str]] = Counter()
    for name, month, *counts in query(
        file,
        "select full_name, strftime(month_start_date, '%Y-%m'), commits_total, issues_opened, issues_closed "
        "from gold.agg_repository_month",
    ):
        for kind, count in zip(("commits", "opened", "closed"), counts, strict=True):
            stored[name, month or "unknown", kind] += count
    known = Counter({key: count for key, count in expected.items() if key not in odd})
    assert Counter({key: count for key, count in stored.items() if count and key[1] != "unknown"}) == known
    assert stored.total() == expected.total()


def test_the_open_issues_at_the_end_are_those_that_are_open(file: Path, truth: dict[str, Truth]) -> None:
    last = dict(
        query(
            file, "select full_name, max_by(open_issues_end, month_key) from gold.agg_repository_month group by 1"
        )
    )
    for name, counted in truth.items():
        assert last.get(name, 0) == sum(issue["state"] == "open" for issue in counted.issues), name


def test_users_add_up_to_all_commits(file: Path, truth: dict[str, Truth]) -> None:
    commits = [commit for counted in truth.values() for commit in counted.commits]
    merges = sum(len(commit["parents"]) > 1 for commit in commits)
    assert query(file, "select sum(commits_total), sum(merge_commits), sum(commits) from gold.agg_user") == [
        (len(commits), merges, len(commits) - merges)
    ]


def test_a_user_has_the_commits_of_every_address(file: Path, truth: dict[str, Truth]) -> None:
    by_login: Counter[str] = Counter()
    for counted in truth.values():
        for commit in counted.commits:
            if (commit["author"] or {}).get("login"):
                by_login[commit["author"]["login"]] += 1
    stored = dict(query(file, "select login, commits_total from gold.agg_user where login is not null"))
    assert len(by_login) > 10
    assert {login for login in by_login if stored.get(login, 0) < by_login[login]} == set()


def test_odd_texts_are_kept(file: Path) -> None:
    ((flagged,),) = query(file, "select count(*) from bronze.issues where payload_was_repaired")
    assert flagged == 1
    assert query(
        file, "select count(*) from bronze.issues where contains(payload ->> '$.body', 'zero in it: >\x00<')"
    ) == [(1,)]
    assert query(file, "select count(*) from gold.fct_issues where title like '<script>%'") == [(1,)]
    assert query(file, "select count(*) from gold.dim_repository where full_name = 'brackwater/saltmap'") == [(1,)]


def test_the_file_is_compact_and_opens_in_older_clients(file: Path) -> None:
    ((tags,),) = query(file, "select tags from duckdb_databases() where database_name = 'hear'")
    assert tags["storage_version"].startswith("v1.4.0")
    for table in ("commits", "issues"):
        found = query(
            file,
            f"select distinct compression from pragma_storage_info('bronze.{table}') "
            "where column_name = 'payload' and segment_type in ('JSON', 'VARCHAR')",
        )
        assert found == [("ZSTD",)]
    assert file.stat().st_size < 20_000_000


def test_another_duckdb_client_reads_it(file: Path, truth: dict[str, Truth]) -> None:
    client = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [client, "-readonly", "-csv", "-noheader", file, "select count(*) from gold.fct_commits"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(sum(len(counted.commits) for counted in truth.values())), done.stderr


# -- again


def test_a_second_run_changes_nothing_and_starts_no_dbt(
    hear: Hear, folder: Path, file: Path, sample_run: SampleRun
) -> None:
    before, stamp, objects = digest(file), file.stat().st_mtime_ns, landed(folder)
    second = hear(folder, "run", HEAR_HOME=sample_run.home)
    assert second.returncode == 0, second.stderr
    assert "dbt" not in second.stderr, second.stderr
    assert not [line for line in second.stderr.splitlines() if CLOCK.match(line)]
    assert (digest(file), file.stat().st_mtime_ns) == (before, stamp)
    assert landed(folder) == objects
    assert "Nothing new" in second.stderr
    # what is asked for goes to stdout, what is told meanwhile to stderr
    assert re.search(r"^brackwater/tidegauge\n +commits +unchanged", second.stdout, re.MULTILINE)
    assert re.search(r"^ ?gold +rows", second.stdout, re.MULTILINE)
    assert f"Warehouse: {file}" in second.stdout
    assert "syncing 5 repositories" in second.stderr
    assert "syncing" not in second.stdout
    assert [line for line in own_lines(second.stdout + second.stderr) if len(line) > 80] == []


def test_a_deleted_file_is_rebuilt_row_for_row_from_what_landed(
    hear: Hear, folder: Path, file: Path, sample_run: SampleRun, copy_of: Copy
) -> None:
    copy = copy_of(folder)
    again = copy / "warehouse" / "hear.duckdb"
    again.unlink()
    shutil.rmtree(copy / "warehouse" / ".build")
    objects = landed(copy)
    # Nothing listens there: whoever asks the API gets no answer.
    done = hear(copy, "build", "--full", HEAR_HOME=sample_run.home, HEAR_API_URL="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert "Completed successfully" in done.stderr
    assert "Completed successfully" not in done.stdout, "dbt's log goes to stderr"
    assert landed(copy) == objects
    assert tables_of(again, "bronze", "silver", "gold") == tables_of(file, "bronze", "silver", "gold")
    for table in tables_of(file, "silver", "gold"):
        assert rows(again, table) == rows(file, table), table
    for table in ("loads", "repositories", "commits", "issues"):
        assert rows(again, f"bronze.{table}") == rows(file, f"bronze.{table}")


def rows(file: Path, table: str) -> tuple[int, str]:
    """How many rows a table has, and a digest of all of them that no order changes."""
    columns = query(
        file,
        "select column_name from duckdb_columns() where schema_name || '.' || table_name = ? order by 1",
        table,
    )
    kept = ", ".join(f'"{name}"' for (name,) in columns if name not in CHANGING)
    ((count, told),) = query(
        file, f"select count(*), coalesce(bit_xor(md5_number(row({kept})::varchar)), 0)::varchar from {table}"
    )
    return count, told


# -- questions to the file


def test_sql_answers_from_the_file(hear: Hear, folder: Path, truth: dict[str, Truth]) -> None:
    done = hear(folder, "sql", "select count(*) as commits from gold.fct_commits", "--format", "csv")
    assert done.stdout == f"commits\n{sum(len(counted.commits) for counted in truth.values())}\n"
    assert done.stderr == ""
    refused = hear(folder, "sql", "delete from gold.fct_commits")
    assert refused.returncode == 2
    assert refused.stderr.startswith("hear: ")


def test_the_status_counts_each_stream(hear: Hear, folder: Path, truth: dict[str, Truth]) -> None:
    state = json.loads(hear(folder, "status", "--json").stdout)
    assert {(stream["repository"], stream["stream"]): stream["rows"] for stream in state["streams"]} == {
        (name, stream): count
        for name, counted in truth.items()
        for stream, count in (("commits", len(counted.commits)), ("issues", len(counted.issues + counted.pulls)))
    }
    assert state["waiting"] == 0


def test_an_export_holds_every_gold_table(hear: Hear, folder: Path, file: Path, tmp_path: Path) -> None:
    done = hear(folder, "export", str(tmp_path / "gold"))
    assert done.returncode == 0, done.stderr
    names = [name.partition(".")[2] for name in tables_of(file, "gold")]
    assert sorted(path.stem for path in (tmp_path / "gold").iterdir()) == names
    for name in names:
        ((count,),) = query(file, f"select count(*) from gold.{name}")
        assert polars.scan_parquet(tmp_path / "gold" / f"{name}.parquet").collect().height == count


# -- proofs


def test_all_proofs_hold(hear: Hear, folder: Path) -> None:
    done = hear(folder, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("brackwater/tidegauge") >= 5
    told = json.loads(hear(folder, "verify", "--json").stdout)["proofs"]
    assert all(proof["broken"] == 0 for proof in told)
    checked = {(proof["repository"], proof["name"]): proof["checked"] for proof in told}
    assert min(count for (name, _), count in checked.items() if name == "brackwater/tidegauge") >= 1


A_PARENT = "(select parent_sha from silver.commit_parents order by parent_sha limit 1)"
A_HEAD = "(select head_sha from silver.repositories where full_name = 'brackwater/saltmap')"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            f"delete from silver.commits where sha = {A_PARENT}",
            r"every parent .* lacks its parent [0-9a-f]{40}.*sync --full",
        ),
        (
            f"delete from silver.commits where sha = {A_HEAD}",
            r"saltmap: not so that the head .*1 of 1, such as head ",
        ),
        (
            f"delete from bronze.commits where payload ->> '$.sha' = {A_PARENT}",
            r"not so that commits: bronze = silver: 1 of .*`hear build --full` heals it",
        ),
        (
            f"delete from silver.commits where sha = {A_PARENT}",
            r"not so that commits: bronze = silver: 1 of .*`hear build --full` heals it",
        ),
        (
            "delete from bronze.issues where payload ->> '$.number' = '17' and repository_id = 640118201",
            r"tidegauge: not so that issues and pull requests: bronze = silver: 1 of 700, such as #17\.",
        ),
        (
            "delete from silver.work_items where number = 17 and repository_id = 640118201",
            r"tidegauge: not so that issues and pull requests: bronze = silver: 1 of 700, such as #17\.",
        ),
        (
            "update silver.commits set is_on_default_branch = false where sha = " + A_HEAD,
            r"saltmap: not so that the head of the branch is stored",
        ),
        (
            "delete from bronze.loads where stream = 'issues' and repository_id = 640118201 and position = 0",
            r"tidegauge: not so that every landed object .* is not loaded\. `hear build` heals it",
        ),
    ],
)
def test_a_proof_fails_where_a_row_is_missing(
    damage: str, said: str, folder: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "hear.duckdb"
    shutil.copy(file, broken)
    with duckdb.connect(broken) as connection:
        ((touched,),) = connection.execute(damage).fetchall()
    assert touched == 1
    monkeypatch.setenv("HEAR_WAREHOUSE", str(broken))
    monkeypatch.setenv("HEAR_LANDING", str(folder / "warehouse" / "landing"))
    done = CliRunner().invoke(cli.app, ["verify"])
    assert done.exit_code == 1
    assert re.search(said, done.stderr, re.DOTALL), done.stderr


def test_a_proof_fails_where_a_landed_object_is_missing(hear: Hear, folder: Path, copy_of: Copy) -> None:
    copy = copy_of(folder)
    gone = next((copy / "warehouse" / "landing").rglob("640118377/issues/000001/page*"))
    gone.unlink()
    done = hear(copy, "verify")
    assert done.returncode == 1
    assert re.search(rf"saltmap: not so that every landed object .*{gone.name} is gone", done.stderr)
