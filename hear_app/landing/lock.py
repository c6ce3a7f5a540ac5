"""One run at a time writes to a landing zone: a lock file in a folder, a lease on an object store.

The lock file lies in the folder itself, so that whatever path leads there leads to the same one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from hear_app import locks
from hear_app.errors import BusyError, LandingError
from hear_app.landing.stores import STORE_ERRORS, reason

LOCK_NAME = ".landing.lock"
_CLOCK_NAME = ".landing.clock"
_LEASE_SECONDS = 60.0
_BEATS = 4  # renewals in a lease's time: its holder stops writing one beat before another run may take it
_TRIES = 3
# Counts the time that a machine sleeps, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Holds the landing zone in a folder for as long as the block lasts. Raises BusyError, LandingError."""
    place = folder.resolve()
    try:
        file = locks.take(place / LOCK_NAME, f"the landing zone {place}")
    except OSError as error:
        if error.errno != errno.EROFS:
            raise _unlockable(place, error) from error
        file = None  # nothing can be written there by this run, and nothing is locked for reading
    with file or contextlib.nullcontext():
        yield


@dataclass(frozen=True, slots=True)
class _Found:
    """A lease as it stands on the store: what it says, its version, and when it ends by the store's clock."""

    record: bytes
    version: dict[str, str]
    ends_at: datetime


class Lease:
    """The landing zone on an object store, held for as long as the block lasts.

    It is an object that its holder renews. Where it was not renewed for its time, by the store's own clock,
    another run takes it over; every write names the version that it replaces, so that only one succeeds.
    Raises BusyError where another run holds it, also at the block's end if one took it over; LandingError.
    """

    def __init__(self, store: Any, root: str, seconds: float = _LEASE_SECONDS) -> None:
        self._store = store
        self._root = root
        self._seconds = seconds
        self._known = {**locks.holder(), "owner": uuid.uuid4().hex}
        self._version: dict[str, str] = {}
        self._renewed_at = 0.0
        self._lost: BusyError | None = None
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._take()
        except STORE_ERRORS as error:
            raise _unlockable(self._root, error) from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._writing:
            if self._lost is None:
                self._release()
        if self._lost is not None:
            raise self._lost

    def check(self) -> None:
        """Raises BusyError where this run must not write any more, since another one may."""
        if self._is_overdue():
            with self._writing:
                if self._is_overdue() and self._lost is None:
                    self._renew()
        if self._lost is not None:
            raise self._lost

    def _take(self) -> None:
        for _ in range(_TRIES):
            if self._write("create"):
                return
            found = self._read()
            if found is None:
                continue
            if found.ends_at > self._now():
                until = f"{found.ends_at:%Y-%m-%dT%H:%M:%SZ}"
                raise self._busy(found, f"Wait for it to end; if it was killed, run again after {until}.")
            if self._write(found.version):
                return
        raise BusyError(f"Other runs are taking the landing zone {self._root}.", "Run again in a minute.")

    def _beat(self) -> None:
        while not self._ended.wait(self._seconds / _BEATS):
            with self._writing:
                if self._lost is not None or self._ended.is_set():
                    return
                self._renew()

    def _renew(self) -> None:
        """Renews the lease, or finds that it is lost; a store that is silent is asked again at the next beat."""
        try:
            if not self._write(self._version):
                self._lost = self._taken_over()
        except STORE_ERRORS as error:
            if self._is_overdue():
                self._lost = BusyError(
                    f"The landing zone {self._root} was held, and that can't be renewed: {reason(error)}.",
                    "What has landed is kept: run again.",
                )

    def _release(self) -> None:
        """Lets it go by a lease of no time. One that can't be let go ends by itself."""
        with contextlib.suppress(*STORE_ERRORS):
            if not self._write(self._version, seconds=0.0):
                self._lost = self._taken_over()

    def _taken_over(self) -> BusyError:
        found = None
        with contextlib.suppress(*STORE_ERRORS):
            found = self._read()
        return self._busy(found, "It took over from this one, which was not heard of for too long: wait for it.")

    def _busy(self, found: _Found | None, remedy: str) -> BusyError:
        return locks.busy(f"the landing zone {self._root}", found.record if found else b"", remedy)

    def _is_overdue(self) -> bool:
        return time.clock_gettime(_CLOCK) - self._renewed_at > self._seconds * (1 - 1 / _BEATS)

    def _write(self, mode: Any, seconds: float | None = None) -> bool:
        """Whether the lease is now as written. An answer may get lost, and what follows it is then a refusal."""
        began = time.clock_gettime(_CLOCK)
        time_left = self._seconds if seconds is None else seconds
        record = json.dumps({**self._known, "seconds": time_left, "write": uuid.uuid4().hex}).encode()
        try:
            self._version = _version(obstore.put(self._store, LOCK_NAME, record, mode=mode))
        except (AlreadyExistsError, PreconditionError):
            found = self._read()
            if found is None or found.record != record:
                return False
            self._version = found.version
        self._renewed_at = began
        return True

    def _read(self) -> _Found | None:
        try:
            answer = obstore.get(self._store, LOCK_NAME)
        except FileNotFoundError:
            return None
        record, meta = bytes(answer.bytes()), answer.meta
        try:
            seconds = float(json.loads(record)["seconds"])
        except (ValueError, KeyError, TypeError):
            seconds = _LEASE_SECONDS
        return _Found(record, _version(meta), meta["last_modified"] + timedelta(seconds=seconds))

    def _now(self) -> datetime:
        """The store's time, from an object written just now: two machines' clocks may differ."""
        obstore.put(self._store, _CLOCK_NAME, b"")
        now: datetime = obstore.head(self._store, _CLOCK_NAME)["last_modified"]
        return now


def _version(meta: Any) -> dict[str, str]:
    return {name: meta[name] for name in ("e_tag", "version") if meta[name] is not None}


def _unlockable(place: Path | str, error: Exception) -> LandingError:
    why = (error.strerror if isinstance(error, OSError) else None) or reason(error)
    remedy = "See that it is there and that you may write to it, or set HEAR_LANDING to another place."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        remedy = "The disk is full: free some space, and run again."
    return LandingError(f"The landing zone {place} can't be locked: {why}.", remedy)
