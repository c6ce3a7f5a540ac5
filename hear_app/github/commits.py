"""Commits, by ancestry: a walk of the whole history pinned to a head, or what came between two heads.

Never by date: commits land on the default branch long after their own dates, so every date watermark loses
some wherever branches are merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any
from urllib.parse import quote

from hear_app.errors import NotFoundError, UnexpectedAnswerError, UnreachableError
from hear_app.github.client import SHA_MEDIA_TYPE, Answer, Client
from hear_app.github.pages import Landed, NumberedList, Page

_EMPTY_REPOSITORY = 409


class NotComparableError(Exception):
    """The server can't compare two heads: one is gone, they have no common ancestor, or it cuts the list short."""


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


def history(client: Client, full_name: str, head: str, executor: Executor, landed: Landed) -> Iterator[Page]:
    """All ancestors of a head, itself included, without the pages that have landed.

    The list is pinned to the SHA, so its pages never move. Raises NotFoundError where the head is gone.
    """

    def request(page: int, per_page: int) -> str:
        return f"/repos/{full_name}/commits?sha={head}&per_page={per_page}&page={page}"

    return NumberedList(client, request, rows=_as_list).pages(executor, landed)


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
        rows=lambda document: _as_list(document["commits"]),
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


def _as_list(document: Any) -> list[Any]:
    """The commits in a list. Raises TypeError where it is none."""
    if not isinstance(document, list) or not all(isinstance(row, dict) and row.get("sha") for row in document):
        raise TypeError("no list of commits")
    return document
