"""The landing zone: immutable objects with the responses of the API, as they came. Its only writer.

What has landed is the state. An object's path says where it belongs:

    SOURCE/REPOSITORY_ID/STREAM/WALK_ID/ROLE-POSITION-PAGE_SIZE.jsonl.zst

Objects of old, closed walks may be merged (`hear compact`), under

    SOURCE/REPOSITORY_ID/STREAM/packed/FIRST_WALK-LAST_WALK-PART.jsonl.zst

In both, each response is two lines: an envelope (how it was asked for and what the headers said), and the
body. A walk is one pass over a stream; it ends with an object whose role is `closed`.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import obstore
import orjson
import zstandard
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from hear_app.errors import LandingError

Stream = Literal["repository", "commits", "issues", "syncs"]
Role = Literal["page", "removed", "closed"]
Response = tuple["Envelope", bytes]
WalkKind = Literal["history", "compare", "full", "updated"]

_PACK_NAME = re.compile(r"(?P<first>\d{6,})-(?P<last>\d{6,})-(?P<part>\d{3,})\.jsonl\.zst")
_OBJECT_NAME = re.compile(r"(?P<role>page|removed|closed)-(?P<position>\d+)-(?P<page_size>\d+)\.jsonl\.zst")
_ENVELOPE_BYTES = 2**16
_LEVEL = 3  # a page of 400 kB in about a millisecond, to a tenth; higher levels cost time for little
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is known of one landed response besides its body. Times are the server's, in ISO 8601 UTC.

    `position` counts the rows that were asked for before this page in its walk; `watermark` is the newest
    `updated_at` read so far by an issue walk, never later than the server's clock; `digest` that of the body which
    closed it; `request` and `next_request` are path
    and query, never a host.
    """

    source: str
    repository_id: int
    stream: Stream
    walk_id: int
    role: Role
    position: int
    page_size: int
    request: str
    row_count: int
    status: int | None = None
    responded_at: str | None = None
    walk_kind: WalkKind | None = None
    etag: str | None = None
    digest: str | None = None
    next_request: str | None = None
    watermark: str | None = None
    branch: str | None = None
    head_sha: str | None = None
    base_sha: str | None = None
    full_name: str | None = None
    requested_name: str | None = None
    outcome: str | None = None

    @property
    def path(self) -> str:
        name = f"{self.role}-{self.position:09d}-{self.page_size:03d}.jsonl.zst"
        return f"{walk_prefix(self.source, self.repository_id, self.stream, self.walk_id)}/{name}"


@dataclass(frozen=True, slots=True)
class LandedObject:
    """An object's place, read off its path alone."""

    path: str
    source: str
    repository_id: int
    stream: Stream
    walk_id: int
    role: Role
    position: int
    page_size: int
    is_pack: bool = False
    size: int = 0  # bytes, as listed


@dataclass(frozen=True, slots=True)
class Walk:
    """One pass over a stream: its objects in order of position."""

    walk_id: int
    pages: tuple[LandedObject, ...]
    removed: tuple[LandedObject, ...]
    closed: LandedObject | None


def walk_prefix(source: str, repository_id: int, stream: str, walk_id: int) -> str:
    return f"{_UNSAFE.sub('-', source)}/{repository_id}/{stream}/{walk_id:06d}"


def parse_path(path: str, size: int = 0) -> LandedObject | None:
    """The place that a path names, of an object of so many bytes; None for what is none of ours."""
    parts = path.split("/")
    if len(parts) != 5 or not parts[1].isdigit():
        return None
    source, repository_id, stream, walk_id, name = parts
    pack = _PACK_NAME.fullmatch(name) if walk_id == "packed" else None
    if pack is not None:
        place = source, int(repository_id), stream, int(pack["last"])
        return LandedObject(path, *place, "page", int(pack["part"]), 0, is_pack=True, size=size)  # type: ignore[arg-type]
    match = _OBJECT_NAME.fullmatch(name)
    if match is None or not walk_id.isdigit():
        return None
    return LandedObject(
        path=path,
        source=source,
        repository_id=int(repository_id),
        stream=stream,  # type: ignore[arg-type]
        walk_id=int(walk_id),
        role=match["role"],  # type: ignore[arg-type]
        position=int(match["position"]),
        page_size=int(match["page_size"]),
        size=size,
    )


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
        for folder in self._folders(_UNSAFE.sub("-", source)):
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


def group_walks(objects: Iterator[LandedObject] | list[LandedObject]) -> list[Walk]:
    """Objects of one stream as walks, oldest first; merged ones are done with."""
    grouped: dict[int, list[LandedObject]] = defaultdict(list)
    for landed in objects:
        if landed.is_pack:
            continue
        grouped[landed.walk_id].append(landed)
    return [_walk(walk_id, grouped[walk_id]) for walk_id in sorted(grouped)]


def _walk(walk_id: int, objects: list[LandedObject]) -> Walk:
    ordered = sorted(objects, key=lambda landed: (landed.position, landed.page_size))
    return Walk(
        walk_id=walk_id,
        pages=tuple(landed for landed in ordered if landed.role == "page"),
        removed=tuple(landed for landed in ordered if landed.role == "removed"),
        closed=next((landed for landed in ordered if landed.role == "closed"), None),
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
