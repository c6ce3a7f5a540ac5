"""Every error that a user can meet, in one tree.

HearError                     exit 1
├── UsageError                exit 2: the command line or a setting is wrong
├── BusyError                 exit 3: another run, or a read-write holder of the file
├── LandingError              a landed object can't be read or written
├── WarehouseError            the warehouse file can't be read, written or published
├── TransformError            dbt failed: a model, or a data test
├── ProofError                a proof failed: what is stored is not what the server has
├── UnforeseenError           a defect of hear_app's own, met in one repository
└── GitHubError               a repository's sync failed
    ├── UnreachableError      no answer from the API, after all retries
    ├── TokenRejectedError    401: stops the whole run
    ├── RateLimitedError      the limit's wait is longer than --max-wait
    ├── NotFoundError         404: no such repository, or the token can't see it
    ├── ForbiddenError        403 or 451: permission, SSO, blocked
    ├── NameReusedError       the name now belongs to another repository
    └── UnexpectedAnswerError an answer that GitHub does not document

A message says what happened and where; the remedy says what to do about it.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class HearError(Exception):
    """An error with a sentence for the user. `remedy` is what to do about it; `exit_code` the process's."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(HearError):
    exit_code = 2


class BusyError(HearError):
    exit_code = 3


class LandingError(HearError):
    pass


class MisplacedError(LandingError):
    """A landed object that lies where another one belongs."""


class WarehouseError(HearError):
    pass


class TransformError(HearError):
    pass


class ProofError(HearError):
    pass


class UnforeseenError(HearError):
    """A defect of ours: names the exception and the line it came from, so that it can be reported."""

    def __init__(self, cause: Exception) -> None:
        last = traceback.extract_tb(cause.__traceback__)[-1]
        said = f"{type(cause).__name__}: {cause}".rstrip(" .:")
        super().__init__(
            f"hear_app met something it did not foresee, {said} ({Path(last.filename).name}, line {last.lineno}).",
            "What has landed is kept; please report this.",
        )


class GitHubError(HearError):
    pass


class UnreachableError(GitHubError):
    pass


class TokenRejectedError(GitHubError):
    pass


class RateLimitedError(GitHubError):
    pass


class NotFoundError(GitHubError):
    pass


class ForbiddenError(GitHubError):
    pass


class NameReusedError(GitHubError):
    pass


class UnexpectedAnswerError(GitHubError):
    """`status` is the HTTP status of the answer, where it had a meaning of its own."""

    def __init__(self, message: str, remedy: str = "", status: int | None = None) -> None:
        super().__init__(message, remedy)
        self.status = status
