"""The warehouse file under real processes: locked, published while it is read, held by others, killed, damaged."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from hear_app import warehouse
from hear_app.errors import BusyError, WarehouseError

HOME = Path(__file__).resolve().parents[2]
ROWS = 2000

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published file of version 0."""
    path = tmp_path / "hear.duckdb"
    publish(path, 0)
    return path


def made(build: Path, version: int) -> None:
    """A file that passes for ours; each of its rows says which version it is."""
    warehouse.start_build(build, build, afresh=True)
    with warehouse.writing(build) as connection:
        connection.execute("create schema bronze")
        connection.execute("create table bronze.runs as select 1 as _run_id")
        connection.execute(f"create table bronze.loads as select {version} as version from range({ROWS})")


def publish(path: Path, version: int) -> None:
    build = path.parent / ".build" / path.name
    made(build, version)
    warehouse.publish(build, path)


def version_of(path: Path) -> int:
    """The version that all rows agree on."""
    with warehouse.reading(path) as connection:
        found = connection.execute("select version, count(*) from bronze.loads group by version").fetchall()
    ((version, count),) = found
    assert count == ROWS
    return int(version)


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Starts Python programs; `ready` waits for their first line, and the test's end is theirs."""
    with contextlib.ExitStack() as stack:

        def start(program: str, *arguments: object, ready: bool = True) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(HOME), "PYTHONUNBUFFERED": "1"},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            if ready:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == "ready"
            return process

        yield start


HOLD_LOCK = """
    import sys
    from pathlib import Path
    from hear_app import warehouse
    with warehouse.run_lock(Path(sys.argv[1])):
        print("ready")
        sys.stdin.read()
"""
HOLD_FILE = """
    import sys
    import duckdb
    connection = duckdb.connect(sys.argv[1])
    connection.execute("pragma disable_checkpoint_on_shutdown")
    connection.execute(sys.argv[2])
    print("ready")
    sys.stdin.read(1)
    connection.close()
"""
READ = """
    import sys
    import time
    from pathlib import Path
    from hear_app import warehouse
    stop, path, seen, reads = Path(sys.argv[2]), Path(sys.argv[1]), [], 0
    print("ready")
    while not stop.exists():
        with warehouse.reading(path) as connection:
            found = connection.execute("select version, count(*) from bronze.loads group by version").fetchall()
        reads += 1
        assert len(found) == 1 and found[0][1] == int(sys.argv[3]), found
        if not seen or seen[-1] != found[0][0]:
            seen.append(found[0][0])
        time.sleep(0.005)
    print(*seen)
    sys.exit(0 if reads > 5 and seen == sorted(seen) else 7)
"""


# -- one run at a time


def test_a_second_run_is_told_who_has_the_folder(published: Path, spawn: Spawn) -> None:
    holder = spawn(HOLD_LOCK, published)
    with pytest.raises(BusyError) as caught, warehouse.run_lock(published):
        pytest.fail("two runs at once")
    assert caught.value.exit_code == 3
    said = str(caught.value)
    assert f"the warehouse in {published.parent}: process {holder.pid} on {platform.node()}, since 20" in said
    assert version_of(published) == 0, "a run that works hinders no reader"
    holder.communicate()
    with warehouse.run_lock(published):
        pass


def test_a_killed_run_leaves_no_lock(published: Path, spawn: Spawn) -> None:
    holder = spawn(HOLD_LOCK, published)
    holder.kill()
    holder.wait()
    with warehouse.run_lock(published):
        known = json.loads((published.parent / ".lock").read_text(encoding="utf-8"))
        assert known["pid"] == os.getpid()


def test_runs_over_other_warehouses_are_free(published: Path, spawn: Spawn, tmp_path: Path) -> None:
    spawn(HOLD_LOCK, published)
    with warehouse.run_lock(tmp_path / "other" / "hear.duckdb"):
        pass


def test_a_lock_file_with_nonsense_in_it_still_locks(published: Path, spawn: Spawn) -> None:
    spawn(HOLD_LOCK, published)
    (published.parent / ".lock").write_text("nonsense", encoding="utf-8")
    with pytest.raises(BusyError, match="process unknown"), warehouse.run_lock(published):
        pytest.fail("two runs at once")


# -- publishing


def test_readers_see_one_whole_version_after_another(published: Path, spawn: Spawn, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    readers = [spawn(READ, published, stop, ROWS) for _ in range(2)]
    for version in range(1, 9):
        publish(published, version)
        time.sleep(0.05)
    stop.touch()
    for reader in readers:
        told, _ = reader.communicate(timeout=20)
        assert reader.returncode == 0, told
        assert len(told.split()) > 3, "versions changed while they were read"
    assert version_of(published) == 8


def test_a_reader_keeps_what_it_opened(published: Path) -> None:
    with warehouse.reading(published) as connection:
        publish(published, 1)
        assert connection.execute("select max(version) from bronze.loads").fetchall() == [(0,)]
    assert version_of(published) == 1


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_published_file_keeps_the_mode_that_its_owner_gave_it(published: Path, mode: int) -> None:
    published.chmod(mode)
    publish(published, 1)
    assert stat.S_IMODE(published.stat().st_mode) == mode
    assert version_of(published) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to others")
def test_a_publishing_root_leaves_the_file_to_its_owner(published: Path) -> None:
    os.chown(published, 12345, 54321)
    published.chmod(0o640)
    publish(published, 1)
    found = published.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o640)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3])
def test_a_publisher_may_be_killed_at_any_moment(published: Path, spawn: Spawn, delay: float) -> None:
    program = """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from hear_app import warehouse
        path = Path(sys.argv[1])
        print("ready")
        for version in range(1, 1000):
            warehouse.drop_orphaned_wal(path)
            build = path.parent / ".build" / path.name
            warehouse.start_build(path, build, afresh=False)
            with warehouse.writing(build) as connection:
                connection.execute("update bronze.loads set version = version + 1")
            warehouse.publish(build, path)
    """
    process = spawn(program, published, HOME)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = version_of(published)
    publish(published, before + 1)
    assert version_of(published) == before + 1


def test_a_new_file_opens_in_duckdb_1_4(published: Path) -> None:
    with duckdb.connect(published, read_only=True) as connection:
        ((tags,),) = connection.execute(
            "select tags from duckdb_databases() where database_name = current_database()"
        ).fetchall()
    assert tags["storage_version"].startswith("v1.4.0")


def test_a_working_copy_goes_on_from_the_published_file(published: Path, tmp_path: Path) -> None:
    build = tmp_path / ".build" / "hear.duckdb"
    build.with_name("hear.duckdb.wal").write_bytes(b"left by a killed run")
    build.write_bytes(b"left by a killed run")
    warehouse.start_build(published, build, afresh=False)
    assert version_of(build) == 0
    assert build.read_bytes() == published.read_bytes()
    warehouse.start_build(published, build, afresh=True)
    with pytest.raises(WarehouseError, match="did not make"), warehouse.reading(build):
        pytest.fail("an empty file holds nothing of ours")


def test_a_working_copy_that_is_still_open_is_not_published(published: Path, spawn: Spawn, tmp_path: Path) -> None:
    build = tmp_path / ".build" / "hear.duckdb"
    made(build, 1)
    spawn(HOLD_FILE, build, "update bronze.loads set version = 2")
    with pytest.raises(WarehouseError, match="can't be closed"):
        warehouse.publish(build, published)
    assert version_of(published) == 0


def test_rewriting_keeps_rows_comments_keys_and_the_storage_version(published: Path) -> None:
    with duckdb.connect(published) as connection:
        connection.execute(
            "create table bronze.kept (id integer primary key, payload json using compression zstd)"
        )
        connection.execute("comment on table bronze.kept is 'Grain: one of them'")
        connection.execute("insert into bronze.kept select range, '{\"a\": 1}' from range(1000)")
    warehouse.compact(published)
    assert version_of(published) == 0
    with warehouse.reading(published) as connection:
        assert connection.execute(
            "select comment, has_primary_key, estimated_size from duckdb_tables() where table_name = 'kept'"
        ).fetchall() == [("Grain: one of them", True, 1000)]
    test_a_new_file_opens_in_duckdb_1_4(published)


# -- others at the file


def test_a_program_that_writes_is_named(published: Path, spawn: Spawn) -> None:
    holder = spawn(HOLD_FILE, published, "select 1")
    with pytest.raises(BusyError) as caught, warehouse.reading(published):
        pytest.fail("read what another program writes")
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert str(published) in said
    assert str(holder.pid) in said
    assert "read-only" in said
    assert "\n" not in said


def test_under_a_program_that_writes_nothing_is_published(
    published: Path, spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "_PROBE_SECONDS", 0.4)
    build = tmp_path / ".build" / "hear.duckdb"
    made(build, 1)
    holder = spawn(HOLD_FILE, published, "update bronze.loads set version = 7")
    with pytest.raises(BusyError) as caught:
        warehouse.publish(build, published)
    assert str(caught.value).endswith(f"The new build stays in {build}: run again.")
    assert caught.value.exit_code == 3
    assert version_of(build) == 1
    holder.communicate("x")
    assert version_of(published) == 7, "what that program wrote is its own business"
    warehouse.publish(build, published)
    assert version_of(published) == 1


def test_a_program_that_soon_lets_go_only_delays_publishing(published: Path, spawn: Spawn, tmp_path: Path) -> None:
    build = tmp_path / ".build" / "hear.duckdb"
    made(build, 1)
    program = HOLD_FILE.replace("sys.stdin.read(1)", "__import__('time').sleep(0.6)")
    spawn(program, published, "select 1")
    warehouse.publish(build, published)
    assert version_of(published) == 1


def killed_writer(path: Path, spawn: Spawn) -> Path:
    """The WAL that a read-write client leaves beside a file when it is killed."""
    holder = spawn(HOLD_FILE, path, "update bronze.loads set version = 7")
    holder.kill()
    holder.wait()
    wal = path.with_name(path.name + ".wal")
    assert wal.stat().st_size > 0
    return wal


def test_a_log_of_an_earlier_file_is_healed(published: Path, spawn: Spawn, tmp_path: Path) -> None:
    wal = killed_writer(published, spawn)
    made(tmp_path / "other.duckdb", 1)
    (tmp_path / "other.duckdb").replace(published)
    with pytest.raises(
        WarehouseError, match=rf"left {wal.name} behind, which does not fit it.*`hear build` heals it"
    ):
        version_of(published)
    assert wal.exists(), "a reader changes nothing"
    warehouse.drop_orphaned_wal(published)
    assert not wal.exists()
    assert version_of(published) == 1


def test_a_log_that_fits_its_file_is_left_alone_until_the_next_file_comes(published: Path, spawn: Spawn) -> None:
    wal = killed_writer(published, spawn)
    warehouse.drop_orphaned_wal(published)
    assert wal.exists()
    assert version_of(published) == 7
    publish(published, 8)
    assert not wal.exists()
    assert version_of(published) == 8


# -- what is no warehouse


def test_where_there_is_none_it_says_how_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "hear.duckdb"
    with pytest.raises(WarehouseError, match=rf"^There is no warehouse at {path}\. `hear run` makes it\.$"):
        version_of(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "folder"),
    [
        (b"", "plain"),
        (b"no database " * 1000, "plain"),
        (b"SQLite format 3\x00" + b"\x00" * 4096, "plain"),
        ("cut", "plain"),
        (b"no database", "WAL"),
        (b"no database", "version number"),
        (b"no database", "it's a folder"),
    ],
)
def test_a_file_that_is_no_database_is_named_and_untouched(
    published: Path, tmp_path: Path, content: bytes | str, folder: str
) -> None:
    stored = published.read_bytes()[:5000] if isinstance(content, str) else content
    path = tmp_path / folder / "my.duckdb"
    path.parent.mkdir()
    path.write_bytes(stored)
    for look in (version_of, warehouse.drop_orphaned_wal):
        with pytest.raises(WarehouseError) as caught:
            look(path)
        assert str(caught.value).startswith(f"{path} is no DuckDB database, or a damaged one")
        assert "Move it away and run `hear build`" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 1
    assert path.read_bytes() == stored
    assert [entry.name for entry in path.parent.iterdir()] == ["my.duckdb"]


def test_a_database_of_somebody_else_is_named_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "books.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table accounts as select 1 as balance")
        connection.execute("create schema bronze")
        connection.execute("create table bronze.statues as select 1 as height")
    stored = path.read_bytes()
    with pytest.raises(WarehouseError, match="did not make") as caught, warehouse.reading(path):
        pytest.fail("took a stranger's file for ours")
    assert str(caught.value).startswith(f"{path} is a DuckDB database that hear_app did not make.")
    assert "HEAR_WAREHOUSE" in str(caught.value)
    assert path.read_bytes() == stored


def test_a_place_that_can_t_be_written_is_named_with_remedies(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    path = tmp_path / "file" / "deep" / "hear.duckdb"
    with pytest.raises(WarehouseError) as caught, warehouse.run_lock(path):
        pytest.fail("a folder inside a file")
    said = str(caught.value)
    assert said.startswith(f"The folder {path.parent} can't be written: ")
    assert "HEAR_WAREHOUSE" in said
    assert '--user "$(id -u):$(id -g)"' in said
    with pytest.raises(WarehouseError, match="can't be written"):
        warehouse.start_build(path, path, afresh=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(WarehouseError, match="Permission denied"), warehouse.run_lock(folder / "hear.duckdb"):
        pytest.fail("wrote into a read-only folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_is_private_to_another_user_is_named(published: Path) -> None:
    published.chmod(0)
    with pytest.raises(WarehouseError, match=f"private to its owner, and user {os.getuid()} can't read it"):
        version_of(published)
