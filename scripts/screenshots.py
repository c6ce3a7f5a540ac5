"""Takes the README's pictures of the dashboard: docs/screenshots/*.png, over a warehouse made from the sample.

    .venv/bin/python scripts/screenshots.py [WAREHOUSE]

Needs Debian's chromium and the development packages. Without WAREHOUSE it makes the sample's in a folder that goes
away again.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HOME = Path(__file__).resolve().parents[1]
FOLDER = HOME / "docs" / "screenshots"
# Name, address, theme, width, height.
SHOTS = (
    ("overview", "", "light", 1280, 1180),
    ("issues", "issues", "dark", 1280, 1180),
    ("risk", "risk", "light", 1280, 1080),
    ("phone", "", "dark", 400, 1180),
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
COLOURS = 128  # of a picture's palette: flat charts need no more, and the files stay small


def main() -> None:
    """Starts the dashboard, takes each picture, ends it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else made_sample(Path(folder))
        port = free_port()
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "hear_app.cli", "serve", "--port", str(port)],
            cwd=folder,
            env={**os.environ, "HEAR_WAREHOUSE": str(path)},
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            take_all(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()


def made_sample(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "hear_app.cli", "run", "--sample"], cwd=folder, check=True)
    return folder / "warehouse" / "hear.duckdb"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer.")


def take_all(url: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no chromium: apt-get install chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for shot in SHOTS:
            take(browser, url, *shot)
        browser.close()


def take(browser: Browser, url: str, name: str, address: str, theme: str, width: int, height: int) -> None:
    """One picture, with as few colours as it needs."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{url}/{address}")
    page.wait_for_selector("[data-testid=stVegaLiteChart] svg")
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidget]')")
    page.wait_for_timeout(1500)
    target = FOLDER / f"{name}.png"
    page.screenshot(path=target)
    context.close()
    with Image.open(target) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(HOME)}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
