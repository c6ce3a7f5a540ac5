"""The sample server over real HTTP: pages, cursors, conditional requests, comparisons, limits, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hear_app.sample.__main__ import main
from hear_app.sample.generator import generate
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer

GAUGE = "/repos/brackwater/tidegauge"
OWNER = Account(1, "acme", "Organization")


@pytest.fixture(scope="module")
def embedded() -> dict[str, SampleRepository]:
    return generate()


@pytest.fixture
def server(embedded: dict[str, SampleRepository]) -> Iterator[SampleServer]:
    with SampleServer(embedded.values()) as running:
        yield running


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def tool() -> SampleRepository:
    """A repository of our own: five commits in a row, and one beside the last."""
    repository = SampleRepository(7, OWNER, "tool")
    parents: tuple[str, ...] = ()
    for place in range(5):
        made = plain_commit("acme/tool", f"commit {place}", 1_700_000_000 + place, parents)
        repository.push([made])
        parents = (made.sha,)
    return repository


def pages(client: requests.Session, url: str, **params: str) -> Iterator[requests.Response]:
    answer = client.get(url, params=params, timeout=5)
    yield answer
    while "next" in answer.links:
        answer = client.get(answer.links["next"]["url"], timeout=5)
        yield answer


def rows(client: requests.Session, url: str, **params: str) -> list[dict[str, Any]]:
    return [row for answer in pages(client, url, **params) for row in answer.json()]


def test_the_default_is_the_embedded_sample(client: requests.Session) -> None:
    with SampleServer() as running:
        about = client.get(f"{running.url}{GAUGE}", timeout=5).json()
    assert about["full_name"] == "brackwater/tidegauge"
    assert about["open_issues_count"] > 50
    with pytest.raises(RuntimeError, match="not running"):
        _ = running.url


def test_commits_are_paged_by_number(server: SampleServer, client: requests.Session) -> None:
    first = client.get(f"{server.url}{GAUGE}/commits", timeout=5)
    assert len(first.json()) == 30
    assert set(first.links) == {"next", "last"}
    last = client.get(first.links["last"]["url"], timeout=5)
    assert set(last.links) == {"prev", "first"}
    everything = rows(client, f"{server.url}{GAUGE}/commits", per_page="500")
    head = server.repository("brackwater/tidegauge").head
    assert head is not None
    assert [row["sha"] for row in everything] == list(server.repository("brackwater/tidegauge").graph.walk(head))


def test_a_pinned_walk_and_a_page_beyond_the_end(server: SampleServer, client: requests.Session) -> None:
    everything = rows(client, f"{server.url}{GAUGE}/commits", per_page="100")
    old = everything[-40]["sha"]
    below = rows(client, f"{server.url}{GAUGE}/commits", sha=old, per_page="7")
    assert below[0]["sha"] == old
    assert len(below) == len({row["sha"] for row in below}) <= 40
    assert client.get(f"{server.url}{GAUGE}/commits?page=999", timeout=5).json() == []
    assert client.get(f"{server.url}{GAUGE}/commits?sha=nothing", timeout=5).status_code == 404


def test_commits_between_dates(server: SampleServer, client: requests.Session) -> None:
    found = rows(
        client, f"{server.url}{GAUGE}/commits", since="2024-02-01T00:00:00Z", until="2024-02-29T00:00:00Z"
    )
    assert found
    assert all("2024-02-01" <= row["commit"]["committer"]["date"] < "2024-02-29T00:00:01" for row in found)
    assert client.get(f"{server.url}{GAUGE}/commits?since=soon", timeout=5).status_code == 422


def test_the_head_as_text(server: SampleServer, client: requests.Session) -> None:
    accept = {"Accept": "application/vnd.github.sha"}
    answer = client.get(f"{server.url}{GAUGE}/commits/main", headers=accept, timeout=5)
    assert answer.text == server.repository("brackwater/tidegauge").head
    assert answer.headers["content-type"].startswith("application/vnd.github.sha")
    assert client.get(f"{server.url}{GAUGE}/commits/{answer.text}", timeout=5).json()["sha"] == answer.text
    assert client.get(f"{server.url}{GAUGE}/commits/nothing", timeout=5).status_code == 422
    trunk = client.get(f"{server.url}/repos/brackwater/saltmap/commits/trunk", headers=accept, timeout=5)
    assert len(trunk.text) == 40


def test_issues_are_paged_by_cursor(server: SampleServer, client: requests.Session) -> None:
    url = f"{server.url}{GAUGE}/issues"
    answers = list(pages(client, url, state="all", sort="updated", direction="asc", per_page="100"))
    assert all(set(answer.links) == {"next"} for answer in answers[:-1])
    assert "after=" in answers[0].links["next"]["url"]
    assert "page=2" in answers[0].links["next"]["url"]
    assert answers[-1].links == {}
    found = [row for answer in answers for row in answer.json()]
    assert [row["number"] for row in found] == [
        row["number"] for row in sorted(found, key=lambda row: (row["updated_at"], row["number"]))
    ]
    assert len(found) == len(server.repository("brackwater/tidegauge").issues)


def test_the_issue_list_is_open_newest_first_by_default(server: SampleServer, client: requests.Session) -> None:
    found = rows(client, f"{server.url}{GAUGE}/issues", per_page="50")
    assert {row["state"] for row in found} == {"open"}
    created = [row["created_at"] for row in found]
    assert created == sorted(created, reverse=True)
    assert len(found) == len(server.repository("brackwater/tidegauge").issue_list("open", "created").rows)


def test_since_is_inclusive_and_1970_finds_nothing(server: SampleServer, client: requests.Session) -> None:
    url = f"{server.url}{GAUGE}/issues"
    since = "2025-11-03T09:00:00Z"
    by_update = rows(client, url, state="all", sort="updated", direction="asc", since=since, per_page="100")
    assert by_update[0]["updated_at"] == since
    by_number = rows(client, url, state="all", since=since, per_page="100")
    assert sorted(row["number"] for row in by_number) == sorted(row["number"] for row in by_update)
    assert rows(client, url, state="all", since="1970-01-01T00:00:00Z") == []


def test_page_numbers_end_at_ten_thousand(server: SampleServer, client: requests.Session) -> None:
    url = f"{server.url}{GAUGE}/issues"
    assert client.get(f"{url}?page=100&per_page=100", timeout=5).status_code == 422
    assert client.get(f"{url}?page=99&per_page=100", timeout=5).json() == []
    assert client.get(f"{url}?after=nonsense", timeout=5).status_code == 422
    assert client.get(f"{url}?sort=beauty", timeout=5).status_code == 422


def test_a_row_that_moves_while_it_is_read_hides_no_other(
    client: requests.Session, tool: SampleRepository
) -> None:
    for number in range(1, 31):
        tool.put_issue(IssueFacts(number, "x", OWNER, 100_000, 200_000 + number))
    with SampleServer([tool]) as running:
        url = f"{running.url}/repos/acme/tool/issues?sort=updated&direction=asc&per_page=10"
        first = client.get(url, timeout=5)
        tool.put_issue(IssueFacts(3, "moved", OWNER, 100_000, 300_000))
        rest = rows(client, first.links["next"]["url"])
    assert [row["number"] for row in first.json()] == list(range(1, 11))
    assert [row["number"] for row in rest] == [*range(11, 31), 3]


def test_an_older_server_pages_issues_by_number(server: SampleServer, client: requests.Session) -> None:
    server.old_issues = True
    answers = list(pages(client, f"{server.url}{GAUGE}/issues", state="all", per_page="100"))
    assert set(answers[0].links) == {"next", "last"}
    assert sum(len(answer.json()) for answer in answers) == len(server.repository("brackwater/tidegauge").issues)


def test_one_issue_and_the_labels(server: SampleServer, client: requests.Session) -> None:
    number = next(iter(server.repository("brackwater/tidegauge").issues))
    assert client.get(f"{server.url}{GAUGE}/issues/{number}", timeout=5).json()["number"] == number
    assert client.get(f"{server.url}{GAUGE}/issues/99999", timeout=5).status_code == 404
    assert len(client.get(f"{server.url}{GAUGE}/labels", timeout=5).json()) == 14


def test_refusals(server: SampleServer, client: requests.Session) -> None:
    def status(path: str) -> int:
        return client.get(server.url + path, timeout=5).status_code

    assert status("/repos/brackwater/mudflat") == 200
    assert status("/repos/brackwater/mudflat/commits") == 409
    assert status("/repos/brackwater/mudflat/commits/main") == 409
    assert client.get(f"{server.url}/repos/brackwater/mudflat/issues", timeout=5).json() == []
    assert status("/repos/brackwater/ferry-timetable/issues") == 410
    assert status("/repos/brackwater/ferry-timetable/commits") == 200
    assert status("/repos/brackwater/nothing") == 404
    assert status(f"{GAUGE}/") == 404
    assert status("/") == 404
    assert status("/repositories/1") == 404


def test_any_case_and_by_id(server: SampleServer, client: requests.Session) -> None:
    about = client.get(f"{server.url}/repos/BrackWater/TIDEGAUGE", timeout=5).json()
    assert about["full_name"] == "brackwater/tidegauge"
    assert client.get(f"{server.url}/repositories/{about['id']}", timeout=5).json() == about


def test_a_renamed_repository_moves(client: requests.Session, tool: SampleRepository) -> None:
    tool.rename("instrument")
    with SampleServer([tool]) as running:
        url = f"{running.url}/repos/acme/tool/commits?per_page=2"
        moved = client.get(url, allow_redirects=False, timeout=5)
        assert moved.status_code == 301
        assert moved.headers["location"] == f"{running.url}/repositories/7/commits?per_page=2"
        assert len(client.get(url, timeout=5).json()) == 2
        running.repositories.append(SampleRepository(8, OWNER, "tool"))
        assert client.get(f"{running.url}/repos/acme/tool", timeout=5).json()["id"] == 8


def test_comparisons(client: requests.Session, tool: SampleRepository) -> None:
    newest_first = tool.graph.walk(tool.head or "")
    beside = plain_commit("acme/tool", "beside", 1_700_000_900, (newest_first[1],))
    alone = plain_commit("acme/tool", "another root", 1_700_000_901)
    tool.graph.add([beside, alone])
    with SampleServer([tool]) as running:

        def compare(base: str, head: str, query: str = "") -> requests.Response:
            return client.get(f"{running.url}/repos/acme/tool/compare/{base}...{head}{query}", timeout=5)

        ahead = compare(newest_first[3], "main").json()
        assert (ahead["status"], ahead["ahead_by"], ahead["behind_by"]) == ("ahead", 3, 0)
        assert [row["sha"] for row in ahead["commits"]] == list(newest_first[2::-1])
        assert ahead["merge_base_commit"]["sha"] == ahead["base_commit"]["sha"] == newest_first[3]
        paged = compare(newest_first[3], "main", "?per_page=2")
        assert paged.json()["total_commits"] == 3
        assert len(paged.json()["commits"]) == 2
        assert set(paged.links) == {"next", "last"}
        rest = client.get(paged.links["next"]["url"], timeout=5).json()
        assert [row["sha"] for row in rest["commits"]] == [newest_first[0]]
        assert compare("main", newest_first[3]).json()["status"] == "behind"
        assert compare("main", "main").json()["status"] == "identical"
        split = compare(newest_first[0], beside.sha).json()
        assert (split["status"], split["ahead_by"], split["behind_by"]) == ("diverged", 1, 1)
        assert compare("f" * 40, "main").status_code == 404
        assert compare(alone.sha, "main").json()["message"].startswith("No common ancestor")


def test_a_known_body_is_not_sent_again(server: SampleServer, client: requests.Session) -> None:
    url = f"{server.url}{GAUGE}/commits?per_page=5"
    first = client.get(url, timeout=5)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    used = server.quota.used
    with_token = {"If-None-Match": tag, "Authorization": "Bearer secret"}
    again = client.get(url, headers=with_token, timeout=5)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert server.quota.used == used, "free with a token"
    assert client.get(url, headers={"If-None-Match": tag}, timeout=5).status_code == 304
    assert server.quota.used == used + 1, "not free without one"
    assert client.get(url, headers={"If-None-Match": 'W/"else"'}, timeout=5).status_code == 200


def test_a_push_changes_the_tag(client: requests.Session, tool: SampleRepository) -> None:
    with SampleServer([tool]) as running:
        url = f"{running.url}/repos/acme/tool/commits/main"
        tag = client.get(url, timeout=5).headers["etag"]
        tool.push([plain_commit("acme/tool", "more", 1_700_001_000, (tool.head or "",))])
        assert client.get(url, headers={"If-None-Match": tag}, timeout=5).status_code == 200


def test_headers_of_every_answer(server: SampleServer, client: requests.Session) -> None:
    one, two = (client.get(f"{server.url}{GAUGE}", timeout=5).headers for _ in range(2))
    assert one["date"] == two["date"] == "Mon, 15 Jun 2026 12:00:00 GMT"
    assert one["x-github-request-id"] != two["x-github-request-id"]
    assert (one["x-ratelimit-limit"], one["x-ratelimit-resource"]) == ("5000", "core")
    assert int(one["x-ratelimit-remaining"]) - 1 == int(two["x-ratelimit-remaining"])
    server.date += 86400
    assert client.get(server.url, timeout=5).headers["date"] == "Tue, 16 Jun 2026 12:00:00 GMT"


def test_large_bodies_are_compressed_on_request(server: SampleServer, client: requests.Session) -> None:
    url = f"{server.url}{GAUGE}/commits?per_page=100"
    small = client.get(url, timeout=5)
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) * 3 < len(small.content)
    plain = client.get(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    assert "content-encoding" not in plain.headers
    assert plain.content == small.content


def test_the_limit(client: requests.Session, tool: SampleRepository) -> None:
    with SampleServer([tool], limit=2, window=0.5) as running:
        url = f"{running.url}/repos/acme/tool"
        answers = [client.get(url, timeout=5) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 403]
        assert "rate limit exceeded" in answers[2].json()["message"]
        assert answers[2].headers["x-ratelimit-remaining"] == "0"
        assert 0 <= int(answers[2].headers["x-ratelimit-reset"]) - running.date <= 1
        told = client.get(f"{running.url}/rate_limit", timeout=5).json()["rate"]
        assert (told["limit"], told["used"], told["remaining"]) == (2, 2, 0)
        running.forget()
        assert client.get(url, timeout=5).status_code == 200
        running.rate_headers = False
        assert not any(name.startswith("x-ratelimit") for name in client.get(url, timeout=5).headers)
        assert client.get(f"{running.url}/rate_limit", timeout=5).status_code == 404


def test_the_limit_ends_with_its_window(client: requests.Session, tool: SampleRepository) -> None:
    with SampleServer([tool], limit=1, window=0.05) as running:
        url = f"{running.url}/repos/acme/tool"
        client.get(url, timeout=5)
        running.stopping.wait(0.06)
        assert client.get(url, timeout=5).status_code == 200


def test_tokens_and_the_user_agent(client: requests.Session, tool: SampleRepository) -> None:
    with SampleServer([tool], token="right") as running:
        url = f"{running.url}/repos/acme/tool"
        wrong = client.get(url, headers={"Authorization": "Bearer wrong"}, timeout=5)
        assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")
        assert client.get(url, headers={"Authorization": "token right"}, timeout=5).status_code == 200
        assert client.get(url, timeout=5).status_code == 200
        assert client.get(url, headers={"User-Agent": ""}, timeout=5).status_code == 403


def test_the_log(server: SampleServer, client: requests.Session) -> None:
    client.get(f"{server.url}{GAUGE}/commits?per_page=1", headers={"X-Mark": "yes"}, timeout=5)
    client.get(f"{server.url}/nowhere", timeout=5)
    assert [(entry.method, entry.target, entry.status) for entry in server.log] == [
        ("GET", f"{GAUGE}/commits?per_page=1", 200),
        ("GET", "/nowhere", 404),
    ]
    assert server.log[0].headers["x-mark"] == "yes"
    assert server.counts == {"requests": 2, "200": 1, "404": 1}
    server.forget()
    assert not server.log
    assert not server.counts


def test_served_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    main(["--big", "12", "3"], interrupted)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/repos/brackwater/ocean\nstopped\n", capsys.readouterr().out)
