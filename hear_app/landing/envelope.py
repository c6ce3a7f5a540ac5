"""What is known of a landed response, and where it lies: an object's path says where it belongs.

    SOURCE/REPOSITORY_ID/STREAM/WALK_ID/ROLE-POSITION-PAGE_SIZE.jsonl.zst

Objects of old, closed walks may be merged (`hear compact`), under

    SOURCE/REPOSITORY_ID/STREAM/packed/FIRST_WALK-LAST_WALK-PART.jsonl.zst

A walk is one pass over a stream; it ends with an object whose role is `closed`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RepositoryKey = tuple[str, int]  # source and numeric id
Stream = Literal["repository", "commits", "issues", "syncs"]
Role = Literal["page", "removed", "closed"]
WalkKind = Literal["history", "compare", "full", "updated"]

_PACK_NAME = re.compile(r"(?P<first>\d{6,})-(?P<last>\d{6,})-(?P<part>\d{3,})\.jsonl\.zst")
_OBJECT_NAME = re.compile(r"(?P<role>page|removed|closed)-(?P<position>\d+)-(?P<page_size>\d+)\.jsonl\.zst")
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
    def name(self) -> str:
        """Its name within its walk."""
        return f"{self.role}-{self.position:09d}-{self.page_size:03d}"

    @property
    def path(self) -> str:
        return f"{walk_prefix(self.source, self.repository_id, self.stream, self.walk_id)}/{self.name}.jsonl.zst"


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
    first_walk: int = 0  # of a merged object; `walk_id` is then the last one in it
    size: int = 0  # bytes, as listed
    modified_at: datetime | None = None

    @property
    def is_pack(self) -> bool:
        return self.first_walk > 0

    @property
    def repository(self) -> RepositoryKey:
        return self.source, self.repository_id

    def holds(self, envelope: Envelope) -> bool:
        """Whether a response belongs into this object, by its own word."""
        if not self.is_pack:
            return envelope.path == self.path
        prefix = walk_prefix(envelope.source, envelope.repository_id, envelope.stream, 0).rpartition("/")[0]
        return self.path.startswith(f"{prefix}/packed/") and self.first_walk <= envelope.walk_id <= self.walk_id


@dataclass(frozen=True, slots=True)
class Walk:
    """One pass over a stream: its objects in order of position."""

    walk_id: int
    pages: tuple[LandedObject, ...]
    removed: tuple[LandedObject, ...]
    closed: LandedObject | None

    @property
    def objects(self) -> list[LandedObject]:
        """Its objects, the closing record last."""
        return [*self.pages, *self.removed, *([self.closed] if self.closed else [])]


def source_folder(source: str) -> str:
    """The folder of a source: its name, without what no path should hold."""
    return _UNSAFE.sub("-", source)


def walk_prefix(source: str, repository_id: int, stream: str, walk_id: int) -> str:
    return f"{source_folder(source)}/{repository_id}/{stream}/{walk_id:06d}"


def parse_path(path: str, size: int = 0, modified_at: datetime | None = None) -> LandedObject | None:
    """The place that a path names, of an object of so many bytes; None for what is none of ours."""
    parts = path.split("/")
    if len(parts) != 5 or not parts[1].isdigit():
        return None
    source, repository_id, stream, walk_id, name = parts
    pack = _PACK_NAME.fullmatch(name) if walk_id == "packed" else None
    if pack is not None:
        place = source, int(repository_id), stream, int(pack["last"]), "page", int(pack["part"]), 0
        return LandedObject(path, *place, int(pack["first"]), size, modified_at)  # type: ignore[arg-type]
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
        modified_at=modified_at,
    )


def group_walks(objects: Iterable[LandedObject]) -> list[Walk]:
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
