"""What a sync tells, while it goes on and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from hear_app.errors import HearError
from hear_app.landing import Stream


@dataclass(slots=True)
class StreamResult:
    """What became of one stream: `outcome` is ok, unchanged, empty, issues disabled or failed.

    Of the `rows` that landed, `new` had never been read before and `updated` had changed since; the others are
    rows read again. `requests` counts all that were sent, retries and all.
    """

    stream: Stream
    outcome: str = "unchanged"
    rows: int = 0
    new: int = 0
    updated: int = 0
    requests: int = 0
    note: str = ""
    error: HearError | None = None


@dataclass(slots=True)
class RepositoryResult:
    """What became of one repository; `error` is set where it failed before its streams began.

    `requests` counts those for the repository itself, before its streams.
    """

    name: str
    repository_id: int | None = None
    requests: int = 0
    streams: list[StreamResult] = field(default_factory=list)
    note: str = ""
    error: HearError | None = None

    @property
    def errors(self) -> list[HearError]:
        found = [self.error, *(stream.error for stream in self.streams)]
        return [error for error in found if error is not None]


class Reporter(Protocol):
    """Hears of what goes on; called from several threads."""

    def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
        """`count` rows have landed; `total` is how many there are to read in all, where the server tells."""

    def note(self, text: str) -> None:
        """Something the user should know beforehand, such as how long it will take."""

    def finished(self, result: RepositoryResult) -> None:
        """A repository is done, well or not."""
