"""What a walk over all issues has seen, held against what was known before and what the server shows otherwise.

An issue that a list leaves out is not yet deleted: lists of an overloaded server leave out thousands. So it is
looked at by itself, and where too many are missing the walk is not believed at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hear_app import payload
from hear_app.errors import UnexpectedAnswerError
from hear_app.github import issues
from hear_app.github.client import Answer, Client
from hear_app.sync.store import RepositoryStore

_FEW, _SHARE, _MOST = 50, 50, 1_000  # issues that may be looked at: a fiftieth of all, but not fewer, nor more
_FIRST = 5  # issues that are looked at where there is nothing else to hold an empty list against
_OPEN_MARGIN = 20  # by which the server's count of open issues may be off, or a tenth of it: it is cached


class IncompleteListError(UnexpectedAnswerError):
    """The server's list of all issues is not all of them."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, f"GitHub answers so when it is overloaded: run again later.{remedy}")


class Census:
    """The issues of one repository that a walk over all of them has seen."""

    def __init__(self, client: Client, store: RepositoryStore, accept_deletions: bool) -> None:
        self._client = client
        self._store = store
        self._accept_deletions = accept_deletions
        self._is_open: dict[int, bool] = {}

    def add(self, rows: Iterable[Any]) -> None:
        """Takes in rows of the list, or issues by themselves."""
        self._is_open.update((int(row["number"]), row.get("state") == "open") for row in rows)

    def missed(self, watermark: str | None) -> list[Answer]:
        """The issues that the walk, which read up to `watermark`, missed and that still exist, each by itself.

        Raises IncompleteListError where the server shows elsewhere what the list left out, or where it left out
        more than can be looked at one by one.
        """
        newest = issues.by_creation(self._client, self._name, "all", "desc")
        if not newest:
            self._look_at(sorted(self._is_open, reverse=True)[:_FIRST])
        self._compare(newest, watermark)
        if not self._is_open:
            self._look_at(range(1, (_FIRST if self._store.repository.open_issues else 1) + 1))
        told, counted = self._store.repository.open_issues, sum(self._is_open.values())
        if told is not None and told - counted > max(_OPEN_MARGIN, told // 10):
            self._compare(issues.by_creation(self._client, self._name, "open", "asc"), watermark)
        return self._look_at_missing()

    @property
    def _name(self) -> str:
        return self._store.repository.full_name

    def _compare(self, shown: list[Any], watermark: str | None) -> None:
        """Rows that changed only after the walk are no contradiction."""
        until = issues.shifted(watermark, -issues.OVERLAP - timedelta(seconds=1))
        for row in shown:
            if int(row["number"]) not in self._is_open and (until is None or str(row["updated_at"]) <= until):
                raise IncompleteListError(f"{self._name}: the list of all issues left out #{row['number']}.")

    def _look_at(self, numbers: Iterable[int]) -> None:
        """Where a list came empty. Raises IncompleteListError where one of these issues exists."""
        for number in numbers:
            if issues.look_at(self._client, self._name, number) is not None:
                raise IncompleteListError(
                    f"{self._name}: the list of all issues came empty, though #{number} exists."
                )

    def _look_at_missing(self) -> list[Answer]:
        known = self._known()
        missing = sorted(known.keys() - self._is_open.keys())
        limit = min(_MOST, max(_FEW, len(known) // _SHARE))
        if len(missing) <= limit:
            looked = [issues.look_at(self._client, self._name, number, known[number]) for number in missing]
            return [answer for answer in looked if answer is not None]
        if self._accept_deletions:
            return []
        raise IncompleteListError(
            f"{self._name}: the list of all issues leaves out {len(missing):,} of {len(known):,} that were there, "
            "which no ordinary day explains. None is marked as deleted.",
            f" Where they really are gone, `hear sync --full --accept-deletions {self._name}` marks them.",
        )

    def _known(self) -> dict[int, int | None]:
        """The issues that exist as far as is known, with their ids: seen since the last walk over all of them."""
        newest: dict[int, tuple[int, int | None]] = {}
        last_full = 0
        for response in self._store.responses("issues"):
            walk_id = response.envelope.walk_id
            if response.envelope.walk_kind == "full":
                last_full = max(last_full, walk_id)
            for row in payload.rows_in(response.body) if response.envelope.role != "closed" else ():
                seen = newest.get(row["number"], (0, None))
                newest[row["number"]] = max(seen, (walk_id, row.get("id")), key=lambda found: found[0])
        return {number: identity for number, (walk_id, identity) in newest.items() if walk_id >= last_full}
