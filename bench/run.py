"""`make bench`: how long the whole way takes on generated data, beside the floors it can't go below.

For each size (commits, and a third as many issues), served over loopback from this process:
  floor read     the same pages read by a bare loop of one connection, nothing kept
  floor SQL      the same rows loaded and flattened by hand-written SQL, into a file of the same storage
  sync, load, dbt, proofs, publish   the parts of a first run, each the real command in a process of its own
  idle           a run with nothing new
  100 new        a run after a push of 100 commits
Prints a table and keeps it in bench/RESULTS.md. SIZES="10000 100000" names other sizes.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson
import requests

from hear_app.landing import Landing
from hear_app.sample.big import big_repository
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import plain_commit
from hear_app.sample.server import SampleServer

RESULTS = Path(__file__).with_name("RESULTS.md")
DBT_START = 6.0  # seconds that dbt takes to start, allowed beside the floors


@dataclass
class Measured:
    """One size's figures: seconds, bytes, and the peak of the processes' memory in bytes."""

    commits: int
    issues: int
    seconds: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    peak: float = 0.0


def main() -> None:
    sizes = [int(size) for size in os.environ.get("SIZES", os.environ.get("SIZE", "10000 100000")).split()]
    measured = [measure(size) for size in sizes]
    text = report(measured)
    print(text)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def measure(commits: int) -> Measured:
    """All figures for one size, in a folder that is gone afterwards."""
    made = Measured(commits, commits // 3)
    repository = big_repository(made.commits, made.issues)
    with tempfile.TemporaryDirectory() as folder, SampleServer([repository], limit=10**9) as server:
        root = Path(folder)
        warm_up(server.url, repository.full_name)
        made.seconds["floor read"] = timed(lambda: read_all(server.url, repository.full_name))
        run(made, root, server.url, "sync", "sync", repository.full_name)
        built = run(made, root, server.url, "build", "build")
        made.seconds |= laps(built)
        made.sizes = sizes_of(root)
        run(made, root, server.url, "idle", "run")
        push(repository, 100)
        run(made, root, server.url, "100 new", "run")
        made.seconds["floor SQL"] = floor_sql(root)  # last: it leaves gigabytes for the system to write back
    return made


def run(made: Measured, root: Path, url: str, name: str, *arguments: str) -> str:
    """One real command in a process of its own; returns what it said on stderr."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HEAR_", "GITHUB_"))}
    environment |= {"HEAR_API_URL": url, "HEAR_SOURCE": "bench", "GITHUB_TOKEN": "bench"}
    environment["HEAR_WAREHOUSE"] = str(root / "warehouse" / "hear.duckdb")
    said = root / "stderr"
    started = time.monotonic()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "hear_app.cli", *arguments],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(said), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        ],
    )
    ended, status = 0, 0
    while not ended:
        made.peak = max(made.peak, high_water(pid))
        time.sleep(0.02)
        ended, status = os.waitpid(pid, os.WNOHANG)
    made.seconds[name] = time.monotonic() - started
    text = said.read_text(encoding="utf-8")
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"hear {' '.join(arguments)} failed:\n{text}")
    return text


def high_water(pid: int) -> float:
    """The most memory that a process has held so far, bytes. Its rusage would count what this one holds."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def laps(said: str) -> dict[str, float]:
    """The parts of a build, out of its own line."""
    line = next(line for line in said.splitlines() if line.startswith("Built in"))
    return {name: float(seconds) for name, seconds in re.findall(r"(\w+) (\d+\.\d)[,.]", line)}


def timed(work: object) -> float:
    started = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - started


def pages(url: str, name: str) -> Iterator[requests.Response]:
    """Every page that a first sync reads, one after the other over one connection."""
    with requests.Session() as session:
        session.headers["User-Agent"] = "bench"
        for path in ("commits?per_page=100", "issues?state=all&sort=updated&direction=asc&per_page=100"):
            address: str | None = f"{url}/repos/{name}/{path}"
            while address:
                answer = session.get(address, timeout=60)
                yield answer
                address = answer.links.get("next", {}).get("url")


def warm_up(url: str, name: str) -> None:
    """The server walks its history once, before the clock runs."""
    for answer, _ in zip(pages(url, name), range(2), strict=False):
        answer.raise_for_status()


def read_all(url: str, name: str) -> None:
    for answer in pages(url, name):
        orjson.loads(answer.content)


def floor_sql(root: Path) -> float:
    """Seconds to load the landed rows into compressed JSON and to flatten them, by SQL written for it."""
    landing = Landing(str(root / "warehouse" / "landing"))
    streams = {"commits": root / "commits.ndjson", "issues": root / "issues.ndjson"}
    for stream, path in streams.items():
        with path.open("wb") as file:
            for landed in sorted(landing.objects("bench"), key=lambda found: found.path):
                if landed.stream == stream and landed.role == "page":
                    for _, body in landing.read(landed.path):
                        file.writelines(orjson.dumps(row) + b"\n" for row in orjson.loads(body))
    started = time.monotonic()
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{root / 'floor.duckdb'}' as floor (storage_version 'v1.4.0')")
        for stream, path in streams.items():
            connection.execute(f"create table floor.{stream} (payload json using compression zstd)")
            rows = f"select json from read_ndjson_objects('{path}')"
            connection.execute(f"insert into floor.{stream} {rows}")
            paths = ", ".join(f"'{path}'" for path in FLOOR_PATHS[stream])
            columns = ", ".join(f"f[{at + 1}] as c{at}" for at in range(len(FLOOR_PATHS[stream])))
            fields = f"(select json_extract_string(payload, [{paths}]) as f from floor.{stream})"
            connection.execute(f"create table floor.flat_{stream} as select {columns} from {fields}")
        connection.execute("detach floor")
    return time.monotonic() - started


FLOOR_PATHS = {
    "commits": (
        "$.sha", "$.author.id", "$.author.login", "$.author.type", "$.commit.author.name", "$.commit.author.email",
        "$.commit.author.date", "$.committer.id", "$.committer.login", "$.commit.committer.name",
        "$.commit.committer.email", "$.commit.committer.date", "$.commit.message", "$.parents",
    ),
    "issues": (
        "$.id", "$.number", "$.title", "$.user.id", "$.user.login", "$.state", "$.state_reason", "$.comments",
        "$.created_at", "$.updated_at", "$.closed_at", "$.labels", "$.assignees", "$.pull_request.merged_at",
        "$.author_association", "$.draft", "$.locked", "$.milestone.title",
    ),
}  # fmt: skip


def push(repository: SampleRepository, count: int) -> None:
    """So many commits more on the branch."""
    head = repository.head
    for index in range(count):
        made = plain_commit(repository.full_name, f"Bench {index}", 1_780_000_000 + index, (str(head),))
        head = repository.push([made])


def sizes_of(root: Path) -> dict[str, float]:
    """Bytes of the raw JSON, of the landing zone, and of the published file."""
    path = root / "warehouse" / "hear.duckdb"
    with duckdb.connect(path, read_only=True) as connection:
        raw = connection.execute("select sum(raw_bytes) from bronze.loads").fetchall()[0][0]
        block_size = connection.execute("select block_size from pragma_database_size()").fetchall()[0][0]
        blocks = sum(
            connection.execute(
                "select count(distinct block_id) from pragma_storage_info(?) where block_id >= 0", [table]
            ).fetchall()[0][0]
            for table in ("bronze.commits", "bronze.issues")
        )
    landed = sum(file.stat().st_size for file in (root / "warehouse" / "landing").rglob("*.zst"))
    return {
        "raw JSON": float(raw),
        "landing": landed,
        "bronze": float(blocks * block_size),
        "file": path.stat().st_size,
    }


def report(measured: list[Measured]) -> str:
    """A table in Markdown, the sizes side by side."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        "# Benchmarks",
        "",
        f"`make bench` on {machine}, Python {platform.python_version()}, DuckDB {duckdb.__version__}.",
        "The server, the client and the database share the cores.",
        "",
        "| | " + " | ".join(f"{m.commits:,} commits, {m.issues:,} issues" for m in measured) + " |",
        "| --- |" + " ---: |" * len(measured),
    ]
    parts = ("floor read", "floor SQL", "sync", "load", "dbt", "proofs", "publish", "build", "idle", "100 new")
    lines += [f"| {name} | " + " | ".join(f"{m.seconds[name]:.1f} s" for m in measured) + " |" for name in parts]
    lines.append("| first run: sync + build | " + " | ".join(f"{whole(m):.1f} s" for m in measured) + " |")
    lines.append("| allowed: 2.5 × floors + 6 s | " + " | ".join(f"{allowed(m):.1f} s" for m in measured) + " |")
    times = [f"{whole(m) / floors(m):.1f}" for m in measured]
    lines.append("| first run, times both floors | " + " | ".join(times) + " |")
    rate = [f"{(m.commits + m.issues) / whole(m):,.0f}" for m in measured]
    lines.append("| rows a second, first run | " + " | ".join(rate) + " |")
    lines.append("| peak memory | " + " | ".join(f"{m.peak / 1e6:,.0f} MB" for m in measured) + " |")
    for name in ("raw JSON", "landing", "bronze", "file"):
        cells = [f"{m.sizes[name] / 1e6:,.1f} MB ({m.sizes[name] / m.sizes['raw JSON']:.2f})" for m in measured]
        lines.append(f"| {name} (of raw) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def whole(measured: Measured) -> float:
    return measured.seconds["sync"] + measured.seconds["build"]


def floors(measured: Measured) -> float:
    return measured.seconds["floor read"] + measured.seconds["floor SQL"]


def allowed(measured: Measured) -> float:
    return 2.5 * floors(measured) + DBT_START


if __name__ == "__main__":
    main()
