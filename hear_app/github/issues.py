"""Issues and pull requests, by cursor: oldest change first, so that every page may move the watermark.

Since 2025 GitHub's Link holds only `next`, with a cursor, and page 100 is refused; older Enterprise servers page
by number, under which rows slip from page to page while they are read. Both end in the right set here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson

from hear_app import payload
from hear_app.errors import NotFoundError, UnexpectedAnswerError
from hear_app.github.client import Answer, Client, PageTooHeavyError
from hear_app.github.pages import PAGE_SIZES, Page

OVERLAP = timedelta(minutes=2)  # lists lag 15-30 s behind writes
_GONE = 410  # of a list: issues are disabled; of one: it was deleted
_PER_PAGE = re.compile(r"(?<=[?&]per_page=)\d+")
_PAGE_NUMBER = re.compile(r"(?<=[?&]page=)\d+")
_GOOD_PAGES = 8  # pages in a row before a larger one is tried again
_PASSES = 50  # over the newest minutes: a list that shows something new each time is left to the next sync
_BARREN = 5  # pages in a row without news beyond those that the overlap explains
_LOOKS = 20  # issues looked at by themselves where the list contradicts itself
_TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"
_EARLIEST = "1971"  # `since` a day of 1970 finds nothing at all

_Version = tuple[str, bytes]  # when a row was updated, and a digest of it


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

    `read_before` tells the numbers of issues that earlier walks read at the watermark: a list from there on that
    comes empty must not leave them out.
    `pages()` yields each page that shows something new. When it is exhausted, `watermark` is the newest
    `updated_at` read, and `confirmation` what an idle sync may repeat: None where no single request shows whether
    there is news.
    """

    client: Client
    full_name: str
    watermark: str | None = None
    position: int = 0
    confirmation: Confirmation | None = None
    read_before: Callable[[], list[int]] = list
    _seen: dict[int, _Version] = field(default_factory=dict)
    _size_index: int = 0
    _good: int = 0
    _hopped_to: str = ""
    _began_at: str | None = None
    _asked: set[str] = field(default_factory=set)
    _barren: int = 0

    def pages(self) -> Iterator[Page]:
        """Walks until the list shows nothing new. Raises IssuesDisabledError.

        A `confirmation` given beforehand is asked first; where its answer is the same, nothing is yielded.
        """
        answer = self._first_answer()
        if answer is None:
            return
        yield from self._chain(answer)
        for _ in range(_PASSES):
            if not _rows(answer) and not answer.next_request and answer.request == self._from_watermark():
                self._check_end(answer)
                break
            answer = self._read(self._from_watermark())  # again: rows left out for once must not end the walk
            if answer.next_request is None and not self._has_news(answer):
                self._check_end(answer)
                yield from self._take(answer)
                break
            before = self.position
            yield from self._chain(answer)
            if self.position == before:  # more than a page of rows, all of them known
                break
        self.confirmation = _confirmation(answer)
        if self.confirmation is None and self._is_settled():
            answer = self._read(self._after_watermark())
            if not self._has_news(answer):
                yield from self._take(answer)
                self.confirmation = _confirmation(answer)

    def _first_answer(self) -> Answer | None:
        """The first page, or None where an idle sync is shown what closed the last walk."""
        last = self.confirmation
        if last is not None:
            self._size_index = _size_index(last.request)
        if last is None or last.request not in (self._from_watermark(), self._after_watermark()):
            return self._read(self._from_watermark())
        answer = self._read(last.request, etag=last.etag)
        if answer.status == 304 or (answer.next_request is None and _digest(answer) == last.digest):
            return None
        return answer if last.request == self._from_watermark() else self._read(self._from_watermark())

    def remember(self, document: Any, watermark: str | None) -> None:
        """Takes in a page of this walk that had landed before."""
        self.watermark, self.position = watermark, self.position + len(document)
        self._remember({int(row["number"]): _version(row) for row in document})

    def _check_end(self, answer: Answer) -> None:
        """The last answer must be an end. Raises UnexpectedAnswerError.

        A full page without a link is none, since the link may be lost. An empty list from the watermark on
        contradicts what was just read there, unless that is gone by now.
        """
        rows = _rows(answer)
        if len(rows) >= _page_size(answer.request) and answer.next_request is None:
            raise UnexpectedAnswerError(
                f"{answer.request}: a full page, and no link that would tell whether the list goes on.",
                "Run again later.",
            )
        for number in (sorted(self._seen) or self.read_before())[:_LOOKS] if not rows else ():
            if look_at(self.client, self.full_name, number) is not None:
                raise UnexpectedAnswerError(
                    f"{answer.request}: the list came empty, though #{number} was read there and still exists.",
                    "GitHub does this when it is overloaded: run again later.",
                )

    def _is_settled(self) -> bool:
        """Whether the newest minutes were past when they began to be read, so that nothing joined them since.

        Where more than a page of rows shares them, news would not show on the first page of those; but then the
        list of what came later tells.
        """
        return self.watermark is not None and self.watermark < (shifted(self._began_at, -OVERLAP) or "")

    def _chain(self, first: Answer) -> Iterator[Page]:
        """A page and all that follow it."""
        self._hopped_to, self._began_at = "", first.responded_at
        self._asked, self._barren = {first.request}, 0
        answer: Answer | None = first
        while answer is not None:
            yield from self._take(answer)
            following = answer.next_request
            if following is None:
                return
            if "after=" in following:
                self._check_progress(following)
                answer = self._following(answer, following)
            else:
                answer = yield from self._hop(answer)

    def _following(self, before: Answer, request: str) -> Answer:
        """The page behind a cursor. Raises UnexpectedAnswerError where it is the page before it once more."""
        for _ in range(2):
            answer = self._read(request)
            rows, known = _rows(answer), _rows(before)
            if not rows or answer.next_request is None or any(row not in known for row in rows):
                return answer
        raise UnexpectedAnswerError(f"{request}: the page before it once more.", "Run again later.")

    def _hop(self, answer: Answer) -> Generator[Page, None, Answer | None]:
        """The page after one of a server that pages by number: it starts at the second of the last row."""
        if not _rows(answer):
            return None
        if _last_second(answer) == self._hopped_to:
            answer = yield from self._within_second(answer)
            if answer.next_request is None or not _rows(answer):
                return None
        self._hopped_to = _last_second(answer)
        return self._from_second()

    def _from_second(self) -> Answer:
        """The first page of the second that is being read."""
        answer = self._read(self._request(self._hopped_to))
        if any(str(row["updated_at"]) < self._hopped_to for row in _rows(answer)):
            raise UnexpectedAnswerError(f"{answer.request}: rows from before `since`, so there is no way on.")
        return answer

    def _within_second(self, answer: Answer) -> Generator[Page, None, Answer]:
        """Reads a second that fills more than a page; the page that leads beyond it, or ends the list.

        There is no way but by number; rows may slip from page to page there, so it is read until a pass shows
        nothing new.
        """
        news = False
        for _ in range(_PASSES):
            self._asked = set()
            while answer.next_request and _last_second(answer) == self._hopped_to:
                answer = self._numbered(answer.next_request)
                news |= self._has_news(answer)
                yield from self._take(answer)
            if not news:
                break
            answer = self._from_second()
            news = self._has_news(answer)
            yield from self._take(answer)
        return answer

    def _numbered(self, request: str) -> Answer:
        """A page by its number; where the server can't make it that large, the second's first, and smaller."""
        self._check_progress(request)
        try:
            return self._whole(self.client.get(request, heavy=self._is_shrinkable, shape=list))
        except PageTooHeavyError:
            self._shrink()
            return self._from_second()

    def _check_progress(self, request: str) -> None:
        """Raises UnexpectedAnswerError where a list leads back to where it was, or on and on without news."""
        is_circle, self._asked = request in self._asked, self._asked | {request}
        # A row may be read twice: the page that leads beyond a second, and the first of the next one.
        if is_circle or self._barren > _BARREN + 2 * len(self._seen) // _page_size(request):
            where = "in a circle" if is_circle else "on and on without anything new"
            raise UnexpectedAnswerError(f"{request}: the list leads {where}.", "Run again later.")

    def _take(self, answer: Answer) -> Iterator[Page]:
        """The page of an answer, if it shows anything that was not read yet; moves the watermark."""
        versions = {int(row["number"]): _version(row) for row in _rows(answer)}
        news = [version for number, version in versions.items() if self._seen.get(number) != version]
        self._barren = 0 if any(stamp >= self._remembered_since for stamp, _ in news) else self._barren + 1
        if not news:
            return
        clock, known = _clock(answer), [self.watermark] if self.watermark else []
        stamps = [stamp for stamp, _ in versions.values() if _is_past(stamp, clock)]
        self.watermark = max(known + stamps, default=None)
        page = Page(answer, self.position, self._size, len(_rows(answer)), watermark=self.watermark)
        self.position += page.row_count
        self._remember(versions)
        yield page

    def _has_news(self, answer: Answer) -> bool:
        """Whether a row was changed since it was read, by its date.

        A row may also change twice within a second: that is no reason to go on reading, but to keep the page.
        """
        seen = {number: stamp for number, (stamp, _) in self._seen.items()}
        return any(seen.get(int(row["number"])) != str(row["updated_at"]) for row in _rows(answer))

    def _remember(self, versions: dict[int, _Version]) -> None:
        """Keeps what may show again: the rows of the overlap, and those since the second that is being read."""
        self._seen |= versions
        since = self._remembered_since
        self._seen = {number: version for number, version in self._seen.items() if version[0] >= since}

    @property
    def _remembered_since(self) -> str:
        """Rows from before then may look new only because they are forgotten: showing them is no progress."""
        since = shifted(self.watermark, -OVERLAP) or ""
        return min(since, self._hopped_to) if self._hopped_to else since

    def _read(self, request: str, etag: str | None = None) -> Answer:
        """An answer, with a smaller page where the server can't make it that large.

        An empty list, and a page that is not full though the list goes on, is asked for twice, and the longer
        answer taken: an overloaded server leaves out rows.
        """
        doubted: Answer | None = None
        while True:
            sized = _PER_PAGE.sub(str(self._size), request)
            try:
                answer = self._whole(self.client.get(sized, etag=etag, heavy=self._is_shrinkable, shape=list))
            except PageTooHeavyError:
                self._shrink()
                etag = None  # of the larger page
                continue
            except UnexpectedAnswerError as error:
                if error.status == _GONE:
                    raise IssuesDisabledError from error
                raise
            if answer.status != 304 and doubted is None and _is_short(answer):
                doubted = answer
                continue
            self._grow()
            if doubted is None or answer.status == 304 or len(_rows(answer)) >= len(_rows(doubted)):
                return answer
            return doubted

    def _whole(self, answer: Answer) -> Answer:
        """The answer, with a link that tells whether the list goes on.

        A full page without a link is suspect, since links get lost: asked for one row fewer, the list must go on.
        The rows are those of the full page: the smaller one's last may have slipped off the next one meanwhile.
        Where pages are numbered, a smaller one begins elsewhere: there the next page itself tells.
        """
        size = _page_size(answer.request)
        if answer.status == 304 or answer.next_request is not None or len(_rows(answer)) < max(size, 2):
            return answer
        number = _PAGE_NUMBER.search(answer.request)
        if number is not None and "after=" not in answer.request:
            following = _PAGE_NUMBER.sub(str(int(number[0]) + 1), answer.request)
            is_end = not _rows(self.client.get(following, shape=list))
            return answer if is_end else replace(answer, links={"next": following})
        smaller = self.client.get(_PER_PAGE.sub(str(size - 1), answer.request), shape=list)
        return answer if smaller.next_request is None else replace(answer, links=smaller.links)

    @property
    def _size(self) -> int:
        return PAGE_SIZES[self._size_index]

    @property
    def _is_shrinkable(self) -> bool:
        return self._size > PAGE_SIZES[-1]

    def _shrink(self) -> None:
        self._size_index, self._good = self._size_index + 1, 0

    def _grow(self) -> None:
        self._good += 1
        if self._good >= _GOOD_PAGES and self._size_index:
            self._size_index, self._good = self._size_index - 1, 0

    def _from_watermark(self) -> str:
        return self._request(shifted(self.watermark, -OVERLAP))

    def _after_watermark(self) -> str:
        return self._request(shifted(self.watermark, timedelta(seconds=1)))

    def _request(self, since: str | None) -> str:
        query = f"state=all&sort=updated&direction=asc&per_page={self._size}"
        return f"/repos/{self.full_name}/issues?{query}" + (f"&since={quote(since)}" if since else "")


def look_at(client: Client, full_name: str, number: int, identity: int | None = None) -> Answer | None:
    """An issue by itself; None where it is gone: deleted (404, 410), or moved to another repository.

    `identity` is its id as it was read before: one that moved answers, by a redirect, as another one.
    """
    try:
        answer = client.get(f"/repos/{full_name}/issues/{number}", shape=dict)
    except NotFoundError:
        return None
    except UnexpectedAnswerError as error:
        if error.status == _GONE:
            return None
        raise
    [row] = _rows(answer)
    return answer if row["number"] == number and identity in (None, row.get("id")) else None


def by_creation(client: Client, full_name: str, state: str, direction: str) -> list[Any]:
    """Issues of a state (`open`, `all`): those opened first (`asc`) or last (`desc`).

    As many as the server can make in one page, up to a hundred.
    """
    path = f"/repos/{full_name}/issues?state={state}&sort=created&direction={direction}&per_page="
    for size in PAGE_SIZES[:-1]:
        with contextlib.suppress(PageTooHeavyError):
            return _rows(client.get(f"{path}{size}", heavy=True, shape=list))
    return _rows(client.get(f"{path}{PAGE_SIZES[-1]}", shape=list))


def _is_short(answer: Answer) -> bool:
    """Whether rows may be missing in an answer: it has none, or fewer than were asked for, and goes on."""
    count = len(_rows(answer))
    return not count or (answer.next_request is not None and count < _page_size(answer.request))


def _page_size(request: str) -> int:
    size = _PER_PAGE.search(request)
    return int(size[0]) if size else PAGE_SIZES[0]


def _size_index(request: str) -> int:
    """Which page size a request was made with."""
    size = _page_size(request)
    return PAGE_SIZES.index(size) if size in PAGE_SIZES else 0


def shifted(stamp: str | None, by: timedelta) -> str | None:
    """A time earlier or later; None where there is none, or where GitHub would find nothing since it."""
    moved = (_moment(stamp) + by).strftime(_TIMESTAMP) if stamp else ""
    return moved if moved >= _EARLIEST else None


def _moment(stamp: str) -> datetime:
    return datetime.strptime(stamp, _TIMESTAMP).replace(tzinfo=UTC)


def _clock(answer: Answer) -> str:
    """The server's time, else ours."""
    return answer.responded_at or datetime.now(UTC).strftime(_TIMESTAMP)


def _is_past(stamp: str, clock: str) -> bool:
    """Whether a date may move the watermark: it is one, and neither absurd nor in the future."""
    try:
        return _EARLIEST <= _moment(stamp).strftime(_TIMESTAMP) == stamp <= clock
    except ValueError:
        return False


def _version(row: Any) -> _Version:
    return str(row["updated_at"]), hashlib.blake2b(orjson.dumps(row), digest_size=16).digest()


def _confirmation(answer: Answer) -> Confirmation | None:
    """What an answer confirms; None where it is a full page: one row more would show on the next one only."""
    if answer.next_request is not None or len(_rows(answer)) >= PAGE_SIZES[_size_index(answer.request)]:
        return None
    return Confirmation(answer.request, answer.etag, _digest(answer))


def _digest(answer: Answer) -> str:
    return hashlib.blake2b(answer.body, digest_size=16).hexdigest()


def _rows(answer: Answer) -> list[Any]:
    rows: list[Any] = payload.listed(answer.document)
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("number"), int) or "updated_at" not in row:
            raise UnexpectedAnswerError(f"{answer.request}: the answer is no list of issues.")
    return rows


def _last_second(answer: Answer) -> str:
    """When the last row was changed; '' where there is none."""
    rows = _rows(answer)
    return str(rows[-1]["updated_at"]) if rows else ""
