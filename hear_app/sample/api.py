"""Routes requests to repositories and answers them as GitHub's REST API does; no HTTP in here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import orjson

from hear_app.sample import commit_routes, issue_routes
from hear_app.sample.history import SampleRepository
from hear_app.sample.wire import ApiError, Request, Response, not_found, with_etag

_BY_NAME = re.compile(r"/repos/([^/]+/[^/]+)(/.+)?")
_BY_ID = re.compile(r"/repositories/(\d+)(/.+)?")

Handler = Callable[[SampleRepository, Request, str], Response]


def _about(repository: SampleRepository, request: Request, _: str) -> Response:
    return with_etag(request, repository.payload())


def _labels(repository: SampleRepository, request: Request, _: str) -> Response:
    return with_etag(request, orjson.dumps(repository.labels))


_ROUTES: list[tuple[re.Pattern[str], Handler]] = [
    (re.compile(r"()"), _about),
    (re.compile(r"/commits()"), commit_routes.history),
    (re.compile(r"/commits/(.+[^/])"), commit_routes.single),
    (re.compile(r"/compare/(.+[^/])"), commit_routes.compare),
    (re.compile(r"/issues()"), issue_routes.listing),
    (re.compile(r"/issues/(\d+)"), issue_routes.single),
    (re.compile(r"/labels()"), _labels),
]


class Api:
    """The repositories of a server, found by name in any case, by a previous name, or by id."""

    def __init__(self, repositories: Iterable[SampleRepository]) -> None:
        self.repositories = list(repositories)

    def answer(self, request: Request, *, old_issues: bool = False) -> Response:
        """The response to a GET; `old_issues` pages issues by number, as older Enterprise servers do."""
        try:
            repository, rest = self._located(request)
            if isinstance(rest, Response):
                return rest
            return _routed(repository, request, rest, old_issues)
        except ApiError as error:
            return error.response()

    def _located(self, request: Request) -> tuple[SampleRepository, str | Response]:
        if by_id := _BY_ID.fullmatch(request.path):
            return self._with_id(int(by_id[1])), by_id[2] or ""
        by_name = _BY_NAME.fullmatch(request.path)
        if by_name is None:
            raise not_found()
        name, rest = by_name[1].lower(), by_name[2] or ""
        for repository in self.repositories:
            if repository.full_name.lower() == name:
                return repository, rest
        for repository in self.repositories:
            if name in (previous.lower() for previous in repository.previous_names):
                return repository, _moved(repository, request, rest)
        raise not_found()

    def _with_id(self, identity: int) -> SampleRepository:
        for repository in self.repositories:
            if repository.identity == identity:
                return repository
        raise not_found()


def _routed(repository: SampleRepository, request: Request, rest: str, old_issues: bool) -> Response:
    for pattern, handler in _ROUTES:
        if found := pattern.fullmatch(rest):
            is_numbered = handler is issue_routes.listing and old_issues
            with repository.lock:
                answer = issue_routes.numbered_listing if is_numbered else handler
                return answer(repository, request, found[1])
    raise not_found()


def _moved(repository: SampleRepository, request: Request, rest: str) -> Response:
    query = request.target.partition("?")[2]
    url = f"{request.base}/repositories/{repository.identity}{rest}" + (f"?{query}" if query else "")
    response = ApiError(301, "Moved Permanently", url=url).response()
    response.headers["location"] = url
    return response
