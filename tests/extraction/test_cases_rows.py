"""Cases 29 to 38: what rows look like. Extraction and bronze drop none and change none; silver reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hear_app.sample import payloads
from hear_app.sample.history import IssueRow
from hear_app.sample.payloads import Account, CommitFacts, Signature
from tests.extraction.harness import NAME, START, commit, line, put_issue, put_issues

if TYPE_CHECKING:
    from hear_app.sample.graph import Commit
    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering, Rig

DAY = 86_400
MONA = Account(42, "mona")
ROBOT = Account(43, "robot[bot]", "Bot")


def made(
    message: str = "a change",
    at: int = START,
    account: Any = None,
    name: str = "Mona",
    email: str = "mona@letters.example",
    parents: tuple[str, ...] = (),
) -> Commit:
    signature = Signature(name, email, at, account)
    return payloads.commit(NAME, CommitFacts(message, signature, signature, parents))


def commits(rig: Rig) -> list[Any]:
    """The payloads of the stored commits, in the order of their messages."""
    rows = rig.query("select payload from bronze.commits")
    return sorted((orjson.loads(row) for (row,) in rows), key=lambda row: str(row["commit"]["message"]))


def push(repo: SampleRepository, *facts: dict[str, Any]) -> list[Commit]:
    pushed: list[Commit] = []
    for each in facts:
        pushed.append(made(**each, parents=tuple(row.sha for row in pushed[-1:])))
    repo.push(pushed)
    return pushed


def put_row(repo: SampleRepository, number: int, text: bytes, at: int = START) -> None:
    """An issue whose JSON is as given."""
    repo.upsert_issues([IssueRow(number, at, at, 0, True, text)])


def test_case_29_pull_requests_among_the_issues(rig: Rig, repo: SampleRepository) -> None:
    put_issue(repo, 1, START)
    put_issue(repo, 2, START, is_pull_request=True, merged_at=START, is_open=False, is_draft=True)
    rig.one()
    found = rig.stored().issues
    assert "pull_request" not in found[1]
    assert found[2]["pull_request"]["merged_at"] == "2023-11-14T22:13:20Z"
    assert found[2]["draft"] is True


def test_case_30_authors_without_an_account(rig: Rig, repo: SampleRepository) -> None:
    accounts = [None, "empty", MONA]
    push(repo, *({"message": f"{turn}", "account": account} for turn, account in enumerate(accounts)))
    put_issue(repo, 1, START, user=None)
    rig.one()
    rows = commits(rig)
    assert [row["author"] for row in rows][:2] == [None, {}]
    assert rows[2]["author"]["login"] == "mona"
    assert {row["commit"]["author"]["email"] for row in rows} == {"mona@letters.example"}
    assert rig.stored().issues[1]["user"] is None


def test_case_31_bots(rig: Rig, repo: SampleRepository) -> None:
    push(repo, {"account": ROBOT}, {"account": MONA})
    put_issue(repo, 1, START, user=ROBOT)
    rig.one()
    assert {row["author"]["type"] for row in commits(rig)} == {"Bot", "User"}
    assert rig.stored().issues[1]["user"]["login"] == "robot[bot]"


def test_case_32_coauthors(rig: Rig, repo: SampleRepository) -> None:
    message = "together\r\n\r\nCo-authored-by: A <a@letters.example>\nco-authored-by: B <b@letters.example>\n"
    push(repo, {"message": message})
    rig.one()
    assert [row["commit"]["message"] for row in commits(rig)] == [message], "to the letter"


def test_case_33_one_person_with_many_addresses_and_many_of_one_name(rig: Rig, repo: SampleRepository) -> None:
    people = [("Mona", "a@letters.example"), ("mona", "b@letters.example"), ("Mona", "42+mona@noreply.example")]
    push(repo, *({"name": name, "email": email} for name, email in people))
    rig.one()
    stored = [(row["commit"]["author"]["name"], row["commit"]["author"]["email"]) for row in commits(rig)]
    assert sorted(stored) == sorted(people), "nothing is merged here"


def test_case_34_merges_and_octopuses(rig: Rig, repo: SampleRepository) -> None:
    line(repo, 2)
    base = str(repo.head)
    arms = [commit(repo, f"arm {turn}", START + turn, base) for turn in range(9)]
    repo.force_push(commit(repo, "octopus", START + 100, base, *arms))
    rig.one()
    found = rig.stored()
    assert found.parents[str(repo.head)] == (base, *arms), "all of them, in their order"
    assert not found.orphans


ABSURD = [0, -1, 3_550_000_000, 4_294_967_295, 4_294_967_296, 253_402_300_799, -62_135_596_800]


@pytest.mark.parametrize("at", ABSURD)
def test_case_35_absurd_dates(rig: Rig, repo: SampleRepository, at: int) -> None:
    pushed = push(repo, {"message": "1", "at": at}, {"message": "2"}, {"message": "3", "at": at})
    put_issue(repo, 1, at, created_at=at)
    put_issues(repo, range(2, 5), START)
    rig.one()
    line(repo, 2, label="later")
    put_issue(repo, 5, START + DAY)
    rig.one()
    found = rig.stored()
    assert found.on_branch == repo.graph.ancestors(str(repo.head)) > {row.sha for row in pushed}
    assert set(found.issues) == {1, 2, 3, 4, 5}
    dates = {row["commit"]["author"]["date"] for row in commits(rig)}
    assert json.loads(repo.graph[pushed[0].sha].payload())["commit"]["author"]["date"] in dates


@pytest.mark.parametrize("date", ["24 o'clock", "", None, "2026-06-15T12:00:00+14:00", "99999-01-01T00:00:00Z"])
def test_case_35_dates_that_are_none(rig: Rig, repo: SampleRepository, server: Altering, date: str | None) -> None:
    push(repo, {})
    put_issues(repo, range(1, 4), START)

    def redated(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b'"2023-11-14T22:13:20Z"', orjson.dumps(date))
        return response

    server.alter = redated
    rig.one()
    put_issue(repo, 4, START + DAY)
    rig.one()
    found = rig.stored()
    assert found.issues[1]["updated_at"] == date
    assert set(found.issues) == {1, 2, 3, 4}
    assert [row["commit"]["committer"]["date"] for row in commits(rig)] == [date]


def test_case_36_time_zones(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    push(repo, {})
    zoned = b'"2023-11-15T03:58:20+05:45"'

    def kept(_: Request, response: Response) -> Response:
        response.body = response.body.replace(b'"2023-11-14T22:13:20Z"', zoned)
        return response

    server.alter = kept
    rig.one()
    assert commits(rig)[0]["commit"]["author"]["date"] == "2023-11-15T03:58:20+05:45", "the offset is kept"


STRANGE = {
    "a NUL": rb'"a\u0000b"',
    "half an emoji": rb'"a\ud83db"',
    "an emoji": rb'"a\ud83d\ude00b"',
    "line ends": rb'"a\r\n\u2028\u2029\u0085b"',
    "the other direction": '"a\u202eb\u0301"'.encode(),
    "what is no UTF-8": b'"a\xff\xfeb"',
    "a megabyte": b'"' + b"x" * 1_000_000 + b'"',
    "deep": b'"' + b"[" * 5_000 + b'"',
}


@pytest.mark.parametrize("kind", STRANGE)
def test_case_37_strange_text(rig: Rig, repo: SampleRepository, kind: str) -> None:
    put_issues(repo, [1, 3], START)
    text = b'{"number":2,"title":%s,"created_at":"2023-11-14T22:13:20Z","updated_at":"2023-11-14T22:13:20Z"}'
    put_row(repo, 2, text % STRANGE[kind])
    rig.one()
    found = rig.stored().issues
    assert set(found) == {1, 2, 3}
    spoilt = kind in ("half an emoji", "what is no UTF-8")
    repaired = dict(rig.query("select payload ->> '$.number', payload_was_repaired from bronze.issues"))
    assert repaired == {"1": False, "2": spoilt, "3": False}
    if spoilt:
        assert set(found[2]["title"]) == {"a", "\ufffd", "b"}
    else:
        assert found[2]["title"] == json.loads(STRANGE[kind])
    assert rig.sync()[0].streams[1].outcome == "unchanged"


def test_case_37_what_landed_is_what_came(rig: Rig, repo: SampleRepository) -> None:
    put_row(repo, 1, b'{"number":1,"updated_at":"2023-11-14T22:13:20Z","title":"\\ud83d"}')
    rig.one()
    assert any(b'"title":"\\ud83d"' in body for body in rig.landed_bodies("issues"))


def test_case_38_fields_that_come_and_go(rig: Rig, repo: SampleRepository) -> None:
    """A later version of the API has no `assignee`; other keys will come that nobody knows yet."""
    put_issue(repo, 1, START)
    row = orjson.loads(repo.issues[1].payload())
    del row["assignee"], row["reactions"], row["closed_by"]
    row |= {"mood": {"of": ["the", "day"]}, "number_of_the_year": 1e300, "huge": 2**60}
    put_row(repo, 1, orjson.dumps(row))
    rig.one()
    assert rig.stored().issues[1] == row


def test_case_38_the_version_is_pinned(rig: Rig, repo: SampleRepository, server: Altering) -> None:
    line(repo, 1)
    rig.one()
    assert {entry.headers["x-github-api-version"] for entry in server.log} == {"2022-11-28"}
    assert all(entry.headers["user-agent"].startswith("hear_app/") for entry in server.log)
