"""Locks that one run holds at a time: the lock file, which the system frees when its holder ends; who that is."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from hear_app.errors import BusyError, HearError

_RECORD_BYTES = 4096


def holder() -> dict[str, object]:
    """Who this process is, as the holder of a lock writes it down."""
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def described(record: bytes) -> str:
    """The holder that a record names, in words."""
    try:
        known = json.loads(record)
        return f"process {known['pid']} on {known['host']}, since {known['since']}"
    except (ValueError, KeyError, TypeError):
        return "process unknown"


def busy(what: str, record: bytes, remedy: str = "Wait for it to end.") -> BusyError:
    """The error for a lock of `what` that another run holds."""
    return BusyError(f"Another run has {what}: {described(record)}.", remedy)


def take(path: Path, what: str) -> BinaryIO:
    """Takes the lock file at `path`, made if it is missing; closing it lets it go. `what` says what it guards.

    Raises BusyError where another run has it, naming that one; OSError where it can't be opened; HearError where
    it is another user's, or a link or anything but a file, since writing to that could empty a file elsewhere.
    """
    file = os.fdopen(_open(path), "r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(json.dumps(holder()).encode())
    except BlockingIOError:
        with file:
            raise busy(what, file.read(_RECORD_BYTES)) from None
    except OSError:
        file.close()
        raise
    return file


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise _not_plain(path)
    try:
        descriptor = os.open(path, flags, 0o666)
    except PermissionError:
        if path.exists():
            raise _not_ours(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # it was swapped since
        os.close(descriptor)
        raise _not_plain(path)
    return descriptor


def _not_plain(path: Path) -> HearError:
    return HearError(f"The lock file {path} is a link, or no plain file.", "Remove it, and run again.")


def _not_ours(path: Path) -> HearError:
    return HearError(
        f"The lock file {path} is private to its owner, who is not user {os.geteuid()}.",
        'Run as that user (in Docker: --user "$(id -u):$(id -g)").',
    )
