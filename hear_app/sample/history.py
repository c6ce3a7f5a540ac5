"""A repository that changes as real ones do: pushes, force-pushes, renames, issues edited or deleted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import RLock

from hear_app.sample import issue_payloads, repository_payloads
from hear_app.sample.clock import NOW
from hear_app.sample.graph import Commit, CommitGraph
from hear_app.sample.payloads import Account, IssueFacts, Json

DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue or pull request: what lists sort by, and its payload, or a function that makes it."""

    number: int
    created_at: int
    updated_at: int
    comments: int
    is_open: bool
    row: bytes | Callable[[], bytes]

    def payload(self) -> bytes:
        """The issue as the list answers it, in JSON."""
        return self.row if isinstance(self.row, bytes) else self.row()

    def key(self, sort: str) -> tuple[int, int]:
        """Its place in a list sorted by `created`, `updated` or `comments`; the number settles ties."""
        if sort == "updated":
            return self.updated_at, self.number
        return self.comments if sort == "comments" else self.created_at, self.number


@dataclass(frozen=True, slots=True)
class IssueList:
    """Issues in ascending order of their keys."""

    keys: Sequence[tuple[int, int]]
    rows: Sequence[IssueRow]

    def between(self, low: tuple[int, int] | None, high: tuple[int, int] | None) -> range:
        """Places of the rows whose key is above `low` and below `high`, both left out."""
        start = 0 if low is None else bisect_right(self.keys, low)
        stop = len(self.keys) if high is None else bisect_left(self.keys, high)
        return range(start, max(start, stop))


class SampleRepository:
    """One repository of the sample server. Every method may be called while the server answers."""

    def __init__(
        self, identity: int, owner: Account, name: str, facts: Json | None = None, *, pushed_at: int = 0
    ) -> None:
        """An empty repository; `facts` overrides keys of its payload, as `has_issues` or `description`."""
        self.identity = identity
        self.owner = owner
        self.name = name
        self.facts: Json = dict(facts or {})
        self.default_branch: str = self.facts.pop("default_branch", DEFAULT_BRANCH)
        self.previous_names: list[str] = []
        self.graph = CommitGraph()
        self.branches: dict[str, str] = {}
        self.labels: list[Json] = []
        self.pushed_at = pushed_at
        self.lock = RLock()
        self._issues: dict[int, IssueRow] = {}
        self._lists: dict[tuple[str, str], IssueList] = {}

    @property
    def full_name(self) -> str:
        """`owner/name` as it is spelled now."""
        return f"{self.owner.login}/{self.name}"

    @property
    def has_issues(self) -> bool:
        """False where the tracker is switched off: the issue list then answers 410."""
        return bool(self.facts.get("has_issues", True))

    @property
    def head(self) -> str | None:
        """The SHA at the tip of the default branch; None for an empty repository."""
        return self.branches.get(self.default_branch)

    @property
    def issues(self) -> dict[int, IssueRow]:
        """The issues and pull requests by number; change them through upsert_issue and delete_issue only."""
        return self._issues

    def resolve(self, ref: str | None) -> str | None:
        """The SHA of a branch name, `HEAD`, a SHA or nothing (the default branch); None if unknown."""
        if ref is None or ref == "HEAD":
            return self.head
        sha = self.branches.get(ref, ref.lower())
        return sha if sha in self.graph else None

    def push(self, commits: Iterable[Commit], *, branch: str | None = None, at: int | None = None) -> str:
        """Add commits, parents first, and move the branch to the last. Answers its SHA."""
        fresh = list(commits)
        if not fresh:
            raise ValueError("a push needs a commit")
        with self.lock:
            self.graph.add(fresh)
            self.force_push(fresh[-1].sha, branch=branch, at=at)
        return fresh[-1].sha

    def force_push(self, sha: str, *, branch: str | None = None, at: int | None = None) -> None:
        """Move a branch to any commit that is there: a reset, or the end of a rebase. KeyError if unknown."""
        with self.lock:
            committed_at = min(self.graph[sha].committed_at, NOW)
            self.branches[branch or self.default_branch] = sha
            self.pushed_at = max(self.pushed_at + 1, committed_at) if at is None else at

    def delete_branches_but(self, branch: str) -> None:
        """Keep one branch, and forget every commit that it does not reach."""
        with self.lock:
            self.branches = {branch: self.branches[branch]}
            self.graph.keep_only(self.branches.values())

    def rename(self, name: str, owner: Account | None = None) -> None:
        """Move the repository; its old name answers 301 from now on."""
        with self.lock:
            self.previous_names.append(self.full_name)
            self.name = name
            self.owner = owner or self.owner

    def put_issue(self, facts: IssueFacts, identity: int | None = None) -> None:
        """Insert an issue or pull request, or replace the one of that number."""
        full_name = self.full_name
        unique = identity if identity is not None else self.identity * 100_000 + facts.number
        row = issue_payloads.issue(full_name, unique, facts)
        stands = IssueRow(facts.number, facts.created_at, facts.updated_at, facts.comments, facts.is_open, row)
        self.upsert_issues([stands])

    def upsert_issues(self, rows: Iterable[IssueRow]) -> None:
        """Insert rows, or replace those of the same number."""
        with self.lock:
            self._issues.update((row.number, row) for row in rows)
            self._lists.clear()

    def delete_issue(self, number: int) -> None:
        """Remove an issue for good. KeyError for an unknown number."""
        with self.lock:
            del self._issues[number]
            self._lists.clear()

    def issue_list(self, state: str, sort: str) -> IssueList:
        """Issues of a state (`open`, `closed`, `all`), ascending by `created`, `updated` or `comments`."""
        with self.lock:
            if (state, sort) not in self._lists:
                wanted = [
                    row for row in self._issues.values() if state == "all" or row.is_open == (state == "open")
                ]
                wanted.sort(key=partial(IssueRow.key, sort=sort))
                self._lists[state, sort] = IssueList([row.key(sort) for row in wanted], wanted)
            return self._lists[state, sort]

    def payload(self) -> bytes:
        """The repository as `GET /repos/OWNER/NAME` answers it, in JSON."""
        with self.lock:
            open_issues = len(self.issue_list("open", "created").rows) if self.has_issues else 0
            facts = {**self.facts, "default_branch": self.default_branch, "has_issues": self.has_issues}
            return repository_payloads.repository(
                self.identity,
                self.name,
                self.owner,
                facts,
                pushed_at=self.pushed_at,
                open_issues=open_issues,
            )
