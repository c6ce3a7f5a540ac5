"""A list that pages by number: each row once, whatever had landed of it, and whatever sizes pages came in."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hear_app.github import pages
from hear_app.github.client import Answer, PageTooHeavyError
from hear_app.github.pages import Landed, NumberedList
from tests.extraction.harness import examples

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "PAGE_SIZES", (8, 4, 2, 1))
        yield


class Numbers:
    """A client whose list holds 0, 1, 2, …; pages that touch a `heavy` row are not made larger than 2."""

    def __init__(self, count: int, heavy: set[int], tells_last: bool) -> None:
        self.count, self.heavy, self.tells_last = count, heavy, tells_last
        self.asked: list[str] = []

    def get(self, request: str, heavy: bool = False, **_: Any) -> Answer:
        self.asked.append(request)
        size, page = map(int, re.findall(r"\d+", request))
        rows = list(range(self.count))[(page - 1) * size : page * size]
        if heavy and size > 2 and self.heavy & set(rows):
            raise PageTooHeavyError("too heavy")
        last = -(-self.count // size)
        links = {"next": f"?n={size}&page={page + 1}"} if page < last else {}
        links |= {"last": f"?n={size}&page={last}"} if links and self.tells_last else {}
        return Answer(request, 200, {}, orjson.dumps(rows), links)

    def list(self) -> NumberedList:
        return NumberedList(self, lambda page, size: f"?n={size}&page={page}", rows=list)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


heavy_rows = st.sets(st.integers(0, 70), max_size=4)


@settings(max_examples=3 * examples(1), deadline=None)
@given(
    count=st.integers(1, 70),
    cut=st.lists(st.tuples(st.integers(0, 12), heavy_rows, st.booleans()), max_size=3),
    heavy=heavy_rows,
    tells_last=st.booleans(),
)
def test_each_row_once(
    executor: ThreadPoolExecutor,
    count: int,
    cut: list[tuple[int, set[int], bool]],
    heavy: set[int],
    tells_last: bool,
) -> None:
    """Read in several goes: each of those in `cut` lands so many pages at most, and the last one all the rest."""
    landed: dict[int, int] = {}
    rows: list[int] = []
    for at_most, too_heavy, tells in [*cut, (10_000, heavy, tells_last)]:
        reach = max((position + size for position, size in landed.items()), default=0)
        before = Landed(dict(landed), len(rows), ended=reach >= count)
        numbers = Numbers(count, too_heavy, tells)
        walk = numbers.list().pages(executor, before)
        for page in islice(walk, at_most):
            assert page.position not in landed
            landed[page.position] = page.size
            rows += page.answer.document
        walk.close()  # type: ignore[attr-defined]
    assert sorted(rows) == list(range(count))


@given(count=st.integers(1, 70))
def test_no_more_requests_than_pages(executor: ThreadPoolExecutor, count: int) -> None:
    numbers = Numbers(count, set(), tells_last=True)
    assert sum(page.row_count for page in numbers.list().pages(executor, Landed())) == count
    assert len(numbers.asked) == -(-count // 8)
