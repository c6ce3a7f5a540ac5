"""Answers that no documentation promises, and that someone's server gives all the same."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from hear_app.github import limits
from hear_app.sample.faults import Fault, FaultRule
from tests.extraction.harness import NAME, START, Quiet, issues_of, line, put_issue, put_issues, repository

if TYPE_CHECKING:
    from hear_app.landing import Stream
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering, Rig

DAY = 86_400


def whole(rig: Rig, repo: SampleRepository) -> bool:
    found, there = rig.stored(), issues_of(repo)
    on_branch = repo.graph.ancestors(repo.head) if repo.head else set()
    return found.on_branch == on_branch and {number: found.issues.get(number) for number in there} == there


@pytest.mark.parametrize("branch", ["fix/#1", "ünï cödé", "100%", "a?b=c&d", "%2F", "release/v1.0+rc"])
def test_branches_of_any_name(rig: Rig, branch: str) -> None:
    repo = repository(default_branch=branch)
    rig.server.repositories[:] = [repo]
    line(repo, 3)
    rig.one()
    line(repo, 2, label="more")
    rig.one()
    assert whole(rig, repo)
    rig.statuses()
    rig.one()
    assert rig.statuses() == [304] * 3


NO_REPOSITORIES = [b"{}", b'{"id":null,"full_name":"acme/tool"}', b'{"id":"x"}', b'{"message":"?"}', b"null", b"7"]


@pytest.mark.parametrize("body", NO_REPOSITORIES)
def test_a_repository_that_is_none(rig: Rig, server: Altering, body: bytes) -> None:
    """It fails with a reason; the other one is read."""
    other = repository("other", 8)
    line(other, 3)
    server.repositories.append(other)

    def broken(request: Request, response: Response) -> Response:
        if request.path == "/repos/acme/tool":
            response.body = body
        return response

    server.alter = broken
    bad, good = rig.sync(NAME, "acme/other")
    assert bad.errors
    assert not good.errors
    assert len(rig.stored(8).on_branch) == 3


LINKS = [
    "<http://[::1>",
    "<http://127.0.0.1:99999/>",
    "<mailto:@127.0.0.1:80/>",
    "<?page=" + "9" * 5000 + ">",
    "<>",
    "<",
    "",
]


@pytest.mark.parametrize("name", ["next", "last"])
@pytest.mark.parametrize("link", LINKS)
def test_links_that_are_none(rig: Rig, repo: SampleRepository, server: Altering, link: str, name: str) -> None:
    line(repo, 3)
    put_issues(repo, range(1, 3), START)

    def broken(_: Request, response: Response) -> Response:
        response.headers["link"] = f'{link}; rel="{name}"'
        return response

    server.alter = broken
    [result] = rig.sync()
    assert "did not foresee" not in " ".join(map(str, result.errors))
    server.alter = lambda _, response: response
    rig.one()
    assert whole(rig, repo)


def test_what_nobody_foresaw_costs_one_repository(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    other = repository("other", 8)
    line(other, 3)
    server.repositories.append(other)
    put_issues(repo, range(1, 3), START)

    class Broken(Quiet):
        def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
            if name == NAME:
                raise ZeroDivisionError("no such share")
            super().rows(name, stream, count, total)

    rig.reporter = Broken()
    bad, good = rig.sync(NAME, "acme/other")
    [error] = bad.errors
    assert "did not foresee" in str(error)
    assert "no such share" in str(error)
    assert not good.errors
    assert len(rig.stored(8).on_branch) == 3


@pytest.mark.parametrize("body", [b"[null]", b"[{}]", b'[{"sha": null}]', b'{"message": "?"}', b'"text"', b"[[]]"])
def test_commits_that_are_none(rig: Rig, repo: SampleRepository, server: Altering, body: bytes) -> None:
    line(repo, 3)

    def broken(request: Request, response: Response) -> Response:
        if "/commits?" in request.target:
            response.body = body
        return response

    server.alter = broken
    assert rig.failing()
    assert not rig.stored().rows
    server.alter = lambda _, response: response
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        (rb'"total_commits":\d+', b'"total_commits":null'),
        (rb'"total_commits":\d+', b'"total_commits":"many"'),
        (rb'"total_commits":', b'"something":'),
        (rb'"commits":', b'"something":'),
        (rb'"commits":\[', b'"commits":[null,'),
        (rb'"commits":.*', b'"commits":[]}'),
    ],
)
def test_comparisons_that_are_none(
    rig: Rig, repo: SampleRepository, server: Altering, pattern: bytes, other: bytes
) -> None:
    """What can't be compared is read as a whole."""
    line(repo, 5)
    rig.one()
    line(repo, 3, label="new")

    def broken(request: Request, response: Response) -> Response:
        if "/compare/" in request.target:
            response.body = re.sub(pattern, other, response.body, flags=re.DOTALL)
        return response

    server.alter = broken
    assert "read again" in rig.one().streams[0].note
    assert whole(rig, repo)


def test_a_comparison_that_is_not_found_once(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 5)
    rig.one()
    line(repo, 3, label="new")
    server.fault = [FaultRule("/compare/", Fault("404"))]
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize("location", [None, "", "/repos/acme/tool", "?page=2"])
def test_redirects_in_a_circle(rig: Rig, server: Altering, location: str | None) -> None:
    def circling(_: Request, response: Response) -> Response:
        response.status = 301
        response.headers |= {} if location is None else {"location": location}
        return response

    server.alter = circling
    assert "redirects in a circle" in rig.failing()
    assert len(rig.requests()) < 10


NO_DATES = ["", "yesterday", "Mon, 99 Foo 9999999999 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]


@pytest.mark.parametrize("date", NO_DATES)
def test_dates_that_are_none(rig: Rig, repo: SampleRepository, server: Altering, date: str) -> None:
    """A server whose clock is no clock; all the same nothing is lost."""

    def dated(_: Request, response: Response) -> Response:
        response.headers |= {"date": date, "retry-after": date}
        return response

    server.alter = dated
    line(repo, 3)
    put_issues(repo, range(1, 251), START)
    rig.one()
    put_issue(repo, 7, START + DAY)
    rig.one()
    assert whole(rig, repo)
    assert not rig.clock.naps


def test_server_time_is_utc() -> None:
    assert str(limits.server_time({"date": "Mon, 15 Jun 2026 14:00:00 +0200"})) == "2026-06-15 12:00:00+00:00"
    assert str(limits.server_time({"date": "Mon, 15 Jun 2026 12:00:00 -0000"})) == "2026-06-15 12:00:00+00:00"


def test_tags_that_change_all_the_time(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Then nothing is free, but an unchanged repository is still unchanged, and lands nothing."""
    turn = iter(range(1_000))

    def tagged(_: Request, response: Response) -> Response:
        response.headers["etag"] = f'"{next(turn)}"'
        return response

    server.alter = tagged
    line(repo, 3)
    put_issues(repo, range(1, 5), START)
    rig.one()
    landed = rig.objects()
    assert [stream.outcome for stream in rig.one().streams] == ["unchanged", "unchanged"]
    assert rig.objects() == landed


def test_issue_lists_without_any_link(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """A proxy may drop the Link header: the watermark leads on all the same."""

    def unlinked(request: Request, response: Response) -> Response:
        if "/issues" in request.path:
            response.headers.pop("link", None)
        return response

    server.alter = unlinked
    put_issues(repo, range(1, 451), START)
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
def test_a_server_that_knows_no_since(rig: Rig, repo: SampleRepository, server: Altering, old: bool) -> None:
    """It shows what was not asked for; that must come to an end."""
    server.old_issues = old
    server.hear = lambda request: replace(request, target=re.sub("&since=[^&]*", "", request.target))
    put_issues(repo, range(1, 251), START)
    result = rig.sync()[0].streams[1]
    assert result.outcome == ("failed" if old else "ok")
    assert len(rig.requests()) < 400


def test_a_server_that_makes_small_pages_only(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    server.hear = lambda request: replace(request, target=request.target.replace("per_page=100", "per_page=30"))
    line(repo, 250)
    put_issues(repo, range(1, 251), START)
    rig.one()
    line(repo, 130, label="more")
    put_issues(repo, range(240, 400), START + DAY)
    rig.one()
    assert whole(rig, repo)


def test_an_empty_page_in_the_midst_of_a_chain(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Rows that the reader may not see are left out of a page, and may leave nothing of it but its link."""

    def hidden(request: Request, response: Response) -> Response:
        if "page=2" in request.target:
            response.body = b"[]"
        return response

    server.alter = hidden
    put_issues(repo, range(1, 351), START)
    rig.one()
    assert set(rig.stored().issues) == {*range(1, 101), *range(201, 351)}


def test_the_repository_vanishes_while_it_is_read(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 350)
    put_issues(repo, range(1, 251), START)

    def vanishing(request: Request) -> None:
        if "page=2" in request.target:
            server.repositories.clear()

    server.fault = vanishing
    said = rig.failing()
    assert "Not found" in said
    server.fault = None
    server.repositories.append(repo)
    rig.one()
    assert whole(rig, repo)


def test_the_head_moves_while_it_is_asked_for(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """The branch is reset and collected between the question for its head and the walk."""
    shas = line(repo, 30)

    def resetting(request: Request) -> None:
        if "/commits?" in request.target and repo.head == shas[-1]:
            repo.force_push(shas[4])
            repo.delete_branches_but("main")

    server.fault = resetting
    assert "Not found" in rig.failing()
    server.fault = None
    rig.one()
    assert whole(rig, repo)


def test_huge_numbers_of_everything(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    rates = {"x-ratelimit-remaining": "9" * 30, "x-ratelimit-limit": "9" * 30, "x-ratelimit-reset": "9" * 30}
    server.fault = lambda _: Fault("headers", headers=rates)
    line(repo, 3)
    rig.one()
    assert whole(rig, repo)


def test_a_body_that_nests_without_end(rig: Rig, server: Altering) -> None:
    def deep(_: Request, response: Response) -> Response:
        response.body = b"[" * 200_000
        return response

    server.alter = deep
    assert "no JSON" in rig.failing()


def test_a_refusal_that_nests_without_end(rig: Rig, server: Altering) -> None:
    def deep(_: Request, response: Response) -> Response:
        response.status, response.body = 403, b"[" * 200_000
        return response

    server.alter = deep
    assert "403" in rig.failing()


def test_a_repository_named_compare(rig: Rig) -> None:
    """Its name stands in its requests' paths, where comparisons say so too."""
    repo = repository("compare")
    rig.server.repositories[:] = [repo]
    line(repo, 3)
    put_issues(repo, range(1, 4), START)
    rig.one("acme/compare")
    assert whole(rig, repo)
    line(repo, 2, label="more")
    rig.one("acme/compare")
    assert whole(rig, repo)


def test_the_estimate_is_never_in_the_way(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    rig.token, rig.estimates = None, True
    line(repo, 3)
    server.fault = [FaultRule("per_page=1$", Fault("404"), times=9)]
    rig.one()
    assert whole(rig, repo)


def test_quota_headers_of_a_bad_sort_do_not_stop_it(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    for value in ("", "-1", "many", "1.5", "²"):
        rates = {f"x-ratelimit-{name}": value for name in ("remaining", "limit", "reset")}

        def rated(_: Request, response: Response, rates: dict[str, str] = rates) -> Response:
            response.headers |= rates
            return response

        server.alter = rated
        line(repo, 1, label=value)
        rig.one()
    assert whole(rig, repo)
    assert orjson.loads(repo.payload())["full_name"] == NAME
