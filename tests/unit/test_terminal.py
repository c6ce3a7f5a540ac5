"""What steers a terminal, in names and messages that others wrote, against a real terminal and every command."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from hear_app import bronze, warehouse
from hear_app.sample.wire import Request, Response
from hear_app.terminal import SafeStream, safe, say, show
from tests.extraction.harness import NAME, START, Altering, line, put_issue, repository
from tests.unit.test_cli import HOME, read_terminal

TITLE = "\x1b]0;owned\x07"
ATTACKS = {
    "a title": TITLE,
    "a colour": "\x1b[31m",
    "the clipboard": "\x1b]52;c;b3duZWQ=\x1b\\",
    "one that is in C1": "\x9b31m",
    "a line of its own": "\rhear: all is well",
    "what was written is taken back": "\b\b\b\x7f",
    "the other way round": "\u202eowned\u202c",
    "isolated": "\u2066owned\u2069",
}
STEERS = [
    *map(chr, range(9)),
    "\v",
    "\f",
    *map(chr, range(14, 32)),
    *map(chr, range(127, 160)),
    *"\u202a\u202e\u2066\u2069",
]


# -- the function


@pytest.mark.parametrize("character", [*STEERS, "\r", "\u2028", "\u200b", "\ufeff", "\ud800"], ids=ascii)
def test_what_steers_is_shown_as_json_has_it(character: str) -> None:
    shown = safe(f'"{character}"')
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(shown) == character


def test_the_layout_stays_unless_a_cell_has_to_stand_on_one_line() -> None:
    assert safe("a\tb\n") == "a\tb\n"
    assert safe("a\tb\n", keep="") == r"a\tb\n"


@pytest.mark.parametrize("text", ["", "Zoë Ünïcödé", "李小龙", "🦭", "e\u0301", "back\\slash", '"'])
def test_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_nothing_that_unicode_calls_control_or_format_passes() -> None:
    shown = safe("".join(map(chr, range(sys.maxunicode + 1))), keep="")
    assert not {unicodedata.category(each) for each in set(shown)} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_dbt_says_keeps_its_colours_alone(attack: str) -> None:
    out = io.StringIO()
    written = SafeStream(out, colours=True).write(f"\x1b[31mERROR\x1b[0m in {attack}\n")
    assert written == len(f"\x1b[31mERROR\x1b[0m in {attack}\n")
    end = attack if attack == ATTACKS["a colour"] else safe(attack)
    assert out.getvalue() == f"\x1b[31mERROR\x1b[0m in {end}\n"


def test_data_goes_to_stdout_and_progress_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show("rows")
    say("reading")
    assert capsys.readouterr() == ("rows\n", "reading\n")


# -- the commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Altering]:
    tool = repository()
    line(tool, 3)
    put_issue(tool, 1, START)
    with Altering([tool]) as running:
        monkeypatch.setenv("HEAR_API_URL", running.url)
        monkeypatch.setenv("HEAR_SOURCE", "test")
        yield running


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """The exit code of `hear` on a terminal, and all that the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hear_app", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    text = read_terminal(ours).decode(errors="strict").replace("\r\n", "\n")
    return process.wait(60), text


def is_harmless(text: str, attack: str) -> bool:
    """Whether the attack came, and only as text. The bars' own sequences are none of it."""
    return (
        attack not in text
        and safe(attack) in text
        and not [each for each in "\x07\x9b\x7f\u202e\u2066" if each in text]
    )


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.usefixtures("folder")
def test_what_a_server_says_reaches_no_terminal(server: Altering, attack: str) -> None:
    """The repository's name and branch, and the reason for a refusal; then what is known of it afterwards."""

    def alter(request: Request, response: Response) -> Response:
        if request.path == f"/repos/{NAME}":
            document = {**orjson.loads(response.body), "full_name": f"acme/{attack}", "default_branch": attack}
            response.body = orjson.dumps(document)
        elif "/issues" in request.path:
            response.status, response.body = 403, orjson.dumps({"message": f"No: {attack}"})
        return response

    server.alter = alter
    code, text = on_a_terminal("sync", NAME)
    assert code == 1
    assert is_harmless(text, attack)


@pytest.fixture
def file(folder: Path) -> Path:
    """A file whose one repository has a name that is an attack."""
    path = folder / "warehouse" / "hear.duckdb"
    warehouse.start_build(path, path, afresh=True)
    with warehouse.writing(path) as connection:
        connection.execute(bronze.schema_sql())
        for attack in ATTACKS.values():
            name = attack.replace('"', "")
            connection.execute(f'create table bronze."{name}" as select ? as "{name}"', [attack])
            connection.execute(f"comment on table bronze.\"{name}\" is '{name}'")
    return path


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_query_s_names_and_rows_reach_no_terminal(attack: str, form: str) -> None:
    code, text = on_a_terminal("sql", f'from bronze."{attack}"', "--format", form)
    assert code == 0, text
    assert is_harmless(text, attack)
    assert text.count(safe(attack, keep="")) >= 2, "the column's name and its value"


@pytest.mark.usefixtures("file")
def test_an_error_of_the_database_reaches_no_terminal() -> None:
    code, text = on_a_terminal("sql", f'from "{TITLE}"')
    assert code == 2
    assert is_harmless(text, TITLE)


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("command", [["tables"], ["tables", "--json"]])
def test_the_list_of_tables_reaches_no_terminal(command: list[str]) -> None:
    code, text = on_a_terminal(*command)
    assert code == 0, text
    for attack in ATTACKS.values():
        assert is_harmless(text, attack)


def test_a_file_gets_what_is_there(file: Path) -> None:
    """Escapes are for terminals: data that goes elsewhere is not changed."""
    done = subprocess.run(
        [sys.executable, "-m", "hear_app", "sql", f'from bronze."{TITLE}"', "--format", "csv"],
        capture_output=True,
        text=True,
        check=True,
        cwd=file.parent.parent,
    )
    assert done.stdout == f"{TITLE}\n{TITLE}\n"
