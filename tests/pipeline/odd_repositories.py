"""Repositories of which something is odd: one oddity each, seeded mixtures of them, and what became of some."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from tests.pipeline.odd_bronze import Walk
from tests.pipeline.odd_values import ABSENT, ANYTHING, COMMIT, ISSUE, PULL_REQUEST, REPOSITORY, Json, with_value

LATER: Final = "2024-09-01T00:00:00Z"
"""When the second load's walks were made, two and a half months after the first one's."""


def sha(repository_id: int, place: int) -> str:
    return hashlib.sha1(f"{repository_id} {place}".encode(), usedforsecurity=False).hexdigest()


def commit(repository_id: int, place: int) -> Json:
    """An ordinary commit, on top of the one before it."""
    signature = {"name": "Ann A", "email": "ann@x.org", "date": f"2024-05-20T10:00:{place:02}Z"}
    return {
        "sha": sha(repository_id, place),
        "author": {"id": 1, "login": "ann", "type": "User"},
        "committer": {"id": 1, "login": "ann", "type": "User"},
        "commit": {
            "author": signature,
            "committer": dict(signature),
            "message": f"feat: {place}",
            "comment_count": 0,
        },
        "parents": [{"sha": sha(repository_id, place - 1)}] if place else [],
    }


def commits(repository_id: int, count: int = 3) -> list[Json]:
    return [commit(repository_id, place) for place in range(count)]


def issue(number: int, closed_at: str | None = "2024-05-20T00:00:00Z", **changed: Any) -> Json:
    """An ordinary issue, closed unless `closed_at` is None."""
    return {
        "number": number, "id": 1000 + number, "title": f"Item {number}",
        "state": "closed" if closed_at else "open",
        "user": {"id": 2, "login": "bob", "type": "User"}, "closed_by": {"id": 1, "login": "ann", "type": "User"},
        "author_association": "NONE", "labels": [{"id": 5, "name": "bug", "color": "ff0000"}],
        "assignees": [{"id": 1, "login": "ann", "type": "User"}], "comments": 0, "reactions": {"total_count": 0},
        "created_at": "2024-04-10T00:00:00Z", "closed_at": closed_at, "updated_at": "2024-05-20T00:00:00Z",
    } | changed  # fmt: skip


def pull_request(number: int, merged_at: str | None = "2024-05-20T00:00:00Z", **changed: Any) -> Json:
    """An ordinary pull request, merged and closed in the same second."""
    return issue(number) | {"pull_request": {"merged_at": merged_at}} | changed


def ordinary(about: str, repository_id: int, **changed: Any) -> Walk:
    """A first sync of a repository with three commits, two issues and a pull request; `changed` replaces some."""
    known: Json = {
        "repository": {
            "id": repository_id, "full_name": f"acme/r{repository_id}", "name": f"r{repository_id}",
            "owner": {"login": "acme"}, "default_branch": "main", "created_at": "2024-01-01T00:00:00Z",
        },
        "commits": commits(repository_id),
        "issues": [issue(1), pull_request(2), issue(3, closed_at=None)],
    }  # fmt: skip
    return Walk(about=about, repository_id=repository_id, **(known | changed))


def single_oddities(first_id: int = 1_000) -> Iterator[Walk]:
    """One repository for each field that the models read and each odd value of it."""
    key = first_id
    for kind, fields in (
        ("commit", COMMIT),
        ("issue", ISSUE),
        ("pull request", PULL_REQUEST),
        ("repo", REPOSITORY),
    ):
        for path, special in fields.items():
            for value in (*ANYTHING, *special):
                key += 1
                shown = "absent" if value is ABSENT else repr(value)[:40]
                yield _with_oddity(ordinary(f"{kind} {path} = {shown}", key), kind, path, value)


def _with_oddity(plain: Walk, kind: str, path: str, value: Any) -> Walk:
    if kind == "repo":
        return replace(plain, repository=with_value(plain.repository or {}, path, value))
    if kind == "commit":
        return replace(plain, commits=[*plain.commits[:2], with_value(plain.commits[2], path, value)])
    place = 1 if kind == "pull request" else 0
    rows = list(plain.issues)
    rows[place] = with_value(rows[place], path, value)
    return replace(plain, issues=rows)


def mixtures(dice: random.Random, count: int, first_id: int = 100_000) -> Iterator[Walk]:
    """Repositories in which many fields of many rows are odd at once."""
    for key in range(first_id, first_id + count):
        plain = ordinary(f"mixture {key}", key)
        yield replace(
            plain,
            repository=_mixed(dice, plain.repository or {}, REPOSITORY),
            commits=[_mixed(dice, row, COMMIT) for row in commits(key, 6)],
            issues=_mixed_issues(dice),
        )


def _mixed_issues(dice: random.Random) -> list[Json]:
    made = [dice.choice((issue, pull_request))(number) for number in range(1, 7)]
    return [_mixed(dice, row, ISSUE | (PULL_REQUEST if dice.random() < 0.7 else {})) for row in made]


def _mixed(dice: random.Random, document: Json, fields: dict[str, Sequence[Any]]) -> Json:
    for path in dice.sample(sorted(fields), dice.randrange(6)):
        document = with_value(document, path, dice.choice((*ANYTHING, *fields[path], *fields[path])))
    return document


def later(dice: random.Random, walk: Walk) -> Walk | None:
    """What the next sync of a repository brought: nothing, other rows, fewer, or an emptied repository."""
    key = walk.repository_id
    known: Json = {"walk_id": walk.walk_id + 1, "responded_at": LATER, "source": walk.source}
    news = [row | {"updated_at": "2024-08-01T00:00:00Z"} for row in _mixed_issues(dice)]
    match dice.choice(("nothing", "edited", "rewritten", "emptied", "read again", "marked")):
        case "edited":
            return Walk(
                about=walk.about, repository_id=key, **known, commit_walk=None, issues=news, issue_walk="updated"
            )
        case "rewritten":
            rows, gone = [_mixed(dice, commit(key, place), COMMIT) for place in (1, 7)], walk.commits[-1:]
            return ordinary(
                walk.about, key, **known, commits=rows, removed=gone, commit_walk="compare", issue_walk=None
            )
        case "emptied":
            return emptied(walk)
        case "read again":
            return replace(walk, **known, commits=walk.commits[1:], issues=news[1:])
        case "marked":
            return Walk(about=walk.about, repository_id=key, **known, commit_walk=None, issue_walk=None)
    return None


def emptied(walk: Walk) -> Walk:
    """The next sync finds a repository without any branch."""
    return Walk(
        about=walk.about, repository_id=walk.repository_id, source=walk.source, walk_id=walk.walk_id + 1,
        responded_at=LATER, commit_outcome="empty", issue_walk=None,
        sync_outcome="commits empty, issues unchanged",
    )  # fmt: skip


def stories() -> list[tuple[list[Walk], list[Walk]]]:
    """Repositories to which something happened: the walks that the first load brings, and those of the second."""
    emptied_later, filled_again = ordinary("emptied", 1), ordinary("emptied and filled again", 2)
    converted = ordinary("converted", 3, issues=[pull_request(4), issue(5)])
    updated: Json = {"updated_at": "2024-07-01T00:00:00Z"}
    return [
        ([emptied_later], [emptied(emptied_later)]),
        (
            [filled_again, emptied(filled_again)],
            [replace(filled_again, walk_id=3, commits=commits(2, 4), responded_at=LATER)],
        ),
        (
            [converted],
            [replace(
                converted, walk_id=2, issue_walk="updated", commit_walk=None, responded_at=LATER,
                issues=[issue(4, **updated), pull_request(5, **updated)],
            )],
        ),
        *(([walk], []) for walk in _oddly_told()),
    ]  # fmt: skip


def _oddly_told() -> list[Walk]:
    return [
        ordinary("a second between merging and closing, over a month's end", 4, issues=[
            pull_request(1, "2024-05-31T23:59:59Z", closed_at="2024-06-01T00:00:00Z"), issue(2, None),
        ]),
        ordinary("merged after it closed", 5, issues=[
            pull_request(1, "2024-06-02T00:00:00Z", closed_at="2024-05-02T00:00:00Z"),
        ]),
        ordinary("merged, and neither closed nor of a time", 6, issues=[
            pull_request(1, closed_at=None, state="open"), pull_request(2, "soon", closed_at=None),
        ]),
        ordinary("closed before it opened", 7, issues=[
            issue(1, "2024-02-01T00:00:00Z"), pull_request(2, None, closed_at="2024-02-01T00:00:00Z"),
            issue(3, None),
        ]),
        ordinary("numbers of every size", 8, issues=[
            issue(number) for number in (0, -1, 2**31, 2**63 - 1)
        ]),
        Walk(about="empty, without issues", repository_id=9, commit_walk=None, issue_walk=None,
              sync_outcome="commits empty, issues disabled"),
        ordinary("no row of either kind", 10, commits=[], issues=[]),
        ordinary("never described", 11, repository=None),
        ordinary("no server's time", 12, responded_at=None, sync_outcome=None),
        ordinary("cut off", 13, sync_outcome=None, issue_walk="updated"),
        ordinary("a clock of year 1", 14, responded_at="0001-01-02T00:00:00Z"),
        ordinary("a clock of 1969", 15, responded_at="1969-12-31T23:59:59Z"),
        ordinary("a clock of year 9999", 16, responded_at="9999-12-31T23:59:59Z", commits=[
            with_value(commit(16, 0), "commit.committer.date", "9998-01-01T00:00:00Z"),
        ]),
        ordinary("the same id elsewhere", 16, source="other.example"),
        ordinary("the same login of two accounts", 17, issues=[
            issue(at, user={"id": 70 + at, "login": "Twin"}) for at in range(3)
        ]),
        ordinary("two logins of one account", 18, issues=[
            issue(at, user={"id": 80, "login": f"name-{at}"}) for at in range(3)
        ]),
        ordinary("its own parent", 19, commits=[commit(19, 0) | {"parents": [{"sha": sha(19, 0)}] * 2}]),
        ordinary("not hexadecimal", 20, commits=[
            commit(20, at) | {"sha": name}
            for at, name in enumerate(("AB" * 20, "c" * 64, "x", "\x00", "|", "d e"))
        ]),
        ordinary("closed before it opened, within a month, and on days that were never", 31, issues=[
            issue(1, "2024-04-02T00:00:00Z"), issue(2, "soon"), issue(3, created_at="1969-01-01T00:00:00Z"),
            issue(4, "1969-01-01T00:00:00Z"), issue(5, None),
        ]),
        ordinary("many labels and assignees", 21, issues=[issue(
            1,
            labels=[{"id": at, "name": f"label {at}"} for at in range(1000)],
            assignees=[{"id": at, "login": f"user-{at}"} for at in range(100)],
        )]),
        ordinary("a long message", 22, commits=[with_value(commit(22, 0), "commit.message", "z" * 2**20)]),
    ]  # fmt: skip


def without_keys() -> Walk:
    """A repository with rows that the extraction refuses: without the sha or the number that tells them apart."""
    keyless: list[Json] = [commit(30, 0) | {"sha": None}, with_value(commit(30, 0), "sha", ABSENT)]
    none_at_all: tuple[Any, ...] = (None, "one", True, 2**63, {})
    numberless = [issue(1) | {"number": value} for value in none_at_all]
    return ordinary("without keys", 30, commits=[*keyless, *commits(30)], issues=[*numberless, issue(1)])
