"""Cases 39 to 45: the process around the extraction; and that each case there is has a test that names it."""

from __future__ import annotations

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hear_app import warehouse
from hear_app.errors import BusyError, UnreachableError
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Envelope, Landing
from hear_app.settings import parse_repositories
from tests.extraction.harness import ID, NAME, START, TOKEN, Altering, line, put_issue, put_issues, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Clock, Rig

WITHOUT_A_TEST = {27, 28}  # they need GraphQL, or a refresh of tables that a later version has


def test_every_case_has_a_test() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_case_(\d\d)_", source, re.MULTILINE)}
    assert tested == set(range(1, 46)) - WITHOUT_A_TEST


def test_case_39_two_runs_at_once(tmp_path: Path) -> None:
    """Two processes: tests/unit/test_warehouse.py."""
    path = tmp_path / "hear.duckdb"
    with warehouse.run_lock(path), pytest.raises(BusyError, match="process"), warehouse.run_lock(path):
        pass
    with warehouse.run_lock(path):
        pass


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_case_40_a_redirect_to_another_host_is_not_followed(
    rig: Rig, repo: SampleRepository, server: Altering, status: int
) -> None:
    line(repo, 3)
    with Altering([repo]) as stranger:

        def elsewhere(_: Request, response: Response) -> Response:
            response.status = status
            response.headers["location"] = f"{stranger.url}/repos/acme/tool"
            return response

        server.alter = elsewhere
        said = rig.failing()
        assert "another host" in said
        assert TOKEN not in said
        assert not stranger.log, "not even without the token"


def test_case_40_a_next_page_at_another_host_is_no_page_of_ours(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    line(repo, 150)
    put_issues(repo, range(1, 151), START)

    def linked(_: Request, response: Response) -> Response:
        if "link" in response.headers:
            response.headers["link"] = response.headers["link"].replace(server.url, "https://stranger.example")
        return response

    server.alter = linked
    said = rig.failing()
    assert said.count("links to another host (stranger.example): not followed.") == 2
    server.alter = lambda _, response: response
    rig.one()
    found = rig.stored()
    assert len(found.on_branch) == len(found.issues) == 150


def test_case_40_no_host_lands(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """Nor does another one stand in the way where it is not that of a page."""
    line(repo, 150)
    put_issues(repo, range(1, 151), START)

    def linked(_: Request, response: Response) -> Response:
        deprecated = '<https://stranger.example/soon>; rel="deprecation"; type="text/html"'
        response.headers["link"] = ", ".join(filter(None, (response.headers.get("link"), deprecated)))
        return response

    server.alter = linked
    rig.one()
    found = rig.stored()
    assert len(found.on_branch) == len(found.issues) == 150
    envelopes = [str(envelope) for envelope in rig.envelopes()]
    assert not any("stranger.example" in text or "127.0.0.1" in text for text in envelopes)


def test_case_40_the_token_goes_to_one_host_in_one_header(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    line(repo, 3)
    rig.one()
    for entry in server.log:
        assert entry.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in entry.target + str({**entry.headers, "authorization": ""})


def test_case_40_a_netrc_file_is_none_of_our_business(
    rig: Rig, repo: SampleRepository, server: Altering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mona password hunter2\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    line(repo, 3)
    rig.token = None
    rig.one()
    assert not any("authorization" in entry.headers for entry in server.log)


def test_case_40_the_host_may_be_written_in_capitals(repo: SampleRepository, clock: Clock) -> None:
    with Altering([repo], token=TOKEN) as server:
        url = server.url.replace("127.0.0.1", "LOCALHOST")
        client = Client(url, TOKEN, Limits(1, 60, sleep=clock.sleep, clock=clock), clock.sleep)
        client.get("/repos/acme/tool")
        client._session.close()
        assert server.log[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_case_41_without_a_token(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    rig.token, rig.estimates = None, True
    server.quota.limit = 60
    line(repo, 250)
    put_issues(repo, range(1, 131), START)
    rig.one()
    [note] = rig.reporter.notes
    assert note == "acme/tool: about 8 requests for 250 commits and at most 130 issues, of 60 an hour"
    found = rig.stored()
    assert (len(found.on_branch), len(found.issues)) == (250, 130)
    rig.one()
    assert len(rig.reporter.notes) == 1, "only before a first sync"


def test_case_41_without_a_token_it_says_how_long_it_takes(rig: Rig, server: Altering) -> None:
    ocean = repository("ocean", 9)
    line(ocean, 350)
    server.repositories.append(ocean)
    server.quota.limit = 4
    rig.token, rig.estimates, rig.max_wait = None, True, 10
    rig.sync("acme/ocean")
    assert "about 1 h of waiting. Set GITHUB_TOKEN" in rig.reporter.notes[0]


class Proxy(BaseHTTPRequestHandler):
    """Notes what it is asked for, and answers nothing of use."""

    asked: list[str] = []  # noqa: RUF012 - one test's

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(502)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""


@pytest.fixture
def proxy() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_case_42_a_proxy(rig: Rig, server: Altering, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    assert "status 502" in rig.failing()
    assert f"{server.url}/repos/acme/tool" in Proxy.asked
    assert not server.log


def test_case_42_a_certificate_that_is_not_there(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem")
    client = Client("https://127.0.0.1:9", TOKEN, Limits(1, 60, sleep=clock.sleep, clock=clock), clock.sleep)
    with pytest.raises(UnreachableError, match=r"/nonexistent/ca\.pem"):
        client.get("/repos/acme/tool")


def test_case_42_offline(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    shas = line(repo, 5)
    rig.one()
    landed = rig.objects()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rig.server = Unreachable(port)  # type: ignore[assignment]
    said = rig.failing()
    rig.server = server
    assert "can't be reached" in said
    assert "HEAR_API_URL" in said
    assert len(rig.clock.naps) == 1, "nobody waits half a minute to read this"
    assert rig.objects() == landed
    assert rig.stored().on_branch == set(shas)


class Unreachable:
    """Where no server listens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


def test_case_43_a_name_in_any_spelling(rig: Rig, repo: SampleRepository) -> None:
    spellings = ["acme/tool", "ACME/Tool", "https://github.com/Acme/tool.git", "git@github.com:acme/TOOL.git"]
    assert len(parse_repositories(spellings)) == 1
    line(repo, 5)
    for spelling in spellings:
        [name] = parse_repositories([spelling])
        result = rig.one(name)
        assert (result.name, result.repository_id) == (NAME, ID)
        assert not result.note
    assert len({path.split("/")[1] for path in rig.objects()}) == 1
    landed = rig.objects()
    rig.statuses()
    for spelling in spellings:
        rig.sync(*parse_repositories([spelling]))
    assert set(rig.statuses()) == {304}
    assert rig.objects() == landed


@pytest.mark.parametrize("old", [False, True], ids=["cursor", "numbered"])
def test_case_44_nothing_changed(rig: Rig, repo: SampleRepository, server: Altering, old: bool) -> None:
    server.old_issues = old
    line(repo, 150)
    put_issues(repo, range(1, 151), START)
    rig.one()
    landed = rig.objects()
    for _ in range(3):
        rig.statuses()
        result = rig.one()
        assert [stream.outcome for stream in result.streams] == ["unchanged", "unchanged"]
        assert rig.statuses() == [304, 304, 304]
        assert server.quota.used == 0, "nothing of the quota"
    assert rig.objects() == landed


def test_case_44_nothing_changed_after_a_load_that_was_cut_off(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 450)
    assert rig.crash(4)
    rig.one()
    rig.statuses()
    rig.one()
    assert rig.statuses() == [304, 304, 304]


def test_case_44_nothing_changed_on_a_server_without_tags(
    rig: Rig, repo: SampleRepository, server: Altering
) -> None:
    """And one whose JSON is laid out in lines."""

    def untagged(_: Request, response: Response) -> Response:
        response.headers.pop("etag", None)
        response.body = response.body.replace(b'","', b'",\r\n  "')
        return response

    server.alter = untagged
    line(repo, 5)
    put_issue(repo, 1, START)
    rig.one()
    landed = rig.objects()
    rig.statuses()
    rig.one()
    assert rig.statuses() == [200, 200, 200]
    assert rig.objects() == landed


def test_case_45_pages_are_let_go_of(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    """However slowly pages land: only a few are read ahead of them."""
    line(repo, 3_000)
    ahead: list[int] = []

    class Slow(Landing):
        landed = 0

        def put(self, envelope: Envelope, body: bytes) -> str:
            if envelope.stream == "commits":
                asked = sum("/commits?" in entry.target for entry in list(server.log))
                ahead.append(asked - self.landed)
                self.landed += 1
                threading.Event().wait(0.005)
            return super().put(envelope, body)

    rig.sync(landing=Slow(str(rig.root)))
    assert len(ahead) == 31
    assert 2 < max(ahead) <= 16, "some, but never all"
    assert len(rig.stored().on_branch) == 3_000
