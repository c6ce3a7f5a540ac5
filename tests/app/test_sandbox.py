"""The SQL box: what it answers, and that nothing gets out of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import sandbox
from hear_app.errors import WarehouseError
from hear_app.sandbox_worker import Request
from tests.app.conftest import HOME

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
    "explain analyze copy (select 1) to '{published}' (use_tmp_file false)",
    "explain analyze copy (select 1) to '{published}.wal' (use_tmp_file false)",
    "with x as (copy (select 1) to '{published}' (use_tmp_file false)) from x",
    (
        "from json_execute_serialized_sql(json_serialize_sql("
        "'with x as (copy (select 1) to ''{published}'' (use_tmp_file false)) from x'))"
    ),
    "select * from read_blob('{published}')",
    "select * from read_text('/proc/self/environ')",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query_is_refused(sample: Path, tmp_path: Path, query: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("column\nthe-secret\n", encoding="utf-8")
    before = hashlib.sha256(sample.read_bytes()).digest()
    with pytest.raises(sandbox.RefusedError) as refused:
        sandbox.run(sample, query.format(folder=tmp_path, secret=secret, published=sample), seconds=5)
    assert "the-secret" not in str(refused.value)
    assert os.listdir(tmp_path) == ["secret.csv"]  # noqa: PTH208
    assert not sample.with_name(f"{sample.name}.wal").exists()
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


@pytest.mark.parametrize(
    "query",
    [
        "select levenshtein(repeat('a', 100000), repeat('b', 100000))",  # one call, which DuckDB never interrupts
        "select count(*) from range(1000000) as a, range(1000000) as b",
    ],
)
def test_the_deadline_holds_inside_one_call(sample: Path, query: str) -> None:
    began = time.monotonic()
    with pytest.raises(sandbox.RefusedError, match="Stopped after 2 seconds"):
        sandbox.run(sample, query, seconds=2)
    assert time.monotonic() - began < 8  # it takes some 50 undisturbed, and may wait for a place


@pytest.mark.parametrize(
    "query",
    [
        "select list(range) from range(300000000)",
        "select repeat('a', 2000000000)",
        "select length(repeat('a', 2000000000))",
        "select string_agg(repeat('a', 1000000), '') from range(5000)",
        # Here the memory ends while polars reads the rows, which has an error of its own for it.
        "with recursive t as (select repeat('a', 1000) as s union all select s || s from t) from t",
    ],
)
def test_memory_is_limited(sample: Path, query: str) -> None:
    with pytest.raises(sandbox.RefusedError, match=r"512 MB\. Ask for less|Stopped"):
        sandbox.run(sample, query)
    # Over all ended workers: the limit, and what the libraries take. KiB on Linux.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1.6 * 2**20


def test_a_result_is_limited(sample: Path) -> None:
    with pytest.raises(sandbox.RefusedError, match="too big"):
        sandbox.run(sample, "select repeat('x', 10000) from range(5000)")


def test_a_worker_gets_no_secret_and_leaves_nothing_behind(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_never_to_be_seen")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never_to_be_seen")
    seen = dict[int, bytes]()
    slow = threading.Thread(target=lambda: _refused(sample, "from range(100000000000) where range < 0", 3))
    slow.start()
    while slow.is_alive():
        for worker in _children():
            with contextlib.suppress(OSError):
                seen[worker] = Path(f"/proc/{worker}/environ").read_bytes()
        time.sleep(0.05)
    slow.join()
    worker = next(number for number, text in seen.items() if b"POLARS_MAX_THREADS" in text)
    assert b"never_to_be_seen" not in seen[worker]
    assert not Path(f"/proc/{worker}").exists()


def _refused(path: Path, query: str, seconds: float) -> None:
    with contextlib.suppress(sandbox.RefusedError):
        sandbox.run(path, query, seconds=seconds)


def _children(parent: int | str = "self") -> list[int]:
    found = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(number) for path in found if path.exists() for number in path.read_text(encoding="ascii").split()]


def test_the_kernel_ends_a_worker_where_the_one_that_started_it_hangs(sample: Path) -> None:
    request = Request(str(sample), "from range(100000000000) where range < 0", 10, 1)
    worker = subprocess.Popen(
        [sys.executable, "-m", "hear_app.sandbox_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(request).encode() + b"\n")
    worker.stdin.flush()
    assert worker.wait(timeout=20) < 0  # by the kernel's alarm or its limit of processor time
    worker.stdin.close()
    assert worker.stdout is not None
    worker.stdout.close()


_ASKS_FOR_LONG = """
import sys
from pathlib import Path
from app import sandbox
sandbox.run(Path(sys.argv[1]), "from range(1000000000000) where range < 0", seconds=60)
"""


def test_a_worker_ends_with_the_one_that_started_it(sample: Path) -> None:
    asking = subprocess.Popen([sys.executable, "-c", _ASKS_FOR_LONG, str(sample)], cwd=HOME)
    try:
        worker = _eventually(lambda: next(iter(_children(asking.pid)), None))
        command = Path(f"/proc/{worker}/cmdline")
        _eventually(lambda: b"sandbox_worker" in command.read_bytes())
        time.sleep(1)  # so that it is in the midst of the query; one that has not begun ends too
    finally:
        asking.kill()
        asking.wait()
    # A minute before its deadline. An ended process that nobody waits for has no command.
    _eventually(lambda: not command.exists() or not command.read_bytes())


def _eventually(found: Callable[[], Any]) -> Any:
    """What is found within half a minute."""
    deadline = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


@pytest.mark.parametrize(
    ("program", "told"), [("/nonexistent/python", "can't be started: No such file"), ("/bin/false", "exit code 1")]
)
def test_a_worker_that_can_not_start_is_a_sentence(
    sample: Path, monkeypatch: pytest.MonkeyPatch, program: str, told: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(sandbox.RefusedError, match=told):
        sandbox.run(sample, "select 1")


def test_two_run_at_a_time(sample: Path) -> None:
    long = [
        threading.Thread(target=_refused, args=(sample, "from range(100000000000) where range < 0", 8))
        for _ in range(2)
    ]
    for thread in long:
        thread.start()
    time.sleep(0.5)
    with pytest.raises(sandbox.RefusedError, match="Two other queries"):
        sandbox.run(sample, "select 1")
    for thread in long:
        thread.join()


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
        "select union_value(a := 1) as a, [interval 1 day] as b",
        "explain analyze from fct_issues",
        "explain (format json) select 1",
        "values (1)",
        "table dim_user",
        "pivot fct_issues on is_open in (true, false) using count(*)",
    ],
)
def test_a_reading_query_is_answered(sample: Path, query: str) -> None:
    assert sandbox.run(sample, query).frame.height > 0


def test_no_file_is_said_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="There is no warehouse"):
        sandbox.run(tmp_path / "none.duckdb", "select 1")
