"""The sample's payloads and our requests, held against GitHub's own description of its API.

The simulation is served by the sample's code: so neither shares a belief with our client that nobody checked.
githubkit carries models and signatures that are made from that description (OpenAPI, version 2022-11-28).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from githubkit_schemas.v2022_11_28 import models
from githubkit_schemas.v2022_11_28.rest.issues import IssuesClient
from githubkit_schemas.v2022_11_28.rest.repos import ReposClient
from pydantic import BaseModel, TypeAdapter

from hear_app.sample.api import Api
from hear_app.sample.generator import generate
from hear_app.sample.history import SampleRepository
from hear_app.sample.wire import Request
from tests.extraction.harness import START, Altering, Rig, commit, line, put_issue, put_issues

BASE = "https://api.github.example"
OPERATIONS: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"", ReposClient.get),
    (r"/commits", ReposClient.list_commits),
    (r"/commits/[^/?]+", ReposClient.get_commit),
    (r"/compare/[0-9a-f]+\.\.\.[0-9a-f]+", ReposClient.compare_commits),
    (r"/issues", IssuesClient.list_for_repo),
    (r"/issues/\d+", IssuesClient.get),
)
# The description has no `after`: GitHub's own Link headers bring it, since lists of issues page by cursor.
CURSOR = {"after"}
# A key of accounts that GitHub sends and that not each of its descriptions of an account has.
SENT_ANYWAY = {"user_view_type"}


@pytest.fixture(scope="module")
def api() -> Api:
    return Api(generate().values())


def ask(api: Api, target: str, **more: bool) -> Any:
    return orjson.loads(api.answer(Request("GET", target, {}, BASE), **more).body)


def wrong(shape: Any, document: Any) -> Iterator[str]:
    """What of a document is not as described: types, keys that are missing, and keys that nobody described."""
    yield from strangers(TypeAdapter(shape).validate_python(document), document, "")


def strangers(value: Any, document: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for one, part in zip(value, document, strict=True):
            yield from strangers(one, part, f"{place}[]")
    if not isinstance(value, BaseModel) or not isinstance(document, dict):
        return
    known = {field.alias or name: name for name, field in type(value).model_fields.items()}
    if known and value.model_config.get("extra") != "allow":
        yield from (f"{place}.{key}" for key in document.keys() - known.keys() - SENT_ANYWAY)
    for key in document.keys() & known.keys():
        yield from strangers(getattr(value, known[key]), document[key], f"{place}.{key}")


def test_repositories_are_as_described(api: Api) -> None:
    for each in api.repositories:
        assert not set(wrong(models.FullRepository, ask(api, f"/repos/{each.full_name}")))


def test_commits_are_as_described(api: Api) -> None:
    for each in api.repositories:
        rows = ask(api, f"/repos/{each.full_name}/commits?per_page=100")
        if each.head is None:
            assert not set(wrong(models.BasicError, rows))
            continue
        assert not set(wrong(list[models.Commit], rows))
        assert not set(wrong(models.Commit, ask(api, f"/repos/{each.full_name}/commits/{each.head}")))
        base = each.graph.walk(each.head)[-1]
        compared = ask(api, f"/repos/{each.full_name}/compare/{base}...{each.head}?per_page=100&page=1")
        assert not set(wrong(models.CommitComparison, compared))


@pytest.mark.parametrize("old_issues", [False, True])
def test_issues_are_as_described(api: Api, old_issues: bool) -> None:
    for each in api.repositories:
        target = f"/repos/{each.full_name}/issues?state=all&per_page=100&sort=updated&direction=asc"
        rows = ask(api, target, old_issues=old_issues)
        if isinstance(rows, dict):
            assert not set(wrong(models.BasicError, rows))
            continue
        assert not set(wrong(list[models.Issue], rows))
        for number in list(each.issues)[:5]:
            assert not set(wrong(models.Issue, ask(api, f"/repos/{each.full_name}/issues/{number}")))


def test_the_smallest_of_tests_is_as_described(repo: SampleRepository) -> None:
    """What the tests and the simulation make by hand."""
    line(repo, 2)
    put_issue(repo, 1, START)
    put_issue(repo, 2, START, is_pull_request=True, merged_at=START, is_open=False, closed_at=START)
    api = Api([repo])
    assert not set(wrong(models.FullRepository, ask(api, "/repos/acme/tool")))
    assert not set(wrong(list[models.Commit], ask(api, "/repos/acme/tool/commits")))
    assert not set(wrong(list[models.Issue], ask(api, "/repos/acme/tool/issues?state=all")))


@pytest.mark.parametrize("old_issues", [False, True])
def test_every_request_is_as_described(
    rig: Rig, repo: SampleRepository, server: Altering, old_issues: bool
) -> None:
    server.old_issues = old_issues
    line(repo, 250)
    put_issues(repo, range(1, 160), START, step=0)
    rig.one()
    line(repo, 3, at=START + 99_999)
    repo.delete_issue(7)
    rig.one(full=True)
    base = repo.graph.walk(str(repo.head))[5]
    repo.force_push(commit(repo, "another way", START + 200_000, base))
    repo.rename("other")
    rig.one()
    repo.branches.clear()
    rig.one()
    asked = rig.requests()
    assert len(asked) > 20
    operations = {operation for target in asked if (operation := described(target)) is not None}
    assert {operation for _, operation in OPERATIONS} <= operations | {IssuesClient.get}


def described(target: str) -> Callable[..., Any] | None:
    """The operation that a request is one of; fails the test where there is none, or its query is another one."""
    path, _, query = target.partition("?")
    # Redirects of renamed repositories, and Link headers, lead to /repositories/ID.
    rest = re.sub(r"^/(repos/[^/]+/[^/]+|repositories/\d+)", "", path)
    operation = next(operation for pattern, operation in OPERATIONS if re.fullmatch(pattern, rest))
    allowed = inspect.signature(operation).parameters
    for name, value in parse_qsl(query, strict_parsing=bool(query)):
        if name not in CURSOR:
            assert name in allowed, target
            check(str(allowed[name].annotation), value)
    return operation


def check(annotation: str, value: str) -> None:
    choices = re.search(r"Literal(\[[^\]]*\])", annotation)
    if choices:
        assert value in ast.literal_eval(choices[1])
    elif "datetime" in annotation:
        assert datetime.fromisoformat(value).tzinfo is not None
    elif "int" in annotation:
        assert int(value) > 0
