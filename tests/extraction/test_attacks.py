"""Answers that are well formed and wrong: none is taken for the truth, and the next honest sync makes all good."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from hear_app.landing import Landing
from tests.extraction.harness import (
    ID,
    NAME,
    SOURCE,
    START,
    Rig,
    commit,
    issues_of,
    line,
    put_issue,
    put_issues,
    repository,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering

DAY = 86_400


def honest(server: Altering) -> None:
    server.alter = lambda _, response: response


def is_whole(rig: Rig, repo: SampleRepository) -> bool:
    found = rig.stored()
    return found.on_branch == (repo.graph.ancestors(str(repo.head)) if repo.head else frozenset()) and {
        number: row for number, row in found.issues.items() if number not in found.deleted
    } == issues_of(repo)


def emptied(match: str) -> Callable[[Request, Response], Response]:
    """Answers `200 []` where a request matches."""

    def alter(request: Request, response: Response) -> Response:
        if re.search(match, request.target) and response.status == 200:
            response.body = b"[]"
            response.headers.pop("link", None)
            response.headers.pop("etag", None)
        return response

    return alter


def unlinked_once(match: str) -> Callable[[Request, Response], Response]:
    """Loses one Link header."""
    lost: list[str] = []

    def alter(request: Request, response: Response) -> Response:
        if not lost and re.search(match, request.target) and "link" in response.headers:
            lost.append(request.target)
            response.headers.pop("link")
        return response

    return alter


# -- issues


@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
def test_pages_that_come_empty_delete_nothing(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 351), START)
    rig.one()
    seen = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal seen
        if "/issues?" in request.target and "sort=updated" in request.target:
            seen += 1
            return emptied("")(request, response) if seen > 2 else response
        return response

    server.alter = alter
    [result] = rig.sync(full=True)
    assert result.errors
    assert not rig.stored().deleted
    honest(server)
    rig.one()
    assert not rig.stored().deleted
    assert is_whole(rig, repo)


def test_a_first_walk_that_runs_into_empty_pages_is_not_closed(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    put_issues(repo, range(1, 351), START)
    server.alter = emptied("after=.*page=3|since=")
    assert "read there and still exists" in rig.failing()
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


def test_a_first_list_that_comes_empty_is_held_against_another(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    put_issues(repo, range(1, 51), START)
    server.alter = emptied("sort=updated")
    assert "left out #50" in rig.failing()
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
@pytest.mark.parametrize("full", [False, True])
def test_a_link_lost_within_one_second(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool, full: bool
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 351), START, step=0)
    if full:
        rig.one()
    server.alter = unlinked_once("/issues.*sort=updated")
    rig.sync(full=full)
    rig.one()
    assert not rig.stored().deleted
    assert is_whole(rig, repo)


@pytest.mark.parametrize("what", ["short", "repeated"])
def test_one_page_that_leaves_out_rows_in_the_midst_of_a_first_list(
    rig: Rig, repo: SampleRepository, server: Altering, what: str
) -> None:
    """Too few for the server's own count to tell; the list goes on behind them."""
    put_issues(repo, range(1, 351), START)
    before, told = list[bytes](), list[str]()

    def alter(request: Request, response: Response) -> Response:
        if "sort=updated" not in request.target:
            return response
        if "after=" in request.target and not told:
            told.append(request.target)
            rows = orjson.loads(response.body)
            response.body = orjson.dumps(rows[:90]) if what == "short" else before[0]
            response.headers.pop("etag", None)
        before.append(response.body)
        return response

    server.alter = alter
    rig.one()
    assert told
    assert is_whole(rig, repo)


@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
def test_a_page_that_comes_empty_twice_on_a_first_walk(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    """The newest second has more rows than a page: from the watermark on, the first one shows nothing new."""
    server.old_issues = old
    put_issues(repo, range(1, 351), START, step=0)
    asked = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal asked
        asked += "sort=updated" in request.target
        return emptied("sort=updated")(request, response) if asked in (2, 3) else response

    server.alter = alter
    [result] = rig.sync()
    honest(server)
    if result.errors:
        rig.one()
    assert is_whole(rig, repo)


def test_lists_that_are_all_empty_are_held_against_an_issue_by_itself(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    put_issues(repo, range(1, 31), START)
    server.alter = emptied(r"/issues\?")
    assert "came empty, though #1 exists" in rig.failing()
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


def test_pages_that_always_repeat_the_one_before_are_told(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    put_issues(repo, range(1, 351), START)
    first = list[bytes]()

    def alter(request: Request, response: Response) -> Response:
        if "sort=updated" in request.target:
            first.append(response.body)
            if "after=" in request.target:
                response.body = first[0]
                response.headers.pop("etag", None)
        return response

    server.alter = alter
    assert "the page before it once more" in rig.failing()
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


def test_rows_left_out_of_a_full_list_are_looked_at(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    put_issues(repo, range(1, 251), START)
    rig.one()
    repo.delete_issue(7)
    left_out = {3, 7, 120}

    def alter(request: Request, response: Response) -> Response:
        if "sort=updated" in request.target and response.status == 200:
            rows = [row for row in orjson.loads(response.body) if row["number"] not in left_out]
            response.body = orjson.dumps(rows)
        return response

    server.alter = alter
    rig.one(full=True)
    assert rig.stored().deleted == {7}, "3 and 120 answer for themselves"


def test_more_missing_than_a_day_explains_is_told_in_words(rig: Rig, repo: SampleRepository) -> None:
    put_issues(repo, range(1, 351), START)
    rig.one()
    for number in range(1, 101):
        repo.delete_issue(number)
    [result] = rig.sync(full=True)
    [error] = result.errors
    assert "leaves out 100 of 350" in str(error)
    assert f"`hear sync --full --accept-deletions {NAME}`" in str(error)
    assert not rig.stored().deleted
    rig.one()
    assert not rig.stored().deleted, "a plain sync goes on as before"
    [result] = rig.sync(full=True, accept_deletions=True)
    assert not result.errors
    assert rig.stored().deleted == set(range(1, 101))


def test_an_issue_that_moved_away_is_gone_here(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """It answers by a redirect to where it is now, on the same host."""
    other = repository("elsewhere", 99)
    put_issue(other, 7, START)
    server.repositories.append(other)
    put_issues(repo, range(1, 20), START)
    rig.one()
    repo.delete_issue(7)
    server.hear = lambda request: (
        replace(request, target="/repos/acme/elsewhere/issues/7")
        if request.target.endswith("/acme/tool/issues/7")
        else request
    )
    rig.one(full=True)
    assert rig.stored().deleted == {7}


@pytest.mark.parametrize("link", ["itself", "onward"])
@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
def test_a_list_without_end_ends(rig: Rig, repo: SampleRepository, server: Altering, link: str, old: bool) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 151), START, step=0)
    turn = 0

    def alter(request: Request, response: Response) -> Response:
        nonlocal turn
        turn += 1
        if "sort=updated" in request.target:
            target = request.target.partition("&after=")[0].partition("&page=")[0]
            mark = "x" if link == "itself" else str(turn)
            cursor = f"page={turn + 1}" if old else f"after={mark}"
            response.headers["link"] = f'<{server.url}{target}&{cursor}>; rel="next"'
            response.body = response.body if "after=" not in request.target else b"[]"
        return response

    server.alter = alter
    rig.sync()
    assert len(rig.requests()) < 200
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


# -- commits


@pytest.mark.parametrize(
    "lie", ["page 2 is page 1 again", "a link is lost", "a page is another repository's", "no link at all"]
)
def test_a_history_that_is_not_whole_is_not_closed(
    rig: Rig, repo: SampleRepository, server: Altering, lie: str
) -> None:
    other = repository("other", 99)
    line(other, 250, label="other")
    line(repo, 250)
    server.repositories.append(other)
    if lie == "a link is lost":
        server.alter = unlinked_once(r"/commits\?sha")
    elif lie == "no link at all":
        server.alter = lambda request, response: _without_link(request, response)
    elif lie == "page 2 is page 1 again":
        server.hear = lambda request: replace(request, target=re.sub(r"([?&])page=2", r"\1page=1", request.target))
    else:
        server.hear = lambda request: (
            replace(request, target=f"/repos/acme/other/commits?sha={other.head}&per_page=100&page=2")
            if "/commits?sha" in request.target and "page=2" in request.target
            else request
        )
    [result] = rig.sync()
    if lie == "a link is lost":
        assert not result.errors, "read a second time at once"
    else:
        assert result.errors
        assert rig.stored().on_branch == frozenset()
    honest(server)
    server.hear = lambda request: request
    rig.one()
    assert is_whole(rig, repo)


def _without_link(request: Request, response: Response) -> Response:
    if "/commits?sha" in request.target:
        response.headers.pop("link", None)
    return response


def test_a_page_that_led_nowhere_is_not_gone_on_from(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """The last page lands with a link that there is not; the next sync must not take it for the truth."""
    line(repo, 200)

    def alter(request: Request, response: Response) -> Response:
        if (
            "/commits?" in request.target
            and response.status == 200
            and "next" not in response.headers.get("link", "")
        ):
            target = re.sub(r"page=(\d+)$", lambda found: f"page={int(found[1]) + 1}", request.target)
            response.headers["link"] = f'<{server.url}{target}>; rel="next"'
        return response

    server.alter = alter
    rig.failing()
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


def test_a_comparison_that_leaves_out_a_commit_is_not_believed(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Its own count agrees with its list; the parent that nobody ever read gives it away."""
    line(repo, 20)
    rig.one()
    line(repo, 10, label="new")

    def alter(request: Request, response: Response) -> Response:
        if "/compare/" in request.target:
            document = orjson.loads(response.body)
            del document["commits"][4]
            document["total_commits"] -= 1
            response.body = orjson.dumps(document)
        return response

    server.alter = alter
    rig.one()
    assert is_whole(rig, repo)


def test_a_hole_that_the_server_has_itself_is_told(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    shas = line(repo, 30)
    cut = shas[10]

    def alter(request: Request, response: Response) -> Response:
        if "/commits?sha" in request.target and response.status == 200:
            rows = orjson.loads(response.body)
            response.body = orjson.dumps([row for row in rows if row["sha"] not in shas[:11]])
        if request.target.endswith(f"/commits/{cut}"):
            response.status, response.body = 422, b'{"message": "No commit found for SHA"}'
        return response

    server.alter = alter
    told = rig.failing()
    assert f"has no commit {cut} on the server" in told
    assert "nothing heals that from here" in told
    assert rig.stored().on_branch == frozenset()


# -- what has landed


def test_an_emptied_page_of_an_open_walk_heals(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 450)
    put_issues(repo, range(1, 351), START)
    assert rig.crash(7)
    for landed in [landed for landed in Landing(str(rig.root)).objects(SOURCE) if landed.role == "page"]:
        if landed.stream in {"commits", "issues"}:
            (rig.root / landed.path).write_bytes(b"")
            break
    rig.one()
    assert is_whole(rig, repo)


def test_full_heals_what_can_t_be_read(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 50)
    put_issues(repo, range(1, 51), START)
    rig.one()
    for landed in Landing(str(rig.root)).objects(SOURCE):
        (rig.root / landed.path).write_bytes(b"")
    [result] = rig.sync(full=True)
    assert not result.errors, result.errors
    assert is_whole(rig, repo)


@pytest.mark.parametrize("identity", [0, -5, 2**63, 2**70, True, "7", None, 1.5])
def test_a_repository_id_that_none_can_have_lands_nothing(
    rig: Rig, repo: SampleRepository, server: Altering, identity: object
) -> None:
    line(repo, 5)

    def alter(request: Request, response: Response) -> Response:
        if request.target == f"/repos/{NAME}":
            response.body = orjson.dumps(
                orjson.loads(response.body) | {"id": identity if identity != 2**70 else 0}
            )
        return response

    server.alter = alter
    assert rig.failing()
    assert not list(rig.root.rglob("*.zst"))


# -- names


def test_a_name_that_another_repository_took_over_means_that_one(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    line(repo, 5)
    rig.one()
    repo.rename("renamed")
    rig.one("acme/renamed")
    other = repository("tool", 99)
    line(other, 3, label="another")
    repo.previous_names.clear()
    server.repositories.append(other)
    result = rig.one(NAME)
    assert (result.name, result.repository_id) == (NAME, 99)
    assert len(rig.stored(99).on_branch) == 3
    assert len(rig.stored(ID).on_branch) == 5


def test_a_merge_of_old_branches_needs_no_whole_history(rig: Rig, repo: SampleRepository) -> None:
    """The parents that a comparison leans on are found in what was read before."""
    shas = line(repo, 260)
    rig.one()
    sides = [commit(repo, f"side {place}", START + DAY, shas[place]) for place in (3, 90, 200)]
    repo.force_push(commit(repo, "octopus", START + 2 * DAY, shas[-1], *sides))
    rig.requests()
    rig.one()
    assert not any("/commits?sha" in request for request in rig.requests())
    assert is_whole(rig, repo)


# -- answers without end


@pytest.mark.parametrize("what", [f"/repos/{NAME}$", "/commits/main", "/commits[?]", "/issues[?]"])
def test_a_bomb_is_told_with_its_address(rig: Rig, repo: SampleRepository, server: Altering, what: str) -> None:
    """Whatever it is sent for, and however small the pages are that are then asked for."""
    line(repo, 3)
    put_issue(repo, 1, START)
    bomb = b"[" * 70_000_000

    def bombed(request: Request, response: Response) -> Response:
        if re.search(what, request.target):
            response.body = bomb  # which the server sends compressed
        return response

    server.alter = bombed
    said = rig.failing()
    assert re.search(
        rf"The answer to {server.url}\S+ has more than 64 MB: not read\. HEAR_MAX_RESPONSE allows", said
    )
    assert "did not foresee" not in said
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


# -- a repository that is closed for a while


def test_a_conflict_is_not_taken_for_an_empty_repository(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """A server answers 409 for more than emptiness: a lock must not make all commits leave the branch."""
    line(repo, 120)
    rig.one()

    def locked(request: Request, response: Response) -> Response:
        if request.target.endswith("/commits/main"):
            response.status, response.body = 409, b'{"message": "Repository is locked for a migration."}'
        return response

    server.alter = locked
    line(repo, 3, label="later")
    rig.requests()
    assert "status 409 Repository is locked for a migration" in rig.failing()
    assert sum(asked.endswith("/commits/main") for asked in rig.requests()) == 6, "it was asked again"
    assert len(rig.stored().on_branch) == 120
    honest(server)
    rig.one()
    assert is_whole(rig, repo)


def test_a_new_repository_that_is_called_empty_once_is_asked_again(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    line(repo, 5)
    told = list[str]()

    def alter(request: Request, response: Response) -> Response:
        if request.target.endswith("/commits/main") and not told:
            told.append(request.target)
            response.status = 409
            response.body = orjson.dumps({"message": "Git Repository is empty.", "status": "409"})
            response.headers.pop("etag", None)
        return response

    server.alter = alter
    rig.one()
    assert told
    assert is_whole(rig, repo)


def test_a_conflict_that_passes_is_no_failure(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 3)
    times = 0

    def locked(request: Request, response: Response) -> Response:
        nonlocal times
        if request.target.endswith("/commits/main") and times < 2:
            times += 1
            response.status, response.body = 409, b'{"message": "Repository is locked for a migration."}'
        return response

    server.alter = locked
    rig.one()
    assert times == 2
    assert is_whole(rig, repo)
