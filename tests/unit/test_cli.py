"""The command line as users and scripts meet it: exit codes, what goes where, signals, pipes, help."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import typer

from hear_app import bronze, cli, warehouse
from hear_app.sample.faults import Fault, FaultRule
from hear_app.sample.graph import Commit
from hear_app.sample.history import SampleRepository
from hear_app.sample.payloads import Account, IssueFacts, plain_commit
from hear_app.sample.server import SampleServer

HOME = Path(__file__).resolve().parents[2]
README = HOME / "README.md"
TOKEN = "ghp_0123456789abcdefABCDEF"
COMMANDS = sorted(command.callback.__name__ for command in cli.app.registered_commands if command.callback)
HEAVY = {"duckdb", "dbt", "polars", "streamlit", "requests", "obstore"}

Start = Callable[..., "subprocess.Popen[str]"]


class Shell:
    """Runs `hear` in this process, in a folder of its own; `out` and `err` are what it last printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["hear", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        self.out, self.err = self._capsys.readouterr()
        return int(left.value.code or 0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hear(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Shell(capsys, monkeypatch)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts `hear` in a process of its own, and ends what is left of it."""
    with contextlib.ExitStack() as stack:

        def started(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "hear_app.cli", *arguments],
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                cwd=folder,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOME))


@pytest.fixture
def tool() -> SampleRepository:
    """A repository of 730 commits, which is eight pages, and 5 issues."""
    repository = SampleRepository(7, Account(1, "acme", "Organization"), "tool")
    commits: list[Commit] = []
    parents: tuple[str, ...] = ()
    for place in range(730):
        commits.append(plain_commit("acme/tool", f"commit {place}", 1_700_000_000 + place, parents))
        parents = (commits[-1].sha,)
    repository.push(commits)
    for number in range(1, 6):
        repository.put_issue(IssueFacts(number, f"Issue {number}", None, 1_700_000_000, 1_700_000_000 + number))
    return repository


@pytest.fixture
def server(tool: SampleRepository, monkeypatch: pytest.MonkeyPatch) -> Iterator[SampleServer]:
    """The API that `hear` speaks to; it knows one token."""
    with SampleServer([tool], token=TOKEN) as running:
        monkeypatch.setenv("HEAR_API_URL", running.url)
        monkeypatch.setenv("HEAR_SOURCE", "test")
        yield running


@pytest.fixture
def file(folder: Path) -> Path:
    """A warehouse file of ours, with nothing in it but the ledger."""
    path = folder / "warehouse" / "hear.duckdb"
    warehouse.start_build(path, path, afresh=True)
    with warehouse.writing(path) as connection:
        connection.execute(bronze.schema_sql())
    return path


def landed(folder: Path) -> set[str]:
    root = folder / "warehouse" / "landing"
    return {path.relative_to(root).as_posix() for path in root.rglob("*.zst")}


def is_one_sentence(err: str) -> bool:
    return err.startswith("hear: ") and "Traceback" not in err and len(err.splitlines()) == 1


# -- help


def test_help_names_every_command_with_a_sentence(hear: Shell) -> None:
    assert hear("--help") == 0
    assert {"build", "run", "sync", "tables", "verify", "health"} <= set(COMMANDS)
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z].*\w", hear.out, re.MULTILINE), command
    assert max(map(len, hear.out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, hear: Shell) -> None:
    assert hear(command, "--help") == 0
    assert re.search(r"^  [A-Z][^\n]{10,}", hear.out, re.MULTILINE)
    for option, told in re.findall(r"^  (--[\w-]+)(?: [A-Z]+)?(.*)$", hear.out, re.MULTILINE):
        assert re.search(r"\w{3}", told), f"{option} is not explained"
    assert hear.err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_knows_every_command(command: str) -> None:
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    if not text.strip():
        pytest.skip("there is no README yet")
    assert re.search(rf"\bhear {command}\b", text)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["nonsense"]])
def test_help_costs_no_heavy_import(arguments: list[str], folder: Path) -> None:
    program = (
        f"import sys\nsys.argv = ['hear', *{arguments!r}]\nfrom hear_app import cli\n"
        "try:\n    cli.main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)
    loaded = set(done.stderr.split())
    assert "hear_app.cli" in loaded
    assert not HEAVY & loaded
    assert not list(folder.iterdir())


# -- wrong use


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "octo"],
        ["sync", "octo/tool/issues"],
        ["run", "octo tool"],
        ["run", "--max-wait", "soon", "octo/tool"],
        ["run", "--max-wait", "-1", "octo/tool"],
        ["run", "--sample", "octo/tool"],
        ["sql"],
        ["sql", "select 1", "--format", "yaml"],
        ["export"],
        ["export", "there", "--format", "yaml"],
        ["tables", "surplus"],
    ],
)
def test_wrong_use_is_told_with_exit_code_2(arguments: list[str], hear: Shell, file: Path) -> None:
    before = file.read_bytes()
    assert hear(*arguments) == 2
    assert hear.out == ""
    assert hear.err.strip()
    assert "Traceback" not in hear.err
    assert file.read_bytes() == before


def test_a_bad_name_is_named_with_the_remedy(hear: Shell) -> None:
    assert hear("run", "good/name", "https://github.com/octo") == 2
    assert is_one_sentence(hear.err)
    assert "'https://github.com/octo' is not a repository. Give it as OWNER/NAME" in hear.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("HEAR_MAX_WAIT", "soon"), ("HEAR_API_URL", "nonsense"), ("HEAR_REPOS", "a/b c"), ("GITHUB_TOKEN", "ghp_ a")],
)
def test_a_bad_setting_is_one_sentence(
    name: str, value: str, hear: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert hear("sync") == 2
    assert is_one_sentence(hear.err)


def test_the_sample_s_name_is_taken(hear: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_SOURCE", "sample")
    assert hear("sync", "octo/tool") == 2
    assert is_one_sentence(hear.err)
    assert "HEAR_SOURCE" in hear.err


# -- what is not there, or not as it should be


@pytest.mark.parametrize(
    "arguments", [["tables"], ["verify"], ["status"], ["sql", "select 1"], ["export", "there"], ["build"]]
)
def test_without_a_warehouse_it_says_how_to_make_one(arguments: list[str], hear: Shell) -> None:
    assert hear(*arguments) == 1
    assert is_one_sentence(hear.err)
    assert "`hear run`" in hear.err


@pytest.mark.parametrize("kind", ["text", "foreign"])
@pytest.mark.parametrize(
    "arguments",
    [["tables"], ["verify"], ["status"], ["sql", "select 1"], ["export", "there"], ["build"], ["run"], ["health"]],
)
def test_a_file_that_is_not_ours_is_named_and_untouched(
    arguments: list[str], kind: str, hear: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "books.duckdb"
    monkeypatch.setenv("HEAR_WAREHOUSE", str(path))
    if kind == "foreign":
        with duckdb.connect(path) as connection:
            connection.execute("create table accounts as select 1 as balance")
    else:
        path.write_text("no database at all", encoding="utf-8")
    before = path.read_bytes()
    assert hear(*arguments) == 1
    assert is_one_sentence(hear.err)
    assert str(path) in hear.err
    assert hear.out == ""
    assert path.read_bytes() == before


@pytest.mark.parametrize("arguments", [["verify"], ["status"]])
def test_a_file_of_another_version_is_told_from_a_broken_one(
    arguments: list[str], hear: Shell, file: Path
) -> None:
    with warehouse.writing(file) as connection:
        connection.execute("insert into bronze.runs values (1, '0.0.9', 'other', '', '', 0, 0, now())")
    assert hear(*arguments) == 1
    assert is_one_sentence(hear.err)
    assert "another version of hear_app (0.0.9)" in hear.err
    assert "`hear build`" in hear.err


@pytest.mark.parametrize("variable", ["HEAR_WAREHOUSE", "HEAR_LANDING"])
def test_a_place_that_can_t_be_written_is_named(
    variable: str, hear: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "taken").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv(variable, str(folder / "taken" / "below"))
    assert hear("run") == 1
    assert is_one_sentence(hear.err)
    assert variable in hear.err


def test_all_is_well_before_the_first_run_and_after_it(hear: Shell, file: Path) -> None:
    assert hear("health") == 0
    assert hear.out == hear.err == ""
    file.unlink()
    assert hear("health") == 0


# -- the API


def test_a_sync_tells_what_landed(hear: Shell, server: SampleServer, folder: Path) -> None:
    assert hear("sync", server.url + "/ACME/Tool.git") == 0
    assert "from " + server.url in hear.err
    assert "acme/tool" in hear.out
    assert re.search(r"^ *commits +ok +.*\b730\b", hear.out, re.MULTILINE)
    assert re.search(r"^ *issues +ok +.*\b5\b", hear.out, re.MULTILINE)
    assert len([path for path in landed(folder) if "/commits/" in path]) == 9
    assert not (folder / "warehouse" / "hear.duckdb").exists()


def test_what_has_landed_is_synced_again_without_a_name(hear: Shell, server: SampleServer, folder: Path) -> None:
    assert hear("sync", "acme/tool") == 0
    before = landed(folder)
    server.forget()
    assert hear("sync") == 0
    assert "landed before" in hear.err
    assert re.search(r"^ *commits +unchanged", hear.out, re.MULTILINE)
    assert landed(folder) == before
    assert {entry.status for entry in server.log} == {304}


def test_repositories_may_stand_in_the_environment(
    hear: Shell, server: SampleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAR_REPOS", f"{server.url}/acme/tool, acme/TOOL")
    assert hear("sync") == 0
    assert "1 repository" in hear.err
    assert "HEAR_REPOS" in hear.err


@pytest.mark.usefixtures("server")
def test_one_failure_leaves_the_others_alone(hear: Shell, folder: Path) -> None:
    assert hear("sync", "acme/nothing", "acme/tool") == 1
    last = hear.err.splitlines()[-1]
    assert last.startswith("hear: acme/nothing: Not found, or not visible: ")
    assert "GITHUB_TOKEN" in last
    assert "acme/nothing: failed" in hear.out
    assert any("/syncs/" in path for path in landed(folder))


@pytest.mark.usefixtures("server")
def test_a_refused_token_stops_the_run_and_is_not_shown(
    hear: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "ghp_wrongwrongwrong"
    monkeypatch.setenv("GITHUB_TOKEN", wrong)
    assert hear("sync", "acme/tool") == 1
    assert hear.err.splitlines()[-1].startswith("hear: GitHub refused the token (")
    assert wrong not in hear.out + hear.err
    assert landed(folder) == set()
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert hear("sync", "acme/tool") == 0


def test_an_exhausted_quota_is_an_error_where_nobody_waits(hear: Shell, server: SampleServer) -> None:
    server.quota.limit = server.quota.used = 60
    assert hear("sync", "--max-wait", "0", "acme/tool") == 1
    last = hear.err.splitlines()[-1]
    assert last.startswith("hear: acme/tool: GitHub asks to wait 3,6")
    assert "--max-wait is 0 s" in last


@pytest.mark.parametrize("command", ["run", "sync"])
def test_where_the_network_refuses_the_ways_out_are_named(
    command: str, hear: Shell, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("HEAR_API_URL", url)
    before = file.read_bytes()
    assert hear(command, "octo/tool") == 1
    last = hear.err.splitlines()[-1]
    assert last.startswith(f"hear: octo/tool: {url} can't be reached: ")
    assert "HEAR_API_URL" in last
    assert "hear run --sample" in last
    assert "Traceback" not in hear.err
    assert file.read_bytes() == before, "the last good file stays"


def test_without_any_name_the_sample_is_synced_and_said_so(hear: Shell, folder: Path) -> None:
    assert hear("sync") == 0
    assert "embedded sample" in hear.err
    assert {path.split("/")[0] for path in landed(folder)} == {"sample"}


# -- others at work


def test_a_second_run_is_busy(hear: Shell, server: SampleServer, start: Start, folder: Path) -> None:
    server.fault = lambda _: Fault("hang", seconds=30)
    first = start("sync", "acme/tool")
    lock = folder / "warehouse" / ".lock"
    wait_for(lambda: lock.exists() and lock.read_text(encoding="utf-8"))
    for command in ("run", "sync", "build"):
        assert hear(command) == 3
        assert is_one_sentence(hear.err)
        assert f"process {first.pid}" in hear.err


def test_a_second_warehouse_over_the_same_landing_zone_is_busy(
    hear: Shell, server: SampleServer, start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has it beside its file, as it is by default; the second by a link."""
    server.fault = lambda _: Fault("hang", seconds=30)
    first = start("sync", "acme/tool")
    landing = folder / "warehouse" / "landing"
    lock = landing / ".landing.lock"
    wait_for(lambda: lock.exists() and lock.read_text(encoding="utf-8"))
    (folder / "link").symlink_to(landing)
    monkeypatch.setenv("HEAR_WAREHOUSE", str(folder / "other" / "hear.duckdb"))
    for place in (landing, folder / "link"):
        monkeypatch.setenv("HEAR_LANDING", str(place))
        for command in ("run", "sync", "build", "compact"):
            assert hear(command) == 3
            assert is_one_sentence(hear.err)
            assert f"the landing zone {landing}: process {first.pid}" in hear.err


def test_who_only_reads_is_not_kept_out_by_a_run(
    hear: Shell, server: SampleServer, start: Start, file: Path
) -> None:
    alone = {command: (hear(command), hear.err) for command in ("status", "verify", "tables")}
    server.fault = lambda _: Fault("hang", seconds=30)
    start("sync", "acme/tool")
    lock = file.parent / "landing" / ".landing.lock"
    wait_for(lambda: lock.exists() and lock.read_text(encoding="utf-8"))
    assert {command: (hear(command), hear.err) for command in alone} == alone
    assert alone["tables"][0] == 0


def test_a_program_that_writes_to_the_file_is_named(hear: Shell, file: Path) -> None:
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        for command in ("tables", "verify", "status", "run", "build"):
            assert hear(command) == 3
            assert is_one_sentence(hear.err)
            assert str(holder.pid) in hear.err
        holder.communicate()
    assert hear("tables") == 0


# -- whose files they are


@pytest.fixture
def common_umask() -> Iterator[None]:
    """Others may read what is made, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """Those of the files and of the folders below a folder."""
    found = [(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")]
    return {mode for is_dir, mode in found if not is_dir}, {mode for is_dir, mode in found if is_dir}


@pytest.mark.usefixtures("server", "common_umask")
@pytest.mark.parametrize(
    ("shared", "expected"), [("", ({0o600}, {0o700})), ("true", ({0o644}, {0o755}))], ids=["private", "shared"]
)
def test_what_a_run_makes_is_private_unless_it_is_shared(
    shared: str,
    expected: tuple[set[int], set[int]],
    start: Start,
    folder: Path,
    small_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEAR_HOME", str(small_home))
    monkeypatch.setenv("HEAR_SHARED", shared)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    run = start("run", "acme/tool")
    _, err = run.communicate(timeout=110)
    assert run.returncode == 0, err
    assert (folder / "warehouse" / "hear.duckdb").exists()
    assert modes(folder) == expected


@pytest.mark.usefixtures("server", "common_umask")
def test_what_is_there_keeps_its_modes(start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    place = folder / "warehouse"
    (place / "landing").mkdir(parents=True, mode=0o755)
    place.chmod(0o777)
    (place / "people.csv").write_text("identity,action,value\n", encoding="utf-8")
    sync = start("sync", "acme/tool")
    _, err = sync.communicate(timeout=60)
    assert sync.returncode == 0, err
    kept = [stat.S_IMODE(path.stat().st_mode) for path in (place, place / "landing", place / "people.csv")]
    assert kept == [0o777, 0o755, 0o644]


# -- signals and pipes


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sync_ends_at_once_and_goes_on_later(
    number: signal.Signals, start: Start, server: SampleServer, hear: Shell, folder: Path
) -> None:
    server.fault = [FaultRule(r"/commits\?.*page=6", Fault("hang", seconds=60), times=100)]
    first = start("sync", "acme/tool")
    wait_for(lambda: sum("/commits/000001/page" in path for path in landed(folder)) >= 5)
    before = time.monotonic()
    first.send_signal(number)
    _, err = first.communicate(timeout=20)
    assert time.monotonic() - before < 3
    assert first.returncode == 130
    assert err.splitlines()[-1].startswith("hear: interrupted; what has landed is kept")
    assert "Traceback" not in err
    kept = landed(folder)
    server.fault = None
    server.forget()
    assert hear("sync", "acme/tool") == 0
    assert landed(folder) > kept
    asked = [entry.target for entry in server.log if "/commits?" in entry.target]
    assert len(asked) == 8 - sum("/commits/000001/page" in path for path in kept), "no page twice"
    assert not [entry for entry in server.log if entry.status != 200 and entry.status != 304]


def test_a_wait_for_a_limit_can_be_interrupted(start: Start, server: SampleServer) -> None:
    server.quota.limit = server.quota.used = 60
    waiting = start("sync", "acme/tool", "--max-wait", "10000")
    wait_for(lambda: server.counts["403"])
    time.sleep(0.2)
    waiting.send_signal(signal.SIGTERM)
    _, err = waiting.communicate(timeout=5)
    assert waiting.returncode == 130
    assert re.search(r"waiting 3,\d{3} s for the rate limit", err)


@pytest.mark.parametrize(
    "arguments",
    [["tables"], ["sql", "from range(300000)"], ["sql", "from range(300000)", "--format", "csv"], ["--help"]],
)
@pytest.mark.usefixtures("file")
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], start: Start) -> None:
    hear = start(*arguments)
    assert hear.stdout is not None
    assert hear.stdout.read(1)
    hear.stdout.close()
    assert hear.stderr is not None
    assert hear.stderr.read() == ""
    hear.wait(20)


@pytest.mark.usefixtures("file")
def test_a_closed_pipe_from_the_start_is_no_error(start: Start) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    hear = start("tables", stdout=writing)
    os.close(writing)
    assert hear.stderr is not None
    assert hear.stderr.read() == ""
    hear.wait(20)


def test_a_terminal_gets_bars_and_its_cursor_back(server: SampleServer, folder: Path) -> None:
    server.fault = [
        FaultRule("page=3", Fault("429", retry_after=1)),
        FaultRule("/issues", Fault("slow", seconds=0.3)),
    ]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hear_app.cli", "sync", "acme/tool", "acme/nothing"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = read_terminal(ours).decode()
    assert process.wait(20) == 1
    assert "Traceback" not in shown
    assert re.search(r"waiting \d s for the secondary rate limit", shown)
    assert re.search(r"acme/tool commits .*━.* of 800 rows", shown)
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert re.search(r"commits +ok +730", shown)


def read_terminal(descriptor: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more."""
    shown = b""
    with open(descriptor, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
        while chunk := terminal.read(65536):
            shown += chunk
    return shown


# -- for scripts


@pytest.mark.usefixtures("file")
def test_tables_are_json_for_scripts(hear: Shell) -> None:
    assert hear("tables", "--json") == 0
    listed = json.loads(hear.out)
    assert {"schema", "name", "rows", "description"} == set(listed[0])
    assert {"loads", "commits", "issues"} <= {table["name"] for table in listed}
    assert hear.err == ""


def test_the_command_is_a_typer_app_of_plain_text() -> None:
    assert isinstance(cli.app, typer.Typer)
    assert cli.app.rich_markup_mode is None
