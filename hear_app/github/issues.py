"""Issues and pull requests, by cursor: oldest change first, so that every page may move the watermark.

Since 2025 GitHub's Link holds only `next`, with a cursor, and page 100 is refused; older Enterprise servers page
by number, under which rows slip from page to page while they are read. Both end in the right set here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from hear_app.errors import UnexpectedAnswerError
from hear_app.github.client import Answer, Client, PageTooHeavyError
from hear_app.github.pages import PAGE_SIZES, Page

OVERLAP = timedelta(minutes=2)  # lists lag 15-30 s behind writes
_ISSUES_DISABLED = 410
_PER_PAGE = re.compile(r"(?<=[?&]per_page=)\d+")
_GOOD_PAGES = 8  # pages in a row before a larger one is tried again
_TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"


class IssuesDisabledError(Exception):
    """The repository has no issues (410)."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The request that closed a walk by showing nothing new; an idle sync repeats it and nothing else."""

    request: str
    etag: str | None
    digest: str


@dataclass(slots=True)
class IssueWalk:
    """One pass over a repository's issues, from `watermark` on (None: from the beginning).

    `pages()` yields each page that shows something new. When it is exhausted, `watermark` is the newest
    `updated_at` read, and `confirmation` what an idle sync may repeat: None where more than a page of rows shares
    the newest minutes, since a new row would then not show on the first page.
    """

    client: Client
    full_name: str
    watermark: str | None = None
    position: int = 0
    confirmation: Confirmation | None = None
    _seen: dict[int, str] = field(default_factory=dict)
    _size: int = PAGE_SIZES[0]
    _good: int = 0

    def pages(self) -> Iterator[Page]:
        """Walks until the list shows nothing new. Raises IssuesDisabledError.

        A `confirmation` given beforehand is asked first; where its answer is the same, nothing is yielded.
        """
        answer = self._first_answer()
        if answer is None:
            return
        yield from self._chain(answer)
        while answer.next_request or answer.request != self._from_watermark():
            answer = self._read(self._from_watermark())
            if not self._has_news(answer):
                break
            yield from self._chain(answer)
        self.confirmation = _confirmation(answer)

    def _first_answer(self) -> Answer | None:
        """The first page, or None where it is the one that closed the last walk."""
        request, last = self._from_watermark(), self.confirmation
        if last is None or last.request != request:
            return self._read(request)
        answer = self._read(request, etag=last.etag)
        return None if answer.status == 304 or _digest(answer) == last.digest else answer

    def _chain(self, first: Answer) -> Iterator[Page]:
        """A page and all that follow it."""
        answer: Answer | None = first
        while answer is not None:
            yield from self._take(answer)
            following = answer.next_request
            if following is None:
                return
            answer = self._read(following) if "after=" in following else (yield from self._hop(answer))

    def _hop(self, answer: Answer) -> Generator[Page, None, Answer | None]:
        """The page after one of a server that pages by number: it starts at the second of the last row.

        Within a second that fills more than a page there is no way but by number; rows may slip there, so it is
        read until a pass shows nothing new.
        """
        second = str(_rows(answer)[-1]["updated_at"])
        first = self._request(second)
        if not answer.request.startswith(first):
            return self._read(first)
        while True:
            news = False
            while answer.next_request and _rows(answer)[-1]["updated_at"] == second:
                answer = self.client.get(answer.next_request)
                news |= self._has_news(answer)
                yield from self._take(answer)
            if not news:
                break
            answer = self._read(first)
            yield from self._take(answer)
        return self._read(self._request(str(_rows(answer)[-1]["updated_at"]))) if answer.next_request else None

    def _take(self, answer: Answer) -> Iterator[Page]:
        """The page of an answer, if it shows anything new; moves the watermark."""
        if not self._has_news(answer):
            return
        rows = _rows(answer)
        clock = answer.responded_at
        stamps = [str(row["updated_at"]) for row in rows if clock is None or str(row["updated_at"]) <= clock]
        self.watermark = max([*stamps, *([self.watermark] if self.watermark else [])], default=None)
        page = Page(answer, self.position, self._size, len(rows), watermark=self.watermark)
        self.position += len(rows)
        self._remember(rows)
        yield page

    def _has_news(self, answer: Answer) -> bool:
        return any(self._seen.get(int(row["number"])) != str(row["updated_at"]) for row in _rows(answer))

    def _remember(self, rows: list[Any]) -> None:
        """Keeps what may show again: the rows of the overlap."""
        self._seen |= {int(row["number"]): str(row["updated_at"]) for row in rows}
        since = _overlapped(self.watermark) or ""
        self._seen = {number: stamp for number, stamp in self._seen.items() if stamp >= since}

    def _read(self, request: str, etag: str | None = None) -> Answer:
        """An answer, with a smaller page where the server can't make it that large."""
        while True:
            sized = _PER_PAGE.sub(str(self._size), request)
            try:
                answer = self.client.get(sized, etag=etag, heavy=self._size > PAGE_SIZES[-1])
            except PageTooHeavyError:
                self._size, self._good = PAGE_SIZES[PAGE_SIZES.index(self._size) + 1], 0
                continue
            except UnexpectedAnswerError as error:
                if error.status == _ISSUES_DISABLED:
                    raise IssuesDisabledError from error
                raise
            self._grow()
            return answer

    def _grow(self) -> None:
        self._good += 1
        if self._good >= _GOOD_PAGES and self._size < PAGE_SIZES[0]:
            self._size, self._good = PAGE_SIZES[PAGE_SIZES.index(self._size) - 1], 0

    def _from_watermark(self) -> str:
        return self._request(_overlapped(self.watermark))

    def _request(self, since: str | None) -> str:
        query = f"state=all&sort=updated&direction=asc&per_page={self._size}"
        return f"/repos/{self.full_name}/issues?{query}" + (f"&since={quote(since)}" if since else "")


def _overlapped(watermark: str | None) -> str | None:
    if watermark is None:
        return None
    return (datetime.strptime(watermark, _TIMESTAMP).replace(tzinfo=UTC) - OVERLAP).strftime(_TIMESTAMP)


def _confirmation(answer: Answer) -> Confirmation | None:
    if answer.next_request is not None:
        return None
    return Confirmation(answer.request, answer.etag, _digest(answer))


def _digest(answer: Answer) -> str:
    return hashlib.blake2b(answer.body, digest_size=16).hexdigest()


def _rows(answer: Answer) -> list[Any]:
    rows = answer.document
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "updated_at" in row for row in rows):
        raise UnexpectedAnswerError(f"{answer.request}: the answer is no list of issues.")
    return rows
