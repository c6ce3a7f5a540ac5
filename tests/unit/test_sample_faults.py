"""Faults on demand: each kind as a client meets it, and the rules that say when."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from hear_app.sample.faults import Fault, FaultRule, Kind
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, plain_commit
from hear_app.sample.server import SampleServer
from hear_app.sample.wire import Request

PATH = "/repos/acme/tool/commits"


@pytest.fixture
def server() -> Iterator[SampleServer]:
    repository = SampleRepository(7, Account(1, "acme", "Organization"), "tool")
    repository.push([plain_commit("acme/tool", "only", 1_700_000_000)])
    with SampleServer([repository]) as running:
        yield running


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("500", 500, "Unicorn"),
        ("502", 502, "Unicorn"),
        ("503", 503, "Unicorn"),
        ("504", 504, "Unicorn"),
        ("401", 401, "Bad credentials"),
        ("404", 404, "Not Found"),
        ("429", 429, "Too many"),
        ("451", 451, "html_url"),
        ("403-secondary", 403, "secondary rate limit"),
        ("403-permission", 403, "not accessible"),
        ("403-sso", 403, "SAML"),
        ("403-blocked", 403, "block"),
        ("html", 200, "Unicorn"),
        ("empty", 200, "[]"),
    ],
)
def test_answers(server: SampleServer, client: requests.Session, kind: Kind, status: int, word: str) -> None:
    server.fault = [FaultRule("/commits", Fault(kind, retry_after=7))]
    answer = client.get(server.url + PATH, timeout=5)
    assert answer.status_code == status
    assert word in answer.text
    assert "x-ratelimit-remaining" in answer.headers or kind == "html"
    assert answer.headers.get("retry-after") == (None if kind in ("html", "empty") else "7")
    assert client.get(server.url + PATH, timeout=5).status_code == 200


def test_headers_that_explain_a_refusal(server: SampleServer, client: requests.Session) -> None:
    server.fault = lambda _: Fault("403-sso")
    assert "required" in client.get(server.url + PATH, timeout=5).headers["x-github-sso"]
    server.fault = lambda _: Fault("403-permission")
    assert client.get(server.url + PATH, timeout=5).headers["x-accepted-github-permissions"] == "issues=read"


def test_a_good_answer_with_other_headers(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule("/commits", Fault("headers", headers={"x-ratelimit-remaining": "0"}))]
    answer = client.get(server.url + PATH, timeout=5)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"], len(answer.json())) == (200, "0", 1)


def test_half_a_body(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule("/commits", Fault("truncate")), FaultRule("/repos", Fault("badjson"), skip=1)]
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        client.get(server.url + PATH, timeout=5)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.get(server.url + PATH, timeout=5).json()
    assert client.get(server.url + PATH, timeout=5).status_code == 200


def test_a_dropped_connection(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule("/commits", Fault("drop"))]
    with pytest.raises(requests.ConnectionError):
        client.get(server.url + PATH, timeout=5)
    assert server.counts == {"requests": 1, "0": 1}


def test_a_silence(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule("/commits", Fault("hang", seconds=30))]
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.get(server.url + PATH, timeout=0.1)


def test_a_late_answer(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule("/commits", Fault("slow", seconds=0.05))]
    begun = time.monotonic()
    assert client.get(server.url + PATH, timeout=5).status_code == 200
    assert time.monotonic() - begun >= 0.05


def test_rules_count_what_they_match(server: SampleServer, client: requests.Session) -> None:
    server.fault = [FaultRule(r"/commits\?page=2", Fault("502"), skip=1, times=2)]

    def status(query: str) -> int:
        return client.get(f"{server.url}{PATH}{query}", timeout=5).status_code

    assert [status(query) for query in ("", "?page=2", "?page=2", "", "?page=2", "?page=2")] == [
        200,
        200,
        502,
        200,
        502,
        200,
    ]


def test_a_function_may_decide(server: SampleServer, client: requests.Session) -> None:
    def only_with_token(request: Request) -> Fault | None:
        return Fault("500") if request.token == "secret" else None

    server.fault = only_with_token
    assert client.get(server.url + PATH, timeout=5).status_code == 200
    answer = client.get(server.url + PATH, headers={"Authorization": "Bearer secret"}, timeout=5)
    assert answer.status_code == 500
