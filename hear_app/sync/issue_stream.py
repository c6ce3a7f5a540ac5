"""The issues and pull requests of one repository: from which watermark on, and when a walk is closed."""

from __future__ import annotations

from dataclasses import dataclass

from hear_app.github.client import Client
from hear_app.github.issues import Confirmation, IssuesDisabledError, IssueWalk
from hear_app.github.pages import Page
from hear_app.landing import Envelope, WalkKind
from hear_app.sync.results import Reporter, StreamResult
from hear_app.sync.shelf import Shelf, next_id, open_walk


@dataclass(slots=True)
class IssueStream:
    """Reads one repository's issues up to now."""

    client: Client
    shelf: Shelf
    reporter: Reporter
    full: bool
    result: StreamResult

    def sync(self) -> None:
        """Goes on with a walk that was cut off, from its own watermark; else from the last closed one's.

        One that read only what was new is not gone on with where everything is to be read.
        """
        walks = self.shelf.walks("issues")
        last, cut_off = self.shelf.last_closed(walks), open_walk(walks)
        kind: WalkKind = "full" if last is None or self.full else "updated"
        walk, walk_id = IssueWalk(self.client, self.shelf.repository.full_name), next_id(walks)
        page = self.shelf.envelope(cut_off.pages[-1]) if cut_off is not None else None
        if page is not None and page.walk_kind in {kind, "full"}:
            kind, walk_id = page.walk_kind, page.walk_id
            walk.watermark, walk.position = page.watermark, page.position + page.row_count
        elif last is not None and not self.full:
            walk.watermark, walk.confirmation = last.watermark, _confirmation(last)
        self._read(walk, walk_id, kind)

    def _read(self, walk: IssueWalk, walk_id: int, kind: WalkKind) -> None:
        asked, since = walk.confirmation, walk.watermark or ""
        try:
            for page in walk.pages():
                self._land(walk_id, page, kind, since)
        except IssuesDisabledError:
            self.result.outcome = "issues disabled"
            return
        if asked is None or walk.confirmation is not asked:
            self._close(walk, walk_id, kind)

    def _land(self, walk_id: int, page: Page, kind: WalkKind, since: str) -> None:
        """Lands a page; its rows are new, changed, or of the overlap, by their own dates."""
        self.shelf.put("issues", walk_id, page, kind, watermark=page.watermark)
        self.result.rows += page.row_count
        new = sum(str(row.get("created_at")) > since for row in page.answer.document)
        self.result.new += new
        self.result.updated += sum(str(row["updated_at"]) > since for row in page.answer.document) - new
        self.reporter.rows(self.shelf.repository.full_name, "issues", page.row_count, None)

    def _close(self, walk: IssueWalk, walk_id: int, kind: WalkKind) -> None:
        confirmed = walk.confirmation
        known = (
            {"request": confirmed.request, "etag": confirmed.etag, "digest": confirmed.digest} if confirmed else {}
        )
        self.shelf.close("issues", walk_id, walk.position, kind, watermark=walk.watermark, **known)
        self.result.outcome = "ok"


def _confirmation(closed: Envelope) -> Confirmation | None:
    if not closed.request or closed.digest is None:
        return None
    return Confirmation(closed.request, closed.etag, closed.digest)
