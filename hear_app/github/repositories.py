"""The repository itself: its numeric id, present name, default branch, and whether it has issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hear_app.errors import UnexpectedAnswerError
from hear_app.github.client import Answer, Client


@dataclass(frozen=True, slots=True)
class Repository:
    """What a sync needs to know of a repository; `has_issues` is None where the server doesn't say."""

    repository_id: int
    full_name: str
    default_branch: str
    has_issues: bool | None


def request_for(full_name: str) -> str:
    return f"/repos/{full_name}"


def fetch(client: Client, full_name: str, etag: str | None = None) -> Answer:
    """The repository's answer: 200, or 304 where `etag` still holds. Follows a rename."""
    return client.get(request_for(full_name), etag=etag, shape=dict)


def read(document: Any) -> Repository:
    """The repository in a response's document. Raises UnexpectedAnswerError where it is none."""
    try:
        has_issues = document.get("has_issues")
        return Repository(
            repository_id=int(document["id"]),
            full_name=str(document["full_name"]),
            default_branch=str(document.get("default_branch") or "HEAD"),
            has_issues=has_issues if isinstance(has_issues, bool) else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnexpectedAnswerError("The answer to a repository request is no repository.") from None
