"""The landing zone: what was put is read back, nothing is overwritten, and no damage passes for data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hear_app import cli
from hear_app.errors import LandingError
from hear_app.landing import Envelope, Landing, parse_path
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer

BODY = json.dumps([{"sha": f"{number:040x}", "size": number * 7919} for number in range(100)]).encode()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def landing(root: Path) -> Landing:
    return Landing(str(root))


def envelope(**known: Any) -> Envelope:
    """The envelope of the first page of a walk over commits, but for what is given."""
    page: dict[str, Any] = {
        "source": "api.github.com",
        "repository_id": 42,
        "stream": "commits",
        "walk_id": 1,
        "role": "page",
        "position": 0,
        "page_size": 100,
        "request": "/repos/octo/tool/commits?page=1",
        "row_count": 100,
    }
    return Envelope(**(page | known))


def lines(*texts: bytes) -> bytes:
    return zstandard.compress(b"".join(text + b"\n" for text in texts))


# -- what was put is read back


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    known=st.fixed_dictionaries(
        {"repository_id": st.integers(1, 2**53), "request": TEXT},
        optional={
            "etag": TEXT,
            "full_name": TEXT,
            "next_request": TEXT,
            "status": st.integers(100, 599),
            "watermark": TEXT,
        },
    ),
    document=st.lists(st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=3)),
)
def test_any_response_comes_back(
    known: dict[str, Any], document: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    landing = Landing(str(tmp_path_factory.getbasetemp() / "any-response"))
    given_envelope = envelope(**known, walk_id=sum(1 for _ in landing.objects()) + 1)
    body = json.dumps(document).encode()
    landing.put(given_envelope, body)
    assert landing.read(given_envelope.path) == [(given_envelope, body)]
    assert landing.envelope(given_envelope.path) == given_envelope


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'[{"body": "\\ud83d \\u0000"}]', b'["\xff\xfe"]', b"[1, 2.50, 1E3]", b"\x00\x01"]
)
def test_bytes_stay_as_they_came(landing: Landing, body: bytes) -> None:
    landing.put(envelope(), body)
    ((_, read),) = landing.read(envelope().path)
    assert read == body


def test_line_breaks_between_tokens_cost_nothing_but_the_breaks(landing: Landing) -> None:
    pretty = json.dumps([{"title": "two\nlines\r"}], indent=2).replace("\n", "\r\n").encode()
    landing.put(envelope(), pretty)
    ((_, read),) = landing.read(envelope().path)
    assert len(read) == len(pretty)
    assert json.loads(read) == [{"title": "two\nlines\r"}]


def test_what_has_landed_is_never_overwritten(landing: Landing) -> None:
    landing.put(envelope(etag="first"), b"[1]")
    landing.put(envelope(etag="second"), b"[2]")
    assert landing.read(envelope().path) == [(envelope(etag="first"), b"[1]")]


def test_an_envelope_of_a_newer_version_is_read(landing: Landing, root: Path) -> None:
    path = root / envelope().path
    landing.put(envelope(), b"[]")
    ((known, body),) = landing.read(envelope().path)
    text = json.dumps({"source": "api.github.com", "added_later": [1]} | json.loads(_envelope_line(path)))
    path.write_bytes(lines(text.encode(), body))
    assert landing.read(envelope().path) == [(known, b"[]")]


def _envelope_line(path: Path) -> bytes:
    return zstandard.decompress(path.read_bytes()).partition(b"\n")[0]


def test_a_store_behind_a_url_behaves_alike() -> None:
    landing = Landing("memory:///")
    landing.put(envelope(), BODY)
    landing.put(envelope(), b"[]")
    landing.put(envelope(role="closed", position=100, page_size=0), b"")
    assert landing.read(envelope().path) == [(envelope(), BODY)]
    assert landing.sources() == ["api.github.com"]
    (walk,) = landing.walks("api.github.com", 42, "commits")
    assert walk.closed is not None


# -- no damage passes for data


def read_or_none(landing: Landing) -> list[tuple[Envelope, bytes]] | None:
    try:
        return landing.read(envelope().path)
    except LandingError:
        return None


def test_no_flipped_bit_passes_for_data(landing: Landing, root: Path) -> None:
    landing.put(envelope(), BODY)
    path = root / envelope().path
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 16):
            damaged = bytearray(whole)
            damaged[place] ^= bit
            path.write_bytes(damaged)
            assert read_or_none(landing) in (None, [(envelope(), BODY)])


def test_no_cut_passes_for_data(landing: Landing, root: Path) -> None:
    landing.put(envelope(), BODY)
    path = root / envelope().path
    whole = path.read_bytes()
    for length in set(range(len(whole))) - {len(whole) - 12}:  # without its checksum alone it is an older object
        path.write_bytes(whole[:length])
        with pytest.raises(LandingError):
            landing.read(envelope().path)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"no zstd at all",
        b"\x00" * 512,
        zstandard.compress(b""),
        lines(b"{}"),
        lines(b"{}", b"[]"),
        lines(b"[]", b"[]"),
        lines(b"null", b"[]"),
        lines(b'{"source": "x"', b"[]"),
        lines(b'{"source": "x", "repository_id": 42}', b"[]"),
        lines(b"{}", b"[]", b"{}"),
    ],
    ids=[
        "nothing",
        "text",
        "zeros",
        "empty",
        "half a response",
        "no fields",
        "list",
        "null",
        "cut envelope",
        "few fields",
        "odd lines",
    ],
)
def test_a_corrupt_object_is_named_with_its_remedy(landing: Landing, root: Path, stored: bytes) -> None:
    path = root / envelope().path
    path.parent.mkdir(parents=True)
    path.write_bytes(stored)
    with pytest.raises(LandingError) as caught:
        landing.read(envelope().path)
    said = str(caught.value)
    assert said.startswith(f"The landed object {path} is corrupt: ")
    assert "Move the folder api.github.com/42/commits out of the landing zone and run again" in said
    assert "\n" not in said
    assert caught.value.exit_code == 1
    assert path.read_bytes() == stored, "looking at it changes nothing"


def test_a_corrupt_envelope_is_found_without_reading_the_rest(landing: Landing, root: Path) -> None:
    path = root / envelope().path
    path.parent.mkdir(parents=True)
    for stored in (b"", b"no zstd at all", lines(b"{}", b"[]")):
        path.write_bytes(stored)
        with pytest.raises(LandingError, match="is corrupt"):
            landing.envelope(envelope().path)


def test_an_object_that_is_gone_is_named(landing: Landing) -> None:
    for ask in (landing.read, landing.envelope):
        with pytest.raises(LandingError, match=r"page-000000000-100\.jsonl\.zst can't be read from") as caught:
            ask(envelope().path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_root_that_can_t_be_made_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(LandingError, match=rf"^The landing zone {tmp_path / place} can't be opened: .*LANDING"):
        Landing(str(tmp_path / place))
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize("url", ["nosuch://bucket/prefix", "://", "s3://"])
def test_an_address_of_no_store_is_one_sentence(url: str) -> None:
    with pytest.raises(LandingError) as caught:
        Landing(url)
    assert str(caught.value).startswith(f"The landing zone {url} can't be opened: ")
    assert "\n" not in str(caught.value)


def test_a_place_that_can_t_be_written_is_one_sentence(landing: Landing, root: Path) -> None:
    (root / "api.github.com").write_text("in the way", encoding="utf-8")
    with pytest.raises(LandingError, match=r"can't be written to .*it goes on from what has landed\.$") as caught:
        landing.put(envelope(), b"[]")
    assert "\n" not in str(caught.value)


# -- what is there


@pytest.mark.parametrize(
    "path",
    [
        "api.github.com/42/commits/000001/page-000000000-100.jsonl.zst#1",
        "api.github.com/42/commits/000001/page-000000000-100.jsonl.zst.tmp",
        "api.github.com/42/commits/000001/page-000000000-100.jsonl",
        "api.github.com/42/commits/000001/.page-000000000-100.jsonl.zst",
        "api.github.com/42/commits/000001/notes.txt",
        "api.github.com/42/commits/000001/deeper/page-000000000-100.jsonl.zst",
        "api.github.com/42/commits/page-000000000-100.jsonl.zst",
        "api.github.com/tool/commits/000001/page-000000000-100.jsonl.zst",
        "api.github.com/42/commits/old/page-000000000-100.jsonl.zst",
        "page-000000000-100.jsonl.zst",
        ".DS_Store",
        "lost+found/x",
    ],
)
def test_strangers_files_are_no_landed_objects(landing: Landing, root: Path, path: str) -> None:
    landing.put(envelope(), b"[]")
    stranger = root / path
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_bytes(b"stranger")
    assert parse_path(path) is None
    assert [landed.path for landed in landing.objects()] == [envelope().path]
    assert landing.sources() == ["api.github.com"]
    (walk,) = landing.walks("api.github.com", 42, "commits")
    assert [page.path for page in walk.pages] == [envelope().path]


@settings(deadline=None)
@given(
    walk_id=st.integers(1, 10**8),
    position=st.integers(0, 10**10),
    page_size=st.sampled_from([0, 1, 5, 100]),
    role=st.sampled_from(["page", "removed", "closed"]),
    stream=st.sampled_from(["repository", "commits", "issues", "syncs"]),
)
def test_a_path_says_where_its_object_belongs(**place: Any) -> None:
    landed = parse_path(envelope(**place).path)
    assert landed is not None
    assert (landed.source, landed.repository_id) == ("api.github.com", 42)
    assert {name: getattr(landed, name) for name in place} == place


@pytest.mark.parametrize("source", ["ghe.example", "127.0.0.1-8100", "a/b", "[::1]", "our ghe", "ü"])
def test_any_source_makes_one_folder(landing: Landing, root: Path, source: str) -> None:
    page = envelope(source=source)
    landing.put(page, b"[]")
    (landed,) = landing.objects()
    assert landing.read(landed.path) == [(page, b"[]")]
    assert landing.sources() == [landed.source] == [path.name for path in root.iterdir()]


def test_walks_come_oldest_first_with_their_pages_in_order(landing: Landing) -> None:
    for walk_id in (10, 9, 1_000_000):
        for position in (200, 0, 100):
            landing.put(envelope(walk_id=walk_id, position=position), b"[]")
    landing.put(envelope(walk_id=9, role="closed", position=300, page_size=0), b"")
    landing.put(envelope(walk_id=9, role="removed", position=5), b"[]")
    landing.put(envelope(walk_id=9, repository_id=43), b"[]")
    landing.put(envelope(walk_id=9, stream="issues"), b"[]")
    walks = landing.walks("api.github.com", 42, "commits")
    assert [walk.walk_id for walk in walks] == [9, 10, 1_000_000]
    assert all([page.position for page in walk.pages] == [0, 100, 200] for walk in walks)
    assert [walk.closed is not None for walk in walks] == [True, False, False]
    assert [[page.position for page in walk.removed] for walk in walks] == [[5], [], []]


def test_nothing_has_landed_in_an_empty_zone(landing: Landing) -> None:
    assert landing.sources() == []
    assert list(landing.objects()) == []
    assert landing.repositories("api.github.com") == {}
    assert landing.walks("api.github.com", 42, "commits") == []


def test_a_stray_copy_of_a_folder_is_no_source(landing: Landing, root: Path) -> None:
    landing.put(envelope(), b"[]")
    shutil.copytree(root / "api.github.com", root / "api.github.com copy")
    shutil.copytree(root / "api.github.com" / "42", root / "api.github.com" / "43")
    assert landing.sources() == ["api.github.com"]
    assert landing.strays() == ["api.github.com copy"]
    with pytest.raises(LandingError, match=r"43/commits.* it belongs to another place"):
        landing.read(envelope(repository_id=43).path)


def test_of_each_repository_its_newest_response_counts(landing: Landing) -> None:
    for walk_id, name in ((9, "octo/older"), (10, "octo/newer"), (2, "octo/oldest")):
        landing.put(envelope(stream="repository", walk_id=walk_id, full_name=name), json.dumps(name).encode())
    landing.put(envelope(stream="repository", repository_id=43, full_name="octo/other"), b'"other"')
    landing.put(envelope(stream="repository", repository_id=44, source="ghe.example"), b'"elsewhere"')
    found = landing.repositories("api.github.com")
    assert {key: (known.full_name, body) for key, (known, body) in found.items()} == {
        42: ("octo/newer", b'"octo/newer"'),
        43: ("octo/other", b'"other"'),
    }


# -- after a real sync


@pytest.fixture
def synced(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A function that syncs a repository of some pages into `root`, and answers the server's host."""
    repository = SampleRepository(7, Account(1, "acme", "Organization"), "tool")
    parents: tuple[str, ...] = ()
    for place in range(230):
        made = plain_commit("acme/tool", f"commit {place}", 1_700_000_000 + place, parents)
        repository.push([made])
        parents = (made.sha,)
        repository.put_issue(IssueFacts(place + 1, f"Issue {place}", None, 1_700_000_000, 1_700_000_000 + place))
    with SampleServer([repository]) as server:
        monkeypatch.setenv("HEAR_API_URL", server.url)
        monkeypatch.setenv("HEAR_SOURCE", "test")
        monkeypatch.setenv("HEAR_LANDING", str(root))
        monkeypatch.setenv("HEAR_WAREHOUSE", str(root.parent / "hear.duckdb"))

        def sync() -> str:
            done = CliRunner().invoke(cli.app, ["sync", "acme/tool"])
            assert done.exit_code == 0, done.output
            return server.url.removeprefix("http://")

        yield sync


def test_no_host_is_landed(synced: Callable[[], str], root: Path) -> None:
    host = synced()
    name, _, port = host.partition(":")
    landed = Landing(str(root))
    paths = [landed_object.path for landed_object in landed.objects()]
    assert len(paths) > 8
    following = [found for path in paths for known, _ in landed.read(path) if (found := known.next_request)]
    assert len(following) >= 4, "links have landed"
    assert all(link.startswith("/repo") for link in following)
    for path in paths:
        stored = zstandard.decompress((root / path).read_bytes())
        assert name.encode() not in stored
        assert f":{port}/".encode() not in stored
        assert b"://" not in stored.partition(b"\n")[0]


def test_what_has_landed_is_what_the_server_sent(synced: Callable[[], str], root: Path) -> None:
    synced()
    landing = Landing(str(root))
    (commits,) = landing.walks("test", 7, "commits")
    (issues,) = landing.walks("test", 7, "issues")
    rows = [row for page in commits.pages for _, body in landing.read(page.path) for row in json.loads(body)]
    assert len({row["sha"] for row in rows}) == len(rows) == 230
    listed = [row for page in issues.pages for _, body in landing.read(page.path) for row in json.loads(body)]
    assert {row["number"] for row in listed} == set(range(1, 231))
    assert commits.closed is not None
    closing = landing.envelope(commits.closed.path)
    assert (closing.walk_kind, closing.head_sha, closing.branch) == ("history", rows[0]["sha"], "main")
