"""Answers about commits: the history of a branch, one commit, and what lies between two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from hear_app.sample.clock import seconds
from hear_app.sample.graph import Comparison
from hear_app.sample.history import SampleRepository
from hear_app.sample.paging import Page, number_links, page_of
from hear_app.sample.payloads import API, WEB
from hear_app.sample.wire import ApiError, Request, Response, not_found, with_etag

_SHA_TYPES = ("application/vnd.github.sha", "application/vnd.github.v3.sha")
_UNPAGED_COMPARE = 250


def history(repository: SampleRepository, request: Request, _: str) -> Response:
    """`GET …/commits`: newest committer date first, paged by number; 409 where there is no commit at all."""
    _refuse_empty(repository)
    tip = repository.resolve(request.query.get("sha"))
    if tip is None:
        raise not_found()
    shas = _dated(repository, repository.graph.walk(tip), request)
    page = page_of(request)
    links = number_links(request, f"/repositories/{repository.identity}/commits", page, len(shas))
    return with_etag(request, b"[%s]" % _rows(repository, shas[page.of(len(shas))]), links)


def single(repository: SampleRepository, request: Request, ref: str) -> Response:
    """`GET …/commits/REF`: the commit, or its SHA alone if the Accept header asks for it; 422 if unknown."""
    _refuse_empty(repository)
    sha = repository.resolve(ref)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    if request.headers.get("accept", "").split(";")[0].strip() in _SHA_TYPES:
        return with_etag(request, sha.encode(), {"content-type": f"{_SHA_TYPES[0]}; charset=utf-8"})
    return with_etag(request, repository.graph[sha].payload())


def compare(repository: SampleRepository, request: Request, spec: str) -> Response:
    """`GET …/compare/BASE...HEAD`: what head has over base, oldest first, paged by number."""
    _refuse_empty(repository)
    first, dots, second = spec.partition("...")
    base, head = repository.resolve(first or None), repository.resolve(second or None)
    if not dots or base is None or head is None:
        raise not_found()
    found = repository.graph.compare(base, head)
    if found.merge_base is None:
        raise ApiError(404, f"No common ancestor between {first} and {second}.")
    is_paged = "page" in request.query or "per_page" in request.query
    page = page_of(request) if is_paged else Page(1, _UNPAGED_COMPARE)
    address = f"/repositories/{repository.identity}/compare/{spec}"
    links = number_links(request, address, page, len(found.ahead)) if is_paged else {}
    return with_etag(request, _comparison(repository, spec, base, found, page), links)


def _comparison(repository: SampleRepository, spec: str, base: str, found: Comparison, page: Page) -> bytes:
    api, web = f"{API}/repos/{repository.full_name}", f"{WEB}/{repository.full_name}"
    head = {
        "url": f"{api}/compare/{spec}",
        "html_url": f"{web}/compare/{spec}",
        "permalink_url": f"{web}/compare/{spec}",
        "diff_url": f"{web}/compare/{spec}.diff",
        "patch_url": f"{web}/compare/{spec}.patch",
        "base_commit": orjson.Fragment(repository.graph[base].payload()),
        "merge_base_commit": orjson.Fragment(repository.graph[found.merge_base or base].payload()),
        "status": found.status,
        "ahead_by": len(found.ahead),
        "behind_by": found.behind,
        "total_commits": len(found.ahead),
    }
    rows = _rows(repository, found.ahead[page.of(len(found.ahead))])
    return b'%s,"commits":[%s],"files":[]}' % (orjson.dumps(head)[:-1], rows)


def _refuse_empty(repository: SampleRepository) -> None:
    if repository.head is None:
        raise ApiError(409, "Git Repository is empty.")


def _dated(repository: SampleRepository, shas: Sequence[str], request: Request) -> Sequence[str]:
    """Only commits whose committer date lies in `since` to `until`, where the request has one of them."""
    low, high = request.query.get("since"), request.query.get("until")
    if not (low or high):
        return shas
    try:
        first, last = seconds(low or "0001-01-01"), seconds(high or "9999-12-31")
    except ValueError as wrong:
        raise ApiError(422, "Invalid since or until") from wrong
    return [sha for sha in shas if first <= repository.graph[sha].committed_at <= last]


def _rows(repository: SampleRepository, shas: Iterable[str]) -> bytes:
    return b",".join(repository.graph[sha].payload() for sha in shas)
