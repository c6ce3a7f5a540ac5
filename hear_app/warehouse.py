"""The warehouse file: locked against a second run, built beside, published by one rename, opened read-only.

Why a rename: a DuckDB file has one writer, and a reader blocks it. A file that is only ever replaced is never
locked for its readers, and never half-written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from hear_app import locks, readonly
from hear_app.errors import BusyError, WarehouseError
from hear_app.settings import DEFAULT_MEMORY

STORAGE_VERSION = "v1.4.0"  # opens in DuckDB 1.4 and later; below it a stale WAL is replayed into the new file
_STORAGE = f"storage_version '{STORAGE_VERSION}', block_size 65536"  # of the usual 256 KiB much stays empty
_PROBE_SECONDS = 5.0
_INSTALLS_NOTHING: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
_FEW_BLOCKS = 256  # below 16 MiB there is nothing worth the rewrite


class _OrphanedWalError(WarehouseError):
    """A WAL lies beside the file that belongs to an earlier one."""


@contextlib.contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Holds the folder of a warehouse file, made if it is missing, for as long as the block lasts.

    Raises BusyError where another run has it, naming that one; WarehouseError where it can't be written.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = locks.take(folder / ".lock", f"the warehouse in {folder}")
    except OSError as error:
        raise unwritable(folder, error) from error
    with file:
        yield


def unwritable(
    folder: Path, error: OSError, instead: str = "set HEAR_WAREHOUSE to another place"
) -> WarehouseError:
    """The error for a folder that can't be written: full, or not ours, as a container's mount may be."""
    if error.errno == errno.ENOSPC:
        return WarehouseError(f"The disk is full ({folder}).", "Free some space, and run again.")
    return WarehouseError(
        f"The folder {folder} can't be written: {error.strerror or error}.",
        f"Make it writable for user {os.getuid()} (in Docker: make the folder first, and give "
        '--user "$(id -u):$(id -g)"), '
        f"or {instead}.",
    )


@contextlib.contextmanager
def reading(path: Path, *, closed: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, read-only, for as short as the block lasts.

    A statement can reach nothing but that file, whatever it or a view in the file says, unless it is not `closed`:
    for statements of our own that attach or write a second file.

    Raises WarehouseError where there is none, or one that is not ours; BusyError where a client holds it
    read-write.
    """
    if not path.exists():
        raise WarehouseError(f"There is no warehouse at {path}.", "`hear run` makes it.")
    try:
        connection = duckdb.connect(path, read_only=True, config=readonly.CONFIG if closed else _INSTALLS_NOTHING)
    except duckdb.Error as error:
        raise _opening_error(path, error) from error
    with contextlib.closing(connection):
        if closed:
            readonly.shut(connection)
        if not _is_ours(connection):
            raise WarehouseError(
                f"{path} is a DuckDB database that hear_app did not make.",
                "Set HEAR_WAREHOUSE to another file, or move this one away.",
            )
        yield connection


def _is_ours(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'bronze' and table_name in ('runs', 'loads')"
    ).fetchall()
    return bool(found[0][0] == 2)


def _opening_error(path: Path, error: duckdb.Error) -> WarehouseError | BusyError:
    said = str(error).splitlines()[0].replace(str(path), path.name)
    if "Could not set lock" in said:
        return BusyError(
            f"Another program has {path} open for writing ({_lock_holder(said)}).",
            "Close it there, or open it read-only: in DBeaver, access_mode=READ_ONLY in the driver's properties.",
        )
    if "Permission denied" in said:
        return WarehouseError(
            f"{path} is private to its owner, and user {os.getuid()} can't read it.",
            'Read it as its owner (in Docker: --user "$(id -u):$(id -g)"), who may also open it with chmod.',
        )
    if "WAL" in said:
        return _OrphanedWalError(
            f"A program that had {path} open for writing left {path.name}.wal behind, which does not fit it.",
            "`hear build` heals it.",
        )
    if "version number" in said:
        return WarehouseError(f"{path} was written by a newer DuckDB: {said}", "Update hear_app.")
    return WarehouseError(
        f"{path} is no DuckDB database, or a damaged one.",
        "Move it away and run `hear build`: it is rebuilt from the landing zone, with no request.",
    )


def _lock_holder(said: str) -> str:
    return said.partition("held in ")[2].partition(" See also")[0].strip(" .") or "process unknown"


def drop_orphaned_wal(path: Path) -> None:
    """Removes a WAL that a killed read-write client left beside the file and that does not fit it.

    Only the holder of the run lock calls this. What such a WAL holds are edits to a file that is gone.
    """
    try:
        with reading(path):
            return
    except _OrphanedWalError:
        _wal(path).unlink(missing_ok=True)


def start_build(published: Path, build: Path, afresh: bool) -> None:
    """Makes the working copy: of the published file, or, `afresh`, an empty one. Raises WarehouseError."""
    try:
        build.parent.mkdir(parents=True, exist_ok=True)
        discard(build)
        if not afresh:
            shutil.copyfile(published, build)
            return
    except OSError as error:
        raise unwritable(build.parent, error) from error
    with contextlib.closing(duckdb.connect(":memory:")) as connection:
        connection.execute(f"attach {_quoted(build)} as made ({_STORAGE})")


@contextlib.contextmanager
def writing(build: Path, memory: str = DEFAULT_MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working copy, for writing. Nothing but a run opens it.

    What does not fit into `memory` (a size such as 1GB) goes to a temporary folder beside the file.
    """
    with contextlib.closing(duckdb.connect(build, config={"memory_limit": memory})) as connection:
        yield connection


def compact_if_sparse(build: Path, memory: str = DEFAULT_MEMORY) -> None:
    """Rewrites the working copy where at least half of its blocks are free."""
    with writing(build, memory) as connection:
        total, free = connection.execute(
            "select total_blocks, free_blocks from pragma_database_size()"
        ).fetchall()[0]
    if free * 2 >= total > _FEW_BLOCKS:
        compact(build, memory)


def compact(build: Path, memory: str = DEFAULT_MEMORY) -> None:
    """Rewrites the working copy without its free blocks; comments, keys and compression stay.

    Raises duckdb.Error where there is no room for both; the working copy is then as it was.
    """
    part = build.with_name("compacted." + build.name)
    discard(part)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "temp_directory": f"{part}.tmp",
    }
    with contextlib.closing(duckdb.connect(":memory:", config=config)) as connection:
        connection.execute(f"attach {_quoted(build)} as source_file (read_only)")
        connection.execute(f"attach {_quoted(part)} as target_file ({_STORAGE})")
        connection.execute("copy from database source_file to target_file")
        connection.execute("checkpoint target_file")  # closing it would not say that the disk is full
    _close(part)
    part.replace(build)
    _wal(build).unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def finished_path(build: Path) -> Path:
    """Where a working copy stands that is built and proved, until it is published."""
    return build.with_name("finished." + build.name)


def discard(path: Path) -> None:
    """Removes a database file that is no longer needed, and its WAL."""
    for old in (path, _wal(path)):
        old.unlink(missing_ok=True)


def finish(build: Path) -> Path:
    """Marks a working copy as built and proved, by its name; returns that. Raises WarehouseError."""
    _close(build)
    try:
        discard(finished_path(build))
        return build.replace(finished_path(build))
    except OSError as error:
        raise unwritable(build.parent, error) from error


def publish(build: Path, published: Path) -> None:
    """Swaps the working copy in. A crash at any step leaves the old file or the new one, both whole.

    Whoever may read the old file may read the new one. Raises BusyError where a client holds the published file
    read-write: swapping under it would let it write its WAL beside the new file. The working copy stays then.
    """
    _close(build)
    _probe(published, build)
    try:
        _wal(published).unlink(missing_ok=True)
        _keep_access(published, build)
        _fsync(build)
        build.replace(published)
        _fsync(published.parent)
    except OSError as error:
        raise unwritable(published.parent, error) from error


def _close(build: Path) -> None:
    """Writes what still stands in the working copy's WAL into it: on a full disk closing it could not."""
    if not _wal(build).exists():
        return
    try:
        with writing(build) as connection:
            connection.execute("checkpoint")
    except duckdb.Error as error:
        raise WarehouseError(
            f"{build} can't be closed: {str(error).splitlines()[0].rstrip('.')}.",
            "Free some space, or end the program that holds it, and run `hear build`.",
        ) from error


def _probe(published: Path, build: Path) -> None:
    """Waits a little for a read-write holder to go. What is there but opens not is no reason to wait."""
    deadline = time.monotonic() + _PROBE_SECONDS
    while published.exists():
        try:
            with reading(published):
                return
        except BusyError as error:
            if time.monotonic() > deadline:
                kept = f"{error.remedy} The new build stays in {build}: run again."
                raise BusyError(error.message, kept) from error
            time.sleep(0.25)
        except WarehouseError:
            return


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _keep_access(published: Path, build: Path) -> None:
    """Gives the new file the old one's mode and group, which a user may have set; from root the owner too."""
    if not published.exists():
        return
    old, new = published.stat(), build.stat()
    mode = stat.S_IMODE(old.st_mode)
    owner = old.st_uid if os.geteuid() == 0 else new.st_uid
    if (owner, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.chown(build, owner, old.st_gid)
        except PermissionError:
            mode &= ~stat.S_IRWXG  # what was open to that group would be open to another one
    build.chmod(mode)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
