"""`hear serve` in a real browser: a walk through all pages, the address, downloads, and a publish in mid-use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.app.conftest import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Streamlit looks for its own address below the page's first; that answer is always 404 and means nothing.
EXPECTED = ("/_stcore/",)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")


class Server:
    """`hear serve` over a file of its own, on a free port."""

    def __init__(self, path: Path, folder: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.path = path
        self.log = folder / "serve.log"
        command = [sys.executable, "-m", "hear_app.cli", "serve", "--port", str(self.port), *options]
        environment = {**os.environ, "HEAR_WAREHOUSE": str(path), "GITHUB_TOKEN": "ghp_never_to_be_seen"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:  # noqa: S310
                    assert answer.read() == b"ok"
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())


@contextmanager
def served(path: Path, folder: Path, *options: str) -> Iterator[Server]:
    started = Server(path, folder, *options)
    try:
        started.wait()
        yield started
    finally:
        started.process.kill()
        started.process.wait()


@pytest.fixture(scope="module")
def server(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    path = Path(shutil.copy(sample, folder / "hear.duckdb"))
    with served(path, folder) as started:
        yield started


def test_it_listens_here_only_without_the_token_and_ends_at_once(sample: Path, tmp_path: Path) -> None:
    with served(sample, tmp_path) as started:
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
        port = f"{started.port:04X}"
        assert {local for _, local, _, state, *_ in sockets if local.endswith(port) and state == "0A"} == {
            f"0100007F:{port}"
        }
        environment = Path(f"/proc/{started.process.pid}/environ").read_bytes()
        assert b"ghp_never" not in environment
        began = time.monotonic()
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(timeout=5) == 0
        assert time.monotonic() - began < 3


def answered(server: Server, *lines: str) -> tuple[int, bytes]:
    """The status and the bytes that a raw request gets."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))
        parts = list[bytes]()
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65536):
                parts.append(part)
                if part.startswith(b"HTTP/1.1 101"):
                    break
    answer = b"".join(parts)
    return int(answer.split()[1]), answer


STRANGERS = [
    "Host: evil.example",
    "Host: evil.example:{port}",
    "Host: localhost.evil.example:{port}",
    "Host: evil.example#localhost:{port}",
    "Host: localhost@evil.example:{port}",
    "Host: 127.0.0.1.evil.example",
    "Host: 0.0.0.0:{port}",
    "Host: 192.0.2.7:{port}",
    "Host: [::2]:{port}",
    "Host: localhost:",
    "Host: localhost:x",
    "Host: ",
    "Accept: */*",
]


@pytest.mark.parametrize(
    "path", ["/", "/_stcore/health", "/_stcore/host-config", "/static/none.js", "/media/none"]
)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_it_answers_to_no_other_name(server: Server, path: str, stranger: str) -> None:
    header = stranger.format(port=server.port)
    status, answer = answered(server, f"GET {path} HTTP/1.1", header, "Connection: close")
    assert status in {400, 403}
    assert b"streamlit" not in answer.lower()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "localhost."])
def test_it_answers_to_its_own_names(server: Server, host: str) -> None:
    for port in ("", f":{server.port}", ":9000"):  # a container's port may be published as another
        status, _ = answered(server, "GET / HTTP/1.1", f"Host: {host}{port}", "Connection: close")
        assert status == 200


def websocket(server: Server, host: str, *origin: str) -> int:
    return answered(
        server,
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}:{server.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"Origin: {each}" for each in origin),
    )[0]


def test_a_strangers_page_opens_no_websocket(server: Server) -> None:
    ours = f"http://localhost:{server.port}"
    assert websocket(server, "localhost", ours) == 101
    assert websocket(server, "127.0.0.1", f"http://127.0.0.1:{server.port}") == 101
    assert websocket(server, "localhost") == 101  # no browser
    assert websocket(server, "evil.example", f"http://evil.example:{server.port}") == 403
    for stranger in (
        "http://evil.example",
        f"http://evil.example:{server.port}",
        f"http://localhost.evil.example:{server.port}",
        "http://localhost:1",
        "null",
        "file://",
        "",
        f"chrome-extension://localhost:{server.port}",
        f"http://x@localhost:{server.port}",
    ):
        assert websocket(server, "localhost", stranger) == 403, stranger
    assert websocket(server, "localhost", ours, "http://evil.example") in {400, 403}


def test_a_name_that_was_given_is_answered(sample: Path, tmp_path: Path) -> None:
    with served(sample, tmp_path, "--host", "Box.example", "--host", "10.1.2.3") as server:
        for name in ("box.example", "10.1.2.3", "localhost"):
            assert answered(server, "GET / HTTP/1.1", f"Host: {name}", "Connection: close")[0] == 200
        assert answered(server, "GET / HTTP/1.1", "Host: other.example", "Connection: close")[0] == 403
        assert websocket(server, "localhost", "https://box.example") == 101  # a proxy before it has that name
        assert websocket(server, "box.example", "https://other.example") == 403


def test_a_host_with_a_scheme_is_refused(sample: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hear_app", "serve", "--host", "https://box.example"],
        cwd=tmp_path,
        env={**os.environ, "HEAR_WAREHOUSE": str(sample)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "without a scheme" in done.stderr


def test_it_passes_on_no_secret_and_connects_to_nobody(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it connects to and looks up is written down by Python itself, from its first line on."""
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SNOWFLAKE_PASSWORD", "SOMETHING_NEW"):
        monkeypatch.setenv(name, "never_to_be_seen")
    heard = tmp_path / "heard.log"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        f"log = open({str(heard)!r}, 'a', buffering=1)\n"
        "sys.addaudithook(lambda event, args: log.write(f'{event} {args!r}\\n')\n"
        "    if event in ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'socket.bind') else None)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with served(sample, tmp_path) as server:
        assert websocket(server, "localhost", "http://evil.example") == 403
        assert websocket(server, "localhost") == 101
        assert b"never_to_be_seen" not in Path(f"/proc/{server.process.pid}/environ").read_bytes()
    lines = heard.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("socket.bind") for line in lines)
    assert [line for line in lines if not line.startswith("socket.bind") and "127.0.0.1" not in line] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser_page(server: Server, browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(server.url)
    return page


def settled(page: Page) -> None:
    """Waits until the page is drawn and no script runs."""
    page.wait_for_selector("h2")
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidget]')"
        " && !document.querySelector('[data-stale=true]')"
    )
    page.wait_for_timeout(150)


@needs_chromium
@pytest.mark.timeout(180)
def test_a_walk_through_all_pages(server: Server, browser_page: Page) -> None:
    page, strange = browser_page, list[str]()
    page.on("console", lambda line: strange.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: strange.append(str(error)))
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    lost = list[str]()
    page.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)
    for name in PAGES:
        page.goto(server.url if name == "overview" else f"{server.url}/{name}?period=all")
        settled(page)
        assert page.locator("[data-testid=stException]").count() == 0, name
        if name not in {"data", "explore"}:
            page.locator("[data-testid=stVegaLiteChart] svg").nth(1).wait_for(state="attached")
    assert all(any(part in url for part in EXPECTED) for url in lost), lost
    assert [text for text in strange if "status of 404" not in text] == []
    assert all(url.startswith((server.url, "data:", "blob:", "ws:")) for url in asked), (
        "something came from elsewhere"
    )


@needs_chromium
def test_a_name_is_never_a_link(sample: Path, tmp_path: Path, browser: Browser) -> None:
    """Each way in which Markdown makes a link, an image or a formula, as the name of a person."""
    names = [
        "https://evil.example/a",
        "HTTP://evil.example",
        "www.evil.example",
        "a.b+c@evil.example",
        "xmpp:a@evil.example",
        "mailto:a@evil.example",
        "[x](https://evil.example)",
        "![x](https://evil.example/x.png)",
        "<https://evil.example>",
        "<a href='https://evil.example'>x</a>",
        "<img src=https://evil.example/x>",
        "[x]: https://evil.example",
        ":material/home:",
        "$x^2$",
    ]
    path = Path(shutil.copy(sample, tmp_path / "hear.duckdb"))
    with duckdb.connect(str(path)) as connection:
        keys = connection.execute(
            "select user_key from gold.agg_user where commits > 0 order by all limit ?", [len(names)]
        ).fetchall()
        for (key,), name in zip(keys, names, strict=True):
            connection.execute(
                "update gold.dim_user set login = null, display_name = ? where user_key = ?", [name, key]
            )
    with served(path, tmp_path) as server:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        asked = list[str]()
        page.on("request", lambda request: asked.append(request.url))
        for (key,), name in zip(keys, names, strict=True):
            page.goto(f"{server.url}/people?user={key}")
            settled(page)
            assert page.locator("h2").inner_text().replace("\u2060", "") == name
            assert page.locator("[data-testid=stMain] a[href*='evil.example']").count() == 0, name
        page.goto(f"{server.url}/risk?period=all")
        settled(page)
        assert page.locator("[data-testid=stMain] a[href*='evil.example']").count() == 0
        assert not [url for url in asked if "evil.example" in url]
        page.close()


@needs_chromium
def test_filters_survive_a_reload_and_a_change_of_page(server: Server, browser_page: Page) -> None:
    page = browser_page
    page.goto(f"{server.url}/activity?repos=brackwater/saltmap&period=12m&grain=week")
    settled(page)
    page.locator("label").filter(has_text="Merges").click()
    page.wait_for_url("**merges=1**")
    settled(page)
    page.reload()
    settled(page)
    for part in ("repos=brackwater", "period=12m", "grain=week", "merges=1"):
        assert part in page.url
    assert page.get_by_text("Commits by week").count() == 1
    page.get_by_role("link", name="Issues").click()
    page.wait_for_url("**/issues?**")
    settled(page)
    page.wait_for_url("**period=12m**")
    assert "repos=brackwater" in page.url


@needs_chromium
def test_downloads_open(server: Server, browser_page: Page, tmp_path: Path) -> None:
    page = browser_page
    page.goto(f"{server.url}/risk")
    settled(page)
    with page.expect_download() as loading:
        page.locator(".st-key-csv_risk_pareto button").click()
    loading.value.save_as(tmp_path / "chart.csv")
    page.goto(f"{server.url}/explore?table=dim_user")
    settled(page)
    with page.expect_download() as loading:
        page.get_by_role("button", name="Parquet").click()
    loading.value.save_as(tmp_path / "users.parquet")
    with duckdb.connect() as connection:
        [(people,)] = connection.execute(f"select count(*) from '{tmp_path / 'chart.csv'}'").fetchall()
        [(users,)] = connection.execute(f"select count(*) from '{tmp_path / 'users.parquet'}'").fetchall()
        connection.execute(f"attach '{server.path}' as hear (read_only)")
        assert users == connection.execute("select count(*) from hear.gold.dim_user").fetchall()[0][0]
    assert people > 10


@needs_chromium
def test_about_rows_and_a_click_on_a_bar(server: Server, browser_page: Page) -> None:
    page = browser_page
    page.goto(f"{server.url}/activity")
    settled(page)
    page.locator(".st-key-about_activity_commits button").click()
    page.get_by_text("About this metric").wait_for()
    page.keyboard.press("Escape")
    page.locator(".st-key-rows_activity_commits button").click()
    page.get_by_role("dialog").locator("[data-testid=stDataFrame]").wait_for()
    page.keyboard.press("Escape")
    page.locator(".st-key-chart_activity_commits svg .mark-rect path").first.click()
    page.get_by_role("dialog").get_by_text("From 2024-").wait_for()


@needs_chromium
def test_a_publish_in_mid_use_shows_by_itself(server: Server, browser_page: Page, tmp_path: Path) -> None:
    page = browser_page
    page.goto(server.url)
    settled(page)
    value = page.locator("[data-testid=stMetricValue]").first
    before = int(value.inner_text())
    build = tmp_path / "build.duckdb"
    shutil.copy(server.path, build)
    with duckdb.connect(str(build)) as connection:
        connection.execute("update gold.agg_repository_month set commits = commits + 1000")
    build.replace(server.path)
    page.wait_for_function(
        f"!document.querySelector('[data-testid=stMetricValue]').innerText.startsWith('{before}')", timeout=40_000
    )
    assert int(value.inner_text().replace(",", "")) > before + 999
    assert page.locator("[data-testid=stException]").count() == 0
