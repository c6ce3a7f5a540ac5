"""Repositories as large as one likes, for benchmarks: rows are written only when a page shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from hear_app.sample import issue_payloads, payloads, people, words
from hear_app.sample.clock import DAY, HOUR, NOW, iso
from hear_app.sample.dice import Dice
from hear_app.sample.graph import Commit
from hear_app.sample.history import IssueRow, SampleRepository
from hear_app.sample.payloads import Account, CommitFacts, IssueFacts, Signature
from hear_app.sample.texts import Writer

_LIFE = 6 * 365 * DAY
_AUTHORS = 500
_TEXTS = 100
_BRANCH = 4
"""Commits on a branch before it is merged: every fifth commit is then a merge."""
_BEHIND = 3
"""How many merges lie between a branch's beginning and its own merge."""
_OPEN_SHARE = 7


def big_repository(commits: int, issues: int, seed: int = 0, name: str = "ocean") -> SampleRepository:
    """A repository of that many commits (a fifth of them merges) and issues with pull requests.

    A commit is about 3 kB of JSON and an issue about 4 kB; memory is about 0.6 kB for each.
    """
    repository = SampleRepository(700_000_000 + seed, people.OWNER, name, {"description": "Large on purpose"})
    author = _Author(repository.full_name, seed)
    if commits:
        repository.push(author.commits(commits))
    repository.upsert_issues(author.issue(number, issues) for number in range(1, issues + 1))
    return repository


class _Author:
    """Makes rows from their place alone, so that nothing but the place is kept."""

    def __init__(self, full_name: str, seed: int) -> None:
        self._full_name, self._seed = full_name, seed
        self._dice = Dice(f"big/{seed}")
        writer = Writer(self._dice, words.SCOPES["tidegauge"])
        self._messages = [f"{writer.subject()}\n\n{writer.paragraph(3)}" for _ in range(_TEXTS)]
        self._titles = [writer.title() for _ in range(_TEXTS)]
        self._bodies = [writer.paragraph(20) for _ in range(_TEXTS)]
        self._accounts = [Account(20_000_000 + turn, f"sailor-{turn:03}") for turn in range(_AUTHORS)]
        self._labels = [
            issue_payloads.label(full_name, turn, *words.LABELS[turn]) for turn in range(len(words.LABELS))
        ]

    def commits(self, number: int) -> Iterator[Commit]:
        """Branches of four commits, begun some merges ago, and the merge of each. The last is the tip."""
        mains: list[str] = []
        branch: tuple[str, ...] = ()
        for place in range(number):
            landed = NOW - _LIFE + _LIFE * place // number
            is_last = place == number - 1
            if branch and (is_last or place % (_BRANCH + 1) == _BRANCH):
                made = self._commit(place, landed, (*mains[-1:], *branch))
                mains, branch = [*mains[1 - _BEHIND :], made.sha], ()
            else:
                # Branches lie for up to three weeks: their dates are older than that of the merge.
                base = tuple(mains[-1:] if is_last else mains[:1])
                made = self._commit(place, landed - self._dice.below(21 * DAY), branch or base)
                branch = (made.sha,)
            yield made

    def _commit(self, place: int, at: int, parents: tuple[str, ...]) -> Commit:
        sha = hashlib.sha1(f"{self._seed}/{place}".encode(), usedforsecurity=False).hexdigest()
        return Commit(sha, parents, at, partial(self._commit_row, place, sha, parents, at))

    def _commit_row(self, place: int, sha: str, parents: tuple[str, ...], at: int) -> bytes:
        account = self._accounts[place * place % _AUTHORS]
        author = Signature(account.login, f"{account.login}@harbourmail.example", at, account)
        committer = people.SITE.signs(at) if len(parents) > 1 else author
        message = f"{self._messages[place % _TEXTS]}\n\nChange {place}, {iso(at)}"
        return payloads.unsigned_row(self._full_name, sha, CommitFacts(message, author, committer, parents))

    def issue(self, number: int, of: int) -> IssueRow:
        """The issue or pull request of that number, of so many in all."""
        created = NOW - _LIFE + _LIFE * number // (of + 1)
        # Never all at the end of time: rows of one second have to be read again until it is past.
        updated = created + min(HOUR + self._dice.delay(3 * DAY, 400 * DAY), (NOW - created) // 2)
        is_open = number % _OPEN_SHARE == 0
        row = partial(self._issue_row, number, created, updated, is_open)
        return IssueRow(number, created, updated, number % 12, is_open, row)

    def _issue_row(self, number: int, created: int, updated: int, is_open: bool) -> bytes:
        is_pull = number % 2 == 0
        facts = IssueFacts(
            number,
            self._titles[number % _TEXTS],
            self._accounts[number * 7 % _AUTHORS],
            created,
            updated,
            self._bodies[number % _TEXTS],
            is_open=is_open,
            closed_at=None if is_open else updated,
            state_reason=None if is_open or is_pull else "completed",
            labels=self._labels[number % 9 : number % 9 + 2],
            comments=number % 12,
            is_pull_request=is_pull,
            merged_at=updated if is_pull and not is_open else None,
        )
        return issue_payloads.issue(self._full_name, 30_000_000 + number, facts)
