"""The landing zone: immutable objects with the responses of the API, as they came. Its only writer.

What has landed is the state. In an object each response is two lines: an envelope (how it was asked for and what
the headers said), and the body.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import obstore
import orjson
import zstandard
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from hear_app.errors import LandingError
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

Response = tuple[Envelope, bytes]

_ENVELOPE_BYTES = 2**16
_LEVEL = 3  # a page of 400 kB in about a millisecond, to a tenth; higher levels cost time for little


class Landing:
    """The objects under one root: a folder, or any URL that obstore knows (`s3://…`)."""

    def __init__(self, root: str) -> None:
        """Opens, and for a folder makes, the root. Raises LandingError where that can't be."""
        self.root = root
        self.on_put: Callable[[], None] = lambda: None
        self.folder = None if "://" in root else Path(root).expanduser().absolute()
        try:
            if "://" in root:
                self._store: Any = from_url(root)
            else:
                self._store = LocalStore(Path(root).expanduser().absolute(), mkdir=True)
        except (BaseError, OSError, ValueError) as error:
            raise LandingError(
                f"The landing zone {root} can't be opened: {_first_line(error)}.",
                "Make its folder writable for you, or set HEAR_LANDING to another place.",
            ) from error

    def put(self, envelope: Envelope, body: bytes) -> None:
        """Lands one response. An object that exists already stays: pages of a walk are immutable.

        Raises LandingError where the store refuses (no space, no permission).
        """
        if self._put(envelope.path, _lines_of((envelope, body))):
            self.on_put()

    def put_pack(self, first_walk: int, last_walk: int, part: int, responses: list[Response]) -> str:
        """Lands the responses of some whole walks of one stream as one object; returns its path."""
        known = responses[0][0]
        folder = walk_prefix(known.source, known.repository_id, known.stream, 0).rsplit("/", 1)[0]
        path = f"{folder}/packed/{first_walk:06d}-{last_walk:06d}-{part:03d}.jsonl.zst"
        self._put(path, b"".join(map(_lines_of, responses)))
        return path

    def flush(self, paths: list[str]) -> None:
        """Makes sure that objects are on the disk before others, which they replace, are removed."""
        if self.folder is None:
            return
        for path in paths:
            for place in (self.folder / path, (self.folder / path).parent):
                descriptor = os.open(place, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def delete(self, paths: list[str]) -> None:
        """Removes objects whose responses stand in another one."""
        try:
            obstore.delete(self._store, paths)
        except (BaseError, OSError) as error:
            raise LandingError(f"{paths[0]} can't be removed from {self.root}: {_first_line(error)}.") from error

    def _put(self, path: str, lines: bytes) -> bool:
        """Whether the object was not there yet."""
        try:
            obstore.put(self._store, path, _compressed(lines), mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise LandingError(
                f"{path} can't be written to {self.root}: {_first_line(error)}.",
                "Free some space or make the folder writable, then run again: it goes on from what has landed.",
            ) from error
        return True

    def read(self, path: str) -> list[tuple[Envelope, bytes]]:
        """The responses in one object. Raises LandingError where it is corrupt or gone."""
        lines = self._lines(path)
        if len(lines) % 2 or not lines:
            raise self._corrupt(path, "it has no whole response")
        return [(self._envelope(path, lines[at]), lines[at + 1]) for at in range(0, len(lines), 2)]

    def envelope(self, path: str) -> Envelope:
        """The envelope of an object's first response, without reading the rest.

        Raises LandingError where it is corrupt or gone.
        """
        try:
            with zstandard.ZstdDecompressor().stream_reader(self._stored(path)) as reader:
                start = reader.read(_ENVELOPE_BYTES)
        except zstandard.ZstdError as error:
            raise self._corrupt(path, str(error)) from error
        return self._envelope(path, start.partition(b"\n")[0])

    def objects(self, prefix: str = "") -> Iterator[LandedObject]:
        """All landed objects below a prefix, in no order. Raises LandingError where they can't be listed."""
        try:
            for batch in obstore.list(self._store, prefix=prefix or None):
                for entry in batch:
                    landed = parse_path(entry["path"], entry["size"])
                    if landed is not None:
                        yield landed
        except (BaseError, OSError) as error:
            raise LandingError(f"The landing zone {self.root} can't be listed: {_first_line(error)}.") from error

    def walks(self, source: str, repository_id: int, stream: Stream) -> list[Walk]:
        """The walks of one stream, oldest first."""
        prefix = walk_prefix(source, repository_id, stream, 0).rsplit("/", 1)[0]
        return group_walks(self.objects(prefix))

    def sources(self) -> list[str]:
        """The sources that anything has landed of; a stray folder is none."""
        return [source for source in self._folders(None) if any(True for _ in self.objects(source))]

    def repositories(self, source: str) -> dict[int, tuple[Envelope, bytes]]:
        """For each repository of a source, its newest repository response."""
        return {key: self.read(landed.path)[0] for key, landed in self._latest_repository_objects(source).items()}

    def _latest_repository_objects(self, source: str) -> dict[int, LandedObject]:
        latest: dict[int, LandedObject] = {}
        for folder in self._folders(source_folder(source)):
            for landed in self.objects(f"{folder}/repository"):
                known = latest.get(landed.repository_id)
                if known is None or landed.walk_id > known.walk_id:
                    latest[landed.repository_id] = landed
        return latest

    def _folders(self, prefix: str | None) -> list[str]:
        try:
            return sorted(obstore.list_with_delimiter(self._store, prefix=prefix)["common_prefixes"])
        except (BaseError, OSError) as error:
            raise LandingError(f"The landing zone {self.root} can't be listed: {_first_line(error)}.") from error

    def _lines(self, path: str) -> list[bytes]:
        try:
            text = zstandard.decompress(self._stored(path))
        except zstandard.ZstdError as error:
            raise self._corrupt(path, str(error)) from error
        return text.split(b"\n")[:-1]

    def _stored(self, path: str) -> bytes:
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except (BaseError, OSError) as error:
            raise LandingError(f"{path} can't be read from {self.root}: {_first_line(error)}.") from error

    def _envelope(self, path: str, line: bytes) -> Envelope:
        known = {field.name for field in fields(Envelope)}
        try:
            return Envelope(**{name: value for name, value in orjson.loads(line).items() if name in known})
        except (orjson.JSONDecodeError, TypeError, AttributeError) as error:
            raise self._corrupt(path, "its envelope can't be read") from error

    def _corrupt(self, path: str, why: str) -> LandingError:
        where = path if "://" in self.root else str(Path(self.root, path))
        return LandingError(f"The landed object {where} is corrupt: {why}.", reread_remedy(path))


def reread_remedy(path: str) -> str:
    """What to do about an object that can't be used: all of its stream is read again where none of it is there."""
    stream = path.rsplit("/", 2)[0]
    return f"Move the folder {stream} out of the landing zone and run again: that stream is then read afresh."


def _compressed(lines: bytes) -> bytes:
    """With a checksum: a bit that flips on a disk must not become other data."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(lines)


def _lines_of(response: Response) -> bytes:
    """A response's two lines; line breaks between a body's tokens become spaces."""
    envelope, body = response
    text = orjson.dumps({name: value for name, value in asdict(envelope).items() if value is not None})
    return b"\n".join((text, body.replace(b"\r", b" ").replace(b"\n", b" "), b""))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
