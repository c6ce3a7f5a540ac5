"""What a sync costs: requests, landed objects, and how many requests fly at once."""

from __future__ import annotations

import math
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hear_app.sample.clock import DAY, NOW
from hear_app.sample.faults import Fault, FaultRule
from tests.extraction.harness import ID, NAME, START, line, put_issue, put_issues, repository

if TYPE_CHECKING:
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering, Rig


@pytest.mark.parametrize(("commits", "issues"), [(0, 0), (1, 1), (100, 100), (101, 250), (950, 99)])
def test_a_first_sync(rig: Rig, repo: SampleRepository, commits: int, issues: int) -> None:
    """The repository, its head, the pages, and two questions whether the issues are all.

    A full page that ends the list is asked for again, one row smaller, to see that the list ends there; so is a
    head that a new repository is said not to have; and where there are no issues, the first one is looked for.
    """
    line(repo, commits)
    put_issues(repo, range(1, issues + 1), START)
    rig.one()
    doubts = (2 if issues and issues % 100 == 0 else 0) + (not commits) + (not issues)
    assert len(rig.requests()) == 4 + math.ceil(commits / 100) + max(1, math.ceil(issues / 100)) + doubts


@pytest.mark.parametrize("new", [1, 100, 101, 330])
def test_new_commits(rig: Rig, repo: SampleRepository, new: int) -> None:
    line(repo, 120)
    put_issues(repo, range(1, 120), START)
    rig.one()
    line(repo, new, label="new")
    rig.requests()
    rig.one()
    asked = rig.requests()
    assert len(asked) == 3 + math.ceil(new / 100)
    assert sum("/compare/" in each for each in asked) == math.ceil(new / 100)


@pytest.mark.parametrize("changed", [1, 100, 330])
def test_changed_issues(rig: Rig, repo: SampleRepository, changed: int) -> None:
    line(repo, 120)
    put_issues(repo, range(1, 400), START)
    rig.one()
    put_issues(repo, range(1, changed + 1), START + 30 * DAY)
    rig.requests()
    rig.one()
    asked = [each for each in rig.requests() if "/issues" in each]
    assert len(asked) <= 3 + math.ceil(changed / 100)


def test_many_days(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Commits are asked for once: over many syncs their pages are those of one, and a constant for each."""
    server.date = START
    total = 0
    for day, new in enumerate([250, 0, 3, 1, 120, 0, 0, 17, 2]):
        server.date = START + day * DAY
        line(repo, new, at=server.date - 3600, label=f"day {day}")
        total += math.ceil(new / 100) + 3
        rig.one()
    assert len(rig.requests()) <= total + 3
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_an_unchanged_day_lands_one_marker(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 5)
    put_issue(repo, 1, START)
    rig.one()
    before = set(rig.objects())
    server.date = NOW + 11 * 3600
    rig.one()
    assert set(rig.objects()) == before, "not on the same day of the server's"
    server.date = NOW + 13 * 3600
    rig.one()
    [marker] = set(rig.objects()) - before
    assert marker.startswith(f"test/{ID}/syncs/")
    rig.one()
    server.date += 60
    rig.one()
    assert len(rig.objects()) == len(before) + 1, "one a day"
    assert rig.query("select max(responded_at)::date::varchar from bronze.loads where stream = 'syncs'") == [
        ("2026-06-16",)
    ]


def test_a_failed_sync_is_no_sync(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 5)
    server.fault = lambda request: Fault("404") if "/issues" in request.target else None
    rig.failing()
    assert not any("/syncs/" in path for path in rig.objects())
    server.fault = None
    rig.one()
    assert sum("/syncs/" in path for path in rig.objects()) == 1


class Gauge:
    """How many answers were being made at once, at most."""

    def __init__(self, seconds: float) -> None:
        self.most = self._now = 0
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, _: Request, response: Response) -> Response:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        with self._lock:
            self._now -= 1
        return response


def test_workers_ask_at_once(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    server.alter = gauge = Gauge(0.01)
    line(repo, 2_000)
    rig.one()
    assert 2 < gauge.most <= rig.workers


def test_a_secondary_limit_makes_them_ask_one_by_one(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 1_400)
    gauge = Gauge(0.005)

    def measured(request: Request, response: Response) -> Response:
        return gauge(request, response) if "/commits?" in request.target else response

    server.fault = [FaultRule(r"/commits\?.*page=1$", Fault("403-secondary", retry_after=5))]
    server.alter = measured
    rig.one()
    assert gauge.most == 1, "and it takes longer than these pages to recover"
    assert rig.stored().on_branch == repo.graph.ancestors(str(repo.head))


def test_repositories_are_read_side_by_side(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    others = [repository(f"tool-{turn}", 100 + turn) for turn in range(5)]
    for each in (repo, *others):
        line(each, 3)
    server.repositories.extend(others)
    server.alter = gauge = Gauge(0.01)
    server.fault = [FaultRule("/tool-3/commits", Fault("451"))]
    names = [NAME, *(each.full_name for each in others)]
    results = rig.sync(*names)
    assert [result.name for result in results] == names, "in the given order"
    assert [bool(result.errors) for result in results] == [False, False, False, False, True, False]
    assert gauge.most > 2
    assert [result.streams[1].outcome for result in results] == ["ok"] * 6


def test_requests_are_counted_by_stream(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 250)
    put_issues(repo, range(1, 150), START)
    result = rig.one()
    counts = [result.requests, *(stream.requests for stream in result.streams)]
    assert counts == [1, 4, 4]
    assert sum(counts) == len(rig.requests())
    assert [stream.new for stream in result.streams] == [250, 149]


def test_no_request_is_made_by_date_or_without_bounds(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 120)
    put_issues(repo, range(1, 120), START)
    rig.one()
    line(repo, 10, label="more")
    rig.one()
    for asked in rig.requests():
        assert not re.search(r"/(commits|compare).*[?&](since|until)=", asked)
        assert "per_page=100" in asked or not re.search(r"/(commits\?|compare|issues)", asked)


def test_what_is_read_again_is_not_new(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 3)
    put_issues(repo, range(1, 5), START)
    rig.one()
    put_issue(repo, 5, START + 30 * DAY, created_at=START + 30 * DAY)
    result = rig.one(full=True)
    assert [(stream.rows, stream.new) for stream in result.streams] == [(3, 0), (5, 1)]
