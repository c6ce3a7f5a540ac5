"""Answers about issues and pull requests: the list, by cursor or by page number, and one of them."""

from __future__ import annotations

from collections.abc import Sequence

from hear_app.sample.clock import DAY, seconds
from hear_app.sample.history import IssueList, SampleRepository
from hear_app.sample.paging import (
    LAST_ROW_BY_NUMBER,
    Page,
    link,
    link_header,
    number_links,
    page_of,
    read_cursor,
    write_cursor,
)
from hear_app.sample.wire import ApiError, Request, Response, not_found, with_etag

_STATES = ("open", "closed", "all")
_SORTS = ("created", "updated", "comments")


def listing(repository: SampleRepository, request: Request, _: str) -> Response:
    """`GET …/issues` as GitHub pages it since 2025: Link names the next page alone, by a cursor."""
    page = page_of(request)
    after = request.query.get("after")
    if after is None and page.number * page.size >= LAST_ROW_BY_NUMBER:
        raise ApiError(
            422,
            "Pagination with the page parameter is not supported for large datasets, "
            "please use cursor based pagination (after/before)",
        )
    found, places = _selected(repository, request, None if after is None else read_cursor(after))
    start = 0 if after else (page.number - 1) * page.size
    shown = places[start : start + page.size]
    links = {}
    if shown and shown[-1] != places[-1]:
        cursor = write_cursor(found.keys[shown[-1]])
        address = f"/repositories/{repository.identity}/issues"
        links["next"] = link(request, address, after=cursor, page=str(page.number + 1))
    return _answer(request, found, shown, link_header(links))


def numbered_listing(repository: SampleRepository, request: Request, _: str) -> Response:
    """`GET …/issues` as older Enterprise servers page it: by number, with first, prev, next and last."""
    page: Page = page_of(request)
    found, places = _selected(repository, request, None)
    address = f"/repositories/{repository.identity}/issues"
    links = number_links(request, address, page, len(places))
    return _answer(request, found, places[page.of(len(places))], links)


def single(repository: SampleRepository, request: Request, number: str) -> Response:
    """`GET …/issues/NUMBER`; 404 if there is none, 410 where the tracker is switched off."""
    _refuse_disabled(repository)
    row = repository.issues.get(int(number))
    if row is None:
        raise not_found()
    return with_etag(request, row.payload())


def _selected(
    repository: SampleRepository, request: Request, after: tuple[int, int] | None
) -> tuple[IssueList, Sequence[int]]:
    """The sorted list, and the places in it that the request asks for, in its order."""
    _refuse_disabled(repository)
    query = request.query
    state, sort = query.get("state", "open"), query.get("sort", "created")
    direction = query.get("direction", "desc")
    if state not in _STATES or sort not in _SORTS or direction not in ("asc", "desc"):
        raise ApiError(422, "Validation Failed")
    found = repository.issue_list(state, sort)
    is_ascending = direction == "asc"
    places = found.between(after, None) if is_ascending else found.between(None, after)
    chosen = _since(found, places, sort, query.get("since"))
    return found, chosen if is_ascending else chosen[::-1]


def _since(found: IssueList, places: range, sort: str, since: str | None) -> Sequence[int]:
    """Only rows updated at that time or later; one on 1970's first day finds nothing, as on the real API."""
    if since is None:
        return places
    try:
        earliest = seconds(since)
    except ValueError as wrong:
        raise ApiError(422, "Invalid since") from wrong
    if earliest < DAY:
        return range(0)
    if sort != "updated":
        return [place for place in places if found.rows[place].updated_at >= earliest]
    # The list is sorted by that very time, so one cut does it: a long list is not read through for each page.
    fresh = found.between((earliest - 1, 1 << 62), None)
    return range(max(places.start, fresh.start), places.stop)


def _answer(request: Request, found: IssueList, places: Sequence[int], links: dict[str, str]) -> Response:
    body = b"[%s]" % b",".join(found.rows[place].payload() for place in places)
    return with_etag(request, body, links)


def _refuse_disabled(repository: SampleRepository) -> None:
    if not repository.has_issues:
        raise ApiError(410, "Issues has been disabled in this repository.")
