"""The commits of one repository: which walk is needed, and how one that was cut off goes on."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from hear_app.github import commits
from hear_app.github.client import Answer, Client
from hear_app.github.pages import ListEndsEarlyError, Page
from hear_app.landing import Envelope, Response, Walk, WalkKind
from hear_app.sync.ancestry import IncompleteError, Reading, commits_in
from hear_app.sync.results import Reporter, StreamResult
from hear_app.sync.store import OpenWalk, RepositoryStore, open_walk

_UNFINISHABLE = (commits.HeadGoneError, commits.NotComparableError, IncompleteError, ListEndsEarlyError)


@dataclass(slots=True)
class CommitStream:
    """Reads one repository's commits up to its branch's head of now."""

    client: Client
    store: RepositoryStore
    executor: Executor
    reporter: Reporter
    full: bool
    result: StreamResult
    _given_up: list[OpenWalk] = field(default_factory=list)

    def sync(self) -> None:
        """Finishes a walk that was cut off, then goes from the last head to the present one."""
        self._sync()
        for walk in self._given_up:  # only now: where the network was at fault, the next sync goes on with it
            walk.discard()

    def _sync(self) -> None:
        walks = self.store.walks("commits")
        last, cut_off = self.store.last_closed(walks, self.full), open_walk(walks)
        if cut_off is not None and self._resume(cut_off, last):
            self.full = False  # where all was to be read, all was just finished
            walks = self.store.walks("commits")
            last = self.store.last_closed(walks)
        request = commits.head_request(self._name, self._branch)
        etag = last.etag if last and last.request == request else None
        answer = self._head(last, etag)
        if answer is None:
            self._close_empty(last, request)
            return
        known = {"request": request, "etag": answer.etag, "responded_at": answer.responded_at}
        if last is None or self.full or not _shows(answer, last) or last.branch != self._branch:
            head = str(last.head_sha) if last and answer.status == 304 else answer.body.decode()
            self._read(self.store.next_id("commits"), last, head, known)
        elif etag is None and answer.etag:
            # A walk of nothing, for its tag: one that was gone on with, and a rename, leave none to ask by.
            head = str(last.head_sha)
            self._open(self.store.next_id("commits"), "compare", head, head).close(0, **known)

    @property
    def _name(self) -> str:
        return self.store.repository.full_name

    @property
    def _branch(self) -> str:
        return self.store.repository.default_branch

    def _head(self, last: Envelope | None, etag: str | None) -> Answer | None:
        """The branch's head; None where the repository is empty: one not known to be is asked twice."""
        answer = commits.fetch_head(self.client, self._name, self._branch, etag)
        if answer is None and (self.full or last is None or last.outcome != "empty"):
            answer = commits.fetch_head(self.client, self._name, self._branch)
        return answer

    def _open(self, walk_id: int, kind: WalkKind, head: str | None, base: str | None = None) -> OpenWalk:
        return self.store.open("commits", walk_id, kind, head_sha=head, base_sha=base, branch=self._branch)

    def _resume(self, cut_off: Walk, last: Envelope | None) -> bool:
        """Fills the gaps of a walk, between the heads that it was pinned to; says whether it could.

        One that can't be finished is given up, and begun anew: a force-push took its head away, say.
        """
        opened, rows = self.store.first_envelope(cut_off), self.result.rows
        kind, head, base = (opened.walk_kind, opened.head_sha, opened.base_sha) if opened else (None, None, None)
        walk = self.store.reopen(cut_off, "commits", kind, head_sha=head, base_sha=base)
        walk.known["branch"] = opened.branch if opened else None
        try:
            if kind == "history" and head:
                count = self._fill_history(walk, walk.resume(), head, is_first=last is None)
            elif kind == "compare" and head and base and last and base == last.head_sha and not self.full:
                count = self._fill_difference(walk, walk.resume(), base, head)
            else:
                raise commits.NotComparableError("where it begins is no longer where the last one ended")
        except _UNFINISHABLE:
            self.result.rows = rows
            self._given_up.append(walk)
            return False
        self._close(walk, count, {"responded_at": opened.responded_at if opened else None})
        return True

    def _read(self, walk_id: int, last: Envelope | None, head: str, known: dict[str, Any]) -> None:
        """From one head to the next: by comparison, or over the whole history where nothing can be compared."""
        base = last.head_sha if last and not self.full else None
        if last and last.branch != self._branch:
            self.result.note = f"the default branch is now {self._branch}, no longer {last.branch}"
        if base and self._read_difference(self._open(walk_id, "compare", head, base), base, head, known):
            return
        walk = self._open(walk_id + (base is not None), "history", head)
        try:
            self._read_history(walk, last is None, known)
        except IncompleteError as error:
            self._look_for(error.missing)
            self.result.note = f"the history is read a second time: {error.message}"
            self._read_history(walk, last is None, known)

    def _read_history(self, walk: OpenWalk, is_first: bool, known: dict[str, Any]) -> None:
        before = self.result.rows
        try:
            count = self._fill_history(walk, (), walk.known["head_sha"], is_first)
        except IncompleteError:
            self.result.rows = before
            walk.discard()
            raise
        self._close(walk, count, known)

    def _read_difference(self, walk: OpenWalk, base: str, head: str, known: dict[str, Any]) -> bool:
        """Whether the server could compare the two heads."""
        before = self.result.rows
        try:
            count = self._fill_difference(walk, (), base, head)
        except (commits.NotComparableError, IncompleteError) as error:
            self.result.rows, self.result.note = before, f"the whole history is read again: {error.args[0]}"
            self._given_up.append(walk)
            return False
        self._close(walk, count, known)
        return True

    def _fill_history(self, walk: OpenWalk, landed: Iterable[Response], head: str, is_first: bool) -> int:
        """Reads what has not landed of a head's history; returns how many commits it has.

        Raises IncompleteError where they are not a head and all its ancestors, HeadGoneError.
        """
        reading = Reading(head)
        for response in landed:
            reading.take(response)
        for page in commits.history(self.client, self._name, head, self.executor, reading.landed):
            self._land(walk, page, reading)
            self.result.new += page.row_count if is_first else 0
        reading.close()
        return reading.rows

    def _fill_difference(self, walk: OpenWalk, landed: Iterable[Response], base: str, head: str) -> int:
        """Reads what has not landed of what joined the branch and what left it; returns how many commits.

        Raises NotComparableError where the server can't tell, IncompleteError where what it tells is not all.
        """
        joined, left = Reading(head), Reading(base)
        for response in landed:
            (left if response.envelope.role == "removed" else joined).take(response)
        for page in commits.joined(self.client, self._name, base, head, self.executor, joined.landed):
            self._land(walk, page, joined)
        gone = commits.behind_by(joined.document or {})
        if gone:
            self.result.note = f"the branch was rewritten: {gone:,} commits left it"
            for page in commits.left(self.client, self._name, base, head, self.executor, left.landed):
                self._land(walk, page, left)
        self._check_difference(joined, left, base, head)
        self.result.new, self.result.updated = self.result.new + joined.rows, self.result.updated + gone
        return joined.rows + left.rows

    def _check_difference(self, joined: Reading, left: Reading, base: str, head: str) -> None:
        """What the difference leans on must have been read before: the parents of what joined and left."""
        unknown = joined.boundary() | left.boundary() | (set() if joined.rows else {head})
        unknown.discard(base)
        for response in self.store.responses("commits") if unknown else ():
            unknown -= {row["sha"] for row in commits_in(response)}
            if not unknown:
                break
        if unknown:
            raise IncompleteError(
                f"{len(unknown):,} parents were never read, such as {min(unknown)}.", min(unknown)
            )

    def _look_for(self, missing: str | None) -> None:
        """Raises HistoryCutOffError where the server itself has not got a commit that others name as parent."""
        if missing is not None and not commits.is_there(self.client, self._name, missing):
            raise commits.HistoryCutOffError(self._name, missing)

    def _land(self, walk: OpenWalk, page: Page, reading: Reading) -> None:
        reading.add(page.answer.document, page.row_count)
        walk.put(page)
        self.result.rows += page.row_count
        self.reporter.rows(self._name, "commits", page.row_count, page.total)

    def _close(self, walk: OpenWalk, rows: int, known: dict[str, Any]) -> None:
        walk.close(rows, **known)
        self.result.outcome = "ok"

    def _close_empty(self, last: Envelope | None, request: str) -> None:
        """An empty repository: its branch counts as having no commits, and the next sync need not doubt it."""
        if self.full or last is None or last.outcome != "empty":
            walk = self._open(self.store.next_id("commits"), "history", None)
            self._close(walk, 0, {"request": request, "outcome": "empty"})
        self.result.outcome = "empty"


def _shows(answer: Answer, last: Envelope) -> bool:
    """Whether the head is still the one that the last walk ended at."""
    return answer.status == 304 or answer.body.decode() == last.head_sha
