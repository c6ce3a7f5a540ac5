"""One repository's place in the landing zone: reads where its walks stand, lands their pages and records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hear_app import payload
from hear_app.github.pages import Landed, Page
from hear_app.github.repositories import Repository
from hear_app.landing import Envelope, LandedObject, Landing, Stream, Walk, WalkKind


@dataclass(frozen=True, slots=True)
class Shelf:
    landing: Landing
    source: str
    repository: Repository

    def walks(self, stream: Stream) -> list[Walk]:
        """The walks of a stream, oldest first."""
        return self.landing.walks(self.source, self.repository.repository_id, stream)

    def envelope(self, landed: LandedObject) -> Envelope:
        return self.landing.envelope(landed.path)

    def landed(self, pages: Sequence[LandedObject]) -> Landed:
        """What has landed of a walk that is gone on with."""
        if not pages:
            return Landed()
        envelopes = [self.envelope(page) for page in pages]
        return Landed(
            sizes={page.position: page.page_size for page in pages},
            rows=sum(envelope.row_count for envelope in envelopes),
            ended=envelopes[-1].next_request is None,
            document=payload.parse(self.landing.read(pages[0].path)[0][1]),
        )

    def last_closed(self, walks: list[Walk]) -> Envelope | None:
        """The closing record of the newest walk that has one."""
        closed = next((walk.closed for walk in reversed(walks) if walk.closed), None)
        return self.envelope(closed) if closed else None

    def put(self, stream: Stream, walk_id: int, page: Page, kind: WalkKind | None = None, **known: Any) -> None:
        """Lands one page of a walk. Raises LandingError."""
        answer = page.answer
        envelope = Envelope(
            **self._place(stream, walk_id, kind),
            role=page.role,
            position=page.position,
            page_size=page.size,
            request=answer.request,
            next_request=answer.next_request,
            status=answer.status,
            etag=answer.etag,
            responded_at=answer.responded_at,
            row_count=page.row_count,
            **known,
        )
        self.landing.put(envelope, answer.body)

    def close(self, stream: Stream, walk_id: int, rows: int, kind: WalkKind | None = None, **known: Any) -> None:
        """Lands the closing record of a walk of so many rows: only from then on does the walk count."""
        given = {"request": "", "outcome": "ok"} | known
        envelope = Envelope(
            **self._place(stream, walk_id, kind),
            role="closed",
            position=rows,
            page_size=0,
            row_count=0,
            **given,
        )
        self.landing.put(envelope, b"")

    def _place(self, stream: Stream, walk_id: int, kind: WalkKind | None) -> dict[str, Any]:
        return {
            "source": self.source,
            "repository_id": self.repository.repository_id,
            "full_name": self.repository.full_name,
            "stream": stream,
            "walk_id": walk_id,
            "walk_kind": kind,
        }


def next_id(walks: list[Walk]) -> int:
    """The number of a new walk."""
    return walks[-1].walk_id + 1 if walks else 1


def new_walk(walk_id: int) -> Walk:
    """A walk of which nothing has landed yet."""
    return Walk(walk_id, (), (), None)


def open_walk(walks: list[Walk]) -> Walk | None:
    """The newest walk, if it was cut off before its closing record and something of it has landed."""
    return walks[-1] if walks and walks[-1].closed is None and walks[-1].pages else None
