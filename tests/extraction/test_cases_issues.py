"""Cases 22 to 26: what trackers do while they are read, and which date may be a watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import orjson
import pytest

from hear_app.github import issues
from hear_app.landing import Landing
from hear_app.sample import issue_payloads
from hear_app.sample.faults import Fault, FaultRule
from hear_app.sample.history import IssueRow
from hear_app.sample.payloads import IssueFacts
from tests.extraction.harness import ID, SOURCE, START, issues_of, put_issue, put_issues

if TYPE_CHECKING:
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering, Rig

DAY = 86_400
OLD = pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])


def whole(rig: Rig, repo: SampleRepository) -> bool:
    """Whether the newest version of each issue that the server has is stored."""
    found, there = rig.stored().issues, issues_of(repo)
    return {number: found.get(number) for number in there} == there


def watermark(rig: Rig) -> str | None:
    """Where the next walk begins, by the newest landed object."""
    landing = Landing(str(rig.root))
    walk = landing.walks(SOURCE, ID, "issues")[-1]
    return landing.envelope((walk.closed or walk.pages[-1]).path).watermark


def many(repo: SampleRepository, count: int, step: int) -> None:
    """So many small issues, all at once."""

    def row(number: int, at: int) -> IssueRow:
        facts = IssueFacts(number, "small", None, START, at)
        return IssueRow(number, START, at, 0, True, issue_payloads.issue(repo.full_name, number, facts))

    repo.upsert_issues(row(turn + 1, START + turn * step) for turn in range(count))


def test_case_22_more_than_ten_thousand_issues(rig: Rig, repo: SampleRepository) -> None:
    many(repo, 10_150, 60)
    rig.one()
    asked = [request for request in rig.requests() if "/issues" in request]
    assert len(asked) == 104, "a page for each hundred, one that shows nothing new, and one by creation"
    assert set(rig.stored().issues) == set(repo.issues)


def test_case_22_many_by_number(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """A server that pages by number, and refuses high ones."""
    server.old_issues = True
    many(repo, 1_150, 60)

    def refused(request: Request) -> Fault | None:
        return Fault("404") if int(request.query.get("page", "1")) > 2 else None

    server.fault = refused
    rig.one()
    server.fault = None
    assert set(rig.stored().issues) == set(repo.issues)


@OLD
@pytest.mark.parametrize("before", [0, 30, 100])
def test_case_23_hundreds_within_one_second(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool, before: int
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, before + 1), START - 7 * DAY)
    put_issues(repo, range(1_001, 1_351), START, step=0)
    put_issues(repo, range(2_001, 2_051), START + DAY)
    rig.one()
    assert whole(rig, repo)
    assert len(rig.objects()) < 15, "pages that show nothing new don't land"
    rig.requests()
    rig.one()
    assert len(rig.requests()) <= 3


@OLD
@pytest.mark.parametrize("fatal_put", [3, 5])
def test_case_23_a_crash_within_the_second(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool, fatal_put: int
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 451), START, step=0)
    assert rig.crash(fatal_put)
    put_issues(repo, range(451, 501), START, step=0)
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize("count", [100, 101, 250])
def test_case_23_the_newest_second_fills_a_page(
    rig: Rig, repo: SampleRepository, server: Altering, count: int
) -> None:
    """News behind a full page changes nothing on it: that the page is as it was is then no proof of anything."""
    put_issues(repo, range(1, count + 1), START, step=0)
    server.date = START + 60
    rig.one()
    put_issue(repo, 9_000, server.date)
    rig.one()
    assert whole(rig, repo)
    put_issues(repo, range(2_001, 2_001 + count), server.date, step=0)
    server.date += DAY
    rig.one()
    assert whole(rig, repo)
    rig.statuses()
    landed = rig.objects()
    rig.one()
    assert rig.statuses() == [304, 304, 409], "idle costs no more than elsewhere"
    assert rig.objects() == landed
    put_issue(repo, 9_001, server.date)
    rig.one()
    assert whole(rig, repo)


def test_case_23_a_row_joins_the_second_while_the_walk_waits(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """The newest minutes may pass while they are read: what joined them meanwhile must not count as read."""
    server.date = START
    put_issues(repo, range(1, 251), START, step=0)

    def waiting(request: Request) -> None:
        if "since=" in request.target and server.date == START:
            put_issue(repo, 251, START)
            server.date += 3600

    server.fault = waiting
    rig.one()
    server.fault = None
    rig.one()
    assert whole(rig, repo)
    rig.one()
    rig.statuses()
    rig.one()
    assert rig.statuses() == [304, 304, 409]


def test_case_23_the_question_that_closed_it_fits_on_a_smaller_page(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Where pages have to be smaller when it is asked again, its rows may be the same, and others behind them."""
    put_issues(repo, range(1, 51), START, step=0)
    rig.one()
    put_issue(repo, 51, START + 60)
    server.fault = lambda request: Fault("502") if "per_page=100" in request.target else None
    rig.one()
    assert whole(rig, repo)


def test_case_23_the_second_is_followed_by_a_long_silence(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """Rows of the second are remembered while it is read, however far the watermark has moved."""
    server.old_issues = True
    put_issues(repo, range(1, 251), START, step=0)
    put_issues(repo, range(251, 261), START + DAY)
    rig.one(full=True)
    assert whole(rig, repo)
    assert len(rig.requests()) < 20


@OLD
def test_case_23_pages_shrink_within_the_second(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 351), START, step=0)
    server.fault = [FaultRule("/issues.*page=2", Fault("502"), times=2)]
    rig.one()
    assert whole(rig, repo)


@OLD
def test_case_23_a_rename_within_the_second(rig: Rig, repo: SampleRepository, server: Altering, old: bool) -> None:
    """Redirected requests come by another address: that must not make it begin the second again and again."""
    server.old_issues = old
    put_issues(repo, range(1, 351), START, step=0)

    def renaming(request: Request) -> None:
        if "/issues" in request.target and not repo.previous_names:
            repo.rename("instrument")

    server.fault = renaming
    rig.one()
    server.fault = None
    assert len(rig.requests()) < 40
    assert whole(rig, repo)


@OLD
def test_case_24_an_issue_changes_while_it_is_read(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 301), START)
    at = [START + 10 * DAY]

    def moving(request: Request) -> None:
        if "/issues" in request.target and at[0] < START + 10 * DAY + 5:
            at[0] += 1
            put_issue(repo, 150, at[0], title=f"changed at {at[0]}")
            put_issue(repo, 151, at[0], title=f"changed at {at[0]}", is_open=False)

    server.fault = moving
    rig.one()
    assert whole(rig, repo), "what changed behind the reader's back shows at the end of the list"
    assert rig.stored().issues[151]["state"] == "closed"


@OLD
def test_case_24_an_issue_changes_twice_within_a_second(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    """The second change has the date of the first: only the row itself tells."""
    server.old_issues = old
    put_issues(repo, range(1, 6), START)
    put_issue(repo, 3, START + 600, title="first")
    asked: list[str] = []

    def again(request: Request) -> None:
        asked.append(request.target)
        if sum("/issues" in each for each in asked) == 2:
            put_issue(repo, 3, START + 600, title="second")

    server.fault = again
    rig.one()
    server.fault = None
    assert whole(rig, repo)
    put_issue(repo, 3, START + 600, title="third")
    rig.one()
    assert whole(rig, repo)


def test_case_24_rows_that_never_look_the_same_twice(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Some servers sign the addresses in their rows anew each time; that is no news to go on for."""
    put_issues(repo, range(1, 6), START)
    turn = iter(range(1_000))

    def signed(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b'"body":null', b'"body":"%d"' % next(turn))
        response.headers.pop("etag", None)
        return response

    server.alter = signed
    rig.one()
    assert len(rig.requests()) < 10
    assert set(rig.stored().issues) == set(repo.issues)


@OLD
@pytest.mark.parametrize("ago", [0, 1, 30, 119])
def test_case_25_a_row_that_shows_late(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool, ago: int
) -> None:
    """Lists lag behind: a row may show after a newer one has been read, or in the very second of the watermark."""
    server.old_issues = old
    put_issues(repo, range(1, 121), START)
    rig.one()
    newest = max(row.updated_at for row in repo.issues.values())
    put_issue(repo, 500, newest - ago)
    rig.one()
    assert whole(rig, repo)


def test_case_26_the_watermark_is_never_in_the_future(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    server.date = START + DAY
    put_issues(repo, range(1, 11), START)
    put_issue(repo, 11, START + 400 * DAY)
    rig.one()
    assert str(watermark(rig)) <= "2023-11-15T22:13:20Z"
    put_issue(repo, 12, START + DAY)
    rig.one()
    assert whole(rig, repo), "what comes before the future still shows"
    rig.statuses()
    rig.one()
    assert rig.statuses() == [304, 304, 409]


def test_case_26_the_watermark_without_a_server_clock(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Without a Date header our own clock bounds it: nothing else does."""
    server.common_headers = lambda: {"server": "old"}  # type: ignore[method-assign]
    put_issues(repo, range(1, 11), START)
    put_issue(repo, 11, START + 4_000 * DAY)
    rig.one()
    assert str(watermark(rig)) < "2024"
    put_issue(repo, 12, START + DAY)
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize("at", [0, 3 * 3600, -5 * DAY])
def test_case_26_a_watermark_before_all_time(rig: Rig, repo: SampleRepository, at: int) -> None:
    """`since` a day of 1970 finds nothing, on the real API too: then the list is read from its beginning."""
    put_issues(repo, range(1, 4), at)
    rig.one()
    put_issue(repo, 4, START)
    rig.one()
    assert whole(rig, repo)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_case_26_only_what_has_landed_moves_it(
    rig: Rig, repo: SampleRepository, moment: Literal["before", "after"]
) -> None:
    put_issues(repo, range(1, 351), START)
    assert rig.crash(3, moment)
    rows = [row for body in rig.landed_bodies("issues") for row in orjson.loads(body)]
    assert not rig.stored().issues, "a walk counts once it is closed"
    if rows:
        assert watermark(rig) == max(row["updated_at"] for row in rows)
    rig.one()
    assert whole(rig, repo)


@OLD
def test_an_empty_answer_is_not_believed_at_once(
    rig: Rig, repo: SampleRepository, server: Altering, old: bool
) -> None:
    server.old_issues = old
    put_issues(repo, range(1, 251), START)
    for place in ("per_page=100$", "per_page=100&since=", "after=|page=2"):
        server.fault = [FaultRule(f"/issues.*{place}", Fault("empty"))]
        put_issue(repo, 1, START + 100_000)
        rig.one(full=True)
        assert whole(rig, repo)
        assert not rig.stored().deleted


def test_full_marks_what_vanished(rig: Rig, repo: SampleRepository) -> None:
    put_issues(repo, range(1, 131), START)
    rig.one()
    repo.delete_issue(7)
    repo.delete_issue(130)
    rig.one()
    assert not rig.stored().deleted
    rig.one(full=True)
    found = rig.stored()
    assert found.deleted == {7, 130}
    assert {7, 130} <= set(found.issues), "marked, never removed"


def test_full_is_full_after_a_crash(rig: Rig, repo: SampleRepository) -> None:
    """A walk that read only what was new is not gone on with where everything is to be read again."""
    put_issues(repo, range(1, 131), START)
    rig.one()
    repo.delete_issue(7)
    put_issues(repo, range(200, 450), START + DAY)
    assert rig.crash(3)
    rig.one(full=True)
    assert whole(rig, repo)
    assert rig.stored().deleted == {7}


def test_rows_that_are_no_issues(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    put_issues(repo, range(1, 4), START)

    def broken(request: Request, response: Response) -> Response:
        if "/issues" in request.path:
            response.body = b'[{"number": null}]'
        return response

    server.alter = broken
    assert "is no list of issues" in rig.failing()


def test_a_date_that_is_none_moves_nothing(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    put_issues(repo, range(1, 4), START)

    def undated(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b'"updated_at":"2023-11-14T22:15:20Z"', b'"updated_at":"2023-02-30"')
        return response

    server.alter = undated
    rig.one()
    rig.one()
    assert watermark(rig) == "2023-11-14T22:14:20Z"
    assert set(rig.stored().issues) == {1, 2, 3}


def test_the_overlap_is_longer_than_any_lag() -> None:
    assert issues.OVERLAP.total_seconds() >= 120
