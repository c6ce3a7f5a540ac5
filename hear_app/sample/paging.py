"""How lists are cut into pages: by number with first, prev, next and last, or by a cursor with next alone."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import urlencode

from hear_app.sample.wire import ApiError, Request

DEFAULT_PAGE, LARGEST_PAGE = 30, 100
LAST_ROW_BY_NUMBER = 10_000
"""Where the API stops to page issues by number."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page asked for by number."""

    number: int
    size: int

    def of(self, rows: int) -> slice:
        """The page's part of a list of that length."""
        return slice((self.number - 1) * self.size, min(rows, self.number * self.size))


def page_of(request: Request, default: int = DEFAULT_PAGE) -> Page:
    """The page that `page` and `per_page` ask for; nonsense falls back to the default, as the API does it."""
    query = request.query
    size = _positive(query.get("per_page"), default)
    return Page(_positive(query.get("page"), 1), min(size, LARGEST_PAGE))


def _positive(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and int(text) > 0 else default


def number_links(request: Request, address: str, page: Page, rows: int) -> dict[str, str]:
    """The Link header of a list paged by number; empty where everything fits on one page."""
    last = max(1, -(-rows // page.size))
    goals: dict[str, int] = {}
    if page.number > 1:
        goals["prev"] = min(page.number - 1, last)
    if page.number < last:
        goals |= {"next": page.number + 1, "last": last}
    if page.number > 1:
        goals["first"] = 1
    return link_header({name: link(request, address, page=str(number)) for name, number in goals.items()})


def link_header(links: dict[str, str]) -> dict[str, str]:
    """A Link header of these relations; empty where there are none."""
    return {"link": ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items())} if links else {}


def link(request: Request, address: str, **changes: str) -> str:
    """An address on this server with the request's own query, but for the changes."""
    query = {key: value for key, value in request.query.items() if key != "after"} | changes
    return f"{request.base}{address}?{urlencode(query)}"


def write_cursor(key: tuple[int, int]) -> str:
    """An opaque text for the sort key of the last row of a page."""
    return urlsafe_b64encode(f"cursor:v2:{key[0]}:{key[1]}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """The sort key a cursor stands for. Raises a 422 ApiError for one that this server never gave."""
    try:
        word, version, value, number = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(":")
        if (word, version) != ("cursor", "v2"):
            raise ValueError(text)
        return int(value), int(number)
    except (ValueError, binascii.Error) as wrong:
        raise ApiError(422, "The provided cursor is invalid.") from wrong
