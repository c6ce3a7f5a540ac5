"""One repository's place in the landing zone: reads where its walks stand, lands their pages and records."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hear_app.errors import LandingError
from hear_app.github.pages import Page
from hear_app.github.repositories import Repository
from hear_app.landing import (
    Envelope,
    LandedObject,
    Landing,
    Response,
    Stream,
    Walk,
    WalkKind,
    integrity,
    walk_prefix,
)


@dataclass(frozen=True, slots=True)
class RepositoryStore:
    landing: Landing
    source: str
    repository: Repository
    full: bool = False  # everything that has landed is read again
    first_id: int = 1  # of a new walk, at least

    def walks(self, stream: Stream) -> list[Walk]:
        """The walks of a stream, oldest first.

        The newest closing record is removed where it is empty: a power cut left it so before it was flushed, and
        its walk is gone on with, but where everything is read again.
        """
        walks = self.landing.walks(self.source, self.repository.repository_id, stream)
        closed = walks[-1].closed if walks else None
        if closed is None or closed.size or self.full:
            return walks
        self.landing.delete([closed.path])
        return self.landing.walks(self.source, self.repository.repository_id, stream)

    def next_id(self, stream: Stream) -> int:
        """The number of a new walk: above all that has landed of the stream, merged or not."""
        newest = max((landed.walk_id for landed in self.landing.objects(self._folder(stream))), default=0)
        return max(newest + 1, self.first_id)

    def last_closed(self, walks: list[Walk], full: bool = False) -> Envelope | None:
        """The closing record of the newest walk that has one.

        Raises LandingError where it can't be read; where all is read again anyway (`full`), an older one will do,
        as one does for an empty one.
        """
        for walk in reversed(walks):
            if walk.closed is not None and walk.closed.size:
                try:
                    return self.landing.envelope(walk.closed.path)
                except LandingError:
                    if not full:
                        raise
        return None

    def responses(self, stream: Stream) -> Iterator[Response]:
        """The responses of a stream's closed walks, newest walk first; what can't be read is left out."""
        packs = sorted(
            self.landing.objects(f"{self._folder(stream)}/packed"), key=lambda pack: pack.path, reverse=True
        )
        walks = [walk.objects for walk in reversed(self.walks(stream)) if walk.closed is not None]
        for landed in [*itertools.chain.from_iterable(walks), *packs]:
            with contextlib.suppress(LandingError):  # `hear verify` names it
                yield from self.landing.responses(landed.path)

    def _folder(self, stream: Stream) -> str:
        return walk_prefix(self.source, self.repository.repository_id, stream, 0).rpartition("/")[0]

    def inspect(self) -> integrity.Inspection:
        """What reading all that has landed of the repository tells."""
        folder = f"{self.source}/{self.repository.repository_id}"
        return integrity.inspect(self.landing, self.landing.objects(folder))

    def first_envelope(self, walk: Walk) -> Envelope | None:
        """That of the first page of a walk that can be read."""
        for landed in walk.pages:
            with contextlib.suppress(LandingError):
                return self.landing.envelope(landed.path)
        return None

    def open(self, stream: Stream, walk_id: int, kind: WalkKind | None = None, **known: Any) -> OpenWalk:
        """A walk to land pages in; `known` is what each of its envelopes says."""
        place = {
            "source": self.source,
            "repository_id": self.repository.repository_id,
            "full_name": self.repository.full_name,
            "stream": stream,
            "walk_id": walk_id,
            "walk_kind": kind,
        }
        return OpenWalk(self.landing, place | known)

    def reopen(self, walk: Walk, stream: Stream, kind: WalkKind | None, **known: Any) -> OpenWalk:
        """A walk that was cut off, to go on with or to discard."""
        opened = self.open(stream, walk.walk_id, kind, **known)
        opened.landed = walk
        return opened


@dataclass(slots=True)
class OpenWalk:
    """A walk that is being read. It counts only once its closing record, with the pages' digests, is there."""

    landing: Landing
    known: dict[str, Any]
    landed: Walk | None = None
    superseded: dict[str, list[int]] = field(
        default_factory=dict
    )  # damaged walks that it stands in for, by stream
    _digests: dict[str, str] = field(default_factory=dict)
    _paths: list[str] = field(default_factory=list)

    @property
    def walk_id(self) -> int:
        return int(self.known["walk_id"])

    def resume(self, in_order: bool = False) -> Iterator[Response]:
        """What had landed of it before. A page that can't be read is removed, so that it is read again.

        With `in_order`, where each page leads to the next one, so are all behind it, and all behind one that a
        power cut took away: a page's position is the count of the rows before it.
        """
        damaged: list[str] = []
        rows = 0
        for landed in self.landed.objects if self.landed else ():
            is_behind_a_gap = in_order and (bool(damaged) or landed.position != rows)
            response = None if is_behind_a_gap else self._read(landed)
            if response is None:
                damaged.append(landed.path)
                continue
            rows += response.envelope.row_count
            self._keep(response.envelope, response.digest)
            yield response
        self.landed = None  # what was kept is known by its paths from here on, and the rest is gone
        if damaged:
            self.landing.delete(damaged)

    def _read(self, landed: LandedObject) -> Response | None:
        try:
            return self.landing.responses(landed.path)[0]
        except LandingError:
            return None

    def put(self, page: Page, **known: Any) -> None:
        """Lands one page. Raises LandingError."""
        answer = page.answer
        envelope = Envelope(
            **self.known | known,
            role=page.role,
            position=page.position,
            page_size=page.size,
            request=answer.request,
            next_request=answer.next_request,
            status=answer.status,
            etag=answer.etag,
            responded_at=answer.responded_at,
            row_count=page.row_count,
        )
        self._keep(envelope, self.landing.put(envelope, answer.body))

    def flush(self) -> None:
        """Makes sure that its pages are on the disk. Raises LandingError."""
        self.landing.flush(self._paths)

    def close(self, rows: int, **known: Any) -> None:
        """Lands the closing record of a walk of so many rows, after its pages are on the disk."""
        self.flush()
        given = {"request": "", "outcome": "ok"} | self.known | known
        envelope = Envelope(**given, role="closed", position=rows, page_size=0, row_count=0)
        self.landing.put(envelope, integrity.chain(self._digests, self.superseded))
        self.landing.flush([envelope.path])

    def discard(self) -> None:
        """Removes what has landed of it: it never counted, and will be read again."""
        paths = {*self._paths, *(landed.path for landed in (self.landed.objects if self.landed else ()))}
        if paths:
            self.landing.delete(sorted(paths))
        self._digests, self._paths, self.landed = {}, [], None

    def _keep(self, envelope: Envelope, digest: str) -> None:
        self._digests[envelope.name] = digest
        self._paths.append(envelope.path)


def open_walk(walks: list[Walk]) -> Walk | None:
    """The newest walk, if it was cut off before its closing record and something of it has landed."""
    return walks[-1] if walks and walks[-1].closed is None and walks[-1].pages else None
