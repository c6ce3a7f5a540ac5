"""The HTTP session, against real servers: where the token goes, what is asked again, and what an error says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from hear_app.errors import (
    ForbiddenError,
    GitHubError,
    NotFoundError,
    RateLimitedError,
    TokenRejectedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from hear_app.github.client import SHA_MEDIA_TYPE, Client, PageTooHeavyError
from hear_app.github.limits import Limits
from hear_app.sample.faults import Fault, FaultRule, Kind
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer

TOKEN = "ghp_0123456789abcdefABCDEF"
ABOUT = "/repos/acme/tool"
ISSUES = "/repos/acme/tool/issues?state=all&sort=updated&direction=asc&per_page=100"


class Clock:
    """Time that passes only where somebody waits; `waits` are the waits one by one."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.told: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        self.meanwhile()

    def client(self, url: str, token: str | None = None, max_wait: float = 4000) -> Client:
        def tell(reason: str, _: float) -> None:
            self.told.append(reason)

        limits = Limits(4, max_wait, tell, self.sleep, lambda: self.now)
        return Client(url, token, limits, self.sleep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tool() -> SampleRepository:
    """A small repository: three commits, 150 issues."""
    repository = SampleRepository(7, Account(1, "acme", "Organization"), "tool")
    parents: tuple[str, ...] = ()
    for place in range(3):
        made = plain_commit("acme/tool", f"commit {place}", 1_700_000_000 + place, parents)
        repository.push([made])
        parents = (made.sha,)
    for number in range(1, 151):
        repository.put_issue(IssueFacts(number, f"Issue {number}", None, 1_700_000_000, 1_700_000_000 + number))
    return repository


@pytest.fixture
def server(tool: SampleRepository) -> Iterator[SampleServer]:
    with SampleServer([tool], token=TOKEN) as running:
        yield running


def strike(server: SampleServer, do: Kind, times: int = 1, retry_after: int | None = None, skip: int = 0) -> None:
    """Let the next requests fail in a certain way."""
    server.fault = [FaultRule(".", Fault(do, seconds=0.6, retry_after=retry_after), skip=skip, times=times)]


# -- an answer


def test_an_answer_and_its_links(server: SampleServer, clock: Clock) -> None:
    answer = clock.client(server.url).get(ISSUES)
    assert answer.status == 200
    assert len(answer.document) == 100
    assert answer.etag
    assert answer.responded_at == "2026-06-15T12:00:00Z"
    assert answer.next_request is not None
    assert answer.next_request.startswith("/repositories/7/issues?")
    following = clock.client(server.url).get(answer.next_request)
    assert len(following.document) == 50
    assert following.next_request is None
    assert clock.waits == []


def test_what_is_still_the_same_is_told_so(server: SampleServer, clock: Clock) -> None:
    client = clock.client(server.url)
    known = client.get(ABOUT)
    again = client.get(ABOUT, etag=known.etag)
    assert (again.status, again.body) == (304, b"")


def test_a_head_is_text_and_no_json(server: SampleServer, tool: SampleRepository, clock: Clock) -> None:
    answer = clock.client(server.url).get("/repos/acme/tool/commits/main", accept=SHA_MEDIA_TYPE)
    assert answer.body.decode() == tool.head


def test_every_request_says_who_asks_and_takes_it_compressed(server: SampleServer, clock: Clock) -> None:
    clock.client(server.url).get(ISSUES)
    sent = server.log[-1].headers
    assert sent["user-agent"].startswith("hear_app/")
    assert sent["accept"] == "application/vnd.github+json"
    assert sent["x-github-api-version"] == "2022-11-28"
    assert sent["accept-encoding"] == "gzip"


def test_an_enterprise_server_s_path_stands_before_every_request(httpserver: HTTPServer, clock: Clock) -> None:
    link = f'<{httpserver.url_for("/api/v3/repositories/7/issues")}?page=2>; rel="next"'
    httpserver.expect_request("/api/v3/repos/acme/tool/issues").respond_with_json([1], headers={"Link": link})
    httpserver.expect_request("/api/v3/repositories/7/issues", query_string="page=2").respond_with_json([2])
    client = clock.client(httpserver.url_for("/api/v3"))
    first = client.get("/repos/acme/tool/issues")
    assert first.next_request == "/repositories/7/issues?page=2", "links are kept as path and query of the API"
    assert client.get(first.next_request).document == [2]


# -- the token


def test_the_token_is_in_one_header_and_nowhere_else(server: SampleServer, clock: Clock) -> None:
    clock.client(server.url, TOKEN).get(ISSUES)
    (entry,) = server.log
    assert entry.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in entry.target
    assert [name for name, value in entry.headers.items() if TOKEN in value] == ["authorization"]


@pytest.mark.parametrize(
    "spelling", ["http://LOCALHOST:{port}", "HTTP://127.0.0.1:{port}", "http://LocalHost:{port}"]
)
def test_the_token_is_sent_however_the_host_is_spelled(server: SampleServer, clock: Clock, spelling: str) -> None:
    client = clock.client(spelling.format(port=server.url.rpartition(":")[2]), TOKEN)
    client.get(ABOUT)
    assert server.log[-1].headers.get("authorization") == f"Bearer {TOKEN}"


def test_without_a_token_none_is_taken_from_elsewhere(
    server: SampleServer, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login octo password geheim\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    clock.client(server.url).get(ABOUT)
    clock.client(server.url, TOKEN).get(ABOUT)
    assert [entry.headers.get("authorization") for entry in server.log] == [None, f"Bearer {TOKEN}"]


def test_a_renamed_repository_is_followed_on_its_host(
    server: SampleServer, tool: SampleRepository, clock: Clock
) -> None:
    tool.rename("utensil")
    answer = clock.client(server.url, TOKEN).get("/repos/acme/tool/issues?per_page=1")
    assert answer.status == 200
    assert [entry.status for entry in server.log] == [301, 200]
    assert all(entry.headers["authorization"] == f"Bearer {TOKEN}" for entry in server.log)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("token", [TOKEN, None])
def test_a_redirect_to_another_host_is_refused_and_not_asked(
    httpserver: HTTPServer, server: SampleServer, clock: Clock, status: int, token: str | None
) -> None:
    there = f"{server.url}{ABOUT}"
    httpserver.expect_request(ABOUT).respond_with_data(status=status, headers={"Location": there})
    with pytest.raises(
        UnexpectedAnswerError, match=r"redirects to another host \(127\.0\.0\.1:\d+\): not followed"
    ):
        clock.client(httpserver.url_for("").rstrip("/"), token).get(ABOUT)
    assert server.log == []


AWAY = {
    "another port": "http://127.0.0.1:{other}/x",
    "another host": "http://localhost:{port}/x",
    "another scheme": "https://127.0.0.1:{port}/x",
    "no authority at all": "mailto:@127.0.0.1:{other}/x",
    "ours, but with a user": "http://octo@127.0.0.1:{port}/x",
    "a user named like ours": "http://127.0.0.1:{port}@127.0.0.1:{other}/x",
    "a user named like ours, escaped": "http://127.0.0.1%3A{port}@127.0.0.1:{other}/x",
    "no scheme": "//127.0.0.1:{other}/x",
    "a path that is a host": "http://127.0.0.1:{port}@127.0.0.1:{other}",
    "a script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
}
NO_ADDRESS = ["http://[::1/x", "http://[127.0.0.1]:80/x", "http://[::1]]/x", "http://127.0.0.1:99999/x", "//[v.x/"]


class Socket:
    """A listener below all HTTP libraries, which sends the same bytes whoever asks; `asked` are the requests."""

    def __init__(self) -> None:
        self.answer = b""
        self.asked: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def says(self, status: bytes, *headers: str) -> None:
        lines = [b"HTTP/1.1 " + status, *map(str.encode, headers), b"Content-Length: 2", b"Connection: close"]
        self.answer = b"\r\n".join([*lines, b"", b"[]"])

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self.asked.append(connection.recv(65_536))
                    connection.sendall(self.answer)


@pytest.fixture
def sockets() -> Iterator[tuple[Socket, Socket]]:
    """The API and another server."""
    api, other = Socket(), Socket()
    other.says(b"200 OK")
    yield api, other
    api.close()
    other.close()


@pytest.mark.parametrize("header", ['Link: <{}>; rel="next"', "Location: {}"], ids=["link", "redirect"])
@pytest.mark.parametrize("where", AWAY)
def test_nobody_else_is_asked_whatever_an_answer_names(
    sockets: tuple[Socket, Socket], clock: Clock, header: str, where: str
) -> None:
    api, other = sockets
    address = AWAY[where].format(port=api.port, other=other.port)
    api.says(b"302 Found" if "Location" in header else b"200 OK", header.format(address))
    with pytest.raises(UnexpectedAnswerError, match=r"to another host .*: not followed\..*HEAR_API_URL"):
        clock.client(f"http://127.0.0.1:{api.port}", TOKEN).get(ABOUT)
    assert len(api.asked) == 1
    assert other.asked == []


@pytest.mark.parametrize("header", ['Link: <{}>; rel="next"', "Location: {}"], ids=["link", "redirect"])
@pytest.mark.parametrize("address", NO_ADDRESS)
def test_an_address_that_is_none_is_told(
    sockets: tuple[Socket, Socket], clock: Clock, header: str, address: str
) -> None:
    api, _ = sockets
    api.says(b"302 Found" if "Location" in header else b"200 OK", header.format(address))
    with pytest.raises(UnexpectedAnswerError, match=f"{ABOUT} (links|redirects) to .*not followed"):
        clock.client(f"http://127.0.0.1:{api.port}", TOKEN).get(ABOUT)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "spelling", ["http://127.0.0.1:{port}/y", "HTTP://127.0.0.1:{port}/y", "/y", "//127.0.0.1:{port}/y"]
)
def test_a_link_of_the_api_s_own_is_followed(sockets: tuple[Socket, Socket], clock: Clock, spelling: str) -> None:
    api, _ = sockets
    api.says(b"200 OK", f'Link: <{spelling.format(port=api.port)}>; rel="next"')
    client = clock.client(f"http://127.0.0.1:{api.port}", TOKEN)
    assert client.get(ABOUT).next_request == "/y"


@pytest.mark.parametrize("request_", ["@127.0.0.1:{other}/x", ":{other}/x", "x", "", ".evil.example/x"])
def test_a_request_that_is_no_path_is_not_sent(
    sockets: tuple[Socket, Socket], clock: Clock, request_: str
) -> None:
    api, other = sockets
    with pytest.raises(UnexpectedAnswerError, match="is no path of"):
        clock.client(f"http://127.0.0.1:{api.port}", TOKEN).get(request_.format(other=other.port))
    assert (api.asked, other.asked) == ([], [])


@pytest.mark.parametrize("scheme", ["https", "ftp"])
def test_a_redirect_to_another_scheme_is_refused(httpserver: HTTPServer, clock: Clock, scheme: str) -> None:
    location = httpserver.url_for(ABOUT).replace("http:", f"{scheme}:")
    httpserver.expect_request(ABOUT).respond_with_data(status=302, headers={"Location": location})
    with pytest.raises(UnexpectedAnswerError, match="not followed"):
        clock.client(httpserver.url_for("").rstrip("/"), TOKEN).get(ABOUT)


def test_redirects_in_a_circle_come_to_an_end(httpserver: HTTPServer, clock: Clock) -> None:
    httpserver.expect_request(ABOUT).respond_with_data(status=302, headers={"Location": ABOUT})
    with pytest.raises(UnexpectedAnswerError, match="in a circle"):
        clock.client(httpserver.url_for("").rstrip("/")).get(ABOUT)
    assert len(httpserver.log) < 10


def test_no_error_shows_the_token(server: SampleServer, clock: Clock) -> None:
    kinds: list[Kind] = ["401", "403-permission", "403-sso", "404", "451", "500", "html"]
    for do in kinds:
        strike(server, do, times=10)
        with pytest.raises(GitHubError) as caught:
            clock.client(server.url, TOKEN).get(ABOUT)
        assert TOKEN not in f"{caught.value!s}{caught.value!r}"


# -- what is asked again


@pytest.mark.parametrize("do", ["500", "502", "503", "504", "drop", "truncate", "html", "badjson"])
def test_a_passing_fault_is_asked_again(server: SampleServer, clock: Clock, do: Kind) -> None:
    client = clock.client(server.url)
    client.get(ABOUT)
    strike(server, do, times=2)
    assert len(client.get(ISSUES).document) == 100
    assert len(server.log) == 4
    assert 0 < clock.waits[0] < clock.waits[1] * 4
    assert sum(clock.waits) < 5


def test_an_answer_that_doesn_t_come_is_asked_again(
    server: SampleServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hear_app.github.client._TIMEOUT", (5.0, 0.2))
    strike(server, "hang")
    client = clock.client(server.url)
    assert client.get(ABOUT).status == 200
    strike(server, "hang", times=10)
    with pytest.raises(UnreachableError, match="the answer timed out"):
        client.get(ABOUT)


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("502", "status 502"),
        ("truncate", "the answer was cut off"),
        ("html", r"status 200 with a body that is no JSON \(\d+ bytes\)"),
        ("drop", "the connection failed"),
    ],
)
def test_after_six_tries_it_is_an_error(server: SampleServer, clock: Clock, do: Kind, reason: str) -> None:
    client = clock.client(server.url)
    client.get(ABOUT)
    strike(server, do, times=100)
    with pytest.raises(UnreachableError, match=reason) as caught:
        client.get(ISSUES)
    assert str(caught.value).startswith(f"No usable answer from {server.url}{ISSUES} after 6 tries: ")
    assert str(caught.value).endswith("What has landed is kept: run again later.")
    assert len(server.log) == 7
    assert 10 < sum(clock.waits) < 40


def test_a_page_too_heavy_for_the_server_is_told_soon(server: SampleServer, clock: Clock) -> None:
    strike(server, "502", times=100)
    with pytest.raises(PageTooHeavyError):
        clock.client(server.url).get(ISSUES, heavy=True)
    assert len(server.log) == 2


def test_a_server_that_asks_for_a_pause_gets_it(server: SampleServer, clock: Clock) -> None:
    strike(server, "503", retry_after=40)
    clock.client(server.url).get(ABOUT)
    assert sum(clock.waits) == pytest.approx(40, abs=2)
    assert set(clock.told) == {"the server"}


# -- limits


@pytest.mark.parametrize(
    ("do", "retry_after", "seconds"),
    [("403-secondary", 25, 25), ("403-secondary", None, 60), ("429", 25, 25), ("429", None, 60)],
)
def test_a_secondary_limit_is_waited_for(
    server: SampleServer, clock: Clock, do: Kind, retry_after: int | None, seconds: float
) -> None:
    strike(server, do, retry_after=retry_after)
    assert clock.client(server.url).get(ABOUT).status == 200
    assert sum(clock.waits) == pytest.approx(seconds, abs=1)
    assert set(clock.told) == {"the secondary rate limit"}


def test_refusals_in_a_row_end_when_the_patience_does(server: SampleServer, clock: Clock) -> None:
    strike(server, "403-secondary", times=1000)
    with pytest.raises(RateLimitedError, match="for the secondary rate limit"):
        clock.client(server.url, max_wait=1000).get(ABOUT)
    assert len(server.log) == 5, "60 + 120 + 240 + 480 seconds were waited"


def test_a_server_that_says_to_come_back_at_once_is_not_asked_for_ever(server: SampleServer, clock: Clock) -> None:
    strike(server, "429", times=1000, retry_after=0)
    with pytest.raises(RateLimitedError):
        clock.client(server.url, max_wait=100).get(ABOUT)
    assert len(server.log) < 200


def test_a_used_up_quota_is_waited_for(server: SampleServer, clock: Clock) -> None:
    server.quota.limit = 2
    start = clock.now
    clock.meanwhile = lambda: server.quota.refill() if clock.now - start > 3590 else None
    client = clock.client(server.url)
    for _ in range(3):
        assert client.get(ABOUT).status == 200
    assert sum(clock.waits) == pytest.approx(3600, abs=10)
    assert set(clock.told) == {"the rate limit"}
    assert server.counts["403"] == 0, "the last answer told that nothing was left"


def test_a_quota_that_others_used_up_is_waited_for_too(server: SampleServer, clock: Clock) -> None:
    server.quota.limit = server.quota.used = 60
    clock.meanwhile = server.quota.refill
    assert clock.client(server.url).get(ABOUT).status == 200
    assert sum(clock.waits) == pytest.approx(3600, abs=10)
    assert server.counts["403"] == 1


def test_a_quota_that_is_back_too_late_is_an_error(server: SampleServer, clock: Clock) -> None:
    server.quota.limit = server.quota.used = 60
    with pytest.raises(RateLimitedError, match=r"GitHub asks to wait 3,\d{3} s for the rate limit") as caught:
        clock.client(server.url, max_wait=600).get(ABOUT)
    assert "--max-wait is 600 s" in str(caught.value)
    assert clock.waits == []


# -- what is final


@pytest.mark.parametrize(
    ("do", "error", "sentences"),
    [
        ("401", TokenRejectedError, ["GitHub refused the token", "401 Bad credentials", "Set GITHUB_TOKEN"]),
        ("404", NotFoundError, ["Not found, or not visible: /repos/acme/tool: 404", "that the token may read it"]),
        ("403-permission", ForbiddenError, ["not accessible", "The token needs the permission issues=read."]),
        (
            "403-sso",
            ForbiddenError,
            ["Authorize the token for single sign-on: https://github.example/orgs/brackwater/sso"],
        ),
        ("403-blocked", ForbiddenError, ["403 Repository access blocked", "https://github.example/dmca/"]),
        ("451", ForbiddenError, ["451 Repository access blocked", "https://github.example/dmca/2026-01-02.md"]),
    ],
)
def test_a_refusal_is_asked_once_and_says_what_to_do(
    server: SampleServer, clock: Clock, do: Kind, error: type[GitHubError], sentences: list[str]
) -> None:
    strike(server, do, times=10)
    with pytest.raises(error) as caught:
        clock.client(server.url, TOKEN).get(ABOUT + "?secret=no")
    for sentence in sentences:
        assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "?secret" not in str(caught.value)
    assert len(server.log) == 1
    assert clock.waits == []


def test_a_repository_that_is_missing_without_a_token(server: SampleServer, clock: Clock) -> None:
    with pytest.raises(NotFoundError, match=r"Check the name; a private one needs GITHUB_TOKEN\.$"):
        clock.client(server.url).get("/repos/acme/nothing")


@pytest.mark.parametrize("status", [204, 400, 410, 418, 422])
def test_any_other_status_is_told_as_it_is(httpserver: HTTPServer, clock: Clock, status: int) -> None:
    httpserver.expect_request(ABOUT).respond_with_json({"message": "So it\n is."}, status=status)
    with pytest.raises(
        UnexpectedAnswerError, match=rf"GitHub answered {ABOUT}: {status} ?(So it is)?\."
    ) as caught:
        clock.client(httpserver.url_for("").rstrip("/")).get(ABOUT)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "message", ["Repository is locked for a migration.", "", "This repository is empty-handed."]
)
def test_a_conflict_passes_or_is_told(httpserver: HTTPServer, clock: Clock, message: str) -> None:
    httpserver.expect_request(ABOUT).respond_with_json({"message": message}, status=409)
    with pytest.raises(UnreachableError, match=f"{ABOUT} after 6 tries: status 409 ?{message[:-1]}"):
        clock.client(httpserver.url_for("").rstrip("/")).get(ABOUT)
    assert len(httpserver.log) == 6


def test_an_empty_repository_is_asked_for_once(httpserver: HTTPServer, clock: Clock) -> None:
    empty = {"message": "Git Repository is empty."}
    httpserver.expect_request(ABOUT).respond_with_json(empty, status=409)
    with pytest.raises(UnexpectedAnswerError, match=r"409 Git Repository is empty\.$") as caught:
        clock.client(httpserver.url_for("").rstrip("/")).get(ABOUT)
    assert caught.value.status == 409
    assert len(httpserver.log) == 1


def test_a_refusal_without_json_is_told_too(httpserver: HTTPServer, clock: Clock) -> None:
    httpserver.expect_request(ABOUT).respond_with_data("<html>no</html>", status=403, content_type="text/html")
    with pytest.raises(ForbiddenError, match=r"GitHub refuses /repos/acme/tool: 403\."):
        clock.client(httpserver.url_for("").rstrip("/")).get(ABOUT)


# -- no network


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_refused_network_is_told_quickly_with_ways_out(nobody: str) -> None:
    before = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        Client(nobody, None, Limits(4, 3600)).get(ABOUT)
    assert time.monotonic() - before < 5
    said = str(caught.value)
    assert said.startswith(f"{nobody} can't be reached: the connection failed.")
    assert "HEAR_API_URL" in said
    assert "hear run --sample" in said


def test_a_refusing_proxy_is_named(nobody: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", nobody)
    with pytest.raises(UnreachableError, match=r"the proxy refused the connection \(see HTTPS_PROXY\)"):
        clock.client("http://api.github.example").get(ABOUT)


def test_a_wrong_certificate_is_named(server: SampleServer, clock: Clock) -> None:
    with pytest.raises(UnreachableError, match=r"TLS certificate|the connection failed"):
        clock.client(server.url.replace("http:", "https:")).get(ABOUT)
