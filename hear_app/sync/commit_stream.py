"""The commits of one repository: which walk is needed, and how one that was cut off goes on."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from hear_app.errors import NotFoundError
from hear_app.github import commits
from hear_app.github.client import Answer, Client
from hear_app.github.pages import Page
from hear_app.landing import Envelope, Walk, WalkKind
from hear_app.sync.results import Reporter, StreamResult
from hear_app.sync.shelf import Shelf, next_id, open_walk


@dataclass(slots=True)
class CommitStream:
    """Reads one repository's commits up to its branch's head of now."""

    client: Client
    shelf: Shelf
    executor: Executor
    reporter: Reporter
    full: bool
    result: StreamResult

    def sync(self) -> None:
        """Finishes a first load that was cut off, then goes from the last head to the present one."""
        walks = self.shelf.walks("commits")
        cut_off = open_walk(walks)
        if cut_off is not None:
            self._resume(cut_off)
            walks = self.shelf.walks("commits")
        last = self.shelf.last_closed(walks)
        request = commits.head_request(self._name, self._branch)
        etag = last.etag if last and last.request == request else None
        answer = commits.fetch_head(self.client, self._name, self._branch, etag)
        if answer is None:
            self._close_empty(walks, last, request)
        elif last is None or self.full or not _shows(answer, last) or last.branch != self._branch:
            head = str(last.head_sha) if last and answer.status == 304 else answer.body.decode()
            base = last.head_sha if last and not self.full else None
            self._walk(next_id(walks), base, head, answer, request)

    @property
    def _name(self) -> str:
        return self.shelf.repository.full_name

    @property
    def _branch(self) -> str:
        return self.shelf.repository.default_branch

    def _resume(self, walk: Walk) -> None:
        """Fills the gaps of a history walk, at the head it was pinned to; other kinds are begun anew."""
        opened = self.shelf.envelope(walk.pages[0])
        if opened.walk_kind != "history" or not opened.head_sha:
            return
        head = opened.head_sha
        ended = self.shelf.envelope(walk.pages[-1]).next_request is None
        landed = {page.position: page.page_size for page in walk.pages}
        try:
            for page in commits.history(self.client, self._name, head, self.executor, landed, ended):
                self._land(walk.walk_id, page, "history", head)
        except NotFoundError:
            return  # a force-push took the head away: what follows begins a new walk
        rows = self.result.rows + sum(self.shelf.envelope(page).row_count for page in walk.pages)
        self._close(walk.walk_id, rows, "history", head, responded_at=opened.responded_at, branch=opened.branch)

    def _walk(self, walk_id: int, base: str | None, head: str, answer: Answer, request: str) -> None:
        """From one head to the next: by comparison, or over the whole history where nothing can be compared."""
        before, kind = self.result.rows, "compare"
        try:
            if base is None:
                raise commits.NotComparableError
            self._land_difference(walk_id, base, head)
        except commits.NotComparableError:
            kind, self.result.rows = "history", before
            walk_id += base is not None  # the comparison's walk stays open, and so never counts
            for page in commits.history(self.client, self._name, head, self.executor, {}, False):
                self._land(walk_id, page, "history", head)
        self._close(
            walk_id,
            self.result.rows - before,
            "history" if kind == "history" else "compare",
            head,
            base_sha=base if kind == "compare" else None,
            request=request,
            etag=answer.etag,
            responded_at=answer.responded_at,
        )

    def _land_difference(self, walk_id: int, base: str, head: str) -> None:
        gone = 0
        for page in commits.joined(self.client, self._name, base, head, self.executor):
            self._land(walk_id, page, "compare", head)
            gone = commits.behind_by(page)
        if gone:
            self.result.note = f"the branch was rewritten: {gone:,} commits left it"
            for page in commits.left(self.client, self._name, base, head, self.executor):
                self._land(walk_id, page, "compare", head)

    def _land(self, walk_id: int, page: Page, kind: WalkKind, head: str) -> None:
        self.shelf.put("commits", walk_id, page, kind, head_sha=head, branch=self._branch)
        self.result.rows += page.row_count
        self.reporter.rows(self._name, "commits", page.row_count, page.total)

    def _close(self, walk_id: int, rows: int, kind: WalkKind, head: str | None, **known: str | None) -> None:
        self.shelf.close("commits", walk_id, rows, kind, head_sha=head, **({"branch": self._branch} | known))
        self.result.outcome = "ok"

    def _close_empty(self, walks: list[Walk], last: Envelope | None, request: str) -> None:
        """An empty repository; where it had commits before, its branch now counts as having none."""
        if last is not None and last.outcome != "empty":
            self._close(next_id(walks), 0, "history", None, request=request, outcome="empty")
        self.result.outcome = "empty"


def _shows(answer: Answer, last: Envelope) -> bool:
    """Whether the head is still the one that the last walk ended at."""
    return answer.status == 304 or answer.body.decode() == last.head_sha
