"""One run over some repositories: which they are, what becomes of each, and the record of a complete sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from hear_app import payload
from hear_app.errors import HearError, NameReusedError, TokenRejectedError, UnforeseenError
from hear_app.github import repositories
from hear_app.github.client import Answer, Client
from hear_app.github.pages import Page
from hear_app.github.repositories import Repository
from hear_app.landing import Envelope, Landing
from hear_app.sync.commit_stream import CommitStream
from hear_app.sync.estimate import estimate
from hear_app.sync.issue_stream import IssueStream
from hear_app.sync.results import Reporter, RepositoryResult, StreamResult
from hear_app.sync.store import RepositoryStore


class Sync:
    """Syncs repositories of one API into the landing zone.

    `source` names the API there; `full` reads everything again instead of what is new; `workers` bounds the
    repositories, and the pages of one, that are read at once; `estimates` says beforehand, where there is no
    token, how many requests a first sync takes; `accept_deletions` believes a list of all issues that leaves out
    more than is usual.
    """

    def __init__(
        self,
        client: Client,
        landing: Landing,
        source: str,
        reporter: Reporter,
        workers: int = 4,
        full: bool = False,
        estimates: bool = True,
        accept_deletions: bool = False,
    ) -> None:
        self._client = client
        self._landing = landing
        self._source = source
        self._reporter = reporter
        self._workers = workers
        self._full = full
        self._estimates = estimates
        self._accept_deletions = accept_deletions
        self._refused: TokenRejectedError | None = None
        self._claimed: set[int] = set()
        self._claiming = threading.Lock()
        self._known = landing.repositories(source)

    def run(self, names: Sequence[str]) -> list[RepositoryResult]:
        """Syncs each repository; one's failure stops no other, but for a refused token, which is raised."""
        with (
            ThreadPoolExecutor(self._workers, "repository") as by_repository,
            ThreadPoolExecutor(self._workers, "commits") as self._by_stream,
            ThreadPoolExecutor(self._workers, "page") as self._by_page,
        ):
            results = list(by_repository.map(self._sync, names))
        known = {result.repository_id for result in results}
        return results + [
            RepositoryResult(f"{self._source}/{key}", key, error=error)
            for key, error in self._landing.unreadable(self._source).items()
            if key not in known
        ]

    def _sync(self, name: str) -> RepositoryResult:
        result = RepositoryResult(name)
        if self._refused is not None:  # whatever is asked with that token would be refused, too
            raise self._refused
        try:
            self._sync_repository(name, result)
        except TokenRejectedError as error:
            self._refused = error
            raise
        except HearError as error:
            result.error = error
        except Exception as error:  # a defect of ours costs one repository, not the run
            result.error = UnforeseenError(error)
        self._reporter.finished(result)
        return result

    def _sync_repository(self, name: str, result: RepositoryResult) -> None:
        client = self._client.scoped()
        answer, repository, is_news = self._fetch(client, name)
        result.name, result.repository_id = repository.full_name, repository.repository_id
        if repository.full_name.lower() != name.lower():
            result.note = f"{name} is now {repository.full_name}"
        if not self._claim(repository.repository_id):
            result.note = f"{name}: the same repository as another one named, read once"
            return
        store = self._store(repository)
        is_read_again = self._full or self._is_newest_damaged(store)
        if is_read_again and answer.status == 304:
            answer = repositories.fetch(client, name)
        if is_news or is_read_again:
            page = Page(answer, position=0, size=1, row_count=1)
            walk = store.open("repository", store.next_id("repository"), requested_name=name)
            walk.put(page)
            walk.flush()
        if self._estimates and not client.has_token and not store.walks("commits"):
            self._reporter.note(estimate(client, repository))
        result.requests = len(client.statuses)
        self._sync_streams(store, result)
        if not result.errors:
            self._record(store, answer, result, is_news)

    def _store(self, repository: Repository) -> RepositoryStore:
        """Where everything is read again, numbers are passed over: a walk that is gone may have borne the next
        one, and the ledger would take the new one for it.
        """
        folder = f"{self._source}/{repository.repository_id}/"
        newest = max((landed.walk_id for landed in self._landing.objects(folder)), default=0) if self._full else 0
        first_id = newest + 2 if newest else 1
        return RepositoryStore(self._landing, self._source, repository, bool(newest), first_id)

    def _is_newest_damaged(self, store: RepositoryStore) -> bool:
        """Whether only an older repository response could be read: a new one takes the damaged one's place."""
        walks, known = store.walks("repository"), self._known.get(store.repository.repository_id)
        return known is not None and bool(walks) and walks[-1].walk_id != known[0].walk_id

    def _sync_streams(self, store: RepositoryStore, result: RepositoryResult) -> None:
        """Commits in a thread of their own, issues meanwhile in this one."""
        read, listed = StreamResult("commits"), StreamResult("issues")
        result.streams = [read, listed]
        clients = self._client.scoped(), self._client.scoped()
        by_ancestry = CommitStream(clients[0], store, self._by_page, self._reporter, self._full, read)
        by_cursor = IssueStream(clients[1], store, self._reporter, self._full, self._accept_deletions, listed)
        reading = self._by_stream.submit(_guarded, by_ancestry.sync, read)
        _guarded(by_cursor.sync, listed)
        reading.result()
        read.requests, listed.requests = (len(client.statuses) for client in clients)

    def _claim(self, repository_id: int) -> bool:
        """False for a repository that this run reads already: two names may mean the same one."""
        with self._claiming:
            is_first = repository_id not in self._claimed
            self._claimed.add(repository_id)
            return is_first

    def _fetch(self, client: Client, name: str) -> tuple[Answer, Repository, bool]:
        """The repository that bears this name now, and whether that differs from what has landed of it.

        It is asked by the name that was given, and known by its id. Raises NameReusedError.
        """
        known = self._known_as(name)
        answer = repositories.fetch(client, name, known[0].etag if known else None)
        if known and answer.status == 304:
            return answer, repositories.read(payload.parse(known[1])), False
        repository = repositories.read(answer.document)
        if known and known[0].repository_id != repository.repository_id:
            self._check_reuse(client, name, known[0], repository)
        landed = self._known.get(repository.repository_id)
        if landed is None or landed[0].request != answer.request:
            return answer, repository, True
        return answer, repository, payload.parse(landed[1]) != answer.document

    def _known_as(self, name: str) -> tuple[Envelope, bytes] | None:
        """The landed repository of this name: the one that bears it, else the one once asked for by it."""
        for attribute in ("full_name", "requested_name"):
            for known in self._known.values():
                if str(getattr(known[0], attribute)).lower() == name.lower():
                    return known
        return None

    def _check_reuse(self, client: Client, name: str, known: Envelope, repository: Repository) -> None:
        """A name that another repository took over is no obstacle where the one that had it is known by another.

        Raises NameReusedError where what has landed still bears the name: two repositories of one name would be
        taken for one.
        """
        if str(known.full_name).lower() != repository.full_name.lower():
            return
        present = repositories.present_name(client, known.repository_id)
        remedy = f"Move {self._source}/{known.repository_id} out of the landing zone to read the new one."
        if present is not None:
            remedy = f"The one that has landed is now {present}: sync it by that name first."
        raise NameReusedError(
            f"{name} is now another repository: its id is {repository.repository_id}, "
            f"and what has landed is of {known.repository_id}.",
            remedy,
        )

    def _record(self, store: RepositoryStore, answer: Answer, result: RepositoryResult, is_news: bool) -> None:
        """Records a complete sync: one that landed anything, and the first of a UTC day that didn't."""
        walks = store.walks("syncs")
        responded_at = answer.responded_at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        last = store.last_closed(walks, full=True)
        is_first_today = last is None or str(last.responded_at)[:10] < responded_at[:10]
        if is_news or is_first_today or any(stream.outcome == "ok" for stream in result.streams):
            outcome = ", ".join(f"{stream.stream} {stream.outcome}" for stream in result.streams)
            walk = store.open("syncs", store.next_id("syncs"), "full" if store.full else None)
            if store.full:
                walk.superseded = store.inspect().supersedable(walk.walk_id)
            walk.close(0, request=answer.request, responded_at=responded_at, outcome=outcome)


def _guarded(sync: Callable[[], None], result: StreamResult) -> None:
    """One stream's failure is its own: the other one goes on."""
    try:
        sync()
    except TokenRejectedError:
        raise
    except HearError as error:
        result.outcome, result.error = "failed", error
    except Exception as error:
        result.outcome, result.error = "failed", UnforeseenError(error)
