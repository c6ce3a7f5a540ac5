"""Pages of a list: what a walk yields, and how a list that pages by number is read in parallel.

Only lists that can't move under the reader may be paged by number: commits pinned to a SHA, and comparisons
of two SHAs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

from hear_app.errors import UnexpectedAnswerError
from hear_app.github.client import Answer, Client, PageTooHeavyError

PAGE_SIZES = (100, 50, 25, 5)  # each divides the one before, so that a smaller page fills the same gap
_NUMBER = re.compile(r"[0-9]{1,9}")  # of a page: a longer one is none
_AHEAD = 8  # pages asked for before the first of them is taken: bounds memory, not speed


class ListEndsEarlyError(UnexpectedAnswerError):
    """A page is empty to which an earlier one leads; which of the two is wrong can't be known."""


@dataclass(frozen=True, slots=True)
class Page:
    """One response of a walk: `position` rows were asked for before it, at most `size` in it."""

    answer: Answer
    position: int
    size: int
    row_count: int
    role: Literal["page", "removed"] = "page"
    watermark: str | None = None

    @property
    def total(self) -> int | None:
        """About how many rows the whole list has, where its Link or its document tells."""
        if isinstance(self.answer.document, dict):
            total = self.answer.document.get("total_commits")
            return total if isinstance(total, int) else None
        number = last_page_number(self.answer)
        return number * self.size if number else None


@dataclass(frozen=True, slots=True)
class Landed:
    """What has landed of a walk before: `sizes` of its pages by position, their `rows`, and one's `document`.

    `ended` says that the last of them is the last there is.
    """

    sizes: dict[int, int] = field(default_factory=dict)
    rows: int = 0
    ended: bool = False
    document: Any = None


@dataclass(frozen=True, slots=True)
class NumberedList:
    """A list that pages by number.

    `request(page, per_page)` asks for a page, `rows` finds the rows in its document, which is of that `shape`, and
    `is_empty` says of a document whether the whole list has none; by default no list is, since an empty answer is
    then a fault.
    """

    client: Client
    request: Callable[[int, int], str]
    rows: Callable[[Any], list[Any]]
    is_empty: Callable[[Any], bool] = lambda _: False
    role: Literal["page", "removed"] = "page"
    shape: type[list[Any]] | type[dict[str, Any]] = list

    def pages(self, executor: Executor, before: Landed) -> Iterator[Page]:
        """The pages of the list, in no order, without those that landed before.

        The first missing page is read alone, since its Link tells how many there are; the others by the executor.
        Raises UnexpectedAnswerError where a page within the list comes empty.
        """
        landed = dict(before.sizes)
        end = _reach(landed) + (0 if before.ended else PAGE_SIZES[0])
        while gap := next(_gaps(landed, end), None):
            got = self.slot(*gap)
            yield from got
            landed |= {page.position: page.size for page in got}
            end = end if before.ended else _end(got[-1], landed)
            yield from self._ahead(executor, landed, end)

    def _ahead(self, executor: Executor, landed: dict[int, int], end: int) -> Iterator[Page]:
        """All gaps before the last slot at once; the last slot is left to the caller, who looks behind it."""
        flying: set[Future[list[Page]]] = set()
        try:
            for gap in _gaps(dict(landed), end - PAGE_SIZES[0]):
                flying.add(executor.submit(self.slot, *gap))
                if len(flying) >= _AHEAD:
                    yield from self._taken(flying, landed)
            while flying:
                yield from self._taken(flying, landed)
        finally:
            for future in flying:
                future.cancel()

    def _taken(self, flying: set[Future[list[Page]]], landed: dict[int, int]) -> Iterator[Page]:
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            flying.discard(future)
            for page in future.result():
                landed[page.position] = page.size
                yield page

    def slot(self, position: int, size: int) -> list[Page]:
        """The rows of one slot: as one page or, where the server can't make it that large, as smaller ones."""
        request, is_smallest = self.request(position // size + 1, size), size == PAGE_SIZES[-1]
        try:
            answer = self.client.get(request, heavy=not is_smallest, shape=self.shape)
            count = self._count(answer)
            is_short = count < size and answer.next_request is not None and not is_smallest
            if (count and not is_short) or self.is_empty(answer.document):
                return [Page(answer, position, size, count, self.role)]
        except PageTooHeavyError:
            pass
        return self._split(position, size)

    def _count(self, answer: Answer) -> int:
        try:
            return len(self.rows(answer.document))
        except (KeyError, TypeError, AttributeError):
            raise UnexpectedAnswerError(f"{answer.request}: the answer is no list of rows.") from None

    def _split(self, position: int, size: int) -> list[Page]:
        smaller = next((step for step in PAGE_SIZES if step < size), None)
        if smaller is None:
            raise ListEndsEarlyError(
                f"{self.request(position // size + 1, size)} came empty, though the list goes on there.",
                "GitHub does this when it is overloaded: run again later.",
            )
        got: list[Page] = []
        for start in range(position, position + size, smaller):
            got += self.slot(start, smaller)
            if got[-1].answer.next_request is None:
                break
        return got


def _reach(landed: dict[int, int]) -> int:
    """Where the last of some pages (position → size) ends."""
    return max((position + size for position, size in landed.items()), default=0)


def _end(page: Page, landed: dict[int, int]) -> int:
    """Where the list ends as far as a page knows: the end of the page that its Link calls last.

    Where the Link doesn't say, there is at least one page more than have landed.
    """
    if page.answer.next_request is None:
        return page.position + page.size
    number = last_page_number(page.answer)
    return max(_reach(landed) + PAGE_SIZES[0], (number or 0) * page.size)


def last_page_number(answer: Answer) -> int | None:
    """The number of the page that an answer's Link calls last, where it does."""
    numbers = parse_qs((answer.last_request or "").partition("?")[2]).get("page", [])
    return int(numbers[0]) if numbers and _NUMBER.fullmatch(numbers[0]) else None


def _gaps(landed: dict[int, int], end: int) -> Iterator[tuple[int, int]]:
    """The (position, size) of pages that fill what is missing before `end`."""
    starts = sorted(landed)
    position = 0
    while position < end:
        if position in landed:
            position += landed[position]
            continue
        after = bisect_right(starts, position)
        room = (starts[after] if after < len(starts) else position + PAGE_SIZES[0]) - position
        size = next(step for step in PAGE_SIZES if position % step == 0 and step <= room)
        yield position, size
        position += size
