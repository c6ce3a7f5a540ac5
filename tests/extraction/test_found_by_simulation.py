"""Defects that `make simulate` found, each in its smallest form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from hear_app.landing import Landing
from hear_app.landing.integrity import inspect
from hear_app.sample.faults import Fault
from hear_app.sample.wire import Response
from tests.extraction.harness import ID, SOURCE, START, Rig, commit, issues_of, line, put_issue, put_issues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request
    from tests.extraction.harness import Altering

MINUTE = 60


def test_an_empty_page_that_names_a_next_one_is_the_end_of_a_second(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """More than a page shares a second, and the server links on and on."""
    server.old_issues = True
    put_issues(repo, range(1, 151), START, step=0)

    def alter(request: Request, response: Response) -> Response:
        if "sort=updated" in request.target and 'rel="next"' not in response.headers.get("link", ""):
            number = int(request.query.get("page", "1")) + 1
            target = request.target.partition("&page=")[0]
            response.headers["link"] = f'<{server.url}{target}&page={number}>; rel="next"'
        return response

    server.alter = alter
    [result] = rig.sync()
    assert "did not foresee" not in " ".join(map(str, result.errors))
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)


def test_a_page_that_comes_again_and_again_is_no_progress(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Its first rows are older than the overlap and forgotten: that alone makes them no news."""
    put_issues(repo, range(1, 51), START, step=10 * MINUTE)
    turn = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal turn
        turn += 1
        if "sort=updated" in request.target:
            response.headers["link"] = f'<{server.url}{first(request).target}&page=2&after={turn}>; rel="next"'
        return response

    def first(request: Request) -> Request:
        return replace(request, target=request.target.partition("&page=")[0])

    server.hear, server.alter = first, alter
    [result] = rig.sync()
    assert "the page before it once more" in " ".join(map(str, result.errors))
    assert len(rig.requests()) < 30


def test_a_row_of_a_full_page_is_kept_where_another_leaves_the_list(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """The page is asked for one row fewer, for its lost link; then an issue goes, and the next page is empty."""
    server.old_issues = True
    put_issue(repo, 1, START - 30)
    put_issues(repo, range(2, 101), START, step=0)
    put_issue(repo, 101, START + 15)

    def alter(request: Request, response: Response) -> Response:
        if "per_page=99" in request.target and 5 in repo.issues:
            repo.delete_issue(5)
        return response

    server.alter = alter
    rig.one()
    assert rig.stored().issues.keys() >= issues_of(repo).keys()


def test_a_repository_response_that_is_read_anew_is_never_an_empty_one(rig: Rig, repo: SampleRepository) -> None:
    """A stray copy is the newest, and can't be used; the one before it still holds, by its tag."""
    line(repo, 3)
    rig.one()
    [path] = [path for path in rig.objects() if "/repository/" in path]
    stray = rig.root / path.replace("/repository/000001/", "/repository/000009/")
    stray.parent.mkdir()
    stray.write_bytes((rig.root / path).read_bytes())
    rig.one()
    stray.unlink()
    assert all(rig.landed_bodies("repository"))


@pytest.mark.parametrize("stream", ["commits", "issues", "syncs"])
def test_a_closing_record_that_a_power_cut_emptied_heals(rig: Rig, repo: SampleRepository, stream: str) -> None:
    line(repo, 150)
    put_issue(repo, 1, START)
    rig.one()
    [path] = [path for path in rig.objects() if f"/{stream}/" in path and "/closed-" in path]
    (rig.root / path).write_bytes(b"")
    rig.one()
    assert (rig.root / path).stat().st_size
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))
    assert rig.stored().issues == issues_of(repo)


def test_the_repository_response_is_flushed_too(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 3)
    flushed: list[str] = []

    class Noting(Landing):
        def flush(self, paths: Sequence[str]) -> None:
            flushed.extend(paths)
            super().flush(paths)

    rig.sync(landing=Noting(str(rig.root)))
    assert set(rig.objects()) <= set(flushed)


def test_an_empty_answer_for_a_first_head_is_doubted(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 3)
    asked = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal asked
        if "/commits/main" in request.target:
            asked += 1
            if asked == 1:
                response.status, response.body = 409, b'{"message": "Git Repository is empty."}'
        return response

    server.alter = alter
    rig.one()
    assert len(rig.stored(ID).on_branch) == 3


@pytest.mark.parametrize("honest", [0, 1])
def test_a_list_that_comes_empty_from_the_watermark_on_is_no_end(
    rig: Rig, repo: SampleRepository, server: Altering, honest: int
) -> None:
    """What was read there last time still is there, and so may be news, which the first answer may have shown."""
    put_issues(repo, range(1, 31), START, step=10 * MINUTE)
    rig.one()
    put_issue(repo, 3, START + 400 * MINUTE)
    asked = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal asked
        if "since=" in request.target:
            asked += 1
            if asked > honest:
                response.body = b"[]"
                response.headers.pop("link", None)
        return response

    server.alter = alter
    assert "came empty" in rig.failing()
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)


def test_an_emptied_closing_record_behind_an_open_walk_stops_no_sync(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """The power fails twice: as a first walk is closed, and as all is read again."""
    line(repo, 150)
    rig.one()
    for path in rig.objects():
        if "/closed-" in path:
            (rig.root / path).write_bytes(b"")
    server.alter = lambda request, response: (
        response if "page=2" not in request.target else replace(response, status=404)
    )
    assert rig.sync(full=True)[0].errors
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_an_empty_list_is_doubted_where_the_repository_counts_open_issues(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """It was empty before, so nothing that was read speaks against it."""
    line(repo, 3)
    rig.one()
    put_issue(repo, 1, START)

    def alter(request: Request, response: Response) -> Response:
        if "sort=updated" in request.target and response.status == 200:
            response.body = b"[]"
        return response

    server.alter = alter
    assert "left out #1" in rig.failing()
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_page_that_a_power_cut_took_is_read_again(
    rig: Rig, repo: SampleRepository, server: Altering, gone: int
) -> None:
    """The pages behind it stayed: going on from the last of them would leave its rows out."""
    put_issue(repo, 1, START)
    rig.one()
    put_issues(repo, range(2, 401), START + MINUTE, step=MINUTE)
    server.alter = lambda _, response: (
        replace(response, status=404) if b'"number":400,' in response.body else response
    )
    rig.failing()
    (rig.root / rig.objects_of("issues", walk_id=2)[gone]).unlink()
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)
    *pages, closed = (Landing(str(rig.root)).envelope(path) for path in rig.objects_of("issues", walk_id=2))
    assert closed.role == "closed"
    assert closed.position == sum(page.row_count for page in pages)


def test_numbered_pages_may_end_with_a_full_one(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Whether the list goes on behind it tells the next number, no smaller page: that would begin elsewhere."""
    server.old_issues = True
    put_issues(repo, range(1, 301), START, step=0)
    rig.one()
    assert rig.stored().issues == issues_of(repo)
    asked = rig.requests()
    assert len(asked) < 30, asked
    assert any("&page=4" in request for request in asked)


def test_a_lost_link_of_a_numbered_page_ends_nothing(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    server.old_issues = True
    put_issues(repo, range(1, 301), START, step=0)

    def alter(request: Request, response: Response) -> Response:
        if request.query.get("page") == "2" and "sort=updated" in request.target:
            response.headers.pop("link", None)
        return response

    server.alter = alter
    rig.one()
    assert rig.stored().issues == issues_of(repo)


def test_many_seconds_of_a_page_each_are_no_list_without_end(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Pages by number, and none larger than 5: the newest minutes, read again, take more requests than pages."""
    server.old_issues = True
    server.fault = lambda request: Fault("502") if int(request.query.get("per_page", "1")) > 5 else None
    for number in range(1, 201):
        put_issue(repo, number, START + number // 5)
    rig.one()
    assert rig.stored().issues == issues_of(repo)


@pytest.mark.usefixtures("repo")
def test_all_that_is_read_again_includes_the_repository(rig: Rig) -> None:
    """A lost response's number is taken by the next one, which is not what was loaded: only a newer one heals."""
    rig.one()
    (rig.root / rig.objects_of("repository", walk_id=1)[0]).unlink()
    rig.one()
    rig.one(full=True)
    assert rig.objects_of("repository", walk_id=1)
    newest = Landing(str(rig.root)).walks(SOURCE, ID, "repository")[-1]
    assert newest.walk_id > 2, "a number that no lost response may have borne"


def test_a_walk_that_lost_a_page_may_be_given_up(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """The page was removed as it was read; what is given up has it no more."""
    line(repo, 350)
    server.alter = lambda request, response: (
        replace(response, status=404) if request.query.get("page") == "4" else response
    )
    rig.failing()
    (rig.root / rig.objects_of("commits", walk_id=1)[0]).write_bytes(b"")
    repo.force_push(commit(repo, "rewritten", START))
    repo.graph.keep_only([str(repo.head)])
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_all_that_is_read_again_includes_an_empty_branch(rig: Rig, repo: SampleRepository) -> None:
    """Its closing record may be damaged behind its envelope, so that it still tells that the branch was empty."""
    repo.branches.clear()
    rig.one()
    [closed] = rig.objects_of("commits", walk_id=1)
    stored = bytearray((rig.root / closed).read_bytes())
    stored[-10] ^= 1  # of the frame with its checksum, which follows
    (rig.root / closed).write_bytes(stored)
    rig.one(full=True)
    assert [walk.walk_id for walk in Landing(str(rig.root)).walks(SOURCE, ID, "commits")][-1] > 1


def test_a_folder_without_the_response_of_its_repository_is_told(rig: Rig, repo: SampleRepository) -> None:
    """Nothing names the repository any more; a sync by its name heals."""
    line(repo, 3)
    rig.one()
    for path in rig.objects_of("repository", walk_id=1):
        (rig.root / path).unlink()
    [lost] = rig.sync("acme/other")[1:]
    assert "has lost the response" in str(lost.error)
    [result] = rig.sync()
    assert not result.errors


def test_a_list_of_the_newest_issues_that_comes_empty_is_doubted(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """All but the first page comes empty: the end of the list, and what could be held against it."""
    put_issues(repo, range(1, 251), START, step=MINUTE)

    def alter(request: Request, response: Response) -> Response:
        if "/issues?" in request.target and request.target != first:
            response.body = b"[]"
            response.headers.pop("link", None)
        return response

    first = "/repos/acme/tool/issues?state=all&sort=updated&direction=asc&per_page=100"
    server.alter = alter
    assert "came empty" in rig.failing()
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)


def test_rows_that_a_first_answer_leaves_out_are_found(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """The rest of it is known, so nothing seems new; the watermark must not be taken for read."""
    put_issues(repo, range(1, 5), START, step=MINUTE)
    rig.one()
    put_issues(repo, range(5, 9), START + 4 * MINUTE, step=MINUTE)
    asked = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal asked
        asked += "sort=updated" in request.target
        if "sort=updated" in request.target and asked == 1:
            response.body = orjson.dumps([row for row in orjson.loads(response.body) if row["number"] < 3])
        return response

    server.alter = alter
    rig.one()
    assert rig.stored().issues == issues_of(repo)


def test_a_walk_that_never_ended_is_no_damage(rig: Rig, repo: SampleRepository) -> None:
    """A power cut emptied its page, and another walk followed."""
    line(repo, 3)
    rig.one()
    landing = Landing(str(rig.root))
    [closed] = landing.walks(SOURCE, ID, "commits")
    for walk_id, content in ((2, b""), (3, b"")):
        path = rig.root / closed.pages[0].path.replace("/000001/", f"/{walk_id:06d}/")
        path.parent.mkdir()
        path.write_bytes(content)
    assert inspect(landing, landing.objects(SOURCE)).damages == []


def test_an_empty_list_is_doubted_though_no_issue_is_open(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Every list comes empty, and no count speaks against it: the first issue by itself does."""
    for number in range(1, 5):
        put_issue(repo, number, START, is_open=False, closed_at=START)
    empty = Response(200, b"[]")
    server.alter = lambda request, response: empty if "/issues?" in request.target else response
    assert "came empty, though #1 exists" in rig.failing()
    server.alter = lambda _, response: response
    rig.one()
    assert rig.stored().issues == issues_of(repo)
