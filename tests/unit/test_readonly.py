"""Which statements read, and that a closed connection reaches nothing but its file, whatever is asked of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from hear_app import readonly, warehouse
from hear_app.errors import UsageError

READING = [
    "select 1",
    "from t",
    "table t",
    "values (1)",
    ";; select 1 ;;",
    "with a as materialized (from t) from a",
    "with recursive r(a) as (select 1 union all select a + 1 from r where a < 3) from r",
    "select 1 union all select 2",
    "select $$explain analyze copy (select 1) to 'x'$$",
    """select '"type":"COPY_QUERY_NODE"' as "x""type"":""COPY_QUERY_NODE" """,
    "describe t",
    "describe select 1",
    "summarize t",
    "show tables",
    "pivot t on a in (1, 2) using sum(b)",
    "unpivot t on a",
    "from query('select 1')",
    "select " + "1 + " * 400 + "1",
    "explain select 1",
    "explain (select 1)",
    "explain from t",
    "explain describe t",
    "explain analyze select 1",
    "explain analyze (select 1);",
    "explain (format json) select 1",
    "explain (analyze, format json) select 1",
    "/* é */ EXPLAIN /* d */ Analyze -- why\n select ';' -- end",
]
WRITING = [
    "copy (select 1) to '{target}' (use_tmp_file false)",
    "with x as (copy (select 1) to '{target}' (use_tmp_file false)) from x",
    "with x as (copy (select 1) to '{target}' (use_tmp_file false)) select 1 union all select 2",
    "with x as (copy (select 1) to '{target}' (use_tmp_file false)) pivot t on a in (1) using sum(b)",
    "with a as (select 1), x as materialized (copy (select 1) to '{target}' (use_tmp_file false)) from a",
    "explain analyze copy (select 1) to '{target}' (use_tmp_file false)",
    "explain analyze with x as (copy (select 1) to '{target}' (use_tmp_file false)) from x",
    "explain (analyze) copy (select 1) to '{target}' (use_tmp_file false)",
    "explain (analyze, format json) copy (select 1) to '{target}' (use_tmp_file false)",
    "/* */ explain -- x\n analyze copy (select 1) to '{target}' (use_tmp_file false)",
    "explain /* /* */ analyze copy (select 1) to '{target}' (use_tmp_file false) -- */ select 1",
    "explain select 1; copy (select 1) to '{target}' (use_tmp_file false)",
    (
        "from json_execute_serialized_sql(json_serialize_sql("
        "'with x as (copy (select 1) to ''{target}'' (use_tmp_file false)) from x'))"
    ),
    (
        'from system.main."JSON_Execute_Serialized_SQL"(json_serialize_sql('
        "'with x as (copy (select 1) to ''{target}'' (use_tmp_file false)) from x'))"
    ),
    "explain copy t to '{target}'",
    "explain insert into t select 1, 2",
    "with x as (insert into t values (1, 2) returning *) from x",
    "with x as (delete from t returning *) from x",
    "with x as (update t set a = 2 returning *) from x",
    "with x as (truncate t) from x",
    "explain analyze create table other as select 1",
    "explain pragma version",
    "explain execute p",
    "explain set threads = 1",
    "pragma version",
    "call pragma_version()",
    "set threads = 1",
    "checkpoint",
    "execute p",
    "",
]
# Reading statements to the parser: what stops them is the connection.
REACHING = [
    "from read_text('{secret}')",
    "from read_blob('{path}')",
    "from read_duckdb('{path}', table_name => 't')",
    "from '{secret}'",
    "from glob('/*')",
    "from query('from read_text(''{secret}'')')",
    "from sneaky",
    (
        "from query('from json_execute_serialized_sql(json_serialize_sql(''with x as (copy (select 1) to "
        "''''{target}'''' (use_tmp_file false)) from x''))')"
    ),
    "select getenv('HOME')",
    "from path",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of ours with a table, and a view that would read another file, as a crafted WAL could leave one."""
    (tmp_path / "secret.txt").write_text("the-secret", encoding="utf-8")
    path = tmp_path / "hear.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema bronze; create table bronze.runs (a int); create table bronze.loads (a int)"
        )
        connection.execute("create table t as select 1 as a, 2 as b")
        connection.execute(f"create view sneaky as from read_text('{tmp_path / 'secret.txt'}')")
    return path


@contextlib.contextmanager
def untouched(path: Path) -> Iterator[None]:
    before = hashlib.sha256(path.read_bytes()).digest(), sorted(os.listdir(path.parent))  # noqa: PTH208
    yield
    assert (hashlib.sha256(path.read_bytes()).digest(), sorted(os.listdir(path.parent))) == before  # noqa: PTH208


def filled(query: str, path: Path) -> str:
    secret = path.with_name("secret.txt")
    return query.replace("{target}", f"{path}.wal").replace("{secret}", str(secret)).replace("{path}", str(path))


@pytest.mark.parametrize("query", READING)
def test_a_reading_statement_runs(path: Path, query: str) -> None:
    with warehouse.reading(path) as connection:
        assert connection.execute(readonly.reading_statement(connection, query)).fetchall()


@pytest.mark.parametrize("query", WRITING)
def test_another_statement_is_refused_by_its_kind(path: Path, query: str) -> None:
    with untouched(path), warehouse.reading(path) as connection, pytest.raises(UsageError):
        connection.execute(readonly.reading_statement(connection, filled(query, path)))


@pytest.mark.parametrize("query", [*WRITING, *REACHING])
def test_a_closed_connection_reaches_nothing_even_unchecked(path: Path, query: str) -> None:
    with untouched(path), warehouse.reading(path) as connection:
        try:
            result: duckdb.DuckDBPyConnection | None = connection.execute(filled(query, path))
        except duckdb.Error:
            return
        assert result is None or "the-secret" not in str(result.fetchall())


@pytest.mark.parametrize("query", REACHING)
def test_what_reaches_out_fails(path: Path, query: str) -> None:
    with warehouse.reading(path) as connection, pytest.raises(duckdb.Error):
        connection.execute(readonly.reading_statement(connection, filled(query, path)))


def test_a_second_connection_of_the_process_is_as_closed(path: Path) -> None:
    with warehouse.reading(path), warehouse.reading(path) as second:
        for query in ("set threads = 1", f"from read_text('{path.with_name('secret.txt')}')"):
            with pytest.raises(duckdb.Error):
                second.execute(query)


@pytest.mark.parametrize(
    ("query", "form"),
    [*((query, "csv") for query in [*WRITING[:15], *REACHING]), *((query, "parquet") for query in WRITING[:7])],
)
def test_hear_sql_refuses_them_too(path: Path, query: str, form: str) -> None:
    command = [sys.executable, "-m", "hear_app.cli", "sql", "-", "--format", form]
    with untouched(path):
        done = subprocess.run(
            command, input=filled(query, path).encode(), cwd=path.parent, capture_output=True, timeout=60,
            env={**os.environ, "HEAR_WAREHOUSE": str(path)},
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b""), done.stderr


def test_hear_sql_writes_parquet_that_opens(path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hear_app.cli", "sql", "--format", "parquet"]
    environment = {**os.environ, "HEAR_WAREHOUSE": str(path)}
    query = "select range as a, [1] as b, 'x' as c from range(300000)"
    done = subprocess.run([*command, query], cwd=tmp_path, capture_output=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    (tmp_path / "rows.parquet").write_bytes(done.stdout)
    with duckdb.connect() as connection:
        [(rows,)] = connection.execute(f"select count(*) from '{tmp_path}/rows.parquet' where b = [1]").fetchall()
    assert rows == 300000
    refused = subprocess.run(
        [*command, "select interval 1 day as a"], cwd=tmp_path, capture_output=True, env=environment, timeout=60
    )
    assert refused.returncode == 2
    assert b"column::varchar" in refused.stderr
