"""The SQL box: what it answers, and that nothing gets out of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from app import sandbox
from hear_app.errors import WarehouseError

HOSTILE = [
    "drop table gold.fct_issues",
    "insert into gold.dim_date select * from gold.dim_date",
    "update gold.dim_user set login = 'x'",
    "delete from gold.dim_user",
    "create table memory.main.t as select 1",
    "create temp table t as select 1",
    "create macro f() as 1",
    "attach ':memory:' as other",
    "attach '{folder}/other.duckdb' as other",
    "detach hear",
    "use memory",
    "install httpfs",
    "load httpfs",
    "copy (select 1) to '{folder}/out.csv'",
    "copy gold.dim_date to '{folder}/out.parquet'",
    "export database '{folder}/out'",
    "import database '{folder}'",
    "set threads = 64",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset memory_limit",
    "pragma memory_limit = '64GB'",
    "pragma database_list",
    "call pragma_version()",
    "call enable_logging('QueryLog')",
    "create secret (type s3)",
    "vacuum",
    "checkpoint",
    "begin transaction",
    "prepare p as select 1",
    "explain analyze copy (select 1) to '{folder}/out.csv'",
    "explain analyze create table t as select 1",
    "select 1; select 2",
    "",
    "select * from read_text('/etc/hostname')",
    "select * from read_blob('{secret}')",
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('{secret}')",
    "select * from read_json('{secret}')",
    "select * from read_parquet('{secret}')",
    "select * from '{secret}'",
    'select * from "{secret}"',
    "select * from sniff_csv('{secret}')",
    "select * from glob('/*')",
    "select * from read_csv('http://127.0.0.1:1/x')",
    "select getenv('HOME')",
    "select * from query('drop table gold.dim_date')",
    "select * from connection",
    "select * from frame",
    "select * from os",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query_is_refused(sample: Path, tmp_path: Path, query: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("column\nthe-secret\n", encoding="utf-8")
    before = hashlib.sha256(sample.read_bytes()).digest()
    with pytest.raises(sandbox.RefusedError) as refused:
        sandbox.run(sample, query.format(folder=tmp_path, secret=secret), seconds=5)
    assert "the-secret" not in str(refused.value)
    assert os.listdir(tmp_path) == ["secret.csv"]  # noqa: PTH208
    assert hashlib.sha256(sample.read_bytes()).digest() == before


@pytest.mark.parametrize(
    "query",
    [
        "select * from range(1000000000000) where range < 0",
        "with recursive t(a) as (select 1 union all select a + 1 from t) select count(*) from t",
        "select repeat('x', 100000000) from range(1000)",
    ],
)
def test_a_long_query_is_stopped(sample: Path, query: str) -> None:
    with pytest.raises(sandbox.RefusedError, match=r"Stopped after 0\.3 seconds|512 MB|too big"):
        sandbox.run(sample, query, seconds=0.3)


def test_memory_is_limited(sample: Path) -> None:
    with pytest.raises(sandbox.RefusedError, match="512 MB"):
        sandbox.run(sample, "select list(range) from range(300000000)")


def test_rows_are_limited_with_a_word(sample: Path) -> None:
    cut = sandbox.run(sample, "select * from range(10)", rows=4)
    assert (cut.frame.height, cut.was_cut) == (4, True)
    whole = sandbox.run(sample, "select * from range(4)", rows=4)
    assert (whole.frame.height, whole.was_cut) == (4, False)


@pytest.mark.parametrize(
    "query",
    [
        "from fct_issues",
        "select count(*) from gold.fct_commits;",
        "select * from silver.commits limit 1",
        "describe fct_issues",
        "summarize dim_user",
        "show tables",
        "explain select 1",
        "select [1] as a, {'b': 2} as c, 'x'::blob as d, 1::hugeint as f, null as g, uuid() as h",
        "select interval 1 day as a, [1, 2] as b, null as c",
        "select 1 as a, 2 as a",
    ],
)
def test_a_reading_query_is_answered(sample: Path, query: str) -> None:
    assert sandbox.run(sample, query).frame.height > 0


def test_no_file_is_said_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="There is no warehouse"):
        sandbox.run(tmp_path / "none.duckdb", "select 1")
