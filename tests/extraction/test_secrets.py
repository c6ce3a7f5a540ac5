"""The token: in one header to one host, and in nothing that a run leaves, whatever goes wrong."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

import orjson
import pytest
import zstandard

from hear_app.errors import TokenRejectedError
from hear_app.github import client
from hear_app.sample.faults import Fault, FaultRule, Kind
from tests.extraction.harness import NAME, START, TOKEN, line, put_issues
from tests.extraction.test_processes import command

if TYPE_CHECKING:
    from pathlib import Path

    from hear_app.sample.history import SampleRepository
    from hear_app.sample.wire import Request, Response
    from tests.extraction.harness import Altering, Rig

MARK = b"Recognisable0123456789"


def leaks(folder: Path) -> list[str]:
    """Files that hold the token, compressed or not."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".zst":
            content += zstandard.decompress(content)
        if MARK in content or MARK in path.name.encode():
            found.append(str(path))
    return found


@pytest.mark.parametrize("kind", get_args(Kind))
def test_no_fault_makes_it_show(
    rig: Rig, repo: SampleRepository, server: Altering, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(client, "_TIMEOUT", (5.0, 0.02))
    line(repo, 110)
    put_issues(repo, range(1, 111), START)
    rig.max_wait = 5
    said = []
    for place in ("/repos/acme/tool", "/commits", "page=2", "/issues"):
        server.fault = [FaultRule(place, Fault(kind, 0.04), times=99)]
        try:
            results = rig.sync()
        except TokenRejectedError as error:
            said.append(repr(error) + str(error) + repr(error.__cause__) + repr(error.__context__))
            continue
        said.append(repr([asdict(result) for result in results]))
        said += [repr(error.__cause__) + repr(error.__context__) for result in results for error in result.errors]
    assert said
    assert TOKEN not in "".join(said)
    assert not leaks(rig.root)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 429, 451, 500])
def test_a_server_that_repeats_what_it_was_sent(
    rig: Rig, repo: SampleRepository, server: Altering, status: int
) -> None:
    line(repo, 3)
    rig.max_wait = 5

    def parrot(request: Request, response: Response) -> Response:
        response.status = status
        response.body = orjson.dumps({"message": f"Bad: {request.headers['authorization']}"})
        response.headers |= {"x-accepted-github-permissions": request.headers["authorization"]}
        return response

    server.alter = parrot
    try:
        said = rig.failing()
    except TokenRejectedError as error:
        said = str(error)
    assert TOKEN not in said
    assert not leaks(rig.root)


def test_a_file_in_the_folder_leads_it_nowhere(repo: SampleRepository, server: Altering, tmp_path: Path) -> None:
    """The token of the environment, and a `.env` that came with the folder: not one request is made."""
    line(repo, 3)
    (tmp_path / ".env").write_text(f"HEAR_API_URL={server.url}\n", encoding="utf-8")
    process = command("", tmp_path, "sync", NAME)
    said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert f"GITHUB_TOKEN is not sent to {server.url}" in said[1]
    assert TOKEN not in "".join(said)
    assert not server.log


def test_the_command_does_not_tell_it(repo: SampleRepository, server: Altering, tmp_path: Path) -> None:
    line(repo, 110)
    put_issues(repo, range(1, 111), START)
    server.fault = lambda request: Fault("403-permission") if "/issues" in request.target else None
    process = command(server.url, tmp_path, "sync", NAME, "acme/nothing")
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(process.pid)], capture_output=True, check=False)
    said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "acme/nothing" in said[1]
    assert MARK not in "".join(said).encode() + shown.stdout
    assert any(entry.headers.get("authorization") == f"Bearer {TOKEN}" for entry in server.log)
    assert list((tmp_path / "landing").rglob("*.zst"))
    assert not leaks(tmp_path)
