"""The landing zone: immutable objects with the responses of the API, as they came. Its only writer.

What has landed is the state. In an object each response is two lines: an envelope (how it was asked for and what
the headers said), and the body.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import obstore
import orjson
from obstore.exceptions import AlreadyExistsError, BaseError

from hear_app.errors import LandingError, MisplacedError
from hear_app.landing import compression
from hear_app.landing.envelope import (
    Envelope,
    LandedObject,
    Stream,
    Walk,
    group_walks,
    parse_path,
    source_folder,
    walk_prefix,
)
from hear_app.landing.lock import Lease, folder_lock
from hear_app.landing.stores import folder_of, opened, reason


@dataclass(frozen=True, slots=True)
class Response:
    """One landed response: its envelope, its body, and the envelope's line as it is stored."""

    envelope: Envelope
    body: bytes
    line: bytes

    @property
    def digest(self) -> str:
        """Tells whether a byte of it is another one: the first 128 bits of both lines' SHA-256, in hexadecimal."""
        known = hashlib.sha256(self.line)
        for part in (b"\n", self.body, b"\n"):  # not joined first: a body may be large
            known.update(part)
        return known.hexdigest()[:32]

    @property
    def lines(self) -> bytes:
        return b"\n".join((self.line, self.body, b""))


_ENVELOPE_BYTES = 2**16
_LOOKS = 50  # objects of a folder, to see whether it is a source
_FLUSHERS = 16  # files at once: a disk writes many in about the time of one


class Landing:
    """The objects under one root: a folder, or any URL that obstore knows (`s3://…`)."""

    def __init__(self, root: str) -> None:
        """Opens, and for a folder makes, the root. Raises LandingError where that can't be."""
        self.root = root
        self.on_put: Callable[[], None] = lambda: None
        self.check_lock: Callable[[], None] = lambda: None
        self.folder = folder_of(root)
        try:
            self._store: Any = opened(root)
        except (BaseError, OSError, ValueError) as error:
            raise LandingError(
                f"The landing zone {root} can't be opened: {reason(error)}.",
                "Make its folder writable for you, or set HEAR_LANDING to another place.",
            ) from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other runs from writing to the landing zone for as long as the block lasts.

        Raises BusyError where another run has it, also when one took it over since; LandingError.
        """
        if self.folder is not None:
            with folder_lock(self.folder):
                yield
        else:
            with Lease(self._store, self.root) as lease:
                self.check_lock = lease.check
                yield

    def put(self, envelope: Envelope, body: bytes) -> str:
        """Lands one response; returns the digest of what is there.

        An object that exists already stays: pages of a walk are immutable. Raises LandingError where the store
        refuses (no space, no permission).
        """
        response = _response(envelope, body)
        if not self._put(envelope.path, response.lines):
            return self.responses(envelope.path)[0].digest
        self.on_put()
        return response.digest

    def put_pack(self, first_walk: int, last_walk: int, part: int, responses: list[Response]) -> str:
        """Lands the responses of some whole walks of one stream as one object; returns its path."""
        known = responses[0].envelope
        folder = walk_prefix(known.source, known.repository_id, known.stream, 0).rsplit("/", 1)[0]
        path = f"{folder}/packed/{first_walk:06d}-{last_walk:06d}-{part:03d}.jsonl.zst"
        self._put(path, b"".join(response.lines for response in responses))
        return path

    def flush(self, paths: Sequence[str]) -> None:
        """Makes sure that objects are on the disk, before anything says that they are there.

        An object store keeps what it has answered for. Raises LandingError where one is gone or the disk fails.
        """
        if self.folder is None or not paths:
            return
        files = [self.folder / path for path in paths]
        folders = {place for file in files for place in file.parents if place.is_relative_to(self.folder)}
        try:
            with ThreadPoolExecutor(_FLUSHERS, "flush") as at_once:
                for places in (files, folders):
                    list(at_once.map(_fsync, places))
        except OSError as error:
            raise LandingError(
                f"{error.filename} can't be brought safely to the disk: {error.strerror}.",
                "Mend the disk or free some space, then run again.",
            ) from error

    def delete(self, paths: list[str]) -> None:
        """Removes objects whose responses stand in another one."""
        self.check_lock()
        try:
            obstore.delete(self._store, paths)
        except (BaseError, OSError) as error:
            raise LandingError(f"{paths[0]} can't be removed from {self.root}: {reason(error)}.") from error

    def _put(self, path: str, lines: bytes) -> bool:
        """Whether the object was not there yet."""
        self.check_lock()
        try:
            obstore.put(self._store, path, compression.pack(lines), mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise LandingError(
                f"{path} can't be written to {self.root}: {reason(error)}.",
                "Free some space or make the folder writable, then run again: it goes on from what has landed.",
            ) from error
        return True

    def read(self, path: str) -> list[tuple[Envelope, bytes]]:
        """The envelopes and bodies in one object. Raises LandingError where it is corrupt or gone."""
        return [(response.envelope, response.body) for response in self.responses(path)]

    def responses(self, path: str) -> list[Response]:
        """The responses in one object.

        Raises LandingError where it is corrupt, or gone, or belongs to another place: a stray copy, say.
        """
        lines = self._lines(path)
        if len(lines) % 2 or not lines:
            raise self._corrupt(path, "it has no whole response")
        pairs = zip(lines[::2], lines[1::2], strict=True)
        return [Response(self._envelope(path, line), body, line) for line, body in pairs]

    def envelope(self, path: str) -> Envelope:
        """The envelope of an object's first response, without reading the rest.

        Raises LandingError where it is corrupt, or gone, or belongs to another place.
        """
        try:
            start = compression.beginning(self._stored(path), _ENVELOPE_BYTES)
        except compression.CorruptError as error:
            raise self._corrupt(path, str(error)) from error
        return self._envelope(path, start.partition(b"\n")[0])

    def objects(self, prefix: str = "") -> Iterator[LandedObject]:
        """All landed objects below a prefix, in no order. Raises LandingError where they can't be listed."""
        try:
            for batch in obstore.list(self._store, prefix=prefix or None):
                for entry in batch:
                    landed = parse_path(entry["path"], entry["size"], entry["last_modified"])
                    if landed is not None:
                        yield landed
        except (BaseError, OSError) as error:
            raise LandingError(f"The landing zone {self.root} can't be listed: {reason(error)}.") from error

    def foreign(self, prefix: str) -> list[str]:
        """Paths below a prefix that look like landed objects, and lie where none does. Raises LandingError."""
        try:
            paths = [entry["path"] for batch in obstore.list(self._store, prefix=prefix) for entry in batch]
        except (BaseError, OSError) as error:
            raise LandingError(f"The landing zone {self.root} can't be listed: {reason(error)}.") from error
        return sorted(path for path in paths if path.endswith(".zst") and parse_path(path) is None)

    def walks(self, source: str, repository_id: int, stream: Stream) -> list[Walk]:
        """The walks of one stream, oldest first."""
        prefix = walk_prefix(source, repository_id, stream, 0).rsplit("/", 1)[0]
        return group_walks(self.objects(prefix))

    def sources(self) -> list[str]:
        """The sources that anything has landed of."""
        return [folder for folder in self._folders(None) if self._holds_its_own(folder)]

    def strays(self) -> list[str]:
        """Folders of landed objects in which nothing belongs where it lies: copies that somebody left there."""
        return [
            folder
            for folder in self._folders(None)
            if not self._holds_its_own(folder) and any(True for _ in self.objects(folder))
        ]

    def _holds_its_own(self, folder: str) -> bool:
        """Whether one of its first objects belongs there, by its word; what can't be read is damage."""
        found = set[type[LandingError]]()
        for landed in itertools.islice(self.objects(folder), _LOOKS):
            try:
                self.envelope(landed.path)
            except LandingError as error:
                found.add(type(error))
            else:
                return True
        return found == {LandingError}

    def repositories(self, source: str) -> dict[int, tuple[Envelope, bytes]]:
        """For each repository of a source its newest repository response that can be read."""
        found = {key: self._newest(landed) for key, landed in self._repository_objects(source).items()}
        return {key: response for key, response in found.items() if response is not None}

    def unreadable(self, source: str) -> dict[int, LandingError]:
        """What is wrong with each repository of a source whose repository response is gone or can't be read."""
        responses = self._repository_objects(source)
        errors = {}
        for folder in self._folders(source_folder(source)):
            left = next(self.objects(folder), None)
            if left is not None and left.repository_id not in responses:
                errors[left.repository_id] = LandingError(
                    f"{folder} has lost the response of the repository itself, which tells its name.",
                    "Sync it by its name, or move the folder out of the landing zone.",
                )
        for key, landed in responses.items():
            if self._newest(landed) is None:
                try:
                    self.read(landed[0].path)
                except LandingError as error:
                    errors[key] = error
        return errors

    def _newest(self, landed: list[LandedObject]) -> tuple[Envelope, bytes] | None:
        """The first of some repository responses, newest first, that can be read."""
        for known in landed:
            with contextlib.suppress(LandingError):  # `hear verify` names it; an older one tells the name too
                return self.read(known.path)[-1]
        return None

    def _repository_objects(self, source: str) -> dict[int, list[LandedObject]]:
        """For each repository of a source its repository responses, newest first."""
        found: dict[int, list[LandedObject]] = defaultdict(list)
        for folder in self._folders(source_folder(source)):
            for landed in self.objects(f"{folder}/repository"):
                found[landed.repository_id].append(landed)
        return {key: sorted(of, key=lambda landed: -landed.walk_id) for key, of in found.items()}

    def _folders(self, prefix: str | None) -> list[str]:
        try:
            return sorted(obstore.list_with_delimiter(self._store, prefix=prefix)["common_prefixes"])
        except (BaseError, OSError) as error:
            raise LandingError(f"The landing zone {self.root} can't be listed: {reason(error)}.") from error

    def _lines(self, path: str) -> list[bytes]:
        try:
            text = compression.unpack(self._stored(path))
        except compression.CorruptError as error:
            raise self._corrupt(path, str(error)) from error
        return text.split(b"\n")[:-1]

    def _stored(self, path: str) -> bytes:
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except (BaseError, OSError) as error:
            raise LandingError(f"{path} can't be read from {self.root}: {reason(error)}.") from error

    def _envelope(self, path: str, line: bytes) -> Envelope:
        known = {field.name for field in fields(Envelope)}
        try:
            envelope = Envelope(**{name: value for name, value in orjson.loads(line).items() if name in known})
            landed = parse_path(path)
            belongs = landed is None or landed.holds(envelope)
        except (orjson.JSONDecodeError, TypeError, AttributeError, ValueError) as error:
            raise self._corrupt(path, "its envelope can't be read") from error
        if not belongs:
            raise self._corrupt(path, "it belongs to another place, by its envelope", MisplacedError)
        return envelope

    def _corrupt(self, path: str, why: str, kind: type[LandingError] = LandingError) -> LandingError:
        where = path if self.folder is None else self.folder / path
        return kind(f"The landed object {where} is corrupt: {why}.", reread_remedy(path))


def reread_remedy(path: str) -> str:
    """What to do about an object that can't be used: all of its stream is read again where none of it is there."""
    stream = path.rsplit("/", 2)[0]
    return f"Move the folder {stream} out of the landing zone and run again: that stream is then read afresh."


def _response(envelope: Envelope, body: bytes) -> Response:
    """A response as it is stored; line breaks between a body's tokens become spaces."""
    line = orjson.dumps({name: value for name, value in asdict(envelope).items() if value is not None})
    return Response(envelope, body.replace(b"\r", b" ").replace(b"\n", b" "), line)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)
