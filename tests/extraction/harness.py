"""What the extraction tests share: a sync against the loopback GitHub, and what bronze then says, without dbt.

Waiting costs nothing here: a clock of its own moves on when somebody sleeps.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import orjson
from hypothesis import settings

from hear_app import bronze, ledger
from hear_app.github.client import Client
from hear_app.github.limits import Limits
from hear_app.landing import Envelope, Landing, Stream
from hear_app.sample.faults import Fault
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer
from hear_app.sample.wire import Request, Response
from hear_app.sync import RepositoryResult, Sync

OWNER = Account(1, "acme", "Organization")
NAME = "acme/tool"
ID = 7
SOURCE = "test"
TOKEN = "ghp_Recognisable0123456789abcdefSecret"
NOBODY = Path("/nonexistent/people.csv")
START = 1_700_000_000  # seconds: when the histories of these tests begin


class Clock:
    """Time that passes only when somebody sleeps; `naps` are the seconds asked for, `waits` what limits told.

    `countdowns` are, by the thread that waited, the time and these seconds.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.naps: list[float] = []
        self.waits: list[tuple[str, float]] = []
        self.countdowns: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        self.on_sleep: Callable[[float], None] = lambda _: None
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
            self.naps.append(seconds)
        self.on_sleep(seconds)

    def waiting(self, reason: str, seconds: float) -> None:
        self.waits.append((reason, seconds))
        self.countdowns[threading.get_ident()].append((self.now, seconds))


class Quiet:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.finish: list[RepositoryResult] = []

    def rows(self, name: str, stream: Stream, count: int, total: int | None) -> None:
        """Progress is nobody's business here."""

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, result: RepositoryResult) -> None:
        self.finish.append(result)


class Altering(SampleServer):
    """A sample server whose requests may be changed on their way in, and answers on their way out."""

    hear: Callable[[Request], Request] = staticmethod(lambda request: request)
    alter: Callable[[Request, Response], Response] = staticmethod(lambda _, response: response)

    def respond(self, request: Request, fault: Fault | None) -> Response:
        return self.alter(request, super().respond(self.hear(request), fault))


class Killed(BaseException):
    """The process ends here: nothing may catch this, as nothing catches kill -9."""


class MortalLanding(Landing):
    """A landing zone whose process dies at one of its puts, before or after the object is there."""

    def __init__(self, root: str, fatal_put: int, moment: Literal["before", "after"]) -> None:
        super().__init__(root)
        self._left = fatal_put
        self._moment = moment
        self._lock = threading.Lock()

    def put(self, envelope: Envelope, body: bytes) -> str:
        with self._lock:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and self._moment == "before"):
                raise Killed
            digest = super().put(envelope, body)
            if self._left == 0:
                raise Killed
            return digest


@dataclass(frozen=True)
class Stored:
    """What bronze holds of one repository, by the rules that silver follows.

    `left` are the commits that are stored but no longer on the branch; `issues` the newest version of each.
    """

    on_branch: frozenset[str]
    left: frozenset[str]
    parents: dict[str, tuple[str, ...]]
    head: str | None
    issues: dict[int, Any]
    deleted: frozenset[int]
    doubled: tuple[str, ...]
    rows: int

    @property
    def orphans(self) -> set[str]:
        """Parents that commits on the branch name and that are not on it."""
        return {parent for sha in self.on_branch for parent in self.parents[sha]} - self.on_branch


@dataclass
class Rig:
    """One landing zone, one bronze, and the server they follow."""

    server: Altering
    root: Path
    token: str | None = TOKEN
    workers: int = 4
    max_wait: float = 3600.0
    estimates: bool = False
    clock: Clock = field(default_factory=Clock)
    reporter: Quiet = field(default_factory=Quiet)
    _bronze: duckdb.DuckDBPyConnection | None = None

    def sync(
        self,
        *names: str,
        full: bool = False,
        landing: Landing | None = None,
        workers: int | None = None,
        accept_deletions: bool = False,
    ) -> list[RepositoryResult]:
        """One run over these repositories, or acme/tool; the results, errors and all."""
        workers = workers or self.workers
        limits = Limits(workers, self.max_wait, self.clock.waiting, self.clock.sleep, self.clock)
        client = Client(self.server.url, self.token, limits, self.clock.sleep)
        zone = landing or Landing(str(self.root))
        try:
            job = Sync(client, zone, SOURCE, self.reporter, workers, full, self.estimates, accept_deletions)
            return job.run(names or [NAME])
        finally:
            client._session.close()

    def one(self, name: str = NAME, full: bool = False) -> RepositoryResult:
        """A sync of one repository that must go well."""
        [result] = self.sync(name, full=full)
        assert not result.errors, result.errors
        return result

    def failing(self, name: str = NAME) -> str:
        """A sync of one repository that must fail: what its errors say."""
        [result] = self.sync(name)
        assert result.errors
        return " ".join(str(error) for error in result.errors)

    def crash(self, fatal_put: int, moment: Literal["before", "after"] = "before", full: bool = False) -> bool:
        """A sync that dies at its so many-th landed object; False where it needed fewer."""
        try:
            self.sync(full=full, landing=MortalLanding(str(self.root), fatal_put, moment))
        except Killed:
            return True
        return False

    def stored(self, repository_id: int = ID) -> Stored:
        """What bronze says after it has loaded what has landed."""
        return stored(self._opened(), self.root, repository_id)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What bronze answers, after it has loaded what has landed."""
        load(self._opened(), self.root)
        return self._opened().execute(sql).fetchall()

    def landed_bodies(self, stream: Stream) -> list[bytes]:
        """The bodies of all responses that have landed of a stream."""
        landing = Landing(str(self.root))
        paths = [landed.path for landed in landing.objects(SOURCE) if landed.stream == stream]
        return [body for path in paths for _, body in landing.read(path)]

    def envelopes(self) -> list[Envelope]:
        """What is known of all responses that have landed."""
        landing = Landing(str(self.root))
        return [envelope for path in self.objects() for envelope, _ in landing.read(path)]

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._bronze is None:
            self._bronze = _SPARE.pop() if _SPARE else empty_bronze()
        return self._bronze

    def close(self) -> None:
        if self._bronze is not None:
            for table in _TABLES:
                self._bronze.execute(f"delete from bronze.{table}")
            _SPARE.append(self._bronze)

    def objects(self) -> list[str]:
        """The paths of all that has landed."""
        return sorted(landed.path for landed in Landing(str(self.root)).objects(SOURCE))

    def objects_of(self, stream: Stream, walk_id: int) -> list[str]:
        """The paths of one walk of acme/tool, its pages in order and then its closing record."""
        walks = Landing(str(self.root)).walks(SOURCE, ID, stream)
        return [landed.path for walk in walks if walk.walk_id == walk_id for landed in walk.objects]

    def requests(self) -> list[str]:
        """The paths and queries that the server was asked since the last look; forgets them."""
        asked = [entry.target for entry in self.server.log]
        self.server.forget()
        return asked

    def statuses(self) -> list[int]:
        """The statuses that the server gave since the last look, sorted; forgets them."""
        given = sorted(entry.status for entry in self.server.log)
        self.server.forget()
        return given


@contextmanager
def opened(rig: Rig) -> Iterator[Rig]:
    try:
        yield rig
    finally:
        rig.close()


_TABLES = ("loads", "repositories", "commits", "issues", "people", "runs")
# Emptied by one test for the next: making one takes longer than a sync.
_SPARE: list[duckdb.DuckDBPyConnection] = []


def empty_bronze() -> duckdb.DuckDBPyConnection:
    """A database in memory with nothing but bronze's tables."""
    connection = duckdb.connect(config={"threads": 1})  # small things are done sooner by one
    connection.execute(bronze.schema_sql())
    return connection


def load(connection: duckdb.DuckDBPyConnection, root: Path) -> int:
    """Loads what has landed and is not loaded yet; how many responses that were."""
    landing = Landing(str(root))
    waiting = ledger.pending(landing, [SOURCE], ledger.known_objects(connection))
    return bronze.load(connection, landing, waiting.objects, NOBODY, bronze.Digests("", "", "")).responses


def stored(connection: duckdb.DuckDBPyConnection, root: Path, repository_id: int = ID) -> Stored:
    """Loads what is new into a bronze, and reads it by the rules that silver follows."""
    load(connection, root)
    closed = connection.execute(
        "select stream, walk_id, walk_kind, head_sha from bronze.loads "
        "where repository_id = ? and role = 'closed' order by walk_id",
        [repository_id],
    ).fetchall()
    walks = [(walk, kind, head) for stream, walk, kind, head in closed if stream == "commits"]
    base = max((walk for walk, kind, _ in walks if kind == "history"), default=0)
    commits = connection.execute(
        "select walk_id, is_removal, payload ->> '$.sha', payload ->> '$.parents[*].sha' from bronze.commits "
        "where repository_id = ? order by walk_id",
        [repository_id],
    ).fetchall()
    latest = {sha: not is_removal for walk, is_removal, sha, _ in commits if walk >= base}
    on_branch = frozenset(sha for sha, is_on in latest.items() if is_on)
    times = Counter((walk, sha) for walk, _, sha, _ in commits)
    issues, deleted = _issues(connection, repository_id, closed)
    return Stored(
        on_branch=on_branch,
        left=frozenset(sha for _, _, sha, _ in commits) - on_branch,
        parents={sha: tuple(parents) for _, _, sha, parents in commits},
        head=walks[-1][2] if walks else None,
        issues=issues,
        deleted=deleted,
        doubled=tuple(sha for (_, sha), count in times.items() if count > 1),
        rows=len(commits),
    )


def _issues(
    connection: duckdb.DuckDBPyConnection, repository_id: int, closed: list[tuple[Any, ...]]
) -> tuple[dict[int, Any], frozenset[int]]:
    rows = connection.execute(
        "select payload, walk_id from bronze.issues where repository_id = ? "
        "order by payload ->> '$.updated_at', walk_id, position, row_index",
        [repository_id],
    ).fetchall()
    newest: dict[int, Any] = {}
    seen: dict[int, int] = {}
    for text, walk in rows:
        row = orjson.loads(text)
        newest[row["number"]] = row
        seen[row["number"]] = max(walk, seen.get(row["number"], 0))
    full = max((walk for stream, walk, kind, _ in closed if (stream, kind) == ("issues", "full")), default=0)
    return newest, frozenset(number for number, walk in seen.items() if walk < full)


def repository(name: str = "tool", identity: int = ID, **facts: Any) -> SampleRepository:
    """An empty repository of acme's."""
    return SampleRepository(identity, OWNER, name, facts)


def line(repository: SampleRepository, count: int, at: int = START, label: str = "c") -> list[str]:
    """Pushes so many commits in a row, a minute apart; their SHAs."""
    shas: list[str] = []
    parents: tuple[str, ...] = (repository.head,) if repository.head else ()
    made = []
    for turn in range(count):
        made.append(plain_commit(repository.full_name, f"{label} {turn}", at + 60 * turn, parents))
        parents = (made[-1].sha,)
        shas.append(made[-1].sha)
    if made:
        repository.push(made)
    return shas


def commit(repository: SampleRepository, message: str, at: int, *parents: str) -> str:
    """Adds one commit with these parents to the graph, and moves no branch; its SHA."""
    made = plain_commit(repository.full_name, message, at, parents)
    repository.graph.add([made])
    return made.sha


def put_issue(repository: SampleRepository, number: int, at: int, **facts: Any) -> None:
    """Inserts or replaces an issue that was changed at that time, in seconds."""
    given: dict[str, Any] = {
        "created_at": min(at, START),
        "title": f"issue {number}",
        "user": None,
        "updated_at": at,
    }
    repository.put_issue(IssueFacts(number, **given | facts))


def issues_of(repository: SampleRepository) -> dict[int, Any]:
    """The issues that the server has, by number, as it shows them."""
    return {number: orjson.loads(row.payload()) for number, row in repository.issues.items()}


def put_issues(repository: SampleRepository, numbers: Iterable[int], at: int, step: int = 60) -> None:
    """Inserts issues, each changed `step` seconds after the one before."""
    for turn, number in enumerate(numbers):
        put_issue(repository, number, at + turn * step)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one example, in memory where there is such a place: a disk takes long to make hundreds safe."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def examples(share: int) -> int:
    """How many examples of random changes to try: a part of what the profile of hypothesis says."""
    return settings().max_examples // share
