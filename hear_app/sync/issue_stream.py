"""The issues and pull requests of one repository: from which watermark on, and when a walk is closed."""

from __future__ import annotations

from dataclasses import dataclass

from hear_app import payload
from hear_app.github.client import Client
from hear_app.github.issues import OVERLAP, Confirmation, IssuesDisabledError, IssueWalk, shifted
from hear_app.github.pages import Page
from hear_app.landing import Envelope, WalkKind
from hear_app.sync.census import Census, IncompleteListError
from hear_app.sync.results import Reporter, StreamResult
from hear_app.sync.store import OpenWalk, RepositoryStore, open_walk


@dataclass(slots=True)
class IssueStream:
    """Reads one repository's issues up to now.

    A walk over all of them (`full`) tells which are gone; `accept_deletions` believes it whatever their number.
    """

    client: Client
    store: RepositoryStore
    reporter: Reporter
    full: bool
    accept_deletions: bool
    result: StreamResult

    def sync(self) -> None:
        """Goes on with a walk that was cut off, from its own watermark; else from the last closed one's.

        One that read only what was new is not gone on with where everything is to be read.
        """
        walks = self.store.walks("issues")
        last, cut_off = self.store.last_closed(walks, self.full), open_walk(walks)
        # A list that was empty is read as a first one where the repository says that there are issues now.
        is_first = last is None or (last.watermark is None and bool(self.store.repository.open_issues))
        kind: WalkKind = "full" if is_first or self.full else "updated"
        began = self.store.first_envelope(cut_off) if cut_off is not None else None
        if cut_off is not None and (began is None or began.walk_kind not in {kind, "full"}):
            self.store.reopen(cut_off, "issues", None).discard()
            cut_off = began = None
        kind = began.walk_kind if began is not None and began.walk_kind else kind
        landing = (
            self.store.reopen(cut_off, "issues", kind)
            if cut_off
            else self.store.open("issues", self.store.next_id("issues"), kind)
        )
        walk = IssueWalk(self.client, self.store.repository.full_name)
        census = Census(self.client, self.store, self.accept_deletions) if kind == "full" else None
        if cut_off is not None:
            self._take_up(walk, landing, census)
        if not walk.position and last is not None and kind != "full":
            walk.watermark, walk.confirmation = last.watermark, _confirmation(last)
            walk.read_before = self._read_before
        self._read(walk, landing, census, since=(last.watermark if last is not None else None) or "")

    def _take_up(self, walk: IssueWalk, landing: OpenWalk, census: Census | None) -> None:
        """What has landed of a walk that is gone on with."""
        for response in landing.resume(in_order=True):
            rows = payload.rows_in(response.body)
            walk.remember(rows, response.envelope.watermark)
            if census is not None:
                census.add(rows)

    def _read_before(self) -> list[int]:
        """The issues that the last page of the last walks showed, of the time that is read again, by number."""
        pages = [page for walk in self.store.walks("issues") if walk.closed is not None for page in walk.pages]
        if not pages:
            return []
        [response] = self.store.landing.responses(pages[-1].path)
        since = shifted(response.envelope.watermark, -OVERLAP) or ""
        return [int(row["number"]) for row in payload.rows_in(response.body) if str(row["updated_at"]) >= since]

    def _read(self, walk: IssueWalk, landing: OpenWalk, census: Census | None, since: str) -> None:
        """Lands what the walk shows; what was created after `since`, up to which all was read, counts as new."""
        asked = walk.confirmation
        try:
            for page in walk.pages():
                self._land(landing, page, since, walk.watermark)
                if census is not None:
                    census.add(page.answer.document)
            found = census.missed(walk.watermark) if census is not None else []
        except IssuesDisabledError:
            self.result.outcome = "issues disabled"
            return
        except IncompleteListError:
            landing.discard()  # what it left out could never be read by going on from there
            raise
        for place, answer in enumerate(found):
            self._land(landing, Page(answer, walk.position + place, 1, 1), since, walk.watermark)
        if asked is None or walk.confirmation is not asked:
            self._close(walk, landing, walk.position + len(found))

    def _land(self, landing: OpenWalk, page: Page, since: str, watermark: str | None) -> None:
        """Lands a page; its rows are new, changed, or of the overlap, by their own dates."""
        landing.put(page, watermark=watermark)
        rows = payload.listed(page.answer.document)
        self.result.rows += page.row_count
        new = sum(str(row.get("created_at")) > since for row in rows)
        self.result.new += new
        self.result.updated += sum(str(row["updated_at"]) > since for row in rows) - new
        self.reporter.rows(self.store.repository.full_name, "issues", page.row_count, None)

    def _close(self, walk: IssueWalk, landing: OpenWalk, rows: int) -> None:
        confirmed = walk.confirmation
        known = (
            {"request": confirmed.request, "etag": confirmed.etag, "digest": confirmed.digest} if confirmed else {}
        )
        landing.close(rows, watermark=walk.watermark, **known)
        self.result.outcome = "ok"


def _confirmation(closed: Envelope) -> Confirmation | None:
    if not closed.request or closed.digest is None:
        return None
    return Confirmation(closed.request, closed.etag, closed.digest)
