"""Whether a walk over commits is whole: checked before its closing record says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hear_app import payload
from hear_app.errors import UnexpectedAnswerError
from hear_app.github import commits
from hear_app.github.pages import Landed
from hear_app.landing import Response


class IncompleteError(UnexpectedAnswerError):
    """What was read of a history is not all of it, or more than it. `missing` is a parent that did not come."""

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message, "GitHub answers so when it is overloaded: run again later.")
        self.missing = missing


def commits_in(response: Response) -> list[Any]:
    """The commits in a landed response; none in a closing record."""
    return [] if response.envelope.role == "closed" else commits.rows_of(payload.parse(response.body))


class Reading:
    """The commits that have come of one list, which must be a head and its ancestors, each once.

    Holds one SHA a commit in memory (about 90 bytes). What is named as a parent and has not come, or has come and
    is not named, is little, since children come before their parents.
    """

    def __init__(self, head: str) -> None:
        self._head = bytes.fromhex(head)
        self._seen: set[bytes] = set()
        self._missing: set[bytes] = set()
        self._unnamed: set[bytes] = set()
        self._sizes: dict[int, int] = {}
        self._has_ended = False
        self.rows = 0
        self.document: Any = None

    @property
    def landed(self) -> Landed:
        """What had landed before, for those who read the rest."""
        return Landed(dict(self._sizes), self.rows, self._has_ended, self.document)

    def take(self, response: Response) -> None:
        """A page that had landed before; they come in order. Raises IncompleteError."""
        known = response.envelope
        self._sizes[known.position] = known.page_size
        self._has_ended = known.next_request is None
        self.add(payload.parse(response.body), known.row_count)

    def add(self, document: Any, rows: int) -> None:
        """Takes in a page's document. Raises IncompleteError for a commit that came before."""
        self.document = self.document or document
        self.rows += rows
        for row in commits.rows_of(document):
            self._add(bytes.fromhex(row["sha"]), [bytes.fromhex(parent["sha"]) for parent in row["parents"]])

    def _add(self, sha: bytes, parents: Iterable[bytes]) -> None:
        if sha in self._seen:
            raise IncompleteError(f"Commit {sha.hex()} came twice in one history.")
        self._seen.add(sha)
        if sha in self._missing:
            self._missing.discard(sha)
        else:
            self._unnamed.add(sha)
        for parent in parents:
            self._unnamed.discard(parent)
            if parent not in self._seen:
                self._missing.add(parent)

    def boundary(self) -> set[str]:
        """The parents that are named and did not come.

        Raises IncompleteError where the head did not come, or a commit came that is no ancestor of it.
        """
        strangers = self._unnamed - {self._head}
        if strangers:
            raise IncompleteError(f"Commit {min(strangers).hex()} came, but is no ancestor of {self._head.hex()}.")
        if self._seen and self._head not in self._seen:
            raise IncompleteError(f"The head {self._head.hex()} did not come with its history.")
        return {sha.hex() for sha in self._missing}

    def close(self) -> None:
        """Raises IncompleteError where this is not the whole history of the head."""
        missing = self.boundary() if self._seen else {self._head.hex()}
        if missing:
            sha = min(missing)
            raise IncompleteError(f"{len(missing):,} commits of the history did not come, such as {sha}.", sha)
