"""Commits, by ancestry: a walk of the whole history pinned to a head, or what came between two heads.

Never by date: commits land on the default branch long after their own dates, so every date watermark loses
some wherever branches are merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any
from urllib.parse import quote

from hear_app.errors import NotFoundError, UnexpectedAnswerError, UnreachableError
from hear_app.github.client import SHA_MEDIA_TYPE, Answer, Client
from hear_app.github.pages import Landed, NumberedList, Page

_EMPTY_REPOSITORY = 409
_NO_SUCH_COMMIT = 422
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class NotComparableError(Exception):
    """The server can't compare two heads: one is gone, they have no common ancestor, or it cuts the list short."""


class HeadGoneError(UnexpectedAnswerError):
    """The head that a walk is pinned to is not there any more."""


class HistoryCutOffError(UnexpectedAnswerError):
    """The server itself has not got a commit that others name as their parent."""

    def __init__(self, full_name: str, sha: str) -> None:
        super().__init__(
            f"{full_name} has no commit {sha} on the server, though others name it as their parent.",
            "Its history is cut off there (a shallow or grafted repository): nothing heals that from here. "
            "What was read of it before stays.",
        )


def head_request(full_name: str, branch: str) -> str:
    return f"/repos/{full_name}/commits/{quote(branch, safe='')}"


def fetch_head(client: Client, full_name: str, branch: str, etag: str | None = None) -> Answer | None:
    """The answer whose body is the branch's head SHA, or a 304; None where the repository is empty."""
    try:
        return client.get(head_request(full_name, branch), etag=etag, accept=SHA_MEDIA_TYPE)
    except UnexpectedAnswerError as error:
        if error.status == _EMPTY_REPOSITORY:
            return None
        raise


def is_there(client: Client, full_name: str, sha: str) -> bool:
    """Whether the server has a commit. Raises a GitHubError where it doesn't say."""
    try:
        return client.get(head_request(full_name, sha), accept=SHA_MEDIA_TYPE).body.decode() == sha
    except NotFoundError:
        return False
    except UnexpectedAnswerError as error:
        if error.status in {_EMPTY_REPOSITORY, _NO_SUCH_COMMIT}:
            return False
        raise


def history(client: Client, full_name: str, head: str, executor: Executor, landed: Landed) -> Iterator[Page]:
    """All ancestors of a head, itself included, without the pages that have landed.

    The list is pinned to the SHA, so its pages never move. Raises HeadGoneError where the head is gone.
    """

    def request(page: int, per_page: int) -> str:
        return f"/repos/{full_name}/commits?sha={head}&per_page={per_page}&page={page}"

    try:
        yield from NumberedList(client, request, rows=rows_of).pages(executor, landed)
    except NotFoundError as error:
        raise HeadGoneError(error.message, error.remedy) from error
    except UnexpectedAnswerError as error:
        if error.status in {_EMPTY_REPOSITORY, _NO_SUCH_COMMIT}:
            raise HeadGoneError(error.message, error.remedy) from error
        raise


def joined(
    client: Client, full_name: str, base: str, head: str, executor: Executor, landed: Landed
) -> Iterator[Page]:
    """The commits that are reachable from `head` and not from `base`, without the pages that have landed.

    Raises NotComparableError where the server can't tell, or tells fewer than it counts.
    """
    return _difference(_comparison(client, full_name, base, head), executor, landed)


def left(
    client: Client, full_name: str, base: str, head: str, executor: Executor, landed: Landed
) -> Iterator[Page]:
    """The commits that were reachable from `base` and are not from `head`: a reset or a force-push."""
    return _difference(_comparison(client, full_name, head, base, role="removed"), executor, landed)


def behind_by(document: Any) -> int:
    """How many commits left the branch, by a page of a comparison."""
    behind = document.get("behind_by")
    return behind if isinstance(behind, int) else 0


def _comparison(client: Client, full_name: str, base: str, head: str, role: Any = "page") -> NumberedList:
    def request(page: int, per_page: int) -> str:
        return f"/repos/{full_name}/compare/{base}...{head}?per_page={per_page}&page={page}"

    return NumberedList(
        client,
        request,
        rows=rows_of,
        is_empty=lambda document: document.get("total_commits") == 0,
        role=role,
        shape=dict,
    )


def _difference(comparison: NumberedList, executor: Executor, landed: Landed) -> Iterator[Page]:
    counted, total = landed.rows, _total(landed.document)
    try:
        for page in comparison.pages(executor, landed):
            counted, total = counted + page.row_count, _total(page.answer.document)
            yield page
    except (NotFoundError, UnexpectedAnswerError, UnreachableError) as error:
        raise NotComparableError(str(error)) from error
    if counted != total:
        raise NotComparableError(f"the comparison counts {total} commits and lists {counted}")


def _total(document: Any) -> int:
    """How many commits a comparison counts; -1 where it doesn't say."""
    total = document.get("total_commits") if isinstance(document, dict) else None
    return total if isinstance(total, int) else -1


def rows_of(document: Any) -> list[Any]:
    """The commits in a list or a comparison. Raises TypeError where it is none, or one is no commit."""
    rows = document["commits"] if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(map(_is_commit, rows)):
        raise TypeError("no list of commits")
    return rows


def _is_commit(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and _is_sha(row)
        and isinstance(row.get("parents"), list)
        and all(map(_is_sha, row["parents"]))
    )


def _is_sha(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("sha"), str) and _SHA.fullmatch(row["sha"]) is not None
