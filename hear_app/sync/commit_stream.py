"""The commits of one repository: which walk is needed, and how one that was cut off goes on."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from hear_app.errors import NotFoundError, UnexpectedAnswerError
from hear_app.github import commits
from hear_app.github.client import Answer, Client
from hear_app.github.pages import Page
from hear_app.landing import Envelope, Walk, WalkKind
from hear_app.sync.results import Reporter, StreamResult
from hear_app.sync.shelf import Shelf, new_walk, next_id, open_walk

_GONE = {409, 422}  # of a pinned head: the repository is empty now, or has no such commit


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
        """Finishes a walk that was cut off, then goes from the last head to the present one."""
        walks = self.shelf.walks("commits")
        last, cut_off = self.shelf.last_closed(walks), open_walk(walks)
        if cut_off is not None and self._resume(cut_off, last):
            self.full = False  # where all was to be read, all was just finished
            walks = self.shelf.walks("commits")
            last = self.shelf.last_closed(walks)
        request = commits.head_request(self._name, self._branch)
        etag = last.etag if last and last.request == request else None
        answer = commits.fetch_head(self.client, self._name, self._branch, etag)
        if answer is None:
            self._close_empty(walks, last, request)
        elif last is None or self.full or not _shows(answer, last) or last.branch != self._branch:
            head = str(last.head_sha) if last and answer.status == 304 else answer.body.decode()
            self._walk(next_id(walks), last, head, answer, request)
        elif etag is None and answer.etag:
            self._close_unchanged(next_id(walks), last, answer, request)

    @property
    def _name(self) -> str:
        return self.shelf.repository.full_name

    @property
    def _branch(self) -> str:
        return self.shelf.repository.default_branch

    def _resume(self, walk: Walk, last: Envelope | None) -> bool:
        """Fills the gaps of a walk, between the heads that it was pinned to; says whether it could.

        It is begun anew where a force-push took the pinned head away.
        """
        opened, rows = self.shelf.envelope(walk.pages[0]), self.result.rows
        kind, head, base = opened.walk_kind, opened.head_sha, opened.base_sha
        if kind == "history" and head:
            could = self._fill_history(walk, head)
        elif kind == "compare" and head and base and last and base == last.head_sha and not self.full:
            could = self._land_difference(walk, base, head)
        else:
            return False
        if not could:
            self.result.rows = rows
            return False
        rows = self.result.rows - rows + self.shelf.landed([*walk.pages, *walk.removed]).rows
        known = {"base_sha": base, "responded_at": opened.responded_at, "branch": opened.branch}
        self._close(walk.walk_id, rows, kind, head, **known)
        return True

    def _fill_history(self, walk: Walk, head: str) -> bool:
        try:
            self._land_history(walk, head, is_first=True)
        except NotFoundError:
            return False
        except UnexpectedAnswerError as error:
            if error.status in _GONE:
                return False
            raise
        return True

    def _walk(self, walk_id: int, last: Envelope | None, head: str, answer: Answer, request: str) -> None:
        """From one head to the next: by comparison, or over the whole history where nothing can be compared."""
        before = self.result.rows
        base = last.head_sha if last and not self.full else None
        if last and last.branch != self._branch:
            self.result.note = f"the default branch is now {self._branch}, no longer {last.branch}"
        known = {"request": request, "etag": answer.etag, "responded_at": answer.responded_at}
        if base and self._land_difference(new_walk(walk_id), base, head):
            self._close(walk_id, self.result.rows - before, "compare", head, base_sha=base, **known)
            return
        self.result.rows = before
        walk_id += base is not None  # the comparison's walk stays open, and so never counts
        self._land_history(new_walk(walk_id), head, is_first=last is None)
        self._close(walk_id, self.result.rows - before, "history", head, **known)

    def _land_history(self, walk: Walk, head: str, is_first: bool) -> None:
        landed = self.shelf.landed(walk.pages)
        for page in commits.history(self.client, self._name, head, self.executor, landed):
            self._land(walk.walk_id, page, "history", head)
            self.result.new += page.row_count if is_first else 0

    def _land_difference(self, walk: Walk, base: str, head: str) -> bool:
        """What joined the branch and what left it; False where the server can't compare the two heads."""
        landed = self.shelf.landed(walk.pages)
        joined, gone = landed.rows, commits.behind_by(landed.document or {})
        try:
            for page in commits.joined(self.client, self._name, base, head, self.executor, landed):
                self._land(walk.walk_id, page, "compare", head, base)
                joined, gone = joined + page.row_count, commits.behind_by(page.answer.document)
            if gone:
                self.result.note = f"the branch was rewritten: {gone:,} commits left it"
                landed = self.shelf.landed(walk.removed)
                for page in commits.left(self.client, self._name, base, head, self.executor, landed):
                    self._land(walk.walk_id, page, "compare", head, base)
        except commits.NotComparableError as error:
            self.result.note = f"the whole history is read again: {error}"
            return False
        self.result.new, self.result.updated = self.result.new + joined, self.result.updated + gone
        return True

    def _land(self, walk_id: int, page: Page, kind: WalkKind, head: str, base: str | None = None) -> None:
        self.shelf.put("commits", walk_id, page, kind, head_sha=head, base_sha=base, branch=self._branch)
        self.result.rows += page.row_count
        self.reporter.rows(self._name, "commits", page.row_count, page.total)

    def _close(self, walk_id: int, rows: int, kind: WalkKind, head: str | None, **known: str | None) -> None:
        self.shelf.close("commits", walk_id, rows, kind, head_sha=head, **({"branch": self._branch} | known))
        self.result.outcome = "ok"

    def _close_unchanged(self, walk_id: int, last: Envelope, answer: Answer, request: str) -> None:
        """A walk of nothing, for its tag: one that was gone on with, and a rename, leave none to ask by."""
        known = {"request": request, "etag": answer.etag, "responded_at": answer.responded_at}
        self.shelf.close(
            "commits",
            walk_id,
            0,
            "compare",
            head_sha=last.head_sha,
            base_sha=last.head_sha,
            branch=last.branch,
            **known,
        )

    def _close_empty(self, walks: list[Walk], last: Envelope | None, request: str) -> None:
        """An empty repository; where it had commits before, its branch now counts as having none."""
        if last is not None and last.outcome != "empty":
            self._close(next_id(walks), 0, "history", None, request=request, outcome="empty")
        self.result.outcome = "empty"


def _shows(answer: Answer, last: Envelope) -> bool:
    """Whether the head is still the one that the last walk ended at."""
    return answer.status == 304 or answer.body.decode() == last.head_sha
