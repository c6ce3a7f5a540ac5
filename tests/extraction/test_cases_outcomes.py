"""Cases 10 to 21: what the server refuses, limits and does wrong, and that each has an outcome of its own."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from hear_app.errors import (
    ForbiddenError,
    NameReusedError,
    NotFoundError,
    RateLimitedError,
    TokenRejectedError,
    UnreachableError,
)
from hear_app.github import client, limits
from hear_app.sample.clock import DAY
from hear_app.sample.faults import Fault, FaultRule
from tests.extraction.harness import ID, NAME, START, TOKEN, line, put_issues, repository

if TYPE_CHECKING:
    from hear_app.sample.faults import Kind
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from hear_app.sync import RepositoryResult
    from tests.extraction.harness import Altering, Rig


def outcomes(result: RepositoryResult) -> list[str]:
    return [stream.outcome for stream in result.streams]


def whole(rig: Rig, repo: SampleRepository) -> bool:
    """Whether all that the server has is stored."""
    found = rig.stored()
    return found.on_branch == repo.graph.ancestors(str(repo.head)) and set(found.issues) == set(repo.issues)


@pytest.fixture
def filled(repo: SampleRepository) -> SampleRepository:
    """250 commits and 150 issues."""
    line(repo, 250)
    put_issues(repo, range(1, 151), START)
    return repo


def test_case_10_an_empty_repository(rig: Rig, repo: SampleRepository) -> None:
    assert outcomes(rig.one()) == ["empty", "ok"]
    assert rig.stored().rows == 0
    assert outcomes(rig.one()) == ["empty", "unchanged"]
    line(repo, 3)
    assert outcomes(rig.one()) == ["ok", "unchanged"]
    assert whole(rig, repo)


def test_case_10_a_repository_that_was_emptied(rig: Rig, repo: SampleRepository) -> None:
    shas = line(repo, 3)
    rig.one()
    repo.branches.clear()
    assert outcomes(rig.one()) == ["empty", "unchanged"]
    found = rig.stored()
    assert not found.on_branch
    assert found.left == set(shas)
    landed = rig.objects()
    assert outcomes(rig.one()) == ["empty", "unchanged"]
    assert rig.objects() == landed


def test_case_11_issues_are_disabled(rig: Rig, filled: SampleRepository) -> None:
    filled.facts["has_issues"] = False
    assert outcomes(rig.one()) == ["ok", "issues disabled"]
    assert rig.stored().on_branch == filled.graph.ancestors(str(filled.head))
    filled.facts["has_issues"] = True
    assert outcomes(rig.one()) == ["unchanged", "ok"]
    assert whole(rig, filled)
    filled.facts["has_issues"] = False
    assert outcomes(rig.one()) == ["unchanged", "issues disabled"]
    assert whole(rig, filled), "what was read stays"


def test_case_11_issues_are_disabled_and_only_410_says_so(
    rig: Rig, filled: SampleRepository, server: Altering
) -> None:
    filled.facts["has_issues"] = False

    def silent(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b'"has_issues":false', b'"has_something":1')
        return response

    server.alter = silent
    assert outcomes(rig.one()) == ["ok", "issues disabled"]
    assert 410 in rig.statuses()


def test_case_12_a_rename(rig: Rig, filled: SampleRepository) -> None:
    rig.one()
    filled.rename("instrument")
    line(filled, 5, label="after")
    put_issues(filled, [1000], START + DAY)
    rig.requests()
    result = rig.one()
    assert (result.name, result.repository_id) == ("acme/instrument", ID)
    assert result.note == "acme/tool is now acme/instrument"
    assert sum("/compare/" in asked for asked in rig.requests()) == 1, "what was known stays known"
    assert whole(rig, filled)
    rig.one()
    rig.statuses()
    for name, statuses in ((NAME, [301, 304, 304, 304]), ("acme/instrument", [304, 304, 304])):
        rig.one(name)
        assert rig.statuses() == statuses, "asked by the name that was given"


def test_case_12_a_rename_while_it_is_read(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    def renaming(request: Request) -> None:
        if "page=2" in request.target and not filled.previous_names:
            filled.rename("instrument")

    server.fault = renaming
    rig.one()
    assert whole(rig, filled)


def test_case_12_two_names_of_one_repository(rig: Rig, filled: SampleRepository) -> None:
    filled.rename("instrument")
    results = rig.sync(NAME, "acme/instrument")
    assert not any(result.errors for result in results)
    assert sorted(len(result.streams) for result in results) == [0, 2], "read once"
    assert whole(rig, filled)
    assert not rig.stored().doubled


def test_case_13_the_name_is_another_repository_now(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    assert filled.head
    rig.one()
    before = rig.objects()
    other = repository("tool", 99)
    line(other, 5, label="another one's")
    server.repositories[:] = [other]
    [result] = rig.sync()
    [error] = result.errors
    assert isinstance(error, NameReusedError)
    assert "99" in str(error)
    assert str(ID) in str(error)
    assert rig.objects() == before, "nothing of the stranger's is mixed in"


def test_case_14_not_found(rig: Rig, filled: SampleRepository) -> None:
    missing, found = rig.sync("acme/nothing", NAME)
    [error] = missing.errors
    assert isinstance(error, NotFoundError)
    assert "may read it" in str(error)
    assert not found.errors
    assert whole(rig, filled)
    assert sum("nothing" in asked for asked in rig.requests()) == 1, "no ladder of retries"
    assert not rig.clock.naps


def test_case_14_not_found_without_a_token(rig: Rig) -> None:
    rig.token = None
    assert "a private one needs GITHUB_TOKEN" in rig.failing("acme/nothing")


def test_case_15_the_token_is_refused(rig: Rig, server: Altering) -> None:
    server.token = "another"
    with pytest.raises(TokenRejectedError) as caught:
        rig.sync(NAME, "acme/b", "acme/c", "acme/d", "acme/e", "acme/f", workers=1)
    assert TOKEN not in str(caught.value)
    assert "Bad credentials" in str(caught.value)
    assert len(rig.requests()) <= 2, "stops at once"


def test_case_15_the_token_expires_while_it_is_used(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    server.fault = lambda request: Fault("401") if "page=2" in request.target else None
    with pytest.raises(TokenRejectedError):
        rig.sync()
    server.fault = None
    rig.one()
    assert whole(rig, filled), "what had landed is kept"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("403-permission", "needs the permission issues=read"),
        ("403-sso", "https://github.example/orgs/brackwater/sso"),
        ("403-blocked", "https://github.example/dmca/"),
        ("451", "https://github.example/dmca/"),
    ],
)
@pytest.mark.parametrize("where", [r"^/repos/acme/tool$", r"/issues"])
def test_case_16_it_is_forbidden(
    rig: Rig, filled: SampleRepository, server: Altering, kind: Kind, says: str, where: str
) -> None:
    server.fault = [FaultRule(where, Fault(kind), times=99)]
    [result] = rig.sync()
    [error] = result.errors
    assert isinstance(error, ForbiddenError)
    assert says in str(error)
    asked = rig.requests()
    assert sum(bool(re.search(where, request)) for request in asked) == 1, "not asked again"
    if where == "/issues":
        assert outcomes(result) == ["ok", "failed"], "the commits go their own way"
    server.fault = None
    rig.one()
    assert whole(rig, filled)


@pytest.mark.parametrize("skew", [0, -40 * DAY, 3 * DAY], ids=["right", "behind", "ahead"])
def test_case_17_the_primary_limit(rig: Rig, filled: SampleRepository, server: Altering, skew: int) -> None:
    """The reset is a time of the server's clock, whatever ours says."""
    rig.max_wait = 20_000
    server.date += skew
    server.quota.limit = 4
    rig.clock.on_sleep = lambda _: server.quota.refill() if sum(rig.clock.naps) > 3500 else None
    rig.one()
    assert whole(rig, filled)
    assert rig.clock.waits, "the user sees why it takes so long"
    reason, first = rig.clock.waits[0]
    assert reason == "the rate limit"
    assert 3595 <= first <= 3603, "to the reset and a little more"
    assert rig.statuses().count(403) <= rig.workers, "those that flew already"
    waits = rig.clock.countdowns.values()
    countdowns = [[left for now, left in told if now < 4000] for told in waits]  # before the first refill
    assert any(countdowns)
    rises = sum(b >= a for told in countdowns for a, b in itertools.pairwise(told))
    assert rises <= rig.workers, "each thread counts down, but for an answer of the limit that flew meanwhile"


def test_case_17_a_limit_beyond_max_wait(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    rig.max_wait = 60
    server.quota.limit = 4
    for _ in range(20):
        [result] = rig.sync()
        if not result.errors:
            break
        assert all(isinstance(error, RateLimitedError) for error in result.errors)
        assert "--max-wait is 60 s" in str(result.errors[0])
        assert sum(rig.clock.naps) < 60, "it ends at once"
        server.forget()
    assert whole(rig, filled), "run by run it comes to its end"


def test_case_17_a_reset_that_lies_in_the_past(rig: Rig, server: Altering) -> None:
    gone = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000"}
    server.fault = lambda _: Fault("403-secondary", headers=gone)
    assert "--max-wait" in rig.failing()
    assert len(rig.requests()) < 40, "it does not hammer"


@pytest.mark.parametrize("kind", ["429", "403-secondary"])
def test_case_18_a_secondary_limit_says_how_long(
    rig: Rig, filled: SampleRepository, server: Altering, kind: Kind
) -> None:
    server.fault = [FaultRule("page=2", Fault(kind, retry_after=7), times=3)]
    rig.one()
    assert whole(rig, filled)
    assert {reason for reason, _ in rig.clock.waits} == {"the secondary rate limit"}
    assert 14 <= sum(rig.clock.naps) <= 22


@pytest.mark.parametrize("kind", ["429", "403-secondary"])
def test_case_18_a_secondary_limit_says_nothing(rig: Rig, server: Altering, kind: Kind) -> None:
    server.fault = [FaultRule("acme/tool", Fault(kind), times=3)]
    gate = limits.Limits(4, 3600, sleep=rig.clock.sleep, clock=rig.clock)
    asking = client.Client(server.url, None, gate, rig.clock.sleep)
    assert asking.get("/repos/acme/tool").status == 200
    asking._session.close()
    assert sum(rig.clock.naps) == 60 + 120 + 240, "a minute, and doubling"


def test_case_18_requests_that_flew_together_are_refused_together(rig: Rig) -> None:
    gate = limits.Limits(4, 3600, sleep=rig.clock.sleep, clock=rig.clock)
    with gate.slot(), gate.slot(), gate.slot(), gate.slot():
        for _ in range(4):
            gate.refused("the secondary rate limit", None)
    with gate.slot():
        assert 60 <= sum(rig.clock.naps) < 62, "one refusal, not four"
        gate.refused("the secondary rate limit", None)
    with gate.slot():
        assert 180 <= sum(rig.clock.naps) < 183


def test_case_18_at_once_for_ever(rig: Rig, server: Altering) -> None:
    server.fault = lambda _: Fault("429", retry_after=0)
    assert "--max-wait" in rig.failing()
    assert len(rig.requests()) < 40, "a server that always says `at once` is not asked for ever"


def test_case_18_an_older_server_words_it_differently(
    rig: Rig, filled: SampleRepository, server: Altering
) -> None:
    def worded(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b"exceeded a secondary rate limit", b"triggered an abuse detection")
        return response

    server.alter = worded
    server.fault = [FaultRule("page=2", Fault("403-secondary"))]
    rig.one()
    assert whole(rig, filled)


def test_case_18_concurrency_falls_and_recovers(rig: Rig) -> None:
    gate = limits.Limits(4, 3600, sleep=rig.clock.sleep, clock=rig.clock)
    gate.refused("the secondary rate limit", 1.0)
    with gate.slot():
        assert not gate._take(), "one request at a time"
    for _ in range(3 * limits._RECOVERY):
        gate.answered(limits.Quota(None, None, None))
    with gate.slot(), gate.slot(), gate.slot(), gate.slot():
        assert not gate._take(), "and all workers again after a while"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "40"}, 40), ({"x-ratelimit-remaining": "0"}, 3600)],
    ids=["retry-after", "nothing remains"],
)
def test_case_19_a_good_answer_that_asks_to_wait(
    rig: Rig, filled: SampleRepository, server: Altering, headers: dict[str, str], seconds: int
) -> None:
    server.fault = [FaultRule(r"/commits\?.*page=1$", Fault("headers", headers=headers))]
    rig.one()
    assert whole(rig, filled)
    assert sum("/commits?" in asked for asked in rig.requests()) == 3, "its rows are kept, not asked for again"
    assert seconds - 2 <= sum(rig.clock.naps) <= seconds + 12


@pytest.mark.parametrize("zeros", [False, True], ids=["none", "0 of 0"])
def test_case_20_a_server_without_limits(
    rig: Rig, filled: SampleRepository, server: Altering, zeros: bool
) -> None:
    server.rate_headers = False
    if zeros:
        rates = {"x-ratelimit-limit": "0", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}
        server.fault = lambda _: Fault("headers", headers=rates)
    rig.one()
    assert whole(rig, filled)
    assert not rig.clock.waits


TRANSIENT: tuple[Kind, ...] = ("500", "502", "503", "504", "drop", "truncate", "html", "badjson", "hang")


@pytest.mark.parametrize("kind", TRANSIENT)
def test_case_21_what_passes(
    rig: Rig, repo: SampleRepository, server: Altering, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """Each kind of request fails twice, whichever way, and is asked again after a little while."""
    if kind == "hang":
        monkeypatch.setattr(client, "_TIMEOUT", (5.0, 1.0))
    places = [r"^/repos/acme/tool$", "/commits/main", r"/commits\?.*page=2", r"/issues.*after=", "/compare/"]
    rules = [FaultRule(place, Fault(kind, seconds=1.5), times=2) for place in places]
    line(repo, 110)
    put_issues(repo, range(1, 121), START)
    server.fault = rules
    rig.one()
    line(repo, 2, label="more")
    result = rig.one()
    assert whole(rig, repo)
    assert all(rule.seen >= 2 for rule in rules)
    # Twice a place; where pages are too heavy the second time, smaller ones are tried at once.
    assert 7 <= len(rig.clock.naps) <= 10
    assert all(0.5 <= nap <= 2 for nap in rig.clock.naps)
    assert not result.streams[0].note


@pytest.mark.parametrize("kind", ["502", "504"])
def test_case_21_pages_shrink_where_the_server_cannot_make_them(
    rig: Rig, filled: SampleRepository, server: Altering, kind: Kind
) -> None:
    server.fault = lambda request: (
        Fault(kind) if re.search(r"per_page=(100|50)&?.*(page=2|after=)", request.target) else None
    )
    rig.one()
    server.fault = None
    assert whole(rig, filled)
    asked = " ".join(rig.requests())
    assert "per_page=25" in asked
    assert "per_page=5&" not in asked
    rig.one()
    assert set(rig.statuses()) <= {304, 200}


def test_case_21_what_does_not_pass(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    server.fault = lambda request: Fault("500") if "page=2" in request.target else None
    [result] = rig.sync()
    assert all(isinstance(error, UnreachableError) for error in result.errors)
    assert "after 6 tries: status 500" in str(result.errors[0])
    assert outcomes(result) == ["failed", "failed"]
    server.fault = None
    rig.one()
    assert whole(rig, filled)


def test_case_21_an_answer_of_another_shape(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    """`[]` where a repository, a SHA or a comparison is asked for is as wrong as an error page."""
    rules = [FaultRule(where, Fault("empty")) for where in (r"^/repos/acme/tool$", "/commits/main", "/compare/")]
    server.fault = rules
    rig.one()
    line(filled, 2, label="more")
    rig.one()
    assert whole(rig, filled)
    assert all(rule.seen > 1 for rule in rules)


def test_case_21_not_modified_though_nobody_asked(rig: Rig, filled: SampleRepository, server: Altering) -> None:
    struck: list[str] = []

    def unasked(request: Request, response: Response) -> Response:
        if "page=2" in request.target and request.target not in struck:
            struck.append(request.target)
            response.status, response.body = 304, b""
        return response

    server.alter = unasked
    rig.one()
    assert struck
    assert whole(rig, filled)
