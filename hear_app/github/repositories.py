"""The repository itself: its numeric id, present name, default branch, and whether it has issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hear_app.errors import ForbiddenError, NotFoundError, UnexpectedAnswerError
from hear_app.github.client import Answer, Client


@dataclass(frozen=True, slots=True)
class Repository:
    """What a sync needs to know of a repository.

    `has_issues`, and how many issues and pull requests are open, are None where the server doesn't say.
    """

    repository_id: int
    full_name: str
    default_branch: str
    has_issues: bool | None
    open_issues: int | None = None


def request_for(full_name: str) -> str:
    return f"/repos/{full_name}"


def fetch(client: Client, full_name: str, etag: str | None = None) -> Answer:
    """The repository's answer: 200, or 304 where `etag` still holds. Follows a rename."""
    return client.get(request_for(full_name), etag=etag, shape=dict)


def present_name(client: Client, repository_id: int) -> str | None:
    """The name of the repository with this id now; None where it is gone, or not to be seen."""
    try:
        return read(client.get(f"/repositories/{repository_id}", shape=dict).document).full_name
    except (NotFoundError, ForbiddenError, UnexpectedAnswerError):
        return None


def read(document: Any) -> Repository:
    """The repository in a response's document. Raises UnexpectedAnswerError where it is none."""
    try:
        has_issues, open_issues = document.get("has_issues"), document.get("open_issues_count")
        return Repository(
            repository_id=_identity(document["id"]),
            full_name=str(document["full_name"]),
            default_branch=str(document.get("default_branch") or "HEAD"),
            has_issues=has_issues if isinstance(has_issues, bool) else None,
            open_issues=open_issues if isinstance(open_issues, int) else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnexpectedAnswerError("The answer to a repository request is no repository.") from None


def _identity(value: Any) -> int:
    """A repository's id, which names its folder and is its key. Raises UnexpectedAnswerError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise UnexpectedAnswerError(f"The repository's id is {value!r}, which no repository can have: not read.")
    return int(value)
